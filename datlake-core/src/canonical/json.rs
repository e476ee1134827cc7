//! The canonical encoding as JSON, for people. Shown the way `serde_json` would show the value, where that can be said.

use base64::Engine as _;
use serde_json::{Map, Number, Value, json};

use super::cursor::Cursor;
use super::{file_flag, tag};
use crate::{Digest, Error, ErrorKind, Result, Uid};

/// How deep a value may be nested to be shown: so that a record which holds it stays within what JSON readers accept.
const MAX_DEPTH: usize = 40;

/// Shows a canonical encoding as JSON.
///
/// What JSON has no form for is an object with one key: `{"$file": {"uid", "name", "digest", "tree"}}` (the UID only where
/// a person chose it, `tree` only where it is one), `{"$bytes": base64}`, `{"$int": decimal}` beyond 64 bits,
/// `{"$float": "NaN"}`, and `{"$map": [[key, value], …]}` where keys are not text, numbers or truth values.
///
/// # Errors
/// [`ErrorKind::Corrupt`] where `bytes` is not exactly one canonical value; [`ErrorKind::Value`] where it is nested more than
/// 40 levels deep.
///
/// ```
/// use datlake_core::canonical;
///
/// let encoded = canonical::encode(&(1, "two", Some(3.0)))?;
/// assert_eq!(canonical::to_json(&encoded.bytes)?, serde_json::json!([1, "two", 3.0]));
/// # Ok::<(), datlake_core::Error>(())
/// ```
pub fn to_json(bytes: &[u8]) -> Result<Value> {
    let mut reader = Cursor::new(bytes);
    let value = reader.value(0)?;
    if reader.is_at_end() { Ok(value) } else { Err(reader.wrong("more bytes than one value")) }
}

impl Cursor<'_> {
    fn value(&mut self, depth: usize) -> Result<Value> {
        let tag = self.byte()?;
        self.value_of(tag, depth)
    }

    fn value_of(&mut self, tag: u8, depth: usize) -> Result<Value> {
        if depth > MAX_DEPTH {
            return Err(Error::new(
                ErrorKind::Value,
                format!("a value nested more than {MAX_DEPTH} levels deep cannot be shown"),
            ));
        }
        Ok(match tag {
            tag::UNIT | tag::NONE => Value::Null,
            tag::FALSE => Value::Bool(false),
            tag::TRUE => Value::Bool(true),
            tag::INT => self.integer()?,
            tag::F32 => float32(f32::from_le_bytes(self.array()?)),
            tag::F64 => float64(f64::from_le_bytes(self.array()?)),
            tag::CHAR => {
                let code = u32::from_le_bytes(self.array()?);
                char::from_u32(code).ok_or_else(|| self.wrong("a character that is none"))?.to_string().into()
            }
            tag::STR => self.text()?.into(),
            tag::BYTES => {
                let length = self.length()?;
                json!({ "$bytes": base64::engine::general_purpose::STANDARD.encode(self.take(length)?) })
            }
            tag::SOME => self.value(depth + 1)?,
            tag::SEQ | tag::TUPLE => Value::Array(self.values(depth)?),
            tag::SET => {
                let count = self.length()?;
                let mut values = Vec::new();
                for _ in 0..count {
                    values.push(self.value(depth + 1)?);
                }
                Value::Array(values)
            }
            tag::MAP => {
                let count = self.length()?;
                let mut entries = Vec::new();
                for _ in 0..count {
                    entries.push((self.value(depth + 2)?, self.value(depth + 2)?));
                }
                map_value(entries)
            }
            tag::ORDERED_MAP => {
                let mut entries = Vec::new();
                loop {
                    match self.byte()? {
                        tag::END => break,
                        tag => entries.push((self.value_of(tag, depth + 2)?, self.value(depth + 2)?)),
                    }
                }
                self.check_count(entries.len())?;
                let keys: Option<Vec<_>> = entries.iter().map(|(key, _)| key_text(key)).collect();
                match keys {
                    Some(keys) if !keys.is_sorted() => list_value(entries),
                    _ => map_value(entries),
                }
            }
            tag::STRUCT => Value::Object(self.fields(depth)?),
            tag::UNIT_VARIANT => self.text()?.into(),
            tag::NEWTYPE_VARIANT => variant(self.text()?, self.value(depth + 1)?),
            tag::TUPLE_VARIANT => variant(self.text()?, Value::Array(self.values(depth + 1)?)),
            tag::STRUCT_VARIANT => variant(self.text()?, Value::Object(self.fields(depth + 1)?)),
            tag::FILE => self.file()?,
            _ => return Err(self.wrong("an unknown tag")),
        })
    }

    fn values(&mut self, depth: usize) -> Result<Vec<Value>> {
        let mut values = Vec::new();
        loop {
            match self.byte()? {
                tag::END => break,
                tag => values.push(self.value_of(tag, depth + 1)?),
            }
        }
        self.check_count(values.len())?;
        Ok(values)
    }

    fn fields(&mut self, depth: usize) -> Result<Map<String, Value>> {
        let mut fields = Map::new();
        let mut count = 0;
        loop {
            match self.byte()? {
                tag::END => break,
                tag::FIELD => {
                    let name = self.text()?.to_owned();
                    fields.insert(name, self.value(depth + 1)?);
                    count += 1;
                }
                _ => return Err(self.wrong("a field expected")),
            }
        }
        self.check_count(count)?;
        Ok(fields)
    }

    fn check_count(&mut self, found: usize) -> Result<()> {
        if self.length()? == found { Ok(()) } else { Err(self.wrong("a wrong count")) }
    }

    fn integer(&mut self) -> Result<Value> {
        let length = usize::from(self.byte()?);
        let bytes = self.take(length)?;
        if length == 17 && bytes[16] == 0 {
            let mut array = [0; 16];
            array.copy_from_slice(&bytes[..16]);
            return Ok(json!({ "$int": u128::from_le_bytes(array).to_string() }));
        }
        let Some(last) = bytes.last().filter(|_| length <= 16) else {
            return Err(self.wrong("a malformed integer"));
        };
        let mut array = [if *last >= 0x80 { 0xff } else { 0 }; 16];
        array[..length].copy_from_slice(bytes);
        let value = i128::from_le_bytes(array);
        Ok(match (i64::try_from(value), u64::try_from(value)) {
            (Ok(value), _) => value.into(),
            (_, Ok(value)) => value.into(),
            _ => json!({ "$int": value.to_string() }),
        })
    }

    fn file(&mut self) -> Result<Value> {
        let flags = self.byte()?;
        if flags & !(file_flag::TREE | file_flag::CHOSEN) != 0 {
            return Err(self.wrong("a malformed file"));
        }
        let digest = Digest::from_bytes(self.array()?);
        let text = self.text()?;
        let mut file = Map::new();
        if flags & file_flag::CHOSEN == 0 {
            file.insert("name".into(), text.into());
        } else {
            let uid = Uid::chosen(text).map_err(|_| self.wrong("a malformed UID"))?;
            file.insert("name".into(), uid.file_name().into());
            file.insert("uid".into(), text.into());
        }
        file.insert("digest".into(), digest.to_string().into());
        if flags & file_flag::TREE != 0 {
            file.insert("tree".into(), true.into());
        }
        Ok(json!({ "$file": file }))
    }
}

fn variant(name: &str, content: Value) -> Value {
    Value::Object(Map::from_iter([(name.to_owned(), content)]))
}

pub(crate) fn float64(value: f64) -> Value {
    match Number::from_f64(value) {
        Some(number) => Value::Number(number),
        None => json!({ "$float": value.to_string() }),
    }
}

/// As the shortest decimal that is this `f32`: `0.1`, not `0.10000000149011612`.
pub(crate) fn float32(value: f32) -> Value {
    float64(value.to_string().parse().unwrap_or_else(|_| value.into()))
}

pub(crate) fn map_value(entries: Vec<(Value, Value)>) -> Value {
    let keys: Option<std::collections::BTreeSet<String>> = entries.iter().map(|(key, _)| key_text(key)).collect();
    match keys {
        // Keys may differ and look alike, as `1` and `"1"` do.
        Some(keys) if keys.len() == entries.len() => {
            entries.into_iter().filter_map(|(key, value)| Some((key_text(&key)?, value))).collect()
        }
        _ => list_value(entries),
    }
}

/// A map that is no object: readers of JSON may order the fields of one as they like.
fn list_value(entries: Vec<(Value, Value)>) -> Value {
    json!({ "$map": entries.into_iter().map(|(key, value)| json!([key, value])).collect::<Vec<_>>() })
}

fn key_text(key: &Value) -> Option<String> {
    match key {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}
