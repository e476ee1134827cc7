//! Retries: the one place that decides how often and how long.

use std::future::Future;
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use super::failure::{Failed, Retry};

/// Attempts where the server can be reached: 10 to 20 seconds, for a store that restarts or is overloaded.
const ATTEMPTS: u32 = 8;
/// Attempts without an answer: a second or two, for the endpoint is probably wrong.
const ATTEMPTS_UNSENT: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How far an operation that is tried again has come.
#[derive(Debug, Default)]
pub(super) struct Tries {
    done: u32,
    /// Whether an earlier attempt may have done what was asked although it failed.
    pub(super) unsure: bool,
}

impl Tries {
    /// After a failure: waits, or gives the failure back.
    pub(super) async fn next(&mut self, failed: Failed) -> Result<(), Failed> {
        self.done += 1;
        let limit = match &failed {
            Failed::Error { retry: Retry::Unsure | Retry::Late, .. } => {
                self.unsure = true;
                ATTEMPTS
            }
            Failed::Error { retry: Retry::Unsent, .. } => ATTEMPTS_UNSENT,
            _ => 0,
        };
        if self.done >= limit {
            return Err(failed);
        }
        tokio::time::sleep(pause(self.done)).await;
        Ok(())
    }
}

/// Tries until it works, or cannot.
pub(super) async fn patiently<T, Fut>(mut attempt: impl FnMut() -> Fut) -> Result<T, Failed>
where
    Fut: Future<Output = Result<T, Failed>>,
{
    let mut tries = Tries::default();
    loop {
        match attempt().await {
            Ok(value) => return Ok(value),
            Err(failed) => tries.next(failed).await?,
        }
    }
}

/// Exponential, with jitter.
fn pause(done: u32) -> Duration {
    let longest = FIRST_PAUSE.saturating_mul(1 << done.min(10).saturating_sub(1)).min(LONGEST_PAUSE);
    // Hashers are seeded at random: all the chance that is needed here.
    let share = RandomState::new().hash_one(done) % 1024;
    longest / 2 + longest.mul_f64(share as f64 / 2048.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_differ() {
        for done in 1..40 {
            let longest = FIRST_PAUSE.saturating_mul(1 << (done.min(10) - 1)).min(LONGEST_PAUSE);
            let pauses: Vec<_> = (0..50).map(|_| pause(done)).collect();
            assert!(pauses.iter().all(|pause| *pause >= longest / 2 && *pause <= longest));
            assert!(pauses.iter().any(|pause| *pause != pauses[0]));
        }
    }
}
