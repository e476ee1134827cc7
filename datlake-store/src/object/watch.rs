//! Stands between the clients and the network, and puts what servers answer into types: the clients keep only a text of it.

use async_trait::async_trait;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService, ReqwestConnector,
};

use super::failure::{NoCredentials, Refusal};

/// An answer that refuses is read up to here.
const LONGEST_REFUSAL: usize = 16 << 10;
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
        let response = match self.0.execute(request).await {
            Err(_) if for_credentials => return Err(HttpError::new(HttpErrorKind::Unknown, NoCredentials)),
            other => other?,
        };
        let status = response.status().as_u16();
        if (200..300).contains(&status) || status == 304 {
            return Ok(response);
        }
        if for_credentials {
            return Err(HttpError::new(HttpErrorKind::Unknown, NoCredentials));
        }
        let (parts, body) = response.into_parts();
        let text = beginning(body).await;
        let code = parts.headers.get("x-ms-error-code").and_then(|code| code.to_str().ok());
        let refusal = Refusal::read(status, code, &text);
        // These have a meaning of their own to the client: no such object, there is one.
        if matches!(status, 404 | 409 | 412) && !refusal.is_of_bucket() && !refusal.is_passing() {
            return Ok(HttpResponse::from_parts(parts, text.into()));
        }
        Err(HttpError::new(HttpErrorKind::Unknown, refusal))
    }
}

/// As much of a text as can matter; where it breaks off, what came.
async fn beginning(body: object_store::client::HttpResponseBody) -> String {
    use futures_util::StreamExt as _;
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
