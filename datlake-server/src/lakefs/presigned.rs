//! Presigned URLs, where the lake's remote gives them out.

use std::time::Duration;

use datlake::Lake;
use datlake::report::{ObjectInfo, SignedUpload};

use super::wire::seconds;
use crate::access::random;
use crate::problem::{Problem, Reply};

/// How long a URL is valid.
const VALID: Duration = Duration::from_secs(3600);

/// A URL from which an object is downloaded, and until when.
pub(super) async fn read_url(lake: &Lake, object: &ObjectInfo) -> Reply<(String, i64)> {
    refuse_unsigned(lake)?;
    let signed = lake.sign_object(object, VALID).await?;
    Ok((signed.url, seconds(&signed.expires_at)))
}

/// A URL by which something is put.
pub(super) async fn write_url(lake: &Lake) -> Reply<SignedUpload> {
    refuse_unsigned(lake)?;
    Ok(lake.sign_upload(datlake::Digest::from_bytes(random()?), VALID).await?)
}

fn refuse_unsigned(lake: &Lake) -> Reply<()> {
    match lake.signs_urls()? {
        true => Ok(()),
        false => {
            let message = "the store of this server gives out no presigned URLs: read and upload through the server";
            Err(Problem::bad_request(message))
        }
    }
}
