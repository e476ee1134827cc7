//! Ranges of content that is only at the remote.
//!
//! Invariants:
//! - A range is one request. Its size and that of the whole are checked. Its bytes are not: a digest covers all of them. Callers
//!   that need verified bytes open the whole.
//! - Ranges are not kept. The process counts what it fetched of each content; above a share, the whole is fetched.

use std::ops::Range;

use datlake_core::{Location, Result, Store};

use super::{LocalView, Wanted};
use crate::dir::Seal;

/// Up to this size content is fetched whole: a request takes longer than its bytes.
const SMALL: u64 = 1 << 20;

impl LocalView {
    /// Whether content should be read by [`range`](Self::range): it is large, only at the remote, and has its size there.
    ///
    /// # Errors
    /// [`MissingBlob`](datlake_core::ErrorKind::MissingBlob) where the remote does not have it, [`Corrupt`](datlake_core::ErrorKind::Corrupt) where it has another size.
    pub async fn has_ranges(&self, wanted: Wanted<'_>) -> Result<bool> {
        let Some(remote) = self.afar(wanted)? else { return Ok(false) };
        let found = remote.size(&Location::Blob(*wanted.digest)).await?;
        check_size(remote, wanted, found)?;
        Ok(true)
    }

    /// The bytes of a `range` within content that is only at the remote; `None` where the whole should be opened instead.
    ///
    /// # Errors
    /// As [`has_ranges`](Self::has_ranges).
    pub async fn range(&self, wanted: Wanted<'_>, range: Range<u64>) -> Result<Option<Vec<u8>>> {
        let Some(remote) = self.afar(wanted)? else { return Ok(None) };
        let length = range.end.saturating_sub(range.start);
        if !self.ranges.add(wanted, length) {
            return Ok(None);
        }
        let _permit = self.transfer().await?;
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        let found = remote.fetch(&Location::Blob(*wanted.digest), range, &mut bytes).await?;
        check_size(remote, wanted, found)?;
        if bytes.len() as u64 != length {
            return Err(wanted.came_damaged(remote, &format!("{} of {length} bytes of a range", bytes.len())));
        }
        Ok(Some(bytes))
    }

    /// The remote, where content is worth its ranges.
    fn afar(&self, wanted: Wanted<'_>) -> Result<Option<&dyn Store>> {
        let Some(remote) = &self.catalog.remote else { return Ok(None) };
        let afar = wanted.size > SMALL && self.dir.inspect(wanted.digest, wanted.size)? == Seal::Missing;
        Ok(afar.then_some(&**remote))
    }
}

fn check_size(remote: &dyn Store, wanted: Wanted<'_>, found: Option<u64>) -> Result<()> {
    match found {
        None => Err(wanted.nowhere(remote)),
        Some(size) if size != wanted.size => Err(wanted.came_damaged(remote, &format!("{size} bytes"))),
        Some(_) => Ok(()),
    }
}
