//! Files: content with a UID, known without being here.

mod find;
mod handle;
mod range;
mod read;
mod tree;
mod write;

pub use handle::File;
pub use range::Unverified;
pub(crate) use tree::files_below;
pub use tree::{Tree, TreeWriter};
pub use write::{AsyncFileWriter, FileWriter, StagedPath};
