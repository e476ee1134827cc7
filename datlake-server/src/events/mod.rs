//! What happened, as one durable stream.
//!
//! From the bottom up: `event` (what one is, and pages of them), `change` (a transaction that writes its events as the last thing that it
//! does), `once` (requests that are sent twice and done once), `hub` (who waits for events of this server), `follow` (one who reads the stream), `forgetting`,
//! `routes`.
//!
//! Ids rise in the order of commits, without gaps: `docs/adr/0053-events-and-leases.md`.

mod change;
mod event;
mod follow;
mod forgetting;
mod hub;
mod once;
mod routes;
mod seen;

pub(crate) use change::StateChange;
pub(crate) use event::{EventType, NewEvent, ServerEvent, events_of_run, last_id};
pub(crate) use forgetting::forget_old_events;
pub(crate) use hub::EventHub;
pub(crate) use once::forget_answers;
pub(crate) use routes::routes;
pub(crate) use seen::latest_events;
