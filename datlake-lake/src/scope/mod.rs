//! Which lake is current, and in which body the code stands: the only ambient state there is.
//!
//! It belongs to a thread, and to a future while that is polled. It crosses to other threads and tasks only where somebody
//! carries it, with [`here`]. What a body is, this module does not know: it asks the [`Frame`].

mod frame;
mod lakes;

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context as TaskContext, Poll};

use datlake_core::flight::FlightId;
use datlake_core::{Error, ErrorKind, Result};
use pin_project_lite::pin_project;

pub use frame::{Frame, StagedFile};
pub use lakes::{note_lake, seen_lakes};

use crate::handle::Lake;
use crate::sync::lock;

/// The current lake and the body the code stands in.
#[derive(Clone, Default, Debug)]
pub struct Ambient {
    pub lake: Option<Lake>,
    pub frame: Option<Arc<dyn Frame>>,
}

/// The bodies that run in this process.
static RUNNING: Mutex<Vec<Weak<dyn Frame>>> = Mutex::new(Vec::new());

thread_local! {
    static CURRENT: RefCell<Ambient> = const { RefCell::new(Ambient { lake: None, frame: None }) };
    /// Executions whose bodies are on this thread's stack, or on that of a thread which waits for this one.
    static STACK: RefCell<Vec<FlightId>> = const { RefCell::new(Vec::new()) };
    /// A creator may be entered in most programs a million times outside any body: one load tells.
    static IN_BODY: Cell<bool> = const { Cell::new(false) };
}

/// The lake that was entered.
pub fn lake() -> Option<Lake> {
    CURRENT.with_borrow(|scope| scope.lake.clone())
}

/// The body the code stands in.
pub fn frame() -> Option<Arc<dyn Frame>> {
    if !IN_BODY.get() {
        return None;
    }
    CURRENT.with_borrow(|scope| scope.frame.clone())
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
    let in_body = scope.frame.is_some();
    let before = CURRENT.replace(scope);
    IN_BODY.set(in_body);
    Entered { before, stack: None, not_send: PhantomData }
}

/// Makes `lake` current, and no body, until the guard is dropped.
pub fn outside_bodies(lake: &Lake) -> Entered {
    enter(Ambient { lake: Some(lake.clone()), frame: None })
}

/// Runs the code of a body, above a stack frame with a name by which [`Frame::is_certain`] finds it again. It is never inlined
/// and never replaced by the last call in it; nobody else uses the name, of which some programs know the last part only.
pub fn mark<R>(work: impl FnOnce() -> R) -> R {
    datlake_stands_here(work)
}

#[inline(never)]
fn datlake_stands_here<R>(work: impl FnOnce() -> R) -> R {
    let result = work();
    std::hint::black_box(());
    result
}

impl Lake {
    /// Makes this lake the current one of this thread, until the guard is dropped.
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// lake.add_bytes("a.txt", "a")?;
    /// let _current = lake.enter();
    /// assert_eq!(datlake::File::get("a.txt")?.len(), 1);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn enter(&self) -> Entered {
        enter(Ambient { lake: Some(self.clone()), frame: frame() })
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
        let _inside = self.enter();
        here().scope(future)
    }
}

/// Restores what was current before; cannot leave its thread.
#[must_use = "what was entered is left when this is dropped"]
#[derive(Debug)]
pub struct Entered {
    before: Ambient,
    stack: Option<OnStack>,
    not_send: PhantomData<*const ()>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let before = std::mem::take(&mut self.before);
        IN_BODY.set(before.frame.is_some());
        // The scope in between is dropped outside the borrow: a lake's last handle may go with it.
        drop(CURRENT.replace(before));
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
///
/// ```
/// # let lake = datlake::Lake::temp()?;
/// # let _current = lake.enter();
/// let here = datlake::here();
/// std::thread::scope(|s| {
///     s.spawn(|| {
///         let _inside = here.enter();
///         // `File::create` and nested creators work as in the thread that called `here`.
///     });
/// });
/// # Ok::<(), datlake::Error>(())
/// ```
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
    Here { scope: CURRENT.with_borrow(Clone::clone), certain: certain_frame().is_some(), stack: stack() }
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
        let mut entered = enter(self.scope.clone());
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
        let _inside = self.enter();
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
        Scoped { future, scope: self.scope.clone(), certain: self.certain }
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
    }
}

impl<F> Scoped<F> {
    /// The future of a body.
    pub fn of_body(scope: Ambient, future: F) -> Self {
        Self { future, scope, certain: true }
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _inside = enter(this.scope.clone());
        let (future, certain) = (this.future, *this.certain);
        if certain { mark(|| future.poll(cx)) } else { future.poll(cx) }
    }
}
