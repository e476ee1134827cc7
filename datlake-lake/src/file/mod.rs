//! Files: content with a UID, known without being here.

mod find;
mod folder;
mod handle;
mod range;
mod read;
mod tree;
mod write;

pub use folder::LocalFolder;
pub use handle::File;
pub use range::Unverified;
pub(crate) use tree::name_in_tree;
pub use tree::{Tree, TreeWriter};
pub use write::{AsyncFileWriter, FileWriter, StagedPath};
