//! Runs that a receiver of events does not know to their end.
//!
//! The journal of a run is what is sent: a body that begins or ends is a line there before anybody learns of it, and what it made is
//! in its record. The outbox has a note for each run that is not sent to its end, made before the run's first line of a body. So nothing
//! is lost with a process, and a body costs what it costs without a receiver.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom};

use datlake_core::delivery::Delivery;
use datlake_core::run::{Noted, Outcome, RunHeader, RunLog};
use datlake_core::{Error, OUTBOX, RUNS, Result, delivery_file, run_file};
use datlake_store::{DirStore, FileLock, LockAttempt};

use crate::lake::{Lake, unless_damaged};
use crate::receiver::{Receiver, length, run_claim};
use crate::report::{Outbox, OwedRow};

/// Lines that are read at a time.
const LINES: usize = 256;

/// A run that a receiver does not know to its end, held by who sends it.
#[derive(Debug)]
pub struct OwedRun {
    dir: DirStore,
    receiver: String,
    run: String,
    delivery: Delivery,
    _claim: Option<FileLock>,
}

/// A line of a run's journal, and where it ends.
#[derive(Debug)]
pub struct JournalLine {
    /// What it says of a body; `None` where it says something else.
    pub noted: Option<Noted>,
    /// Bytes of the journal up to here.
    pub end: u64,
}

impl OwedRun {
    /// How much of it the receiver knows.
    pub fn delivery(&self) -> &Delivery {
        &self.delivery
    }

    /// Who runs what where; `None` where the journal is gone.
    ///
    /// # Errors
    /// Those of reading it.
    pub fn head(&self) -> Result<Option<RunHeader>> {
        let Some(mut file) = self.journal(0)? else { return Ok(None) };
        let mut line = Vec::new();
        file.read_until(b'\n', &mut line).map_err(|e| Error::io("read", self.place(), e))?;
        RunHeader::of_line(&line, &self.place()).map(Some)
    }

    /// The next lines that are whole, at most some hundreds; none where all is sent.
    ///
    /// # Errors
    /// Those of reading.
    pub fn next_lines(&self) -> Result<Vec<JournalLine>> {
        let mut lines = Vec::new();
        let mut end = self.delivery.sent;
        let Some(mut file) = self.journal(end)? else { return Ok(lines) };
        let mut line = Vec::new();
        while lines.len() < LINES {
            line.clear();
            let read = file.read_until(b'\n', &mut line).map_err(|e| Error::io("read", self.place(), e))?;
            if line.last() != Some(&b'\n') {
                break;
            }
            end += read as u64;
            lines.push(JournalLine { noted: Noted::of_body(&line), end });
        }
        Ok(lines)
    }

    /// Bodies that began and whose end was never written down, of a run that is over.
    ///
    /// # Errors
    /// Those of reading.
    pub fn unfinished(&self) -> Result<Vec<Noted>> {
        let mut unfinished = Vec::new();
        if let Some(file) = self.journal(0)? {
            RunLog::each_call(file, &self.place(), |_, noted| {
                unfinished.extend(Some(noted).filter(|noted| noted.outcome == Outcome::Unfinished));
                Ok(())
            })?;
        }
        Ok(unfinished)
    }

    /// All up to `end` bytes is sent, by so many more events.
    pub fn sent(&mut self, end: u64, events: u64) {
        self.delivery.sent = end;
        self.delivery.events += events;
        self.delivery.failure = None;
    }

    /// The receiver refused an event for what is in it.
    ///
    /// # Errors
    /// Those of keeping it.
    pub fn refused(&mut self, line: &[u8]) -> Result<()> {
        self.dir.keep_refused(&self.receiver, line)?;
        self.delivery.refused += 1;
        Ok(())
    }

    /// Nothing can be sent now.
    pub fn failed(&mut self, why: String) {
        self.delivery.failure = Some(why);
    }

    /// Writes down how much is sent.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn save(&self) -> Result<()> {
        self.dir.note_delivery(&self.receiver, &self.run, &self.delivery)
    }

    /// All of a run that is over is sent.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn settle(self) -> Result<()> {
        self.dir.settle(&self.receiver, &self.run)
    }

    fn place(&self) -> String {
        format!("{RUNS}/{}", run_file(&self.run))
    }

    /// The journal from there on. One that is shorter than what was sent is another, of which all is sent.
    fn journal(&self, from: u64) -> Result<Option<BufReader<File>>> {
        let Some(mut file) = self.dir.open_run(&self.run)? else { return Ok(None) };
        file.seek(SeekFrom::Start(from)).map_err(|e| Error::io("read", self.place(), e))?;
        Ok(Some(BufReader::new(file)))
    }
}

impl Lake {
    /// What of this machine's runs is still to be sent to receivers of OpenLineage events.
    ///
    /// # Errors
    /// Those of reading the lake's home.
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// assert!(lake.outbox()?.runs.is_empty());
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn outbox(&self) -> Result<Outbox> {
        let mut outbox = Outbox::default();
        let dir = self.local_view().dir();
        for (receiver, run) in dir.owed()? {
            let place = format!("{OUTBOX}/{receiver}/{}", delivery_file(&run));
            let found = unless_damaged(dir.delivery(&receiver, &run), &place, &mut outbox.damaged)?.flatten();
            let Some(delivery) = found else { continue };
            let going = dir.is_claimed(&run_claim(&receiver, &run))?;
            let owed = OwedRun { dir: dir.clone(), receiver, run, delivery, _claim: None };
            let row = unless_damaged(owed.row(going), &place, &mut outbox.damaged)?;
            outbox.runs.extend(row);
        }
        Ok(outbox)
    }
}

impl OwedRun {
    fn row(self, goes_on: bool) -> Result<OwedRow> {
        let (mut waiting, mut rest) = (0, self);
        loop {
            let lines = rest.next_lines()?;
            let Some(last) = lines.last() else { break };
            rest.delivery.sent = last.end;
            waiting += lines.iter().filter(|line| line.noted.is_some()).count() as u64;
        }
        let Delivery { to, events, refused, failure, .. } = rest.delivery;
        Ok(OwedRow { to, run: rest.run, goes_on, sent: events, waiting, refused, failure })
    }
}

/// For who sends.
impl OwedRun {
    /// The run of this process, where its receiver is owed any of it.
    ///
    /// # Errors
    /// Those of reading the note.
    pub fn of_this_process(lake: &Lake) -> Result<Option<Self>> {
        let (Some(receiver), Some(run)) = (lake.receiver(), lake.journal().owed_run()) else { return Ok(None) };
        Self::read(lake, receiver, run, None)
    }

    /// The receiver knows this process's run, as far as `sent` bytes of its journal.
    pub fn sent_of_this_process(lake: &Lake, sent: u64) {
        lake.journal().sent(sent);
    }

    /// Runs of other processes that the receiver does not know to their end.
    ///
    /// # Errors
    /// Those of listing them.
    pub fn of_others(lake: &Lake) -> Result<Vec<String>> {
        let Some(receiver) = lake.receiver() else { return Ok(Vec::new()) };
        let own = lake.journal().owed_run();
        let owed = lake.local_view().dir().owed()?.into_iter();
        Ok(owed.filter(|(to, run)| to == receiver.id() && Some(run.as_str()) != own).map(|(_, run)| run).collect())
    }

    /// Takes such a run, to send it; `None` where its process goes on, or another sends it.
    ///
    /// # Errors
    /// Those of reading the note.
    pub fn take(lake: &Lake, run: &str) -> Result<Option<Self>> {
        let Some(receiver) = lake.receiver() else { return Ok(None) };
        match lake.local_view().dir().try_claim(&run_claim(receiver.id(), run), "")? {
            LockAttempt::Won(claim) => Self::read(lake, receiver, run, Some(claim)),
            LockAttempt::Held { .. } | LockAttempt::Unsupported => Ok(None),
        }
    }

    fn read(lake: &Lake, to: &Receiver, run: &str, _claim: Option<FileLock>) -> Result<Option<Self>> {
        let dir = lake.local_view().dir();
        let Some(mut delivery) = dir.delivery(to.id(), run)? else { return Ok(None) };
        if length(dir, run)? < delivery.sent {
            // Another file of that name: better twice than not at all.
            delivery.sent = 0;
        }
        Ok(Some(Self { dir: dir.clone(), receiver: to.id().to_owned(), run: run.to_owned(), delivery, _claim }))
    }
}
