//! Call records, names and tombstones: the documents of a lake.
//!
//! Documents are immutable, and each carries its writer's nonce, so that a create whose reply got lost differs from
//! one that lost a race. This module never reads a clock and never draws a random number.

mod answer;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

pub use self::answer::{CallValue, DynamicInput, ValueBytes};
use self::answer::{Given, ReadRecord, ValueV1};
use crate::document::envelope;
use crate::document::references::{Content, Document, MadeFrom, Part, References};
use crate::lineage::FileMeta;
use crate::lineage::{Added, Lineage, Output};
use crate::{CallKey, CreatorName, Digest, Error, ErrorKind, Location, LogId, Result, Subject, Uid};

/// What a return value is called that is kept apart, before the call.
pub const VALUE_OF: &str = "the return value of call ";

/// A return value above this many bytes is kept as a blob of its own: records stay small.
const INLINE: usize = 16 << 10;

/// What a finished call left behind.
#[derive(Clone, Debug)]
pub struct Record {
    /// The creator of the call.
    pub creator: CreatorName,
    /// The key it is kept under.
    pub key: CallKey,
    /// Who wrote it: drawn anew for each publication.
    pub nonce: String,
    /// The record's own digest.
    pub digest: Digest,
    /// Canonical digest of the return value.
    pub value_digest: Digest,
    /// The encoded return value.
    pub value: ValueBytes,
    /// Files the body got by UID, with the content they had. The record holds while they do.
    pub dynamic_inputs: Vec<DynamicInput>,
    /// The document itself.
    bytes: Arc<[u8]>,
}

/// What stands at the place of a call's record.
#[derive(Clone, Debug)]
pub enum CallDocument {
    /// Its record.
    Record(Record),
    /// The mark that it began to publish and never finishes, for its names were given to others. It may be made anew under
    /// the key that succeeds this one.
    Abandoned(Abandoned),
}

/// What stands at the place of a call's record, for who wants the call's value.
#[derive(Clone, Debug)]
pub enum CallAnswer {
    /// A record's answer.
    Found(CallValue),
    /// The mark that the call never finishes, by its digest.
    Abandoned(Digest),
}

impl CallAnswer {
    /// Reads what was found at `creator`/`key`.
    ///
    /// # Errors
    /// As [`CallDocument::parse`].
    pub fn parse(creator: &CreatorName, key: &CallKey, bytes: &[u8]) -> Result<Self> {
        let ReadRecord { digest, answer, .. } = answer::read(creator, key, bytes)?;
        Ok(answer.map_or(Self::Abandoned(digest), Self::Found))
    }
}

/// The mark that a call never finishes.
#[derive(Clone, Debug)]
pub struct Abandoned {
    /// The document's own digest.
    pub digest: Digest,
    bytes: Arc<[u8]>,
}

mod wire {
    use super::*;

    #[derive(Serialize)]
    pub(super) struct AbandonedV1<'a> {
        pub(super) nonce: &'a str,
        pub(super) creator: &'a CreatorName,
        pub(super) key: &'a CallKey,
        pub(super) abandoned: bool,
    }

    #[derive(Serialize)]
    pub(super) struct RecordV1<'a> {
        pub(super) nonce: &'a str,
        pub(super) creator: &'a CreatorName,
        pub(super) key: &'a CallKey,
        pub(super) value: ValueV1<'a>,
        #[serde(rename = "fetched", skip_serializing_if = "<[_]>::is_empty")]
        pub(super) dynamic_inputs: &'a [DynamicInput],
        /// The last, and behind all that a hit needs: what reads that stops here.
        pub(super) lineage: &'a Lineage,
    }

    #[derive(Deserialize)]
    pub(super) struct LineageV1 {
        pub(super) lineage: Lineage,
    }

    #[derive(Serialize, Deserialize)]
    pub(super) struct NameV1 {
        pub(super) nonce: String,
        pub(super) home: String,
        pub(super) uid: Uid,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub(super) added: Option<Added>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub(super) output: Option<OutputOf>,
    }
}

/// What goes into a new record besides the lineage.
#[derive(Debug)]
pub struct NewRecord<'a> {
    /// Drawn anew for each publication.
    pub nonce: &'a str,
    /// Canonical digest of the return value.
    pub value_digest: Digest,
    /// The encoded return value.
    pub value: &'a [u8],
    /// Files the body got by UID.
    pub dynamic_inputs: Vec<DynamicInput>,
    /// How it came about; names creator, key and outputs.
    pub lineage: &'a Lineage,
}

impl Record {
    /// Writes a record. Where the value is too large for it, it is the second result: to be kept as a blob, before the record.
    pub fn create(new: NewRecord<'_>) -> Result<(Self, Option<Vec<u8>>)> {
        let (value, apart) = match new.value {
            small if small.len() <= INLINE => (ValueBytes::Inline(small.to_vec()), None),
            large => (ValueBytes::Blob(Digest::of(large)), Some(large.to_vec())),
        };
        let (inline, blob) = match &value {
            ValueBytes::Inline(bytes) => (Some(BASE64.encode(bytes).into()), None),
            ValueBytes::Blob(digest) => (None, Some(*digest)),
        };
        let (bytes, digest) = envelope::seal(
            "call",
            &wire::RecordV1 {
                nonce: new.nonce,
                creator: &new.lineage.creator,
                key: &new.lineage.key,
                value: ValueV1 { digest: new.value_digest, inline, blob },
                dynamic_inputs: &new.dynamic_inputs,
                lineage: new.lineage,
            },
        )?;
        let record = Self {
            creator: new.lineage.creator.clone(),
            key: new.lineage.key,
            nonce: new.nonce.to_owned(),
            digest,
            value_digest: new.value_digest,
            value,
            dynamic_inputs: new.dynamic_inputs,
            bytes: bytes.into(),
        };
        Ok((record, apart))
    }

    /// The document.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn shared_bytes(&self) -> Arc<[u8]> {
        Arc::clone(&self.bytes)
    }

    /// What it answers the call.
    pub fn answer(&self) -> CallValue {
        let (value, dynamic_inputs) = (self.value.clone(), self.dynamic_inputs.clone());
        let Self { key, digest, value_digest, .. } = *self;
        let given = Given::of(&self.bytes);
        CallValue { creator: self.creator.clone(), key, digest, value_digest, value, dynamic_inputs, given }
    }

    /// How the call came about.
    pub fn lineage(&self) -> Result<Lineage> {
        let place = Location::Record(self.creator.clone(), self.key).path();
        Ok(envelope::open::<wire::LineageV1>("call", &self.bytes, &place)?.0.lineage)
    }

    /// The record for those who keep the lake in order: at its own place, or beside the record that won its key.
    fn document(self, at: &Location) -> Result<Document> {
        let lineage = self.lineage()?;
        let index = lineage.reads().into_iter();
        let index = index.map(|digest| Location::Use(digest, self.creator.clone(), self.key)).collect();
        let Lineage { code, outputs, inputs, values, environment, .. } = lineage;
        let chosen: Vec<&Uid> = outputs.iter().map(|output| &output.uid).filter(|uid| uid.is_chosen()).collect();
        let (names, parts) = (
            chosen.iter().map(|uid| uid.as_str()).collect::<Vec<_>>().join(", "),
            match at {
                Location::Record(..) => chosen.into_iter().cloned().map(Location::Name).collect(),
                // Beside another record it has no names.
                _ => Vec::new(),
            },
        );
        let uids: Vec<Uid> = outputs.iter().map(|output| output.uid.clone()).collect();
        let mut meaning = self.value_digest.to_string();
        let mut content = Vec::new();
        for output in outputs {
            meaning.push_str(&format!("\n{} {}", output.digest, output.uid));
            content.push(Content::of(&output.into()));
        }
        if let ValueBytes::Blob(digest) = self.value {
            let what = format!("{VALUE_OF}{}/{}", self.creator, self.key.short());
            content.push(Content::apart(digest, what, Part::Own));
        }
        content.extend(environment.cargo_lock.map(|text| Content::apart(text, "Cargo.lock".to_owned(), Part::Extra)));
        content
            .extend(code.closure.map(|table| Content::apart(table, "the table of its code".to_owned(), Part::Extra)));
        content.extend(code.source_texts.map(Content::source_texts));
        let files = inputs.into_iter().filter_map(|input| Some(MadeFrom::File(input.uid?, input.digest)));
        let values = values.into_iter().map(|value| MadeFrom::Value(value.creator, value.key, value.digest));
        let lineage = files.chain(values).collect();
        let references = References { content, parts, lineage, index, ..References::default() };
        let document = Document::new(at, self.digest, self.bytes.to_vec(), references);
        let what = if names.is_empty() { document.what } else { names };
        Ok(Document { what, uids, meaning: Digest::of(meaning.as_bytes()), taken: RECORD_TAKEN, ..document })
    }

    /// The file at position `index` of the return value.
    pub fn output(&self, index: u32) -> Result<Option<Output>> {
        Ok(self.lineage()?.outputs.into_iter().nth(index as usize))
    }
}

impl CallDocument {
    /// Reads what was found at `creator`/`key`.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] for bytes that are not what was written there.
    pub fn parse(creator: &CreatorName, key: &CallKey, bytes: Vec<u8>) -> Result<Self> {
        let ReadRecord { digest, nonce, answer } = answer::read(creator, key, &bytes)?;
        let bytes = bytes.into();
        Ok(match answer {
            None => Self::Abandoned(Abandoned { digest, bytes }),
            Some(CallValue { creator, key, digest, value_digest, value, dynamic_inputs, .. }) => {
                Self::Record(Record { creator, key, nonce, digest, value_digest, value, dynamic_inputs, bytes })
            }
        })
    }

    /// The record, if it is one.
    pub fn record(self) -> Option<Record> {
        match self {
            Self::Record(record) => Some(record),
            Self::Abandoned(_) => None,
        }
    }

    /// What it is to who wants the call's value.
    pub fn answer(&self) -> CallAnswer {
        match self {
            Self::Record(record) => CallAnswer::Found(record.answer()),
            Self::Abandoned(mark) => CallAnswer::Abandoned(mark.digest),
        }
    }

    /// The document.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Record(record) => &record.bytes,
            Self::Abandoned(mark) => &mark.bytes,
        }
    }

    /// The same for those who keep the lake in order.
    pub(crate) fn document(self, at: &Location) -> Result<Document> {
        match self {
            Self::Record(record) => record.document(at),
            Self::Abandoned(mark) => {
                let document = Document::new(at, mark.digest, mark.bytes.to_vec(), References::default());
                Ok(Document { taken: RECORD_TAKEN, is_mark: true, ..document })
            }
        }
    }
}

impl Abandoned {
    /// Marks the call `creator`/`key`.
    pub fn create(creator: &CreatorName, key: &CallKey, nonce: &str) -> Result<Self> {
        let (bytes, digest) = envelope::seal("call", &wire::AbandonedV1 { nonce, creator, key, abandoned: true })?;
        Ok(Self { digest, bytes: bytes.into() })
    }

    /// The document.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

const RECORD_TAKEN: &str = "another record of this call is there";

/// What a chosen name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameTarget {
    /// Bytes that somebody added.
    Added(Added),
    /// What a call made under this name. It shows nothing until that call's record is there.
    Output(OutputOf),
}

/// A call that an output comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputOf {
    /// The creator of the call.
    pub creator: CreatorName,
    /// The key of the call.
    pub key: CallKey,
}

/// A chosen name and what it stands for.
#[derive(Clone, Debug)]
pub struct Name {
    /// The name.
    pub uid: Uid,
    /// What it stands for.
    pub target: NameTarget,
    /// The store it was written from.
    pub home: String,
    /// Who wrote it.
    pub nonce: String,
    /// The document's own digest.
    pub digest: Digest,
    bytes: Arc<[u8]>,
}

impl NameTarget {
    /// Whether both stand for the same file. Who added it, and when, does not matter.
    pub fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Added(a), Self::Added(b)) => (a.digest, a.tree) == (b.digest, b.tree),
            (a, b) => a == b,
        }
    }
}

impl Name {
    /// Writes a name, from the store called `home`.
    pub fn create(uid: Uid, target: NameTarget, home: &str, nonce: &str) -> Result<Self> {
        let (added, output) = match target.clone() {
            NameTarget::Added(added) => (Some(added), None),
            NameTarget::Output(output) => (None, Some(output)),
        };
        let (home, nonce) = (home.to_owned(), nonce.to_owned());
        let wire = wire::NameV1 { nonce: nonce.clone(), home: home.clone(), uid: uid.clone(), added, output };
        let (bytes, digest) = envelope::seal("file", &wire)?;
        Ok(Self { uid, target, home, nonce, digest, bytes: bytes.into() })
    }

    /// Reads the name found at `uid`.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] for bytes that are not the name that was written there.
    pub fn parse(uid: &Uid, bytes: Vec<u8>) -> Result<Self> {
        let place = Location::Name(uid.clone()).path();
        let about = |error: Error| error.about(Subject::Uid(uid.clone()));
        let (wire, digest) = envelope::open::<wire::NameV1>("file", &bytes, &place).map_err(about)?;
        let corrupt =
            |why: &str| about(Error::new(ErrorKind::Corrupt, format!("the name `{place}` is damaged: {why}")));
        if wire.uid != *uid {
            return Err(corrupt("it belongs to another UID"));
        }
        let target = match (wire.added, wire.output) {
            (Some(added), None) => NameTarget::Added(added),
            (None, Some(output)) => NameTarget::Output(output),
            _ => return Err(corrupt("it stands for nothing, or for two things")),
        };
        Ok(Self { uid: wire.uid, target, home: wire.home, nonce: wire.nonce, digest, bytes: bytes.into() })
    }

    /// The document.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Name {
    /// The name for those who keep the lake in order.
    pub(crate) fn document(self) -> Document {
        let at = Location::Name(self.uid.clone());
        let uids = vec![self.uid.clone()];
        let (taken, meaning, part_of, references) = match self.target {
            NameTarget::Added(added) => {
                let meaning = format!("added {} {}", added.digest, added.tree);
                let content = vec![Content::of(&FileMeta::added(&self.uid, &added))];
                let references = References { content, ..References::default() };
                ("a file with other content has its name there", meaning, at.clone(), references)
            }
            NameTarget::Output(OutputOf { creator, key }) => {
                let meaning = format!("output of {creator}/{key}");
                let missing = format!(
                    "`{0}` shows nothing: call {creator}/{key} never finished, or is being published now; `datlake rm {0}` gives the name free",
                    self.uid
                );
                let record = Location::Record(creator, key);
                let references = References { needs: vec![(record.clone(), missing)], ..References::default() };
                ("the output of another call has its name there", meaning, record, references)
            }
        };
        let document = Document::new(&at, self.digest, self.bytes.to_vec(), references);
        let (meaning, begins) = (Digest::of(meaning.as_bytes()), Some(LogId::Name(uids[0].clone(), self.digest)));
        Document { uids, part_of, taken, meaning, begins, ..document }
    }
}

/// The mark that something was removed on purpose, by which every machine that has a copy learns of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// The name that was removed, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<Uid>,
    /// The call that was forgotten, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<(CreatorName, CallKey)>,
    /// The digest of the document that was removed: a later one of the same name is not meant.
    pub document: Digest,
    /// Who removed it.
    pub person: crate::lineage::Person,
    /// When, RFC 3339, UTC, by the machine's clock.
    pub at: String,
}

impl Tombstone {
    /// The document.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        Ok(envelope::seal("removed", self)?.0)
    }

    /// Reads the tombstone found at `place`.
    pub fn parse(bytes: &[u8], place: &str) -> Result<Self> {
        Ok(envelope::open("removed", bytes, place)?.0)
    }

    /// The tombstone for those who keep the lake in order.
    pub(crate) fn document(at: &Location, bytes: Vec<u8>) -> Result<Document> {
        let (_, digest) = envelope::open::<Self>("removed", &bytes, &at.path())?;
        Ok(Document::new(at, digest, bytes, References::default()))
    }
}
