//! Several processes on one lake: killed between any two steps, racing, and as two machines that share a remote.
//!
//! The children are this very test binary: see `child`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod child;
mod crashes;
#[path = "../../datlake-store/src/delegate.rs"]
mod delegate;
#[path = "../exfat/mod.rs"]
#[allow(dead_code, reason = "the tests of behaviour use all of it")]
mod disk;
mod ending;
mod exfat;
#[allow(dead_code, reason = "the tests of everything that fails use all of it")]
#[path = "../faults/store.rs"]
mod failing;
mod faults;
mod fleet;
#[cfg(all(feature = "aws", feature = "azure"))]
#[allow(dead_code, reason = "the tests of datlake-store use all of it")]
#[path = "../../datlake-store/tests/object/proxy.rs"]
mod proxy;
mod races;
mod room;
#[cfg(all(feature = "aws", feature = "azure"))]
#[allow(dead_code, reason = "the tests of datlake-store use all of it")]
#[path = "../../datlake-store/tests/object/servers.rs"]
mod servers;
mod sharing;
mod steps;
#[cfg(all(feature = "aws", feature = "azure"))]
mod transfers;
