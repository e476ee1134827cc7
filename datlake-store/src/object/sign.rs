//! Signed URLs of a bucket's objects. S3 and Google Cloud Storage sign the whole query, so the client does it; of Azure's,
//! which sign a fixed list of fields, it leaves out the one with the name.
//!
//! A URL is signed on this machine. Some providers' credentials have to be asked for first.

use std::time::Duration;

use datlake_core::{Error, ErrorKind, Location, Result};
use object_store::path::Path as Key;
use object_store::signer::Method;
#[cfg(any(feature = "aws", feature = "gcp"))]
use object_store::signer::SignedUrlOptions;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::client::Signing;
use super::failure::Failed;
use super::{ObjectStore, Shared, unexpected};
use crate::signing::Signed;

/// The longest that S3 and Google Cloud Storage let a URL be valid.
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);
/// Azure has no limit of its own. Nobody means more.
#[cfg(feature = "azure")]
const YEARS: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// How long the URL of a trial is valid: with its retries it takes no longer.
const TRIAL: Duration = Duration::from_secs(300);
/// What stands for itself in an extended value of a header (RFC 5987, `attr-char`).
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

impl ObjectStore {
    /// A URL from which the object is downloaded under `name`.
    pub(crate) async fn sign(&self, at: &Location, name: &str, expires: Duration) -> Result<Signed> {
        let (at, name) = (at.clone(), name.to_owned());
        self.on_network(|shared| async move { shared.sign(&shared.key(&at)?, Allowed::Download(&name), expires).await })
            .await
    }

    /// A URL by which one object is put, as it is then and again until it expires.
    pub(crate) async fn sign_upload(&self, at: &Location, expires: Duration) -> Result<Signed> {
        let at = at.clone();
        self.on_network(|shared| async move {
            let key = shared.key(&at)?;
            shared.ready().await?;
            shared.sign(&key, Allowed::Upload, expires).await
        })
        .await
    }

    /// Whether it gives out URLs, as far as settings say.
    pub(crate) fn signs(&self) -> Result<bool> {
        Ok(match &self.0.client()?.signing {
            #[cfg(any(feature = "aws", feature = "azure"))]
            Signing::Not(_) => false,
            #[cfg(any(feature = "aws", feature = "gcp"))]
            Signing::Query(_) => true,
            #[cfg(feature = "azure")]
            Signing::Account { .. } => true,
        })
    }

    /// Downloads an object by its signed URL, with nothing else.
    pub(crate) async fn try_signed(&self, at: &Location) -> Result<()> {
        let at = at.clone();
        self.on_network(|shared| async move {
            let key = shared.key(&at)?;
            let signed = shared.sign(&key, Allowed::Download("datlake.json"), TRIAL).await?;
            match shared.ask_plainly(&signed.url, "download by a signed URL", &key).await? {
                Some(_) => Ok(()),
                None => Err(unexpected(Failed::Absent)),
            }
        })
        .await
    }
}

/// What a URL allows.
#[derive(Clone, Copy)]
enum Allowed<'n> {
    /// Downloading the object under a name.
    Download(&'n str),
    /// Putting it.
    Upload,
}

impl Shared {
    /// A URL from which the object `key` is downloaded under `name`.
    pub(super) async fn sign_download(&self, key: &Key, name: &str, expires: Duration) -> Result<Signed> {
        self.sign(key, Allowed::Download(name), expires).await
    }

    async fn sign(&self, key: &Key, allowed: Allowed<'_>, expires: Duration) -> Result<Signed> {
        let place = &self.address.shown;
        let client = self.client()?;
        let (longest, words) = match &client.signing {
            #[cfg(feature = "azure")]
            Signing::Account { .. } => (YEARS, "ten years"),
            _ => (WEEK, "7 days"),
        };
        if expires.as_secs() == 0 || expires > longest {
            let message = format!(
                "cannot make a URL of an object in {place}: it can be valid for 1 second to {words}, no other time"
            );
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        let disposition = match allowed {
            Allowed::Download(name) => Some(attachment(name)),
            Allowed::Upload => None,
        };
        let understood = |error| unexpected(self.understand(error, "sign a URL of", key));
        match &client.signing {
            #[cfg(any(feature = "aws", feature = "gcp"))]
            Signing::Query(client) => {
                let method = if disposition.is_some() { Method::GET } else { Method::PUT };
                let query = disposition.map(|disposition| ("response-content-disposition", disposition));
                let how = SignedUrlOptions::new().with_query(query);
                let url = client.signed_url_opts(method, key, expires, &how).await.map_err(understood)?;
                let temporary = url.query_pairs().any(|(name, _)| name == "X-Amz-Security-Token");
                Ok(Signed { url: url.into(), temporary })
            }
            #[cfg(feature = "azure")]
            Signing::Account { client, key: account } => {
                // Where the object is, only the client knows.
                let mut url = client.signed_url(Method::GET, key, expires).await.map_err(understood)?;
                url.set_query(None);
                account.sign(&mut url, disposition.as_deref(), std::time::SystemTime::now() + expires);
                Ok(Signed { url: url.into(), temporary: false })
            }
            #[cfg(any(feature = "aws", feature = "azure"))]
            Signing::Not(why) => {
                Err(Error::new(ErrorKind::Unsupported, format!("cannot make a URL of an object in {place}: {why}")))
            }
        }
    }
}

/// The header by which a browser saves under `name`: RFC 6266, with a plain name for old clients.
fn attachment(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    let harmless = |c: char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\' | '%');
    let plain: String = last.chars().map(|c| if harmless(c) { c } else { '_' }).collect();
    if plain == last {
        return format!("attachment; filename=\"{plain}\"");
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{}", utf8_percent_encode(last, PLAIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_saved_under_its_own_name() {
        for (name, header) in [
            ("a.csv", "attachment; filename=\"a.csv\""),
            ("two words; more.csv", "attachment; filename=\"two words; more.csv\""),
            ("cats/tom.jpg", "attachment; filename=\"tom.jpg\""),
            ("5\" disk.txt", "attachment; filename=\"5_ disk.txt\"; filename*=UTF-8''5%22%20disk.txt"),
            ("100%20.txt", "attachment; filename=\"100_20.txt\"; filename*=UTF-8''100%2520.txt"),
            ("naïve €.txt", "attachment; filename=\"na_ve _.txt\"; filename*=UTF-8''na%C3%AFve%20%E2%82%AC.txt"),
            ("it's(1)*.txt", "attachment; filename=\"it's(1)*.txt\""),
        ] {
            assert_eq!(attachment(name), header);
        }
    }
}
