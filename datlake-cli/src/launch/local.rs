//! Processes on this machine, under a supervisor that outlives whoever follows them.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde::{Deserialize, Serialize};

use super::folder::{self, Launched};
use super::{End, Engine, Launch, State};
use crate::interrupt;

/// How often the supervisor looks at its processes.
const LOOK: Duration = Duration::from_millis(20);

/// What the supervisor is given on its standard input.
#[derive(Serialize, Deserialize)]
struct Orders {
    processes: u64,
    grace_ms: u64,
    environment: Vec<(String, String)>,
}

/// The processes of a launch on this machine.
#[derive(Debug)]
pub(crate) struct Local {
    folder: PathBuf,
    processes: u64,
}

impl Local {
    pub(crate) fn of(launched: &Launched) -> Self {
        Self { folder: launched.folder.clone(), processes: launched.processes }
    }

    /// Starts them.
    pub(crate) fn start(launch: &Launch, launched: &Launched) -> anyhow::Result<()> {
        let said = File::create(launched.folder.join("supervisor.err"))?;
        let mut supervisor = Command::new(std::env::current_exe().context("cannot find this program's file")?);
        supervisor.arg("supervise").arg(&launched.folder).arg("--").arg(&launch.program).args(&launch.arguments);
        // Not of the terminal's: neither Ctrl-C nor its end is for them.
        supervisor.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(said);
        let mut supervisor = supervisor.spawn().context("cannot start a supervisor for the processes")?;
        let orders = Orders {
            processes: launch.processes,
            grace_ms: u64::try_from(launch.grace.as_millis()).unwrap_or(u64::MAX),
            environment: launch.environment()?.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        };
        if let Some(mut input) = supervisor.stdin.take() {
            // If it is gone, that is reported below.
            let _ = input.write_all(&serde_json::to_vec(&orders)?);
        }
        let mut ready = String::new();
        if let Some(out) = supervisor.stdout.take() {
            BufReader::new(out).read_line(&mut ready)?;
        }
        if ready.trim() != "ready" {
            let _ = supervisor.wait();
            let said = std::fs::read_to_string(launched.folder.join("supervisor.err")).unwrap_or_default();
            bail!("the processes cannot be started: {}", said.trim().trim_start_matches("datlake: "));
        }
        Ok(())
    }
}

impl Engine for Local {
    fn states(&mut self) -> anyhow::Result<Vec<State>> {
        // Before the ends: what it wrote last is seen.
        let supervised = folder::is_supervised(&self.folder)?;
        let state = |rank| match folder::end(&self.folder, rank)? {
            Some(end) => Ok(State::Ended(end)),
            None if supervised => Ok(State::Running),
            None => Ok(State::Lost("its supervisor was killed; the process may still run".to_owned())),
        };
        (0..self.processes).map(state).collect()
    }

    fn notes(&mut self) -> Vec<String> {
        Vec::new()
    }

    fn cancel(&mut self) -> anyhow::Result<()> {
        if folder::is_supervised(&self.folder)?
            && let Some(supervisor) = folder::supervisor(&self.folder)?.and_then(Pid::from_raw)
        {
            kill_process(supervisor, Signal::TERM).context("cannot end the run's supervisor")?;
        }
        Ok(())
    }
}

/// What `datlake supervise` does: starts the processes, waits for them, writes down how they ended. SIGTERM and SIGINT are for them.
pub(crate) fn supervise(folder: &Path, program: &[OsString]) -> anyhow::Result<()> {
    interrupt::hand_over_all();
    let orders: Orders =
        serde_json::from_reader(io::stdin().lock()).context("there are no orders on standard input")?;
    let lock = folder::lock(folder)?;
    lock.lock().context("the folder has a supervisor")?;
    folder::write_supervisor(folder)?;
    let mut processes = Vec::new();
    for rank in 0..orders.processes {
        match start(folder, rank, &orders, program) {
            Ok(child) => processes.push((rank, child)),
            Err(error) => {
                processes.iter().for_each(|(_, child)| signal(child, Signal::KILL));
                return Err(error);
            }
        }
    }
    let mut out = io::stdout();
    // Whoever starts the run may be gone: the processes go on.
    let _ = writeln!(out, "ready").and_then(|()| out.flush());
    wait(folder, processes, Duration::from_millis(orders.grace_ms))
}

fn start(folder: &Path, rank: u64, orders: &Orders, program: &[OsString]) -> anyhow::Result<Child> {
    let (file, arguments) = program.split_first().context("there is no program")?;
    let mut command = Command::new(file);
    command
        .args(arguments)
        .envs(orders.environment.iter().map(|(name, value)| (name, value)))
        .env("DATLAKE_RANK", rank.to_string())
        // So that what it starts gets its signals too.
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(File::create(folder::out(folder, rank))?)
        .stderr(File::create(folder::err(folder, rank))?);
    let failed = || format!("cannot start process {rank} of {}", orders.processes);
    command.spawn().with_context(failed)
}

fn wait(folder: &Path, mut processes: Vec<(u64, Child)>, grace: Duration) -> anyhow::Result<()> {
    let mut killed_at = None;
    while !processes.is_empty() {
        let mut left = Vec::new();
        for (rank, mut child) in processes {
            match child.try_wait()? {
                // A disk that is full may have room at the next look; whoever cancels the run does not wait for that.
                Some(status) if folder::write_end(folder, rank, &end(status)).is_err() && killed_at.is_none() => {
                    left.push((rank, child));
                }
                Some(_) => {}
                None => left.push((rank, child)),
            }
        }
        processes = left;
        match killed_at {
            None if interrupt::was_caught() => {
                processes.iter().for_each(|(_, child)| signal(child, Signal::TERM));
                killed_at = Some(Instant::now() + grace);
            }
            Some(at) if Instant::now() >= at => processes.iter().for_each(|(_, child)| signal(child, Signal::KILL)),
            _ => {}
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}

fn end(status: ExitStatus) -> End {
    match (status.code(), status.signal()) {
        (Some(code), _) => End::Code(code),
        (None, Some(signal)) => End::Signal(signal),
        (None, None) => End::Code(status.into_raw()),
    }
}

/// Sends a signal to the process and what it has started. One that is gone needs none.
fn signal(child: &Child, signal: Signal) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, signal);
    }
}
