//! Sending what earlier processes could not.

use std::time::{Duration, Instant};

use datlake_core::{Error, ErrorKind, Result};
use datlake_lake::report::{Damage, SentEvents};
use datlake_lake::{Lake, OwedRun};

use crate::courier::{Courier, Ended, Time};

/// As long as it takes.
struct Patient(Instant);

impl Time for Patient {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn is_over(&self) -> bool {
        false
    }
}

/// Sends to the receiver of `lake` all runs of processes that have ended.
///
/// # Errors
/// [`ErrorKind::Config`] where the lake has no receiver; those of reading it. A receiver that takes nothing is no error:
/// [`SentEvents::failure`] says so.
pub fn send(lake: &Lake) -> Result<SentEvents> {
    let Some(receiver) = lake.receiver() else {
        let error = Error::new(ErrorKind::Config, "nobody is to be sent events");
        return Err(error.with_hint("set DATLAKE_OPENLINEAGE_URL, or `datlake config set openlineage_url URL`"));
    };
    let (mut courier, time) = (Courier::new(lake, receiver), Patient(Instant::now()));
    let mut sent = SentEvents::default();
    sent.to = receiver.shown();
    for run in OwedRun::of_others(lake)? {
        let taken = match OwedRun::take(lake, &run) {
            Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Format) => {
                sent.damaged.push(Damage::new(format_args!("what is to be sent of run {run}"), &error));
                continue;
            }
            taken => taken?,
        };
        match taken {
            Some(owed) if sent.failure.is_none() => {
                one(&mut sent, owed, |owed| courier.send_to_the_end(lake, owed, &time))?
            }
            _ => sent.left += 1,
        }
    }
    Ok(sent)
}

/// Sends one run.
fn one(sent: &mut SentEvents, mut owed: OwedRun, how: impl FnOnce(&mut OwedRun) -> Result<Ended>) -> Result<()> {
    let (events, refused) = (owed.delivery().events, owed.delivery().refused);
    let ended = how(&mut owed);
    sent.events += owed.delivery().events - events;
    sent.refused += owed.delivery().refused - refused;
    match ended? {
        Ended::Sent => {
            sent.runs += 1;
            owed.settle()
        }
        Ended::Failed(why) => {
            sent.left += 1;
            sent.failure = Some(why);
            Ok(())
        }
        Ended::Late => Ok(()),
    }
}
