//! What became of calls, counted and in words.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::report::{human_duration as duration, human_size as bytes};

#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Counts {
    pub(super) ran: usize,
    pub(super) skipped: usize,
    pub(super) failed: usize,
    pub(super) downloads: usize,
    pub(super) bytes: u64,
    pub(super) took: Duration,
}

/// Calls of one creator in a row.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) function: String,
    pub(super) counts: Counts,
    /// How many there will be, where that is known.
    pub(super) all: Option<usize>,
    /// How many were shown already.
    pub(super) said: usize,
    began: Instant,
}

impl Counts {
    pub(super) fn calls(&self) -> usize {
        self.ran + self.skipped + self.failed
    }

    /// The last line; `None` where nothing happened.
    pub(super) fn summary(&self, saved: Duration) -> Option<String> {
        let Self { ran, skipped, failed, downloads, bytes: size, took } = *self;
        if self.calls() == 0 && downloads == 0 {
            return None;
        }
        let mut text = format!("{ran} ran, {skipped} skipped");
        // Writing to a string cannot fail.
        if failed > 0 {
            let _ = write!(text, ", {failed} failed");
        }
        if downloads > 0 {
            let _ = write!(text, ", {downloads} downloaded ({})", bytes(size));
        }
        if ran > 0 {
            let _ = write!(text, "; bodies took {}", duration(took));
        }
        if saved >= Duration::from_secs(1) {
            let _ = write!(text, "; skipping saved {}", duration(saved));
        }
        Some(text)
    }
}

impl Group {
    pub(super) fn new(function: &str, all: Option<usize>) -> Self {
        Self { function: function.to_owned(), counts: Counts::default(), all, said: 0, began: Instant::now() }
    }

    pub(super) fn text(&self) -> String {
        let Self { function, counts: Counts { ran, skipped, failed, took, .. }, .. } = self;
        match (self.counts.calls(), ran, skipped) {
            (1, 1, 0) => format!("{function} ran ({})", duration(*took)),
            (1, 0, 1) => format!("{function} skipped"),
            (1, ..) => format!("{function} failed"),
            (all, ..) => {
                let mut text = format!("{function} ×{all}: {skipped} skipped, {ran} ran");
                if *failed > 0 {
                    let _ = write!(text, ", {failed} failed");
                }
                text
            }
        }
    }

    /// About how long the rest takes, if all of it runs; `None` before that is known.
    pub(super) fn left(&self) -> Option<Duration> {
        let rest = u32::try_from(self.all?.saturating_sub(self.counts.calls())).ok()?;
        let each = self.began.elapsed().checked_div(u32::try_from(self.counts.ran).ok()?)?;
        Some(Duration::from_secs(each.saturating_mul(rest).as_secs())).filter(|left| !left.is_zero())
    }

    /// How far it is, before what runs: nothing for one call alone.
    pub(super) fn progress(&self) -> String {
        let done = self.counts.calls();
        let mut text = match self.all {
            Some(all) => format!("{done} of {all} done, "),
            None if done == 0 => return String::new(),
            None => format!("{done} done, "),
        };
        for (count, what) in [(self.counts.skipped, "skipped"), (self.counts.failed, "failed")] {
            if count > 0 {
                let _ = write!(text, "{count} {what}, ");
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(ran: usize, skipped: usize, failed: usize) -> Group {
        let counts = Counts { ran, skipped, failed, took: Duration::from_millis(1500), ..Counts::default() };
        Group { counts, ..Group::new("monthly", Some(50)) }
    }

    #[test]
    fn repeats_collapse_into_one_line() {
        assert_eq!(group(8, 40, 0).text(), "monthly ×48: 40 skipped, 8 ran");
        assert_eq!(group(1, 0, 0).text(), "monthly ran (1.5 s)");
        assert_eq!(group(0, 1, 0).text(), "monthly skipped");
        assert_eq!(group(1, 1, 1).text(), "monthly ×3: 1 skipped, 1 ran, 1 failed");
    }

    #[test]
    fn progress_says_how_many_there_will_be_where_that_is_known() {
        assert_eq!(group(8, 4, 1).progress(), "13 of 50 done, 4 skipped, 1 failed, ");
        assert_eq!(Group::new("train", None).progress(), "");
    }

    #[test]
    fn a_summary_says_what_was_saved() {
        let counts = group(1, 2, 0).counts;
        let summary = counts.summary(Duration::from_secs(90)).unwrap();
        assert_eq!(summary, "1 ran, 2 skipped; bodies took 1.5 s; skipping saved 1 min 30 s");
        assert_eq!(Counts::default().summary(Duration::ZERO), None);
    }
}
