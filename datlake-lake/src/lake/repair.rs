//! Healing content from another copy.

use std::collections::HashSet;

use datlake_core::catalog::{FileMeta, Mended};
use datlake_core::document::{Content, Part};
use datlake_core::record::VALUE_OF;
use datlake_core::tree::PackLocations;
use datlake_core::{
    CallKey, CreatorName, Digest, Error, ErrorKind, Location, Prefix, Result, Role, Side, StoreExt as _, Subject, Uid,
    UidKind,
};
use datlake_store::{Pinned, wait};

use super::content::wanted;
use super::{Lake, no_call, refuse_in_body};
use crate::file::File;
use crate::origin::Origin;
use crate::report::{RepairOutcome, Repaired, RepairedItem};

/// What one side has of a piece of content.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Copy {
    Good,
    Bad,
    None,
}

impl Lake {
    /// Heals the content of the file called `uid`, which may be [abbreviated](Lake::resolve), and of the files in it if it is
    /// a tree: from the remote, or from this machine to the remote. Every byte is read. Its documents are healed first, where
    /// one side has a damaged one and the other a copy. Of what nobody has, the answer says
    /// which call to make again: forced, it heals what comes out with the same bytes. `@creator/3f9a27` heals
    /// all that a call left behind, with its return value.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for a file that there is not; those of the stores; [`ErrorKind::Context`] in a body.
    ///
    /// ```
    /// use datlake::{Lake, report::RepairOutcome};
    /// let lake = Lake::temp()?;
    /// lake.add_bytes("greetings/en.txt", b"hello")?;
    /// assert_eq!(lake.repair("greetings/en.txt")?.items[0].outcome, RepairOutcome::Intact);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn repair(&self, uid: &str) -> Result<Repaired> {
        refuse_in_body("repair a file")?;
        if let Some(at) = Location::parse(uid).filter(|at| at.role() == Role::Root) {
            return self.repair_document(&at, None);
        }
        if let Some((creator, key)) = self.resolve_call(uid)? {
            return self.repair_document(&Location::Record(creator.clone(), key), Some((creator, key)));
        }
        let mut uid = self.resolve(uid)?;
        if let UidKind::Member { tree, .. } = uid.kind() {
            uid = tree;
        }
        let at = Location::of_file(&uid);
        let mut items = wait(self.mend(at.clone()))?;
        let file = self.file(uid.as_str())?;
        self.heal_all(&at, vec![Content::of(&known(&file, &uid))], &mut items)?;
        let call = match file.lineage()? {
            Origin::Call(lineage) => Some((lineage.creator, lineage.key)),
            Origin::Added(_) => None,
        };
        Ok(Repaired { uid: uid.to_string(), items, call })
    }

    /// Heals a document, and all content that it refers to.
    fn repair_document(&self, at: &Location, call: Option<(CreatorName, CallKey)>) -> Result<Repaired> {
        let mut items = wait(self.mend(at.clone()))?;
        let document = wait(self.catalog().document(at))?.filter(|document| !document.is_mark);
        let document = document.ok_or_else(|| match &call {
            Some((creator, key)) => no_call(creator, key),
            None => Error::new(ErrorKind::NotFound, format!("the lake has no document `{}`", at.path())),
        })?;
        self.heal_all(at, document.references.content, &mut items)?;
        let uid = match &call {
            Some((creator, key)) => Uid::output(creator, key, 0).to_string(),
            None => at.path(),
        };
        Ok(Repaired { uid, items, call })
    }

    /// Heals content that the document at `root` refers to, and what it refers to.
    fn heal_all(&self, root: &Location, mut contents: Vec<Content>, items: &mut Vec<RepairedItem>) -> Result<()> {
        contents.reverse();
        let is_shared = wait(self.is_shared(root))?;
        while let Some(mut content) = contents.pop() {
            if content.part == Part::Extra && wait(self.size_of(&content.digest))?.is_none() {
                continue;
            }
            if !items.iter().any(|item| item.digest == content.digest) {
                items.push(wait(self.heal(&content, is_shared))?);
            }
            if content.is_range() {
                self.heal_packs(&content.digest, is_shared, items)?;
            }
            // Only what is whole says what else there is.
            if !items.iter().any(|item| item.digest == content.digest && item.is_missing()) && content.reads.is_some() {
                contents.extend(self.references_of(&mut content)?.into_iter().rev());
            }
        }
        Ok(())
    }

    /// Heals the packs in which files of a range rest, and what leads to them. What cannot be healed so is healed file by file.
    fn heal_packs(&self, range: &Digest, is_shared: bool, items: &mut Vec<RepairedItem>) -> Result<()> {
        let mut places = HashSet::new();
        for store in [Some(&self.catalog().local), self.catalog().remote.as_ref()].into_iter().flatten() {
            places.extend(wait(store.locations(&Prefix::LocationsOf(*range)))?);
        }
        for at in &places {
            items.extend(wait(self.mend_attached(at))?);
        }
        wait(self.local_view().locations_there(range))?;
        for locations in self.local_view().locations_here(range)?.iter() {
            let pack = locations.content();
            if !items.iter().any(|item| item.digest == pack.digest) {
                let item = wait(self.heal(&pack, is_shared))?;
                items.extend((!item.is_missing()).then_some(item));
            }
            wait(self.send_locations(std::slice::from_ref(locations)))?;
        }
        Ok(())
    }

    /// Puts locations back where they are damaged on one side. Any that can be read are as good: what they lead to is verified.
    async fn mend_attached(&self, at: &Location) -> Result<Option<RepairedItem>> {
        let (Some((range, pack)), Some(remote)) = (at.attached(), &self.catalog().remote) else { return Ok(None) };
        let (here, there) = (self.catalog().local.get(at).await?, remote.get(at).await?);
        let is_whole = |bytes: &Vec<u8>| PackLocations::parse(&range, &pack, bytes).is_ok();
        let outcome = match (&here, &there) {
            (Some(here), Some(there)) if is_whole(here) && !is_whole(there) => {
                remote.remove(at).await?;
                remote.create(at, here).await?;
                RepairOutcome::Sent
            }
            (Some(here), Some(there)) if !is_whole(here) && is_whole(there) => {
                self.catalog().local.remove(at).await?;
                RepairOutcome::Fetched
            }
            _ => return Ok(None),
        };
        let digest = Digest::of(&[here, there].into_iter().flatten().find(is_whole).unwrap_or_default());
        Ok(Some(RepairedItem { what: format!("the document `{}`", at.path()), digest, outcome, elsewhere: None }))
    }

    /// Puts a document, and those that it needs, back where they are damaged on one side: what was done.
    async fn mend(&self, at: Location) -> Result<Vec<RepairedItem>> {
        if self.catalog().remote.is_none() {
            return Ok(Vec::new());
        }
        // What was removed elsewhere meanwhile is not to come back.
        self.learn_removals().await?;
        let (mut open, mut done) = (vec![at], Vec::new());
        while let Some(at) = open.pop() {
            let mended = match self.catalog().mend(&at).await? {
                Some(Mended::Fetched(digest)) => Some((digest, RepairOutcome::Fetched)),
                Some(Mended::Sent(digest)) => Some((digest, RepairOutcome::Sent)),
                None => None,
            };
            if let Some((digest, outcome)) = mended {
                self.forget_remembered();
                let what = format!("the document `{}`", at.path());
                done.push(RepairedItem { what, digest, outcome, elsewhere: None });
            }
            open.extend(self.catalog().needs_of(&at).await?);
        }
        Ok(done)
    }

    /// Whether the content of the document at `root` belongs at the remote: also where that refused something earlier.
    async fn is_shared(&self, root: &Location) -> Result<bool> {
        match &self.catalog().remote {
            Some(remote) if self.catalog().is_refused() => Ok(remote.size(root).await?.is_some()),
            remote => Ok(remote.is_some()),
        }
    }

    async fn heal(&self, content: &Content, is_shared: bool) -> Result<RepairedItem> {
        let Content { digest, size, what, .. } = content.clone();
        // First of all: who evicts trusts the size of what the remote has, and reading takes a while.
        let pinned = self.local_view().pin(&digest);
        let request = wanted(content, size.unwrap_or(0), &|_| {});
        let here = match &pinned {
            None if content.range.is_some() => self.local_view().read_wanted(Side::Local, request).await?,
            pinned => pinned.as_ref().map(Pinned::read_through).transpose()?,
        };
        let there = self.local_view().read_wanted(Side::Remote, request).await?;
        let (here, there) = (Copy::of(here, &digest), Copy::of(there, &digest));
        let at = Location::Blob(digest);
        let outcome = match (here, there) {
            (Copy::Good, Copy::Good) => RepairOutcome::Intact,
            (Copy::Good, Copy::None) if !is_shared => RepairOutcome::Intact,
            (Copy::Good, damaged) => {
                let _sends = self.sends([(digest, what.clone())]);
                if content.range.is_some() {
                    self.local_view().own(request).await?;
                }
                if let Some(pinned) = pinned.or_else(|| self.local_view().pin(&digest)).as_ref() {
                    let damaged = damaged == Copy::Bad && self.has_blob_there(&digest).await?;
                    self.local_view().heal_remote(&digest, pinned, damaged).await.map_err(|e| not_allowed(e, &what))?;
                }
                RepairOutcome::Sent
            }
            (damaged, Copy::Good) => {
                if damaged == Copy::Bad {
                    self.catalog().local.remove(&at).await?;
                }
                let size = match size {
                    Some(size) => size,
                    None => self.size_of(&digest).await?.unwrap_or(0),
                };
                self.local_view().fetch_by_itself(wanted(content, size, &|_| {})).await?;
                RepairOutcome::Fetched
            }
            _ if self.is_offline() => RepairOutcome::Unasked,
            _ => match self.local_view().elsewhere(&digest) {
                Some(there) => {
                    let elsewhere = Some(there.to_string());
                    return Ok(RepairedItem { what, digest, outcome: RepairOutcome::Elsewhere, elsewhere });
                }
                None => RepairOutcome::Lost,
            },
        };
        Ok(RepairedItem { what, digest, outcome, elsewhere: None })
    }
}

impl Lake {
    /// Whether the remote has content as a blob of its own.
    async fn has_blob_there(&self, digest: &Digest) -> Result<bool> {
        let Some(remote) = &self.catalog().remote else { return Ok(false) };
        Ok(remote.size(&Location::Blob(*digest)).await?.is_some())
    }
}

impl Copy {
    fn of(found: Option<(Digest, u64)>, digest: &Digest) -> Self {
        match found {
            Some((found, _)) if found == *digest => Self::Good,
            Some(_) => Self::Bad,
            None => Self::None,
        }
    }
}

/// What to do where the remote may not be healed from here.
fn not_allowed(error: Error, what: &str) -> Error {
    if error.kind() != ErrorKind::Denied {
        return error;
    }
    error.with_hint(format!(
        "`{what}` is whole on this machine; repair it from here with a right to write to the remote"
    ))
}

fn known(file: &File, uid: &Uid) -> FileMeta {
    let (name, tree) = (file.name().to_owned(), file.is_tree());
    FileMeta { uid: uid.clone(), name, digest: file.digest(), size: file.len(), tree }
}

impl RepairedItem {
    /// Whether no whole copy was found.
    fn is_missing(&self) -> bool {
        matches!(self.outcome, RepairOutcome::Lost | RepairOutcome::Unasked | RepairOutcome::Elsewhere)
    }
}

impl Repaired {
    /// What to say where no whole copy was found of something; `Ok` otherwise.
    ///
    /// # Errors
    /// [`ErrorKind::MissingBlob`], which says what to do.
    pub fn healed(&self) -> Result<()> {
        let missing: Vec<_> = self.items.iter().filter(|item| item.is_missing()).collect();
        // What is lost comes first.
        let lost = missing.iter().find(|item| item.outcome == RepairOutcome::Lost);
        let Some(first) = lost.or(missing.first()) else { return Ok(()) };
        let what = if missing.len() == 1 {
            format!("the content of `{}`", first.what)
        } else {
            format!("the content of `{}` and {} more", first.what, missing.len() - 1)
        };
        let error = |why: &str| {
            Error::new(ErrorKind::MissingBlob, format!("{what} {why}")).about(Subject::Digest(first.digest))
        };
        if first.outcome == RepairOutcome::Unasked {
            let why = "is not whole on this machine, and the remote was not asked, since the lake is offline";
            return Err(error(why).with_hint("repair it again when it is not"));
        }
        if let Some(there) = &first.elsewhere {
            let error = error(&format!("is not whole here, but {there}"));
            return Err(error.with_hint("make that the remote, by DATLAKE_REMOTE or `datlake config set remote`"));
        }
        let cure = match &self.call {
            Some((creator, key)) if first.what.starts_with(VALUE_OF) => {
                format!("remove call {creator}/{}, and make it again", key.short())
            }
            Some((creator, key)) => format!(
                "make call {creator}/{} again, as `{}::call(…).force()`, and then repair it again: with the same bytes that heals this, with others it says so and changes nothing",
                key.short(),
                creator.as_str().rsplit(':').next().unwrap_or_default()
            ),
            None => format!("add the same bytes as `{0}` again, and then repair `{0}` again", self.uid),
        };
        Err(error("is lost: no copy is whole").with_hint(cure))
    }
}
