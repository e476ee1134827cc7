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
fn the_order_of_an_index_map_counts_and_of_no_other() {
    assert!(is_ordered_map(type_name_of_val(&&indexmap::IndexMap::from([(1, 2)]))));
    for name in [
        type_name_of_val(&&HashMap::from([(1, 2)])),
        type_name_of_val(&&BTreeMap::from([(1, indexmap::IndexMap::from([(1, 2)]))])),
    ] {
        assert!(!is_ordered_map(name), "{name} was taken for a map whose order counts");
    }
}
