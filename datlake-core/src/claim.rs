//! Who runs a call, told between machines: the rest wait for the result instead of running it too.
//!
//! Invariants:
//! - Safety never depends on claims: the create of the record alone decides. A holder that is taken for dead and is not ends
//!   harmlessly, as the one whose record comes second.
//! - A claim is an object `<n>` that is created and never replaced; of several the highest `n` counts. Its holder's signs of
//!   life are objects too. No two machines' clocks are ever compared: a watcher that sees nothing new for the time that the
//!   holder promised, by its own clock, may create `n + 1`.
//! - Nobody removes another's claim before the record exists.
//!
//! This module reads no clock: whoever watches says how late it is.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::document::envelope;
use crate::store::{LOOKS, contradiction};
use crate::{CallKey, Created, Location, Prefix, Result, Store, StoreExt as _};

/// Who holds a claim, for people; and what the holder promises.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Drawn anew for each claim.
    pub nonce: String,
    /// What its machine's store is called in what it writes. Who claims a call among the processes of that store knows that
    /// no other holder there is alive.
    pub home: String,
    /// The person.
    pub person: String,
    /// The machine.
    pub host: String,
    /// The process there.
    pub process: u32,
    /// When, RFC 3339, UTC, by the machine's clock.
    pub since: String,
    /// The holder sends a heartbeat more often than this, in milliseconds; after that it may be taken for dead. What is
    /// above [`LONGEST_LEASE`] counts as that.
    pub lease_ms: u64,
    /// What the processes are called together that the holder's was started with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// How many processes of that run held the call before, and died.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub deaths: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// So many processes of one run may die in a call's body. Nobody of that run takes it over from the last: it would take one machine
/// after the other with it.
pub const MOST_DEATHS: u64 = 3;

/// How many processes of `run` have died in a call's body, now that its last holder is dead, who was of the run `of` and came after
/// `deaths` others. Processes that were started alone, and those of other runs, count nothing: somebody may have ended them.
///
/// ```
/// use datlake_core::claim::deaths;
/// assert_eq!(deaths(Some("a"), Some("a"), 1), 2);
/// assert_eq!(deaths(Some("b"), Some("a"), 1), 0);
/// assert_eq!(deaths(None, None, 0), 0);
/// ```
pub fn deaths(run: Option<&str>, of: Option<&str>, deaths: u64) -> u64 {
    if run.is_some() && run == of { deaths.saturating_add(1) } else { 0 }
}

/// How long a holder may be silent where nothing else is said: four heartbeats. With the pauses between the looks of a
/// watcher it is less than 30 s from a holder's death until its call is taken over.
pub const DEFAULT_LEASE: Duration = Duration::from_secs(24);

/// The same in a store whose listings may be a minute old, as those of a shared folder.
pub const DELAYED_LEASE: Duration = Duration::from_secs(90);

/// The longest that a holder may be silent, whatever it promised: a promise of years would keep a call from everybody.
pub const LONGEST_LEASE: Duration = Duration::from_secs(10 * 60);

impl Holder {
    /// How long it may be silent.
    ///
    /// ```
    /// # let text = String::new;
    /// # let (nonce, home, person, host, since) = (text(), text(), text(), text(), text());
    /// use datlake_core::claim::{Holder, LONGEST_LEASE};
    /// let holder = Holder { nonce, home, person, host, process: 1, since, lease_ms: u64::MAX, run: None, deaths: 0 };
    /// assert_eq!(holder.lease(), LONGEST_LEASE);
    /// ```
    pub fn lease(&self) -> Duration {
        Duration::from_millis(self.lease_ms).min(LONGEST_LEASE)
    }
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { person, host, process, since, .. } = self;
        write!(f, "{person} on {host} (process {process}) since {since}")
    }
}

/// The claim that counts, as somebody else sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Which of the claims of its call it is.
    pub n: u64,
    /// The number of its newest heartbeat; 0 where there is none yet.
    pub beat: u64,
    /// Whose it is, where that can be read.
    pub holder: Option<Holder>,
}

/// What came of trying to claim a call.
#[derive(Debug)]
pub enum Tried {
    /// It is ours.
    Won(Claim),
    /// It is another's.
    Held(Seen),
}

/// A claim that is ours.
#[derive(Clone, Debug)]
pub struct Claim {
    key: CallKey,
    n: u64,
    /// The newest heartbeat that may be there.
    beat: u64,
    /// The oldest.
    oldest: u64,
    /// Whether the newest is there for sure.
    sure: bool,
    document: Vec<u8>,
}

/// Tries to claim the call `key`; over the claim `dead`, whose holder was watched and sends no heartbeat.
///
/// Whoever wins looks for the record again: the last holder may have finished in between.
pub async fn claim(store: &dyn Store, key: &CallKey, holder: &Holder, dead: Option<&Seen>) -> Result<Tried> {
    let document = envelope::seal("claim", holder)?.0;
    let (mut n, mut looks) = (dead.map_or(0, |dead| dead.n + 1), 0);
    loop {
        let at = Location::Claim(*key, n);
        // A create whose reply got lost finds itself.
        if store.create(&at, &document).await? == Created::New || store.get(&at).await?.as_ref() == Some(&document) {
            let claim = Claim { key: *key, n, beat: 0, oldest: 1, sure: true, document };
            return Ok(Tried::Won(claim));
        }
        match seen(store, key).await? {
            Some(seen) => return Ok(Tried::Held(seen)),
            // It went between two looks.
            None => n = 0,
        }
        looks += 1;
        if looks == LOOKS {
            return Err(contradiction(store, "claim a call", "a claim"));
        }
    }
}

/// The claim of the call `key` that counts.
async fn seen(store: &dyn Store, key: &CallKey) -> Result<Option<Seen>> {
    let mut newest = None;
    let visit = |entry: crate::Entry| {
        newest = newest.max(match entry.location {
            Location::Claim(_, n) => Some((n, 0)),
            Location::Beat(_, n, beat) => Some((n, beat)),
            _ => None,
        });
    };
    store.each(&Prefix::ClaimsOf(*key), visit).await?;
    let Some((n, beat)) = newest else { return Ok(None) };
    Ok(Some(Seen { n, beat, holder: holder_of(store, key, n).await? }))
}

/// The claims that count, of all calls that somebody runs, by one listing, which does not show whose they are.
///
/// # Errors
/// Those of the store.
pub async fn held(store: &dyn Store) -> Result<HashMap<CallKey, Seen>> {
    let mut held = HashMap::<CallKey, Seen>::new();
    let visit = |entry: crate::Entry| {
        let (key, n, beat) = match entry.location {
            Location::Claim(key, n) => (key, n, 0),
            Location::Beat(key, n, beat) => (key, n, beat),
            _ => return,
        };
        let newest = held.entry(key).or_insert(Seen { n, beat, holder: None });
        (newest.n, newest.beat) = (newest.n, newest.beat).max((n, beat));
    };
    store.each(&Prefix::Claims, visit).await?;
    Ok(held)
}

/// Who holds claim `n` of the call `key`, where that can be read.
///
/// # Errors
/// Those of the store.
pub async fn holder_of(store: &dyn Store, key: &CallKey, n: u64) -> Result<Option<Holder>> {
    let at = Location::Claim(*key, n);
    Ok(store.get(&at).await?.and_then(|bytes| Some(envelope::open("claim", &bytes, &at.path()).ok()?.0)))
}

impl Claim {
    /// Sends a heartbeat. `false` where the claim was taken over meanwhile: then nobody needs one any more.
    pub async fn beat(&mut self, store: &dyn Store) -> Result<bool> {
        if store.size(&Location::Claim(self.key, self.n + 1)).await?.is_some() || !self.stands(store).await? {
            return Ok(false);
        }
        if std::mem::replace(&mut self.sure, false) {
            self.beat += 1;
        }
        if store.create(&Location::Beat(self.key, self.n, self.beat), &[]).await? == Created::Exists {
            // An earlier attempt got through, and who watches may have seen that already.
            self.beat += 1;
            store.create(&Location::Beat(self.key, self.n, self.beat), &[]).await?;
        }
        self.sure = true;
        // The newest is all that a watcher looks at.
        while self.oldest < self.beat {
            store.remove(&Location::Beat(self.key, self.n, self.oldest)).await?;
            self.oldest += 1;
        }
        Ok(true)
    }

    /// Whether the claim is there, and is this one.
    async fn stands(&self, store: &dyn Store) -> Result<bool> {
        Ok(store.get(&Location::Claim(self.key, self.n)).await?.as_ref() == Some(&self.document))
    }

    /// Gives the claim back. Where the call's record exists by now, `recorded`, the claims that this one took over go too.
    ///
    /// # Errors
    /// Those of the store; what is left then is taken for dead one day.
    pub async fn release(self, store: &dyn Store, recorded: bool) -> Result<()> {
        for beat in (self.oldest..=self.beat).rev() {
            store.remove(&Location::Beat(self.key, self.n, beat)).await?;
        }
        if recorded && self.n > 0 {
            return clear(store, &self.key, self.n).await;
        }
        // A claim that was taken over stays: it keeps the numbers below the one that counts from being used again.
        let taken_over = !recorded && store.size(&Location::Claim(self.key, self.n + 1)).await?.is_some();
        if !taken_over && self.stands(store).await? {
            store.remove(&Location::Claim(self.key, self.n)).await?;
        }
        Ok(())
    }
}

/// Removes the claims of a call that has its record, up to `n`, and their heartbeats.
async fn clear(store: &dyn Store, key: &CallKey, n: u64) -> Result<()> {
    for at in store.locations(&Prefix::ClaimsOf(*key)).await? {
        if matches!(at, Location::Claim(_, of) | Location::Beat(_, of, _) if of <= n) {
            store.remove(&at).await?;
        }
    }
    Ok(())
}

/// What holders who are gone have left of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOver {
    /// The call.
    pub key: CallKey,
    /// Its claims and their heartbeats.
    objects: BTreeSet<String>,
}

/// The claims without a heartbeat for `silence` and for as long as their holders promised one: by the times of the store
/// alone, which showed `now` somewhere else. Whoever runs a call sends heartbeats; what a call left that finished, or that
/// nobody makes any more, gives none.
pub async fn left_over(store: &dyn Store, silence: Duration, now: SystemTime) -> Result<Vec<LeftOver>> {
    let mut calls = BTreeMap::<CallKey, ClaimsOfCall>::new();
    let mut now = now;
    let visit = |entry: crate::Entry| {
        if let Location::Claim(key, n) | Location::Beat(key, n, _) = entry.location {
            let found = calls.entry(key).or_insert_with(|| ClaimsOfCall {
                newest: entry.modified,
                claims: BTreeSet::new(),
                objects: BTreeSet::new(),
            });
            found.newest = found.newest.max(entry.modified);
            found.claims.insert(n);
            found.objects.insert(entry.location.path());
            now = now.max(entry.modified);
        }
    };
    store.each(&Prefix::Claims, visit).await?;
    let mut left = Vec::new();
    for (key, ClaimsOfCall { newest, claims, objects }) in calls {
        let silent = now.duration_since(newest).unwrap_or_default();
        if silent < silence {
            continue;
        }
        let mut promised = Duration::ZERO;
        for n in claims {
            let holder = holder_of(store, &key, n).await?;
            promised = promised.max(holder.map_or(Duration::ZERO, |holder| Duration::from_millis(holder.lease_ms)));
        }
        if silent >= promised {
            left.push(LeftOver { key, objects });
        }
    }
    Ok(left)
}

/// What a listing shows of the claims of one call.
struct ClaimsOfCall {
    newest: SystemTime,
    claims: BTreeSet<u64>,
    objects: BTreeSet<String>,
}

/// Removes what is left of a call, unless something has come to it since: whether it is gone.
pub async fn clear_left_over(store: &dyn Store, left: &LeftOver) -> Result<bool> {
    let found = store.locations(&Prefix::ClaimsOf(left.key)).await?;
    if found.iter().any(|at| !left.objects.contains(&at.path())) {
        return Ok(false);
    }
    for at in found {
        store.remove(&at).await?;
    }
    Ok(true)
}

/// What a watcher remembers of a claim: for how long it has seen nothing new.
#[derive(Debug, Default)]
pub struct Watch {
    last: Option<Silence>,
}

#[derive(Debug)]
struct Silence {
    mark: Mark,
    /// Until when it was observed.
    until: Duration,
    observed: Duration,
}

/// The fewest looks within a lease before silence is concluded.
const LOOKS_PER_LEASE: u32 = 4;

/// What changes with each heartbeat, and with each holder: one may begin where another has ended, with the same numbers.
#[derive(Debug)]
struct Mark {
    n: u64,
    beat: u64,
    nonce: Option<String>,
}

impl Mark {
    fn of(seen: &Seen) -> Self {
        let nonce = seen.holder.as_ref().map(|holder| holder.nonce.clone());
        Self { n: seen.n, beat: seen.beat, nonce }
    }

    /// Whether nothing new is seen. A holder that cannot be read is none.
    fn is(&self, other: &Self) -> bool {
        let another = self.nonce.is_some() && other.nonce.is_some() && self.nonce != other.nonce;
        (self.n, self.beat) == (other.n, other.beat) && !another
    }
}

impl Watch {
    /// The claim was seen as `seen` by a look that began at `asked` and ended at `now`, by the watcher's own clock: whether its
    /// holder is to be taken for dead, having sent no heartbeat for the time it promised; `otherwise` where what it promised
    /// cannot be read.
    ///
    /// The time between two looks counts up to a quarter of that. A store that does not answer for a while, or a watcher that is
    /// stopped, has kept the holder's heartbeats from being sent or seen; it gets the time to send one.
    pub fn is_dead(&mut self, seen: &Seen, asked: Duration, now: Duration, otherwise: Duration) -> bool {
        let mark = Mark::of(seen);
        match &mut self.last {
            Some(silence) if silence.mark.is(&mark) => {
                let lease = seen.holder.as_ref().map_or(otherwise, Holder::lease);
                silence.observed += asked.saturating_sub(silence.until).min(lease / LOOKS_PER_LEASE);
                silence.until = silence.until.max(asked);
                silence.observed > lease
            }
            _ => {
                self.last = Some(Silence { mark, until: now, observed: Duration::ZERO });
                false
            }
        }
    }
}
