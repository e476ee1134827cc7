//! Bodies that are checked as they are read: a checksum that does not match is an error at their end, and nothing is put.

use std::{fmt, io};

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use s3s::TrailingHeaders;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use s3s::dto::StreamingBlob;

/// What a client says of a body, in base64.
#[derive(Default)]
pub(super) struct Said {
    pub(super) md5: Option<String>,
    pub(super) crc32: Option<String>,
    pub(super) crc32c: Option<String>,
    pub(super) crc64nvme: Option<String>,
    pub(super) sha1: Option<String>,
    pub(super) sha256: Option<String>,
    /// Says it behind the body.
    pub(super) trailing: Option<TrailingHeaders>,
}

/// What each checksum is called, in the head of a request and behind its body.
pub(super) const TRAILERS: [&str; 5] = [
    "x-amz-checksum-crc32",
    "x-amz-checksum-crc32c",
    "x-amz-checksum-crc64nvme",
    "x-amz-checksum-sha1",
    "x-amz-checksum-sha256",
];

/// What is wrong with a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WrongBody {
    /// It has another checksum, or another MD5, than the request says.
    Checksum,
    /// It has another SHA-256 than was signed.
    Sha256,
    /// A piece of it, or what is behind it, was signed with something else.
    Signature,
    /// It ended early.
    Short,
    /// It has more or fewer bytes than the request says.
    Length,
    /// The request announces a checksum behind it, and none came.
    Trailer,
}

impl Said {
    fn sums(&self) -> [&Option<String>; 5] {
        [&self.crc32, &self.crc32c, &self.crc64nvme, &self.sha1, &self.sha256]
    }

    /// Whether there is a checksum in it.
    pub(super) fn says_something(&self) -> bool {
        self.sums().into_iter().any(Option::is_some)
    }

    /// Whether one of them is of the checksums of parts.
    pub(super) fn is_of_sums(&self) -> bool {
        self.sums().into_iter().flatten().any(|sum| sum.contains('-'))
    }
}

impl fmt::Display for WrongBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Checksum => "the body has another checksum than the request says",
            Self::Sha256 => "the body has another SHA-256 than the request says",
            Self::Signature => "the signature of the body does not match it",
            Self::Short => "the body ended early: nothing was put",
            Self::Length => {
                "the body has more or fewer bytes than `x-amz-decoded-content-length` says: nothing was put"
            }
            Self::Trailer => {
                "the checksum that `x-amz-trailer` announces did not come behind the body: nothing was put"
            }
        })
    }
}

impl std::error::Error for WrongBody {}

impl WrongBody {
    /// What stopped a body, which `s3s` says in words alone.
    fn of(error: &(dyn std::error::Error + Send + Sync + 'static)) -> Self {
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(wrong) = inner.and_then(|inner| inner.downcast_ref::<Self>()) {
            return *wrong;
        }
        let said = error.to_string();
        let says = |what: &str| said.contains(what);
        match (says("Sha256Mismatch"), says("SignatureMismatch")) {
            (true, _) => Self::Sha256,
            (_, true) => Self::Signature,
            _ => Self::Short,
        }
    }
}

struct Checking<S> {
    body: S,
    said: Said,
    announced: Vec<String>,
    /// How many bytes are still to come, where the request says that of a body in pieces.
    left: Option<u64>,
    md5: Option<Md5>,
    hasher: ChecksumHasher,
    is_over: bool,
}

/// The bytes of `body`, and an error behind them if they are not what `said` and the head of the request say.
pub(super) fn checked(
    body: Option<StreamingBlob>,
    said: Said,
    headers: &HeaderMap,
) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
    let Some(body) = body else { return stream::empty().left_stream() };
    checked_bytes(body, said, headers).right_stream()
}

/// The same of any bytes.
pub(super) fn checked_bytes<S, E>(
    body: S,
    said: Said,
    headers: &HeaderMap,
) -> impl Stream<Item = io::Result<Bytes>> + Send + use<S, E>
where
    S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let names = headers.get_all("x-amz-trailer").iter().filter_map(|names| names.to_str().ok());
    let announced: Vec<String> =
        names.flat_map(|names| names.split(',')).map(|name| name.trim().to_ascii_lowercase()).collect();
    let is_asked =
        |said: &Option<String>, trailer: &str| said.is_some() || announced.iter().any(|name| name == trailer);
    let hasher = ChecksumHasher {
        crc32: is_asked(&said.crc32, TRAILERS[0]).then(Crc32::new),
        crc32c: is_asked(&said.crc32c, TRAILERS[1]).then(Crc32c::new),
        crc64nvme: is_asked(&said.crc64nvme, TRAILERS[2]).then(Crc64Nvme::new),
        sha1: is_asked(&said.sha1, TRAILERS[3]).then(Sha1::new),
        sha256: is_asked(&said.sha256, TRAILERS[4]).then(Sha256::new),
    };
    let md5 = said.md5.is_some().then(Md5::new);
    let left = text("x-amz-decoded-content-length").and_then(|length| length.parse().ok());
    let checking = Checking { body, said, announced, left, md5, hasher, is_over: false };
    stream::unfold(checking, step)
}

async fn step<S, E>(mut checking: Checking<S>) -> Option<(io::Result<Bytes>, Checking<S>)>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if checking.is_over {
        return None;
    }
    let wrong = match checking.body.next().await {
        Some(Ok(bytes)) => match checking.take(&bytes) {
            Ok(()) => return Some((Ok(bytes), checking)),
            Err(wrong) => Some(wrong),
        },
        Some(Err(error)) => Some(WrongBody::of(&*error.into())),
        None => checking.at_the_end().err(),
    };
    checking.is_over = true;
    Some((Err(io::Error::other(wrong?)), checking))
}

impl<S> Checking<S> {
    fn take(&mut self, bytes: &Bytes) -> Result<(), WrongBody> {
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(bytes.len() as u64).ok_or(WrongBody::Length)?;
        }
        self.hasher.update(bytes);
        if let Some(md5) = &mut self.md5 {
            md5.update(bytes);
        }
        Ok(())
    }

    fn at_the_end(&mut self) -> Result<(), WrongBody> {
        if self.left.is_some_and(|left| left > 0) {
            return Err(WrongBody::Length);
        }
        let found = std::mem::take(&mut self.hasher).finalize();
        let trailing = self.said.trailing.take().and_then(|trailing| trailing.take()).unwrap_or_default();
        if self.announced.iter().any(|name| !trailing.contains_key(name)) {
            return Err(WrongBody::Trailer);
        }
        let behind = |name: &str| trailing.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let is_same = |said: &Option<String>, trailer: &str, found: &Option<String>| {
            let said = said.clone().or_else(|| behind(trailer));
            said.is_none() || said == *found
        };
        let md5 = self.md5.take().map(|md5| STANDARD.encode(md5.finalize()));
        let is_right = self.said.md5 == md5
            && is_same(&self.said.crc32, TRAILERS[0], &found.checksum_crc32)
            && is_same(&self.said.crc32c, TRAILERS[1], &found.checksum_crc32c)
            && is_same(&self.said.crc64nvme, TRAILERS[2], &found.checksum_crc64nvme)
            && is_same(&self.said.sha1, TRAILERS[3], &found.checksum_sha1)
            && is_same(&self.said.sha256, TRAILERS[4], &found.checksum_sha256);
        is_right.then_some(()).ok_or(WrongBody::Checksum)
    }
}
