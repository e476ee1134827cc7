//! Runs as they are shown: what the programs of this machine did.

use std::collections::HashMap;
use std::io::BufReader;

use datlake_core::record::Record;
use datlake_core::run::{Noted, Outcome, RunLog};
use datlake_core::{CallKey, CreatorName, Error, ErrorKind, RUNS, Result, run_file};
use datlake_store::wait;

use crate::lake::{Lake, refuse_in_body, unless_damaged};
use crate::report::{CallEvent, Damage, RunCall, RunInfo, RunRow, Runs};

impl Lake {
    /// The runs of this machine, the latest first, at most `limit`. Each process that makes a call is one, for each lake
    /// that it opens. The latest thousand are kept.
    ///
    /// # Errors
    /// [`ErrorKind::Context`] in a body; those of reading the lake.
    ///
    /// ```
    /// use datlake::{Lake, Result, file_creator};
    ///
    /// #[file_creator]
    /// fn double(n: u32) -> Result<u32> {
    ///     Ok(2 * n)
    /// }
    ///
    /// let lake = Lake::temp()?;
    /// let _current = lake.enter();
    /// double(4)?;
    /// double(4)?;
    /// let runs = lake.runs(10)?.runs;
    /// assert_eq!((runs.len(), runs[0].ran, runs[0].skipped), (1, 1, 1));
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn runs(&self, limit: usize) -> Result<Runs> {
        refuse_in_body("list runs")?;
        self.journal().flush();
        let mut found = Runs::default();
        let mut durations = Durations::default();
        for run in self.local_view().dir().runs()? {
            if found.runs.len() == limit {
                break;
            }
            if let Some(log) = self.log_unless_damaged(&run, &mut found.damaged)? {
                found.runs.push(self.run_info(log, &mut durations)?.row);
            }
        }
        Ok(found)
    }

    /// One run of this machine, which may be abbreviated, with its calls.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where there is none, [`ErrorKind::InvalidInput`] for an abbreviation of several,
    /// [`ErrorKind::Context`] in a body; those of reading the lake.
    ///
    /// ```
    /// # use datlake::{ErrorKind, Lake};
    /// let lake = Lake::temp()?;
    /// assert_eq!(lake.run("019aa5").unwrap_err().kind(), ErrorKind::NotFound);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn run(&self, run: &str) -> Result<RunInfo> {
        refuse_in_body("look at a run")?;
        self.journal().flush();
        let absent = || {
            let shown: String = run.chars().take(80).flat_map(char::escape_debug).collect();
            let message = format!("no run `{shown}` is remembered in `{}`", self.home().display());
            Error::new(ErrorKind::NotFound, message).with_hint("`datlake runs` shows the runs")
        };
        let all = self.local_view().dir().runs()?;
        let mut meant = all.iter().filter(|one| !run.is_empty() && one.starts_with(run));
        let one = match (meant.next(), meant.next()) {
            (Some(one), None) => one,
            (None, _) => return Err(absent()),
            (Some(one), Some(other)) => {
                let message = format!("`{run}` is the beginning of several runs, such as {one} and {other}");
                return Err(Error::new(ErrorKind::InvalidInput, message).with_hint("write more of it"));
            }
        };
        let log = self.run_log(one)?.ok_or_else(absent)?;
        self.run_info(log, &mut Durations::default())
    }

    pub(super) fn run_log(&self, run: &str) -> Result<Option<RunLog>> {
        let Some(bytes) = self.local_view().dir().read_run(run)? else { return Ok(None) };
        RunLog::parse(&bytes, &format!("{RUNS}/{}", run_file(run)))
    }

    fn log_unless_damaged(&self, run: &str, damaged: &mut Vec<Damage>) -> Result<Option<RunLog>> {
        Ok(unless_damaged(self.run_log(run), format_args!("run {run}"), damaged)?.flatten())
    }

    /// Shows `visit` what became of each call, by all runs that are kept, the latest first; and what could not be read.
    pub(super) fn each_event(&self, mut visit: impl FnMut(CreatorName, CallKey, CallEvent)) -> Result<Vec<Damage>> {
        self.journal().flush();
        let mut damaged = Vec::new();
        for run in self.local_view().dir().runs()? {
            let Some(file) = self.local_view().dir().open_run(&run)? else { continue };
            let place = format!("{RUNS}/{}", run_file(&run));
            let read = RunLog::each_call(BufReader::new(file), &place, |head, noted| {
                let Noted { creator, key, outcome, at, times, took_ms, failure } = noted;
                let Some(key) = key else { return Ok(()) };
                let (originator, host, run) = (head.person.email.clone(), head.host.clone(), head.run.clone());
                let event = CallEvent { at, outcome, times, duration_ms: took_ms, failure, originator, host, run };
                visit(creator, key, event);
                Ok(())
            });
            unless_damaged(read, format_args!("run {run}"), &mut damaged)?;
        }
        Ok(damaged)
    }

    fn run_info(&self, log: RunLog, durations: &mut Durations) -> Result<RunInfo> {
        let RunLog { head, calls, ended_at, used, unreadable, .. } = log;
        let mut row = RunRow {
            run: head.run,
            started_at: head.started_at,
            ended_at,
            originator: head.person.email,
            host: head.host,
            program: head.program,
            shared: head.shared,
            place: head.place,
            given: head.given,
            used,
            datlake_version: head.datlake_version,
            ran: 0,
            skipped: 0,
            failed: 0,
            unfinished: 0,
            spent_ms: 0,
            saved_ms: 0,
            unreadable,
        };
        let mut rows = Vec::new();
        for Noted { creator, key, outcome, at, times, took_ms, failure } in together(calls) {
            let mut duration_ms = took_ms;
            match outcome {
                Outcome::Hit | Outcome::Kept => {
                    duration_ms = durations.of(self, &creator, key);
                    row.skipped += times;
                    row.saved_ms += times.saturating_mul(duration_ms.unwrap_or(0));
                }
                Outcome::Failed => row.failed += times,
                Outcome::Unfinished => row.unfinished += times,
                Outcome::Executed | Outcome::Adopted | Outcome::Reproduced => row.ran += times,
            }
            row.spent_ms += took_ms.unwrap_or(0);
            rows.push(RunCall { creator, key, outcome, at, times, duration_ms, failure });
        }
        Ok(RunInfo { row, calls: rows })
    }
}

/// How long calls took that were skipped.
#[derive(Default)]
struct Durations(HashMap<CallKey, Option<u64>>);

impl Durations {
    /// Of a call whose record is here; one that was removed or is damaged saved nobody knows what.
    fn of(&mut self, lake: &Lake, creator: &CreatorName, key: Option<CallKey>) -> Option<u64> {
        let key = key?;
        *self.0.entry(key).or_insert_with(|| {
            let kept = wait(lake.catalog().kept_here(creator, &key)).ok()??;
            kept.record().as_ref().map(Record::lineage)?.ok().map(|lineage| lineage.duration_ms)
        })
    }
}

/// Each call that was found once, with how often.
fn together(calls: Vec<Noted>) -> Vec<Noted> {
    let mut places = HashMap::new();
    let mut all: Vec<Noted> = Vec::with_capacity(calls.len());
    for call in calls {
        if matches!(call.outcome, Outcome::Hit | Outcome::Kept) {
            let place = *places.entry((call.creator.clone(), call.key, call.outcome)).or_insert(all.len());
            if let Some(known) = all.get_mut(place) {
                known.times = known.times.saturating_add(call.times);
                known.at = call.at;
                continue;
            }
        }
        all.push(call);
    }
    all
}
