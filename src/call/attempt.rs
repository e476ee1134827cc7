//! A call on its way to its value: where it stands, and its body. It can be left to another process, and tried again.

use std::future::Future;
use std::marker::PhantomData;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;

use datlake_core::Code;
use datlake_lake::scope::Scoped;
use datlake_store::wait;
use futures_util::FutureExt as _;

use super::engine::Start;
use super::failure::Describe;
use super::shape::Shape;
use super::site::{CallSite, WhenHeld};
use super::waiting::Backoff;

/// A call that stands somewhere, with its body `B`: a closure, or the future of an asynchronous creator.
pub(super) struct Attempt<R, S, B> {
    pub(super) site: CallSite,
    code: &'static Code,
    body: B,
    pub(super) describe: Describe<R>,
    shape: PhantomData<fn() -> (R, S)>,
}

/// What came of trying a call.
pub(super) enum Tried<R, A> {
    Done(R),
    /// Another process runs it, of which this is known.
    Held(A, String),
}

impl<R, S: Shape<R>, B> Attempt<R, S, B> {
    pub(super) fn new(site: CallSite, code: &'static Code, body: B, describe: Describe<R>) -> Self {
        Self { site, code, body, describe, shape: PhantomData }
    }

    /// It was left to another process. Says that it waits once it was tried a second time: then its claim has been asked for.
    pub(super) fn note_left(&mut self, by: String) {
        if self.site.times_left > 1 {
            self.site.says_it_waits(by);
        }
    }
}

impl<R, S: Shape<R>, F: FnOnce() -> R> Attempt<R, S, F> {
    /// Makes the call, however long another process takes that runs it.
    pub(super) fn run(mut self, force: bool) -> R {
        let mut backoff = Backoff::new();
        loop {
            match self.try_run(WhenHeld::Wait, force) {
                Tried::Done(result) => return result,
                // With something of the machine a call does not wait for a claim.
                Tried::Held(again, by) => {
                    self = again;
                    self.note_left(by);
                }
            }
            std::thread::sleep(backoff.next());
        }
    }

    /// Makes the call, or leaves it to another process.
    pub(super) fn try_run(self, when_held: WhenHeld, force: bool) -> Tried<R, Self> {
        let Self { site, code, body, describe, shape } = self;
        let mut running = match wait(site.start::<S::Value>(code, force, when_held)) {
            Ok(Start::Ready(value)) => return Tried::Done(S::join(value)),
            Ok(Start::Run(running)) => running,
            Ok(Start::Held(site, by)) => return Tried::Held(Self { site: *site, code, body, describe, shape }, by),
            Err(error) => return Tried::Done(S::fail(error)),
        };
        Tried::Done(match S::split(running.call(body)) {
            Ok(value) => wait(running.finish(value)).map_or_else(S::fail, S::join),
            Err(returned) => running.failed(returned, describe),
        })
    }
}

impl<R, S: Shape<R>, F: Future<Output = R>> Attempt<R, S, Pin<Box<F>>> {
    /// Makes the call, however long another process takes that runs it. It waits without a permit for bodies: others of the
    /// program's calls may run meanwhile.
    pub(super) async fn run_async(mut self, force: bool) -> R {
        let mut backoff = Backoff::new();
        loop {
            match self.try_run_async(force).await {
                Tried::Done(result) => return result,
                Tried::Held(again, by) => {
                    self = again;
                    self.note_left(by);
                }
            }
            if let Err(error) = self.site.pace.pause(backoff.next()).await {
                return S::fail(error);
            }
        }
    }

    /// Makes the call, or leaves it to another process.
    pub(super) async fn try_run_async(self, force: bool) -> Tried<R, Self> {
        let Self { site, code, body, describe, shape } = self;
        let mut running = match site.start::<S::Value>(code, force, WhenHeld::Leave).await {
            Ok(Start::Ready(value)) => return Tried::Done(S::join(value)),
            Ok(Start::Run(running)) => running,
            Ok(Start::Held(site, by)) => return Tried::Held(Self { site: *site, code, body, describe, shape }, by),
            Err(error) => return Tried::Done(S::fail(error)),
        };
        let body = Scoped::of_body(running.scope(), body);
        let returned = AssertUnwindSafe(body).catch_unwind().await;
        Tried::Done(match S::split(running.unless_panic(returned)) {
            Ok(value) => Box::pin(running.finish(value)).await.map_or_else(S::fail, S::join),
            Err(returned) => running.failed(returned, describe),
        })
    }
}
