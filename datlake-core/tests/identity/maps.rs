//! The order of a map counts where its type keeps one, and nowhere else.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use indexmap::IndexMap;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use super::hex;

/// Keeps its order and writes its entries itself, as the maps of `serde_json`, `toml` and `serde_yaml` do.
#[derive(Clone)]
struct Linked(Vec<(String, u32)>);

impl Serialize for Linked {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        self.0.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
        map.end()
    }
}

/// Gives its entries as an iterator.
struct Collected(Vec<(String, u32)>);

impl Serialize for Collected {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

#[derive(Serialize)]
struct Newtype<T>(T);

#[derive(Serialize)]
#[serde(transparent)]
struct Transparent<T> {
    inner: T,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Untagged<T> {
    Tuple(T),
    Struct { inner: T },
}

#[derive(Serialize)]
#[serde(tag = "t", content = "c")]
enum Adjacent<T> {
    Inner(T),
}

#[derive(Serialize)]
struct Field<T> {
    inner: T,
}

#[derive(Serialize)]
struct Flat<T> {
    before: u8,
    #[serde(flatten)]
    inner: T,
}

#[derive(Serialize)]
struct FlatAlone<T> {
    #[serde(flatten)]
    inner: T,
}

#[derive(Serialize)]
#[serde(tag = "t")]
enum Internal<T> {
    Newtype(T),
    Struct { inner: T },
}

/// serde buffers what a struct variant holds, where that is flattened.
#[derive(Serialize)]
enum Variant<T> {
    Struct { inner: T },
}

const KEYS: [&str; 12] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];

fn entries(turn: usize) -> Vec<(String, u32)> {
    let mut keys = KEYS;
    keys.rotate_left(turn);
    keys.iter().map(|key| ((*key).to_owned(), u32::from(key.as_bytes()[0]))).collect()
}

/// Each turn of the entries has an encoding of its own, or all have the same.
fn check<T: Serialize>(how: &str, ordered: bool, make: impl Fn(Vec<(String, u32)>) -> T) {
    let first = hex(&make(entries(0)));
    for turn in 1..KEYS.len() {
        assert_eq!(hex(&make(entries(turn))) != first, ordered, "{how}, turned by {turn}");
    }
}

fn check_seen<T: Serialize + Clone + 'static>(ordered: bool, make: impl Fn(Vec<(String, u32)>) -> T) {
    check("alone", ordered, &make);
    check("&", ordered, |entries| hex(&&make(entries)));
    check("Box", ordered, |entries| Box::new(make(entries)));
    check("Cow", ordered, |entries| Cow::<T>::Owned(make(entries)));
    check("Some", ordered, |entries| Some(make(entries)));
    check("Vec", ordered, |entries| vec![make(entries)]);
    check("tuple", ordered, |entries| (1, make(entries)));
    check("hash map", ordered, |entries| HashMap::from([("x", make(entries))]));
    check("newtype", ordered, |entries| Newtype(make(entries)));
    check("transparent", ordered, |entries| Transparent { inner: make(entries) });
    check("field", ordered, |entries| Field { inner: make(entries) });
    check("untagged", ordered, |entries| Untagged::Tuple(make(entries)));
    check("untagged field", ordered, |entries| Untagged::Struct { inner: make(entries) });
    check("adjacent", ordered, |entries| Adjacent::Inner(make(entries)));
    check("tagged field", ordered, |entries| Internal::Struct { inner: make(entries) });
    check("twice", ordered, |entries| Newtype(Transparent { inner: Some(Box::new(make(entries))) }));
}

#[test]
fn the_order_counts_of_whatever_keeps_one() {
    check_seen(true, IndexMap::<String, u32>::from_iter);
    check_seen(true, Linked);
    check("iterator", true, Collected);
    check("iterator in a wrapper", true, |entries| Transparent { inner: Collected(entries) });
}

#[test]
fn hash_maps_have_none() {
    check_seen(false, HashMap::<String, u32>::from_iter);
    check_seen(false, hashbrown::HashMap::<String, u32>::from_iter);
    check_seen(false, BTreeMap::<String, u32>::from_iter);
    check("a hash map of ordered maps", true, |entries| HashMap::from([("x", Linked(entries))]));
    check("an ordered map of hash maps", false, |entries| {
        IndexMap::<_, HashMap<_, _>>::from([("x", entries.into_iter().collect())])
    });
}

#[test]
fn where_the_type_is_hidden_there_may_be_a_hash_map() {
    let table = HashMap::<String, u32>::from_iter;
    check("flattened", false, |entries| Flat { before: 1, inner: table(entries) });
    check("flattened alone", false, |entries| FlatAlone { inner: table(entries) });
    check("twice", false, |entries| Flat { before: 1, inner: FlatAlone { inner: Some(table(entries)) } });
    check("internally tagged", false, |entries| Internal::Newtype(table(entries)));
    check("flattened and tagged", false, |entries| FlatAlone { inner: Internal::Newtype(table(entries)) });
    check("buffered", false, |entries| Flat { before: 1, inner: Variant::Struct { inner: table(entries) } });
    check("in a transparent type", false, |entries| Transparent {
        inner: Flat { before: 1, inner: Transparent { inner: table(entries) } },
    });
    // What that gives up.
    check("flattened", false, |entries| Flat { before: 1, inner: Linked(entries) });
    check("internally tagged", false, |entries| Internal::Newtype(IndexMap::<_, _>::from_iter(entries)));
}

#[test]
fn a_struct_written_as_a_map_is_a_map_in_any_order() {
    struct Fields(&'static [&'static str]);
    impl Serialize for Fields {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(Some(self.0.len()))?;
            self.0.iter().try_for_each(|name| map.serialize_entry(*name, &1))?;
            map.end()
        }
    }
    assert_eq!(hex(&Fields(&["a", "b"])), hex(&Fields(&["b", "a"])));
}
