//! What is to be copied: what was asked for, and what that was made from.

use std::collections::{HashSet, VecDeque};

use datlake_core::lineage::Input;
use datlake_core::record::{Kept, Name, Record, Target};
use datlake_core::{CreatorName, Error, ErrorKind, Location, Prefix, Result, StoreExt as _, Uid, UidKind};

use super::super::concerns_one;
use super::super::content::documents;
use super::Lake;
use crate::report::Damage;

impl Lake {
    /// The documents to copy, each once: records, and names. What is damaged is told, and hides what is above it only.
    pub(super) async fn to_mirror(&self, which: &[String], inputs: bool) -> Result<(Vec<Location>, Vec<Damage>)> {
        if which.is_empty() {
            return Ok((documents(&**self.source()).await?, Vec::new()));
        }
        let mut plan = Plan { lake: self, inputs, open: VecDeque::new(), seen: HashSet::new(), damaged: Vec::new() };
        for text in which {
            for at in self.selected(text).await? {
                plan.add(at);
            }
        }
        plan.follow().await
    }

    /// The documents that `text` names.
    async fn selected(&self, text: &str) -> Result<Vec<Location>> {
        let text = text.trim_end_matches('/');
        if let Some(creator) = text.strip_prefix('@') {
            if let Ok(creator) = CreatorName::new(creator) {
                let calls = self.source().locations(&Prefix::RecordsOf(creator)).await?;
                if !calls.is_empty() {
                    return Ok(calls);
                }
            }
            // A call without an output's number is as good.
            let Ok(uid) = self.resolve(text).or_else(|_| self.resolve(&format!("{text}/0"))) else {
                let message = format!("the lake has no creator and no call `{text}`");
                return Err(Error::new(ErrorKind::NotFound, message));
            };
            self.file(uid.as_str())?;
            return Ok(document(&uid).into_iter().collect());
        }
        let mut found = Vec::new();
        if let Ok(folder) = Uid::chosen(text) {
            found = self.source().locations(&Prefix::NamesIn(folder.clone())).await?;
            let at = Location::Name(folder);
            if self.source().size(&at).await?.is_some() {
                found.push(at);
            }
        }
        if found.is_empty() {
            // Fails with the nearest names.
            let uid = self.resolve(text)?;
            self.file(uid.as_str())?;
            found.extend(document(&uid));
        }
        Ok(found)
    }
}

/// The document that stands for a file.
fn document(uid: &Uid) -> Option<Location> {
    match uid.kind() {
        UidKind::Chosen => Some(Location::Name(uid.clone())),
        UidKind::Output { creator, key, .. } => Some(Location::Record(creator, key)),
        UidKind::Member { tree, .. } => document(&tree),
    }
}

struct Plan<'a> {
    lake: &'a Lake,
    inputs: bool,
    open: VecDeque<Location>,
    seen: HashSet<Location>,
    damaged: Vec<Damage>,
}

impl Plan<'_> {
    fn add(&mut self, at: Location) {
        if self.seen.insert(at.clone()) {
            self.open.push_back(at);
        }
    }

    async fn follow(mut self) -> Result<(Vec<Location>, Vec<Damage>)> {
        let mut documents = Vec::new();
        while let Some(at) = self.open.pop_front() {
            match self.above(&at).await {
                Ok(()) => documents.push(at),
                Err(error) if concerns_one(&error) => {
                    self.damaged.push(Damage::new(at.path(), &error));
                }
                Err(error) => return Err(error),
            }
        }
        Ok((documents, self.damaged))
    }

    /// Adds what the document at `at` cannot be without.
    async fn above(&mut self, at: &Location) -> Result<()> {
        let Some(bytes) = self.lake.source().get(at).await? else { return Ok(()) };
        match at {
            Location::Name(uid) => {
                if let Target::Output(of) = Name::parse(uid, bytes)?.target {
                    self.add(Location::Record(of.creator, of.key));
                }
            }
            Location::Record(creator, key) | Location::Beside(creator, key, _) if self.inputs => {
                let Some(record) = Kept::parse(creator, key, bytes)?.record() else { return Ok(()) };
                for input in record.lineage()?.inputs {
                    self.add_input(&input).await?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Adds what an input was, where the lake still has it.
    async fn add_input(&mut self, input: &Input) -> Result<()> {
        let Some(at) = input.uid.as_ref().and_then(document) else { return Ok(()) };
        let call = match &at {
            Location::Record(creator, key) => Some((creator.clone(), *key)),
            Location::Name(uid) => {
                let Some(bytes) = self.lake.source().get(&at).await? else { return Ok(()) };
                match Name::parse(uid, bytes)?.target {
                    Target::Output(of) => Some((of.creator, of.key)),
                    Target::Added(_) => None,
                }
            }
            _ => return Ok(()),
        };
        self.add(at);
        let Some((creator, key)) = call else { return Ok(()) };
        let record = Location::Record(creator.clone(), key);
        let made = |record: &Record| -> Result<bool> {
            Ok(record.lineage()?.outputs.iter().any(|output| output.digest == input.digest))
        };
        let main = match self.lake.source().get(&record).await? {
            Some(bytes) => Kept::parse(&creator, &key, bytes)?.record(),
            None => None,
        };
        self.add(record);
        // A file in a tree is none of the outputs, and never beside them.
        let member = input.uid.as_ref().is_some_and(|uid| matches!(uid.kind(), UidKind::Member { .. }));
        if !member && !main.as_ref().map_or(Ok(false), made)? {
            // It was made by a record that lost its key to another's.
            for at in self.lake.source().locations(&Prefix::BesideOf(creator, key)).await? {
                self.add(at);
            }
        }
        Ok(())
    }
}
