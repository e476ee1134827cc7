//! Signed URLs asked for plainly, as anybody would who has one: for what the providers' clients have no call for.
//!
//! Invariants: the URL is in no error, so neither are the client's own words.

use std::time::Duration;

use datlake_core::{Error, ErrorKind, Result};
use object_store::path::Path as Key;
use reqwest::header::HeaderMap;

use super::Shared;
use super::failure::{Refusal, refused};

impl Shared {
    /// What the server answers to a signed URL of `key`; `None` where it knows of no such thing.
    ///
    /// # Errors
    /// Those of the server, and [`ErrorKind::Unavailable`] where it says nothing for `patience`.
    pub(super) async fn ask_plainly(
        &self,
        url: &str,
        patience: Duration,
        operation: &str,
        key: &Key,
    ) -> Result<Option<(HeaderMap, String)>> {
        let place = &self.address.shown;
        let failed = |_| {
            let message = format!("cannot {operation} `{key}` in {place}: the server did not answer");
            Error::new(ErrorKind::Unavailable, message)
        };
        let client = reqwest::Client::builder().timeout(patience).build().map_err(failed)?;
        let answer = client.get(url).send().await.map_err(failed)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let text = answer.text().await.map_err(failed)?;
        match status.as_u16() {
            200..300 => Ok(Some((headers, text))),
            404 => Ok(None),
            status => Err(refused(&Refusal::read(status, None, &text), operation, key.as_ref(), place)),
        }
    }
}
