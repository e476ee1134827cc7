//! Which iterators have an order worth keeping. The name of a type is all that `collect_seq` shows of it.
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

/// Whether a map of the type `type_name` keeps the order in which a person put its entries.
pub(super) fn is_ordered_map(type_name: &str) -> bool {
    let (path, _) = outermost(type_name);
    path == "indexmap::map::IndexMap"
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
