//! What the macro found a creator's result to depend on: the part of its hash that is known when it is compiled, and the table of
//! all items, for people and for lineage.
//!
//! A table is text, one row for each line, columns between tabs:
//!
//! | row | columns |
//! |---|---|
//! | `root`, `item` | label, hash, file, first line, last line, label of what first mentioned it, places of the items it leads to |
//! | `file` | what embeds it, BLAKE3 of its content or nothing |
//! | `source` | a file that something of the above is in, git's id of it as a blob |
//! | `crate` | name, versions with checksums |
//! | `note` | label, what cannot be seen there |
//! | `partial` | why not everything was looked at |
//!
//! Rows of other kinds and further columns are for readers to come.

use serde::Serialize;

use crate::canonical::write_len;

/// What the macro found.
#[derive(Debug)]
pub struct ClosureTable {
    /// The hash of all rows but those that are for people, and those of code under a `cfg`.
    pub hash: [u8; 32],
    /// Code under a `cfg`: the predicate, whether it holds, and the hash of those rows. What is not compiled does not count.
    pub variants: &'static [(&'static str, bool, [u8; 32])],
    /// The table.
    pub table: &'static str,
    /// Each `cfg` predicate of the creator's own crate that was found, and whether it holds.
    pub conditions: &'static [(&'static str, bool)],
    /// Each environment variable that the compiler reads there, and its value.
    pub variables: &'static [(&'static str, Option<&'static str>)],
    /// A source file that is newer than what was compiled: the table may be of other code.
    pub newer: Option<&'static str>,
}

/// A table, read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Closure {
    /// Code, the function itself included.
    pub items: Vec<ClosureItem>,
    /// Files that are embedded, and their BLAKE3 where they were there.
    pub files: Vec<(String, Option<String>)>,
    /// Files that something of the above is in, relative to the workspace, and git's ids of them as blobs.
    pub sources: Vec<(String, String)>,
    /// Crates of registries, and their versions.
    pub crates: Vec<(String, String)>,
    /// What cannot be seen: where, and what.
    pub notes: Vec<(String, String)>,
    /// Why not everything was looked at.
    pub partial: Option<String>,
}

/// An item of the user's code that a creator's result can depend on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ClosureItem {
    /// Package, module path, item.
    pub label: String,
    /// Hash of its tokens, of what its paths mean and of the traits in scope, in hexadecimal digits.
    pub hash: String,
    /// Source file, relative to the workspace.
    pub file: String,
    /// Its first line, from 1.
    pub line: u32,
    /// Its last line.
    pub last_line: u32,
    /// The label of what first mentioned it.
    pub because: Option<String>,
    /// Whether it is the creator itself.
    pub is_root: bool,
    /// What it leads to: places among the items, from 0.
    pub leads_to: Vec<usize>,
}

impl Closure {
    /// Reads a table. What it does not know it leaves out.
    pub fn parse(table: &str) -> Self {
        let mut found = Self::default();
        for line in table.lines() {
            let columns: Vec<&str> = line.split('\t').collect();
            let column = |at: usize| columns.get(at).copied().unwrap_or_default().to_owned();
            let filled = |at: usize| Some(column(at)).filter(|text| !text.is_empty());
            match columns[0] {
                kind @ ("item" | "root") => found.items.push(ClosureItem {
                    label: column(1),
                    hash: column(2),
                    file: column(3),
                    line: column(4).parse().unwrap_or_default(),
                    last_line: column(5).parse().unwrap_or_default(),
                    because: filled(6),
                    is_root: kind == "root",
                    leads_to: column(7).split(' ').filter_map(|place| place.parse().ok()).collect(),
                }),
                "file" => found.files.push((column(1), filled(2))),
                "source" => found.sources.push((column(1), column(2))),
                "crate" => found.crates.push((column(1), column(2))),
                "note" => found.notes.push((column(1), column(2))),
                "partial" => found.partial = filled(1),
                _ => {}
            }
        }
        found
    }
}

impl ClosureTable {
    /// The table, read.
    pub fn closure(&self) -> Closure {
        Closure::parse(self.table)
    }

    /// What it adds to the hash of a creator.
    pub(crate) fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.hash);
        let compiled = || self.variants.iter().filter(|(_, holds, _)| *holds);
        write_len(bytes, compiled().count());
        for (predicate, _, hash) in compiled() {
            text(bytes, predicate.as_bytes());
            bytes.extend_from_slice(hash);
        }
        write_len(bytes, self.conditions.len());
        for (predicate, holds) in self.conditions {
            text(bytes, predicate.as_bytes());
            bytes.push((*holds).into());
        }
        write_len(bytes, self.variables.len());
        for (name, value) in self.variables {
            text(bytes, name.as_bytes());
            bytes.push(value.is_some().into());
            text(bytes, value.unwrap_or_default().as_bytes());
        }
    }
}

pub(crate) fn text(bytes: &mut Vec<u8>, text: &[u8]) {
    write_len(bytes, text.len());
    bytes.extend_from_slice(text);
}
