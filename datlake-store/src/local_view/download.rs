//! Content on its way from the remote to this machine.
//!
//! Invariants:
//! - What comes has the digest and the size that were asked for, or it is thrown away. Nothing is written beyond that size.
//! - Large content whose download breaks off, also by the death of its process, stays in the home as `tmp/part-<digest>`. Who
//!   asks for it again reads what is there and fetches the rest; the digest of all decides. Only the holder of the claim on
//!   this download touches it.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use datlake_core::{Digest, Error, ErrorKind, Location, Result, Store};

use super::{LocalView, Wanted, claim_of};
use crate::dir::LockAttempt;
use crate::hashing::{Expecting, Hashing};

/// Bytes between two words about a download.
const PROGRESS: u64 = 4 << 20;
/// From this size on a download that breaks off is worth keeping.
const WORTH_KEEPING: u64 = 32 << 20;
/// What broke off and was not asked for again for so long goes.
const STALE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// What such files are called, before the digest.
const PART: &str = "part-";

impl LocalView {
    /// Downloads content that is not here; `claimed` where nobody else does so now.
    pub(super) async fn download(&self, remote: &dyn Store, wanted: Wanted<'_>, claimed: bool) -> Result<()> {
        let _permit = self.transfer().await?;
        let scratch = self.scratch()?;
        let keep = claimed && wanted.size >= WORTH_KEEPING;
        let path = if keep {
            self.clear_parts();
            self.parts().join(format!("{PART}{}", wanted.digest))
        } else {
            scratch.file()?
        };
        let outcome = self.download_to(remote, wanted, &path).await;
        let kept = |error: &Error| keep && matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Denied);
        if !outcome.as_ref().is_err_and(kept) {
            let _ = std::fs::remove_file(&path);
        }
        outcome
    }

    /// Goes on with the file at `path`, or begins it.
    async fn download_to(&self, remote: &dyn Store, wanted: Wanted<'_>, path: &Path) -> Result<()> {
        let at = Location::Blob(*wanted.digest);
        loop {
            let mut sink = Telling::begin(path, wanted).map_err(|e| Error::io("write", path.display(), e))?;
            let begun = sink.told;
            let fetched = remote.fetch(&at, begun..u64::MAX, &mut sink).await;
            if sink.sink.exceeded {
                return Err(wanted.came_damaged(remote, "more bytes"));
            }
            let (digest, size) = (sink.sink.hash.digest(), sink.sink.hash.size());
            if fetched?.is_none() {
                return Err(match self.elsewhere(wanted.digest) {
                    Some(there) => wanted.nowhere_but(remote, &there),
                    None => wanted.nowhere(remote),
                });
            }
            if (digest, size) == (*wanted.digest, wanted.size) {
                return self.catalog.cache.create_from(&at, path).await.map(drop);
            }
            let _ = std::fs::remove_file(path);
            if begun == 0 {
                return Err(wanted.came_damaged(remote, &format!("{size} bytes of {digest}")));
            }
            // It may be what was there before: all of it is fetched.
        }
    }

    fn parts(&self) -> PathBuf {
        self.dir.root().join("tmp")
    }

    /// Removes what broke off long ago, or is here by now. Best effort: what stays is in nobody's way.
    fn clear_parts(&self) {
        let Ok(entries) = std::fs::read_dir(self.parts()) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(digest) = name.to_str().and_then(|name| name.strip_prefix(PART)?.parse::<Digest>().ok()) else {
                continue;
            };
            let modified = entry.metadata().and_then(|metadata| metadata.modified());
            let is_old = modified.is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age > STALE));
            if (is_old || self.place_of(&digest).exists())
                && let Ok(LockAttempt::Won(_lease)) = self.dir.try_claim(&claim_of(&digest), "clear")
            {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

/// Tells how much has passed. Its errors name the file here: to the store that writes into it, it is any sink.
struct Telling<'a> {
    path: &'a Path,
    sink: Expecting<File>,
    told: u64,
    progress: &'a (dyn Fn(u64) + Sync),
}

impl<'a> Telling<'a> {
    /// Goes on behind what the file at `path` holds of the content.
    fn begin(path: &'a Path, wanted: Wanted<'a>) -> std::io::Result<Self> {
        let open = || OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let file = match open() {
            // It was finished and sealed by somebody who died before it got its name.
            Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => {
                std::fs::remove_file(path)?;
                open()?
            }
            file => file?,
        };
        if file.metadata()?.len() > wanted.size {
            file.set_len(0)?;
        }
        let sink = Expecting::new(Hashing::behind(file)?, wanted.size);
        let told = sink.hash.size();
        Ok(Self { path, sink, told, progress: wanted.progress })
    }
}

impl Write for Telling<'_> {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        let n = self.sink.write(buf).map_err(|e| Error::io("download to", self.path.display(), e))?;
        let size = self.sink.hash.size();
        if size - self.told >= PROGRESS {
            self.told = size;
            (self.progress)(size);
        }
        Ok(n)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.sink.flush()
    }
}
