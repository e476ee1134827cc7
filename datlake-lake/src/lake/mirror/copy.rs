//! Copying one document with all that it names.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use datlake_core::catalog::{Again, Secured, Since};
use datlake_core::record::{Kept, Name, Record, Target, Tombstone};
use datlake_core::{
    CallKey, Catalog, Created, CreatorName, Digest, Error, ErrorKind, Location, Prefix, Result, Store, StoreExt as _,
    Uid,
};
use datlake_store::Wanted;

use super::super::{Content, Lake, Patience, concerns_one, lock};
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
    carried: Mutex<HashMap<(Digest, Since), Carried>>,
    /// The documents that were removed at the target.
    removed: Once<HashSet<Digest>>,
    blobs: AtomicU64,
    bytes: AtomicU64,
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
        let (blobs, bytes) = Default::default();
        let there = lake.local_view().catalog_at(Arc::clone(&target));
        Self { lake: lake.clone(), target, there, dry_run, carried, removed, blobs, bytes }
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

    /// Copies a document. What is wrong with it alone is told, and no reason to leave the others.
    pub(super) async fn item(&self, at: &Location) -> Result<Became> {
        let (what, copied) = match at {
            Location::Name(uid) => (uid.to_string(), self.name(at, uid).await),
            Location::Record(creator, key) | Location::Beside(creator, key, _) => {
                (format!("{creator}/{key}"), self.call(at, creator, key).await)
            }
            _ => return Ok(Became::Nothing),
        };
        match copied {
            Err(error) if concerns_one(&error) => {
                Ok(Became::Row(row(what, MirrorOutcome::Failed, Some(error.to_string()))))
            }
            copied => copied,
        }
    }

    async fn name(&self, at: &Location, uid: &Uid) -> Result<Became> {
        let Some(bytes) = self.lake.source().get(at).await? else { return Ok(Became::Nothing) };
        let name = Name::parse(uid, bytes)?;
        if let Target::Output(_) = name.target {
            // Its call brings it along.
            return Ok(Became::Nothing);
        }
        let what = uid.to_string();
        if let Some(found) = self.taken(&name).await? {
            return Ok(found.map_or(Became::There, |why| conflict(what, why)));
        }
        if self.removed()?.contains(&name.digest) {
            return Ok(removed(what));
        }
        let contents = self.lake.content_of_name(&name)?;
        self.secured(&contents, async |_| {
            Ok(Ok(match self.put_name(&name).await? {
                None => Became::Row(row(what.clone(), MirrorOutcome::Copied, None)),
                Some(why) => conflict(what.clone(), why),
            }))
        })
        .await
    }

    /// Sends `contents` and names them before they could be collected there; else does both again.
    async fn secured<T>(
        &self,
        contents: &[Content],
        name: impl AsyncFn(&Secured) -> Result<Result<T, Again>>,
    ) -> Result<T> {
        let digests: Vec<Digest> = contents.iter().map(|content| content.digest).collect();
        let mut patience = Patience::default();
        loop {
            let since = self.there.since().await?;
            for content in contents {
                self.carry(content, since)?;
            }
            let secured = if self.dry_run {
                Ok(Secured::default())
            } else {
                self.there.secure_at_remote(&digests, &since).await?
            };
            let again = match secured {
                Ok(secured) => match name(&secured).await? {
                    // Who slept over it sends the content once more: nobody collects what has a name.
                    Ok(named) if self.there.in_time(&secured) => return Ok(named),
                    Ok(_) => Again::Now,
                    Err(again) => again,
                },
                Err(again) => again,
            };
            lock(&self.carried).retain(|(_, of), _| *of != since);
            patience.pause(&self.lake, again).await?;
        }
    }

    async fn call(&self, at: &Location, creator: &CreatorName, key: &CallKey) -> Result<Became> {
        let Some(bytes) = self.lake.source().get(at).await? else { return Ok(Became::Nothing) };
        let kept = Kept::parse(creator, key, bytes)?;
        let (digest, what) = match &kept {
            Kept::Abandoned(mark) => (mark.digest, format!("{creator}/{key}")),
            Kept::Record(record) => (record.digest, called(record)?),
        };
        if let Some(there) = self.target.get(at).await? {
            return Ok(match same_call(&kept, creator, key, there)? {
                true => Became::There,
                false => conflict(what, "another record of this call is there"),
            });
        }
        if self.removed()?.contains(&digest) {
            return Ok(removed(what));
        }
        if let Kept::Record(record) = &kept {
            let names = match at {
                Location::Record(..) => self.names_of(record).await?,
                // Beside another record it has none.
                _ => Vec::new(),
            };
            for name in &names {
                if let Some(Some(why)) = self.taken(name).await? {
                    return Ok(conflict(what, why));
                }
            }
            let contents = self.lake.content_of_call(record)?;
            return self.secured(&contents, async |secured| self.put_call(at, record, &names, secured).await).await;
        }
        self.put_document(at, creator, key, &kept, what).await
    }

    /// Puts a call there whose content is there.
    async fn put_call(
        &self,
        at: &Location,
        record: &Record,
        names: &[Name],
        secured: &Secured,
    ) -> Result<Result<Became, Again>> {
        let Record { creator, key, .. } = record;
        if !self.dry_run {
            for input in record.lineage()?.inputs {
                self.target.create(&Location::Use(input.digest, creator.clone(), *key), b"").await?;
            }
        }
        for name in names {
            if let Some(why) = self.put_name(name).await? {
                return Ok(Ok(conflict(called(record)?, why)));
            }
        }
        if !self.there.in_time(secured) {
            return Ok(Err(Again::Now));
        }
        self.put_document(at, creator, key, &Kept::Record(record.clone()), called(record)?).await.map(Ok)
    }

    async fn put_document(
        &self,
        at: &Location,
        creator: &CreatorName,
        key: &CallKey,
        kept: &Kept,
        what: String,
    ) -> Result<Became> {
        if !self.dry_run && self.target.create(at, kept.bytes()).await? == Created::Exists {
            let there = self.target.get(at).await?.unwrap_or_default();
            if !same_call(kept, creator, key, there)? {
                return Ok(conflict(what, "another record of this call is there since just now"));
            }
        }
        Ok(Became::Row(row(what, MirrorOutcome::Copied, None)))
    }

    /// The names under which a call's outputs are known.
    async fn names_of(&self, record: &Record) -> Result<Vec<Name>> {
        let mut names = Vec::new();
        for output in record.lineage()?.outputs.into_iter().filter(|output| output.uid.is_chosen()) {
            let Some(bytes) = self.lake.source().get(&Location::Name(output.uid.clone())).await? else { continue };
            let name = Name::parse(&output.uid, bytes)?;
            // What a call only passed on belongs to another.
            if matches!(&name.target, Target::Output(of) if of.creator == record.creator && of.key == record.key) {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// Whether the name is there: `Some(None)` where it stands for the same, else to what it belongs, in words.
    async fn taken(&self, name: &Name) -> Result<Option<Option<&'static str>>> {
        let Some(bytes) = self.target.get(&Location::Name(name.uid.clone())).await? else { return Ok(None) };
        let there = Name::parse(&name.uid, bytes)?;
        let other = match &there.target {
            Target::Added(_) => "a file with other content has its name there",
            Target::Output(_) => "the output of another call has its name there",
        };
        Ok(Some((!there.target.same(&name.target)).then_some(other)))
    }

    /// Gives the name, unless it is taken: then to what it belongs.
    async fn put_name(&self, name: &Name) -> Result<Option<&'static str>> {
        if self.dry_run {
            return Ok(None);
        }
        match self.target.create(&Location::Name(name.uid.clone()), name.bytes()).await? {
            Created::New => Ok(None),
            Created::Exists => Ok(self.taken(name).await?.flatten()),
        }
    }

    /// Sends content, unless it is there. Of several that need the same, one sends it.
    fn carry(&self, content: &Content, since: Since) -> Result<()> {
        let once = Arc::clone(lock(&self.carried).entry((content.digest, since)).or_default());
        once.get_or_init(|| pollster::block_on(self.carry_now(content))).clone()
    }

    async fn carry_now(&self, content: &Content) -> Result<()> {
        let there = self.target.size(&Location::Blob(content.digest)).await?;
        let size = match content.size {
            Some(size) => Some(size),
            None => self.lake.size_of(&content.digest).await?,
        };
        match (there, size) {
            (None, None) if content.optional => return Ok(()),
            (Some(there), Some(size)) if there != size => {
                let message = format!(
                    "the content of `{}` ({}) has {there} bytes in {} instead of {size}: it is damaged there",
                    content.what,
                    content.digest,
                    self.target.describe()
                );
                return Err(Error::new(ErrorKind::Corrupt, message));
            }
            (Some(_), _) => return Ok(()),
            _ => {}
        }
        let size = size.unwrap_or(0);
        if !self.dry_run {
            let wanted = Wanted { digest: &content.digest, size, what: &content.what, progress: &|_| {} };
            self.lake.local_view().copy_blob(&*self.target, wanted).await?;
        }
        self.blobs.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(size, Ordering::Relaxed);
        Ok(())
    }

    /// The documents that were removed at the target. They are asked for when something is missing there.
    fn removed(&self) -> Result<&HashSet<Digest>> {
        let found = self.removed.get_or_init(|| pollster::block_on(self.read_removals()));
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

/// Whether two documents at the place of a call's record say the same of its value and its files.
fn same_call(kept: &Kept, creator: &CreatorName, key: &CallKey, there: Vec<u8>) -> Result<bool> {
    if kept.bytes() == there {
        return Ok(true);
    }
    let (Kept::Record(ours), Kept::Record(theirs)) = (kept, Kept::parse(creator, key, there)?) else {
        return Ok(false);
    };
    let files = |record: &Record| -> Result<Vec<(Uid, Digest)>> {
        Ok(record.lineage()?.outputs.into_iter().map(|output| (output.uid, output.digest)).collect())
    };
    Ok(ours.value_digest == theirs.value_digest && files(ours)? == files(&theirs)?)
}

/// What people call a call.
fn called(record: &Record) -> Result<String> {
    let outputs = record.lineage()?.outputs;
    let names: Vec<_> =
        outputs.iter().filter(|output| output.uid.is_chosen()).map(|output| output.uid.as_str()).collect();
    Ok(if names.is_empty() { format!("{}/{}", record.creator, record.key) } else { names.join(", ") })
}

fn row(what: String, outcome: MirrorOutcome, why: Option<String>) -> MirrorRow {
    MirrorRow { what, outcome, why }
}

fn conflict(what: String, why: &str) -> Became {
    Became::Row(row(what, MirrorOutcome::Conflict, Some(format!("{why}, and is left"))))
}

fn removed(what: String) -> Became {
    Became::Row(row(what, MirrorOutcome::Removed, Some("it was removed there".to_owned())))
}
