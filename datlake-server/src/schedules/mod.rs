//! When jobs run, and what a worker runs then.
//!
//! From the bottom up: `rule` (from a line of cron or an interval to the next time), `spec` (what a schedule says, checked), `stored` (schedules as the
//! database has them), `due` (what is due is queued), `routes`. `docs/adr/0056-schedules-and-workers.md` says what clocks decide.

mod due;
mod routes;
mod rule;
mod spec;
mod stored;
#[cfg(test)]
mod tests;

pub(crate) use due::watch_due;
pub(crate) use routes::{ScheduleInfo, routes, scheduled, turn};
pub(crate) use spec::{ScheduleSpec, ScheduledCommand, ScheduledCreator};
#[cfg(test)]
pub(crate) use stored::write;
