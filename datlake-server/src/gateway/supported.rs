//! What a request asks for that nothing here does: it is refused, for whatever was done in its place would be something else.

use axum::http::{HeaderMap, Method};
use s3s::access::{S3Access, S3AccessContext};
use s3s::{S3Error, S3ErrorCode, S3Result};

use super::checked::TRAILERS;

/// The longest that a presigned URL is valid, in seconds.
const LONGEST: u64 = 7 * 24 * 3600;
/// What headers begin with that say what is not done.
const NOT_DONE: [&str; 6] = [
    "x-amz-write-offset-bytes",
    "x-amz-rename-source",
    "x-amz-server-side-encryption-customer-",
    "x-amz-copy-source-server-side-encryption-customer-",
    "x-amz-object-lock-",
    "x-amz-mfa",
];
/// Headers about checksums that have none.
const OF_CHECKSUMS: [&str; 3] = ["x-amz-checksum-algorithm", "x-amz-checksum-type", "x-amz-checksum-mode"];
/// The parameters of requests that change something, beside those of signatures.
const OF_CHANGES: [&str; 9] =
    ["delete", "uploads", "uploadid", "partnumber", "versionid", "x-id", "awsaccesskeyid", "signature", "expires"];

/// Lets a request through that is signed, and asks for what there is.
pub(super) struct Supported;

#[async_trait::async_trait]
impl S3Access for Supported {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        if context.credentials().is_none() {
            return Err(S3Error::with_message(S3ErrorCode::AccessDenied, "this needs a signature"));
        }
        check_headers(context.headers())?;
        let query = context.uri().query().unwrap_or_default();
        query.split('&').filter(|one| !one.is_empty()).try_for_each(|one| {
            let (name, value) = one.split_once('=').unwrap_or((one, ""));
            check_parameter(context.method(), name, value)
        })
    }
}

fn not_done(what: &str) -> S3Error {
    let message = format!("`{what}` asks for what this server does not do: nothing was done; leave it out");
    S3Error::with_message(S3ErrorCode::NotImplemented, message)
}

/// The error of a version, which no object has.
pub(super) fn no_version() -> S3Error {
    let message = "objects have no versions here: the key of an object as it was begins with a commit or a tag";
    S3Error::with_message(S3ErrorCode::NoSuchVersion, message)
}

fn check_headers(headers: &HeaderMap) -> S3Result<()> {
    for name in headers.keys().map(axum::http::HeaderName::as_str) {
        let is_checksum = name.starts_with("x-amz-checksum-") && !OF_CHECKSUMS.contains(&name);
        if NOT_DONE.iter().any(|begins| name.starts_with(begins)) || (is_checksum && !TRAILERS.contains(&name)) {
            return Err(not_done(name));
        }
    }
    let trailers = headers.get_all("x-amz-trailer").iter().filter_map(|names| names.to_str().ok());
    let mut trailers = trailers.flat_map(|names| names.split(',')).map(|name| name.trim().to_ascii_lowercase());
    trailers.find(|name| !TRAILERS.contains(&&**name)).map_or(Ok(()), |name| Err(not_done(&name)))
}

fn check_parameter(method: &Method, name: &str, value: &str) -> S3Result<()> {
    let lower = name.to_ascii_lowercase();
    if lower == "versionid" && value != "null" {
        return Err(no_version());
    }
    if lower == "x-amz-expires" && value.parse().is_ok_and(|seconds: u64| seconds > LONGEST) {
        let message = format!("a presigned URL is valid for at most {LONGEST} seconds");
        return Err(S3Error::with_message(S3ErrorCode::AuthorizationQueryParametersError, message));
    }
    // Signed headers may stand there as well.
    if NOT_DONE.iter().any(|begins| lower.starts_with(begins)) {
        return Err(not_done(name));
    }
    let reads = method == Method::GET || method == Method::HEAD;
    match reads || lower.starts_with("x-amz-") || OF_CHANGES.contains(&&*lower) {
        true => Ok(()),
        false => Err(not_done(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(error: S3Result<()>) -> String {
        error.err().map_or_else(String::new, |error| error.code().as_str().to_owned())
    }

    #[test]
    fn what_is_not_done_is_refused_and_nothing_else() {
        for (method, name, value, expected) in [
            (Method::PUT, "renameObject", "", "NotImplemented"),
            (Method::PUT, "acl", "", "NotImplemented"),
            (Method::PUT, "partNumber", "1", ""),
            (Method::PUT, "X-Amz-Signature", "00", ""),
            (Method::PUT, "X-Amz-Write-Offset-Bytes", "5", "NotImplemented"),
            (Method::POST, "delete", "", ""),
            (Method::DELETE, "versionId", "null", ""),
            (Method::DELETE, "versionId", "", "NoSuchVersion"),
            (Method::GET, "versionId", "3", "NoSuchVersion"),
            (Method::GET, "list-type", "2", ""),
            (Method::GET, "X-Amz-Expires", "604800", ""),
            (Method::GET, "X-Amz-Expires", "604801", "AuthorizationQueryParametersError"),
        ] {
            assert_eq!(code(check_parameter(&method, name, value)), expected, "{method} {name}={value}");
        }
        for (name, value, expected) in [
            ("x-amz-checksum-crc32", "AAAAAA==", ""),
            ("x-amz-checksum-mode", "ENABLED", ""),
            ("x-amz-checksum-sha512", "AAAA", "NotImplemented"),
            ("x-amz-trailer", "X-Amz-Checksum-SHA256", ""),
            ("x-amz-trailer", "x-amz-checksum-crc32, x-amz-checksum-xxhash64", "NotImplemented"),
            ("x-amz-object-lock-mode", "COMPLIANCE", "NotImplemented"),
            ("x-amz-server-side-encryption", "AES256", ""),
            ("x-amz-server-side-encryption-customer-key", "AAAA", "NotImplemented"),
        ] {
            let headers = [(name.parse().unwrap(), value.parse().unwrap())].into_iter().collect();
            assert_eq!(code(check_headers(&headers)), expected, "{name}: {value}");
        }
    }
}
