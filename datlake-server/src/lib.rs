//! `datlake serve`: the repositories of a lake over HTTP, for every client of lakeFS, with accounts and rights.
//!
//! From the bottom up: `problem` (what an error is to a client), `database`, `access` (who asks, and what they may), `app` (what requests
//! share), `gateway` (S3), `http` (routes, each with the right it needs; what every request goes through), `lakefs` (that API), `server`.
//!
//! Absences: nothing of a lake is decided here, and no path of it is spelled: the library has what a route needs. No route is without a
//! right. No secret is in a log, an error or a column.

mod access;
mod app;
mod database;
mod gateway;
mod http;
mod lakefs;
mod logs;
mod problem;
mod server;
mod settings;

pub use access::{AccessRole, Account, AccountKind, Accounts, Grant, KeyPair, NewKeyPair, NewToken, Pattern, Token};
pub use logs::{LogFormat, log_to_standard_error};
pub use server::Server;
pub use settings::{Root, ServerSettings};
