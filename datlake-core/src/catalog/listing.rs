//! What there is: names, and the calls of a creator.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use super::Catalog;
use crate::record::Record;
use crate::{CallKey, CreatorName, Digest, Entry, ErrorKind, LevelItem, Location, Prefix, Result, StoreExt as _, Uid};

/// So many contents are looked up one by one; of more, the whole index is listed once.
const ONE_BY_ONE: usize = 256;

/// What is right in a folder of chosen names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AtLevel {
    /// A chosen name.
    Name(Uid),
    /// A folder, in which names may be.
    Folder(Uid),
}

impl Catalog {
    /// The chosen names below the folder `prefix` (all if `None`) that show a file, sorted.
    pub async fn names(&self, prefix: Option<&Uid>) -> Result<Vec<Uid>> {
        let mut names = BTreeSet::new();
        self.each_name(prefix, |uid| names.extend([uid])).await?;
        Ok(names.into_iter().collect())
    }

    /// The same in no particular order, and those that both stores have twice.
    pub async fn each_name(&self, prefix: Option<&Uid>, mut visit: impl FnMut(Uid) + Send) -> Result<()> {
        let visit = |at| {
            if let Location::Name(uid) = at {
                visit(uid);
            }
        };
        self.each(&names(prefix), visit).await
    }

    /// The chosen names right in the folder `prefix` (at the top if `None`), and the folders there, in no particular order; what both
    /// stores have, twice. Whether there is a name in a folder [`has_names`](Self::has_names) says.
    pub async fn each_at_level(&self, prefix: Option<&Uid>, mut visit: impl FnMut(AtLevel) + Send) -> Result<()> {
        let set = names(prefix);
        let above = prefix.map_or(String::new(), |uid| format!("{uid}/"));
        let mut visit = move |item| {
            let found = match item {
                LevelItem::Object(Location::Name(uid)) => Some(AtLevel::Name(uid)),
                LevelItem::Object(_) => None,
                LevelItem::Folder(name) => Uid::chosen(&format!("{above}{name}")).ok().map(AtLevel::Folder),
            };
            found.into_iter().for_each(&mut visit);
            ControlFlow::Continue(())
        };
        for store in [Some(&self.local), self.remote.as_ref()].into_iter().flatten() {
            store.list_level(&set, &mut visit).await?;
        }
        Ok(())
    }

    /// Whether there is a chosen name below that folder.
    pub async fn has_names(&self, folder: &Uid) -> Result<bool> {
        self.has_any(&Prefix::NamesIn(folder.clone())).await
    }

    /// Every call that has a record, or a mark in its place, sorted: of one creator, or of all.
    pub async fn calls(&self, creator: Option<&CreatorName>) -> Result<BTreeSet<(CreatorName, CallKey)>> {
        let mut calls = BTreeSet::new();
        self.each_call(creator, |creator, key| calls.extend([(creator, key)])).await?;
        Ok(calls)
    }

    /// Those of one creator whose keys begin so.
    pub async fn calls_beginning(
        &self,
        creator: &CreatorName,
        begins: &str,
    ) -> Result<BTreeSet<(CreatorName, CallKey)>> {
        let (prefix, mut calls) = (Prefix::RecordsBeginning(creator.clone(), begins.to_owned()), BTreeSet::new());
        let gather = |at| {
            if let Location::Record(creator, key) = at {
                calls.insert((creator, key));
            }
        };
        self.each(&prefix, gather).await?;
        Ok(calls)
    }

    /// Whether a creator has a call.
    pub async fn has_calls(&self, creator: &CreatorName) -> Result<bool> {
        self.has_any(&Prefix::RecordsOf(creator.clone())).await
    }

    async fn has_any(&self, prefix: &Prefix) -> Result<bool> {
        for store in [Some(&self.local), self.remote.as_ref()].into_iter().flatten() {
            let mut found = false;
            let mut visit = |_: Entry| {
                found = true;
                ControlFlow::Break(())
            };
            store.list(prefix, &mut visit).await?;
            if found {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The same in no particular order, and those that both stores have twice.
    pub async fn each_call(
        &self,
        creator: Option<&CreatorName>,
        mut visit: impl FnMut(CreatorName, CallKey) + Send,
    ) -> Result<()> {
        let visit = |at| {
            if let Location::Record(creator, key) = at {
                visit(creator, key);
            }
        };
        self.each(&records(creator), visit).await
    }

    /// Shows every call that the remote has a record of, or a mark in its place, of one creator or of all; none where there is no remote.
    pub async fn each_remote_call(
        &self,
        creator: Option<&CreatorName>,
        mut visit: impl FnMut(CreatorName, CallKey) + Send,
    ) -> Result<()> {
        let Some(remote) = &self.remote else { return Ok(()) };
        let visit = |entry: Entry| {
            if let Location::Record(creator, key) = entry.location {
                visit(creator, key);
            }
        };
        remote.each(&records(creator), visit).await
    }

    /// The calls that are noted as readers of any of these contents. It is an index: whether a call does
    /// read it, and is there at all, its record decides.
    pub async fn readers(&self, contents: &BTreeSet<Digest>) -> Result<BTreeSet<(CreatorName, CallKey)>> {
        let mut readers = BTreeSet::new();
        let prefixes: Vec<Prefix> = match contents.len() {
            // A tree holds many files, most of which nobody reads by themselves.
            many if many > ONE_BY_ONE => vec![Prefix::Uses],
            _ => contents.iter().copied().map(Prefix::UsesOf).collect(),
        };
        for prefix in &prefixes {
            let gather = |at| {
                if let Location::Use(digest, creator, key) = at
                    && contents.contains(&digest)
                {
                    readers.insert((creator, key));
                }
            };
            self.each(prefix, gather).await?;
        }
        Ok(readers)
    }

    /// Shows where every object of the set is, here and at the remote; what both have, twice.
    async fn each(&self, prefix: &Prefix, mut visit: impl FnMut(Location) + Send) -> Result<()> {
        self.local.each(prefix, |entry| visit(entry.location)).await?;
        match &self.remote {
            Some(remote) => remote.each(prefix, |entry| visit(entry.location)).await,
            None => Ok(()),
        }
    }

    /// Every record of a creator that can be read; those that cannot are passed over.
    pub async fn records_of(&self, creator: &CreatorName) -> Result<Vec<Record>> {
        let mut records = Vec::new();
        for (creator, key) in self.calls(Some(creator)).await? {
            match self.record(&creator, &key).await {
                Ok(Some(record)) => records.push(record),
                Ok(None) => {}
                Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Format) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(records)
    }
}

/// The chosen names in a folder, or all.
fn names(folder: Option<&Uid>) -> Prefix {
    folder.map_or(Prefix::Names, |uid| Prefix::NamesIn(uid.clone()))
}

/// The records of one creator, or of all.
fn records(creator: Option<&CreatorName>) -> Prefix {
    creator.map_or(Prefix::Records, |creator| Prefix::RecordsOf(creator.clone()))
}
