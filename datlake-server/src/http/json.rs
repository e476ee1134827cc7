//! JSON that others give us to keep: no object says a key twice, and none is too large or too deep to be read by everybody.

use std::fmt;

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::problem::{Problem, Reply};

/// The most bytes that an object has, as JSON.
const LARGEST: usize = 1 << 20;
/// The most objects and lists that are within each other.
const DEEPEST: usize = 64;

/// Any JSON in which no object says a key twice: what of two values counts, everybody would decide otherwise.
#[derive(Clone, Debug, Default, JsonSchema)]
pub(crate) struct StrictJson(pub(crate) Value);

impl<'de> Deserialize<'de> for StrictJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(StrictJson(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if object.contains_key(&key) {
                let shown: String = key.chars().take(80).flat_map(char::escape_debug).collect();
                return Err(A::Error::custom(format!("the key `{shown}` is said twice")));
            }
            let StrictJson(value) = entries.next_value()?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

/// The object that a field of a body has: an empty one where that says nothing.
///
/// # Errors
/// 400 for what is no object or too deep, 413 for what is too large.
pub(crate) fn object_of(field: &str, said: Option<StrictJson>) -> Reply<Map<String, Value>> {
    let value = said.map_or(Value::Null, |StrictJson(value)| value);
    if depth(&value) > DEEPEST {
        let message = format!("`{field}` has more than {DEEPEST} objects and lists within each other");
        return Err(Problem::bad_request(message).of_field(field));
    }
    let size = value.to_string().len();
    if size > LARGEST {
        let message = format!("`{field}` has {size} bytes: at most {LARGEST}. What is larger is an artifact");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, message).of_field(field));
    }
    match value {
        Value::Null => Ok(Map::new()),
        Value::Object(object) => Ok(object),
        _ => Err(Problem::bad_request(format!("`{field}` is a JSON object")).of_field(field)),
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(object) => 1 + object.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_is_said() {
        let text = r#"{"a":[1,-2,3.5,true,null,"\u0000ä"],"b":{"c":18446744073709551615}}"#;
        let StrictJson(value) = serde_json::from_str(text).unwrap();
        assert_eq!(value, serde_json::from_str::<Value>(text).unwrap());
        let twice = serde_json::from_str::<StrictJson>(r#"{"a":{"b":1,"b":2}}"#).unwrap_err();
        assert!(twice.to_string().contains("`b` is said twice"), "{twice}");
    }

    #[test]
    fn what_is_too_deep_or_no_object_is_refused() {
        let nested = |depth: usize| {
            let text = format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
            object_of("metadata", Some(serde_json::from_str(&text).unwrap()))
        };
        assert!(nested(64).is_ok() && nested(65).is_err());
        assert!(object_of("metadata", Some(StrictJson(Value::from(1)))).is_err());
        assert_eq!(object_of("metadata", None).unwrap().len(), 0);
    }
}
