//! Whether a call has been made before.
//!
//! A record that is there does not always answer the call: the return type may have changed its meaning since, or a file
//! that the body got by its UID may have been replaced; or there is only the mark that the call never finished. Such a
//! document stays, and the call is looked up, and kept, under the key that succeeds it. The chain of successors is the same on every machine, for it is made of keys and record digests.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::canonical::Encoded;
use crate::catalog::Catalog;
use crate::codec::{self, Decoded};
use crate::record::{CallValue, ValueBytes};
use crate::{CallKey, CreatorName, Digest, Error, ErrorKind, Result};

/// No return type changes its meaning this often.
const LONGEST_CHAIN: u32 = 1000;

/// A search for a call, from its own key along the successors.
#[derive(Clone, Debug)]
pub struct Search {
    creator: CreatorName,
    key: CallKey,
    steps: u32,
}

/// What may answer the call.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// What its record answers.
    pub answer: Arc<CallValue>,
    /// The encoded value where the record keeps it apart; the record's own otherwise.
    pub apart: Option<Vec<u8>>,
    /// Whether the files that the body got by UID are what they were.
    pub holds: bool,
    /// Whether this process has decoded the value under the same type before, and it was the one that was stored.
    pub checked: bool,
}

/// What one record says.
#[derive(Debug)]
pub enum Step<T> {
    /// It answers the call. With the canonical encoding of the value, unless it was checked before.
    Found(T, Arc<CallValue>, Option<Encoded>),
    /// There is none: the call would be kept under this key.
    Absent(CallKey),
    /// It does not answer the call; look at the next.
    Next,
}

impl Search {
    /// Begins at `key`.
    pub fn new(creator: &CreatorName, key: CallKey) -> Self {
        Self { creator: creator.clone(), key, steps: 0 }
    }

    /// Where to look now.
    pub fn place(&self) -> (&CreatorName, &CallKey) {
        (&self.creator, &self.key)
    }

    /// Considers what was found there. The encoded value is decoded under today's return type.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] for a chain that does not end.
    pub fn consider<T>(&mut self, candidate: Option<Candidate>) -> Result<Step<T>>
    where
        T: Serialize + DeserializeOwned,
    {
        let Some(Candidate { answer, apart, holds, checked }) = candidate else { return Ok(Step::Absent(self.key)) };
        if !holds {
            return self.pass(&answer.digest).map(|()| Step::Next);
        }
        let bytes = match (&answer.value, &apart) {
            (ValueBytes::Inline(bytes), _) => bytes.as_slice(),
            (ValueBytes::Blob(_), Some(bytes)) => bytes.as_slice(),
            (ValueBytes::Blob(digest), None) => {
                let message = format!("the return value {digest} of call {}/{} was not read", self.creator, self.key);
                return Err(Error::new(ErrorKind::MissingBlob, message));
            }
        };
        if checked && let Some(value) = codec::decode_checked(bytes)? {
            return Ok(Step::Found(value, answer, None));
        }
        match codec::decode_encoded(bytes, &answer.value_digest)? {
            Decoded::Value((value, encoded)) => Ok(Step::Found(value, answer, Some(encoded))),
            Decoded::OtherShape => self.pass(&answer.digest).map(|()| Step::Next),
        }
    }

    /// Goes on to the key that succeeds this one, where the document `digest` does not answer the call.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] for a chain that does not end.
    pub fn pass(&mut self, digest: &Digest) -> Result<()> {
        self.key = self.key.successor(digest);
        self.steps += 1;
        if self.steps < LONGEST_CHAIN {
            return Ok(());
        }
        let message = format!(
            "call {}: {LONGEST_CHAIN} records, none of which holds a value of today's return type",
            self.creator
        );
        Err(Error::new(ErrorKind::Corrupt, message))
    }
}

impl Candidate {
    /// Gathers what a search needs to know of `answer`.
    ///
    /// # Errors
    /// Those of [`Catalog::value`].
    pub async fn of(catalog: &Catalog, answer: Arc<CallValue>, checked: bool) -> Result<Self> {
        let holds = catalog.holds(&answer.dynamic_inputs).await?;
        let apart = match &answer.value {
            ValueBytes::Blob(_) if holds => Some(catalog.value_of(&answer).await?),
            _ => None,
        };
        Ok(Self { answer, apart, holds, checked })
    }
}
