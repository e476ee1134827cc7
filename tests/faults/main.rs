//! What fails, and that nothing is lost by it: stores that fail as planned, under machines that do anything in any
//! order; and lines to a server that break.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod jobs;
#[cfg(all(feature = "aws", feature = "azure"))]
mod lines;
mod machines;
mod model;
#[cfg(all(feature = "aws", feature = "azure"))]
#[allow(dead_code, reason = "the tests of datlake-store use all of it")]
#[path = "../../datlake-store/tests/object/proxy.rs"]
mod proxy;
mod sequences;
#[cfg(all(feature = "aws", feature = "azure"))]
#[allow(dead_code, reason = "the tests of datlake-store use all of it")]
#[path = "../../datlake-store/tests/object/servers.rs"]
mod servers;
mod store;
mod world;
