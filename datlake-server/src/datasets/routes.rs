//! Putting, reading and deleting content. Bytes are streamed in both directions.

use std::io::SeekFrom;

use aide::generate::GenContext;
use aide::openapi::{MediaType, Operation, ReferenceOr, RequestBody, Response as Documented, StatusCode as Code};
use aide::operation::OperationOutput;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use datlake::{AsyncReader, ErrorKind, File, Uid};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::io::AsyncSeekExt as _;

use crate::access::{AccessRole, Caller, Resource};
use crate::app::App;
use crate::events::{EventType, NewEvent};
use crate::http::{Asked, Asker, At, CreatedJson, Incoming, NoContent, Right, Routes, asked, not_there, pieces};
use crate::problem::{Problem, Reply};

const OCTETS: &str = "application/octet-stream";

/// Content in a path.
#[derive(Deserialize, JsonSchema)]
struct AtDataset {
    bucket: String,
    /// It may have `/` in it.
    path: String,
}

/// Content that was put.
#[derive(Serialize, JsonSchema)]
struct DatasetInfo {
    /// `lake://BUCKET/PATH`, as artifacts and snapshots name it.
    uri: String,
    bucket: String,
    path: String,
    /// BLAKE3 of the content, in hexadecimal digits.
    digest: String,
    size_bytes: u64,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    let (reader, writer) = (Right::Dataset(AccessRole::Reader), Right::Dataset(AccessRole::Writer));
    let at = "/datasets/{bucket}/{*path}";
    routes
        .get(at, reader, "Reads content of the lake", read)
        .head(at, reader, "Asks for content of the lake without reading it", look)
        .put(at, writer, "Puts content into the lake; the same bytes again are fine", put)
        .delete(at, writer, "Deletes content that was put", delete)
}

impl AtDataset {
    /// What it is called in the lake.
    ///
    /// # Errors
    /// 400 for what is no name of a file, or means something else than a file that was put.
    fn name(&self) -> Reply<String> {
        let name = format!("{}/{}", self.bucket, self.path);
        Uid::fresh(&name).map_err(|error| Problem::from(error).of_field("path"))?;
        Ok(name)
    }

    fn resource(&self) -> Resource {
        Resource::dataset(&self.bucket, &self.path)
    }

    async fn file(&self, app: &App) -> Reply<File> {
        app.lake().file_async(&self.name()?).await.map_err(|error| match error.kind() {
            // Nothing else: its hint would name files that are not theirs to know.
            ErrorKind::NotFound => not_there(&self.resource()),
            _ => error.into(),
        })
    }
}

/// The body, read as it comes.
struct Sent(Request);

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Reply<Self> {
        Ok(Self(request))
    }
}

impl aide::OperationInput for Sent {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        let content = [(OCTETS.to_owned(), MediaType::default())].into_iter().collect();
        let body = RequestBody { content, required: true, ..RequestBody::default() };
        operation.request_body = Some(ReferenceOr::Item(body));
    }
}

async fn put(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<AtDataset>,
    Sent(request): Sent,
) -> Reply<CreatedJson<DatasetInfo>> {
    let (name, incoming) = (at.name()?, Incoming::of(request.headers(), app.largest_object()));
    let body = incoming.read(request.into_body().into_data_stream());
    let added = app.lake().add_reader_async(&name, body).await;
    let file = added.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            Problem::conflict(format!("`{name}` has other content: it stays; use another path"))
        }
        _ => incoming.blamed(error),
    })?;
    let (uri, digest, size_bytes) = (format!("lake://{name}"), file.digest().to_string(), file.len());
    happened(&app, &caller, &at, json!({"action": "put", "uri": uri, "digest": digest, "size_bytes": size_bytes}))
        .await?;
    let AtDataset { bucket, path } = at;
    Ok(CreatedJson(DatasetInfo { uri, bucket, path, digest, size_bytes }))
}

/// Notes what was done. The lake is the truth of it: what a server did that died before this has no event.
async fn happened(app: &App, caller: &Caller, at: &AtDataset, data: serde_json::Value) -> Reply<()> {
    let mut change = app.change(caller).await?;
    change.note(NewEvent { kind: EventType::LINEAGE, subject: at.resource(), run: None, data });
    Ok(change.commit().await?)
}

async fn delete(State(app): State<App>, Asker(caller): Asker, At(at): At<AtDataset>) -> Reply<NoContent> {
    let file = at.file(&app).await?;
    if file.lineage_async().await?.added().is_none() {
        let message = format!("a call made `{}`: `datlake rm` removes it with what else it made", at.name()?);
        return Err(Problem::conflict(message));
    }
    app.lake().remove_async(&at.name()?).await?;
    happened(&app, &caller, &at, json!({"action": "delete", "uri": format!("lake://{}", at.name()?)})).await?;
    Ok(NoContent)
}

/// The content, or a part of it.
struct Content(Response);

impl IntoResponse for Content {
    fn into_response(self) -> Response {
        self.0
    }
}

impl OperationOutput for Content {
    type Inner = Vec<u8>;

    fn operation_response(_: &mut GenContext, _: &mut Operation) -> Option<Documented> {
        let content = [(OCTETS.to_owned(), MediaType::default())].into_iter().collect();
        let description = "The content, or the part that was asked for".to_owned();
        Some(Documented { description, content, ..Documented::default() })
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<Code>, Documented)> {
        let response = Self::operation_response(ctx, operation);
        let with = |response: Documented| [200, 206, 304].map(|status| (Some(Code::Code(status)), response.clone()));
        response.into_iter().flat_map(with).collect()
    }
}

/// The content of a file, as it is asked for.
pub(crate) async fn content_of(headers: &HeaderMap, file: &File) -> Reply<Response> {
    if has_already(headers, file) {
        return Ok((StatusCode::NOT_MODIFIED, described(file)).into_response());
    }
    let content = file.open_async().await?;
    answer(headers, file, Some(content)).await
}

async fn read(State(app): State<App>, At(at): At<AtDataset>, headers: HeaderMap) -> Reply<Content> {
    Ok(Content(content_of(&headers, &at.file(&app).await?).await?))
}

async fn look(State(app): State<App>, At(at): At<AtDataset>, headers: HeaderMap) -> Reply<Content> {
    Ok(Content(answer(&headers, &at.file(&app).await?, None).await?))
}

fn has_already(headers: &HeaderMap, file: &File) -> bool {
    let (digest, said) = (file.digest().to_string(), headers.get(header::IF_NONE_MATCH));
    let said = said.and_then(|said| said.to_str().ok()).unwrap_or_default();
    said.split(',')
        .map(|tag| tag.trim().trim_start_matches("W/").trim_matches('"'))
        .any(|tag| tag == digest || tag == "*")
}

/// The whole, or the part that is asked for; without `content` the headers alone.
async fn answer(headers: &HeaderMap, file: &File, content: Option<AsyncReader>) -> Reply<Response> {
    let (mut described, size) = (described(file), file.len());
    let said = headers.get(header::RANGE).and_then(|said| said.to_str().ok());
    let (status, range) = match asked(said, size) {
        Asked::All => (StatusCode::OK, 0..size),
        Asked::Part(range) => {
            let part = format!("bytes {}-{}/{size}", range.start, range.end - 1);
            described.extend(HeaderValue::from_str(&part).ok().map(|part| (header::CONTENT_RANGE, part)));
            (StatusCode::PARTIAL_CONTENT, range)
        }
        Asked::Outside => {
            let message = format!("`{}` has {size} bytes, and none in that range", file.name());
            let problem = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, message);
            return Err(problem.with_header(header::CONTENT_RANGE, &format!("bytes */{size}")));
        }
    };
    let length = range.end - range.start;
    described.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    let body = match content {
        None => axum::body::Body::empty(),
        Some(mut content) => {
            let unread = |e| datlake::Error::io("read", file.name(), e);
            content.seek(SeekFrom::Start(range.start)).await.map_err(unread)?;
            axum::body::Body::from_stream(pieces(content, length))
        }
    };
    Ok((status, described, body).into_response())
}

/// Content in headers.
fn described(file: &File) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(OCTETS));
    headers.extend(HeaderValue::from_str(&format!("\"{}\"", file.digest())).ok().map(|tag| (header::ETAG, tag)));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    // What users put there is no page of ours.
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    headers
}
