//! Signals that end the process: what it has begun to write goes, and nothing half-done is seen.
//!
//! One thread waits for them. It takes the lock over everything that is unfinished and keeps it until the process has ended,
//! so nobody begins anything new meanwhile, and what fails because its file was taken away is not reported.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use datlake::Lake;
use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;

/// What would be left behind.
struct Begun {
    paths: Vec<PathBuf>,
    lakes: Vec<Lake>,
}

static BEGUN: Mutex<Begun> = Mutex::new(Begun { paths: Vec::new(), lakes: Vec::new() });
static PAGING: AtomicBool = AtomicBool::new(false);
/// What the next signal does in place of ending the process.
static SERVING: Mutex<Option<Box<dyn FnOnce() + Send>>> = Mutex::new(None);
/// Whether a first signal is for somebody else, or each; and whether one came since.
static HANDED_OVER: AtomicBool = AtomicBool::new(false);
static ALL_HANDED_OVER: AtomicBool = AtomicBool::new(false);
static CAUGHT: AtomicBool = AtomicBool::new(false);

fn begun() -> MutexGuard<'static, Begun> {
    BEGUN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for signals from now on.
pub(crate) fn watch() -> io::Result<()> {
    // A file that would become larger than it may is an error of who writes it, and not the end of the process.
    signal_hook::flag::register(SIGXFSZ, Arc::default())?;
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let wait = move || {
        let ends = |signal: &i32| {
            // A server ends what it has begun; who cannot wait for that asks once more.
            let served = SERVING.lock().unwrap_or_else(PoisonError::into_inner).take();
            let is_served = served.is_some_and(|end| {
                end();
                true
            });
            let is_first = !CAUGHT.swap(true, Ordering::Relaxed);
            let handed_over =
                HANDED_OVER.load(Ordering::Relaxed) && (is_first || ALL_HANDED_OVER.load(Ordering::Relaxed));
            !is_served && !handed_over && (*signal != SIGINT || !PAGING.load(Ordering::Relaxed))
        };
        let Some(signal) = signals.forever().find(ends) else { return };
        let begun = begun();
        for path in &begun.paths {
            remove(path);
        }
        for lake in &begun.lakes {
            lake.abandon_writes();
        }
        // As a shell says it.
        std::process::exit(128 + signal);
    };
    std::thread::Builder::new().name("signals".into()).spawn(wait).map(drop)
}

fn remove(path: &Path) {
    for _ in 0..100 {
        let removed = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
        // Others may still be writing there.
        match removed {
            Err(e) if e.kind() == io::ErrorKind::DirectoryNotEmpty => {}
            _ => break,
        }
    }
}

/// Whatever this lake has begun goes with the process.
pub(crate) fn watch_over(lake: &Lake) {
    begun().lakes.push(lake.clone());
}

/// All is done: nothing is left for a signal to clear up. Waits for the end where one has come.
pub(crate) fn settled() {
    let lakes = std::mem::take(&mut begun().lakes);
    drop(lakes);
}

/// From now on a first signal does not end this process: it is for those that it has started. Whoever sends another wants this one
/// to end.
pub(crate) fn hand_over() {
    HANDED_OVER.store(true, Ordering::Relaxed);
}

/// No signal ends this process: it is there as long as those that it has started.
pub(crate) fn hand_over_all() {
    ALL_HANDED_OVER.store(true, Ordering::Relaxed);
    hand_over();
}

/// Whether that one came.
pub(crate) fn was_caught() -> bool {
    HANDED_OVER.load(Ordering::Relaxed) && CAUGHT.load(Ordering::Relaxed)
}

/// As long as this lives, Ctrl-C is for the program that shows the answer.
pub(crate) fn paging() -> Paging {
    PAGING.store(true, Ordering::Relaxed);
    Paging(())
}

/// That a program shows the answer.
pub(crate) struct Paging(());

impl Drop for Paging {
    fn drop(&mut self) {
        PAGING.store(false, Ordering::Relaxed);
    }
}

/// The next signal does this, in place of ending the process.
#[cfg(feature = "serve")]
pub(crate) fn serving(end: impl FnOnce() + Send + 'static) {
    *SERVING.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(end));
}

/// Something that is not finished under a name of its own.
pub(crate) struct Unfinished<T> {
    made: T,
    path: PathBuf,
}

impl<T> Unfinished<T> {
    /// Makes it; `path` tells where it is.
    pub(crate) fn begin(make: impl FnOnce() -> io::Result<T>, path: impl FnOnce(&T) -> &Path) -> io::Result<Self> {
        let mut begun = begun();
        let made = make()?;
        let path = path(&made).to_owned();
        begun.paths.push(path.clone());
        Ok(Self { made, path })
    }

    pub(crate) fn get(&mut self) -> &mut T {
        &mut self.made
    }

    /// Gives it its name.
    pub(crate) fn finish<R>(self, name: impl FnOnce(T) -> R) -> R {
        let mut begun = begun();
        let named = name(self.made);
        begun.paths.retain(|path| *path != self.path);
        named
    }
}
