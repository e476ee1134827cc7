//! What `datlake call`, or a worker, and the program whose creator is called say to each other.

use std::collections::HashMap;

use datlake_core::replay::{Argument, NotGiven};
use serde::de::value::{Error as Wrong, StringDeserializer};
use serde::de::{Deserializer, Error as _, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::file::reading_names;
use crate::report::CalledCall;
use crate::requests::take_on;
pub use crate::requests::{Answers, CALL as REQUEST, answers_of};

/// Which call is asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CallRequest {
    /// The creator: its name, or the end of it.
    pub creator: String,
    /// Its arguments, by the names of the parameters.
    pub params: Map<String, Value>,
}

/// A line of the answer; there is one.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CreatorAnswer {
    /// It was made, or found.
    Called(Box<CalledCall>),
    /// It was not.
    Failed {
        /// What went wrong; of an argument, its name too.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
}

/// What this process was asked to call, and where the answer goes.
///
/// # Errors
/// [`ErrorKind::Config`](datlake_core::ErrorKind::Config) where the request cannot be read.
pub fn asked() -> datlake_core::Result<Option<(CallRequest, Answers)>> {
    take_on(REQUEST, "`datlake call` or a worker")
}

/// Brings to their end what this thread's lakes have begun: the process is about to end.
pub fn end_here() {
    crate::at_end::end_here();
}

/// The arguments that somebody says.
#[derive(Debug)]
pub struct SaidCall {
    said: Map<String, Value>,
    read: HashMap<String, Result<Argument, NotGiven>>,
}

impl SaidCall {
    /// These.
    pub fn new(params: Map<String, Value>) -> Self {
        let read = params.iter().map(|(name, value)| (name.clone(), Argument::of_said(value))).collect();
        Self { said: params, read }
    }

    /// The argument of a parameter. One that is not said is the `None` of its type, where it has one.
    ///
    /// # Errors
    /// What is wrong with it, with its name.
    pub fn argument<'r, T: Deserialize<'r>>(&'r self, name: &str, is_secret: bool) -> Result<T, String> {
        let wrong = |why: &str| format!("the parameter `{name}` {why}");
        let Self { said, read } = self;
        let argument = match read.get(name) {
            None => return T::deserialize(Absent).map_err(|_| wrong("is missing")),
            Some(_) if is_secret => return secret(&said[name]).map_err(|why| wrong(&why)),
            Some(Ok(argument)) => argument,
            Some(Err(_)) => {
                return Err(wrong(
                    "has `$file`, `$large` or `$deep`, as records show values: a file is said by its name",
                ));
            }
        };
        reading_names(|| argument.try_read()).map_err(|why| wrong(&format!("cannot be what was said: {why}")))
    }
}

/// A secret, from the variable of this process that is named: requests are kept.
fn secret<'r, T: Deserialize<'r>>(said: &Value) -> Result<T, String> {
    let named = said.as_object().filter(|of| of.len() == 1).and_then(|of| of.get("$env")).and_then(Value::as_str);
    let Some(name) = named else {
        return Err(
            r#"is secret: say a variable of the program that has it, as {"$env": "API_KEY"}, and not its value"#
                .to_owned(),
        );
    };
    let value =
        std::env::var(name).map_err(|_| format!("is secret, and the program has no variable `{name}` with it"))?;
    // What is wrong with it is not shown: that would show it.
    let text = StringDeserializer::<Wrong>::new(value);
    T::deserialize(text).map_err(|_| format!("cannot be the text in the variable `{name}`: its type is none of texts"))
}

/// An argument that nobody has said.
struct Absent;

impl<'de> Deserializer<'de> for Absent {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Wrong> {
        Err(Wrong::custom("missing"))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_none()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct newtype_struct seq
        tuple tuple_struct map struct enum identifier ignored_any
    }
}
