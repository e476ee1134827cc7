//! How large the code of a creator is, and what brings most of it in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Closure, ClosureItem};

/// How much code a creator's result can depend on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ClosureSize {
    /// Functions, methods, types, implementations, constants, macros: the creator included.
    pub items: usize,
    /// Their lines of source.
    pub lines: usize,
    /// The same for each package, the largest first.
    pub packages: Vec<PackageSize>,
}

/// How much of a package's code a creator's result can depend on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct PackageSize {
    /// The package.
    pub package: String,
    /// Its items.
    pub items: usize,
    /// Their lines of source.
    pub lines: usize,
}

/// Something that the creator's own function uses, and what comes in through that alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct PulledIn {
    /// What is used: package, module path, item.
    pub item: String,
    /// Source file, relative to the workspace, and line.
    pub place: String,
    /// Items that nothing else of the function leads to, this one included.
    pub items: usize,
    /// Their lines of source.
    pub lines: usize,
}

/// Rows that stand for how a crate is compiled, and for files as wholes.
fn is_code(item: &ClosureItem) -> bool {
    !item.label.ends_with(')')
}

fn lines(item: &ClosureItem) -> usize {
    if is_code(item) { (item.last_line.saturating_sub(item.line) + 1) as usize } else { 0 }
}

impl Closure {
    /// How large it is.
    pub fn size(&self) -> ClosureSize {
        let mut by_package: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        let mut size = ClosureSize::default();
        for item in self.items.iter().filter(|item| is_code(item)) {
            let path = item.label.split("::").next().unwrap_or_default();
            let sum = by_package.entry(path.split(['/', ' ']).next().unwrap_or(path)).or_default();
            *sum = (sum.0 + 1, sum.1 + lines(item));
            (size.items, size.lines) = (size.items + 1, size.lines + lines(item));
        }
        let packages = by_package.into_iter();
        size.packages = packages
            .map(|(package, (items, lines))| PackageSize { package: package.to_owned(), items, lines })
            .collect();
        size.packages.sort_by(|a, b| b.items.cmp(&a.items).then_with(|| a.package.cmp(&b.package)));
        size
    }

    /// What the function itself uses, with what comes in through that alone; what brings in most first.
    pub fn pulled_in(&self) -> Vec<PulledIn> {
        let Some(root) = self.items.iter().position(|item| item.is_root) else { return Vec::new() };
        let leads = self.leads();
        let all = reached(&leads, root, None);
        let direct = leads[root].iter().filter(|at| is_code(&self.items[**at]));
        let pulled = direct.map(|at| {
            let without = reached(&leads, root, Some(*at));
            let alone =
                || self.items.iter().enumerate().filter(|(at, item)| all[*at] && !without[*at] && is_code(item));
            let item = &self.items[*at];
            PulledIn {
                item: item.label.clone(),
                place: format!("{}:{}", item.file, item.line),
                items: alone().count(),
                lines: alone().map(|(_, item)| lines(item)).sum(),
            }
        });
        let mut pulled: Vec<PulledIn> = pulled.collect();
        pulled.sort_by(|a, b| b.items.cmp(&a.items).then_with(|| a.item.cmp(&b.item)));
        pulled
    }

    /// What leads to what. A table that does not say it has what first mentioned each item.
    fn leads(&self) -> Vec<Vec<usize>> {
        let count = self.items.len();
        let mut leads: Vec<Vec<usize>> = vec![Vec::new(); count];
        if self.items.iter().any(|item| !item.leads_to.is_empty()) {
            for (at, item) in self.items.iter().enumerate() {
                leads[at].extend(item.leads_to.iter().filter(|to| **to < count));
            }
            return leads;
        }
        let places: BTreeMap<&str, usize> =
            self.items.iter().enumerate().map(|(at, item)| (item.label.as_str(), at)).collect();
        for (at, item) in self.items.iter().enumerate() {
            if let Some(by) = item.because.as_deref().and_then(|because| places.get(because)) {
                leads[*by].push(at);
            }
        }
        leads
    }
}

/// What one gets to from `root`, without going through `closed`.
fn reached(leads: &[Vec<usize>], root: usize, closed: Option<usize>) -> Vec<bool> {
    let mut seen = vec![false; leads.len()];
    let mut open = vec![root];
    while let Some(at) = open.pop() {
        if closed != Some(at) && !std::mem::replace(&mut seen[at], true) {
            open.extend(&leads[at]);
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "root\tapp::creator\t00\tsrc/lib.rs\t1\t5\t\t1 2\n\
        item\tapp::heavy\t00\tsrc/lib.rs\t7\t9\tapp::creator\t3 4\n\
        item\tapp::light\t00\tsrc/lib.rs\t11\t11\tapp::creator\t4 99\n\
        item\tkit::deep\t00\tkit/src/lib.rs\t1\t10\tapp::heavy\t1\n\
        item\tkit::shared\t00\tkit/src/lib.rs\t12\t12\tapp::heavy\t\n\
        item\tapp (settings)\t00\tsrc/lib.rs\t1\t1\t\t\n";

    fn pulled(table: &str) -> Vec<(String, usize, usize)> {
        let all = Closure::parse(table).pulled_in();
        all.into_iter().map(|one| (one.item, one.items, one.lines)).collect()
    }

    #[test]
    fn what_comes_in_through_one_thing_alone_is_counted_there() {
        let of = |item: &str, items, lines| (item.to_owned(), items, lines);
        assert_eq!(pulled(TABLE), [of("app::heavy", 2, 13), of("app::light", 1, 1)]);
        // A table of before says what first mentioned each.
        let older: String = TABLE.lines().map(|row| format!("{}\n", &row[..row.rfind('\t').unwrap()])).collect();
        assert_eq!(pulled(&older), [of("app::heavy", 3, 14), of("app::light", 1, 1)]);
        assert_eq!(pulled(""), []);
    }

    #[test]
    fn the_size_is_that_of_code() {
        let size = Closure::parse(TABLE).size();
        assert_eq!((size.items, size.lines), (5, 20));
        let packages: Vec<_> = size.packages.iter().map(|one| (one.package.as_str(), one.items, one.lines)).collect();
        assert_eq!(packages, [("app", 3, 9), ("kit", 2, 11)]);
    }
}
