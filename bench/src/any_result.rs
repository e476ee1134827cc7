//! What can fail here, for whatever reason.

pub(crate) type AnyResult<T> = Result<T, Box<dyn std::error::Error>>;
