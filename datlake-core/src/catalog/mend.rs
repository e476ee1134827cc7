//! Documents that are damaged: put back from a copy that is whole, or cleared away.
//!
//! - A copy takes the place of what is damaged at the remote only where that still says whose it is: by the digest or the nonce of
//!   the copy, which no other document has. This machine's copies may be those of another remote.
//! - What was removed there left a tombstone, by which it went here too, and does not come back.
//! - What the remote has not decided about is no copy, and replaces nothing.

use serde::Deserialize;

use super::Catalog;
use crate::document::envelope::claimed;
use crate::lineage::Person;
use crate::record::Tombstone;
use crate::{Created, Digest, Document, Error, ErrorKind, Location, Result, Store, Uid, UidKind};

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
    Whole(Box<Document>),
    Damaged(Vec<u8>),
    None,
}

impl Catalog {
    /// Puts the document at `at` back where it is damaged on one side and whole on the other. `None` where nothing is
    /// damaged, or no copy proves what belongs there. The caller has just [learned removals](Self::learn_removals).
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] where nothing may be removed at the remote; [`ErrorKind::Busy`] where another took the place
    /// meanwhile; those of the stores.
    pub async fn mend(&self, at: &Location) -> Result<Option<Mended>> {
        let Some(remote) = &self.remote else { return Ok(None) };
        match (copy(&*self.local, at).await?, copy(&**remote, at).await?) {
            (Copy::Damaged(_), Copy::Whole(there)) if !self.may_be_own(&there).await? => {
                // It is copied when somebody asks for it.
                self.local.remove(at).await?;
                Ok(Some(Mended::Fetched(there.digest)))
            }
            (Copy::Whole(here), Copy::Damaged(there))
                if is_left_of(&there, &here) && !self.may_be_own(&here).await? =>
            {
                self.put_back(&**remote, &here).await?;
                Ok(Some(Mended::Sent(here.digest)))
            }
            _ => Ok(None),
        }
    }

    /// Where the documents are without which the one at `at` shows nothing, as the record of a call for the names of its outputs;
    /// none where no copy of it can be read.
    pub async fn needs_of(&self, at: &Location) -> Result<Vec<Location>> {
        for store in [Some(&self.local), self.remote.as_ref()].into_iter().flatten() {
            if let Copy::Whole(document) = copy(&**store, at).await? {
                return Ok(document.references.needs.into_iter().map(|(at, _)| at).collect());
            }
        }
        Ok(Vec::new())
    }

    /// Whether the remote may not have decided about a document that is here.
    async fn may_be_own(&self, document: &Document) -> Result<bool> {
        Ok(self.is_unpushed(&document.part_of).await? || self.is_unpushed(&document.at).await?)
    }

    /// Puts a document in the place of what is damaged. From before that goes until the document is there it is marked: whoever
    /// dies in between leaves it to the next push.
    async fn put_back(&self, remote: &dyn Store, Document { at, bytes, part_of, .. }: &Document) -> Result<()> {
        let mark = part_of.mark();
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
            Created::Exists => remote.get(at).await?.is_some_and(|there| there == *bytes),
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
            UidKind::Member { .. } | UidKind::Committed { .. } => Vec::new(),
            _ => vec![Location::of_file(uid)],
        };
        let mut cleared = false;
        while let Some(at) = places.pop() {
            // The remote first: what goes here would be copied again.
            for (store, is_remote) in self.remote.iter().map(|remote| (remote, true)).chain([(&self.local, false)]) {
                let damaged = match copy(&**store, &at).await? {
                    Copy::Damaged(bytes) => bytes,
                    Copy::Whole(document) => {
                        let part_of = document.part_of;
                        if part_of != at && !places.contains(&part_of) {
                            places.push(part_of);
                        }
                        continue;
                    }
                    Copy::None => continue,
                };
                if let (true, Some(document)) = (is_remote, claimed(&damaged)) {
                    let (uid, call) = match &at {
                        Location::Record(creator, key) => (None, Some((creator.clone(), *key))),
                        _ => (Some(uid.clone()), None),
                    };
                    let (person, at) = (person.clone(), now.to_owned());
                    let mark = Tombstone { uid, call, document, person, at };
                    store.create(&Location::Tombstone(tombstone()), &mark.to_bytes()?).await?;
                }
                cleared |= store.remove(&at).await?;
                if !is_remote {
                    self.local.remove(&at.mark()).await?;
                }
            }
        }
        Ok(cleared)
    }
}

/// Whether what is `damaged` was the document once.
fn is_left_of(damaged: &[u8], document: &Document) -> bool {
    #[derive(Deserialize)]
    struct Nonced<'a> {
        nonce: &'a str,
    }
    // With its quotes, for one nonce may begin with another.
    let nonce = serde_json::from_slice::<Nonced<'_>>(&document.bytes).ok().filter(|nonced| !nonced.nonce.is_empty());
    let nonce = nonce.map(|nonced| format!("\"{}\"", nonced.nonce));
    let has_nonce = nonce.is_some_and(|nonce| damaged.windows(nonce.len()).any(|part| part == nonce.as_bytes()));
    has_nonce || claimed(damaged) == Some(document.digest)
}

async fn copy(store: &dyn Store, at: &Location) -> Result<Copy> {
    let Some(bytes) = store.get(at).await? else { return Ok(Copy::None) };
    match Document::parse(at, bytes.clone()) {
        Ok(document) => Ok(Copy::Whole(document.into())),
        Err(error) if error.kind() == ErrorKind::Corrupt => Ok(Copy::Damaged(bytes)),
        Err(error) => Err(error),
    }
}
