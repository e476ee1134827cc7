//! A claim among machines that expires unless heartbeats renew it.

use std::sync::Arc;
use std::time::Duration;

use datlake_core::claim::{Claim, Holder, Seen, Tried, claim};
use datlake_core::{CallKey, Error, ErrorKind, Result, Store};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::leaving::{HeldClaim, begin_claim, leaving};
use crate::maker::Maker;
use crate::runtime;

/// Heartbeats in the time after which others take a holder for dead.
const BEATS_PER_LEASE: u32 = 4;
/// A heartbeat is given up and sent anew after this much of that time: its connection may be dead, which its client would
/// wait for much longer. A slow store answers before, to all that a heartbeat asks.
const GIVEN_UP: f32 = 0.625;

/// A claim that this process holds and renews. Dropping it releases the claim in the background, without a record.
#[derive(Debug)]
pub struct HeartbeatLease {
    /// Sends whether the call has its record.
    end: oneshot::Sender<bool>,
    ended: JoinHandle<Result<()>>,
    maker: Maker,
}

/// The result of trying to claim a call among machines.
#[derive(Debug)]
pub enum Among {
    /// This process holds it.
    Won(HeartbeatLease),
    /// Another process holds it.
    Held(Seen),
}

impl HeartbeatLease {
    pub(crate) async fn claim(
        store: Arc<dyn Store>,
        key: &CallKey,
        holder: &Holder,
        dead: Option<&Seen>,
    ) -> Result<Among> {
        let held = begin_claim().await;
        let claim = match claim(&*store, key, holder, dead).await? {
            Tried::Held(seen) => return Ok(Among::Held(seen)),
            Tried::Won(claim) => claim,
        };
        let (end, told) = oneshot::channel();
        let ended = runtime::spawn_life(keep(store, claim, holder.lease(), told, held))?;
        Ok(Among::Won(Self { end, ended, maker: Maker::this() }))
    }

    /// Releases the claim; `recorded` says whether the call has its record.
    ///
    /// # Errors
    /// Those of the store: then the claim expires.
    pub async fn release(self, recorded: bool) -> Result<()> {
        if !self.maker.is_here() {
            return Ok(());
        }
        // It cannot have ended: nothing else tells it to.
        let _ = self.end.send(recorded);
        self.ended.await.map_err(shut_down)?
    }
}

/// Heartbeats have threads of their own: publishing may keep all others busy for longer than a lease.
async fn keep(
    store: Arc<dyn Store>,
    mut claim: Claim,
    lease: Duration,
    mut told: oneshot::Receiver<bool>,
    _held: HeldClaim,
) -> Result<()> {
    let leaving = leaving();
    tokio::pin!(leaving);
    let every = lease / BEATS_PER_LEASE;
    let (mut alive, mut next) = (true, Instant::now() + every);
    let recorded = loop {
        tokio::select! {
            recorded = &mut told => break recorded.unwrap_or(false),
            () = &mut leaving => break false,
            () = tokio::time::sleep_until(next), if alive => {}
        }
        // From begin to begin: the time that heartbeats take does not come between them.
        next = (next + every).max(Instant::now());
        let (end, ending) = oneshot::channel();
        let mut heartbeat = beat(Arc::clone(&store), claim.clone(), ending)?;
        tokio::select! {
            beaten = &mut heartbeat => {
                let (after, stands) = beaten.map_err(shut_down)?;
                claim = after;
                // A heartbeat that failed is repeated; a claim that was taken over needs none.
                alive = stands.unwrap_or(true);
            }
            () = tokio::time::sleep(lease.mul_f32(GIVEN_UP)) => {
                drop(end);
                claim = heartbeat.await.map_err(shut_down)?.0;
                next = Instant::now();
            }
            // Releasing does not wait for a heartbeat's retries: the claim knows what it may have written, and removes it.
            recorded = &mut told => {
                drop(end);
                claim = heartbeat.await.map_err(shut_down)?.0;
                break recorded.unwrap_or(false);
            }
        }
    };
    runtime::spawn_heartbeat(move || runtime::wait(claim.release(&*store, recorded)))?.await.map_err(shut_down)?
}

/// Sends one heartbeat, unless `ending` comes first: whether the claim stands.
fn beat(
    store: Arc<dyn Store>,
    mut claim: Claim,
    ending: oneshot::Receiver<()>,
) -> Result<JoinHandle<(Claim, Result<bool>)>> {
    runtime::spawn_heartbeat(move || {
        let stands = runtime::wait(async {
            tokio::select! {
                stands = claim.beat(&*store) => stands,
                _ = ending => Ok(true),
            }
        });
        (claim, stands)
    })
}

fn shut_down(e: tokio::task::JoinError) -> Error {
    Error::new(ErrorKind::Io, "datlake's threads were shut down").because(e)
}

#[cfg(test)]
mod tests;
