//! Uploads in parts, as clients of S3 speak of them.

use std::collections::BTreeSet;
use std::io::{self, SeekFrom};
use std::sync::PoisonError;
use std::time::{Duration, UNIX_EPOCH};

use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use datlake::UploadPart;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use s3s::dto::*;
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result};
use tokio::io::AsyncSeekExt as _;
use tokio_util::io::StreamReader;

use super::checked::{Said, checked_bytes};
use super::documents::Document;
use super::headers::headers_of;
use super::key::{etag, etag_of, parse, signed};
use super::listing::{KeyEncoding, most};
use super::objects::{At, Gateway, said_of};
use super::parts::{BegunUpload, ListedPart, ListedUpload, Unreadable, UploadNotes, UploadOf, no_upload};
use super::putting::{BrokenBody, creates_only, noting, unconditional};
use super::refused::refused;
use crate::http::pieces;

/// What a completion says of bytes.
macro_rules! whole_of {
    ($of:expr) => {
        Said {
            crc32: $of.checksum_crc32.clone(),
            crc32c: $of.checksum_crc32c.clone(),
            crc64nvme: $of.checksum_crc64nvme.clone(),
            sha1: $of.checksum_sha1.clone(),
            sha256: $of.checksum_sha256.clone(),
            ..Said::default()
        }
    };
}

/// The numbers that parts have.
const NUMBERS: std::ops::RangeInclusive<i32> = 1..=10_000;

fn of<'a>(at: &'a At, bucket: &'a str, key: &'a str) -> UploadOf<'a> {
    UploadOf { account: at.caller.name(), repository: bucket, key }
}

fn check_number(number: i32) -> S3Result<()> {
    match NUMBERS.contains(&number) {
        true => Ok(()),
        false => Err(S3Error::with_message(S3ErrorCode::InvalidArgument, "parts have numbers from 1 to 10000")),
    }
}

fn timestamp(micros: i64) -> Timestamp {
    (UNIX_EPOCH + Duration::from_micros(u64::try_from(micros).unwrap_or(0))).into()
}

impl Gateway {
    pub(super) async fn begin_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let (at, key) = (self.at(&request, &request.input.bucket).await?, parse(&request.input.key)?);
        let place = at.branch(&key.reference).await?.place_async().await.map_err(refused)?;
        let input = request.input;
        let notes = UploadNotes {
            content_type: input.content_type,
            metadata: headers_of!(input).noted(input.metadata.unwrap_or_default()),
        };
        let upload_id = self.parts.begin(of(&at, &input.bucket, &input.key), &place, &notes).await.map_err(refused)?;
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(upload_id),
            ..CreateMultipartUploadOutput::default()
        }))
    }

    /// An upload that goes on.
    async fn going_on(&self, id: &str, upload: UploadOf<'_>) -> S3Result<BegunUpload> {
        let found = self.parts.find(id, upload).await?;
        if found.etag.is_some() { Err(no_upload()) } else { Ok(found) }
    }

    pub(super) async fn put_part(&self, request: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        let at = self.at(&request, &request.input.bucket).await?;
        at.branch(&parse(&request.input.key)?.reference).await?;
        let S3Request { input, headers, trailing_headers, .. } = request;
        self.going_on(&input.upload_id, of(&at, &input.bucket, &input.key)).await?;
        check_number(input.part_number)?;
        let said = said_of!(input, trailing_headers);
        let body = self.incoming(input.body, said, &headers);
        let ListedPart { part, .. } = self.parts.put(&input.upload_id, input.part_number, body).await?;
        Ok(S3Response::new(UploadPartOutput { e_tag: Some(etag(&part.content)), ..UploadPartOutput::default() }))
    }

    pub(super) async fn copy_part(
        &self,
        request: S3Request<UploadPartCopyInput>,
    ) -> S3Result<S3Response<UploadPartCopyOutput>> {
        let at = self.at(&request, &request.input.bucket).await?;
        at.branch(&parse(&request.input.key)?.reference).await?;
        let input = &request.input;
        self.going_on(&input.upload_id, of(&at, &input.bucket, &input.key)).await?;
        check_number(input.part_number)?;
        let of_source = [
            input.copy_source_if_match.is_some(),
            input.copy_source_if_none_match.is_some(),
            input.copy_source_if_modified_since.is_some(),
            input.copy_source_if_unmodified_since.is_some(),
        ];
        unconditional(of_source.contains(&true))?;
        let (source, from) = self.source(&request, &input.copy_source).await?;
        let found = source.repository.reference(&from.reference).open_object_async(&from.path).await;
        let (object, mut content) = found.map_err(refused)?;
        let range = match &input.copy_source_range {
            None => 0..object.size,
            Some(range) => {
                let wrong = || {
                    S3Error::with_message(
                        S3ErrorCode::InvalidArgument,
                        "`x-amz-copy-source-range` is `bytes=FIRST-LAST`",
                    )
                };
                // A part is all that was asked for, or none.
                let Ok(Range::Int { first, last: Some(last) }) = Range::parse(range) else { return Err(wrong()) };
                if last >= object.size {
                    let message = format!("the object has {} bytes, and not all of that range", object.size);
                    return Err(S3Error::with_message(S3ErrorCode::InvalidRange, message));
                }
                first..last + 1
            }
        };
        if range.end - range.start > self.app.largest_object() {
            return Err(super::putting::too_large());
        }
        let unread = |e| refused(datlake::Error::io("read", &from.path, e));
        content.seek(SeekFrom::Start(range.start)).await.map_err(unread)?;
        let body = pieces(content, range.end - range.start);
        let ListedPart { part, kept_at, .. } =
            self.parts.put(&input.upload_id, input.part_number, body.map_err(std::io::Error::other)).await?;
        let result = CopyPartResult {
            e_tag: Some(etag(&part.content)),
            last_modified: Some(timestamp(kept_at)),
            ..CopyPartResult::default()
        };
        Ok(S3Response::new(UploadPartCopyOutput { copy_part_result: Some(result), ..UploadPartCopyOutput::default() }))
    }

    pub(super) async fn parts_of(&self, request: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        let at = self.at(&request, &request.input.bucket).await?;
        at.branch(&parse(&request.input.key)?.reference).await?;
        let input = request.input;
        self.going_on(&input.upload_id, of(&at, &input.bucket, &input.key)).await?;
        let (after, most) = (input.part_number_marker.unwrap_or(0), most(input.max_parts)?);
        let mut parts = self.parts.listed(&input.upload_id).await.map_err(refused)?;
        parts.retain(|part| part.number > after);
        let is_truncated = parts.len() > most;
        parts.truncate(most);
        let next = parts.last().filter(|_| is_truncated).map(|part| part.number);
        let part = |ListedPart { number, part, kept_at }: ListedPart| Part {
            part_number: Some(number),
            e_tag: Some(etag(&part.content)),
            size: Some(signed(part.size)),
            last_modified: Some(timestamp(kept_at)),
            ..Part::default()
        };
        Ok(S3Response::new(ListPartsOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            part_number_marker: Some(after),
            next_part_number_marker: next,
            max_parts: Some(i32::try_from(most).unwrap_or(i32::MAX)),
            is_truncated: Some(is_truncated),
            parts: Some(parts.into_iter().map(part).collect()),
            ..ListPartsOutput::default()
        }))
    }

    pub(super) async fn uploads_of(
        &self,
        request: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        let at = self.at(&request, &request.input.bucket).await?;
        let input = request.input;
        let going_on = self.parts.going_on(at.caller.name(), &input.bucket).await.map_err(refused)?;
        let asked = AskedUploads {
            prefix: input.prefix.clone().unwrap_or_default(),
            delimiter: input.delimiter.clone().unwrap_or_default(),
            after: (input.key_marker.clone().unwrap_or_default(), input.upload_id_marker.clone().unwrap_or_default()),
            most: most(input.max_uploads)?,
        };
        let UploadsPage { uploads, prefixes, next } = asked.page(going_on);
        let encoding = KeyEncoding::of(input.encoding_type)?;
        let upload = |ListedUpload { key, id, begun_at }: ListedUpload| MultipartUpload {
            key: Some(encoding.said(key)),
            upload_id: Some(id),
            initiated: Some(timestamp(begun_at)),
            ..MultipartUpload::default()
        };
        let (next_key, next_id) = next.map_or((None, None), |(key, id)| (Some(encoding.said(key)), Some(id)));
        let prefix = |prefix| CommonPrefix { prefix: Some(encoding.said(prefix)) };
        Ok(S3Response::new(ListMultipartUploadsOutput {
            bucket: Some(input.bucket),
            encoding_type: encoding.named(),
            prefix: input.prefix.map(|prefix| encoding.said(prefix)),
            delimiter: input.delimiter.map(|delimiter| encoding.said(delimiter)),
            key_marker: input.key_marker.map(|key| encoding.said(key)),
            upload_id_marker: input.upload_id_marker,
            max_uploads: Some(i32::try_from(asked.most).unwrap_or(i32::MAX)),
            is_truncated: Some(next_key.is_some()),
            next_key_marker: next_key,
            next_upload_id_marker: next_id,
            uploads: Some(uploads.into_iter().map(upload).collect()),
            common_prefixes: Some(prefixes.into_iter().map(prefix).collect()),
            ..ListMultipartUploadsOutput::default()
        }))
    }

    pub(super) async fn complete_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        Document::check(&request.extensions)?;
        let (at, key) = (self.at(&request, &request.input.bucket).await?, parse(&request.input.key)?);
        let branch = at.branch(&key.reference).await?;
        let input = request.input;
        let upload = of(&at, &input.bucket, &input.key);
        let begun = self.parts.find(&input.upload_id, upload).await?;
        let tag = match begun.etag {
            // The reply was lost.
            Some(tag) => tag,
            None => {
                let create_only = creates_only(input.if_none_match.as_ref(), input.if_match.as_ref())?;
                let (named, sums) = named(input.multipart_upload)?;
                let whole = whole_of!(input);
                let selected = self.parts.selected(&input.upload_id, &named, self.app.largest_object()).await?;
                check_whole(&whole, input.mpu_object_size, &selected)?;
                let place = branch.place_async().await.map_err(refused)?;
                if !place.is_same_branch(&begun.place) {
                    return Err(no_upload());
                }
                let since = self.parts.putting(&input.upload_id, &place).await?;
                let put = noting(branch.upload(&key.path), begun.notes.content_type, begun.notes.metadata);
                let put = put.create_only(create_only).once(datlake::Digest::of(input.upload_id.as_bytes()), since);
                let unreadable = Unreadable::default();
                let broken = BrokenBody::default();
                let body = broken.noting(self.whole(selected, sums, whole, &unreadable));
                match put.put_reader_async(StreamReader::new(Box::pin(body))).await {
                    Ok(object) => {
                        let tag = etag_of(&object).value().to_owned();
                        self.parts.end(&input.upload_id, &tag).await.map_err(refused)?;
                        tag
                    }
                    Err(error) => {
                        let why = unreadable.lock().unwrap_or_else(PoisonError::into_inner).take();
                        // Somebody else may have completed it, and removed its parts.
                        let now = self.parts.find(&input.upload_id, upload).await?;
                        now.etag.ok_or_else(|| why.map_or_else(|| broken.blamed(error), refused))?
                    }
                }
            }
        };
        self.clear_later(&input.upload_id);
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: Some(ETag::Strong(tag)),
            ..CompleteMultipartUploadOutput::default()
        }))
    }

    /// The bytes of parts, which are compared with what a completion says of each and of all of them.
    fn whole(
        &self,
        parts: Vec<UploadPart>,
        sums: Vec<Said>,
        whole: Said,
        unreadable: &Unreadable,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
        let none = HeaderMap::new();
        let bytes = match sums.iter().any(Said::says_something) {
            false => self.parts.bytes(parts, unreadable).boxed(),
            true => {
                let (reader, unreadable) = (self.parts.clone(), Unreadable::clone(unreadable));
                let each = stream::iter(parts.into_iter().zip(sums)).flat_map(move |(part, said)| {
                    checked_bytes(reader.bytes(vec![part], &unreadable).boxed(), said, &HeaderMap::new())
                });
                each.boxed()
            }
        };
        checked_bytes(bytes, whole, &none)
    }

    pub(super) async fn abort_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let at = self.at(&request, &request.input.bucket).await?;
        let input = request.input;
        self.going_on(&input.upload_id, of(&at, &input.bucket, &input.key)).await?;
        self.parts.abort(&input.upload_id).await.map_err(refused)?;
        self.clear_later(&input.upload_id);
        let mut response = S3Response::new(AbortMultipartUploadOutput::default());
        response.status = Some(StatusCode::NO_CONTENT);
        Ok(response)
    }

    /// Removes the parts of an upload that has ended, while others go on. What is not removed now is later.
    fn clear_later(&self, upload: &str) {
        let (parts, upload) = (self.parts.clone(), upload.to_owned());
        tokio::spawn(async move {
            if let Err(error) = parts.clear(&upload).await {
                tracing::warn!(%error, "parts of an upload that has ended could not be removed yet");
            }
        });
    }
}

/// Parts by number and ETag, and the checksums that are given for each.
type NamedParts = (Vec<(i32, String)>, Vec<Said>);

/// The parts that a completion names.
fn named(upload: Option<CompletedMultipartUpload>) -> S3Result<NamedParts> {
    let parts = upload.and_then(|upload| upload.parts).unwrap_or_default();
    if parts.is_empty() {
        return Err(S3Error::with_message(S3ErrorCode::MalformedXML, "no parts are listed"));
    }
    let named = parts.into_iter().map(|part| {
        let sums = whole_of!(part);
        let tag = part.e_tag.map(|tag| tag.value().to_owned()).unwrap_or_default();
        ((part.part_number.unwrap_or_default(), tag), sums)
    });
    Ok(named.unzip())
}

/// Refuses a completion that means something else than the parts that it names.
fn check_whole(whole: &Said, size: Option<i64>, parts: &[UploadPart]) -> S3Result<()> {
    if whole.is_of_sums() {
        let message = "a checksum of the checksums of parts cannot be compared: say one of all bytes, or none";
        return Err(S3Error::with_message(S3ErrorCode::NotImplemented, message));
    }
    let found: u64 = parts.iter().map(|part| part.size).sum();
    match size.is_none_or(|size| size == signed(found)) {
        true => Ok(()),
        false => {
            let message = format!("the parts have {found} bytes, and not as many as `x-amz-mp-object-size` says");
            Err(S3Error::with_message(S3ErrorCode::InvalidRequest, message))
        }
    }
}

/// Which uploads are asked for.
struct AskedUploads {
    prefix: String,
    delimiter: String,
    /// Behind which key and id.
    after: (String, String),
    most: usize,
}

#[derive(Default)]
struct UploadsPage {
    uploads: Vec<ListedUpload>,
    prefixes: BTreeSet<String>,
    /// Behind what the next page begins.
    next: Option<(String, String)>,
}

impl AskedUploads {
    /// A page of uploads that are in order.
    fn page(&self, going_on: Vec<ListedUpload>) -> UploadsPage {
        let mut page = UploadsPage::default();
        let mut last = None;
        for upload in going_on {
            let Some(rest) = upload.key.strip_prefix(&self.prefix) else { continue };
            let folder = rest.split_once(&self.delimiter).filter(|_| !self.delimiter.is_empty());
            let folder = folder.map(|(name, _)| format!("{}{name}{}", self.prefix, self.delimiter));
            let (after, id) = (self.after.0.as_str(), self.after.1.as_str());
            let is_before = match &folder {
                Some(folder) => folder.as_str() <= after,
                // Without an id all of the marker's key are behind it.
                None if upload.key == after => id.is_empty() || upload.id.as_str() <= id,
                None => upload.key.as_str() < after,
            };
            if is_before || folder.as_ref().is_some_and(|folder| page.prefixes.contains(folder)) {
                continue;
            }
            if page.uploads.len() + page.prefixes.len() >= self.most {
                page.next = last;
                break;
            }
            match folder {
                Some(folder) => {
                    last = Some((folder.clone(), String::new()));
                    page.prefixes.insert(folder);
                }
                None => {
                    last = Some((upload.key.clone(), upload.id.clone()));
                    page.uploads.push(upload);
                }
            }
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_uploads_have_each_once() {
        let all = || {
            let keys = ["main/a", "main/a", "main/b/1", "main/b/2", "main/c", "other/x"];
            keys.iter()
                .zip("012345".chars())
                .map(|(key, id)| ListedUpload { key: (*key).into(), id: id.into(), begun_at: 0 })
                .collect()
        };
        for (prefix, delimiter, expected) in [
            ("", "", "main/a#0 main/a#1 main/b/1#2 main/b/2#3 main/c#4 other/x#5"),
            ("main/", "/", "main/a#0 main/a#1 main/b/ main/c#4"),
            ("", "/", "main/ other/"),
            ("none", "", ""),
        ] {
            for most in 1..7 {
                let (mut seen, mut after) = (Vec::new(), (String::new(), String::new()));
                loop {
                    let asked =
                        AskedUploads { prefix: prefix.into(), delimiter: delimiter.into(), after: after.clone(), most };
                    let page = asked.page(all());
                    let uploads = page.uploads.iter().map(|upload| format!("{}#{}", upload.key, upload.id));
                    let mut shown: Vec<String> = uploads.chain(page.prefixes).collect();
                    shown.sort();
                    assert!(shown.len() <= most);
                    seen.extend(shown);
                    match page.next {
                        Some(next) => after = next,
                        None => break,
                    }
                }
                assert_eq!(seen.join(" "), expected, "{most}");
            }
        }
    }
}
