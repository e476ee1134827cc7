//! Sending what this machine made without the remote.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[cfg(doc)]
use datlake_core::ErrorKind;
use datlake_core::catalog::{Commit, GcGuard, Pushed};
use datlake_core::document::{Content, MadeFrom, Part, References};
use datlake_core::tree::PackLocations;
use datlake_core::{Digest, Document, Error, Location, Result, Uid};
use datlake_store::{offload, wait};

use super::content::{LeftOutside, each, once, wanted};
use super::packs::AtRest;
use super::{Lake, Patience, concerns_one, lock, no_call, refuse_in_body};
use crate::event::Event;
use crate::report::{Push, PushOutcome, PushRow};

/// A document to push, and its content, which goes first.
struct Item {
    at: Location,
    document: Option<Document>,
    content: Result<AtRest>,
    outside: LeftOutside,
}

impl Item {
    fn uids(&self) -> &[Uid] {
        self.document.as_ref().map_or(&[], |document| &document.uids)
    }

    fn references(&self) -> Option<&References> {
        self.document.as_ref().map(Document::references)
    }
}

impl Lake {
    /// Sends what was made here without the remote: all, or the files, folders and calls (`@creator/key`) `which`, with what they were
    /// made from.
    /// What ends early goes on where it was; what is there already is not sent again.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] without a remote; [`ErrorKind::Denied`] where it refuses; [`ErrorKind::NotFound`] for a UID or
    /// folder that there is not; [`ErrorKind::Context`] in a body.
    ///
    /// ```
    /// use datlake::Lake;
    /// # let folder = tempfile::tempdir()?;
    /// # let home = folder.path().join("home");
    /// # let remote = format!("file://{}", folder.path().join("remote").display());
    /// let lake = Lake::builder().home(&home).open()?;
    /// lake.add_bytes("greetings/en.txt", b"hello")?;
    /// # drop(lake);
    /// let lake = Lake::builder().home(&home).remote(&remote).open()?;
    /// assert_eq!(lake.push(&["greetings"])?.items.len(), 1);
    /// assert_eq!(lake.push(&[])?.items.len(), 0);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn push(&self, which: &[&str]) -> Result<Push> {
        wait(self.push_async(which))
    }

    /// The asynchronous twin of [`Lake::push`].
    ///
    /// # Errors
    /// As [`Lake::push`].
    pub async fn push_async(&self, which: &[&str]) -> Result<Push> {
        refuse_in_body("push")?;
        let which = which.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let (mut report, mut outside, mut patience) = (Push::default(), LeftOutside::default(), Patience::default());
        loop {
            match self.push_once(&which, &mut report, &mut outside).await? {
                Commit::Done(()) => {
                    self.catalog().write_packs().await;
                    self.note_made_remote().await;
                    return Ok(report);
                }
                Commit::Retry(retry) => patience.pause(self, retry).await?,
            }
            // What could not be pushed is tried once more with the rest.
            report.items.retain(|row| !matches!(row.outcome, PushOutcome::Taken | PushOutcome::Failed));
        }
    }

    /// Pushes `which`, until some of the content may have been collected meanwhile.
    async fn push_once(&self, which: &[String], report: &mut Push, outside: &mut LeftOutside) -> Result<Commit<()>> {
        let since = self.catalog().since().await?;
        // What was pruned by now keeps nothing at the remote.
        self.forget_pruned();
        let (lake, which) = (self.clone(), which.to_vec());
        let mut items = offload(move || lake.to_push(&which)).await??;
        items.iter_mut().for_each(|item| outside.merge(std::mem::take(&mut item.outside)));
        report.outside = outside.all();
        let wanted = once(
            items
                .iter()
                .filter_map(|item| item.content.as_ref().ok())
                .flat_map(|rest| &rest.contents)
                .cloned()
                .collect(),
        );
        let (lake, all, done) = (self.clone(), wanted.len(), Arc::new(AtomicUsize::new(0)));
        let mut digests: Vec<Digest> = wanted.iter().map(|content| content.digest).collect();
        digests.extend(items.iter().filter_map(|item| item.content.as_ref().ok()).flat_map(|rest| &rest.there));
        let known = self.local_view().packs_there(&since);
        let likely: HashSet<Digest> =
            items.iter().filter_map(|item| item.content.as_ref().ok()).flat_map(|rest| &rest.likely).copied().collect();
        let sent = each(wanted, move |content| {
            // Nothing is swept since, or `secure` says so below.
            if known.contains(&content.digest) && likely.contains(&content.digest) {
                return (content.digest, Ok(None));
            }
            let sent = wait(lake.send(&content, likely.contains(&content.digest)));
            lake.emit(&Event::Pushing { done: done.fetch_add(1, Ordering::Relaxed) + 1, all });
            (content.digest, sent)
        })
        .await?;
        let mut missing = HashMap::<Digest, Error>::new();
        for (digest, sent) in sent {
            match sent {
                Ok(None) => {}
                Ok(Some(size)) => {
                    report.blobs += 1;
                    report.bytes += size;
                }
                Err(error) if concerns_one(&error) => drop(missing.insert(digest, error)),
                Err(error) => return Err(error),
            }
        }
        // A pack that could not be sent leaves its documents here, and what leads to it is in nobody's way.
        let locations: Vec<_> = items
            .iter()
            .filter_map(|item| item.content.as_ref().ok())
            .flat_map(|rest| &rest.locations)
            .cloned()
            .collect();
        self.send_locations(&locations).await?;
        let secured = match self.catalog().secure_at_remote(&digests, &since).await? {
            Commit::Done(secured) => secured,
            Commit::Retry(retry) => return Ok(Commit::Retry(retry)),
        };
        let packs = locations.iter().map(PackLocations::pack).filter(|pack| !missing.contains_key(pack));
        self.local_view().note_packs_there(&since, packs.collect());
        // Entries of a log go after what it belongs to, one after the other, and what a repository has after that.
        let (entries, items): (Vec<_>, Vec<_>) =
            items.into_iter().partition(|item| item.at.entry_of().is_some() || item.at.repository().is_some());
        let (lake, missing) = (self.clone(), Arc::new(missing));
        let known = Arc::clone(&missing);
        let mut rows = each(items, move |item| wait(lake.push_item(&item, &known, &secured))).await?;
        for item in entries {
            rows.push(self.push_item(&item, &missing, &secured).await);
        }
        let mut retry = None;
        for row in rows {
            match row? {
                Commit::Done(row) => report.items.extend(row),
                Commit::Retry(later) => retry = Some(later),
            }
        }
        Ok(retry.map_or(Commit::Done(()), Commit::Retry))
    }

    /// What is to be pushed of `which`; everything where that is empty.
    fn to_push(&self, which: &[String]) -> Result<Vec<Item>> {
        if self.catalog().remote.is_none() {
            return Err(self.no_remote("push"));
        }
        // What was removed elsewhere meanwhile is not to come back.
        wait(self.learn_removals())?;
        let mut items = Vec::new();
        for at in wait(self.catalog().unpushed())? {
            items.push(self.item(at)?);
        }
        if which.is_empty() {
            return Ok(items);
        }
        let mut open = VecDeque::new();
        for text in which {
            let before = open.len();
            if let Some((creator, key)) = self.resolve_call(text)? {
                let is_it = |at: &usize| items[*at].at.that_counts().call() == Some((&creator, &key));
                open.extend((0..items.len()).filter(is_it));
                if open.len() == before && wait(self.catalog().record(&creator, &key))?.is_none() {
                    return Err(no_call(&creator, &key));
                }
                continue;
            }
            let selects = self.selection(text);
            open.extend((0..items.len()).filter(|at| items[*at].uids().iter().any(&selects)));
            if open.len() == before && !text.starts_with('@') && self.list_files(text)?.files.is_empty() {
                // Fails with the nearest names.
                self.file(text.trim_end_matches('/'))?;
            }
        }
        // A record and those that lost to it have the same UIDs, and each may be what something was made from.
        let mut made = HashMap::<Uid, Vec<usize>>::new();
        let mut returned = HashMap::<Location, Vec<usize>>::new();
        for (at, item) in items.iter().enumerate() {
            for uid in item.uids() {
                made.entry(uid.clone()).or_default().push(at);
            }
            returned.entry(item.at.that_counts()).or_default().push(at);
        }
        let sources = |source: &MadeFrom| match source {
            MadeFrom::File(uid, _) => made.get(uid).cloned().unwrap_or_default(),
            MadeFrom::Value(..) => returned.get(&source.document()).cloned().unwrap_or_default(),
        };
        let mut chosen = HashSet::new();
        while let Some(at) = open.pop_front() {
            if chosen.insert(at) {
                let lineage = items[at].references().into_iter().flat_map(|references| &references.lineage);
                open.extend(lineage.flat_map(sources));
            }
        }
        let mut at = 0..;
        items.retain(|_| at.next().is_some_and(|at| chosen.contains(&at)));
        Ok(items)
    }

    /// What there is of an unpushed document. It may have been about to give way, or never came to be.
    fn item(&self, at: Location) -> Result<Item> {
        let read = || {
            let Some(bytes) = wait(self.catalog().local.get(&at))? else { return Ok(None) };
            Document::parse(&at, bytes).map(Some)
        };
        let mut outside = LeftOutside::default();
        let (document, content) = match read() {
            Ok(Some(document)) => {
                let content = self.content_of(&document).and_then(|content| {
                    outside.note(&content);
                    self.at_rest_since(&at, content)
                });
                (Some(document), content)
            }
            Ok(None) => (None, Ok(AtRest::default())),
            Err(error) if concerns_one(&error) => (None, Err(error)),
            Err(error) => return Err(error),
        };
        Ok(Item { at, document, content, outside })
    }

    /// Sends one piece of content, which is `likely` there or not: its size, if it had to be sent.
    async fn send(&self, content: &Content, likely: bool) -> Result<Option<u64>> {
        let size = match (content.size, &self.catalog().remote) {
            (Some(size), _) => size,
            // No document says how much it is, so what is there cannot be checked.
            (None, Some(remote)) if remote.size(&Location::Blob(content.digest)).await?.is_some() => return Ok(None),
            (None, _) => match self.size_of(&content.digest).await? {
                None if content.part == Part::Extra => return Ok(None),
                size => size.unwrap_or(0),
            },
        };
        let wanted = wanted(content, size, &|_| {});
        let _sends = self.sends([(content.digest, content.what.clone())]);
        Ok(self.local_view().send(wanted, likely).await?.then_some(size))
    }

    async fn push_item(
        &self,
        item: &Item,
        missing: &HashMap<Digest, Error>,
        secured: &GcGuard,
    ) -> Result<Commit<Option<PushRow>>> {
        let row =
            |outcome, why: Option<String>| Ok(Commit::Done(Some(PushRow { what: item.at.title(), outcome, why })));
        let content = match &item.content {
            Ok(content) => content,
            Err(error) if concerns_one(error) => return row(PushOutcome::Failed, Some(error.to_string())),
            Err(error) => return Err(error.clone()),
        };
        if let Some(error) = content.contents.iter().find_map(|content| missing.get(&content.digest)) {
            return row(PushOutcome::Failed, Some(error.to_string()));
        }
        let mut leases = vec![self.local_view().claim(&item.at.claim(), "push").await?];
        let parts = item.references().into_iter().flat_map(|references| &references.parts);
        // In one order everywhere, so that no two wait for each other.
        for part in parts.map(Location::claim).collect::<BTreeSet<_>>() {
            leases.push(self.local_view().claim(&part, "push").await?);
        }
        let document = item.document.as_ref().map(|document| &document.digest);
        let pushed = match self.catalog().push_document(&item.at, document, secured).await? {
            Commit::Done(pushed) => pushed,
            Commit::Retry(retry) => return Ok(Commit::Retry(retry)),
        };
        drop(leases);
        match pushed {
            Pushed::Nothing => Ok(Commit::Done(None)),
            Pushed::Sent => row(PushOutcome::Sent, None),
            Pushed::There => row(PushOutcome::There, None),
            Pushed::Aside => {
                let why = "others replaced the name meanwhile, and it leads to theirs; this machine's is an earlier version of it";
                row(PushOutcome::Aside, Some(why.to_owned()))
            }
            Pushed::Taken { why } => row(PushOutcome::Taken, Some(why)),
            Pushed::Lost => {
                lock(&self.0.remembered).clear();
                let why = "another machine made the same call first, and its record counts; this one is kept beside it";
                row(PushOutcome::Lost, Some(why.to_owned()))
            }
        }
    }
}
