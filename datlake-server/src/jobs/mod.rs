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
pub(crate) use leases::watch_leases;
pub(crate) use routes::routes;
pub(crate) use running::own_run;
pub(crate) use wire::{RunItem, RunItemKind};
