//! The API of lakeFS, as its clients speak it: the shapes are those of the packages `lakefs-sdk` and `lakefs`.
//!
//! `wire` has the shapes, `paging` how lists are cut; of the others each has the routes of one thing.

mod branches;
mod committing;
mod differences;
mod import_sources;
mod import_states;
mod imports;
mod objects;
mod paging;
mod presigned;
mod refs;
mod repositories;
mod server;
mod staging;
mod tags;
mod telling;
mod uploads;
mod wire;

pub(crate) use self::objects::object_content;
use crate::http::Routes;

/// All of its routes.
pub(crate) fn routes(routes: Routes) -> Routes {
    let all = [
        server::routes,
        repositories::routes,
        branches::routes,
        objects::routes,
        uploads::routes,
        staging::routes,
        refs::routes,
        tags::routes,
        imports::routes,
    ];
    all.into_iter().fold(routes, |routes, add| add(routes))
}
