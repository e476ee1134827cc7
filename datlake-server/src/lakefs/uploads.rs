//! Uploading an object: as the body, or as the part `content` of a form.

use aide::generate::GenContext;
use aide::openapi::{MediaType, Operation, ReferenceOr, RequestBody};
use axum::extract::{FromRequest, Multipart, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use datlake::report::ObjectInfo;
use datlake::{ErrorKind, Upload};
use futures_util::TryStreamExt as _;
use schemars::JsonSchema;
use serde::Deserialize;

use super::branches::{AtBranch, branch_of};
use super::wire::{OCTETS, ObjectStats};
use crate::access::AccessRole;
use crate::app::App;
use crate::http::{Asker, At, CreatedJson, Incoming, Query, Right, Routes};
use crate::problem::{Problem, Reply};

/// What the names of headers begin with that say what a user notes.
const META: &str = "x-lakefs-meta-";
/// The most that a user may note of an object, in bytes.
const NOTES: usize = 8 << 10;

#[derive(Deserialize, JsonSchema)]
struct AtPath {
    path: String,
}

pub(super) fn routes(routes: Routes) -> Routes {
    let right = Right::Reference(AccessRole::Writer, "branch");
    routes.post("/repositories/{repository}/branches/{branch}/objects", right, "Uploads an object", upload)
}

/// A request whose body is read as it comes.
struct Sent(Request);

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Reply<Self> {
        Ok(Self(request))
    }
}

impl aide::OperationInput for Sent {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        let content = [OCTETS, "multipart/form-data"].map(|kind| (kind.to_owned(), MediaType::default()));
        let body = RequestBody { content: content.into_iter().collect(), required: true, ..RequestBody::default() };
        operation.request_body = Some(ReferenceOr::Item(body));
    }
}

async fn upload(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<AtBranch>,
    Query(AtPath { path }): Query<AtPath>,
    Sent(request): Sent,
) -> Reply<CreatedJson<ObjectStats>> {
    let create_only = creates_only(request.headers())?;
    let mut upload = branch_of(&app, &caller, &at).await?.upload(&path).create_only(create_only);
    for (key, value) in notes(request.headers())? {
        upload = upload.metadata(key, value);
    }
    let kind = text(request.headers(), header::CONTENT_TYPE.as_str())?.unwrap_or_default();
    let is_form = kind.starts_with("multipart/form-data");
    // Of a form it is that of the form.
    let incoming = match is_form {
        true => Incoming::new(app.largest_object()),
        false => Incoming::of(request.headers(), app.largest_object()),
    };
    let put = match is_form {
        true => of_form(upload, request, &incoming).await?,
        false => {
            let upload = if kind.is_empty() { upload } else { upload.content_type(kind) };
            upload.put_reader_async(incoming.read(request.into_body().into_data_stream())).await
        }
    };
    let object = put.map_err(|error| match error.kind() {
        // What the condition says, and nothing else, is 412.
        ErrorKind::AlreadyExists => Problem::new(StatusCode::PRECONDITION_FAILED, error.message()),
        _ => incoming.blamed(error),
    })?;
    Ok(CreatedJson(ObjectStats::object(object, true)))
}

async fn of_form(upload: Upload, request: Request, incoming: &Incoming) -> Reply<datlake::Result<ObjectInfo>> {
    let wrong = |e: axum::extract::multipart::MultipartError| {
        Problem::bad_request(format!("the form is wrong: {}", e.body_text()))
    };
    let mut form = Multipart::from_request(request, &()).await.map_err(|e| Problem::bad_request(e.body_text()))?;
    while let Some(field) = form.next_field().await.map_err(wrong)? {
        if field.name() == Some("content") {
            let kind = field.content_type().map(str::to_owned);
            let upload = kind.into_iter().fold(upload, Upload::content_type);
            return Ok(upload.put_reader_async(incoming.read(field.into_stream())).await);
        }
    }
    Err(Problem::bad_request("the form has no part `content`"))
}

/// Whether an object is put only where there is none.
pub(super) fn creates_only(headers: &HeaderMap) -> Reply<bool> {
    if headers.contains_key(header::IF_MATCH) {
        return Err(Problem::new(StatusCode::NOT_IMPLEMENTED, "`If-Match` is not supported: `If-None-Match: *` is"));
    }
    match text(headers, header::IF_NONE_MATCH.as_str())?.as_deref().map(str::trim) {
        None => Ok(false),
        Some("*" | "\"*\"") => Ok(true),
        Some(_) => Err(Problem::bad_request("`If-None-Match` is `*`, or is not said")),
    }
}

fn notes(headers: &HeaderMap) -> Reply<Vec<(String, String)>> {
    let mut notes = Vec::new();
    for name in headers.keys().filter_map(|name| name.as_str().strip_prefix(META)) {
        let value = text(headers, &format!("{META}{name}"))?.unwrap_or_default();
        notes.push((name.to_owned(), value));
    }
    checked_notes(notes)
}

/// What a user notes, where that is not too much.
pub(super) fn checked_notes(notes: Vec<(String, String)>) -> Reply<Vec<(String, String)>> {
    let size: usize = notes.iter().map(|(key, value)| key.len() + value.len()).sum();
    match size > NOTES {
        true => Err(Problem::bad_request(format!("what is noted of an object has {size} bytes: at most {NOTES}"))),
        false => Ok(notes),
    }
}

fn text(headers: &HeaderMap, name: &str) -> Reply<Option<String>> {
    let wrong = |_| Problem::bad_request(format!("the header `{name}` is no text"));
    headers.get(name).map(|value| std::str::from_utf8(value.as_bytes()).map(str::to_owned).map_err(wrong)).transpose()
}
