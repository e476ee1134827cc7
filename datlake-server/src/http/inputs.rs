//! What a handler gets of a request: refused with what is wrong, and where.

use aide::generate::GenContext;
use aide::openapi::{
    HeaderStyle, Operation, Parameter, ParameterData, ParameterSchemaOrContent, ReferenceOr, SchemaObject,
};
use aide::operation::OperationInput;
use axum::extract::{FromRequest, FromRequestParts, OptionalFromRequest, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderName, StatusCode};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::problem::{Problem, Reply};

/// The largest body of JSON.
const LARGEST: usize = 8 << 20;

/// So many characters of the path to a field are said.
const LONGEST_FIELD: usize = 100;
/// What says that a request is to be done once.
const ONCE: HeaderName = HeaderName::from_static("idempotency-key");

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
        // It is in no name, and not every database takes it.
        if parts.uri.query().is_some_and(|query| query.contains("%00")) {
            return Err(Problem::bad_request("a parameter has a NUL in it, which nothing here has"));
        }
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
        let bytes = whole_body(request.into_body(), LARGEST).await?;
        parsed(&bytes).map(Self)
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> OptionalFromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Reply<Option<Self>> {
        let bytes = whole_body(request.into_body(), LARGEST).await?;
        match bytes.trim_ascii() {
            b"" => Ok(None),
            bytes => parsed(bytes).map(|body| Some(Self(body))),
        }
    }
}

/// What has the wrong shape is 400, as clients of lakeFS expect it.
fn parsed<T: DeserializeOwned>(bytes: &[u8]) -> Reply<T> {
    let wrong = |e: &dyn std::fmt::Display| Problem::bad_request(format!("the body is wrong: {e}"));
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let body = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let (field, problem) = (error.path().to_string(), wrong(error.inner()));
        // Of all of it there is none; a long one is as long as clients like.
        match field.char_indices().nth(LONGEST_FIELD) {
            _ if field == "." => problem,
            Some((end, _)) => problem.of_field(format!("{}…", &field[..end])),
            None => problem.of_field(field),
        }
    })?;
    deserializer.end().map_err(|e| wrong(&e))?;
    Ok(body)
}

/// `Idempotency-Key`: what is sent again with the same one is done once.
#[derive(Clone, Debug)]
pub(crate) struct OnceKey(pub(crate) Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for OnceKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Reply<Self> {
        let Some(said) = parts.headers.get(ONCE) else { return Ok(Self(None)) };
        let said = said.to_str().unwrap_or_default();
        match (1..=255).contains(&said.len()) && said.bytes().all(|b| b.is_ascii_graphic()) {
            true => Ok(Self(Some(said.to_owned()))),
            false => {
                Err(Problem::bad_request("an `Idempotency-Key` has 1 to 255 printable ASCII characters, and no space"))
            }
        }
    }
}

impl OperationInput for OnceKey {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        let schema = ctx.schema.subschema_for::<String>();
        let parameter_data = ParameterData {
            name: "Idempotency-Key".to_owned(),
            description: Some("What is sent again with the same one, within a day, is done once".to_owned()),
            required: false,
            deprecated: None,
            format: ParameterSchemaOrContent::Schema(SchemaObject {
                json_schema: schema,
                example: None,
                external_docs: None,
            }),
            example: None,
            examples: Default::default(),
            explode: None,
            extensions: Default::default(),
        };
        let parameter = Parameter::Header { parameter_data, style: HeaderStyle::Simple };
        operation.parameters.push(ReferenceOr::Item(parameter));
    }
}

/// All of a body, which has `most` bytes at most.
///
/// # Errors
/// 413 for a larger one, 408 for one that does not come.
pub(crate) async fn whole_body(body: axum::body::Body, most: usize) -> Reply<bytes::Bytes> {
    axum::body::to_bytes(body, most).await.map_err(|error| {
        let is_large = std::error::Error::source(&error).is_some_and(|e| e.is::<http_body_util::LengthLimitError>());
        match is_large {
            true => Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {most} bytes")),
            false => Problem::new(StatusCode::REQUEST_TIMEOUT, "the body ended early, or came too slowly"),
        }
    })
}

impl<T: JsonSchema> OperationInput for JsonBody<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        axum::Json::<T>::operation_input(ctx, operation);
    }
}
