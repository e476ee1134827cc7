//! What is said where the remote cannot be reached.

use std::io::Write;
use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::sync::Arc;

use datlake_core::{Created, Entry, Error, ErrorKind, Location, Pending, Prefix, Result, Store};

/// The way on without a remote.
pub(crate) const SWITCH: &str = "DATLAKE_OFFLINE=1 works with what is on this machine";

/// A remote whose errors name the way on without it.
#[derive(Debug)]
pub(crate) struct MaybeAway(pub(crate) Arc<dyn Store>);

async fn told<T>(asked: Pending<'_, T>) -> Result<T> {
    asked.await.map_err(|error| match error.kind() {
        ErrorKind::Unavailable => Error::new(error.kind(), format!("{error}; {SWITCH}")),
        _ => error,
    })
}

impl Store for MaybeAway {
    fn get<'a>(&'a self, at: &'a Location) -> Pending<'a, Option<Vec<u8>>> {
        Box::pin(told(self.0.get(at)))
    }

    fn fetch<'a>(
        &'a self,
        at: &'a Location,
        range: Range<u64>,
        sink: &'a mut (dyn Write + Send),
    ) -> Pending<'a, Option<u64>> {
        Box::pin(told(self.0.fetch(at, range, sink)))
    }

    fn create<'a>(&'a self, at: &'a Location, bytes: &'a [u8]) -> Pending<'a, Created> {
        Box::pin(told(self.0.create(at, bytes)))
    }

    fn create_from<'a>(&'a self, at: &'a Location, file: &'a Path) -> Pending<'a, Created> {
        Box::pin(told(self.0.create_from(at, file)))
    }

    fn size<'a>(&'a self, at: &'a Location) -> Pending<'a, Option<u64>> {
        Box::pin(told(self.0.size(at)))
    }

    fn list<'a>(
        &'a self,
        prefix: &'a Prefix,
        visit: &'a mut (dyn FnMut(Entry) -> ControlFlow<()> + Send),
    ) -> Pending<'a, ()> {
        Box::pin(told(self.0.list(prefix, visit)))
    }

    fn remove<'a>(&'a self, at: &'a Location) -> Pending<'a, bool> {
        Box::pin(told(self.0.remove(at)))
    }

    fn describe(&self) -> String {
        self.0.describe()
    }
}
