//! What a body needs of its machine: it begins where that is free in this process, or is left to a process that has as much.
//!
//! Invariants:
//! - A call that asks for nothing, and stands in no body that has something, is not held up here.
//! - A call that waits for room holds no claim and no flight, and one that waits for a claim or a flight has no room.
//!
//! docs/adr/0046-resources.md says why.

use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use datlake_core::admission::{Admissions, Admitted, CallPlace, InQueue, RoomAsked};
use datlake_core::{Error, ErrorKind, Given, Resources, Result, Subject};
use datlake_lake::sync::lock;
use datlake_lake::{resources, scope, shared_run};
use datlake_store::PerProcess;

use super::site::{BlockingMode, CallSite};
use super::waiting::{Elsewhere, Patience};
use crate::work_stealing;

/// How long processes of a run have to begin whose number and resources nobody tells.
const TO_BEGIN: Duration = Duration::from_secs(60);

/// What is known of the other processes is looked at again after this.
const KNOWN_FOR: Duration = Duration::from_secs(1);

/// Whether a body may begin here.
pub(super) enum Room {
    /// It may, with what it was given; `None` where it asks for nothing.
    Has(Option<Admitted>),
    /// It is for others, of which this is known.
    Elsewhere(String),
    /// The same, and that was looked at just before.
    Later,
}

impl CallSite {
    /// The call is under way, for those that have something of the machine.
    pub(super) fn goes_under_way(&mut self) -> Result<()> {
        self.ends_waiting();
        if let Some(body) = self.parent.as_ref().and_then(|parent| parent.admitted()) {
            let wait = self.wait.get_or_insert_default();
            if wait.call_in.is_none() {
                wait.call_in = Some(admissions()?.call_in(body));
            }
        }
        Ok(())
    }

    /// The call waits from now on.
    pub(super) fn begin_to_wait(&mut self) {
        if let Some(wait) = &mut self.wait
            && wait.waits.is_none()
        {
            wait.waits = wait.call_in.as_ref().map(|call| call.waits());
        }
    }

    /// The call goes on.
    pub(super) fn ends_waiting(&mut self) {
        if let Some(wait) = &mut self.wait {
            wait.waits = None;
        }
    }

    /// Takes what the body needs, once it is free. `alone` where no other process may make the call for this one.
    pub(super) async fn room(&mut self, alone: bool) -> Result<Room> {
        let (asks, outer) = (*self.target.resources, self.parent.as_ref().and_then(|parent| parent.admitted()));
        if asks.is_nothing() && outer.is_none() {
            return Ok(Room::Has(None));
        }
        let all = admissions()?;
        if !all.given().holds(&asks) {
            // To ask costs more than a look at this home, which is taken each time.
            let is_due = self.wait.get_or_insert_default().elsewhere.get_or_insert_with(Elsewhere::new).is_due();
            return if is_due { self.where_it_fits(alone, all.given()).map(Room::Elsewhere) } else { Ok(Room::Later) };
        }
        let place = CallPlace { nested: self.parent.is_some(), outer };
        if asks.is_nothing() || !may_wait() {
            return Ok(Room::Has(Some(all.take(asks, place))));
        }
        let admitted = match all.ask(asks, place) {
            RoomAsked::Admitted(admitted) => admitted,
            RoomAsked::Queued(queued) if self.pace == BlockingMode::Polled => queued.admitted().await,
            RoomAsked::Queued(queued) => self.block(queued).unwrap_or_else(|| all.take(asks, place)),
        };
        Ok(Room::Has(Some(admitted)))
    }

    /// Blocks until there is room; on a pool that steals work no longer than may be.
    fn block(&mut self, mut queued: InQueue) -> Option<Admitted> {
        let patience = Patience::new();
        loop {
            queued = match queued.admitted_within(work_stealing::PATIENCE) {
                Ok(admitted) => return Some(admitted),
                Err(_) if patience.is_over() => return None,
                Err(queued) => queued,
            };
            if self.parent.is_none() {
                // Which may be for ever: nobody sees that it is part of a body.
                self.says_it_waits(format!(
                    "{}, which other bodies of this process have; if it is part of one of them, let its thread take `datlake::here()` along",
                    self.target.resources
                ));
            }
        }
    }

    /// The process that may have room for a body that does not fit this one.
    ///
    /// # Errors
    /// [`ErrorKind::Resources`] where none has.
    fn where_it_fits(&self, alone: bool, given: &Given) -> Result<String> {
        let asks = *self.target.resources;
        let refused = |has: String, hint: &str| {
            let creator = &self.target.identity.creator;
            let key = self.target.identity.key;
            let message = format!("`{creator}` (call {}) asks for {asks}, and {has}", key.short());
            Err(Error::new(ErrorKind::Resources, message).about(Subject::Call(creator.clone(), key)).with_hint(hint))
        };
        let run = shared_run::here().filter(|_| !alone);
        let Some(run) = run else {
            let hint = "run it where there is more, or say what there is: DATLAKE_RESOURCES=cpus=…,gpus=…,memory=…";
            return refused(format!("this process has {given}"), hint);
        };
        const MORE: &str = "give each process more, as by `datlake run --resources`; where processes have different resources, say what the largest has: DATLAKE_RUN_RESOURCES";
        if let Some(largest) = resources::largest()? {
            return match largest.holds(&asks) {
                true => Ok(format!("a process with {asks}")),
                false if largest == *given => refused(format!("each process of this run has {given}"), MORE),
                false => refused(format!("the largest process of this run has {largest}"), MORE),
            };
        }
        let known = self.known_in_run(&run.id);
        if known.iter().any(|process| process.holds(&asks)) {
            return Ok(format!("a process with {asks}"));
        }
        let all_are_known = run.of.is_some_and(|of| known.len() as u64 >= of);
        if !all_are_known && waited_for_others() < TO_BEGIN {
            return Ok(format!("a process with {asks}, which may begin yet"));
        }
        let largest = known.iter().max_by_key(|process| shortfall(process, &asks)).unwrap_or(given);
        refused(format!("of the processes of this run that are known here the largest has {largest}"), MORE)
    }
}

impl CallSite {
    /// What the processes of the run were given, as far as this home knows: looked at once for all calls of a fan-out.
    fn known_in_run(&self, run: &str) -> Vec<Given> {
        static KNOWN: Mutex<Option<(Instant, Vec<Given>)>> = Mutex::new(None);
        let mut known = lock(&KNOWN);
        if let Some((at, known)) = &*known
            && at.elapsed() < KNOWN_FOR
        {
            return known.clone();
        }
        let found = self.lake.given_in_run(run);
        *known = Some((Instant::now(), found.clone()));
        found
    }
}

/// How much of what is asked for there is: what is nearest to enough is the largest.
fn shortfall(given: &Given, asks: &Resources) -> (bool, bool, bool, u64, u64, u64) {
    let has = |given: Option<u64>, asks: u64| given.unwrap_or(u64::MAX) >= asks;
    let number = |given: Option<u64>| given.unwrap_or(u64::MAX);
    (
        has(given.gpus, asks.gpus),
        has(given.memory, asks.memory),
        has(given.cpus, asks.cpus),
        number(given.memory),
        number(given.cpus),
        number(given.gpus),
    )
}

/// How long this process has waited for others that may begin.
fn waited_for_others() -> Duration {
    static SINCE: OnceLock<Instant> = OnceLock::new();
    SINCE.get_or_init(Instant::now).elapsed()
}

/// Those of this process.
fn admissions() -> Result<&'static Admissions> {
    static ALL: OnceLock<PerProcess<Admissions>> = OnceLock::new();
    let given = datlake_lake::given()?;
    Ok(ALL.get_or_init(|| PerProcess::new(Admissions::new(given))).get(|| Admissions::new(given)))
}

/// On a pool that steals work a call may lie on top of a stranger's body, which others wait for.
fn may_wait() -> bool {
    !work_stealing::is_possible() || scope::stack().is_empty() || work_stealing::is_excluded()
}
