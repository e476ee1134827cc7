//! The lake on disk and in object stores: one machine's view of a lake, and the way content takes.
//!
//! The only crate that touches files or names an async runtime. Users depend on `datlake`, which re-exports what they need.

mod away;
mod beating;
mod clock;
#[cfg(feature = "conformance")]
#[doc(hidden)]
pub mod conformance;
mod dir;
mod fill;
mod folder;
mod hashing;
mod head;
mod known;
mod names;
#[cfg(feature = "cloud")]
mod object;
mod options;
mod permits;
mod reader;
mod relay;
mod remote;
mod runtime;
mod signing;
mod staging;
mod vault;

pub use beating::{Among, Beating};
pub use dir::{Claim, DirStore, Durability, Hold, Holding, Lease, Scratch, Seal};
pub use hashing::hash_file;
pub use options::{Progress, RemoteOptions};
pub use permits::{BodyPermit, Permits};
pub use reader::{AsyncReader, Ranges, Reader};
pub use remote::{Standing, open_remote};
pub use runtime::{offload, sleep};
pub use signing::Signed;
pub use staging::{AsyncStagedWriter, Staged, StagedWriter};
pub use tokio::io::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite};
pub use vault::{Options, Pinned, Publishing, Reach, Vault, Wanted, Wrap};
