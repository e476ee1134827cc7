//! Files of a package that import each other in a circle.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::offence::Offence;
use crate::source::{self, Files};

/// What a file takes from another: file, file, names.
pub(crate) type Ties = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

pub(crate) fn ties(files: &Files) -> Ties {
    let mut ties = Ties::new();
    for used in source::packages(files).iter().flat_map(source::Package::uses) {
        if let (Some(defined_in), Some(name)) = (&used.defined_in, used.path.iter().rev().find(|name| *name != "self"))
        {
            let from = ties.entry(used.file.clone()).or_default().entry(defined_in.clone()).or_default();
            from.insert(name.clone());
        }
    }
    ties
}

/// One offence for each knot of files, with the shortest circle through its first file.
pub(crate) fn check(files: &Files) -> Vec<Offence> {
    let ties = ties(files);
    let mut seen = BTreeSet::new();
    let mut offences = Vec::new();
    for file in ties.keys() {
        if seen.contains(file) {
            continue;
        }
        let Some(circle) = shortest(&ties, file, file) else { continue };
        let knot = ties.keys().filter(|other| {
            *other == file || (shortest(&ties, file, other).is_some() && shortest(&ties, other, file).is_some())
        });
        let knot: Vec<_> = knot.cloned().collect();
        let package = file.split_once("src/").map_or("", |(before, _)| before);
        let package = if package.is_empty() { "src" } else { package.trim_end_matches('/') };
        let arrows: String = circle.windows(2).map(|pair| arrow(&ties, &pair[0], &pair[1])).collect();
        let other = knot.iter().flat_map(|from| knot.iter().map(move |to| (from, to))).filter(|(from, to)| {
            ties[*from].contains_key(*to) && !circle.windows(2).any(|pair| pair[0] == **from && pair[1] == **to)
        });
        let other: String = other.map(|(from, to)| arrow(&ties, from, to)).collect();
        let other = if other.is_empty() { other } else { format!("\n    and in the same knot:{other}") };
        let says = format!("{} files import each other:{arrows}{other}", knot.len());
        offences.push(Offence::new("circle", package, says));
        seen.extend(knot);
    }
    offences
}

fn arrow(ties: &Ties, from: &str, to: &str) -> String {
    let names: Vec<_> = ties[from][to].iter().map(String::as_str).collect();
    format!("\n    {from} → {to}: {}", names.join(", "))
}

fn shortest(ties: &Ties, from: &str, to: &str) -> Option<Vec<String>> {
    let mut before: BTreeMap<&str, &str> = BTreeMap::new();
    let mut queue = VecDeque::from([from]);
    while let Some(at) = queue.pop_front() {
        for next in ties.get(at).into_iter().flat_map(BTreeMap::keys) {
            if next == to {
                let mut way = vec![to.to_owned(), at.to_owned()];
                let mut step = at;
                while step != from {
                    step = before[step];
                    way.push(step.to_owned());
                }
                way.reverse();
                return Some(way);
            }
            if next != from && !before.contains_key(next.as_str()) {
                before.insert(next, at);
                queue.push_back(next);
            }
        }
    }
    None
}
