//! Sets of objects that a store lists.

use super::{KINDS, Location, LogId, Role};
use crate::uid::{BESIDE, LEAF};
use crate::{CallKey, CreatorName, Digest, Uid};

/// A set of objects to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prefix {
    /// Every blob.
    Blobs,
    /// Every call record, also [superseded](Location::Superseded) ones.
    Records,
    /// The call records of one creator.
    RecordsOf(CreatorName),
    /// Those of them whose calls have keys that begin so.
    RecordsBeginning(CreatorName, String),
    /// The locations of one range.
    LocationsOf(Digest),
    /// Every chosen name.
    Names,
    /// The chosen names below the folder `uid`: those that start with `uid/`.
    NamesIn(Uid),
    /// The entries of one log.
    EntriesOf(LogId),
    /// The entries of the logs of one chosen name, also of those from before it was removed.
    VersionsOf(Uid),
    /// The entries of the logs of the chosen names below a folder; of all if `None`.
    VersionsIn(Option<Uid>),
    /// Every repository.
    Repositories,
    /// All that there is of a repository but its own document, by the digest of that.
    RepositoryOf(Digest),
    /// The branches of a repository.
    BranchesOf(Digest),
    /// The tags of a repository.
    TagsOf(Digest),
    /// The marks of the commits of a repository.
    CommitsOf(Digest),
    /// What every call reads.
    Uses,
    /// The calls that read one content.
    UsesOf(Digest),
    /// Every pack of records.
    RecordPacks,
    /// The packs of records of one creator.
    RecordPacksOf(CreatorName),
    /// Every tombstone.
    Tombstones,
    /// What was put by signed URLs.
    Uploads,
    /// The parts of uploads that come in parts.
    Parts,
    /// Every claim, and their heartbeats.
    Claims,
    /// The claims of one call, and their heartbeats.
    ClaimsOf(CallKey),
    /// The records that lost the key of one call.
    SupersededOf(CreatorName, CallKey),
    /// Every mark that the remote has not decided yet.
    Unpushed,
    /// What collections have done.
    Collections,
    /// What was rescued, from whichever collection.
    Rescued,
    /// What was rescued from one collection.
    RescuedFrom(u64),
    /// All that is in one of the folders at the top.
    Folder(&'static str),
}

impl Prefix {
    /// The sets that have all objects of the `roles` in them, and may have others too.
    pub fn of_roles(roles: &[Role]) -> Vec<Self> {
        let mut found: Vec<Self> = Vec::new();
        for (folder, _) in KINDS.iter().filter(|(_, role)| roles.contains(role)) {
            if !found.contains(&Self::Folder(folder)) {
                found.push(Self::Folder(folder));
            }
        }
        found
    }

    /// The folder to list, without a trailing `/`. Everything below it that [`Location::parse`] knows belongs to the set,
    /// except what [`Prefix::has`] refuses.
    pub fn path(&self) -> String {
        match self {
            Self::Blobs => "blobs".to_owned(),
            Self::Records => "calls".to_owned(),
            Self::RecordsOf(creator) | Self::RecordsBeginning(creator, _) => format!("calls/{creator}"),
            Self::LocationsOf(range) => format!("locations/{range}"),
            Self::Names => "files".to_owned(),
            Self::NamesIn(uid) => format!("files/{uid}"),
            Self::EntriesOf(LogId::Name(uid, first)) => format!("names/{uid}{LEAF}/{first}"),
            Self::EntriesOf(LogId::Branch(repository, branch, first)) => {
                format!("repos/{repository}/log/{branch}/{first}")
            }
            Self::Repositories => "repositories".to_owned(),
            Self::RepositoryOf(repository) => format!("repos/{repository}"),
            Self::BranchesOf(repository) => format!("repos/{repository}/branches"),
            Self::TagsOf(repository) => format!("repos/{repository}/tags"),
            Self::CommitsOf(repository) => format!("repos/{repository}/commits"),
            Self::VersionsOf(uid) => format!("names/{uid}{LEAF}"),
            Self::VersionsIn(Some(uid)) => format!("names/{uid}"),
            Self::VersionsIn(None) => "names".to_owned(),
            Self::Uses => "uses".to_owned(),
            Self::UsesOf(digest) => format!("uses/{digest}"),
            Self::RecordPacks => "records".to_owned(),
            Self::RecordPacksOf(creator) => format!("records/{creator}"),
            Self::Tombstones => "removed".to_owned(),
            Self::Uploads => "uploads".to_owned(),
            Self::Parts => "parts".to_owned(),
            Self::Claims => "claims".to_owned(),
            Self::ClaimsOf(key) => format!("claims/{key}"),
            Self::SupersededOf(creator, key) => format!("calls/{creator}/{key}{BESIDE}"),
            Self::Unpushed => "unpushed".to_owned(),
            Self::Collections => "gc".to_owned(),
            Self::Rescued => "rescued".to_owned(),
            Self::RescuedFrom(n) => format!("rescued/{n}"),
            Self::Folder(folder) => (*folder).to_owned(),
        }
    }

    /// With what the names in the folder begin that belong to the set, so that a store need not look at others.
    pub fn beginning(&self) -> &str {
        match self {
            Self::RecordsBeginning(_, begins) => begins,
            _ => "",
        }
    }

    /// Whether `location`, found below [`Prefix::path`], belongs to the set: creators nest, as `a` and `a/b`.
    pub fn has(&self, location: &Location) -> bool {
        match (self, location) {
            (Self::RecordsOf(creator), Location::Record(of, _)) => creator == of,
            (Self::RecordsBeginning(creator, begins), Location::Record(of, key)) => {
                creator == of && key.hex().as_ref().starts_with(&**begins)
            }
            (Self::RecordsOf(_) | Self::RecordsBeginning(..), _) => false,
            (Self::RecordPacksOf(creator), Location::RecordPack(of, _)) => creator == of,
            _ => true,
        }
    }
}
