//! What a run leaves behind: who ran what where, and what became of each call. Kept on its own machine, in lines that are
//! only ever appended.
//!
//! Invariants:
//! - Whatever moment a writer dies at, what it wrote before can be read. A last line without an end was cut short and says
//!   nothing; that is no damage.
//! - Nothing of a call but its name and what became of it stands here: its arguments are in its record. A call that failed has
//!   none, so its arguments and its error stand here.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::BufRead;

use serde::{Deserialize, Serialize};

use crate::document::FORMAT;
use crate::lineage::{Param, Person};
pub use crate::process::{BodyProcess, ProcessUsage, Scheduled, SharedRun};
use crate::{CallKey, CreatorName, Digest, Error, ErrorKind, Given, Result};

const KIND: &str = "run";

/// Bytes of an error that are written down.
const LONGEST_ERROR: usize = 8 << 10;
/// Bytes of an argument's JSON that are written down.
const LONGEST_PARAM: usize = 1 << 10;

/// One process, or the part of it that used one lake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunHeader {
    /// The run, as in the lineage of what it made.
    pub run: String,
    /// Who ran it.
    pub person: Person,
    /// The machine.
    pub host: String,
    /// The name of the program, without its arguments: those may be secret.
    pub program: String,
    /// The process.
    pub pid: u32,
    /// When the lake was opened, RFC 3339, UTC, by the machine's clock.
    pub started_at: String,
    /// The version of datlake that wrote this.
    pub datlake_version: String,
    /// Which of the processes that were started together it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<SharedRun>,
    /// Where a scheduler put it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Scheduled>,
    /// What it was given of its machine; of a process that was started alone nobody asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given: Option<Given>,
    /// The digest of the program's file: two processes with one are one build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<Digest>,
}

/// What became of a call in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Its body ran, and what it made is in the lake.
    Executed,
    /// It was skipped: its value was found.
    Hit,
    /// Its body ran, but another finished the same call first; its value counts.
    Adopted,
    /// Its body ran although the call was cached, and made the same.
    Reproduced,
    /// Its body failed or was cancelled; nothing was kept.
    Failed,
    /// Its output's name was taken by an earlier call, whose value it returned.
    Kept,
    /// Its body began, and its end is not known: it still runs, or the process was killed.
    Unfinished,
}

/// How a body failed: what no record tells.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct BodyFailure {
    /// Its error with the causes, or what its panic said; cut after 8 KiB.
    pub error: String,
    /// The arguments of the call; large ones as their size in bytes, of secret ones only the names.
    pub params: Vec<Param>,
}

impl BodyFailure {
    /// A failure, cut short.
    pub fn new(mut error: String, mut params: Vec<Param>) -> Self {
        if error.len() > LONGEST_ERROR {
            let all = error.len();
            error.truncate(error.floor_char_boundary(LONGEST_ERROR));
            error.push_str(&format!("… ({all} bytes)"));
        }
        for param in &mut params {
            let length = param.value.to_string().len();
            if length > LONGEST_PARAM {
                param.value = serde_json::json!({ "$large": { "bytes": length } });
            }
        }
        Self { error, params }
    }
}

/// A call in a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Noted {
    /// The creator.
    pub creator: CreatorName,
    /// The key; `None` for calls that were found when the run had noted very many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<CallKey>,
    /// What became of it.
    pub outcome: Outcome,
    /// When the body began; for what was found, when it was written down, which is later. RFC 3339, UTC.
    pub at: String,
    /// How often.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub times: u64,
    /// How long the body took, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<u64>,
    /// How the body failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<BodyFailure>,
}

/// A call that waits for whoever runs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The creator.
    pub creator: CreatorName,
    /// The key.
    pub key: CallKey,
    /// Since when, RFC 3339, UTC.
    pub waits_since: String,
}

/// A run, as far as it is written down.
#[derive(Clone, Debug, PartialEq)]
pub struct RunLog {
    /// The process.
    pub head: RunHeader,
    /// Its calls, in the order in which they were noted. What began and ended stands here once.
    pub calls: Vec<Noted>,
    /// The calls that waited when the last line was written.
    pub waiting: Vec<Waiting>,
    /// When it ended; `None` while it goes on, and where it was killed.
    pub ended_at: Option<String>,
    /// What it had used by then.
    pub used: Option<ProcessUsage>,
    /// Lines that cannot be read.
    pub unreadable: u64,
}

fn once() -> u64 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_once(times: &u64) -> bool {
    *times == 1
}

#[derive(Serialize, Deserialize)]
struct Opening {
    datlake: String,
    format: u32,
    #[serde(flatten)]
    head: RunHeader,
}

#[derive(Serialize, Deserialize)]
struct End {
    ended_at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    used: Option<ProcessUsage>,
}

/// One line, whatever it says.
#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Call(Noted),
    End(End),
    Waits(Waiting),
    /// Another of the first line: what stood before it was cleared away.
    #[expect(dead_code, reason = "it says nothing new")]
    Opening(Box<Opening>),
}

impl RunHeader {
    /// The first line.
    pub fn to_line(&self) -> Result<Vec<u8>> {
        line(&Opening { datlake: KIND.to_owned(), format: FORMAT, head: self.clone() })
    }

    /// The first line of the run that stands at `place`, read.
    ///
    /// # Errors
    /// As [`RunLog::parse`].
    pub fn of_line(line: &[u8], place: &str) -> Result<Self> {
        head(line, place)
    }
}

impl Noted {
    /// The line of a call.
    pub fn to_line(&self) -> Result<Vec<u8>> {
        line(self)
    }

    /// What a line of a run says of a body; `None` where it says something else, or nothing that can be read.
    pub fn of_body(line: &[u8]) -> Option<Self> {
        let Ok(Line::Call(noted)) = serde_json::from_slice(line) else { return None };
        (noted.key.is_some() && !matches!(noted.outcome, Outcome::Hit | Outcome::Kept)).then_some(noted)
    }
}

impl Waiting {
    /// The line of a call that begins to wait.
    pub fn to_line(&self) -> Result<Vec<u8>> {
        line(self)
    }
}

fn line(value: &impl Serialize) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(value)
        .map_err(|e| Error::new(ErrorKind::Value, "cannot write a line of a run").because(e))?;
    bytes.push(b'\n');
    Ok(bytes)
}

impl RunLog {
    /// The last line: the run ended.
    pub fn end_line(ended_at: &str, used: Option<ProcessUsage>) -> Result<Vec<u8>> {
        line(&End { ended_at: ended_at.to_owned(), used })
    }

    /// Reads what stands at `place`. `None` where not even the first line is whole.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] where that line is not the first of a run; [`ErrorKind::Format`] where a newer datlake wrote it.
    pub fn parse(bytes: &[u8], place: &str) -> Result<Option<Self>> {
        let Some(end) = bytes.iter().rposition(|b| *b == b'\n') else { return Ok(None) };
        let mut lines = bytes[..end].split(|b| *b == b'\n').filter(|line| !line.is_empty());
        let Some(first) = lines.next() else { return Ok(None) };
        let head = head(first, place)?;
        let (calls, waiting) = (Vec::new(), Vec::new());
        let mut log = Self { head, calls, waiting, ended_at: None, used: None, unreadable: 0 };
        // Where each body that began stands, until it ends.
        let mut begun = HashMap::<(CreatorName, CallKey), Vec<usize>>::new();
        for line in lines {
            match serde_json::from_slice(line) {
                Ok(Line::Call(noted)) => {
                    log.ended_at = None;
                    log.note(noted, &mut begun);
                }
                Ok(Line::End(end)) => (log.ended_at, log.used) = (Some(end.ended_at), end.used),
                Ok(Line::Waits(call)) => {
                    log.waiting.retain(|known| known.key != call.key);
                    log.waiting.push(call);
                }
                Ok(Line::Opening(_)) => {}
                Err(_) => log.unreadable += 1,
            }
        }
        Ok(Some(log))
    }

    /// Shows `visit` each call of the run that stands at `place`, in the order in which they ended, and last those whose end is not
    /// known, without holding more than these.
    ///
    /// # Errors
    /// Those of reading and of `visit`; else as [`parse`](Self::parse).
    pub fn each_call(
        mut from: impl BufRead,
        place: &str,
        mut visit: impl FnMut(&RunHeader, Noted) -> Result<()>,
    ) -> Result<()> {
        let (mut line, mut head) = (Vec::new(), None);
        let mut begun = HashMap::<(CreatorName, CallKey), Vec<Noted>>::new();
        loop {
            line.clear();
            from.read_until(b'\n', &mut line).map_err(|e| Error::io("read", place, e))?;
            if line.pop() != Some(b'\n') {
                break;
            }
            let head = match &head {
                _ if line.is_empty() => continue,
                Some(head) => head,
                None => {
                    head = Some(self::head(&line, place)?);
                    continue;
                }
            };
            let Ok(Line::Call(noted)) = serde_json::from_slice(&line) else { continue };
            let id = noted.key.map(|key| (noted.creator.clone(), key));
            match (id, noted.outcome) {
                (Some(id), Outcome::Unfinished) => {
                    begun.entry(id).or_default().push(noted);
                    continue;
                }
                (None, _) | (_, Outcome::Hit | Outcome::Kept) => {}
                (Some(id), _) => {
                    if let Entry::Occupied(mut of_call) = begun.entry(id) {
                        of_call.get_mut().retain(|one| one.at != noted.at);
                        if of_call.get().is_empty() {
                            of_call.remove();
                        }
                    }
                }
            }
            visit(head, noted)?;
        }
        let Some(head) = head else { return Ok(()) };
        begun.into_values().flatten().try_for_each(|noted| visit(&head, noted))
    }

    fn note(&mut self, noted: Noted, begun: &mut HashMap<(CreatorName, CallKey), Vec<usize>>) {
        let Some(key) = noted.key else { return self.calls.push(noted) };
        self.waiting.retain(|call| call.key != key);
        let id = (noted.creator.clone(), key);
        match noted.outcome {
            Outcome::Unfinished => begun.entry(id).or_default().push(self.calls.len()),
            Outcome::Hit | Outcome::Kept => {}
            _ => {
                let begun = begun.get_mut(&id);
                // Of two at one time the one that says when it began.
                let at = begun.and_then(|places| {
                    let place = places.iter().position(|place| self.calls[*place].at == noted.at)?;
                    Some(places.swap_remove(place))
                });
                if let Some(at) = at {
                    self.calls[at] = noted;
                    return;
                }
            }
        }
        self.calls.push(noted);
    }
}

fn head(line: &[u8], place: &str) -> Result<RunHeader> {
    #[derive(Deserialize)]
    struct Header {
        datlake: String,
        format: u32,
    }
    let corrupt = || {
        let message = format!("the run `{place}` is damaged (its first line is no run's)");
        Error::new(ErrorKind::Corrupt, message).with_hint("remove it to forget that run")
    };
    let header: Header = serde_json::from_slice(line).map_err(|e| corrupt().because(e))?;
    if header.format > FORMAT {
        let message =
            format!("`{place}` was written by a newer datlake (format {}; this one knows {FORMAT})", header.format);
        return Err(Error::new(ErrorKind::Format, message).with_hint("upgrade datlake"));
    }
    if header.datlake != KIND {
        return Err(corrupt());
    }
    let opening: Opening = serde_json::from_slice(line).map_err(|e| corrupt().because(e))?;
    Ok(opening.head)
}
