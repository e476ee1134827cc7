//! What a person sees on standard error while a program runs: a line for the calls of a creator in a row, what runs for long,
//! warnings, and a summary.

mod counts;
mod screen;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use datlake_core::record::CallDocument;
use datlake_core::{CallKey, CreatorName, Location};
use datlake_store::{every, wait};
use futures_util::FutureExt as _;

use crate::config::Log;
use crate::event::{CallId, Event, Pace};
use crate::handle::{Inner, Lake};
use crate::mode::Mode;
use crate::rank::Rank;
use crate::remembered::Remembered;
use crate::report::{human_duration as duration, human_size as bytes};
use crate::sync::lock;
use counts::{Counts, Group};
use screen::Screen;

/// How often what runs is looked at.
const TICK: Duration = Duration::from_secs(1);
/// When a line says first that a body still runs, and how much longer it takes to the next.
const LONG: Duration = Duration::from_secs(2);
/// The longest time without a line while bodies run.
const SILENCE: Duration = Duration::from_secs(60);
/// Of how many skipped calls the summary says how long they once took.
const REMEMBERED: usize = 1000;

/// Shows the default lake's events on standard error, unless a `tracing` subscriber does.
///
/// Of the processes that share a program's work the first alone says what becomes of calls; each warns.
pub(crate) fn attach(lake: &Lake, log: Log, rank: Rank) {
    let (log, mode) = match (rank, lake.mode()) {
        (Rank::Other, _) => (log.min(Log::Warnings), Mode::Run),
        // A plan is there to be read.
        (_, Mode::Plan) => (log.max(Log::Warnings), Mode::Plan),
        (_, mode) => (log, mode),
    };
    // Whoever asks why bodies run wants to read it, in whatever process they run.
    let log = if lake.explains() { log.max(Log::Warnings) } else { log };
    if log == Log::Off || tracing::dispatcher::has_been_set() {
        return;
    }
    let console =
        Console { log, mode, rank, lake: Arc::downgrade(&lake.0), screen: Screen::here(), ..Console::default() };
    let console = Arc::new(Mutex::new(console));
    if let Some(unpushed) = unpushed(lake) {
        lock(&console).say(&unpushed);
    }
    // The thread that opened the default lake is, in most programs, the main one: its end is the program's.
    AT_END.with_borrow_mut(|at_end| at_end.push(AtEnd(Arc::clone(&console))));
    lake.observe(move |event: &Event| {
        let watched = lock(&console).show(event);
        if watched {
            watch(&console);
        }
    });
}

/// Warns of what earlier runs did not send.
fn unpushed(lake: &Lake) -> Option<String> {
    lake.catalog().remote.as_ref()?;
    let count = wait(lake.catalog().unpushed()).ok()?.len();
    let what = if count == 1 { "1 file or call is" } else { &format!("{count} files and calls are") };
    (count > 0).then(|| format!("warning: {what} on this machine only, until `datlake push` sends them"))
}

thread_local! {
    static AT_END: RefCell<Vec<AtEnd>> = const { RefCell::new(Vec::new()) };
}

struct AtEnd(Arc<Mutex<Console>>);

impl Drop for AtEnd {
    fn drop(&mut self) {
        lock(&self.0).end();
    }
}

/// Looks at what runs until nothing does. Without a thread for it, nobody sees long bodies; nothing else is lost.
fn watch(console: &Arc<Mutex<Console>>) {
    let console = Arc::clone(console);
    let _ = every(TICK, move || lock(&console).tick());
}

#[derive(Debug, Default)]
struct Console {
    log: Log,
    mode: Mode,
    rank: Rank,
    lake: Weak<Inner>,
    screen: Screen,
    group: Option<Group>,
    /// Bodies that run, and since when.
    running: HashMap<CallId, Instant>,
    watched: bool,
    /// When a line was last written.
    spoken: Option<Instant>,
    /// How long bodies may go on before the next line.
    patience: Duration,
    /// Of each file on its way.
    paces: HashMap<String, Pace>,
    /// Warnings that were shown, and how many there were in all.
    warned: HashMap<String, u64>,
    would_run: u64,
    /// Calls that were skipped.
    skipped: HashSet<CallKey>,
    total: Counts,
}

impl Console {
    /// Whether a thread must begin to look at what runs.
    fn show(&mut self, event: &Event) -> bool {
        match event {
            Event::Started(call) => return self.began(call),
            Event::Calls { creator, all } => self.many(creator, *all),
            Event::Hit(call) | Event::Adopted(call) => {
                if self.skipped.len() < REMEMBERED {
                    self.skipped.insert(call.key);
                }
                self.count(call, |counts| counts.skipped += 1);
            }
            Event::Executed { call, took, .. } => self.count(call, |counts| {
                counts.ran += 1;
                counts.took += *took;
            }),
            Event::Reproduced(call) => self.count(call, |counts| counts.ran += 1),
            Event::Failed { call, .. } => self.count(call, |counts| counts.failed += 1),
            Event::WouldRun { call, why } => {
                self.would_run += 1;
                if let Some(why) = why
                    && (self.mode == Mode::Plan || self.log == Log::Calls)
                {
                    self.line(&format!("{call} would run: {why}"));
                }
            }
            Event::Explained { call, why } => self.line(&format!("{call} runs: {why}")),
            Event::Waited { by: None, .. } => {}
            Event::Waited { call, by: Some(by) } => self.news(&format!("{} waits: {by} runs it", call.function())),
            Event::Stray { .. }
            | Event::Newer { .. }
            | Event::AnotherBuild
            | Event::Kept { .. }
            | Event::Refused { .. }
            | Event::Unsent { .. }
            | Event::Unpushed { .. }
            | Event::NotKept { .. }
            | Event::TransactionKept { .. }
            | Event::Unchecked { .. }
            | Event::NewRemote { .. } => self.warn(event),
            Event::Downloading { file, done, size } => self.transfer("downloading", file, *done, *size),
            Event::Uploading { file, done, size } => self.transfer("uploading", file, *done, *size),
            // Who adds and pushes many at once has a program of its own for that.
            Event::Adding { .. } | Event::Pushing { .. } => {}
            Event::Uploaded { file, size } => {
                self.paces.remove(file);
                self.news(&format!("uploaded {file} ({})", bytes(*size)));
            }
            Event::Evicted { bytes: size, left, .. } => {
                self.news(&format!("evicted {}, {} of content are left here", bytes(*size), bytes(*left)));
            }
            Event::Downloaded { file, size } => {
                self.paces.remove(file);
                self.total.downloads += 1;
                self.total.bytes += size;
                self.news(&format!("downloaded {file} ({})", bytes(*size)));
            }
        }
        false
    }

    /// What a person should know whatever else is shown. The same text is shown once, and counted at the end.
    fn warn(&mut self, event: &Event) {
        let text = match event {
            Event::Stray { item, creator } => format!(
                "warning: `{item}` ran on a thread that knows no body, while `{creator}`, which does not declare it, ran; if {creator} started that thread, take datlake::here() along, or a change of `{item}` goes unnoticed"
            ),
            Event::Newer { file } => format!(
                "warning: {file} was written while this program was compiled from it: nothing that it makes is stored; build it again"
            ),
            Event::AnotherBuild => "warning: this process is another build of the program than the run was started with: steps whose code differs are made twice; end the run, and start one build on all machines".to_owned(),
            Event::Kept { call, why } => format!("warning: {} keeps what is there, although {why}", call.function()),
            Event::Unsent { to, why } => format!(
                "warning: what bodies do is not sent to {to}: {why}; it waits on this machine, until a program sends it, or `datlake outbox send`"
            ),
            Event::Refused { remote } => format!(
                "warning: {remote} refuses to be written: what is made stays on this machine, until `datlake push` may send it"
            ),
            Event::Unpushed { call, why } => format!(
                "warning: what {} made stays on this machine, until `datlake push` sends it: {why}",
                call.function()
            ),
            Event::NotKept { path, why } => format!("warning: {path}: {why}"),
            Event::TransactionKept { repository, branch } => format!(
                "warning: a transaction of the repository `{repository}` was not committed: what it did is kept at the branch `{branch}`"
            ),
            Event::Unchecked { uid, why } => {
                format!(
                    "warning: whether `{uid}` was replaced was not looked up, and this machine's copy is used: {why}"
                )
            }
            Event::NewRemote { remote } => format!(
                "warning: there is no lake at {remote} yet, and the first write makes one; if there should be one, its URL is wrong"
            ),
            _ => return,
        };
        let times = self.warned.entry(text.clone()).or_default();
        *times += 1;
        if *times == 1 {
            self.line(&text);
        }
    }

    fn began(&mut self, call: &CallId) -> bool {
        if self.log != Log::Calls {
            return false;
        }
        self.group_of(call.function());
        if self.running.is_empty() {
            (self.spoken, self.patience) = (Some(Instant::now()), LONG);
        }
        self.running.insert(call.clone(), Instant::now());
        !std::mem::replace(&mut self.watched, true)
    }

    /// Many calls of one creator begin.
    fn many(&mut self, creator: &CreatorName, all: usize) {
        if self.log == Log::Calls {
            let group = self.group_of(creator.function());
            group.all = Some(group.counts.calls() + all);
        }
    }

    fn group_of(&mut self, function: &str) -> &mut Group {
        if self.group.as_ref().is_none_or(|group| group.function != function) {
            self.close();
        }
        self.group.get_or_insert_with(|| Group::new(function, None))
    }

    fn count(&mut self, call: &CallId, add: impl Fn(&mut Counts)) {
        self.running.remove(call);
        add(&mut self.total);
        if self.log != Log::Calls {
            return;
        }
        let terminal = self.screen.is_terminal();
        let group = self.group_of(call.function());
        add(&mut group.counts);
        // A person sees at once what one call came to; how many follow is not known.
        if terminal && group.all.is_none() && group.counts.calls() == 1 {
            let text = group.text();
            group.said = 1;
            self.say(&text);
        }
    }

    /// Says what runs for long. Whether anything runs still.
    fn tick(&mut self) -> bool {
        if self.running.is_empty() {
            self.screen.clear();
            self.watched = false;
            return false;
        }
        let text = self.under_way();
        if self.screen.is_live() {
            self.screen.transient(&text);
        } else if self.spoken.is_none_or(|at| at.elapsed() >= self.patience) {
            self.say(&text);
            self.patience = (self.patience * 3).min(SILENCE);
        }
        true
    }

    /// `train: 12 of 36 done, 2 running for 41 s`
    fn under_way(&self) -> String {
        let longest = self.running.values().min().map_or(Duration::ZERO, Instant::elapsed);
        let whole = Duration::from_secs(longest.as_secs());
        let running = format!("{} running, {} so far", self.running.len(), duration(whole));
        let Some(group) = &self.group else { return running };
        let left = group.left().map_or_else(String::new, |left| format!(", about {} left", duration(left)));
        format!("{}: {}{running}{left}", group.function, group.progress())
    }

    /// A transfer that takes long.
    fn transfer(&mut self, doing: &str, file: &str, done: u64, size: u64) {
        let pace = *self.paces.entry(file.to_owned()).or_insert_with(|| Pace::begin(done));
        if self.log != Log::Calls {
            return;
        }
        let pace = match (pace.rate(done), pace.left(done, size)) {
            (Some(rate), Some(left)) => format!(", {}/s, {} left", bytes(rate), duration(left)),
            _ => return,
        };
        let text = format!("{doing} {file}: {} of {}{pace}", bytes(done), bytes(size));
        if self.screen.is_live() {
            self.screen.transient(&text);
        } else if self.spoken.is_none_or(|at| at.elapsed() >= 5 * LONG) {
            self.say(&text);
        }
    }

    /// A line that closes the group before it.
    fn line(&mut self, text: &str) {
        self.close();
        self.say(text);
    }

    /// A line for who follows the calls.
    fn news(&mut self, text: &str) {
        if self.log == Log::Calls {
            self.line(text);
        }
    }

    fn say(&mut self, text: &str) {
        self.spoken = Some(Instant::now());
        self.screen.line(text);
    }

    /// What follows is another group.
    fn close(&mut self) {
        if let Some(group) = self.group.take()
            && group.counts.calls() > group.said
        {
            self.say(&group.text());
        }
    }

    fn end(&mut self) {
        self.close();
        self.screen.clear();
        for (text, times) in std::mem::take(&mut self.warned) {
            if times > 1 {
                self.say(&format!("{text} ({times} times)"));
            }
        }
        if self.would_run > 0 && (self.mode == Mode::Plan || self.log >= Log::Summary) {
            let calls = if self.would_run == 1 { "call" } else { "calls" };
            self.say(&format!("{} {calls} would run", self.would_run));
        }
        if self.log == Log::Warnings {
            return;
        }
        if let Some(text) = self.total.summary(self.saved()) {
            let whose = if self.rank == Rank::First { " (in the first process)" } else { "" };
            self.say(&format!("{text}{whose}"));
        }
    }

    /// How long the bodies took that were skipped, as far as it is remembered.
    fn saved(&self) -> Duration {
        let Some(lake) = self.lake.upgrade().map(Lake) else { return Duration::ZERO };
        let known = self.skipped.iter().filter_map(|key| lake.remembered(key));
        // Nothing here may need what libraries keep for a thread: it may be at its end.
        let record = |Remembered { answer, .. }: Remembered| {
            let at = Location::Record(answer.creator.clone(), answer.key);
            let bytes = lake.catalog().local.get(&at).now_or_never()?.ok()??;
            CallDocument::parse(&answer.creator, &answer.key, bytes).ok()?.record()
        };
        let lineages = known.filter_map(record).filter_map(|record| record.lineage().ok());
        lineages.map(|lineage| Duration::from_millis(lineage.duration_ms)).sum()
    }
}
