//! Names: file UIDs and creator names. Validated once, here, and nowhere else.

mod names;

use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use self::names::{CreatorName, Uid};
use crate::{CallKey, Digest, Error, ErrorKind, Result};

/// What every leaf of the layout ends in, and no segment of a name may: so that `a` and `a/b` live side by side.
pub(crate) const LEAF: &str = ".datlake";
/// What the folder of the records that lost a call's key ends in, after the key.
pub(crate) const BESIDE: &str = ".alt";

/// The longest segment of a name, in bytes of UTF-8.
pub const MAX_SEGMENT: usize = 200;
/// The longest name, in bytes of UTF-8.
pub const MAX_NAME: usize = 1000;

/// What a [`Uid`] says about where its file comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UidKind {
    /// A name that a person chose.
    Chosen,
    /// The file at position `index` of what a call returned.
    Output {
        /// The creator of the call.
        creator: CreatorName,
        /// The key of the call.
        key: CallKey,
        /// The file's position in the return value, from 0.
        index: u32,
    },
    /// A file inside a tree.
    Member {
        /// The tree.
        tree: Uid,
        /// The file's path within it.
        path: String,
    },
    /// A file of a commit.
    Committed {
        /// The name of the repository that the commit is of.
        repository: String,
        /// The id of the commit.
        commit: Digest,
        /// The file's path within it.
        path: String,
    },
}

impl Uid {
    /// A name chosen by a person: `/`-separated segments of at most 200 bytes, 1000 bytes in all.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for an empty segment, `.`, `..`, control characters, a backslash, a leading `/` or `@`,
    /// a segment ending in `.datlake`, or a name that is too long.
    pub fn chosen(text: &str) -> Result<Self> {
        check_segments(text, "UID")?;
        if parse_committed(text).is_some() {
            wrong(text, "UID", "means a file of a commit")?;
        }
        Ok(Self(text.into()))
    }

    /// The file `path` of a commit.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] where one of them is not well-formed.
    pub fn committed(repository: &str, commit: &Digest, path: &str) -> Result<Self> {
        let text = format!("{repository}@{commit}:{path}");
        match parse_committed(&text) {
            Some(_) => Ok(Self(text.into())),
            None => {
                Err(Error::new(ErrorKind::InvalidInput, format!("`{}` is no file of a commit", text.escape_debug())))
            }
        }
    }

    /// As [`chosen`](Self::chosen), for something new: names are refused that will mean something else one day, and that files
    /// from before may have.
    ///
    /// # Errors
    /// As [`chosen`](Self::chosen); [`ErrorKind::InvalidInput`] for `x@y:…`, with both before the first `/`, which will mean a
    /// commit, and for `…@{3}`, which will mean an earlier version.
    pub fn fresh(text: &str) -> Result<Self> {
        let uid = Self::chosen(text)?;
        let head = text.split('/').next().unwrap_or_default();
        if head.split_once('@').is_some_and(|(_, rest)| rest.contains(':')) {
            wrong(text, "UID", "has an `@` and then a `:` before the first `/`, which is kept for commits")?;
        }
        let version = text.strip_suffix('}').and_then(|text| text.rsplit_once("@{"));
        if version.is_some_and(|(_, n)| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit())) {
            wrong(text, "UID", "ends in `@{…}`, which is kept for earlier versions")?;
        }
        Ok(uid)
    }

    /// The name and the number that `NAME@{2}` consists of: of an earlier version of a file, counted back from what the name leads
    /// to. A file from before may bear such a name itself.
    pub fn version(&self) -> Option<(Self, usize)> {
        let (name, n) = self.0.strip_suffix('}')?.rsplit_once("@{")?;
        let canonical = n == "0" || !n.starts_with('0');
        let digits = !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()) && canonical;
        // More than there can be is a number all the same.
        let n = n.parse().unwrap_or(usize::MAX);
        (digits && self.is_chosen()).then(|| Some((Self::chosen(name).ok()?, n))).flatten()
    }

    /// The file at position `index` of what the call `key` of `creator` returned.
    pub fn output(creator: &CreatorName, key: &CallKey, index: u32) -> Self {
        Self(format!("@{creator}/{key}/{index}").into())
    }

    /// The file `path` of `tree`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] where `path` is not a well-formed name.
    pub fn member(tree: &Uid, path: &str) -> Result<Self> {
        check_segments(path, "path in a tree")?;
        Ok(Self(format!("{tree}//{path}").into()))
    }

    /// Whether both are of one path of one repository, whatever the commits.
    pub fn is_same_path(&self, other: &Self) -> bool {
        let path = |(repository, _, path)| (repository, path);
        let of = |uid| parse_committed(uid).map(path);
        self.is_committed() && other.is_committed() && of(&self.0) == of(&other.0)
    }

    /// Where the file comes from.
    pub fn kind(&self) -> UidKind {
        if let Some((tree, path)) = self.0.split_once("//") {
            return UidKind::Member { tree: Self(tree.into()), path: path.to_owned() };
        }
        if let Some((repository, commit, path)) = parse_committed(&self.0) {
            return UidKind::Committed { repository: repository.to_owned(), commit, path: path.to_owned() };
        }
        match parse_output(&self.0) {
            Some((creator, key, index)) => UidKind::Output { creator, key, index },
            None => UidKind::Chosen,
        }
    }
}

/// `repository@commit:path`, with all of the commit's id.
fn parse_committed(text: &str) -> Option<(&str, Digest, &str)> {
    let (repository, rest) = text.split_once('@')?;
    let (commit, path) = rest.split_once(':')?;
    names::is_commit(repository, commit).then_some(())?;
    check_path(path, "path").ok()?;
    Some((repository, commit.parse().ok()?, path))
}

fn parse_output(text: &str) -> Option<(CreatorName, CallKey, u32)> {
    let rest = text.strip_prefix('@')?;
    let (rest, index) = rest.rsplit_once('/')?;
    let (creator, key) = rest.rsplit_once('/')?;
    if index != "0" && (index.starts_with('0') || index.starts_with('+')) {
        return None;
    }
    Some((CreatorName::new(creator).ok()?, key.parse().ok()?, index.parse().ok()?))
}

/// Parses any of the four forms.
impl FromStr for Uid {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (head, member) = match text.split_once("//") {
            Some((head, member)) if !head.is_empty() => (head, Some(member)),
            _ => (text, None),
        };
        if let Some(member) = member {
            check_segments(member, "path in a tree")?;
        }
        if head.starts_with('@') && parse_output(head).is_some() {
            return Ok(Self(text.into()));
        }
        if member.is_none() && parse_committed(head).is_some() {
            return Ok(Self(text.into()));
        }
        check_segments(head, "UID")?;
        Ok(Self(text.into()))
    }
}

impl CreatorName {
    /// The name of the function alone.
    pub fn function(&self) -> &str {
        let name = self.as_str();
        name.rsplit([':', '/']).next().unwrap_or(name)
    }

    /// Validates a creator's name by the rules of [`Uid::chosen`].
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] as for a UID; also where a segment looks like a call key.
    pub fn new(text: &str) -> Result<Self> {
        check_segments(text, "creator name")?;
        let is_key = |segment: &str| segment.strip_suffix(BESIDE).unwrap_or(segment).parse::<CallKey>().is_ok();
        if text.split('/').any(is_key) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("creator name `{text}`: a segment looks like a call key"),
            ));
        }
        Ok(Self(text.into()))
    }
}

fn check_segments(text: &str, what: &str) -> Result<()> {
    if text.starts_with('@') {
        return wrong(text, what, "starts with `@`, which is kept for the outputs of calls");
    }
    check_path(text, what)
}

/// Whether a text is a [chosen](Uid::chosen) UID at first sight, in one pass. Of others it is not said.
pub(crate) fn is_plain(text: &str) -> bool {
    let is_segment = |segment: &[u8]| {
        let is_dots = segment.iter().all(|b| *b == b'.');
        segment.len() <= MAX_SEGMENT && !is_dots && !segment.ends_with(LEAF.as_bytes())
    };
    let is_char = |b: &u8| matches!(b, b' '..=b'~') && !matches!(b, b'\\' | b'@');
    text.len() <= MAX_NAME && text.bytes().all(|b| is_char(&b)) && text.as_bytes().split(|b| *b == b'/').all(is_segment)
}

/// What a UID, a path in a tree and a file's own name have in common: nothing in them leads out of a folder.
fn check_path(text: &str, what: &str) -> Result<()> {
    let wrong = |why: &str| wrong(text, what, why);
    if text.is_empty() {
        return wrong("is empty");
    }
    if text.starts_with('/') {
        return wrong("starts with `/`; names are relative to the lake");
    }
    if text.len() > MAX_NAME {
        return wrong("is longer than 1000 bytes");
    }
    for segment in text.split('/') {
        match segment {
            "" => return wrong("has an empty segment"),
            "." | ".." => return wrong("has a segment `.` or `..`"),
            _ => {}
        }
        if segment.len() > MAX_SEGMENT {
            return wrong("has a segment longer than 200 bytes");
        }
        if segment.ends_with(LEAF) {
            return wrong("has a segment that ends in `.datlake`, which is kept for the lake itself");
        }
        if segment.chars().any(|c| c.is_control() || c == '\\') {
            return wrong("has a control character or a backslash");
        }
    }
    Ok(())
}

fn wrong(text: &str, what: &str, why: &str) -> Result<()> {
    // A name may be hostile or huge: what an error repeats of it is neither.
    let shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
    Err(Error::new(ErrorKind::InvalidInput, format!("{what} `{shown}`: {why}")))
}

/// Reads a file's own name from what is stored: people write files under it. It may begin with `@`, since it may be the last
/// segment of a UID.
pub(crate) fn own_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    check_path(&name, "file name").map_err(serde::de::Error::custom)?;
    Ok(name)
}

macro_rules! text_id {
    ($name:ident, $parse:expr) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                $parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

text_id!(Uid, |text: &str| text.parse::<Uid>());
text_id!(CreatorName, CreatorName::new);
