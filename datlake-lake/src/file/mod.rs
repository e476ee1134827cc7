//! Files: content with a UID, known without being here.

mod find;
mod folder;
mod handle;
mod named;
mod range;
mod read;
mod tree;
mod tree_writer;
mod write;

pub(crate) use folder::FolderEntry;
pub use folder::LocalFolder;
pub use handle::File;
pub(crate) use named::reading_names;
pub use range::Unverified;
pub use tree::Tree;
pub(crate) use tree::not_in_tree;
pub use tree_writer::TreeWriter;
pub use write::{AsyncFileWriter, FileWriter, StagedPath};
