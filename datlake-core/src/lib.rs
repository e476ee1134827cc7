//! Identities, canonical encoding, the lineage model and the memo algorithm of datlake.
//!
//! This crate never touches a file system, a network, a clock or an async runtime: everything it decides can be tested in
//! memory. Users depend on `datlake`, which re-exports what they need.

mod digest;
mod error;
mod layout;
mod store;
mod uid;

pub use digest::{CallKey, CodeHash, Digest};
pub use error::{Error, ErrorKind, Result};
pub use layout::{Location, Prefix};
pub use store::{Created, Entry, Pending, Store};
pub use uid::{CreatorName, MAX_NAME, MAX_SEGMENT, Uid, UidKind};
