//! Predicates of `cfg` that are the same for all crates of a build.

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

#[cfg(test)]
mod tests {
    use super::of_build;

    #[test]
    fn what_is_the_same_for_all_crates_is_told_apart() {
        let condition = r#"all ( unix , not ( feature = "unix" ) , target_os = "linux" , own , debug_assertions )"#;
        assert_eq!(of_build(condition), ["unix", r#"target_os = "linux""#, "debug_assertions"]);
        assert!(of_build(r#"feature = "windows""#).is_empty());
    }
}
