//! Reading what bincode wrote, by the shape of the value.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value, json};

use super::shape::{ValueShape, VariantShape};
use crate::canonical::{float32, float64, map_value};
use crate::{Error, ErrorKind, FileRef, Result};

pub(super) fn read(bytes: &[u8], shape: &ValueShape) -> Result<Value> {
    let mut reader = Reader { rest: bytes };
    let value = reader.value(shape)?;
    if reader.rest.is_empty() { Ok(value) } else { Err(wrong()) }
}

fn wrong() -> Error {
    Error::new(ErrorKind::Corrupt, "a stored return value is not of the shape that its record says")
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn value(&mut self, shape: &ValueShape) -> Result<Value> {
        Ok(match shape {
            ValueShape::Unit => Value::Null,
            ValueShape::Bool => match self.byte()? {
                0 => false.into(),
                1 => true.into(),
                _ => return Err(wrong()),
            },
            ValueShape::Byte => self.byte()?.into(),
            ValueShape::SignedByte => self.byte()?.cast_signed().into(),
            ValueShape::Unsigned => unsigned(self.integer()?),
            ValueShape::Signed => signed(self.integer()?),
            ValueShape::F32 => float32(f32::from_le_bytes(self.array()?)),
            ValueShape::F64 => float64(f64::from_le_bytes(self.array()?)),
            ValueShape::Char => self.character()?.to_string().into(),
            ValueShape::Text => self.text()?.into(),
            ValueShape::Bytes => {
                let length = self.length()?;
                json!({ "$bytes": BASE64.encode(self.take(length)?) })
            }
            ValueShape::File => self.file()?,
            ValueShape::Optional(shape) => match (self.byte()?, &**shape) {
                (0, _) => Value::Null,
                (1, Some(shape)) => self.value(shape)?,
                _ => return Err(wrong()),
            },
            ValueShape::List(shape) => {
                let length = self.length()?;
                let mut values = Vec::new();
                for _ in 0..length {
                    values.push(self.known(shape.as_ref().as_ref())?);
                }
                Value::Array(values)
            }
            ValueShape::Tuple(shapes) => self.tuple(shapes)?,
            ValueShape::Map(shapes) => {
                let length = self.length()?;
                let mut entries = Vec::new();
                for _ in 0..length {
                    entries.push((self.known(shapes.0.as_ref())?, self.known(shapes.1.as_ref())?));
                }
                map_value(entries)
            }
            ValueShape::Struct(fields) => self.fields(fields)?,
            ValueShape::Enum(variants) => {
                let index = self.integer()?;
                let variant = variants.iter().find(|(known, ..)| u128::from(*known) == index);
                let (_, name, shape) = variant.ok_or_else(wrong)?;
                let content = match shape {
                    VariantShape::Unit => return Ok(name.as_str().into()),
                    VariantShape::Newtype(shape) => self.known(shape.as_ref().as_ref())?,
                    VariantShape::Tuple(shapes) => self.tuple(shapes)?,
                    VariantShape::Struct(fields) => self.fields(fields)?,
                };
                Value::Object(Map::from_iter([(name.clone(), content)]))
            }
        })
    }

    fn known(&mut self, shape: Option<&ValueShape>) -> Result<Value> {
        self.value(shape.ok_or_else(wrong)?)
    }

    fn tuple(&mut self, shapes: &[Option<ValueShape>]) -> Result<Value> {
        shapes.iter().map(|shape| self.known(shape.as_ref())).collect()
    }

    fn fields(&mut self, fields: &[(String, Option<ValueShape>)]) -> Result<Value> {
        fields
            .iter()
            .map(|(name, shape)| Ok((name.clone(), self.known(shape.as_ref())?)))
            .collect::<Result<_>>()
            .map(Value::Object)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or_else(wrong)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn byte(&mut self) -> Result<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// One byte, or one that says how many follow.
    fn integer(&mut self) -> Result<u128> {
        Ok(match self.byte()? {
            251 => u16::from_le_bytes(self.array()?).into(),
            252 => u32::from_le_bytes(self.array()?).into(),
            253 => u64::from_le_bytes(self.array()?).into(),
            254 => u128::from_le_bytes(self.array()?),
            255 => return Err(wrong()),
            small => small.into(),
        })
    }

    /// Nothing that has more parts than bytes follow is shown: a list of units may have any length.
    fn length(&mut self) -> Result<usize> {
        let length = usize::try_from(self.integer()?).map_err(|_| wrong())?;
        if length <= self.rest.len() { Ok(length) } else { Err(wrong()) }
    }

    fn text(&mut self) -> Result<&'a str> {
        let length = self.length()?;
        std::str::from_utf8(self.take(length)?).map_err(|e| wrong().because(e))
    }

    fn character(&mut self) -> Result<char> {
        for length in 1..=4.min(self.rest.len()) {
            if let Ok(text) = std::str::from_utf8(&self.rest[..length]) {
                self.take(length)?;
                return text.chars().next().ok_or_else(wrong);
            }
        }
        Err(wrong())
    }

    fn file(&mut self) -> Result<Value> {
        let config = bincode::config::standard().with_limit::<0x1_0000>();
        let read = bincode::serde::decode_from_slice::<FileRef, _>(self.rest, config);
        let (file, read) = read.map_err(|e| wrong().because(e))?;
        self.take(read)?;
        let mut shown = json!({ "name": &*file.name, "digest": file.digest });
        let chosen = file.chosen_uid().map(|uid| ("uid", json!(uid)));
        for (member, value) in chosen.into_iter().chain(file.tree.then(|| ("tree", true.into()))) {
            shown[member] = value;
        }
        Ok(json!({ "$file": shown }))
    }
}

fn unsigned(value: u128) -> Value {
    u64::try_from(value).map_or_else(|_| json!({ "$int": value.to_string() }), Value::from)
}

fn signed(zigzag: u128) -> Value {
    let value = (zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed();
    match (i64::try_from(value), u64::try_from(value)) {
        (Ok(value), _) => value.into(),
        (_, Ok(value)) => value.into(),
        _ => json!({ "$int": value.to_string() }),
    }
}
