//! The one small runtime datlake owns: for work that would block an executor, for timers and for object-store clients.
//!
//! It starts when something first needs it, and no code of a user ever runs on it. Futures of this module can be awaited on
//! any executor, or blocked on from any thread.

use std::future::Future;
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};
use std::time::Duration;

use datlake_core::{Error, ErrorKind, Result};
use tokio::runtime::{Builder, EnterGuard, Runtime};
use tokio::task::JoinHandle;

/// Blocking jobs at a time; more of them wait.
const BLOCKING_THREADS: usize = 16;

/// Signs of life given at a time. Each takes a thread only while it is on its way, and one may wait long for a store that is
/// in trouble.
const LIVES: usize = 64;

fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<std::io::Result<Runtime>> = OnceLock::new();
    let made = RUNTIME.get_or_init(|| {
        Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(BLOCKING_THREADS)
            .thread_name("datlake")
            .enable_all()
            .build()
    });
    made.as_ref().map_err(|error| {
        Error::new(ErrorKind::Io, format!("cannot start datlake's threads for input and output: {error}"))
    })
}

/// The runtime of network clients, apart from the one above: a job that waits for the network must never take the thread
/// that the network needs.
#[cfg(feature = "cloud")]
fn network() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<std::io::Result<Runtime>> = OnceLock::new();
    let made = RUNTIME.get_or_init(|| {
        Builder::new_multi_thread()
            .worker_threads(2)
            .max_blocking_threads(BLOCKING_THREADS)
            .thread_name("datlake-net")
            .enable_all()
            .build()
    });
    made.as_ref().map_err(|error| Error::new(ErrorKind::Io, format!("cannot start datlake's network threads: {error}")))
}

/// The runtime of signs of life, apart from both: whoever has much to publish must not be taken for dead because of it.
fn life() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<std::io::Result<Runtime>> = OnceLock::new();
    let made = RUNTIME.get_or_init(|| {
        Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(LIVES)
            .thread_name("datlake-life")
            .enable_all()
            .build()
    });
    made.as_ref().map_err(|error| {
        Error::new(ErrorKind::Io, format!("cannot start datlake's threads for signs of life: {error}"))
    })
}

/// Starts `future` on the network's runtime. It ends when the returned future is dropped, which any executor may await.
#[cfg(feature = "cloud")]
pub(crate) async fn on_network<T, F>(future: F) -> Result<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    Task(network()?.spawn(future)).await
}

/// Starts `future` on the network's runtime, to be awaited later.
#[cfg(feature = "cloud")]
pub(crate) fn start<T, F>(future: F) -> Result<Task<T>>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    Ok(Task(network()?.spawn(future)))
}

/// Lets `future` go on by itself on the network's runtime, as long as the process lives.
#[cfg(feature = "cloud")]
pub(crate) fn detach(future: impl Future<Output = ()> + Send + 'static) {
    if let Ok(network) = network() {
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
        Pin::new(&mut self.0).poll(cx).map(|joined| match joined {
            Ok(value) => value,
            Err(failed) => match failed.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(Error::new(ErrorKind::Io, "datlake's network threads were shut down")),
            },
        })
    }
}

/// Runs `job` where it blocks nobody. A panic in it goes on in whoever awaits.
pub async fn offload<T, F>(job: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    match runtime()?.spawn_blocking(job).await {
        Ok(value) => Ok(value),
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(cancelled) => Err(Error::new(ErrorKind::Io, "datlake's threads were shut down").because(cancelled)),
        },
    }
}

/// Lets `work`, which gives signs of life, go on by itself. It must not block; for that there is [`spawn_heartbeat`].
pub(crate) fn spawn_life<F>(work: F) -> Result<JoinHandle<F::Output>>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    Ok(life()?.spawn(work))
}

/// Runs a `job` that gives a sign of life where it blocks nobody, and nobody it.
pub(crate) fn spawn_heartbeat<T, F>(job: F) -> Result<JoinHandle<T>>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    Ok(life()?.spawn_blocking(job))
}

/// Waits on any executor.
pub async fn sleep(duration: Duration) -> Result<()> {
    let timer = {
        let _inside = runtime()?.enter();
        tokio::time::sleep(duration)
    };
    timer.await;
    Ok(())
}

/// Lets tokio's own file types be made, or polled, outside a tokio runtime.
pub(crate) fn enter() -> std::io::Result<EnterGuard<'static>> {
    Ok(runtime()?.enter())
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
