//! Content on this machine, and when it was last used.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, SystemTime};

use datlake_core::{Digest, Entry, Prefix, Result, Store, StoreExt as _};

use crate::handle::Lake;

/// Content on this machine.
pub(super) struct Stored {
    pub(super) digest: Digest,
    pub(super) size: u64,
    pub(super) used: SystemTime,
    /// Whether a path that was handed out leads to it.
    pub(super) linked: bool,
}

impl Lake {
    pub(super) async fn stored(&self) -> Result<Vec<Stored>> {
        let mut stored = Vec::new();
        for (digest, size) in sizes(&*self.catalog().local).await? {
            let path = self.local_view().place_of(&digest);
            let Ok(found) = std::fs::metadata(&path) else { continue };
            let seconds = found.atime().max(found.ctime()).max(0).unsigned_abs();
            let used = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            stored.push(Stored { digest, size, used, linked: found.nlink() > 1 });
        }
        Ok(stored)
    }
}

/// All content of a store, with its size.
pub(super) async fn sizes(store: &dyn Store) -> Result<HashMap<Digest, u64>> {
    let mut sizes = HashMap::new();
    let gather = |entry: Entry| sizes.extend(entry.location.content().map(|digest| (digest, entry.size)));
    store.each(&Prefix::Blobs, gather).await?;
    Ok(sizes)
}
