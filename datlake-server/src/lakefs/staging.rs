//! Uploading an object by a presigned URL: the client asks where, puts it there, and then makes an object of it. What is there is copied to
//! content of the lake, as it was when it was hashed; nothing ever refers to where it was put.

use std::sync::{Arc, Mutex, PoisonError};
use std::{fmt, io};

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use datlake::PutByOthers;
use datlake::{Error, ErrorKind};
use futures_util::{Stream, stream};
use s3s::crypto::{Checksum as _, Md5};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio_util::io::StreamReader;

use super::branches::{AtBranch, branch_of};
use super::paging::flag;
use super::presigned::write_url;
use super::uploads::{checked_notes, creates_only};
use super::wire::{ObjectStats, StagingLocation, StagingMetadata, seconds};
use crate::access::AccessRole;
use crate::app::App;
use crate::http::{Asker, At, JsonBody, Query, Right, Routes};
use crate::problem::{Problem, Reply};

#[derive(Deserialize, JsonSchema)]
struct Where {
    path: String,
    /// Whether a URL is asked for. Without one, whoever has credentials for the store puts it at the address.
    #[serde(default, deserialize_with = "flag")]
    presign: bool,
}

#[derive(Deserialize, JsonSchema)]
struct LinkedTo {
    path: String,
}

pub(super) fn routes(routes: Routes) -> Routes {
    let writer = Right::Reference(AccessRole::Writer, "branch");
    let at = "/repositories/{repository}/branches/{branch}/staging/backing";
    routes.get(at, writer, "Says where an object is put without the server in between", backing).put(
        at,
        writer,
        "Makes an object of what was put there",
        link,
    )
}

async fn backing(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<AtBranch>,
    Query(Where { path, presign }): Query<Where>,
) -> Reply<Json<StagingLocation>> {
    if path.is_empty() {
        return Err(Problem::bad_request("`path` is empty: it says where the object will be"));
    }
    // A branch that is not there is said before anything is put.
    branch_of(&app, &caller, &at).await?.commit_info_async().await?;
    let signed = write_url(app.lake()).await?;
    let presigned_url_expiry = presign.then(|| seconds(&signed.expires_at));
    let presigned_url = presign.then_some(signed.url);
    Ok(Json(StagingLocation { physical_address: Some(signed.address), presigned_url, presigned_url_expiry }))
}

async fn link(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<AtBranch>,
    Query(LinkedTo { path }): Query<LinkedTo>,
    headers: HeaderMap,
    JsonBody(link): JsonBody<StagingMetadata>,
) -> Reply<Json<ObjectStats>> {
    let create_only = creates_only(&headers)?;
    let notes = checked_notes(link.user_metadata.unwrap_or_default().into_iter().collect())?;
    let mut upload = branch_of(&app, &caller, &at).await?.upload(&path).create_only(create_only);
    upload = notes.into_iter().fold(upload, |upload, (key, value)| upload.metadata(key, value));
    upload = link.content_type.into_iter().fold(upload, datlake::Upload::content_type);
    let place = link.staging.physical_address.as_deref().and_then(|address| app.lake().upload_at(address));
    let Some(id) = place else {
        return Err(Problem::bad_request("`physical_address` is none that this server has given out"));
    };
    let missing = || Problem::not_found("nothing was put there, or it was made an object of already, or is too old");
    let put = app.lake().uploaded(id).await?.ok_or_else(missing)?;
    if put.size > app.largest_object() {
        let message = format!("the object is larger than the {} bytes that this server takes", app.largest_object());
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, message));
    }
    let said = link.checksum.trim_matches('"').to_ascii_lowercase();
    let is_md5 = said.len() == 32 && said.bytes().all(|b| b.is_ascii_hexdigit());
    // Some stores answer with the MD5 of what they took, beside a tag of another kind.
    let md5 = match said == put.tag.to_ascii_lowercase() {
        true => None,
        false if is_md5 => Some(said),
        false => return Err(other()),
    };
    if put.size != link.size_bytes {
        return Err(other());
    }
    let broke = Broke::default();
    let content = StreamReader::new(Box::pin(content(put, md5, broke.clone())));
    let object = upload.put_reader_async(content).await.map_err(|error| match (broke.take(), error.kind()) {
        (Some(problem), _) => problem,
        (None, ErrorKind::AlreadyExists) => Problem::new(StatusCode::PRECONDITION_FAILED, error.message()),
        (None, _) => error.into(),
    })?;
    if let Err(error) = app.lake().discard_upload(id).await {
        // A collection removes it.
        tracing::warn!(%error, "what was put by a presigned URL could not be removed");
    }
    Ok(Json(ObjectStats::object(object, true)))
}

fn other() -> Problem {
    let message = "what is there is not what the request says: it was replaced, or not all of it came; put it again";
    Problem::new(StatusCode::CONFLICT, message)
}

/// Why content could not be read to its end.
#[derive(Clone, Default)]
struct Broke(Arc<Mutex<Option<Problem>>>);

impl Broke {
    fn say(&self, problem: Problem) -> io::Error {
        let error = io::Error::other(problem.message().to_owned());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(problem);
        error
    }

    fn take(&self) -> Option<Problem> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl fmt::Debug for Broke {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Broke")
    }
}

/// What was put, and an error behind it where it has another MD5.
fn content(put: PutByOthers, md5: Option<String>, broke: Broke) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let hasher = md5.is_some().then(Md5::new);
    stream::unfold(Some((put, hasher, md5, broke)), |state| async move {
        let (mut put, mut hasher, md5, broke) = state?;
        match put.next().await {
            Some(Ok(bytes)) => {
                if let Some(hasher) = &mut hasher {
                    hasher.update(&bytes);
                }
                Some((Ok(Bytes::from(bytes)), Some((put, hasher, md5, broke))))
            }
            Some(Err(error)) if Error::kind(&error) == ErrorKind::Conflict => Some((Err(broke.say(other())), None)),
            Some(Err(error)) => Some((Err(broke.say(error.into())), None)),
            None => {
                let found =
                    hasher.map(|hasher| hasher.finalize().iter().map(|b| format!("{b:02x}")).collect::<String>());
                (found != md5).then(|| (Err(broke.say(other())), None))
            }
        }
    })
}
