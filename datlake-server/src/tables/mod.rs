//! Tables: a registry of snapshots, by anybody's writer.
//!
//! From the bottom up: `schema` (what of a schema changed, and what breaks readers), `wire` (the shapes), `snapshots` (registering and reading
//! them), `routes`. What is in a snapshot is nobody's here to read: it is where its URI says.

mod routes;
mod schema;
mod snapshots;
mod wire;

pub(crate) use routes::routes;
pub(crate) use schema::SchemaDiff;
pub(crate) use snapshots::{latest_schemas, snapshots, table, tables};
pub(crate) use wire::{TableSchema, TableSnapshot};
