//! What there is of a call.

use serde::{Deserialize, Serialize};

/// What there is of a call.
///
/// ```
/// use datlake::{Lake, Result, Status, file_creator};
///
/// #[file_creator]
/// fn double(n: u32) -> Result<u32> {
///     Ok(2 * n)
/// }
///
/// let lake = Lake::temp()?;
/// let _current = lake.enter();
/// assert_eq!(double::call(4).status()?, Status::Missing);
/// double(4)?;
/// assert_eq!(double::call(4).status()?, Status::Cached);
/// # Ok::<(), datlake::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It would be skipped.
    Cached,
    /// Another thread, task or process of this machine runs it.
    Running,
    /// It would run.
    Missing,
}
