//! Which lake is current, and in which body the code stands: the only ambient state there is.
//!
//! It belongs to a thread, and to a future while that is polled. It crosses to other threads and tasks only where somebody
//! carries it, with [`here`].

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use datlake_core::flight::FlightId;
use pin_project_lite::pin_project;

use crate::call::body::Body;
use crate::lake::Lake;
use crate::stolen;

/// The current lake and the body the code stands in.
#[derive(Clone, Default, Debug)]
pub(crate) struct Context {
    pub(crate) lake: Option<Lake>,
    pub(crate) body: Option<Arc<Body>>,
}

thread_local! {
    static CURRENT: RefCell<Context> = const { RefCell::new(Context { lake: None, body: None }) };
    /// Executions whose bodies are on this thread's stack, or on that of a thread which waits for this one.
    static STACK: RefCell<Vec<FlightId>> = const { RefCell::new(Vec::new()) };
    /// A creator may be entered in most programs a million times outside any body: one load tells.
    static IN_BODY: Cell<bool> = const { Cell::new(false) };
}

pub(crate) fn current() -> Context {
    CURRENT.with_borrow(Clone::clone)
}

/// The body the code stands in.
pub(crate) fn body() -> Option<Arc<Body>> {
    if !IN_BODY.get() {
        return None;
    }
    CURRENT.with_borrow(|context| context.body.clone())
}

/// The body the code stands in, where nobody else's work lies on top of it: what it must not do is an error only there.
pub(crate) fn certain_body() -> Option<Arc<Body>> {
    body().filter(|_| stolen::is_excluded())
}

/// Makes `context` current on this thread until the guard is dropped.
pub(crate) fn enter(context: Context) -> Entered {
    let in_body = context.body.is_some();
    let before = CURRENT.replace(context);
    IN_BODY.set(in_body);
    Entered { before, stack: None, not_send: PhantomData }
}

/// Restores what was current before; cannot leave its thread.
#[must_use = "what was entered is left when this is dropped"]
#[derive(Debug)]
pub struct Entered {
    before: Context,
    stack: Option<OnStack>,
    not_send: PhantomData<*const ()>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let before = std::mem::take(&mut self.before);
        IN_BODY.set(before.body.is_some());
        // The context in between is dropped outside the borrow: a lake's last handle may go with it.
        drop(CURRENT.replace(before));
    }
}

/// The executions whose bodies are on this thread's stack.
pub(crate) fn stack() -> Vec<FlightId> {
    STACK.with_borrow(Clone::clone)
}

/// Notes that bodies run on this thread, or on one that waits for it, until the guard is dropped.
pub(crate) fn on_stack(flights: &[FlightId]) -> OnStack {
    let added = STACK.with_borrow_mut(|stack| {
        let added: Vec<_> = flights.iter().copied().filter(|flight| !stack.contains(flight)).collect();
        stack.extend(&added);
        added
    });
    OnStack { added, not_send: PhantomData }
}

#[derive(Debug)]
pub(crate) struct OnStack {
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
/// # fn main() -> datlake::Result<()> {
/// # let lake = datlake::Lake::temp()?;
/// # let _current = lake.enter();
/// let here = datlake::here();
/// std::thread::scope(|s| {
///     s.spawn(|| {
///         let _inside = here.enter();
///         // `File::create` and nested creators work as in the thread that called `here`.
///     });
/// });
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Here {
    context: Context,
    /// Whether the code that took it was the body's own.
    certain: bool,
    /// What the other thread holds up by waiting for this one, as it will.
    stack: Vec<FlightId>,
}

/// Where the code stands: the current lake and the body it is in.
///
/// ```
/// # fn main() -> datlake::Result<()> {
/// let lake = datlake::Lake::temp()?;
/// let _current = lake.enter();
/// let here = datlake::here(); // before the thread starts, and inside it:
/// std::thread::spawn(move || here.run(|| assert!(datlake::Lake::current().is_ok()))).join().expect("no panic");
/// # Ok(())
/// # }
/// ```
pub fn here() -> Here {
    Here { context: current(), certain: certain_body().is_some(), stack: stack() }
}

impl Here {
    /// Stands there on this thread too, until the guard is dropped.
    ///
    /// ```
    /// # fn main() -> datlake::Result<()> {
    /// let lake = datlake::Lake::temp()?;
    /// let _current = lake.enter();
    /// let here = datlake::here();
    /// std::thread::spawn(move || {
    ///     let _inside = here.enter();
    ///     assert_eq!(datlake::Lake::current().unwrap(), lake);
    /// })
    /// .join()
    /// .expect("no panic");
    /// # Ok(())
    /// # }
    /// ```
    pub fn enter(&self) -> Entered {
        let mut entered = enter(self.context.clone());
        entered.stack = Some(on_stack(&self.stack));
        entered
    }

    /// Runs `work` there.
    ///
    /// ```
    /// # fn main() -> datlake::Result<()> {
    /// let lake = datlake::Lake::temp()?;
    /// let _current = lake.enter();
    /// let here = datlake::here();
    /// let found = std::thread::spawn(move || here.run(datlake::Lake::current)).join().expect("no panic")?;
    /// assert_eq!(found, lake);
    /// # Ok(())
    /// # }
    /// ```
    pub fn run<R>(&self, work: impl FnOnce() -> R) -> R {
        let _inside = self.enter();
        if self.certain { stolen::mark(work) } else { work() }
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
        Scoped { future, context: self.context.clone(), certain: self.certain }
    }
}

pin_project! {
    /// A future with a context of its own: see [`Here::scope`] and [`Lake::scope`](crate::Lake::scope).
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct Scoped<F> {
        #[pin]
        future: F,
        context: Context,
        certain: bool,
    }
}

impl<F> Scoped<F> {
    /// The future of a body.
    pub(crate) fn of_body(context: Context, future: F) -> Self {
        Self { future, context, certain: true }
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _inside = enter(this.context.clone());
        let (future, certain) = (this.future, *this.certain);
        if certain { stolen::mark(|| future.poll(cx)) } else { future.poll(cx) }
    }
}
