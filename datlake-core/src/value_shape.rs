//! The shape of a return value: what its stored bytes leave out, so that others than its program can show it.
//!
//! bincode writes neither names nor types. A record keeps the shape beside the code that returned the value: of a list of
//! 10⁵ records it is that of one.

mod read;
mod shape;
mod trace;

use serde::Serialize;
use serde_json::Value;

pub use self::shape::{ValueShape, VariantShape};
use crate::{Error, ErrorKind, Result, codec};

/// Bytes of a stored value that is shown.
const LARGEST: usize = 256 << 20;

impl ValueShape {
    /// The shape of `value`, if it is worth keeping: `None` for units and files, and for a value whose shape is too large.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Option<Self> {
        trace::trace(value).filter(|shape| !matches!(shape, Self::Unit | Self::File))
    }
}

/// A return value as JSON, from what the codec stored; as [`canonical::to_json`](crate::canonical::to_json) would show it.
///
/// # Errors
/// [`ErrorKind::Value`] where it cannot be shown, and why; [`ErrorKind::Corrupt`] for bytes that are not of this shape.
///
/// ```
/// use datlake_core::codec;
/// use datlake_core::value_shape::{ValueShape, to_json};
///
/// let value = (vec![0.5, 0.25], Some("ridge"));
/// let stored = codec::encode(&(vec![0.5, 0.25], Some("ridge".to_owned())))?;
/// let shape = ValueShape::of(&value);
/// assert_eq!(to_json(&stored.bytes, shape.as_ref())?, serde_json::json!([[0.5, 0.25], "ridge"]));
/// # Ok::<(), datlake_core::Error>(())
/// ```
pub fn to_json(stored: &[u8], shape: Option<&ValueShape>) -> Result<Value> {
    if stored.len() > LARGEST {
        return Err(cannot(&format!("it has {} MiB", stored.len() >> 20)));
    }
    if let Some(value) = codec::self_describing(stored)? {
        return Ok(value);
    }
    let payload = stored.get(1..).unwrap_or_default();
    match shape {
        Some(shape) => read::read(payload, shape),
        // Of these nothing is kept.
        None if payload.is_empty() => Ok(Value::Null),
        None => read::read(payload, &ValueShape::File).map_err(|_| {
            cannot(
                "its record does not say what it is made of: an earlier version wrote that, or its type is too large",
            )
        }),
    }
}

fn cannot(why: &str) -> Error {
    let error = Error::new(ErrorKind::Value, format!("the value cannot be shown: {why}"));
    error.with_hint("the function returns it when it is called again")
}
