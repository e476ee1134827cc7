//! How long a call waits, and how often it looks.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use datlake_core::admission::{CallIn, Waits};
use datlake_lake::scope::{self, Frame};

use crate::work_stealing;

/// The pause between two looks at what somebody else does, at first and at most.
const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_millis(200);

/// The same at the remote for a call that another process is to begin, of which nothing tells.
const SHORTEST_FAR: Duration = Duration::from_secs(1);
const LONGEST_FAR: Duration = Duration::from_secs(30);

/// Pauses between looks, each twice as long as the last.
#[derive(Debug)]
pub(super) struct Backoff(Duration);

impl Backoff {
    pub(super) fn new() -> Self {
        Self(SHORTEST)
    }

    pub(super) fn next(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (pause * 2).min(LONGEST);
        pause
    }
}

/// How long a call waits on a thread of a pool that steals work. Another process may wait for a body of this one, which may wait
/// for a piece of it that lies below on this very thread. So once [`work_stealing::PATIENCE`] has passed, it waits only while no body of
/// this process runs that ran when the wait began.
#[derive(Clone)]
pub(super) struct Patience {
    began: Instant,
    bodies: Vec<Weak<dyn Frame>>,
}

impl Patience {
    pub(super) fn new() -> Self {
        let bodies = if work_stealing::is_possible() { scope::running() } else { Vec::new() };
        Self { began: Instant::now(), bodies: bodies.iter().map(Arc::downgrade).collect() }
    }

    pub(super) fn is_over(&self) -> bool {
        self.began.elapsed() >= work_stealing::PATIENCE
            && scope::running()
                .iter()
                .any(|body| self.bodies.iter().any(|known| Weak::ptr_eq(known, &Arc::downgrade(body))))
            && work_stealing::may_lie_on_another()
    }
}

/// How a call waits that could not go on at once.
#[derive(Default)]
pub(super) struct WaitState {
    /// How long it has waited on a pool that steals work, over all attempts.
    pub(super) patience: Option<Patience>,
    /// It does not fit this process, and is another's to make.
    pub(super) elsewhere: Option<Elsewhere>,
    /// That it waits, for those that have something of the machine.
    pub(super) waits: Option<Waits>,
    /// That it is under way, for the same. Behind the waiting, which is part of it.
    pub(super) call_in: Option<CallIn>,
}

/// When a call that another process is to make is looked for at the remote next.
#[derive(Debug)]
pub(super) struct Elsewhere {
    due: Instant,
    pause: Duration,
}

impl Elsewhere {
    pub(super) fn new() -> Self {
        Self { due: Instant::now(), pause: SHORTEST_FAR }
    }

    /// Whether it is due: then the next time is later.
    pub(super) fn is_due(&mut self) -> bool {
        let now = Instant::now();
        let due = now >= self.due;
        if due {
            self.due = now + self.pause;
            self.pause = (self.pause * 2).min(LONGEST_FAR);
        }
        due
    }
}
