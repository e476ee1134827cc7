//! Runs: what the programs of this machine did.

use datlake_core::run::{BodyFailure, ProcessUsage, Scheduled, SharedRun};
use datlake_core::{CallKey, CreatorName, Given};
use serde::{Deserialize, Serialize};

use super::{Damage, Outcome};

/// Runs, and what could not be read.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Runs {
    /// The runs, the latest first.
    pub runs: Vec<RunRow>,
    /// Runs that are damaged.
    pub damaged: Vec<Damage>,
}

/// A run in a list.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct RunRow {
    /// The run, as in the lineage of what it made.
    pub run: String,
    /// When it opened the lake.
    pub started_at: String,
    /// When it ended; `None` while it goes on, and where it was killed.
    pub ended_at: Option<String>,
    /// Who ran it.
    pub originator: String,
    /// The machine.
    pub host: String,
    /// The name of the program.
    pub program: String,
    /// Which of the processes that were started together it is.
    pub shared: Option<SharedRun>,
    /// Where a scheduler put it.
    pub place: Option<Scheduled>,
    /// What it was given of its machine, where it was not started alone.
    pub given: Option<Given>,
    /// What it had used of its machine when it ended.
    pub used: Option<ProcessUsage>,
    /// The version of datlake that wrote it down.
    pub datlake_version: String,
    /// Calls whose bodies ran to their end.
    pub ran: u64,
    /// Calls that were found, each as often as it was.
    pub skipped: u64,
    /// Calls whose bodies failed or were cancelled.
    pub failed: u64,
    /// Calls whose bodies began, and whose end is not known.
    pub unfinished: u64,
    /// How long bodies took, in milliseconds. Those of nested calls count again in the bodies they stand in.
    pub spent_ms: u64,
    /// How long the bodies of what was skipped had taken when they ran, in milliseconds, as far as that is remembered.
    pub saved_ms: u64,
    /// Lines that cannot be read.
    pub unreadable: u64,
}

/// All there is to know of one run.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct RunInfo {
    /// What a list shows of it.
    #[serde(flatten)]
    pub row: RunRow,
    /// Its calls, in the order in which they were written down; each that was found once, with how often.
    pub calls: Vec<RunCall>,
}

/// A call in a run.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct RunCall {
    /// The creator.
    pub creator: CreatorName,
    /// The key of the call; `None` for calls that were found when the run had noted very many.
    pub key: Option<CallKey>,
    /// What became of it.
    pub outcome: Outcome,
    /// When the body began; of what was found, when that was written down, which is later.
    pub at: String,
    /// How often.
    pub times: u64,
    /// How long the body took, in milliseconds; of what was found, how long it had taken when it ran.
    pub duration_ms: Option<u64>,
    /// How the body failed.
    pub failure: Option<BodyFailure>,
}

/// What differs between two runs.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct RunDiff {
    /// The one.
    pub was: RunRow,
    /// The other.
    pub now: RunRow,
    /// The creators that either called, sorted.
    pub creators: Vec<CreatorDiff>,
    /// Calls that one of them did not make, or that became something else in it, sorted.
    pub calls: Vec<RunCallDiff>,
    /// How many other calls both made.
    pub alike: u64,
}

/// What two runs did with a creator.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct CreatorDiff {
    /// The creator.
    pub creator: CreatorName,
    /// What the one did.
    pub was: RunCounts,
    /// What the other did.
    pub now: RunCounts,
}

/// What became of the calls of a creator, in one run.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct RunCounts {
    /// Calls whose bodies ran to their end.
    pub ran: u64,
    /// Calls that were found, each as often as it was.
    pub skipped: u64,
    /// Calls whose bodies failed or were cancelled.
    pub failed: u64,
    /// Calls whose bodies began, and whose end is not known.
    pub unfinished: u64,
    /// How long bodies took, in milliseconds.
    pub spent_ms: u64,
}

/// A call in two runs.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct RunCallDiff {
    /// The creator.
    pub creator: CreatorName,
    /// The key of the call.
    pub key: CallKey,
    /// What became of it in the one; `None` where that did not make it.
    pub was: Option<Outcome>,
    /// The same of the other.
    pub now: Option<Outcome>,
}

/// Where the processes are that were started together, as far as this machine's home knows.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct SharedRunState {
    /// What they are called together.
    pub id: String,
    /// The processes, by their ranks.
    pub processes: Vec<ProcessState>,
    /// The creators of their calls, by name.
    pub creators: Vec<CreatorState>,
}

/// Where one process is.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct ProcessState {
    /// Which one of them it is, where somebody said so.
    pub rank: Option<u64>,
    /// The run.
    pub run: String,
    /// The machine.
    pub host: String,
    /// The process there.
    pub pid: u32,
    /// When it opened the lake.
    pub started_at: String,
    /// When it ended; `None` while it goes on, and where it was killed.
    pub ended_at: Option<String>,
    /// The bodies that it is in, as far as nobody has ended it.
    pub running: Vec<CallNow>,
    /// The calls that it waits for, which others run.
    pub waiting: Vec<CallNow>,
    /// Calls whose bodies ran to their end.
    pub ran: u64,
    /// Calls whose bodies failed.
    pub failed: u64,
}

/// A call that runs or waits.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct CallNow {
    /// The creator.
    pub creator: CreatorName,
    /// The key.
    pub key: CallKey,
    /// Since when.
    pub since: String,
}

/// What has become of the calls of one creator. Each call counts once, in whatever processes it was made or found.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct CreatorState {
    /// The creator.
    pub creator: CreatorName,
    /// Calls that have their values.
    pub done: u64,
    /// Calls whose bodies run.
    pub running: u64,
    /// Calls that somebody waits for.
    pub waiting: u64,
    /// Calls whose bodies failed, and that nobody has made since.
    pub failed: u64,
}

/// What is still to be sent to receivers of events, and what could not be read.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Outbox {
    /// The runs that a receiver does not know to their end.
    pub runs: Vec<OwedRow>,
    /// What is damaged.
    pub damaged: Vec<Damage>,
}

/// A run that a receiver of events does not know to its end.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct OwedRow {
    /// The receiver, without what is secret in its URL.
    pub to: String,
    /// The run.
    pub run: String,
    /// Whether its process goes on, or somebody sends just now.
    pub goes_on: bool,
    /// Events that the receiver took.
    pub sent: u64,
    /// Events that it has not got yet: of bodies that began or ended.
    pub waiting: u64,
    /// Events that it refused for what is in them.
    pub refused: u64,
    /// Why the last attempt failed.
    pub failure: Option<String>,
}

/// What was sent of the runs that were owed to a receiver of events.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct SentEvents {
    /// The receiver, without what is secret in its URL.
    pub to: String,
    /// Runs that it knows to their end now.
    pub runs: u64,
    /// Events that it took.
    pub events: u64,
    /// Events that it refused for what is in them.
    pub refused: u64,
    /// Runs that it does not: because it takes nothing more, or because their processes go on.
    pub left: u64,
    /// Why it takes nothing more.
    pub failure: Option<String>,
    /// Runs of which nobody can tell how much it knows.
    pub damaged: Vec<Damage>,
}
