//! Chosen names: what they show, who gets one, and when one that was left behind is taken over.

use std::sync::atomic::Ordering;

use super::{Catalog, Commit, GcGuard, Named, Retry, convenience};
use crate::record::{Abandoned, CallDocument, Name, NameTarget, OutputOf, Record};
use crate::store::{LOOKS, contradiction};
use crate::{Created, Document, Error, ErrorKind, Location, LogId, Result, Store, Subject, Uid};

impl Catalog {
    /// What a chosen name stands for, also while it shows nothing.
    pub async fn target(&self, uid: &Uid) -> Result<Option<NameTarget>> {
        Ok(self.named(uid).await?.map(|named| named.target().clone()))
    }

    /// A chosen name, what it leads to and the record behind that, also while there is none. What this machine knows of it counts
    /// where it shows something: see [`learn_versions`](Self::learn_versions).
    pub async fn named(&self, uid: &Uid) -> Result<Option<Named>> {
        let at = Location::Name(uid.clone());
        let mut copy = None;
        if let Some(bytes) = self.local.get(&at).await? {
            let named = self.led_here(Name::parse(uid, bytes)?).await?;
            if named.shows() || self.remote.is_none() {
                return Ok(Some(named));
            }
            copy = Some(named.first.digest);
        }
        let Some(remote) = &self.remote else { return Ok(None) };
        let Some(named) = self.named_in(&**remote, uid).await? else { return Ok(None) };
        // Only what shows something is copied: what shows nothing may still become another's.
        if named.shows() {
            if copy.is_some_and(|copy| copy != named.first.digest) {
                convenience(self.local.remove(&at).await)?;
            }
            convenience(self.copy_named(&named).await)?;
        }
        Ok(Some(named))
    }

    /// A chosen name as one store has it.
    pub(super) async fn named_in(&self, store: &dyn Store, uid: &Uid) -> Result<Option<Named>> {
        let Some(bytes) = store.get(&Location::Name(uid.clone())).await? else { return Ok(None) };
        let first = Name::parse(uid, bytes)?;
        let entries = self.last(store, &LogId::Name(uid.clone(), first.digest)).await?;
        self.led(store, first, entries).await.map(Some)
    }

    /// The record behind what a name leads to.
    pub(super) async fn behind(&self, target: &NameTarget) -> Result<Option<Record>> {
        match target {
            NameTarget::Added(_) => Ok(None),
            NameTarget::Output(output) => self.record(&output.creator, &output.key).await,
        }
    }

    /// Creates a name at the store that decides. What stands there afterwards: the name, or one of somebody else that leads to the
    /// same.
    pub(super) async fn create_name(&self, name: Name) -> Result<Named> {
        let at = Location::Name(name.uid.clone());
        if self.remote.is_none() && matches!(name.target, NameTarget::Added(_)) {
            self.mark_unpushed(&at).await?;
        }
        let mut gone = 0;
        while self.deciding().create(&at, name.bytes()).await? == Created::Exists {
            let Some(there) = self.named_in(self.deciding(), &name.uid).await? else {
                // Removed in between; or this store will never show it.
                gone += 1;
                if gone == LOOKS {
                    return Err(contradiction(self.deciding(), &format!("create `{}`", at.path()), "it"));
                }
                continue;
            };
            if there.target().same(&name.target) {
                return Ok(there);
            }
            if let Some(why) = self.why_taken(&there) {
                let error = Error::new(ErrorKind::AlreadyExists, format!("cannot publish `{}`: {why}", name.uid));
                return Err(error.about(Subject::Uid(name.uid.clone())));
            }
            // Left by a call of this machine that never finished; the claim on the name keeps others away.
            if self.abandon(&there.first, &name.nonce).await?
                && self.close(self.deciding(), &there.first, true, &name.nonce).await?
            {
                self.remove_closed(self.deciding(), &there.first).await?;
            }
        }
        let record = self.behind(&name.target).await?;
        Ok(Named { first: name, version: None, record, entries: 0, is_pruned: false })
    }

    /// Creates names again whose call has its record now, and that are gone: somebody may have removed an earlier record of that
    /// call, and its names after these were created.
    pub(super) async fn renew_names(&self, names: &[Name]) -> Result<()> {
        for name in names {
            if self.deciding().size(&Location::Name(name.uid.clone())).await?.is_none() {
                self.create_name(name.clone()).await?;
            }
        }
        Ok(())
    }

    /// Makes sure that the call behind a name never finishes under its key. `false` where it has finished meanwhile.
    pub(super) async fn abandon(&self, name: &Name, nonce: &str) -> Result<bool> {
        let NameTarget::Output(OutputOf { creator, key }) = &name.target else { return Ok(true) };
        let at = Location::Record(creator.clone(), *key);
        let mark = Abandoned::create(creator, key, nonce)?;
        if self.deciding().create(&at, mark.bytes()).await? == Created::New {
            return Ok(true);
        }
        let Some(bytes) = self.deciding().get(&at).await? else { return Ok(false) };
        Ok(matches!(CallDocument::parse(creator, key, bytes)?, CallDocument::Abandoned(_)))
    }

    /// Keeps a copy of a name that shows something.
    pub(super) async fn copy_name(&self, name: &Name) -> Result<()> {
        let at = Location::Name(name.uid.clone());
        if let Some(bytes) = self.local.get(&at).await?
            && Name::parse(&name.uid, bytes)?.digest != name.digest
        {
            self.local.remove(&at).await?;
        }
        self.copy(&at, name.bytes()).await
    }

    /// Why a name cannot be had, in words. `None` where it was left by a call of this machine that never finished, or may
    /// be at it: whoever holds the claim of the name may take it over.
    pub fn why_taken(&self, named: &Named) -> Option<String> {
        match named.target() {
            NameTarget::Added(added) => {
                Some(format!("it is a file that {} added on {} ({})", added.person.email, added.at, added.digest))
            }
            NameTarget::Output(OutputOf { creator, key }) if named.record.is_some() => {
                Some(format!("it is an output of call {creator}/{key}"))
            }
            NameTarget::Output(_) if named.entries == 0 && named.home() == &*self.home => None,
            NameTarget::Output(OutputOf { creator, key }) => Some(format!(
                "another machine is publishing it as an output of call {creator}/{key}, or began to and never finished; \
                 if that machine is not at it any more, remove `{}`",
                named.uid()
            )),
        }
    }

    /// Adds a name for content that was `secured`: the file's own, and that of the files in a tree. Adding the same bytes again
    /// changes nothing. Where the remote refuses to be written, this machine keeps the name for itself, marked as unpushed.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] where the UID has other content. The caller holds the local claim of the name.
    pub async fn add(&self, name: Name, secured: &GcGuard) -> Result<Commit<()>> {
        let NameTarget::Added(added) = &name.target else {
            return Err(Error::new(ErrorKind::InvalidInput, format!("`{}` is not an added file", name.uid)));
        };
        self.drop_stale_copy(&name.uid).await?;
        match self.learn_versions(&name.uid).await {
            Err(error) if error.kind() == ErrorKind::Denied => {}
            learned => learned?,
        }
        if let Some(there) = self.file(&name.uid).await? {
            if there.digest == added.digest && there.tree == added.tree {
                return Ok(Commit::Done(()));
            }
            let message = format!(
                "cannot add `{}`: it exists with other content ({}, not {})",
                name.uid, there.digest, added.digest
            );
            let hint = format!(
                "files never change by themselves: choose another UID, replace it by `add --replace` (in Rust `replacing()`), or remove it first; `datlake info {}` shows what is there",
                name.uid
            );
            return Err(Error::new(ErrorKind::AlreadyExists, message).about(Subject::Uid(name.uid)).with_hint(hint));
        }
        if self.remote.is_some() && !self.is_refused() && !secured.was_refused() {
            match self.create_added(name.clone(), secured).await {
                Err(error) if error.kind() == ErrorKind::Denied => {}
                Err(error) => return Err(error),
                Ok(Commit::Done(created)) => return self.copy_named(&created).await.map(Commit::Done),
                Ok(Commit::Retry(retry)) => return Ok(Commit::Retry(retry)),
            }
        }
        self.here().create_name(name).await?;
        if self.remote.is_some() {
            self.refused.store(true, Ordering::Release);
        }
        Ok(Commit::Done(()))
    }

    /// [`create_name`](Self::create_name) for an added file, which keeps its content from being collected.
    pub(super) async fn create_added(&self, name: Name, secured: &GcGuard) -> Result<Commit<Named>> {
        if !self.in_time(secured) {
            return Ok(Commit::Retry(Retry::Now));
        }
        let created = self.create_name(name).await?;
        // Who slept over it puts the content once more: nobody collects what has a name.
        Ok(if self.in_time(secured) { Commit::Done(created) } else { Commit::Retry(Retry::Now) })
    }

    /// Removes this machine's copy of a name that the remote has no longer, or gave to another: who adds it again must not
    /// take the copy for the thing itself.
    async fn drop_stale_copy(&self, uid: &Uid) -> Result<()> {
        let Some(remote) = &self.remote else { return Ok(()) };
        let at = Location::Name(uid.clone());
        let Some(here) = self.local.get(&at).await? else { return Ok(()) };
        if self.is_unpushed(&Document::parse(&at, here.clone())?.part_of).await? {
            return Ok(());
        }
        match remote.get(&at).await {
            Ok(there) if there.as_ref() != Some(&here) => self.local.remove(&at).await.map(drop),
            Err(error) if error.kind() != ErrorKind::Denied => Err(error),
            _ => Ok(()),
        }
    }
}
