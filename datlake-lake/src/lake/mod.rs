//! A lake: where files are, and what is remembered of how they came to be.

mod accept;
mod builder;
mod clean;
mod collect;
mod content;
mod current;
mod damage;
mod evict;
mod files;
mod folder;
mod mirror;
mod open_pack;
mod opened;
mod outbox;
mod packing;
mod packing_made;
mod packs;
mod parallel;
mod parts;
mod places;
mod prune;
mod prune_versions;
mod publish;
mod pull;
mod push;
mod put_in_packs;
mod query;
mod read;
mod remote_state;
mod remove;
mod repack;
mod repair;
mod replacing;
mod secure;
mod sending;
mod uploads;
mod url;
mod verify;
mod versions;
mod write;

pub use builder::LakeBuilder;
pub use collect::Collect;
pub(crate) use content::each;
pub(crate) use damage::{concerns_one, is_damage, no_call, unless_damaged};
pub use evict::Evict;
pub use files::Files;
pub use mirror::Mirror;
pub use outbox::{JournalLine, OwedRun};
pub(crate) use packing_made::made_entries;
pub(crate) use packs::AtRest;
pub(crate) use parallel::in_parallel;
pub use parts::{PartsReader, ReceivedPart, UploadPart};
pub use prune::Prune;
pub use publish::NewCall;
pub(crate) use put_in_packs::FileSource;
pub use query::{
    AskedCalls, CallFacts, CallIndex, CallOrder, CallQuery, Condition, IndexedRecord, MadeAgain, OrderBy, RecordedCall,
    Relation, Rows, WantedValue, WatchedRun,
};
pub use replacing::Replacing;
pub(crate) use secure::Patience;
pub use verify::Verify;
pub(crate) use versions::Replaced;
pub(crate) use write::claim_of;
pub use write::{AsyncLakeWriter, LakeWriter};

pub(crate) use crate::handle::Lake;
pub(crate) use crate::nearest::nearest;
pub(crate) use crate::scope::refuse_in_body;
pub(crate) use crate::sync::lock;

/// How many names are looked up at a time.
pub(crate) const AT_ONCE: usize = 64;
