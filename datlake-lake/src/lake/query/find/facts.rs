//! What an index has to know of calls, so that not every record is read, and what it is asked.

use datlake_core::lineage::{Lineage, Param};
use datlake_core::record::{CallDocument, Record};
use datlake_core::{CallKey, CreatorName, Digest, Result};
use datlake_store::wait;
use futures_util::stream::{self, StreamExt as _};
use serde_json::Value;

use super::super::values::in_row;
use super::call_query::{CallQuery, as_written, whole_ms};
use super::condition::Condition;
use super::order::OrderBy;
use crate::lake::{AT_ONCE, Lake};

/// What is asked of calls one by one, as far as an index knows it.
#[non_exhaustive]
#[derive(Debug)]
pub struct AskedCalls<'a> {
    /// Only those of these creators.
    pub creators: Option<Vec<CreatorName>>,
    /// Conditions on parameters.
    pub params: &'a [Condition],
    /// With what the commit begins.
    pub commit: Option<&'a str>,
    /// An address, or what is before its `@`, in whichever case.
    pub person: Option<&'a str>,
    /// When the body started at the earliest, as records have it.
    pub since: Option<String>,
    /// Before when it started.
    pub until: Option<String>,
    /// With what the run begins.
    pub run: Option<&'a str>,
    /// So many milliseconds at least.
    pub longer_than: Option<u64>,
    /// So many milliseconds at most.
    pub shorter_than: Option<u64>,
    /// Something that was made has at least so many bytes.
    pub larger_than: Option<u64>,
    /// This content was made, alone or in a tree, or given.
    pub content: Option<Digest>,
    /// By what they are sorted, if not only the latest first; and whether the largest are first.
    pub order: Option<(OrderBy<'a>, bool)>,
}

impl<'a> AskedCalls<'a> {
    pub(super) fn of(query: &'a CallQuery, creators: Option<Vec<CreatorName>>) -> Self {
        Self {
            creators,
            params: &query.params,
            commit: query.commit.as_deref(),
            person: query.person.as_deref(),
            since: query.since.map(as_written),
            until: query.until.map(as_written),
            run: query.run.as_deref(),
            longer_than: query.longer_than.map(whole_ms),
            shorter_than: query.shorter_than.map(whole_ms),
            larger_than: query.larger_than,
            content: query.content,
            order: query.order.as_ref().map(|order| (order.by(), order.is_descending())),
        }
    }
}

/// Something that knows which calls may be what is asked for. It may name too many, and never too few: the record of each decides.
/// Where it fails it answers `None`, and then nothing that it said counts.
pub trait CallIndex {
    /// Every creator that has a call.
    fn creators(&mut self) -> Option<Vec<CreatorName>>;

    /// Calls of which it cannot tell where they stand in the order, or whether they are meant at all.
    fn unsure(&mut self, asked: &AskedCalls<'_>) -> Option<Vec<(CreatorName, CallKey)>>;

    /// All others that may be meant, in the order that is asked for: `count` of them from the place `from` on, and more only if these
    /// are in no order. Fewer are the last.
    fn candidates(&mut self, asked: &AskedCalls<'_>, from: usize, count: usize) -> Option<Vec<(CreatorName, CallKey)>>;
}

/// What a record says that can be asked for.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub struct CallFacts {
    /// The run.
    pub run: String,
    /// The person's address.
    pub person: String,
    /// The commit of the code.
    pub commit: Option<String>,
    /// When the body started.
    pub started_at: String,
    /// How long it took.
    pub duration_ms: u64,
    /// The bytes of all that it made; of trees, their own lists.
    pub size: u64,
    /// Whether it made a tree.
    pub made_trees: bool,
    /// What it was given and what it made.
    pub contents: Vec<Digest>,
    /// Its parameters. Of secret ones there is no value.
    pub params: Vec<Param>,
    /// What `key(…)` gave.
    pub extras: Vec<Param>,
    /// What it returned, where that is small.
    pub value: Option<Value>,
}

impl CallFacts {
    fn of(record: &Record, lineage: Lineage) -> Self {
        let value = in_row(record, &lineage);
        let given = lineage.inputs.iter().map(|input| input.digest);
        let contents = given.chain(lineage.outputs.iter().map(|output| output.digest)).collect();
        Self {
            contents,
            value,
            size: lineage.outputs.iter().fold(0, |sum, output| sum.saturating_add(output.size)),
            made_trees: lineage.outputs.iter().any(|output| output.tree),
            run: lineage.run,
            person: lineage.person.email,
            commit: lineage.code.source.commit,
            started_at: lineage.started_at,
            duration_ms: lineage.duration_ms,
            params: lineage.params,
            extras: lineage.extras,
        }
    }
}

/// What stands at the place of a call's record.
#[derive(Clone, Debug, PartialEq)]
pub enum IndexedRecord {
    /// A record that says this.
    Facts(Box<CallFacts>),
    /// Something that cannot be read.
    Unread,
    /// No record, nor will there be one.
    Nothing,
}

impl IndexedRecord {
    fn of(read: Result<Option<CallDocument>>) -> Self {
        let record = match read {
            Ok(document) => document.and_then(CallDocument::record),
            Err(_) => return Self::Unread,
        };
        let Some(record) = record else { return Self::Nothing };
        record.lineage().map_or(Self::Unread, |lineage| Self::Facts(Box::new(CallFacts::of(&record, lineage))))
    }
}

impl Lake {
    /// What this machine knows of a call.
    #[doc(hidden)]
    pub fn known_here(&self, creator: &CreatorName, key: &CallKey) -> IndexedRecord {
        IndexedRecord::of(wait(self.catalog().kept_here(creator, key)))
    }

    /// What the lake knows of these calls, which are copied here.
    #[doc(hidden)]
    pub fn known(&self, calls: Vec<(CreatorName, CallKey)>) -> Vec<((CreatorName, CallKey), IndexedRecord)> {
        let read = calls.into_iter().map(|call| async move {
            let known = IndexedRecord::of(self.catalog().kept(&call.0, &call.1).await);
            (call, known)
        });
        wait(stream::iter(read).buffered(AT_ONCE).collect())
    }

    /// Shows `visit` every call that the remote has, if there is one: of one creator, or of all.
    #[doc(hidden)]
    pub fn each_remote_call(
        &self,
        creator: Option<&CreatorName>,
        visit: impl FnMut(CreatorName, CallKey) + Send,
    ) -> Result<()> {
        wait(async {
            self.contact_remote().await?;
            self.catalog().each_remote_call(creator, visit).await
        })
    }
}
