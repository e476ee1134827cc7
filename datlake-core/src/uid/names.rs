//! Names that are well-formed: only `uid` makes them.

use std::fmt;
use std::sync::Arc;

/// The name of a file in a lake.
///
/// | form | example | who named it |
/// |---|---|---|
/// | chosen | `corpora/alice.txt` | a person |
/// | output | `@shop/shop::report/3f9a…/0` | the call that made it |
/// | member | `photos//cats/tom.jpg` | the tree it is in |
/// | committed | `sales@2d3a…:raw/jan.csv` | the commit it is in, of a repository |
///
/// ```
/// use datlake_core::Uid;
/// assert!(Uid::chosen("corpora/alice.txt").is_ok());
/// assert!(Uid::chosen("../alice.txt").is_err());
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid(pub(super) Arc<str>);

/// The name of a creator: the source location that does not move by itself, `package/crate::module::function`, or the one
/// given by `name = "…"`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CreatorName(pub(super) Arc<str>);

impl Uid {
    /// Whether a person chose this name.
    pub fn is_chosen(&self) -> bool {
        !self.0.starts_with('@') && !self.0.contains("//") && !self.is_committed()
    }

    /// Whether it is a file of a commit.
    pub fn is_committed(&self) -> bool {
        let parts = || {
            let (repository, rest) = self.0.split_once('@')?;
            Some((repository, rest.split_once(':')?.0))
        };
        parts().is_some_and(|(repository, commit)| is_commit(repository, commit))
    }

    /// The last segment: what the file is called among people.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
}

/// Whether a text before the first `@` names a repository, and the one behind it, to the first `:`, a commit by all of its id.
pub(super) fn is_commit(repository: &str, commit: &str) -> bool {
    let in_name = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let in_id = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    !repository.is_empty() && repository.bytes().all(in_name) && commit.len() == 64 && commit.bytes().all(in_id)
}

macro_rules! texts {
    ($($name:ident),*) => {$(
        impl $name {
            /// The text form.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    )*};
}

texts!(Uid, CreatorName);
