//! Sending a run to a receiver: line by line of its journal, with pauses while nobody takes anything.

use std::time::Duration;

use datlake_core::Result;
use datlake_core::run::Noted;
use datlake_lake::{Lake, OwedRun, Receiver};
use serde_json::{Value, json};

use crate::endpoint::{Endpoint, PostOutcome};
use crate::openlineage::{namespace, of_body};

/// Pauses after failures: the first, and the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// Events that are refused one after the other, before it is the receiver that is thought to be wrong.
const REFUSED_IN_A_ROW: u32 = 10;

/// Who brings events to a receiver.
pub(crate) struct Courier {
    endpoint: Endpoint,
    namespace: String,
    failures: u32,
    /// Until when nobody is asked, after a failure.
    pause_until: Duration,
    refused_in_a_row: u32,
}

/// Where sending a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// All that is written down is sent.
    Sent,
    /// The receiver takes nothing now.
    Failed(String),
    /// There was no more time.
    Late,
}

/// What is known of the time.
pub(crate) trait Time {
    /// Since some moment.
    fn now(&self) -> Duration;
    /// Whether no event is to be begun any more.
    fn is_over(&self) -> bool;
}

impl Courier {
    pub(crate) fn new(lake: &Lake, receiver: &Receiver) -> Self {
        Self {
            endpoint: Endpoint::of(receiver),
            namespace: namespace(lake),
            failures: 0,
            pause_until: Duration::ZERO,
            refused_in_a_row: 0,
        }
    }

    /// Whether a failure was so short ago that nobody is to be asked.
    pub(crate) fn pauses(&self, time: &dyn Time) -> bool {
        time.now() < self.pause_until
    }

    /// Sends what `run` has written down since.
    pub(crate) fn send(&mut self, lake: &Lake, run: &mut OwedRun, time: &dyn Time) -> Result<Ended> {
        let Some(head) = run.head()? else { return Ok(Ended::Sent) };
        loop {
            let lines = run.next_lines()?;
            if lines.is_empty() {
                return Ok(Ended::Sent);
            }
            let has_bodies = lines.iter().any(|line| line.noted.is_some());
            for line in lines {
                let event = match &line.noted {
                    Some(noted) => of_body(lake, &self.namespace, &head, noted, false)?,
                    None => None,
                };
                let posted = event.map_or(Ok(Ok(0)), |event| self.post(run, &event, time));
                match posted? {
                    Ok(taken) => run.sent(line.end, taken),
                    Err(ended) => {
                        run.save()?;
                        return Ok(ended);
                    }
                }
            }
            if has_bodies {
                run.save()?;
            }
        }
    }

    /// Sends all of a run that is over, and what became of bodies that never ended.
    pub(crate) fn send_to_the_end(&mut self, lake: &Lake, run: &mut OwedRun, time: &dyn Time) -> Result<Ended> {
        let ended = self.send(lake, run, time)?;
        let Some(head) = run.head()?.filter(|_| ended == Ended::Sent) else { return Ok(ended) };
        let unfinished: Vec<Noted> = run.unfinished()?;
        for noted in unfinished {
            let Some(event) = of_body(lake, &self.namespace, &head, &noted, true)? else { continue };
            match self.post(run, &event, time)? {
                Ok(taken) => run.sent(run.delivery().sent, taken),
                Err(ended) => {
                    run.save()?;
                    return Ok(ended);
                }
            }
        }
        Ok(Ended::Sent)
    }

    /// Posts one event: how many were taken, or why it is to be posted again.
    fn post(&mut self, run: &mut OwedRun, event: &Value, time: &dyn Time) -> Result<Result<u64, Ended>> {
        if time.is_over() {
            return Ok(Err(Ended::Late));
        }
        match self.endpoint.post(event) {
            PostOutcome::Taken => {
                (self.failures, self.refused_in_a_row) = (0, 0);
                Ok(Ok(1))
            }
            PostOutcome::Refused(why) if self.refused_in_a_row < REFUSED_IN_A_ROW => {
                self.refused_in_a_row += 1;
                let line = format!("{}\n", json!({ "why": why, "event": event }));
                run.refused(line.as_bytes())?;
                Ok(Ok(0))
            }
            PostOutcome::Refused(why) => {
                Ok(Err(self.failed(run, format!("it refuses every event: {why}"), None, time)))
            }
            PostOutcome::Unavailable { why, pause } => Ok(Err(self.failed(run, why, pause, time))),
        }
    }

    fn failed(&mut self, run: &mut OwedRun, why: String, pause: Option<Duration>, time: &dyn Time) -> Ended {
        let longer = FIRST_PAUSE.saturating_mul(1 << self.failures.min(16)).min(LONGEST_PAUSE);
        self.failures += 1;
        self.pause_until = time.now() + pause.unwrap_or_default().clamp(longer, LONGEST_PAUSE);
        run.failed(why.clone());
        Ended::Failed(why)
    }
}
