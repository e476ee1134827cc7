//! Documents that are damaged: put back from a copy that is whole, or cleared away.
//!
//! - A copy takes the place of what is damaged at the remote only where that still says whose it is: by the digest or the nonce of
//!   the copy, which no other document has. This machine's copies may be those of another remote.
//! - What was removed there left a tombstone, by which it went here too, and does not come back.
//! - What the remote has not decided about is no copy, and takes nobody's place.

use serde::Deserialize;

use super::{Catalog, Unpushed};
use crate::lineage::Person;
use crate::record::{Kept, Name, Target, Tombstone};
use crate::{Created, Digest, Error, ErrorKind, Location, Result, Store, Uid, UidKind, document};

/// What was done about a document that was damaged on one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mended {
    /// What was here is gone: this machine takes the remote's, which has this digest.
    Fetched(Digest),
    /// The remote has it again, by this digest.
    Sent(Digest),
}

/// What one store has of a document.
enum Copy {
    Whole(Document, Vec<u8>),
    Damaged(Vec<u8>),
    None,
}

/// What is told by the document at a place.
struct Document {
    digest: Digest,
    /// What it belongs to, where that may be on one machine only.
    of: Unpushed,
}

impl Catalog {
    /// Puts the record or name at `at` back where it is damaged on one side and whole on the other. `None` where nothing is
    /// damaged, or no copy proves what belongs there. The caller has just [learned removals](Self::learn_removals).
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] where nothing may be removed at the remote; [`ErrorKind::Busy`] where another took the place
    /// meanwhile; those of the stores.
    pub async fn mend(&self, at: &Location) -> Result<Option<Mended>> {
        let Some(remote) = &self.remote else { return Ok(None) };
        match (copy(&*self.local, at).await?, copy(&**remote, at).await?) {
            (Copy::Damaged(_), Copy::Whole(there, _)) if !self.may_be_own(at, &there.of).await? => {
                // It is copied when somebody asks for it.
                self.local.remove(at).await?;
                Ok(Some(Mended::Fetched(there.digest)))
            }
            (Copy::Whole(here, bytes), Copy::Damaged(there))
                if is_left_of(&there, &here, &bytes) && !self.may_be_own(at, &here.of).await? =>
            {
                self.put_back(&**remote, at, &here, &bytes).await?;
                Ok(Some(Mended::Sent(here.digest)))
            }
            _ => Ok(None),
        }
    }

    /// Where the record is of the call that a chosen name points to; `None` for an added file, and where no copy of the name can
    /// be read.
    ///
    /// # Errors
    /// Those of the stores.
    pub async fn behind_name(&self, uid: &Uid) -> Result<Option<Location>> {
        let at = Location::Name(uid.clone());
        for store in [Some(&self.local), self.remote.as_ref()].into_iter().flatten() {
            if let Copy::Whole(Document { of: of @ Unpushed::Call(..), .. }, _) = copy(&**store, &at).await? {
                return Ok(Some(of.document()));
            }
        }
        Ok(None)
    }

    /// Whether the remote may not have decided about what stands at `at` here, and belongs to `of`.
    async fn may_be_own(&self, at: &Location, of: &Unpushed) -> Result<bool> {
        Ok(self.is_unpushed(of).await?
            || match own(at) {
                Some(own) => self.is_unpushed(&own).await?,
                None => false,
            })
    }

    /// Puts a document in the place of what is damaged. From before that goes until the document is there it is marked: whoever
    /// dies in between leaves it to the next push.
    async fn put_back(&self, remote: &dyn Store, at: &Location, here: &Document, bytes: &[u8]) -> Result<()> {
        let mark = here.of.mark();
        self.local.create(&mark, b"").await?;
        match remote.remove(at).await {
            Err(error) if error.kind() == ErrorKind::Denied => {
                self.local.remove(&mark).await?;
                return Err(error);
            }
            removed => removed?,
        };
        let there = match remote.create(at, bytes).await? {
            Created::New => true,
            Created::Exists => remote.get(at).await?.is_some_and(|there| there == bytes),
        };
        if !there {
            let message = format!(
                "`{}` was given to another in {} while it was put back; `datlake push` says what becomes of this one",
                at.path(),
                remote.describe()
            );
            return Err(Error::new(ErrorKind::Busy, message));
        }
        self.local.remove(&mark).await.map(drop)
    }

    /// Clears away what stands in the place of `uid`, and of the call that it comes from, and cannot be read: whether there was
    /// anything. Where what is damaged still says its own digest, a tombstone tells the other machines.
    pub(super) async fn clear_damaged(
        &self,
        uid: &Uid,
        person: &Person,
        now: &str,
        tombstone: &mut impl FnMut() -> String,
    ) -> Result<bool> {
        // Offline nobody knows what the remote has.
        if self.offline {
            return Ok(false);
        }
        let mut places = match uid.kind() {
            UidKind::Output { creator, key, .. } => vec![Location::Record(creator, key)],
            UidKind::Chosen => vec![Location::Name(uid.clone())],
            UidKind::Member { .. } => Vec::new(),
        };
        let mut cleared = false;
        while let Some(at) = places.pop() {
            // The remote first: what goes here would be copied again.
            for (store, is_remote) in self.remote.iter().map(|remote| (remote, true)).chain([(&self.local, false)]) {
                let damaged = match copy(&**store, &at).await? {
                    Copy::Damaged(bytes) => bytes,
                    Copy::Whole(Document { of, .. }, _) => {
                        let behind = of.document();
                        if behind != at && !places.contains(&behind) {
                            places.push(behind);
                        }
                        continue;
                    }
                    Copy::None => continue,
                };
                if let (true, Some(document)) = (is_remote, document::claimed(&damaged)) {
                    let (uid, call) = match &at {
                        Location::Record(creator, key) => (None, Some((creator.clone(), *key))),
                        _ => (Some(uid.clone()), None),
                    };
                    let (person, at) = (person.clone(), now.to_owned());
                    let mark = Tombstone { uid, call, document, person, at };
                    store.create(&Location::Tombstone(tombstone()), &mark.to_bytes()?).await?;
                }
                cleared |= store.remove(&at).await?;
                if let (false, Some(of)) = (is_remote, own(&at)) {
                    self.local.remove(&of.mark()).await?;
                }
            }
        }
        Ok(cleared)
    }
}

/// Whether what is `damaged` was the document `bytes` once.
fn is_left_of(damaged: &[u8], document: &Document, bytes: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Nonced<'a> {
        nonce: &'a str,
    }
    // With its quotes, for one nonce may begin with another.
    let nonce = serde_json::from_slice::<Nonced<'_>>(bytes).ok().filter(|nonced| !nonced.nonce.is_empty());
    let nonce = nonce.map(|nonced| format!("\"{}\"", nonced.nonce));
    let has_nonce = nonce.is_some_and(|nonce| damaged.windows(nonce.len()).any(|part| part == nonce.as_bytes()));
    has_nonce || document::claimed(damaged) == Some(document.digest)
}

/// What a document at `at` is, as far as its place tells.
fn own(at: &Location) -> Option<Unpushed> {
    match at {
        Location::Name(uid) => Some(Unpushed::Added(uid.clone())),
        Location::Record(creator, key) => Some(Unpushed::Call(creator.clone(), *key)),
        _ => None,
    }
}

async fn copy(store: &dyn Store, at: &Location) -> Result<Copy> {
    let Some(bytes) = store.get(at).await? else { return Ok(Copy::None) };
    match parse(at, &bytes) {
        Ok(Some(document)) => Ok(Copy::Whole(document, bytes)),
        Ok(None) => Ok(Copy::None),
        Err(error) if error.kind() == ErrorKind::Corrupt => Ok(Copy::Damaged(bytes)),
        Err(error) => Err(error),
    }
}

/// `None` for what is neither a record nor a name.
fn parse(at: &Location, bytes: &[u8]) -> Result<Option<Document>> {
    Ok(Some(match at {
        Location::Name(uid) => {
            let name = Name::parse(uid, bytes.to_vec())?;
            let of = match name.target {
                Target::Added(_) => Unpushed::Added(uid.clone()),
                Target::Output(of) => Unpushed::Call(of.creator, of.key),
            };
            Document { digest: name.digest, of }
        }
        Location::Record(creator, key) => {
            let of = Unpushed::Call(creator.clone(), *key);
            match Kept::parse(creator, key, bytes.to_vec())? {
                // Its head is not all of it.
                Kept::Record(record) => record.lineage().map(|_| Document { digest: record.digest, of })?,
                Kept::Abandoned(mark) => Document { digest: mark.digest, of },
            }
        }
        _ => return Ok(None),
    }))
}
