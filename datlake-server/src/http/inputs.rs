//! What a handler gets of a request: refused with what is wrong, and where.

use aide::generate::GenContext;
use aide::openapi::Operation;
use aide::operation::OperationInput;
use axum::extract::{FromRequest, FromRequestParts, OptionalFromRequest, Path, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::problem::{Problem, Reply};

/// The largest body of JSON.
const LARGEST: usize = 8 << 20;

/// The parameters of the path.
pub(crate) struct At<T>(pub(crate) T);

/// The parameters behind the path.
pub(crate) struct Query<T>(pub(crate) T);

/// A body of JSON. As an `Option`, one that may be left out.
#[derive(Default)]
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for At<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Reply<Self> {
        let found = Path::<T>::from_request_parts(parts, state).await;
        found.map(|Path(at)| Self(at)).map_err(|refused| Problem::bad_request(refused.body_text()))
    }
}

impl<T: JsonSchema> OperationInput for At<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        Path::<T>::operation_input(ctx, operation);
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Reply<Self> {
        let found = axum::extract::Query::<T>::from_request_parts(parts, state).await;
        found.map(|query| Self(query.0)).map_err(|refused| Problem::bad_request(refused.body_text()))
    }
}

impl<T: JsonSchema> OperationInput for Query<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        axum::extract::Query::<T>::operation_input(ctx, operation);
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Reply<Self> {
        let bytes = whole(request.into_body()).await?;
        // What has the wrong shape is 400, as clients of lakeFS expect it.
        let wrong = |e| Problem::bad_request(format!("the body is wrong: {e}"));
        serde_json::from_slice(&bytes).map(Self).map_err(wrong)
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> OptionalFromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Reply<Option<Self>> {
        let bytes = whole(request.into_body()).await?;
        let wrong = |e| Problem::bad_request(format!("the body is wrong: {e}"));
        match bytes.trim_ascii() {
            b"" => Ok(None),
            bytes => serde_json::from_slice(bytes).map(|body| Some(Self(body))).map_err(wrong),
        }
    }
}

/// All of a body, which is not large.
async fn whole(body: axum::body::Body) -> Reply<bytes::Bytes> {
    axum::body::to_bytes(body, LARGEST).await.map_err(|_| {
        let message = format!("the body ended early, or is larger than {LARGEST} bytes");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    })
}

impl<T: JsonSchema> OperationInput for JsonBody<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        axum::Json::<T>::operation_input(ctx, operation);
    }
}
