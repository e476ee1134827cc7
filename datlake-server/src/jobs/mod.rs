//! Jobs and their runs.
//!
//! From the bottom up: `wire` (the shapes), `stored` (runs and jobs as the database has them), `items` (what a run read, wrote and left behind),
//! `begin` (both come into being), `queue` (runs that wait for a worker), `running` (a run begins, gives heartbeats and ends), `leases` (runs that give none are lost), `listing` (pages), `routes`.

mod begin;
mod items;
mod leases;
mod listing;
mod queue;
mod routes;
mod running;
mod stored;
mod wire;

pub(crate) use begin::{ensure_job, note_state};
pub(crate) use items::{ItemRole, check_items, note_artifacts, note_items};
#[cfg(test)]
pub(crate) use leases::lose;
pub(crate) use leases::watch_leases;
pub(crate) use listing::{WhichRuns, job_info, jobs, latest_runs, one_run, runs};
pub(crate) use queue::{Due, NewQueued, WhichQueued, cancel_queued, enqueue, is_queued, is_running, take_turn};
pub(crate) use routes::{lease_of, queue_run, routes};
#[cfg(test)]
pub(crate) use running::cancel_run;
pub(crate) use running::{RunEnd, begin_run, end_run, own_run, start_run};
pub(crate) use wire::{JobRun, JobRunState, ListedRun, RunArtifact, RunItem, RunItemKind};
