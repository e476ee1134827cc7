//! The lake on disk and in object stores: one machine's view of a lake, and the way content takes.
//!
//! The only crate that touches files or names an async runtime. Users depend on `datlake`, which re-exports what they need.
//!
//! What asks a store or the file system fails as those do; a section on errors says what else there is.

mod adopted;
mod backoff;
mod clock;
mod copy_blob;
mod delegate;
mod dir;
mod elsewhere;
mod folder;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod hashing;
mod in_parts;
mod lake_header;
mod lease;
mod leaving;
mod local_view;
pub mod machine;
mod maker;
mod names;
#[cfg(feature = "cloud")]
mod object;
mod offline_hint;
mod options;
mod outside;
mod permits;
mod process;
mod reader;
mod remote;
mod remote_identity;
mod remote_url;
mod runtime;
mod signing;
mod staging;
mod sweeps;
mod usage;
mod work_folder;
mod writers;

pub use dir::{
    CallFolder, DirStore, Durability, FileLock, Hold, Holding, LockAttempt, Mark, Scratch, Seal, check_readable,
    is_executable,
};
pub use elsewhere::Elsewhere;
pub use hashing::hash_file;
pub use lake_header::{is_lake, lake_id};
pub use lease::{Among, HeartbeatLease};
pub use leaving::release_claims_on_sigterm;
pub use local_view::{LocalView, Options, Pinned, Publishing, Reach, Wanted, Wrap};
pub use maker::{Maker, PerProcess};
pub use options::{Progress, RemoteOptions};
pub use outside::{Outside, VisitOutside, is_address_below, name_at_address};
pub use permits::{BodyPermit, Permits};
pub use process::{cpu_time, peak_memory};
pub use reader::{AsyncReader, Ranges, Reader};
pub use remote::{Remote, Standing, open_remote};
pub use runtime::{
    TaskPlace, done_within, every, every_method, offload, offload_method, scoped_thread, sleep, wait, within,
};
pub use signing::{PutByOthers, Signed};
pub use staging::{AsyncStagedWriter, Staged, StagedWriter, Stamp, read_small};
pub use tokio::io::{AsyncBufRead, AsyncRead, AsyncReadExt, AsyncSeek, AsyncWrite, AsyncWriteExt};
pub use work_folder::{AtPath, FileState, OWN_FOLDER, WorkFolder, is_own_folder};
