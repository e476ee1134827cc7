//! What differs between two references, and what is uncommitted.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datlake_core::Result;
use datlake_core::tree::{Span, TreeDifference, TreeEntry};

use super::branch::Branch;
use super::item::object;
use super::reference::{PAGE, Reference};
use super::resolve::{Resolved, View};
use super::shared::Shared;
use crate::report::{ObjectChange, ObjectChanges, ObjectInfo};
use crate::setters::setters;

/// Which differences are shown.
#[derive(Clone, Debug, Default)]
pub struct DiffQuery {
    prefix: String,
    after: String,
    limit: Option<usize>,
    as_objects: bool,
}

impl DiffQuery {
    /// Those at paths that begin with `prefix`.
    pub fn below(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned(), ..Self::default() }
    }

    setters! {
        /// Those behind this path, in the order of bytes.
        after: Into(String);
        /// So many at most; 1000 unless somebody says.
        limit: Some(usize);
        /// Whether they are shown as to clients that know files alone: a link to a file as that file, and neither other links nor empty
        /// folders.
        as_objects: bool;
    }
}

impl Reference {
    /// A page of what is otherwise at `other`: here is the left side. Of a branch with what is uncommitted, unless that is left out
    /// (`main@`).
    ///
    /// # Errors
    /// As [`Reference::commit_info`].
    ///
    /// ```
    /// let sales = datlake::Lake::temp()?.new_repository("sales").create()?;
    /// let main = sales.branch("main");
    /// main.put_bytes("a.csv", "1")?;
    /// main.commit("one")?;
    /// let diff = sales.reference("main~1").diff("main", &Default::default())?;
    /// assert!(diff.items[0].path == "a.csv" && diff.items[0].before.is_none());
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn diff(&self, other: &str, query: &DiffQuery) -> Result<ObjectChanges> {
        let shared = self.shared();
        let left = shared.view(&self.resolved("compare references")?)?;
        let right = shared.view(&Self::any(shared, other).resolved("compare references")?)?;
        shared.compare(&left, &right, query)
    }
}

impl Branch {
    /// A page of what is uncommitted: the left side is the last commit.
    ///
    /// # Errors
    /// As [`Reference::commit_info`].
    ///
    /// ```
    /// let main = datlake::Lake::temp()?.new_repository("sales").create()?.default_branch();
    /// main.put_bytes("a.csv", "1")?;
    /// assert_eq!(main.uncommitted(&Default::default())?.items[0].path, "a.csv");
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn uncommitted(&self, query: &DiffQuery) -> Result<ObjectChanges> {
        let (shared, state) = (self.shared(), self.state("ask for what is uncommitted")?);
        let left = shared.tree_of(&state.commit)?.into();
        shared.compare(&left, &shared.view(&Resolved::branch(state))?, query)
    }
}

impl Shared {
    fn compare(&self, left: &View, right: &View, query: &DiffQuery) -> Result<ObjectChanges> {
        let span = Span { prefix: &query.prefix, after: &query.after };
        // Paths at which something was changed that is in no tree yet.
        let open = left.changes.keys().chain(right.changes.keys()).filter(|path| span.has(path));
        let mut open: BTreeSet<&str> = open.map(String::as_str).collect();
        let (limit, sides) = (query.limit.unwrap_or(PAGE), ShownSides { shared: self, left, right, query });
        let mut page = Page { found: Vec::new(), limit };
        let at = |path: &str| -> Result<TreeDifference> {
            let (before, after) = (self.entry(left, path)?, self.entry(right, path)?);
            Ok(TreeDifference { path: path.to_owned(), before, after })
        };
        let mut failed = None;
        let mut visit = |difference: TreeDifference| {
            let step = || {
                while let Some(path) = open.first().copied().filter(|path| *path < difference.path.as_str()) {
                    open.remove(path);
                    page.add(sides.change(at(path)?)?);
                }
                match open.remove(difference.path.as_str()) {
                    true => page.add(sides.change(at(&difference.path)?)?),
                    false => page.add(sides.change(difference)?),
                }
                Ok(page.is_full())
            };
            match step() {
                Ok(false) => ControlFlow::Continue(()),
                Ok(true) => ControlFlow::Break(()),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        };
        self.differences(&left.tree, &right.tree, span, &mut visit)?;
        if let Some(error) = failed {
            return Err(error);
        }
        for path in open {
            if page.is_full() {
                break;
            }
            page.add(sides.change(at(path)?)?);
        }
        Ok(page.changes())
    }
}

/// A page of differences, and one more, by which it is known that there are more.
struct Page {
    found: Vec<ObjectChange>,
    limit: usize,
}

impl Page {
    fn add(&mut self, change: ObjectChange) {
        if change.before != change.after {
            self.found.push(change);
        }
    }

    fn is_full(&self) -> bool {
        self.found.len() > self.limit
    }

    fn changes(mut self) -> ObjectChanges {
        let more = self.is_full();
        self.found.truncate(self.limit);
        let next = self.found.last().filter(|_| more).map(|change| change.path.clone());
        ObjectChanges { items: self.found, next }
    }
}

/// What is compared, as it is shown.
struct ShownSides<'a> {
    shared: &'a Shared,
    left: &'a View,
    right: &'a View,
    query: &'a DiffQuery,
}

impl ShownSides<'_> {
    fn change(&self, TreeDifference { path, before, after }: TreeDifference) -> Result<ObjectChange> {
        let (before, after) = (self.shown(self.left, &path, before)?, self.shown(self.right, &path, after)?);
        Ok(ObjectChange { before, after, path })
    }

    fn shown(&self, side: &View, path: &str, entry: Option<TreeEntry>) -> Result<Option<ObjectInfo>> {
        let Some(entry) = entry else { return Ok(None) };
        if !self.query.as_objects || entry.size().is_some() {
            return Ok(object(path, &entry));
        }
        let file = self.shared.followed(side, path)?.filter(|(_, file)| file.size().is_some());
        Ok(file.and_then(|(_, file)| object(path, &file)))
    }
}
