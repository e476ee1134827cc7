//! What the tables say of calls, written.

use std::collections::HashMap;

use datlake::indexing::{CallFacts, IndexedRecord};
use datlake::{CallKey, CreatorName};
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{OptionalExtension as _, Transaction, params};

use crate::leaves::{self, Cell};
use crate::trouble::Usable;

/// What `state` says of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowState {
    /// The tables say what its record does.
    Known = 0,
    /// Its record cannot be read.
    Unread = 1,
    /// It has none.
    Nothing = 2,
}

/// The first bytes of a digest. That of another would only name a call too many.
pub(crate) const DIGEST: usize = 16;

/// Writes to the tables.
pub(crate) struct Writer<'a> {
    to: &'a Transaction<'a>,
    words: HashMap<String, i64>,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(to: &'a Transaction<'a>) -> Self {
        Self { to, words: HashMap::new() }
    }

    /// The number of a word.
    fn word(&mut self, word: &str) -> Usable<i64> {
        if let Some(id) = self.words.get(word) {
            return Ok(*id);
        }
        self.to.prepare_cached("INSERT OR IGNORE INTO words (word) VALUES (?)")?.execute([word])?;
        let id = self.to.prepare_cached("SELECT id FROM words WHERE word = ?")?.query_row([word], |row| row.get(0))?;
        // Runs and values are many; what comes often comes again soon.
        if self.words.len() >= 10_000 {
            self.words.clear();
        }
        self.words.insert(word.to_owned(), id);
        Ok(id)
    }

    /// The identity of a call, and what is known of it.
    pub(crate) fn find(&mut self, creator: &CreatorName, key: &CallKey) -> Usable<Option<i64>> {
        let creator = self.word(creator.as_str())?;
        let mut found = self.to.prepare_cached("SELECT id FROM calls WHERE creator = ? AND key = ?")?;
        Ok(found.query_row(params![creator, key.as_bytes()], |row| row.get(0)).optional()?)
    }

    /// Every call of a creator.
    pub(crate) fn of_creator(&mut self, creator: &CreatorName) -> Usable<Vec<CallKey>> {
        let creator = self.word(creator.as_str())?;
        let mut keys = self.to.prepare_cached("SELECT key FROM calls WHERE creator = ?")?;
        let keys = keys.query_map([creator], |row| row.get::<_, [u8; 32]>(0))?;
        keys.map(|key| Ok(CallKey::from_bytes(key?))).collect()
    }

    /// Writes what is known of a call now, in the place of what was known before.
    pub(crate) fn put(&mut self, creator: &CreatorName, key: &CallKey, known: &IndexedRecord) -> Usable<()> {
        self.remove(creator, key)?;
        match known {
            IndexedRecord::Facts(facts) => self.put_facts(creator, key, facts),
            IndexedRecord::Unread => self.put_without(creator, key, RowState::Unread),
            IndexedRecord::Nothing => self.put_without(creator, key, RowState::Nothing),
        }
    }

    /// Forgets a call.
    pub(crate) fn remove(&mut self, creator: &CreatorName, key: &CallKey) -> Usable<()> {
        let Some(id) = self.find(creator, key)? else { return Ok(()) };
        self.to.prepare_cached("DELETE FROM leaves WHERE call = ?")?.execute([id])?;
        self.to.prepare_cached("DELETE FROM calls WHERE id = ?")?.execute([id])?;
        Ok(())
    }

    fn put_without(&mut self, creator: &CreatorName, key: &CallKey, state: RowState) -> Usable<()> {
        let creator = self.word(creator.as_str())?;
        let row = "INSERT INTO calls (creator, key, state, started, duration, size, trees, run, person, source)
            VALUES (?, ?, ?, '', 0, 0, 0, 0, 0, 0)";
        self.to.prepare_cached(row)?.execute(params![creator, key.as_bytes(), state as i64])?;
        Ok(())
    }

    fn put_facts(&mut self, creator: &CreatorName, key: &CallKey, facts: &CallFacts) -> Usable<()> {
        let creator = self.word(creator.as_str())?;
        let run = self.word(&facts.run)?;
        let person = self.word(&facts.person.to_ascii_lowercase())?;
        let source = self.word(facts.commit.as_deref().unwrap_or_default())?;
        let row = "INSERT INTO calls (creator, key, state, started, duration, size, trees, run, person, source)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        self.to.prepare_cached(row)?.execute(params![
            creator,
            key.as_bytes(),
            RowState::Known as i64,
            facts.started_at,
            clamped(facts.duration_ms),
            clamped(facts.size),
            facts.made_trees,
            run,
            person,
            source,
        ])?;
        let call = self.to.last_insert_rowid();
        for digest in &facts.contents {
            let mut row = self.to.prepare_cached("INSERT OR IGNORE INTO contents (digest, call) VALUES (?, ?)")?;
            row.execute(params![&digest.as_bytes()[..DIGEST], call])?;
        }
        for leaf in leaves::of(facts) {
            let path = self.word(&leaf.path)?;
            let row = "INSERT OR IGNORE INTO leaves (call, path, kind, value) VALUES (?, ?, ?, ?)";
            self.to.prepare_cached(row)?.execute(params![call, path, leaf.kind as i64, leaf.cell])?;
        }
        Ok(())
    }
}

/// A number as SQLite has them.
pub(crate) fn clamped(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

impl ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            // In a key nothing is not the same as nothing.
            Self::Nothing => ValueRef::Blob(b""),
            Self::Whole(n) => ValueRef::Integer(*n),
            Self::Real(n) => ValueRef::Real(*n),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}
