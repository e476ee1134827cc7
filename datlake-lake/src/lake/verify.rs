//! Checks a lake's integrity.

mod joined;
mod named;
mod packed;
mod removed;

use std::collections::{BinaryHeap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use datlake_core::claim::left_over;
use datlake_core::document::Content;
use datlake_core::{Digest, Document, Entry, Error, ErrorKind, Location, Prefix, Result, Role, Side, Store, Uid};
use datlake_store::{Elsewhere, offload, wait};
use futures_util::{StreamExt as _, stream};

use self::joined::{Joined, Stored};
use self::named::{Naming, Wanted};
use self::packed::{InOnePack, PackedFiles};
use super::clean::{YOUNG, said};
use super::content::{LeftOutside, each};
use super::places::places;
use super::{AT_ONCE, Lake, concerns_one, nearest, refuse_in_body};
use crate::report::{Finding, FindingKind, Verified};
use crate::setters::setters;

/// How a lake is looked through: on both sides and every byte, unless something else is said.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verify {
    /// The only side that is looked at; `None`: both.
    pub side: Option<Side>,
    /// How many pieces of content are read to the end on each side; of the others it is seen that they are there. `None`:
    /// all are read.
    pub sample: Option<usize>,
}

impl Verify {
    setters! {
        /// Looks at this machine's store alone, or at the remote alone.
        side: Some(Side);
        /// Reads at most so many pieces of content to the end.
        ///
        /// ```
        /// let lake = datlake::Lake::temp()?;
        /// for name in ["a", "b", "c"] {
        ///     lake.add_bytes(name, name)?;
        /// }
        /// assert_eq!(lake.verify(datlake::Verify::default().side(datlake::Side::Local).sample(2), &[])?.read, 2);
        /// # Ok::<(), datlake::Error>(())
        /// ```
        sample: Some(usize);
    }
}

/// One store that is looked through.
struct Looking {
    lake: Lake,
    side: Side,
    store: Arc<dyn Store>,
    /// Whether all of it is meant.
    all: bool,
}

/// What was wrong with content that was read.
#[derive(Default)]
struct Read {
    findings: Vec<Finding>,
    /// Files that have other bytes in a pack.
    in_packs: Vec<(Digest, Digest)>,
}

/// What was found in it.
struct ReadDocuments {
    report: Verified,
    named: Naming,
    /// Files that lie outside, which nobody looks at here.
    outside: LeftOutside,
    /// Whether what some document names is not known.
    hides: bool,
    /// The newest that the store showed.
    newest: SystemTime,
}

/// What one document says.
#[derive(Default)]
struct Said {
    /// Whether there is one, and it is meant.
    counts: bool,
    names: Vec<Content>,
    /// What `repair` takes to heal what has no UID.
    healed_as: String,
    /// Whether what it names must be on this side.
    needed: bool,
    wrong: Option<Finding>,
}

impl Lake {
    /// Looks through the lake, or the files and folders `which` of it: documents, what they name, and content. Nothing is
    /// changed, except that lists of trees are downloaded.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for a name that there is nothing of; [`ErrorKind::Config`] for the remote alone where there is none
    /// or it is not asked; those of reaching the stores; [`ErrorKind::Context`] in a body. What is wrong with the lake is no
    /// error, but a finding.
    ///
    /// ```
    /// use datlake::{Lake, Verify};
    /// let lake = Lake::temp()?;
    /// lake.add_bytes("greetings/en.txt", b"hello")?;
    /// let verified = lake.verify(Verify::default(), &[])?;
    /// assert_eq!((verified.read, verified.findings.len()), (1, 0));
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn verify(&self, how: Verify, which: &[&str]) -> Result<Verified> {
        wait(self.verify_async(how, which))
    }

    /// The asynchronous twin of [`Lake::verify`].
    ///
    /// # Errors
    /// As [`Lake::verify`].
    pub async fn verify_async(&self, how: Verify, which: &[&str]) -> Result<Verified> {
        refuse_in_body("verify the lake")?;
        self.forget_pruned();
        let mut report = Verified::default();
        let remote = self.catalog().remote.clone();
        if remote.is_none() && how.side == Some(Side::Remote) {
            // Nothing would be looked at, and nothing be wrong with it.
            return Err(self.no_remote("verify the remote"));
        }
        if how.side != Some(Side::Local) {
            self.recognise_remote().await?;
        }
        let sides = [(Side::Local, Some(Arc::clone(&self.catalog().local))), (Side::Remote, remote)];
        let (mut met, mut outside) = (vec![false; which.len()], LeftOutside::default());
        for (side, store) in sides {
            let Some(store) = store.filter(|_| how.side.is_none_or(|only| only == side)) else { continue };
            let looking = Looking { lake: self.clone(), side, store, all: which.is_empty() };
            let which: Vec<String> = which.iter().map(|text| (*text).to_owned()).collect();
            let documents = move || {
                let found = wait(looking.documents(&which, &mut met))?;
                Ok::<_, Error>((looking, found, met))
            };
            let (looking, mut found, now_met) = offload(documents).await??;
            met = now_met;
            outside.merge(std::mem::take(&mut found.outside));
            let (mut seen, newest) = looking.content(found, how.sample).await?;
            if looking.all && looking.side == Side::Remote {
                report.claims = left_over(&*looking.store, YOUNG, newest).await?.len() as u64;
                report.uploads = counted(self.left_uploads(false).await)?;
            }
            if looking.all {
                let packs = match looking.side {
                    Side::Local => self.catalog().check_packs_here().await?,
                    Side::Remote => self.catalog().check_packs().await?,
                };
                for (at, error) in packs {
                    seen.findings.push(looking.finding(FindingKind::WrongBytes, at.path(), error));
                }
            }
            report.documents += seen.documents;
            report.blobs += seen.blobs;
            report.read += seen.read;
            report.findings.append(&mut seen.findings);
        }
        if let Some((absent, _)) = which.iter().zip(&met).find(|(_, met)| !**met) {
            let error = Error::new(ErrorKind::NotFound, format!("there is nothing `{absent}` to verify"));
            let names = self.catalog().names(None).await.unwrap_or_default();
            return Err(match &*nearest(absent, names.iter().map(Uid::as_str)) {
                [] => error,
                near => error.with_hint(format!("the nearest names are {}", near.join(", "))),
            });
        }
        report.outside = outside.all();
        if how.side != Some(Side::Remote) {
            report.stale = self.local_view().dir().stale_scratch()? as u64;
        }
        Ok(report)
    }
}

/// How many uploads were left, where that is known. A store that is offline by then must not discard the report.
fn counted(uploads: Result<Option<u64>>) -> Result<Option<u64>> {
    match said(uploads) {
        Err(error) if error.kind() == ErrorKind::Unavailable => Ok(None),
        said => said,
    }
}

impl Looking {
    /// Reads the documents that are meant, all where `which` is empty. Of what was asked for, `met` is what there is
    /// something of.
    async fn documents(&self, which: &[String], met: &mut [bool]) -> Result<ReadDocuments> {
        let selections: Vec<_> = which.iter().map(|text| self.lake.selection(text)).collect();
        let meets: Vec<AtomicBool> = met.iter().map(|met| AtomicBool::new(*met)).collect();
        let selects = |uid: &Uid| {
            let mut any = selections.is_empty();
            for (selects, met) in selections.iter().zip(&meets) {
                if selects(uid) {
                    met.store(true, Ordering::Relaxed);
                    any = true;
                }
            }
            any
        };
        let (report, named, outside) = Default::default();
        let mut found = ReadDocuments { report, named, outside, hides: false, newest: SystemTime::UNIX_EPOCH };
        for prefix in Prefix::of_roles(&[Role::Root, Role::Note]) {
            let newest = |entry: &Entry| found.newest = entry.modified.max(found.newest);
            let mut listed = places(&*self.store, &prefix, &[Role::Root, Role::Note], newest).await?.iter();
            loop {
                let some: Vec<_> = listed.by_ref().take(AT_ONCE).collect::<Result<_>>()?;
                if some.is_empty() {
                    break;
                }
                let mut said = stream::iter(&some).map(|at| self.document(at, &selects)).buffered(AT_ONCE);
                while let Some(said) = said.next().await {
                    found.note(said?)?;
                }
            }
        }
        met.iter_mut().zip(meets).for_each(|(met, meets)| *met = meets.into_inner());
        Ok(found)
    }

    async fn document(&self, at: &Location, selects: &(dyn Fn(&Uid) -> bool + Sync)) -> Result<Said> {
        let is_meant = match at.name() {
            Some(uid) => selects(uid),
            None => self.all || at.role() == Role::Root,
        };
        let mut said = Said::default();
        if !is_meant {
            return Ok(said);
        }
        match self.read(at, selects, &mut said).await {
            Err(error) if concerns_one(&error) => {
                let cure = match at.role() {
                    Role::Root => format!("; `datlake repair {}` looks for another copy", at.address()),
                    _ => String::new(),
                };
                said.wrong = Some(self.finding(FindingKind::DamagedDocument, at.title(), format!("{error}{cure}")));
            }
            read => read?,
        }
        Ok(said)
    }

    async fn read(&self, at: &Location, selects: &(dyn Fn(&Uid) -> bool + Sync), said: &mut Said) -> Result<()> {
        let Some(bytes) = self.store.get(at).await? else { return Ok(()) };
        said.counts = true;
        let document = Document::parse(at, bytes)?;
        if !document.uids.is_empty() && !document.uids.iter().any(selects) {
            said.counts = false;
            return Ok(());
        }
        for (needed, missing) in &document.references().needs {
            let continues = async || match &document.begins {
                Some(log) => self.is_anywhere(&log.entry(1)).await,
                None => Ok(false),
            };
            if !self.is_anywhere(needed).await? && !continues().await? {
                if self.is_of_a_deleted_branch(at, &document).await? {
                    return Ok(());
                }
                said.wrong = Some(self.finding(FindingKind::Dangling, at.title(), missing.clone()));
                return Ok(());
            }
        }
        said.needed = self.is_needed(&document).await?;
        said.healed_as = at.address();
        self.names(self.lake.content_of(&document), &at.title(), said)
    }

    async fn is_anywhere(&self, at: &Location) -> Result<bool> {
        let catalog = self.lake.catalog();
        for store in [Some(&self.store), Some(&catalog.local), catalog.remote.as_ref()].into_iter().flatten() {
            if store.size(at).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether content has to be on this side: at the remote, and here where nobody else has it.
    async fn is_needed(&self, document: &Document) -> Result<bool> {
        let catalog = self.lake.catalog();
        Ok(self.side == Side::Remote
            || (catalog.remote.is_none() && !catalog.offline)
            || catalog.is_unpushed(&document.part_of).await?)
    }

    /// What a document refers to. A list that cannot be read hides what is in its tree.
    fn names(&self, content: Result<Vec<Content>>, what: &str, said: &mut Said) -> Result<()> {
        match content {
            Ok(content) => said.names = content,
            // A list that does not have to be here is missed where it has to be.
            Err(error) if error.kind() == ErrorKind::MissingBlob && !said.needed => {}
            Err(error) if concerns_one(&error) => {
                said.wrong = Some(self.finding(FindingKind::MissingContent, what.to_owned(), error.to_string()));
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn finding(&self, kind: FindingKind, what: String, error: String) -> Finding {
        Finding { kind, place: self.side, what, error }
    }

    /// Looks for what documents name, and reads what is there: what came of it, and the newest that the store showed.
    async fn content(&self, found: ReadDocuments, sample: Option<usize>) -> Result<(Verified, SystemTime)> {
        let ReadDocuments { mut report, named, hides, mut newest, .. } = found;
        let named = named.all()?;
        let packed = PackedFiles::of(&*self.store, &named).await?;
        report.documents += packed.documents;
        let of_damaged = named.of(packed.damaged.iter().map(|(_, range, _)| *range))?;
        for (at, range, error) in &packed.damaged {
            let cure = of_damaged
                .get(range)
                .map(|wanted| format!("; `datlake repair {}` looks for another copy", wanted.healed_as));
            let error = format!("{error}{}", cure.unwrap_or_default());
            report.findings.push(self.finding(FindingKind::DamagedDocument, at.title(), error));
        }
        let seen = |modified: SystemTime| newest = modified.max(newest);
        let stored = Stored::of(&*self.store, self.all, &named, &packed, seen).await?;
        report.blobs = stored.blobs;
        let sample = match sample {
            Some(sample) => Some(self.sample(stored.beside(&named, &packed), sample)?),
            None => None,
        };
        let (mut reading, mut to_read) = (Read::default(), Vec::new());
        for joined in stored.beside(&named, &packed) {
            let joined = joined?;
            let before = report.findings.len();
            for wanted in &joined.missed {
                report.blobs += u64::from(joined.found.is_none() && wanted.needed);
                report.findings.extend(self.differs(&joined.digest, wanted, joined.found));
            }
            let is_whole = joined.found.is_some() && report.findings.len() == before;
            if is_whole && sample.as_ref().is_none_or(|sample| sample.contains(&joined.digest)) {
                report.read += 1;
                to_read.push(joined);
            }
            if to_read.len() == AT_ONCE {
                self.read_some(std::mem::take(&mut to_read), &packed, hides, &mut reading).await?;
            }
        }
        self.read_some(to_read, &packed, hides, &mut reading).await?;
        let of_damaged = named.of(reading.in_packs.iter().map(|(_, file)| *file))?;
        for (pack, file) in &reading.in_packs {
            report.findings.push(self.damaged_in(pack, file, of_damaged.get(file)));
        }
        report.findings.append(&mut reading.findings);
        Ok((report, newest))
    }

    /// So many of the pieces of content that are whole, as far as their sizes show: others each time.
    fn sample(&self, all: impl Iterator<Item = Result<Joined>>, sample: usize) -> Result<HashSet<Digest>> {
        let random = RandomState::new();
        let mut chosen = BinaryHeap::new();
        for joined in all {
            let Joined { digest, missed, found, .. } = joined?;
            if found.is_some() && missed.iter().all(|wanted| self.differs(&digest, wanted, found).is_none()) {
                chosen.push((random.hash_one(digest), digest));
                if chosen.len() > sample {
                    chosen.pop();
                }
            }
        }
        Ok(chosen.into_iter().map(|(_, digest)| digest).collect())
    }

    /// Reads some pieces of content to the end.
    async fn read_some(&self, some: Vec<Joined>, packed: &PackedFiles, hides: bool, reading: &mut Read) -> Result<()> {
        let some = some.into_iter().map(|Joined { digest, wanted, places, .. }| {
            let in_pack = packed.in_pack(&digest, &places).map(Arc::new);
            (digest, wanted, in_pack)
        });
        let (lake, side) = (self.lake.clone(), self.side);
        let read = each(some.collect(), move |(digest, wanted, in_pack): (Digest, _, Option<Arc<InOnePack>>)| {
            let found = match &in_pack {
                Some(files) => wait(files.read_through(&lake, side, &digest)),
                None => wait(lake.local_view().read_through(side, &digest)).map(|found| (found, Vec::new())),
            };
            (digest, wanted, in_pack.is_some(), found)
        });
        for (digest, wanted, is_pack, found) in read.await? {
            let wanted: Option<Wanted> = wanted;
            let (found, damaged) = match found {
                Ok((found, damaged)) => (Ok(found), damaged),
                Err(error) => (Err(error), Vec::new()),
            };
            if !damaged.is_empty() {
                reading.in_packs.extend(damaged.into_iter().map(|file| (digest, file)));
                continue;
            }
            let error = match found {
                Ok(Some((found, _))) if found != digest => None,
                // Evicted or collected since.
                Ok(_) => continue,
                Err(error) if concerns_one(&error) => Some(error.to_string()),
                Err(error) => return Err(error),
            };
            let error = error.unwrap_or_else(|| match is_pack {
                true => {
                    format!("pack {} is damaged in {}, in none of its files", digest.short(), self.store.describe())
                }
                false => self.damaged(&digest, wanted.as_ref(), hides),
            });
            let what = wanted.map_or_else(|| digest.to_string(), |wanted| wanted.what);
            reading.findings.push(self.finding(FindingKind::WrongBytes, what, error));
        }
        Ok(())
    }

    /// A file that has other bytes in a pack.
    fn damaged_in(&self, pack: &Digest, file: &Digest, wanted: Option<&Wanted>) -> Finding {
        let (store, pack) = (self.store.describe(), pack.short());
        let (what, cure) = match wanted {
            Some(Wanted { what, healed_as, .. }) => (what.clone(), format!("; `datlake repair {healed_as}` heals it")),
            None => (file.to_string(), String::new()),
        };
        let error = format!("the content of `{what}` ({file}) is damaged in pack {pack} in {store}{cure}");
        self.finding(FindingKind::WrongBytes, what, error)
    }

    /// Where content is that is missed on this machine, if a store has it that is not configured now.
    fn elsewhere(&self, digest: &Digest, needed: bool) -> Option<Elsewhere> {
        let may_be = needed && self.side == Side::Local && self.lake.catalog().remote.is_none();
        may_be.then(|| self.lake.local_view().elsewhere(digest)).flatten()
    }

    /// What is wrong with content, as far as its size shows; `None` for `found` where it is missing.
    fn differs(&self, digest: &Digest, wanted: &Wanted, found: Option<u64>) -> Option<Finding> {
        let Wanted { what, size, needed, healed_as } = wanted;
        let store = self.store.describe();
        let (kind, error) = match (found, size) {
            (None, _) if let Some(there) = self.elsewhere(digest, *needed) => {
                (FindingKind::Elsewhere, format!("the content of `{what}` ({digest}) is not in {store}, but {there}"))
            }
            (None, _) if *needed => (
                FindingKind::MissingContent,
                format!(
                    "the content of `{what}` ({digest}) is missing in {store}; `datlake repair {healed_as}` looks for it elsewhere"
                ),
            ),
            (Some(found), Some(size)) if found != *size => (
                FindingKind::WrongBytes,
                format!(
                    "the content of `{what}` ({digest}) has {found} bytes instead of {size} in {store}; `datlake repair {healed_as}` heals it"
                ),
            ),
            _ => return None,
        };
        Some(self.finding(kind, what.clone(), error))
    }

    /// How a report words it that content has other bytes than its digest says.
    fn damaged(&self, digest: &Digest, wanted: Option<&Wanted>, hides: bool) -> String {
        let store = self.store.describe();
        match wanted {
            Some(Wanted { what, healed_as, .. }) => {
                format!(
                    "the content of `{what}` ({digest}) is damaged in {store}; `datlake repair {healed_as}` heals it"
                )
            }
            None if hides => format!(
                "the content {digest} is damaged in {store}; whose it is will be known when the documents can be read"
            ),
            None => {
                format!("the content {digest} is damaged in {store}; nothing refers to it, and `datlake gc` removes it")
            }
        }
    }
}

impl ReadDocuments {
    fn note(&mut self, said: Said) -> Result<()> {
        self.report.documents += u64::from(said.counts);
        self.hides |= said.wrong.as_ref().is_some_and(|wrong| wrong.kind != FindingKind::Dangling);
        self.report.findings.extend(said.wrong);
        self.outside.note(&said.names);
        self.named.note(said.names, said.needed, &said.healed_as)
    }
}
