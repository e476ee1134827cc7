//! Answers with another status than 200, in the OpenAPI document too.

use aide::generate::GenContext;
use aide::openapi::{Operation, Response as Documented, StatusCode as Code};
use aide::operation::OperationOutput;
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncReadExt as _, Take};
use tokio_util::io::ReaderStream;

/// So much of an object is in memory at a time.
const PIECE: u64 = 256 << 10;

/// The next `length` bytes of content.
pub(crate) fn pieces<R: AsyncRead>(content: R, length: u64) -> ReaderStream<Take<R>> {
    ReaderStream::with_capacity(content.take(length), length.clamp(1, PIECE) as usize)
}

/// 201.
pub(crate) struct CreatedJson<T>(pub(crate) T);

/// 202.
pub(crate) struct AcceptedJson<T>(pub(crate) T);

/// 204.
pub(crate) struct NoContent;

macro_rules! with_status {
    ($($type:ident $status:ident)*) => {
        $(
            impl<T: Serialize> IntoResponse for $type<T> {
                fn into_response(self) -> Response {
                    (StatusCode::$status, Json(self.0)).into_response()
                }
            }

            impl<T: JsonSchema> OperationOutput for $type<T> {
                type Inner = T;

                fn operation_response(ctx: &mut GenContext, operation: &mut Operation) -> Option<Documented> {
                    Json::<T>::operation_response(ctx, operation)
                }

                fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<Code>, Documented)> {
                    let response = Self::operation_response(ctx, operation);
                    response.map(|response| (Some(Code::Code(StatusCode::$status.as_u16())), response)).into_iter().collect()
                }
            }
        )*
    };
}

with_status! {
    CreatedJson CREATED
    AcceptedJson ACCEPTED
}

impl IntoResponse for NoContent {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

impl OperationOutput for NoContent {
    type Inner = ();

    fn operation_response(_: &mut GenContext, _: &mut Operation) -> Option<Documented> {
        Some(Documented { description: "Done".to_owned(), ..Documented::default() })
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<Code>, Documented)> {
        let response = Self::operation_response(ctx, operation);
        response.map(|response| (Some(Code::Code(StatusCode::NO_CONTENT.as_u16())), response)).into_iter().collect()
    }
}
