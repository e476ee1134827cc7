use std::any::type_name_of_val;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, VecDeque};

use super::*;

#[test]
fn sets_and_what_iterates_over_a_hash_table_have_no_order() {
    let hashed = HashSet::from([1, 2]);
    let table = HashMap::from([(1, 2)]);
    let tree = BTreeSet::from([1, 2]);
    let heap = BinaryHeap::from([1, 2]);
    let brown: hashbrown::HashSet<i32> = hashbrown::HashSet::new();
    for name in [
        type_name_of_val(&hashed),
        type_name_of_val(&&hashed),
        type_name_of_val(&&&hashed),
        type_name_of_val(&hashed.iter()),
        type_name_of_val(&hashed.union(&hashed)),
        type_name_of_val(&hashed.iter().map(|n| n + 1)),
        type_name_of_val(&hashed.iter().copied().filter(|n| *n > 1)),
        type_name_of_val(&table.keys()),
        type_name_of_val(&table.values().cloned()),
        type_name_of_val(&table.iter().map(|(k, v)| (v, k))),
        type_name_of_val(&&tree),
        type_name_of_val(&tree.iter()),
        type_name_of_val(&&heap),
        type_name_of_val(&heap.into_iter()),
        type_name_of_val(&&brown),
        type_name_of_val(&brown.iter()),
    ] {
        assert!(is_unordered(name), "{name} was taken for a sequence");
    }
}

#[test]
fn nothing_else_is_a_set_whatever_it_holds_or_is_called() {
    mod hash {
        pub(super) mod set {
            pub(in super::super) struct HashSet<T>(pub(in super::super) T);
        }
    }
    let sets = vec![HashSet::from([1])];
    let tree = BTreeSet::from([1]);
    let keyed = BTreeMap::from([(1, 2)]);
    for name in [
        type_name_of_val(&sets),
        type_name_of_val(&&sets),
        type_name_of_val(&sets[..]),
        type_name_of_val(&sets.iter()),
        type_name_of_val(&sets.iter().map(|set| set.iter().count())),
        type_name_of_val(&[HashSet::from([1])]),
        type_name_of_val(&VecDeque::from([HashSet::from([1])])),
        type_name_of_val(&(HashSet::from([1]), 1)),
        type_name_of_val(&Some(HashSet::from([1]))),
        type_name_of_val(&hash::set::HashSet(1)),
        type_name_of_val(&hash::set::HashSet(HashSet::from([1]))),
        // These have an order of their own.
        type_name_of_val(&tree.iter().map(|n| n % 2)),
        type_name_of_val(&tree.range(0..)),
        type_name_of_val(&keyed.values()),
        type_name_of_val(&HashSet::from([1]).iter().enumerate()),
        type_name_of_val(&&indexmap::IndexSet::from([1])),
    ] {
        assert!(!is_unordered(name), "{name} was taken for a set");
    }
}

#[test]
fn an_iterator_over_a_map_has_the_order_of_the_map() {
    let (hashed, tree) = (HashMap::from([(1, 2)]), BTreeMap::from([(1, 2)]));
    let kept = indexmap::IndexMap::from([(1, 2)]);
    let boxed: Box<dyn Iterator<Item = (&i32, &i32)>> = Box::new(kept.iter());
    for name in [
        type_name_of_val(&&hashed),
        type_name_of_val(&hashed.iter().map(|(k, v)| (v, k)).take(1)),
        type_name_of_val(&hashed.iter().chain(kept.iter())),
        type_name_of_val(&&tree),
        type_name_of_val(&tree.iter()),
        type_name_of_val(&tree.range(1..)),
        type_name_of_val(&boxed),
    ] {
        assert!(!is_ordered_iterator(name), "the order of {name} counts");
    }
    for name in [
        type_name_of_val(&&kept),
        type_name_of_val(&kept.iter()),
        type_name_of_val(&vec![(1, 2)].into_iter()),
        type_name_of_val(&[(1, hashed.clone())]),
        type_name_of_val(&[(1, 2)].iter().map(|(k, v)| (v, k))),
    ] {
        assert!(is_ordered_iterator(name), "the order of {name} does not count");
    }
}

#[test]
fn a_type_keeps_an_order_unless_it_is_known_to_have_none() {
    for name in [
        "serde_json::map::Map<alloc::string::String, serde_json::value::Value>",
        "serde_json::value::Value",
        "alloc::boxed::Box<toml::value::Value>",
        "hashlink::linked_hash_map::LinkedHashMap<u8, dashmap::DashMap<u8, u8>>",
        "shop::dashmap::DashMap<u8, u8>",
        "[(u8, u8); 2]",
    ] {
        assert!(is_ordered_map(name), "the order of {name} does not count");
    }
    for name in [
        "dashmap::DashMap<u8, u8>",
        "&alloc::sync::Arc<dashmap::DashMap<u8, u8>>",
        "alloc::borrow::Cow<'_, im::hash::map::HashMap<u8, u8>>",
        "alloc::boxed::Box<dyn erased_serde::ser::Serialize>",
        "serde::private::ser::content::Content",
    ] {
        assert!(!is_ordered_map(name), "the order of {name} counts");
    }
}
