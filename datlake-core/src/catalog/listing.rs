//! What there is: names, and the calls of a creator.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use super::Catalog;
use crate::record::Record;
use crate::{CallKey, CreatorName, Digest, Entry, ErrorKind, Location, Prefix, Result, Uid};

/// So many contents are looked up one by one; of more, the whole index is listed once.
const ONE_BY_ONE: usize = 256;

impl Catalog {
    /// The chosen names below the folder `prefix` (all if `None`) that show a file, sorted.
    pub async fn names(&self, prefix: Option<&Uid>) -> Result<Vec<Uid>> {
        let prefix = prefix.map_or(Prefix::Names, |uid| Prefix::NamesIn(uid.clone()));
        let mut names = BTreeSet::new();
        let mut gather = |entry: Entry| {
            if let Location::Name(uid) = entry.location {
                names.insert(uid);
            }
            ControlFlow::Continue(())
        };
        self.local.list(&prefix, &mut gather).await?;
        if let Some(remote) = &self.remote {
            remote.list(&prefix, &mut gather).await?;
        }
        Ok(names.into_iter().collect())
    }

    /// Every call that has a record, or a mark in its place, sorted: of one creator, or of all.
    pub async fn calls(&self, creator: Option<&CreatorName>) -> Result<BTreeSet<(CreatorName, CallKey)>> {
        let prefix = creator.map_or(Prefix::Records, |creator| Prefix::RecordsOf(creator.clone()));
        let mut calls = BTreeSet::new();
        let mut gather = |entry: Entry| {
            if let Location::Record(creator, key) = entry.location {
                calls.insert((creator, key));
            }
            ControlFlow::Continue(())
        };
        self.local.list(&prefix, &mut gather).await?;
        if let Some(remote) = &self.remote {
            remote.list(&prefix, &mut gather).await?;
        }
        Ok(calls)
    }

    /// The calls that are noted as readers of any of these contents. It is an index: whether a call does
    /// read it, and is there at all, its record decides.
    pub async fn readers(&self, contents: &BTreeSet<Digest>) -> Result<BTreeSet<(CreatorName, CallKey)>> {
        let mut readers = BTreeSet::new();
        let mut gather = |entry: Entry| {
            if let Location::Use(digest, creator, key) = entry.location
                && contents.contains(&digest)
            {
                readers.insert((creator, key));
            }
            ControlFlow::Continue(())
        };
        let prefixes: Vec<Prefix> = match contents.len() {
            // A tree holds many files, most of which nobody reads by themselves.
            many if many > ONE_BY_ONE => vec![Prefix::Uses],
            _ => contents.iter().copied().map(Prefix::UsesOf).collect(),
        };
        for prefix in &prefixes {
            self.local.list(prefix, &mut gather).await?;
            if let Some(remote) = &self.remote {
                remote.list(prefix, &mut gather).await?;
            }
        }
        Ok(readers)
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
