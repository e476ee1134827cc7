//! The bandwidth to a server, which all uploads share.
//!
//! Each request has a timeout. On a slow connection several uploads at a time may all exceed it, where one alone would not. So
//! after a timeout they go one after another, until the connection is fast enough for all.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::RwLock;

use super::failure::{Failed, Retry};

/// The most bytes in flight.
const ALL: u64 = 256 << 20;

/// What is known of the bandwidth.
pub(super) struct Bandwidth {
    /// How long one request may take.
    limit: Duration,
    /// Shared by concurrent uploads; exclusive for one that must be alone.
    going: RwLock<()>,
    slow: AtomicBool,
}

impl Bandwidth {
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, going: RwLock::new(()), slow: AtomicBool::new(false) }
    }

    /// Makes a request with `bytes` of content: concurrently, or alone.
    pub(super) async fn send<T>(
        &self,
        bytes: u64,
        request: impl Future<Output = Result<T, Failed>>,
    ) -> Result<T, Failed> {
        let beside = self.going.read().await;
        // Read after the lock: it may have changed while this waited.
        let sent = if self.slow.load(Ordering::Relaxed) {
            drop(beside);
            let _alone = self.going.write().await;
            let begun = Instant::now();
            let sent = request.await;
            if sent.is_ok() && self.is_fast(bytes, begun.elapsed()) {
                self.slow.store(false, Ordering::Relaxed);
            }
            sent
        } else {
            let sent = request.await;
            drop(beside);
            sent
        };
        if matches!(sent, Err(Failed::Error { retry: Retry::Late, .. })) {
            self.slow.store(true, Ordering::Relaxed);
        }
        sent
    }

    /// Whether `ALL` would be sent within the limit, at the rate of `bytes` in `took`.
    fn is_fast(&self, bytes: u64, took: Duration) -> bool {
        took.mul_f64(ALL as f64 / bytes.max(1) as f64) < self.limit
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use datlake_core::{Error, ErrorKind};
    use futures_util::future::join_all;

    use super::*;

    #[test]
    fn what_came_too_late_beside_others_goes_alone() {
        let (bandwidth, on_the_way, late) = (Bandwidth::new(Duration::ZERO), AtomicUsize::new(0), AtomicUsize::new(0));
        // Of two at a time neither is through in time.
        let part = || async {
            on_the_way.fetch_add(1, Ordering::SeqCst);
            // All who may go have gone.
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            let beside = on_the_way.load(Ordering::SeqCst) > 1;
            tokio::task::yield_now().await;
            on_the_way.fetch_sub(1, Ordering::SeqCst);
            if !beside {
                return Ok(());
            }
            late.fetch_add(1, Ordering::SeqCst);
            Err(Failed::Error { error: Error::new(ErrorKind::Unavailable, "late"), retry: Retry::Late })
        };
        let each =
            async || bandwidth.send(8 << 20, part()).await.is_ok() || bandwidth.send(8 << 20, part()).await.is_ok();
        let sent = pollster::block_on(join_all((0..6).map(|_| each())));
        assert_eq!((sent, late.into_inner()), (vec![true; 6], 6));
    }

    #[test]
    fn a_line_that_is_fast_enough_for_all_is_shared_again() {
        let bandwidth = Bandwidth::new(Duration::from_secs(120));
        assert!(
            bandwidth.is_fast(8 << 20, Duration::from_secs(3)) && !bandwidth.is_fast(8 << 20, Duration::from_secs(4))
        );
        let late = || async {
            let error = Error::new(ErrorKind::Unavailable, "late");
            Err::<(), _>(Failed::Error { error, retry: Retry::Late })
        };
        pollster::block_on(async {
            bandwidth.send(1, late()).await.unwrap_err();
            assert!(bandwidth.slow.load(Ordering::Relaxed));
            bandwidth.send(8 << 20, async { Ok(()) }).await.unwrap();
        });
        assert!(!bandwidth.slow.load(Ordering::Relaxed));
    }
}
