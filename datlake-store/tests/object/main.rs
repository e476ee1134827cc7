//! Stores in buckets: the contract of `Store` on real servers, and what a server of our own does wrong on purpose.

#![allow(clippy::unwrap_used, reason = "tests panic")]

mod real;
mod servers;
