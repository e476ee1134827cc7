//! Identities, canonical encoding, the lineage model and the memo algorithm of datlake.
//!
//! This crate never touches a file system, a network, a clock or an async runtime: everything it decides can be tested in
//! memory. Users depend on `datlake`, which re-exports what they need.

pub mod canonical;
mod code;
pub mod codec;
pub mod count;
mod digest;
mod error;
mod file_ref;
mod key;
mod layout;
pub mod lineage;
mod store;
mod uid;

pub use code::{Code, Tracked};
pub use digest::{CallKey, CodeHash, Digest};
pub use error::{Error, ErrorKind, Result};
pub use file_ref::{FILE_TOKEN, FileRef};
pub use key::{Identity, KeyBuilder};
pub use layout::{Location, Prefix};
pub use store::{Created, Entry, Pending, Store};
pub use uid::{CreatorName, MAX_NAME, MAX_SEGMENT, Uid, UidKind};
