//! What a check finds, and what is known and not mended yet.

/// Something that the house does not have.
#[derive(Debug)]
pub(crate) struct Offence {
    /// Which check, and what it found, as `not-yet.txt` lists it.
    pub(crate) key: String,
    says: String,
}

impl Offence {
    pub(crate) fn new(check: &str, found: &str, says: impl Into<String>) -> Self {
        Self { key: format!("{check} {found}"), says: says.into() }
    }
}

/// Fails with every offence of `checks` that `not_yet` does not list, and with every line of it that has none.
#[track_caller]
pub(crate) fn assert_none(checks: &[&str], offences: &[Offence], not_yet: &str) {
    let of_it = |key: &str| key.split(' ').next().is_some_and(|check| checks.contains(&check));
    let listed = || not_yet.lines().filter(|line| of_it(line));
    let new = offences.iter().filter(|offence| of_it(&offence.key) && !listed().any(|line| line == offence.key));
    let mended = listed().filter(|line| !offences.iter().any(|offence| offence.key == *line));
    let new = new.map(|offence| format!("{}\n    {}", offence.key, offence.says));
    let mended = mended.map(|line| format!("{line}\n    is mended: take the line out of tests/house/not-yet.txt"));
    let all: Vec<_> = new.chain(mended).collect();
    assert!(all.is_empty(), "\n{}\n", all.join("\n"));
}
