//! Calls with what became of them, the latest first, however many there are.

use std::iter::Peekable;

use datlake_core::run::Outcome;
use datlake_core::{CallKey, CreatorName, Error, ErrorKind, Result};
use datlake_store::wait;
use futures_util::stream::{self, StreamExt as _};

use super::calls::is_called;
use super::rows::Rows;
use crate::lake::{AT_ONCE, Lake, refuse_in_body, unless_damaged};
use crate::report::{CallEvent, CallRow, Damage, History, Row};
use crate::sorted::{InOrder, Sorted, Sorter};

/// What stands behind a creator's name, which has none in it.
const END: u8 = 0;
/// Above every byte of a time that was turned round.
const TURNED_END: u8 = 0xff;

/// With what a damaged one begins, and what a call begins with: so that who wants a few calls learns of all that is damaged.
const DAMAGED: u8 = 0;
/// See `DAMAGED`.
const CALL: u8 = 1;

impl Lake {
    /// Every call that is remembered or that a run on this machine tells of, the latest made first: of all creators, or of those called
    /// `creator` in full (`package/module::function`) or by the end of their name (`function`, `module::function`). Of a call that is not
    /// in the lake, when it was last tried counts.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], which names the nearest creators, where none of that name has a call;
    /// [`ErrorKind::Context`] in a body; those of reaching the stores.
    ///
    /// ```
    /// use datlake::{Lake, Result, file_creator};
    ///
    /// #[file_creator]
    /// fn double(n: u32) -> Result<u32> {
    ///     Ok(2 * n)
    /// }
    ///
    /// let lake = Lake::temp()?;
    /// let _current = lake.enter();
    /// double(4)?;
    /// assert_eq!(lake.history(Some("double"))?.calls.len(), 1);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn history(&self, creator: Option<&str>) -> Result<History> {
        let (calls, damaged) = self.history_rows(creator)?.all()?;
        Ok(History { calls, damaged })
    }

    /// What could not be read, and the calls of [`Lake::history`], as rows that are read while somebody goes through them. Each
    /// record is read twice: for when it was made, and when its row is asked for.
    ///
    /// # Errors
    /// As [`Lake::history`].
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// assert!(lake.history_rows(None)?.next().is_none());
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn history_rows(&self, creator: Option<&str>) -> Result<Rows<CallRow>> {
        refuse_in_body("list calls")?;
        wait(self.contact_remote())?;
        let mut ordered = Sorter::default();
        let calls = self.calls_and_events(creator, &mut ordered)?;
        wait(self.by_time(&calls, &mut ordered))?;
        drop(calls);
        let (lake, mut items) = (self.clone(), ordered.sorted()?.iter());
        Ok(Rows::new(move || {
            refuse_in_body("list calls")?;
            let some: Vec<_> = items.by_ref().take(AT_ONCE).collect::<Result<_>>()?;
            if some.is_empty() {
                return Ok(None);
            }
            wait(lake.rows_of(some)).map(Some)
        }))
    }

    /// The calls by their names, each followed by what became of it. What cannot be read goes to the beginning of what is `ordered`.
    fn calls_and_events(&self, creator: Option<&str>, ordered: &mut Sorter) -> Result<Sorted> {
        let mut calls = Named { wanted: creator, ..Named::default() };
        // A creator's whole name is that of no other, and its calls are listed by themselves.
        let whole = creator.and_then(|creator| CreatorName::new(creator).ok());
        if let Some(whole) = &whole {
            wait(self.catalog().each_call(Some(whole), |creator, key| calls.add(&creator, &key, None)))?;
            calls.is_whole = !calls.meant.is_empty();
        }
        if !calls.is_whole {
            wait(self.catalog().each_call(None, |creator, key| calls.add(&creator, &key, None)))?;
        }
        let damaged = self.each_event(|creator, key, event| calls.add(&creator, &key, Some(&event)))?;
        if let Some(error) = calls.error {
            return Err(error);
        }
        damaged.iter().try_for_each(|damage| ordered.push(&at_the_beginning(damage)?))?;
        if let Some(wanted) = creator
            && calls.meant.is_empty()
        {
            return Err(self.no_creator(wanted, calls.others.iter().map(String::as_str)));
        }
        calls.sorted.sorted()
    }

    /// Each call with its events, the latest made first.
    async fn by_time(&self, calls: &Sorted, ordered: &mut Sorter) -> Result<()> {
        let mut calls = Groups(calls.iter().peekable());
        loop {
            let some: Vec<_> = calls.by_ref().take(AT_ONCE).collect::<Result<_>>()?;
            if some.is_empty() {
                return Ok(());
            }
            let mut read = stream::iter(some)
                .map(|(creator, key, events)| async move {
                    let row = self.call_row(&creator, &key, events.clone()).await;
                    (creator, key, events, row)
                })
                .buffered(AT_ONCE);
            while let Some((creator, key, events, row)) = read.next().await {
                let mut damaged = Vec::new();
                let row = unless_damaged(row, format_args!("{creator}/{key}"), &mut damaged)?;
                damaged.iter().try_for_each(|damage| ordered.push(&at_the_beginning(damage)?))?;
                if let Some(row) = row {
                    ordered.push(&placed(&row, &events)?)?;
                }
            }
        }
    }

    /// The rows of what was ordered.
    async fn rows_of(&self, items: Vec<Vec<u8>>) -> Result<Vec<Row<CallRow>>> {
        let items = items.iter().map(|item| read_placed(item)).collect::<Result<Vec<_>>>()?;
        let mut rows = Vec::with_capacity(items.len());
        let mut read = stream::iter(items)
            .map(async |item| match item {
                Placed::Call(creator, key, events) => Ok((self.call_row(&creator, &key, events).await, creator, key)),
                Placed::Damaged(damaged) => Err(damaged),
            })
            .buffered(AT_ONCE);
        while let Some(read) = read.next().await {
            let mut damaged = Vec::new();
            match read {
                Ok((row, creator, key)) => {
                    let row = unless_damaged(row, format_args!("{creator}/{key}"), &mut damaged)?;
                    rows.extend(row.map(Row::Whole));
                }
                Err(damage) => damaged.push(damage),
            }
            rows.extend(damaged.into_iter().map(|damaged| Row::Damaged { damaged }));
        }
        Ok(rows)
    }

    async fn call_row(&self, creator: &CreatorName, key: &CallKey, history: Vec<CallEvent>) -> Result<CallRow> {
        let mut row = match self.catalog().record(creator, key).await? {
            Some(record) => CallRow::of(&record, record.lineage()?),
            None => CallRow::forgotten(creator, key),
        };
        row.add_history(history);
        Ok(row)
    }
}

/// Calls that are being gathered, by their creators' names.
#[derive(Default)]
struct Named<'a> {
    wanted: Option<&'a str>,
    /// Whether `wanted` is the whole name of a creator.
    is_whole: bool,
    meant: Vec<String>,
    others: Vec<String>,
    sorted: Sorter,
    error: Option<Error>,
}

impl Named<'_> {
    fn add(&mut self, creator: &CreatorName, key: &CallKey, event: Option<&CallEvent>) {
        let (name, is_known) =
            (creator.as_str(), |names: &[String]| names.iter().any(|known| known == creator.as_str()));
        let is_meant = match self.wanted {
            None => true,
            Some(wanted) if self.is_whole => name == wanted,
            Some(wanted) => is_called(name, wanted),
        };
        let names = if is_meant { &mut self.meant } else { &mut self.others };
        if self.wanted.is_some() && !is_known(names) {
            names.push(name.to_owned());
        }
        if is_meant && self.error.is_none() {
            let event = event.map(serde_json::to_vec).transpose().map_err(unwritten);
            let item = event.map(|event| [&call_item(creator, key)[..], event.as_deref().unwrap_or_default()].concat());
            self.error = item.and_then(|item| self.sorted.push(&item)).err();
        }
    }
}

fn call_item(creator: &CreatorName, key: &CallKey) -> Vec<u8> {
    [creator.as_str().as_bytes(), &[END], key.as_bytes()].concat()
}

/// A call, and behind it what was written behind it.
fn read_call(item: &[u8]) -> Option<(CreatorName, CallKey, &[u8])> {
    let end = item.iter().position(|byte| *byte == END)?;
    let (key, rest) = item[end + 1..].split_first_chunk::<32>()?;
    Some((CreatorName::new(std::str::from_utf8(&item[..end]).ok()?).ok()?, CallKey::from_bytes(*key), rest))
}

/// Each call once, with its events.
struct Groups(Peekable<InOrder>);

impl Iterator for Groups {
    type Item = Result<(CreatorName, CallKey, Vec<CallEvent>)>;

    fn next(&mut self) -> Option<Self::Item> {
        let first = match self.0.next()? {
            Ok(first) => first,
            Err(error) => return Some(Err(error)),
        };
        Some(self.group(&first))
    }
}

impl Groups {
    fn group(&mut self, first: &[u8]) -> Result<(CreatorName, CallKey, Vec<CallEvent>)> {
        let (creator, key, event) = read_call(first).ok_or_else(unread)?;
        let mut events = Vec::new();
        read_event(&mut events, event)?;
        let call = &first[..first.len() - event.len()];
        while let Some(item) = self.0.next_if(|item| item.as_ref().map_or(true, |item| item.starts_with(call))) {
            read_event(&mut events, &item?[call.len()..])?;
        }
        Ok((creator, key, events))
    }
}

fn read_event(events: &mut Vec<CallEvent>, event: &[u8]) -> Result<()> {
    if !event.is_empty() {
        add_event(events, serde_json::from_slice(event).map_err(|_| unread())?);
    }
    Ok(())
}

/// Adds an event; what a run found several times is one.
pub(super) fn add_event(events: &mut Vec<CallEvent>, event: CallEvent) {
    let is_found = matches!(event.outcome, Outcome::Hit | Outcome::Kept);
    let same = |known: &&mut CallEvent| is_found && known.outcome == event.outcome && known.run == event.run;
    match events.iter_mut().find(same) {
        Some(known) => {
            known.times = known.times.saturating_add(event.times);
            known.at = event.at.max(std::mem::take(&mut known.at));
        }
        None => events.push(event),
    }
}

/// A call where its time puts it.
fn placed(row: &CallRow, events: &[CallEvent]) -> Result<Vec<u8>> {
    let latest = row.started_at.as_ref().or(row.history.first().map(|event| &event.at));
    let mut item = vec![CALL];
    item.extend(latest.into_iter().flat_map(|at| at.bytes()).map(|byte| !byte));
    item.push(TURNED_END);
    // Of several at one time the key decides.
    item.extend_from_slice(row.key.as_bytes());
    item.extend_from_slice(row.creator.as_str().as_bytes());
    item.push(END);
    serde_json::to_writer(&mut item, events).map_err(unwritten)?;
    Ok(item)
}

/// Before all calls.
fn at_the_beginning(damage: &Damage) -> Result<Vec<u8>> {
    let mut item = vec![DAMAGED];
    serde_json::to_writer(&mut item, damage).map_err(unwritten)?;
    Ok(item)
}

enum Placed {
    Call(CreatorName, CallKey, Vec<CallEvent>),
    Damaged(Damage),
}

fn read_placed(item: &[u8]) -> Result<Placed> {
    let call = |rest: &[u8]| {
        let behind = rest.iter().position(|byte| *byte == TURNED_END)? + 1;
        let (key, rest) = rest[behind..].split_first_chunk::<32>()?;
        let end = rest.iter().position(|byte| *byte == END)?;
        let creator = CreatorName::new(std::str::from_utf8(&rest[..end]).ok()?).ok()?;
        Some(Placed::Call(creator, CallKey::from_bytes(*key), serde_json::from_slice(&rest[end + 1..]).ok()?))
    };
    match item.split_first() {
        Some((&CALL, rest)) => call(rest),
        Some((_, rest)) => serde_json::from_slice(rest).ok().map(Placed::Damaged),
        None => None,
    }
    .ok_or_else(unread)
}

fn unwritten(error: serde_json::Error) -> Error {
    Error::new(ErrorKind::Value, "cannot write down what became of a call").because(error)
}

/// Nobody else writes to a file of this process's own.
fn unread() -> Error {
    Error::new(ErrorKind::Io, "a temporary file of sorted calls has other bytes than were written to it")
}
