//! Identities, canonical encoding, the lineage model and the memo algorithm of datlake.
//!
//! This crate never touches a file system, a network, a clock or an async runtime: everything it decides can be tested in
//! memory. Users depend on `datlake`, which re-exports what they need.
//!
//! What asks a [`Store`] fails as that does; a section on errors says what else there is.

pub mod admission;
pub mod by_key;
pub mod canonical;
pub mod catalog;
pub mod claim;
mod code;
pub mod codec;
pub mod collect;
pub mod count;
pub mod delivery;
mod derived;
mod digest;
mod digest_set;
pub mod document;
mod error;
pub mod explain;
mod extent;
mod file_ref;
pub mod flight;
mod found;
mod key;
mod layout;
pub mod lineage;
pub mod log;
#[cfg(feature = "made-up")]
pub mod made_up;
pub mod memo;
mod news;
mod process;
pub mod record;
pub mod record_pack;
pub mod replay;
pub mod repository;
mod resources;
pub mod returned;
pub mod run;
#[cfg(feature = "schemas")]
mod schemas;
mod source_texts;
mod store;
pub mod tree;
mod uid;
pub mod value_shape;
pub mod version;

pub use catalog::Catalog;
pub use code::{Code, Tracked};
pub use digest::{CallKey, CodeHash, Digest};
pub use digest_set::DigestSet;
pub use document::{Document, FORMAT};
pub use error::{Error, ErrorKind, FailedCall, Result, Subject};
pub use extent::{ClosureSize, PackageSize, PulledIn};
pub use file_ref::{FILE_TOKEN, FileRef};
pub use found::{Closure, ClosureItem, ClosureTable};
pub use key::{Identity, KeyBuilder};
pub use layout::{Location, LogId, OUTBOX, Prefix, RUNS, Role, Stage, delivered_run, delivery_file, run_file, run_of};
pub use news::calls_told_of;
pub use resources::{Given, Resources};
pub use source_texts::{SourceText, SourceTexts};
pub use store::{Created, Entry, LevelItem, Pending, Side, Sink, Store, StoreExt, Visit, VisitLevel, WHOLE};
pub use uid::{CreatorName, MAX_NAME, MAX_SEGMENT, Uid, UidKind};
