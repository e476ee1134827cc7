//! What is queued is done once or given up, whoever dies: workers are dropped at any await, also in the middle of a transaction, runs are found lost while their
//! workers go on, and are cancelled while they end.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use datlake::Lake;
use serde_json::{Map, json};
use sqlx::AssertSqlSafe;

use super::claim::{Claimant, claim};
use super::log::{append, log_of, read_from};
use crate::access::{Accounts, Caller, Callers};
use crate::database::{Database, failed, now_micros};
use crate::events::StateChange;
use crate::jobs::{Due, NewQueued, RunEnd, cancel_run, end_run, enqueue, ensure_job, lose, take_turn};
use crate::problem::Reply;
use crate::schedules::write;
use crate::settings::{Root, ServerSettings};

/// How long a run may take before it is found lost, though its worker may still go on.
const LEASE: Duration = Duration::from_millis(30);
/// The longest that all of it takes before something stands still.
const LONGEST: Duration = Duration::from_secs(240);
/// Jobs: how often what is due is tried, and whether runs may overlap.
const JOBS: [(&str, i64, bool); 3] = [("alone", 3, false), ("beside", 2, true), ("once", 1, false)];

/// What all share.
struct World {
    /// One for each server.
    servers: Vec<(Database, Callers)>,
    caller: Caller,
    /// How often each run was claimed.
    claimed: Mutex<HashMap<String, usize>>,
    /// Runs of which somebody was told that they are cancelled.
    cancelled: Mutex<Vec<String>>,
    random: AtomicU64,
}

impl World {
    async fn new(accounts: Vec<Accounts>, runs: i64) -> Reply<Arc<Self>> {
        let caller = Caller::of_root();
        let servers: Vec<_> = accounts
            .into_iter()
            .map(|accounts| (accounts.database().clone(), Callers::new(accounts, Root::default())))
            .collect();
        for (job, max_attempts, may_overlap) in JOBS {
            let spec = json!({"run": {"command": ["true"]}, "backoff_seconds": 0, "max_attempts": max_attempts, "may_overlap": may_overlap});
            let spec = serde_json::from_value(spec).unwrap();
            let mut change = StateChange::begin(&servers[0].0, caller.name()).await?;
            ensure_job(&mut change, job).await?;
            write(&mut change, job, &spec, now_micros()).await?;
            take_turn(&mut change, job).await?;
            for n in 0..runs {
                let metadata = Map::new();
                let (account, due) = (caller.name(), Due::Time(n));
                let new = NewQueued { job, account, due, priority: None, metadata: &metadata };
                assert!(enqueue(&mut change, new.clone()).await?.is_some());
                assert!(enqueue(&mut change, new).await?.is_none());
            }
            change.commit().await?;
        }
        let random = AtomicU64::new(20_261_130);
        Ok(Arc::new(Self { servers, caller, claimed: Mutex::default(), cancelled: Mutex::default(), random }))
    }

    /// A number below `below`.
    fn random(&self, below: u64) -> u64 {
        let n = self.random.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        let n = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (n ^ (n >> 27)) % below
    }

    fn server(&self) -> &(Database, Callers) {
        &self.servers[self.random(self.servers.len() as u64) as usize]
    }

    /// Works until it is dropped. What fails because the database does not answer is as if it had died.
    async fn work(self: Arc<Self>) {
        loop {
            let _ = self.work_once().await;
            tokio::task::yield_now().await;
        }
    }

    async fn work_once(&self) -> Reply<()> {
        let (database, callers) = self.server();
        let jobs = "job:*".parse().unwrap();
        let claimant = Claimant { caller: &self.caller, worker: "w", jobs: &jobs, lease: LEASE };
        let Some(claimed) = claim(database, callers, &claimant).await? else { return Ok(()) };
        let (job, run) = (claimed.run.job_name, claimed.run.run_id);
        *self.claimed.lock().unwrap().entry(run.clone()).or_default() += 1;
        tokio::time::sleep(Duration::from_millis(self.random(12))).await;
        let success = self.random(3) > 0;
        let (database, _) = self.server();
        let mut change = StateChange::begin(database, self.caller.name()).await?;
        let end = RunEnd { success, artifacts: Vec::new(), metadata: Map::new() };
        end_run(&mut change, &job, &run, end, &self.caller).await?;
        Ok(change.commit().await?)
    }

    /// What servers do: runs whose lease is over are lost.
    async fn sweep(&self) {
        let (database, _) = self.server();
        let sql = "SELECT id, beats FROM runs WHERE state = 'running' AND beat_at < $1 ORDER BY id";
        let before = now_micros() - LEASE.as_micros() as i64;
        let query = sqlx::query_as::<_, (String, i64)>(sql).bind(before).fetch_all(database.pool()).await;
        if let Ok(over) = query {
            let _ = lose(database, &over).await;
        }
    }

    /// Cancels any run that waits or goes on.
    async fn cancel(&self) -> Reply<()> {
        let (database, _) = self.server();
        let sql = "SELECT job, id FROM runs WHERE state IN ('queued', 'running') ORDER BY id";
        let found = sqlx::query_as::<_, (String, String)>(sql).fetch_all(database.pool()).await;
        let found = found.map_err(|e| failed("read", e))?;
        if found.is_empty() {
            return Ok(());
        }
        let (job, run) = &found[self.random(found.len() as u64) as usize];
        let mut change = StateChange::begin(database, self.caller.name()).await?;
        cancel_run(&mut change, job, run, &self.caller).await?;
        change.commit().await?;
        self.cancelled.lock().unwrap().push(run.clone());
        Ok(())
    }

    /// Whether nothing waits or goes on.
    async fn is_done(&self) -> bool {
        let sql = "SELECT COUNT(*) FROM runs WHERE state IN ('queued', 'running')";
        let query = sqlx::query_as::<_, (i64,)>(sql).fetch_one(self.servers[0].0.pool()).await;
        query.is_ok_and(|(count,)| count == 0)
    }

    /// Runs that may not overlap do not, at any moment.
    async fn check_now(&self) {
        let sql = "SELECT COUNT(*) FROM runs WHERE state = 'running' AND job IN ('alone', 'once') GROUP BY job ORDER BY 1 DESC";
        let query = sqlx::query_as::<_, (i64,)>(sql).fetch_optional(self.server().0.pool()).await;
        if let Ok(Some((most,))) = query {
            assert_eq!(most, 1);
        }
    }

    async fn check(&self, runs: i64) {
        type Row = (String, String, i64, String, String, Option<i64>, i64);
        let sql = "SELECT q.job, q.due, q.attempt, q.run, r.state, r.cancel_at, \
                   (SELECT COUNT(*) FROM events e WHERE e.run = r.id AND e.data LIKE '%\"lost\"%') \
                   FROM queued_runs q JOIN runs r ON r.id = q.run ORDER BY q.job, q.due, q.attempt";
        let rows = sqlx::query_as::<_, Row>(sql).fetch_all(self.servers[0].0.pool()).await.unwrap();
        let mut chains: HashMap<(String, String), Vec<Row>> = HashMap::new();
        for row in rows {
            chains.entry((row.0.clone(), row.1.clone())).or_default().push(row);
        }
        let cancelled = self.cancelled.lock().unwrap();
        assert_eq!(chains.len() as i64, runs * JOBS.len() as i64);
        for ((job, _), chain) in &chains {
            let most = JOBS.iter().find(|(name, ..)| name == job).unwrap().1;
            assert!(chain.len() as i64 <= most, "{chain:?}");
            for (n, (.., attempt, run, state, cancel_at, lost)) in chain.iter().enumerate() {
                assert_eq!(*attempt, n as i64 + 1, "{chain:?}");
                let is_last = n + 1 == chain.len();
                let is_right = match state.as_str() {
                    // It was lost, and came back once another had begun.
                    "succeeded" => is_last || *lost > 0,
                    "cancelled" => is_last && (cancel_at.is_some()),
                    "failed" | "lost" => !is_last || *attempt == most || cancel_at.is_some(),
                    _ => false,
                };
                assert!(is_right, "{chain:?}");
                // What somebody was told is cancelled is not tried again, unless it was before.
                assert!(!cancelled.contains(run) || is_last || chain[n + 1].4 == "cancelled", "{chain:?}");
            }
        }
        assert!(self.claimed.lock().unwrap().values().all(|times| *times == 1));
    }
}

/// Works until all is done; workers die meanwhile.
async fn work_and_die(world: &Arc<World>, workers: usize, runs: i64, mut cut: impl AsyncFnMut()) {
    let start = || tokio::spawn(world.clone().work());
    let mut working: Vec<_> = (0..workers).map(|_| start()).collect();
    let (began, mut deaths) = (Instant::now(), 0);
    while !world.is_done().await {
        assert!(began.elapsed() < LONGEST, "something stands still");
        tokio::time::sleep(Duration::from_millis(world.random(6))).await;
        let dies = world.random(workers as u64) as usize;
        working[dies].abort();
        let ended = std::mem::replace(&mut working[dies], start()).await;
        assert!(ended.as_ref().is_err_and(tokio::task::JoinError::is_cancelled), "{ended:?}");
        deaths += 1;
        world.sweep().await;
        world.check_now().await;
        if deaths % 4 == 0 {
            // What has ended meanwhile cannot be cancelled.
            let _ = world.cancel().await;
        }
        cut().await;
    }
    working.iter().for_each(tokio::task::JoinHandle::abort);
    for worker in working {
        let _ = worker.await;
    }
    assert!(deaths > 0);
    world.check(runs).await;
}

async fn two_servers(lake: &Lake, url: Option<String>) -> Vec<Accounts> {
    let settings = ServerSettings {
        database_url: url,
        secret_key: Some("a key that is the same for all of these servers".to_owned()),
        ..ServerSettings::of(lake)
    };
    let mut servers = Vec::new();
    for _ in 0..2 {
        servers.push(Accounts::open(&settings).await.unwrap());
    }
    servers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_queued_is_done_once_or_given_up_whoever_dies() {
    let lake = Lake::temp().unwrap();
    let world = World::new(two_servers(&lake, None).await, 8).await.map_err(|problem| problem.into_parts().1).unwrap();
    work_and_die(&world, 4, 8, async || {}).await;
}

/// By two servers on PostgreSQL, whose connections are cut now and then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_queued_is_done_once_by_two_servers_on_postgresql() {
    let Ok(server) = std::env::var("DATLAKE_TEST_POSTGRES") else { return };
    let name = format!("workers_{}", std::process::id());
    sqlx::any::install_default_drivers();
    let admin = sqlx::AnyPool::connect(&server).await.unwrap();
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&admin).await.unwrap();
    let url = server.rsplit_once('/').map(|(server, _)| format!("{server}/{name}")).unwrap();
    let lake = Lake::temp().unwrap();
    let world =
        World::new(two_servers(&lake, Some(url)).await, 10).await.map_err(|problem| problem.into_parts().1).unwrap();
    let cut = format!(
        "SELECT COUNT(pg_terminate_backend(pid)) FROM \
         (SELECT pid FROM pg_stat_activity WHERE datname = '{name}' ORDER BY random() LIMIT 1) one"
    );
    let mut times = 0;
    work_and_die(&world, 6, 10, async || {
        times += 1;
        if times % 10 == 0 {
            sqlx::query(AssertSqlSafe(cut.clone())).execute(&admin).await.unwrap();
        }
    })
    .await;
    for (database, _) in &world.servers {
        database.close().await;
    }
    sqlx::query(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"))).execute(&admin).await.unwrap();
}

#[tokio::test]
async fn a_log_is_what_was_sent_however_often_and_to_a_limit() {
    let lake = Lake::temp().unwrap();
    let world = World::new(two_servers(&lake, None).await, 1).await.map_err(|problem| problem.into_parts().1).unwrap();
    let (database, callers) = &world.servers[0];
    let jobs = "job:alone".parse().unwrap();
    let claimant = Claimant { caller: &world.caller, worker: "w", jobs: &jobs, lease: LEASE };
    let claimed = claim(database, callers, &claimant).await.map_err(|problem| problem.into_parts().1).unwrap().unwrap();
    let run = claimed.run.run_id;
    let send = async |offset: i64, content: &[u8]| {
        let mut change = StateChange::begin(database, "root").await.unwrap();
        let state = append(&mut change, &run, offset, content).await.map_err(|problem| problem.into_parts().1)?;
        change.commit().await.unwrap();
        Ok::<_, String>((state.size, state.is_full))
    };
    assert_eq!(send(0, b"one ").await, Ok((4, false)));
    assert_eq!(send(0, b"one ").await, Ok((4, false)));
    // A part of it was there.
    assert_eq!(send(2, b"e two ").await, Ok((8, false)));
    assert!(send(9, b"three").await.unwrap_err().contains("has 8 bytes"));
    assert_eq!(send(8, b"").await, Ok((8, false)));
    let read = async |offset: i64| {
        let mut connection = database.pool().acquire().await.unwrap();
        read_from(&mut connection, &run, offset).await.unwrap()
    };
    assert_eq!((read(0).await, read(5).await, read(8).await), (b"one two ".to_vec(), b"wo ".to_vec(), Vec::new()));
    // Up to its limit, and no byte behind that.
    sqlx::query("UPDATE queued_runs SET log_size = $1")
        .bind((16 << 20) - 3_i64)
        .execute(database.pool())
        .await
        .unwrap();
    assert_eq!(send((16 << 20) - 3, b"four").await, Ok((16 << 20, true)));
    assert_eq!(send(16 << 20, b"five").await, Ok((16 << 20, true)));
    let mut connection = database.pool().acquire().await.unwrap();
    let log = log_of(&mut connection, &run).await.unwrap().unwrap();
    assert_eq!((log.size, log.name, log.has_ended), (16 << 20, None, false));
}
