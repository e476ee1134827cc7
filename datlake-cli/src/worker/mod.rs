//! `datlake worker`: claims runs of a server and runs their commands.
//!
//! From the bottom up: `redacted` (output without the values of variables), `spool` (output on its way from a command to the server), `api` (what is asked of the
//! server), `options`, `guard` (a command lives as long as a pipe is open), `running` (one run, from its claim to its end), and here: claiming, as long as there is room.
//!
//! What ends a command always does it the same way: its pipe is closed. So a worker that is killed leaves none behind.

mod api;
mod guard;
mod options;
mod redacted;
mod running;
mod spool;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;

pub(crate) use api::{ServerApi, at, at_job};
pub(crate) use guard::guard;
pub(crate) use options::WorkerOptions;

use crate::interrupt;
use crate::screen::Screen;
use running::RunningRun;

/// The pause behind a claim that failed: from, to.
const PAUSE: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(30)];
/// How often it is looked whether there is room.
const LOOK: Duration = Duration::from_millis(50);
/// So long a claim waits at the server. Whoever ends the worker waits for that.
const WAITS: Duration = Duration::from_secs(2);

/// Claims runs and runs their commands, until a signal.
pub(crate) fn work(api: ServerApi, options: WorkerOptions, screen: &Screen) -> anyhow::Result<()> {
    let (api, options, ends) = (Arc::new(api), Arc::new(options), Arc::new(AtomicBool::new(false)));
    let signal = ends.clone();
    interrupt::serving(move || signal.store(true, Ordering::Relaxed));
    screen.say(&format!("datlake: the worker {} claims runs of {} at {}", options.name, options.jobs, api.address()));
    let (mut runs, mut pause) = (Vec::<JoinHandle<()>>::new(), PAUSE[0]);
    while !ends.load(Ordering::Relaxed) {
        runs.retain(|run| !run.is_finished());
        if runs.len() >= options.slots {
            std::thread::sleep(LOOK);
            continue;
        }
        match api.claim(&options.name, &options.jobs, options.lease, WAITS) {
            Ok(None) => pause = PAUSE[0],
            Ok(Some(claimed)) => {
                pause = PAUSE[0];
                screen.say(&format!("datlake: {} begins, run {}", claimed.run.job_name, claimed.run.run_id));
                let run = RunningRun::new(api.clone(), options.clone(), claimed, ends.clone());
                let name = "run".to_owned();
                runs.push(std::thread::Builder::new().name(name).spawn(|| run.run()).context("cannot start a thread")?);
            }
            Err(error) => {
                screen.warning(&format!("no run could be claimed: {error:#}; trying again"));
                wait(pause, &ends);
                pause = (pause * 2).min(PAUSE[1]);
            }
        }
    }
    screen.say(&format!(
        "datlake: the worker ends, and with it {} runs",
        runs.iter().filter(|run| !run.is_finished()).count()
    ));
    for run in runs {
        let _ = run.join();
    }
    Ok(())
}

fn wait(pause: Duration, ends: &AtomicBool) {
    let mut left = pause;
    while !left.is_zero() && !ends.load(Ordering::Relaxed) {
        let some = left.min(LOOK);
        std::thread::sleep(some);
        left -= some;
    }
}
