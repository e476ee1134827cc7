//! One run, from its claim to its end: its command, its heartbeats, its log.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use datlake::Uid;
use datlake::calling::CallRequest;
use serde_json::{Value, json};

use super::api::{ClaimedCreator, ClaimedWork, ServerApi, ServerRefused};
use super::options::WorkerOptions;
use super::redacted::Redactor;
use super::spool::Spool;
use crate::asked_program::AskedProgram;
use crate::failure::Failure;

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// How often its log is shipped.
const SHIP: Duration = Duration::from_millis(500);
/// The most that the server takes at once.
const PIECE: usize = 256 << 10;
/// So long a server that is away is asked to take the end: after that its lease is over for long.
const TELL: Duration = Duration::from_secs(600);
/// So long output is waited for, once a command and what it started has ended: somebody else may have its pipe.
const DRAIN: Duration = Duration::from_secs(2);
/// The most inputs, and outputs, that the server takes of a run.
const MOST: usize = 1000;
/// Of the worker's environment every command has these.
const ALWAYS: [&str; 8] = ["PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE"];

/// A program that is to call a creator does so in the worker's lake.
const OF_THE_LAKE: [&str; 3] = ["DATLAKE_HOME", "DATLAKE_REMOTE", "DATLAKE_EMAIL"];

/// Why a command was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Cancelled,
    TimedOut,
    WorkerEnds,
    /// The server could not be reached: it gives the run to another.
    LeaseOver,
    /// The run is somebody else's, or nobody's any more.
    NotOurs,
}

impl Ended {
    fn as_str(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timeout",
            Self::WorkerEnds => "worker_ended",
            Self::LeaseOver => "lease_over",
            Self::NotOurs => "not_ours",
        }
    }

    fn says(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled: the command is ended",
            Self::TimedOut => "the command takes longer than its schedule lets it, and is ended",
            Self::WorkerEnds => "this worker ends, and the command with it",
            Self::LeaseOver => {
                "the server could not be reached for the lease of the run: the command is ended, since another may begin"
            }
            Self::NotOurs => "the run is not this worker's any more: the command is ended",
        }
    }
}

/// A run that this worker has.
pub(super) struct RunningRun {
    api: Arc<ServerApi>,
    options: Arc<WorkerOptions>,
    claimed: ClaimedWork,
    /// Whether the worker ends.
    ends: Arc<AtomicBool>,
    /// When the server last heard of it, at the earliest.
    heard: Instant,
    beat_at: Instant,
    shipped: u64,
    shipped_at: Instant,
    takes_log: bool,
}

/// A command that was started.
struct Started {
    guard: Child,
    output: JoinHandle<()>,
    /// Where it was asked to call a creator.
    asked: Option<AskedProgram>,
}

impl RunningRun {
    pub(super) fn new(
        api: Arc<ServerApi>,
        options: Arc<WorkerOptions>,
        claimed: ClaimedWork,
        ends: Arc<AtomicBool>,
    ) -> Self {
        let now = Instant::now();
        Self { api, options, claimed, ends, heard: now, beat_at: now, shipped: 0, shipped_at: now, takes_log: true }
    }

    /// Runs it. What goes wrong with it is an end, too.
    pub(super) fn run(mut self) {
        let folder = match tempfile::Builder::new().prefix("datlake-run-").tempdir_in(&self.options.folder) {
            Ok(folder) => folder,
            Err(error) => {
                return self.complete(false, &json!({"error": format!("the worker has no folder for it: {error}")}));
            }
        };
        let spool = match Spool::create(&folder.path().join("worker.log")) {
            Ok(spool) => spool,
            Err(error) => {
                return self.complete(false, &json!({"error": format!("the worker has no room for its log: {error}")}));
            }
        };
        let (success, metadata) = match self.start(folder.path(), &spool) {
            Ok(started) => self.supervise(started, &spool),
            Err(error) => {
                spool.say(&format!("{error:#}"));
                (false, json!({"error": format!("{error:#}")}))
            }
        };
        spool.finish();
        self.tell(&spool, success, &metadata);
    }

    fn start(&self, folder: &Path, spool: &Spool) -> anyhow::Result<Started> {
        let ClaimedWork { run, directory, dataflow_queue_list, .. } = &self.claimed;
        let (command, asked) = self.command(folder)?;
        let program = command.first().context("the schedule names no program")?;
        if !self.options.allow.is_empty() && !self.options.allow.contains(program) {
            anyhow::bail!("this worker does not run `{program}`: it was started with --allow for others");
        }
        let work = directory.as_ref().map_or_else(|| folder.join("work"), PathBuf::from);
        if directory.is_none() {
            std::fs::create_dir(&work).context("cannot make a folder for the command")?;
        }
        let mut guard = Command::new(std::env::current_exe().context("cannot find this program's file")?);
        guard
            .arg("guard")
            .arg("--grace")
            .arg(humantime::format_duration(self.options.grace).to_string())
            .arg("--")
            .args(command);
        guard.env_clear().envs(self.environment()).current_dir(&work);
        guard.env("DATLAKE_RUN_ID", &run.run_id).env("DATLAKE_JOB", &run.job_name);
        guard.env("DATLAKE_ATTEMPT", run.attempt().to_string());
        guard.env("DATLAKE_API_URL", self.api.address()).env("DATLAKE_API_KEY", self.api.key());
        if let Some(asked) = &asked {
            guard.env(AskedProgram::VARIABLE, asked.request());
        }
        if let Some(queue) = dataflow_queue_list {
            let file = folder.join("queue.json");
            std::fs::write(&file, queue.to_string()).context("cannot write down what the run has claimed")?;
            guard.env("DATLAKE_DATAFLOW_QUEUE", file);
        }
        let (output, write) = std::io::pipe().context("cannot make a pipe")?;
        guard.stdin(Stdio::piped()).stdout(write.try_clone()?).stderr(write);
        // A terminal's signals are for the worker.
        std::os::unix::process::CommandExt::process_group(&mut guard, 0);
        let shown = work.display();
        let started = guard.spawn().with_context(|| format!("cannot start the command in `{shown}`"))?;
        // What it holds of the pipe goes, so that the pipe ends with the command.
        drop(guard);
        let named: Vec<(String, String)> = self.named().collect();
        let secrets = named.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let redactor = Redactor::new(secrets.chain([("DATLAKE_API_KEY", self.api.key())]));
        Ok(Started { guard: started, output: spool.read_all(output, redactor)?, asked })
    }

    /// What is started, and what that is asked, if it is to call a creator.
    fn command(&self, folder: &Path) -> anyhow::Result<(&[String], Option<AskedProgram>)> {
        let Some(ClaimedCreator { program, name, params }) = &self.claimed.creator else {
            return Ok((&self.claimed.command, None));
        };
        let request = CallRequest { creator: name.clone(), params: params.clone() };
        Ok((program, Some(AskedProgram::new(folder, &request)?)))
    }

    /// The variables that the schedule names, as this worker has them.
    fn named(&self) -> impl Iterator<Item = (String, String)> {
        self.claimed.environment.iter().filter_map(|name| Some((name.clone(), std::env::var(name).ok()?)))
    }

    fn environment(&self) -> impl Iterator<Item = (String, String)> {
        let lake = self.claimed.creator.iter().flat_map(|_| OF_THE_LAKE);
        let always =
            ALWAYS.into_iter().chain(lake).filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?)));
        always.chain(self.named())
    }

    /// Waits for the end of the command, and ends it where it has to: whether it has succeeded, and how it ended.
    fn supervise(&mut self, mut started: Started, spool: &Spool) -> (bool, Value) {
        let began = Instant::now();
        let timeout = Duration::try_from_secs_f64(self.claimed.timeout_seconds).unwrap_or(Duration::MAX);
        let mut ended = None;
        let status = loop {
            match started.guard.try_wait() {
                Ok(None) => {}
                Ok(Some(status)) => break Ok(status),
                Err(error) => break Err(error),
            }
            let why = if self.ends.load(Ordering::Relaxed) {
                Some(Ended::WorkerEnds)
            } else if began.elapsed() >= timeout {
                Some(Ended::TimedOut)
            } else {
                self.hear()
            };
            if ended.is_none()
                && let Some(why) = why
            {
                ended = Some(why);
                spool.say(why.says());
                // That is what ends it.
                drop(started.guard.stdin.take());
            }
            self.ship_some(spool);
            std::thread::sleep(LOOK);
        };
        let waits = Instant::now();
        while !started.output.is_finished() && waits.elapsed() < DRAIN {
            std::thread::sleep(LOOK);
        }
        let program = || self.claimed.creator.as_ref().and_then(|creator| creator.program.first()).cloned();
        match (started.asked, ended, &status) {
            (Some(asked), None, Ok(ended)) => called(&asked, &program().unwrap_or_default(), *ended, spool),
            _ => outcome(status, ended),
        }
    }

    /// Gives a heartbeat, where it is time: why the command is to end, if it is.
    fn hear(&mut self) -> Option<Ended> {
        let lease = Duration::try_from_secs_f64(self.claimed.lease_seconds).unwrap_or(Duration::MAX);
        if Instant::now() >= self.beat_at {
            let asked = Instant::now();
            match self.api.beat(&self.claimed.run) {
                Ok(beat) if beat.is_cancelled => return Some(Ended::Cancelled),
                Ok(beat) if beat.state != "running" => return Some(Ended::NotOurs),
                Ok(_) => self.heard = asked,
                Err(error) if error.is::<ServerRefused>() => return Some(Ended::NotOurs),
                Err(_) => {}
            }
            self.beat_at = Instant::now() + (lease / 4).clamp(Duration::from_millis(50), Duration::from_secs(5));
        }
        // Before the server gives it to another: a request that is silent for long, and the command's end, take a part of the lease, too.
        (self.heard.elapsed() > lease / 2).then_some(Ended::LeaseOver)
    }

    fn ship_some(&mut self, spool: &Spool) {
        if self.shipped_at.elapsed() >= SHIP {
            self.shipped_at = Instant::now();
            // What did not arrive is sent with what comes next.
            let _ = self.ship(spool);
        }
    }

    /// Ships a piece of the log: whether there may be more.
    fn ship(&mut self, spool: &Spool) -> anyhow::Result<bool> {
        if !self.takes_log {
            return Ok(false);
        }
        let piece = spool.piece(self.shipped, PIECE)?;
        if piece.is_empty() {
            return Ok(false);
        }
        match self.api.ship(&self.claimed.run, self.shipped, &piece) {
            Ok(state) => {
                (self.shipped, self.takes_log) = (state.size, !state.is_full);
                Ok(true)
            }
            Err(error) if error.is::<ServerRefused>() => {
                self.takes_log = false;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Tells the server the rest of the log, and the end; as long as it is away, again.
    fn tell(&mut self, spool: &Spool, success: bool, metadata: &Value) {
        let (began, mut pause) = (Instant::now(), Duration::from_millis(200));
        loop {
            let taken = match self.ship(spool) {
                Ok(true) => continue,
                Ok(false) => self.api.complete(&self.claimed.run, success, metadata),
                Err(error) => Err(error),
            };
            match taken {
                Err(error) if !error.is::<ServerRefused>() && began.elapsed() < TELL => {
                    std::thread::sleep(pause);
                    pause = (pause * 2).min(Duration::from_secs(10));
                    // It ends with the worker: its lease does the rest.
                    if self.ends.load(Ordering::Relaxed) && began.elapsed() > self.options.grace {
                        return;
                    }
                }
                // Another end is known already, or nobody is there any more.
                _ => return,
            }
        }
    }

    fn complete(&self, success: bool, metadata: &Value) {
        // Whoever does not learn of it sees that its lease is over.
        let _ = self.api.complete(&self.claimed.run, success, metadata);
    }
}

/// What a program answered that was to call a creator. What the call was given and returned are the inputs and outputs of the run.
fn called(asked: &AskedProgram, program: &str, status: ExitStatus, spool: &Spool) -> (bool, Value) {
    match asked.answer(program, &status.to_string()) {
        Ok(called) => {
            let call = format!("{}/{}", called.creator, called.key);
            spool.say(&format!("{call} {}", if called.skipped { "was known" } else { "was made" }));
            let file = |uid: &Uid| json!({"kind": "file", "name": uid.as_str()});
            let inputs: Vec<Value> = called.inputs.iter().filter_map(|input| Some(file(input.uid.as_ref()?))).collect();
            let outputs: Vec<Value> = called.outputs.iter().map(|output| file(&output.uid)).collect();
            let metadata = json!({
                "exit_code": 0, "call": call, "skipped": called.skipped,
                "inputs": inputs.get(..MOST).unwrap_or(&inputs), "outputs": outputs.get(..MOST).unwrap_or(&outputs),
            });
            (true, metadata)
        }
        Err(error) => {
            let Failure { message, hint, .. } = Failure::new(&error);
            let told = hint.map_or_else(|| message.clone(), |hint| format!("{message}; {hint}"));
            spool.say(&told);
            (false, json!({"exit_code": status.code(), "error": told}))
        }
    }
}

fn outcome(status: std::io::Result<ExitStatus>, ended: Option<Ended>) -> (bool, Value) {
    let code = status.as_ref().ok().and_then(ExitStatus::code);
    match (ended, status) {
        (None, Ok(status)) if status.success() => (true, json!({"exit_code": 0})),
        // Whatever it says to that: nobody knows whether it had done all.
        (Some(why), _) => (false, json!({"exit_code": code, "ended": why.as_str()})),
        (None, Ok(_)) => (false, json!({"exit_code": code})),
        (None, Err(error)) => (false, json!({"error": format!("the command cannot be waited for: {error}")})),
    }
}
