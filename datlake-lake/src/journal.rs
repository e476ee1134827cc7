//! What this process does in a lake, written down as a run.
//!
//! Invariants:
//! - A hit costs a look into a map: no file, thread or clock, but once in every thousand calls, and where the call waited for another
//!   process. What was found is
//!   written with the next body that runs, when there is much of it, and at the end. A process that is killed loses no more
//!   than that.
//! - History is a convenience: where it cannot be written, nothing fails.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use datlake_core::by_key::ByDigest;
use datlake_core::run::{BodyFailure, Noted, Outcome, ProcessUsage, RunHeader, RunLog, Waiting};
use datlake_core::{CallKey, CreatorName, Result};
use datlake_store::{LocalView, PerProcess, cpu_time, peak_memory};

use crate::at_end::{Ends, at_end};
use crate::event::CallId;
use crate::provenance::{self, Provenance};
use crate::receiver::{Owed, Receiver};
use crate::resources;
use crate::shared_run;
use crate::sync::lock;

/// Calls that were found and are not written down yet.
const BUFFERED: usize = 1024;
/// Calls that were found of which a run writes down which; of those that follow, how many of each creator.
const NAMED: usize = 20_000;

/// The run that this process is to a lake.
pub struct RunJournal {
    local_view: Arc<LocalView>,
    provenance: Arc<Provenance>,
    /// Who is to receive what bodies do.
    receiver: Option<Arc<Receiver>>,
    /// Nothing is to be remembered.
    off: bool,
    /// A forked child is a run of its own.
    noted: PerProcess<NotedHere>,
}

/// What one process has noted.
struct NotedHere {
    started_at: String,
    buffer: Mutex<Buffer>,
    /// Held while lines are appended.
    file: Mutex<File>,
}

impl NotedHere {
    fn new() -> Self {
        Self { started_at: provenance::now(), buffer: Mutex::default(), file: Mutex::default() }
    }
}

type FoundCalls = HashMap<(CallKey, Outcome), (CreatorName, u64), ByDigest>;

#[derive(Default)]
struct Buffer {
    found: FoundCalls,
    /// Calls of each creator that are written without their keys.
    more: HashMap<(CreatorName, Outcome), u64>,
    named: usize,
    /// Calls that wait for other processes.
    waiting: HashSet<CallKey>,
    /// Whether anything was noted since the end was last written.
    open: bool,
}

#[derive(Default)]
struct File {
    head: Option<Vec<u8>>,
    /// The last line may have been cut short.
    torn: bool,
    /// The receiver is owed what bodies do from here on.
    owed: Option<Owed>,
}

impl RunJournal {
    pub(crate) fn new(
        local_view: Arc<LocalView>,
        provenance: Arc<Provenance>,
        receiver: Option<Arc<Receiver>>,
        off: bool,
    ) -> Arc<Self> {
        let journal = Self { local_view, provenance, receiver, off, noted: PerProcess::new(NotedHere::new()) };
        let journal = Arc::new(journal);
        at_end(&journal);
        if shared_run::here().is_some() && !off {
            // Who started the processes wants to see this one before its first body.
            journal.write(&[], None);
        }
        journal
    }

    fn noted(&self) -> &NotedHere {
        self.noted.get(NotedHere::new)
    }

    /// A call was skipped.
    pub fn found(&self, creator: &CreatorName, key: CallKey, outcome: Outcome) {
        if self.off {
            return;
        }
        let mut buffer = lock(&self.noted().buffer);
        buffer.open = true;
        if let Some((_, times)) = buffer.found.get_mut(&(key, outcome)) {
            *times += 1;
            return;
        }
        if buffer.named >= NAMED {
            *buffer.more.entry((creator.clone(), outcome)).or_default() += 1;
            return;
        }
        buffer.named += 1;
        buffer.found.insert((key, outcome), (creator.clone(), 1));
        // Of a call that waited it was written down that it does.
        if buffer.waiting.remove(&key) || buffer.found.len() >= BUFFERED {
            let found = std::mem::take(&mut buffer.found);
            drop(buffer);
            self.write(&self.lines_of(found, HashMap::new()), None);
        }
    }

    /// A call begins to wait for another process.
    pub fn waits(&self, call: &CallId) {
        if self.off {
            return;
        }
        let CallId { creator, key } = call.clone();
        lock(&self.noted().buffer).waiting.insert(key);
        let waiting = Waiting { creator, key, waits_since: provenance::now() };
        self.write(&waiting.to_line().unwrap_or_default(), None);
    }

    /// A body begins, or has ended. What was found before is written down too.
    pub fn body(
        &self,
        call: &CallId,
        outcome: Outcome,
        at: &str,
        took: Option<Duration>,
        failure: Option<BodyFailure>,
    ) {
        if self.off {
            return;
        }
        let CallId { creator, key } = call.clone();
        let found = {
            let mut buffer = lock(&self.noted().buffer);
            buffer.open = true;
            buffer.waiting.remove(&key);
            std::mem::take(&mut buffer.found)
        };
        let took_ms = took.map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
        let noted = Noted { creator, key: Some(key), outcome, at: at.to_owned(), times: 1, took_ms, failure };
        let mut lines = self.lines_of(found, HashMap::new());
        lines.extend(noted.to_line().unwrap_or_default());
        self.write(&lines, Some(outcome));
    }

    /// The receiver knows this run, as far as `sent` bytes of its journal.
    pub(crate) fn sent(&self, sent: u64) {
        let ended = !lock(&self.noted().buffer).open;
        let mut file = lock(&self.noted().file);
        if let Some(owed) = &mut file.owed {
            owed.sent(sent);
        }
        if ended {
            self.settle(&mut file);
        }
    }

    /// The run of this process, where the receiver is owed any of it.
    pub(crate) fn owed_run(&self) -> Option<&str> {
        lock(&self.noted().file).owed.as_ref().map(|_| self.provenance.run())
    }

    /// Nothing is owed any more, until the next body, if the receiver knows of all bodies and none runs.
    fn settle(&self, file: &mut File) {
        if let Some(receiver) = &self.receiver
            && file.owed.take_if(|owed| owed.is_paid()).is_some()
        {
            // Else the next who sends sees that there is nothing.
            let _ = self.local_view.dir().settle(receiver.id(), self.provenance.run());
        }
    }

    /// Writes down what is known now, for a reader that follows.
    pub(crate) fn flush(&self) {
        let found = std::mem::take(&mut lock(&self.noted().buffer).found);
        if !found.is_empty() {
            self.write(&self.lines_of(found, HashMap::new()), None);
        }
    }

    /// Writes down all there is, and that the run has ended. If it goes on all the same, that can be written too.
    fn write_end(&self) {
        let (found, more) = {
            let mut buffer = lock(&self.noted().buffer);
            if !std::mem::take(&mut buffer.open) {
                return;
            }
            (std::mem::take(&mut buffer.found), std::mem::take(&mut buffer.more))
        };
        let mut lines = self.lines_of(found, more);
        lines.extend(RunLog::end_line(&provenance::now(), Some(used())).unwrap_or_default());
        self.write(&lines, None);
        self.settle(&mut lock(&self.noted().file));
    }

    fn lines_of(&self, found: FoundCalls, more: HashMap<(CreatorName, Outcome), u64>) -> Vec<u8> {
        if found.is_empty() && more.is_empty() {
            return Vec::new();
        }
        let now = provenance::now();
        let named = found.into_iter().map(|((key, outcome), (creator, times))| (creator, Some(key), outcome, times));
        let unnamed = more.into_iter().map(|((creator, outcome), times)| (creator, None, outcome, times));
        let mut lines = Vec::new();
        for (creator, key, outcome, times) in named.chain(unnamed) {
            let noted = Noted { creator, key, outcome, at: now.clone(), times, took_ms: None, failure: None };
            lines.extend_from_slice(&noted.to_line().unwrap_or_default());
        }
        lines
    }

    /// Appends `lines`, the last of which says what became of a `body`.
    fn write(&self, lines: &[u8], body: Option<Outcome>) {
        let mut file = lock(&self.noted().file);
        if let (Some(receiver), Some(_), None) = (&self.receiver, body, &file.owed) {
            // Before the body is written down: the receiver is owed that, whatever becomes of this process.
            match Owed::begin(self.local_view.dir(), receiver, self.provenance.run()) {
                Ok(owed) => file.owed = Some(owed),
                Err(error) => tracing::warn!(target: "datlake", %error, "what bodies do cannot be sent"),
            }
        }
        let File { head, torn, owed } = &mut *file;
        let head = match head {
            Some(head) => head,
            None => match self.head() {
                Ok(made) => head.insert(made),
                Err(_) => return,
            },
        };
        let run = self.provenance.run();
        let written = match torn {
            true => self.local_view.dir().append_run(run, head, &[b"\n", lines].concat()),
            false => self.local_view.dir().append_run(run, head, lines),
        };
        *torn = written.is_err();
        match (written, owed, body) {
            (Ok(length), Some(owed), Some(outcome)) => owed.body(outcome == Outcome::Unfinished, length),
            (Ok(_), ..) => {}
            (Err(error), ..) => tracing::debug!(target: "datlake", %error, "the run cannot be written down"),
        }
    }

    fn head(&self) -> Result<Vec<u8>> {
        let program = std::env::args_os().next().unwrap_or_default();
        let program = std::path::Path::new(&program).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let head = RunHeader {
            run: self.provenance.run().to_owned(),
            person: self.provenance.person()?,
            host: self.provenance.host().to_owned(),
            program,
            pid: std::process::id(),
            started_at: self.noted().started_at.clone(),
            datlake_version: provenance::VERSION.to_owned(),
            shared: shared_run::here().cloned(),
            place: shared_run::place(),
            given: shared_run::here().and_then(|_| resources::given().ok()),
            build: shared_run::here().and_then(|_| shared_run::build()),
        };
        head.to_line()
    }
}

fn used() -> ProcessUsage {
    let cpu_ms = cpu_time().map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    ProcessUsage { peak_memory: peak_memory(), cpu_ms }
}

impl Ends for RunJournal {
    fn end(&self) {
        self.write_end();
    }
}

impl Drop for RunJournal {
    fn drop(&mut self) {
        self.write_end();
    }
}
