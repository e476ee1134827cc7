//! Sending what the bodies of this process do, while they run.
//!
//! A body only says that there is something: all else happens in the background, and, for at most two seconds, at the end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use datlake_core::Result;
use datlake_lake::{Event, Lake, OwedRun, Receiver, Reporter};
use datlake_store::{done_within, every_method};

use crate::courier::{Courier, Ended, Time};

/// How often the journal is looked at.
const TICK: Duration = Duration::from_millis(200);
/// How often it is looked for runs that others could not send.
const OTHERS: Duration = Duration::from_secs(60);
/// How long the end of a program waits for what is not sent yet.
const AT_END: Duration = Duration::from_secs(2);
const LATE: &str = "the program ended before all was sent";

/// What sends for one lake.
struct Live {
    courier: Mutex<Courier>,
    unsent: Mutex<Unsent>,
    /// When it was last looked for runs of others.
    looked: Mutex<Option<Instant>>,
    began: Instant,
    /// The receiver, for people.
    to: String,
    said: AtomicBool,
}

/// What bodies noted and nobody has sent.
#[derive(Default)]
struct Unsent {
    /// The lake, as long as there is any.
    lake: Option<Lake>,
    /// How often something was noted.
    notes: u64,
    /// Whether the program waits for its end.
    ends: bool,
}

struct Handle(Arc<Live>);

/// The time, and until when events are begun.
struct Until<'a> {
    began: Instant,
    end: End<'a>,
}

enum End<'a> {
    Never,
    At(Instant),
    /// When more was noted here than then: the own run comes first.
    Noted(&'a Mutex<Unsent>, u64),
}

impl Time for Until<'_> {
    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn is_over(&self) -> bool {
        match self.end {
            End::Never => false,
            End::At(end) => Instant::now() >= end,
            End::Noted(unsent, then) => {
                let unsent = lock(unsent);
                unsent.ends || unsent.notes != then
            }
        }
    }
}

/// Sends what bodies do in `lake` to its receiver.
pub fn reporter(lake: &Lake, receiver: &Receiver) -> Box<dyn Reporter> {
    let live = Arc::new(Live {
        courier: Mutex::new(Courier::new(lake, receiver)),
        unsent: Mutex::default(),
        looked: Mutex::default(),
        began: Instant::now(),
        to: receiver.shown(),
        said: AtomicBool::new(false),
    });
    let weak = Arc::downgrade(&live);
    // Without threads for it, all waits for the end.
    let _ = every_method(TICK, move || weak.upgrade().map(|live| live.tick()).is_some());
    Box::new(Handle(live))
}

impl Reporter for Handle {
    fn noted(&self, lake: &Lake) {
        let mut unsent = lock(&self.0.unsent);
        unsent.notes += 1;
        unsent.lake = Some(lake.clone());
    }

    fn end(&self) {
        let lake = {
            let mut unsent = lock(&self.0.unsent);
            unsent.ends = true;
            unsent.lake.clone()
        };
        let Some(lake) = lake else { return };
        let (live, end) = (Arc::clone(&self.0), Instant::now() + AT_END);
        let last = lake.clone();
        if !done_within(AT_END, move || live.last(&last, end)) {
            self.0.say(&lake, LATE.to_owned());
        }
        let mut unsent = lock(&self.0.unsent);
        (unsent.lake, unsent.ends) = (None, false);
    }
}

impl Live {
    fn tick(&self) {
        let mut courier = lock(&self.courier);
        let (lake, notes) = {
            let unsent = lock(&self.unsent);
            let Some(lake) = &unsent.lake else { return };
            (lake.clone(), unsent.notes)
        };
        let time = Until { began: self.began, end: End::Never };
        match own(&mut courier, &lake, &time).and_then(|ended| match ended {
            Some(Ended::Sent) => self.others(&mut courier, &lake, notes),
            ended => Ok(ended),
        }) {
            Ok(Some(Ended::Failed(why))) => self.say(&lake, why),
            // What is not sent is tried again, or said at the end.
            Ok(Some(Ended::Late) | None) => {}
            Err(error) => self.say(&lake, error.to_string()),
            Ok(Some(Ended::Sent)) => {
                let mut unsent = lock(&self.unsent);
                if unsent.notes == notes {
                    unsent.lake = None;
                }
            }
        }
    }

    /// What is not sent when the program ends, which waits until `end`.
    fn last(&self, lake: &Lake, end: Instant) {
        // It may be sending just now.
        let mut courier = lock(&self.courier);
        match own(&mut courier, lake, &Until { began: self.began, end: End::At(end) }) {
            Ok(Some(Ended::Sent) | None) => {}
            Ok(Some(Ended::Failed(why))) => self.say(lake, why),
            Ok(Some(Ended::Late)) => self.say(lake, LATE.to_owned()),
            Err(error) => self.say(lake, error.to_string()),
        }
    }

    /// Runs of processes that have ended: now and then.
    fn others(&self, courier: &mut Courier, lake: &Lake, notes: u64) -> Result<Option<Ended>> {
        let mut looked = lock(&self.looked);
        if looked.is_some_and(|looked| looked.elapsed() < OTHERS) {
            return Ok(Some(Ended::Sent));
        }
        *looked = Some(Instant::now());
        let time = Until { began: self.began, end: End::Noted(&self.unsent, notes) };
        for run in OwedRun::of_others(lake)? {
            // What is damaged `datlake outbox` shows.
            let Ok(Some(mut owed)) = OwedRun::take(lake, &run) else { continue };
            match courier.send_to_the_end(lake, &mut owed, &time)? {
                Ended::Sent => owed.settle()?,
                Ended::Late => {
                    *looked = None;
                    return Ok(Some(Ended::Late));
                }
                failed @ Ended::Failed(_) => return Ok(Some(failed)),
            }
        }
        Ok(Some(Ended::Sent))
    }

    /// Says once that what bodies do is not sent.
    fn say(&self, lake: &Lake, why: String) {
        if !self.said.swap(true, Ordering::Relaxed) {
            lake.emit(&Event::Unsent { to: self.to.clone(), why });
        }
    }
}

/// Sends this process's own run; `None` while there is a pause.
fn own(courier: &mut Courier, lake: &Lake, time: &dyn Time) -> Result<Option<Ended>> {
    if courier.pauses(time) {
        return Ok(None);
    }
    let Some(mut run) = OwedRun::of_this_process(lake)? else { return Ok(Some(Ended::Sent)) };
    let ended = courier.send(lake, &mut run, time)?;
    if ended == Ended::Sent {
        OwedRun::sent_of_this_process(lake, run.delivery().sent);
    }
    Ok(Some(ended))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
