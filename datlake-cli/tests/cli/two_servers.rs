//! Two servers on one PostgreSQL, where `./test` has started one: workers, servers and connections die, and dataflows lose nothing.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::serve::{serve, serving};
use crate::support::Machine;

/// A run whose worker has died is found lost after so long.
const LEASE: f64 = 0.3;
/// The longest that all of it takes before something stands still.
const LONGEST: Duration = Duration::from_secs(300);
/// The longest that somebody waits for an answer of a server that has died.
const ANSWER: Duration = Duration::from_secs(20);
/// Each target, and its sources.
const EDGES: [(&str, &str); 5] = [("any", "a"), ("any", "b"), ("each", "a"), ("all", "a"), ("end", "any")];

/// A process that serves, until it is killed.
struct Serving {
    child: Child,
    address: String,
}

impl Serving {
    fn new(machine: &Machine, database: &str) -> Self {
        let mut command = serve(machine);
        command.env("DATABASE_URL", database);
        command.env("DATLAKE_SECRET_KEY", "a key that is the same for both of these servers");
        let (child, address) = serving(command);
        Self { child, address }
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill().and_then(|()| self.child.wait());
    }
}

/// What a run got at its start: of which source, which run of it, and the number that its batch has.
type Got = (String, String, Option<u64>);

struct World {
    addresses: Mutex<[String; 2]>,
    dataflows: HashMap<&'static str, String>,
    got: Mutex<HashMap<String, Vec<Got>>>,
    random: AtomicU64,
    deaths: AtomicU64,
}

/// A worker that has died: whether its last request was heard, nobody knows.
struct Died;

impl World {
    /// A number below `below`.
    fn random(&self, below: u64) -> u64 {
        let n = self.random.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        let n = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (n ^ (n >> 27)) % below
    }

    fn dies(&self, one_of: u64) -> Result<(), Died> {
        match self.random(one_of) {
            0 => {
                self.deaths.fetch_add(1, Ordering::Relaxed);
                Err(Died)
            }
            _ => Ok(()),
        }
    }

    /// One request to one of the servers; `None` where it gives no answer. As a worker that is killed goes, its connection is closed
    /// when the request was sent.
    fn send(&self, request: &str, key: &str, body: &Value, is_killed: bool) -> Option<(u16, Value)> {
        let address = self.addresses.lock().unwrap()[self.random(2) as usize].clone();
        let mut stream = TcpStream::connect(&address).ok()?;
        stream.set_read_timeout(Some(ANSWER)).unwrap();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let key = if key.is_empty() { String::new() } else { format!("Idempotency-Key: {key}\r\n") };
        let head = format!(
            "{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer root-token\r\n{key}\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).ok()?;
        if is_killed {
            return None;
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some((status, if body.is_empty() { Value::Null } else { serde_json::from_str(body).ok()? }))
    }

    /// Asks until somebody answers, and neither a server nor the database was away.
    fn ask(&self, request: &str, key: &str, body: &Value) -> (u16, Value) {
        let began = Instant::now();
        loop {
            match self.send(request, key, body, false) {
                Some((status, answer)) if status < 500 => return (status, answer),
                other => assert!(began.elapsed() < LONGEST, "{request} is not answered: {other:?}"),
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn results(&self, path: &str) -> Vec<Value> {
        let (status, answer) = self.ask(&format!("GET /api/v1{path}amount=1000"), "", &Value::Null);
        // A job comes into being with its first run.
        if status == 404 && path.starts_with("/jobs/") {
            return Vec::new();
        }
        assert_eq!((status, &answer["pagination"]["has_more"]), (200, &json!(false)), "{answer}");
        answer["results"].as_array().unwrap().clone()
    }

    /// Starts a run: its id. What it got is noted.
    fn start(&self, name: &str) -> Result<String, Died> {
        let key = format!("start-{:016x}{:016x}", self.random(u64::MAX), self.random(u64::MAX));
        let (request, body) =
            (format!("POST /api/v1/dataflows/{}/runs", self.dataflows[name]), json!({"lease_seconds": LEASE}));
        if let Err(died) = self.dies(12) {
            self.send(&request, &key, &body, true);
            return Err(died);
        }
        let (status, run) = self.ask(&request, &key, &body);
        assert_eq!(status, 201, "{run}");
        let got: Vec<Got> = run["dataflow_queue_list"].as_array().unwrap().iter().map(got).collect();
        for source in ["a", "b"] {
            let numbers = got.iter().filter(|(model, ..)| model == source).filter_map(|(.., number)| *number);
            assert!(numbers.is_sorted(), "{name} got {got:?}");
        }
        let id = run["run_id"].as_str().unwrap().to_owned();
        self.got.lock().unwrap().insert(id.clone(), got);
        self.dies(12).map(|()| id)
    }

    fn finish(&self, run: &str, is_success: bool, batch: Option<u64>) -> Result<(), Died> {
        let request = format!("PUT /api/v1/dataflows/runs/{run}/finish");
        let status = if is_success { "success" } else { "failure" };
        let body = json!({"status": status, "dataflow_batch_run_id": batch.map(|batch| batch.to_string())});
        if let Err(died) = self.dies(8) {
            self.send(&request, "", &body, true);
            return Err(died);
        }
        let (status, answer) = self.ask(&request, "", &body);
        // It was lost, and what it had went to others: then its end changes nothing of that.
        assert!(status == 200 || status == 409, "{status} {answer}");
        Ok(())
    }

    /// Runs of a source, one after the other: each has a number of its own, and ends before the next one begins.
    fn produce(&self, name: &str, runs: usize, is_over: &AtomicBool) {
        let mut number = 0;
        while !is_over.load(Ordering::Relaxed) && self.count(name, "succeeded") < runs {
            number += 1;
            let made = self.start(name).and_then(|run| self.finish(&run, self.random(8) != 0, Some(number)));
            if made.is_err() {
                self.wait_for_the_dead(name);
            }
        }
    }

    fn count(&self, name: &str, state: &str) -> usize {
        self.results(&format!("/jobs/{}/runs?state={state}&", job(name))).len()
    }

    /// Until no run of it goes on: what a dead worker has sent was done, or is never done.
    fn wait_for_the_dead(&self, name: &str) {
        let began = Instant::now();
        // What was sent last may just be read.
        std::thread::sleep(Duration::from_millis(50));
        while self.count(name, "running") > 0 {
            assert!(began.elapsed() < LONGEST, "a run of {name} is never found lost");
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    fn consume(&self) -> Result<(), Died> {
        let name = ["any", "each", "all", "end"][self.random(4) as usize];
        if self.results(&format!("/dataflows/{}/ready?", self.dataflows[name])).is_empty() {
            std::thread::sleep(Duration::from_millis(5));
            return Ok(());
        }
        let run = self.start(name)?;
        // Some take longer than their lease, and others have what they had by then.
        let most = if self.random(12) == 0 { 600 } else { 30 };
        std::thread::sleep(Duration::from_millis(self.random(most)));
        let has_something = !self.got.lock().unwrap()[&run].is_empty();
        self.finish(&run, has_something && self.random(8) != 0, None)
    }

    fn is_done(&self) -> bool {
        let names = ["any", "each", "all", "end"];
        names.iter().all(|name| self.count(name, "running") == 0)
            && names.iter().all(|name| self.results(&format!("/dataflows/{}/ready?", self.dataflows[name])).is_empty())
    }

    /// Each run of a source that succeeded was consumed by one run of each target that succeeded, by what those got.
    fn check(&self, runs: usize) {
        let succeeded = |name: &str| -> Vec<String> {
            let found = self.results(&format!("/jobs/{}/runs?state=succeeded&", job(name)));
            found.iter().map(|run| run["run_id"].as_str().unwrap().to_owned()).collect()
        };
        let got = self.got.lock().unwrap();
        for (target, source) in EDGES {
            let made = succeeded(source);
            assert!(made.len() >= runs.min(3), "{source} made {}", made.len());
            let mut consumed: HashMap<&str, usize> = HashMap::new();
            for run in succeeded(target) {
                for (_, source_run, _) in got[&run].iter().filter(|(model, ..)| model == source) {
                    *consumed.entry(source_run).or_default() += 1;
                }
            }
            for run in &made {
                assert_eq!(consumed.remove(&**run), Some(1), "{run} of {source} for {target}");
            }
            assert!(consumed.is_empty(), "{target} consumed what {source} never made: {consumed:?}");
        }
    }
}

fn got(record: &Value) -> Got {
    let text = |field: &str| record[field].as_str().map(str::to_owned);
    let number = text("dataflow_batch_run_id").and_then(|batch| batch.parse().ok());
    (text("model_name").unwrap(), text("source_run_id").unwrap(), number)
}

/// As it stands in a path.
fn job(name: &str) -> String {
    format!("zone%2F{name}%2F%2F")
}

fn sql(database: &str, text: &str) {
    let done = Command::new("psql").args([database, "-qAtc", text]).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// Ends all threads when it is dropped.
struct EndAll<'a>(&'a AtomicBool);

impl Drop for EndAll<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Works until all is consumed, while workers, one of the servers and connections die. How often a server was killed.
fn work_and_die(world: &World, serving: &mut Serving, machine: &Machine, url: &str, runs: usize) -> u64 {
    let (is_over, mut killed) = (&AtomicBool::new(false), 0);
    let name = url.rsplit_once('/').unwrap().1;
    let cut = format!(
        "SELECT COUNT(pg_terminate_backend(pid)) FROM \
         (SELECT pid FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid() ORDER BY random() LIMIT 2) two"
    );
    std::thread::scope(|scope| {
        // Also where this one panics.
        let _end = EndAll(is_over);
        let producers = ["a", "b"].map(|source| scope.spawn(move || world.produce(source, runs, is_over)));
        let workers = [(); 4].map(|()| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    let _ = world.consume();
                }
            })
        });
        let began = Instant::now();
        for times in 1_u64.. {
            std::thread::sleep(Duration::from_millis(100 + world.random(100)));
            let everybody = producers.iter().all(|thread| thread.is_finished());
            if workers.iter().any(|worker| worker.is_finished()) || (everybody && killed > 0 && world.is_done()) {
                break;
            }
            assert!(began.elapsed() < LONGEST, "something stands still");
            sql(url, &cut);
            if times % 8 == 0 {
                serving.kill();
                killed += 1;
                *serving = Serving::new(machine, url);
                world.addresses.lock().unwrap()[1].clone_from(&serving.address);
            }
        }
    });
    killed
}

fn each_delivery_is_consumed_once(runs: usize) {
    let Ok(server) = std::env::var("DATLAKE_TEST_POSTGRES") else { return };
    let name = format!("two_servers_{}_{runs}", std::process::id());
    sql(&server, &format!("CREATE DATABASE {name}"));
    let url = format!("{}/{name}", server.rsplit_once('/').unwrap().0);
    let machines = [Machine::new(), Machine::new()];
    let [stays, mut dies] = [0, 1].map(|n| Serving::new(&machines[n], &url));
    let mut world = World {
        addresses: Mutex::new([stays.address.clone(), dies.address.clone()]),
        dataflows: HashMap::new(),
        got: Mutex::default(),
        random: AtomicU64::new(20_261_130),
        deaths: AtomicU64::new(0),
    };
    for (model, take, batch_limit) in [
        ("a", "any", 10),
        ("b", "any", 10),
        ("any", "any", 3),
        ("each", "any", 1),
        ("all", "all", 10),
        ("end", "any", 10),
    ] {
        let body = json!({"zone": "zone", "model_name": model, "take": take, "batch_limit": batch_limit, "max_attempts": 1000});
        let (status, created) = world.ask("POST /api/v1/dataflows", "", &body);
        assert_eq!(status, 201, "{created}");
        world.dataflows.insert(model, created["dataflow_id"].as_str().unwrap().to_owned());
    }
    for (target, source) in EDGES {
        let body = json!({"source_dataflow_id": world.dataflows[source]});
        let (status, answer) =
            world.ask(&format!("POST /api/v1/dataflows/{}/sources", world.dataflows[target]), "", &body);
        assert_eq!(status, 204, "{answer}");
    }
    let (mut rounds, mut killed) = (0, 0);
    while rounds == 0 || !world.is_done() {
        killed += work_and_die(&world, &mut dies, &machines[1], &url, runs);
        ["any", "each", "all", "end"].iter().for_each(|name| world.wait_for_the_dead(name));
        rounds += 1;
    }
    world.check(runs);
    let deaths = world.deaths.load(Ordering::Relaxed);
    assert!(deaths > 5 && killed > 0, "{deaths} workers died, and a server {killed} times");
    drop((stays, dies));
    sql(&server, &format!("DROP DATABASE {name} WITH (FORCE)"));
}

#[test]
fn each_delivery_is_consumed_once_over_http_whoever_dies() {
    each_delivery_is_consumed_once(8);
}

#[test]
#[ignore = "the same as the test above, for minutes"]
fn each_delivery_is_consumed_once_over_http_for_long() {
    each_delivery_is_consumed_once(150);
}
