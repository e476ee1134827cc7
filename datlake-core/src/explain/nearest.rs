//! Which earlier call is the nearest to one.
//!
//! In this order: as few arguments as possible that a person would call others, compared by what made them; as few as possible that
//! are not the same, where one of another origin counts twice, and one more counts against a call of the same run; no call of the
//! same run; as few fields and files as possible; the latest.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::origins::{ArgumentOrigins, makers};
use super::{Difference, Sketch, arguments};
use crate::Result;
use crate::catalog::Catalog;
use crate::lineage::Lineage;

/// So many calls are compared by what is above them: the nearest by their own records, and of those the latest.
const COMPARED: usize = 1000;

/// How near a call is by the two records alone, the nearest first: the same arguments before the same code, and a file or value of
/// the same origin with other content before one of another. One more counts against a `sibling`, a call of the same run: by
/// their names, what siblings were given looks alike.
pub fn nearness(differences: &[Difference], sibling: bool) -> (usize, bool, usize) {
    let distance = arguments::distance(differences.iter().filter_map(argument));
    (distance + usize::from(sibling), sibling, differences.iter().map(fields).sum())
}

/// The nearest of `earlier` to a call in the run `run`, with what differs.
///
/// # Errors
/// Those of the stores.
pub async fn nearest<'a>(
    catalog: &Catalog,
    now: &Sketch,
    run: &str,
    earlier: impl IntoIterator<Item = &'a Lineage>,
    differences: impl Fn(&Lineage) -> Vec<Difference>,
) -> Result<Option<(&'a Lineage, Vec<Difference>)>> {
    let rank = |was: &'a Lineage| {
        let differences = differences(was);
        (nearness(&differences, was.run == run), was, differences)
    };
    let mut ranked: Vec<_> = earlier.into_iter().map(rank).collect();
    ranked.sort_by(|(a, x, _), (b, y, _)| {
        a.cmp(b).then_with(|| (Reverse(&x.started_at), x.key).cmp(&(Reverse(&y.started_at), y.key)))
    });
    ranked.truncate(COMPARED);
    // Nothing is nearer than the same arguments.
    if ranked.len() < 2 || ranked[0].0.0 == 0 {
        return Ok(ranked.into_iter().next().map(|(_, was, differences)| (was, differences)));
    }
    let mut below = vec![now.clone()];
    below.extend(ranked.iter().map(|(_, was, _)| Sketch::of(was)));
    let calls = makers(catalog, &below).await?;
    let mut origins = ArgumentOrigins::new(&calls, false);
    let mine = origins.arguments(now);
    let compared = ranked.into_iter().zip(&below[1..]).map(|((_, was, differences), other)| {
        let others = strangers(&differences, &mine, &origins.arguments(other));
        (others, was, differences)
    });
    // Of those that are as near, the first.
    Ok(compared.min_by_key(|(others, ..)| *others).map(|(_, was, differences)| (was, differences)))
}

/// How many arguments are others, and not the same in another state.
fn strangers(differences: &[Difference], mine: &BTreeMap<String, Value>, theirs: &BTreeMap<String, Value>) -> usize {
    let of_person = |difference: &Difference| !matches!(difference, Difference::Fetched { .. });
    let named = differences.iter().filter(|difference| of_person(difference)).filter_map(argument);
    let named: BTreeSet<&str> = named.map(|(name, _)| arguments::root(name)).collect();
    named.into_iter().filter(|name| mine.get(*name).is_none_or(|origin| theirs.get(*name) != Some(origin))).count()
}

/// The argument that a difference is about, and whether what it was had the same origin.
fn argument(difference: &Difference) -> Option<(&str, bool)> {
    match difference {
        Difference::Generic { name, .. } => Some((&**name, false)),
        Difference::Input { argument, was, now, .. } => Some((&**argument, arguments::same_names(was, now))),
        Difference::Value { name, was_from, now_from, .. } => {
            Some((&**name, arguments::same_creators(was_from, now_from)))
        }
        Difference::Fetched { .. } => Some(("", true)),
        Difference::Secret { .. } => Some(("", false)),
        _ => None,
    }
}

/// How many fields and files differ.
fn fields(difference: &Difference) -> usize {
    match difference {
        Difference::Value { was: Some(was), now: Some(now), .. } => differing(was, now),
        Difference::Input { was, now, .. } => {
            let (was, now) = (was.iter().collect::<BTreeSet<_>>(), now.iter().collect::<BTreeSet<_>>());
            was.symmetric_difference(&now).count().max(1)
        }
        _ => 1,
    }
}

fn differing(was: &Value, now: &Value) -> usize {
    match (was, now) {
        _ if was == now => 0,
        (Value::Object(old), Value::Object(new)) => {
            let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            let of = |name: &String| match (old.get(name), new.get(name)) {
                (Some(was), Some(now)) => differing(was, now),
                _ => 1,
            };
            names.into_iter().map(of).sum()
        }
        (Value::Array(old), Value::Array(new)) => {
            let both: usize = old.iter().zip(new).map(|(was, now)| differing(was, now)).sum();
            both + old.len().abs_diff(new.len())
        }
        _ => 1,
    }
}
