//! What a person sees of the command: real processes over lakes of their own.

#![allow(clippy::unwrap_used, reason = "tests panic")]

mod add;
#[cfg(target_os = "linux")]
mod at_size;
mod buckets;
mod called;
mod calls;
mod check;
mod checkouts;
mod config;
mod content;
#[allow(dead_code, reason = "other tests use more of it")]
#[path = "../../../tests/crates/mod.rs"]
mod crates;
mod day;
mod deploy;
mod download;
mod explain;
mod find;
mod guide;
mod info;
mod interrupt;
mod kubernetes;
mod launch;
mod lineage;
mod log;
mod ls;
mod order;
mod outbox;
mod page;
mod parts;
mod pipeline;
mod ray;
mod repositories;
mod rm;
mod runs;
mod secrets;
mod serve;
mod server;
#[allow(dead_code, reason = "the tests of datlake-store use all of it")]
#[path = "../../../datlake-store/tests/object/servers.rs"]
mod servers;
mod shell;
mod ship;
mod slurm;
mod support;
mod two_servers;
mod users;
mod values;
mod worker;
