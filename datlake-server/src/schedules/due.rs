//! What is due is queued: by whichever server sees it first, once.
//!
//! Due times are of the clock on the wall; where that jumps ahead, what lies between is missed times, for which there is one run at most. Where it jumps back,
//! the next time is looked for anew, so that no schedule stands still until the clock is there again; a due time that had its run has no second one.

use std::future::Future;
use std::time::{Duration, Instant};

use datlake::Result;
use serde_json::{Map, json};

use super::spec::{DueRule, MissedTimes};
use super::stored::{StoredSchedule, due_behind, due_until};
use crate::access::Resource;
use crate::database::{Database, failed, rfc3339};
use crate::deliveries::{of_job, ready};
use crate::events::{EventType, NewEvent, StateChange};
use crate::jobs::{Due, NewQueued, enqueue, is_queued, is_running, take_turn};

/// How often a server looks.
const LOOK: Duration = Duration::from_millis(500);
/// What is later than so many microseconds was missed.
const LATE: i64 = 60 * 1_000_000;
/// A clock that is so far behind where it should be has jumped back.
const BACK: i64 = 1_000_000;
/// So many schedules are read at a time.
const AT_ONCE: i64 = 200;

/// What a server saw when it last looked.
#[derive(Default)]
pub(super) struct DueWatch {
    /// What the clock said, and when that was.
    seen: Option<(i64, Instant)>,
}

impl DueWatch {
    /// Whether the clock has jumped back since the last look. Of the time before the first one nobody knows.
    fn has_jumped_back(&mut self, now: i64, at: Instant) -> bool {
        let before = self.seen.replace((now, at));
        before.is_none_or(|(clock, before)| {
            let passed = i64::try_from(at.duration_since(before).as_micros()).unwrap_or(i64::MAX);
            now < clock.saturating_add(passed).saturating_sub(BACK)
        })
    }
}

/// Queues what is due, as long as the server runs.
pub(crate) fn watch_due(database: &Database) -> impl Future<Output = ()> + Send + use<> {
    let database = database.clone();
    async move {
        let mut watch = DueWatch::default();
        loop {
            if let Err(error) = look(&database, &mut watch).await {
                tracing::warn!(%error, "what is due cannot be queued");
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

async fn look(database: &Database, watch: &mut DueWatch) -> Result<()> {
    let mut connection = database.pool().acquire().await.map_err(|e| failed("read", e))?;
    let now = database.clock(&mut connection).await?;
    drop(connection);
    look_at(database, watch, now, Instant::now()).await
}

/// One look, at what the clock says.
pub(super) async fn look_at(database: &Database, watch: &mut DueWatch, now: i64, at: Instant) -> Result<()> {
    if watch.has_jumped_back(now, at) {
        look_anew(database, now).await?;
    }
    loop {
        let mut connection = database.pool().acquire().await.map_err(|e| failed("read", e))?;
        let due = due_until(&mut connection, now, AT_ONCE).await?;
        drop(connection);
        let mut is_last = (due.len() as i64) < AT_ONCE;
        for schedule in &due {
            // What is wrong with one is no matter of the others; it is due at the next look, too.
            if let Err(error) = come_due(database, schedule, now).await {
                tracing::warn!(%error, job = schedule.job, "what is due cannot be queued");
                is_last = true;
            }
        }
        if is_last {
            break;
        }
    }
    look_at_sources(database, now).await
}

/// Queues a run for the last time that has come, unless another server has.
async fn come_due(database: &Database, schedule: &StoredSchedule, now: i64) -> Result<()> {
    let (Some(due_at), DueRule::Times(rule)) = (schedule.due_at, schedule.rule()?) else { return Ok(()) };
    let (next, last) = (rule.next(now), rule.last(now).unwrap_or(due_at).max(due_at));
    let mut change = StateChange::begin(database, "").await?;
    let sql = "UPDATE schedules SET due_at = $1, turn = turn + 1 WHERE job = $2 AND due_at = $3 AND set_at = $4 AND paused_at IS NULL";
    let query = sqlx::query(sql).bind(next).bind(schedule.job.clone()).bind(due_at).bind(schedule.set_at);
    if query.execute(change.sql()).await.map_err(|e| failed("write to", e))?.rows_affected() == 0 {
        return Ok(());
    }
    let passed_over = if schedule.spec.missed == MissedTimes::Skip && now - last > LATE {
        Some("no server was there")
    } else if !schedule.spec.may_overlap && is_queued(&mut change, &schedule.job).await? {
        Some("a run waits already")
    } else {
        queue(&mut change, schedule, Due::Time(last)).await?;
        None
    };
    if let Some(why) = passed_over {
        note(&mut change, &schedule.job, json!({"what": "passed_over", "due_at": rfc3339(last), "why": why}));
    }
    change.commit().await
}

async fn queue(change: &mut StateChange, schedule: &StoredSchedule, due: Due) -> Result<Option<String>> {
    let metadata = Map::new();
    let new = NewQueued { job: &schedule.job, account: &schedule.account, due, priority: None, metadata: &metadata };
    enqueue(change, new).await
}

pub(super) fn note(change: &mut StateChange, job: &str, mut data: serde_json::Value) {
    data["job_name"] = job.into();
    change.note(NewEvent { kind: EventType::SCHEDULE, subject: Resource::job(job), run: None, data });
}

/// Looks for the next times anew, where they are later than the clock makes them now; and what waits until a time waits from now on.
async fn look_anew(database: &Database, now: i64) -> Result<()> {
    let sql = "UPDATE queued_runs SET ready_at = $1 + wait WHERE is_waiting = 1 AND ready_at > $1 + wait";
    database.write(sqlx::query(sql).bind(now)).await?;
    let mut behind = String::new();
    loop {
        let mut connection = database.pool().acquire().await.map_err(|e| failed("read", e))?;
        let some = due_behind(&mut connection, &behind, now, AT_ONCE).await?;
        let Some(last) = some.last() else { return Ok(()) };
        behind.clone_from(&last.job);
        for schedule in &some {
            let (Some(due_at), Ok(DueRule::Times(rule))) = (schedule.due_at, schedule.rule()) else { continue };
            if let Some(next) = rule.next(now).filter(|next| *next < due_at) {
                let sql = "UPDATE schedules SET due_at = $1 WHERE job = $2 AND due_at = $3";
                let query = sqlx::query(sql).bind(next).bind(schedule.job.clone()).bind(due_at);
                database.write(query).await?;
            }
        }
    }
}

/// Queues a run of each dataflow that would claim something, where none waits or goes on.
async fn look_at_sources(database: &Database, now: i64) -> Result<()> {
    let sql = "SELECT s.job, s.account FROM schedules s JOIN dataflows d ON d.job = s.job WHERE s.kind = 'sources' AND s.paused_at IS NULL \
               AND EXISTS (SELECT 1 FROM deliveries v WHERE v.target = d.id AND v.state = 'ready') \
               AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.job = s.job AND r.state IN ('queued', 'running')) ORDER BY s.job";
    let jobs =
        sqlx::query_as::<_, (String, String)>(sql).fetch_all(database.pool()).await.map_err(|e| failed("read", e))?;
    for (job, account) in jobs {
        let mut change = StateChange::begin(database, "").await?;
        if take_turn(&mut change, &job).await?.is_none() {
            continue;
        }
        let Some(dataflow) = of_job(change.sql(), &job).await? else { continue };
        let goes_on = is_queued(&mut change, &job).await? || is_running(&mut change, &job).await?;
        if goes_on || ready(change.sql(), &dataflow, 0, 1).await?.is_empty() {
            continue;
        }
        let metadata = Map::new();
        let new =
            NewQueued { job: &job, account: &account, due: Due::Sources(now), priority: None, metadata: &metadata };
        enqueue(&mut change, new).await?;
        change.commit().await?;
    }
    Ok(())
}
