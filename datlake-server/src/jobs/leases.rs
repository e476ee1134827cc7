//! Runs that give no heartbeat for their lease are lost.
//!
//! No clock that may jump decides that. A server counts, by its monotonic clock, for how long it has seen no new heartbeat of a run; what it did
//! not look at, because it or the database stood still, does not count. So a run is lost only after some server has watched it through a whole
//! lease, and a server that starts anew begins to count anew. `docs/adr/0053-events-and-leases.md` says what that costs.

use std::collections::HashMap;
use std::future::Future;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use datlake::Result;

use super::begin::note_state;
use super::queue::try_again;
use super::wire::JobRunState;
use crate::database::{Database, failed, now_micros};
use crate::deliveries::settle_lost;
use crate::events::{StateChange, forget_answers};

/// How often a server looks: several times in the shortest lease.
const LOOK: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(1);
/// The most that one look counts: longer, and the server may have stood still.
const COUNTED: Duration = Duration::from_secs(3);
/// So many runs are found lost by one transaction.
const AT_ONCE: usize = 100;
/// So many looks are between two at which old answers are forgotten.
const FORGET: u64 = 600;

/// A run that goes on: its id, its heartbeats so far, and its lease in microseconds.
type Running = (String, i64, i64);

/// For how long no heartbeat of which run was seen.
#[derive(Default)]
struct LeaseWatch(HashMap<String, Watched>);

struct Watched {
    beats: i64,
    silent: Duration,
}

impl LeaseWatch {
    /// What goes on now, so long after the look before: those of it whose lease ran out.
    fn look(&mut self, running: &[Running], since: Duration) -> Vec<(String, i64)> {
        let since = since.min(COUNTED);
        let mut before = std::mem::take(&mut self.0);
        let mut over = Vec::new();
        for (id, beats, lease) in running {
            let silent = match before.remove(id) {
                Some(watched) if watched.beats == *beats => watched.silent + since,
                _ => Duration::ZERO,
            };
            if silent >= micros(*lease) {
                over.push((id.clone(), *beats));
            }
            self.0.insert(id.clone(), Watched { beats: *beats, silent });
        }
        over
    }
}

fn micros(lease: i64) -> Duration {
    Duration::from_micros(u64::try_from(lease).unwrap_or(0))
}

/// Watches leases, as long as the server runs.
pub(crate) fn watch_leases(database: &Database) -> impl Future<Output = ()> + Send + use<> {
    let database = database.clone();
    async move {
        let (mut watch, mut looked, mut looks, mut pause) = (LeaseWatch::default(), None, 0_u64, *LOOK.end());
        loop {
            tokio::time::sleep(pause).await;
            match look(&database, &mut watch, &mut looked, &mut pause).await {
                // What passes until the next look that succeeds does not count.
                Err(error) => {
                    looked = None;
                    tracing::warn!(%error, "leases cannot be watched");
                }
                Ok(0) => {}
                Ok(lost) => tracing::warn!(lost, "runs gave no heartbeat for their lease"),
            }
            looks += 1;
            if looks % FORGET == 1
                && let Err(error) = forget_answers(&database, now_micros()).await
            {
                tracing::warn!(%error, "old answers cannot be forgotten");
            }
        }
    }
}

async fn look(
    database: &Database,
    watch: &mut LeaseWatch,
    looked: &mut Option<Instant>,
    pause: &mut Duration,
) -> Result<usize> {
    let sql = "SELECT id, beats, lease FROM runs WHERE state = 'running'";
    let running = sqlx::query_as::<_, Running>(sql).fetch_all(database.pool()).await.map_err(|e| failed("read", e))?;
    let now = Instant::now();
    let since = looked.replace(now).map_or(Duration::ZERO, |before| now.duration_since(before));
    let shortest = running.iter().map(|(_, _, lease)| micros(*lease)).min().unwrap_or(*LOOK.end());
    *pause = (shortest / 4).clamp(*LOOK.start(), *LOOK.end());
    let mut over = watch.look(&running, since);
    // Servers that find the same do not wait for each other in a circle.
    over.sort_unstable();
    let mut lost = 0;
    for some in over.chunks(AT_ONCE) {
        lost += lose(database, some).await?;
    }
    Ok(lost)
}

/// Notes that runs are lost, unless they have given a heartbeat or ended meanwhile: how many are.
pub(crate) async fn lose(database: &Database, runs: &[(String, i64)]) -> Result<usize> {
    let mut change = StateChange::begin(database, "").await?;
    let mut lost = 0;
    for (id, beats) in runs {
        let sql = "UPDATE runs SET state = CASE WHEN cancel_at IS NULL THEN 'lost' ELSE 'cancelled' END, \
                   ended_at = CASE WHEN cancel_at IS NULL THEN ended_at ELSE $1 END \
                   WHERE id = $2 AND beats = $3 AND state = 'running' RETURNING job, state";
        let query = sqlx::query_as::<_, (String, String)>(sql).bind(change.at()).bind(id.clone()).bind(*beats);
        if let Some((job, state)) = query.fetch_optional(change.sql()).await.map_err(|e| failed("write to", e))? {
            let state = JobRunState::of(&state).unwrap_or(JobRunState::Lost);
            settle_lost(&mut change, id).await?;
            note_state(&mut change, &job, id, state);
            if state == JobRunState::Lost {
                try_again(&mut change, &job, id).await?;
            }
            lost += 1;
        }
    }
    change.commit().await?;
    Ok(lost)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn running(beats: i64) -> [Running; 1] {
        [("a".to_owned(), beats, 5_000_000)]
    }

    #[test]
    fn a_run_is_lost_once_it_was_watched_for_its_whole_lease() {
        let mut watch = LeaseWatch::default();
        let mut looks = |beats: i64, times: usize| {
            (0..times).map(|_| watch.look(&running(beats), SECOND).len()).collect::<Vec<_>>()
        };
        // The first look learns of it.
        assert_eq!(looks(0, 5), [0; 5]);
        // A heartbeat, however late, begins anew.
        assert_eq!(looks(1, 5), [0; 5]);
        assert_eq!(looks(1, 1), [1]);
    }

    #[test]
    fn what_nobody_watched_does_not_count() {
        let mut watch = LeaseWatch::default();
        assert!(watch.look(&running(0), SECOND).is_empty());
        // The server stood still for an hour.
        assert!(watch.look(&running(0), Duration::from_secs(3600)).is_empty());
        assert_eq!(watch.look(&running(0), COUNTED), [("a".to_owned(), 0)]);
        // What has ended is forgotten.
        assert!(watch.look(&[], SECOND).is_empty() && watch.0.is_empty());
    }
}
