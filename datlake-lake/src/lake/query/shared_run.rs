//! Processes that were started together, as they are watched.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::OnceLock;

use datlake_core::run::{Outcome, RunLog};
use datlake_core::{CallKey, CreatorName, Given, Result};
use datlake_store::machine;

use crate::lake::{Lake, refuse_in_body};
use crate::report::{CallNow, CreatorState, ProcessState, SharedRunState};
use crate::shared_run;

/// Of so many of the latest runs of the home it is looked at whether they are of another build.
const LATEST: usize = 64;

/// The processes of one shared run, which are looked at repeatedly.
#[derive(Debug)]
pub struct WatchedRun {
    lake: Lake,
    id: String,
    /// Whether each run of the home is one of them, as far as that is known.
    is_of_it: HashMap<String, bool>,
}

impl Lake {
    /// The processes that were started together under this name, as far as this machine's home knows of them.
    ///
    /// ```
    /// use datlake::Lake;
    /// let lake = Lake::temp()?;
    /// assert!(lake.watch_run("20261129-3f9a").look(&[])?.processes.is_empty());
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn watch_run(&self, id: &str) -> WatchedRun {
        WatchedRun { lake: self.clone(), id: id.to_owned(), is_of_it: HashMap::new() }
    }
}

impl Lake {
    /// Whether this process is another build of its program than those that it was started with, as far as this home, or whoever started them,
    /// tells. Asked once; `true` is answered once.
    #[doc(hidden)]
    pub fn is_another_build(&self) -> bool {
        static ASKED: OnceLock<()> = OnceLock::new();
        let mut another = false;
        ASKED.get_or_init(|| {
            another =
                shared_run::is_told_to_be_another_build().unwrap_or_else(|| self.is_unlike_others().unwrap_or(false));
        });
        another
    }

    /// Whether a process of this one's run and program began before it, and is another build.
    fn is_unlike_others(&self) -> Option<bool> {
        let (shared, build) = (shared_run::here()?, shared_run::build()?);
        let own = self.provenance().run();
        let program = self.run_log(own).ok()??.head.program;
        let heads = self.local_view().dir().runs().ok()?.into_iter().filter(|run| run != own).take(LATEST);
        let mut others = heads
            .filter_map(|run| Some(self.run_log(&run).ok()??.head))
            .filter(|head| head.program == program && head.shared.as_ref().is_some_and(|other| other.id == shared.id));
        Some(others.any(|head| head.build.is_some_and(|other| other != build)))
    }

    /// What each of the processes was given that were started together under this name and go on, as far as this home knows of them: of those
    /// that cannot be read nothing.
    #[doc(hidden)]
    pub fn given_in_run(&self, id: &str) -> Vec<Given> {
        let mut all = Vec::new();
        for run in self.local_view().dir().runs().unwrap_or_default() {
            let Ok(Some(log)) = self.run_log(&run) else { continue };
            let is_gone = log.head.host == self.provenance().host() && machine::is_gone(log.head.pid);
            if log.head.shared.is_some_and(|shared| shared.id == id) && log.ended_at.is_none() && !is_gone {
                all.extend(log.head.given);
            }
        }
        all
    }
}

impl WatchedRun {
    /// Where they are now. `over` are the ranks of those that have ended, however they did: the bodies they were in do not run any more.
    /// What is damaged is left out: `datlake runs` reports it.
    ///
    /// # Errors
    /// [`ErrorKind::Context`](crate::ErrorKind::Context) in a body; those of reading the home.
    pub fn look(&mut self, over: &[u64]) -> Result<SharedRunState> {
        refuse_in_body("watch a run")?;
        let over: HashSet<u64> = over.iter().copied().collect();
        let mut logs = Vec::new();
        for run in self.lake.local_view().dir().runs()? {
            if self.is_of_it.get(&run) == Some(&false) {
                continue;
            }
            let Ok(Some(log)) = self.lake.run_log(&run) else { continue };
            let is_of_it = log.head.shared.as_ref().is_some_and(|shared| shared.id == self.id);
            self.is_of_it.insert(run, is_of_it);
            if is_of_it {
                logs.push(unless_over(log, &over));
            }
        }
        logs.sort_by_key(|log| (log.head.shared.as_ref().and_then(|shared| shared.rank), log.head.run.clone()));
        let creators = creators(&logs);
        Ok(SharedRunState { id: self.id.clone(), processes: logs.into_iter().map(process).collect(), creators })
    }
}

fn unless_over(mut log: RunLog, over: &HashSet<u64>) -> RunLog {
    let rank = log.head.shared.as_ref().and_then(|shared| shared.rank);
    if log.ended_at.is_some() || rank.is_some_and(|rank| over.contains(&rank)) {
        log.calls.retain(|call| call.outcome != Outcome::Unfinished);
        log.waiting.clear();
    }
    log
}

fn process(log: RunLog) -> ProcessState {
    let RunLog { head, calls, waiting, ended_at, .. } = log;
    let count = |of: &[Outcome]| calls.iter().filter(|call| of.contains(&call.outcome)).map(|call| call.times).sum();
    let (ran, failed) = (count(&[Outcome::Executed, Outcome::Adopted, Outcome::Reproduced]), count(&[Outcome::Failed]));
    let now = |creator, key, since| CallNow { creator, key, since };
    let unfinished = calls.into_iter().filter(|call| call.outcome == Outcome::Unfinished);
    ProcessState {
        rank: head.shared.and_then(|shared| shared.rank),
        run: head.run,
        host: head.host,
        pid: head.pid,
        started_at: head.started_at,
        running: unfinished.filter_map(|call| Some(now(call.creator, call.key?, call.at))).collect(),
        waiting: waiting.into_iter().map(|call| now(call.creator, call.key, call.waits_since)).collect(),
        ended_at,
        ran,
        failed,
    }
}

#[derive(Default)]
struct Calls {
    done: HashSet<CallKey>,
    /// Those that were found when their process had noted very many.
    more: u64,
    running: HashSet<CallKey>,
    waiting: HashSet<CallKey>,
    failed: HashSet<CallKey>,
}

fn creators(logs: &[RunLog]) -> Vec<CreatorState> {
    let mut all = BTreeMap::<&CreatorName, Calls>::new();
    for log in logs {
        for call in &log.calls {
            let calls = all.entry(&call.creator).or_default();
            let Some(key) = call.key else {
                calls.more = calls.more.max(call.times);
                continue;
            };
            match call.outcome {
                Outcome::Failed => calls.failed.insert(key),
                Outcome::Unfinished => calls.running.insert(key),
                _ => calls.done.insert(key),
            };
        }
        for call in &log.waiting {
            all.entry(&call.creator).or_default().waiting.insert(call.key);
        }
    }
    let count = |keys: &HashSet<CallKey>, without: &HashSet<CallKey>| keys.difference(without).count() as u64;
    let state = |(creator, calls): (&CreatorName, Calls)| CreatorState {
        creator: creator.clone(),
        done: calls.done.len() as u64 + calls.more,
        running: count(&calls.running, &calls.done),
        waiting: count(&calls.waiting, &calls.done),
        failed: count(&calls.failed, &calls.done),
    };
    all.into_iter().map(state).collect()
}
