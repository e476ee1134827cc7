//! What is remembered of collections at the remote, and what content is named by.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::collect::{Collection, Window};
use crate::{Digest, Stage, Uid};

/// What a catalog knows of the collections at its remote, and the time it has.
#[derive(Clone)]
pub struct Collections {
    /// How long after it was found content may be named.
    pub window: Window,
    pub(super) clock: Arc<dyn Fn() -> Duration + Send + Sync>,
    pub(super) known: Arc<Mutex<Learned>>,
    memory: Option<Arc<dyn SweepMemory>>,
}

/// What a machine remembers of the sweeps at its remote, for its next process. What was known before is as good as what is known now: it
/// makes more look like collected, never less.
pub trait SweepMemory: Send + Sync {
    /// How many sweeps had begun and ended, as far as an earlier process knew.
    fn load(&self) -> Option<u64>;

    /// So many have by now.
    fn save(&self, swept: u64);
}

#[derive(Default)]
pub(super) struct Learned {
    pub(super) swept: Option<Swept>,
    pub(super) condemned: Option<(u64, Arc<HashSet<Digest>>)>,
}

/// How many sweeps have begun and ended: any removal changes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Swept(u64);

impl Swept {
    fn by(latest: Option<&Collection>) -> Self {
        Self(match latest {
            None => 0,
            Some(Collection { n, stage: Stage::Announced | Stage::Condemned, .. }) => 2 * n,
            Some(Collection { n, stage: Stage::Sweeping, .. }) => 2 * n + 1,
            Some(Collection { n, stage: Stage::Done, .. }) => 2 * (n + 1),
        })
    }
}

/// The GC epoch before content was uploaded or found. The default is for lakes without a remote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct GcEpoch(pub(super) Option<Swept>);

impl GcEpoch {
    /// How many sweeps had begun and ended; `None` where nobody collects.
    pub fn swept(&self) -> Option<u64> {
        self.0.map(|swept| swept.0)
    }
}

/// How an attempt to commit ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Commit<T> {
    /// It is committed.
    Done(T),
    /// Not yet: some of its content may have been collected, and must be put again, with a new epoch.
    Retry(Retry),
}

impl<T> Commit<T> {
    /// Changes what is committed.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Commit<U> {
        match self {
            Self::Done(done) => Commit::Done(change(done)),
            Self::Retry(retry) => Commit::Retry(retry),
        }
    }
}

/// Several commits are done when all are.
impl<T> FromIterator<Commit<T>> for Commit<Vec<T>> {
    fn from_iter<I: IntoIterator<Item = Commit<T>>>(commits: I) -> Self {
        let results = commits.into_iter().map(|commit| match commit {
            Commit::Done(done) => Ok(done),
            Commit::Retry(retry) => Err(retry),
        });
        results.collect::<std::result::Result<_, _>>().map_or_else(Self::Retry, Self::Done)
    }
}

/// Why something has to be tried again, with content put again before it is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Retry {
    /// It may have been collected meanwhile.
    Now,
    /// The collection of this number is removing it: after a moment.
    Later(u64),
    /// What this name led to is being removed: after a moment.
    Closed(Uid),
}

/// A promise that content may be named. The default is for lakes without a remote.
#[derive(Clone, Copy, Debug, Default)]
pub struct GcGuard(pub(super) Until);

#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Until {
    /// Nobody collects beside us.
    #[default]
    Always,
    /// Until a moment of the catalog's clock.
    Then(Duration),
    /// The remote refuses even to be looked at.
    Refused,
}

impl GcGuard {
    /// Whether the remote refused to be looked at.
    pub(super) fn was_refused(&self) -> bool {
        matches!(self.0, Until::Refused)
    }
}

impl Collections {
    /// `clock` says how much time has passed since some moment, also while the machine slept.
    pub fn new(window: Window, clock: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self { window, clock: Arc::new(clock), known: Arc::default(), memory: None }
    }

    /// With what the machine remembers.
    #[must_use]
    pub fn remembered_by(self, memory: Option<Arc<dyn SweepMemory>>) -> Self {
        Self { memory, ..self }
    }

    /// What is known of sweeps, by this process or an earlier one.
    pub(super) fn known(&self) -> Option<Swept> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).swept;
        if known.is_some() {
            return known;
        }
        let loaded = Swept(self.memory.as_ref()?.load()?);
        Some(*self.known.lock().unwrap_or_else(PoisonError::into_inner).swept.get_or_insert(loaded))
    }

    pub(super) fn learn(&self, latest: Option<&Collection>) -> Swept {
        let swept = Swept::by(latest);
        let before = self.known.lock().unwrap_or_else(PoisonError::into_inner).swept.replace(swept);
        if before != Some(swept)
            && let Some(memory) = &self.memory
        {
            memory.save(swept.0);
        }
        swept
    }
}

impl fmt::Debug for Collections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collections").field("window", &self.window).finish_non_exhaustive()
    }
}
