//! What differs between two runs.

use std::collections::BTreeMap;

use datlake_core::run::Outcome;
use datlake_core::{CallKey, CreatorName, Result};

use crate::lake::Lake;
use crate::report::{CreatorDiff, RunCall, RunCallDiff, RunCounts, RunDiff, RunInfo};

impl Lake {
    /// What differs between two runs of this machine, which may be abbreviated: how many calls of each creator ran and were
    /// skipped, and which calls one of them did not make, or skipped where the other ran them. [`Lake::explain`] says why a call ran.
    ///
    /// # Errors
    /// Those of [`run`](Self::run).
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
    /// let run = lake.runs(1)?.runs[0].run.clone();
    /// let same = lake.compare_runs(&run, &run)?;
    /// assert_eq!((same.alike, same.calls.len()), (1, 0));
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn compare_runs(&self, was: &str, now: &str) -> Result<RunDiff> {
        let (was, now) = (self.run(was)?, self.run(now)?);
        let mut creators: BTreeMap<CreatorName, (RunCounts, RunCounts)> = BTreeMap::new();
        for call in &was.calls {
            count(&mut creators.entry(call.creator.clone()).or_default().0, call);
        }
        for call in &now.calls {
            count(&mut creators.entry(call.creator.clone()).or_default().1, call);
        }
        let mut ends: BTreeMap<(CreatorName, CallKey), (Option<Outcome>, Option<Outcome>)> = BTreeMap::new();
        for (call, outcome) in ends_of(&was) {
            ends.entry(call).or_default().0 = Some(outcome);
        }
        for (call, outcome) in ends_of(&now) {
            ends.entry(call).or_default().1 = Some(outcome);
        }
        let all = ends.len();
        let differs = |(was, now): &(Option<Outcome>, Option<Outcome>)| was.map(Became::of) != now.map(Became::of);
        let calls: Vec<RunCallDiff> = ends
            .into_iter()
            .filter(|(_, ends)| differs(ends))
            .map(|((creator, key), (was, now))| RunCallDiff { creator, key, was, now })
            .collect();
        let creators = creators.into_iter().map(|(creator, (was, now))| CreatorDiff { creator, was, now }).collect();
        let alike = (all - calls.len()) as u64;
        Ok(RunDiff { was: was.row, now: now.row, creators, calls, alike })
    }
}

/// What became of a call, as far as it matters whether two runs agree. Where it became several things, the last of these counts: one
/// that failed, and ran when it was tried again, is there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Became {
    Skipped,
    Unfinished,
    Failed,
    Ran,
}

impl Became {
    fn of(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Hit | Outcome::Kept => Self::Skipped,
            Outcome::Executed | Outcome::Adopted | Outcome::Reproduced => Self::Ran,
            Outcome::Unfinished => Self::Unfinished,
            Outcome::Failed => Self::Failed,
        }
    }
}

/// What became of each call whose key the run has noted.
fn ends_of(run: &RunInfo) -> BTreeMap<(CreatorName, CallKey), Outcome> {
    let mut ends = BTreeMap::new();
    for call in &run.calls {
        let Some(key) = call.key else { continue };
        let end = ends.entry((call.creator.clone(), key)).or_insert(call.outcome);
        if Became::of(*end) < Became::of(call.outcome) {
            *end = call.outcome;
        }
    }
    ends
}

fn count(counts: &mut RunCounts, call: &RunCall) {
    let became = match Became::of(call.outcome) {
        Became::Skipped => &mut counts.skipped,
        Became::Ran => &mut counts.ran,
        Became::Unfinished => &mut counts.unfinished,
        Became::Failed => &mut counts.failed,
    };
    *became += call.times;
    if !matches!(call.outcome, Outcome::Hit | Outcome::Kept) {
        counts.spent_ms += call.duration_ms.unwrap_or(0);
    }
}
