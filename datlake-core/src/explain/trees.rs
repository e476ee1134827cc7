//! Which files of two trees differ, from the ranges that the trees do not share.

use std::collections::{BTreeMap, HashSet};

use super::arguments::shown;
use super::{Change, Difference, PathChange};
use crate::catalog::Catalog;
use crate::lineage::Input;
use crate::tree::{Metarange, RangeRow, TreeEntry, TreeRange};
use crate::{Digest, Result};

/// So many pairs of files are looked at.
const PAIRS: usize = 16;
/// What is larger is not read to see whether it is a tree; a metarange of a million entries is of about this size.
const LARGEST: u64 = 256 << 10;
/// Where more ranges of a tree differ, no paths are named.
const RANGES: usize = 64;
/// So many paths are named.
const PATHS: usize = 5;

/// Names the paths that differ where files that differ are trees, and are there.
///
/// # Errors
/// Those of the stores.
pub async fn name_paths(catalog: &Catalog, found: &mut [Difference], was: &[Input], now: &[Input]) -> Result<()> {
    for difference in found {
        let Difference::Input { argument, was: old, now: new, paths, paths_left_out } = difference else { continue };
        let name = argument.split(['.', '[']).next();
        let of = |inputs: &[Input], listed: &[String]| -> Vec<Input> {
            let is_of = |input: &&Input| input.argument.as_deref() == name && listed.contains(&shown(input));
            inputs.iter().filter(is_of).cloned().collect()
        };
        let mut changes = Vec::new();
        for (was, now) in pairs(&of(was, old), &of(now, new)) {
            changes.extend(differing(catalog, was, now).await?.into_iter().flatten());
        }
        *paths_left_out = changes.len().saturating_sub(PATHS) as u64;
        changes.truncate(PATHS);
        *paths = changes;
    }
    Ok(())
}

/// What to compare: files of one name, or two alone.
fn pairs<'a>(was: &'a [Input], now: &'a [Input]) -> Vec<(&'a Input, &'a Input)> {
    if let ([was], [now]) = (was, now) {
        return vec![(was, now)];
    }
    let called = |input: &Input| (input.uid.clone().filter(|uid| uid.is_chosen()), input.name.clone());
    let mut old: BTreeMap<_, &Input> = was.iter().map(|input| (called(input), input)).collect();
    let pair = |now: &'a Input| Some((old.remove(&called(now))?, now));
    now.iter().filter_map(pair).filter(|(was, now)| was.digest != now.digest).take(PAIRS).collect()
}

/// The paths that differ; `None` where one is no tree, or is not there, or nearly everything differs.
async fn differing(catalog: &Catalog, was: &Input, now: &Input) -> Result<Option<Vec<PathChange>>> {
    let (Some(old), Some(new)) = (metarange(catalog, was).await?, metarange(catalog, now).await?) else {
        return Ok(None);
    };
    let shared: HashSet<Digest> = new.ranges().iter().map(|row| row.digest).collect();
    let both: HashSet<Digest> = old.ranges().iter().map(|row| row.digest).filter(|row| shared.contains(row)).collect();
    let (Some(old), Some(new)) = (rest(catalog, &old, &both).await?, rest(catalog, &new, &both).await?) else {
        return Ok(None);
    };
    let differing = super::pairs(old, new).into_iter().map(|(path, was, now)| {
        let change = match (was, now) {
            (Some(_), Some(_)) => Change::Edited,
            (None, _) => Change::Added,
            (_, None) => Change::Removed,
        };
        PathChange { path, change }
    });
    let mut differing: Vec<PathChange> = differing.collect();
    differing.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Some(differing))
}

async fn metarange(catalog: &Catalog, file: &Input) -> Result<Option<Metarange>> {
    if file.size > LARGEST {
        return Ok(None);
    }
    let bytes = catalog.small_content(&file.digest).await?;
    Ok(bytes.and_then(|bytes| Metarange::parse(&bytes, &file.name).ok()))
}

/// The entries of a tree that are in no range of `both` trees.
async fn rest(
    catalog: &Catalog,
    tree: &Metarange,
    both: &HashSet<Digest>,
) -> Result<Option<BTreeMap<String, TreeEntry>>> {
    let rows: Vec<&RangeRow> = tree.ranges().iter().filter(|row| !both.contains(&row.digest)).collect();
    if rows.len() > RANGES {
        return Ok(None);
    }
    let mut entries = BTreeMap::new();
    for row in rows {
        let bytes = catalog.small_content(&row.digest).await?;
        let Some(range) = bytes.and_then(|bytes| TreeRange::parse(bytes, row, &row.first).ok()) else {
            return Ok(None);
        };
        entries.extend(range.entries().map(|(path, entry)| (path.to_owned(), entry.clone())));
    }
    Ok(Some(entries))
}
