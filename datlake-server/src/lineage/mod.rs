//! Where data came from, and what became of it: over runs and snapshots that a server knows, and calls and files of its lake.
//!
//! From the bottom up: `wire` (the graph as it is answered), `recorded` (what the database has beside a node), `graph` (one step after the other from
//! what was asked for), `openlineage` (events that others send), `routes`.

mod graph;
mod openlineage;
mod recorded;
mod routes;
mod wire;

pub(crate) use routes::routes;
