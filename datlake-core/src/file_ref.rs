//! What a file is to this crate: a reference, found wherever it hides inside a `serde` value.
//!
//! A [`FileRef`] announces itself by the name of a newtype struct, [`FILE_TOKEN`]. The canonical encoder looks for that
//! name; every other serializer sees an ordinary struct.
//!
//! Some `Serialize` implementations hand a file on in disguise: flattened into a map, tagged, or buffered and replayed
//! later. So while the encoder is at work on a thread, each file also notes itself there, and what it serializes is a form
//! that stays recognisable when its outer layer is peeled off. A note is matched by content, oldest first.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error as _, SerializeStruct};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Digest, Uid};

/// The name of the newtype struct as which a file serializes.
pub const FILE_TOKEN: &str = "$datlake::File";

/// A file: a name for a blob.
///
/// It serializes with any serializer once it has a UID; before that only as part of a key or of a canonical value.
///
/// ```
/// use datlake_core::{Digest, FileRef, Uid};
///
/// let file = FileRef {
///     uid: Some(Uid::chosen("corpora/alice.txt")?),
///     digest: Digest::of(b"Alice was beginning to get very tired"),
///     size: 37,
///     name: "alice.txt".into(),
///     tree: false,
///     stage: None,
/// };
/// let text = serde_json::to_string(&file).unwrap();
/// assert_eq!(serde_json::from_str::<FileRef>(&text).unwrap(), file);
/// # Ok::<(), datlake_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRef {
    /// The file's name in the lake; a file that a body has staged has none yet.
    pub uid: Option<Uid>,
    /// What is in it.
    pub digest: Digest,
    /// How many bytes are in it.
    pub size: u64,
    /// What people and tools call it.
    pub name: Arc<str>,
    /// Whether it is the manifest of a tree.
    pub tree: bool,
    /// The number, in this process, of the file a body staged. Never serialized.
    pub stage: Option<u64>,
}

impl FileRef {
    /// The UID, where a person chose it: then it counts in a key, else the name does.
    pub fn chosen_uid(&self) -> Option<&Uid> {
        self.uid.as_ref().filter(|uid| uid.is_chosen())
    }
}

impl Serialize for FileRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if note(self) {
            return serializer.serialize_newtype_struct(FILE_TOKEN, &Nested(self));
        }
        if self.uid.is_none() {
            return Err(S::Error::custom(format_args!(
                "the file `{}` is not published yet, so nothing but its creator can hold it",
                self.name.escape_debug()
            )));
        }
        serializer.serialize_newtype_struct(FILE_TOKEN, &Stored(self))
    }
}

/// The form that other serializers see.
struct Stored<'a>(&'a FileRef);

impl Serialize for Stored<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(file) = self;
        let mut fields = serializer.serialize_struct(FILE_TOKEN, 5)?;
        fields.serialize_field("uid", &file.uid)?;
        fields.serialize_field("digest", &file.digest)?;
        fields.serialize_field("size", &file.size)?;
        fields.serialize_field("name", &*file.name)?;
        fields.serialize_field("tree", &file.tree)?;
        fields.end()
    }
}

/// The form under the canonical encoder: flattened or tagged, it still has one field that is a file.
pub(crate) struct Nested<'a>(pub(crate) &'a FileRef);

impl Serialize for Nested<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct(FILE_TOKEN, 1)?;
        fields.serialize_field(FILE_TOKEN, &Inner(self.0))?;
        fields.end()
    }
}

struct Inner<'a>(&'a FileRef);

impl Serialize for Inner<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(FILE_TOKEN, &Counting(self.0))
    }
}

/// What counts of a file, for matching a replayed file with its note, and for values that turn themselves into text.
pub(crate) struct Counting<'a>(pub(crate) &'a FileRef);

impl Serialize for Counting<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(file) = self;
        let mut fields = serializer.serialize_struct(FILE_TOKEN, 3)?;
        fields.serialize_field("digest", &file.digest)?;
        fields.serialize_field("tree", &file.tree)?;
        match file.chosen_uid() {
            Some(uid) => fields.serialize_field("uid", uid)?,
            None => fields.serialize_field("name", &*file.name)?,
        }
        fields.end()
    }
}

#[derive(Deserialize)]
struct Repr {
    uid: Option<Uid>,
    digest: Digest,
    size: u64,
    #[serde(deserialize_with = "crate::uid::own_name")]
    name: String,
    tree: bool,
}

impl<'de> Deserialize<'de> for FileRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(FILE_TOKEN, FileVisitor)
    }
}

struct FileVisitor;

impl<'de> Visitor<'de> for FileVisitor {
    type Value = FileRef;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a file of a lake")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<FileRef, D::Error> {
        let Repr { uid, digest, size, name, tree } = Repr::deserialize(deserializer)?;
        if uid.is_none() {
            return Err(D::Error::custom("a stored file has no UID"));
        }
        Ok(FileRef { uid, digest, size, name: name.into(), tree, stage: None })
    }

    // Formats that drop the newtype layer, and serde's own buffers, hand over what was inside.
    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<FileRef, A::Error> {
        self.visit_newtype_struct(MapAccessDeserializer::new(access))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<FileRef, A::Error> {
        self.visit_newtype_struct(SeqAccessDeserializer::new(access))
    }
}

/// The notes of this thread. Encodings may nest (a `Serialize` that encodes something itself): each sees its own part.
struct Notes {
    files: Vec<FileRef>,
    /// Where the notes of the innermost encoding begin; `None` while no encoder is at work.
    base: Option<usize>,
}

thread_local! {
    static NOTES: RefCell<Notes> = const { RefCell::new(Notes { files: Vec::new(), base: None }) };
}

/// Notes `file` if an encoder is at work on this thread, and says so.
fn note(file: &FileRef) -> bool {
    NOTES.with_borrow_mut(|notes| {
        let noting = notes.base.is_some();
        if noting {
            notes.files.push(file.clone());
        }
        noting
    })
}

/// While this lives, files that are serialized on this thread note themselves.
pub(crate) struct Noting {
    outer: Option<usize>,
}

impl Noting {
    pub(crate) fn start() -> Self {
        NOTES.with_borrow_mut(|notes| {
            let outer = notes.base;
            notes.base = Some(notes.files.len());
            Self { outer }
        })
    }

    /// Takes the note, where there is exactly one: the usual case, at once after the file noted itself.
    pub(crate) fn take_only() -> Option<FileRef> {
        NOTES.with_borrow_mut(|notes| match notes.base {
            Some(base) if notes.files.len() == base + 1 => notes.files.pop(),
            _ => None,
        })
    }

    /// Takes the oldest note that `is_it` says yes to.
    pub(crate) fn take(mut is_it: impl FnMut(&FileRef) -> bool) -> Option<FileRef> {
        let (base, notes) = NOTES.with_borrow(|notes| {
            let base = notes.base.unwrap_or(notes.files.len());
            (base, notes.files[base..].to_vec())
        });
        let at = base + notes.iter().position(&mut is_it)?;
        NOTES.with_borrow_mut(|notes| (at < notes.files.len()).then(|| notes.files.remove(at)))
    }

    /// The notes that no one took: files that went into another serializer inside the value.
    pub(crate) fn rest(&self) -> Vec<FileRef> {
        NOTES.with_borrow_mut(|notes| match notes.base {
            Some(base) if base < notes.files.len() => notes.files.split_off(base),
            _ => Vec::new(),
        })
    }
}

impl Drop for Noting {
    fn drop(&mut self) {
        NOTES.with_borrow_mut(|notes| {
            if let Some(base) = notes.base {
                notes.files.truncate(base);
            }
            notes.base = self.outer;
        });
    }
}
