//! How many files a type holds, where every value of it holds as many: so that output UIDs are known before a call runs.
//!
//! The type is deserialized from dummies, by a deserializer that counts the [`FILE_TOKEN`]s it is asked for. Where a file
//! stands in an option, a collection or an enum the answer is "depends". A type that refuses the dummies (it validates what
//! it is given) or asks for anything at all (untagged, flattened) gives no answer either.
//!
//! One pass can see one variant of an enum only. Each further variant is one more pass, in which the enum *at that place* is
//! told to be that variant: passes add up over the places, they do not multiply.

use std::collections::HashMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use crate::file_ref::FILE_TOKEN;

/// Deeper types are recursive.
const MAX_DEPTH: usize = 64;
/// Values asked for, over all passes.
const MAX_STEPS: usize = 50_000;

/// How many files any `T` holds, if that is the same for all.
///
/// ```
/// use datlake_core::{FileRef, count};
///
/// assert_eq!(count::files_in::<(FileRef, u32, [FileRef; 2])>(), Some(3));
/// assert_eq!(count::files_in::<Vec<u32>>(), Some(0));
/// assert_eq!(count::files_in::<Vec<FileRef>>(), None);
/// ```
pub fn files_in<T: DeserializeOwned>() -> Option<u32> {
    let mut steps = MAX_STEPS;
    let first = pass::<T>(Choices::new(), None, &mut steps)?;
    let mut passes = first.open;
    while let Some((place, choices)) = passes.pop() {
        let found = pass::<T>(choices, Some(place), &mut steps)?;
        passes.extend(found.open);
    }
    Some(first.files)
}

/// The variant chosen for the enum at a place; 0 for all others.
type Choices = HashMap<Place, usize>;
/// The way from the root to a value: the position of each step among its siblings.
type Place = Vec<usize>;

struct Passed {
    files: u32,
    /// Passes still to be made.
    open: Vec<(Place, Choices)>,
}

fn pass<T: DeserializeOwned>(choices: Choices, looked_at: Option<Place>, steps: &mut usize) -> Option<Passed> {
    let mut probe = Probe { files: 0, steps: *steps, place: Vec::new(), choices, looked_at, open: Vec::new() };
    // `Deserialize` is foreign code that meets values it may never have met. If it panics there is no answer.
    let result = catch_unwind(AssertUnwindSafe(|| T::deserialize(&mut probe).map(drop)));
    *steps = probe.steps;
    match result {
        Ok(Ok(())) => Some(Passed { files: probe.files, open: probe.open }),
        _ => None,
    }
}

/// There is no answer, for whatever reason.
#[derive(Debug)]
struct NoAnswer;

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the number of files depends on the value")
    }
}

impl std::error::Error for NoAnswer {}

impl de::Error for NoAnswer {
    fn custom<T: fmt::Display>(_message: T) -> Self {
        Self
    }
}

type Result<T, E = NoAnswer> = std::result::Result<T, E>;

struct Probe {
    files: u32,
    steps: usize,
    place: Place,
    choices: Choices,
    /// The enum this pass was made for. Only enums within it are new.
    looked_at: Option<Place>,
    open: Vec<(Place, Choices)>,
}

impl Probe {
    /// Goes into the child at `position`.
    fn child<T>(&mut self, position: usize, go: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.steps = self.steps.checked_sub(1).ok_or(NoAnswer)?;
        if self.place.len() >= MAX_DEPTH {
            return Err(NoAnswer);
        }
        self.place.push(position);
        let result = go(self);
        self.place.pop();
        result
    }

    /// Goes where a value may hold any number of what `go` finds: so it must find no file.
    fn without_files<T>(&mut self, go: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let before = self.files;
        let value = go(self)?;
        if self.files == before { Ok(value) } else { Err(NoAnswer) }
    }

    /// Which of `count` variants the enum here shall be.
    fn choose(&mut self, count: usize) -> Result<usize> {
        if let Some(&choice) = self.choices.get(&self.place) {
            return Ok(choice);
        }
        if count == 0 {
            return Err(NoAnswer);
        }
        if self.looked_at.as_ref().is_none_or(|at| self.place.starts_with(at)) {
            for variant in 1..count {
                let mut choices = self.choices.clone();
                choices.insert(self.place.clone(), variant);
                self.open.push((self.place.clone(), choices));
            }
        }
        Ok(0)
    }
}

macro_rules! dummies {
    ($($method:ident => $visit:ident($value:expr)),* $(,)?) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            visitor.$visit($value)
        }
    )*};
}

impl<'de> Deserializer<'de> for &mut Probe {
    type Error = NoAnswer;

    // Not zero: `NonZero` would refuse it.
    dummies!(
        deserialize_bool => visit_bool(true),
        deserialize_i8 => visit_i8(1), deserialize_i16 => visit_i16(1), deserialize_i32 => visit_i32(1),
        deserialize_i64 => visit_i64(1), deserialize_i128 => visit_i128(1),
        deserialize_u8 => visit_u8(1), deserialize_u16 => visit_u16(1), deserialize_u32 => visit_u32(1),
        deserialize_u64 => visit_u64(1), deserialize_u128 => visit_u128(1),
        deserialize_f32 => visit_f32(1.0), deserialize_f64 => visit_f64(1.0),
        deserialize_char => visit_char('x'),
        deserialize_str => visit_borrowed_str("x"), deserialize_string => visit_borrowed_str("x"),
        deserialize_bytes => visit_borrowed_bytes(&[1; 16]), deserialize_byte_buf => visit_borrowed_bytes(&[1; 16]),
    );

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value> {
        Err(NoAnswer)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value> {
        Err(NoAnswer)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.without_files(|probe| probe.child(0, |probe| visitor.visit_some(probe)))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value> {
        if name == FILE_TOKEN {
            self.files = self.files.checked_add(1).ok_or(NoAnswer)?;
            return visitor.visit_newtype_struct(dummy_file()).map_err(|_| NoAnswer);
        }
        self.child(0, |probe| visitor.visit_newtype_struct(probe))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.without_files(|probe| visitor.visit_seq(Elements { probe, position: 0, count: 1 }))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, count: usize, visitor: V) -> Result<V::Value> {
        visitor.visit_seq(Elements { probe: self, position: 0, count })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        count: usize,
        visitor: V,
    ) -> Result<V::Value> {
        self.deserialize_tuple(count, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.without_files(|probe| visitor.visit_map(Elements { probe, position: 0, count: 1 }))
    }

    // By position, not by name: `fields` also lists aliases.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.deserialize_tuple(fields.len(), visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        let choice = self.choose(variants.len())?;
        self.without_files(|probe| {
            probe.child(choice, |probe| visitor.visit_enum(Variant { probe, name: variants[choice] }))
        })
    }
}

/// The elements of a sequence or tuple, or the entries of a map.
struct Elements<'p> {
    probe: &'p mut Probe,
    position: usize,
    count: usize,
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = NoAnswer;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        if self.position == self.count {
            return Ok(None);
        }
        self.position += 1;
        self.probe.child(self.position, |probe| seed.deserialize(probe)).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.count - self.position)
    }
}

impl<'de> MapAccess<'de> for Elements<'_> {
    type Error = NoAnswer;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        self.next_element_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value> {
        self.probe.child(0, |probe| seed.deserialize(probe))
    }
}

struct Variant<'p> {
    probe: &'p mut Probe,
    name: &'static str,
}

impl<'de> EnumAccess<'de> for Variant<'_> {
    type Error = NoAnswer;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self)> {
        let name: StrDeserializer<'_, NoAnswer> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = NoAnswer;

    fn unit_variant(self) -> Result<()> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value> {
        self.probe.child(0, |probe| seed.deserialize(probe))
    }

    fn tuple_variant<V: Visitor<'de>>(self, count: usize, visitor: V) -> Result<V::Value> {
        self.probe.deserialize_tuple(count, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value> {
        self.probe.deserialize_tuple(fields.len(), visitor)
    }
}

/// What a file deserializes from, well-formed and meaningless.
fn dummy_file() -> serde_json::Value {
    // A tree wants to be one; a plain file does not mind.
    serde_json::json!({ "uid": "x", "digest": "00".repeat(32), "size": 0, "name": "x", "tree": true })
}
