//! The lake on disk and in object stores.

#[cfg(feature = "conformance")]
#[doc(hidden)]
pub mod conformance;
mod dir;

pub use dir::{Claim, DirStore, Durability, Lease, Scratch, Seal};
