//! Which calls are looked for, and whether a record is of one.

use std::time::{Duration, SystemTime};

use datlake_core::Digest;
use datlake_core::lineage::{Lineage, Param};

use super::condition::Condition;
use super::order::CallOrder;
use crate::setters::setters;

/// Which calls are looked for: those for which every condition holds.
///
/// ```
/// use datlake::{CallOrder, CallQuery};
///
/// let best = CallQuery::default()
///     .creator("train")
///     .param("alpha >= 0.1".parse()?)
///     .order("value.score".parse::<CallOrder>()?.descending())
///     .limit(3);
/// # Ok::<(), datlake::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct CallQuery {
    pub(super) creator: Option<String>,
    pub(super) params: Vec<Condition>,
    pub(super) commit: Option<String>,
    pub(super) person: Option<String>,
    pub(super) since: Option<SystemTime>,
    pub(super) until: Option<SystemTime>,
    pub(super) run: Option<String>,
    pub(super) longer_than: Option<Duration>,
    pub(super) shorter_than: Option<Duration>,
    pub(super) larger_than: Option<u64>,
    pub(super) content: Option<Digest>,
    pub(super) made_from: Option<String>,
    pub(super) order: Option<CallOrder>,
    pub(super) limit: Option<usize>,
}

impl CallQuery {
    setters! {
        /// Those of the creator of this name, or of all whose name ends so.
        creator: Some Into(String);
        /// Those whose code is in this commit, or grew from it; it may be abbreviated.
        commit: Some Into(String);
        /// Those that this person ran: an address, or what is before its `@`.
        person: Some Into(String);
        /// Those whose body started then or later.
        since: Some(SystemTime);
        /// Those whose body started before.
        until: Some(SystemTime);
        /// Those of this run, which may be abbreviated.
        run: Some Into(String);
        /// Those whose body took at least so long.
        longer_than: Some(Duration);
        /// Those whose body took at most so long.
        shorter_than: Some(Duration);
        /// Those that made a file of at least so many bytes, alone or in a tree.
        larger_than: Some(u64);
        /// Those that made this content, alone or in a tree, or were given it.
        content: Some(Digest);
        /// Those that were made from this file or call, however many steps ago.
        made_from: Some Into(String);
        /// In which order they are; the latest first, unless somebody says.
        order: Some(CallOrder);
        /// So many at most.
        limit: Some(usize);
    }

    /// Those for one of whose parameters this holds.
    #[must_use]
    pub fn param(mut self, condition: Condition) -> Self {
        self.params.push(condition);
        self
    }
}

/// Whether the conditions hold that need a call's own record alone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fits {
    Yes,
    No,
    /// It would, but for a parameter that is secret, or was too large to be kept.
    Unknown,
}

impl CallQuery {
    pub(super) fn fits(&self, lineage: &Lineage) -> Fits {
        let started = |wanted: &Option<SystemTime>| wanted.map(as_written);
        let begins =
            |wanted: &Option<String>, text: &str| wanted.as_ref().is_none_or(|wanted| text.starts_with(&**wanted));
        let plain = begins(&self.commit, lineage.code.source.commit.as_deref().unwrap_or_default())
            && begins(&self.run, &lineage.run)
            && self.person.as_ref().is_none_or(|wanted| is_person(&lineage.person.email, wanted))
            && started(&self.since).is_none_or(|since| lineage.started_at >= since)
            && started(&self.until).is_none_or(|until| lineage.started_at < until)
            && self.longer_than.is_none_or(|least| lineage.duration_ms >= whole_ms(least))
            && self.shorter_than.is_none_or(|most| lineage.duration_ms <= whole_ms(most))
            && self.larger_than.is_none_or(|least| lineage.outputs.iter().any(|output| output.size >= least));
        if !plain {
            return Fits::No;
        }
        let mut fits = Fits::Yes;
        for condition in &self.params {
            let named = |param: &&Param| param.name == condition.name();
            match lineage.params.iter().chain(&lineage.extras).find(named) {
                Some(param) if param.secret => fits = Fits::Unknown,
                Some(param) => match condition.holds_for(&param.value) {
                    Some(true) => {}
                    Some(false) => return Fits::No,
                    None => fits = Fits::Unknown,
                },
                None => return Fits::No,
            }
        }
        fits
    }
}

fn is_person(email: &str, wanted: &str) -> bool {
    email.eq_ignore_ascii_case(wanted)
        || email.split_once('@').is_some_and(|(name, _)| name.eq_ignore_ascii_case(wanted))
}

pub(super) fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A time as records have it; of one that no record can have, the nearest.
pub(super) fn as_written(at: SystemTime) -> String {
    let last = SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_799);
    humantime::format_rfc3339_millis(at.clamp(SystemTime::UNIX_EPOCH, last)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_no_record_has_are_before_or_behind_all() {
        let far = Duration::from_secs(1 << 60);
        assert_eq!(as_written(SystemTime::UNIX_EPOCH - far), "1970-01-01T00:00:00.000Z");
        assert_eq!(as_written(SystemTime::UNIX_EPOCH + far), "9999-12-31T23:59:59.000Z");
    }
}
