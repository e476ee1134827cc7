//! What the lake asks an index, answered from the tables.

use std::collections::BTreeSet;

use datlake::indexing::{AskedCalls, CallIndex};
use datlake::{CallKey, CreatorName};
use rusqlite::Connection;

use crate::select::{Clause, Order, Selection};
use crate::trouble::{Trouble, Usable};

type Call = (CreatorName, CallKey);

/// What calls are known by, of the tables.
const CALLS: &str = "SELECT (SELECT word FROM words WHERE id = c.creator), c.key FROM calls c";

pub(crate) struct Questions<'a> {
    db: &'a Connection,
    trouble: Option<Trouble>,
}

impl<'a> Questions<'a> {
    pub(crate) fn new(db: &'a Connection) -> Self {
        Self { db, trouble: None }
    }

    /// Why an answer was none; `None` where all were answers.
    pub(crate) fn trouble(self) -> Option<Trouble> {
        self.trouble
    }

    /// Whether a creator of this name has a call.
    pub(crate) fn knows(&self, creator: &CreatorName) -> Usable<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM words w JOIN calls c ON c.creator = w.id WHERE w.word = ?)";
        Ok(self.db.query_row(sql, [creator.as_str()], |row| row.get(0))?)
    }

    fn told<T>(&mut self, answer: Usable<T>) -> Option<T> {
        answer.map_err(|trouble| self.trouble = Some(trouble)).ok()
    }

    fn calls(&self, of: &Clause, order: &str) -> Usable<Vec<Call>> {
        let sql = format!("{CALLS} {} {order}", of.sql);
        let mut rows = self.db.prepare(&sql)?;
        let mut rows = rows.query(rusqlite::params_from_iter(&of.values))?;
        let mut calls = Vec::new();
        while let Some(row) = rows.next()? {
            let (creator, key): (String, [u8; 32]) = (row.get(0)?, row.get(1)?);
            calls.push((CreatorName::new(&creator)?, CallKey::from_bytes(key)));
        }
        Ok(calls)
    }

    fn unsure_calls(&self, asked: &AskedCalls<'_>) -> Usable<BTreeSet<Call>> {
        let mut calls = BTreeSet::new();
        for part in Selection::of(self.db, asked)?.unsure() {
            let of = Clause { sql: format!("WHERE {}", part.sql), values: part.values };
            calls.extend(self.calls(&of, "")?);
        }
        Ok(calls)
    }

    fn sure_calls(&self, asked: &AskedCalls<'_>, from: usize, count: usize) -> Usable<Vec<Call>> {
        let selection = Selection::of(self.db, asked)?;
        let sure = selection.sure();
        let order = if selection.is_complete() { Order::of(self.db, asked)? } else { None };
        let Some(Order { join, terms }) = order else {
            // In no order all are named at once.
            let of = Clause { sql: format!("WHERE {}", sure.sql), values: sure.values };
            return if from == 0 { self.calls(&of, "") } else { Ok(Vec::new()) };
        };
        let sql = format!("{} WHERE {}", join.sql, sure.sql);
        let of = Clause { sql, values: [join.values, sure.values].concat() };
        let limit = i64::try_from(count).unwrap_or(-1);
        self.calls(&of, &format!("ORDER BY {terms} LIMIT {limit} OFFSET {from}"))
    }

    fn every_creator(&self) -> Usable<Vec<CreatorName>> {
        // Each is looked up in the order of the calls, and not each call.
        let sql = "SELECT word FROM words w WHERE EXISTS (SELECT 1 FROM calls c WHERE c.creator = w.id)";
        let mut rows = self.db.prepare(sql)?;
        let names = rows.query_map([], |row| row.get::<_, String>(0))?;
        names.map(|name| Ok(CreatorName::new(&name?)?)).collect()
    }
}

impl CallIndex for Questions<'_> {
    fn creators(&mut self) -> Option<Vec<CreatorName>> {
        let creators = self.every_creator();
        self.told(creators)
    }

    fn unsure(&mut self, asked: &AskedCalls<'_>) -> Option<Vec<Call>> {
        let calls = self.unsure_calls(asked);
        self.told(calls).map(|calls| calls.into_iter().collect())
    }

    fn candidates(&mut self, asked: &AskedCalls<'_>, from: usize, count: usize) -> Option<Vec<Call>> {
        let calls = self.sure_calls(asked, from, count);
        self.told(calls)
    }
}
