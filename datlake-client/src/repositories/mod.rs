//! The client of a server: repositories, branches, tags and objects over HTTP, in the words of lakeFS.
//!
//! From the bottom up: `credentials` (where a server is, and who asks), `http` (requests), `wire` (answers), `client`, `pages` (lists), `repository`,
//! `reference`, `object`, `reader`, `tag`, `branch`, `writer`, `import`, `transaction`, `default` (the client of whoever says none), `twins`.
//!
//! Invariants: nothing is asked before a method needs it. What cannot be written to has no methods for it. No credential and no presigned URL
//! is in an error or a `Debug`; a key goes to the server that it is for, and nowhere else.

mod branch;
mod client;
mod credentials;
mod default;
mod http;
mod import;
mod object;
mod pages;
mod reader;
mod reference;
mod repository;
mod tag;
mod transaction;
mod twins;
mod wire;
mod writer;

pub use branch::Branch;
pub use client::Client;
pub use credentials::ClientOptions;
pub use default::{default_client, init, repositories, repository};
pub(crate) use http::Asked;
pub use import::{ImportManager, ImportResult};
pub use object::{CommonPrefix, ListedItem, ObjectInfo};
pub use pages::{ListOptions, Listed};
pub use reader::ObjectReader;
pub use reference::Reference;
pub use repository::Repository;
pub use tag::Tag;
pub use transaction::BranchTransaction;
pub(crate) use twins::{declared, given, kept, twins};
pub use wire::{
    Change, ChangeType, Commit, ImportFailure, ImportStatus, PathType, RepositoryProperties, ServerConfiguration,
    ServerStorageConfiguration,
};
pub use writer::ObjectWriter;
