//! Stores in buckets: the contract of `Store` on real servers, and what a server of our own does wrong on purpose.

#![allow(clippy::unwrap_used, reason = "tests panic")]

mod answers;
mod fake;
#[cfg(feature = "gcp")]
mod google;
mod large;
mod lines;
mod proxy;
mod real;
mod servers;
mod upload;
mod wrong;
