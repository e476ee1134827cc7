//! Arguments, given back from what a record tells of them.
//!
//! What is shown of an argument is for people, and says less than the argument was: whether a number was a `u8` or an `f64`, and
//! whether `null` was a unit or a `None`, only its type knows. So who makes the call again compares its key with the record's:
//! arguments that are not the same are found out there, whatever was read here.

use ciborium::Value as Cbor;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::lineage::{Input, Param};

/// A recorded argument, as types read it.
#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    value: Value,
    /// Of what JSON has no form for.
    cbor: Option<Cbor>,
}

/// Why an argument is not given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotGiven {
    /// It was `#[secret]`.
    Secret,
    /// It was too large to stand in the record.
    Large,
    /// It was nested too deep to be shown.
    Deep,
    /// It holds a file that is not among the inputs of the call.
    NoFile,
}

impl Argument {
    /// The argument that `param` shows, with files from among `inputs`, those of the call.
    ///
    /// # Errors
    /// Where the record does not hold all of it.
    pub fn of(param: &Param, inputs: &[Input]) -> Result<Self, NotGiven> {
        if param.secret {
            return Err(NotGiven::Secret);
        }
        let files = inputs.iter().filter(|input| input.argument.as_deref() == Some(&param.name)).collect();
        Self::shown(&param.value, &Shown { files })
    }

    /// A value without files that a call returned, as [`value_shape`](crate::value_shape) shows it.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub fn of_returned(value: &Value) -> Result<Self, NotGiven> {
        Self::shown(value, &Shown { files: Vec::new() })
    }

    fn shown(value: &Value, shown: &Shown<'_>) -> Result<Self, NotGiven> {
        let mut is_json = true;
        let value = shown.given(value, &mut is_json)?;
        Ok(Self { cbor: (!is_json).then(|| cbor(&value)), value })
    }

    /// A value that somebody wrote down. What JSON has no form for is written as records show it: `{"$float": "NaN"}`.
    ///
    /// # Errors
    /// Where it holds what stands for a value in records, as `$file` and `$large`, and is none.
    pub fn of_said(value: &Value) -> Result<Self, NotGiven> {
        Self::of_returned(value)
    }

    /// The argument, if its type reads what is shown of it.
    pub fn read<'r, T: Deserialize<'r>>(&'r self) -> Option<T> {
        self.try_read().ok()
    }

    /// As [`read`](Self::read), with what the type says against it.
    ///
    /// # Errors
    /// Where it does not read it.
    pub fn try_read<'r, T: Deserialize<'r>>(&'r self) -> Result<T, String> {
        match &self.cbor {
            None => T::deserialize(&self.value).map_err(|error| error.to_string()),
            Some(cbor) => cbor.deserialized().map_err(|error| error.to_string()),
        }
    }
}

struct Shown<'i> {
    files: Vec<&'i Input>,
}

impl Shown<'_> {
    /// `value` with files as types read them. Says whether it holds what JSON has no form for.
    fn given(&self, value: &Value, is_json: &mut bool) -> Result<Value, NotGiven> {
        Ok(match value {
            Value::Array(values) => {
                Value::Array(values.iter().map(|value| self.given(value, is_json)).collect::<Result<_, _>>()?)
            }
            Value::Object(fields) => match special(fields) {
                Some(("$file", file)) => self.file(file)?,
                Some(("$large", _)) => return Err(NotGiven::Large),
                Some(("$deep", _)) => return Err(NotGiven::Deep),
                Some((name, content)) => {
                    *is_json = false;
                    Value::Object(Map::from_iter([(name.to_owned(), self.given(content, is_json)?)]))
                }
                None => {
                    let given = |(name, value): (&String, &Value)| Ok((name.clone(), self.given(value, is_json)?));
                    Value::Object(fields.iter().map(given).collect::<Result<_, _>>()?)
                }
            },
            plain => plain.clone(),
        })
    }

    fn file(&self, shown: &Value) -> Result<Value, NotGiven> {
        let text = |member: &str| shown.get(member).and_then(Value::as_str);
        let (digest, name, uid) = (text("digest"), text("name"), text("uid"));
        let is_it = |input: &&&Input| {
            digest == Some(&*input.digest.to_string())
                && name == Some(&*input.name)
                && uid.is_none_or(|uid| input.uid.as_ref().is_some_and(|of| of.as_str() == uid))
        };
        let input = self.files.iter().find(is_it).filter(|input| input.uid.is_some()).ok_or(NotGiven::NoFile)?;
        let tree = shown.get("tree") == Some(&Value::Bool(true));
        Ok(json!({
            "uid": input.uid, "digest": input.digest, "size": input.size, "name": input.name, "tree": tree,
        }))
    }
}

/// The one member of an object that stands for what JSON has no form for.
fn special(fields: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, content) = fields.iter().next().filter(|_| fields.len() == 1)?;
    let known = ["$file", "$large", "$deep", "$bytes", "$int", "$float", "$map"];
    known.contains(&name.as_str()).then_some((name, content))
}

fn cbor(value: &Value) -> Cbor {
    match value {
        Value::Null => Cbor::Null,
        Value::Bool(value) => Cbor::Bool(*value),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Cbor::Integer(number.into()),
            (_, Some(number)) => Cbor::Integer(number.into()),
            _ => number.as_f64().map_or(Cbor::Null, Cbor::Float),
        },
        Value::String(text) => Cbor::Text(text.clone()),
        Value::Array(values) => Cbor::Array(values.iter().map(cbor).collect()),
        Value::Object(fields) => {
            special(fields).and_then(|(name, content)| of_special(name, content)).unwrap_or_else(|| {
                Cbor::Map(fields.iter().map(|(name, value)| (Cbor::Text(name.clone()), cbor(value))).collect())
            })
        }
    }
}

fn of_special(name: &str, content: &Value) -> Option<Cbor> {
    use base64::Engine as _;
    match name {
        "$bytes" => base64::engine::general_purpose::STANDARD.decode(content.as_str()?).ok().map(Cbor::Bytes),
        "$float" => content.as_str()?.parse().ok().map(Cbor::Float),
        // Large ones, as CBOR has them: bytes under a tag, and of a negative one what is beneath -1.
        "$int" => {
            let (tag, beyond) = match content.as_str()?.strip_prefix('-') {
                Some(digits) => (3, digits.parse::<u128>().ok()?.checked_sub(1)?),
                None => (2, content.as_str()?.parse().ok()?),
            };
            let bytes = beyond.to_be_bytes().iter().copied().skip_while(|byte| *byte == 0).collect();
            Some(Cbor::Tag(tag, Box::new(Cbor::Bytes(bytes))))
        }
        "$map" => {
            let pairs = content.as_array()?.iter();
            let pairs = pairs.map(|pair| Some((cbor(pair.get(0)?), cbor(pair.get(1)?))));
            pairs.collect::<Option<_>>().map(Cbor::Map)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Serialize;
    use serde::de::DeserializeOwned;

    use super::*;
    use crate::{Digest, FileRef, Uid, canonical};

    fn param(value: Value) -> Param {
        Param { name: "n".to_owned(), value, secret: false }
    }

    fn comes_back<T: Serialize + DeserializeOwned>(value: &T) {
        let encoded = canonical::encode(value).unwrap();
        let shown = canonical::to_json(&encoded.bytes).unwrap();
        let argument = Argument::of(&param(shown.clone()), &[]).unwrap();
        let read: T = argument.read().unwrap_or_else(|| panic!("not read: {shown}"));
        assert_eq!(canonical::encode(&read).unwrap().bytes, encoded.bytes, "{shown}");
    }

    #[derive(Serialize, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
    enum Kind {
        Small,
        Named(String),
        Pair(u8, i64),
        Field { at: (u32, u32) },
    }

    #[test]
    fn what_is_shown_of_values_gives_them_back() {
        comes_back(&(1_u8, -1_i64, u64::MAX, "text \"with\" \n".to_owned(), 'c', true, ()));
        comes_back(&[0.1_f64, 0.1 + 0.2, 1e300, -0.0, 3.0]);
        comes_back(&[0.1_f32, 16_777_216.0, f32::MIN_POSITIVE]);
        comes_back(&(Some(3), None::<u8>, vec![Some("x".to_owned())]));
        comes_back(&[Kind::Small, Kind::Named("n".into()), Kind::Pair(1, -2), Kind::Field { at: (3, 4) }]);
        comes_back(&BTreeMap::from([(1_u32, "one"), (20, "twenty")].map(|(n, text)| (n, text.to_owned()))));
    }

    #[test]
    fn so_does_what_json_has_no_form_for() {
        comes_back(&(f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f32::NAN));
        comes_back(&(u128::from(u64::MAX) + 1, i128::from(i64::MIN) - 1, f64::NAN));
        comes_back(&BTreeMap::from([((1_u8, 2_u8), "pair".to_owned()), ((3, 4), "other".to_owned())]));
        comes_back(&BTreeMap::from([(Kind::Pair(1, 2), f64::INFINITY)]));
    }

    #[test]
    fn text_is_borrowed() {
        let argument = Argument::of(&param(json!(["a", "b \"c\"\n"])), &[]).unwrap();
        assert_eq!(argument.read::<Vec<&str>>().unwrap(), ["a", "b \"c\"\n"]);
        assert_eq!(argument.read::<Box<[&str]>>().unwrap().len(), 2);
        assert!(argument.read::<u32>().is_none());
    }

    #[test]
    fn files_come_from_the_inputs_of_the_call() {
        let uid = Uid::chosen("corpora/alice.txt").unwrap();
        let digest = Digest::of(b"Alice");
        let input = |argument: &str| Input {
            argument: Some(argument.into()),
            uid: Some(uid.clone()),
            name: "alice.txt".into(),
            digest,
            size: 5,
        };
        let shown = json!([{ "$file": { "name": "alice.txt", "digest": digest } }]);
        let argument = Argument::of(&param(shown.clone()), &[input("n")]).unwrap();
        let files: Vec<FileRef> = argument.read().unwrap();
        assert_eq!((files[0].uid.as_ref(), files[0].digest, files[0].size), (Some(&uid), digest, 5));
        // Another argument's.
        assert_eq!(Argument::of(&param(shown), &[input("m")]), Err(NotGiven::NoFile));
    }

    #[test]
    fn what_is_not_kept_is_not_given_back() {
        let of = |value| Argument::of(&param(value), &[]).unwrap_err();
        assert_eq!(of(json!({ "$large": { "bytes": 20000 } })), NotGiven::Large);
        assert_eq!(of(json!([{ "x": { "$deep": {} } }])), NotGiven::Deep);
        let secret = Param { name: "token".to_owned(), value: Value::Null, secret: true };
        assert_eq!(Argument::of(&secret, &[]).unwrap_err(), NotGiven::Secret);
    }
}
