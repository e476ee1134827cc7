//! Names of repositories, branches and tags: lakeFS's rules, validated in the types.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Digest, Error, ErrorKind, Result, Uid};

/// The longest name of a branch, in bytes.
const LONGEST_BRANCH: usize = 200;
/// What the names of the branches of transactions begin with.
const TRANSACTION: &str = "_tx-";
/// What those of clients of lakeFS begin with, before a UUID.
const CLIENTS_TRANSACTION: &str = "tx-";
/// The most lower-case letters, digits and dashes in the name of a repository.
const LONGEST_REPOSITORY: usize = 63;

/// The name of a repository: 3 to 63 lower-case letters, digits and dashes, the first of which is no dash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryName(Box<str>);

/// The name of a branch: ASCII letters, digits, `_` and `-`, the first of which is no `-`; at most 200.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BranchName(Box<str>);

/// The name of a tag: what Git allows as one, without `~`, and which is a path as UIDs are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TagName(Box<str>);

impl RepositoryName {
    /// Validates the name of a repository.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`], with the rule that it breaks.
    pub fn new(text: &str) -> Result<Self> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let why = match text.len() {
            0..=2 => "has fewer than 3 characters",
            n if n > LONGEST_REPOSITORY => "has more than 63 characters",
            _ if !text.bytes().all(allowed) => "has something else than lower-case letters, digits and `-`",
            _ if text.starts_with('-') => "starts with `-`",
            _ => return Ok(Self(text.into())),
        };
        Err(wrong("repository", text, why))
    }
}

impl BranchName {
    /// Validates the name of a branch.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`], with the rule that it breaks.
    pub fn new(text: &str) -> Result<Self> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        let why = match text.len() {
            0 => "is empty",
            n if n > LONGEST_BRANCH => "is longer than 200 bytes",
            _ if !text.bytes().all(allowed) => "has something else than ASCII letters, digits, `_` and `-`",
            _ if text.starts_with('-') => "starts with `-`",
            _ => return Ok(Self(text.into())),
        };
        Err(wrong("branch", text, why))
    }
}

impl BranchName {
    /// The name of the branch of a transaction that nobody else has the `nonce` of.
    ///
    /// # Errors
    /// None in practice.
    pub fn of_transaction(nonce: &str) -> Result<Self> {
        Self::new(&format!("{TRANSACTION}{}", Digest::of(nonce.as_bytes()).short()))
    }

    /// The name that clients of lakeFS give to the branch of a transaction, `tx-` and a UUID, of these random bytes.
    ///
    /// # Errors
    /// None in practice.
    pub fn of_clients_transaction(mut random: [u8; 16]) -> Result<Self> {
        random[6] = random[6] & 0x0f | 0x40;
        random[8] = random[8] & 0x3f | 0x80;
        let hex: String = random.iter().map(|b| format!("{b:02x}")).collect();
        let uuid = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-");
        Self::new(&format!("{CLIENTS_TRANSACTION}{uuid}"))
    }

    /// Whether it is the name of the branch of a transaction: of one of ours, or of a client of lakeFS, which calls its branches `tx-` and a
    /// UUID.
    pub fn is_transaction(&self) -> bool {
        self.is_ours_alone() || self.0.strip_prefix(CLIENTS_TRANSACTION).is_some_and(is_uuid)
    }

    /// Whether only transactions of ours are called so.
    pub fn is_ours_alone(&self) -> bool {
        self.0.starts_with(TRANSACTION)
    }
}

impl TagName {
    /// Validates the name of a tag.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`], with the rule that it breaks.
    pub fn new(text: &str) -> Result<Self> {
        let has = |what: &[char]| text.contains(what);
        let why = match text {
            "" => "is empty",
            _ if text.ends_with('@') => "ends in `@`, which means the last commit of a branch",
            _ if text.ends_with('.') || text.ends_with(".lock") || text.ends_with('/') => "ends in `.`, `.lock` or `/`",
            _ if text.contains("..") || text.contains("//") || text.contains("@{") => "has `..`, `//` or `@{`",
            _ if has(&['^', '~', ':', '?', '*', '[', '\\']) => r"has one of `^ ~ : ? * [ \`",
            _ if text.chars().any(|c| c <= ' ' || c.is_control()) => "has a space or a control character",
            _ => {
                Uid::chosen(text).map_err(|e| wrong("tag", text, "is no path that can be stored").because(e))?;
                return Ok(Self(text.into()));
            }
        };
        Err(wrong("tag", text, why))
    }
}

fn is_uuid(text: &str) -> bool {
    let is_right = |(at, b): (usize, u8)| match at {
        8 | 13 | 18 | 23 => b == b'-',
        _ => b.is_ascii_hexdigit(),
    };
    text.len() == 36 && text.bytes().enumerate().all(is_right)
}

fn wrong(what: &str, text: &str, why: &str) -> Error {
    // A name may be hostile or huge: what an error repeats of it is neither.
    let shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
    Error::new(ErrorKind::InvalidInput, format!("`{shown}` cannot be the name of a {what}: it {why}"))
}

macro_rules! name {
    ($name:ident) => {
        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                Self::new(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

name!(RepositoryName);
name!(BranchName);
name!(TagName);

#[cfg(test)]
mod tests {
    use super::*;

    fn refused<T>(named: Result<T>, why: &str) {
        let error = named.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(why), "{error:?} says nothing of {why:?}");
    }

    #[test]
    fn each_refusal_names_the_rule() {
        let long = "x".repeat(64);
        for (text, why) in [
            ("", "fewer than 3"),
            ("ab", "fewer than 3"),
            (&long, "more than 63"),
            ("Sales", "lower-case"),
            ("sales_1", "lower-case"),
            ("../a", "lower-case"),
            ("süden", "lower-case"),
            ("-ab", "starts with `-`"),
        ] {
            refused(RepositoryName::new(text), why);
        }
        let long = "x".repeat(201);
        for (text, why) in [
            ("", "empty"),
            ("a/b", "ASCII letters"),
            ("a.b", "ASCII letters"),
            ("ä", "ASCII letters"),
            ("-a", "starts with `-`"),
            (&long, "longer than 200"),
        ] {
            refused(BranchName::new(text), why);
        }
        for (text, why) in [
            ("", "empty"),
            ("@", "`@`"),
            ("v1@", "`@`"),
            ("v1.", "ends in"),
            ("v1.lock", "ends in"),
            ("a//b", "`//`"),
            ("a..b", "`..`"),
            ("a@{1}", "`@{`"),
            ("v1~2", "`^ ~"),
            ("a b", "a space"),
            ("a\u{7}", "a space or a control"),
            ("a/./b", "path"),
            ("/a", "path"),
            ("a.datlake", "path"),
        ] {
            refused(TagName::new(text), why);
        }
    }

    #[test]
    fn branches_of_transactions_are_told_by_their_names() {
        let is_hidden = |name| BranchName::new(name).unwrap().is_transaction();
        let made = BranchName::of_clients_transaction([0xff; 16]).unwrap();
        assert_eq!(made.as_str(), "tx-ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert!(made.is_transaction() && !made.is_ours_alone());
        assert!(is_hidden("_tx-1") && is_hidden("tx-2f1c3a9e-6f0b-4d57-9d0e-0c6f5a1b2c3d"));
        for name in
            ["tx-1", "tx-", "tx-2f1c3a9e-6f0b-4d57-9d0e-0c6f5a1b2c3", "tx-2f1c3a9e06f0b04d5709d0e00c6f5a1b2c3d", "main"]
        {
            assert!(!is_hidden(name), "{name}");
        }
    }

    #[test]
    fn names_are_kept_as_given() {
        assert_eq!(RepositoryName::new("0-sales").unwrap().as_str(), "0-sales");
        assert_eq!(BranchName::new("_Feature-2").unwrap().as_str(), "_Feature-2");
        assert_eq!(TagName::new("releases/v1.0-ä").unwrap().as_str(), "releases/v1.0-ä");
    }
}
