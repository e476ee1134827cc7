//! Processes: which of those that were started together one is, where, and what it has of its machine.

use serde::{Deserialize, Serialize};

use crate::Given;

/// Where a scheduler put a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Scheduled {
    /// The scheduler: `slurm`, `kubernetes`, `ray`.
    pub by: String,
    /// What it calls the cluster.
    pub cluster: Option<String>,
    /// What it calls the machine.
    pub node: Option<String>,
    /// What it calls the job; of a job with several tasks this one.
    pub job: Option<String>,
}

/// The process in which a body ran, where it was not started alone: which of its run it was, where, and with what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct BodyProcess {
    /// Which of the processes that were started together it was.
    pub shared: Option<SharedRun>,
    /// Where a scheduler put it.
    pub place: Option<Scheduled>,
    /// What it was given of its machine.
    pub given: Option<Given>,
    /// What it used: the most memory up to the end of the body, and the time on CPUs while the body ran. Other bodies that ran in it meanwhile
    /// count too.
    pub used: Option<ProcessUsage>,
}

/// What a process has used of its machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct ProcessUsage {
    /// The most memory at a time, in bytes.
    pub peak_memory: Option<u64>,
    /// The time of all its threads on a CPU, in milliseconds.
    pub cpu_ms: Option<u64>,
}

/// The place of a process among those that were started together to share a program's work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct SharedRun {
    /// What they are called together.
    pub id: String,
    /// Which one it is, from 0 on, where somebody says so.
    pub rank: Option<u64>,
    /// How many were started, where somebody says so.
    pub of: Option<u64>,
}
