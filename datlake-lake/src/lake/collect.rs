//! Collecting content that nobody names: at the remote in stages, beside others who publish; here under a lock.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use datlake_core::collect::{self, Collection, Collector, GcHost, Swept};
use datlake_core::{
    Digest, DigestSet, Document, Error, ErrorKind, Location, Pending, Prefix, Result, Role, Side, Stage, Store,
};
use datlake_store::{Hold, offload, sleep, wait};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::packs::attached_to;
use super::parts;
use super::places::places;
use super::uploads::remove_old;
use super::{AT_ONCE, Lake, refuse_in_body};
use crate::report::{Collected, CollectedLocal, CollectedRemote};
use crate::setters::setters;

/// How long a collection of this machine's store waits for who is about to name content.
const PATIENCE: Duration = Duration::from_secs(60);
/// What is younger at the remote is left alone, where nothing else is said.
const GRACE: Duration = Duration::from_secs(24 * 3600);

/// What was put by a signed URL goes when it is so old, whatever the grace of content: the URL has ended long before.
const UPLOADED: Duration = Duration::from_secs(24 * 3600);

/// How many documents are held at a time, of which some are read at once.
const MANY_AT_ONCE: usize = 16 * AT_ONCE;

/// How content is collected.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Collect {
    /// The only side that is looked at; `None`: both.
    pub side: Option<Side>,
    /// How old content at the remote must be. What is younger is likely to be named soon, and need not be rescued then.
    pub grace: Duration,
    /// Whether to say what would be removed, and to remove nothing.
    pub dry_run: bool,
    /// Whether to stay until what was condemned may be removed, two hours, and to remove it.
    pub wait: bool,
    /// Whether nobody else writes to the remote, which the caller knows: then nothing is waited for, and nothing is too young.
    pub exclusive: bool,
    /// Whether to go on with a sweep whose process is dead, which the caller knows.
    pub resume: bool,
}

impl Default for Collect {
    /// Both sides, a day's grace, without waiting.
    fn default() -> Self {
        let no = false;
        Self { side: None, grace: GRACE, dry_run: no, wait: no, exclusive: no, resume: no }
    }
}

impl Collect {
    setters! {
        /// Says what would be removed, and removes nothing.
        dry_run: bool;
        /// Collects in this machine's store alone, or at the remote alone.
        side: Some(Side);
        /// How old content at the remote must be.
        grace: Duration;
        /// Stays until what was condemned may be removed.
        wait: bool;
        /// Waits for nothing, because nobody else writes to the remote. Where somebody does, what they make may lose its content.
        exclusive: bool;
        /// Goes on with a sweep whose process is dead. Where it is not, what others make may lose its content.
        resume: bool;
    }
}

impl Lake {
    /// Removes content that no record, no name and no tree refers to any more, as after a [removal](Lake::remove).
    ///
    /// In this machine's store at once. At the remote, where other machines may be about to name content that they found there,
    /// it is condemned first, and removed by the next collection that comes two hours later or more. So it is called again
    /// and again, as by a timer, or asked to [wait](Collect::wait).
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] where another collects, or this machine publishes without a pause; [`ErrorKind::Corrupt`],
    /// [`ErrorKind::MissingBlob`] and [`ErrorKind::Format`] where a document or a list of a tree cannot be read: it may
    /// refer to anything; [`ErrorKind::Context`] in a body; those of
    /// the stores.
    ///
    /// ```
    /// use datlake::{Collect, Lake};
    /// let lake = Lake::temp()?;
    /// lake.add_bytes("greetings/en.txt", b"hello")?;
    /// lake.add_bytes("greetings/de.txt", b"hallo")?;
    /// lake.remove("greetings/en.txt")?;
    /// let collected = lake.collect(Collect::default())?;
    /// assert_eq!(collected.local.map(|local| (local.blobs, local.bytes)), Some((1, 5)));
    /// assert_eq!(lake.file("greetings/de.txt")?.read_to_string()?, "hallo");
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn collect(&self, how: Collect) -> Result<Collected> {
        wait(self.collect_async(how))
    }

    /// The asynchronous twin of [`Lake::collect`].
    ///
    /// # Errors
    /// As [`Lake::collect`].
    pub async fn collect_async(&self, how: Collect) -> Result<Collected> {
        refuse_in_body("collect content")?;
        let mut report = Collected { dry_run: how.dry_run, ..Collected::default() };
        self.contact_remote().await?;
        self.forget_pruned();
        let (here, there) = (how.side != Some(Side::Remote), how.side != Some(Side::Local));
        if let Some(remote) = &self.catalog().remote {
            let sweeper = Sweeper { lake: self.clone(), store: Arc::clone(remote), how };
            if here {
                // What the remote has is worth keeping here.
                report.local = Some(self.collect_here(how, sweeper.named().await?).await?);
            }
            if there {
                let mut collected = sweeper.collect().await?;
                if !how.dry_run {
                    collected.packed = match self.catalog().merge_record_packs().await {
                        // Packs are for speed, and need a right of their own.
                        Err(error) if error.kind() == ErrorKind::Denied => 0,
                        done => done?.records,
                    };
                }
                report.remote = Some(collected);
            }
        } else if here {
            report.local = Some(self.collect_here(how, DigestSet::default()).await?);
        }
        Ok(report)
    }

    /// Removes from this machine what neither `named` nor its own documents name.
    async fn collect_here(&self, how: Collect, mut named: DigestSet) -> Result<CollectedLocal> {
        let home = self.home().display();
        let cannot = |kind, why: &str| Error::new(kind, format!("cannot collect in {home}{why}"));
        if self.local_view().dir().is_shared() {
            let error = cannot(ErrorKind::Config, " as in a home: other machines have it as their remote");
            return Err(error.with_hint(format!("collect with `file://{home}` as the remote of a home")));
        }
        // Nobody is between putting content and naming it while this is held.
        let _alone = match how.dry_run {
            true => None,
            false => match self.local_view().hold_alone(PATIENCE).await? {
                Hold::Held(holding) => Some(holding),
                Hold::Busy => {
                    let why = ": programs are publishing there, or somebody else collects";
                    return Err(cannot(ErrorKind::Busy, why).with_hint("try again when they have finished"));
                }
                Hold::Unsupported => {
                    let why = ": its file system has no locks, so nobody can tell who is about to name content there";
                    return Err(cannot(ErrorKind::Unsupported, why));
                }
            },
        };
        let local = Sweeper { lake: self.clone(), store: Arc::clone(&self.catalog().local), how };
        if !how.dry_run && !self.is_offline() {
            self.catalog().remove_stale_copies().await?;
            self.catalog().remove_left_over(&*local.store).await?;
        }
        if !how.dry_run {
            // Without a remote they are here.
            remove_old(&*local.store, &Prefix::Parts, SystemTime::now().checked_sub(parts::KEPT)).await?;
        }
        if !how.dry_run
            && let [pack, ..] = &*self.catalog().tidy_packs_here().await?
        {
            let why = format!(": the pack of records `{}` is damaged, and may name anything", pack.path());
            return Err(cannot(ErrorKind::Corrupt, &why).with_hint("where the remote can be reached, it is mended"));
        }
        named.absorb(local.named().await?);
        let (blobs, _) = collect::unnamed(&*local.store, &named, None).await?;
        if !how.dry_run {
            local.remove(blobs.iter().map(|blob| blob.digest).collect()).await?;
            self.local_view().dir().clear_named_paths();
        }
        Ok(CollectedLocal { blobs: blobs.len() as u64, bytes: blobs.iter().map(|blob| blob.size).sum() })
    }
}

/// Collects in one store.
struct Sweeper {
    lake: Lake,
    store: Arc<dyn Store>,
    how: Collect,
}

impl Sweeper {
    /// Goes as far as a collection can: sweeps what was condemned long enough ago, and condemns.
    async fn collect(&self) -> Result<CollectedRemote> {
        let store = &*self.store;
        let latest = collect::latest(store).await?;
        if self.how.dry_run {
            return self.preview(latest).await;
        }
        let mut report = CollectedRemote::default();
        match latest {
            Some(Collection { n, stage: Stage::Sweeping, .. }) => {
                self.sweep(n, self.how.resume, &mut report).await?;
            }
            Some(Collection { n, stage: Stage::Condemned, at }) => {
                let left = self.left(n, at).await?;
                if !left.is_zero() && !self.how.wait {
                    report.condemned =
                        collect::condemned(store, n).await?.map_or(0, |condemned| condemned.len()) as u64;
                    report.ready_in_s = seconds(left);
                    return Ok(report);
                }
                sleep(left).await?;
                self.sweep(n, false, &mut report).await?;
                if self.how.wait {
                    return Ok(report);
                }
            }
            Some(Collection { stage: Stage::Announced | Stage::Done, .. }) | None => {}
        }
        self.lake.catalog().remove_left_over(store).await?;
        self.condemn(&mut report).await?;
        Ok(report)
    }

    async fn condemn(&self, report: &mut CollectedRemote) -> Result<()> {
        let by = self.collector()?;
        // Another that is ahead condemns for us.
        let Some(announced) = collect::announce(&*self.store, &by).await? else { return Ok(()) };
        let uploaded = if self.how.exclusive { Duration::ZERO } else { UPLOADED };
        remove_old(&*self.store, &Prefix::Uploads, collect::old_enough(announced.at, uploaded)).await?;
        // These may be of uploads that go on, also where nobody else publishes.
        remove_old(&*self.store, &Prefix::Parts, collect::old_enough(announced.at, parts::KEPT)).await?;
        let grace = if self.how.exclusive { Duration::ZERO } else { self.how.grace };
        let (condemned, young) = collect::condemn(&*self.store, &announced, &by, grace, self).await?;
        report.young = young;
        if condemned.is_empty() {
            return Ok(());
        }
        let wait = self.window();
        if self.how.exclusive || self.how.wait {
            if !self.how.exclusive {
                sleep(wait).await?;
            }
            return self.sweep(announced.n, false, report).await;
        }
        report.condemned = condemned.len() as u64;
        report.condemned_bytes = Some(condemned.iter().map(|blob| blob.size).sum());
        report.ready_in_s = seconds(wait);
        Ok(())
    }

    async fn sweep(&self, n: u64, resume: bool, report: &mut CollectedRemote) -> Result<()> {
        let swept = collect::sweep(&*self.store, n, &self.collector()?, resume, self).await.map_err(|error| {
            let message = format!("the sweep of {} did not end", self.store.describe());
            Error::new(error.kind(), message).because(error).with_hint("`datlake gc --resume` goes on")
        });
        let Some(swept) = swept? else {
            let by = collect::collector(&*self.store, n, Stage::Sweeping).await?;
            let who = by.map_or_else(|| "somebody".to_owned(), |by| by.to_string());
            let message = format!("{} is being swept by {who}", self.store.describe());
            let error = Error::new(ErrorKind::Busy, message).with_hint("try again when that has ended");
            return Err(error.with_hint("if that process is dead, `datlake gc --resume` goes on where it stopped"));
        };
        let Swept { blobs, bytes, spared } = swept;
        (report.blobs, report.bytes, report.spared) = (blobs, bytes, spared);
        Ok(())
    }

    /// What would be removed, with this machine's clock in place of the store's.
    async fn preview(&self, latest: Option<Collection>) -> Result<CollectedRemote> {
        let grace = if self.how.exclusive { Duration::ZERO } else { self.how.grace };
        let before = collect::old_enough(SystemTime::now(), grace);
        let (blobs, young) = collect::unnamed(&*self.store, &self.named().await?, before).await?;
        let mut report = CollectedRemote { young, ..CollectedRemote::default() };
        if let Some(Collection { n, stage: Stage::Condemned | Stage::Sweeping, .. }) = latest {
            let condemned = collect::condemned(&*self.store, n).await?;
            report.condemned = condemned.map_or(0, |condemned| condemned.len()) as u64;
        }
        report.blobs = blobs.len() as u64;
        report.bytes = blobs.iter().map(|blob| blob.size).sum();
        Ok(report)
    }

    /// How long content must stay condemned; stores know the second at best.
    fn window(&self) -> Duration {
        self.lake.catalog().collections.window.wait() + Duration::from_secs(1)
    }

    /// How long what was condemned `at` must still wait, by the store's clock.
    async fn left(&self, n: u64, at: SystemTime) -> Result<Duration> {
        if self.how.exclusive {
            return Ok(Duration::ZERO);
        }
        let now = collect::now(&*self.store, n, &self.lake.nonce()).await?;
        let passed = now.and_then(|now| now.duration_since(at).ok()).unwrap_or_default();
        Ok(self.window().saturating_sub(passed))
    }

    fn collector(&self) -> Result<Collector> {
        Ok(Collector {
            nonce: self.lake.nonce(),
            person: self.lake.provenance().person()?.email,
            host: self.lake.provenance().host().to_owned(),
            process: std::process::id(),
            since: crate::provenance::now(),
        })
    }

    /// The content that one document names, with that in trees.
    async fn named_by(&self, at: &Location) -> Result<Vec<Digest>> {
        let Some(bytes) = self.store.get(at).await? else { return Ok(Vec::new()) };
        let (lake, at) = (self.lake.clone(), at.clone());
        // What refers to other content is read, and may have to be downloaded.
        let content = offload(move || lake.content_of(&Document::parse(&at, bytes)?));
        Ok(content.await??.into_iter().map(|content| content.digest).collect())
    }
}

impl GcHost for Sweeper {
    fn named(&self) -> Pending<'_, DigestSet> {
        Box::pin(async move {
            let mut named = DigestSet::default();
            for prefix in Prefix::of_roles(&[Role::Root]) {
                let mut places = places(&*self.store, &prefix, &[Role::Root], |_| {}).await?.iter();
                loop {
                    let some: Vec<_> = places.by_ref().take(MANY_AT_ONCE).collect::<Result<_>>()?;
                    if some.is_empty() {
                        break;
                    }
                    let read = stream::iter(some).map(async |at| {
                        self.named_by(&at).await.map_err(|error| {
                            let (store, at) = (self.store.describe(), at.path());
                            let message =
                                format!("cannot collect in {store}: what `{at}` names is not known ({error})");
                            Error::new(error.kind(), message).with_hint("repair or remove it first")
                        })
                    });
                    let mut read = read.buffer_unordered(AT_ONCE);
                    while let Some(more) = read.try_next().await? {
                        named.extend(more);
                    }
                }
            }
            // After the documents: what leads to packs is there before what names their ranges.
            named.extend(collect::attached(&*self.store, &named).await?);
            Ok(named)
        })
    }

    fn remove(&self, blobs: Vec<Digest>) -> Pending<'_, ()> {
        Box::pin(async move {
            let doomed: DigestSet = blobs.iter().copied().collect();
            for attached in attached_to(&*self.store, &doomed).await? {
                self.store.remove(&attached).await?;
            }
            self.lake.catalog().unmark_commits(&*self.store, &doomed).await?;
            let removals = stream::iter(blobs).map(async |digest| self.store.remove(&Location::Blob(digest)).await);
            removals.buffer_unordered(AT_ONCE).try_for_each(|_| async { Ok(()) }).await
        })
    }
}

/// In whole seconds, not less than there are.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}
