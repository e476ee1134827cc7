//! Recorded calls, as who makes them again needs them, and how what comes out is compared.
//!
//! Nothing is put into the lake here: what is made again goes with who made it.

mod first;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

#[cfg(doc)]
use datlake_core::ErrorKind;
use datlake_core::lineage::{Lineage, Output};
use datlake_core::memo::Search;
use datlake_core::record::Record;
use datlake_core::replay::{Argument, NotGiven};
use datlake_core::tree::TreeEntry;
use datlake_core::value_shape::{self, ValueShape};
use datlake_core::{CallKey, CreatorName, Digest, Error, FileRef, Result};
use datlake_store::wait;

use super::calls::is_call;
use crate::file::{File, Tree};
use crate::lake::{Lake, made_entries};
use crate::report::{CheckDifference, FirstDifference};
use crate::scope::StagedFile;

/// Successors of a key that are followed.
const SUCCESSORS: usize = 100;

/// A call that is to be made again.
#[derive(Debug)]
pub struct RecordedCall {
    record: Record,
    /// What its record tells.
    pub lineage: Lineage,
    arguments: HashMap<String, Result<Argument, NotGiven>>,
}

/// What a call made when it was made again. It is in no lake.
#[derive(Debug)]
pub struct MadeAgain {
    /// The files.
    pub outputs: Vec<Output>,
    /// The value: its canonical digest, as a record would keep it, and by what it is shown.
    pub value: (Digest, Vec<u8>, Option<ValueShape>),
    /// Where the content is that the body made.
    pub content: HashMap<Digest, PathBuf>,
    /// What keeps it there.
    pub alive: Vec<Arc<StagedFile>>,
}

impl RecordedCall {
    /// The calls that `which` mean, each once, the first named first: the call that made a file, the call `creator/3f9a27`, and all calls
    /// of a creator; where nothing is named, all.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for what no call made, and what is none of these; those of reaching the stores.
    pub fn named(lake: &Lake, which: &[&str]) -> Result<Vec<(CreatorName, CallKey)>> {
        wait(lake.contact_remote())?;
        if which.is_empty() {
            return Ok(wait(lake.catalog().calls(None))?.into_iter().collect());
        }
        let mut calls = Vec::new();
        for one in which {
            if one.starts_with('@') || lake.exists(one)? || is_call(one) {
                calls.push(lake.made_by_call(one, "there is nothing to make again")?);
            } else {
                calls.extend(wait(lake.calls_called(one))?);
            }
        }
        let mut seen = HashSet::new();
        calls.retain(|call| seen.insert(call.clone()));
        Ok(calls)
    }

    /// A call as its record has it; `None` where it is not remembered any more.
    ///
    /// # Errors
    /// Those of reading the stores.
    pub fn find(lake: &Lake, creator: &CreatorName, key: &CallKey) -> Result<Option<Self>> {
        wait(async {
            let Some(record) = lake.catalog().record(creator, key).await? else { return Ok(None) };
            let lineage = record.lineage()?;
            let mut arguments = HashMap::new();
            for param in &lineage.params {
                let argument = match Argument::of(param, &lineage.inputs) {
                    Err(NotGiven::Large | NotGiven::Deep) => returned_argument(lake, &lineage, &param.name).await,
                    other => other,
                };
                arguments.insert(param.name.clone(), argument);
            }
            Ok(Some(Self { record, lineage, arguments }))
        })
    }

    /// An argument.
    ///
    /// # Errors
    /// Where the record does not hold all of it.
    pub fn argument(&self, name: &str) -> Result<&Argument, NotGiven> {
        match self.arguments.get(name) {
            Some(Ok(argument)) => Ok(argument),
            Some(Err(why)) => Err(*why),
            None => Err(NotGiven::Large),
        }
    }

    /// Whether the call that has the key `from` today is this one: its own, or one that succeeds it.
    ///
    /// # Errors
    /// Those of reading the stores.
    pub fn is_of(&self, lake: &Lake, from: CallKey) -> Result<bool> {
        let mut search = Search::new(&self.record.creator, from);
        for _ in 0..SUCCESSORS {
            let (creator, key) = search.place();
            if *key == self.record.key {
                return Ok(true);
            }
            let Some(record) = wait(lake.catalog().record(creator, key))? else { break };
            search.pass(&record.digest)?;
        }
        Ok(false)
    }

    /// What was made otherwise than the record says.
    ///
    /// # Errors
    /// Those of reading what was made; what the lake cannot give of what was recorded is left out.
    pub fn compare(&self, lake: &Lake, made: &MadeAgain) -> Result<Vec<CheckDifference>> {
        let before = &self.lineage.outputs;
        let mut differences = Vec::new();
        for at in 0..before.len().max(made.outputs.len()) {
            let (was, now) = (before.get(at), made.outputs.get(at));
            if was.map(|was| was.digest) == now.map(|now| now.digest) {
                continue;
            }
            let first = was.zip(now).and_then(|(was, now)| first_of_files(lake, was, now, made).ok().flatten());
            let shown = was.or(now);
            differences.push(CheckDifference {
                uid: shown.map(|output| output.uid.to_string()),
                name: shown.map(|output| output.name.clone()),
                was: was.map(|was| was.digest),
                now: now.map(|now| now.digest),
                first,
            });
        }
        let (digest, bytes, returns) = &made.value;
        // The value holds its files: what differs in those was said.
        if differences.is_empty() && self.record.value_digest != *digest {
            differences.push(CheckDifference {
                uid: None,
                name: None,
                was: Some(self.record.value_digest),
                now: Some(*digest),
                first: self.first_of_values(lake, bytes, returns.as_ref()).ok(),
            });
        }
        Ok(differences)
    }

    fn first_of_values(&self, lake: &Lake, now: &[u8], returns: Option<&ValueShape>) -> Result<FirstDifference> {
        let stored = wait(lake.catalog().value(&self.record))?;
        let was = value_shape::to_json(&stored, self.lineage.code.returns.as_ref())?;
        Ok(first::of_values(&was, &value_shape::to_json(now, returns)?))
    }
}

/// An argument that is too large for the record of the call: what another call returned, if it is all of that.
async fn returned_argument(lake: &Lake, lineage: &Lineage, name: &str) -> Result<Argument, NotGiven> {
    let from = lineage.values.iter().find(|value| value.is_whole(name)).ok_or(NotGiven::Large)?;
    let returned = async {
        let record = lake.catalog().record(&from.creator, &from.key).await.ok().flatten()?;
        let stored = lake.catalog().value(&record).await.ok()?;
        value_shape::to_json(&stored, record.lineage().ok()?.code.returns.as_ref()).ok()
    };
    Argument::of_returned(&returned.await.ok_or(NotGiven::Large)?)
}

fn first_of_files(lake: &Lake, was: &Output, now: &Output, made: &MadeAgain) -> Result<Option<FirstDifference>> {
    let Some(old) = File::from_ref(lake, reference(was)) else { return Ok(None) };
    if was.tree != now.tree {
        return Ok(None);
    }
    if !was.tree {
        return first_of_contents(&old, &now.digest, made);
    }
    let old = Tree::try_from(old)?;
    let before: BTreeMap<&str, &TreeEntry> = old.entries()?.into_iter().collect();
    let after = made_entries(now, &made.content)?;
    let paths: BTreeSet<&str> = before.keys().copied().chain(after.keys().map(String::as_str)).collect();
    let (was_at, now_at) = (|path: &str| before.get(path).copied(), |path: &str| after.get(path));
    let Some(path) = paths.into_iter().find(|path| was_at(path) != now_at(path)) else { return Ok(None) };
    let digest = |entry: Option<&TreeEntry>| match entry {
        Some(TreeEntry::File { digest, .. }) => Some(*digest),
        _ => None,
    };
    let first = match (digest(was_at(path)), digest(now_at(path))) {
        (Some(was), Some(now)) if was != now => first_of_contents(&old.get(path)?, &now, made)?,
        _ => None,
    };
    Ok(Some(FirstDifference { path: Some(path.to_owned()), ..first.unwrap_or_default() }))
}

fn first_of_contents(was: &File, now: &Digest, made: &MadeAgain) -> Result<Option<FirstDifference>> {
    // What it passed on, it did not make.
    let Some(path) = made.content.get(now) else { return Ok(None) };
    let now = std::fs::File::open(path).map_err(|error| Error::io("read", path.display(), error))?;
    first::of_bytes(was.open()?, now).map_err(|error| Error::io("compare", was.name(), error))
}

fn reference(output: &Output) -> FileRef {
    FileRef {
        uid: Some(output.uid.clone()),
        digest: output.digest,
        size: output.size,
        name: output.name.as_str().into(),
        tree: output.tree,
        stage: None,
    }
}
