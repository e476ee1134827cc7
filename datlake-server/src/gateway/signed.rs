//! Who signed a request.

use s3s::auth::{S3Auth, SecretKey};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Result};

use super::refused::of_problem;
use crate::access::{Caller, Callers};

/// Knows the secrets that signatures are made with.
pub(super) struct Signers(pub(super) Callers);

#[async_trait::async_trait]
impl S3Auth for Signers {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        let secret = self.0.secret_of(access_key).await.map_err(|error| of_problem(error.into()))?;
        secret
            .map(SecretKey::from)
            .ok_or_else(|| S3Error::with_message(S3ErrorCode::InvalidAccessKeyId, "there is no such key pair"))
    }
}

/// Whoever signed a request, whose signature was checked.
pub(super) async fn signer<T>(callers: &Callers, request: &S3Request<T>) -> S3Result<Caller> {
    let refused = || S3Error::with_message(S3ErrorCode::AccessDenied, "this needs a signature");
    let credentials = request.credentials.as_ref().ok_or_else(refused)?;
    let caller = callers.of_signer(&credentials.access_key).await.map_err(|error| of_problem(error.into()))?;
    caller.ok_or_else(refused)
}
