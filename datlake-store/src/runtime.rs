//! The runtimes that datlake owns: for blocking work and timers, for whole blocking methods, for network clients, for heartbeats.
//!
//! Each starts when it is first needed, and never runs a user's code. Futures of this module can be awaited on
//! any executor, or blocked on from any thread.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::Duration;

use datlake_core::{Error, ErrorKind, Result};
use tokio::runtime::{Builder, EnterGuard, Runtime};
use tokio::task::{JoinError, JoinHandle};

use crate::maker::Maker;

/// Blocking jobs at a time; more of them wait.
const BLOCKING_THREADS: usize = 16;

/// Whole blocking methods at a time; more of them wait.
const METHODS: usize = 16;

/// Heartbeats at a time. One may wait long for a store that fails.
const HEARTBEATS: usize = 64;

/// A runtime that starts when it is first needed.
struct Own {
    made: OnceLock<(Maker, std::io::Result<Runtime>)>,
    thread: &'static str,
    workers: usize,
    blocking: usize,
    /// Its name in errors.
    what: &'static str,
}

impl Own {
    const fn new(thread: &'static str, workers: usize, blocking: usize, what: &'static str) -> Self {
        Self { made: OnceLock::new(), thread, workers, blocking, what }
    }

    fn get(&self) -> Result<&Runtime> {
        let (maker, made) = self.made.get_or_init(|| {
            let mut builder = match self.workers {
                0 => Builder::new_current_thread(),
                _ => Builder::new_multi_thread(),
            };
            builder
                .worker_threads(self.workers.max(1))
                .max_blocking_threads(self.blocking)
                .thread_name(self.thread)
                .enable_all();
            (Maker::this(), builder.build())
        });
        if !maker.is_here() {
            let message = format!(
                "datlake's {} are in process {}, from which this one was forked, and not here: nothing would ever answer",
                self.what,
                maker.id()
            );
            let hint = "fork before the first call, or start the child as a program of its own";
            return Err(Error::new(ErrorKind::Context, message).with_hint(hint));
        }
        made.as_ref()
            .map_err(|error| Error::new(ErrorKind::Io, format!("cannot start datlake's {}: {error}", self.what)))
    }
}

static BLOCKING: Own = Own::new("datlake", 1, BLOCKING_THREADS, "threads for input and output");

/// For whole blocking methods, apart from the jobs that they wait for. Nothing is polled there.
static METHOD: Own = Own::new("datlake-method", 0, METHODS, "threads for input and output");

/// For network clients: a job that waits for the network must never take the thread that the network needs.
#[cfg(feature = "cloud")]
static NETWORK: Own = Own::new("datlake-net", 2, BLOCKING_THREADS, "network threads");

/// For heartbeats: a process that publishes much must not lose its leases.
static LIFE: Own = Own::new("datlake-life", 1, HEARTBEATS, "threads for heartbeats");

/// Waits for `future` on this thread: the bridge from blocking code to asynchronous. Works on every thread, also of an executor.
///
/// ```
/// assert_eq!(datlake_store::wait(async { 1 + 1 }), 2);
/// ```
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    pollster::block_on(future)
}

/// Runs `future` on the network's runtime, until the returned future is dropped.
#[cfg(feature = "cloud")]
pub(crate) async fn on_network<T, F>(future: F) -> Result<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    start(future)?.await
}

/// Starts `future` on the network's runtime, to be awaited later.
#[cfg(feature = "cloud")]
pub(crate) fn start<T, F>(future: F) -> Result<Task<T>>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    Ok(Task(NETWORK.get()?.spawn(future)))
}

/// Runs `future` in the background on the network's runtime.
#[cfg(feature = "cloud")]
pub(crate) fn detach(future: impl Future<Output = ()> + Send + 'static) {
    if let Ok(network) = NETWORK.get() {
        network.spawn(future);
    }
}

/// Work on the network's runtime. Dropping it ends it.
#[cfg(feature = "cloud")]
#[derive(Debug)]
pub(crate) struct Task<T>(JoinHandle<Result<T>>);

#[cfg(feature = "cloud")]
impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(feature = "cloud")]
impl<T> Future for Task<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|joined| ended(joined)?)
    }
}

/// Runs a blocking `job` on a thread for that. It must not wait for another such job. A panic in it resumes in the caller.
pub async fn offload<T, F>(job: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    ended(BLOCKING.get()?.spawn_blocking(job).await)
}

/// [`offload`] for a whole blocking method, which may itself wait for jobs.
pub async fn offload_method<T, F>(method: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    ended(METHOD.get()?.spawn_blocking(method).await)
}

/// Runs a whole blocking method on a thread for that, and waits for it no longer than `limit`: whether it was done by then. Works at the
/// end of a thread too, where what libraries keep for it is gone.
pub fn done_within<F>(limit: Duration, method: F) -> bool
where
    F: FnOnce() + Send + 'static,
{
    let done = Arc::new((Mutex::new(false), Condvar::new()));
    let end = Arc::clone(&done);
    let Ok(threads) = METHOD.get() else { return false };
    threads.spawn_blocking(move || {
        method();
        *end.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        end.1.notify_all();
    });
    let waiting = done.0.lock().unwrap_or_else(PoisonError::into_inner);
    let waited = done.1.wait_timeout_while(waiting, limit, |done| !*done);
    *waited.unwrap_or_else(PoisonError::into_inner).0
}

/// What a job gave. A panic in it resumes here.
fn ended<T>(joined: Result<T, JoinError>) -> Result<T> {
    joined.map_err(|failed| match failed.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(cancelled) => Error::new(ErrorKind::Io, "datlake's threads were shut down").because(cancelled),
    })
}

/// Runs `work`, which sends heartbeats, in the background. It must not block: [`spawn_heartbeat`] is for that.
pub(crate) fn spawn_life<F>(work: F) -> Result<JoinHandle<F::Output>>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    Ok(LIFE.get()?.spawn(work))
}

/// Runs a blocking `job` that sends a heartbeat.
pub(crate) fn spawn_heartbeat<T, F>(job: F) -> Result<JoinHandle<T>>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    Ok(LIFE.get()?.spawn_blocking(job))
}

/// Runs a blocking `job` in the background, every `period`, until it returns `false`. It must not wait for another such job.
pub fn every<F>(period: Duration, job: F) -> Result<()>
where
    F: FnMut() -> bool + Send + 'static,
{
    every_on(&BLOCKING, period, job)
}

/// [`every`] for whole blocking methods, which may wait for jobs.
pub fn every_method<F>(period: Duration, method: F) -> Result<()>
where
    F: FnMut() -> bool + Send + 'static,
{
    every_on(&METHOD, period, method)
}

fn every_on<F>(own: &'static Own, period: Duration, mut job: F) -> Result<()>
where
    F: FnMut() -> bool + Send + 'static,
{
    let blocking = own.get()?;
    LIFE.get()?.spawn(async move {
        loop {
            tokio::time::sleep(period).await;
            let done = blocking.spawn_blocking(move || job().then_some(job));
            let Ok(Some(again)) = done.await else { return };
            job = again;
        }
    });
    Ok(())
}

/// Waits on any executor.
pub async fn sleep(duration: Duration) -> Result<()> {
    let timer = {
        let _inside = BLOCKING.get()?.enter();
        tokio::time::sleep(duration)
    };
    timer.await;
    Ok(())
}

/// Does a blocking `job` on a thread of its own, and waits for it no longer than that: also where this thread is about to end, or is
/// an executor's. A process that ends meanwhile ends the job.
pub fn within(patience: Duration, job: impl FnOnce() + Send + 'static) {
    let (done, is_done) = std::sync::mpsc::channel();
    let job = move || {
        job();
        // Nobody waits any more where it took too long.
        let _ = done.send(());
    };
    if std::thread::Builder::new().name("datlake end".to_owned()).spawn(job).is_ok() {
        let _ = is_done.recv_timeout(patience);
    }
}

/// Starts a thread with `stack` bytes of stack, which ends with `scope`.
pub fn scoped_thread<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    stack: usize,
    work: impl FnOnce() -> T + Send + 'scope,
) -> std::io::Result<ScopedJoinHandle<'scope, T>> {
    std::thread::Builder::new().stack_size(stack).spawn_scoped(scope, work)
}

/// Where in asynchronous code a thread is, as far as tokio knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskPlace {
    in_runtime: bool,
    task: Option<tokio::task::Id>,
}

impl TaskPlace {
    /// Where this thread is now.
    pub fn current() -> Self {
        Self { in_runtime: tokio::runtime::Handle::try_current().is_ok(), task: tokio::task::try_id() }
    }

    /// Whether it is in a runtime at all.
    pub fn is_asynchronous(self) -> bool {
        self.in_runtime
    }
}

/// Lets tokio's own file types be made, or polled, outside a tokio runtime.
pub(crate) fn enter() -> std::io::Result<EnterGuard<'static>> {
    Ok(BLOCKING.get()?.enter())
}

/// A future polled inside the runtime's context, whoever polls it.
pub(crate) struct Inside<F>(Pin<Box<F>>);

impl<F: Future> Inside<F> {
    pub(crate) fn new(future: F) -> Self {
        Self(Box::pin(future))
    }
}

impl<F: Future<Output = std::io::Result<T>>, T> Future for Inside<F> {
    type Output = std::io::Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let _inside = enter()?;
        self.0.as_mut().poll(cx)
    }
}
