//! A command that lives as long as a pipe is open: the standard input of this process, whose other end a worker has.
//!
//! Whoever closes it ends the command, with all that it has started: a worker that wants that, and one that is killed.

use std::ffi::OsString;
use std::io::Read as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process_group};

use crate::interrupt;

/// How often it looks.
const LOOK: Duration = Duration::from_millis(20);
/// As shells say that a program cannot be started.
const NOT_STARTED: u8 = 127;

/// Runs a command, and ends as it does: with its status, or 128 and the signal.
pub(crate) fn guard(grace: Duration, program: &[OsString]) -> anyhow::Result<u8> {
    interrupt::hand_over_all();
    let closed = Arc::new(AtomicBool::new(false));
    let tell = closed.clone();
    std::thread::Builder::new().name("pipe".to_owned()).spawn(move || {
        // Nothing comes: it ends where the other end is closed.
        let mut nothing = Vec::new();
        let _ = std::io::stdin().lock().read_to_end(&mut nothing);
        tell.store(true, Ordering::Relaxed);
    })?;
    let (file, arguments) = program.split_first().context("there is no program")?;
    // In a group of its own, so that what it starts gets its signals, too.
    let started = Command::new(file).args(arguments).process_group(0).stdin(Stdio::null()).spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(error) => {
            let message = format!("datlake worker: cannot start `{}`: {error}", file.to_string_lossy());
            anstream::eprintln!("{}", crate::text::escape(&message));
            return Ok(NOT_STARTED);
        }
    };
    let mut killed_at = None;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        match killed_at {
            None if closed.load(Ordering::Relaxed) || interrupt::was_caught() => {
                signal(&child, Signal::TERM);
                killed_at = Some(Instant::now() + grace);
            }
            Some(at) if Instant::now() >= at => signal(&child, Signal::KILL),
            _ => {}
        }
        std::thread::sleep(LOOK);
    };
    // What it has left behind goes with it.
    signal(&child, Signal::KILL);
    Ok(code(status))
}

fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}

/// Sends a signal to the command and what it has started. One that is gone needs none.
fn signal(child: &Child, signal: Signal) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, signal);
    }
}
