//! Adds the offline hint to `Unavailable`.

use std::io::Write;
use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::sync::Arc;

use datlake_core::{Created, Entry, ErrorKind, Location, Pending, Prefix, Result, Store};

/// How to go on without a remote.
const HINT: &str = "DATLAKE_OFFLINE=1 works with what is on this machine";

/// A remote whose errors say how to go on without it.
#[derive(Debug)]
pub(crate) struct OfflineHint(pub(crate) Arc<dyn Store>);

async fn hinted<T>(asked: Pending<'_, T>) -> Result<T> {
    asked.await.map_err(|error| match error.kind() {
        ErrorKind::Unavailable => error.with_hint(HINT),
        _ => error,
    })
}

impl Store for OfflineHint {
    fn get<'a>(&'a self, at: &'a Location) -> Pending<'a, Option<Vec<u8>>> {
        Box::pin(hinted(self.0.get(at)))
    }

    fn fetch<'a>(
        &'a self,
        at: &'a Location,
        range: Range<u64>,
        sink: &'a mut (dyn Write + Send),
    ) -> Pending<'a, Option<u64>> {
        Box::pin(hinted(self.0.fetch(at, range, sink)))
    }

    fn create<'a>(&'a self, at: &'a Location, bytes: &'a [u8]) -> Pending<'a, Created> {
        Box::pin(hinted(self.0.create(at, bytes)))
    }

    fn create_from<'a>(&'a self, at: &'a Location, file: &'a Path) -> Pending<'a, Created> {
        Box::pin(hinted(self.0.create_from(at, file)))
    }

    fn size<'a>(&'a self, at: &'a Location) -> Pending<'a, Option<u64>> {
        Box::pin(hinted(self.0.size(at)))
    }

    fn list<'a>(
        &'a self,
        prefix: &'a Prefix,
        visit: &'a mut (dyn FnMut(Entry) -> ControlFlow<()> + Send),
    ) -> Pending<'a, ()> {
        Box::pin(hinted(self.0.list(prefix, visit)))
    }

    fn remove<'a>(&'a self, at: &'a Location) -> Pending<'a, bool> {
        Box::pin(hinted(self.0.remove(at)))
    }

    fn describe(&self) -> String {
        self.0.describe()
    }
}
