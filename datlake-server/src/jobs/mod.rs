//! Jobs and their runs.
//!
//! From the bottom up: `wire` (the shapes), `stored` (runs and jobs as the database has them), `items` (what a run read, wrote and left behind),
//! `running` (a run begins, gives heartbeats and ends), `leases` (runs that give none are lost), `listing` (pages), `routes`.

mod items;
mod leases;
mod listing;
mod routes;
mod running;
mod stored;
mod wire;

pub(crate) use items::{ItemRole, note_items};
#[cfg(test)]
pub(crate) use leases::lose;
pub(crate) use leases::watch_leases;
pub(crate) use listing::{WhichRuns, job_info, jobs, latest_runs, one_run, runs};
pub(crate) use routes::{lease_of, routes};
pub(crate) use running::{RunEnd, end_run, own_run, start_run};
pub(crate) use wire::{JobRun, JobRunState, ListedRun, RunItem, RunItemKind};
