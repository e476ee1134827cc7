//! How far something long is: one line on a terminal, written again and again, and taken away at the end.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::text;

/// Not more often than anybody can read.
const PAUSE: Duration = Duration::from_millis(100);

/// Shows bytes as they come; of how many, where that is known.
pub(super) fn bytes(what: &str) -> Box<dyn FnMut(u64, Option<u64>)> {
    if !io::stderr().is_terminal() {
        return Box::new(|_, _| {});
    }
    let what = text::clean(what).into_owned();
    let started = Instant::now();
    let mut shown = started;
    Box::new(move |done, all| {
        let now = Instant::now();
        if now - shown < PAUSE {
            return;
        }
        shown = now;
        let rate = (done as f64 / (now - started).as_secs_f64()) as u64;
        let of = all.map(|all| format!(" of {}", text::bytes(all))).unwrap_or_default();
        line(&format!("{what}: {}{of}, {}/s", text::bytes(done), text::bytes(rate)));
    })
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
    pub(super) fn new(what: &str, all: usize) -> Self {
        let shown = io::stderr().is_terminal().then(|| Mutex::new(Instant::now()));
        Self { what: text::clean(what).into_owned(), all, done: AtomicUsize::new(0), shown }
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
pub(super) fn wipe() {
    if io::stderr().is_terminal() {
        let _ = write!(io::stderr(), "\r\x1b[2K");
    }
}
