//! Which lake is current, and in which body the code stands: the only ambient state there is.
//!
//! It belongs to a thread, and to a future while that is polled. It crosses to other threads and tasks only where somebody
//! carries it, with [`here`]. What a body is, this module does not know: it asks the [`Frame`].

mod entries;
mod frame;
mod lakes;

use std::cell::RefCell;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context as TaskContext, Poll};

use datlake_core::flight::FlightId;
use datlake_core::{Error, ErrorKind, Result};
use pin_project_lite::pin_project;

pub use entries::Ambient;
use entries::{Entry, EntryId};
pub use frame::{Frame, StagedFile};
pub use lakes::{note_lake, seen_lakes};

use crate::handle::Lake;
use crate::sync::lock;

/// The stack that is made for bodies, in bytes: what main threads have.
pub const STACK_SIZE: usize = 8 << 20;
/// A body has at least this much.
const STACK_RESERVE: usize = 1 << 20;

/// The bodies that run in this process.
static RUNNING: Mutex<Vec<Weak<dyn Frame>>> = Mutex::new(Vec::new());

thread_local! {
    /// Executions whose bodies are on this thread's stack, or on that of a thread which waits for this one.
    static STACK: RefCell<Vec<FlightId>> = const { RefCell::new(Vec::new()) };
}

/// The lake that was entered.
///
/// # Errors
/// [`ErrorKind::Context`] where asynchronous code has entered several, and which of them it means cannot be known.
pub fn lake() -> Result<Option<Lake>> {
    entries::lake(false)
}

/// As [`lake`], for a future that is polled, maybe by an executor that knows no tasks.
pub fn polled_lake() -> Result<Option<Lake>> {
    entries::lake(true)
}

/// The body the code stands in.
pub fn frame() -> Option<Arc<dyn Frame>> {
    entries::frame()
}

/// The body the code stands in, where nobody else's work lies on top of it: what it must not do is an error only there.
pub fn certain_frame() -> Option<Arc<dyn Frame>> {
    frame().filter(|frame| frame.is_certain())
}

/// What decides what a body does must be in its key.
pub fn refuse_in_body(what: &str) -> Result<()> {
    let Some(frame) = certain_frame() else { return Ok(()) };
    let message = format!(
        "cannot {what} in the body of `{}`: what the lake holds is not part of the call's key",
        frame.creator()
    );
    Err(Error::new(ErrorKind::Context, message).with_hint("do it outside and pass the result as an argument"))
}

/// A body begins.
pub fn begin(frame: Weak<dyn Frame>) {
    let mut running = lock(&RUNNING);
    running.retain(|frame| frame.strong_count() > 0);
    running.push(frame);
}

/// A body has ended.
pub fn end(frame: &Arc<impl Frame>) {
    lock(&RUNNING).retain(|other| !std::ptr::addr_eq(other.as_ptr(), Arc::as_ptr(frame)));
}

/// The bodies that run in this process.
pub fn running() -> Vec<Arc<dyn Frame>> {
    lock(&RUNNING).iter().filter_map(Weak::upgrade).collect()
}

/// Makes `scope` current on this thread until the guard is dropped.
pub fn enter(scope: Ambient) -> Entered {
    Entered { entry: entries::push(scope), stack: None, not_send: PhantomData }
}

/// [`enter`] for a guard that goes to a user, who may keep it for as long as he likes.
fn enter_for_user(scope: Ambient) -> Entered {
    Entered { entry: entries::push_for_user(scope), stack: None, not_send: PhantomData }
}

/// Makes `lake` current, and no body, until the guard is dropped.
pub fn outside_bodies(lake: &Lake) -> Entered {
    enter(Ambient { lake: Some(lake.clone()), ..Ambient::default() })
}

/// Runs the code of a body, above a stack frame with a name by which [`Frame::is_certain`] finds it again. It is never inlined
/// and never replaced by the last call in it; nobody else uses the name, of which some programs know the last part only.
///
/// Where little is left of the thread's stack, it goes on on another one: bodies may stand in each other on any thread.
pub fn mark<R>(work: impl FnOnce() -> R) -> R {
    stacker::maybe_grow(STACK_RESERVE, STACK_SIZE, || datlake_stands_here(work))
}

#[inline(never)]
fn datlake_stands_here<R>(work: impl FnOnce() -> R) -> R {
    let result = work();
    std::hint::black_box(());
    result
}

/// How much of this thread's stack is left, in bytes, where that is known.
pub fn remaining_stack() -> usize {
    stacker::remaining_stack().unwrap_or(0)
}

impl Lake {
    /// Makes this lake the current one of this thread, until the guard is dropped. Of several, the last counts that is still
    /// there, in whatever order they are dropped.
    ///
    /// In asynchronous code use [`scope`](Self::scope): other futures of the thread may run while this one waits. There a guard
    /// counts for its own task only, and if a task has entered several lakes at a time, asking for the current one is an error.
    /// Only tasks of tokio are distinguished: elsewhere that error comes from asynchronous calls alone, and a blocking call takes the
    /// lake that was entered last.
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// lake.add_bytes("a.txt", "a")?;
    /// let _current = lake.enter();
    /// assert_eq!(datlake::File::get("a.txt")?.len(), 1);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn enter(&self) -> Entered {
        enter_for_user(self.ambient())
    }

    /// A future in which this lake is the current one.
    ///
    /// ```
    /// # #[tokio::main]
    /// # async fn main() -> datlake::Result<()> {
    /// let lake = datlake::Lake::temp()?;
    /// lake.add_bytes("a.txt", "a")?;
    /// let file = lake.scope(datlake::File::get_async("a.txt")).await?;
    /// assert_eq!(file.len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn scope<F: Future>(&self, future: F) -> Scoped<F> {
        let _inside = enter(self.ambient());
        here().scope(future)
    }

    /// This lake, in the body the code stands in.
    fn ambient(&self) -> Ambient {
        Ambient { lake: Some(self.clone()), frame: frame(), unclear: false }
    }
}

/// What was entered, until this is dropped. It cannot leave its thread.
#[must_use = "what was entered is left when this is dropped"]
#[derive(Debug)]
pub struct Entered {
    entry: EntryId,
    stack: Option<OnStack>,
    not_send: PhantomData<*const ()>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        entries::remove(self.entry);
    }
}

/// The executions whose bodies are on this thread's stack.
pub fn stack() -> Vec<FlightId> {
    STACK.with_borrow(Clone::clone)
}

/// Notes that bodies run on this thread, or on one that waits for it, until the guard is dropped.
pub fn on_stack(flights: &[FlightId]) -> OnStack {
    let added = STACK.with_borrow_mut(|stack| {
        let added: Vec<_> = flights.iter().copied().filter(|flight| !stack.contains(flight)).collect();
        stack.extend(&added);
        added
    });
    OnStack { added, not_send: PhantomData }
}

#[derive(Debug)]
pub struct OnStack {
    added: Vec<FlightId>,
    not_send: PhantomData<*const ()>,
}

impl Drop for OnStack {
    fn drop(&mut self) {
        STACK.with_borrow_mut(|stack| stack.retain(|flight| !self.added.contains(flight)));
    }
}

/// Where the code stands, to be taken to other threads and tasks that a body starts.
#[derive(Clone, Debug)]
pub struct Here {
    scope: Ambient,
    /// Whether the code that took it was the body's own.
    certain: bool,
    /// What the other thread holds up by waiting for this one, as it will.
    stack: Vec<FlightId>,
}

/// Where the code stands: the current lake and the body it is in.
///
/// ```
/// let lake = datlake::Lake::temp()?;
/// let _current = lake.enter();
/// let here = datlake::here(); // before the thread starts, and inside it:
/// std::thread::spawn(move || here.run(|| assert!(datlake::Lake::current().is_ok()))).join().expect("no panic");
/// # Ok::<(), datlake::Error>(())
/// ```
pub fn here() -> Here {
    Here { scope: entries::current(false), certain: certain_frame().is_some(), stack: stack() }
}

/// As [`here`], in a future that is polled.
pub fn polled_here() -> Here {
    Here { scope: entries::current(true), ..here() }
}

impl Here {
    /// Stands there on this thread too, until the guard is dropped.
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// let _current = lake.enter();
    /// let here = datlake::here();
    /// std::thread::spawn(move || {
    ///     let _inside = here.enter();
    ///     assert_eq!(datlake::Lake::current().unwrap(), lake);
    /// })
    /// .join()
    /// .expect("no panic");
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn enter(&self) -> Entered {
        let mut entered = enter_for_user(self.scope.clone());
        entered.stack = Some(on_stack(&self.stack));
        entered
    }

    /// Runs `work` there.
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// let _current = lake.enter();
    /// let here = datlake::here();
    /// let found = std::thread::spawn(move || here.run(datlake::Lake::current)).join().expect("no panic")?;
    /// assert_eq!(found, lake);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn run<R>(&self, work: impl FnOnce() -> R) -> R {
        let _inside = enter(self.scope.clone());
        let _stack = on_stack(&self.stack);
        if self.certain { mark(work) } else { work() }
    }

    /// A future that stands there whenever it is polled.
    ///
    /// ```
    /// # #[tokio::main]
    /// # async fn main() -> datlake::Result<()> {
    /// let lake = datlake::Lake::temp()?;
    /// let found = lake
    ///     .scope(async {
    ///         let here = datlake::here();
    ///         tokio::spawn(here.scope(async { datlake::Lake::current() })).await.expect("no panic")
    ///     })
    ///     .await?;
    /// assert_eq!(found, lake);
    /// # Ok(())
    /// # }
    /// ```
    pub fn scope<F: Future>(&self, future: F) -> Scoped<F> {
        Scoped { future, scope: self.scope.clone(), certain: self.certain, kept: Vec::new() }
    }
}

pin_project! {
    /// A future with a scope of its own: see [`Here::scope`] and [`Lake::scope`](crate::Lake::scope).
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct Scoped<F> {
        #[pin]
        future: F,
        scope: Ambient,
        certain: bool,
        // What the future entered, and has not left while it waits.
        kept: Vec<Entry>,
    }
}

impl<F> Scoped<F> {
    /// The future of a body.
    pub fn of_body(scope: Ambient, future: F) -> Self {
        Self { future, scope, certain: true, kept: Vec::new() }
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<F::Output> {
        let this = self.project();
        let inside = enter(this.scope.clone());
        entries::resume(std::mem::take(this.kept));
        let (future, certain) = (this.future, *this.certain);
        let polled = if certain { mark(|| future.poll(cx)) } else { future.poll(cx) };
        if polled.is_pending() {
            *this.kept = entries::suspend(inside.entry);
        }
        polled
    }
}
