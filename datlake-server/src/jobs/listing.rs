//! Jobs and runs, read.

use datlake::Result;
use sqlx::AnyConnection;

use super::items::{items_between, items_of_run};
use super::stored::{RunRow, StoredRun, select_runs, stored_run};
use super::wire::{JobInfo, JobRun, JobRunCounts, JobRunState, ListedJob, ListedRun};
use crate::access::{Caller, Resource};
use crate::database::{Database, failed, rfc3339};
use crate::http::not_there;
use crate::problem::Reply;

/// So many names of jobs are read at a time.
const READ: i64 = 500;
/// So many runs are read for one page at most.
const MOST_READ: usize = 5000;

/// Jobs that `caller` may read behind `after`: up to `most`, and what the next page is behind.
pub(crate) async fn jobs(
    database: &Database,
    caller: &Caller,
    after: &str,
    most: usize,
) -> Result<(Vec<ListedJob>, Option<String>)> {
    let (mut jobs, mut after) = (Vec::<ListedJob>::new(), after.to_owned());
    loop {
        let sql = "SELECT name, account, created_at FROM jobs WHERE name > $1 ORDER BY name LIMIT $2";
        let query =
            sqlx::query_as::<_, (String, String, i64)>(sql).bind(after.clone()).bind(READ).fetch_all(database.pool());
        let page = query.await.map_err(|e| failed("read", e))?;
        let is_last = (page.len() as i64) < READ;
        for (job_name, account, created_at) in page {
            if jobs.len() == most {
                let next = jobs.last().map(|job| job.job_name.clone());
                return Ok((jobs, next));
            }
            after.clone_from(&job_name);
            if caller.sees(&Resource::job(&job_name)) {
                jobs.push(ListedJob { job_name, account, created_at: rfc3339(created_at) });
            }
        }
        if is_last {
            return Ok((jobs, None));
        }
    }
}

/// A job.
///
/// # Errors
/// 404 where there is none.
pub(crate) async fn job_info(database: &Database, name: &str) -> Reply<JobInfo> {
    let query = sqlx::query_as::<_, (String, i64)>("SELECT account, created_at FROM jobs WHERE name = $1");
    let row = query.bind(name.to_owned()).fetch_optional(database.pool()).await.map_err(|e| failed("read", e))?;
    let (account, created_at) = row.ok_or_else(|| not_there(&Resource::job(name)))?;
    let sql = "SELECT state, COUNT(*) FROM runs WHERE job = $1 GROUP BY state";
    let query = sqlx::query_as::<_, (String, i64)>(sql).bind(name.to_owned()).fetch_all(database.pool());
    let mut runs = JobRunCounts::default();
    for (state, count) in query.await.map_err(|e| failed("read", e))? {
        match JobRunState::of(&state) {
            Some(JobRunState::Queued) => runs.queued = count,
            Some(JobRunState::Cancelled) => runs.cancelled = count,
            Some(JobRunState::Running) => runs.running = count,
            Some(JobRunState::Succeeded) => runs.succeeded = count,
            Some(JobRunState::Failed) => runs.failed = count,
            Some(JobRunState::Lost) => runs.lost = count,
            None => {}
        }
    }
    Ok(JobInfo { job_name: name.to_owned(), account, created_at: rfc3339(created_at), runs })
}

/// Runs of a job, the latest first: up to `most` before `after`, and what the next page is behind.
pub(crate) async fn runs(
    database: &Database,
    job: &str,
    state: Option<JobRunState>,
    after: &str,
    most: usize,
) -> Reply<(Vec<JobRun>, Option<String>)> {
    // Behind all ids, unless something is said.
    let before = uuid::Uuid::try_parse(after).map_or_else(|_| "g".to_owned(), |id| id.to_string());
    let sql = select_runs!("r.job = $1 AND r.id < $2 AND ($3 = '' OR r.state = $3) ORDER BY r.id DESC LIMIT $4");
    let query = sqlx::query_as::<_, RunRow>(sql).bind(job.to_owned()).bind(before);
    let query = query.bind(state.map_or("", JobRunState::as_str)).bind(most as i64 + 1);
    let mut connection = database.pool().acquire().await.map_err(|e| failed("read", e))?;
    let rows = query.fetch_all(&mut *connection).await.map_err(|e| failed("read", e))?;
    let mut found = rows.into_iter().map(StoredRun::of).collect::<Result<Vec<_>>>()?;
    let has_more = found.len() > most;
    found.truncate(most);
    let next = found.last().filter(|_| has_more).map(|run| run.id.clone());
    Ok((with_items(&mut connection, job, found).await?, next))
}

/// Which runs are looked for among those of all jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhichRuns {
    All,
    Running,
    /// Failed, or lost.
    Unlucky,
}

/// Runs of all jobs that `caller` may read, the latest first: up to `most` before `before`, and what the next page is behind.
pub(crate) async fn latest_runs(
    database: &Database,
    caller: &Caller,
    which: WhichRuns,
    before: &str,
    most: usize,
) -> Result<(Vec<ListedRun>, Option<String>)> {
    type Row = (String, String, String, String, i64, Option<i64>);
    macro_rules! select {
        ($which:literal) => {
            concat!(
                "SELECT id, job, state, account, started_at, ended_at FROM runs WHERE id < $1",
                $which,
                " ORDER BY id DESC LIMIT $2"
            )
        };
    }
    let sql = match which {
        WhichRuns::All => select!(""),
        WhichRuns::Running => select!(" AND state = 'running'"),
        WhichRuns::Unlucky => select!(" AND state IN ('failed', 'lost')"),
    };
    let (mut runs, mut read) = (Vec::<ListedRun>::new(), 0);
    let mut before = uuid::Uuid::try_parse(before).map_or_else(|_| "g".to_owned(), |id| id.to_string());
    loop {
        let query = sqlx::query_as::<_, Row>(sql).bind(before.clone()).bind(READ).fetch_all(database.pool());
        let page = query.await.map_err(|e| failed("read", e))?;
        let is_last = (page.len() as i64) < READ;
        read += page.len();
        for (id, job, state, account, started_at, ended_at) in page {
            if runs.len() == most {
                return Ok((runs, Some(before)));
            }
            before.clone_from(&id);
            let Some(state) = JobRunState::of(&state).filter(|_| caller.sees(&Resource::job(&job))) else { continue };
            let ended_at = ended_at.map(rfc3339);
            runs.push(ListedRun {
                run_id: id,
                job_name: job,
                state,
                account,
                started_at: rfc3339(started_at),
                ended_at,
            });
        }
        if is_last {
            return Ok((runs, None));
        }
        // Of what is somebody else's there may be very much.
        if read > MOST_READ {
            return Ok((runs, Some(before)));
        }
    }
}

/// A run of a job, with what it read, wrote and left behind.
///
/// # Errors
/// 404 where there is none.
pub(crate) async fn one_run(connection: &mut AnyConnection, job: &str, run: &str) -> Reply<JobRun> {
    let found = stored_run(connection, job, run).await?;
    let items = items_of_run(connection, &found.id).await?;
    Ok(found.shown(items))
}

async fn with_items(connection: &mut AnyConnection, job: &str, runs: Vec<StoredRun>) -> Result<Vec<JobRun>> {
    let (Some(latest), Some(first)) = (runs.first(), runs.last()) else { return Ok(Vec::new()) };
    let mut items = items_between(connection, job, &first.id, &latest.id).await?;
    let shown = |run: StoredRun| {
        let items = items.remove(&run.id).unwrap_or_default();
        run.shown(items)
    };
    Ok(runs.into_iter().map(shown).collect())
}
