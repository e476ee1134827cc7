//! What happens in a lake, told to whoever listens.

use std::fmt;
use std::time::{Duration, Instant};

use datlake_core::run::BodyProcess;
use datlake_core::{CallKey, CreatorName, Uid};

/// Something that happened in a lake.
///
/// ```
/// use std::sync::{Arc, Mutex};
///
/// use datlake::{Event, Lake, Result, file_creator};
///
/// #[file_creator]
/// fn double(n: u32) -> Result<u32> {
///     Ok(2 * n)
/// }
///
/// let lake = Lake::temp()?;
/// let _current = lake.enter();
/// let told = Arc::new(Mutex::new(Vec::new()));
/// let seen = Arc::clone(&told);
/// lake.observe(move |event| match event {
///     Event::Executed { call, took, .. } => seen.lock().unwrap().push(format!("{} ran in {took:?}", call.function())),
///     Event::Hit(call) => seen.lock().unwrap().push(format!("{} skipped", call.function())),
///     _ => {}
/// });
/// double(4)?;
/// double(4)?;
/// assert_eq!(told.lock().unwrap()[1], "double skipped");
/// # Ok::<(), datlake::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A call was skipped: its value was found.
    Hit(CallId),
    /// A body ran, and what it made is in the lake.
    Executed {
        /// The call.
        call: CallId,
        /// How long the body took.
        took: Duration,
        /// A nested or stolen call that ran redundantly to avoid a deadlock.
        redundant: bool,
        /// Where, with what, and what the process used, where that was not started alone.
        process: Option<Box<BodyProcess>>,
    },
    /// A body ran, but another finished the same call first; its value counts.
    Adopted(CallId),
    /// A body ran although its call was cached, and made the same.
    Reproduced(CallId),
    /// A call waits for another thread, task or process that runs it.
    Waited {
        /// The call.
        call: CallId,
        /// Who runs it, where that is another process.
        by: Option<String>,
    },
    /// Why a body is about to run, in a lake that [explains](crate::LakeBuilder::explain) that.
    Explained {
        /// The call.
        call: CallId,
        /// Why.
        why: String,
    },
    /// A body begins to run.
    Started(CallId),
    /// Many calls of one creator begin, as by `f::calls(…).run()`.
    Calls {
        /// The creator.
        creator: CreatorName,
        /// How many.
        all: usize,
    },
    /// A body failed; nothing was kept.
    Failed {
        /// The call.
        call: CallId,
        /// As of a body that [ran](Event::Executed); `None` also where the call failed before its body.
        process: Option<Box<BodyProcess>>,
    },
    /// A call would run, in a lake that [runs no body](crate::Mode).
    WouldRun {
        /// The call.
        call: CallId,
        /// Why; of the first calls of a creator only.
        why: Option<String>,
    },
    /// A call found its output's name taken by an earlier call, and returns that one's value (`on_change = "keep"`).
    Kept {
        /// The call.
        call: CallId,
        /// What differs.
        why: String,
    },
    /// A tracked function ran on a thread that knows no body, while the body of a creator that does not declare it ran. If
    /// that body started the thread without [`here`](crate::here), a change of the function goes unnoticed.
    Stray {
        /// The tracked function.
        item: String,
        /// The creator.
        creator: CreatorName,
    },
    /// A source file was written while the program was compiled from it: the program may be of other code than its keys tell, so
    /// nothing that it makes is stored, until it is built again. Told once.
    Newer {
        /// The file.
        file: String,
    },
    /// The processes that were started together are not all of one build of their program: code is part of a call's key, so this one
    /// makes calls that the others make too. Told once.
    AnotherBuild,
    /// The remote refuses to be written: what is made stays on this machine until somebody [pushes](crate::Lake::push) it.
    /// Told once.
    Refused {
        /// The remote, without credentials.
        remote: String,
    },
    /// A receiver of OpenLineage events is not told what bodies do: it waits on this machine. Told once.
    Unsent {
        /// The receiver, without what may be secret in its URL.
        to: String,
        /// Why.
        why: String,
    },
    /// What a call made stays on this machine until somebody [pushes](crate::Lake::push) it.
    Unpushed {
        /// The call.
        call: CallId,
        /// Why.
        why: String,
    },
    /// Something of a folder that was added is not in the lake, or not as it was.
    NotKept {
        /// The path, for people.
        path: String,
        /// What is not kept, and why.
        why: String,
    },
    /// A transaction was dropped before it was committed: what it did is kept at its branch.
    TransactionKept {
        /// The name of the repository.
        repository: String,
        /// The name of the branch.
        branch: String,
    },
    /// The remote was not reached, so that it is not known whether a name was replaced there: this machine's copy is used.
    Unchecked {
        /// The name.
        uid: Uid,
        /// Why.
        why: String,
    },
    /// There is no lake at the remote yet: the first write makes one. Where one should be, its URL is wrong.
    NewRemote {
        /// The remote, without credentials.
        remote: String,
    },
    /// A file's content is being downloaded: told every few MiB.
    Downloading {
        /// The file, for people.
        file: String,
        /// Bytes that have come.
        done: u64,
        /// Its size in bytes.
        size: u64,
    },
    /// Large content is on its way to the remote: told every few MiB.
    Uploading {
        /// The file, for people.
        file: String,
        /// Bytes that are there.
        done: u64,
        /// Its size in bytes.
        size: u64,
    },
    /// Large content has come to the remote.
    Uploaded {
        /// The file, for people.
        file: String,
        /// Its size in bytes.
        size: u64,
    },
    /// The files of a folder are being added: told after each.
    Adding {
        /// How many are in the lake.
        done: usize,
        /// How many there are.
        all: usize,
    },
    /// Content is being pushed: told after each piece.
    Pushing {
        /// How many pieces are there.
        done: usize,
        /// How many there are.
        all: usize,
    },
    /// There was more content on this machine than [there may be](crate::LakeBuilder::cache_limit), and some went that the
    /// remote has.
    Evicted {
        /// How many pieces of content.
        blobs: u64,
        /// Their sizes together, in bytes.
        bytes: u64,
        /// How many bytes of content stay.
        left: u64,
    },
    /// A file's content was downloaded.
    Downloaded {
        /// The file, for people.
        file: String,
        /// Its size in bytes.
        size: u64,
    },
}

/// A call, as events name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CallId {
    /// The creator.
    pub creator: CreatorName,
    /// The key.
    pub key: CallKey,
}

impl CallId {
    /// The name of the function alone.
    pub fn function(&self) -> &str {
        self.creator.function()
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.creator, self.key.short())
    }
}

impl Event {
    /// Sends the event to `tracing`, whose subscribers decide what to show.
    pub(crate) fn trace(&self) {
        macro_rules! of_call {
            ($level:ident, $call:ident, $($said:tt)*) => {
                tracing::$level!(target: "datlake", creator = %$call.creator, key = %$call.key, $($said)*)
            };
        }
        match self {
            Self::Hit(call) => of_call!(debug, call, "hit"),
            Self::Started(call) => of_call!(debug, call, "started"),
            Self::Calls { creator, all } => tracing::debug!(target: "datlake", %creator, all, "calls"),
            Self::Executed { call, took, redundant, process } => {
                let process = process.as_deref().map(tracing::field::debug);
                of_call!(info, call, ?took, redundant, process, "executed")
            }
            Self::Adopted(call) => of_call!(info, call, "adopted"),
            Self::Reproduced(call) => of_call!(info, call, "reproduced"),
            Self::Waited { call, by } => of_call!(info, call, by = by.as_deref(), "waiting"),
            Self::Failed { call, process } => {
                let process = process.as_deref().map(tracing::field::debug);
                of_call!(warn, call, process, "failed")
            }
            Self::WouldRun { call, why } => of_call!(info, call, why = why.as_deref(), "would run"),
            Self::Explained { call, why } => of_call!(info, call, why, "explained"),
            Self::Kept { call, why } => of_call!(warn, call, why, "kept"),
            Self::Unpushed { call, why } => of_call!(warn, call, why, "unpushed"),
            Self::Stray { item, creator } => {
                tracing::warn!(target: "datlake", item, %creator, "ran on a thread that knows no body");
            }
            Self::Newer { file } => {
                tracing::warn!(target: "datlake", file, "is newer than the program: nothing is stored");
            }
            Self::AnotherBuild => tracing::warn!(target: "datlake", "is another build than the others of its run"),
            Self::Refused { remote } => tracing::warn!(target: "datlake", remote, "the remote refuses to be written"),
            Self::Unsent { to, why } => tracing::warn!(target: "datlake", to, why, "events are not sent"),
            Self::NotKept { path, why } => tracing::warn!(target: "datlake", path, why, "not kept"),
            Self::TransactionKept { repository, branch } => {
                tracing::warn!(target: "datlake", repository, branch, "a transaction was not committed")
            }
            Self::Unchecked { uid, why } => {
                tracing::warn!(target: "datlake", %uid, why, "not checked for a replacement")
            }
            Self::NewRemote { remote } => {
                tracing::warn!(target: "datlake", remote, "there is no lake at the remote yet")
            }
            Self::Downloading { file, done, size } => {
                tracing::debug!(target: "datlake", file, done, size, "downloading")
            }
            Self::Uploading { file, done, size } => {
                tracing::debug!(target: "datlake", file, done, size, "uploading")
            }
            Self::Uploaded { file, size } => tracing::info!(target: "datlake", file, size, "uploaded"),
            Self::Adding { done, all } => tracing::debug!(target: "datlake", done, all, "adding"),
            Self::Pushing { done, all } => tracing::debug!(target: "datlake", done, all, "pushing"),
            Self::Evicted { blobs, bytes, left } => {
                tracing::info!(target: "datlake", blobs, bytes, left, "evicted")
            }
            Self::Downloaded { file, size } => tracing::info!(target: "datlake", file, size, "downloaded"),
        }
    }
}

/// How quickly something goes, and how long it will take: made when it is first seen.
///
/// ```
/// let pace = datlake::Pace::begin(0);
/// // …when 10 of 100 bytes have come:
/// println!("{:?} bytes a second, {:?} left", pace.rate(10), pace.left(10, 100));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    began: Instant,
    from: u64,
}

impl Pace {
    /// From now on, when `done` bytes are done: what was there before did not take any of the time.
    pub fn begin(done: u64) -> Self {
        Self { began: Instant::now(), from: done }
    }

    /// Bytes a second; `None` before that is known.
    pub fn rate(&self, done: u64) -> Option<u64> {
        rate(done.saturating_sub(self.from), self.began.elapsed())
    }

    /// How long the rest of `size` bytes will take at that rate; `None` before that is known.
    pub fn left(&self, done: u64, size: u64) -> Option<Duration> {
        Some(left(size.saturating_sub(done), self.rate(done)?))
    }
}

fn rate(bytes: u64, took: Duration) -> Option<u64> {
    let rate = (bytes as f64 / took.as_secs_f64()) as u64;
    // In less than that it is chance.
    (took >= Duration::from_millis(200) && rate > 0).then_some(rate)
}

fn left(bytes: u64, rate: u64) -> Duration {
    Duration::from_secs(bytes.div_ceil(rate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_told_when_it_can_be() {
        assert_eq!(rate(1000, Duration::from_millis(500)), Some(2000));
        assert_eq!(rate(1000, Duration::from_millis(5)), None, "too early");
        assert_eq!(rate(0, Duration::from_secs(5)), None, "nothing moves");
        assert_eq!(left(5001, 1000), Duration::from_secs(6));
    }
}
