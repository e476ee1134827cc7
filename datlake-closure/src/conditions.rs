//! Predicates of `cfg`: which are the same for all crates of a build, and which an item needs.

use std::collections::BTreeSet;

use crate::index::{DefId, Index, Kind, ModId};

/// What the target and the profile decide.
const OF_BUILD: [&str; 16] = [
    "debug_assertions",
    "overflow_checks",
    "panic",
    "target_abi",
    "target_arch",
    "target_endian",
    "target_env",
    "target_family",
    "target_feature",
    "target_has_atomic",
    "target_os",
    "target_pointer_width",
    "target_thread_local",
    "target_vendor",
    "unix",
    "windows",
];

/// The predicates in a condition of another crate that hold here if they hold there. The others are its features and its own.
pub(crate) fn of_build(condition: &str) -> Vec<String> {
    let words: Vec<&str> = condition.split(' ').collect();
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate().filter(|(_, word)| OF_BUILD.contains(word)) {
        match words.get(at + 1..at + 3) {
            Some(["=", value]) => found.push(format!("{word} = {value}")),
            _ => found.push((*word).to_owned()),
        }
    }
    found
}

/// What only the target decides. The profile's settings can be others for each package.
const OF_TARGET: [&str; 10] = [
    "target_abi",
    "target_arch",
    "target_endian",
    "target_env",
    "target_family",
    "target_os",
    "target_pointer_width",
    "target_vendor",
    "unix",
    "windows",
];

fn is_of_target(condition: &str) -> bool {
    let is_known = |word: &str| {
        ["all", "any", "not", "(", ")", ",", "="].contains(&word) || word.starts_with('"') || OF_TARGET.contains(&word)
    };
    condition.split(' ').all(is_known)
}

/// Conditions without which an item is not compiled, of which another crate can tell whether they hold. Fewer than there are,
/// where a macro may have changed them: such an item counts always.
pub(crate) fn needed(index: &Index, def: DefId, own: bool) -> BTreeSet<String> {
    let it = &index[def];
    let around = || std::iter::successors(Some(it.module), |at: &ModId| index[*at].parent);
    if it.in_call || it.made_by.is_some() || it.outer.is_some() || around().any(|module| index[module].handed) {
        return BTreeSet::new();
    }
    let holders = it.of.and_then(|of| index[of].under).into_iter().chain(it.owner.and_then(|owner| index[owner].under));
    let handed = it.kind == Kind::Member && it.of.is_some_and(|of| index[of].handed);
    let holders = holders.chain(index[it.file].under);
    let modules = around().filter_map(|module| index[module].under);
    let all = it.under.filter(|_| !handed).into_iter().chain(holders).chain(modules).map(|under| index.name(under));
    all.filter(|condition| own || is_of_target(condition)).collect()
}

#[cfg(test)]
mod tests {
    use super::{is_of_target, of_build};

    #[test]
    fn what_only_the_target_decides_is_told_apart() {
        assert!(is_of_target(r#"all ( unix , not ( target_os = "linux" ) )"#));
        for other in [r#"all ( unix , feature = "fast" )"#, "debug_assertions", "own", "any ( windows , test )"] {
            assert!(!is_of_target(other), "{other}");
        }
    }

    #[test]
    fn what_is_the_same_for_all_crates_is_told_apart() {
        let condition = r#"all ( unix , not ( feature = "unix" ) , target_os = "linux" , own , debug_assertions )"#;
        assert_eq!(of_build(condition), ["unix", r#"target_os = "linux""#, "debug_assertions"]);
        assert!(of_build(r#"feature = "windows""#).is_empty());
    }
}
