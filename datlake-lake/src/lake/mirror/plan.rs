//! What is to be copied: what was asked for, and what that was made from.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use datlake_core::document::{References, made_from, roots};
use datlake_core::{CreatorName, Document, Error, ErrorKind, Location, Prefix, Result, StoreExt as _, Uid};

use super::super::concerns_one;
use super::Lake;
use crate::report::Damage;

impl Lake {
    /// The documents to copy, each once. What is damaged is reported, and hides what is above it only.
    pub(super) async fn to_mirror(&self, which: &[String], inputs: bool) -> Result<(Vec<Location>, Vec<Damage>)> {
        if which.is_empty() {
            let mut all = roots(&**self.source()).await?;
            all.extend(self.catalog().pruned().await?);
            return Ok((all, Vec::new()));
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
        if let Ok(Some((creator, key))) = self.resolve_call(text) {
            let at = Location::Record(creator, key);
            if self.source().size(&at).await?.is_some() {
                return Ok(vec![at]);
            }
        }
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
                return Err(Error::new(ErrorKind::NotFound, message).with_hint("`datlake calls` shows the calls"));
            };
            self.file(uid.as_str())?;
            return Ok(vec![Location::of_file(&uid)]);
        }
        let mut found = Vec::new();
        if let Ok(folder) = Uid::chosen(text) {
            found = self.source().locations(&Prefix::NamesIn(folder.clone())).await?;
            let at = Location::Name(folder.clone());
            if self.source().size(&at).await?.is_some() {
                found.push(at);
            }
            found.extend(self.source().locations(&Prefix::VersionsIn(Some(folder.clone()))).await?);
            found.extend(self.source().locations(&Prefix::VersionsOf(folder)).await?);
        }
        if found.is_empty() {
            // Fails with the nearest names.
            let uid = self.resolve(text)?;
            self.file(uid.as_str())?;
            found.push(Location::of_file(&uid));
        }
        Ok(found)
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
        let source = Arc::clone(self.lake.source());
        let Some(bytes) = source.get(at).await? else { return Ok(()) };
        let References { needs, shows, lineage, .. } = Document::parse(at, bytes)?.references;
        needs.into_iter().map(|(at, _)| at).chain(shows).for_each(|at| self.add(at));
        for input in lineage.iter().filter(|_| self.inputs).collect::<Vec<_>>() {
            made_from(&*source, input).await?.into_iter().for_each(|at| self.add(at));
        }
        Ok(())
    }
}
