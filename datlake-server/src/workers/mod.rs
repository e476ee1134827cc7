//! Workers: they claim runs that are queued, and ship their logs.
//!
//! From the bottom up: `wire` (the shapes), `claim` (which run a worker gets), `log` (logs as the database has them while runs go on), `keeping` (logs of runs that
//! have ended become content of the lake), `follow` (a log, read as it grows), `routes`. `docs/adr/0056-schedules-and-workers.md` says who may run what where.

mod claim;
mod follow;
mod keeping;
mod log;
mod routes;
#[cfg(test)]
mod tests;
mod wire;

pub(crate) use follow::{LogTail, log_tail};
pub(crate) use keeping::keep_logs;
pub(crate) use routes::routes;
