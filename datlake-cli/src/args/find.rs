//! Which calls are looked for.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use datlake::{CallOrder, CallQuery, Condition, Digest};

use super::value::size;

/// Which calls are looked for, and how they are shown.
#[derive(Debug, clap::Args)]
pub(crate) struct FindHow {
    /// Only those of this creator: its name, or the end of it
    creator: Option<String>,
    /// Only those whose parameter fulfils this, as alpha=0.1, depth>=3 or model.kind!=tree; all of several
    #[arg(short, long = "param", value_name = "CONDITION")]
    params: Vec<Condition>,
    /// Only those whose code is in this commit, or grew from it; it may be abbreviated
    #[arg(long)]
    commit: Option<String>,
    /// Only those that this person ran: an address, or what is before its @
    #[arg(long, value_name = "WHO")]
    by: Option<String>,
    /// Only those whose body started so long ago or later, as 30d, or at this time or later, as 2026-11-01
    #[arg(long, value_name = "AGE|TIME", value_parser = moment)]
    since: Option<SystemTime>,
    /// Only those whose body started before
    #[arg(long, value_name = "AGE|TIME", value_parser = moment)]
    until: Option<SystemTime>,
    /// Only those of this run, which may be abbreviated
    #[arg(long)]
    run: Option<String>,
    /// Only those whose body took at least so long, as 90s or 2h
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    longer_than: Option<Duration>,
    /// Only those whose body took at most so long
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    shorter_than: Option<Duration>,
    /// Only those that made a file of at least so many bytes, as 20M
    #[arg(long, value_name = "SIZE", value_parser = size)]
    larger_than: Option<u64>,
    /// Only those that made the content of this file on this disk, alone or in a folder, or were given it
    #[arg(short, long, value_name = "PATH")]
    pub(crate) file: Option<PathBuf>,
    /// The same for content with this digest
    #[arg(long, conflicts_with = "file")]
    digest: Option<Digest>,
    /// Only those that were made from this file, or from what this call returned, however many steps ago
    #[arg(long, value_name = "UID|@CALL")]
    made_from: Option<String>,
    /// In which order: started, duration, size, value or a field of it as value.score, else a parameter; the latest first if nothing
    /// is said
    #[arg(short, long, value_name = "BY")]
    sort: Option<CallOrder>,
    /// The other way round: the largest first
    #[arg(short, long, requires = "sort")]
    reverse: bool,
    /// How many to list at most
    #[arg(short = 'n', long, value_name = "N")]
    limit: Option<usize>,
    /// Makes the index of calls anew first, which otherwise learns what is new alone
    #[arg(long)]
    pub(crate) anew: bool,
    #[command(flatten)]
    pub(crate) shown: Shown,
}

/// How calls are shown.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(crate) struct Shown {
    /// As a table: a row for each, a column for each parameter and for what was returned
    #[arg(short, long)]
    pub(crate) table: bool,
    /// The same as CSV, for a spreadsheet
    #[arg(long, conflicts_with = "table")]
    pub(crate) csv: bool,
}

impl FindHow {
    /// What is asked of the lake; `content` is the digest of the file, where there is one.
    pub(crate) fn query(self, content: Option<Digest>) -> CallQuery {
        let mut query = self.params.into_iter().fold(CallQuery::default(), CallQuery::param);
        macro_rules! set {
            ($($name:ident = $value:expr),* $(,)?) => { $(if let Some(value) = $value { query = query.$name(value); })* };
        }
        let reverse = self.reverse;
        set! {
            creator = self.creator,
            commit = self.commit,
            person = self.by,
            since = self.since,
            until = self.until,
            run = self.run,
            longer_than = self.longer_than,
            shorter_than = self.shorter_than,
            larger_than = self.larger_than,
            content = self.digest.or(content),
            made_from = self.made_from,
            order = self.sort.map(|order| if reverse { order.descending() } else { order }),
            limit = self.limit,
        }
        query
    }
}

/// A time, or how long ago it is.
fn moment(text: &str) -> Result<SystemTime, String> {
    let full = format!("{text} 00:00:00");
    let time = humantime::parse_rfc3339_weak(text).or_else(|_| humantime::parse_rfc3339_weak(&full)).ok();
    let ago = || SystemTime::now().checked_sub(humantime::parse_duration(text).ok()?);
    time.or_else(ago).ok_or_else(|| {
        "write how long ago, as 30d or 12h, or a time in UTC, as 2026-11-01 or 2026-11-01T12:00:00Z".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_or_an_age() {
        let at = |text: &str| humantime::parse_rfc3339(text).unwrap();
        for (text, time) in [
            ("2026-11-01", "2026-11-01T00:00:00Z"),
            ("2026-11-01 12:30:00", "2026-11-01T12:30:00Z"),
            ("2026-11-01T12:30:00Z", "2026-11-01T12:30:00Z"),
        ] {
            assert_eq!(moment(text), Ok(at(time)), "{text}");
        }
        let ago = moment("2h").unwrap().elapsed().unwrap();
        assert!(ago >= Duration::from_secs(7200) && ago < Duration::from_secs(7300));
        for text in ["", "yesterday", "2026-13-01", "-2h"] {
            assert!(moment(text).is_err(), "{text}");
        }
    }
}
