//! A local index of a lake's calls, in SQLite: `datlake find`, and `datlake lineage` of a creator, ask it which records may answer, and
//! read those alone.
//!
//! Invariants:
//! - It is a cache in the folder `index` of a machine's home, and never the truth: what it names is read from the record before it is
//!   shown, and judged by that. It names calls too many, and none too few.
//! - It is brought up to date by what is new, in time that does not depend on how much there is.
//! - Whatever is wrong with it, a question is answered, without it if need be.
//! - A pipeline does not link it: only the command does, and a server may.
//!
//! ```
//! use datlake::{CallQuery, Lake, Result, file_creator};
//!
//! #[file_creator]
//! fn double(n: u32) -> Result<u32> {
//!     Ok(2 * n)
//! }
//!
//! let lake = Lake::temp()?;
//! let _current = lake.enter();
//! (0..10).try_for_each(|n| double(n).map(drop))?;
//! let query = CallQuery::default().param("n>=7".parse()?).order("value".parse()?);
//! let answer = datlake_index::find_calls(&lake, &query)?;
//! assert_eq!(answer.found.calls.iter().map(|call| call.value.clone().unwrap()).collect::<Vec<_>>(), [14, 16, 18]);
//! assert!(answer.notes.is_empty());
//! # Ok::<(), datlake::Error>(())
//! ```

mod leaves;
mod questions;
mod reading;
mod rows;
mod schema;
mod select;
mod trouble;
mod update;

use std::time::Duration;

use self::questions::Questions;
use self::trouble::Trouble;
#[cfg(doc)]
use datlake::ErrorKind;
use datlake::report::FoundCalls;
use datlake::{CallKey, CallQuery, CreatorName, Lake};

/// How long another process that writes to the index is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was found, and how.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub struct FoundByIndex {
    /// What was found.
    pub found: FoundCalls,
    /// What was wrong with the index, for people: each a sentence without its full stop.
    pub notes: Vec<String>,
}

/// The calls for which every condition of `query` holds, as [`Lake::find_calls`] finds them. Which records that are on this machine
/// are read, the index says; it is made, or brought up to date, first. What a remote has is listed, and what is new of it is read.
/// Where the index cannot be used, every record is read.
///
/// # Errors
/// As [`Lake::find_calls`].
pub fn find_calls(lake: &Lake, query: &CallQuery) -> datlake::Result<FoundByIndex> {
    find_calls_waiting(lake, query, PATIENCE)
}

/// The same, where another process that writes to the index is waited for so long.
///
/// # Errors
/// As [`Lake::find_calls`].
pub fn find_calls_waiting(lake: &Lake, query: &CallQuery, patience: Duration) -> datlake::Result<FoundByIndex> {
    let mut notes = Vec::new();
    let by_index = |index: &mut Questions<'_>| lake.find_calls_by(query, index);
    let found = ask(lake, patience, None, &mut notes, by_index, || lake.find_calls(query))?;
    Ok(FoundByIndex { found, notes })
}

/// The calls of the only creator that is called so, in full or to the end of its name, that may be its `count` latest: in no order,
/// and more where that is not known. What was wrong with the index is added to `notes`, each a sentence without its full stop.
///
/// # Errors
/// [`ErrorKind::NotFound`] for no creator, [`ErrorKind::InvalidInput`] for several; those of reaching the stores.
///
/// ```
/// use datlake::{Lake, Result, file_creator};
///
/// #[file_creator]
/// fn double(n: u32) -> Result<u32> {
///     Ok(2 * n)
/// }
///
/// let lake = Lake::temp()?;
/// let _current = lake.enter();
/// (0..10).try_for_each(|n| double(n).map(drop))?;
/// assert_eq!(datlake_index::latest_calls(&lake, "double", 3, &mut Vec::new())?.len(), 3);
/// # Ok::<(), datlake::Error>(())
/// ```
pub fn latest_calls(
    lake: &Lake,
    creator: &str,
    count: usize,
    notes: &mut Vec<String>,
) -> datlake::Result<Vec<(CreatorName, CallKey)>> {
    let by_index = |index: &mut Questions<'_>| lake.latest_calls_by(creator, count, index);
    ask(lake, PATIENCE, CreatorName::new(creator).ok().as_ref(), notes, by_index, || lake.calls_of_creator(creator))
}

/// Asks the index, brought up to date, and where that cannot be used, the records. Where there is a creator of this name, nothing of
/// others is asked for at the remote.
fn ask<T: Default>(
    lake: &Lake,
    patience: Duration,
    creator: Option<&CreatorName>,
    notes: &mut Vec<String>,
    by_index: impl Fn(&mut Questions<'_>) -> datlake::Result<Option<T>>,
    by_records: impl FnOnce() -> datlake::Result<T>,
) -> datlake::Result<T> {
    let mut answer = ask_index(lake, patience, creator, &by_index);
    if answer.as_ref().is_err_and(Trouble::is_damage) && forget(lake).is_ok() {
        notes.push("the index of calls was damaged, and was made anew".to_owned());
        answer = ask_index(lake, patience, creator, &by_index);
    }
    match answer {
        Ok(answer) => answer,
        Err(trouble) => {
            notes.push(format!("every record was read, since the index of calls cannot be used: {trouble}"));
            by_records()
        }
    }
}

fn ask_index<T: Default>(
    lake: &Lake,
    patience: Duration,
    creator: Option<&CreatorName>,
    by_index: impl Fn(&mut Questions<'_>) -> datlake::Result<Option<T>>,
) -> Result<datlake::Result<T>, Trouble> {
    lake.home_store().leave_marks()?;
    let mut db = schema::open(&lake.home_store().index_folder(), patience)?;
    update::update(&mut db, lake)?;
    let mut is_known = false;
    if let Some(creator) = creator {
        update::add_remote(&mut db, lake, Some(creator))?;
        is_known = Questions::new(&db).knows(creator)?;
    }
    if !is_known {
        update::add_remote(&mut db, lake, None)?;
    }
    let mut questions = Questions::new(&db);
    let answer = by_index(&mut questions);
    match questions.trouble() {
        Some(trouble) => Err(trouble),
        None => Ok(answer.map(Option::unwrap_or_default)),
    }
}

/// Forgets what the index has of a lake's calls. The next question makes it anew.
///
/// # Errors
/// Errors of the file system.
///
/// ```
/// let lake = datlake::Lake::temp()?;
/// datlake_index::forget(&lake)?;
/// # Ok::<(), datlake::Error>(())
/// ```
pub fn forget(lake: &Lake) -> datlake::Result<()> {
    let folder = lake.home_store().index_folder();
    schema::remove(&folder).map_err(|e| datlake::Error::io("remove the index in", folder.display(), e))
}
