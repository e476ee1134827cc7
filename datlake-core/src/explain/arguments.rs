//! What differs between the arguments of two calls, field by field.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::Digest;
use crate::lineage::{Input, Param, ValueInput};

/// So many fields of one argument are listed; where more differ, the whole argument is.
const FIELDS: usize = 8;

/// An argument, or a field of one, that differs.
pub(super) enum ArgumentDifference {
    Files {
        argument: String,
        was: Vec<String>,
        now: Vec<String>,
    },
    Value {
        name: String,
        was: Option<Value>,
        now: Option<Value>,
        /// The calls that returned it.
        was_from: Vec<String>,
        now_from: Vec<String>,
    },
}

/// What a call was given.
#[derive(Clone, Copy)]
pub(super) struct Arguments<'a> {
    pub(super) params: &'a [Param],
    pub(super) extras: &'a [Param],
    pub(super) inputs: &'a [Input],
    pub(super) values: &'a [ValueInput],
    pub(super) rests: &'a BTreeMap<String, Digest>,
}

/// The files first, then the values; each in the order of names.
pub(super) fn differences(was: Arguments<'_>, now: Arguments<'_>) -> Vec<ArgumentDifference> {
    let (old, new) = (was.by_name(), now.by_name());
    let names: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
    let mut found = Vec::new();
    for name in names {
        let of = Argument { name, was, now };
        let mut differing = Vec::new();
        match (old.get(name), new.get(name)) {
            (Some(was), Some(now)) => of.compare(String::new(), was, now, &mut differing),
            (was, now) => differing.push(of.whole(was.copied(), now.copied())),
        }
        if differing.len() > FIELDS {
            differing = vec![of.whole(old.get(name).copied(), new.get(name).copied())];
        }
        found.extend(differing);
    }
    found.sort_by_key(|difference| !matches!(difference, ArgumentDifference::Files { .. }));
    found
}

impl<'a> Arguments<'a> {
    /// Without secrets.
    fn by_name(self) -> BTreeMap<&'a str, &'a Value> {
        let params = self.params.iter().filter(|param| !param.secret).chain(self.extras);
        params.map(|param| (&*param.name, &param.value)).collect()
    }

    fn files(self, name: &str) -> Vec<String> {
        let of = |input: &&Input| input.argument.as_deref() == Some(name);
        self.inputs.iter().filter(of).map(shown).collect()
    }

    /// The calls that returned the value at `path`, or what it is a part of.
    fn returned(self, name: &str, path: &str) -> Vec<String> {
        self.calls(name, |value| is_within(path, &value.at))
    }

    /// The calls that returned what is in an argument.
    fn returned_within(self, name: &str) -> Vec<String> {
        self.calls(name, |_| true)
    }

    fn calls(self, name: &str, is_it: impl Fn(&ValueInput) -> bool) -> Vec<String> {
        let of = self.values.iter().filter(|value| value.argument.as_deref() == Some(name) && is_it(value));
        of.map(|value| format!("{}/{}", value.creator, value.key.short())).collect()
    }

    fn digests(self, name: &str) -> BTreeSet<(&'a str, String)> {
        let of = self.values.iter().filter(|value| value.argument.as_deref() == Some(name));
        of.map(|value| (&*value.at, value.digest.to_string())).collect()
    }
}

struct Argument<'a> {
    name: &'a str,
    was: Arguments<'a>,
    now: Arguments<'a>,
}

impl Argument<'_> {
    fn compare(&self, path: String, was: &Value, now: &Value, found: &mut Vec<ArgumentDifference>) {
        if path.is_empty() && is_not_shown(was) && is_not_shown(now) && size_of(was) == size_of(now) {
            match (digest_of(was), digest_of(now)) {
                (Some(old), Some(new)) if old == new => {}
                (Some(_), Some(_)) => found.push(self.whole(Some(was), Some(now))),
                _ => self.compare_unshown(was, now, found),
            }
            return;
        }
        if was == now {
            return;
        }
        match (was, now) {
            _ if are_files(was) && are_files(now) => found.push(ArgumentDifference::Files {
                argument: format!("{}{path}", self.name),
                was: names_of(was),
                now: names_of(now),
            }),
            (Value::Object(old), Value::Object(new)) if !is_special(was) && !is_special(now) => {
                for field in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
                    let path = format!("{path}.{field}");
                    match (old.get(field), new.get(field)) {
                        (Some(was), Some(now)) => self.compare(path, was, now, found),
                        (was, now) => found.push(self.value(&path, was, now)),
                    }
                }
            }
            // Of plain numbers nobody wants to read each.
            (Value::Array(old), Value::Array(new)) if old.len() == new.len() && old.iter().any(is_composite) => {
                for (at, (was, now)) in old.iter().zip(new).enumerate() {
                    self.compare(format!("{path}[{at}]"), was, now, found);
                }
            }
            _ if path.is_empty() => found.push(self.whole(Some(was), Some(now))),
            _ => found.push(self.value(&path, Some(was), Some(now))),
        }
    }

    /// Of a large value earlier versions kept its size alone, and what it was made from.
    fn compare_unshown(&self, was: &Value, now: &Value, found: &mut Vec<ArgumentDifference>) {
        let (old, new) = (self.was.files(self.name), self.now.files(self.name));
        if old != new {
            found.push(ArgumentDifference::Files { argument: self.name.to_owned(), was: old, now: new });
        } else if self.was.digests(self.name) != self.now.digests(self.name) {
            found.push(self.value("", Some(was), Some(now)));
        }
    }

    /// Whether it differs in nothing but what calls returned.
    fn has_same_rest(&self) -> bool {
        let [was, now] = [self.was, self.now].map(|arguments| arguments.rests.get(self.name));
        was.is_some() && was == now
    }

    /// That the argument as a whole differs.
    fn whole(&self, was: Option<&Value>, now: Option<&Value>) -> ArgumentDifference {
        let (old, new) = (self.was.files(self.name), self.now.files(self.name));
        match old == new {
            true => self.value("", was, now),
            false => ArgumentDifference::Files { argument: self.name.to_owned(), was: old, now: new },
        }
    }

    fn value(&self, path: &str, was: Option<&Value>, now: Option<&Value>) -> ArgumentDifference {
        let from = |arguments: Arguments<'_>| match path.is_empty() && self.has_same_rest() {
            true => arguments.returned_within(self.name),
            false => arguments.returned(self.name, path),
        };
        let (was_from, now_from) = without_common(from(self.was), from(self.now));
        ArgumentDifference::Value {
            name: format!("{}{path}", self.name),
            was: was.cloned(),
            now: now.cloned(),
            was_from,
            now_from,
        }
    }
}

/// The first calls of each list that are not in the other; of all, where one would have none.
fn without_common(was: Vec<String>, now: Vec<String>) -> (Vec<String>, Vec<String>) {
    let (old, new): (BTreeSet<String>, BTreeSet<String>) =
        (was.iter().cloned().collect(), now.iter().cloned().collect());
    let differ = !old.is_subset(&new) && !new.is_subset(&old);
    let first = |calls: Vec<String>, other: &BTreeSet<String>| -> Vec<String> {
        calls.into_iter().filter(|call| !differ || !other.contains(call)).take(FIELDS).collect()
    };
    (first(was, &new), first(now, &old))
}

/// Whether the value at `path` is the one at `at`, or a part of it; that has the keys of maps in brackets.
fn is_within(path: &str, at: &str) -> bool {
    let at = at.replace("[\"", ".").replace("\"]", "");
    path.strip_prefix(&at).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// An object that stands for what JSON has no form for.
fn is_special(value: &Value) -> bool {
    value.as_object().is_some_and(|members| members.len() == 1 && members.keys().all(|name| name.starts_with('$')))
}

fn is_not_shown(value: &Value) -> bool {
    unshown(value).is_some()
}

/// What is known of a value that is too large, or nested too deep, for a record.
pub(super) fn unshown(value: &Value) -> Option<&Value> {
    value.get("$large").or_else(|| value.get("$deep")).filter(|_| is_special(value))
}

fn of_unshown<'a>(value: &'a Value, member: &str) -> Option<&'a Value> {
    unshown(value)?.get(member)
}

fn size_of(value: &Value) -> Option<&Value> {
    of_unshown(value, "bytes")
}

fn digest_of(value: &Value) -> Option<&Value> {
    of_unshown(value, "digest")
}

fn is_composite(value: &Value) -> bool {
    value.is_object() || value.is_array()
}

/// A file, or a list of files alone.
fn are_files(value: &Value) -> bool {
    match value {
        Value::Array(values) => !values.is_empty() && values.iter().all(|value| value.get("$file").is_some()),
        value => value.get("$file").is_some(),
    }
}

fn names_of(value: &Value) -> Vec<String> {
    let one = |value: &Value| {
        let file = value.get("$file")?;
        let text = |member: &str| file.get(member).and_then(Value::as_str);
        let digest: crate::Digest = text("digest")?.parse().ok()?;
        Some(format!("{} ({})", text("uid").or_else(|| text("name"))?, digest.short()))
    };
    match value {
        Value::Array(values) => values.iter().filter_map(one).collect(),
        value => one(value).into_iter().collect(),
    }
}

/// A file among the inputs: what people call it, and its content.
pub(super) fn shown(input: &Input) -> String {
    let chosen = input.uid.as_ref().filter(|uid| uid.is_chosen());
    format!("{} ({})", chosen.map_or(input.name.as_str(), |uid| uid.as_str()), input.digest.short())
}

/// Whether files, as they are [shown], are the same but for their content.
pub(super) fn same_names(was: &[String], now: &[String]) -> bool {
    let name = |file: &String| file.rsplit_once(" (").map(|(name, _)| name.to_owned());
    was.iter().map(name).eq(now.iter().map(name))
}

/// Whether calls of the same creators returned both.
pub(super) fn same_creators(was: &[String], now: &[String]) -> bool {
    let creators = |calls: &[String]| -> BTreeSet<String> {
        calls.iter().filter_map(|call| Some(call.rsplit_once('/')?.0.to_owned())).collect()
    };
    !was.is_empty() && creators(was) == creators(now)
}

/// How far apart arguments are, from the names of those that differ and whether they came from the same place: 1 for each that
/// did, 2 for any other.
pub(super) fn distance<'a>(differing: impl Iterator<Item = (&'a str, bool)>) -> usize {
    let mut distances = BTreeMap::<&str, usize>::new();
    for (name, near) in differing {
        let distance = distances.entry(root(name)).or_default();
        *distance = (*distance).max(if near { 1 } else { 2 });
    }
    distances.values().sum()
}

/// The argument of a field.
pub(super) fn root(name: &str) -> &str {
    name.split(['.', '[']).next().unwrap_or(name)
}
