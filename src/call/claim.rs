//! The claim of a call: one process of a machine takes it on, and one machine of those that share the remote.
//!
//! It saves work and is never what makes a result right: whoever cannot claim runs the body too, and the first record counts.

use std::time::{Duration, Instant};

use datlake_core::claim::{Holder, Seen, Watch};
use datlake_core::{Result, claim};
use datlake_store::{Among, FileLock, HeartbeatLease, LockAttempt};

use super::site::CallSite;
use crate::work_stealing;
use datlake_lake::{provenance, scope};

/// The longest pause between two looks at another machine's claim.
const PAUSE: Duration = Duration::from_secs(2);

impl CallSite {
    /// Claims the call among the processes of this machine. `None` where nobody can.
    pub(super) async fn claim(&self) -> Result<Option<FileLock>> {
        let what = self.target.identity.key.to_string();
        let note =
            format!("process {} on {} since {}", std::process::id(), self.lake.provenance().host(), provenance::now());
        let (mut pause, mut told) = (Duration::from_millis(1), false);
        loop {
            match self.lake.local_view().dir().try_claim(&what, &note)? {
                LockAttempt::Won(lease) => return Ok(Some(lease)),
                LockAttempt::Unsupported => return Ok(None),
                LockAttempt::Held { .. } if !may_wait() => return Ok(None),
                LockAttempt::Held { note } => {
                    if !told {
                        self.emit_waited(Some(note));
                        told = true;
                    }
                }
            }
            self.pace.pause(pause).await?;
            pause = (pause * 2).min(Duration::from_millis(200));
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
        })
    }
}

/// On a pool that steals work a call may lie on top of a stranger's body, and wait for somebody who waits for that one.
fn may_wait() -> bool {
    !work_stealing::is_possible() || scope::stack().is_empty()
}

/// A call's claim among machines, on the way to it.
pub(super) struct AmongMachines {
    beating: Option<HeartbeatLease>,
    /// Whether there is nothing more to do.
    settled: bool,
    /// Whether the call is claimed among the processes of this machine.
    claimed_here: bool,
    watch: Watch,
    dead: Option<Seen>,
    began: Instant,
    pause: Duration,
    told: bool,
}

impl AmongMachines {
    pub(super) fn new(wanted: bool, claimed_here: bool) -> Self {
        Self {
            beating: None,
            settled: !wanted,
            claimed_here,
            watch: Watch::default(),
            dead: None,
            began: Instant::now(),
            pause: Duration::from_millis(50),
            told: false,
        }
    }

    /// The call has no record: claims it, or waits a little. Whether to go on and run it; else the record is to be looked
    /// for again, since whoever holds the claim, or has held it, may have finished.
    pub(super) async fn claim(&mut self, site: &CallSite) -> Result<bool> {
        if self.settled {
            return Ok(true);
        }
        let (local_view, key) = (site.lake.local_view().clone(), site.target.identity.key);
        let (holder, dead, asked) = (site.holder()?, self.dead.take(), self.began.elapsed());
        let tried = site.pace.io(async move { local_view.try_claim_among(&key, &holder, dead.as_ref()).await }).await?;
        match tried {
            None => self.settled = true,
            Some(Among::Won(beating)) => {
                self.beating = Some(beating);
                self.settled = true;
                return Ok(false);
            }
            Some(Among::Held(_)) if !may_wait() => self.settled = true,
            Some(Among::Held(seen)) => {
                let (home, host) = (&*site.lake.catalog().home, site.lake.provenance().host());
                // A home that was copied to another machine is called the same there.
                let is_ours = |holder: &Holder| holder.home == home && holder.host == host;
                if self.claimed_here && seen.holder.as_ref().is_some_and(is_ours) {
                    // A process of this machine left it, and is dead: else it would have the claim that we have here.
                    self.dead = Some(seen);
                    return Ok(false);
                }
                if !self.told {
                    let by = seen.holder.as_ref().map(claim::Holder::to_string);
                    site.emit_waited(Some(by.unwrap_or_else(|| "another machine".to_owned())));
                    self.told = true;
                }
                let lease = site.lake.lease();
                if self.watch.is_dead(&seen, asked, self.began.elapsed(), lease) {
                    self.dead = Some(seen);
                    return Ok(false);
                }
                site.pace.pause(self.pause).await?;
                self.pause = (self.pause * 2).min(PAUSE).min(lease / 4);
            }
        }
        Ok(self.settled)
    }

    pub(super) fn into_claim(self) -> Option<HeartbeatLease> {
        self.beating
    }
}
