//! The page: what runs, what failed, what is in the lake and who may what, for people with a browser.
//!
//! From the bottom up: `address` (links), `show` (texts, times and tables, escaped by their types), `frame` (what every page has around it),
//! `preview` (what is in a file), `guard` (who is signed in, the right that a page needs, forms that only our own pages send), `sign_in`; the others are a section each.
//!
//! Absences: nothing is asked of the database or the lake here but by the functions that the API has for it. No page changes anything but by a
//! form with the token of its session. No page names another host, or runs a script that is not of the server.

mod access;
mod address;
mod assets;
mod calls;
mod dataflows;
mod events;
mod files;
mod frame;
mod guard;
mod history;
mod home;
mod job;
mod jobs;
mod lineage;
mod preview;
mod repositories;
mod show;
mod sign_in;
mod tables;

use axum::Router;

pub(crate) use self::guard::for_own_host;
pub(crate) use self::sign_in::link as sign_in_link;

use self::assets::{SCRIPT, STYLE};
use self::guard::PageRoutes;
use crate::app::App;
use crate::http::Right;

/// All of its routes.
pub(crate) fn routes(app: &App) -> Router {
    let all = [
        asset_routes,
        sign_in::routes,
        home::routes,
        jobs::routes,
        job::routes,
        files::routes,
        calls::routes,
        lineage::routes,
        repositories::routes,
        history::routes,
        tables::routes,
        dataflows::routes,
        events::routes,
        access::routes,
    ];
    all.into_iter().fold(PageRoutes::new(app), |routes, add| add(routes)).finish()
}

/// Those of what the lake has, without a server's database. Nothing is changed by them.
pub(crate) fn routes_alone(app: &App) -> Router {
    let all = [
        asset_routes,
        sign_in::routes,
        home::routes_alone,
        files::routes,
        calls::routes,
        lineage::routes,
        repositories::routes,
        history::routes,
    ];
    all.into_iter().fold(PageRoutes::new(app), |routes, add| add(routes)).finish()
}

fn asset_routes(routes: PageRoutes) -> PageRoutes {
    routes
        .get(STYLE.path(), Right::Open, || std::future::ready(STYLE.answer()))
        .get(SCRIPT.path(), Right::Open, || std::future::ready(SCRIPT.answer()))
}
