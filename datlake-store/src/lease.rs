//! A claim among machines that is kept alive: signs of life are given until it is released.

use std::sync::Arc;
use std::time::Duration;

use datlake_core::claim::{Claim, Holder, Seen, Tried, claim};
use datlake_core::{CallKey, Error, ErrorKind, Result, Store};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::runtime;

/// Signs of life in the time after which others take a holder for dead.
const BEATS_PER_LEASE: u32 = 4;

/// A claim among machines that is ours, with its signs of life. Dropped, it is given back in the background: what it was for
/// was not done.
#[derive(Debug)]
pub struct HeartbeatLease {
    /// Told whether the call has its record.
    end: oneshot::Sender<bool>,
    ended: JoinHandle<Result<()>>,
}

/// What came of trying to claim a call among machines.
#[derive(Debug)]
pub enum Among {
    /// It is ours.
    Won(HeartbeatLease),
    /// It is another's.
    Held(Seen),
}

impl HeartbeatLease {
    pub(crate) async fn claim(
        store: Arc<dyn Store>,
        key: &CallKey,
        holder: &Holder,
        dead: Option<&Seen>,
    ) -> Result<Among> {
        let claim = match claim(&*store, key, holder, dead).await? {
            Tried::Held(seen) => return Ok(Among::Held(seen)),
            Tried::Won(claim) => claim,
        };
        let (end, told) = oneshot::channel();
        let every = holder.lease() / BEATS_PER_LEASE;
        let ended = runtime::spawn_life(keep(store, claim, every, told))?;
        Ok(Among::Won(Self { end, ended }))
    }

    /// Gives the claim back; `recorded` says whether the call has its record.
    ///
    /// # Errors
    /// Those of the store: then others take the holder for dead one day.
    pub async fn release(self, recorded: bool) -> Result<()> {
        // It cannot have ended: nothing else tells it to.
        let _ = self.end.send(recorded);
        self.ended.await.map_err(shut_down)?
    }
}

/// Signs of life have threads of their own: publishing may keep all others busy for longer than others wait.
async fn keep(
    store: Arc<dyn Store>,
    mut claim: Claim,
    every: Duration,
    mut told: oneshot::Receiver<bool>,
) -> Result<()> {
    let mut alive = true;
    let recorded = loop {
        tokio::select! {
            recorded = &mut told => break recorded.unwrap_or(false),
            () = tokio::time::sleep(every), if alive => {}
        }
        let (end, ending) = oneshot::channel();
        let mut beating = beat(Arc::clone(&store), claim.clone(), ending)?;
        tokio::select! {
            beaten = &mut beating => {
                let (after, stands) = beaten.map_err(shut_down)?;
                claim = after;
                // A sign of life that did not get through is given again; a claim that was taken over needs none.
                alive = stands.unwrap_or(true);
            }
            // Nobody waits for one that is tried again and again: the claim knows how far it may have come, and takes that back.
            recorded = &mut told => {
                drop(end);
                claim = beating.await.map_err(shut_down)?.0;
                break recorded.unwrap_or(false);
            }
        }
    };
    runtime::spawn_heartbeat(move || runtime::wait(claim.release(&*store, recorded)))?.await.map_err(shut_down)?
}

/// Gives one sign of life, unless `ending` comes first: whether the claim stands.
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
