//! How a worker works.

use std::path::PathBuf;
use std::time::Duration;

/// How a worker works.
#[derive(Debug)]
pub(crate) struct WorkerOptions {
    /// What people call it.
    pub(crate) name: String,
    /// How many runs at once.
    pub(crate) slots: usize,
    /// Which jobs.
    pub(crate) jobs: String,
    /// Which programs; all, where none is named.
    pub(crate) allow: Vec<String>,
    /// How long a command has between SIGTERM and SIGKILL.
    pub(crate) grace: Duration,
    /// How long the server waits for a heartbeat.
    pub(crate) lease: Duration,
    /// Where commands have their folders.
    pub(crate) folder: PathBuf,
}
