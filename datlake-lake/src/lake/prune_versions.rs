//! Earlier versions of names that nobody needs any more.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, SystemTime};

use datlake_core::catalog::{FileMeta, PastVersion};
use datlake_core::lineage::Lineage;
use datlake_core::record::NameTarget;
use datlake_core::version::Moved;
use datlake_core::{CallKey, CreatorName, Digest, Location, Result, Uid, UidKind};
use datlake_store::wait;

use super::{Lake, unless_damaged};
use crate::file::{File, Tree};
use crate::report::{Damage, Removable};

/// Which earlier versions may go. Where both are given, both must hold; where none is, none may.
#[derive(Clone, Copy)]
pub(super) struct VersionRule {
    /// So many of the latest of each name stay, with the one that it leads to.
    pub(super) keep: Option<usize>,
    /// Only what was replaced so long ago.
    pub(super) older_than: Option<Duration>,
}

/// The earlier versions of all names that are meant.
#[derive(Default)]
pub(super) struct OldVersions {
    /// Files that were added.
    pub(super) added: Vec<OldVersion>,
    /// The calls that made some.
    pub(super) calls: HashSet<(CreatorName, CallKey)>,
}

/// A version that was added.
pub(super) struct OldVersion {
    address: Uid,
    file: FileMeta,
    mark: Location,
}

impl OldVersion {
    pub(super) fn removable(self) -> Removable {
        Removable { call: None, files: vec![self.address], name: None, version: Some(self.mark.path()) }
    }
}

/// What calls read under chosen names.
#[derive(Default)]
pub(super) struct ReadByName<'a> {
    files: HashSet<(&'a Uid, &'a Digest)>,
    members: HashMap<Uid, Vec<(String, &'a Digest)>>,
}

impl<'a> ReadByName<'a> {
    pub(super) fn add(&mut self, lineage: &'a Lineage) {
        for input in &lineage.inputs {
            let Some(uid) = &input.uid else { continue };
            if let UidKind::Member { tree, path } = uid.kind() {
                self.members.entry(tree).or_default().push((path, &input.digest));
            }
            self.files.insert((uid, &input.digest));
        }
    }

    /// Whether any of them read this version.
    pub(super) fn has(&self, lake: &Lake, version: &OldVersion) -> bool {
        let file = &version.file;
        if self.files.contains(&(&file.uid, &file.digest)) {
            return true;
        }
        let Some(members) = self.members.get(&file.uid).filter(|_| file.tree) else { return false };
        let Ok(tree) = Tree::try_from(File::known(lake, file.clone())) else { return true };
        // Of what cannot be read nobody knows.
        members.iter().any(|(path, digest)| match tree.find(path) {
            Ok(member) => member.is_some_and(|member| member.content() == **digest),
            Err(_) => true,
        })
    }
}

impl Lake {
    /// The earlier versions that are meant, without those that the remote has not decided about.
    pub(super) fn old_versions(
        &self,
        rule: VersionRule,
        unpushed: &HashSet<Location>,
        damaged: &mut Vec<Damage>,
    ) -> Result<OldVersions> {
        let mut found = OldVersions::default();
        if rule.keep.is_none() && rule.older_than.is_none() {
            return Ok(found);
        }
        let mut needed = HashSet::new();
        for name in wait(self.catalog().names(None))? {
            let versions = wait(async {
                self.refresh(&name).await?;
                match self.catalog().named(&name).await? {
                    Some(named) if named.entries > 0 => self.catalog().versions(&name).await,
                    _ => Ok(Vec::new()),
                }
            });
            let versions = unless_damaged(versions, &name, damaged)?.unwrap_or_default();
            for (back, version) in versions.iter().enumerate().skip(1) {
                let Some(file) = version.file.clone().filter(|_| !version.named.is_pruned) else { continue };
                let (entry, at) = match &version.named.version {
                    Some(version) => (version.digest, version.log().entry(version.n)),
                    None => (version.named.first.digest, Location::Name(name.clone())),
                };
                let is_meant = !unpushed.contains(&at) && rule.means(&versions, back)?;
                match version.named.target() {
                    NameTarget::Output(of) if is_meant => drop(found.calls.insert((of.creator.clone(), of.key))),
                    NameTarget::Output(of) => drop(needed.insert((of.creator.clone(), of.key))),
                    NameTarget::Added(_) if is_meant => found.added.push(OldVersion {
                        address: format!("{name}@{{{back}}}").parse()?,
                        file,
                        mark: Location::Pruned(name.clone(), version.named.first.digest, entry),
                    }),
                    NameTarget::Added(_) => {}
                }
            }
        }
        // A call may have made several versions.
        found.calls.retain(|call| !needed.contains(call));
        Ok(found)
    }

    /// Marks an earlier version as pruned.
    pub(super) fn prune_version(&self, mark: &Location) -> Result<()> {
        let provenance = self.provenance();
        let (person, host) = (provenance.person()?, provenance.host().to_owned());
        let by = Moved { person, host, at: crate::provenance::now() };
        wait(async {
            self.contact_remote().await?;
            self.catalog().prune_version(mark, &by).await
        })?;
        self.forget_pruned();
        Ok(())
    }
}

impl VersionRule {
    /// Whether the version `back` may go, by how many are later and for how long it has been replaced.
    fn means(self, versions: &[PastVersion], back: usize) -> Result<bool> {
        let is_aside = |version: &PastVersion| version.named.version.as_ref().is_some_and(|version| version.aside);
        // To what is aside the name never led.
        let replaced_by = match is_aside(&versions[back]) {
            true => Some(&versions[back]),
            false => versions[..back].iter().rev().find(|version| !is_aside(version)),
        };
        let old_enough = |age: Duration| -> Result<bool> {
            let at = replaced_by.map(|version| version.named.moved()).transpose()?.flatten();
            // A time that cannot be read is no reason to go.
            let at = at.and_then(|moved| humantime::parse_rfc3339(&moved.at).ok());
            Ok(at.and_then(|at| SystemTime::now().duration_since(at).ok()).is_some_and(|since| since >= age))
        };
        Ok(self.keep.is_none_or(|keep| back >= keep) && self.older_than.map_or(Ok(true), old_enough)?)
    }
}
