//! From a line of cron or an interval to the times at which a job is due.

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::problem::{Problem, Reply};

/// Times at which a job is due. They are microseconds since 1970.
#[derive(Clone, Debug)]
pub(super) enum TimeRule {
    /// A line of cron, by the clocks on the walls of a time zone.
    Cron(Box<Cron>, TimeZone),
    /// So many microseconds one after the other, counted from `first`.
    Every { first: i64, every: i64 },
}

impl TimeRule {
    /// A line of cron, in a time zone.
    ///
    /// # Errors
    /// 400 for what is none, is due at no time, or a time zone that nobody knows.
    pub(super) fn cron(line: &str, zone: &str, now: i64) -> Reply<Self> {
        let of_cron = |message: String| Problem::bad_request(message).of_field("when.cron");
        let shown: String = line.chars().take(80).flat_map(char::escape_debug).collect();
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let wrong = |e| {
            of_cron(format!(
                "`{shown}` is no line of cron: {e}. It has five fields, as `30 2 * * 1-5`: minute, hour, day, month, weekday"
            ))
        };
        let cron = parser.parse(line).map_err(wrong)?;
        let zone_shown: String = zone.chars().take(80).flat_map(char::escape_debug).collect();
        let zone = TimeZone::get(zone).map_err(|_| {
            let message = format!("`{zone_shown}` is no time zone: it is one of IANA's, as `Europe/Berlin` or `UTC`");
            Problem::bad_request(message).of_field("when.time_zone")
        })?;
        let rule = Self::Cron(Box::new(cron), zone);
        match rule.next(now) {
            Some(_) => Ok(rule),
            None => Err(of_cron(format!("`{shown}` is due at no time: no such day is in any year"))),
        }
    }

    /// The first time behind `after`.
    pub(super) fn next(&self, after: i64) -> Option<i64> {
        match self {
            Self::Cron(cron, zone) => {
                let from = zoned(after, zone)?;
                cron.find_next_occurrence(&from, false).ok().map(|next| next.timestamp().as_microsecond())
            }
            Self::Every { first, every } if after < *first => Some(*first).filter(|_| *every > 0),
            Self::Every { first, every } => ((after - first) / every + 1).checked_mul(*every)?.checked_add(*first),
        }
    }

    /// The last time that is not behind `until`.
    pub(super) fn last(&self, until: i64) -> Option<i64> {
        match self {
            Self::Cron(cron, zone) => {
                let from = zoned(until, zone)?;
                cron.find_previous_occurrence(&from, true).ok().map(|last| last.timestamp().as_microsecond())
            }
            Self::Every { first, .. } if until < *first => None,
            Self::Every { first, every } => Some(first + (until - first) / every * every),
        }
    }

    /// The next times behind `after`, so many at most.
    pub(super) fn upcoming(&self, after: i64, most: usize) -> Vec<i64> {
        let next = |at: &i64| self.next(*at);
        std::iter::successors(self.next(after), next).take(most).collect()
    }
}

fn zoned(at: i64, zone: &TimeZone) -> Option<Zoned> {
    Timestamp::from_microsecond(at).ok().map(|at| at.to_zoned(zone.clone()))
}
