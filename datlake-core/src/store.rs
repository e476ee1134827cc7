//! What the memo algorithm needs of a store: create-if-absent, read, list, remove. Nothing else, so that every store serves.

use std::future::Future;
use std::io::Write;
use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::pin::Pin;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::{Error, ErrorKind, Location, Prefix, Result};

/// A store operation under way.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// What a store writes an object's bytes into.
pub type Sink<'a> = &'a mut (dyn Write + Send);

/// Receives what a store lists, until it breaks.
pub type Visit<'a> = &'a mut (dyn FnMut(Entry) -> ControlFlow<()> + Send);

/// Receives what a store has at one level, until it breaks.
pub type VisitLevel<'a> = &'a mut (dyn FnMut(LevelItem) -> ControlFlow<()> + Send);

/// One of a lake's two stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// This machine's.
    Local,
    /// The one shared with others; also one that is mirrored to.
    Remote,
}

/// What a conditional create found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// The object is ours.
    New,
    /// There was one already; nothing was written.
    Exists,
}

/// One listed object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it is.
    pub location: Location,
    /// Its size in bytes.
    pub size: u64,
    /// When it was created, by the store's own clock, to the second at best: to be compared with what the same store says of
    /// other objects, and with nothing else. A store may say a later time than it was, and never an earlier one.
    pub modified: SystemTime,
}

/// What is right in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LevelItem {
    /// An object.
    Object(Location),
    /// A folder, by its own name. A directory may be empty: whether something is below it is not said.
    Folder(String),
}

/// The range of every object's bytes.
pub const WHOLE: Range<u64> = 0..u64::MAX;

/// A place that holds objects.
///
/// Every implementation, and every decorator around one, passes the conformance suite in `tests/conformance`:
///
/// - An object is visible whole or not at all, also when its writer dies at any point.
/// - Of several creators of one object exactly one gets [`Created::New`]; nothing ever replaces an object.
/// - What was created is found by every later `get`, `fetch`, `size` and `list`, from every process.
/// - There are no default methods: a decorator that forgets one does not compile.
pub trait Store: Send + Sync + std::fmt::Debug {
    /// The whole object, which is small (a record, a name); `None` if there is none.
    fn get<'a>(&'a self, at: &'a Location) -> Pending<'a, Option<Vec<u8>>>;

    /// Writes the bytes of `range`, as far as the object has them, into `sink`: the size of the whole object, or `None` if there
    /// is none. Not more than the range is moved, in one request where it is small.
    fn fetch<'a>(&'a self, at: &'a Location, range: Range<u64>, sink: Sink<'a>) -> Pending<'a, Option<u64>>;

    /// Creates the object unless there is one.
    fn create<'a>(&'a self, at: &'a Location, bytes: &'a [u8]) -> Pending<'a, Created>;

    /// Creates the object from a finished local file unless there is one. The file may be linked: nobody writes it any more.
    fn create_from<'a>(&'a self, at: &'a Location, file: &'a Path) -> Pending<'a, Created>;

    /// The object's size in bytes; `None` if there is none.
    fn size<'a>(&'a self, at: &'a Location) -> Pending<'a, Option<u64>>;

    /// Shows `visit` every object of the set, in no particular order, until it breaks. Foreign objects are passed over.
    fn list<'a>(&'a self, prefix: &'a Prefix, visit: Visit<'a>) -> Pending<'a, ()>;

    /// Shows `visit` the objects of the set that are right in its folder, and the folders there, in no particular order, until it
    /// breaks. It looks at no object and into no folder: how long it takes does not depend on what is below them.
    fn list_level<'a>(&'a self, prefix: &'a Prefix, visit: VisitLevel<'a>) -> Pending<'a, ()>;

    /// Removes the object: whether there was one.
    fn remove<'a>(&'a self, at: &'a Location) -> Pending<'a, bool>;

    /// The store's name for people: a path or a URL without credentials.
    fn describe(&self) -> String;
}

/// What is often asked of a store, and needs nothing but a [`Store`].
pub trait StoreExt: Store {
    /// Where every object of the set is, in no particular order.
    ///
    /// # Errors
    /// Those of [`Store::list`].
    fn locations<'a>(&'a self, prefix: &'a Prefix) -> Pending<'a, Vec<Location>> {
        Box::pin(async move {
            let mut found = Vec::new();
            self.each(prefix, |entry| found.push(entry.location)).await?;
            Ok(found)
        })
    }

    /// Shows every object of the set to `visit`, in no particular order.
    ///
    /// # Errors
    /// Those of [`Store::list`].
    fn each<'a>(&'a self, prefix: &'a Prefix, mut visit: impl FnMut(Entry) + Send + 'a) -> Pending<'a, ()> {
        let mut visit = move |entry| {
            visit(entry);
            ControlFlow::Continue(())
        };
        Box::pin(async move { self.list(prefix, &mut visit).await })
    }
}

impl<S: Store + ?Sized> StoreExt for S {}

/// How often what exists may be gone when it is looked at: removed in between, or never to be shown.
pub(crate) const LOOKS: u32 = 100;

/// The error of a store that has said so often of `what` that it exists, and never found it.
pub(crate) fn contradiction(store: &dyn Store, operation: &str, what: &str) -> Error {
    let message = format!(
        "cannot {operation} in {}: {what} is said to exist, and is not found; the store is inconsistent",
        store.describe()
    );
    Error::new(ErrorKind::Io, message)
}
