//! Follows a launch until its processes have ended: their lines, each with its process's number; and on a terminal what each does.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant, SystemTime};

use datlake::report::{CallNow, SharedRunState};
use datlake::{Lake, WatchedRun};

use super::folder::{self, Launched};
use super::{Engine, LaunchOutcome, State, live, outcome};
use crate::interrupt;
use crate::lines::Lines;
use crate::screen::{Live, Screen};

/// The pause between two looks at what the processes say.
const LOOK: Duration = Duration::from_millis(50);
/// The same at what they do, where somebody sees it.
const DRAW: Duration = Duration::from_millis(500);
/// The pause is this many times what a look takes, at least.
const TIMES_A_LOOK: u32 = 10;

/// What Ctrl-C means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interrupted {
    /// The processes are to end.
    Cancels,
    /// Whoever follows leaves: the signal ends this process, as any other.
    Leaves,
}

/// Shows what they say until they have ended.
pub(crate) fn follow(
    lake: &Lake,
    launched: &Launched,
    engine: &mut dyn Engine,
    interrupted: Interrupted,
    screen: &Screen,
    json: bool,
) -> anyhow::Result<LaunchOutcome> {
    if interrupted == Interrupted::Cancels {
        interrupt::hand_over();
    }
    let mut following = Following::new(lake, launched, Live::new(*screen, json))?;
    let (mut cancelled, mut first) = (false, true);
    let states = loop {
        // Before the lines: those of a process that has ended are all there.
        let states = engine.states()?;
        let over = states.iter().all(State::is_over);
        for note in engine.notes() {
            following.live.say(&note);
        }
        while following.lines()? {}
        following.ends(&states)?;
        if over {
            break states;
        }
        if interrupted == Interrupted::Cancels && !cancelled && interrupt::was_caught() {
            cancelled = true;
            following.live.say(&format!("ending run {}: its processes have their time of grace", launched.id));
            engine.cancel()?;
        }
        following.draw(&states, std::mem::take(&mut first))?;
        std::thread::sleep(LOOK);
    };
    following.rest();
    Ok(LaunchOutcome::new(&launched.id, &launched.folder, cancelled, &states))
}

struct Following {
    watched: WatchedRun,
    /// Standard output and standard error of each process.
    streams: Vec<[Lines; 2]>,
    live: Live,
    /// Ranks of processes that have ended.
    over: BTreeSet<u64>,
    drawn: Instant,
    pause: Duration,
}

impl Following {
    fn new(lake: &Lake, launched: &Launched, live: Live) -> anyhow::Result<Self> {
        let of =
            |rank| [Lines::of(folder::out(&launched.folder, rank)), Lines::of(folder::err(&launched.folder, rank))];
        Ok(Self {
            watched: lake.watch_run(&launched.id),
            streams: (0..launched.processes).map(of).collect(),
            live,
            over: BTreeSet::new(),
            drawn: Instant::now(),
            pause: DRAW,
        })
    }

    /// Shows what was said since; whether there may be more.
    fn lines(&mut self) -> io::Result<bool> {
        let mut more = false;
        for (rank, [out, err]) in self.streams.iter_mut().enumerate() {
            more |= out.read(|line| self.live.line(rank, line, false))?;
            more |= err.read(|line| self.live.line(rank, line, true))?;
        }
        self.live.flush()?;
        Ok(more)
    }

    /// What was said without an end of its line.
    fn rest(&mut self) {
        for (rank, [out, err]) in self.streams.iter_mut().enumerate() {
            out.end(|line| self.live.line(rank, line, false));
            err.end(|line| self.live.line(rank, line, true));
        }
        let _ = self.live.flush();
        self.live.clear();
    }

    /// Says which processes have ended otherwise than they should.
    fn ends(&mut self, states: &[State]) -> anyhow::Result<()> {
        let ended: Vec<u64> = (0..)
            .zip(states)
            .filter(|(rank, state)| state.is_over() && !self.over.contains(rank))
            .map(|(rank, _)| rank)
            .collect();
        if ended.is_empty() {
            return Ok(());
        }
        let seen = self.look()?;
        let mut was_in = was_in(&seen);
        for rank in ended {
            self.over.insert(rank);
            let state = usize::try_from(rank).ok().and_then(|at| states.get(at));
            if let Some(said) =
                state.and_then(|state| outcome::said(rank, state, &was_in.remove(&rank).unwrap_or_default()))
            {
                self.live.say(&said);
            }
        }
        Ok(())
    }

    fn look(&mut self) -> anyhow::Result<SharedRunState> {
        let over: Vec<u64> = self.over.iter().copied().collect();
        Ok(self.watched.look(&over)?)
    }

    fn draw(&mut self, states: &[State], first: bool) -> anyhow::Result<()> {
        if !io::stderr().is_terminal() || !first && self.drawn.elapsed() < self.pause {
            return Ok(());
        }
        let began = Instant::now();
        let seen = self.look()?;
        self.pause = DRAW.max(began.elapsed() * TIMES_A_LOOK);
        self.drawn = Instant::now();
        let lines = live::lines(states, &seen, SystemTime::now(), self.live.columns());
        self.live.draw(lines);
        Ok(())
    }
}

/// The bodies that each process was in.
fn was_in(seen: &SharedRunState) -> BTreeMap<u64, Vec<CallNow>> {
    let mut all = BTreeMap::<u64, Vec<CallNow>>::new();
    for process in seen.processes.iter().filter(|process| process.ended_at.is_none()) {
        if let Some(rank) = process.rank {
            all.entry(rank).or_default().extend(process.running.iter().cloned());
        }
    }
    all
}
