//! What is asked of objects and buckets.

use std::io::SeekFrom;

use axum::http::header;
use datlake::report::ObjectInfo;
use datlake::{Branch, Digest, ErrorKind, Repository};
use futures_util::TryStreamExt as _;
use s3s::dto::*;
use s3s::{S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result};
use sync_wrapper::SyncStream;
use tokio::io::AsyncSeekExt as _;

use super::checked::{Said, checked};
use super::conditions::conditions_of;
use super::documents::Document;
use super::headers::{ContentHeaders, headers_of};
use super::key::{Key, etag, etag_of, folder, parse, put_at, signed};
use super::listing::{Asked, KeyEncoding, MOST, listed, most, page};
use super::parts::Parts;
use super::putting::{creates_only, nothing, noting, put, unconditional};
use super::refused::{of_problem, refused};
use super::signed::signer;
use crate::access::{AccessRole, Caller, Resource};
use crate::app::App;
use crate::http::pieces;

/// What a request that puts something says of its body.
macro_rules! said_of {
    ($input:ident, $trailing:ident) => {
        crate::gateway::checked::Said {
            md5: $input.content_md5,
            crc32: $input.checksum_crc32,
            crc32c: $input.checksum_crc32c,
            crc64nvme: $input.checksum_crc64nvme,
            sha1: $input.checksum_sha1,
            sha256: $input.checksum_sha256,
            trailing: $trailing,
        }
    };
}
pub(super) use said_of;

/// Answers what clients of S3 ask.
pub(super) struct Gateway {
    pub(super) app: App,
    pub(super) parts: Parts,
}

/// Who asks, and the repository that is asked.
pub(super) struct At {
    pub(super) caller: Caller,
    pub(super) repository: Repository,
}

impl Gateway {
    pub(super) fn new(app: &App, parts: Parts) -> Self {
        Self { app: app.clone(), parts }
    }

    /// The repository, where whoever signed may know of it.
    pub(super) async fn at<T>(&self, request: &S3Request<T>, bucket: &str) -> S3Result<At> {
        let caller = signer(self.app.callers(), request).await?;
        if !caller.sees(&Resource::repository(bucket)) {
            return Err(of_problem(crate::app::missing(bucket)));
        }
        let repository = self.app.repository(bucket, &caller).await.map_err(of_problem)?;
        Ok(At { caller, repository })
    }

    /// What is copied, where whoever signed may know of it.
    pub(super) async fn source<T>(&self, request: &S3Request<T>, source: &CopySource) -> S3Result<(At, Key)> {
        let CopySource::Bucket { bucket, key, version_id: None } = source else {
            let message = "a copy is of a bucket and a key, without a version";
            return Err(S3Error::with_message(S3ErrorCode::NotImplemented, message));
        };
        Ok((self.at(request, bucket).await?, parse(key)?))
    }

    /// The bytes of a body, which are no more than there may be.
    pub(super) fn incoming(
        &self,
        body: Option<StreamingBlob>,
        said: Said,
        headers: &axum::http::HeaderMap,
    ) -> impl futures_util::Stream<Item = std::io::Result<bytes::Bytes>> + Send + use<> {
        let (mut left, most) = (self.app.largest_object(), self.app.largest_object());
        checked(body, said, headers).and_then(move |piece| {
            let fits = left.checked_sub(piece.len() as u64);
            left = fits.unwrap_or(0);
            let too_large = || std::io::Error::new(std::io::ErrorKind::FileTooLarge, format!("more than {most} bytes"));
            std::future::ready(fits.map(|_| piece).ok_or_else(too_large))
        })
    }
}

impl At {
    /// The branch that is written to, where whoever signed may. What is no branch refuses it.
    pub(super) async fn branch(&self, reference: &str) -> S3Result<Branch> {
        let resource = Resource::reference(self.repository.name(), reference);
        self.caller.needs(AccessRole::Writer, &resource).map_err(of_problem)?;
        let branch = self.repository.branch(reference);
        match branch.commit_info_async().await {
            Ok(_) => Ok(branch),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidInput) => {
                match self.repository.reference(reference).commit_info_async().await {
                    Ok(_) => {
                        let message = format!("`{reference}` is no branch: tags and commits never change");
                        Err(S3Error::with_message(S3ErrorCode::MethodNotAllowed, message))
                    }
                    Err(error) => Err(refused(error)),
                }
            }
            Err(error) => Err(refused(error)),
        }
    }

    /// Deletes what is there, if there is anything.
    async fn delete(&self, key: &str) -> S3Result<()> {
        if let Some(reference) = folder(key) {
            return self.branch(reference).await.map(drop);
        }
        let key = parse(key)?;
        self.branch(&key.reference).await?.delete_object_async(&key.path).await.map(drop).map_err(refused)
    }

    /// Deletes one of many.
    async fn delete_listed(&self, object: &ObjectIdentifier) -> S3Result<()> {
        unconditional(object.e_tag.is_some() || object.size.is_some() || object.last_modified_time.is_some())?;
        if object.version_id.as_ref().is_some_and(|version| version != "null") {
            return Err(super::supported::no_version());
        }
        self.delete(&object.key).await
    }

    async fn stat(&self, key: &Key) -> S3Result<ObjectInfo> {
        self.repository.reference(&key.reference).stat_async(&key.path).await.map_err(refused)
    }
}

fn outside(size: u64) -> S3Error {
    S3Error::with_message(S3ErrorCode::InvalidRange, format!("the object has {size} bytes, and none in that range"))
}

#[async_trait::async_trait]
impl S3 for Gateway {
    async fn list_buckets(&self, request: S3Request<ListBucketsInput>) -> S3Result<S3Response<ListBucketsOutput>> {
        let caller = signer(self.app.callers(), &request).await?;
        let all = self.app.lake().repositories_async().await.map_err(refused)?;
        let seen = all.iter().filter(|repository| caller.sees(&Resource::repository(repository.name())));
        let bucket = |repository: &Repository| {
            let created = humantime::parse_rfc3339(repository.created_at()).ok().map(Timestamp::from);
            Bucket { name: Some(repository.name().to_owned()), creation_date: created, ..Bucket::default() }
        };
        Ok(S3Response::new(ListBucketsOutput {
            buckets: Some(seen.map(bucket).collect()),
            ..ListBucketsOutput::default()
        }))
    }

    async fn head_bucket(&self, request: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        self.at(&request, &request.input.bucket).await?;
        Ok(S3Response::new(HeadBucketOutput::default()))
    }

    async fn get_bucket_location(
        &self,
        request: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        self.at(&request, &request.input.bucket).await?;
        Ok(S3Response::new(GetBucketLocationOutput::default()))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let at = self.at(&request, &request.input.bucket).await?;
        let input = request.input;
        let after = input.continuation_token.clone().or_else(|| input.start_after.clone());
        let asked = Asked {
            prefix: input.prefix.clone().unwrap_or_default(),
            delimiter: input.delimiter.clone().unwrap_or_default(),
            after: after.unwrap_or_default(),
            most: most(input.max_keys)?,
        };
        let encoding = KeyEncoding::of(input.encoding_type)?;
        let (contents, common_prefixes, next) = page(listed(&at.repository, &asked).await?, encoding);
        let count = contents.len() + common_prefixes.len();
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket),
            encoding_type: encoding.named(),
            prefix: input.prefix.map(|prefix| encoding.said(prefix)),
            delimiter: input.delimiter.map(|delimiter| encoding.said(delimiter)),
            start_after: input.start_after.map(|key| encoding.said(key)),
            continuation_token: input.continuation_token,
            max_keys: Some(i32::try_from(asked.most).unwrap_or(i32::MAX)),
            key_count: Some(i32::try_from(count).unwrap_or(i32::MAX)),
            is_truncated: Some(next.is_some()),
            next_continuation_token: next,
            contents: Some(contents),
            common_prefixes: Some(common_prefixes),
            ..ListObjectsV2Output::default()
        }))
    }

    async fn list_objects(&self, request: S3Request<ListObjectsInput>) -> S3Result<S3Response<ListObjectsOutput>> {
        let at = self.at(&request, &request.input.bucket).await?;
        let input = request.input;
        let asked = Asked {
            prefix: input.prefix.clone().unwrap_or_default(),
            delimiter: input.delimiter.clone().unwrap_or_default(),
            after: input.marker.clone().unwrap_or_default(),
            most: most(input.max_keys)?,
        };
        let encoding = KeyEncoding::of(input.encoding_type)?;
        let (contents, common_prefixes, next) = page(listed(&at.repository, &asked).await?, encoding);
        Ok(S3Response::new(ListObjectsOutput {
            name: Some(input.bucket),
            encoding_type: encoding.named(),
            prefix: input.prefix.map(|prefix| encoding.said(prefix)),
            delimiter: input.delimiter.map(|delimiter| encoding.said(delimiter)),
            marker: Some(encoding.said(asked.after)),
            max_keys: Some(i32::try_from(asked.most).unwrap_or(i32::MAX)),
            is_truncated: Some(next.is_some()),
            next_marker: next.map(|next| encoding.said(next)),
            contents: Some(contents),
            common_prefixes: Some(common_prefixes),
            ..ListObjectsOutput::default()
        }))
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let (at, key) = (self.at(&request, &request.input.bucket).await?, parse(&request.input.key)?);
        let object = at.stat(&key).await?;
        conditions_of!(request.input).check(&object)?;
        let (e_tag, last_modified) = (etag_of(&object), put_at(&object));
        let (headers, metadata) = ContentHeaders::split(object.metadata);
        Ok(S3Response::new(HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            cache_control: headers.cache,
            content_disposition: headers.disposition,
            content_encoding: headers.encoding,
            content_language: headers.language,
            content_length: Some(signed(object.size)),
            e_tag: Some(e_tag),
            last_modified: Some(last_modified),
            content_type: object.content_type,
            metadata: Some(metadata.into_iter().collect()),
            ..HeadObjectOutput::default()
        }))
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let (at, key) = (self.at(&request, &request.input.bucket).await?, parse(&request.input.key)?);
        let input = request.input;
        let found = at.repository.reference(&key.reference).open_object_async(&key.path).await;
        let (object, mut content) = found.map_err(refused)?;
        conditions_of!(input).check(&object)?;
        let range = match &input.range {
            None => 0..object.size,
            Some(range) => range.check(object.size).map_err(|_| outside(object.size))?,
        };
        let part =
            input.range.map(|_| format!("bytes {}-{}/{}", range.start, range.end.saturating_sub(1), object.size));
        let unread = |e| refused(datlake::Error::io("read", &key.path, e));
        content.seek(SeekFrom::Start(range.start)).await.map_err(unread)?;
        let length = range.end - range.start;
        let body = SyncStream::new(pieces(content, length));
        let (e_tag, last_modified) = (etag_of(&object), put_at(&object));
        let (headers, metadata) = ContentHeaders::split(object.metadata);
        Ok(S3Response::new(GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            cache_control: headers.cache,
            content_disposition: headers.disposition,
            content_encoding: headers.encoding,
            content_language: headers.language,
            body: Some(StreamingBlob::wrap(body)),
            content_length: Some(signed(length)),
            content_range: part,
            content_type: object.content_type,
            e_tag: Some(e_tag),
            last_modified: Some(last_modified),
            metadata: Some(metadata.into_iter().collect()),
            ..GetObjectOutput::default()
        }))
    }

    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let at = self.at(&request, &request.input.bucket).await?;
        let S3Request { input, headers, trailing_headers, .. } = request;
        if let Some(reference) = folder(&input.key) {
            at.branch(reference).await?;
            nothing(self.incoming(input.body, Said::default(), &headers)).await?;
            let e_tag = Some(etag(&Digest::of(b"")));
            return Ok(S3Response::new(PutObjectOutput { e_tag, ..PutObjectOutput::default() }));
        }
        let key = parse(&input.key)?;
        let create_only = creates_only(input.if_none_match.as_ref(), input.if_match.as_ref())?;
        let upload = at.branch(&key.reference).await?.upload(&key.path).create_only(create_only);
        let metadata = headers_of!(input).noted(input.metadata.unwrap_or_default());
        let upload = noting(upload, input.content_type, metadata);
        let said = said_of!(input, trailing_headers);
        let object = put(&upload, self.incoming(input.body, said, &headers)).await?;
        Ok(S3Response::new(PutObjectOutput { e_tag: Some(etag_of(&object)), ..PutObjectOutput::default() }))
    }

    async fn copy_object(&self, request: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
        let (at, key) = (self.at(&request, &request.input.bucket).await?, parse(&request.input.key)?);
        let asks = |name: axum::http::HeaderName| request.headers.contains_key(name);
        let of_source = [
            request.input.copy_source_if_match.is_some(),
            request.input.copy_source_if_none_match.is_some(),
            request.input.copy_source_if_modified_since.is_some(),
            request.input.copy_source_if_unmodified_since.is_some(),
        ];
        unconditional(of_source.contains(&true) || asks(header::IF_MATCH) || asks(header::IF_NONE_MATCH))?;
        let (source, from) = self.source(&request, &request.input.copy_source).await?;
        let upload = at.branch(&key.reference).await?.upload(&key.path);
        let is_replaced =
            request.input.metadata_directive.as_ref().is_some_and(|how| how.as_str() == MetadataDirective::REPLACE);
        let input = request.input;
        let object = if source.repository == at.repository && !is_replaced {
            upload.copy_async(&from.reference, &from.path).await.map_err(refused)?
        } else {
            // What is noted is replaced, or comes from elsewhere.
            let found = source.repository.reference(&from.reference).open_object_async(&from.path).await;
            let (object, content) = found.map_err(refused)?;
            let upload = match is_replaced {
                true => {
                    let metadata = headers_of!(input).noted(input.metadata.unwrap_or_default());
                    noting(upload, input.content_type, metadata)
                }
                false => noting(upload, object.content_type, object.metadata),
            };
            upload.put_reader_async(content).await.map_err(refused)?
        };
        let result = CopyObjectResult {
            e_tag: Some(etag_of(&object)),
            last_modified: Some(put_at(&object)),
            ..CopyObjectResult::default()
        };
        Ok(S3Response::new(CopyObjectOutput { copy_object_result: Some(result), ..CopyObjectOutput::default() }))
    }

    async fn delete_object(&self, request: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        let at = self.at(&request, &request.input.bucket).await?;
        let S3Request { input, .. } = &request;
        unconditional(
            input.if_match.is_some() || input.if_match_size.is_some() || input.if_match_last_modified_time.is_some(),
        )?;
        at.delete(&input.key).await?;
        let mut response = S3Response::new(DeleteObjectOutput::default());
        response.status = Some(axum::http::StatusCode::NO_CONTENT);
        Ok(response)
    }

    async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        Document::check(&request.extensions)?;
        let at = self.at(&request, &request.input.bucket).await?;
        let Delete { objects, quiet } = request.input.delete;
        if objects.len() > MOST {
            return Err(S3Error::with_message(S3ErrorCode::MalformedXML, format!("at most {MOST} keys at once")));
        }
        let (mut deleted, mut errors) = (DeletedObjects::new(), Errors::new());
        for object in objects {
            match at.delete_listed(&object).await {
                Ok(()) => deleted.push(DeletedObject { key: Some(object.key), ..DeletedObject::default() }),
                Err(error) => errors.push(Error {
                    code: Some(error.code().as_str().to_owned()),
                    message: error.message().map(str::to_owned),
                    key: Some(object.key),
                    ..Error::default()
                }),
            }
        }
        let deleted = if quiet == Some(true) { DeletedObjects::new() } else { deleted };
        let output =
            DeleteObjectsOutput { deleted: Some(deleted), errors: Some(errors), ..DeleteObjectsOutput::default() };
        Ok(S3Response::new(output))
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        self.begin_upload(request).await
    }

    async fn upload_part(&self, request: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        self.put_part(request).await
    }

    async fn upload_part_copy(
        &self,
        request: S3Request<UploadPartCopyInput>,
    ) -> S3Result<S3Response<UploadPartCopyOutput>> {
        self.copy_part(request).await
    }

    async fn list_parts(&self, request: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        self.parts_of(request).await
    }

    async fn list_multipart_uploads(
        &self,
        request: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        self.uploads_of(request).await
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        self.complete_upload(request).await
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        self.abort_upload(request).await
    }
}
