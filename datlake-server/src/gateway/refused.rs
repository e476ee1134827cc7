//! What an error is to a client of S3.

use datlake::{Error, ErrorKind};
use s3s::{S3Error, S3ErrorCode};

use crate::problem::Problem;

/// What a client of S3 gets for an error of the library.
pub(super) fn refused(error: Error) -> S3Error {
    let code = match error.kind() {
        ErrorKind::InvalidInput => S3ErrorCode::InvalidArgument,
        ErrorKind::NotFound => S3ErrorCode::NoSuchKey,
        ErrorKind::AlreadyExists => S3ErrorCode::PreconditionFailed,
        _ => return of_problem(error.into()),
    };
    S3Error::with_message(code, error.message().to_owned())
}

/// The same for what other clients get.
pub(super) fn of_problem(problem: Problem) -> S3Error {
    let (status, message) = problem.into_parts();
    let code = match status.as_u16() {
        400 => S3ErrorCode::InvalidArgument,
        403 => S3ErrorCode::AccessDenied,
        404 => S3ErrorCode::NoSuchBucket,
        409 => S3ErrorCode::OperationAborted,
        412 => S3ErrorCode::PreconditionFailed,
        503 => S3ErrorCode::ServiceUnavailable,
        _ => S3ErrorCode::InternalError,
    };
    let mut error = S3Error::with_message(code, message);
    error.set_status_code(status);
    error
}
