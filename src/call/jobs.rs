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
use super::claim::Backoff;
use super::one::{AsyncCall, Call};
use super::shape::Shape;
use super::site::WhenHeld;

/// Calls of an asynchronous creator under way at a time.
const POLLED: usize = 128;

/// Calls that this process has not tried yet, with their places.
struct Fresh<C> {
    calls: VecDeque<(usize, C)>,
    /// Whether another process makes the same calls.
    shared: bool,
    order: RandomState,
}

impl<C> Fresh<C> {
    fn new(calls: Vec<C>) -> Self {
        Self { calls: calls.into_iter().enumerate().collect(), shared: false, order: RandomState::new() }
    }

    fn next(&mut self) -> Option<(usize, C)> {
        let left = self.calls.len();
        if !self.shared || left == 0 {
            return self.calls.pop_front();
        }
        // Each process draws its own.
        let at = usize::try_from(self.order.hash_one(left) % left as u64).unwrap_or_default();
        self.calls.swap_remove_front(at)
    }
}

/// The calls of a blocking creator, which several threads make.
pub(super) struct Jobs<R, S, F>(Mutex<State<R, S, F>>);

struct State<R, S, F> {
    fresh: Fresh<Call<R, S, F>>,
    /// Those that other processes ran when they were tried.
    held: VecDeque<(usize, Attempt<R, S, F>)>,
}

/// What a thread does next.
enum Job<R, S, F> {
    Fresh(usize, Call<R, S, F>),
    /// One to be tried again, of this many.
    Held(usize, Attempt<R, S, F>, usize),
}

impl<R, S: Shape<R>, F: FnOnce() -> R> Jobs<R, S, F> {
    pub(super) fn new(calls: Vec<Call<R, S, F>>) -> Self {
        Self(Mutex::new(State { fresh: Fresh::new(calls), held: VecDeque::new() }))
    }

    fn next(&self) -> Option<Job<R, S, F>> {
        let state = &mut *lock(&self.0);
        if let Some((at, call)) = state.fresh.next() {
            return Some(Job::Fresh(at, call));
        }
        let of = state.held.len();
        state.held.pop_front().map(|(at, held)| Job::Held(at, held, of))
    }

    /// Makes calls until none is left that no other thread makes, and hands on what each returned, with its place.
    pub(super) fn work(&self, mut done: impl FnMut(usize, R)) {
        // How many calls in a row were held.
        let (mut in_vain, mut backoff) = (0, Backoff::new());
        while let Some(job) = self.next() {
            let (at, tried, of) = match job {
                Job::Fresh(at, call) => match call.attempt() {
                    Ok(attempt) => (at, attempt.try_run(WhenHeld::Leave, false), None),
                    Err(error) => (at, Tried::Done(S::fail(error)), None),
                },
                // The last one that is left may as well be waited for.
                Job::Held(at, held, 1) => (at, held.try_run(WhenHeld::Wait, false), Some(1)),
                Job::Held(at, held, of) => (at, held.try_run(WhenHeld::Leave, false), Some(of)),
            };
            let (mut held, by) = match tried {
                Tried::Done(result) => {
                    (in_vain, backoff) = (0, Backoff::new());
                    done(at, result);
                    continue;
                }
                Tried::Held(held, by) => (held, by),
            };
            if of.is_some() {
                held.says_it_waits(by);
            }
            {
                let state = &mut *lock(&self.0);
                state.fresh.shared = true;
                state.held.push_back((at, held));
            }
            in_vain += 1;
            if of.is_some_and(|of| of <= in_vain) {
                in_vain = 0;
                std::thread::sleep(backoff.next());
            }
        }
    }
}

/// A call of an asynchronous creator that is under way.
enum AsyncJob<R, S, F> {
    Fresh(AsyncCall<R, S, F>),
    /// One that another process ran when it was tried.
    Held(Attempt<R, S, Pin<Box<F>>>),
}

/// Makes the calls of an asynchronous creator, and hands on what each returned, with its place.
pub(super) async fn make_all<R, S: Shape<R>, F: Future<Output = R>>(
    calls: Vec<AsyncCall<R, S, F>>,
    mut done: impl FnMut(usize, R),
) {
    let (mut fresh, mut held) = (Fresh::new(calls), VecDeque::new());
    let mut under_way = FuturesUnordered::new();
    loop {
        while under_way.len() < POLLED {
            let next = fresh.next().map(|(at, call)| (at, AsyncJob::Fresh(call)));
            let Some((at, job)) = next.or_else(|| held.pop_front()) else { break };
            under_way.push(async move { (at, make(job).await) });
        }
        match under_way.next().await {
            None => return,
            Some((at, Tried::Done(result))) => done(at, result),
            Some((at, Tried::Held(attempt, _))) => {
                fresh.shared = true;
                held.push_back((at, AsyncJob::Held(attempt)));
            }
        }
    }
}

async fn make<R, S: Shape<R>, F: Future<Output = R>>(job: AsyncJob<R, S, F>) -> Tried<R, Attempt<R, S, Pin<Box<F>>>> {
    match job {
        AsyncJob::Fresh(call) => match call.attempt() {
            Ok(attempt) => attempt.try_run_async(false).await,
            Err(error) => Tried::Done(S::fail(error)),
        },
        AsyncJob::Held(attempt) => Tried::Done(attempt.run_async(false).await),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(shared: bool) -> Vec<usize> {
        let mut fresh = Fresh::new(vec![(); 100]);
        fresh.shared = shared;
        std::iter::from_fn(|| fresh.next()).map(|(at, ())| at).collect()
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
