//! Where each object of a lake is kept: one tree, the same on disk and in a bucket.
//!
//! No other module spells a path. A path is made of `/`-separated segments, relative to the lake's root; every leaf that
//! bears a name ends in `.datlake`, which no segment of a name may.

use crate::uid::{BESIDE, LEAF};
use crate::{CallKey, CreatorName, Digest, Uid};

/// The folder of the runs of one machine. They are no objects: a run's own process appends to its file.
pub const RUNS: &str = "runs";

/// The name of a run's file in [`RUNS`].
pub fn run_file(run: &str) -> String {
    format!("{run}{LEAF}")
}

/// The run whose file in [`RUNS`] bears this name.
pub fn run_of(file: &str) -> Option<&str> {
    let run = file.strip_suffix(LEAF)?;
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    (run.len() == 32 && run.bytes().all(hex)).then_some(run)
}

/// The place of one object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Location {
    /// `datlake.json`: format version and lake id.
    Lake,
    /// `blobs/3f/3f9a…`: content.
    Blob(Digest),
    /// `calls/<creator>/<key>.datlake`: a call record.
    Record(CreatorName, CallKey),
    /// `files/<uid>.datlake`: a chosen name.
    Name(Uid),
    /// `uses/<digest>/<creator>/<key>.datlake`: this call reads this content.
    Use(Digest, CreatorName, CallKey),
    /// `removed/<id>.datlake`: a tombstone.
    Tombstone(String),
    /// `claims/<key>/<n>.datlake`: somebody runs this call.
    Claim(CallKey, u64),
    /// `claims/<key>/<n>.<beat>.datlake`: a sign of life of who holds that claim.
    Beat(CallKey, u64, u64),
    /// `calls/<creator>/<key>.alt/<digest>.datlake`: the record of a call that lost its key to another's, by its own digest.
    Beside(CreatorName, CallKey, Digest),
    /// `gc/<n>.datlake` and `gc/<n>.<stage>.datlake`: how far a collection has come.
    Collection(u64, Stage),
    /// `rescued/<n>/<digest>.datlake`: somebody is about to name content that the collection `n` condemned.
    Rescued(u64, Digest),
    /// `unpushed/calls/<creator>/<key>.datlake`: the remote has not decided about this call's record yet.
    UnpushedRecord(CreatorName, CallKey),
    /// `unpushed/files/<uid>.datlake`: the remote has not decided about this added file yet.
    UnpushedName(Uid),
}

/// What a collection has done, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// It looks for content that nobody names.
    Announced,
    /// It has found some, and waits.
    Condemned,
    /// It looks once more, and removes.
    Sweeping,
    /// It is over.
    Done,
}

impl Stage {
    const ALL: [(Self, &str); 4] =
        [(Self::Announced, ""), (Self::Condemned, ".condemned"), (Self::Sweeping, ".sweeping"), (Self::Done, ".done")];

    fn ending(self) -> &'static str {
        Self::ALL.iter().find(|(stage, _)| *stage == self).map_or("", |(_, ending)| ending)
    }
}

/// A set of objects to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prefix {
    /// Every blob.
    Blobs,
    /// Every call record, with those [beside](Location::Beside) others.
    Records,
    /// The call records of one creator.
    RecordsOf(CreatorName),
    /// Every chosen name.
    Names,
    /// The chosen names below the folder `uid`: those that start with `uid/`.
    NamesIn(Uid),
    /// What every call reads.
    Uses,
    /// The calls that read one content.
    UsesOf(Digest),
    /// Every tombstone.
    Tombstones,
    /// Every claim, and their signs of life.
    Claims,
    /// The claims of one call, and their signs of life.
    ClaimsOf(CallKey),
    /// The records that lost the key of one call.
    BesideOf(CreatorName, CallKey),
    /// Every mark that the remote has not decided yet.
    Unpushed,
    /// What collections have done.
    Collections,
    /// What was rescued, from whichever collection.
    Rescued,
    /// What was rescued from one collection.
    RescuedFrom(u64),
}

impl Location {
    /// The object's path, relative to the lake's root.
    pub fn path(&self) -> String {
        match self {
            Self::Lake => "datlake.json".to_owned(),
            Self::Blob(digest) => {
                let hex = digest.to_string();
                format!("blobs/{}/{hex}", &hex[..2])
            }
            Self::Record(creator, key) => format!("calls/{creator}/{key}{LEAF}"),
            Self::Name(uid) => format!("files/{uid}{LEAF}"),
            Self::Use(digest, creator, key) => format!("uses/{digest}/{creator}/{key}{LEAF}"),
            Self::Tombstone(id) => format!("removed/{id}{LEAF}"),
            Self::Claim(key, n) => format!("claims/{key}/{n}{LEAF}"),
            Self::Beat(key, n, beat) => format!("claims/{key}/{n}.{beat}{LEAF}"),
            Self::Beside(creator, key, digest) => format!("calls/{creator}/{key}{BESIDE}/{digest}{LEAF}"),
            Self::Collection(n, stage) => format!("gc/{n}{}{LEAF}", stage.ending()),
            Self::Rescued(n, digest) => format!("rescued/{n}/{digest}{LEAF}"),
            Self::UnpushedRecord(creator, key) => format!("unpushed/calls/{creator}/{key}{LEAF}"),
            Self::UnpushedName(uid) => format!("unpushed/files/{uid}{LEAF}"),
        }
    }

    /// The location that has this path; `None` where no location has, for there may be other things beside ours.
    pub fn parse(path: &str) -> Option<Self> {
        if path == "datlake.json" {
            return Some(Self::Lake);
        }
        let (top, rest) = path.split_once('/')?;
        let found = match top {
            "blobs" => Self::Blob(rest.split_once('/')?.1.parse().ok()?),
            "calls" => match call(rest) {
                Some((creator, key)) => Self::Record(creator, key),
                None => beside(rest)?,
            },
            "files" => Self::Name(Uid::chosen(rest.strip_suffix(LEAF)?).ok()?),
            "uses" => {
                let (digest, rest) = rest.split_once('/')?;
                let (creator, key) = call(rest)?;
                Self::Use(digest.parse().ok()?, creator, key)
            }
            "removed" => Self::Tombstone(rest.strip_suffix(LEAF)?.to_owned()),
            "claims" => {
                let (key, rest) = rest.strip_suffix(LEAF)?.split_once('/')?;
                let key = key.parse().ok()?;
                match rest.split_once('.') {
                    None => Self::Claim(key, rest.parse().ok()?),
                    Some((n, beat)) => Self::Beat(key, n.parse().ok()?, beat.parse().ok()?),
                }
            }
            "gc" => {
                let rest = rest.strip_suffix(LEAF)?;
                let number = rest.split_once('.').map_or(rest, |(n, _)| n);
                let (stage, _) = Stage::ALL.into_iter().find(|(_, ending)| *ending == &rest[number.len()..])?;
                Self::Collection(number.parse().ok()?, stage)
            }
            "rescued" => {
                let (n, digest) = rest.strip_suffix(LEAF)?.split_once('/')?;
                Self::Rescued(n.parse().ok()?, digest.parse().ok()?)
            }
            "unpushed" => match Self::parse(rest)? {
                Self::Record(creator, key) => Self::UnpushedRecord(creator, key),
                Self::Name(uid) => Self::UnpushedName(uid),
                _ => return None,
            },
            _ => return None,
        };
        // Only the canonical spelling counts.
        (found.path() == path).then_some(found)
    }

    /// One location of each kind, made of these parts, to test stores with. A new kind compiles only with a place in the chain.
    #[doc(hidden)]
    pub fn one_of_each(creator: &CreatorName, key: CallKey, digest: Digest, uid: &Uid) -> Vec<Self> {
        let n = digest.as_bytes().iter().take(8).fold(0, |n, byte| n << 8 | u64::from(*byte));
        let after = |last: &Self| {
            Some(match last {
                Self::Lake => Self::Blob(digest),
                Self::Blob(_) => Self::Record(creator.clone(), key),
                Self::Record(..) => Self::Name(uid.clone()),
                Self::Name(_) => Self::Use(digest, creator.clone(), key),
                Self::Use(..) => Self::Tombstone(digest.to_string()),
                Self::Tombstone(_) => Self::Claim(key, n),
                Self::Claim(..) => Self::Beat(key, n, 3),
                Self::Beat(..) => Self::Beside(creator.clone(), key, digest),
                Self::Beside(..) => Self::Collection(n, Stage::Announced),
                Self::Collection(_, Stage::Announced) => Self::Collection(n, Stage::Condemned),
                Self::Collection(_, Stage::Condemned) => Self::Collection(n, Stage::Sweeping),
                Self::Collection(_, Stage::Sweeping) => Self::Collection(n, Stage::Done),
                Self::Collection(_, Stage::Done) => Self::Rescued(n, digest),
                Self::Rescued(..) => Self::UnpushedRecord(creator.clone(), key),
                Self::UnpushedRecord(..) => Self::UnpushedName(uid.clone()),
                Self::UnpushedName(_) => return None,
            })
        };
        std::iter::successors(Some(Self::Lake), after).collect()
    }
}

fn call(rest: &str) -> Option<(CreatorName, CallKey)> {
    let (creator, key) = rest.strip_suffix(LEAF)?.rsplit_once('/')?;
    Some((CreatorName::new(creator).ok()?, key.parse().ok()?))
}

fn beside(rest: &str) -> Option<Location> {
    let (call, digest) = rest.strip_suffix(LEAF)?.rsplit_once('/')?;
    let (creator, key) = call.strip_suffix(BESIDE)?.rsplit_once('/')?;
    Some(Location::Beside(CreatorName::new(creator).ok()?, key.parse().ok()?, digest.parse().ok()?))
}

impl Prefix {
    /// The folder to list, without a trailing `/`. Everything below it that [`Location::parse`] knows belongs to the set,
    /// except what [`Prefix::has`] refuses.
    pub fn path(&self) -> String {
        match self {
            Self::Blobs => "blobs".to_owned(),
            Self::Records => "calls".to_owned(),
            Self::RecordsOf(creator) => format!("calls/{creator}"),
            Self::Names => "files".to_owned(),
            Self::NamesIn(uid) => format!("files/{uid}"),
            Self::Uses => "uses".to_owned(),
            Self::UsesOf(digest) => format!("uses/{digest}"),
            Self::Tombstones => "removed".to_owned(),
            Self::Claims => "claims".to_owned(),
            Self::ClaimsOf(key) => format!("claims/{key}"),
            Self::BesideOf(creator, key) => format!("calls/{creator}/{key}{BESIDE}"),
            Self::Unpushed => "unpushed".to_owned(),
            Self::Collections => "gc".to_owned(),
            Self::Rescued => "rescued".to_owned(),
            Self::RescuedFrom(n) => format!("rescued/{n}"),
        }
    }

    /// Whether `location`, found below [`Prefix::path`], belongs to the set: creators nest, as `a` and `a/b`.
    pub fn has(&self, location: &Location) -> bool {
        match (self, location) {
            (Self::RecordsOf(creator), Location::Record(of, _)) => creator == of,
            (Self::RecordsOf(_), _) => false,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_location_is_found_again_from_its_path() {
        let creator = CreatorName::new("shop/shop::report").unwrap();
        let (key, digest) = (CallKey::from_bytes([1; 32]), Digest::of(b"x"));
        for location in [
            Location::Lake,
            Location::Blob(digest),
            Location::Record(creator.clone(), key),
            Location::Name(Uid::chosen("a/b.csv").unwrap()),
            Location::Use(digest, creator.clone(), key),
            Location::Tombstone("0001-ab".into()),
            Location::Claim(key, 0),
            Location::Beat(key, 12, 3),
            Location::Beside(creator.clone(), key, digest),
            Location::Collection(0, Stage::Announced),
            Location::Collection(12, Stage::Condemned),
            Location::Collection(12, Stage::Sweeping),
            Location::Collection(3, Stage::Done),
            Location::Rescued(12, digest),
            Location::UnpushedRecord(creator, key),
            Location::UnpushedName(Uid::chosen("calls/b.csv").unwrap()),
        ] {
            assert_eq!(Location::parse(&location.path()), Some(location));
        }
        for foreign in [
            "",
            "lost+found",
            "blobs/00/zz",
            "files/a",
            "files/../x.datlake",
            "calls/x.datlake",
            "tmp/1/a.datlake",
            "claims/00/1.datlake",
            "gc/1.over.datlake",
            "gc/01.datlake",
            "gc/.done.datlake",
            "unpushed/removed/1.datlake",
        ] {
            assert_eq!(Location::parse(foreign), None, "{foreign}");
        }
    }
}
