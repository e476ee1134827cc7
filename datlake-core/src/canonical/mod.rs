//! The canonical encoding: one sequence of bytes for each value, the same on every machine and in every version.
//!
//! Call keys and the check of a hit stand on it, so it is **frozen**: golden vectors in `tests/identity.rs` hold every rule,
//! and changing one is a new format version. It is never made with `Hash`, `Debug` or any other serializer.
//!
//! # Layout
//!
//! A value is one tag byte and what follows it. `n` is a length or count as unsigned LEB128 in its shortest form; numbers
//! are little-endian. No encoding is a prefix of another, so values can stand one after the other.
//!
//! | tag | value | what follows |
//! |---|---|---|
//! | `01` | `()`, unit struct | – |
//! | `02` `03` | `false`, `true` | – |
//! | `04` | integer of any width | one byte: how many (1 to 17), then the shortest two's complement |
//! | `05` | `f32` | 4 bytes; every NaN is `7fc00000` |
//! | `06` | `f64` | 8 bytes; every NaN is `7ff8000000000000` |
//! | `07` | `char` | 4 bytes |
//! | `08` | string | `n`, UTF-8 |
//! | `09` | bytes (`serialize_bytes`) | `n`, bytes |
//! | `0a` | `None` | – |
//! | `0b` | `Some` | value |
//! | `10` | sequence | value\*, end |
//! | `11` | tuple, array, tuple struct | value\*, end |
//! | `12` | set | `n`, values in the order of their bytes |
//! | `13` | map | `n`, (key, value)\* in the order of their bytes |
//! | `14` | map whose order counts | (key, value)\*, end |
//! | `15` | struct | field\*, end |
//! | `20` | unit variant | name |
//! | `21` | newtype variant | name, value |
//! | `22` | tuple variant | name, value\*, end |
//! | `23` | struct variant | name, field\*, end |
//! | `30` | file | one byte: 1 if a tree + 2 if the UID is chosen; 32 bytes digest; `n` and the UID if chosen, else the name |
//!
//! *name* is `n` and UTF-8; *field* is `7d`, name, value, in the order in which they are declared; *end* is `7f` and the
//! number `n` of values, entries or fields before it. A field that is skipped leaves no trace.
//!
//! # What does and does not count
//!
//! - The width of an integer, the name of a type, the position of an enum's variant and the layer of a newtype struct do
//!   not. The names of fields and variants do, and so does the order of fields.
//! - What is ordered arbitrarily is sorted, and duplicates stay. `serialize_seq` cannot say so, but `collect_seq` shows the
//!   iterator's type. A set is: `HashSet` and whatever iterates over a hash table of `std` or `hashbrown` (also behind `map`,
//!   `filter`, `filter_map`, `cloned`, `copied`), `BTreeSet`, `BinaryHeap`. Only the outermost type says so, by its whole path:
//!   a `Vec<HashSet<_>>` is a sequence of sets.
//! - What a person can order counts by its order, even where `==` ignores it: an `IndexSet` is a sequence and an `IndexMap`
//!   a map whose order counts, since a body that iterates over one may well write its rows in that order.
//! - So a map's order counts unless its type is known to have none, however it serializes: `HashMap` and `BTreeMap` (also
//!   behind the adapters of iterators), and hash maps of other crates (`order::UNORDERED`).
//! - Where the type cannot be seen, a map is sorted, for it may be a hash map: behind `#[serde(flatten)]`, in a newtype variant
//!   of an internally tagged enum, behind `dyn`. There the order of an `IndexMap` does not count. That is seen by what
//!   derived code does: it gives a map no length, or keys of the type `str`.
//! - `is_human_readable()` is `false`.
//! - Files are collected in the order in which they stand in the *encoding*: files in a map move with their entries. A file
//!   that a value serialized into something else (say into a JSON string) comes last.

mod buffer;
mod cursor;
mod encoder;
mod file_flag;
mod json;
mod order;
mod parts;
mod sorted;
mod tag;

use serde::Serialize;

use crate::derived::DerivedHash;
use crate::file_ref::Noting;
use crate::{Digest, Error, ErrorKind, FileRef, Result};
use buffer::Encoder;
pub(crate) use buffer::write_len;
pub(crate) use cursor::Cursor;
pub use json::to_json;
pub(crate) use json::{float32, float64, map_value};
pub use parts::is_telling;
pub(crate) use parts::{Piece, each_of_interest, each_wanted, is_file};

/// A value in its canonical form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// The canonical bytes.
    pub bytes: Vec<u8>,
    /// The files in the value, in canonical order.
    pub files: Vec<FileRef>,
}

impl Encoded {
    /// The digest of the value. It is never the digest of a blob, even of one with the same bytes.
    pub fn digest(&self) -> Digest {
        digest(&self.bytes)
    }
}

/// The digest of the value whose canonical encoding is `bytes`.
pub(crate) fn digest(bytes: &[u8]) -> Digest {
    static CONTEXT: DerivedHash = DerivedHash::new("datlake 2026-11-21 canonical value, format 1");
    Digest::from_bytes(CONTEXT.hash(bytes))
}

/// Encodes `value`.
///
/// # Errors
/// [`ErrorKind::Value`] where the value's `Serialize` fails.
///
/// ```
/// use std::collections::HashMap;
/// use datlake_core::canonical;
///
/// let one = canonical::encode(&HashMap::from([("a", 1_u8), ("b", 2)]))?;
/// let other = canonical::encode(&HashMap::from([("b", 2_u64), ("a", 1)]))?;
/// assert_eq!(one.bytes, other.bytes);
/// # Ok::<(), datlake_core::Error>(())
/// ```
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Encoded> {
    let mut encoded = Encoded { bytes: Vec::new(), files: Vec::new() };
    encode_into(value, &mut encoded.bytes, &mut encoded.files)?;
    Ok(encoded)
}

/// Encodes `value` behind what `bytes` and `files` already hold. After an error both are as before.
///
/// # Errors
/// [`ErrorKind::Value`] where the value's `Serialize` fails.
pub fn encode_into<T: Serialize + ?Sized>(value: &T, bytes: &mut Vec<u8>, files: &mut Vec<FileRef>) -> Result<()> {
    let before = (bytes.len(), files.len());
    let noting = Noting::start();
    match Encoder::new(bytes, files).value(value) {
        Ok(()) => {
            let mut disguised = noting.rest();
            disguised.sort_by(|a, b| sorted::file_order(a).cmp(&sorted::file_order(b)));
            files.append(&mut disguised);
            Ok(())
        }
        Err(error) => {
            bytes.truncate(before.0);
            files.truncate(before.1);
            Err(Error::new(
                ErrorKind::Value,
                format!("cannot serialize a value of type `{}`", std::any::type_name::<T>()),
            )
            .because(error))
        }
    }
}
