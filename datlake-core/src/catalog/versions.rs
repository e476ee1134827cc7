//! Names that are replaced: what they lead to, what they led to before, and moving them.
//!
//! - The document in `files` is entry 0 of the name's log, and goes only when the name is removed. With it goes the whole log: a
//!   name that comes back has another document, and so another log.
//! - An entry that names a call's output counts once that record is there; until then the one before it does.
//! - An entry that is *aside* was made without the remote and came too late: it is a version, and never what the name leads to.
//! - Entries here are copies of the remote's, but for those that are marked as unpushed. Nothing is copied over those.

use std::sync::atomic::Ordering;

use super::push::Pushed;
use super::replacement::Replacement;
use super::{Catalog, Commit, GcGuard, Named, Retry, convenience};
use crate::log::{self, Attempt};
use crate::record::{Name, NameTarget};
use crate::store::{LOOKS, contradiction};
use crate::version::{EntryPlace, Moved, Version};
use crate::{Created, Digest, Document, ErrorKind, Location, LogId, Prefix, Result, Store, StoreExt as _, Uid};

impl Catalog {
    /// What a name leads to by what one store has: `entries` is the number of the last entry of its log there.
    pub(super) async fn led(&self, store: &dyn Store, first: Name, entries: u64) -> Result<Named> {
        let log = LogId::Name(first.uid.clone(), first.digest);
        // What a name falls back to may have been pruned; what it leads to by its last entry never is.
        let (mut falls_back, mut shown) = (false, entries);
        for n in (1..=entries).rev() {
            let Some(version) = self.entry(store, &log, n).await? else { continue };
            if version.aside {
                // It was never replaced.
                shown -= u64::from(entries == 1 && version.is_closing());
                continue;
            }
            let is_pruned = falls_back && self.is_pruned(store, &first, &version.digest).await?;
            let record = self.behind(&version.target).await?;
            let named = Named { first: first.clone(), version: Some(version), record, entries, is_pruned };
            if named.shows() {
                return Ok(named);
            }
            falls_back = true;
        }
        let record = self.behind(&first.target).await?;
        let is_pruned = falls_back && self.is_pruned(store, &first, &first.digest).await?;
        Ok(Named { first, version: None, record, entries: shown, is_pruned })
    }

    /// What a name leads to by what this machine has.
    pub(super) async fn led_here(&self, first: Name) -> Result<Named> {
        let log = LogId::Name(first.uid.clone(), first.digest);
        let entries = self.entries_here(&log).await?;
        self.led(&*self.local, first, entries).await
    }

    /// The number of the last entry that is on this machine; 0 if there is none.
    pub(super) async fn entries_here(&self, log: &LogId) -> Result<u64> {
        let here = self.local.locations(&Prefix::EntriesOf(log.clone())).await?.into_iter();
        Ok(here.filter_map(number).max().unwrap_or(0))
    }

    /// The number of the last entry in `store`.
    pub(super) async fn last(&self, store: &dyn Store, log: &LogId) -> Result<u64> {
        // What this machine has, and the remote has decided about, is there.
        let mut known = 0;
        if self.remote.is_some() {
            for at in self.local.locations(&Prefix::EntriesOf(log.clone())).await? {
                let n = number(at.clone()).unwrap_or(0);
                if n > known && !self.is_unpushed(&at).await? {
                    known = n;
                }
            }
        }
        log::last(store, log, known).await
    }

    /// An entry by what `store` has. This machine may have copies of some entries alone.
    pub(super) async fn entry(&self, store: &dyn Store, log: &LogId, n: u64) -> Result<Option<Version>> {
        let at = log.entry(n);
        let mut bytes = store.get(&at).await?;
        if let (None, Some(remote)) = (&bytes, &self.remote) {
            bytes = remote.get(&at).await?;
        }
        let Location::Version(uid, first, n) = &at else { return Ok(None) };
        bytes.map(|bytes| Version::parse(uid, first, *n, bytes)).transpose()
    }

    /// Copies what was appended to the name's log at the remote since this machine last looked. Nothing is copied where this
    /// machine has replaced the name without the remote: it shows that until it is pushed.
    ///
    /// # Errors
    /// Those of the stores; [`ErrorKind::Corrupt`].
    pub async fn learn_versions(&self, uid: &Uid) -> Result<()> {
        let Some(remote) = &self.remote else { return Ok(()) };
        let Some(bytes) = self.local.get(&Location::Name(uid.clone())).await? else { return Ok(()) };
        let first = Name::parse(uid, bytes)?;
        let log = LogId::Name(uid.clone(), first.digest);
        if self.is_unpushed(&first.clone().document().part_of).await? || !self.unpushed_of(uid).await?.is_empty() {
            return Ok(());
        }
        let known = self.entries_here(&log).await?;
        let last = log::last(&**remote, &log, known).await?;
        self.copy_entries(&log, known, last).await
    }

    /// Copies entries of the remote, from the last one down to one that shows something, or is known.
    async fn copy_entries(&self, log: &LogId, known: u64, last: u64) -> Result<()> {
        let Some(remote) = &self.remote else { return Ok(()) };
        for n in (known + 1..=last).rev() {
            let Some(version) = self.entry(&**remote, log, n).await? else { continue };
            if version.is_closing() {
                continue;
            }
            convenience(self.copy(&log.entry(n), version.bytes()).await)?;
            if !version.aside && self.shows(&version.target).await? {
                break;
            }
        }
        Ok(())
    }

    /// Where the entries are by which this machine moved a name without the remote, in order.
    pub async fn unpushed_of(&self, uid: &Uid) -> Result<Vec<Location>> {
        let mut found = Vec::new();
        for at in self.local.locations(&Prefix::VersionsOf(uid.clone())).await? {
            if self.is_unpushed(&at).await? {
                found.push(at);
            }
        }
        found.sort_by_key(|at| number(at.clone()));
        Ok(found)
    }

    /// What somebody added or moved a name to that is at `at`, on this machine, and in the latter case who.
    pub async fn unpushed_target(&self, at: &Location) -> Result<Option<(NameTarget, Option<Moved>)>> {
        let Some(bytes) = self.local.get(at).await? else { return Ok(None) };
        Ok(match at {
            Location::Name(uid) => Some((Name::parse(uid, bytes)?.target, None)),
            Location::Version(uid, first, n) => {
                let version = Version::parse(uid, first, *n, bytes)?;
                Some((version.target, Some(version.moved)))
            }
            _ => None,
        })
    }

    /// Leads a name to something else, at the store that decides. What stands there afterwards; `None` while what it led to is being
    /// removed.
    pub(super) async fn lead(&self, to: &Replacement) -> Result<Option<Named>> {
        let (store, at) = (self.deciding(), Location::Name(to.uid.clone()));
        for _ in 0..LOOKS {
            let Some(bytes) = store.get(&at).await? else {
                if self.remote.is_none() && matches!(to.target, NameTarget::Added(_)) {
                    self.mark_unpushed(&at).await?;
                }
                let name = Name::create(to.uid.clone(), to.target.clone(), &self.home, &to.nonce)?;
                if store.create(&at, name.bytes()).await? == Created::New {
                    return self.led(store, name, 0).await.map(Some);
                }
                continue;
            };
            let first = Name::parse(&to.uid, bytes)?;
            let log = LogId::Name(to.uid.clone(), first.digest);
            let head = self.last(store, &log).await?;
            let tried = to.tried_behind(first.digest, head);
            let is_ours = match tried {
                Some(behind) => log::find(store, &log, behind..=head, &to.nonce).await?.is_some(),
                None => first.nonce == to.nonce,
            };
            if is_ours {
                return self.led(store, first, head).await.map(Some);
            }
            if self.is_closed(store, &first, head).await? {
                match self.finish_closed(store, &first).await? {
                    true => continue,
                    false => return Ok(None),
                }
            }
            // Where an entry is gone by now, the name was removed in between.
            let Some((before, target)) = self.leads_to(store, &first, head).await? else { continue };
            if target.same(&to.target) {
                return self.led(store, first, head).await.map(Some);
            }
            let place = EntryPlace { uid: &to.uid, first: first.digest, n: head + 1, before };
            let version = Version::create(place, to.target.clone(), to.moved.clone(), false, &self.home, &to.nonce)?;
            let entry = log.entry(head + 1);
            if self.remote.is_none() {
                self.mark_unpushed(&entry).await?;
            }
            if append(store, &version).await? {
                return self.led(store, first, head + 1).await.map(Some);
            }
        }
        Err(contradiction(store, &format!("replace `{}`", to.uid), "it"))
    }

    /// The digest of the last entry, and what the name leads to by it, or is about to; `None` where an entry is gone.
    async fn leads_to(&self, store: &dyn Store, first: &Name, head: u64) -> Result<Option<(Digest, NameTarget)>> {
        let log = LogId::Name(first.uid.clone(), first.digest);
        let mut last = None;
        for n in (1..=head).rev() {
            let Some(version) = self.entry(store, &log, n).await? else { return Ok(None) };
            let before = *last.get_or_insert(version.digest);
            if !version.aside {
                return Ok(Some((before, version.target)));
            }
        }
        Ok(Some((last.unwrap_or(first.digest), first.target.clone())))
    }

    /// Leads a name to content that was `secured`. The same content again changes nothing. What it led to before stays a version
    /// of it. Where the remote refuses to be written, this machine keeps that for itself, marked as unpushed.
    ///
    /// # Errors
    /// Those of the stores; [`ErrorKind::Corrupt`]. The caller holds the local claim of the name.
    pub async fn replace(&self, to: &Replacement, secured: &GcGuard) -> Result<Commit<()>> {
        if self.remote.is_some() && !self.is_refused() && !secured.was_refused() {
            if !self.in_time(secured) {
                return Ok(Commit::Retry(Retry::Now));
            }
            match self.lead(to).await {
                Err(error) if error.kind() == ErrorKind::Denied => {}
                Err(error) => return Err(error),
                Ok(None) => return Ok(Commit::Retry(Retry::Closed(to.uid.clone()))),
                Ok(_) if !self.in_time(secured) => return Ok(Commit::Retry(Retry::Now)),
                Ok(Some(named)) => return self.copy_named(&named).await.map(Commit::Done),
            }
        }
        if self.here().lead(to).await?.is_none() {
            return Ok(Commit::Retry(Retry::Closed(to.uid.clone())));
        }
        if self.remote.is_some() {
            self.refused.store(true, Ordering::Release);
        }
        Ok(Commit::Done(()))
    }

    /// Keeps a copy of what a name leads to at the remote.
    pub(super) async fn copy_named(&self, named: &Named) -> Result<()> {
        self.copy_name(&named.first).await?;
        let log = LogId::Name(named.uid().clone(), named.first.digest);
        let shown = named.version.as_ref().map_or(0, |version| version.n);
        self.copy_entries(&log, shown.saturating_sub(1), named.entries).await
    }

    /// Sends an entry that was made without the remote. Where the name was replaced there meanwhile, it is kept there as a
    /// version that the name does not lead to.
    pub(super) async fn push_version(
        &self,
        at: &Location,
        document: Option<&Digest>,
        secured: &GcGuard,
    ) -> Result<Commit<Pushed>> {
        let Location::Version(uid, first, n) = at else { return Ok(Commit::Done(Pushed::Nothing)) };
        let remote = self.to_push_to()?;
        let Some(bytes) = self.local.get(at).await? else {
            self.local.remove(&at.mark()).await?;
            return Ok(Commit::Done(Pushed::Nothing));
        };
        let here = Version::parse(uid, first, *n, bytes)?;
        if document != Some(&here.digest) || !self.in_time(secured) {
            return Ok(Commit::Retry(Retry::Now));
        }
        if here.is_closing() {
            return Ok(Commit::Done(Pushed::Nothing));
        }
        if let Some(bytes) = self.local.get(&Location::Name(uid.clone())).await?
            && self.is_unpushed(&Document::parse(&Location::Name(uid.clone()), bytes)?.part_of).await?
        {
            let why = format!("what `{uid}` was before is not there yet");
            return Ok(Commit::Done(Pushed::Taken { why }));
        }
        let Some(pushed) = self.place_version(remote, &here).await? else {
            return Ok(Commit::Retry(Retry::Closed(uid.clone())));
        };
        if !self.in_time(secured) {
            return Ok(Commit::Retry(Retry::Now));
        }
        if pushed != Pushed::Sent {
            self.local.remove(at).await?;
        }
        self.local.remove(&at.mark()).await?;
        if pushed != Pushed::Sent {
            self.learn_versions(uid).await?;
        }
        Ok(Commit::Done(pushed))
    }

    /// Whether an entry of this machine follows what the remote has decided, as far as this machine knows: then to create it is to
    /// find out whether somebody else appended one.
    async fn follows_copy(&self, here: &Version) -> Result<bool> {
        let at = match here.n {
            1 => Location::Name(here.uid.clone()),
            n => Location::Version(here.uid.clone(), here.first, n - 1),
        };
        let Some(bytes) = self.local.get(&at).await? else { return Ok(false) };
        let before = Document::parse(&at, bytes)?;
        Ok(before.digest == here.before && !self.is_unpushed(&before.part_of).await?)
    }

    /// Appends an entry that was made without the remote, as it is where nobody appended one meanwhile. `None` while what the name led
    /// to is being removed.
    async fn place_version(&self, remote: &dyn Store, here: &Version) -> Result<Option<Pushed>> {
        if self.follows_copy(here).await? && append(remote, here).await? {
            return Ok(Some(Pushed::Sent));
        }
        let at = Location::Name(here.uid.clone());
        for _ in 0..LOOKS {
            let Some(bytes) = remote.get(&at).await? else {
                // It was removed there: this is as good as new.
                let name = Name::create(here.uid.clone(), here.target.clone(), &here.home, &here.nonce)?;
                if remote.create(&at, name.bytes()).await? == Created::New {
                    self.copy_name(&name).await?;
                    return Ok(Some(Pushed::There));
                }
                continue;
            };
            let first = Name::parse(&here.uid, bytes)?;
            let log = LogId::Name(here.uid.clone(), first.digest);
            let head = self.last(remote, &log).await?;
            match log::find(remote, &log, 1..=head, &here.nonce).await? {
                Some(n) if n == here.n && first.digest == here.first => return Ok(Some(Pushed::Sent)),
                Some(_) => return Ok(Some(Pushed::There)),
                None if first.nonce == here.nonce => return Ok(Some(Pushed::There)),
                None if self.is_closed(remote, &first, head).await? => {
                    match self.finish_closed(remote, &first).await? {
                        true => continue,
                        false => return Ok(None),
                    }
                }
                None => {}
            }
            let Some((before, target)) = self.leads_to(remote, &first, head).await? else { continue };
            if target.same(&here.target) {
                return Ok(Some(Pushed::There));
            }
            let as_it_is = (before, head + 1, first.digest) == (here.before, here.n, here.first);
            // What was pruned here is no version that others would miss.
            if !as_it_is && self.is_pruned(&*self.local, &first, &here.digest).await? {
                return Ok(Some(Pushed::There));
            }
            let place = EntryPlace { uid: &here.uid, first: first.digest, n: head + 1, before };
            let entry = match as_it_is {
                true => here.clone(),
                false => {
                    Version::create(place, here.target.clone(), here.moved.clone(), true, &here.home, &here.nonce)?
                }
            };
            if append(remote, &entry).await? {
                return Ok(Some(if as_it_is { Pushed::Sent } else { Pushed::Aside }));
            }
        }
        Err(contradiction(remote, &format!("replace `{}`", here.uid), "it"))
    }

    /// Removes entries of logs whose name was removed, where somebody died before they went too.
    pub(super) async fn drop_left_over(&self, uid: &Uid) -> Result<()> {
        for store in self.remote.iter().chain([&self.local]) {
            let entries = store.locations(&Prefix::VersionsOf(uid.clone())).await?;
            if entries.is_empty() {
                continue;
            }
            let first = store.get(&Location::Name(uid.clone())).await?;
            let first = first.map(|bytes| Name::parse(uid, bytes)).transpose()?.map(|name| name.digest);
            for at in entries {
                let (Location::Version(_, of, _) | Location::Pruned(_, of, _)) = &at else { continue };
                let is_left = Some(*of) != first;
                if is_left && !self.is_unpushed(&at).await? {
                    store.remove(&at).await?;
                }
            }
        }
        Ok(())
    }

    /// Removes from `store` the entries of a log that was of a name which is gone.
    pub(super) async fn drop_log(&self, store: &dyn Store, log: &LogId) -> Result<()> {
        for at in store.locations(&Prefix::EntriesOf(log.clone())).await? {
            store.remove(&at).await?;
        }
        Ok(())
    }

    /// Whether a target shows a file.
    async fn shows(&self, target: &NameTarget) -> Result<bool> {
        Ok(matches!(target, NameTarget::Added(_)) || self.behind(target).await?.is_some())
    }
}

/// Appends an entry behind the one that it names: whether it is there. Somebody may have removed the name meanwhile: then what was
/// appended is nobody's, and goes.
pub(super) async fn append(store: &dyn Store, version: &Version) -> Result<bool> {
    let log = LogId::Name(version.uid.clone(), version.first);
    if log::attempt(store, &log, version.n, version.bytes(), &version.nonce).await? != Attempt::Ours {
        return Ok(false);
    }
    let bytes = store.get(&log.entry(0)).await?;
    let now = bytes.map(|bytes| Name::parse(&version.uid, bytes)).transpose()?;
    if now.is_some_and(|now| now.digest == version.first) {
        return Ok(true);
    }
    store.remove(&log.entry(version.n)).await?;
    Ok(false)
}

fn number(at: Location) -> Option<u64> {
    match at {
        Location::Version(_, _, n) => Some(n),
        _ => None,
    }
}
