//! Whether the remote keeps what is to go from here: a document that names it, and the content.
//!
//! The documents that are here say which others may name it; of most content they are. Somebody who evicts by hand also
//! gets the rest, for which all documents of the remote have to be read.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::Mutex;

use datlake_core::document::{Content, roots};
use datlake_core::{Digest, Document, Error, Location, Result, Side, Store};
use datlake_store::Wanted;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::super::{AT_ONCE, Lake, concerns_one, lock};
use super::stored::{Stored, sizes};

/// From so many pieces on it costs less to list what content the remote has than to ask for each.
const MANY: usize = 2000;
/// Documents that are asked for one piece of content: one is enough, and the first may have gone.
const DOCUMENTS: usize = 8;

/// How many bytes are compared at a time of content that the remote has.
const SAMPLE: u64 = 16 << 10;

/// What here names a piece of content.
#[derive(Default)]
struct Naming {
    documents: Vec<Location>,
    /// Whether it refers to other content itself, as the lists of a tree do.
    tells: bool,
    /// The range that leads to it, of a file of a tree.
    range: Option<Digest>,
    /// Of a pack, what leads to it.
    locations: Vec<Location>,
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
    /// Content with other bytes at the remote.
    differing: Mutex<Vec<Digest>>,
}

/// Which parts of content of `size` bytes are compared: the whole where that is small; else the beginning, the end, and one in
/// between that is another each time.
fn samples(size: u64, nonce: &str) -> Vec<Range<u64>> {
    if size <= 3 * SAMPLE {
        return std::iter::once(0..size).collect();
    }
    let [a, b, c, d, e, f, g, h, ..] = *Digest::of(nonce.as_bytes()).as_bytes();
    let between = u64::from_be_bytes([a, b, c, d, e, f, g, h]) % (size - SAMPLE);
    [0, between, size - SAMPLE].map(|from| from..from + SAMPLE).into()
}

impl<'a> Asking<'a> {
    pub(super) async fn new(lake: &'a Lake, by_itself: bool, pieces: usize) -> Result<Self> {
        let naming = lake.naming(&*lake.catalog().local, false).await?;
        let unpushed = lake.catalog().unpushed().await?.into_iter().collect();
        let (same, differing) = Default::default();
        let mut asking = Self { lake, by_itself, naming, same, there: None, named: None, unpushed, differing };
        if !by_itself && pieces > MANY {
            asking.there = Some(sizes(asking.remote()?).await?);
        }
        Ok(asking)
    }

    fn remote(&self) -> Result<&'a dyn Store> {
        let remote = self.lake.catalog().remote.as_deref();
        remote.ok_or_else(|| self.lake.no_remote("evict"))
    }

    /// Whether it may go at all. By itself no list of a tree does: without it nothing here would tell whose the files are.
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
        match there {
            None => self.is_in_a_pack(blob).await,
            there => Ok(there == Some(blob.size) && self.is_named(blob).await? && self.samples_agree(blob).await?),
        }
    }

    /// Whether the file of a tree also rests in a pack, here or at the remote. All of it is compared.
    async fn is_in_a_pack(&self, blob: &Stored) -> Result<bool> {
        let Some(range) = self.naming.get(&blob.digest).and_then(|naming| naming.range) else { return Ok(false) };
        if !self.is_named(blob).await? {
            return Ok(false);
        }
        let what = blob.digest.to_string();
        let wanted =
            Wanted { digest: &blob.digest, size: blob.size, what: &what, range: Some(range), progress: &|_| {} };
        let found = self.lake.local_view().read_wanted(Side::Remote, wanted).await?;
        Ok(found.is_some_and(|(digest, _)| digest == blob.digest))
    }

    /// Whether a document of the remote names it.
    async fn is_named(&self, blob: &Stored) -> Result<bool> {
        if self.named.as_ref().is_some_and(|named| named.contains(&blob.digest)) {
            return Ok(true);
        }
        let Some(naming) = self.naming.get(&blob.digest) else { return Ok(false) };
        // Without them nobody would find there what rests in the pack.
        for at in &naming.locations {
            if self.remote()?.size(at).await?.is_none() {
                return Ok(false);
            }
        }
        for at in naming.documents.iter().take(DOCUMENTS) {
            if self.is_same(at).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether samples of the content are the same at the remote as here: what has the right size there may have other bytes.
    async fn samples_agree(&self, blob: &Stored) -> Result<bool> {
        let (remote, at) = (self.remote()?, Location::Blob(blob.digest));
        let path = self.lake.local_view().place_of(&blob.digest);
        let failed = |e| Error::io("read", path.display(), e);
        // It may have gone since, and is not evicted then either.
        let Ok(file) = std::fs::File::open(&path) else { return Ok(false) };
        for range in samples(blob.size, &self.lake.nonce()) {
            let (mut here, mut there) = (vec![0; (range.end - range.start) as usize], Vec::new());
            file.read_exact_at(&mut here, range.start).map_err(failed)?;
            if remote.fetch(&at, range, &mut there).await?.is_none() || here != there {
                let (digest, remote) = (blob.digest, remote.describe());
                let why = "its bytes there are others than here; `datlake verify` says more";
                tracing::warn!(target: "datlake", %digest, remote, why, "content is damaged at the remote, and was not evicted");
                lock(&self.differing).push(digest);
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What the remote has with other bytes than this machine.
    pub(super) fn differing(&self) -> Vec<Digest> {
        lock(&self.differing).clone()
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
                        naming.range = naming.range.or(content.range);
                        naming.documents.push(at.clone());
                        let packs = if content.is_range() {
                            self.local_view().locations_here(&content.digest)?
                        } else {
                            [].into()
                        };
                        for pack in packs.iter() {
                            let naming = all.entry(pack.pack()).or_default();
                            naming.documents.push(at.clone());
                            naming.locations.push(pack.at());
                        }
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
