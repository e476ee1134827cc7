//! Which bodies may begin beside those that run, by what they ask for of what their process was given.
//!
//! Invariants:
//! - Bodies that stand in no other together never have more than there is.
//! - A body has what it asked for until it ends. A call in it takes of that first, for the body waits meanwhile; what it needs beyond, it
//!   takes as any other does.
//! - Nothing stands still: where each body that has something waits for a call in it, and none of these calls gets on, the first of
//!   the calls that stand in bodies begins all the same.
//! - A body that asks for nothing, and stands in none that does, is not known here.
//!
//! This module reads no clock and starts no thread.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use event_listener::{Event, Listener as _};

use crate::{Given, Resources};

/// So many may begin before one that asked earlier and does not fit yet.
const MOST_OVERTAKING: u32 = 32;

/// A body that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BodyId(u64);

/// The bodies of a process that have something of its machine.
#[derive(Clone, Debug)]
pub struct Admissions {
    given: Given,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    given: Given,
    next: u64,
    /// What is taken of what the process was given.
    taken: Resources,
    bodies: HashMap<BodyId, Entry>,
    /// In the order in which they asked.
    queue: Vec<Queued>,
}

/// A body that runs.
#[derive(Debug, Default)]
struct Entry {
    outer: Option<BodyId>,
    has: Resources,
    /// What of that the bodies in it have.
    lent: Resources,
    /// Where it has it from: bodies around it; the rest is the process's.
    from: Vec<(BodyId, Resources)>,
    /// Calls in it that are under way.
    calls: usize,
    /// Of these, those that wait.
    waiting: usize,
    /// Of these, those whose bodies run.
    running: usize,
}

/// A body that is to begin.
#[derive(Debug)]
struct Queued {
    id: BodyId,
    asks: Resources,
    place: CallPlace,
    overtaken: u32,
    admitted: Arc<Event>,
}

/// Where a call stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallPlace {
    /// Whether it stands in a body.
    pub nested: bool,
    /// The nearest body around it that is known here.
    pub outer: Option<BodyId>,
}

/// What comes of asking.
#[derive(Debug)]
pub enum RoomAsked {
    /// It may begin.
    Admitted(Admitted),
    /// It is to wait.
    Queued(InQueue),
}

/// What a body has, until this is dropped.
#[derive(Debug)]
pub struct Admitted {
    admissions: Admissions,
    id: BodyId,
}

/// A place in the queue; dropped, it is given up.
#[derive(Debug)]
pub struct InQueue {
    /// `None` once it is over.
    admissions: Option<Admissions>,
    id: BodyId,
    admitted: Arc<Event>,
}

/// A call in a body, while it is under way.
#[derive(Debug)]
pub struct CallIn {
    admissions: Admissions,
    body: BodyId,
}

/// A call in a body, while it waits.
#[derive(Debug)]
pub struct Waits {
    admissions: Admissions,
    body: BodyId,
}

impl Admissions {
    /// Those of a process that was given this.
    pub fn new(given: Given) -> Self {
        Self { given, state: Arc::new(Mutex::new(State { given, ..State::default() })) }
    }

    /// What there is.
    pub fn given(&self) -> &Given {
        &self.given
    }

    /// Asks for what a body needs. It must be no more than [there is](Given::holds).
    pub fn ask(&self, asks: Resources, place: CallPlace) -> RoomAsked {
        let admitted = Arc::new(Event::new());
        let mut state = self.lock();
        let id = state.id();
        state.queue.push(Queued { id, asks, place, overtaken: 0, admitted: Arc::clone(&admitted) });
        state.waits(place.outer, true);
        state.advance();
        if state.bodies.contains_key(&id) {
            return RoomAsked::Admitted(Admitted { admissions: self.clone(), id });
        }
        drop(state);
        RoomAsked::Queued(InQueue { admissions: Some(self.clone()), id, admitted })
    }

    /// Takes what a body needs at once, also where it does not fit: for calls that others wait for in a way that cannot be seen.
    pub fn take(&self, asks: Resources, place: CallPlace) -> Admitted {
        let mut state = self.lock();
        let id = state.id();
        state.begin(id, asks, place.outer);
        Admitted { admissions: self.clone(), id }
    }

    /// A call in `body` is under way.
    pub fn call_in(&self, body: BodyId) -> CallIn {
        if let Some(entry) = self.lock().bodies.get_mut(&body) {
            entry.calls += 1;
        }
        CallIn { admissions: self.clone(), body }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code of a user runs under this lock, and every step leaves the state whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Admitted {
    /// The body.
    pub fn id(&self) -> BodyId {
        self.id
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut state = self.admissions.lock();
        state.end(self.id);
        state.advance();
    }
}

impl InQueue {
    /// Resolves when it may begin.
    pub async fn admitted(mut self) -> Admitted {
        loop {
            let listener = self.admitted.listen();
            match self.is_over() {
                Some(admitted) => return admitted,
                None => listener.await,
            }
        }
    }

    /// Blocks until it may begin, or patience is over: then the place goes on.
    ///
    /// # Errors
    /// The place, where it is to wait still.
    pub fn admitted_within(mut self, patience: Duration) -> Result<Admitted, Self> {
        let listener = self.admitted.listen();
        if let Some(admitted) = self.is_over() {
            return Ok(admitted);
        }
        listener.wait_timeout(patience);
        self.is_over().ok_or(self)
    }

    fn is_over(&mut self) -> Option<Admitted> {
        let admissions = self.admissions.take()?;
        let begun = admissions.lock().bodies.contains_key(&self.id);
        if begun {
            return Some(Admitted { admissions, id: self.id });
        }
        self.admissions = Some(admissions);
        None
    }
}

impl Drop for InQueue {
    fn drop(&mut self) {
        let Some(admissions) = self.admissions.take() else { return };
        let mut state = admissions.lock();
        match state.queue.iter().position(|queued| queued.id == self.id) {
            Some(at) => {
                let queued = state.queue.remove(at);
                state.waits(queued.place.outer, false);
            }
            // It was let in, and nobody wants it any more.
            None => state.end(self.id),
        }
        state.advance();
    }
}

impl CallIn {
    /// The call begins to wait, for whatever another does.
    pub fn waits(&self) -> Waits {
        let mut state = self.admissions.lock();
        state.waits(Some(self.body), true);
        state.advance();
        Waits { admissions: self.admissions.clone(), body: self.body }
    }
}

impl Drop for CallIn {
    fn drop(&mut self) {
        let mut state = self.admissions.lock();
        if let Some(entry) = state.bodies.get_mut(&self.body) {
            entry.calls = entry.calls.saturating_sub(1);
        }
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        self.admissions.lock().waits(Some(self.body), false);
    }
}

impl Entry {
    /// Whether it computes, or a call in it gets on that is in no body yet, or no more.
    fn gets_on(&self) -> bool {
        self.calls == 0 || self.calls > self.waiting + self.running
    }
}

impl State {
    fn id(&mut self) -> BodyId {
        self.next += 1;
        BodyId(self.next)
    }

    fn waits(&mut self, body: Option<BodyId>, waits: bool) {
        if let Some(entry) = body.and_then(|body| self.bodies.get_mut(&body)) {
            entry.waiting = if waits { entry.waiting + 1 } else { entry.waiting.saturating_sub(1) };
        }
    }

    /// What a body that asks for this gets of those around it.
    fn lent(&self, mut asks: Resources, outer: Option<BodyId>) -> (Vec<(BodyId, Resources)>, Resources) {
        let (mut parts, mut next) = (Vec::new(), outer);
        while let Some((id, entry)) = next.and_then(|id| Some((id, self.bodies.get(&id)?))) {
            let part = entry.has.minus(entry.lent).least(asks);
            if !part.is_nothing() {
                asks = asks.minus(part);
                parts.push((id, part));
            }
            next = entry.outer;
        }
        (parts, asks)
    }

    fn fits(&self, queued: &Queued) -> bool {
        let (_, rest) = self.lent(queued.asks, queued.place.outer);
        let fits = |given: Option<u64>, taken: u64, rest: u64| {
            rest == 0 || given.is_none_or(|given| taken.saturating_add(rest) <= given)
        };
        fits(self.given.cpus, self.taken.cpus, rest.cpus)
            && fits(self.given.gpus, self.taken.gpus, rest.gpus)
            && fits(self.given.memory, self.taken.memory, rest.memory)
    }

    fn begin(&mut self, id: BodyId, has: Resources, outer: Option<BodyId>) {
        let (from, rest) = self.lent(has, outer);
        for (body, part) in &from {
            if let Some(entry) = self.bodies.get_mut(body) {
                entry.lent = entry.lent.plus(*part);
            }
        }
        self.taken = self.taken.plus(rest);
        if let Some(entry) = outer.and_then(|outer| self.bodies.get_mut(&outer)) {
            entry.running += 1;
        }
        self.bodies.insert(id, Entry { outer, has, from, ..Entry::default() });
    }

    fn end(&mut self, id: BodyId) {
        let Some(ended) = self.bodies.remove(&id) else { return };
        if let Some(entry) = ended.outer.and_then(|outer| self.bodies.get_mut(&outer)) {
            entry.running = entry.running.saturating_sub(1);
        }
        let mut own = ended.has;
        for (body, part) in ended.from {
            own = own.minus(part);
            match self.bodies.get_mut(&body) {
                Some(entry) => entry.lent = entry.lent.minus(part),
                // It has ended before a call in it: what that had was left to the process.
                None => self.taken = self.taken.minus(part),
            }
        }
        // What the bodies in it still have, they give back to the process.
        self.taken = self.taken.minus(own.minus(ended.lent));
    }

    /// Lets in who fits, and, where all would stand still, one who does not.
    fn advance(&mut self) {
        while let Some(at) = self.next_that_fits().or_else(|| self.next_where_all_stand_still()) {
            let queued = self.queue.remove(at);
            for earlier in &mut self.queue[..at] {
                earlier.overtaken += 1;
            }
            self.waits(queued.place.outer, false);
            self.begin(queued.id, queued.asks, queued.place.outer);
            queued.admitted.notify(usize::MAX);
        }
    }

    /// Calls in bodies first: these give back what they have when they end.
    fn next_that_fits(&self) -> Option<usize> {
        let next = |nested: bool| {
            for (at, queued) in self.queue.iter().enumerate().filter(|(_, queued)| queued.place.nested == nested) {
                if self.fits(queued) {
                    return Some(at);
                }
                if queued.overtaken >= MOST_OVERTAKING {
                    return None;
                }
            }
            None
        };
        next(true).or_else(|| next(false))
    }

    fn next_where_all_stand_still(&self) -> Option<usize> {
        if self.bodies.values().any(Entry::gets_on) {
            return None;
        }
        self.queue.iter().position(|queued| queued.place.nested)
    }
}

#[cfg(test)]
mod tests;
