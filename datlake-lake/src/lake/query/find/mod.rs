//! Calls by what they were made of, by whom, when, and what they made.

mod condition;
mod order;

use std::collections::{HashMap, HashSet};
use std::time::{Duration, SystemTime};

use datlake_core::lineage::{Lineage, Param};
use datlake_core::{CallKey, CreatorName, Digest, Result};
use datlake_store::wait;
use futures_util::stream::{self, StreamExt as _};

pub use condition::Condition;
pub use order::CallOrder;

use super::calls::Calls;
use super::history::add_event;
use crate::file::Tree;
use crate::lake::{AT_ONCE, Lake, refuse_in_body, unless_damaged};
use crate::report::{CallEvent, CallRow, Damage, FoundCalls};
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
    creator: Option<String>,
    params: Vec<Condition>,
    commit: Option<String>,
    person: Option<String>,
    since: Option<SystemTime>,
    until: Option<SystemTime>,
    run: Option<String>,
    longer_than: Option<Duration>,
    shorter_than: Option<Duration>,
    larger_than: Option<u64>,
    content: Option<Digest>,
    made_from: Option<String>,
    order: Option<CallOrder>,
    limit: Option<usize>,
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

/// A call that may be looked for.
struct Row {
    call: CallRow,
    fits: Fits,
    /// Whether it was given the content that is looked for.
    was_given: bool,
}

/// Whether the conditions hold that need a call's own record alone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fits {
    Yes,
    No,
    /// It would, but for a parameter that is secret, or was too large to be kept.
    Unknown,
}

impl Lake {
    /// The calls that the lake remembers and for which every condition of `query` holds; where content is asked for, also the names
    /// that it was added by. It reads the record of each call of the creator that is asked for, or of all.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) where no creator of that name has a call, and for a file that is not there;
    /// [`ErrorKind::Context`](crate::ErrorKind::Context) in a body; those of reaching the stores.
    ///
    /// ```
    /// use datlake::{CallQuery, Lake, Result, file_creator};
    ///
    /// #[file_creator]
    /// fn double(n: u32) -> Result<u32> {
    ///     Ok(2 * n)
    /// }
    ///
    /// let lake = Lake::temp()?;
    /// let _current = lake.enter();
    /// (0..10).try_for_each(|n| double(n).map(drop))?;
    /// let query = CallQuery::default().creator("double").param("n>=7".parse()?).order("value".parse()?);
    /// let found = lake.find_calls(&query)?;
    /// assert_eq!(found.calls.iter().map(|call| call.value.clone().unwrap()).collect::<Vec<_>>(), [14, 16, 18]);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn find_calls(&self, query: &CallQuery) -> Result<FoundCalls> {
        refuse_in_body("look for calls")?;
        let readers = match &query.made_from {
            Some(start) => Some(self.downstream(start, usize::MAX, usize::MAX)?),
            None => None,
        };
        let mut found = FoundCalls::default();
        let mut calls = wait(async {
            self.contact_remote().await?;
            self.catalog().calls(None).await
        })?;
        if let Some(wanted) = &query.creator {
            calls = self.of_creator(calls, wanted)?;
        }
        if let Some(readers) = readers {
            let made: HashSet<_> = readers.nodes.into_iter().map(|node| (node.creator, node.key)).collect();
            calls.retain(|call| made.contains(call));
            found.damaged = readers.damaged;
        }
        let (rows, unread) = wait(self.fitting(calls, query))?;
        found.damaged.extend(unread);
        for Row { call, fits, was_given } in rows {
            let made = if was_given { Ok(true) } else { self.made_what(&call, query) };
            if unless_damaged(made, format_args!("{}/{}", call.creator, call.key), &mut found.damaged)? != Some(true) {
                continue;
            }
            if fits == Fits::Unknown {
                found.not_compared += 1;
                continue;
            }
            found.calls.push(call);
        }
        found.damaged.extend(self.add_events(&mut found.calls)?);
        if let Some(digest) = query.content {
            let listed = self.list_files("")?;
            found.files = listed.files.into_iter().filter(|file| file.digest == digest).collect();
            found.damaged.extend(listed.damaged);
        }
        CallOrder::sort(query.order.as_ref(), &mut found.calls);
        found.calls.truncate(query.limit.unwrap_or(usize::MAX));
        Ok(found)
    }

    /// Adds to each of `calls` what became of it; what of that could not be read.
    fn add_events(&self, calls: &mut [CallRow]) -> Result<Vec<Damage>> {
        let mut events: HashMap<_, Vec<CallEvent>> =
            calls.iter().map(|call| ((call.creator.clone(), call.key), Vec::new())).collect();
        let damaged = self.each_event(|creator, key, event| {
            if let Some(events) = events.get_mut(&(creator, key)) {
                add_event(events, event);
            }
        })?;
        for call in calls {
            call.add_history(events.remove(&(call.creator.clone(), call.key)).unwrap_or_default());
        }
        Ok(damaged)
    }

    /// Those of `calls` that fit by their own records alone, and what could not be read.
    async fn fitting(&self, calls: Calls, query: &CallQuery) -> Result<(Vec<Row>, Vec<Damage>)> {
        let (mut rows, mut damaged) = (Vec::new(), Vec::new());
        let read = calls.into_iter().map(|call| async move { (self.row(&call, query).await, call) });
        let mut read = stream::iter(read).buffered(AT_ONCE);
        while let Some((row, (creator, key))) = read.next().await {
            rows.extend(unless_damaged(row, format_args!("{creator}/{key}"), &mut damaged)?.flatten());
        }
        Ok((rows, damaged))
    }

    async fn row(&self, (creator, key): &(CreatorName, CallKey), query: &CallQuery) -> Result<Option<Row>> {
        let Some(record) = self.catalog().record(creator, key).await? else { return Ok(None) };
        let lineage = record.lineage()?;
        let fits = query.fits(&lineage);
        if fits == Fits::No {
            return Ok(None);
        }
        let was_given = query.larger_than.is_none()
            && query.content.is_some_and(|content| lineage.inputs.iter().any(|input| input.digest == content));
        Ok(Some(Row { call: CallRow::of(&record, lineage), fits, was_given }))
    }

    /// Whether a call made the content that is looked for, and something that is large enough, alone or in a tree.
    fn made_what(&self, call: &CallRow, query: &CallQuery) -> Result<bool> {
        let (mut has_content, mut is_large) = (query.content.is_none(), query.larger_than.is_none());
        let mut look = |digest: Digest, size: u64| {
            has_content |= query.content == Some(digest);
            is_large |= query.larger_than.is_some_and(|least| size >= least);
            has_content && is_large
        };
        for output in &call.outputs {
            if look(output.digest, if output.tree { 0 } else { output.size }) {
                return Ok(true);
            }
            if output.tree {
                let tree = Tree::try_from(self.file(output.uid.as_str())?)?;
                if tree
                    .entries()?
                    .into_iter()
                    .filter_map(|(_, entry)| entry.content())
                    .any(|(digest, size)| look(digest, size))
                {
                    return Ok(true);
                }
            }
        }
        Ok(has_content && is_large)
    }
}

impl CallQuery {
    fn fits(&self, lineage: &Lineage) -> Fits {
        let started = |wanted: &Option<SystemTime>| wanted.map(as_written);
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let begins =
            |wanted: &Option<String>, text: &str| wanted.as_ref().is_none_or(|wanted| text.starts_with(&**wanted));
        let plain = begins(&self.commit, lineage.code.source.commit.as_deref().unwrap_or_default())
            && begins(&self.run, &lineage.run)
            && self.person.as_ref().is_none_or(|wanted| is_person(&lineage.person.email, wanted))
            && started(&self.since).is_none_or(|since| lineage.started_at >= since)
            && started(&self.until).is_none_or(|until| lineage.started_at < until)
            && self.longer_than.is_none_or(|least| lineage.duration_ms >= ms(least))
            && self.shorter_than.is_none_or(|most| lineage.duration_ms <= ms(most))
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

/// A time as records have it; of one that no record can have, the nearest.
fn as_written(at: SystemTime) -> String {
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
