//! What a working copy knows of itself: which commit it is of, and what its files were when their content was known.
//!
//! It is in a folder of its own below the working copy. Which commit it is of is a small document, written before anything else
//! is changed and after all of it. The states of files save reading them, and nothing is wrong without them.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use datlake_core::{Digest, Error, ErrorKind, Result, Subject};
use datlake_store::{AtPath, FileState, WorkFolder};
use serde::{Deserialize, Serialize};

use super::in_place::Downloaded;

const DOCUMENT: &str = ".datlake-checkout/checkout.json";
const STATES: &str = ".datlake-checkout/states";
/// The first line of what keeps states.
const HEADER: &str = "datlake states 1\n";
/// The version of the document that this program writes and reads.
const VERSION: u32 = 1;

/// Which commit a folder is a working copy of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CheckoutDocument {
    version: u32,
    pub(super) repository: String,
    /// The digest of the repository's document, which no other repository of that name has.
    pub(super) incarnation: Digest,
    /// What was asked for: a branch, a tag, a commit.
    pub(super) expression: String,
    /// Whether that is a branch, to which may be committed.
    pub(super) is_branch: bool,
    /// The commit that its files are of, but for what was changed since; `None` where none was ever whole.
    pub(super) commit: Option<Digest>,
    /// Commits that files may be of, too, for they were on their way when the process ended.
    pub(super) begun: Vec<Digest>,
}

/// What files were when their content was known, by path.
#[derive(Debug, Default)]
pub(super) struct States(HashMap<String, (FileState, Digest)>);

/// A working copy that nobody else changes meanwhile.
pub(super) struct Held {
    pub(super) folder: WorkFolder,
    pub(super) path: PathBuf,
    pub(super) states: States,
    pub(super) downloaded: Downloaded,
    /// When it was opened, by the clock of its file system.
    pub(super) since: i64,
}

impl Held {
    pub(super) fn new(path: &Path) -> Result<Self> {
        let folder = WorkFolder::open(path)?;
        let since = folder.now()?;
        Ok(Self {
            folder,
            path: path.to_owned(),
            states: States::read(path),
            downloaded: Downloaded::read(path),
            since,
        })
    }

    /// The content of the file at `path`, which was in this state before it was read, and is in it afterwards.
    pub(super) fn hash(&self, path: &str, state: &FileState) -> Result<Digest> {
        let mut hasher = blake3::Hasher::new();
        let hashed = hasher.update_reader(self.folder.read(path)?);
        hashed.map_err(|e| Error::io("read", self.path.join(path).display(), e))?;
        match self.folder.look(path)? {
            AtPath::File { state: now, .. } if now == *state => Ok(Digest::from_bytes(*hasher.finalize().as_bytes())),
            _ => Err(self.changing(path)),
        }
    }

    /// Notes the content that a file in this state has. Where it was changed just now it may be once more, and in no other state.
    pub(super) fn note(&mut self, path: &str, state: FileState, content: Digest) {
        if state.is_before(self.since) {
            self.states.note(path, state, content);
        }
    }

    pub(super) fn changing(&self, path: &str) -> Error {
        let at = self.path.join(path);
        let error = Error::new(ErrorKind::InvalidInput, format!("`{}` changes while it is looked at", at.display()));
        error.about(Subject::Path(at)).with_hint("try again when whatever writes to it has finished")
    }

    pub(super) fn keep(&self, kept: &CheckoutDocument) -> Result<()> {
        let bytes = serde_json::to_vec_pretty(kept).map_err(|e| Error::io("write", DOCUMENT, e.into()))?;
        self.folder.keep(DOCUMENT, &bytes)
    }

    pub(super) fn keep_states(&self) -> Result<()> {
        self.folder.keep(STATES, self.states.to_text().as_bytes())
    }
}

impl CheckoutDocument {
    pub(super) fn new(repository: &str, incarnation: Digest, expression: &str, is_branch: bool) -> Self {
        let (repository, expression) = (repository.to_owned(), expression.to_owned());
        Self { version: VERSION, repository, incarnation, expression, is_branch, commit: None, begun: Vec::new() }
    }

    /// Of the folder at `path`; `None` where it is no working copy.
    pub(super) fn read(path: &Path) -> Result<Option<Self>> {
        let at = path.join(DOCUMENT);
        let bytes = match fs::read(&at) {
            Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            bytes => bytes.map_err(|e| Error::io("read", at.display(), e))?,
        };
        let damaged = |e| {
            let message = format!("`{}` is damaged: it does not say what is checked out there", at.display());
            let error = Error::new(ErrorKind::Corrupt, message).because(e).about(Subject::Path(path.to_owned()));
            error.with_hint("check out elsewhere, and copy what you changed")
        };
        let kept: Self = serde_json::from_slice(&bytes).map_err(damaged)?;
        if kept.version != VERSION {
            let message = format!("`{}` was written by a newer datlake", at.display());
            return Err(Error::new(ErrorKind::Format, message).with_hint("use that"));
        }
        Ok(Some(kept))
    }

    /// The commits that its files may be of.
    pub(super) fn commits(&self) -> impl Iterator<Item = Digest> {
        self.commit.into_iter().chain(self.begun.iter().copied())
    }
}

impl States {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path.join(STATES)).unwrap_or_default();
        // What is damaged is as good as nothing.
        Self::parse(&text).unwrap_or_default()
    }

    fn parse(text: &str) -> Option<Self> {
        let (lines, digest) = text.strip_suffix('\n')?.rsplit_once('\n')?;
        let lines = format!("{lines}\n");
        if Digest::of(lines.as_bytes()).to_string() != digest {
            return None;
        }
        let state = |line: &str| {
            let mut parts = line.splitn(6, ' ');
            let digest = parts.next()?.parse().ok()?;
            let state = FileState {
                size: parts.next()?.parse().ok()?,
                modified: parts.next()?.parse().ok()?,
                changed: parts.next()?.parse().ok()?,
                inode: parts.next()?.parse().ok()?,
            };
            Some((parts.next()?.to_owned(), (state, digest)))
        };
        lines.strip_prefix(HEADER)?.lines().map(state).collect::<Option<_>>().map(Self)
    }

    fn to_text(&self) -> String {
        let mut text = HEADER.to_owned();
        for (path, (FileState { size, modified, changed, inode }, digest)) in &self.0 {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{digest} {size} {modified} {changed} {inode} {path}");
        }
        let digest = Digest::of(text.as_bytes());
        let _ = writeln!(text, "{digest}");
        text
    }

    /// The content of the file at `path`, if it is still in this state.
    pub(super) fn content(&self, path: &str, state: &FileState) -> Option<Digest> {
        self.0.get(path).filter(|(known, _)| known == state).map(|(_, digest)| *digest)
    }

    pub(super) fn note(&mut self, path: &str, state: FileState, content: Digest) {
        self.0.insert(path.to_owned(), (state, content));
    }

    /// Forgets what is at no path of these.
    pub(super) fn retain(&mut self, is_there: impl Fn(&str) -> bool) {
        self.0.retain(|path, _| is_there(path));
    }

    pub(super) fn forget(&mut self, path: &str) {
        self.0.remove(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_read_as_they_were_written_or_not_at_all() {
        let mut states = States::default();
        let state = FileState { size: 3, modified: -1, changed: 7, inode: 9 };
        states.note("with blanks/a b", state, Digest::of(b"abc"));
        states.note("b", state, Digest::of(b"b"));
        let text = states.to_text();
        let read = States::parse(&text).unwrap();
        assert_eq!(read.0, states.0);
        assert_eq!(read.content("b", &state), Some(Digest::of(b"b")));
        assert_eq!(read.content("b", &FileState { changed: 8, ..state }), None);
        for end in 0..text.len() {
            assert!(States::parse(&text[..end]).is_none(), "{end}");
        }
        assert!(States::parse(&text.replace(" 9 ", " 8 ")).is_none());
    }
}
