//! The journals of this machine's runs, one file each, to which only its run appends.
//!
//! Nothing here is synced: after a power failure the last lines may be missing.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;

use datlake_core::{RUNS, Result, run_file, run_of};

use super::DirStore;
use super::sys::make_dir;

/// Runs that are kept.
const KEPT: usize = 1000;
/// The sizes are looked at with one in so many runs.
const CHECKED: usize = 32;
/// Bytes that they may take together.
const BYTES: u64 = 256 << 20;

impl DirStore {
    /// Appends `lines` to the run's file. A file that is not there is made, and begins with `head`; then the oldest runs go,
    /// where there are very many. Gives how many bytes it has then.
    ///
    /// # Errors
    /// Errors of the file system. Part of `lines` may have been written then.
    pub fn append_run(&self, run: &str, head: &[u8], lines: &[u8]) -> Result<u64> {
        self.append(run, head, lines).map_err(|e| self.failed("write to", &format!("{RUNS}/{}", run_file(run)), e))
    }

    fn append(&self, run: &str, head: &[u8], lines: &[u8]) -> io::Result<u64> {
        let folder = self.root().join(RUNS);
        let path = folder.join(run_file(run));
        let open = || OpenOptions::new().append(true).create(true).open(&path);
        let mut file = match open() {
            Err(e) if e.kind() == io::ErrorKind::NotFound => make_dir(&folder).and_then(|()| open())?,
            opened => opened?,
        };
        let before = file.metadata()?.len();
        if before > 0 {
            file.write_all(lines)?;
            return Ok(before + lines.len() as u64);
        }
        file.write_all(&[head, lines].concat())?;
        // What cannot be cleared away is in nobody's way.
        let _ = self.clear_runs(run);
        Ok((head.len() + lines.len()) as u64)
    }

    /// The runs of this machine, the latest first.
    pub fn runs(&self) -> Result<Vec<String>> {
        let files = self.run_files().map_err(|e| self.failed("list", RUNS, e))?;
        Ok(files.into_iter().map(|(run, _)| run).collect())
    }

    /// What stands in the run's file; `None` if there is none.
    pub fn read_run(&self, run: &str) -> Result<Option<Vec<u8>>> {
        match std::fs::read(self.root().join(RUNS).join(run_file(run))) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(self.failed("read", &format!("{RUNS}/{}", run_file(run)), e)),
        }
    }

    /// The run's file, to be read piece by piece; `None` if there is none.
    pub fn open_run(&self, run: &str) -> Result<Option<File>> {
        match File::open(self.root().join(RUNS).join(run_file(run))) {
            Ok(file) => Ok(Some(file)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(self.failed("read", &format!("{RUNS}/{}", run_file(run)), e)),
        }
    }

    /// Runs begin with the time they began at, so their names have its order.
    fn run_files(&self) -> io::Result<Vec<(String, PathBuf)>> {
        let mut files = Vec::new();
        let entries = match std::fs::read_dir(self.root().join(RUNS)) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(files),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            if let Some(run) = entry.file_name().to_str().and_then(run_of) {
                files.push((run.to_owned(), entry.path()));
            }
        }
        files.sort_by(|(a, _), (b, _)| b.cmp(a));
        Ok(files)
    }

    fn clear_runs(&self, ours: &str) -> io::Result<()> {
        let mut bytes = 0;
        let files = self.run_files()?;
        // How large they are is a question to each: not with every run.
        if files.len() <= KEPT && !files.len().is_multiple_of(CHECKED) {
            return Ok(());
        }
        // What is still to be sent stays.
        let owed: HashSet<String> = self.owed_runs()?.into_iter().map(|(_, run)| run).collect();
        for (at, (run, path)) in files.into_iter().enumerate() {
            bytes += path.metadata().map_or(0, |found| found.len());
            if run != ours && (at >= KEPT || bytes > BYTES) && !owed.contains(&run) {
                let _ = std::fs::remove_file(path);
            }
        }
        Ok(())
    }
}
