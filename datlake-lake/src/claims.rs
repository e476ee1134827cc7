//! The claims that other machines hold, as this process knows them. It watches those that kept it from a call, all by one
//! listing: waiting for many calls costs what waiting for one does.
//!
//! A claim that is watched and sends no heartbeat is taken over, as `datlake_core::claim` says. Whether a call is held is never
//! what makes a result right: what is unknown here is found out by claiming.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use datlake_core::claim::{self, Holder, MOST_DEATHS, Seen, Watch};
use datlake_core::{CallKey, Result, Store};
use datlake_store::{Among, HeartbeatLease, LocalView};

use crate::sync::lock;

/// The pause between two listings, at first and where claims come and go.
const SHORTEST: Duration = Duration::from_millis(100);
/// The same where nothing changes.
const LONGEST: Duration = Duration::from_secs(2);
/// A claim is listed this often at least before its holder is taken for dead.
const LISTINGS_PER_LEASE: u32 = 4;
/// The pause is this many times what a listing takes, at least: that of many claims takes long.
const TIMES_A_LISTING: u32 = 20;

/// The result of trying to claim a call.
pub enum Claimed {
    /// This process holds it.
    Ours(HeartbeatLease),
    /// Nobody can claim it: there is no remote, or nothing may be written there.
    Unneeded,
    /// Another machine holds it.
    Held(Option<Holder>),
    /// Its holder is dead: to be claimed again, once its record was looked for.
    Dead,
    /// This was the last of those that may die in its body.
    SetAside(Holder),
}

/// Claims of other machines.
pub struct OtherClaims {
    began: Instant,
    /// The lease of a holder whose promise cannot be read.
    lease: Duration,
    state: Mutex<State>,
    /// Locked by the one that lists.
    listing: futures_util::lock::Mutex<()>,
}

#[derive(Default)]
struct State {
    /// The calls that others kept this process from, as far as it knows to this day.
    watched: HashMap<CallKey, Watched>,
    /// What the last listing showed.
    held: HashMap<CallKey, Seen>,
    /// When the next listing is due.
    due: Duration,
    pause: Duration,
}

#[derive(Default)]
struct Watched {
    watch: Watch,
    /// Who held it, under which number.
    holder: Option<(u64, Holder)>,
    dead: Option<Seen>,
}

impl OtherClaims {
    pub(crate) fn new(lease: Duration) -> Self {
        let (state, listing) = (Mutex::default(), futures_util::lock::Mutex::new(()));
        Self { began: Instant::now(), lease, state, listing }
    }

    /// Whether another machine has kept this process from a call, and may hold it still: else nobody is known to hold any.
    pub fn are_watched(&self) -> bool {
        !lock(&self.state).watched.is_empty()
    }

    /// Whether another machine is known to hold the call, and lives. Lists the claims where that is due. If they cannot be
    /// listed, nothing new is known: claiming the call reports what is wrong.
    pub async fn is_held(&self, view: &LocalView, key: &CallKey) -> bool {
        let Some(remote) = &view.catalog().remote else { return false };
        if !self.are_watched() {
            return false;
        }
        self.look(remote).await;
        let mut state = lock(&self.state);
        if state.held.contains_key(key) {
            // Its holder may be dead.
            state.watched.entry(*key).or_default();
        }
        state.watched.get(key).is_some_and(|watched| watched.dead.is_none())
    }

    /// Lists the claims, where that is due and nobody else does so now, and looks at those that are watched.
    async fn look(&self, remote: &Arc<dyn Store>) {
        let Some(_one) = self.listing.try_lock() else { return };
        let asked = self.began.elapsed();
        if asked < lock(&self.state).due {
            return;
        }
        let listed = claim::held(&**remote).await;
        let now = self.began.elapsed();
        let mut state = lock(&self.state);
        let mut moved = false;
        if let Ok(held) = listed {
            let before = state.watched.len();
            state.watched.retain(|key, _| held.contains_key(key));
            moved = state.watched.len() < before;
            for (key, watched) in &mut state.watched {
                watched.see(&held[key], asked, now, self.lease);
            }
            state.held = held;
        }
        let pause = if moved { state.pause / 2 } else { state.pause * 2 };
        let longest = LONGEST.min(self.lease / LISTINGS_PER_LEASE);
        state.pause = pause.max(SHORTEST).min(longest).max((now - asked) * TIMES_A_LISTING);
        state.due = now + state.pause;
    }

    /// Tries to claim the call. `is_ours` tells a holder of this machine, which has left it: whoever asks has claimed the call
    /// among the processes of this machine.
    ///
    /// # Errors
    /// Those of the remote.
    pub async fn claim(
        &self,
        view: &LocalView,
        key: &CallKey,
        holder: &Holder,
        is_ours: impl Fn(&Holder) -> bool,
    ) -> Result<Claimed> {
        let Some(remote) = &view.catalog().remote else { return Ok(Claimed::Unneeded) };
        let asked = self.began.elapsed();
        let dead = lock(&self.state).watched.get_mut(key).and_then(|watched| watched.dead.take());
        if let Some(dead) = &dead
            && let Some(now) = claim::holder_of(&**remote, key, dead.n).await?
            && dead.holder.as_ref() != Some(&now)
        {
            // A listing does not show whose a claim is: another's may have the same numbers.
            let watched = Watched { holder: Some((dead.n, now.clone())), ..Watched::default() };
            lock(&self.state).watched.insert(*key, watched);
            return Ok(Claimed::Held(Some(now)));
        }
        let mut holder = holder.clone();
        if let Some(dead) = &dead
            && let Some(last) = &dead.holder
        {
            holder.deaths = claim::deaths(holder.run.as_deref(), last.run.as_deref(), last.deaths);
            if holder.deaths >= MOST_DEATHS {
                lock(&self.state).watched.entry(*key).or_default().dead = Some(dead.clone());
                return Ok(Claimed::SetAside(last.clone()));
            }
        }
        let seen = match view.try_claim_among(key, &holder, dead.as_ref()).await? {
            None => return Ok(Claimed::Unneeded),
            Some(Among::Won(lease)) => {
                let mut state = lock(&self.state);
                state.watched.remove(key);
                state.held.remove(key);
                return Ok(Claimed::Ours(lease));
            }
            Some(Among::Held(seen)) => seen,
        };
        let mut state = lock(&self.state);
        let watched = state.watched.entry(*key).or_default();
        watched.see(&seen, asked, self.began.elapsed(), self.lease);
        if seen.holder.as_ref().is_some_and(is_ours) {
            watched.dead = Some(seen.clone());
        }
        Ok(if watched.dead.is_some() { Claimed::Dead } else { Claimed::Held(seen.holder) })
    }
}

impl Watched {
    fn see(&mut self, seen: &Seen, asked: Duration, now: Duration, lease: Duration) {
        match &seen.holder {
            Some(holder) => self.holder = Some((seen.n, holder.clone())),
            None => self.holder = self.holder.take().filter(|(n, _)| *n == seen.n),
        }
        let seen = Seen { holder: self.holder.as_ref().map(|(_, holder)| holder.clone()), ..*seen };
        self.dead = self.watch.is_dead(&seen, asked, now, lease).then_some(seen);
    }
}
