//! Each delivery is consumed by one successful run, whoever dies: workers are dropped at any await, also in the middle of a transaction, runs are found
//! lost while their workers go on, connections to the database are cut.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use datlake::Lake;
use serde_json::Map;
use sqlx::AssertSqlSafe;

use crate::access::Caller;
use crate::database::{Database, failed, now_micros};
use crate::deliveries::{
    Associated, Dataflow, DataflowName, SaidOfData, SaidRules, Take, associate, claim, create, disassociate, find,
    ready, say,
};
use crate::events::StateChange;
use crate::jobs::{RunEnd, end_run, lose, start_run};
use crate::problem::Reply;

/// How long a run may take before it is found lost, though its worker may still go on.
const LEASE: Duration = Duration::from_millis(30);
/// The longest that all of it takes before something stands still.
const LONGEST: Duration = Duration::from_secs(240);

/// A delivery as a worker got it: target, source, run of the source, place.
type Got = (String, String, String, i64);

/// What all share.
struct World {
    /// One for each server.
    databases: Vec<Database>,
    dataflows: Vec<Dataflow>,
    caller: Caller,
    /// What each run got at its start.
    got: Mutex<HashMap<String, Vec<Got>>>,
    random: AtomicU64,
    /// How many runs of sources without sources are to succeed, each.
    runs: i64,
}

fn named(model: &str) -> DataflowName {
    DataflowName {
        zone: "zone".to_owned(),
        model_name: model.to_owned(),
        model_key: String::new(),
        model_sec_key: String::new(),
    }
}

impl World {
    async fn new(databases: Vec<Database>, runs: i64) -> Reply<Arc<Self>> {
        let caller = Caller::of_root();
        let mut change = StateChange::begin(&databases[0], caller.name()).await?;
        let rules = |take, batch_limit, match_partition| SaidRules {
            take: Some(take),
            batch_limit: Some(batch_limit),
            match_partition: Some(match_partition),
            max_attempts: Some(1_000_000),
        };
        let all = [
            ("a", rules(Take::Any, 10, false), vec![]),
            ("b", rules(Take::Any, 10, false), vec![]),
            ("any-of-ab", rules(Take::Any, 3, false), vec![0, 1]),
            ("all-of-ab", rules(Take::All, 1, false), vec![0, 1]),
            ("by-partition", rules(Take::Any, 10, true), vec![2]),
            ("now-and-then", rules(Take::Any, 10, false), vec![0]),
        ];
        let mut dataflows: Vec<Dataflow> = Vec::new();
        for (name, rules, sources) in all {
            let (dataflow, _) = create(&mut change, named(name), &rules).await?;
            for source in sources {
                let associated = associate(&mut change, &dataflows[source], &dataflow, false).await?;
                assert!(matches!(associated, Associated::Yes));
            }
            dataflows.push(dataflow);
        }
        change.commit().await?;
        let random = AtomicU64::new(20_261_130);
        Ok(Arc::new(Self { databases, dataflows, caller, got: Mutex::default(), random, runs }))
    }

    /// A run that ends while its dataflow becomes a source is missed by neither: the one waits for the other.
    async fn joins_while_a_run_ends(&self) -> Reply<()> {
        let mut change = StateChange::begin(self.database(), self.caller.name()).await?;
        let (source, _) = create(&mut change, named("early"), &SaidRules::default()).await?;
        let (target, _) = create(&mut change, named("late"), &SaidRules::default()).await?;
        let run = start_run(&mut change, &source.job, &Map::new(), Duration::from_secs(300)).await?.run_id;
        claim(&mut change, &source, &run).await?;
        change.commit().await?;
        self.got.lock().unwrap().insert(run.clone(), Vec::new());
        let end = || RunEnd { success: true, artifacts: Vec::new(), metadata: Map::new() };
        let mut ends = StateChange::begin(&self.databases[0], self.caller.name()).await?;
        end_run(&mut ends, &source.job, &run, end(), &self.caller).await?;
        let (other, caller) = (self.databases[self.databases.len() - 1].clone(), self.caller.clone());
        let (from, to) = (source.clone(), target.clone());
        let joins = tokio::spawn(async move {
            let mut change = StateChange::begin(&other, caller.name()).await?;
            associate(&mut change, &from, &to, true).await?;
            Reply::Ok(change.commit().await?)
        });
        // Time to look, if nothing made it wait.
        tokio::time::sleep(Duration::from_millis(100)).await;
        ends.commit().await?;
        joins.await.unwrap()?;
        let mut change = StateChange::begin(self.database(), self.caller.name()).await?;
        let taken = start_run(&mut change, &target.job, &Map::new(), Duration::from_secs(300)).await?.run_id;
        let claimed = claim(&mut change, &target, &taken).await?;
        end_run(&mut change, &target.job, &taken, end(), &self.caller).await?;
        change.commit().await?;
        let got: Vec<Got> =
            claimed.into_iter().map(|one| (one.target, one.source, one.source_run, one.position)).collect();
        assert!(got.len() == 1 && got[0].2 == run, "{got:?}");
        self.got.lock().unwrap().insert(taken, got);
        Ok(())
    }

    /// A number below `below`.
    fn random(&self, below: u64) -> u64 {
        let n = self.random.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        let n = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (n ^ (n >> 27)) % below
    }

    fn database(&self) -> &Database {
        &self.databases[self.random(self.databases.len() as u64) as usize]
    }

    /// Works until it is dropped. What fails because the database does not answer is as if it had died.
    async fn work(self: Arc<Self>) {
        loop {
            let which = self.random(self.dataflows.len() as u64) as usize;
            let _ = self.work_once(&self.dataflows[which].id).await;
            tokio::task::yield_now().await;
        }
    }

    async fn work_once(&self, id: &str) -> Reply<()> {
        let database = self.database();
        let mut connection = database.pool().acquire().await.map_err(|e| failed("read", e))?;
        let Some(dataflow) = &find(&mut connection, id).await? else { panic!("the dataflow {id} is gone") };
        let is_first = dataflow.name.model_name.len() == 1;
        let has_work = match is_first {
            true => self.successes(database, dataflow).await < self.runs,
            false => !ready(&mut connection, dataflow, 0, 1).await?.is_empty(),
        };
        drop(connection);
        if !has_work {
            tokio::time::sleep(Duration::from_millis(2)).await;
            return Ok(());
        }
        let mut change = StateChange::begin(database, self.caller.name()).await?;
        let run = start_run(&mut change, &dataflow.job, &Map::new(), Duration::from_secs(300)).await?.run_id;
        let claimed = claim(&mut change, dataflow, &run).await?;
        change.commit().await?;
        let got: Vec<Got> =
            claimed.into_iter().map(|one| (one.target, one.source, one.source_run, one.position)).collect();
        assert!(got.is_sorted_by_key(|(.., position)| *position), "{got:?}");
        self.got.lock().unwrap().insert(run.clone(), got.clone());
        // Some take longer than their lease, and others have what they had by then.
        let most = if self.random(3) == 0 { 120 } else { 25 };
        tokio::time::sleep(Duration::from_millis(self.random(most))).await;
        // Without anything to do it makes nothing that others wait for.
        let success = self.random(8) != 0 && (is_first || !got.is_empty());
        let partition_key = Some(format!("p{}", self.random(3)));
        let mut change = StateChange::begin(self.database(), self.caller.name()).await?;
        say(&mut change, &run, SaidOfData { partition_key, ..SaidOfData::default() }).await?;
        let end = RunEnd { success, artifacts: Vec::new(), metadata: Map::new() };
        end_run(&mut change, &dataflow.job, &run, end, &self.caller).await?;
        Ok(change.commit().await?)
    }

    async fn successes(&self, database: &Database, dataflow: &Dataflow) -> i64 {
        let sql = "SELECT COUNT(*) FROM dataflow_runs WHERE dataflow = $1 AND position IS NOT NULL";
        let query = sqlx::query_as::<_, (i64,)>(sql).bind(dataflow.id.clone()).fetch_one(database.pool());
        // It may be cut off: then there is nothing to do this time.
        query.await.map_or(i64::MAX, |(count,)| count)
    }

    /// Finds runs lost that take long.
    async fn sweep(&self) {
        let before = now_micros() - i64::try_from(LEASE.as_micros()).unwrap();
        let sql = "SELECT id, beats FROM runs WHERE state = 'running' AND started_at < $1 ORDER BY id";
        let query = sqlx::query_as::<_, (String, i64)>(sql).bind(before).fetch_all(self.database().pool());
        let Ok(running) = query.await else { return };
        let _ = lose(self.database(), &running).await;
    }

    /// Ends that the first dataflow is a source of the last one, and makes it one again.
    async fn leave_and_join(&self) -> Reply<()> {
        let (source, target) = (&self.dataflows[0], &self.dataflows[5]);
        let mut change = StateChange::begin(self.database(), self.caller.name()).await?;
        disassociate(&mut change, source, target).await?;
        change.commit().await?;
        tokio::time::sleep(Duration::from_millis(self.random(4))).await;
        let mut change = StateChange::begin(self.database(), self.caller.name()).await?;
        associate(&mut change, source, target, true).await?;
        Ok(change.commit().await?)
    }

    async fn is_done(&self) -> bool {
        for dataflow in &self.dataflows[..2] {
            if !(self.runs..i64::MAX).contains(&self.successes(&self.databases[0], dataflow).await) {
                return false;
            }
        }
        // One source may have succeeded more often than the other: what is left of that is taken alone.
        let any = sqlx::query("UPDATE dataflows SET take = 'any' WHERE take = 'all'").execute(self.databases[0].pool());
        let _ = any.await;
        let sql = "SELECT (SELECT COUNT(*) FROM deliveries WHERE state <> 'consumed'), \
                   (SELECT COUNT(*) FROM runs WHERE state = 'running')";
        let left = sqlx::query_as::<_, (i64, i64)>(sql).fetch_one(self.databases[0].pool()).await;
        left.is_ok_and(|left| left == (0, 0))
    }

    /// What is true at the end.
    async fn check(&self) {
        let sql = "SELECT e.target, e.source, r.run, (SELECT COUNT(*) FROM deliveries d JOIN runs t ON t.id = d.last_run \
                   WHERE d.edge = e.id AND d.source_run = r.run AND d.state = 'consumed' AND t.state = 'succeeded') \
                   FROM dataflow_sources e JOIN dataflow_runs r ON r.dataflow = e.source \
                   JOIN runs s ON s.id = r.run WHERE s.state = 'succeeded'";
        let query = sqlx::query_as::<_, (String, String, String, i64)>(sql).fetch_all(self.databases[0].pool());
        let edges = query.await.unwrap();
        assert!(edges.len() as i64 >= 5 * self.runs, "{}", edges.len());
        for (target, source, run, consumed) in &edges {
            assert_eq!(*consumed, 1, "{source} {run} for {target}");
        }
        // The same by what the workers got, and not by what the tables say of it.
        let query = sqlx::query_as::<_, (String,)>("SELECT id FROM runs WHERE state = 'succeeded'");
        let succeeded = query.fetch_all(self.databases[0].pool()).await.unwrap();
        let (got, mut seen) = (self.got.lock().unwrap(), HashMap::new());
        for (run,) in &succeeded {
            for (target, source, source_run, _) in &got[run] {
                let before = seen.insert((target, source, source_run), run);
                assert_eq!(before, None, "{source_run} of {source} was consumed by two runs of {target}");
            }
        }
        assert_eq!(seen.len(), edges.len());
    }
}

/// Works until all is consumed; workers die meanwhile, and `cut` does what else goes wrong.
async fn work_and_die(world: &Arc<World>, workers: usize, mut cut: impl AsyncFnMut()) {
    world.joins_while_a_run_ends().await.unwrap();
    let start = || tokio::spawn(world.clone().work());
    let mut working: Vec<_> = (0..workers).map(|_| start()).collect();
    let (began, mut deaths) = (Instant::now(), 0);
    while !world.is_done().await {
        assert!(began.elapsed() < LONGEST, "something stands still");
        tokio::time::sleep(Duration::from_millis(world.random(6))).await;
        let dies = world.random(workers as u64) as usize;
        working[dies].abort();
        let dead = std::mem::replace(&mut working[dies], start());
        let ended = dead.await;
        assert!(ended.as_ref().is_err_and(tokio::task::JoinError::is_cancelled), "{ended:?}");
        deaths += 1;
        world.sweep().await;
        // Where the database does not answer, it is tried again.
        while deaths % 2 == 0 && world.leave_and_join().await.is_err() {}
        cut().await;
    }
    working.iter().for_each(tokio::task::JoinHandle::abort);
    assert!(deaths > 5, "{deaths} deaths");
    world.check().await;
}

async fn on_sqlite(runs: i64) {
    let lake = Lake::temp().unwrap();
    let database = Database::open(None, lake.home()).await.unwrap();
    let world = World::new(vec![database], runs).await.unwrap();
    work_and_die(&world, 4, async || {}).await;
}

/// By two servers, whose connections are cut now and then.
async fn on_postgresql(runs: i64) {
    let Ok(server) = std::env::var("DATLAKE_TEST_POSTGRES") else { return };
    let name = format!("dataflows_{}_{runs}", std::process::id());
    sqlx::any::install_default_drivers();
    let admin = sqlx::AnyPool::connect(&server).await.unwrap();
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&admin).await.unwrap();
    let url = server.rsplit_once('/').map(|(server, _)| format!("{server}/{name}")).unwrap();
    let folder = std::path::Path::new("/nowhere");
    let one = Database::open(Some(&url), folder).await.unwrap();
    let other = Database::open(Some(&url), folder).await.unwrap();
    let world = World::new(vec![one, other], runs).await.unwrap();
    let cut = format!(
        "SELECT COUNT(pg_terminate_backend(pid)) FROM \
         (SELECT pid FROM pg_stat_activity WHERE datname = '{name}' ORDER BY random() LIMIT 1) one"
    );
    let mut times = 0;
    work_and_die(&world, 6, async || {
        times += 1;
        if times % 10 == 0 {
            sqlx::query(AssertSqlSafe(cut.clone())).execute(&admin).await.unwrap();
        }
    })
    .await;
    for database in &world.databases {
        database.close().await;
    }
    sqlx::query(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"))).execute(&admin).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_delivery_is_consumed_once_whoever_dies() {
    on_sqlite(12).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_delivery_is_consumed_once_by_two_servers_on_postgresql() {
    on_postgresql(15).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the same as the tests above, for minutes"]
async fn each_delivery_is_consumed_once_for_long() {
    on_sqlite(300).await;
    on_postgresql(600).await;
}
