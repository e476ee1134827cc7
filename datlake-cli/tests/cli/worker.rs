//! `datlake worker` as a process, at a server that is one, too.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::support::{Machine, ran};

const TOKEN: &str = "the-token-of-root";
const SECRET: &str = "hunter2-hunter2";

/// A server, and what asks it.
pub(crate) struct Work {
    machine: Machine,
    server: Child,
    address: String,
}

impl Work {
    pub(crate) fn new() -> Self {
        let machine = Machine::new();
        let mut command = machine.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.env("DATLAKE_ROOT_TOKEN", TOKEN).env("LOG_LEVEL", "warn");
        let mut server = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(server.stderr.take().unwrap()).lines();
        let address = loop {
            let line = lines.next().unwrap().unwrap();
            if let Some(rest) = line.strip_prefix("datlake: serves at http://") {
                break rest.split(';').next().unwrap().to_owned();
            }
        };
        // To its end, so that it is never full.
        std::thread::spawn(move || lines.for_each(drop));
        Self { machine, server, address }
    }

    pub(crate) fn machine(&self) -> &Machine {
        &self.machine
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.machine.command(arguments);
        command.env("DATLAKE_API_URL", format!("http://{}", self.address)).env("DATLAKE_API_KEY", TOKEN);
        command.env("SECRET_KEY", SECRET).env("OTHER_KEY", "nobody names it").env("NO_PROXY", "127.0.0.1");
        // For the programs of `called`.
        command.env("DATLAKE_TEST_CALL", "folder");
        command
    }

    #[track_caller]
    fn ok(&self, arguments: &[&str]) -> String {
        let ran = ran(self.command(arguments).output().unwrap());
        assert_eq!((ran.status, &*ran.err), (0, ""), "{arguments:?}: {}", ran.out);
        ran.out
    }

    /// Says what a job runs, where somebody queues a run.
    pub(crate) fn schedule(&self, job: &str, script: &str, more: Value) {
        let script = format!("cd '{}'; {script}", self.machine.path("work").display());
        let mut spec =
            json!({"run": {"command": ["sh", "-c", script], "environment": ["SECRET_KEY"]}, "backoff_seconds": 0});
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.asked("PUT", &format!("{job}/schedule"), &spec.to_string());
    }

    /// A run, with what it read and wrote.
    pub(crate) fn run(&self, job: &str, run: &str) -> Value {
        serde_json::from_str(&self.asked("GET", &format!("{job}/runs/{run}"), "")).unwrap()
    }

    /// What the server answers that is asked for something of a job.
    #[track_caller]
    fn asked(&self, method: &str, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let head = format!(
            "{method} /api/v1/jobs/{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {TOKEN}\r\n"
        );
        write!(stream, "{head}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    /// Queues a run: its id.
    pub(crate) fn queue(&self, job: &str) -> String {
        let run: Value = serde_json::from_str(&self.ok(&["job", "queue", job, "--json"])).unwrap();
        run["run_id"].as_str().unwrap().to_owned()
    }

    /// A worker that claims runs of these jobs.
    pub(crate) fn worker(&self, jobs: &str, more: &[&str]) -> Child {
        let folder = self.machine.path("runs");
        std::fs::create_dir_all(&folder).unwrap();
        let arguments = ["worker", "--jobs", jobs, "--allow", "sh", "--grace", "300ms", "--slots", "3", "--folder"];
        let mut command = self.command(&[&arguments[..], &[folder.to_str().unwrap()], more].concat());
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// The log of a run, to its end.
    pub(crate) fn log(&self, job: &str, run: &str) -> String {
        self.ok(&["job", "log", job, run, "--follow"])
    }

    /// Waits until a run says that it has begun.
    fn begun(&self, job: &str, run: &str) {
        let mut follows = self.command(&["job", "log", job, run, "--follow"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(follows.stdout.take().unwrap()).lines();
        while lines.next().unwrap().unwrap() != "begun" {}
        follows.kill().unwrap();
        follows.wait().unwrap();
    }

    /// The runs of a job, the first first.
    fn runs(&self, job: &str) -> Vec<Value> {
        let mut runs: Vec<Value> = serde_json::from_str(&self.ok(&["job", "runs", job, "--json"])).unwrap();
        runs.reverse();
        runs
    }

    #[track_caller]
    fn state(&self, job: &str) -> String {
        self.runs(job).last().unwrap()["state"].as_str().unwrap().to_owned()
    }

    /// Waits until the process is gone whose id a script has written down.
    fn wait_gone(&self, file: &str) {
        let id = std::fs::read_to_string(self.machine.path("work").join(file)).unwrap();
        let (process, began) = (Path::new("/proc").join(id.trim()), std::time::Instant::now());
        let is_there = || {
            let status = std::fs::read_to_string(process.join("stat")).unwrap_or_default();
            !status.is_empty() && !status.contains(") Z ")
        };
        while is_there() {
            assert!(began.elapsed().as_secs() < 60, "the process of {file} goes on");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

pub(crate) fn signal(child: &Child, signal: &str) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn a_worker_runs_what_is_queued_and_leaves_nothing_behind() {
    let work = Work::new();
    let mut worker = work.worker("work_*", &[]);
    let script = "echo to out; echo to err >&2; echo $SECRET_KEY $DATLAKE_API_KEY ${OTHER_KEY:-none} $DATLAKE_JOB $DATLAKE_RUN_ID";
    work.schedule("work_says", script, json!({}));
    work.schedule("work_fails", "exit 3", json!({"max_attempts": 2}));
    work.schedule("work_long", "sleep 1000", json!({"timeout_seconds": 1}));
    let stubborn = "trap '' TERM; sleep 1000 & echo $! > stubborn; echo begun; wait; wait";
    work.schedule("work_stubborn", stubborn, json!({"max_attempts": 3}));
    work.schedule("work_other", "true", json!({"run": {"command": ["python3", "-c", "1"]}}));
    let [says, fails, long, stubborn, other] =
        ["work_says", "work_fails", "work_long", "work_stubborn", "work_other"].map(|job| work.queue(job));
    work.begun("work_stubborn", &stubborn);
    work.ok(&["job", "cancel", "work_stubborn", &stubborn]);
    let said = work.log("work_says", &says);
    assert_eq!(said, format!("to out\nto err\n$SECRET_KEY $DATLAKE_API_KEY none work_says {says}\n"));
    assert_eq!(work.state("work_says"), "succeeded");
    work.log("work_fails", &fails);
    assert!(work.log("work_long", &long).contains("takes longer than its schedule lets it"));
    assert!(work.log("work_stubborn", &stubborn).contains("cancelled: the command is ended"));
    assert_eq!((work.state("work_long"), work.state("work_stubborn")), ("failed".to_owned(), "cancelled".to_owned()));
    work.wait_gone("stubborn");
    assert!(work.log("work_other", &other).contains("does not run `python3`"));
    assert_eq!(work.state("work_other"), "failed");
    let tries = work.runs("work_fails");
    let last = tries.last().unwrap();
    work.log("work_fails", last["run_id"].as_str().unwrap());
    assert_eq!((&last["queue"]["attempt"], work.state("work_fails")), (&json!(2), "failed".to_owned()));
    // Its own end is that of its commands.
    work.schedule("work_ends", "echo $$ > ends; echo begun; sleep 1000", json!({}));
    let ends = work.queue("work_ends");
    work.begun("work_ends", &ends);
    signal(&worker, "-TERM");
    assert!(worker.wait().unwrap().success());
    work.wait_gone("ends");
    assert!(work.log("work_ends", &ends).contains("this worker ends"));
    assert_eq!(work.state("work_ends"), "failed");
    assert_eq!(std::fs::read_dir(work.machine.path("runs")).unwrap().count(), 0);
}

#[test]
fn what_a_killed_worker_had_ends_and_is_tried_again() {
    let work = Work::new();
    let script = "[ $DATLAKE_ATTEMPT = 2 ] && exit 0; sleep 1000 & echo $! > killed; echo begun; wait";
    work.schedule("killed", script, json!({"max_attempts": 2}));
    let mut worker = work.worker("killed", &["--lease", "3s"]);
    let first = work.queue("killed");
    work.begun("killed", &first);
    signal(&worker, "-KILL");
    worker.wait().unwrap();
    // Long before its lease is over.
    work.wait_gone("killed");
    let mut other = work.worker("killed", &[]);
    while work.state("killed") != "succeeded" {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let runs = work.runs("killed");
    assert_eq!((runs.len(), &runs[0]["state"], &runs[1]["queue"]["run_before"]), (2, &json!("lost"), &json!(first)));
    signal(&other, "-TERM");
    assert!(other.wait().unwrap().success());
}

#[test]
fn jobs_of_a_server_are_shown_and_turned() {
    let work = Work::new();
    work.schedule("nightly", "true", json!({"when": {"every_seconds": 3600}}));
    assert_eq!(work.ok(&["job", "list"]), "nightly  root\n");
    let said = work.ok(&[
        "job",
        "schedule",
        "other",
        "--cron",
        "30 2 * * *",
        "--time-zone",
        "Europe/Berlin",
        "--",
        "make",
        "daily",
    ]);
    assert!(
        said.starts_with("other: 30 2 * * * in Europe/Berlin; next 20") && said.ends_with("Z\n  make daily\n"),
        "{said}"
    );
    let creator = ["--creator", "total", "-p", "table=sales@main:a.csv", "-p", "column=1", "--env", "KEY"];
    let set = [&["job", "schedule", "other", "--every", "1h", "--attempts", "3"], &creator[..], &["--", "/srv/shop"]]
        .concat();
    assert_eq!(
        work.ok(&set).lines().nth(1).unwrap(),
        r#"  total(column = 1, table = "sales@main:a.csv") of /srv/shop"#
    );
    let kept: Value = serde_json::from_str(&work.ok(&["job", "schedule", "other", "--json"])).unwrap();
    assert_eq!(kept["run"]["creator"]["params"], json!({"column": 1, "table": "sales@main:a.csv"}));
    assert_eq!((&kept["when"]["every_seconds"], &kept["run"]["environment"]), (&json!(3600.0), &json!(["KEY"])));
    assert_eq!(work.ok(&["job", "unschedule", "other"]), "removed the schedule of other\n");
    assert_eq!(work.ok(&["job", "pause", "nightly"]), "paused the schedule of nightly\n");
    assert_eq!(work.ok(&["job", "resume", "nightly"]), "went on with the schedule of nightly\n");
    let run = work.queue("nightly");
    let shown = work.ok(&["job", "runs", "nightly", "--state", "queued"]);
    assert!(shown.starts_with(&format!("{run}  queued")), "{shown}");
    assert!(work.ok(&["job", "cancel", "nightly", &run]).contains("cancelled"));
    assert_eq!(work.ok(&["job", "runs", "nightly", "--state", "queued"]), "");
    let fails = |arguments: &[&str], status: i32, says: &str| {
        let ran = ran(work.command(arguments).output().unwrap());
        assert!(ran.status == status && ran.err.contains(says) && !ran.err.contains(TOKEN), "{}", ran.err);
    };
    fails(&["job", "queue", "other"], 2, "has no schedule");
    fails(&["job", "schedule", "other"], 1, "has no schedule");
    fails(&["job", "unschedule", "other"], 1, "has no schedule");
    fails(&["job", "schedule", "other", "--every", "1h"], 2, "no program is named that a worker is to run");
    fails(&["job", "schedule", "other", "--cron", "0 0 30 2 *", "--", "true"], 2, "no time");
    fails(&["job", "schedule", "other", "-p", "a=1", "--", "true"], 2, "--creator");
    fails(&["job", "runs", "third"], 1, "there is no job `third`");
    fails(&["job", "list", "--server", "http://127.0.0.1:1"], 2, "nobody listens there");
    fails(&["job", "list", "--server", "ftp://x"], 2, "the address of the server is none");
    let without = ran(work.machine.command(&["worker", "--server", "http://127.0.0.1:1"]).output().unwrap());
    assert!(without.status == 2 && without.err.contains("DATLAKE_API_KEY"), "{}", without.err);
    let ran =
        ran(work.command(&["worker"]).env("DATLAKE_API_KEY", "wrong").env("DATLAKE_API_URL", "").output().unwrap());
    assert!(ran.status == 2 && ran.err.contains("no server is named"), "{}", ran.err);
}
