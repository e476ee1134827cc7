//! What fails, and that nothing is lost by it: stores that fail as they are told to, under machines that do anything in any
//! order.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod jobs;
mod machines;
mod model;
mod sequences;
mod store;
mod world;
