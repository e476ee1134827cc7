//! Equal values have equal encodings, different values different ones, and no bytes make a reader panic.

use std::collections::{BTreeMap, HashMap, HashSet};

use datlake_core::{FileRef, canonical, codec};
use proptest::prelude::*;
use serde::ser::{SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple};
use serde::{Serialize, Serializer};

use super::{chosen, staged};

/// A value of every kind that serde knows. Maps and sets are lists here, in the order in which they are written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Value {
    Unit,
    Bool(bool),
    Int(i128),
    Huge(u128),
    F32(u32),
    F64(u64),
    Char(char),
    Text(String),
    Bytes(Vec<u8>),
    None,
    Some(Box<Value>),
    Seq(Vec<Value>),
    Tuple(Vec<Value>),
    Set(Vec<Value>),
    Map(Vec<(Value, Value)>),
    OrderedMap(Vec<(Value, Value)>),
    Struct(Vec<(&'static str, Value)>),
    UnitVariant(&'static str),
    NewtypeVariant(&'static str, Box<Value>),
    File(bool, &'static str, &'static str),
}

/// A list that shows itself as a set: iterated over through a hash table of indices.
struct AsSet<'a>(&'a [Value]);
impl Serialize for AsSet<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let order: HashSet<usize> = (0..self.0.len()).collect();
        serializer.collect_seq(order.iter().map(|&at| &self.0[at]))
    }
}

fn file(is_chosen: bool, name: &str, content: &str) -> FileRef {
    if is_chosen { chosen(name, content) } else { staged(name, content) }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unit => s.serialize_unit(),
            Self::Bool(v) => s.serialize_bool(*v),
            // In the narrowest type that holds it or in the widest: which one must not matter.
            Self::Int(v) => match (i8::try_from(*v), u16::try_from(*v), i64::try_from(*v)) {
                (Ok(v), ..) => s.serialize_i8(v),
                (_, Ok(v), _) => s.serialize_u16(v),
                (.., Ok(v)) => s.serialize_i64(v),
                _ => s.serialize_i128(*v),
            },
            Self::Huge(v) => s.serialize_u128(*v),
            Self::F32(bits) => s.serialize_f32(f32::from_bits(*bits)),
            Self::F64(bits) => s.serialize_f64(f64::from_bits(*bits)),
            Self::Char(v) => s.serialize_char(*v),
            Self::Text(v) => s.serialize_str(v),
            Self::Bytes(v) => s.serialize_bytes(v),
            Self::None => s.serialize_none(),
            Self::Some(v) => s.serialize_some(v),
            Self::Seq(values) => {
                let mut seq = s.serialize_seq(Some(values.len()))?;
                values.iter().try_for_each(|value| seq.serialize_element(value))?;
                seq.end()
            }
            Self::Tuple(values) => {
                let mut tuple = s.serialize_tuple(values.len())?;
                values.iter().try_for_each(|value| tuple.serialize_element(value))?;
                tuple.end()
            }
            Self::Set(values) => AsSet(values).serialize(s),
            Self::Map(entries) => {
                let order: HashSet<usize> = (0..entries.len()).collect();
                s.collect_map(order.iter().map(|&at| (&entries[at].0, &entries[at].1)))
            }
            Self::OrderedMap(entries) => {
                let mut map = s.serialize_map(Some(entries.len()))?;
                entries.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
                map.end()
            }
            Self::Struct(fields) => {
                let mut all = s.serialize_struct("Any", fields.len())?;
                fields.iter().try_for_each(|(name, value)| all.serialize_field(name, value))?;
                all.end()
            }
            Self::UnitVariant(name) => s.serialize_unit_variant("Any", 0, name),
            Self::NewtypeVariant(name, value) => s.serialize_newtype_variant("Any", 0, name, value),
            Self::File(is_chosen, name, content) => file(*is_chosen, name, content).serialize(s),
        }
    }
}

impl Value {
    /// Two values are the same if and only if this is.
    fn normal(&self) -> Self {
        let each = |values: &[Value]| values.iter().map(Value::normal).collect::<Vec<_>>();
        let sorted = |mut values: Vec<_>| {
            values.sort();
            values
        };
        match self {
            Self::Huge(v) => i128::try_from(*v).map_or(Self::Huge(*v), Self::Int),
            Self::F32(bits) if f32::from_bits(*bits).is_nan() => Self::F32(f32::NAN.to_bits()),
            Self::F64(bits) if f64::from_bits(*bits).is_nan() => Self::F64(f64::NAN.to_bits()),
            Self::Some(v) => Self::Some(Box::new(v.normal())),
            Self::Seq(values) => Self::Seq(each(values)),
            Self::Tuple(values) => Self::Tuple(each(values)),
            Self::Set(values) => Self::Set(sorted(each(values))),
            Self::Map(entries) => {
                let mut entries: Vec<_> = entries.iter().map(|(key, value)| (key.normal(), value.normal())).collect();
                entries.sort();
                Self::Map(entries)
            }
            Self::OrderedMap(entries) => {
                Self::OrderedMap(entries.iter().map(|(key, value)| (key.normal(), value.normal())).collect())
            }
            Self::Struct(fields) => Self::Struct(fields.iter().map(|(name, value)| (*name, value.normal())).collect()),
            Self::NewtypeVariant(name, value) => Self::NewtypeVariant(name, Box::new(value.normal())),
            same => same.clone(),
        }
    }

    /// The same value, put together in another order.
    fn turned(&self) -> Self {
        let each = |values: &[Value]| values.iter().map(Value::turned).collect::<Vec<_>>();
        match self {
            Self::Int(v) => u128::try_from(*v).map_or(Self::Int(*v), Self::Huge),
            Self::F64(bits) if f64::from_bits(*bits).is_nan() => Self::F64(bits ^ (1 << 63)),
            Self::Some(v) => Self::Some(Box::new(v.turned())),
            Self::Seq(values) => Self::Seq(each(values)),
            Self::Tuple(values) => Self::Tuple(each(values)),
            Self::Set(values) => Self::Set(each(values).into_iter().rev().collect()),
            Self::Map(entries) => {
                Self::Map(entries.iter().rev().map(|(key, value)| (key.turned(), value.turned())).collect())
            }
            Self::OrderedMap(entries) => {
                Self::OrderedMap(entries.iter().map(|(key, value)| (key.turned(), value.turned())).collect())
            }
            Self::Struct(fields) => Self::Struct(fields.iter().map(|(name, value)| (*name, value.turned())).collect()),
            Self::NewtypeVariant(name, value) => Self::NewtypeVariant(name, Box::new(value.turned())),
            same => same.clone(),
        }
    }
}

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "ab"])
}

/// From few leaves, so that values often are nearly the same.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Unit),
        Just(Value::None),
        any::<bool>().prop_map(Value::Bool),
        (-2..3_i128).prop_map(Value::Int),
        prop::sample::select(vec![127, 128, 255, 256, -128, -129, i128::MAX, i128::MIN]).prop_map(Value::Int),
        prop::sample::select(vec![1, u128::MAX, i128::MAX as u128, i128::MAX as u128 + 1]).prop_map(Value::Huge),
        prop::sample::select(vec![0, 1 << 31, 0x7fc0_0000, 0xffc0_0001]).prop_map(Value::F32),
        prop::sample::select(vec![0, 1 << 63, 0x7ff8 << 48, (0xfff8 << 48) + 1]).prop_map(Value::F64),
        prop::sample::select(vec!['a', '\0', '\x01']).prop_map(Value::Char),
        "[ab\u{1}\u{7f}]{0,2}".prop_map(Value::Text),
        prop::collection::vec(prop::sample::select(vec![0, 1, 0x7f, b'a']), 0..3).prop_map(Value::Bytes),
        name().prop_map(Value::UnitVariant),
        (any::<bool>(), name(), name()).prop_map(|(chosen, name, content)| Value::File(chosen, name, content)),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let values = || prop::collection::vec(inner.clone(), 0..4);
        prop_oneof![
            inner.clone().prop_map(|v| Value::Some(Box::new(v))),
            values().prop_map(Value::Seq),
            values().prop_map(Value::Tuple),
            values().prop_map(Value::Set),
            prop::collection::vec((inner.clone(), inner.clone()), 0..4).prop_map(Value::Map),
            prop::collection::vec((inner.clone(), inner.clone()), 0..4).prop_map(Value::OrderedMap),
            prop::collection::vec((name(), inner.clone()), 0..4).prop_map(Value::Struct),
            (name(), inner.clone()).prop_map(|(name, v)| Value::NewtypeVariant(name, Box::new(v))),
        ]
    })
}

fn bytes<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    canonical::encode(value).unwrap().bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn encodings_are_equal_if_and_only_if_values_are(a in value(), b in value()) {
        prop_assert_eq!(bytes(&a) == bytes(&b), a.normal() == b.normal());
        let (turned, straight) = (canonical::encode(&a.turned()).unwrap(), canonical::encode(&a).unwrap());
        prop_assert_eq!(turned, straight);
    }

    #[test]
    fn values_one_after_the_other_cannot_be_taken_for_others(a in prop::collection::vec(value(), 0..4), b in prop::collection::vec(value(), 0..4)) {
        let all = |values: &[Value]| values.iter().flat_map(bytes).collect::<Vec<_>>();
        let normal = |values: &[Value]| values.iter().map(Value::normal).collect::<Vec<_>>();
        prop_assert_eq!(all(&a) == all(&b), normal(&a) == normal(&b));
    }

    #[test]
    fn every_encoding_can_be_shown_and_no_part_of_one(value in value()) {
        let bytes = bytes(&value);
        prop_assert!(canonical::to_json(&bytes).is_ok());
        for end in 0..bytes.len() {
            prop_assert!(canonical::to_json(&bytes[..end]).is_err());
        }
        prop_assert!(canonical::to_json(&[&bytes[..], &[1]].concat()).is_err());
    }

    #[test]
    fn showing_arbitrary_bytes_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let _ = canonical::to_json(&bytes);
    }

    #[test]
    fn showing_a_damaged_encoding_never_panics(value in value(), at in any::<prop::sample::Index>(), byte: u8) {
        let mut bytes = bytes(&value);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = canonical::to_json(&bytes);
    }

    #[test]
    fn insertion_order_does_not_matter(entries in prop::collection::hash_map("[a-c]{0,3}", any::<(i64, bool)>(), 0..20)) {
        let forth: HashMap<_, _> = entries.clone();
        let back: HashMap<_, _> = entries.iter().rev_by_key();
        let tree: BTreeMap<_, _> = entries.clone().into_iter().collect();
        prop_assert_eq!(bytes(&forth), bytes(&back));
        prop_assert_eq!(bytes(&forth), bytes(&tree));
        let keys: HashSet<_> = entries.keys().collect();
        let again: HashSet<_> = back.keys().collect();
        prop_assert_eq!(bytes(&keys), bytes(&again));
    }

    #[test]
    fn integers_count_by_value(n: i32) {
        prop_assert_eq!(bytes(&n), bytes(&i64::from(n)));
        prop_assert_eq!(bytes(&n), bytes(&i128::from(n)));
        if let Ok(n) = u32::try_from(n) {
            prop_assert_eq!(bytes(&n), bytes(&u128::from(n)));
        }
    }

    #[test]
    fn what_was_stored_is_what_comes_back(value: (Vec<Option<String>>, HashMap<u8, (char, f64)>, i128, Result<bool, u32>)) {
        let stored = codec::encode(&value).unwrap();
        prop_assert_eq!(bytes(&stored.value), bytes(&value));
    }
}

trait RevByKey<'a> {
    fn rev_by_key(self) -> HashMap<String, (i64, bool)>;
}

impl<'a, I: Iterator<Item = (&'a String, &'a (i64, bool))>> RevByKey<'a> for I {
    /// The same entries, inserted in the order of their keys, last first.
    fn rev_by_key(self) -> HashMap<String, (i64, bool)> {
        let mut entries: Vec<_> = self.map(|(key, value)| (key.clone(), *value)).collect();
        entries.sort();
        entries.into_iter().rev().collect()
    }
}
