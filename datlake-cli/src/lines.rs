//! The lines of a file that somebody is still writing.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::PathBuf;

/// What is read at a time.
const PIECE: u64 = 1 << 20;
/// A line that is longer is shown in parts.
const LONGEST: usize = 64 << 10;

/// Reads a file to its end, and later what was added.
#[derive(Debug)]
pub(crate) struct Lines {
    path: PathBuf,
    longest: usize,
    file: Option<File>,
    /// The beginning of a line whose end is not there yet.
    rest: Vec<u8>,
}

impl Lines {
    pub(crate) fn of(path: PathBuf) -> Self {
        Self { path, longest: LONGEST, file: None, rest: Vec::new() }
    }

    /// The same, where each line is shown whole, however long it is.
    pub(crate) fn whole(path: PathBuf) -> Self {
        Self { longest: usize::MAX, ..Self::of(path) }
    }

    /// Hands on the next lines, without their ends; whether there may be more.
    pub(crate) fn read(&mut self, mut each: impl FnMut(&[u8])) -> io::Result<bool> {
        let file = match &mut self.file {
            Some(file) => file,
            None => match File::open(&self.path) {
                Ok(file) => self.file.insert(file),
                // Its process has not begun.
                Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
                Err(e) => return Err(e),
            },
        };
        let read = file.take(PIECE).read_to_end(&mut self.rest)?;
        let mut begin = 0;
        while let Some(length) = self.rest[begin..].iter().position(|byte| *byte == b'\n') {
            let line = &self.rest[begin..begin + length];
            each(line.strip_suffix(b"\r").unwrap_or(line));
            begin += length + 1;
        }
        self.rest.drain(..begin);
        if self.rest.len() >= self.longest {
            each(&std::mem::take(&mut self.rest));
        }
        Ok(read > 0)
    }

    /// Hands on what is left of the last line, whose end will not come.
    pub(crate) fn end(&mut self, mut each: impl FnMut(&[u8])) {
        if !self.rest.is_empty() {
            each(&std::mem::take(&mut self.rest));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn read(lines: &mut Lines) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        while lines.read(|line| all.push(line.to_owned())).unwrap() {}
        all
    }

    #[test]
    fn lines_are_whole_whenever_they_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0.out");
        let mut lines = Lines::of(path.clone());
        assert!(read(&mut lines).is_empty());
        let mut file = File::create(&path).unwrap();
        file.write_all(b"one\ntw").unwrap();
        assert_eq!(read(&mut lines), [b"one"]);
        file.write_all(b"o\r\n\n\xff\xfe\nlast").unwrap();
        assert_eq!(read(&mut lines), [&b"two"[..], b"", b"\xff\xfe"]);
        let mut rest = Vec::new();
        lines.end(|line| rest.push(line.to_owned()));
        assert_eq!(rest, [b"last"]);
    }

    #[test]
    fn a_line_without_an_end_is_shown_in_parts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0.out");
        std::fs::write(&path, vec![b'x'; 3 << 20]).unwrap();
        let parts = read(&mut Lines::of(path));
        assert_eq!(parts.iter().map(Vec::len).sum::<usize>(), 3 << 20);
        assert!(parts.len() >= 3);
        std::fs::write(folder.path().join("1.out"), [&vec![b'x'; 3 << 20][..], b"\n"].concat()).unwrap();
        assert_eq!(read(&mut Lines::whole(folder.path().join("1.out"))).len(), 1);
    }
}
