//! What there is: names, and the calls of a creator.

use std::ops::ControlFlow;

use super::Catalog;
use crate::record::Record;
use crate::{CreatorName, ErrorKind, Location, Prefix, Result, Uid};

impl Catalog {
    /// The chosen names below the folder `prefix` (all if `None`) that show a file, sorted.
    pub async fn names(&self, prefix: Option<&Uid>) -> Result<Vec<Uid>> {
        let prefix = prefix.map_or(Prefix::Names, |uid| Prefix::NamesIn(uid.clone()));
        let mut names = std::collections::BTreeSet::new();
        let mut gather = |entry: crate::Entry| {
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

    /// Every record of a creator that can be read; the keys of those that cannot are passed over.
    pub async fn records_of(&self, creator: &CreatorName) -> Result<Vec<Record>> {
        let mut keys = std::collections::BTreeSet::new();
        let prefix = Prefix::RecordsOf(creator.clone());
        let mut gather = |entry: crate::Entry| {
            if let Location::Record(_, key) = entry.location {
                keys.insert(key);
            }
            ControlFlow::Continue(())
        };
        self.local.list(&prefix, &mut gather).await?;
        if let Some(remote) = &self.remote {
            remote.list(&prefix, &mut gather).await?;
        }
        let mut records = Vec::with_capacity(keys.len());
        for key in keys {
            match self.record(creator, &key).await {
                Ok(Some(record)) => records.push(record),
                Ok(None) => {}
                Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Format) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(records)
    }
}
