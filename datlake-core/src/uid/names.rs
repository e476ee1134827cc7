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
        !self.0.starts_with('@') && !self.0.contains("//")
    }

    /// The last segment: what the file is called among people.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
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
