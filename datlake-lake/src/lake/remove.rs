//! Removing with eyes open: what would go, what was made from it, and then that it goes.

use std::collections::{BTreeSet, HashSet};

use datlake_core::document::Part;
use datlake_core::{Digest, Error, ErrorKind, Location, Result, Subject, Uid, UidKind};
use datlake_store::{FileLock, LockAttempt, wait};

use super::query::{Bounds, Read, file_of};
use super::{Lake, claim_of, each, is_damage, no_call, refuse_in_body};
use crate::file::File;
use crate::origin::Origin;
use crate::report::{Damage, Removable, Removal};

/// So much may go at once.
const MOST: usize = 1_000_000;
/// After how many it is looked whether any could not go.
const STEP: usize = 64;

/// What names it to the catalog.
fn handle(one: &Removable) -> Option<Uid> {
    match (&one.name, &one.call) {
        (Some(name), _) => Some(name.clone()),
        (None, Some((creator, key))) => Some(Uid::output(creator, key, 0)),
        (None, None) => one.files.first().cloned(),
    }
}

/// How people call it.
fn address(one: &Removable) -> String {
    match (one.files.first(), &one.call) {
        (Some(uid), _) => uid.to_string(),
        (None, Some((creator, key))) => format!("@{creator}/{}", key.short()),
        (None, None) => String::new(),
    }
}

/// Why a removal is refused without `cascade`; `None` where nothing was made from what was asked for.
fn in_use(removal: &Removal) -> Option<String> {
    let calls = removal.downstream.iter().filter_map(|one| one.call.as_ref());
    let mut names: Vec<String> = calls.map(|(creator, key)| format!("{creator}/{}", key.short())).collect();
    let asked: BTreeSet<&str> = removal.asked.iter().flat_map(|one| &one.files).map(Uid::as_str).collect();
    let (trees, calls): (Vec<_>, Vec<_>) = removal.damaged.iter().partition(|damage| asked.contains(&*damage.what));
    names.extend(calls.into_iter().map(|damage| damage.what.clone()));
    let of = removal.asked.first().map(address).unwrap_or_default();
    let more = match removal.asked.len() {
        0 | 1 => String::new(),
        many => format!(" and {} more", many - 1),
    };
    let why = match (&*names, &*trees) {
        ([], []) => return None,
        ([], [Damage { what, error }, ..]) => {
            format!("what was made from `{what}` is not known, because it cannot be read ({error})")
        }
        ([one], _) => format!("call {one} reads what would go, or what was made from it"),
        (many, _) => {
            format!("{} calls, such as {}, read what would go, or what was made from it", many.len(), many[0])
        }
    };
    Some(format!("cannot remove `{of}`{more}: {why}"))
}

impl Lake {
    /// Removes the file called `uid`. Of a call's output, the call is forgotten with everything it returned: it would run
    /// again. Returns the UIDs that are gone; none if there was no such file. Content stays until it is collected.
    ///
    /// # Errors
    /// [`ErrorKind::Context`] in a body.
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// lake.add_bytes("a.txt", "first")?;
    /// assert_eq!(lake.remove("a.txt")?.len(), 1);
    /// lake.add_bytes("a.txt", "second")?; // the name is free again
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn remove(&self, uid: &str) -> Result<Vec<Uid>> {
        refuse_in_body("remove a file")?;
        let uid: Uid = uid.parse()?;
        let (person, at) = (self.provenance().person()?, crate::provenance::now());
        let gone = wait(async {
            self.contact_remote().await?;
            let serial = || format!("{}-{}", at.replace([':', '.'], ""), self.nonce());
            // Who dies in the midst of it is followed by whoever has the claims next.
            let names = self.catalog().names_going_with(&uid).await?;
            let leases = self.try_claim_names(&names)?;
            let claimed = if leases.is_some() { &*names } else { &[] };
            let gone = self.catalog().claiming(claimed).remove(&uid, &person, &at, serial).await?;
            // A name whose last version went with its call is nobody's to use, and in the way of whoever gives it again.
            for name in gone.iter().filter(|gone| gone.is_chosen()) {
                if self.leads_nowhere(name).await? {
                    self.catalog().remove(name, &person, &at, serial).await?;
                }
            }
            Ok::<_, Error>(gone)
        })?;
        self.forget_remembered();
        Ok(gone)
    }

    /// Claims names; `None` where another process has one of them, and is not waited for.
    fn try_claim_names(&self, names: &[Uid]) -> Result<Option<Vec<FileLock>>> {
        let mut leases = Vec::new();
        for name in names {
            match self.local_view().dir().try_claim(&claim_of(name), "remove")? {
                LockAttempt::Won(lease) => leases.push(lease),
                LockAttempt::Held { .. } | LockAttempt::Unsupported => return Ok(None),
            }
        }
        Ok(Some(leases))
    }

    /// What would go if these files were removed, each of which may be [abbreviated](Lake::resolve), and what was made from
    /// them. Nothing is removed yet. `@creator/3f9a27` means a call, also one that returned a value alone.
    ///
    /// # Errors
    /// As [`Lake::info`]; [`ErrorKind::InvalidInput`] for a file in a tree.
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// lake.add_bytes("greetings/en.txt", b"hello")?;
    /// let removal = lake.removal(&["greetings/en.txt"])?;
    /// assert_eq!((removal.asked.len(), removal.downstream.len()), (1, 0));
    /// assert_eq!(lake.apply(&removal, false)?.len(), 1);
    /// assert!(!lake.exists("greetings/en.txt")?);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn removal(&self, uids: &[impl AsRef<str>]) -> Result<Removal> {
        refuse_in_body("remove a file")?;
        let (mut asked, mut known) = (Vec::<Removable>::new(), HashSet::new());
        let (mut read, mut damaged) = (Read::default(), Vec::new());
        for uid in uids {
            let one = match self.removable(uid.as_ref()) {
                Err(error) if error.kind() == ErrorKind::Corrupt => {
                    let one = self.unreadable(uid.as_ref())?;
                    let what = one.files.first().map(Uid::to_string).unwrap_or_default();
                    if known.insert(one.clone()) {
                        damaged.push(Damage::new(what, &error));
                        asked.push(one);
                    }
                    continue;
                }
                one => one?,
            };
            if !known.insert(one.clone()) {
                continue;
            }
            for uid in &one.files {
                self.read_before(uid, &mut read)?;
                match file_of(&self.file(uid.as_str())?, &mut read) {
                    // Which calls read its files is not known; never to remove it would be worse.
                    Err(error) if is_damage(&error) => damaged.push(Damage::new(uid, &error)),
                    read => read?,
                }
            }
            if let Some((creator, key)) = &one.call
                && let Some(record) = wait(self.catalog().record(creator, key))?
            {
                read.value(&record);
            }
            asked.push(one);
        }
        let calls: BTreeSet<_> = asked.iter().filter_map(|one| one.call.clone()).collect();
        let below = self.follow_readers(vec![read], &calls, Bounds { depth: usize::MAX, calls: MOST }, &mut |_| {})?;
        if below.left_out > 0 {
            let message = format!("more than {MOST} calls were made from these files: remove fewer at a time");
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        let downstream = below.nodes.into_iter().map(|node| Removable {
            call: Some((node.creator, node.key)),
            files: node.outputs.into_iter().map(|output| output.uid).collect(),
            name: None,
            version: None,
        });
        let downstream = downstream.collect();
        damaged.extend(below.damaged);
        Ok(Removal { asked, downstream, damaged })
    }

    /// Whether a name was replaced, and no version of it is left.
    async fn leads_nowhere(&self, name: &Uid) -> Result<bool> {
        let named = self.catalog().named(name).await?;
        if named.is_none_or(|named| named.entries == 0 || named.record.is_some()) {
            return Ok(false);
        }
        Ok(self.catalog().versions(name).await?.iter().all(|version| version.file.is_none() || version.named.is_pruned))
    }

    /// Removes what `removal` names, and with `cascade` what was made from it, that first. Of a call goes everything it made:
    /// it would run again. The files that are gone; content stays until it is collected.
    ///
    /// # Errors
    /// [`ErrorKind::InUse`] without `cascade`, where anything was made from it: nothing is removed then.
    /// [`ErrorKind::Context`] in a body; those of reaching the stores.
    pub fn apply(&self, removal: &Removal, cascade: bool) -> Result<Vec<Uid>> {
        refuse_in_body("remove a file")?;
        if !cascade && let Some(message) = in_use(removal) {
            let hint = "`datlake lineage --down UID` shows what was made from a file, `rm --cascade` takes it along";
            return Err(Error::new(ErrorKind::InUse, message).with_hint(hint));
        }
        let calls = removal.downstream.iter().chain(&removal.asked).filter_map(|one| one.call.clone());
        wait(self.catalog().unpack(calls))?;
        let mut gone = Vec::new();
        // What is farthest first: wherever it is stopped, nothing is left whose inputs went before it.
        for one in removal.downstream.iter().rev() {
            gone.extend(self.remove_one(one)?);
        }
        // What was asked for goes in whatever order: who asked for both wants neither.
        for some in removal.asked.chunks(STEP) {
            let lake = self.clone();
            let removed = each(some.to_vec(), move |one| lake.remove_one(&one));
            for removed in wait(removed)? {
                gone.extend(removed?);
            }
        }
        Ok(gone)
    }

    /// Adds the earlier versions of a name, which go with it.
    fn read_before(&self, uid: &Uid, read: &mut Read) -> Result<()> {
        if uid.is_chosen() {
            let versions = wait(self.catalog().versions(uid))?;
            for file in
                versions.into_iter().filter(|version| version.named.entries > 0).filter_map(|version| version.file)
            {
                // What one cannot be read to the end hides no other.
                match file_of(&File::known(self, file), read) {
                    Err(error) if is_damage(&error) => {}
                    read => read?,
                }
            }
        }
        Ok(())
    }

    fn remove_one(&self, one: &Removable) -> Result<Vec<Uid>> {
        if let Some(Some(mark)) = one.version.as_ref().map(|path| Location::parse(path)) {
            return self.prune_version(&mark).map(|()| one.files.clone());
        }
        let Some(handle) = handle(one) else { return Ok(Vec::new()) };
        self.remove(handle.as_str())?;
        // A call without files goes under the name of what it might have made first.
        Ok(if one.files.is_empty() { vec![handle] } else { one.files.clone() })
    }

    /// Forgets this machine's copies of the documents of these files, and of all that their calls made. The remote has them
    /// still; content stays until it is collected.
    ///
    /// # Errors
    /// As [`Lake::info`]; [`ErrorKind::InUse`] where the remote does not have the same: all that was named before it is
    /// forgotten then.
    ///
    /// ```
    /// # use datlake::{ErrorKind, Lake};
    /// let lake = Lake::temp()?;
    /// lake.add_bytes("greetings/en.txt", b"hello")?;
    /// assert_eq!(lake.forget(&["greetings/en.txt"]).unwrap_err().kind(), ErrorKind::InUse);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn forget(&self, uids: &[impl AsRef<str>]) -> Result<Vec<Uid>> {
        refuse_in_body("forget a file")?;
        let (mut asked, mut known) = (Vec::new(), HashSet::new());
        for uid in uids {
            let one = self.removable(uid.as_ref())?;
            if known.insert(one.clone()) {
                asked.push(one);
            }
        }
        let (person, at) = (self.provenance().person()?, crate::provenance::now());
        wait(self.catalog().unpack(asked.iter().filter_map(|one| one.call.clone())))?;
        let mut gone = Vec::new();
        for one in asked {
            let Some(handle) = handle(&one) else { continue };
            let Some(document) = wait(self.catalog().copy_of(&handle))? else { continue };
            let contents = self.at_rest(self.content_of(&document)?)?.contents.into_iter();
            let contents = contents.filter(|content| content.part != Part::Extra);
            let contents: Vec<Digest> = contents.map(|content| content.digest).collect();
            gone.extend(wait(self.catalog().forget(&handle, document, &contents, &person, &at))?);
        }
        self.forget_remembered();
        Ok(gone)
    }

    /// What goes of a file whose documents cannot be read: these, and what they hide stays hidden.
    fn unreadable(&self, uid: &str) -> Result<Removable> {
        let uid = self.resolve(uid)?;
        let call = match uid.kind() {
            UidKind::Output { creator, key, .. } => Some((creator, key)),
            _ => None,
        };
        Ok(Removable { call, files: vec![uid], name: None, version: None })
    }

    /// What goes with one file, or of one call.
    fn removable(&self, uid: &str) -> Result<Removable> {
        if let Some((creator, key)) = self.resolve_call(uid)? {
            let files = wait(async {
                self.contact_remote().await?;
                match self.catalog().record(&creator, &key).await? {
                    Some(record) => self.catalog().made_by(&record).await,
                    None => Err(no_call(&creator, &key)),
                }
            })?;
            return Ok(Removable { call: Some((creator, key)), files, name: None, version: None });
        }
        let uid = self.resolve(uid)?;
        if let Some((name, _)) = uid.version()
            && wait(self.catalog().named(&uid))?.is_none()
        {
            let message = format!("cannot remove `{uid}`: it is an earlier version of `{name}`");
            let hint = format!(
                "remove the call that made it, which `datlake log {name}` names, or `{name}` with all its versions; `datlake prune --keep-versions N` leaves the latest N"
            );
            return Err(Error::new(ErrorKind::InvalidInput, message).about(Subject::Uid(uid)).with_hint(hint));
        }
        if let UidKind::Member { tree, .. } = uid.kind() {
            let message = format!("cannot remove `{uid}`: it is part of the tree `{tree}`");
            let error = Error::new(ErrorKind::InvalidInput, message).with_hint(format!("remove `{tree}`"));
            return Err(error.about(Subject::Uid(uid)));
        }
        if let UidKind::Committed { repository, path, .. } = uid.kind() {
            let error = Error::new(ErrorKind::InvalidInput, format!("cannot remove `{uid}`: it is part of a commit"));
            let hint = format!("delete `{path}` at a branch of `{repository}`, and commit that");
            return Err(error.about(Subject::Uid(uid)).with_hint(hint));
        }
        let file = match self.file(uid.as_str()) {
            Err(error) if error.kind() == ErrorKind::NotFound && wait(self.leads_nowhere(&uid))? => {
                return Ok(Removable { call: None, files: vec![uid.clone()], name: Some(uid), version: None });
            }
            file => file?,
        };
        let lineage = match file.lineage()? {
            Origin::Added(_) => return Ok(Removable { call: None, files: vec![uid], name: None, version: None }),
            Origin::Call(lineage) => lineage,
        };
        let (creator, key) = (lineage.creator, lineage.key);
        let record = wait(async {
            match self.catalog().record(&creator, &key).await? {
                Some(record) => self.catalog().made_by(&record).await,
                None => Ok(Vec::new()),
            }
        });
        let mut files = record?;
        // Else the name would lead to the version before.
        let replaced = uid.is_chosen() && wait(self.catalog().named(&uid))?.is_some_and(|named| named.entries > 0);
        if replaced && !files.contains(&uid) {
            files.push(uid.clone());
        }
        Ok(Removable { call: Some((creator, key)), files, name: replaced.then_some(uid), version: None })
    }
}
