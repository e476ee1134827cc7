//! The log of a job: what its processes said, by the pieces that the script prints.
//!
//! It only grows, and what it says stands in files as the pieces come. So several may follow one job: they write the same bytes to the
//! same places.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use serde::Deserialize;

use super::super::folder;
use super::super::{End, State};

/// What stands before each piece; lines without it are Ray's own.
const MARK: char = '\u{1e}';

/// One piece.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Piece {
    rank: u64,
    /// Where its process is: it has begun.
    node: Option<String>,
    out: Option<String>,
    err: Option<String>,
    out_hex: Option<String>,
    err_hex: Option<String>,
    code: Option<i32>,
    signal: Option<i32>,
    lost: Option<String>,
    again: bool,
    /// For who follows.
    note: Option<String>,
    /// Why nothing was started.
    refused: Option<String>,
}

/// What was read of it.
#[derive(Debug)]
pub(super) struct Log {
    folder: PathBuf,
    /// How many bytes of it.
    taken: usize,
    pub(super) states: Vec<State>,
    pub(super) notes: Vec<String>,
    /// Why the script has started nothing.
    pub(super) refused: Option<String>,
    /// The last thing that Ray said by itself.
    pub(super) said_by_ray: Option<String>,
    files: HashMap<PathBuf, (File, u64)>,
}

impl Log {
    pub(super) fn of(folder: PathBuf, processes: u64) -> Self {
        let states = (0..processes).map(|_| State::Pending).collect();
        Self { folder, taken: 0, states, notes: Vec::new(), refused: None, said_by_ray: None, files: HashMap::new() }
    }

    /// Takes what was said since.
    pub(super) fn take(&mut self, text: &str) -> io::Result<()> {
        let Some(new) = text.get(self.taken..) else { return Ok(()) };
        // The rest of the last line is still to come.
        let whole = new.rfind('\n').map_or(0, |end| end + 1);
        for line in new[..whole].lines() {
            match line.strip_prefix(MARK).map(serde_json::from_str::<Piece>) {
                Some(Ok(piece)) => self.piece(piece)?,
                _ if line.trim().is_empty() => {}
                _ => self.said_by_ray = Some(line.trim().to_owned()),
            }
        }
        self.taken += whole;
        Ok(())
    }

    fn piece(&mut self, piece: Piece) -> io::Result<()> {
        self.notes.extend(piece.note);
        self.refused = self.refused.take().or(piece.refused);
        let Some(state) = usize::try_from(piece.rank).ok().and_then(|rank| self.states.get_mut(rank)) else {
            return Ok(());
        };
        if piece.node.is_some() {
            *state = State::Running;
        } else if piece.again {
            *state = State::Pending;
        } else if let Some(code) = piece.code {
            *state = State::Ended(End::Code(code));
        } else if let Some(signal) = piece.signal {
            *state = State::Ended(End::Signal(signal));
        } else if let Some(why) = piece.lost {
            *state = State::Lost(why);
        }
        let bytes = |text: Option<String>, hex: Option<String>| match hex {
            Some(hex) => unhex(&hex),
            None => text.unwrap_or_default().into_bytes(),
        };
        self.write(folder::out(&self.folder, piece.rank), &bytes(piece.out, piece.out_hex))?;
        self.write(folder::err(&self.folder, piece.rank), &bytes(piece.err, piece.err_hex))
    }

    fn write(&mut self, path: PathBuf, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let (file, at) = match self.files.entry(path) {
            std::collections::hash_map::Entry::Occupied(found) => found.into_mut(),
            std::collections::hash_map::Entry::Vacant(place) => {
                let file = File::options().create(true).truncate(false).write(true).open(place.key())?;
                place.insert((file, 0))
            }
        };
        file.write_all_at(bytes, *at)?;
        *at += bytes.len() as u64;
        Ok(())
    }

    /// Nothing comes any more: those that have not ended are lost, for this reason. What is known of the others stands in files.
    pub(super) fn close(&mut self, why: &str) -> io::Result<()> {
        for (rank, state) in (0..).zip(&mut self.states) {
            match state {
                State::Ended(end) => folder::write_end(&self.folder, rank, end)?,
                State::Lost(_) => {}
                State::Pending | State::Running => *state = State::Lost(why.to_owned()),
            }
        }
        self.files.clear();
        Ok(())
    }
}

/// Bytes that are no text.
fn unhex(hex: &str) -> Vec<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).unwrap_or(0);
    hex.as_bytes().chunks_exact(2).map(|pair| digit(&pair[0]) << 4 | digit(&pair[1])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "Runtime env is setting up.\n\u{1e}{\"note\": \"no room\"}\n\u{1e}{\"rank\": 0, \"node\": \"5a\"}\n\
        \u{1e}{\"rank\": 0, \"out\": \"one\\ntw\"}\n\u{1e}{\"rank\": 0, \"out_hex\": \"ff0a\"}\n\u{1e}{\"rank\": 0, \"code\": 3}\n\
        \u{1e}{\"rank\": 1, \"node\": \"5a\"}\n\u{1e}{\"rank\": 1, \"err\": \"gone\"}\n\u{1e}{\"rank\": 1, \"again\": true}\n";

    /// However it is cut, and though somebody else has read it before.
    #[test]
    fn what_was_said_stands_in_files() {
        let folder = tempfile::tempdir().unwrap();
        for cut in (0..=SAID.len()).filter(|cut| SAID.is_char_boundary(*cut)) {
            let mut log = Log::of(folder.path().to_owned(), 3);
            log.take(&SAID[..cut]).unwrap();
            log.take(SAID).unwrap();
            assert_eq!(log.states, [State::Ended(End::Code(3)), State::Pending, State::Pending]);
            assert_eq!(log.notes, ["no room"]);
            assert_eq!(log.said_by_ray.as_deref(), Some("Runtime env is setting up."));
            assert_eq!(std::fs::read(folder.path().join("0.out")).unwrap(), b"one\ntw\xff\n");
            assert_eq!(std::fs::read(folder.path().join("1.err")).unwrap(), b"gone");
            log.close("it is over").unwrap();
            assert_eq!(log.states[1..], [const { String::new() }; 2].map(|_| State::Lost("it is over".to_owned())));
            assert_eq!(folder::end(folder.path(), 0).unwrap(), Some(End::Code(3)));
        }
    }
}
