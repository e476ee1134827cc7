//! Which lakes the files belong to that are being serialized.

use std::cell::RefCell;

use crate::handle::Lake;

thread_local! {
    /// What was met so far, while somebody wants to know.
    static SEEN: RefCell<Option<SeenLakes>> = const { RefCell::new(None) };
}

/// The lakes of the files that were serialized.
#[derive(Default)]
pub struct SeenLakes {
    /// The first one.
    pub lake: Option<Lake>,
    /// Whether there was another.
    pub mixed: bool,
}

/// A file of `lake` is being serialized.
#[inline]
pub fn note_lake(lake: &Lake) {
    SEEN.with_borrow_mut(|seen| {
        let Some(seen) = seen else { return };
        match &seen.lake {
            None => seen.lake = Some(lake.clone()),
            Some(known) if known == lake => {}
            Some(_) => seen.mixed = true,
        }
    });
}

/// Does `write`, which serializes; also which lakes it met, where `first` was met before.
pub fn seen_lakes<R>(first: Option<Lake>, write: impl FnOnce() -> R) -> (R, SeenLakes) {
    let before = SEEN.replace(Some(SeenLakes { lake: first, mixed: false }));
    let written = write();
    (written, SEEN.replace(before).unwrap_or_default())
}
