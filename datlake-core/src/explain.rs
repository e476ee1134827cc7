//! Why a call would run: what differs from the nearest call that is remembered.

mod arguments;
mod nearest;
mod origins;
mod text;
mod trees;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::arguments::{ArgumentDifference, Arguments, shown};
pub use self::nearest::{nearest, nearness};
pub use self::origins::{ArgumentOrigins, CallAddress, maker};
pub use self::trees::name_paths;
use crate::catalog::Catalog;
use crate::lineage::{Dependency, Input, Lineage, Param, ValueInput};
use crate::{CallKey, Closure, ClosureItem, CodeHash, CreatorName, Digest, Result};

/// All that enters a key, in a form that can be compared with the lineage of an earlier call.
#[derive(Clone, Debug)]
pub struct Sketch {
    /// The creator.
    pub creator: CreatorName,
    /// The key.
    pub key: CallKey,
    /// Hash of the code with all that it depends on.
    pub code_hash: CodeHash,
    /// Hash of the function alone, its `cfg`s and what it includes.
    pub own_hash: CodeHash,
    /// What it declares to depend on.
    pub dependencies: Vec<Dependency>,
    /// The table of what was found that it depends on.
    pub closure: Option<Digest>,
    /// Type and const parameters.
    pub generics: Vec<(String, String)>,
    /// Arguments.
    pub params: Vec<Param>,
    /// Values of `key(…)`.
    pub extras: Vec<Param>,
    /// Files among the arguments.
    pub inputs: Vec<Input>,
    /// Values among the arguments that calls returned.
    pub values: Vec<ValueInput>,
    /// What is left of arguments without such files and values.
    pub rests: BTreeMap<String, Digest>,
}

/// Why a call would run, or that it would not. `Display` says it in words.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Explanation {
    /// It would be skipped.
    Cached {
        /// The call.
        creator: CreatorName,
        /// Its key.
        key: CallKey,
        /// When it ran.
        started_at: String,
        /// Who ran it.
        by: String,
    },
    /// Nothing that this creator ever made is remembered.
    FirstCall {
        /// The creator.
        creator: CreatorName,
    },
    /// It differs from every call that is remembered.
    Differs {
        /// The creator.
        creator: CreatorName,
        /// The nearest call, by [`nearest`](fn@nearest).
        nearest: CallKey,
        /// When that ran.
        started_at: String,
        /// What is not the same.
        differences: Vec<Difference>,
    },
    /// Its record is there but does not answer the call: the return type has changed its meaning, or a file that the
    /// body got by UID was replaced.
    Outgrown {
        /// The creator.
        creator: CreatorName,
        /// The record's key.
        key: CallKey,
    },
}

/// One thing that is not the same.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Difference {
    /// The function itself, a `cfg` in it or a file it includes.
    Code,
    /// A tracked item it depends on.
    Dependency {
        /// The item.
        item: String,
        /// How it changed.
        change: Change,
    },
    /// Code that it was found to depend on, and which is not known any more.
    Found,
    /// An item that it was found to depend on.
    Item {
        /// Package, module path, item.
        item: String,
        /// How it changed.
        change: Change,
        /// Source file, relative to the workspace, and line.
        place: String,
    },
    /// A type or const parameter.
    Generic {
        /// Its name.
        name: String,
        /// What it was.
        was: Option<String>,
        /// What it is.
        now: Option<String>,
    },
    /// An argument, a value of `key(…)`, or a field of one.
    Value {
        /// Its name; of a field with the way to it, as `settings.rate`.
        name: String,
        /// What it was.
        was: Option<Value>,
        /// What it is.
        now: Option<Value>,
        /// The calls that had returned what it was, or what it was a part of, as `creator/3f9a27`; none where that is not known.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        was_from: Vec<String>,
        /// The calls that had returned what it is, or what it is a part of.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        now_from: Vec<String>,
    },
    /// A file among the arguments.
    Input {
        /// The argument; of a field with the way to it.
        argument: String,
        /// What it was: name and digest.
        was: Vec<String>,
        /// What it is: name and digest.
        now: Vec<String>,
        /// Of a tree the first paths in it that are not the same, where its lists are there.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        paths: Vec<PathChange>,
        /// How many more there are.
        #[serde(default)]
        paths_left_out: u64,
    },
    /// Files that the body got by itself.
    Fetched {
        /// What they were: name and digest.
        was: Vec<String>,
        /// What they are: name and digest.
        now: Vec<String>,
    },
    /// A secret argument: nothing of it is remembered, and nothing else differs.
    Secret {
        /// The secret arguments.
        names: Vec<String>,
    },
    /// Nothing that is remembered differs: the order of arguments, or a rule of identity.
    Unknown,
}

/// A path in a tree that is not the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct PathChange {
    /// The path.
    pub path: String,
    /// How it changed.
    pub change: Change,
}

/// How a dependency, or a file in a tree, changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Its code, or its content, is another.
    Edited,
    /// It was not there, or not depended on.
    Added,
    /// It is no longer there, or no longer depended on.
    Removed,
}

impl Sketch {
    /// What entered the key of a call that was made.
    pub fn of(lineage: &Lineage) -> Self {
        Self {
            creator: lineage.creator.clone(),
            key: lineage.key,
            code_hash: lineage.code.hash,
            own_hash: lineage.code.own_hash,
            dependencies: lineage.code.dependencies.clone(),
            closure: lineage.code.closure,
            generics: lineage.generics.clone(),
            params: lineage.params.clone(),
            extras: lineage.extras.clone(),
            inputs: lineage.inputs.clone(),
            values: lineage.values.clone(),
            rests: lineage.rests.clone(),
        }
    }

    /// What differs from the nearest of `earlier`, for a call in the run `run`.
    ///
    /// # Errors
    /// Those of the stores.
    pub async fn explain(&self, catalog: &Catalog, earlier: &[Lineage], run: &str) -> Result<Explanation> {
        let nearest = nearest(catalog, self, run, earlier, |was| self.differences(was)).await?;
        let creator = self.creator.clone();
        Ok(match nearest {
            None => Explanation::FirstCall { creator },
            Some((lineage, differences)) => Explanation::Differs {
                creator,
                nearest: lineage.key,
                started_at: lineage.started_at.clone(),
                differences,
            },
        })
    }

    /// What differs from one earlier call; never empty.
    pub fn differences(&self, was: &Lineage) -> Vec<Difference> {
        let mut found = Vec::new();
        if self.own_hash != was.code.own_hash {
            found.push(Difference::Code);
        }
        let dependencies = |list: &[Dependency]| -> BTreeMap<String, Vec<CodeHash>> {
            let mut map = BTreeMap::<String, Vec<CodeHash>>::new();
            for one in list {
                map.entry(one.item.clone()).or_default().push(one.hash);
            }
            map
        };
        for (item, old, new) in pairs(dependencies(&was.code.dependencies), dependencies(&self.dependencies)) {
            let change = match (old, new) {
                (Some(_), Some(_)) => Change::Edited,
                (None, _) => Change::Added,
                (_, None) => Change::Removed,
            };
            found.push(Difference::Dependency { item, change });
        }
        if self.code_hash != was.code.hash && (found.is_empty() || self.closure != was.code.closure) {
            found.push(Difference::Found);
        }
        let generics = |list: &[(String, String)]| list.iter().cloned().collect();
        for (name, was, now) in pairs(generics(&was.generics), generics(&self.generics)) {
            found.push(Difference::Generic { name, was, now });
        }
        let Lineage { params, extras, inputs, values, rests, .. } = was;
        let old = Arguments { params, extras, inputs, values, rests };
        let Self { params, extras, inputs, values, rests, .. } = self;
        let differing = arguments::differences(old, Arguments { params, extras, inputs, values, rests });
        found.extend(differing.into_iter().map(Difference::from));
        if found.is_empty() {
            let names: Vec<_> = self.params.iter().filter(|p| p.secret).map(|p| p.name.clone()).collect();
            found.push(if names.is_empty() { Difference::Unknown } else { Difference::Secret { names } });
        }
        found
    }
}

impl From<ArgumentDifference> for Difference {
    fn from(differing: ArgumentDifference) -> Self {
        match differing {
            ArgumentDifference::Files { argument, was, now } => {
                Self::Input { argument, was, now, paths: Vec::new(), paths_left_out: 0 }
            }
            ArgumentDifference::Value { name, was, now, was_from, now_from } => {
                Self::Value { name, was, now, was_from, now_from }
            }
        }
    }
}

/// `found` with the items that differ between two tables in the place of [`Difference::Found`].
pub fn name_items(found: &mut Vec<Difference>, was: &Closure, now: &Closure) {
    let Some(at) = found.iter().position(|difference| *difference == Difference::Found) else { return };
    let items = |closure: &Closure| -> BTreeMap<String, Vec<String>> {
        let mut map = BTreeMap::<String, Vec<String>>::new();
        for item in &closure.items {
            map.entry(item.label.clone()).or_default().push(item.hash.clone());
        }
        for (what, content) in &closure.files {
            map.entry(what.clone()).or_default().push(content.clone().unwrap_or_default());
        }
        map
    };
    let place = |closure: &Closure, label: &str| {
        let is_it = |item: &&ClosureItem| item.label == label;
        closure.items.iter().find(is_it).map(|item| format!("{}:{}", item.file, item.line))
    };
    let items = pairs(items(was), items(now)).into_iter().map(|(item, old, new)| {
        let change = match (old, new) {
            (Some(_), Some(_)) => Change::Edited,
            (None, _) => Change::Added,
            (_, None) => Change::Removed,
        };
        let place = place(now, &item).or_else(|| place(was, &item)).unwrap_or_default();
        Difference::Item { item, change, place }
    });
    let items: Vec<_> = items.collect();
    // Lines that moved are no difference, where there is another.
    if !items.is_empty() || found.len() > 1 {
        found.splice(at..=at, items);
    }
}

/// What differs between two calls that were made; never empty.
pub fn between(was: &Lineage, now: &Lineage) -> Vec<Difference> {
    let mut found = Sketch::of(now).differences(was);
    let fetched = |lineage: &Lineage| -> Vec<String> {
        lineage.inputs.iter().filter(|input| input.argument.is_none()).map(shown).collect()
    };
    let (old, new) = (fetched(was), fetched(now));
    if old != new {
        // Then that is why nothing else need differ.
        found.retain(|difference| !matches!(difference, Difference::Unknown | Difference::Secret { .. }));
        found.push(Difference::Fetched { was: old, now: new });
    }
    found
}

/// What two maps do not have in common.
fn pairs<V: PartialEq>(mut old: BTreeMap<String, V>, new: BTreeMap<String, V>) -> Vec<(String, Option<V>, Option<V>)> {
    let mut found = Vec::new();
    for (name, now) in new {
        match old.remove(&name) {
            Some(was) if was == now => {}
            was => found.push((name, was, Some(now))),
        }
    }
    found.extend(old.into_iter().map(|(name, was)| (name, Some(was), None)));
    found
}
