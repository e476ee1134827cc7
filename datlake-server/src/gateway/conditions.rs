//! Conditions of requests that read, and the part of an object that one asks for by a number.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use datlake::report::ObjectInfo;
use s3s::dto::{ETagCondition, Timestamp};
use s3s::{S3Error, S3ErrorCode, S3Result};

use super::key::{changed_at, meets};

/// What must be so for an object to be read.
pub(super) struct Conditions {
    pub(super) is: Option<ETagCondition>,
    pub(super) is_not: Option<ETagCondition>,
    pub(super) changed_since: Option<Timestamp>,
    pub(super) unchanged_since: Option<Timestamp>,
    /// The number of a part.
    pub(super) part: Option<i32>,
}

/// Those of a request.
macro_rules! conditions_of {
    ($input:expr) => {
        crate::gateway::conditions::Conditions {
            is: $input.if_match.clone(),
            is_not: $input.if_none_match.clone(),
            changed_since: $input.if_modified_since.clone(),
            unchanged_since: $input.if_unmodified_since.clone(),
            part: $input.part_number,
        }
    };
}
pub(super) use conditions_of;

impl Conditions {
    /// Refuses what does not meet them. A time says something where no ETag does.
    pub(super) fn check(&self, object: &ObjectInfo) -> S3Result<()> {
        let changed = Timestamp::from(whole_seconds(changed_at(object)));
        let is_met = match (&self.is, &self.unchanged_since) {
            (Some(tag), _) => meets(tag, object),
            (None, Some(since)) => changed <= *since,
            (None, None) => true,
        };
        if !is_met {
            let message = "the object is not the one that the request is for: it has another ETag, or was changed";
            return Err(S3Error::with_message(S3ErrorCode::PreconditionFailed, message));
        }
        let is_known = match (&self.is_not, &self.changed_since) {
            (Some(tag), _) => meets(tag, object),
            (None, Some(since)) => changed <= *since,
            (None, None) => false,
        };
        if is_known {
            return Err(S3Error::with_message(S3ErrorCode::NotModified, "it is what the client has"));
        }
        match self.part {
            None | Some(1) => Ok(()),
            Some(_) => {
                let message = "an object here is one part, however it was uploaded: its number is 1";
                let mut error = S3Error::with_message(S3ErrorCode::Custom("InvalidPartNumber".into()), message);
                error.set_status_code(axum::http::StatusCode::RANGE_NOT_SATISFIABLE);
                Err(error)
            }
        }
    }
}

/// As headers say times.
fn whole_seconds(at: SystemTime) -> SystemTime {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    UNIX_EPOCH + Duration::from_secs(since.as_secs())
}
