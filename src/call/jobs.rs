//! The calls of a fan-out, shared with other processes that make the same ones.
//!
//! A process that is alone makes them in their order. Where it meets a call that another process runs, it leaves that one and
//! goes on with others, from then on in an order of its own, so that processes do not queue behind each other. It waits when
//! it has nothing else to do. A call that was left holds no claim, flight or permit.

use std::collections::VecDeque;
use std::future::Future;
use std::hash::{BuildHasher as _, RandomState};
use std::pin::Pin;
use std::sync::Mutex;

use datlake_lake::sync::lock;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::attempt::{Attempt, Tried};
use super::one::{AsyncCall, Call};
use super::shape::Shape;
use super::site::WhenHeld;
use super::waiting::Backoff;

/// Calls of an asynchronous creator under way at a time.
const POLLED: usize = 128;

/// Calls that are to be made, with their places: `C` before they are tried, `A` after that.
struct Queue<C, A> {
    fresh: VecDeque<(usize, C)>,
    /// Those that other processes ran when they were tried.
    held: VecDeque<(usize, A)>,
    /// Whether another process makes the same calls.
    shared: bool,
    order: RandomState,
}

/// What is done next.
enum Job<C, A> {
    Fresh(C),
    /// One to be tried again, of this many.
    Held(A, usize),
}

impl<C, A> Queue<C, A> {
    fn new(calls: Vec<C>) -> Self {
        let fresh = calls.into_iter().enumerate().collect();
        Self { fresh, held: VecDeque::new(), shared: false, order: RandomState::new() }
    }

    fn next(&mut self) -> Option<(usize, Job<C, A>)> {
        if let Some((at, call)) = self.next_fresh() {
            return Some((at, Job::Fresh(call)));
        }
        let of = self.held.len();
        self.held.pop_front().map(|(at, held)| (at, Job::Held(held, of)))
    }

    fn next_fresh(&mut self) -> Option<(usize, C)> {
        let left = self.fresh.len();
        if !self.shared || left == 0 {
            return self.fresh.pop_front();
        }
        // Each process draws its own.
        let at = usize::try_from(self.order.hash_one(left) % left as u64).unwrap_or_default();
        self.fresh.swap_remove_front(at)
    }

    /// Another process runs it.
    fn leave(&mut self, at: usize, held: A) {
        self.shared = true;
        self.held.push_back((at, held));
    }
}

/// The calls of a blocking creator, which several threads make.
pub(super) struct Jobs<C, A>(Mutex<Queue<C, A>>);

impl<C, A> Jobs<C, A> {
    pub(super) fn new(calls: Vec<C>) -> Self {
        Self(Mutex::new(Queue::new(calls)))
    }

    fn next(&self) -> Option<(usize, Job<C, A>)> {
        lock(&self.0).next()
    }
}

impl<R, S: Shape<R>, F: FnOnce() -> R> Jobs<Call<R, S, F>, Attempt<R, S, F>> {
    /// Makes calls until none is left that no other thread makes, and hands on what each returned, with its place.
    pub(super) fn work(&self, mut done: impl FnMut(usize, R)) {
        // How many calls in a row were held.
        let (mut in_vain, mut backoff) = (0, Backoff::new());
        while let Some((at, job)) = self.next() {
            let (tried, of) = match job {
                Job::Fresh(call) => match call.attempt() {
                    Ok(attempt) => (attempt.try_run(WhenHeld::Leave, false), None),
                    Err(error) => (Tried::Done(S::fail(error)), None),
                },
                // The last one that is left may as well be waited for.
                Job::Held(held, 1) => (held.try_run(WhenHeld::Wait, false), Some(1)),
                Job::Held(held, of) => (held.try_run(WhenHeld::Leave, false), Some(of)),
            };
            let (mut held, by) = match tried {
                Tried::Done(result) => {
                    (in_vain, backoff) = (0, Backoff::new());
                    done(at, result);
                    continue;
                }
                Tried::Held(held, by) => (held, by),
            };
            held.note_left(by);
            lock(&self.0).leave(at, held);
            in_vain += 1;
            if of.is_some_and(|of| of <= in_vain) {
                in_vain = 0;
                std::thread::sleep(backoff.next());
            }
        }
    }
}

/// Makes the calls of an asynchronous creator, and hands on what each returned, with its place.
pub(super) async fn make_all<R, S: Shape<R>, F: Future<Output = R>>(
    calls: Vec<AsyncCall<R, S, F>>,
    mut done: impl FnMut(usize, R),
) {
    let mut queue = Queue::new(calls);
    let mut under_way = FuturesUnordered::new();
    loop {
        while under_way.len() < POLLED {
            let Some((at, job)) = queue.next() else { break };
            under_way.push(async move { (at, make(job).await) });
        }
        match under_way.next().await {
            None => return,
            Some((at, Tried::Done(result))) => done(at, result),
            Some((at, Tried::Held(attempt, _))) => queue.leave(at, attempt),
        }
    }
}

type AsyncAttempt<R, S, F> = Attempt<R, S, Pin<Box<F>>>;

/// Makes a call, or leaves it the first time that it is tried.
async fn make<R, S: Shape<R>, F: Future<Output = R>>(
    job: Job<AsyncCall<R, S, F>, AsyncAttempt<R, S, F>>,
) -> Tried<R, AsyncAttempt<R, S, F>> {
    match job {
        Job::Fresh(call) => match call.attempt() {
            Ok(attempt) => attempt.try_run_async(false).await,
            Err(error) => Tried::Done(S::fail(error)),
        },
        Job::Held(attempt, _) => Tried::Done(attempt.run_async(false).await),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(shared: bool) -> Vec<usize> {
        let mut queue = Queue::<(), ()>::new(vec![(); 100]);
        queue.shared = shared;
        std::iter::from_fn(|| queue.next()).map(|(at, _)| at).collect()
    }

    #[test]
    fn the_order_is_each_process_s_own_once_calls_are_shared() {
        let in_order: Vec<usize> = (0..100).collect();
        assert_eq!(order(false), in_order);
        let (mut one, other) = (order(true), order(true));
        assert_ne!(one, other);
        one.sort_unstable();
        assert_eq!(one, in_order);
    }
}
