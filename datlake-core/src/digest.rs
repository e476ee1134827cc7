//! Thirty-two byte identities, one type for each kind.
//!
//! No conversion leads from one kind to another: a call key handed where a content digest is due does not compile.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Error, ErrorKind};

macro_rules! hash_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            /// Wraps raw bytes.
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The raw bytes.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// The first twelve hexadecimal digits: enough for people.
            pub fn short(&self) -> String {
                self.to_string()[..12].to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(blake3::Hash::from_bytes(self.0).to_hex().as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.short())
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                let wrong = || {
                    Error::new(
                        ErrorKind::InvalidInput,
                        format!(concat!("`{}` is not ", $what, ": expected 64 lower-case hexadecimal digits"), text.escape_debug()),
                    )
                };
                if text.bytes().any(|b| b.is_ascii_uppercase()) {
                    return Err(wrong());
                }
                let hash = blake3::Hash::from_hex(text).map_err(|_| wrong())?;
                Ok(Self(*hash.as_bytes()))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

hash_id!(
    /// BLAKE3 of some bytes: the name of a blob.
    Digest,
    "a content digest"
);
hash_id!(
    /// The identity of a call: creator, code and arguments.
    CallKey,
    "a call key"
);
hash_id!(
    /// The identity of a function's code and of everything it declares to depend on.
    CodeHash,
    "a code hash"
);

/// The text forms without an allocation.
macro_rules! hex {
    ($($name:ident),*) => {$(
        impl $name {
            pub(crate) fn hex(&self) -> impl AsRef<str> {
                blake3::Hash::from_bytes(self.0).to_hex()
            }
        }
    )*};
}

hex!(CallKey, Digest);

impl Digest {
    /// The digest of `bytes`.
    ///
    /// ```
    /// use datlake_core::Digest;
    /// assert!(Digest::of(b"").to_string().starts_with("af1349b9f5f9a1a6"));
    /// ```
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}
