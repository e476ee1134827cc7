//! Uploads that were begun and never completed, at S3 and compatible stores. Their parts are invisible, and cost money.
//!
//! The client has no call for that: a URL is signed and asked for. An upload is left over when neither it nor one of its parts
//! was begun within some time, by the server's own clock, which stands in each of its answers. So one that is at work is not.

use std::time::{Duration, SystemTime};

use chrono::DateTime;
use datlake_core::{Location, Prefix, Result};
use object_store::path::Path as Key;
use object_store::signer::{Method, SignedUrlOptions};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::address::Provider;
use super::client::Signing;
use super::{ObjectStore, Shared, unexpected};

/// The most pages of one listing that are asked for.
const PAGES: usize = 10_000;
/// How long a signed request is valid: with its retries it takes no longer.
const VALID: Duration = Duration::from_secs(300);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Upload {
    key: Key,
    id: String,
}

/// A page of the uploads that were begun (`ListMultipartUploads`), as far as it is of interest here.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Uploads {
    #[serde(default)]
    upload: Vec<Begun>,
    #[serde(default)]
    is_truncated: bool,
    next_key_marker: Option<String>,
    next_upload_id_marker: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Begun {
    key: String,
    upload_id: String,
    initiated: Option<String>,
}

/// A page of the parts of one upload (`ListParts`).
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parts {
    #[serde(default)]
    part: Vec<Part>,
    #[serde(default)]
    is_truncated: bool,
    next_part_number_marker: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Part {
    last_modified: Option<String>,
}

impl ObjectStore {
    /// Counts the uploads below `blobs/` that nobody continued for `silence`, and aborts them if `abort`; `None` where the store
    /// does not say.
    pub(crate) async fn left_uploads(&self, silence: Duration, abort: bool) -> Result<Option<u64>> {
        self.on_network(move |shared| async move {
            let Some(uploads) = shared.left_uploads(silence).await? else { return Ok(None) };
            for Upload { key, id } in uploads.iter().filter(|_| abort) {
                shared.abort(key, id).await?;
            }
            Ok(Some(uploads.len() as u64))
        })
        .await
    }
}

impl Shared {
    async fn left_uploads(&self, silence: Duration) -> Result<Option<Vec<Upload>>> {
        if self.address.provider != Provider::Aws || !matches!(self.client()?.signing, Signing::Query(_)) {
            return Ok(None);
        }
        let bucket = Key::default();
        let mut left = Vec::new();
        let mut query =
            vec![("uploads", String::new()), ("prefix", self.address.key(&format!("{}/", Prefix::Blobs.path())))];
        for _ in 0..PAGES {
            let page = self.ask_signed::<Uploads>("list the uploads of", &bucket, &query).await?;
            let Some((page, now)) = page else { return Ok(None) };
            for Begun { key, upload_id: id, initiated } in page.upload {
                // Below this lake's folder there may be another's.
                let ours = self.address.path(&key).and_then(Location::parse).and_then(|at| at.content());
                let (Some(_), Ok(key)) = (ours, Key::parse(&key)) else { continue };
                if self.is_silent(&key, &id, initiated.as_deref(), now, silence).await? {
                    left.push(Upload { key, id });
                }
            }
            let (true, Some(key)) = (page.is_truncated, page.next_key_marker) else { break };
            let id = page.next_upload_id_marker.unwrap_or_default();
            query.truncate(2);
            query.extend([("key-marker", key), ("upload-id-marker", id)]);
        }
        Ok(Some(left))
    }

    /// Whether nothing of an upload was begun for `silence`.
    async fn is_silent(
        &self,
        key: &Key,
        id: &str,
        begun: Option<&str>,
        now: SystemTime,
        silence: Duration,
    ) -> Result<bool> {
        // Without a time it may be at work.
        let is_old = |at: Option<&str>| {
            at.and_then(time).is_some_and(|at| now.duration_since(at).unwrap_or_default() >= silence)
        };
        if !is_old(begun) {
            return Ok(false);
        }
        let mut query = vec![("uploadId", id.to_owned())];
        for _ in 0..PAGES {
            let Some((page, _)) = self.ask_signed::<Parts>("list the parts of", key, &query).await? else {
                return Ok(false);
            };
            if !page.part.iter().all(|part| is_old(part.last_modified.as_deref())) {
                return Ok(false);
            }
            let (true, Some(part)) = (page.is_truncated, page.next_part_number_marker) else { break };
            query = vec![("uploadId", id.to_owned()), ("part-number-marker", part)];
        }
        Ok(true)
    }

    /// What the server answers to a request that the client does not know, and when by its own clock; `None` where there is no
    /// such thing, or it says nothing that can be read.
    async fn ask_signed<T: DeserializeOwned>(
        &self,
        operation: &str,
        key: &Key,
        query: &[(&str, String)],
    ) -> Result<Option<(T, SystemTime)>> {
        let Signing::Query(client) = &self.client()?.signing else { return Ok(None) };
        let how = SignedUrlOptions::new().with_query(query.iter().cloned());
        let url = client.signed_url_opts(Method::GET, key, VALID, &how).await;
        let url = url.map_err(|error| unexpected(self.understand(error, operation, key)))?;
        let Some((headers, text)) = self.ask_plainly(url.as_str(), operation, key).await? else {
            return Ok(None);
        };
        let date = headers.get("date").and_then(|date| date.to_str().ok());
        let at = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok());
        // A server that does not say what time it is gets no answer to what is old.
        let at = at.map_or(SystemTime::UNIX_EPOCH, SystemTime::from);
        Ok(quick_xml::de::from_str(&text).ok().map(|page| (page, at)))
    }
}

/// Pages of both lists, and the times in them.
#[cfg(feature = "fuzzing")]
pub(super) fn fuzz(text: &str) {
    if let Ok(page) = quick_xml::de::from_str::<Uploads>(text) {
        let _: Vec<_> = page.upload.iter().filter_map(|upload| time(upload.initiated.as_deref()?)).collect();
    }
    if let Ok(page) = quick_xml::de::from_str::<Parts>(text) {
        let _: Vec<_> = page.part.iter().filter_map(|part| time(part.last_modified.as_deref()?)).collect();
    }
    let _ = time(text);
}

fn time(rfc3339: &str) -> Option<SystemTime> {
    DateTime::parse_from_rfc3339(rfc3339).ok().map(SystemTime::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_is_read() {
        let read = |text| quick_xml::de::from_str::<Uploads>(text).ok();
        let page = read(
            "<?xml version=\"1.0\"?><ListMultipartUploadsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <Bucket>b</Bucket><KeyMarker/><IsTruncated>true</IsTruncated><NextKeyMarker>c</NextKeyMarker>\
             <Upload><Key>a&amp;amp;b/&lt;x</Key><UploadId>1</UploadId></Upload>\
             <Upload><Initiated>soon</Initiated><Key>c</Key><UploadId>2~x</UploadId><Owner><ID>o</ID></Owner></Upload>\
             </ListMultipartUploadsResult>",
        )
        .unwrap();
        let uploads: Vec<_> =
            page.upload.iter().map(|upload| (upload.key.as_str(), upload.upload_id.as_str())).collect();
        assert_eq!(uploads, [("a&amp;b/<x", "1"), ("c", "2~x")]);
        assert_eq!((page.is_truncated, page.next_key_marker.as_deref()), (true, Some("c")));
        assert!(read("<html><p>It works!").is_none());
        let second = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        assert_eq!((time("1970-01-01T00:00:01.000Z"), time("soon")), (Some(second), None));
    }
}
