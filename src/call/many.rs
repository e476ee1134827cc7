//! Many calls of one creator at once.

use std::future::Future;
use std::sync::{Mutex, mpsc};

use super::jobs::{self, Jobs};
use super::one::{AsyncCall, Call};
use super::shape::{Fallible, Returns, Shape};
use datlake_lake::resources::cpus;
use datlake_lake::scope;
use datlake_lake::sync::lock;
use datlake_store::scoped_thread;

/// The most of its own stack that a thread gives to each of those it starts, in bytes.
const LARGEST_STACK: usize = 256 << 20;

type Progress = Option<Box<dyn FnMut(usize, usize) + Send>>;

/// Calls of one blocking creator: `f::calls(iter)`. Nothing runs before [`run`](Calls::run).
///
/// ```
/// use datlake::{Lake, Result, file_creator};
///
/// #[file_creator]
/// fn square(n: u64) -> Result<u64> {
///     Ok(n * n)
/// }
///
/// let lake = Lake::temp()?;
/// let _current = lake.enter();
/// let squares = square::calls(1..=3).threads(2).on_progress(|done, of| eprintln!("{done} of {of}")).run()?;
/// assert_eq!(squares, [1, 4, 9]);
///
/// // One by one, also where some fail.
/// let each: Vec<Result<u64>> = square::calls(1..=3).run_each();
/// assert!(each.iter().all(Result::is_ok));
/// # Ok::<(), datlake::Error>(())
/// ```
#[must_use = "nothing runs before `run`"]
pub struct Calls<R, S, F> {
    calls: Vec<Call<R, S, F>>,
    threads: usize,
    progress: Progress,
}

/// Calls of one asynchronous creator: `f::calls(iter)`. Nothing runs before [`run`](AsyncCalls::run) is awaited.
///
/// ```
/// use datlake::{Lake, Result, file_creator};
///
/// #[file_creator]
/// async fn square(n: u64) -> Result<u64> {
///     Ok(n * n)
/// }
///
/// # #[tokio::main]
/// # async fn main() -> datlake::Result<()> {
/// let lake = Lake::temp()?;
/// let squares = lake.scope(async { square::calls(1..=3).run().await }).await?;
/// assert_eq!(squares, [1, 4, 9]);
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing runs before `run` is awaited"]
pub struct AsyncCalls<R, S, F> {
    calls: Vec<AsyncCall<R, S, F>>,
    progress: Progress,
}

impl<R, S, F> Calls<R, S, F> {
    #[doc(hidden)]
    pub fn new(calls: impl Iterator<Item = Call<R, S, F>>) -> Self {
        Self { calls: calls.collect(), threads: cpus(), progress: None }
    }

    /// Runs on this many threads instead of one for each CPU that the process was given, by `datlake run`
    /// or Slurm, or else that there is.
    ///
    /// ```
    /// use datlake::{Lake, Result, file_creator};
    ///
    /// #[file_creator]
    /// fn double(n: u32) -> Result<u32> {
    ///     Ok(2 * n)
    /// }
    ///
    /// # let lake = Lake::temp()?;
    /// # let _current = lake.enter();
    /// assert_eq!(double::calls(1..=3).threads(1).run()?, [2, 4, 6]);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Tells `progress` after each call how many are done, of how many.
    ///
    /// ```
    /// use datlake::{Lake, Result, file_creator};
    ///
    /// #[file_creator]
    /// fn double(n: u32) -> Result<u32> {
    ///     Ok(2 * n)
    /// }
    ///
    /// # let lake = Lake::temp()?;
    /// # let _current = lake.enter();
    /// let calls = double::calls(1..=3).on_progress(|done, all| eprintln!("{done} of {all}"));
    /// assert_eq!(calls.run()?, [2, 4, 6]);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn on_progress(mut self, progress: impl FnMut(usize, usize) + Send + 'static) -> Self {
        self.progress = Some(Box::new(progress));
        self
    }

    /// What each call returns, in order. A panic of a body goes on when all others have ended.
    ///
    /// ```
    /// use datlake::{Error, ErrorKind, Lake, Result, file_creator};
    ///
    /// #[file_creator]
    /// fn half(n: u32) -> Result<u32> {
    ///     if n % 2 == 0 { Ok(n / 2) } else { Err(Error::new(ErrorKind::InvalidInput, "it is odd")) }
    /// }
    ///
    /// # let lake = Lake::temp()?;
    /// # let _current = lake.enter();
    /// let halves = half::calls([4, 5]).run_each();
    /// assert!(halves[0].as_ref().is_ok_and(|half| *half == 2) && halves[1].is_err());
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn run_each(self) -> Vec<R>
    where
        S: Shape<R>,
        F: FnOnce() -> R + Send,
        R: Send,
    {
        let Self { calls, threads, progress } = self;
        let total = calls.len();
        if let Some(first) = calls.first() {
            first.announce(total);
        }
        let jobs = Jobs::new(calls);
        let (progress, here) = (Mutex::new((0, progress)), scope::here());
        let (send, receive) = mpsc::channel();
        let work = || {
            let _inside = here.enter();
            jobs.work(|at, result| {
                // The receiver outlives the threads.
                let _ = send.send((at, result));
                let (done, progress) = &mut *lock(&progress);
                *done += 1;
                if let Some(progress) = progress {
                    progress(*done, total);
                }
            });
        };
        let stack = scope::remaining_stack().clamp(scope::STACK_SIZE, LARGEST_STACK);
        std::thread::scope(|scope| {
            let thread = || scoped_thread(scope, stack, work);
            // Where the system gives no more threads, those that are there do the work, or this one does.
            if (0..threads.min(total)).map_while(|_| thread().ok()).count() == 0 {
                work();
            }
        });
        drop(send);
        in_order(receive.into_iter().collect())
    }
}

impl<R: Returns, F> Calls<R, Fallible, F> {
    /// The result of each call, in order, also where some fail; each error of datlake says [which call](datlake_core::Error::call)
    /// it was. `f::calls(…).keep_going()` in place of `run()`.
    ///
    /// ```
    /// use datlake::{Error, ErrorKind, Lake, Result, file_creator};
    ///
    /// #[file_creator]
    /// fn train(rate: f64) -> Result<f64> {
    ///     if rate < 1.0 { Ok(rate) } else { Err(Error::new(ErrorKind::InvalidInput, "diverged")) }
    /// }
    ///
    /// # let lake = Lake::temp()?;
    /// # let _current = lake.enter();
    /// let (trained, failed): (Vec<_>, Vec<_>) = train::calls([0.1, 5.0]).keep_going().into_iter().partition(Result::is_ok);
    /// assert_eq!((trained.len(), failed.len()), (1, 1));
    /// let error = failed[0].as_ref().unwrap_err();
    /// assert_eq!(error.call().expect("of a body").arguments, "rate = 5.0");
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn keep_going(self) -> Vec<Result<R::Value, R::Error>>
    where
        F: FnOnce() -> R + Send,
        R: Send,
    {
        self.run_each().into_iter().map(Returns::into_result).collect()
    }

    /// The values of all calls, in order. Every call is made, so that what succeeds is remembered.
    ///
    /// # Errors
    /// That of the first call, in order, that failed.
    ///
    /// ```
    /// use datlake::{Lake, Result, file_creator};
    ///
    /// #[file_creator]
    /// fn double(n: u32) -> Result<u32> {
    ///     Ok(2 * n)
    /// }
    ///
    /// # let lake = Lake::temp()?;
    /// # let _current = lake.enter();
    /// assert_eq!(double::calls(1..=3).run()?, [2, 4, 6]);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn run(self) -> Result<Vec<R::Value>, R::Error>
    where
        F: FnOnce() -> R + Send,
        R: Send,
    {
        self.keep_going().into_iter().collect()
    }
}

impl<R, S, F> AsyncCalls<R, S, F> {
    #[doc(hidden)]
    pub fn new(calls: impl Iterator<Item = AsyncCall<R, S, F>>) -> Self {
        Self { calls: calls.collect(), progress: None }
    }

    /// Tells `progress` after each call how many are done, of how many.
    pub fn on_progress(mut self, progress: impl FnMut(usize, usize) + Send + 'static) -> Self {
        self.progress = Some(Box::new(progress));
        self
    }

    /// What each call returns, in order.
    pub async fn run_each(self) -> Vec<R>
    where
        S: Shape<R>,
        F: Future<Output = R>,
    {
        let Self { calls, mut progress } = self;
        let total = calls.len();
        if let Some(first) = calls.first() {
            first.announce(total);
        }
        let mut results: Vec<(usize, R)> = Vec::with_capacity(total);
        let done = |at, result| {
            results.push((at, result));
            if let Some(progress) = &mut progress {
                progress(results.len(), total);
            }
        };
        jobs::make_all(calls, done).await;
        in_order(results)
    }
}

impl<R: Returns, F> AsyncCalls<R, Fallible, F> {
    /// The result of each call, in order, also where some fail: as [`Calls::keep_going`].
    pub async fn keep_going(self) -> Vec<Result<R::Value, R::Error>>
    where
        F: Future<Output = R>,
    {
        self.run_each().await.into_iter().map(Returns::into_result).collect()
    }

    /// The values of all calls, in order. Every call is made, so that what succeeds is remembered.
    ///
    /// # Errors
    /// That of the first call, in order, that failed.
    pub async fn run(self) -> Result<Vec<R::Value>, R::Error>
    where
        F: Future<Output = R>,
    {
        self.keep_going().await.into_iter().collect()
    }
}

fn in_order<R>(mut results: Vec<(usize, R)>) -> Vec<R> {
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}
