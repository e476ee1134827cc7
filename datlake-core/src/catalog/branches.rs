//! Repositories: documents that are there or not, and branches, which are led on by their logs.
//!
//! - The store that decides is asked: copies on this machine say nothing of what there is, and of entries what they are.
//! - A repository's document is created before anything of it, and removed before. So what belongs to no repository is left over, and
//!   goes with a collection. So it is with a branch and the entries of its log.
//! - An entry is created behind the one that was read, by whoever knows all before it. After that the branch is looked at once more:
//!   where it was deleted meanwhile, what was created is nobody's.
//! - Offline, nothing is created: the remote's log alone is numbered truth.

use std::ops::RangeInclusive;

use super::{Catalog, Commit, GcGuard, Retry, convenience};
use crate::log::{self, Attempt};
use crate::repository::{
    BranchDocument, BranchEntry, BranchName, BranchState, EntryKind, RepositoryDocument, RepositoryName,
};
use crate::store::{LOOKS, contradiction};
use crate::version::Moved;
use crate::{Created, Digest, Error, ErrorKind, Location, LogId, Prefix, Result, StoreExt as _};

/// What became of an attempt to append to a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It is there: what the branch has now.
    Done(Box<BranchState>),
    /// Somebody else appended an entry there: the branch is to be read again.
    Moved,
    /// The branch was deleted meanwhile.
    Gone,
}

/// Who appends, and when.
#[derive(Clone, Debug)]
pub struct Author {
    /// What nobody else writes.
    pub nonce: String,
    /// The person.
    pub by: Moved,
}

impl Catalog {
    /// The document of a repository, and its incarnation.
    ///
    /// # Errors
    /// Those of the stores; [`ErrorKind::Corrupt`].
    pub async fn repository(&self, name: &RepositoryName) -> Result<Option<(RepositoryDocument, Digest)>> {
        let bytes = self.deciding().get(&Location::Repository(name.clone())).await?;
        bytes.map(|bytes| RepositoryDocument::parse(name, &bytes)).transpose()
    }

    /// The document of a branch of a repository, and its digest.
    ///
    /// # Errors
    /// As [`repository`](Self::repository).
    pub async fn branch(&self, repository: &Digest, name: &BranchName) -> Result<Option<(BranchDocument, Digest)>> {
        let bytes = self.deciding().get(&Location::Branch(*repository, name.clone())).await?;
        bytes.map(|bytes| BranchDocument::parse(repository, name, &bytes)).transpose()
    }

    /// Where something is of a repository that begins as `prefix`, at the store that decides.
    ///
    /// # Errors
    /// Those of the stores.
    pub async fn listed(&self, prefix: &Prefix) -> Result<Vec<Location>> {
        self.deciding().locations(prefix).await
    }

    /// The bytes of a document at the store that decides.
    ///
    /// # Errors
    /// Those of the stores.
    pub async fn decided(&self, at: &Location) -> Result<Option<Vec<u8>>> {
        self.deciding().get(at).await
    }

    /// Creates the document of a repository, a branch or a tag, whose content was `secured`: whether it is ours.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] offline; those of the stores.
    pub async fn create_ref(&self, at: &Location, bytes: &[u8], secured: &GcGuard) -> Result<Commit<bool>> {
        self.check_online("create")?;
        if !self.in_time(secured) {
            return Ok(Commit::Retry(Retry::Now));
        }
        self.mark_without_remote(at).await?;
        let store = self.deciding();
        let mut is_ours = false;
        for look in 0.. {
            if store.create(at, bytes).await? == Created::New {
                is_ours = true;
                break;
            }
            match store.get(at).await? {
                Some(there) => {
                    is_ours = there == bytes;
                    break;
                }
                None if look < LOOKS => {}
                None => return Err(contradiction(store, &format!("create `{}`", at.path()), "it")),
            }
        }
        // Who slept over it sees to its content once more: nobody collects what has a name.
        if is_ours && !self.in_time(secured) {
            return Ok(Commit::Retry(Retry::Now));
        }
        Ok(Commit::Done(is_ours))
    }

    /// Notes that content is a commit of a repository, before anything of it leads there.
    ///
    /// # Errors
    /// As [`create_ref`](Self::create_ref).
    pub async fn mark_commit(&self, repository: &Digest, id: &Digest) -> Result<()> {
        self.check_online("commit")?;
        self.deciding().create(&Location::CommitMark(*repository, *id), b"").await.map(drop)
    }

    /// Removes what is at `at` from the store that decides, and from this machine: whether it was there.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] offline; those of the stores.
    pub async fn remove_ref(&self, at: &Location) -> Result<bool> {
        self.check_online("delete")?;
        let removed = self.deciding().remove(at).await?;
        if self.remote.is_some() {
            self.local.remove(at).await?;
        }
        self.local.remove(&at.mark()).await?;
        Ok(removed)
    }

    /// Removes all that is left of what was removed: of a log, or of a repository.
    ///
    /// # Errors
    /// As [`remove_ref`](Self::remove_ref).
    pub async fn remove_below(&self, prefix: &Prefix) -> Result<()> {
        let mut all = self.deciding().locations(prefix).await?;
        if self.remote.is_some() {
            all.extend(self.local.locations(prefix).await?);
        }
        for at in all {
            self.remove_ref(&at).await?;
        }
        Ok(())
    }

    /// What a branch has now; `None` where there is none. What is `known` of it from before is not read again.
    ///
    /// # Errors
    /// Those of the stores; [`ErrorKind::Corrupt`].
    pub async fn branch_state(
        &self,
        repository: &Digest,
        name: &BranchName,
        known: Option<BranchState>,
    ) -> Result<Option<BranchState>> {
        for _ in 0..LOOKS {
            let Some((document, first)) = self.branch(repository, name).await? else { return Ok(None) };
            let log = LogId::Branch(*repository, name.clone(), first);
            let known = known.clone().filter(|known| known.log == log);
            if let Some(state) = self.read_branch(&log, &document, known).await? {
                return Ok(Some(state));
            }
        }
        Err(contradiction(self.deciding(), &format!("read the branch `{name}`"), "its log"))
    }

    /// `None` where an entry is gone by now: the branch was deleted in between.
    async fn read_branch(
        &self,
        log: &LogId,
        document: &BranchDocument,
        known: Option<BranchState>,
    ) -> Result<Option<BranchState>> {
        let from = known.as_ref().map_or(0, |known| known.n);
        let hint = if from > 0 { from } else { self.decided_here(log).await? };
        let last = log::last(self.deciding(), log, hint).await?;
        if let Some(state) = known
            && let Some(state) = self.read_on(state, last).await?
        {
            return Ok(Some(state));
        }
        // From the end, as far as is needed.
        let (mut entries, mut known_at, mut n) = (Vec::new(), None, last);
        while n > known_at.unwrap_or(0) {
            let Some((entry, digest)) = self.branch_entry(log, n).await? else { return Ok(None) };
            known_at = known_at.or(match &entry.what {
                EntryKind::Changes(_) => None,
                EntryKind::Commit { through, .. } => Some(*through),
                EntryKind::State(_) => Some(n - 1),
            });
            entries.push((entry, digest));
            n -= 1;
        }
        Ok(Some(folded(log, document, entries)?))
    }

    /// What a branch has at the entry `last`; `None` where more is to be read for that than what comes after `state`.
    async fn read_on(&self, mut state: BranchState, last: u64) -> Result<Option<BranchState>> {
        // From a state far behind it is as well read anew.
        if last > state.n + 1000 {
            return Ok(None);
        }
        while state.n < last {
            let Some((entry, digest)) = self.branch_entry(&state.log, state.n + 1).await? else { return Ok(None) };
            follows(&state.log, &entry, state.digest)?;
            let Some(next) = state.after(entry, digest) else { return Ok(None) };
            state = next;
        }
        Ok(Some(state))
    }

    /// The number of an entry that this machine has, and the store that decides has, too.
    async fn decided_here(&self, log: &LogId) -> Result<u64> {
        let mut known = 0;
        if self.remote.is_some() {
            for at in self.local.locations(&Prefix::EntriesOf(log.clone())).await? {
                let n = at.entry_of().map_or(0, |(_, n)| n);
                if n > known && !self.is_unpushed(&at).await? {
                    known = n;
                }
            }
        }
        Ok(known)
    }

    /// An entry of the log of a branch, as the store that decides has it.
    async fn branch_entry(&self, log: &LogId, n: u64) -> Result<Option<(BranchEntry, Digest)>> {
        let at = log.entry(n);
        let Some(remote) = &self.remote else {
            let bytes = self.local.get(&at).await?;
            return bytes.map(|bytes| BranchEntry::parse(log, n, &bytes)).transpose();
        };
        if let Some(bytes) = self.local.get(&at).await?
            && !self.is_unpushed(&at).await?
        {
            return BranchEntry::parse(log, n, &bytes).map(Some);
        }
        let Some(bytes) = remote.get(&at).await? else { return Ok(None) };
        let entry = BranchEntry::parse(log, n, &bytes)?;
        if !self.is_unpushed(&at).await? {
            convenience(self.cache.create(&at, &bytes).await)?;
        }
        Ok(Some(entry))
    }

    /// The first among some entries of a branch's log whose nonce `is_it`: who is to put something once looks first whether it was put.
    ///
    /// # Errors
    /// Those of the stores; [`ErrorKind::Corrupt`].
    pub async fn entry_by(
        &self,
        log: &LogId,
        among: RangeInclusive<u64>,
        is_it: &(dyn Fn(&str) -> bool + Sync),
    ) -> Result<Option<BranchEntry>> {
        for n in among {
            if let Some((entry, _)) = self.branch_entry(log, n).await?
                && is_it(&entry.nonce)
            {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// Appends to a branch behind what was read of it. What the entry refers to was `secured`. Who tries again with what was read then
    /// appends nothing twice.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] offline; those of the stores; [`ErrorKind::Corrupt`].
    pub async fn append(
        &self,
        state: &BranchState,
        what: EntryKind,
        author: &Author,
        secured: &GcGuard,
    ) -> Result<Commit<Appended>> {
        self.check_online("change a branch")?;
        let (log, n) = (&state.log, state.n + 1);
        let (nonce, by) = (author.nonce.clone(), author.by.clone());
        let entry = BranchEntry { nonce, n, before: state.digest, by, what };
        let (bytes, digest) = entry.to_bytes()?;
        if !self.in_time(secured) {
            return Ok(Commit::Retry(Retry::Now));
        }
        let at = log.entry(n);
        self.mark_without_remote(&at).await?;
        match log::attempt(self.deciding(), log, n, &bytes, &author.nonce).await? {
            Attempt::Ours => {}
            Attempt::Another => return Ok(Commit::Done(Appended::Moved)),
            Attempt::Gone => return Ok(Commit::Done(Appended::Gone)),
        }
        // Somebody may have deleted the branch meanwhile: then what was appended is nobody's.
        if !self.is_begun(log).await? {
            self.remove_ref(&at).await?;
            return Ok(Commit::Done(Appended::Gone));
        }
        if !self.in_time(secured) {
            return Ok(Commit::Retry(Retry::Now));
        }
        Ok(Commit::Done(
            state.clone().after(entry, digest).map_or(Appended::Moved, |state| Appended::Done(state.into())),
        ))
    }

    /// Whether the branch is still there that a log is of.
    async fn is_begun(&self, log: &LogId) -> Result<bool> {
        let LogId::Branch(repository, name, first) = log else { return Ok(false) };
        Ok(self.branch(repository, name).await?.is_some_and(|(_, digest)| digest == *first))
    }

    /// What is created without a remote is marked before it is there.
    async fn mark_without_remote(&self, at: &Location) -> Result<()> {
        match self.remote.is_none() {
            true => self.mark_unpushed(at).await,
            false => Ok(()),
        }
    }

    fn check_online(&self, what: &str) -> Result<()> {
        if !self.offline {
            return Ok(());
        }
        let message = format!("cannot {what} offline: a repository is changed where the others see it");
        Err(Error::new(ErrorKind::Unavailable, message))
    }
}

/// What a branch has after these entries, the last first, which begin where its state is known.
fn folded(log: &LogId, document: &BranchDocument, entries: Vec<(BranchEntry, Digest)>) -> Result<BranchState> {
    let mut state = BranchState::created(log.clone(), document.commit);
    let Some((first, _)) = entries.last() else { return Ok(state) };
    let mut before = if first.n == 1 { log.first() } else { first.before };
    // The changes behind what a commit covers are read, and nothing before them.
    let anchor = entries.iter().find(|(entry, _)| !matches!(entry.what, EntryKind::Changes(_)));
    if let Some((BranchEntry { what: EntryKind::Commit { through, .. }, .. }, _)) = anchor {
        state.tree_at = *through;
    }
    (state.n, state.digest) = (first.n - 1, before);
    let anchor = anchor.map(|(entry, _)| entry.n);
    for (entry, digest) in entries.into_iter().rev() {
        follows(log, &entry, before)?;
        before = digest;
        let is_known = matches!(entry.what, EntryKind::Changes(_)) || anchor == Some(entry.n);
        if !is_known {
            // A checkpoint before the commit that says it all.
            if entry.is_barrier() {
                return Err(damaged(log, entry.n, "it covers what was committed or discarded before"));
            }
            (state.n, state.digest) = (entry.n, digest);
            continue;
        }
        let n = entry.n;
        state = state.after(entry, digest).ok_or_else(|| damaged(log, n, "it covers what is not there"))?;
    }
    Ok(state)
}

fn follows(log: &LogId, entry: &BranchEntry, before: Digest) -> Result<()> {
    match entry.before == before {
        true => Ok(()),
        false => Err(damaged(log, entry.n, "it does not follow the one before it")),
    }
}

fn damaged(log: &LogId, n: u64, why: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("the entry `{}` of a branch is damaged: {why}", log.entry(n).path()))
}
