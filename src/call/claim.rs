//! The claim of a call: among the processes of this machine, and among the machines that share the remote.
//!
//! It saves work and is never what makes a result right: whoever cannot claim runs the body too, and the first record counts.

use datlake_core::claim::Holder;
use datlake_core::{Error, Result};
use datlake_lake::claims::Claimed;
use datlake_lake::{provenance, scope, shared_run};
use datlake_store::{FileLock, HeartbeatLease, LockAttempt};

use super::set_aside::{HolderNote, is_set_aside, set_aside};
use super::site::{CallSite, WhenHeld};
use super::waiting::{Backoff, Patience};
use crate::work_stealing;

/// A call's claim among the processes of this machine.
pub(super) enum ClaimHere {
    Ours(FileLock),
    /// Nobody can claim it.
    Unneeded,
    /// Another process holds it, and the call [does not wait](WhenHeld::Leave).
    Held(String),
}

/// How a call goes on.
pub(super) enum Next {
    Run,
    /// Its record is to be looked for again: whoever holds the claim, or has held it, may have finished.
    Look,
    /// Another machine runs it, and it [does not wait](WhenHeld::Leave).
    Leave(String),
}

impl CallSite {
    /// Claims the call among the processes of this machine.
    pub(super) async fn claim(&mut self, when_held: WhenHeld, patience: &Patience) -> Result<ClaimHere> {
        let what = self.target.identity.key.to_string();
        let shown =
            format!("process {} on {} since {}", std::process::id(), self.lake.provenance().host(), provenance::now());
        // Among machines, their claims count deaths: whoever holds the lock may be waiting for one of those.
        let counts = self.lake.catalog().remote.is_none();
        let here = |left: Option<&str>| HolderNote::here(shown.clone(), counts, left);
        let note = |left: Option<&str>| match (here(left), left) {
            (note, Some(left)) if is_set_aside(note.deaths) => left.to_owned(),
            (note, _) => note.text(),
        };
        let mut backoff = Backoff::new();
        loop {
            match self.lake.local_view().dir().try_claim_after(&what, note)? {
                LockAttempt::Won(lock) if is_set_aside(here(lock.left()).deaths) => {
                    let last = lock.left().map(|left| HolderNote::parse(left).shown).unwrap_or_default();
                    lock.leave_note();
                    return Err(self.set_aside(&last));
                }
                LockAttempt::Won(lock) => return Ok(ClaimHere::Ours(lock)),
                LockAttempt::Unsupported => return Ok(ClaimHere::Unneeded),
                LockAttempt::Held { .. } if !may_wait() || patience.is_over() => return Ok(ClaimHere::Unneeded),
                LockAttempt::Held { note } => {
                    let by = HolderNote::parse(&note).shown;
                    if when_held == WhenHeld::Leave {
                        return Ok(ClaimHere::Held(by));
                    }
                    self.says_it_waits(by);
                }
            }
            self.pace.pause(backoff.next()).await?;
        }
    }

    fn holder(&self) -> Result<Holder> {
        let provenance = self.lake.provenance();
        Ok(Holder {
            nonce: self.lake.nonce(),
            home: self.lake.catalog().home.to_string(),
            person: provenance.person()?.email,
            host: provenance.host().to_owned(),
            process: std::process::id(),
            since: provenance::now(),
            lease_ms: u64::try_from(self.lake.lease().as_millis()).unwrap_or(u64::MAX),
            run: shared_run::here().map(|shared| shared.id.clone()),
            deaths: 0,
        })
    }

    /// The error of this call, which ended too many processes.
    fn set_aside(&self, last: &str) -> Error {
        self.never_ran(set_aside(&self.id(self.target.identity.key), last))
    }

    /// Whether another machine is known to run it.
    pub(super) async fn is_held(&self) -> Result<bool> {
        if !self.lake.claims().are_watched() {
            return Ok(false);
        }
        let (lake, key) = (self.lake.clone(), self.target.identity.key);
        self.pace.io(async move { Ok(lake.claims().is_held(lake.local_view(), &key).await) }).await
    }
}

/// On a pool that steals work a call may lie on top of a stranger's body, and wait for somebody who waits for that one.
pub(super) fn may_wait() -> bool {
    !work_stealing::is_possible() || scope::stack().is_empty()
}

/// The claim of a call among the machines that share the remote.
pub(super) struct AmongMachines {
    beating: Option<HeartbeatLease>,
    /// Whether it is clear that the call runs here.
    settled: bool,
    /// Whether the call is claimed among the processes of this machine.
    claimed_here: bool,
    when_held: WhenHeld,
    patience: Patience,
    backoff: Backoff,
}

impl AmongMachines {
    pub(super) fn new(wanted: bool, claimed_here: bool, when_held: WhenHeld, patience: Patience) -> Self {
        Self { beating: None, settled: !wanted, claimed_here, when_held, patience, backoff: Backoff::new() }
    }

    /// The call has no record: claims it, or waits.
    pub(super) async fn claim(&mut self, site: &mut CallSite) -> Result<Next> {
        if self.settled {
            return Ok(Next::Run);
        }
        let (lake, key, holder) = (site.lake.clone(), site.target.identity.key, site.holder()?);
        let claimed_here = self.claimed_here;
        let claimed = async move {
            // A home that was copied to another machine is called the same there. A process of this machine that has left the
            // claim is dead: else it would have the one that we have here.
            let is_ours = |of: &Holder| claimed_here && (&of.home, &of.host) == (&holder.home, &holder.host);
            lake.claims().claim(lake.local_view(), &key, &holder, is_ours).await
        };
        let by = match site.pace.io(claimed).await? {
            Claimed::Ours(beating) => {
                (self.beating, self.settled) = (Some(beating), true);
                return Ok(Next::Look);
            }
            Claimed::Unneeded => return Ok(self.run()),
            Claimed::SetAside(last) => return Err(site.set_aside(&last.to_string())),
            Claimed::Held(_) if !may_wait() || self.patience.is_over() => return Ok(self.run()),
            Claimed::Dead => return Ok(Next::Look),
            Claimed::Held(by) => by.map_or_else(|| ANOTHER.to_owned(), |by| by.to_string()),
        };
        if self.when_held == WhenHeld::Leave {
            return Ok(Next::Leave(by));
        }
        site.says_it_waits(by);
        loop {
            site.pace.pause(self.backoff.next()).await?;
            if self.patience.is_over() || !site.is_held().await? {
                return Ok(Next::Look);
            }
        }
    }

    fn run(&mut self) -> Next {
        self.settled = true;
        Next::Run
    }

    pub(super) fn into_claim(self) -> Option<HeartbeatLease> {
        self.beating
    }
}

/// Who holds a claim that does not show whose it is.
pub(super) const ANOTHER: &str = "another machine";
