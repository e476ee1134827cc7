//! Pages of what differs.

use datlake::report::{ObjectChange, ObjectChanges};
use datlake::{Branch, DiffQuery, Reference};
use schemars::JsonSchema;
use serde::Deserialize;

use super::wire::{Diff, DiffType, PathType};
use crate::http::{List, MOST, list, most};
use crate::problem::Reply;

/// Which differences are asked for.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Compared {
    #[serde(default)]
    prefix: String,
    #[serde(default)]
    after: String,
    amount: Option<i64>,
    /// Paths that have it behind the prefix are one difference, to the delimiter.
    #[serde(default)]
    delimiter: String,
    /// `two_dot` compares the two; `three_dot`, the default, what changed on the right since they had something in common.
    #[serde(default)]
    r#type: Option<String>,
}

impl Compared {
    /// How two references are compared.
    pub(super) fn kind(&self) -> Option<&str> {
        self.r#type.as_deref()
    }
}

/// What is compared.
pub(super) enum Sides {
    /// A branch with its last commit.
    Uncommitted(Branch),
    /// A commit with another.
    Commits(Reference, String),
}

impl Sides {
    async fn page(&self, query: &DiffQuery) -> datlake::Result<ObjectChanges> {
        match self {
            Self::Uncommitted(branch) => branch.uncommitted_async(query).await,
            Self::Commits(left, right) => left.diff_async(right, query).await,
        }
    }
}

/// A page of differences, with common prefixes where there is a delimiter.
pub(super) async fn differences(asked: &Compared, sides: &Sides) -> Reply<List<Diff>> {
    let most = most(asked.amount);
    let (mut found, mut after) = (Vec::<Diff>::new(), asked.after.clone());
    loop {
        let limit = if asked.delimiter.is_empty() { most } else { MOST };
        let changes = sides.page(&DiffQuery::below(&asked.prefix).after(after).limit(limit).as_objects(true)).await?;
        for change in changes.items {
            let difference = difference(asked, change);
            let is_same = found.last().is_some_and(|last| last.path == difference.path);
            // What came before it may have been the end of the page before.
            if is_same
                || (matches!(difference.path_type, PathType::CommonPrefix) && asked.after.starts_with(&difference.path))
            {
                continue;
            }
            if found.len() == most {
                let next = found.last().map(|last| last.path.clone());
                return Ok(list(found, next));
            }
            found.push(difference);
        }
        match changes.next {
            Some(next) if found.len() == most && asked.delimiter.is_empty() => return Ok(list(found, Some(next))),
            Some(next) => after = next,
            None => return Ok(list(found, None)),
        }
    }
}

fn difference(asked: &Compared, change: ObjectChange) -> Diff {
    let ObjectChange { path, before, after, .. } = change;
    let rest = path.strip_prefix(&asked.prefix).unwrap_or(&path);
    let cut = rest.find(&asked.delimiter).filter(|_| !asked.delimiter.is_empty());
    if let Some(at) = cut {
        let path = path[..path.len() - rest.len() + at + asked.delimiter.len()].to_owned();
        return Diff { r#type: DiffType::PrefixChanged, path, path_type: PathType::CommonPrefix, size_bytes: 0 };
    }
    let (kind, size_bytes) = match (&before, &after) {
        (None, Some(after)) => (DiffType::Added, after.size),
        (_, None) => (DiffType::Removed, 0),
        (Some(_), Some(after)) => (DiffType::Changed, after.size),
    };
    Diff { r#type: kind, path, path_type: PathType::Object, size_bytes }
}
