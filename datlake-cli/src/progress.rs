//! Progress of what takes long: one line on a terminal, which is rewritten, and erased at the end.

use std::collections::HashMap;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use datlake::{Event, Pace};

use crate::screen::Screen;
use crate::text;

/// Not more often than anybody can read.
const PAUSE: Duration = Duration::from_millis(100);

/// The smallest transfer that is worth a line, in bytes.
const LARGE: u64 = 1 << 20;

/// Shows bytes as they come; of how many, where that is known.
pub(crate) fn bytes(what: &str) -> Box<dyn FnMut(u64, Option<u64>)> {
    if !io::stderr().is_terminal() {
        return Box::new(|_, _| {});
    }
    let what = text::escape(what).into_owned();
    let pace = Pace::begin(0);
    let mut shown = Instant::now();
    Box::new(move |done, all| {
        if shown.elapsed() >= PAUSE {
            shown = Instant::now();
            line(&format!("{what}: {}", far(pace, done, all)));
        }
    })
}

/// How far a transfer is, at which rate, and how long the rest takes, where that is known.
fn far(pace: Pace, done: u64, all: Option<u64>) -> String {
    let of = all.map(|all| format!(" of {}", text::bytes(all))).unwrap_or_default();
    let rate = pace.rate(done).map(|rate| format!(", {}/s", text::bytes(rate))).unwrap_or_default();
    let left = all
        .and_then(|all| pace.left(done, all))
        .map(|left| format!(", {} left", text::duration(left.as_millis() as u64)));
    format!("{}{of}{rate}{}", text::bytes(done), left.unwrap_or_default())
}

/// Shows how far the transfers of a lake are, as its events tell.
pub(crate) struct Watching {
    screen: Screen,
    /// `None` where there is nobody to see it.
    state: Option<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Since when each file is on its way.
    paces: HashMap<String, Pace>,
    /// When something was shown last.
    shown: Option<Instant>,
}

impl Watching {
    pub(crate) fn new(screen: Screen) -> Self {
        let state = io::stderr().is_terminal().then(Mutex::default);
        Self { screen, state }
    }

    pub(crate) fn show(&self, event: &Event) {
        match event {
            Event::NotKept { path, why } => self.screen.warning(&format!("{path}: {why}")),
            Event::Unchecked { uid, why } => self.screen.warning(&format!(
                "whether `{uid}` was replaced was not looked up, and this machine's copy is used: {why}"
            )),
            Event::NewRemote { remote } => self.screen.warning(&format!(
                "there is no lake at {remote} yet, and the first write makes one; if there should be one, its URL is wrong"
            )),
            _ => {}
        }
        let Some(Ok(mut state)) = self.state.as_ref().map(Mutex::lock) else { return };
        let State { paces, shown } = &mut *state;
        let last = matches!(event, Event::Adding { done, all } | Event::Pushing { done, all } if done == all);
        let under_way = matches!(
            event,
            Event::Downloading { .. } | Event::Uploading { .. } | Event::Adding { .. } | Event::Pushing { .. }
        );
        let due = under_way && shown.is_none_or(|shown| shown.elapsed() >= PAUSE);
        if due {
            *shown = Some(Instant::now());
        }
        match event {
            Event::Downloaded { file, size } | Event::Uploaded { file, size } => {
                paces.remove(file);
                wipe();
                let how = if matches!(event, Event::Uploaded { .. }) { "uploaded" } else { "downloaded" };
                if *size >= LARGE {
                    self.screen.say(&format!("{how} {} ({})", text::escape(file), text::bytes(*size)));
                }
            }
            _ if last => wipe(),
            Event::Downloading { file, done, size } | Event::Uploading { file, done, size } => {
                let pace = *paces.entry(file.clone()).or_insert_with(|| Pace::begin(*done));
                if due {
                    line(&format!("{}: {}", text::escape(file), far(pace, *done, Some(*size))));
                }
            }
            Event::Adding { done, all } if due => line(&format!("added {done} of {all} files")),
            Event::Pushing { done, all } if due => line(&format!("pushed {done} of {all} pieces of content")),
            _ => {}
        }
    }
}

/// Counts files, of several threads at once.
pub(crate) struct Counter {
    what: String,
    all: usize,
    done: AtomicUsize,
    /// When it was shown last; `None` where there is nobody to see it.
    shown: Option<Mutex<Instant>>,
}

impl Counter {
    pub(crate) fn new(what: &str, all: usize) -> Self {
        let shown = io::stderr().is_terminal().then(|| Mutex::new(Instant::now()));
        Self { what: text::escape(what).into_owned(), all, done: AtomicUsize::new(0), shown }
    }

    /// One more is done.
    pub(crate) fn count(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        // Whoever finds another at it leaves it to that one.
        let Some(Ok(mut shown)) = self.shown.as_ref().map(Mutex::try_lock) else { return };
        if shown.elapsed() >= PAUSE {
            *shown = Instant::now();
            line(&format!("{}: {done} of {} files", self.what, self.all));
        }
    }

    /// All are done, or no more will be.
    pub(crate) fn end(&self) {
        wipe();
    }
}

fn line(text: &str) {
    let _ = write!(io::stderr(), "\r\x1b[2K{text}");
}

/// Takes the line away, where there may be one.
pub(crate) fn wipe() {
    if io::stderr().is_terminal() {
        let _ = write!(io::stderr(), "\r\x1b[2K");
    }
}
