//! What this machine decided without the remote, and how it gets there.
//!
//! - A mark is removed when the remote has decided, and not before: whoever dies in between begins anew, and loses nothing.
//! - The remote decides. A record that lost its key to another's is kept beside that one, under its own digest, so that what
//!   was made from its outputs still says where it comes from.
//! - Content goes before what names it. That is the caller's part: it knows where content is.

use super::{Catalog, Commit, GcGuard, Retry};
use crate::record::{CallDocument, Name, NameTarget, Record};
use crate::{
    CallKey, Created, CreatorName, Digest, Document, Entry, Error, ErrorKind, Location, Prefix, Result, Store,
    StoreExt as _, Uid,
};

/// How a push ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// The remote has it.
    Sent,
    /// The remote had it already.
    There,
    /// The remote has another record for the same call, which counts from now on. Ours is kept beside it.
    Lost,
    /// A replacement of a name that was replaced there meanwhile: kept there as an earlier version of it.
    Aside,
    /// A name belongs to something else there. Of a call the record is kept there, without its names; on this machine it
    /// stays as it is, and unpushed.
    Taken {
        /// To what, in words.
        why: String,
    },
    /// It is not here any more, or never came to be.
    Nothing,
}

/// What is to be pushed before what: what is lower comes first.
pub fn push_rank(at: &Location) -> u8 {
    match at {
        Location::Name(_) => 1,
        Location::Version(..) => 2,
        Location::Repository(_) => 3,
        Location::Branch(..) | Location::Tag(..) => 4,
        Location::BranchEntry(..) => 5,
        _ => 0,
    }
}

impl Catalog {
    /// Where every document is on this machine that the remote has not decided about, sorted: calls, then added files, then what
    /// names were replaced by, in order. Some may never have come to be.
    pub async fn unpushed(&self) -> Result<Vec<Location>> {
        let mut found = Vec::new();
        self.each_unpushed(|at| found.push(at)).await?;
        found.sort_by(|a, b| (push_rank(a), a).cmp(&(push_rank(b), b)));
        Ok(found)
    }

    /// The same in no particular order.
    pub async fn each_unpushed(&self, mut visit: impl FnMut(Location) + Send) -> Result<()> {
        let visit = |entry: Entry| {
            if let Location::Unpushed(of) = entry.location {
                visit(*of);
            }
        };
        self.local.each(&Prefix::Unpushed, visit).await
    }

    /// Marks a document that the remote has not got as unpushed.
    pub async fn mark_unpushed(&self, at: &Location) -> Result<()> {
        self.local.create(&at.mark(), b"").await.map(drop)
    }

    /// Whether the remote has not decided about a document.
    pub async fn is_unpushed(&self, at: &Location) -> Result<bool> {
        Ok(self.local.size(&at.mark()).await?.is_some())
    }

    /// Sends a document to the remote, with its names if it is the record of a call. The content that it refers to was `secured`
    /// there, where it is the `document`; who made it anew meanwhile has to send other content first. The caller holds the local
    /// claims of the call, and of the names.
    ///
    /// # Errors
    /// Those of the stores; [`ErrorKind::Corrupt`] for a document that is damaged.
    pub async fn push_document(
        &self,
        at: &Location,
        document: Option<&Digest>,
        secured: &GcGuard,
    ) -> Result<Commit<Pushed>> {
        if matches!(at, Location::Name(_) | Location::Version(..)) {
            self.push_pruned(at).await?;
        }
        match at {
            Location::Record(creator, key) => self.push_call(creator, key, document, secured).await,
            Location::Name(uid) => self.push_name(uid, document, secured).await,
            Location::Version(..) => self.push_version(at, document, secured).await,
            _ => self.push_plain(at, document, secured).await,
        }
    }

    /// Sends a document that goes by itself, and for whose place nobody else has another.
    async fn push_plain(&self, at: &Location, document: Option<&Digest>, secured: &GcGuard) -> Result<Commit<Pushed>> {
        let remote = self.to_push_to()?;
        let Some(bytes) = self.local.get(at).await? else { return Ok(Commit::Done(Pushed::Nothing)) };
        let here = Document::parse(at, bytes)?;
        if document != Some(&here.digest) || !self.in_time(secured) {
            return Ok(Commit::Retry(Retry::Now));
        }
        if let Some(repository) = at.repository()
            && !self.has_repository(remote, &repository).await?
        {
            let why = "its repository is not there, or another has its name there".to_owned();
            return Ok(Commit::Done(Pushed::Taken { why }));
        }
        for (needed, why) in &here.references.needs {
            let (there, needed) = (remote.get(needed).await?, self.local.get(needed).await?);
            if there.is_none() || there != needed {
                return Ok(Commit::Done(Pushed::Taken { why: why.clone() }));
            }
        }
        for entry in &here.references.index {
            remote.create(entry, b"").await?;
        }
        let pushed = match remote.create(at, &here.bytes).await? {
            Created::New => Pushed::Sent,
            Created::Exists => {
                let there = remote.get(at).await?.map(|bytes| Document::parse(at, bytes)).transpose()?;
                match there.is_some_and(|there| there.meaning == here.meaning) {
                    true => Pushed::There,
                    false => return Ok(Commit::Done(Pushed::Taken { why: here.taken.to_owned() })),
                }
            }
        };
        if !self.in_time(secured) {
            return Ok(Commit::Retry(Retry::Now));
        }
        self.local.remove(&at.mark()).await?;
        Ok(Commit::Done(pushed))
    }

    async fn push_call(
        &self,
        creator: &CreatorName,
        key: &CallKey,
        document: Option<&Digest>,
        secured: &GcGuard,
    ) -> Result<Commit<Pushed>> {
        let remote = self.to_push_to()?;
        let at = Location::Record(creator.clone(), *key);
        let mark = at.mark();
        let Some(CallDocument::Record(record)) = self.kept_here(creator, key).await? else {
            // It was about to give way to what the remote has; or it never came to be, or is about to.
            if remote.size(&at).await?.is_some() {
                self.local.remove(&mark).await?;
            }
            return Ok(Commit::Done(Pushed::Nothing));
        };
        if document != Some(&record.digest) {
            return Ok(Commit::Retry(Retry::Now));
        }
        let lineage = record.lineage()?;
        for digest in lineage.reads() {
            remote.create(&Location::Use(digest, creator.clone(), *key), b"").await?;
        }
        let (mut wanted, mut names) = (Vec::new(), Vec::new());
        for output in lineage.outputs.iter().filter(|output| output.uid.is_chosen()) {
            let Some(bytes) = self.local.get(&Location::Name(output.uid.clone())).await? else { continue };
            let name = Name::parse(&output.uid, bytes)?;
            // What a call only passed on belongs to another.
            if !matches!(&name.target, NameTarget::Output(of) if of.creator == *creator && of.key == *key) {
                continue;
            }
            wanted.push(name.clone());
            match self.create_name(name).await {
                Ok(named) => names.push(named),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    if !self.in_time(secured) {
                        return Ok(Commit::Retry(Retry::Now));
                    }
                    remote.create(&beside(&record), record.bytes()).await?;
                    return Ok(Commit::Done(Pushed::Taken { why: error.to_string() }));
                }
                Err(error) => return Err(error),
            }
        }
        if !self.in_time(secured) {
            return Ok(Commit::Retry(Retry::Now));
        }
        let pushed = match remote.create(&at, record.bytes()).await? {
            Created::New => Pushed::Sent,
            Created::Exists => {
                let bytes = remote.get(&at).await?.ok_or_else(|| {
                    Error::new(ErrorKind::Io, format!("`{}` was removed while it was pushed", at.path()))
                        .with_hint("push again")
                })?;
                let first = CallDocument::parse(creator, key, bytes)?;
                if first.bytes() == record.bytes() {
                    Pushed::There
                } else {
                    self.give_way(&record, &first).await?;
                    Pushed::Lost
                }
            }
        };
        if pushed != Pushed::Lost {
            self.renew_names(&wanted).await?;
        }
        if !self.in_time(secured) {
            // Who slept over it sends the content once more: nobody collects what has a record.
            return Ok(Commit::Retry(Retry::Now));
        }
        for named in &names {
            self.copy_named(named).await?;
        }
        self.local.remove(&mark).await?;
        if pushed == Pushed::Sent {
            self.note_sent(&record).await;
        }
        Ok(Commit::Done(pushed))
    }

    /// Keeps `record` beside `first`, which counts from now on.
    async fn give_way(&self, record: &Record, first: &CallDocument) -> Result<()> {
        let beside = beside(record);
        self.to_push_to()?.create(&beside, record.bytes()).await?;
        self.cache.create(&beside, record.bytes()).await?;
        // Between these two this machine has no record, and asks the remote.
        let at = Location::Record(record.creator.clone(), record.key);
        self.local.remove(&at).await?;
        self.cache.create(&at, first.bytes()).await?;
        Ok(())
    }

    async fn push_name(&self, uid: &Uid, document: Option<&Digest>, secured: &GcGuard) -> Result<Commit<Pushed>> {
        self.to_push_to()?;
        let Some(bytes) = self.local.get(&Location::Name(uid.clone())).await? else {
            return Ok(Commit::Done(Pushed::Nothing));
        };
        let name = Name::parse(uid, bytes)?;
        if document != Some(&name.digest) {
            return Ok(Commit::Retry(Retry::Now));
        }
        let pushed = match self.create_added(name.clone(), secured).await {
            Ok(Commit::Retry(retry)) => return Ok(Commit::Retry(retry)),
            Ok(Commit::Done(there)) if there.first.digest == name.digest => Pushed::Sent,
            Ok(Commit::Done(there)) => {
                // Somebody added the same bytes.
                self.copy_named(&there).await?;
                Pushed::There
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                return Ok(Commit::Done(Pushed::Taken { why: error.to_string() }));
            }
            Err(error) => return Err(error),
        };
        self.local.remove(&Location::Name(uid.clone()).mark()).await?;
        Ok(Commit::Done(pushed))
    }

    pub(super) fn to_push_to(&self) -> Result<&dyn Store> {
        self.remote.as_deref().ok_or_else(|| {
            let message = match self.offline {
                true => "there is nowhere to push to: the lake is offline",
                false => "there is nowhere to push to: the lake has no remote; set DATLAKE_REMOTE to one",
            };
            Error::new(ErrorKind::Config, message)
        })
    }

    /// The record of the call that made `digest` as its output `uid`: the call's record, or one that lost its key to that.
    pub async fn record_that_made(
        &self,
        creator: &CreatorName,
        key: &CallKey,
        uid: &Uid,
        digest: &Digest,
    ) -> Result<Option<Record>> {
        let made = |record: &Record| -> Result<bool> {
            Ok(record.lineage()?.outputs.iter().any(|output| output.uid == *uid && output.digest == *digest))
        };
        self.record_that(creator, key, made).await
    }

    /// The record of the call that returned the value `digest`: the call's record, or one that lost its key to that.
    pub async fn record_that_returned(
        &self,
        creator: &CreatorName,
        key: &CallKey,
        digest: &Digest,
    ) -> Result<Option<Record>> {
        self.record_that(creator, key, |record| Ok(record.value_digest == *digest)).await
    }

    async fn record_that(
        &self,
        creator: &CreatorName,
        key: &CallKey,
        made: impl Fn(&Record) -> Result<bool>,
    ) -> Result<Option<Record>> {
        if let Some(record) = self.record(creator, key).await?
            && made(&record)?
        {
            return Ok(Some(record));
        }
        for at in self.beside(creator, key).await? {
            let bytes = match self.local.get(&at).await? {
                Some(bytes) => Some(bytes),
                None => match &self.remote {
                    Some(remote) => remote.get(&at).await?,
                    None => None,
                },
            };
            let Some(bytes) = bytes else { continue };
            if let Some(record) = CallDocument::parse(creator, key, bytes)?.record()
                && made(&record)?
            {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }

    /// Where the records are that lost the key of a call.
    pub(super) async fn beside(&self, creator: &CreatorName, key: &CallKey) -> Result<Vec<Location>> {
        let prefix = Prefix::SupersededOf(creator.clone(), *key);
        let mut found = self.local.locations(&prefix).await?;
        if let Some(remote) = &self.remote {
            for at in remote.locations(&prefix).await? {
                if !found.contains(&at) {
                    found.push(at);
                }
            }
        }
        Ok(found)
    }
}

fn beside(record: &Record) -> Location {
    Location::Superseded(record.creator.clone(), record.key, record.digest)
}
