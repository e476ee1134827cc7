//! What a hit needs of a record: what stands before the lineage. All of it is checked, and only that is parsed.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::document::envelope;
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
    /// The calls whose values were among the arguments.
    pub(super) given: Given,
}

impl CallValue {
    /// The calls whose values were among the arguments; of a record that cannot be read to the end, none.
    pub(crate) fn given(&self) -> Vec<CallKey> {
        match &self.given {
            Given::Calls(calls) => calls.to_vec(),
            Given::Unread(array) => read_calls(array),
        }
    }

    /// Of a call that was given no values.
    #[cfg(test)]
    pub(crate) fn made_up(creator: CreatorName, key: CallKey, value_digest: Digest) -> Self {
        let (value, given) = (ValueBytes::Inline(Vec::new()), Given::Calls(Given::NONE.into()));
        Self { creator, key, digest: Digest::of(b""), value_digest, value, dynamic_inputs: Vec::new(), given }
    }
}

/// The calls whose values were among the arguments of a call: of a few it is known which, many are read when somebody asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Given {
    Calls(Box<[CallKey]>),
    /// The member of the lineage that has them.
    Unread(Box<[u8]>),
}

/// How long that member may be for those in it to be few.
const FEW: usize = 2 << 10;

impl Given {
    const NONE: [CallKey; 0] = [];

    /// Reads it from a document.
    pub(super) fn of(bytes: &[u8]) -> Self {
        // Before this member stand arguments, which can have members of any name; behind it nothing that others chose. And
        // quotation marks in strings are escaped.
        let of_lineage = memchr::memmem::rfind(bytes, br#""inputs":["#).map(|at| &bytes[at..]);
        let array = of_lineage.and_then(|rest| {
            let begin = memchr::memmem::find(rest, VALUES)? + VALUES.len() - 1;
            let length = memchr::memmem::find(&rest[begin..], br#","outputs":["#)?;
            Some(&rest[begin..begin + length])
        });
        match array {
            None => Self::Calls(Self::NONE.into()),
            Some(few) if few.len() <= FEW => Self::Calls(read_calls(few).into()),
            Some(many) => Self::Unread(many.into()),
        }
    }
}

const VALUES: &[u8] = br#","values":["#;

/// Reads the array of values that `bytes` begins with.
fn read_calls(bytes: &[u8]) -> Vec<CallKey> {
    #[derive(Deserialize)]
    struct Value {
        #[serde(default)]
        argument: Option<IgnoredAny>,
        key: CallKey,
    }
    let mut read = serde_json::Deserializer::from_slice(bytes).into_iter::<Vec<Value>>();
    let values = read.next().and_then(Result::ok).unwrap_or_default();
    values.into_iter().filter(|value| value.argument.is_some()).map(|value| value.key).collect()
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
    fn read(
        self,
        creator: &CreatorName,
        key: &CallKey,
        digest: Digest,
        document: &[u8],
    ) -> Result<Option<CallValue>, &'static str> {
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
        Ok(Some(CallValue { creator, key, digest, value_digest, value, dynamic_inputs, given: Given::of(document) }))
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
        Ok((head.nonce.to_string(), head.read(creator, key, digest, bytes)))
    };
    let opened = envelope::open_before("call", bytes, "lineage", place, parse);
    let ((nonce, answer), digest) = opened.map_err(|e| e.about(Subject::Call(creator.clone(), *key)))?;
    let answer = answer.map_err(|why| damaged(creator, key, why))?;
    Ok(ReadRecord { digest, nonce, answer })
}

/// The error of a record that is not what was written.
fn damaged(creator: &CreatorName, key: &CallKey, why: &str) -> Error {
    let place = Location::Record(creator.clone(), *key).path();
    let error = Error::new(ErrorKind::Corrupt, format!("the call record `{place}` is damaged: {why}"));
    error.about(Subject::Call(creator.clone(), *key))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the lineage of a call says that was given these values, and has an argument that looks alike.
    fn given(values: &str, argument: &str) -> Given {
        let text = format!(
            r#"{{"value":{{}},"lineage":{{"params":[{{"name":"a","value":{argument}}}],"inputs":[]{values},"outputs":[]}},"digest":""}}"#
        );
        Given::of(text.as_bytes())
    }

    #[test]
    fn what_looks_like_values_in_an_argument_is_none() {
        let key = CallKey::from_bytes([7; 32]);
        let value = format!(r#"{{"argument":"a","creator":"a/b::c","key":"{key}","digest":"{key}"}}"#);
        let nested = format!(r#"{{"creator":"a/b::c","key":"{key}","digest":"{key}"}}"#);
        let looks_alike = format!(r#"{{"inputs":[],"values":[{value}],"outputs":[]}}"#);
        let calls = |keys: &[CallKey]| Given::Calls(keys.into());
        for argument in ["1", &looks_alike, r#""\"inputs\":[],\"values\":[""#] {
            assert_eq!(given("", argument), calls(&[]));
            assert_eq!(
                given(&format!(r#","values":[{value},{nested},{value}],"rests":{{}}"#), argument),
                calls(&[key, key])
            );
            assert_eq!(given(r#","values":[{]"#, argument), calls(&[]));
        }
        let many = given(&format!(r#","values":[{}]"#, [&*value; 20].join(",")), "1");
        let Given::Unread(array) = many else { panic!("{many:?}") };
        assert_eq!(read_calls(&array), [key; 20]);
    }
}
