//! Where the objects of a store are, in order, however many there are.

use datlake_core::{Entry, Location, Prefix, Result, Role, Store, StoreExt as _};

use crate::sorted::{InOrder, Sorted, Sorter};

/// Places, sorted by their paths.
pub(super) struct Places(Sorted);

/// Where the objects of a set are that have one of the `roles`: kinds may share a folder. Each is shown to `visit` as it is listed.
pub(super) async fn places(
    store: &dyn Store,
    prefix: &Prefix,
    roles: &[Role],
    mut visit: impl FnMut(&Entry) + Send,
) -> Result<Places> {
    let (mut paths, mut failed) = (Sorter::default(), None);
    let gather = |entry: Entry| {
        visit(&entry);
        if roles.contains(&entry.location.role()) {
            failed = failed.take().or(paths.push(entry.location.path().as_bytes()).err());
        }
    };
    store.each(prefix, gather).await?;
    match failed {
        Some(error) => Err(error),
        None => paths.sorted().map(Places),
    }
}

impl Places {
    /// From the first on.
    pub(super) fn iter(&self) -> impl Iterator<Item = Result<Location>> + Send + use<> {
        let paths: InOrder = self.0.iter();
        paths.filter_map(|path| match path {
            Ok(path) => Location::parse(std::str::from_utf8(&path).ok()?).map(Ok),
            Err(error) => Some(Err(error)),
        })
    }
}
