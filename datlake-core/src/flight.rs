//! Single flight within a process: of several calls with one key, one runs and the others wait for it.
//!
//! Waiting blocks whoever waits, so a wait that would close a circle is never begun. Circles come about in two ways: a
//! body calls itself with the same arguments (an error), or a work-stealing thread pool starts another call on top of a
//! body that waits (then the call runs once more, which costs time and nothing else).

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use event_listener::{Event, EventListener};

use crate::CallKey;

/// One execution under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FlightId(u64);

/// The calls a process is executing.
#[derive(Clone, Debug, Default)]
pub struct Flights(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    next: u64,
    running: HashMap<CallKey, (FlightId, Arc<Event>)>,
    /// Which executions wait for which, once for each wait.
    waits: HashMap<FlightId, Vec<FlightId>>,
}

/// What a call that wants to run finds.
#[derive(Debug)]
pub enum Boarding {
    /// It is the one that runs; the others wait until the flight is dropped.
    Go(Flight),
    /// Another runs it.
    Wait(Waiter),
    /// Another runs it, and waiting would close a circle: it runs once more.
    Redundant(Flight),
    /// It is its own ancestor.
    Recursion,
}

/// The right to run; dropping it, also by a panic or a cancelled future, wakes those that wait.
#[derive(Debug)]
pub struct Flight {
    flights: Flights,
    id: FlightId,
    key: Option<CallKey>,
}

/// A wait for a flight to end, by success or failure.
#[derive(Debug)]
pub struct Waiter {
    flights: Flights,
    sources: Vec<FlightId>,
    target: FlightId,
    ended: EventListener,
}

impl Flights {
    /// Asks to run `key`. `ancestors` are the flights whose bodies the call stands in; `beneath` those
    /// whose bodies are on this thread's stack, which a blocking wait would hold up as well.
    pub fn board(&self, key: CallKey, ancestors: &[FlightId], beneath: &[FlightId]) -> Boarding {
        let mut state = self.lock();
        let Some((target, event)) = state.running.get(&key).map(|(id, event)| (*id, Arc::clone(event))) else {
            let id = state.id();
            state.running.insert(key, (id, Arc::new(Event::new())));
            return Boarding::Go(Flight { flights: self.clone(), id, key: Some(key) });
        };
        if ancestors.contains(&target) {
            return Boarding::Recursion;
        }
        let sources: Vec<FlightId> = ancestors.iter().chain(beneath).copied().collect();
        if state.reaches(target, &sources) {
            let id = state.id();
            return Boarding::Redundant(Flight { flights: self.clone(), id, key: None });
        }
        for source in &sources {
            state.waits.entry(*source).or_default().push(target);
        }
        Boarding::Wait(Waiter { flights: self.clone(), sources, target, ended: event.listen() })
    }

    /// An execution beside another of the same key.
    pub fn beside(&self) -> Flight {
        let id = self.lock().id();
        Flight { flights: self.clone(), id, key: None }
    }

    /// Whether `key` is running.
    pub fn is_running(&self, key: &CallKey) -> bool {
        self.lock().running.contains_key(key)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code of a user runs under this lock, and every step leaves the state whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn id(&mut self) -> FlightId {
        self.next += 1;
        FlightId(self.next)
    }

    fn reaches(&self, from: FlightId, goals: &[FlightId]) -> bool {
        let (mut seen, mut todo) = (HashSet::new(), vec![from]);
        while let Some(at) = todo.pop() {
            if goals.contains(&at) {
                return true;
            }
            if seen.insert(at) {
                todo.extend(self.waits.get(&at).into_iter().flatten());
            }
        }
        false
    }
}

impl Flight {
    /// This execution.
    pub fn id(&self) -> FlightId {
        self.id
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        let ended = self.flights.lock().running.remove(&key);
        if let Some((_, event)) = ended {
            event.notify(usize::MAX);
        }
    }
}

impl Waiter {
    /// Resolves when the flight has ended.
    pub async fn ended(mut self) {
        (&mut self.ended).await;
    }

    /// Blocks until the flight has ended, or patience has: whether it has ended.
    pub fn ended_within(self, patience: Duration) -> bool {
        use event_listener::Listener as _;
        // The listener's place in the graph goes with `self`.
        let mut this = self;
        let listener = std::mem::replace(&mut this.ended, Event::new().listen());
        listener.wait_timeout(patience).is_some()
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut state = self.flights.lock();
        for source in &self.sources {
            if let Some(targets) = state.waits.get_mut(source) {
                if let Some(at) = targets.iter().position(|t| *t == self.target) {
                    targets.swap_remove(at);
                }
                if targets.is_empty() {
                    state.waits.remove(source);
                }
            }
        }
    }
}
