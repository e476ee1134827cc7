//! What an error is to a client: problem details (RFC 9457), with the `message` that clients of lakeFS read.

use aide::OperationOutput;
use aide::generate::GenContext;
use aide::openapi::{MediaType, Operation, Response as Documented, SchemaObject, StatusCode as Code};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use datlake::{Error, ErrorKind};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Serialize;

/// Why a database cannot be written to. Nothing of these is secret, and whoever asks is to know that asking again soon is in vain.
pub(crate) const DATABASE_FULL: &str =
    "the disk of the server's database is full: nothing can be changed until there is room";
pub(crate) const DATABASE_READ_ONLY: &str = "the server's database can only be read now: nothing can be changed";
/// The message about key pairs whose secrets cannot be read.
pub(crate) const SEALED: &str = "the secrets of key pairs were sealed with another key than the server has: whoever runs it starts it with \
                                 that key; tokens are as good as before";
const DISK_FULL: &str = "the disk of the server is full: nothing can be put until there is room";
const OUT_OF_REACH: &str = "the store or the database of the server cannot be reached now; try again";

/// An error, as a client sees it.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    message: String,
    field: Option<String>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

pub(crate) type Reply<T> = Result<T, Problem>;

/// The body: RFC 9457.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ProblemDetails {
    /// What kind of problem: the status says it.
    r#type: &'static str,
    /// The status in words.
    title: &'static str,
    /// The status.
    status: u16,
    /// What happened, to which object, and what to do next.
    detail: String,
    /// The same, for clients of lakeFS.
    message: String,
    /// The field of the body that is at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), field: None, headers: Vec::new() }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// An error of ours: what happened is in the log alone.
    pub(crate) fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "a request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the server failed; its log says why, beside the id of this request",
        )
    }

    /// The same, with a header.
    pub(crate) fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// The same, of a field of the body.
    pub(crate) fn of_field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    pub(crate) fn into_parts(self) -> (StatusCode, String) {
        (self.status, self.message)
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let status = match error.kind() {
            ErrorKind::InvalidInput | ErrorKind::Unchanged | ErrorKind::Uncommitted => StatusCode::BAD_REQUEST,
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::AlreadyExists | ErrorKind::InUse | ErrorKind::Conflict => StatusCode::CONFLICT,
            ErrorKind::MissingBlob => StatusCode::GONE,
            ErrorKind::Busy | ErrorKind::Unavailable => {
                tracing::warn!(%error, "the store or the database does not do it");
                let told =
                    [DATABASE_FULL, DATABASE_READ_ONLY, SEALED].into_iter().find(|told| error.message() == *told);
                return Self::new(StatusCode::SERVICE_UNAVAILABLE, told.unwrap_or(OUT_OF_REACH))
                    .with_header(header::RETRY_AFTER, "1");
            }
            _ if is_full(&error) => {
                tracing::warn!(%error, "the disk is full");
                return Self::new(StatusCode::SERVICE_UNAVAILABLE, DISK_FULL).with_header(header::RETRY_AFTER, "1");
            }
            _ => return Self::internal(&error),
        };
        // As clients of lakeFS look for it.
        let what = if error.kind() == ErrorKind::Unchanged { "no changes: " } else { "" };
        let hint = error.hint().map_or_else(String::new, |hint| format!("; {hint}"));
        Self::new(status, format!("{what}{}{hint}", error.message()))
    }
}

/// What a problem says, beside the answer that is made of it: a page says it otherwise.
#[derive(Clone)]
pub(crate) struct SaidProblem(pub(crate) String);

/// Whether something could not be written because there is no room: so `Error::io` says it.
fn is_full(error: &Error) -> bool {
    error.message().contains(": the disk is full")
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self { status, message, field, headers } = self;
        let title = status.canonical_reason().unwrap_or("Error");
        let (detail, status_code, said) = (message.clone(), status.as_u16(), SaidProblem(message.clone()));
        let body = ProblemDetails { r#type: "about:blank", title, status: status_code, detail, message, field };
        let mut response = (status, axum::Json(body)).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response.headers_mut().extend(headers);
        response.extensions_mut().insert(said);
        response
    }
}

impl OperationOutput for Problem {
    type Inner = ProblemDetails;

    fn operation_response(ctx: &mut GenContext, _: &mut Operation) -> Option<Documented> {
        let json_schema = ctx.schema.subschema_for::<ProblemDetails>();
        let schema = SchemaObject { json_schema, example: None, external_docs: None };
        let content = MediaType { schema: Some(schema), ..MediaType::default() };
        Some(Documented {
            description: "What went wrong".to_owned(),
            content: IndexMap::from_iter([("application/problem+json".to_owned(), content)]),
            ..Documented::default()
        })
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<Code>, Documented)> {
        Self::operation_response(ctx, operation).map(|response| (None, response)).into_iter().collect()
    }
}
