//! What the database has: how many runs ended how, what waits, and since when.

use std::sync::atomic::AtomicU64;

use datlake::Result;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use sqlx::AnyConnection;

use crate::database::{Database, failed};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfState {
    state: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfQueue {
    queue: &'static str,
}

/// A number of seconds.
type Seconds = Gauge<f64, AtomicU64>;

/// What was found.
pub(super) struct StoredFigures {
    /// How many runs are in which state, and how long those took together that ended, in microseconds.
    runs: Vec<(String, i64, i64)>,
    /// Of each queue, how many wait, and since when the first does, in microseconds.
    queues: [(&'static str, i64, Option<i64>); 2],
    set_aside: i64,
    events: i64,
    /// By the database's clock.
    now: i64,
}

impl StoredFigures {
    /// Asks the database.
    pub(super) async fn ask(database: &Database) -> Result<Self> {
        let mut connection = database.pool().acquire().await.map_err(|e| failed("ask", e))?;
        let sql = &mut *connection;
        let runs = "SELECT state, COUNT(*), CAST(SUM(COALESCE(ended_at, started_at) - started_at) AS BIGINT) \
                    FROM runs GROUP BY state";
        let runs = sqlx::query_as(runs).fetch_all(&mut *sql).await.map_err(|e| failed("ask", e))?;
        let waiting = "SELECT COUNT(*), MIN(due_at) FROM queued_runs WHERE is_waiting = 1";
        let waiting = sqlx::query_as::<_, (i64, Option<i64>)>(waiting).fetch_one(&mut *sql).await;
        let waiting = waiting.map_err(|e| failed("ask", e))?;
        let ready = count(sql, "SELECT COUNT(*) FROM deliveries WHERE state = 'ready'").await?;
        let first = "SELECT ended_at FROM runs WHERE id = \
                     (SELECT source_run FROM deliveries WHERE state = 'ready' ORDER BY position LIMIT 1)";
        let first = sqlx::query_as::<_, (Option<i64>,)>(first).fetch_optional(&mut *sql).await;
        let first = first.map_err(|e| failed("ask", e))?.and_then(|(at,)| at);
        let set_aside = count(sql, "SELECT COUNT(*) FROM deliveries WHERE state = 'set_aside'").await?;
        let events = count(sql, "SELECT last_id FROM event_head WHERE id = 1").await?;
        let now = database.clock(sql).await?;
        let queues = [("runs", waiting.0, waiting.1), ("deliveries", ready, first)];
        Ok(Self { runs, queues, set_aside, events, now })
    }

    /// Adds them to what is shown.
    pub(super) fn register(&self, registry: &mut Registry) {
        let (runs, took) = (Family::<OfState, Gauge>::default(), Family::<OfState, Seconds>::default());
        for (state, count, micros) in &self.runs {
            let state = OfState { state: state.clone() };
            runs.get_or_create(&state).set(*count);
            took.get_or_create(&state).set(seconds(*micros));
        }
        registry.register("runs", "Runs that the database has, by their state", runs);
        registry.register_with_unit("runs_duration", "How long those took together", Unit::Seconds, took);
        let (depth, age) = (Family::<OfQueue, Gauge>::default(), Family::<OfQueue, Seconds>::default());
        for (queue, count, first) in self.queues {
            depth.get_or_create(&OfQueue { queue }).set(count);
            let waits = first.map_or(0, |first| (self.now - first).max(0));
            age.get_or_create(&OfQueue { queue }).set(seconds(waits));
        }
        registry.register(
            "queue_depth",
            "Runs that wait for a worker, and deliveries that wait for their target",
            depth,
        );
        registry.register_with_unit("queue_age", "How long the first of them has waited", Unit::Seconds, age);
        let aside = Gauge::<i64>::default();
        aside.set(self.set_aside);
        registry.register("deliveries_set_aside", "Deliveries that failed too often", aside);
        let events = Gauge::<i64>::default();
        events.set(self.events);
        registry.register("events_last_id", "The id of the last event: it rises by one for each", events);
    }
}

async fn count(sql: &mut AnyConnection, text: &'static str) -> Result<i64> {
    let row = sqlx::query_as::<_, (i64,)>(text).fetch_one(sql).await;
    row.map(|(count,)| count).map_err(|e| failed("ask", e))
}

fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}
