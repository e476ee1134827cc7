//! Holds that keep content of this home from being collected, and the exclusive hold of a collector.

use std::time::Duration;

use datlake_core::Result;
use datlake_core::catalog::GcEpoch;

use super::LocalView;
use crate::backoff::Backoff;
use crate::clock;
use crate::dir::{Hold, Holding};

/// Keeps what is put into the lake from being collected before it is named, here and at the remote.
#[derive(Debug)]
pub struct Publishing {
    /// GC epoch before content is uploaded or found.
    pub since: GcEpoch,
    _held: Option<Holding>,
}

impl LocalView {
    /// Hold this from before content is put or found until it is named. Waits while a collection runs in this home.
    pub async fn publishing(&self) -> Result<Publishing> {
        let held = self.hold().await?;
        Ok(Publishing { since: self.catalog.since().await?, _held: held })
    }

    /// Keeps content in this home from being collected. `None` where the file system has no locks: nothing is collected there.
    pub async fn hold(&self) -> Result<Option<Holding>> {
        match self.try_hold(false, Duration::MAX).await? {
            Hold::Held(holding) => Ok(Some(holding)),
            Hold::Unsupported | Hold::Busy => Ok(None),
        }
    }

    /// Waits until nobody holds content in this home, for `patience` at most.
    pub async fn hold_alone(&self, patience: Duration) -> Result<Hold> {
        self.try_hold(true, patience).await
    }

    async fn try_hold(&self, alone: bool, patience: Duration) -> Result<Hold> {
        let (began, mut backoff) = (clock::elapsed(), Backoff::up_to(Duration::from_millis(200)));
        loop {
            match self.dir.try_hold(alone)? {
                Hold::Busy if clock::elapsed().saturating_sub(began) < patience => backoff.wait().await?,
                hold => return Ok(hold),
            }
        }
    }
}
