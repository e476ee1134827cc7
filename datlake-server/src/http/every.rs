//! What every request goes through: an id, a line in the log, limits, and an answer where a handler panics.

use std::any::Any;
use std::time::Instant;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument as _;

use super::pace::paced;
use crate::problem::Problem;
use crate::settings::ClientPatience;

/// The longest id of a request that a client may say.
const LONGEST_ID: usize = 128;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Puts all of it around `router`, and `within` around its routes.
pub(crate) fn every_request(router: Router, patience: ClientPatience, within: impl FnOnce(Router) -> Router) -> Router {
    let router = router
        .fallback(|| async { Problem::not_found("there is no such route; /openapi.json has all that there are") })
        .method_not_allowed_fallback(|| async {
            Problem::new(
                axum::http::StatusCode::METHOD_NOT_ALLOWED,
                "this route has no such method; /openapi.json has those it has",
            )
        });
    within(router)
        // Each input has a limit of its own.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn(move |request, next| paced(patience.body, request, next)))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(logged))
}

/// One line for each request, with the id that the client said or got. It has no query, and so no signature.
async fn logged(mut request: Request, next: Next) -> Response {
    let id = id_of(&request);
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let route = request.extensions().get::<MatchedPath>().map(|route| route.as_str().to_owned());
    let span = tracing::info_span!("request", id = id.to_str().unwrap_or_default());
    let expects = request.headers().contains_key(header::EXPECT);
    let began = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let (status, took) = (response.status().as_u16(), began.elapsed());
    let _in = span.enter();
    tracing::info!(%method, path, route, status, ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX), "answered");
    let is_refused = response.status().is_client_error() || response.status().is_server_error();
    let headers = response.headers_mut();
    // Its body was asked for by nobody and does not come: what comes next is no part of it.
    if expects && is_refused {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    headers.insert(REQUEST_ID, id);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn id_of(request: &Request) -> HeaderValue {
    let said = request.headers().get(REQUEST_ID).and_then(|said| said.to_str().ok());
    let is_fine = |said: &&str| {
        (1..=LONGEST_ID).contains(&said.len()) && said.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    let mut random = [0_u8; 8];
    let id = said.filter(is_fine).map_or_else(
        || {
            // An id that comes twice is no harm.
            let _ = getrandom::fill(&mut random);
            random.iter().map(|b| format!("{b:02x}")).collect()
        },
        str::to_owned,
    );
    HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static("none"))
}

fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    Problem::internal(&format!("a handler panicked: {}", text.unwrap_or("without a word"))).into_response()
}
