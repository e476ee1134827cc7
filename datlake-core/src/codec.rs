//! How a return value is stored: by the first codec that provably gives it back.
//!
//! The first byte says which: 1 bincode 2, 2 CBOR, 3 JSON. bincode keeps what the others lose (`Some(None)`, NaN, keys of
//! any type); the others keep what needs field names (`flatten`, untagged and internally tagged enums). "Gives it back"
//! means: decoding uses every byte, and the decoded value has the same canonical digest. That digest also stays with the
//! record, so a return type that has since changed its meaning is found out before anyone gets the value.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::canonical::{self, Encoded};
use crate::{Digest, Error, ErrorKind, FileRef, Result};

/// A value as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored<T> {
    /// The codec's byte and what the codec wrote.
    pub bytes: Vec<u8>,
    /// Digest of the value's canonical encoding.
    pub digest: Digest,
    /// The value's canonical encoding.
    pub encoding: Vec<u8>,
    /// The files in the value, in canonical order.
    pub files: Vec<FileRef>,
    /// The value as everyone who finds it stored will see it.
    pub value: T,
}

/// What stored bytes are to a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded<T> {
    /// The value that was stored.
    Value(T),
    /// They were made from a type of another shape or meaning.
    OtherShape,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Codec {
    Bincode = 1,
    Cbor = 2,
    Json = 3,
}

/// Stores `value`.
///
/// # Errors
/// [`ErrorKind::Value`] where no codec gives the value back; the message names the type.
///
/// ```
/// use datlake_core::codec::{self, Decoded};
///
/// let stored = codec::encode(&vec![Some(1.5), None])?;
/// match codec::decode::<Vec<Option<f64>>>(&stored.bytes, &stored.digest)? {
///     Decoded::Value(value) => assert_eq!(value, [Some(1.5), None]),
///     Decoded::OtherShape => unreachable!("the type is the same"),
/// }
/// assert!(matches!(codec::decode::<String>(&stored.bytes, &stored.digest)?, Decoded::OtherShape));
/// # Ok::<(), datlake_core::Error>(())
/// ```
pub fn encode<T: Serialize + DeserializeOwned>(value: &T) -> Result<Stored<T>> {
    store(value, canonical::encode(value)?)
}

/// Stores `value`, whose canonical encoding is `encoded`.
///
/// # Errors
/// As [`encode`].
pub fn store<T: Serialize + DeserializeOwned>(value: &T, encoded: Encoded) -> Result<Stored<T>> {
    let digest = encoded.digest();
    let Encoded { bytes: encoding, files } = encoded;
    for codec in [Codec::Bincode, Codec::Cbor, Codec::Json] {
        let Some(bytes) = codec.write(value) else { continue };
        if let Some(value) = codec.read::<T>(&bytes[1..]).filter(|value| with_digest(value, &digest).is_some()) {
            return Ok(Stored { bytes, digest, encoding, files, value });
        }
    }
    let type_name = std::any::type_name::<T>();
    Err(Error::new(
        ErrorKind::Value,
        format!(
            "a value of type `{type_name}` does not survive being stored: what is read back is not what was written; \
             look for `#[serde(skip)]`, for `Serialize` and `Deserialize` that do not match, or return a plainer type"
        ),
    ))
}

/// Reads what [`encode`] stored, if it still is the value whose canonical digest is `want`.
///
/// # Errors
/// [`ErrorKind::Corrupt`] where there are no bytes, [`ErrorKind::Format`] where a newer version wrote them.
pub fn decode<T: Serialize + DeserializeOwned>(bytes: &[u8], want: &Digest) -> Result<Decoded<T>> {
    Ok(match decode_encoded(bytes, want)? {
        Decoded::Value((value, _)) => Decoded::Value(value),
        Decoded::OtherShape => Decoded::OtherShape,
    })
}

/// The same, with the canonical encoding by which it was checked.
///
/// # Errors
/// As [`decode`].
pub fn decode_encoded<T: Serialize + DeserializeOwned>(bytes: &[u8], want: &Digest) -> Result<Decoded<(T, Encoded)>> {
    let (codec, payload) = split(bytes)?;
    let checked = codec.read(payload).and_then(|value: T| Some((with_digest(&value, want)?, value)));
    Ok(match checked {
        Some((encoded, value)) => Decoded::Value((value, encoded)),
        None => Decoded::OtherShape,
    })
}

/// Reads what was decoded under the same type before, by this process, and found to be what was stored: the same bytes give the
/// same value. `None` where they give none all the same.
///
/// # Errors
/// As [`decode`].
pub(crate) fn decode_checked<T: DeserializeOwned>(bytes: &[u8]) -> Result<Option<T>> {
    let (codec, payload) = split(bytes)?;
    Ok(codec.read(payload))
}

/// Whether what was stored can be shown only with its [shape](crate::value_shape::ValueShape).
pub fn needs_shape(bytes: &[u8]) -> bool {
    bytes.first() == Some(&(Codec::Bincode as u8))
}

/// What was stored as JSON, where the codec keeps names and types; `None` for one that does not.
///
/// # Errors
/// As [`decode`]; [`ErrorKind::Value`] for what JSON has no form for.
pub(crate) fn self_describing(bytes: &[u8]) -> Result<Option<serde_json::Value>> {
    let (codec, payload) = split(bytes)?;
    if codec == Codec::Bincode {
        return Ok(None);
    }
    let none = || Error::new(ErrorKind::Value, "a stored return value has no form in JSON");
    codec.read(payload).ok_or_else(none).map(Some)
}

/// The codec that stored these bytes, and what it wrote.
fn split(bytes: &[u8]) -> Result<(Codec, &[u8])> {
    let Some((&tag, payload)) = bytes.split_first() else {
        return Err(Error::new(ErrorKind::Corrupt, "a stored return value is empty"));
    };
    Ok((Codec::of(tag)?, payload))
}

/// The canonical encoding of `value`, if it has this digest.
fn with_digest<T: Serialize>(value: &T, want: &Digest) -> Option<Encoded> {
    canonical::encode(value).ok().filter(|encoded| encoded.digest() == *want)
}

impl Codec {
    /// The codec whose byte this is.
    fn of(tag: u8) -> Result<Self> {
        match tag {
            1 => Ok(Self::Bincode),
            2 => Ok(Self::Cbor),
            3 => Ok(Self::Json),
            _ => {
                let message = format!(
                    "a return value is stored in a way (codec {tag}) that this version of datlake does not know"
                );
                Err(Error::new(ErrorKind::Format, message))
            }
        }
    }

    /// The codec's byte and the encoded value.
    fn write<T: Serialize>(self, value: &T) -> Option<Vec<u8>> {
        let mut bytes = vec![self as u8];
        match self {
            Self::Bincode => {
                bincode::serde::encode_into_std_write(value, &mut bytes, bincode::config::standard()).ok()?;
            }
            Self::Cbor => ciborium::into_writer(value, &mut bytes).ok()?,
            Self::Json => serde_json::to_writer(&mut bytes, value).ok()?,
        }
        Some(bytes)
    }

    /// The value, if `bytes` holds one and nothing else.
    fn read<T: DeserializeOwned>(self, bytes: &[u8]) -> Option<T> {
        match self {
            Self::Bincode => read_bincode(bytes),
            Self::Cbor => {
                let mut rest = bytes;
                let value = ciborium::from_reader(&mut rest).ok()?;
                rest.is_empty().then_some(value)
            }
            Self::Json => serde_json::from_slice(bytes).ok(),
        }
    }
}

/// bincode believes lengths and allocates for them, unless limited. What it counts is the size of the decoded numbers, at
/// most 16 bytes for each byte read.
fn read_bincode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    fn read<T: DeserializeOwned>(bytes: &[u8], config: impl bincode::config::Config) -> Option<T> {
        let (value, read) = bincode::serde::decode_from_slice(bytes, config).ok()?;
        (read == bytes.len()).then_some(value)
    }
    let config = bincode::config::standard();
    match bytes.len() {
        0..=0xff => read(bytes, config.with_limit::<0x1000>()),
        0x100..=0xfff => read(bytes, config.with_limit::<0x1_0000>()),
        0x1000..=0xf_ffff => read(bytes, config.with_limit::<0x100_0000>()),
        0x10_0000..=0x7ff_ffff => read(bytes, config.with_limit::<0x7fff_ffff>()),
        _ => read(bytes, config),
    }
}
