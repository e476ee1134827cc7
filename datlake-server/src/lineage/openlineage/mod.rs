//! Events of OpenLineage, from anybody's client: runs of jobs that others start and end, with what these read and wrote.

mod received;
mod routes;
mod wire;

pub(super) use routes::routes;
