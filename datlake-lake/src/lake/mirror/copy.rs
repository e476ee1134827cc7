//! Copying one document with all that it names.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use datlake_core::catalog::{Commit, GcEpoch, GcGuard, Retry};
use datlake_core::document::{Content, Part};
use datlake_core::record::Tombstone;
use datlake_core::tree::PackLocations;
use datlake_core::{
    Catalog, Created, Digest, Document, Error, ErrorKind, Location, Prefix, Result, Store, StoreExt as _, Subject,
};
use datlake_store::wait;

use super::super::content::{LeftOutside, wanted};
use super::super::packs::AtRest;
use super::super::{Lake, concerns_one, lock};
use crate::report::{Damage, MirrorOutcome, MirrorRow, Mirrored};

/// What one does for all who ask.
type Once<T> = OnceLock<Result<T>>;
/// That content is there.
type Carried = Arc<Once<()>>;

/// A copy under way.
pub(super) struct Copying {
    lake: Lake,
    target: Arc<dyn Store>,
    /// The lake that is there.
    there: Catalog,
    dry_run: bool,
    /// Content that was seen to be there, or sent.
    carried: Mutex<HashMap<(Digest, GcEpoch), Carried>>,
    /// The documents that were removed at the target.
    removed: Once<HashSet<Digest>>,
    blobs: AtomicU64,
    bytes: AtomicU64,
    outside: Mutex<LeftOutside>,
}

/// What stands at the target in the place of a document.
enum There {
    Nothing,
    Same,
    /// Another: what it is, in words.
    Another(&'static str),
}

/// What became of a document.
pub(super) enum Became {
    /// It was there already.
    There,
    /// Another document speaks for it, or it is not here any more.
    Nothing,
    Row(MirrorRow),
}

impl Copying {
    pub(super) fn new(lake: &Lake, target: Arc<dyn Store>, dry_run: bool) -> Self {
        let (carried, removed) = Default::default();
        let (blobs, bytes, outside) = Default::default();
        let there = lake.local_view().catalog_at(Arc::clone(&target));
        Self { lake: lake.clone(), target, there, dry_run, carried, removed, blobs, bytes, outside }
    }

    /// What was done in all.
    pub(super) fn report(&self, damaged: Vec<Damage>, all: Vec<Became>) -> Mirrored {
        let failed = |damage: Damage| row(damage.what, MirrorOutcome::Failed, Some(damage.error));
        let mut report = Mirrored {
            target: self.target.describe(),
            dry_run: self.dry_run,
            items: damaged.into_iter().map(failed).collect(),
            there: 0,
            blobs: self.blobs.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            outside: lock(&self.outside).all(),
        };
        for became in all {
            match became {
                Became::There => report.there += 1,
                Became::Nothing => {}
                Became::Row(row) => report.items.push(row),
            }
        }
        report
    }

    /// Copies a document. An error of one document is reported, and does not stop the others.
    pub(super) async fn item(&self, at: &Location) -> Result<Became> {
        match self.document(at).await {
            Err(error) if concerns_one(&error) => {
                Ok(Became::Row(row(at.title(), MirrorOutcome::Failed, Some(error.to_string()))))
            }
            copied => copied,
        }
    }

    async fn document(&self, at: &Location) -> Result<Became> {
        let Some(document) = self.read(at).await? else { return Ok(Became::Nothing) };
        if document.is_part() {
            // What it goes with brings it along.
            return Ok(Became::Nothing);
        }
        match self.there(&document).await? {
            There::Same => return Ok(Became::There),
            There::Another(why) => return Ok(conflict(&document, why)),
            There::Nothing => {}
        }
        if let Some(why) = self.precede(&document).await? {
            return Ok(conflict(&document, why));
        }
        if self.removed()?.contains(&document.digest) {
            let why = Some("it was removed there".to_owned());
            return Ok(Became::Row(row(document.what, MirrorOutcome::Removed, why)));
        }
        let mut parts = Vec::new();
        for at in &document.references().parts {
            // What a call only passed on belongs to another.
            parts.extend(self.read(at).await?.filter(|part| part.part_of == document.at));
        }
        for part in &parts {
            if let There::Another(why) = self.there(part).await? {
                return Ok(conflict(&document, why));
            }
        }
        let contents = self.lake.content_of(&document)?;
        lock(&self.outside).note(&contents);
        let AtRest { contents, locations, .. } = self.lake.at_rest(contents)?;
        let put = async |secured: &GcGuard| {
            self.put_locations(&locations).await?;
            self.put_all(&document, &parts, secured).await
        };
        self.secured(&contents, put).await
    }

    /// Copies what a document follows, as an entry of a log the one before it: else why it cannot be copied.
    async fn precede(&self, document: &Document) -> Result<Option<&'static str>> {
        for (at, _) in &document.references().needs {
            let Some(needed) = self.read(at).await? else { return Ok(Some("what it follows is not here")) };
            if self.target.get(at).await?.is_none() {
                Box::pin(self.document(at)).await?;
                // It may go with what is not here any more, as the name of an output of a call that was removed.
                if needed.is_part() && self.read(&needed.part_of).await?.is_none() {
                    self.put(&needed).await?;
                }
            }
            let there = self.target.get(at).await?;
            if !self.dry_run && there.as_ref() != Some(&needed.bytes) {
                // The call that it goes with brings it.
                let is_part = needed.is_part() && there.is_none();
                if is_part {
                    Box::pin(self.document(&needed.part_of)).await?;
                }
                if self.target.get(at).await?.as_ref() != Some(&needed.bytes) {
                    return Ok(Some("what it follows is another document there"));
                }
            }
        }
        Ok(None)
    }

    async fn read(&self, at: &Location) -> Result<Option<Document>> {
        self.lake.source().get(at).await?.map(|bytes| Document::parse(at, bytes)).transpose()
    }

    /// Sends `contents` and names them before they could be collected there; else does both again.
    async fn secured<T>(&self, contents: &[Content], name: impl AsyncFn(&GcGuard) -> Result<Commit<T>>) -> Result<T> {
        let digests: Vec<Digest> = contents.iter().map(|content| content.digest).collect();
        let attempt = async || {
            let since = self.there.since().await?;
            for content in contents {
                self.carry(content, since)?;
            }
            let secured = match self.dry_run {
                true => Commit::Done(GcGuard::default()),
                false => self.there.secure_at_remote(&digests, &since).await?,
            };
            let named = match secured {
                Commit::Done(secured) => match name(&secured).await? {
                    // Who slept over it sends the content once more: nobody collects what has a name.
                    Commit::Done(_) if !self.there.in_time(&secured) => Commit::Retry(Retry::Now),
                    named => named,
                },
                Commit::Retry(retry) => Commit::Retry(retry),
            };
            if let Commit::Retry(_) = named {
                lock(&self.carried).retain(|(_, of), _| *of != since);
            }
            Ok(named)
        };
        self.lake.commit(attempt).await
    }

    /// Puts what leads to packs there, behind these.
    async fn put_locations(&self, locations: &[PackLocations]) -> Result<()> {
        for one in locations.iter().filter(|_| !self.dry_run) {
            self.target.create(&one.at(), &one.to_bytes()?).await?;
        }
        Ok(())
    }

    /// Puts a document there whose content is there, after what leads to it and goes with it.
    async fn put_all(&self, document: &Document, parts: &[Document], secured: &GcGuard) -> Result<Commit<Became>> {
        if !self.dry_run {
            for entry in &document.references().index {
                self.target.create(entry, b"").await?;
            }
        }
        for part in parts {
            if let Some(why) = self.put(part).await? {
                return Ok(Commit::Done(conflict(document, why)));
            }
        }
        if !self.there.in_time(secured) {
            return Ok(Commit::Retry(Retry::Now));
        }
        Ok(Commit::Done(match self.put(document).await? {
            None => Became::Row(row(document.what.clone(), MirrorOutcome::Copied, None)),
            Some(why) => conflict(document, why),
        }))
    }

    /// What stands at the target in the place of a document.
    async fn there(&self, document: &Document) -> Result<There> {
        let Some(bytes) = self.target.get(&document.at).await? else { return Ok(There::Nothing) };
        let there = Document::parse(&document.at, bytes)?;
        Ok(if there.meaning == document.meaning { There::Same } else { There::Another(there.taken) })
    }

    /// Puts a document there, unless its place is taken: then by what.
    async fn put(&self, document: &Document) -> Result<Option<&'static str>> {
        if self.dry_run || self.target.create(&document.at, &document.bytes).await? == Created::New {
            return Ok(None);
        }
        Ok(match self.there(document).await? {
            There::Another(why) => Some(why),
            There::Same | There::Nothing => None,
        })
    }

    /// Sends content, unless it is there. Of several that need the same, one sends it.
    fn carry(&self, content: &Content, since: GcEpoch) -> Result<()> {
        let once = Arc::clone(lock(&self.carried).entry((content.digest, since)).or_default());
        once.get_or_init(|| wait(self.carry_now(content))).clone()
    }

    async fn carry_now(&self, content: &Content) -> Result<()> {
        let there = self.target.size(&Location::Blob(content.digest)).await?;
        let size = match content.size {
            Some(size) => Some(size),
            None => self.lake.size_of(&content.digest).await?,
        };
        match (there, size) {
            (None, None) if content.part == Part::Extra => return Ok(()),
            (Some(there), Some(size)) if there != size => {
                let message = format!(
                    "the content of `{}` ({}) has {there} bytes in {} instead of {size}: it is damaged there",
                    content.what,
                    content.digest,
                    self.target.describe()
                );
                return Err(Error::new(ErrorKind::Corrupt, message).about(Subject::Digest(content.digest)));
            }
            (Some(_), _) => return Ok(()),
            _ => {}
        }
        let size = size.unwrap_or(0);
        if !self.dry_run {
            self.lake.local_view().copy_blob(&*self.target, wanted(content, size, &|_| {})).await?;
        }
        self.blobs.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(size, Ordering::Relaxed);
        Ok(())
    }

    /// The documents that were removed at the target. They are asked for when something is missing there.
    fn removed(&self) -> Result<&HashSet<Digest>> {
        let found = self.removed.get_or_init(|| wait(self.read_removals()));
        found.as_ref().map_err(Clone::clone)
    }

    async fn read_removals(&self) -> Result<HashSet<Digest>> {
        let mut removed = HashSet::new();
        for at in self.target.locations(&Prefix::Tombstones).await? {
            if let Some(bytes) = self.target.get(&at).await? {
                removed.insert(Tombstone::parse(&bytes, &at.path())?.document);
            }
        }
        Ok(removed)
    }
}

fn row(what: String, outcome: MirrorOutcome, why: Option<String>) -> MirrorRow {
    MirrorRow { what, outcome, why }
}

fn conflict(document: &Document, why: &str) -> Became {
    Became::Row(row(document.what.clone(), MirrorOutcome::Conflict, Some(format!("{why}, and is left"))))
}
