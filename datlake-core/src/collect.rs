//! Collecting content that nobody names, beside others who are about to name some of it.
//!
//! The danger: somebody finds content in the store and does not send it again, a collector removes it, and then the somebody
//! names it. So a collection goes in stages, each an object that is created and never replaced:
//!
//! 1. *announced*: from then on documents are read, and content is listed that none of them names and that is old.
//! 2. *condemned*: which content that is. Then nothing happens for [twice a window](Window).
//! 3. *sweeping*: documents are read once more. What they name by now, and what was rescued, stays; the rest is removed.
//! 4. *done*.
//!
//! Who names content, see `catalog::since`, looks at the collections after it found the content and names it within a window,
//! or looks again. If the look came before content was condemned, the sweep reads the document. If it came later, the content is
//! rescued, unless the sweep has begun: then there is a wait for its end. A collection that ran between finding and looking is
//! noticed by its number.
//!
//! Invariants:
//! - Safety does not depend on how old content is. A grace spares those who have just sent some the trouble of rescuing it.
//! - No two clocks are compared: windows are spans on one machine's clock, ages are differences between times of one store.
//! - One sweep at a time. Who finds one begun does not take it over, for its sweeper may only be slow.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::document::envelope;
use crate::{Created, Digest, DigestSet, Entry, Location, Pending, Prefix, Result, Role, Stage, Store, StoreExt as _};

/// The most that one collection condemns: who names content reads the whole list.
const MOST: usize = 500_000;
/// How much is removed between two looks whether the sweep is still this one's.
const BATCH: usize = 1000;

/// How long after finding content somebody names it, or looks again, by a clock that goes on while the machine sleeps. All
/// machines that share a lake must have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window(pub Duration);

impl Default for Window {
    /// One hour.
    fn default() -> Self {
        Self(Duration::from_secs(3600))
    }
}

impl Window {
    /// How long content stays condemned before it is removed: a request that was sent in time may take as long again.
    pub fn wait(self) -> Duration {
        self.0 * 2
    }
}

/// Who collects, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collector {
    /// Drawn anew for each stage.
    pub nonce: String,
    /// The person.
    pub person: String,
    /// The machine.
    pub host: String,
    /// The process there.
    pub process: u32,
    /// When, RFC 3339, UTC, by the machine's clock.
    pub since: String,
}

impl std::fmt::Display for Collector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { person, host, process, since, .. } = self;
        write!(f, "{person} on {host} (process {process}) since {since}")
    }
}

/// A collection, as far as it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Collection {
    /// Its number: each begins when the one before is done.
    pub n: u64,
    /// What it did last.
    pub stage: Stage,
    /// When it did that, by the store's clock.
    pub at: SystemTime,
}

#[derive(Serialize, Deserialize)]
struct CondemnedV1 {
    nonce: String,
    blobs: Vec<Digest>,
}

/// The latest collection in `store`.
pub async fn latest(store: &dyn Store) -> Result<Option<Collection>> {
    let mut latest: Option<Collection> = None;
    let visit = |entry: Entry| {
        if let Location::Collection(n, stage) = entry.location
            && latest.is_none_or(|known| (known.n, known.stage) < (n, stage))
        {
            latest = Some(Collection { n, stage, at: entry.modified });
        }
    };
    store.each(&Prefix::Collections, visit).await?;
    Ok(latest)
}

/// What a collection leaves to who runs it.
pub trait GcHost: Sync {
    /// All content that documents name, read at the store now. What cannot be read is an error: it may name anything.
    fn named(&self) -> Pending<'_, DigestSet>;

    /// Removes content from the store, and before it what is attached to it.
    fn remove(&self, blobs: Vec<Digest>) -> Pending<'_, ()>;
}

/// Content that nobody names, or what is attached to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unnamed {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// How many pieces of content it removed.
    pub blobs: u64,
    /// How many bytes they had.
    pub bytes: u64,
    /// How many were condemned and are needed after all.
    pub spared: u64,
}

/// The content that is not in `named` and older than `before`; and how much of the younger.
pub async fn unnamed(store: &dyn Store, named: &DigestSet, before: Option<SystemTime>) -> Result<(Vec<Unnamed>, u64)> {
    let (mut old, mut young) = (Vec::new(), 0);
    let visit = |Entry { location, size, modified }| {
        if let Location::Blob(digest) = location
            && !named.contains(&digest)
        {
            match before.is_none_or(|before| modified < before) {
                true => old.push(Unnamed { digest, size }),
                false => young += 1,
            }
        }
    };
    store.each(&Prefix::Blobs, visit).await?;
    // What is attached to content goes with it, and where it came first or is left over, by itself.
    let mut seen: DigestSet = old.iter().map(|blob: &Unnamed| blob.digest).collect();
    let mut visit = |Entry { location, size, modified }| {
        if let Some((digest, _)) = location.attached()
            && !named.contains(&digest)
            && before.is_none_or(|before| modified < before)
            && seen.insert(&digest)
        {
            old.push(Unnamed { digest, size });
        }
    };
    for prefix in Prefix::of_roles(&[Role::Attached]) {
        store.each(&prefix, &mut visit).await?;
    }
    Ok((old, young))
}

/// What may be condemned by a collection that was announced `at`: what is older than the grace by then. Stores know the
/// second at best.
pub fn old_enough(at: SystemTime, grace: Duration) -> Option<SystemTime> {
    (!grace.is_zero()).then(|| at.checked_sub(grace + Duration::from_secs(1)).unwrap_or(SystemTime::UNIX_EPOCH))
}

/// Announces a collection, or joins one that was announced and has condemned nothing. `None` where the latest has come further.
pub async fn announce(store: &dyn Store, by: &Collector) -> Result<Option<Collection>> {
    let n = match latest(store).await? {
        None => 0,
        Some(Collection { n, stage: Stage::Done, .. }) => n + 1,
        Some(announced @ Collection { stage: Stage::Announced, .. }) => return Ok(Some(announced)),
        Some(_) => return Ok(None),
    };
    store.create(&Location::Collection(n, Stage::Announced), &envelope::seal("collection", by)?.0).await?;
    // Somebody else may have been first, and gone on.
    Ok(latest(store).await?.filter(|latest| latest.n == n && latest.stage == Stage::Announced))
}

/// Condemns what nobody names, of the collection that was `announced`. It may be another who was first, with other content.
/// What is condemned now, and how much is too young. Where there is nothing to condemn, the collection is done.
pub async fn condemn(
    store: &dyn Store,
    announced: &Collection,
    by: &Collector,
    grace: Duration,
    host: &dyn GcHost,
) -> Result<(Vec<Unnamed>, u64)> {
    let named = host.named().await?;
    let (mut blobs, young) = unnamed(store, &named, old_enough(announced.at, grace)).await?;
    if blobs.is_empty() {
        finish(store, announced.n, by).await?;
        return Ok((blobs, young));
    }
    blobs.truncate(MOST);
    let condemned = CondemnedV1 { nonce: by.nonce.clone(), blobs: blobs.iter().map(|blob| blob.digest).collect() };
    let document = envelope::seal("condemned", &condemned)?.0;
    if store.create(&Location::Collection(announced.n, Stage::Condemned), &document).await? == Created::Exists {
        match latest(store).await? {
            Some(latest) if (latest.n, latest.stage) == (announced.n, Stage::Condemned) => {
                let condemned = self::condemned(store, announced.n).await?.unwrap_or_default();
                blobs.retain(|blob| condemned.contains(&blob.digest));
            }
            // Who was first has gone on by now.
            _ => blobs.clear(),
        }
    }
    Ok((blobs, young))
}

/// Sweeps: removes what the collection `n` condemned, and nobody names or rescued by now. `None` where another sweeps, unless
/// this is to go on where a dead one stopped.
///
/// # Errors
/// Those of the store and of the host. Then the sweep is to be resumed.
pub async fn sweep(
    store: &dyn Store,
    n: u64,
    by: &Collector,
    resume: bool,
    host: &dyn GcHost,
) -> Result<Option<Swept>> {
    let (at, document) = (Location::Collection(n, Stage::Sweeping), envelope::seal("collection", by)?.0);
    // A create whose reply got lost finds itself.
    let ours = store.create(&at, &document).await? == Created::New || store.get(&at).await?.as_ref() == Some(&document);
    if !ours && !resume {
        return Ok(None);
    }
    // In this order: who names content rescues it first.
    let (condemned, rescued) = (condemned(store, n).await?.unwrap_or_default(), rescued(store, n).await?);
    let mut needed = host.named().await?;
    needed.extend(rescued);
    let packs = attached(store, &needed).await?;
    needed.extend(packs);
    let (mut doomed, _) = unnamed(store, &needed, None).await?;
    doomed.retain(|blob| condemned.contains(&blob.digest));
    let mut swept =
        Swept { spared: condemned.iter().filter(|digest| needed.contains(digest)).count() as u64, ..Swept::default() };
    for blobs in doomed.chunks(BATCH) {
        // Somebody may have taken this sweep for dead and ended it.
        if latest(store).await?.is_none_or(|latest| (latest.n, latest.stage) != (n, Stage::Sweeping)) {
            return Ok(None);
        }
        host.remove(blobs.iter().map(|blob| blob.digest).collect()).await?;
        swept.blobs += blobs.len() as u64;
        swept.bytes += blobs.iter().map(|blob| blob.size).sum::<u64>();
    }
    finish(store, n, by).await?;
    Ok(Some(swept))
}

/// What the collection `n` condemned; `None` where it has not come so far, or is over and gone.
///
/// # Errors
/// Those of the store; [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt).
pub async fn condemned(store: &dyn Store, n: u64) -> Result<Option<HashSet<Digest>>> {
    let at = Location::Collection(n, Stage::Condemned);
    let Some(bytes) = store.get(&at).await? else { return Ok(None) };
    let (condemned, _) = envelope::open::<CondemnedV1>("condemned", &bytes, &at.path())?;
    Ok(Some(condemned.blobs.into_iter().collect()))
}

/// What the store's clock says now; it says so of what is written to it.
pub async fn now(store: &dyn Store, n: u64, nonce: &str) -> Result<Option<SystemTime>> {
    let at = Location::Rescued(n, Digest::of(nonce.as_bytes()));
    store.create(&at, b"").await?;
    let mut now = None;
    let visit = |entry: Entry| {
        if entry.location == at {
            now = Some(entry.modified);
        }
    };
    store.each(&Prefix::RescuedFrom(n), visit).await?;
    store.remove(&at).await?;
    Ok(now)
}

/// Who did `stage` of the collection `n`.
///
/// # Errors
/// Those of the store; [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt).
pub async fn collector(store: &dyn Store, n: u64, stage: Stage) -> Result<Option<Collector>> {
    let at = Location::Collection(n, stage);
    let Some(bytes) = store.get(&at).await? else { return Ok(None) };
    Ok(Some(envelope::open("collection", &bytes, &at.path())?.0))
}

/// What was rescued from the collection `n`.
async fn rescued(store: &dyn Store, n: u64) -> Result<HashSet<Digest>> {
    let rescued = store.locations(&Prefix::RescuedFrom(n)).await?.into_iter();
    Ok(rescued.filter_map(|at| if let Location::Rescued(_, digest) = at { Some(digest) } else { None }).collect())
}

/// What a store keeps for content that is `named`: that to which what is attached to it refers.
///
/// # Errors
/// Those of the store.
pub async fn attached(store: &dyn Store, named: &DigestSet) -> Result<Vec<Digest>> {
    let mut kept = Vec::new();
    for prefix in Prefix::of_roles(&[Role::Attached]) {
        let gather = |entry: Entry| {
            let attached = entry.location.attached().filter(|(content, _)| named.contains(content));
            kept.extend(attached.map(|(_, kept)| kept));
        };
        store.each(&prefix, gather).await?;
    }
    Ok(kept)
}

/// Ends the collection `n`, and removes what is left of those before it.
async fn finish(store: &dyn Store, n: u64, by: &Collector) -> Result<()> {
    store.create(&Location::Collection(n, Stage::Done), &envelope::seal("collection", by)?.0).await?;
    let mut left = store.locations(&Prefix::Collections).await?;
    left.extend(store.locations(&Prefix::Rescued).await?);
    let is_old = |at: &Location| match at {
        Location::Collection(of, _) => *of < n,
        Location::Rescued(of, _) => *of <= n,
        _ => false,
    };
    for at in left.into_iter().filter(is_old) {
        store.remove(&at).await?;
    }
    Ok(())
}
