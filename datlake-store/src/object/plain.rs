//! Plain requests to signed URLs, for what the providers' clients have no call for.
//!
//! Invariants: the connection is as settings say of the clients' own. The URL is in no error, so neither are the client's words.

use datlake_core::{Error, ErrorKind, Result};
use object_store::client::{HttpClient, HttpConnector as _, HttpRequest, HttpRequestBody};
use object_store::path::Path as Key;
use reqwest::header::HeaderMap;

use super::failure::Refusal;
use super::retry::patiently;
use super::watch::Watched;
use super::{Shared, absent};

impl Shared {
    /// What the server answers to a signed URL of `key`; `None` where it knows of no such thing.
    ///
    /// # Errors
    /// Those of the server, and of reaching it.
    pub(super) async fn ask_plainly(
        &self,
        url: &str,
        operation: &str,
        key: &Key,
    ) -> Result<Option<(HeaderMap, String)>> {
        let unusable = |why: &str| {
            let message = format!("cannot {operation} `{key}` in {}: {why}", self.address.shown);
            Error::new(ErrorKind::Config, message)
        };
        let client = Watched.connect(&self.client()?.connections);
        let client = client.map_err(|_| unusable("a setting of connections has a value that cannot be used"))?;
        absent(patiently(|| self.ask(operation, key, get(&client, url))).await)
    }
}

/// One request; `watch` types its refusal.
async fn get(client: &HttpClient, url: &str) -> object_store::Result<(HeaderMap, String)> {
    let mut request = HttpRequest::new(HttpRequestBody::empty());
    *request.uri_mut() = url.parse().map_err(other)?;
    let answer = client.execute(request).await.map_err(other)?;
    let (parts, body) = answer.into_parts();
    let text = String::from_utf8_lossy(&body.bytes().await.map_err(other)?).into_owned();
    match parts.status.as_u16() {
        200..300 => Ok((parts.headers, text)),
        404 => Err(object_store::Error::NotFound { path: String::new(), source: "no such thing".into() }),
        status => Err(other(Refusal::read(status, None, &text))),
    }
}

fn other(error: impl std::error::Error + Send + Sync + 'static) -> object_store::Error {
    object_store::Error::Generic { store: "plain", source: Box::new(error) }
}
