//! Calls by what they were made of, by whom, when, and what they made.

mod call_query;
mod condition;
mod facts;
mod order;

use std::collections::{HashMap, HashSet};

use datlake_core::{CallKey, CreatorName, Digest, Result};
use datlake_store::wait;
use futures_util::stream::{self, StreamExt as _};

use self::call_query::Fits;
pub use call_query::CallQuery;
pub use condition::{Condition, Relation, WantedValue};
pub use facts::{AskedCalls, CallFacts, CallIndex, IndexedRecord};
pub use order::{CallOrder, OrderBy};

use super::calls::{Calls, only_creator};
use super::history::add_event;
use crate::file::Tree;
use crate::lake::{AT_ONCE, Lake, refuse_in_body, unless_damaged};
use crate::report::{CallEvent, CallRow, Damage, FoundCalls};

/// A call that may be looked for.
struct Row {
    call: CallRow,
    fits: Fits,
    /// Whether it was given the content that is looked for.
    was_given: bool,
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
        let mut found = FoundCalls::default();
        let made = self.made_from(query, &mut found)?;
        let mut calls = wait(async {
            self.contact_remote().await?;
            match &query.creator {
                Some(wanted) => self.calls_called(wanted).await,
                None => self.catalog().calls(None).await,
            }
        })?;
        if let Some(made) = made {
            calls.retain(|call| made.contains(call));
        }
        self.add_fitting(calls, query, &mut found)?;
        self.finished(found, query)
    }

    /// The same from an index, by which few records are read; `None` where the index failed.
    ///
    /// # Errors
    /// As [`find_calls`](Self::find_calls).
    #[doc(hidden)]
    pub fn find_calls_by(&self, query: &CallQuery, index: &mut dyn CallIndex) -> Result<Option<FoundCalls>> {
        refuse_in_body("look for calls")?;
        let mut found = FoundCalls::default();
        let made = self.made_from(query, &mut found)?;
        wait(self.contact_remote())?;
        let creators = match &query.creator {
            None => None,
            Some(wanted) => match index.creators() {
                Some(creators) => Some(self.creators_called(creators, wanted)?),
                None => return Ok(None),
            },
        };
        if let Some(made) = made {
            let is_meant = |creator: &CreatorName| creators.as_ref().is_none_or(|creators| creators.contains(creator));
            let calls = made.into_iter().filter(|(creator, _)| is_meant(creator)).collect();
            self.add_fitting(calls, query, &mut found)?;
            return self.finished(found, query).map(Some);
        }
        match self.add_candidates(&AskedCalls::of(query, creators), query, index, &mut found)? {
            Some(()) => self.finished(found, query).map(Some),
            None => Ok(None),
        }
    }

    /// The calls of the only creator that is called so which may be its `count` latest, as an index has them; `None` where it failed.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) for no creator, [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for
    /// several; those of reaching the stores.
    #[doc(hidden)]
    pub fn latest_calls_by(
        &self,
        wanted: &str,
        count: usize,
        index: &mut dyn CallIndex,
    ) -> Result<Option<Vec<(CreatorName, CallKey)>>> {
        wait(self.contact_remote())?;
        let Some(creators) = index.creators() else { return Ok(None) };
        let creator = only_creator(self.creators_called(creators, wanted)?, wanted)?;
        let query = CallQuery::default();
        let asked = AskedCalls::of(&query, Some(vec![creator]));
        let Some(mut calls) = index.unsure(&asked) else { return Ok(None) };
        let Some(latest) = index.candidates(&asked, 0, count) else { return Ok(None) };
        calls.extend(latest);
        Ok(Some(calls))
    }

    /// Reads what the index names: all that it is unsure of, and of the others as many as are wanted.
    fn add_candidates(
        &self,
        asked: &AskedCalls<'_>,
        query: &CallQuery,
        index: &mut dyn CallIndex,
        found: &mut FoundCalls,
    ) -> Result<Option<()>> {
        let meant: Option<HashSet<&CreatorName>> = asked.creators.as_ref().map(|creators| creators.iter().collect());
        let is_meant =
            |(creator, _): &(CreatorName, CallKey)| meant.as_ref().is_none_or(|meant| meant.contains(creator));
        let Some(unsure) = index.unsure(asked) else { return Ok(None) };
        let unsure: Calls = unsure.into_iter().filter(is_meant).collect();
        self.add_fitting(unsure.clone(), query, found)?;
        let wanted = query.limit.map_or(usize::MAX, |limit| limit.saturating_add(found.calls.len()));
        let (mut from, mut count) = (0, query.limit.unwrap_or(usize::MAX));
        while found.calls.len() < wanted {
            let Some(some) = index.candidates(asked, from, count) else { return Ok(None) };
            let read = some.len();
            let some = some.into_iter().filter(|call| is_meant(call) && !unsure.contains(call));
            self.add_fitting(some.collect(), query, found)?;
            if read < count {
                break;
            }
            (from, count) = (from.saturating_add(read), count.saturating_mul(2));
        }
        Ok(Some(()))
    }

    /// The calls that were made from the file or call that is asked for, if one is.
    fn made_from(&self, query: &CallQuery, found: &mut FoundCalls) -> Result<Option<Calls>> {
        let Some(start) = &query.made_from else { return Ok(None) };
        let readers = self.downstream(start, usize::MAX, usize::MAX)?;
        found.damaged.extend(readers.damaged);
        Ok(Some(readers.nodes.into_iter().map(|node| (node.creator, node.key)).collect()))
    }

    /// Adds those of `calls` for which every condition holds.
    fn add_fitting(&self, calls: Calls, query: &CallQuery, found: &mut FoundCalls) -> Result<()> {
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
        Ok(())
    }

    /// In order, no more than are wanted, each with what became of it; and the names of the content that was asked for.
    fn finished(&self, mut found: FoundCalls, query: &CallQuery) -> Result<FoundCalls> {
        CallOrder::sort(query.order.as_ref(), &mut found.calls);
        found.calls.truncate(query.limit.unwrap_or(usize::MAX));
        found.damaged.extend(self.add_events(&mut found.calls)?);
        if let Some(digest) = query.content {
            let listed = self.list_files("")?;
            found.files = listed.files.into_iter().filter(|file| file.digest == digest).collect();
            found.damaged.extend(listed.damaged);
        }
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
