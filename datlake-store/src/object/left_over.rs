//! Uploads that were begun and never completed, at S3 and at what speaks like it. Nobody sees their parts, and somebody pays.
//!
//! The client has no call for that: a URL is signed and asked for. An upload is left over when neither it nor one of its parts
//! was begun within some time, by the server's own clock, which stands in each of its answers. So one that is at work is not.

use std::time::{Duration, SystemTime};

use chrono::DateTime;
use datlake_core::{Error, ErrorKind, Location, Result};
use object_store::path::Path as Key;
use object_store::signer::{Method, SignedUrlOptions};

use super::address::Provider;
use super::failure::{Refusal, refused};
use super::sign::Signing;
use super::{ObjectStore, PATIENCE, Shared, unexpected};

/// The most pages of one listing that are asked for.
const PAGES: usize = 10_000;

/// An upload that nobody goes on with.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Upload {
    key: Key,
    id: String,
}

/// An answer of the server, and when it gave it by its own clock.
struct Answer {
    text: String,
    at: SystemTime,
}

impl ObjectStore {
    /// How many uploads below `blobs/` were begun, and not gone on with for `silence`; `None` where the store does not say.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) async fn left_uploads(&self, silence: Duration) -> Result<Option<u64>> {
        self.on_network(
            |shared| async move { Ok(shared.left_uploads(silence).await?.map(|uploads| uploads.len() as u64)) },
        )
        .await
    }

    /// Aborts them: how many.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) async fn abort_uploads(&self, silence: Duration) -> Result<Option<u64>> {
        self.on_network(|shared| async move {
            let Some(uploads) = shared.left_uploads(silence).await? else { return Ok(None) };
            for Upload { key, id } in &uploads {
                let client = shared.client()?;
                match shared.ask("remove the parts of", key, client.parts.abort_multipart(key, id)).await {
                    // Somebody else did, or completed it.
                    Ok(()) | Err(super::failure::Failed::Absent) => {}
                    Err(failed) => return Err(unexpected(failed)),
                }
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
        let (bucket, prefix) = (Key::default(), self.address.key("blobs/"));
        let mut left = Vec::new();
        let mut after: Option<(String, String)> = None;
        for _ in 0..PAGES {
            let mut query = vec![("uploads", String::new()), ("prefix", prefix.clone())];
            if let Some((key, id)) = after.take() {
                query.extend([("key-marker", key), ("upload-id-marker", id)]);
            }
            let Some(page) = self.ask_signed("list the uploads of", &bucket, query).await? else { return Ok(None) };
            for upload in elements(&page.text, "Upload") {
                let (Some(key), Some(id)) = (element(upload, "Key"), element(upload, "UploadId")) else { continue };
                let (key, id) = (plain(key), plain(id));
                // Below this lake's folder there may be another's.
                let ours = self.address.path(&key).and_then(Location::parse);
                let (Some(Location::Blob(_)), Ok(key)) = (ours, Key::parse(&key)) else { continue };
                let begun = element(upload, "Initiated").and_then(time);
                if self.is_silent(&key, &id, begun, page.at, silence).await? {
                    left.push(Upload { key, id });
                }
            }
            match (element(&page.text, "IsTruncated"), element(&page.text, "NextKeyMarker")) {
                (Some("true"), Some(key)) => {
                    let id = element(&page.text, "NextUploadIdMarker").unwrap_or_default();
                    after = Some((plain(key), plain(id)));
                }
                _ => break,
            }
        }
        Ok(Some(left))
    }

    /// Whether nothing of an upload was begun for `silence`.
    async fn is_silent(
        &self,
        key: &Key,
        id: &str,
        begun: Option<SystemTime>,
        now: SystemTime,
        silence: Duration,
    ) -> Result<bool> {
        let is_old = |at: SystemTime| now.duration_since(at).unwrap_or_default() >= silence;
        // Without a time it may be at work.
        if !begun.is_some_and(is_old) {
            return Ok(false);
        }
        let mut after = None;
        for _ in 0..PAGES {
            let mut query = vec![("uploadId", id.to_owned())];
            query.extend(after.take().map(|part| ("part-number-marker", part)));
            let Some(page) = self.ask_signed("list the parts of", key, query).await? else { return Ok(false) };
            for part in elements(&page.text, "Part") {
                if !element(part, "LastModified").and_then(time).is_some_and(is_old) {
                    return Ok(false);
                }
            }
            match (element(&page.text, "IsTruncated"), element(&page.text, "NextPartNumberMarker")) {
                (Some("true"), Some(part)) => after = Some(part.to_owned()),
                _ => break,
            }
        }
        Ok(true)
    }

    /// What the server answers to a request that the client does not know; `None` where there is no such thing.
    async fn ask_signed(&self, operation: &str, key: &Key, query: Vec<(&str, String)>) -> Result<Option<Answer>> {
        let place = &self.address.shown;
        let Signing::Query(client) = &self.client()?.signing else { return Ok(None) };
        let how = SignedUrlOptions::new().with_query(query);
        let url = client.signed_url_opts(Method::GET, key, PATIENCE, &how).await;
        let url = url.map_err(|error| unexpected(self.understand(error, operation, key)))?;
        // Not the client's own words: they hold the URL.
        let failed = |_| {
            let message = format!("cannot {operation} `{key}` in {place}: the server did not answer");
            Error::new(ErrorKind::Unavailable, message)
        };
        let client = reqwest::Client::builder().timeout(PATIENCE).build().map_err(failed)?;
        let answer = client.get(url).send().await.map_err(failed)?;
        let status = answer.status();
        let date = answer.headers().get("date").and_then(|date| date.to_str().ok());
        let at = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok()).map(SystemTime::from);
        let text = answer.text().await.map_err(failed)?;
        if status.as_u16() == 404 {
            return Ok(None);
        }
        if !status.is_success() {
            return Err(refused(&Refusal::read(status.as_u16(), None, &text), operation, key.as_ref(), place));
        }
        // A server that does not say what time it is gets no answer to what is old.
        Ok(Some(Answer { text, at: at.unwrap_or(SystemTime::UNIX_EPOCH) }))
    }
}

/// What stands in each element of this name.
fn elements<'t>(text: &'t str, name: &str) -> Vec<&'t str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    text.split(&*open).skip(1).filter_map(|rest| Some(rest.split_once(&*close)?.0)).collect()
}

fn element<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    elements(text, name).into_iter().next()
}

/// A text as it was before it was written as XML.
fn plain(text: &str) -> String {
    let named = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&#39;", "'"), ("&amp;", "&")];
    named.into_iter().fold(text.to_owned(), |text, (name, sign)| text.replace(name, sign))
}

fn time(rfc3339: &str) -> Option<SystemTime> {
    DateTime::parse_from_rfc3339(rfc3339).ok().map(SystemTime::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_is_read() {
        let text = "<R><IsTruncated>false</IsTruncated><Upload><Key>a&amp;b/x</Key><UploadId>1</UploadId></Upload>\
                    <Upload><Key>c</Key><UploadId>2~x</UploadId></Upload></R>";
        let ids: Vec<_> =
            elements(text, "Upload").into_iter().filter_map(|upload| element(upload, "UploadId")).collect();
        assert_eq!(ids, ["1", "2~x"]);
        assert_eq!((plain(element(text, "Key").unwrap()).as_str(), element(text, "NextKeyMarker")), ("a&b/x", None));
        assert_eq!(plain("&amp;lt;"), "&lt;");
        let second = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        assert_eq!((time("1970-01-01T00:00:01.000Z"), time("soon")), (Some(second), None));
    }
}
