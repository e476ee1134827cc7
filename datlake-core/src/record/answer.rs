//! What a hit needs of a record: what stands before the lineage. All of it is checked, and only that is parsed.

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use crate::document::envelope;
use crate::lineage::Lineage;
use crate::{CallKey, CreatorName, Digest, Error, ErrorKind, Location, Result, Subject, Uid};

/// Where the encoded return value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueBytes {
    /// In the record.
    Inline(Vec<u8>),
    /// In a blob.
    Blob(Digest),
}

/// A file that a body got by its UID.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DynamicInput {
    /// The UID asked for.
    pub uid: Uid,
    /// The content it had.
    pub digest: Digest,
}

/// What a record answers the call. How the call came about is in the [`Record`](super::Record) alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallValue {
    /// The creator of the call.
    pub creator: CreatorName,
    /// The key it is kept under.
    pub key: CallKey,
    /// The record's own digest.
    pub digest: Digest,
    /// Canonical digest of the return value.
    pub value_digest: Digest,
    /// The encoded return value.
    pub value: ValueBytes,
    /// Files the body got by UID, with the content they had. The record holds while they do.
    pub dynamic_inputs: Vec<DynamicInput>,
    /// The document, where it may name calls whose values were among the arguments: they are read when somebody asks.
    pub(super) with_values: Option<Arc<[u8]>>,
}

impl CallValue {
    /// The calls whose values were among the arguments; of a record that cannot be read to the end, none.
    pub(crate) fn given(&self) -> Vec<CallKey> {
        #[derive(Deserialize)]
        struct WithLineage {
            lineage: Lineage,
        }
        let read = self.with_values.as_ref().and_then(|bytes| serde_json::from_slice::<WithLineage>(bytes).ok());
        let values = read.map(|read| read.lineage.values).unwrap_or_default();
        values.into_iter().filter(|value| value.argument.is_some()).map(|value| value.key).collect()
    }
}

/// Whether a document may name calls whose values were among the arguments. Most do not, and reading a lineage costs more than this.
pub(super) fn has_values(bytes: &[u8]) -> bool {
    memchr::memmem::find(bytes, br#""values":["#).is_some()
}

#[derive(Deserialize)]
struct HeadV1<'a> {
    #[serde(borrow)]
    nonce: Cow<'a, str>,
    #[serde(borrow)]
    creator: Cow<'a, str>,
    #[serde(borrow)]
    key: Cow<'a, str>,
    /// Missing where `abandoned` is set.
    #[serde(default, borrow)]
    value: Option<ValueV1<'a>>,
    #[serde(default, rename = "fetched")]
    dynamic_inputs: Vec<DynamicInput>,
    #[serde(default)]
    abandoned: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ValueV1<'a> {
    pub(super) digest: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none", borrow)]
    pub(super) inline: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) blob: Option<Digest>,
}

impl HeadV1<'_> {
    /// The answer; `None` where it is the mark that there never will be one. Else why it is damaged.
    fn read(self, creator: &CreatorName, key: &CallKey, digest: Digest) -> Result<Option<CallValue>, &'static str> {
        if self.creator != creator.as_str() || self.key != key.hex().as_ref() {
            return Err("it belongs to another call");
        }
        let value = match (self.value, self.abandoned) {
            (Some(value), false) => value,
            (None, true) => return Ok(None),
            _ => return Err("it neither has a value nor says that it never will"),
        };
        let encoded = match (value.inline, value.blob) {
            (Some(text), None) => {
                ValueBytes::Inline(BASE64.decode(text.as_bytes()).map_err(|_| "its value is not base64")?)
            }
            (None, Some(digest)) => ValueBytes::Blob(digest),
            _ => return Err("it has no value, or two"),
        };
        let (value_digest, dynamic_inputs) = (value.digest, self.dynamic_inputs);
        let (creator, key, value) = (creator.clone(), *key, encoded);
        Ok(Some(CallValue { creator, key, digest, value_digest, value, dynamic_inputs, with_values: None }))
    }
}

/// What stands at the place of a call's record: its digest and nonce, and the answer unless it is a mark.
pub(super) struct ReadRecord {
    pub(super) digest: Digest,
    pub(super) nonce: String,
    pub(super) answer: Option<CallValue>,
}

/// Checks the document found at `creator`/`key`, and reads it but for the lineage.
pub(super) fn read(creator: &CreatorName, key: &CallKey, bytes: &[u8]) -> Result<ReadRecord> {
    let place = || Location::Record(creator.clone(), *key).path();
    let parse = |head: &[u8], digest| {
        let head: HeadV1<'_> = serde_json::from_slice(head)?;
        Ok((head.nonce.to_string(), head.read(creator, key, digest)))
    };
    let opened = envelope::open_before("call", bytes, "lineage", place, parse);
    let ((nonce, answer), digest) = opened.map_err(|e| e.about(Subject::Call(creator.clone(), *key)))?;
    let mut answer = answer.map_err(|why| damaged(creator, key, why))?;
    if let Some(answer) = &mut answer {
        answer.with_values = has_values(bytes).then(|| bytes.into());
    }
    Ok(ReadRecord { digest, nonce, answer })
}

/// The error of a record that is not what was written.
fn damaged(creator: &CreatorName, key: &CallKey, why: &str) -> Error {
    let place = Location::Record(creator.clone(), *key).path();
    let error = Error::new(ErrorKind::Corrupt, format!("the call record `{place}` is damaged: {why}"));
    error.about(Subject::Call(creator.clone(), *key))
}
