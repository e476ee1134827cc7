//! About how much content a home holds, where there is a limit: tracked as it comes, so that it is seldom counted.
//!
//! `fill` in a home is text. Its first line has the bytes of the last count, at how many the next is due, and the limit; each
//! further line what came since. It is an estimate, and no part of the lake: removals are not in it, and if it is missing, or of
//! another limit, the next addition makes a count due.

use std::convert::identity;
use std::io::{Read as _, Seek as _, SeekFrom, Write};
use std::ops::Range;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use datlake_core::{Created, Error, Location, Pending, Prefix, Result, Sink, Store, Visit, VisitLevel};

use crate::delegate::delegate;

/// The name of the file in a home.
pub(crate) const NAME: &str = "fill";
/// The file is written anew from this size on.
const LONG: u64 = 1 << 20;

/// The tracked usage of a home.
#[derive(Debug)]
pub(crate) struct Usage {
    path: PathBuf,
    limit: u64,
    /// Whether a count is due.
    due: AtomicBool,
    read: Mutex<SoFar>,
}

/// What was read of the file.
#[derive(Clone, Copy, Debug, Default)]
struct SoFar {
    inode: u64,
    bytes: u64,
    sum: u64,
    due_at: u64,
}

impl Usage {
    pub(crate) fn new(home: &Path, limit: u64) -> Self {
        Self { path: home.join(NAME), limit, due: AtomicBool::new(false), read: Mutex::default() }
    }

    /// Whether a count is due.
    pub(crate) fn is_due(&self) -> bool {
        self.due.load(Ordering::Acquire)
    }

    /// Records a count; the next is due at `due_at`.
    pub(crate) fn settle(&self, counted: u64, due_at: u64, scratch: &Path) -> Result<()> {
        let failed = |e| Error::io("write", self.path.display(), e);
        std::fs::write(scratch, format!("{counted} {due_at} {}\n", self.limit)).map_err(failed)?;
        std::fs::rename(scratch, &self.path).map_err(failed)?;
        self.due.store(false, Ordering::Release);
        Ok(())
    }

    /// Adds `size`. The next count finds what cannot be written.
    fn note(&self, size: u64) {
        match self.add(size) {
            Ok((sum, due_at)) if sum < due_at => {}
            _ => self.due.store(true, Ordering::Release),
        }
    }

    fn add(&self, size: u64) -> std::io::Result<(u64, u64)> {
        let mut file = std::fs::File::options().read(true).append(true).open(&self.path)?;
        file.write_all(format!("{size}\n").as_bytes())?;
        let mut so_far = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let metadata = file.metadata()?;
        if so_far.inode != metadata.ino() || so_far.bytes > metadata.len() {
            *so_far = SoFar { inode: metadata.ino(), ..SoFar::default() };
        }
        file.seek(SeekFrom::Start(so_far.bytes))?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        for line in text.lines() {
            // Only the first line has three numbers. A line that is none was cut by a power failure.
            let mut numbers = line.split(' ').map(|number| number.parse().unwrap_or(0));
            so_far.sum = so_far.sum.saturating_add(numbers.next().unwrap_or(0));
            if let (Some(due_at), Some(limit)) = (numbers.next(), numbers.next()) {
                so_far.due_at = if limit == self.limit { due_at } else { 0 };
            }
        }
        so_far.bytes += text.len() as u64;
        let due = if so_far.bytes > LONG { 0 } else { so_far.due_at };
        Ok((so_far.sum, due))
    }
}

/// A home's store that tracks usage.
#[derive(Debug)]
pub(crate) struct TrackUsage {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) usage: Arc<Usage>,
}

impl TrackUsage {
    fn came(&self, at: &Location, created: Created, size: impl FnOnce() -> u64) -> Created {
        if at.content().is_some() && created == Created::New {
            self.usage.note(size());
        }
        created
    }
}

impl Store for TrackUsage {
    delegate!(store, identity: get fetch size list list_level remove describe);

    fn create<'a>(&'a self, at: &'a Location, bytes: &'a [u8]) -> Pending<'a, Created> {
        Box::pin(async move { Ok(self.came(at, self.store.create(at, bytes).await?, || bytes.len() as u64)) })
    }

    fn create_from<'a>(&'a self, at: &'a Location, file: &'a Path) -> Pending<'a, Created> {
        Box::pin(async move {
            let created = self.store.create_from(at, file).await?;
            Ok(self.came(at, created, || std::fs::metadata(file).map_or(0, |file| file.len())))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_several_processes_add_is_summed_until_somebody_counts() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (Usage::new(folder.path(), 99), Usage::new(folder.path(), 99));
        let count = |usage: &Usage, counted, due_at| usage.settle(counted, due_at, &folder.path().join("x")).unwrap();
        // Nobody has ever counted.
        one.note(1);
        assert!(one.is_due() && !two.is_due());
        count(&one, 90, 100);
        assert!(!one.is_due());
        two.note(4);
        one.note(5);
        assert!(!one.is_due() && !two.is_due());
        two.note(1);
        assert!(two.is_due() && !one.is_due());
        one.note(0);
        assert!(one.is_due());
        count(&two, 50, 100);
        one.note(49);
        two.note(0);
        assert!(!two.is_due());
        one.note(1);
        two.note(0);
        assert!(two.is_due());
        count(&two, 50, 100);
        let other = Usage::new(folder.path(), 60);
        other.note(1);
        assert!(other.is_due());
    }
}
