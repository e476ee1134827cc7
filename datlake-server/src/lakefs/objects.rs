//! Objects: reading, listing, deleting and copying them.

use std::io::SeekFrom;

use aide::generate::GenContext;
use aide::openapi::{MediaType, Operation, Response as Documented, StatusCode as Code};
use aide::operation::OperationOutput;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use datlake::report::{ObjectInfo, ObjectItem};
use datlake::{AsyncReader, Lake, ObjectQuery, Reference};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::io::AsyncSeekExt as _;

use super::branches::{AtBranch, branch_of};
use super::paging::flag;
use super::presigned::read_url;
use super::refs::{AtReference, reference_of};
use super::wire::{OCTETS, ObjectCopyCreation, ObjectErrorList, ObjectStats, PathList};
use crate::access::AccessRole;
use crate::app::App;
use crate::http::{
    Asked, Asker, At, CreatedJson, JsonBody, List, MOST, NoContent, Query, Right, Routes, asked, list as page, most,
    pieces,
};
use crate::problem::{Problem, Reply};

/// A path of an object.
#[derive(Deserialize, JsonSchema)]
struct AtPath {
    path: String,
    /// Whether what users noted is in the answer.
    #[serde(default = "yes", deserialize_with = "flag")]
    user_metadata: bool,
    /// Whether the content is read from the store itself, by a URL of its own.
    #[serde(default, deserialize_with = "flag")]
    presign: bool,
}

#[derive(Deserialize, JsonSchema)]
struct CopyTo {
    dest_path: String,
}

/// Which objects are listed.
#[derive(Deserialize, JsonSchema)]
struct Listed {
    #[serde(default)]
    prefix: String,
    #[serde(default)]
    after: String,
    amount: Option<i64>,
    /// Paths that have it behind the prefix are one item, to the delimiter.
    #[serde(default)]
    delimiter: String,
    #[serde(default = "yes", deserialize_with = "flag")]
    user_metadata: bool,
    /// Whether addresses are URLs by which content is read from the store itself.
    #[serde(default, deserialize_with = "flag")]
    presign: bool,
}

fn yes() -> bool {
    true
}

pub(super) fn routes(routes: Routes) -> Routes {
    let reader = Right::Repository(AccessRole::Reader);
    let writer = Right::Reference(AccessRole::Writer, "branch");
    let (at, branch) =
        ("/repositories/{repository}/refs/{ref}/objects", "/repositories/{repository}/branches/{branch}/objects");
    routes
        .get(at, reader, "Reads an object", read)
        .head(at, reader, "Asks for an object without its content", head)
        .get(&format!("{at}/stat"), reader, "Shows an object", stat)
        .get(&format!("{at}/ls"), reader, "Lists objects", list)
        .delete(branch, writer, "Deletes an object, if there is one", delete)
        .post(&format!("{branch}/delete"), writer, "Deletes objects", delete_many)
        .post(&format!("{branch}/copy"), writer, "Copies an object", copy)
}

/// The content of an object, or a part of it.
struct Content(Response);

impl axum::response::IntoResponse for Content {
    fn into_response(self) -> Response {
        self.0
    }
}

impl OperationOutput for Content {
    type Inner = Vec<u8>;

    fn operation_response(_: &mut GenContext, _: &mut Operation) -> Option<Documented> {
        let content = [(OCTETS.to_owned(), MediaType::default())].into_iter().collect();
        Some(Documented {
            description: "The content, or the part that was asked for".to_owned(),
            content,
            ..Documented::default()
        })
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<Code>, Documented)> {
        let response = Self::operation_response(ctx, operation);
        let all = response
            .into_iter()
            .flat_map(|response| [200, 206, 302, 304].map(|status| (Some(Code::Code(status)), response.clone())));
        all.collect()
    }
}

async fn read(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<AtReference>,
    Query(AtPath { path, presign, .. }): Query<AtPath>,
    headers: HeaderMap,
) -> Reply<Content> {
    let reference = reference_of(&app, &caller, &at).await?;
    if presign && let Some((url, _)) = read_url(app.lake(), &reference.stat_async(&path).await?).await? {
        return Ok(Content((StatusCode::FOUND, [(header::LOCATION, url)]).into_response()));
    }
    Ok(Content(object_content(&reference, &path, headers).await?))
}

/// The content of an object, as it is asked for.
pub(crate) async fn object_content(reference: &Reference, path: &str, headers: HeaderMap) -> Reply<Response> {
    let headers = ReadHeaders(headers);
    if headers.asks_whether_changed() {
        let object = reference.stat_async(path).await?;
        if headers.has(&object) {
            return Ok((StatusCode::NOT_MODIFIED, described(&object)).into_response());
        }
    }
    let (object, content) = reference.open_object_async(path).await?;
    headers.answer(&object, Some(content)).await
}

async fn head(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<AtReference>,
    Query(AtPath { path, .. }): Query<AtPath>,
    headers: HeaderMap,
) -> Reply<Content> {
    let object = reference_of(&app, &caller, &at).await?.stat_async(&path).await?;
    Ok(Content(ReadHeaders(headers).answer(&object, None).await?))
}

/// What a request says about the content it wants.
struct ReadHeaders(HeaderMap);

impl ReadHeaders {
    fn text(&self, name: header::HeaderName) -> Option<&str> {
        self.0.get(name).and_then(|value| value.to_str().ok())
    }

    fn asks_whether_changed(&self) -> bool {
        self.0.contains_key(header::IF_NONE_MATCH)
    }

    /// Whether the client has it already.
    fn has(&self, object: &ObjectInfo) -> bool {
        let digest = object.checksum();
        let said = self.text(header::IF_NONE_MATCH).unwrap_or_default();
        said.split(',')
            .map(|tag| tag.trim().trim_start_matches("W/").trim_matches('"'))
            .any(|tag| tag == digest || tag == "*")
    }

    /// The whole, or the part that is asked for; without `content` the headers alone.
    async fn answer(&self, object: &ObjectInfo, content: Option<AsyncReader>) -> Reply<Response> {
        let mut headers = described(object);
        let (status, range) = match asked(self.text(header::RANGE), object.size) {
            Asked::All => (StatusCode::OK, 0..object.size),
            Asked::Part(range) => {
                let part = format!("bytes {}-{}/{}", range.start, range.end - 1, object.size);
                headers.extend(HeaderValue::from_str(&part).ok().map(|part| (header::CONTENT_RANGE, part)));
                (StatusCode::PARTIAL_CONTENT, range)
            }
            Asked::Outside => {
                let message = format!("`{}` has {} bytes, and none in that range", object.path, object.size);
                let problem = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, message);
                return Err(problem.with_header(header::CONTENT_RANGE, &format!("bytes */{}", object.size)));
            }
        };
        let length = range.end - range.start;
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        let body = match content {
            None => axum::body::Body::empty(),
            Some(mut content) => {
                let unread = |e| datlake::Error::io("read", &object.path, e);
                content.seek(SeekFrom::Start(range.start)).await.map_err(unread)?;
                axum::body::Body::from_stream(pieces(content, length))
            }
        };
        Ok((status, headers, body).into_response())
    }
}

/// An object in headers.
fn described(object: &ObjectInfo) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let kind = object.content_type.as_deref().and_then(|kind| HeaderValue::from_str(kind).ok());
    headers.insert(header::CONTENT_TYPE, kind.unwrap_or(HeaderValue::from_static(OCTETS)));
    headers.extend(HeaderValue::from_str(&format!("\"{}\"", object.checksum())).ok().map(|tag| (header::ETAG, tag)));
    let put = object.changed_at().and_then(|at| humantime::parse_rfc3339(at).ok());
    let put = put.and_then(|at| HeaderValue::from_str(&httpdate::fmt_http_date(at)).ok());
    headers.extend(put.map(|put| (header::LAST_MODIFIED, put)));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    // What users put there is no page of ours.
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    headers
}

async fn stat(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<AtReference>,
    Query(AtPath { path, user_metadata, presign }): Query<AtPath>,
) -> Reply<Json<ObjectStats>> {
    let object = reference_of(&app, &caller, &at).await?.stat_async(&path).await?;
    Ok(Json(stats(app.lake(), object, user_metadata, presign).await?))
}

async fn stats(lake: &Lake, object: ObjectInfo, user_metadata: bool, presign: bool) -> Reply<ObjectStats> {
    let url = if presign { read_url(lake, &object).await? } else { None };
    let mut stats = ObjectStats::object(object, user_metadata);
    if let Some((url, expiry)) = url {
        (stats.physical_address, stats.physical_address_expiry) = (url, Some(expiry));
    }
    Ok(stats)
}

async fn list(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<AtReference>,
    Query(listed): Query<Listed>,
) -> Reply<Json<List<ObjectStats>>> {
    let query = ObjectQuery::below(&listed.prefix)
        .delimiter(listed.delimiter)
        .after(listed.after)
        .limit(most(listed.amount))
        .as_objects(true);
    let found = reference_of(&app, &caller, &at).await?.list_async(&query).await?;
    let mut results = Vec::with_capacity(found.items.len());
    for item in found.items {
        match item {
            ObjectItem::Object(object) => {
                results.push(stats(app.lake(), object, listed.user_metadata, listed.presign).await?);
            }
            ObjectItem::Prefix(prefix) => results.push(ObjectStats::prefix(prefix)),
            _ => {}
        }
    }
    Ok(Json(page(results, found.next)))
}

async fn delete(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<AtBranch>,
    Query(AtPath { path, .. }): Query<AtPath>,
) -> Reply<NoContent> {
    branch_of(&app, &caller, &at).await?.delete_object_async(&path).await?;
    Ok(NoContent)
}

async fn delete_many(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<AtBranch>,
    JsonBody(list): JsonBody<PathList>,
) -> Reply<Json<ObjectErrorList>> {
    if list.paths.len() > MOST {
        return Err(Problem::bad_request(format!("{} paths are too many at once: at most {MOST}", list.paths.len())));
    }
    branch_of(&app, &caller, &at).await?.delete_objects_async(&list.paths).await?;
    Ok(Json(ObjectErrorList { errors: Vec::new() }))
}

async fn copy(
    State(app): State<App>,
    Asker(caller): Asker,
    At(at): At<AtBranch>,
    Query(CopyTo { dest_path }): Query<CopyTo>,
    JsonBody(copy): JsonBody<ObjectCopyCreation>,
) -> Reply<CreatedJson<ObjectStats>> {
    let branch = branch_of(&app, &caller, &at).await?;
    let from = copy.src_ref.filter(|from| !from.is_empty()).unwrap_or_else(|| at.branch.clone());
    let object = branch.copy_object_async(&from, &copy.src_path, &dest_path).await?;
    Ok(CreatedJson(ObjectStats::object(object, true)))
}
