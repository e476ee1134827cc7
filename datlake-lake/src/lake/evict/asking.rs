//! Whether the remote keeps what is to go from here: a document that names it, and the content.
//!
//! The documents that are here say which others may name it; of most content they are. Somebody who evicts by hand also
//! gets the rest, for which all documents of the remote have to be read.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use datlake_core::document::{Content, roots};
use datlake_core::{Digest, Document, Location, Result, Store};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::super::{AT_ONCE, Lake, concerns_one, lock};
use super::stored::{Stored, sizes};

/// From so many pieces on it costs less to list what content the remote has than to ask for each.
const MANY: usize = 2000;
/// Documents that are asked for one piece of content: one is enough, and the first may have gone.
const DOCUMENTS: usize = 8;

/// What here names a piece of content.
#[derive(Default)]
struct Naming {
    documents: Vec<Location>,
    /// Whether it refers to other content itself, as the manifest of a tree does.
    tells: bool,
}

/// Asking the remote about content.
pub(super) struct Asking<'a> {
    lake: &'a Lake,
    by_itself: bool,
    naming: HashMap<Digest, Naming>,
    /// Whether the remote has these documents as they are here.
    same: Mutex<HashMap<Location, bool>>,
    /// The content that the remote has, where all of it was listed.
    there: Option<HashMap<Digest, u64>>,
    /// All content that the remote's documents name, where they were read.
    named: Option<HashSet<Digest>>,
    /// Documents that are on this machine only.
    unpushed: HashSet<Location>,
}

impl<'a> Asking<'a> {
    pub(super) async fn new(lake: &'a Lake, by_itself: bool, pieces: usize) -> Result<Self> {
        let naming = lake.naming(&*lake.catalog().local, false).await?;
        let unpushed = lake.catalog().unpushed().await?.into_iter().collect();
        let mut asking = Self { lake, by_itself, naming, same: Mutex::default(), there: None, named: None, unpushed };
        if !by_itself && pieces > MANY {
            asking.there = Some(sizes(asking.remote()?).await?);
        }
        Ok(asking)
    }

    fn remote(&self) -> Result<&'a dyn Store> {
        let remote = self.lake.catalog().remote.as_deref();
        remote.ok_or_else(|| self.lake.no_remote("evict"))
    }

    /// Whether it may go at all. By itself no manifest of a tree does: without it nothing here would tell whose the files are.
    pub(super) fn may_go(&self, digest: &Digest) -> bool {
        let Some(naming) = self.naming.get(digest) else { return !self.by_itself };
        // What only this machine names must not go with what names it elsewhere.
        let is_unpushed = naming.documents.iter().any(|at| self.unpushed.contains(at));
        let tells_of_others = self.by_itself && naming.tells;
        !is_unpushed && !tells_of_others
    }

    /// Of each, whether the remote keeps it.
    pub(super) async fn are_kept(&mut self, blobs: &[&Stored]) -> Result<Vec<bool>> {
        let unknown = |blob: &&&Stored| !self.naming.contains_key(&blob.digest);
        if !self.by_itself && self.named.is_none() && blobs.iter().any(|blob| unknown(&blob)) {
            let naming = self.lake.naming(self.remote()?, true).await?;
            self.named = Some(naming.into_keys().collect());
        }
        let this = &*self;
        stream::iter(blobs.iter().copied()).map(|blob| this.is_kept(blob)).buffered(AT_ONCE).try_collect().await
    }

    async fn is_kept(&self, blob: &Stored) -> Result<bool> {
        let there = match &self.there {
            Some(there) => there.get(&blob.digest).copied(),
            None => self.remote()?.size(&Location::Blob(blob.digest)).await?,
        };
        if there != Some(blob.size) {
            return Ok(false);
        }
        if self.named.as_ref().is_some_and(|named| named.contains(&blob.digest)) {
            return Ok(true);
        }
        let Some(naming) = self.naming.get(&blob.digest) else { return Ok(false) };
        for at in naming.documents.iter().take(DOCUMENTS) {
            if self.is_same(at).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether the remote has that document as it is here.
    async fn is_same(&self, at: &Location) -> Result<bool> {
        if let Some(known) = lock(&self.same).get(at) {
            return Ok(*known);
        }
        let here = self.lake.catalog().local.get(at).await?;
        let same = here.is_some() && here == self.remote()?.get(at).await?;
        lock(&self.same).insert(at.clone(), same);
        Ok(same)
    }
}

impl Lake {
    /// What a store's documents name. What cannot be read names nothing; nor does content that is not here, unless it is
    /// fetched.
    async fn naming(&self, store: &dyn Store, fetch: bool) -> Result<HashMap<Digest, Naming>> {
        let mut read = stream::iter(roots(store).await?)
            .map(|at| async move {
                let bytes = store.get(&at).await;
                (at, bytes)
            })
            .buffer_unordered(AT_ONCE);
        let mut all = HashMap::<Digest, Naming>::new();
        while let Some((at, bytes)) = read.next().await {
            match bytes.and_then(|bytes| bytes.map_or(Ok(Vec::new()), |bytes| self.named_by(&at, bytes, fetch))) {
                Ok(named) => {
                    for content in named {
                        let naming = all.entry(content.digest).or_default();
                        naming.tells |= content.reads.is_some();
                        naming.documents.push(at.clone());
                    }
                }
                Err(error) if concerns_one(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }

    /// The content that a document refers to.
    fn named_by(&self, at: &Location, bytes: Vec<u8>, fetch: bool) -> Result<Vec<Content>> {
        let content = Document::parse(at, bytes)?.references.content;
        self.follow(content, |content| Ok(fetch || self.is_here(content)?))
    }
}
