//! `datlake serve`: the repositories of a lake over HTTP, for every client of lakeFS, and what runs on it, with accounts and rights.
//!
//! From the bottom up: `problem` (what an error is to a client), `database`, `access` (who asks, and what they may), `audit` (who changed
//! what), `events` (what happened, as one stream), `deliveries` (what dataflows made ready for others), `app` (what requests share), `gateway`
//! (S3), `http` (routes, each with the right it needs; what every request goes through), `lakefs` (that API), `jobs` (runs, and their leases),
//! `schedules` (when jobs run, and what then), `tables`, `datasets`, `dataflows`, `workers` (who claims runs, and their logs), `admin`, `page` (what people
//! see of all that), `server`.
//!
//! Absences: nothing of a lake is decided here, and no path of it is spelled: the library has what a route needs. No route is without a
//! right. No secret is in a log, an error or a column.

mod access;
mod admin;
mod app;
mod audit;
mod connection;
mod database;
mod dataflows;
mod datasets;
mod deliveries;
mod events;
mod gateway;
mod http;
mod jobs;
mod lakefs;
mod lineage;
mod logs;
mod metrics;
mod page;
mod problem;
mod schedules;
mod server;
mod settings;
mod tables;
mod workers;

pub use access::{AccessRole, Account, AccountKind, Accounts, Grant, KeyPair, NewKeyPair, NewToken, Pattern, Token};
pub use logs::{LogFormat, log_to_standard_error};
pub use server::Server;
pub use settings::{ClientPatience, Root, ServerSettings};
