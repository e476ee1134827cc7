//! Bodies that are checked as they are read: a checksum that does not match is an error at their end, and nothing is put.

use std::io;

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

/// What each checksum is called behind a body.
const TRAILERS: [&str; 5] = [
    "x-amz-checksum-crc32",
    "x-amz-checksum-crc32c",
    "x-amz-checksum-crc64nvme",
    "x-amz-checksum-sha1",
    "x-amz-checksum-sha256",
];

struct Checking {
    body: StreamingBlob,
    said: Said,
    md5: Option<Md5>,
    hasher: ChecksumHasher,
    is_over: bool,
}

/// The error of a body that is not what the client says.
pub(super) const MISMATCH: &str = "the body has another checksum than the request says";

/// The bytes of `body`, and an error behind them if they are not what `said` says.
pub(super) fn checked(
    body: Option<StreamingBlob>,
    said: Said,
    announced: &str,
) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
    let Some(body) = body else { return stream::empty().left_stream() };
    let is_asked = |said: &Option<String>, trailer: &str| said.is_some() || announced.contains(trailer);
    let hasher = ChecksumHasher {
        crc32: (said.crc32.is_some() || announced.split(',').any(|name| name.trim() == TRAILERS[0])).then(Crc32::new),
        crc32c: is_asked(&said.crc32c, TRAILERS[1]).then(Crc32c::new),
        crc64nvme: is_asked(&said.crc64nvme, TRAILERS[2]).then(Crc64Nvme::new),
        sha1: is_asked(&said.sha1, TRAILERS[3]).then(Sha1::new),
        sha256: is_asked(&said.sha256, TRAILERS[4]).then(Sha256::new),
    };
    let md5 = said.md5.is_some().then(Md5::new);
    let checking = Checking { body, said, md5, hasher, is_over: false };
    stream::unfold(checking, step).right_stream()
}

async fn step(mut checking: Checking) -> Option<(io::Result<Bytes>, Checking)> {
    if checking.is_over {
        return None;
    }
    match checking.body.next().await {
        Some(Ok(bytes)) => {
            checking.hasher.update(&bytes);
            if let Some(md5) = &mut checking.md5 {
                md5.update(&bytes);
            }
            Some((Ok(bytes), checking))
        }
        Some(Err(error)) => {
            checking.is_over = true;
            Some((Err(io::Error::other(error.to_string())), checking))
        }
        None => {
            checking.is_over = true;
            match checking.is_right() {
                true => None,
                false => Some((Err(io::Error::new(io::ErrorKind::InvalidData, MISMATCH)), checking)),
            }
        }
    }
}

impl Checking {
    fn is_right(&mut self) -> bool {
        let found = std::mem::take(&mut self.hasher).finalize();
        let trailing = self.said.trailing.take().and_then(|trailing| trailing.take()).unwrap_or_default();
        let behind = |name: &str| trailing.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let is_same = |said: &Option<String>, trailer: &str, found: &Option<String>| {
            let said = said.clone().or_else(|| behind(trailer));
            // What was announced and did not come is no checksum.
            said.is_none() || said == *found
        };
        let md5 = self.md5.take().map(|md5| STANDARD.encode(md5.finalize()));
        self.said.md5 == md5
            && is_same(&self.said.crc32, TRAILERS[0], &found.checksum_crc32)
            && is_same(&self.said.crc32c, TRAILERS[1], &found.checksum_crc32c)
            && is_same(&self.said.crc64nvme, TRAILERS[2], &found.checksum_crc64nvme)
            && is_same(&self.said.sha1, TRAILERS[3], &found.checksum_sha1)
            && is_same(&self.said.sha256, TRAILERS[4], &found.checksum_sha256)
    }
}
