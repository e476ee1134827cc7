//! A machine's store with the packs of records that it keeps: a record in one of them is there as if it stood at its own place.
//!
//! What does stand at its own place counts first.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::sync::Arc;

use super::Catalog;
use super::local_packs::LocalPacks;
use super::packs::Packs;
use crate::record::CallAnswer;
use crate::{
    CallKey, Created, CreatorName, Entry, Location, Pending, Prefix, Result, Sink, Store, StoreExt as _, Visit,
    VisitLevel,
};

/// A machine's store, and the records in the packs that are kept there.
#[derive(Debug)]
struct WithPacks {
    store: Arc<dyn Store>,
    packs: Packs,
}

impl Packs {
    /// A machine's store, with the records that it has in packs: for all of a process by the same `Packs`. What is written of packs by
    /// themselves goes to the store that is given last, which is the quicker one: all of it can be fetched again.
    #[must_use]
    pub fn over(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        self.set_home(Arc::clone(&store));
        Arc::new(WithPacks { store, packs: self.clone() })
    }
}

impl Catalog {
    /// Takes the records of calls that are about to be removed out of the packs of this machine, of each pack all at once. They are at
    /// their own places then. Without this, each removal would write a pack anew.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn unpack(&self, calls: impl IntoIterator<Item = (CreatorName, CallKey)>) -> Result<()> {
        let Some(home) = self.packs.home() else { return Ok(()) };
        let mut of = BTreeMap::<_, BTreeSet<_>>::new();
        for (creator, key) in calls {
            of.entry(creator).or_default().insert(key);
        }
        for (creator, keys) in of.iter().filter(|(_, keys)| keys.len() > 1) {
            self.packs.here().unpack(&*home, creator, keys).await?;
        }
        Ok(())
    }
}

/// Whether bytes that a pack has are the record at `at`.
fn is_whole(at: &Location, bytes: &[u8]) -> bool {
    matches!(at, Location::Record(creator, key) if CallAnswer::parse(creator, key, bytes).is_ok())
}

impl WithPacks {
    fn here(&self) -> &LocalPacks {
        self.packs.here()
    }

    async fn packed(&self, at: &Location) -> Result<Option<Vec<u8>>> {
        self.here().read(&*self.store, at).await
    }

    /// The creators whose packs are here.
    async fn creators(&self) -> Result<BTreeSet<CreatorName>> {
        let mut found = BTreeSet::new();
        let gather = |entry: Entry| {
            if let Location::RecordPack(creator, _) = entry.location {
                found.insert(creator);
            }
        };
        self.store.each(&Prefix::RecordPacks, gather).await?;
        Ok(found)
    }
}

impl Store for WithPacks {
    fn get<'a>(&'a self, at: &'a Location) -> Pending<'a, Option<Vec<u8>>> {
        Box::pin(async move {
            match self.store.get(at).await? {
                None => self.packed(at).await,
                found => Ok(found),
            }
        })
    }

    fn fetch<'a>(&'a self, at: &'a Location, range: Range<u64>, sink: Sink<'a>) -> Pending<'a, Option<u64>> {
        Box::pin(async move {
            if let Some(size) = self.store.fetch(at, range.clone(), sink).await? {
                return Ok(Some(size));
            }
            let Some(bytes) = self.packed(at).await? else { return Ok(None) };
            let end = |end: u64| usize::try_from(end).unwrap_or(usize::MAX).min(bytes.len());
            sink.write_all(bytes.get(end(range.start)..end(range.end)).unwrap_or_default())?;
            Ok(Some(bytes.len() as u64))
        })
    }

    fn create<'a>(&'a self, at: &'a Location, bytes: &'a [u8]) -> Pending<'a, Created> {
        Box::pin(async move {
            if self.packed(at).await?.is_some_and(|bytes| is_whole(at, &bytes)) {
                return Ok(Created::Exists);
            }
            let created = self.store.create(at, bytes).await?;
            if let Location::RecordPack(creator, digest) = at {
                self.here().add(creator, digest, bytes);
            }
            Ok(created)
        })
    }

    fn create_from<'a>(&'a self, at: &'a Location, file: &'a Path) -> Pending<'a, Created> {
        Box::pin(async move {
            match self.packed(at).await? {
                Some(bytes) if is_whole(at, &bytes) => Ok(Created::Exists),
                _ => self.store.create_from(at, file).await,
            }
        })
    }

    fn size<'a>(&'a self, at: &'a Location) -> Pending<'a, Option<u64>> {
        Box::pin(async move {
            match self.store.size(at).await? {
                None => Ok(self.packed(at).await?.map(|bytes| bytes.len() as u64)),
                size => Ok(size),
            }
        })
    }

    fn list<'a>(&'a self, prefix: &'a Prefix, visit: Visit<'a>) -> Pending<'a, ()> {
        Box::pin(async move {
            let creators = match prefix {
                Prefix::RecordsOf(creator) | Prefix::RecordsBeginning(creator, _) => BTreeSet::from([creator.clone()]),
                Prefix::Records | Prefix::Folder("calls") => self.creators().await?,
                _ => return self.store.list(prefix, visit).await,
            };
            for creator in &creators {
                self.here().refresh(&*self.store, creator).await?;
            }
            let (mut at_place, mut flow) = (HashSet::new(), ControlFlow::Continue(()));
            let mut show = |entry: Entry| {
                if let Location::Record(creator, key) = &entry.location
                    && self.here().place(creator, key).is_some()
                {
                    at_place.insert(entry.location.clone());
                }
                flow = visit(entry);
                flow
            };
            self.store.list(prefix, &mut show).await?;
            for creator in &creators {
                if flow.is_continue() {
                    let mut show = |entry: Entry| match prefix.has(&entry.location) {
                        true => visit(entry),
                        false => ControlFlow::Continue(()),
                    };
                    flow = self.here().list(creator, &at_place, &mut show);
                }
            }
            Ok(())
        })
    }

    /// Only copies of records are in packs, and those are at no level that anybody asks for.
    fn list_level<'a>(&'a self, prefix: &'a Prefix, visit: VisitLevel<'a>) -> Pending<'a, ()> {
        self.store.list_level(prefix, visit)
    }

    fn remove<'a>(&'a self, at: &'a Location) -> Pending<'a, bool> {
        Box::pin(async move {
            let was_there = self.store.remove(at).await?;
            match at {
                Location::Record(creator, key) => {
                    Ok(self.here().take_out(&*self.store, creator, key).await? || was_there)
                }
                _ => Ok(was_there),
            }
        })
    }

    fn describe(&self) -> String {
        self.store.describe()
    }
}
