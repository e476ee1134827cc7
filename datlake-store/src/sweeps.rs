//! What a home remembers of the sweeps at its remote: how many there were, and packs that were there since.
//!
//! One small file for each lake that is a remote, in the home's `remotes/`. If it cannot be written or read, the remote is asked.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use datlake_core::Digest;
use datlake_core::catalog::SweepMemory;

use crate::remote::Remote;

/// So many packs are remembered.
const MOST: usize = 4096;

/// What a home remembers of its remote's sweeps.
#[derive(Debug)]
pub(crate) struct Sweeps {
    folder: PathBuf,
    remote: Remote,
}

/// What is in the file.
#[derive(Default)]
struct Remembered {
    swept: u64,
    /// What the remote had after that, and keeps until the next sweep.
    packs: BTreeSet<Digest>,
}

impl Sweeps {
    pub(crate) fn of(home: &Path, remote: Remote) -> Self {
        Self { folder: home.join("remotes"), remote }
    }

    /// By the lake, whose numbers they are. `None` where no earlier process found out which it is.
    fn path(&self) -> Option<PathBuf> {
        Some(self.folder.join(format!("{}.swept", self.remote.known_id()?)))
    }

    fn read(&self) -> Option<Remembered> {
        let text = std::fs::read_to_string(self.path()?).ok()?;
        let mut lines = text.lines();
        let swept = lines.next()?.parse().ok()?;
        Some(Remembered { swept, packs: lines.map(str::parse).collect::<Result<_, _>>().ok()? })
    }

    fn write(&self, known: &Remembered) {
        let Some(path) = self.path() else { return };
        let mut text = format!("{}\n", known.swept);
        for pack in &known.packs {
            let _ = writeln!(text, "{pack}");
        }
        // Whole or not at all: two processes may write at once.
        let new = path.with_extension(format!("{}.new", std::process::id()));
        let written = std::fs::write(&new, text).and_then(|()| std::fs::rename(&new, &path));
        if written.is_err() {
            let _ = std::fs::remove_file(&new);
        }
    }

    /// The packs that the remote had when so many sweeps had been, and keeps until the next.
    pub(crate) fn packs(&self, swept: u64) -> BTreeSet<Digest> {
        self.read().filter(|known| known.swept == swept).unwrap_or_default().packs
    }

    /// The remote has these packs, and so many sweeps had been before.
    pub(crate) fn note_packs(&self, swept: u64, packs: BTreeSet<Digest>) {
        let mut known =
            self.read().filter(|known| known.swept == swept).unwrap_or(Remembered { swept, ..Remembered::default() });
        if packs.is_subset(&known.packs) {
            return;
        }
        if known.packs.len() + packs.len() > MOST {
            known.packs.clear();
        }
        known.packs.extend(packs.into_iter().take(MOST));
        self.write(&known);
    }
}

impl SweepMemory for Sweeps {
    fn load(&self) -> Option<u64> {
        self.read().map(|known| known.swept)
    }

    fn save(&self, swept: u64) {
        if self.load() != Some(swept) {
            self.write(&Remembered { swept, ..Remembered::default() });
        }
    }
}
