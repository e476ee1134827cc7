//! Stands between the clients and the network, and puts what servers refuse into types: the clients keep only a text of it, and
//! none of some that are refused in an answer that says success.

use async_trait::async_trait;
use futures_util::StreamExt as _;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
    ReqwestConnector,
};
use reqwest::StatusCode;

use super::answer::{Expected, Flaw};
use super::failure::{NoAnswer, NoCredentials, Refusal};

/// An answer that refuses is read up to here.
const LONGEST_REFUSAL: usize = 16 << 10;
/// The longest answer that is no content: a page of 5000 objects takes a fraction.
const LONGEST_ANSWER: usize = 64 << 20;
/// Where machines in a cloud ask for their credentials.
const METADATA: [&str; 4] = ["169.254.169.254", "169.254.170.2", "169.254.170.23", "metadata.google.internal"];

/// Makes clients that are watched.
#[derive(Debug)]
pub(super) struct Watched;

impl HttpConnector for Watched {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Watch(ReqwestConnector::default().connect(options)?)))
    }
}

#[derive(Debug)]
struct Watch(HttpClient);

#[async_trait]
impl HttpService for Watch {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let for_credentials = request.uri().host().is_some_and(|host| METADATA.contains(&host));
        let expected = match for_credentials {
            true => Expected::Content,
            false => Expected::of(request.method().as_str(), request.uri().query().unwrap_or_default()),
        };
        let response = match self.0.execute(request).await {
            Err(_) if for_credentials => return Err(HttpError::new(HttpErrorKind::Unknown, NoCredentials)),
            other => other?,
        };
        let status = response.status();
        if status.is_success() || status.as_u16() == 304 {
            return if expected == Expected::Content { Ok(response) } else { checked(response, expected).await };
        }
        if for_credentials {
            return Err(HttpError::new(HttpErrorKind::Unknown, NoCredentials));
        }
        let (parts, body) = response.into_parts();
        let text = beginning(body).await;
        let code = parts.headers.get("x-ms-error-code").and_then(|code| code.to_str().ok());
        let refusal = Refusal::read(status.as_u16(), code, &text);
        refuse(HttpResponse::from_parts(parts, text.into()), refusal)
    }
}

/// An answer that says success, if it is one.
async fn checked(response: HttpResponse, expected: Expected) -> Result<HttpResponse, HttpError> {
    let (parts, body) = response.into_parts();
    let bytes = whole(body).await?;
    let checked = expected.check(parts.status.as_u16(), &String::from_utf8_lossy(&bytes));
    let response = HttpResponse::from_parts(parts, bytes.into());
    match checked {
        Ok(()) => Ok(response),
        Err(Flaw::Refused(refusal)) => refuse(response, refusal),
        Err(Flaw::NoAnswer(flaw)) => Err(HttpError::new(HttpErrorKind::Unknown, flaw)),
    }
}

fn refuse(mut response: HttpResponse, refusal: Refusal) -> Result<HttpResponse, HttpError> {
    // These have a meaning of their own to the client: no such object, there is one.
    if matches!(refusal.status, 404 | 409 | 412)
        && !refusal.is_of_bucket()
        && !refusal.is_passing()
        && let Ok(status) = StatusCode::from_u16(refusal.status)
    {
        *response.status_mut() = status;
        return Ok(response);
    }
    Err(HttpError::new(HttpErrorKind::Unknown, refusal))
}

/// All of a body that is no content.
async fn whole(body: HttpResponseBody) -> Result<Vec<u8>, HttpError> {
    let mut bytes = Vec::new();
    let mut stream = body.bytes_stream();
    while let Some(chunk) = stream.next().await {
        bytes.extend_from_slice(&chunk?);
        if bytes.len() > LONGEST_ANSWER {
            return Err(HttpError::new(HttpErrorKind::Unknown, NoAnswer("the answer does not end")));
        }
    }
    Ok(bytes)
}

/// As much of a text as can matter; where it breaks off, what came.
async fn beginning(body: HttpResponseBody) -> String {
    let mut bytes = Vec::new();
    let mut stream = body.bytes_stream();
    while let Some(Ok(chunk)) = stream.next().await {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > LONGEST_REFUSAL {
            break;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
