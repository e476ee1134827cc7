//! Checks a lake's integrity.

mod packed;

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use datlake_core::claim::left_over;
use datlake_core::document::{Content, Part};
use datlake_core::{
    Digest, Document, Entry, Error, ErrorKind, Location, Prefix, Result, Role, Side, Store, StoreExt as _, Uid,
};
use datlake_store::{Elsewhere, offload, wait};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use self::packed::PackedFiles;
use super::clean::{YOUNG, said};
use super::content::each;
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

/// What was found in it.
struct ReadDocuments {
    report: Verified,
    named: NamedContent,
    /// Whether what some document names is not known.
    hides: bool,
    /// The newest that the store showed.
    newest: SystemTime,
}

/// What documents name: content, and for each range that leads to it once more.
#[derive(Default)]
struct NamedContent(BTreeMap<(Digest, Option<Digest>), Wanted>);

impl NamedContent {
    /// The content `digest`, in whatever range.
    fn get(&self, digest: &Digest) -> Option<&Wanted> {
        self.0.range((*digest, None)..).next().filter(|((found, _), _)| found == digest).map(|(_, wanted)| wanted)
    }

    /// Each once.
    fn digests(&self) -> Vec<Digest> {
        let mut all: Vec<Digest> = self.0.keys().map(|(digest, _)| *digest).collect();
        all.dedup();
        all
    }
}

/// Content that a document names.
struct Wanted {
    content: Content,
    /// Whether it must be there.
    needed: bool,
    /// What `repair` takes to heal it.
    healed_as: String,
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
        let mut met = vec![false; which.len()];
        for (side, store) in sides {
            let Some(store) = store.filter(|_| how.side.is_none_or(|only| only == side)) else { continue };
            let looking = Looking { lake: self.clone(), side, store, all: which.is_empty() };
            let which: Vec<String> = which.iter().map(|text| (*text).to_owned()).collect();
            let documents = move || {
                let found = wait(looking.documents(&which, &mut met))?;
                Ok::<_, Error>((looking, found, met))
            };
            let (looking, found, now_met) = offload(documents).await??;
            met = now_met;
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
        let (report, named) = Default::default();
        let mut found = ReadDocuments { report, named, hides: false, newest: SystemTime::UNIX_EPOCH };
        for prefix in Prefix::of_roles(&[Role::Root, Role::Note]) {
            let mut listed = self.listed(&prefix, &mut found.newest).await?;
            // Kinds may share a folder.
            listed.retain(|at| matches!(at.role(), Role::Root | Role::Note));
            let mut said = stream::iter(&listed).map(|at| self.document(at, &selects)).buffered(AT_ONCE);
            while let Some(said) = said.next().await {
                found.note(said?);
            }
        }
        met.iter_mut().zip(meets).for_each(|(met, meets)| *met = meets.into_inner());
        Ok(found)
    }

    async fn listed(&self, prefix: &Prefix, newest: &mut SystemTime) -> Result<Vec<Location>> {
        let mut found = Vec::new();
        let gather = |entry: Entry| {
            *newest = entry.modified.max(*newest);
            found.push(entry.location);
        };
        self.store.each(prefix, gather).await?;
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
        let ReadDocuments { mut report, named, hides, mut newest } = found;
        let mut there = self.stored(&named, &mut newest).await?;
        let is_named = |range: &Digest| named.get(range).is_some();
        let (packed, damaged) = PackedFiles::of(&*self.store, is_named, &mut there, self.all).await?;
        report.documents += packed.documents;
        for (at, range, error) in damaged {
            let cure = named
                .get(&range)
                .map(|wanted| format!("; `datlake repair {}` looks for another copy", wanted.healed_as));
            let error = format!("{error}{}", cure.unwrap_or_default());
            report.findings.push(self.finding(FindingKind::DamagedDocument, at.title(), error));
        }
        report.blobs = there.len() as u64;
        let (mut wrong, mut last) = (Vec::new(), None);
        for ((digest, range), wanted) in &named.0 {
            let found = there.get(digest).copied();
            // What is a blob by itself is one thing, whatever ranges lead to it.
            let is_again = last.replace(*digest) == Some(*digest) && found.is_some();
            if is_again || (found.is_none() && packed.has(range.as_ref(), digest, wanted.content.size)) {
                continue;
            }
            report.blobs += u64::from(found.is_none() && wanted.needed);
            if let Some(finding) = self.differs(digest, wanted, found) {
                wrong.push(*digest);
                report.findings.push(finding);
            }
        }
        there.retain(|digest, _| wrong.binary_search(digest).is_err());
        let mut to_read: Vec<Digest> = there.into_keys().collect();
        if let Some(sample) = sample {
            // Another sample each time.
            let random = RandomState::new();
            to_read.sort_by_cached_key(|digest| random.hash_one(digest));
            to_read.truncate(sample);
        }
        report.read = to_read.len() as u64;
        let (lake, side, packed) = (self.lake.clone(), self.side, Arc::new(packed));
        let packs = Arc::clone(&packed);
        let read = each(to_read, move |digest| {
            let found = match packs.in_pack(&digest) {
                Some(files) => wait(files.read_through(&lake, side, &digest)),
                None => wait(lake.local_view().read_through(side, &digest)).map(|found| (found, Vec::new())),
            };
            (digest, found)
        });
        for (digest, found) in read.await? {
            let (found, damaged) = match found {
                Ok((found, damaged)) => (Ok(found), damaged),
                Err(error) => (Err(error), Vec::new()),
            };
            let names_files = !damaged.is_empty();
            report.findings.extend(damaged.into_iter().map(|file| self.damaged_in(&digest, &file, named.get(&file))));
            if names_files {
                continue;
            }
            let error = match found {
                Ok(Some((found, _))) if found != digest => None,
                // Evicted or collected since.
                Ok(_) => continue,
                Err(error) if concerns_one(&error) => Some(error.to_string()),
                Err(error) => return Err(error),
            };
            let wanted = named.get(&digest);
            let error = error.unwrap_or_else(|| match packed.in_pack(&digest) {
                Some(_) => {
                    format!("pack {} is damaged in {}, in none of its files", digest.short(), self.store.describe())
                }
                None => self.damaged(&digest, wanted, hides),
            });
            let what = wanted.map_or_else(|| digest.to_string(), |wanted| wanted.content.what.clone());
            report.findings.push(self.finding(FindingKind::WrongBytes, what, error));
        }
        Ok((report, newest))
    }

    /// A file that has other bytes in a pack.
    fn damaged_in(&self, pack: &Digest, file: &Digest, wanted: Option<&Wanted>) -> Finding {
        let (store, pack) = (self.store.describe(), pack.short());
        let (what, cure) = match wanted {
            Some(Wanted { content, healed_as, .. }) => {
                (content.what.clone(), format!("; `datlake repair {healed_as}` heals it"))
            }
            None => (file.to_string(), String::new()),
        };
        let error = format!("the content of `{what}` ({file}) is damaged in pack {pack} in {store}{cure}");
        self.finding(FindingKind::WrongBytes, what, error)
    }

    /// The content of the store, with its size: all of it, or what `named` has.
    async fn stored(&self, named: &NamedContent, newest: &mut SystemTime) -> Result<BTreeMap<Digest, u64>> {
        let mut there = BTreeMap::new();
        if self.all {
            let gather = |entry: Entry| {
                *newest = entry.modified.max(*newest);
                there.extend(entry.location.content().map(|digest| (digest, entry.size)));
            };
            self.store.each(&Prefix::Blobs, gather).await?;
        } else {
            let sizes = stream::iter(named.digests())
                .map(async |digest| Ok::<_, Error>((digest, self.store.size(&Location::Blob(digest)).await?)))
                .buffer_unordered(AT_ONCE);
            let sizes: Vec<_> = sizes.try_collect().await?;
            there.extend(sizes.into_iter().filter_map(|(digest, size)| Some((digest, size?))));
        }
        Ok(there)
    }

    /// Where content is that is missed on this machine, if a store has it that is not configured now.
    fn elsewhere(&self, digest: &Digest, needed: bool) -> Option<Elsewhere> {
        let may_be = needed && self.side == Side::Local && self.lake.catalog().remote.is_none();
        may_be.then(|| self.lake.local_view().elsewhere(digest)).flatten()
    }

    /// What is wrong with content, as far as its size shows; `None` for `found` where it is missing.
    fn differs(&self, digest: &Digest, wanted: &Wanted, found: Option<u64>) -> Option<Finding> {
        let Wanted { content: Content { what, size, .. }, needed, healed_as } = wanted;
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
            Some(Wanted { content: Content { what, .. }, healed_as, .. }) => {
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
    fn note(&mut self, said: Said) {
        self.report.documents += u64::from(said.counts);
        self.hides |= said.wrong.as_ref().is_some_and(|wrong| wrong.kind != FindingKind::Dangling);
        self.report.findings.extend(said.wrong);
        for content in said.names {
            let needed = said.needed && content.part != Part::Extra;
            let healed_as = if content.part == Part::File { content.what.clone() } else { said.healed_as.clone() };
            let at = (content.digest, content.range);
            let wanted = self.named.0.entry(at).or_insert(Wanted { content, needed, healed_as });
            wanted.needed |= needed;
        }
    }
}
