//! Dataflows over HTTP: `wire` has the shapes, `routes` what is asked of one, `runs` what its runs do.

mod routes;
mod runs;
#[cfg(test)]
mod tests;
mod wire;

pub(crate) use self::routes::{named, release_all, seen_dataflows};
use crate::http::Routes;

pub(crate) use wire::ReadyRecord;

/// All of its routes.
pub(crate) fn routes(routes: Routes) -> Routes {
    runs::routes(routes::routes(routes))
}
