//! Bounds on what a process does at a time.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bodies of asynchronous creators at a time. Those of blocking ones are bounded by the threads that run them.
const BODIES: usize = 64;

/// Permits to run bodies. A call in a body needs none, or it might wait for its own caller.
#[derive(Debug)]
pub struct Permits {
    bodies: Arc<Semaphore>,
}

/// A permit to run a body, until it is dropped.
#[derive(Debug)]
pub struct BodyPermit(#[expect(dead_code, reason = "held, not read")] Option<OwnedSemaphorePermit>);

impl Default for Permits {
    fn default() -> Self {
        Self { bodies: Arc::new(Semaphore::new(BODIES)) }
    }
}

impl Permits {
    /// Waits for a permit to run a body.
    pub async fn body(&self) -> BodyPermit {
        // The semaphore is never closed; if it were, bodies would be unbounded and not stuck.
        BodyPermit(Arc::clone(&self.bodies).acquire_owned().await.ok())
    }
}
