//! Output of a command on its way to the server: in a file, so that neither waits for the other, and to a limit.

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::redacted::Redactor;

/// As much as the server takes of a log.
const MOST: u64 = 16 << 20;
/// So much is kept for saying what was left out.
const LAST: u64 = 200;
const CHUNK: usize = 64 << 10;

/// What a command has said, without the values of variables.
#[derive(Clone, Debug)]
pub(super) struct Spool(Arc<Mutex<Spooled>>);

#[derive(Debug)]
struct Spooled {
    file: File,
    size: u64,
    left_out: u64,
}

impl Spool {
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let file = File::options().read(true).write(true).create_new(true).open(path)?;
        Ok(Self(Arc::new(Mutex::new(Spooled { file, size: 0, left_out: 0 }))))
    }

    /// Reads what a command says, to the end of it.
    pub(super) fn read_all(
        &self,
        mut from: impl Read + Send + 'static,
        mut redactor: Redactor,
    ) -> io::Result<JoinHandle<()>> {
        let this = self.clone();
        std::thread::Builder::new().name("output".to_owned()).spawn(move || {
            let mut piece = vec![0; CHUNK];
            loop {
                match from.read(&mut piece) {
                    Ok(0) => break,
                    Ok(length) => this.append(&redactor.push(&piece[..length])),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(_) => break,
                }
            }
            this.append(&redactor.end());
        })
    }

    /// Adds a line of the worker's own.
    pub(super) fn say(&self, line: &str) {
        self.append(format!("datlake worker: {line}\n").as_bytes());
    }

    /// Says how much was left out, if anything was.
    pub(super) fn finish(&self) {
        let mut spooled = self.lock();
        let left_out = std::mem::take(&mut spooled.left_out);
        if left_out > 0 {
            let line = format!("\ndatlake worker: {left_out} bytes more are left out\n");
            spooled.write(line.as_bytes(), MOST);
        }
    }

    /// A piece that begins at `offset`.
    pub(super) fn piece(&self, offset: u64, most: usize) -> io::Result<Vec<u8>> {
        let mut spooled = self.lock();
        let length = spooled.size.saturating_sub(offset).min(most as u64);
        let mut piece = vec![0; usize::try_from(length).unwrap_or(0)];
        spooled.file.seek(SeekFrom::Start(offset))?;
        spooled.file.read_exact(&mut piece)?;
        Ok(piece)
    }

    fn append(&self, piece: &[u8]) {
        self.lock().write(piece, MOST - LAST);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Spooled> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Spooled {
    /// A disk that is full leaves out what does not fit: the command goes on.
    fn write(&mut self, piece: &[u8], most: u64) {
        let room = usize::try_from(most.saturating_sub(self.size)).unwrap_or(0).min(piece.len());
        let written = self.file.seek(SeekFrom::Start(self.size)).and_then(|_| self.file.write_all(&piece[..room]));
        let kept = if written.is_ok() { room } else { 0 };
        self.size += kept as u64;
        self.left_out += (piece.len() - kept) as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_is_left_out_and_said() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::create(&folder.path().join("log")).unwrap();
        let much = io::repeat(b'x').take(MOST + 5);
        spool.read_all(much, Redactor::default()).unwrap().join().unwrap();
        spool.finish();
        assert_eq!(spool.piece(0, 3).unwrap(), b"xxx");
        let end = spool.piece(MOST - LAST, 1000).unwrap();
        assert_eq!(
            String::from_utf8(end).unwrap(),
            format!("\ndatlake worker: {} bytes more are left out\n", 5 + LAST)
        );
    }
}
