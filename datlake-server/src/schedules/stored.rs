//! Schedules as the database has them.

use datlake::{Error, ErrorKind, Result};
use sqlx::AnyConnection;

use super::spec::{DueRule, ScheduleSpec};
use crate::access::Resource;
use crate::database::failed;
use crate::events::StateChange;
use crate::problem::{Problem, Reply};

/// A schedule.
#[derive(Clone, Debug)]
pub(super) struct StoredSchedule {
    pub(super) job: String,
    /// Who set it.
    pub(super) account: String,
    pub(super) set_at: i64,
    pub(super) spec: ScheduleSpec,
    pub(super) paused_at: Option<i64>,
    pub(super) due_at: Option<i64>,
}

type ScheduleRow = (String, String, i64, String, Option<i64>, Option<i64>);

/// What reads such rows, with what is behind it.
macro_rules! select_schedules {
    ($rest:literal) => {
        concat!("SELECT job, account, set_at, spec, paused_at, due_at FROM schedules WHERE ", $rest)
    };
}

impl StoredSchedule {
    fn of((job, account, set_at, spec, paused_at, due_at): ScheduleRow) -> Result<Self> {
        let unreadable = |e| {
            let shown = job.escape_debug();
            Error::new(
                ErrorKind::Corrupt,
                format!("the schedule of `{shown}` is unreadable in the server's database: {e}"),
            )
        };
        let spec = serde_json::from_str(&spec).map_err(unreadable)?;
        Ok(Self { job, account, set_at, spec, paused_at, due_at })
    }

    /// What makes it due. It was checked when it was set.
    pub(super) fn rule(&self) -> Result<DueRule> {
        self.spec.rule(self.set_at).map_err(|problem| {
            let (_, message) = problem.into_parts();
            Error::new(ErrorKind::Corrupt, format!("the schedule of `{}`: {message}", self.job.escape_debug()))
        })
    }
}

/// The schedule of a job.
///
/// # Errors
/// 404 where it has none.
pub(super) async fn schedule_of(sql: &mut AnyConnection, job: &str) -> Reply<StoredSchedule> {
    find_schedule(sql, job).await?.ok_or_else(|| no_schedule(job))
}

pub(super) async fn find_schedule(sql: &mut AnyConnection, job: &str) -> Result<Option<StoredSchedule>> {
    let query = sqlx::query_as::<_, ScheduleRow>(select_schedules!("job = $1")).bind(job.to_owned());
    let row = query.fetch_optional(sql).await.map_err(|e| failed("read", e))?;
    row.map(StoredSchedule::of).transpose()
}

pub(super) fn no_schedule(job: &str) -> Problem {
    Problem::not_found(format!("{} has no schedule", Resource::job(job)))
}

/// Schedules that are due: up to `most`, the first first.
pub(super) async fn due_until(sql: &mut AnyConnection, now: i64, most: i64) -> Result<Vec<StoredSchedule>> {
    let text = select_schedules!("paused_at IS NULL AND due_at <= $1 ORDER BY due_at LIMIT $2");
    let rows = sqlx::query_as::<_, ScheduleRow>(text).bind(now).bind(most).fetch_all(sql).await;
    rows.map_err(|e| failed("read", e))?.into_iter().map(StoredSchedule::of).collect()
}

/// Schedules behind a job that are due at times, later than `after`.
pub(super) async fn due_behind(
    sql: &mut AnyConnection,
    job: &str,
    after: i64,
    most: i64,
) -> Result<Vec<StoredSchedule>> {
    let text = select_schedules!("paused_at IS NULL AND due_at > $1 AND job > $2 ORDER BY job LIMIT $3");
    let rows = sqlx::query_as::<_, ScheduleRow>(text).bind(after).bind(job.to_owned()).bind(most).fetch_all(sql).await;
    rows.map_err(|e| failed("read", e))?.into_iter().map(StoredSchedule::of).collect()
}

/// Sets or replaces the schedule of a job, which comes into being.
pub(crate) async fn write(change: &mut StateChange, job: &str, spec: &ScheduleSpec, now: i64) -> Reply<()> {
    let (kind, due_at) = match spec.rule(now)? {
        DueRule::Times(rule) => ("times", rule.next(now)),
        DueRule::Sources => ("sources", None),
        DueRule::Asked => ("asked", None),
    };
    let text = serde_json::to_string(spec).map_err(|e| Error::new(ErrorKind::Value, e.to_string()))?;
    let sql = "INSERT INTO schedules (job, account, set_at, spec, kind, may_overlap, priority, max_attempts, backoff, due_at, turn, claimed_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, 0) ON CONFLICT (job) DO UPDATE SET account = $2, set_at = $3, spec = $4, \
               kind = $5, may_overlap = $6, priority = $7, max_attempts = $8, backoff = $9, due_at = $10";
    let query = sqlx::query(sql).bind(job.to_owned()).bind(change.account().to_owned()).bind(now).bind(text).bind(kind);
    let query = query.bind(i64::from(spec.may_overlap)).bind(spec.priority).bind(spec.max_attempts);
    let query = query.bind(spec.backoff()).bind(due_at).execute(change.sql());
    query.await.map_err(|e| failed("write to", e))?;
    Ok(())
}

/// Pauses a schedule, or goes on with it: then what is due from `now` on is the next time.
pub(super) async fn set_paused(
    change: &mut StateChange,
    schedule: &StoredSchedule,
    is_paused: bool,
    now: i64,
) -> Result<()> {
    let due_at = match schedule.rule()? {
        DueRule::Times(rule) => rule.next(now),
        DueRule::Sources | DueRule::Asked => None,
    };
    let sql = "UPDATE schedules SET paused_at = $1, due_at = $2 WHERE job = $3 AND (paused_at IS NULL) = $4";
    let query = sqlx::query(sql).bind(is_paused.then_some(now)).bind(due_at).bind(schedule.job.clone()).bind(is_paused);
    query.execute(change.sql()).await.map(drop).map_err(|e| failed("write to", e))
}

/// Removes the schedule of a job: whether it had one.
pub(super) async fn remove(change: &mut StateChange, job: &str) -> Result<bool> {
    let query = sqlx::query("DELETE FROM schedules WHERE job = $1").bind(job.to_owned()).execute(change.sql()).await;
    Ok(query.map_err(|e| failed("write to", e))?.rows_affected() == 1)
}
