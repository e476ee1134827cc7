//! Which types have an order worth keeping. The name of a type is all that can be seen of it.
//!
//! Only the *outermost* type counts, by its whole path: `Vec<HashSet<_>>` is a vector, and a user's type may be called
//! `HashSet` or live in a module of that name. A wrong yes would give two different sequences one key; a wrong no only costs
//! a miss. So the lists are short and exact.

/// Modules in which every type is, or iterates over, a hash table: what comes out has no order.
const HASHED: [&str; 4] =
    ["std::collections::hash::set", "std::collections::hash::map", "hashbrown::set", "hashbrown::map"];

/// Ordered inside, but two of them with the same elements are the same value.
const SETS: [&str; 6] = [
    "alloc::collections::btree::set::BTreeSet",
    "alloc::collections::btree::set::Iter",
    "alloc::collections::btree::set::IntoIter",
    "alloc::collections::binary_heap::BinaryHeap",
    "alloc::collections::binary_heap::Iter",
    "alloc::collections::binary_heap::IntoIter",
];

/// Adapters that change elements but bring no order where there was none. Not `Enumerate` or `Take`: what they give depends
/// on the order itself, and sorting would only hide it.
const ADAPTERS: [&str; 5] = [
    "core::iter::adapters::map::Map",
    "core::iter::adapters::filter::Filter",
    "core::iter::adapters::filter_map::FilterMap",
    "core::iter::adapters::cloned::Cloned",
    "core::iter::adapters::copied::Copied",
];

/// Whether an iterator of the type `type_name` is a set, or yields its elements in arbitrary order.
///
/// Sets behind an adapter count only if they are hashed: `BTreeSet::iter().map(…)` has an order that may mean something.
pub(super) fn is_unordered(type_name: &str) -> bool {
    let (path, arguments) = outermost(type_name);
    SETS.contains(&path) || is_hashed(path, arguments)
}

fn is_hashed(path: &str, arguments: &str) -> bool {
    if ADAPTERS.contains(&path) {
        let (path, arguments) = outermost(arguments);
        return is_hashed(path, arguments);
    }
    path.rsplit_once("::").is_some_and(|(module, _)| HASHED.contains(&module))
}

/// Hash maps that write their entries themselves.
const UNORDERED: [&str; 11] = [
    "dashmap::DashMap",
    "flurry::map::HashMap",
    "halfbrown::SizedHashMap",
    "im::hash::map::HashMap",
    "im_rc::hash::map::HashMap",
    "imbl::hash::map::GenericHashMap",
    "imbl::hash::map::HashMap",
    "papaya::map::HashMap",
    "rpds::map::hash_trie_map::HashTrieMap",
    "scc::hash_index::HashIndex",
    "scc::hash_map::HashMap",
];

/// Types that serialize as what they hold does.
const WRAPPERS: [&str; 10] = [
    "alloc::boxed::Box",
    "alloc::borrow::Cow",
    "alloc::rc::Rc",
    "alloc::sync::Arc",
    "core::cell::RefCell",
    "core::cmp::Reverse",
    "std::sync::mutex::Mutex",
    "std::sync::poison::mutex::Mutex",
    "std::sync::rwlock::RwLock",
    "std::sync::poison::rwlock::RwLock",
];

/// Whether the order counts in which a value of the type `type_name` writes the entries of a map: it may keep one.
pub(super) fn is_ordered_map(type_name: &str) -> bool {
    let (path, arguments) = outermost(type_name);
    if WRAPPERS.contains(&path) {
        return is_ordered_map(arguments);
    }
    // What serde buffers, and what is behind `dyn`, may come from a hash map.
    let hidden = ["dyn ", "serde::", "serde_core::", "erased_serde::"];
    !hidden.iter().any(|start| path.starts_with(start)) && !UNORDERED.contains(&path)
}

/// Whether the order counts in which an iterator of the type `type_name` gives the entries of a map.
pub(super) fn is_ordered_iterator(type_name: &str) -> bool {
    let (path, arguments) = outermost(type_name);
    if path.starts_with("core::iter::adapters::") || WRAPPERS.contains(&path) {
        return is_ordered_iterator(arguments);
    }
    let is_sorted = path.rsplit_once("::").is_some_and(|(module, _)| module == "alloc::collections::btree::map");
    !path.starts_with("dyn ") && !is_sorted && !is_hashed(path, arguments) && !UNORDERED.contains(&path)
}

/// Whether keys of the type `type_name` belong to a map whose type is not seen. Derived code gives names as `str`, while the
/// keys of a map have a size.
pub(super) fn is_key_of_unknown_map(type_name: &str) -> bool {
    type_name == "str" || type_name.starts_with("dyn ")
}

/// The path of the outermost type, without references, and what stands behind its `<`.
fn outermost(type_name: &str) -> (&str, &str) {
    let mut name = type_name;
    loop {
        name = name.trim_start();
        if let Some(rest) = name.strip_prefix('&') {
            name = rest;
        } else if let Some(rest) = name.strip_prefix("mut ") {
            name = rest;
        } else if let Some(rest) = name.strip_prefix("'_ ").or_else(|| name.strip_prefix("'_,")) {
            name = rest;
        } else {
            break;
        }
    }
    let end = name.find(['<', ',', '>']).unwrap_or(name.len());
    (&name[..end], name.get(end + 1..).unwrap_or(""))
}

#[cfg(test)]
mod tests;
