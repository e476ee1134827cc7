//! Where each object of a lake is kept: one tree, the same on disk and in a bucket.
//!
//! No other module spells a path. A path is made of `/`-separated segments, relative to the lake's root; every leaf that
//! bears a name ends in `.datlake`, which no segment of a name may.

mod kinds;
mod prefix;

pub(crate) use self::kinds::kinds;
pub use self::prefix::Prefix;
use crate::repository::{BranchName, RepositoryName, TagName};
use crate::uid::{BESIDE, LEAF};
use crate::{CallKey, CreatorName, Digest, Error, ErrorKind, Result, Uid, UidKind};

/// The folder of the runs of one machine. They are no objects: a run's own process appends to its file.
pub const RUNS: &str = "runs";

/// The name of a run's file in [`RUNS`].
pub fn run_file(run: &str) -> String {
    format!("{run}{LEAF}")
}

/// The run whose file in [`RUNS`] bears this name.
pub fn run_of(file: &str) -> Option<&str> {
    file.strip_suffix(LEAF).filter(|run| is_run(run))
}

fn is_run(text: &str) -> bool {
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    text.len() == 32 && text.bytes().all(hex)
}

/// The folder of what one machine owes to receivers of events: which runs, and how far. They are no objects: they change, and go.
pub const OUTBOX: &str = "outbox";

/// The name of the file in [`OUTBOX`], below the receiver's folder, that says how far a run was delivered.
pub fn delivery_file(run: &str) -> String {
    format!("{run}.json")
}

/// The run whose delivery a file of this name is about.
pub fn delivered_run(file: &str) -> Option<&str> {
    file.strip_suffix(".json").filter(|run| is_run(run))
}

/// What objects of a kind are to a lake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A document that keeps what it refers to.
    Root,
    /// A document that keeps nothing, and lasts.
    Note,
    /// Bytes, kept as long as a root refers to them.
    Content,
    /// A document attached to content: it is kept, with what it refers to, as long as that content is.
    Attached,
    /// An entry of an index, which can be made again from the roots.
    Index,
    /// Part of a protocol: it goes when that is over.
    Passing,
}

/// What locations are made of where stores are tested.
struct Parts<'a> {
    creator: &'a CreatorName,
    key: CallKey,
    digest: Digest,
    uid: &'a Uid,
    n: u64,
}

/// Makes places of the rows.
macro_rules! locations {
    ($(
        $(#[doc = $doc:literal])*
        $(#[cfg($($cfg:tt)*)])?
        $kind:ident $(($($field:ident: $type:ty),*))? in $folder:literal {
            path: $path:expr,
            parse: |$rest:ident| $parse:expr,
            examples: |$of:ident| $examples:expr,
            is: $role:ident $(|$at:ident, $bytes:ident| $read:expr)?,
        }
    )*) => {
        /// The place of one object.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Location {
            $($(#[doc = $doc])* $(#[cfg($($cfg)*)])? $kind $(($($type),*))?,)*
        }

        /// The folder of each kind, and what its objects are.
        const KINDS: &[(&str, Role)] = &[$($(#[cfg($($cfg)*)])? ($folder, Role::$role),)*];

        impl Location {
            fn folder_and_rest(&self) -> (&'static str, String) {
                match self {
                    $($(#[cfg($($cfg)*)])? Self::$kind $(($($field),*))? => ($folder, $path),)*
                }
            }

            /// The location that has this path; `None` where no location has, for there may be other things beside ours.
            pub fn parse(path: &str) -> Option<Self> {
                let (folder, rest) = path.split_once('/').unwrap_or(("", path));
                $($(#[cfg($($cfg)*)])? {
                    let parse = |$rest: &str| -> Option<Self> { $parse };
                    // Only the canonical spelling counts.
                    if folder == $folder && let Some(found) = parse(rest).filter(|found| found.path() == path) {
                        return Some(found);
                    }
                })*
                None
            }

            /// At least one location of each kind, made of these parts, to test stores with.
            #[doc(hidden)]
            pub fn one_of_each(creator: &CreatorName, key: CallKey, digest: Digest, uid: &Uid) -> Vec<Self> {
                // A number that somebody could count up to.
                let n = digest.as_bytes().iter().take(7).fold(0, |n, byte| n << 8 | u64::from(*byte));
                let parts = &Parts { creator, key, digest, uid, n };
                let mut all: Vec<Self> = Vec::new();
                $($(#[cfg($($cfg)*)])? {
                    let $of = parts;
                    all.extend::<Vec<Self>>($examples);
                })*
                all
            }

            /// What the object is to a lake.
            pub fn role(&self) -> Role {
                match self {
                    $($(#[cfg($($cfg)*)])? Self::$kind { .. } => Role::$role,)*
                }
            }
        }
    };
}

kinds!(locations);

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

/// A log: entries that are created one after the other, and never replaced. What is before its first entry is its owner's own
/// document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogId {
    /// What a chosen name led to after its document in `files`, which has this digest. A name that was removed and came back has
    /// another document, and another log.
    Name(Uid, Digest),
    /// What a branch had after its document, which has this last digest; of the repository whose document has the first.
    Branch(Digest, BranchName, Digest),
}

impl LogId {
    /// Where the entry `n` is, from 1; at 0, what is before all entries.
    pub fn entry(&self, n: u64) -> Location {
        match self {
            Self::Name(uid, _) if n == 0 => Location::Name(uid.clone()),
            Self::Name(uid, first) => Location::Version(uid.clone(), *first, n),
            Self::Branch(repository, name, _) if n == 0 => Location::Branch(*repository, name.clone()),
            Self::Branch(repository, name, first) => Location::BranchEntry(*repository, name.clone(), *first, n),
        }
    }

    /// The digest of what is before all entries.
    pub fn first(&self) -> Digest {
        match self {
            Self::Name(_, first) | Self::Branch(_, _, first) => *first,
        }
    }
}

impl Location {
    /// The object's path, relative to the lake's root.
    pub fn path(&self) -> String {
        match self.folder_and_rest() {
            ("", rest) => rest,
            (folder, rest) => [folder, "/", &rest].concat(),
        }
    }

    /// The folder at the top that it is in; `""` for what lies beside the folders.
    pub fn folder(&self) -> &'static str {
        self.folder_and_rest().0
    }

    /// The digest of the content here.
    pub fn content(&self) -> Option<Digest> {
        match self {
            Self::Blob(digest) => Some(*digest),
            _ => None,
        }
    }

    /// The digest of the bytes here, where the place says it: of content, and of parts of uploads.
    pub fn digest(&self) -> Option<Digest> {
        match self {
            Self::Part(_, digest) => Some(*digest),
            at => at.content(),
        }
    }

    /// The content that the document here is attached to, and the one that it refers to.
    pub fn attached(&self) -> Option<(Digest, Digest)> {
        match self {
            Self::PackedIn(range, pack) => Some((*range, *pack)),
            _ => None,
        }
    }

    /// The name whose document is here.
    pub fn name(&self) -> Option<&Uid> {
        match self {
            Self::Name(uid) | Self::Version(uid, ..) | Self::Pruned(uid, ..) => Some(uid),
            _ => None,
        }
    }

    /// The log that the object is an entry of, and its number there.
    pub fn entry_of(&self) -> Option<(LogId, u64)> {
        match self {
            Self::Version(uid, first, n) => Some((LogId::Name(uid.clone(), *first), *n)),
            Self::BranchEntry(repository, branch, first, n) => {
                Some((LogId::Branch(*repository, branch.clone(), *first), *n))
            }
            _ => None,
        }
    }

    /// What of a repository the object names: a repository, branch or tag by its name, a commit by its id.
    pub fn in_repository(&self) -> Option<String> {
        match self {
            Self::Repository(name) => Some(name.to_string()),
            Self::Branch(_, name) => Some(name.to_string()),
            Self::Tag(_, name) => Some(name.to_string()),
            Self::CommitMark(_, id) => Some(id.to_string()),
            _ => None,
        }
    }

    /// The repository that the object belongs to, by the digest of its document.
    pub fn repository(&self) -> Option<Digest> {
        match self {
            Self::Branch(repository, _)
            | Self::Tag(repository, _)
            | Self::BranchEntry(repository, ..)
            | Self::CommitMark(repository, _) => Some(*repository),
            _ => None,
        }
    }

    /// The call whose record is here.
    pub fn call(&self) -> Option<(&CreatorName, &CallKey)> {
        match self {
            Self::Record(creator, key) => Some((creator, key)),
            _ => None,
        }
    }

    /// The place of what counts instead of the document here: of a record that lost its key, that of the one which won it.
    #[must_use]
    pub fn that_counts(&self) -> Self {
        match self {
            Self::Superseded(creator, key, _) => Self::Record(creator.clone(), *key),
            _ => self.clone(),
        }
    }

    /// The creator whose name is in the path.
    pub fn creator(&self) -> Option<&CreatorName> {
        match self {
            Self::Record(creator, _)
            | Self::Superseded(creator, ..)
            | Self::Use(_, creator, _)
            | Self::RecordPack(creator, _) => Some(creator),
            _ => None,
        }
    }

    /// The longest path that comes with the object: of a record, that of its entries in `uses`.
    pub fn longest_path(&self) -> String {
        match self {
            Self::Record(creator, key) => Self::Use(Digest::from_bytes([0; 32]), creator.clone(), *key).path(),
            _ => self.path(),
        }
    }

    /// Whether a store may make the path a place of its own: the id of a tombstone is the only part that no type has checked.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] where it may not.
    pub fn check(&self) -> Result<()> {
        match self {
            Self::Tombstone(id)
                if id.is_empty() || id.len() > 200 || id.starts_with('.') || id.contains(['/', '\\', '\0']) =>
            {
                let message = format!("`{}` cannot be the id of a tombstone", id.escape_debug());
                Err(Error::new(ErrorKind::InvalidInput, message))
            }
            _ => Ok(()),
        }
    }

    /// Where the document of a file is: its name, the record of the call that made it, or what holds the tree that it is in.
    pub fn of_file(uid: &Uid) -> Self {
        match uid.kind() {
            UidKind::Chosen => Self::Name(uid.clone()),
            UidKind::Output { creator, key, .. } => Self::Record(creator, key),
            UidKind::Member { tree, .. } => Self::of_file(&tree),
            // The repository leads to it; where there is none of that name, nothing does.
            UidKind::Committed { repository, .. } => match RepositoryName::new(&repository) {
                Ok(name) => Self::Repository(name),
                Err(_) => Self::Name(uid.clone()),
            },
        }
    }

    /// Where the mark is that the remote has not decided yet about the document here.
    pub fn mark(&self) -> Self {
        Self::Unpushed(Box::new(self.clone()))
    }

    /// What a process claims among those of its machine before it writes the document: one word, whatever the name.
    pub fn claim(&self) -> String {
        match self {
            Self::Record(_, key) => key.to_string(),
            // Who replaces a name, and who gives it away, are kept apart.
            Self::Version(uid, ..) => Self::Name(uid.clone()).claim(),
            _ => format!("name-{}", Digest::of(self.path().as_bytes())),
        }
    }

    /// What people call the object.
    pub fn title(&self) -> String {
        match self {
            Self::Name(uid) => uid.to_string(),
            Self::Version(uid, _, n) => format!("{uid} (replacement {n})"),
            Self::Repository(name) => format!("repository {name}"),
            Self::Branch(repository, name) => format!("branch {name} of repository {}", repository.short()),
            Self::Tag(repository, name) => format!("tag {name} of repository {}", repository.short()),
            Self::BranchEntry(repository, name, _, n) => {
                format!("branch {name} of repository {} (entry {n})", repository.short())
            }
            Self::Record(creator, key) | Self::Superseded(creator, key, _) => format!("{creator}/{key}"),
            Self::Tombstone(id) => id.clone(),
            _ => self.path(),
        }
    }

    /// By which address a person asks for the document: a UID, `@creator/key`, or its path.
    pub fn address(&self) -> String {
        match self {
            Self::Name(uid) => uid.to_string(),
            Self::Record(creator, key) => format!("@{creator}/{key}"),
            _ => self.path(),
        }
    }
}

fn call(rest: &str) -> Option<(CreatorName, CallKey)> {
    let (creator, key) = rest.strip_suffix(LEAF)?.rsplit_once('/')?;
    Some((CreatorName::new(creator).ok()?, key.parse().ok()?))
}

/// A number that is counted up from zero. Nobody gets as far as half of all by counting: such a number was put there by hand, and to
/// add to it would overflow.
fn count(n: u64) -> Option<u64> {
    (n < u64::MAX / 2).then_some(n)
}
