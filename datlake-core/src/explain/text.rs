//! Explanations and differences, in words.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use super::arguments::unshown;
use super::{Change, Difference, Explanation, PathChange};

/// Characters of a value.
const CHARACTERS: usize = 120;
/// So many files, or calls, of each side are named.
const NAMED: usize = 5;

impl Explanation {
    /// Why the call would run, or that it would not, in one line.
    pub fn reason(&self) -> String {
        match self {
            Self::Cached { .. } => "it is cached".to_owned(),
            Self::FirstCall { .. } => "no call of it is remembered".to_owned(),
            Self::Outgrown { key, .. } => format!(
                "the record of call {} does not answer it any more, because its return type changed its meaning or a file it got by UID was replaced",
                key.short()
            ),
            Self::Differs { nearest, started_at, differences, .. } => {
                let differences: Vec<_> = differences.iter().map(Difference::to_string).collect();
                format!("{} (compared with call {} of {started_at})", differences.join("; "), nearest.short())
            }
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cached { creator, key, started_at, by } => {
                write!(f, "{creator} is cached: call {} ran on {started_at} by {by}", key.short())
            }
            Self::FirstCall { creator } | Self::Outgrown { creator, .. } => {
                write!(f, "{creator} would run: {}", self.reason())
            }
            Self::Differs { creator, nearest, started_at, differences } => {
                write!(f, "{creator} would run; compared with call {} of {started_at}:", nearest.short())?;
                for difference in differences {
                    write!(f, "\n  {difference}")?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Edited => "changed",
            Self::Added => "is new",
            Self::Removed => "is gone",
        })
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code => f.write_str("the function's own code changed"),
            Self::Dependency { item, change } => write!(f, "dependency `{item}` {change}"),
            Self::Found => f.write_str("code that it reaches changed"),
            Self::Item { item, change, place } => {
                let within = if place.is_empty() { String::new() } else { format!(", in {place}") };
                write!(f, "`{item}` {change}{within}")
            }
            Self::Generic { name, was, now } => {
                let shown = |value: &Option<String>| value.as_deref().map_or_else(|| "absent".to_owned(), cut);
                write!(f, "parameter `{name}`: {} → {}", shown(was), shown(now))
            }
            Self::Value { name, was, now, was_from, now_from } => {
                write!(f, "`{name}`: {} → {}", shown(was), shown(now))?;
                let by = |calls: &[String]| if calls.is_empty() { "no known call".to_owned() } else { some(calls) };
                match was_from.is_empty() && now_from.is_empty() {
                    true => Ok(()),
                    false => write!(f, ", returned by {} → {}", by(was_from), by(now_from)),
                }
            }
            Self::Input { argument, was, now, paths, paths_left_out } => {
                let (was, now) = own(was, now);
                write!(f, "input `{argument}`: {} → {}", some(&was), some(&now))?;
                for (at, PathChange { path, change }) in paths.iter().enumerate() {
                    write!(f, "{} `{path}` {change}", if at == 0 { "," } else { " and" })?;
                }
                match paths_left_out {
                    0 => Ok(()),
                    more => write!(f, " and {more} more"),
                }
            }
            Self::Fetched { was, now } => {
                let (was, now) = own(was, now);
                write!(f, "files that the body got by itself: {} → {}", some(&was), some(&now))
            }
            Self::Secret { names } => write!(f, "nothing else than a secret argument: {}", names.join(", ")),
            Self::Unknown => f.write_str("nothing that is remembered; perhaps the order of the arguments"),
        }
    }
}

/// A value; of what is too large for a record its size.
fn shown(value: &Option<Value>) -> String {
    let Some(value) = value else { return "absent".to_owned() };
    let Some(about) = unshown(value) else { return cut(&value.to_string()) };
    let mut known = Vec::new();
    known.extend(about.get("bytes").map(|bytes| format!("{bytes} bytes")));
    known.extend(about.get("digest").and_then(Value::as_str).and_then(|digest| digest.get(..12)).map(str::to_owned));
    format!("a large value ({})", known.join(", "))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(CHARACTERS) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text.to_owned(),
    }
}

/// Of two lists what the other has not; all where only their order or number differs.
fn own(was: &[String], now: &[String]) -> (Vec<String>, Vec<String>) {
    let (old, new): (BTreeSet<_>, BTreeSet<_>) = (was.iter().collect(), now.iter().collect());
    if old == new {
        return (was.to_vec(), now.to_vec());
    }
    let without = |all: &[String], other: &BTreeSet<&String>| -> Vec<String> {
        all.iter().filter(|one| !other.contains(one)).cloned().collect()
    };
    (without(was, &new), without(now, &old))
}

fn some(all: &[String]) -> String {
    match all.len().checked_sub(NAMED) {
        None | Some(0) if all.is_empty() => "none".to_owned(),
        None | Some(0) => all.join(", "),
        Some(more) => format!("{} and {more} more", all[..NAMED].join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn files(names: impl IntoIterator<Item = u32>) -> Vec<String> {
        names.into_iter().map(|n| format!("{n}.csv (3f9a)")).collect()
    }

    fn input(was: Vec<String>, now: Vec<String>) -> String {
        Difference::Input { argument: "tables".into(), was, now, paths: Vec::new(), paths_left_out: 0 }.to_string()
    }

    #[test]
    fn of_many_files_those_are_named_that_differ() {
        assert_eq!(input(files(0..300), files(1..301)), "input `tables`: 0.csv (3f9a) → 300.csv (3f9a)");
        assert_eq!(input(files(0..300), files(0..301)), "input `tables`: none → 300.csv (3f9a)");
        let all = input(files(0..300), Vec::new());
        assert!(all.contains("4.csv (3f9a) and 295 more → none") && all.len() < 200, "{all}");
        assert_eq!(
            input(files([1, 2]), files([2, 1])),
            "input `tables`: 1.csv (3f9a), 2.csv (3f9a) → 2.csv (3f9a), 1.csv (3f9a)"
        );
    }

    #[test]
    fn a_large_value_is_its_size() {
        let value = |value| Some(value);
        let large = Difference::Value {
            name: "weights".into(),
            was: value(json!({"$large": {"bytes": 40_000, "digest": "3f9a".repeat(16)}})),
            now: value(json!({"$large": {"bytes": 50_000}})),
            was_from: (0..9).map(|n| format!("a::train/{n}")).collect(),
            now_from: Vec::new(),
        };
        let text = large.to_string();
        assert!(
            text.starts_with("`weights`: a large value (40000 bytes, 3f9a3f9a3f9a) → a large value (50000 bytes), ")
        );
        assert!(
            text.ends_with(
                "returned by a::train/0, a::train/1, a::train/2, a::train/3, a::train/4 and 4 more → no known call"
            ),
            "{text}"
        );
    }
}
