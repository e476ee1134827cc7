//! Presigned URLs, where the lake's remote gives them out.

use std::time::Duration;

use datlake::report::{ObjectInfo, SignedUpload};
use datlake::{ErrorKind, Lake};

use super::wire::seconds;
use crate::access::random;
use crate::problem::{Problem, Reply};

/// How long a URL is valid.
const VALID: Duration = Duration::from_secs(3600);

/// A URL from which an object is downloaded, and until when. `None` for one outside of the lake whose place gives out none: a list of others
/// is to have theirs.
pub(super) async fn read_url(lake: &Lake, object: &ObjectInfo) -> Reply<Option<(String, i64)>> {
    refuse_unsigned(lake)?;
    match lake.sign_object(object, VALID).await {
        Err(error) if object.outside.is_some() && error.kind() == ErrorKind::Unsupported => Ok(None),
        signed => signed.map(|signed| Some((signed.url, seconds(&signed.expires_at)))).map_err(Problem::from),
    }
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
