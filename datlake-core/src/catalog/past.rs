//! What names led to before: their versions, by number, by address and by content.

use std::collections::HashSet;

use super::{Catalog, FoundVersion, Named, PastVersion};
use crate::lineage::FileMeta;
use crate::log;
use crate::{Digest, Error, ErrorKind, Location, LogId, Result, Subject, Uid};

impl Catalog {
    /// All that a name led to, the latest first.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] where the remote is not asked, and this machine has not all of them: then nobody knows which is
    /// which. Those of the stores; [`ErrorKind::Corrupt`].
    pub async fn versions(&self, uid: &Uid) -> Result<Vec<PastVersion>> {
        let (versions, missing) = self.known_versions(uid).await?;
        let Some(at) = missing else { return Ok(versions) };
        let error = match self.offline {
            true => {
                let message = format!("not all versions of `{uid}` are on this machine, and the remote is not asked");
                Error::new(ErrorKind::Unavailable, message).with_hint(format!("`datlake pull {uid}` fetches them"))
            }
            false => Error::new(ErrorKind::Corrupt, format!("`{}` is missing: the log has a gap", at.path())),
        };
        Err(error.about(Subject::Uid(uid.clone())))
    }

    /// As [`versions`](Self::versions), as far as they are known, and the first that is not.
    async fn known_versions(&self, uid: &Uid) -> Result<(Vec<PastVersion>, Option<Location>)> {
        let Some(now) = self.named(uid).await? else { return Ok((Vec::new(), None)) };
        let log = LogId::Name(uid.clone(), now.first.digest);
        let mut missing = None;
        let mut entries = self.entries_here(&log).await?;
        if let Some(remote) = &self.remote
            && self.unpushed_of(uid).await?.is_empty()
        {
            entries = log::last(&**remote, &log, entries).await?;
        }
        let current = now.version.as_ref().map_or(0, |version| version.n);
        let pruned = if entries > 0 { self.pruned_of(&log).await? } else { HashSet::new() };
        let mut versions = Vec::new();
        for n in (0..=entries).rev() {
            let version = match n {
                0 => None,
                n => match self.entry(&*self.local, &log, n).await? {
                    // Somebody is about to make it, or began and died.
                    Some(version) if n > current && !version.aside => continue,
                    Some(version) if version.is_closing() => continue,
                    Some(version) => Some(version),
                    None => {
                        missing.get_or_insert_with(|| log.entry(n));
                        continue;
                    }
                },
            };
            let target = version.as_ref().map_or(&now.first.target, |version| &version.target);
            let record = self.behind(target).await?;
            let entry = version.as_ref().map_or(now.first.digest, |version| version.digest);
            let mut named = Named { first: now.first.clone(), version, record, entries, is_pruned: false };
            let file = named.file()?;
            named.is_pruned = if n == current { now.is_pruned } else { pruned.contains(&entry) };
            // What never came to be was never a version; what was one and was removed has its line.
            match n == current {
                true => versions.insert(0, PastVersion { named, file }),
                false => versions.push(PastVersion { named, file }),
            }
        }
        Ok((versions, missing))
    }

    /// The version of a name that had this content, the latest of several.
    ///
    /// # Errors
    /// As [`versions`](Self::versions).
    pub async fn version_with(&self, uid: &Uid, content: &Digest) -> Result<Option<Named>> {
        let found = self.version_that(uid, None, &|file| file.digest == *content).await?;
        Ok(found.map(|version| version.named))
    }

    /// The version of a name whose file is the one that is looked for, when somebody read it, `at` that time: of several the latest from
    /// before, else the latest.
    ///
    /// # Errors
    /// As [`versions`](Self::versions).
    pub async fn version_that(
        &self,
        uid: &Uid,
        at: Option<&str>,
        is_it: &(dyn Fn(&FileMeta) -> bool + Send),
    ) -> Result<Option<FoundVersion>> {
        let was_there = |named: &Named| -> Result<bool> {
            let moved = named.moved()?;
            Ok(at.zip(moved.as_ref()).is_none_or(|(at, moved)| *moved.at <= *at))
        };
        let Some(named) = self.named(uid).await? else { return Ok(None) };
        if named.file()?.is_some_and(|file| is_it(&file)) && (named.entries == 0 || was_there(&named)?) {
            return Ok(Some(FoundVersion { named, back: 0, replaced_by: None }));
        }
        let versions = self.known_versions(uid).await?.0;
        let mut found = None;
        for (back, version) in versions.iter().enumerate() {
            if version.file.as_ref().is_some_and(is_it) {
                found.get_or_insert(back);
                if was_there(&version.named)? {
                    found = Some(back);
                    break;
                }
            }
        }
        Ok(found.map(|back| FoundVersion::new(versions, back)))
    }

    /// The version that an address means, as `NAME@{1}`; `None` where it is none, or a name of its own.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where the name has not so many, or the call that made it was removed; as [`versions`](Self::versions).
    pub async fn version_at(&self, address: &Uid) -> Result<Option<FoundVersion>> {
        let Some((name, back)) = address.version() else { return Ok(None) };
        if self.named(address).await?.is_some() {
            return Ok(None);
        }
        let versions = self.versions(&name).await?;
        if versions.is_empty() {
            return Ok(None);
        }
        check_version(&name, &versions, back)?;
        Ok(Some(FoundVersion::new(versions, back)))
    }
}

impl FoundVersion {
    /// The version `back`, which there is, and the nearest later one that the name led to.
    fn new(mut versions: Vec<PastVersion>, back: usize) -> Self {
        let is_aside = |named: &Named| named.version.as_ref().is_some_and(|version| version.aside);
        versions.truncate(back + 1);
        let PastVersion { named, .. } = versions.remove(back);
        // To what is aside the name never led.
        let replaced_by = match is_aside(&named) {
            true => None,
            false => versions.into_iter().enumerate().rev().find(|(_, version)| !is_aside(&version.named)),
        };
        Self { named, back, replaced_by }
    }
}

/// That the version `back` of a name is there.
fn check_version(uid: &Uid, versions: &[PastVersion], back: usize) -> Result<()> {
    let message = match versions.get(back) {
        Some(version) if version.named.is_pruned => format!("the version `{uid}@{{{back}}}` is gone: it was pruned"),
        Some(PastVersion { file: Some(_), .. }) => return Ok(()),
        Some(_) => format!("the version `{uid}@{{{back}}}` is gone: the call that made it was removed"),
        None if versions.len() == 1 => {
            format!("`{uid}` has no earlier version `@{{{back}}}`: it was never replaced")
        }
        None => {
            let (many, oldest) = (versions.len(), versions.len() - 1);
            format!("`{uid}` has no version `@{{{back}}}`: it has {many}, from `@{{0}}` to `@{{{oldest}}}`")
        }
    };
    let error = Error::new(ErrorKind::NotFound, message).about(Subject::Uid(uid.clone()));
    Err(error.with_hint(format!("`datlake log {uid}` shows them")))
}
