//! Adds the offline hint to `Unavailable`.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use datlake_core::{Created, ErrorKind, Location, Pending, Prefix, Sink, Store, Visit, VisitLevel};

use crate::delegate::delegate;

const HINT: &str = "DATLAKE_OFFLINE=1 works with what is on this machine";

/// A remote whose errors say how to go on without it.
#[derive(Debug)]
pub(crate) struct OfflineHint(pub(crate) Arc<dyn Store>);

fn hinted<'a, T: 'a>(asked: Pending<'a, T>) -> Pending<'a, T> {
    Box::pin(async {
        asked.await.map_err(|error| match error.kind() {
            ErrorKind::Unavailable => error.with_hint(HINT),
            _ => error,
        })
    })
}

impl Store for OfflineHint {
    delegate!(0, hinted: get fetch create create_from size list list_level remove describe);
}
