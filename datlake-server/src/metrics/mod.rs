//! Figures for Prometheus: of the requests to this server, and of what the database has, which is the same for all that share it.

mod requests;
mod routes;
mod stored;

pub(crate) use requests::{RequestMetrics, measured};
pub(crate) use routes::routes;
