//! Several processes on one lake: killed between any two steps, racing, and as two machines that share a remote.
//!
//! The children are this very test binary: see `child`.

mod child;
mod crashes;
mod faults;
mod races;
mod steps;
