//! S3, as its clients speak it: a repository is a bucket, and `<ref>/<path>` a key. Told from other requests by Amazon's signature.
//!
//! From the bottom up: `refused` (what an error is there), `key` (keys and ETags), `signed` (who signed), `supported` (what is not done), `checked` (bodies that are checked as they
//! are read), `conditions` (those of reads), `headers` (those of content), `listing`, `putting`, `documents` (bodies that are read whole), `parts` (uploads in parts, and their parts), `expired`, `objects` (what is asked of objects and buckets), `multipart` (of uploads in parts).

mod checked;
mod conditions;
mod documents;
mod expired;
mod headers;
mod key;
mod listing;
mod multipart;
mod objects;
mod parts;
mod putting;
mod refused;
mod signed;
mod supported;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode, Version, header};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3Error, S3ErrorCode};
use tower::ServiceExt as _;

use crate::app::App;
use crate::audit::AuditLine;
use crate::problem::Problem;
use documents::Document;
pub(crate) use expired::end_uploads;
use parts::Parts;

/// Lets the gateway answer what is signed as S3 is.
pub(crate) fn with_gateway(router: Router, app: &App) -> Router {
    let mut builder = S3ServiceBuilder::new(objects::Gateway::new(app, Parts::new(app.lake(), app.database())));
    builder.set_auth(signed::Signers(app.callers().clone()));
    builder.set_access(supported::Supported);
    let (service, app) = (builder.build(), app.clone());
    router.layer(from_fn(move |request, next| answered(service.clone(), app.clone(), request, next)))
}

async fn answered(service: S3Service, app: App, request: Request, next: Next) -> Response {
    if !is_signed(&request) {
        return next.run(request).await;
    }
    if is_form(&request) {
        let message = "objects are not put by forms here: put them by `PutObject`";
        return documents::answer(&S3Error::with_message(S3ErrorCode::NotImplemented, message));
    }
    let line = key_pair_of(&request).and_then(|id| Some((AuditLine::of(&request, "")?, id)));
    let (request, document) = Document::watched(without_body(request));
    match service.oneshot(request).await {
        Ok(response) => {
            if let Some((line, id)) = line {
                keep(&app, line, &id, response.status()).await;
            }
            document.blamed(response.map(Body::new))
        }
        Err(error) => axum::response::IntoResponse::into_response(Problem::internal(&format!("{error:?}"))),
    }
}

/// Keeps what was changed. What was refused may bear anybody's name.
async fn keep(app: &App, line: AuditLine, key_pair: &str, status: StatusCode) {
    if !status.is_success() {
        return;
    }
    let account = match app.callers().of_signer(key_pair).await {
        Ok(Some(caller)) => caller.name().to_owned(),
        // Deleted in between, or the database is away.
        _ => key_pair.to_owned(),
    };
    app.audit().keep(AuditLine { account, status: status.as_u16(), ..line }).await;
}

/// The id of the key pair that a request says it was signed with.
fn key_pair_of(request: &Request) -> Option<String> {
    let said = request.headers().get(header::AUTHORIZATION).and_then(|said| said.to_str().ok()).unwrap_or_default();
    let query = request.uri().query().unwrap_or_default();
    let in_query = || query.split('&').find_map(|part| part.strip_prefix("X-Amz-Credential="));
    let credential = said.split_once("Credential=").map(|(_, rest)| rest).or_else(in_query)?;
    let id: String = credential.chars().take_while(char::is_ascii_alphanumeric).collect();
    (!id.is_empty()).then_some(id)
}

/// A request that says of no body has none, which its signature depends on.
fn without_body(request: Request) -> Request {
    let says = request.headers().contains_key(header::CONTENT_LENGTH)
        || request.headers().contains_key(header::TRANSFER_ENCODING);
    match says || request.version() > Version::HTTP_11 {
        true => request,
        false => request.map(|_| Body::empty()),
    }
}

/// Whether an object is put by a form, which would be held in memory, whoever sends it: who signed it stands in the form.
fn is_form(request: &Request) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    request.method() == Method::POST && kind.trim_start().to_ascii_lowercase().starts_with("multipart/")
}

/// Whether a request bears Amazon's signature, of version 4 or 2, in its head or in its URL.
fn is_signed(request: &Request) -> bool {
    let said = request.headers().get(header::AUTHORIZATION).and_then(|said| said.to_str().ok());
    let in_head = said.is_some_and(|said| said.starts_with("AWS4-HMAC-SHA256") || said.starts_with("AWS "));
    let query = request.uri().query().unwrap_or_default();
    in_head || query.split('&').any(|part| part.starts_with("X-Amz-Signature=") || part.starts_with("Signature="))
}
