//! Thirty-two byte identities, one type for each kind.
//!
//! No conversion leads from one kind to another: a call key handed where a content digest is due does not compile.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Error, ErrorKind};

/// What no digit stands for.
const NONE: u8 = 0xff;

/// The value of each lower-case hexadecimal digit.
const DIGITS: [u8; 256] = {
    let (mut digits, mut value) = ([NONE; 256], 0);
    while value < 16 {
        digits[b"0123456789abcdef"[value as usize] as usize] = value;
        value += 1;
    }
    digits
};

/// The bytes that 64 lower-case hexadecimal digits stand for.
fn decode(text: &str) -> Option<[u8; 32]> {
    let digits: &[u8; 64] = text.as_bytes().try_into().ok()?;
    let (mut bytes, mut seen) = ([0; 32], 0);
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let (high, low) = (DIGITS[usize::from(pair[0])], DIGITS[usize::from(pair[1])]);
        seen |= high | low;
        *byte = high << 4 | low & 0xf;
    }
    (seen != NONE).then_some(bytes)
}

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
                decode(text).map(Self).ok_or_else(wrong)
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
