//! How a launch ended.

use datlake::report::CallNow;
use serde::Serialize;

use super::{End, State};
use crate::answer::{Answer, Page};
use crate::failure::FAILED;

/// The signal of who ends processes for want of memory.
const KILLED: i32 = 9;

/// How the processes ended.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize, schemars::JsonSchema))]
pub(crate) struct LaunchOutcome {
    /// What they are called together.
    pub(crate) run: String,
    /// What they said, and how they ended.
    pub(crate) folder: String,
    /// Whether they were asked to end.
    pub(crate) cancelled: bool,
    /// Each of them.
    pub(crate) processes: Vec<ProcessOutcome>,
}

/// How a process ended.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize, schemars::JsonSchema))]
pub(crate) struct ProcessOutcome {
    pub(crate) rank: u64,
    /// Its exit status; `None` where a signal ended it, while it runs, and where nothing is known.
    pub(crate) exit_status: Option<i32>,
    /// The signal that ended it.
    pub(crate) signal: Option<i32>,
    /// Whether that was for using more memory than it was given, as far as its engine says so.
    pub(crate) out_of_memory: bool,
    /// Why nothing is known of its end.
    pub(crate) lost: Option<String>,
}

impl LaunchOutcome {
    pub(crate) fn new(run: &str, folder: &std::path::Path, cancelled: bool, states: &[State]) -> Self {
        let process = |(rank, state): (u64, &State)| {
            let (exit_status, signal, lost) = match state {
                State::Pending | State::Running => (None, None, None),
                State::Ended(End::Code(code)) => (Some(*code), None, None),
                State::Ended(End::Signal(signal)) => (None, Some(*signal), None),
                State::Ended(End::OutOfMemory) => (None, Some(KILLED), None),
                State::Lost(why) => (None, None, Some(why.clone())),
            };
            let out_of_memory = *state == State::Ended(End::OutOfMemory);
            ProcessOutcome { rank, exit_status, signal, out_of_memory, lost }
        };
        let processes = (0..).zip(states).map(process).collect();
        Self { run: run.to_owned(), folder: folder.display().to_string(), cancelled, processes }
    }
}

impl Answer for LaunchOutcome {
    /// What they said was shown while they ran.
    fn text(&self, _: &Page) -> String {
        String::new()
    }

    /// Every process gets every result. So where one has succeeded, the run has, whoever was killed; an error of any is one of the run.
    fn status(&self) -> u8 {
        if self.cancelled {
            return 130;
        }
        let code = |code: i32| u8::try_from(code).unwrap_or(FAILED);
        let failed = self.processes.iter().filter_map(|process| process.exit_status).find(|status| *status != 0);
        let signal = || self.processes.iter().find_map(|process| process.signal);
        match failed {
            Some(status) => code(status),
            None if self.processes.iter().any(|process| process.exit_status == Some(0)) => 0,
            // Still running: somebody has left them.
            None if self.processes.iter().any(|process| process.signal.is_none() && process.lost.is_none()) => 0,
            None => signal().map_or(FAILED, |signal| code(128 + signal)),
        }
    }
}

/// The message about a process that did not end as it should: `None` for one that did.
pub(super) fn said(rank: u64, state: &State, was_in: &[CallNow]) -> Option<String> {
    let how = match state {
        State::Pending | State::Running | State::Ended(End::Code(0)) => return None,
        State::Ended(End::Code(code)) => return Some(format!("process {rank} ended with exit status {code}")),
        State::Ended(End::Signal(signal)) => format!("process {rank} was killed by signal {signal}"),
        State::Ended(End::OutOfMemory) => {
            format!("process {rank} was killed, out of memory: it used more than it was given")
        }
        State::Lost(why) => format!("process {rank} is lost: {why}"),
    };
    let calls: Vec<String> = was_in.iter().map(|call| format!("{}/{}", call.creator, call.key.short())).collect();
    Some(match &*calls {
        [] => how,
        calls => format!("{how}, in {}; others take that over", calls.join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(cancelled: bool, states: &[State]) -> u8 {
        LaunchOutcome::new("run", "folder".as_ref(), cancelled, states).status()
    }

    #[test]
    fn a_run_has_succeeded_where_one_process_has_and_none_failed() {
        let (ended, killed) = (|code| State::Ended(End::Code(code)), State::Ended(End::Signal(9)));
        let lost = State::Lost("its supervisor was killed".to_owned());
        for (states, expected) in [
            (vec![ended(0), ended(0)], 0),
            (vec![ended(0), killed.clone()], 0),
            (vec![killed.clone(), killed.clone()], 137),
            (vec![ended(0), ended(3), killed], 3),
            (vec![State::Ended(End::OutOfMemory)], 137),
            (vec![lost.clone(), lost.clone()], 2),
            (vec![ended(0), lost], 0),
        ] {
            assert_eq!(status(false, &states), expected, "{states:?}");
        }
        assert_eq!(status(true, &[ended(0)]), 130);
    }
}
