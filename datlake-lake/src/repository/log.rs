//! The history of a reference.

use std::ops::ControlFlow;
use std::sync::Arc;

use datlake_core::repository::{CommitRecord, CommitWalk, merge_bases};
use datlake_core::tree::Span;
use datlake_core::{Digest, Result};

use super::reference::Reference;
use super::shared::{Shared, info};
use crate::report::CommitInfo;
use crate::setters::setters;

/// Which commits of a history are shown.
#[derive(Clone, Debug, Default)]
pub struct LogQuery {
    path: Option<String>,
    prefix: Option<String>,
    limit: Option<usize>,
    after: Option<Digest>,
}

impl LogQuery {
    setters! {
        /// Those behind this one.
        after: Some(Digest);
        /// So many at most; all unless somebody says.
        limit: Some(usize);
    }

    /// Those that changed what is at `path`: that have something else there than each of their parents.
    pub fn of(path: &str) -> Self {
        Self { path: Some(path.to_owned()), ..Self::default() }
    }

    /// Those that changed something at paths that begin with `prefix`.
    pub fn below(prefix: &str) -> Self {
        Self { prefix: Some(prefix.to_owned()), ..Self::default() }
    }
}

impl Reference {
    /// The commits that led there, the latest first: by their generations, then by date.
    ///
    /// # Errors
    /// As [`Reference::commit_info`].
    ///
    /// ```
    /// use datlake::LogQuery;
    ///
    /// let main = datlake::Lake::temp()?.new_repository("sales").create()?.default_branch();
    /// for path in ["a.csv", "b.csv"] {
    ///     main.put_bytes(path, "1")?;
    ///     main.commit(path)?;
    /// }
    /// let messages = |query| -> datlake::Result<Vec<_>> {
    ///     Ok(main.log(&query)?.into_iter().map(|commit| commit.message).collect())
    /// };
    /// assert_eq!(messages(LogQuery::default())?, ["b.csv", "a.csv", "Repository created"]);
    /// assert_eq!(messages(LogQuery::of("a.csv"))?, ["a.csv"]);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn log(&self, query: &LogQuery) -> Result<Vec<CommitInfo>> {
        let shared = self.shared();
        let resolved = self.resolved("read a history")?;
        let mut walk = CommitWalk::of([resolved.commit], &mut shared.load_commit())?;
        let (mut found, mut is_behind) = (Vec::new(), query.after.is_none());
        while found.len() < query.limit.unwrap_or(usize::MAX) {
            let Some((id, commit)) = walk.next(&mut shared.load_commit())? else { break };
            if is_behind && shared.has_changed(&commit, query)? {
                found.push(info(id, commit));
            }
            is_behind |= query.after == Some(id);
        }
        Ok(found)
    }
}

impl Reference {
    /// The best common ancestors of the commits that this and `other` lead to: those that a merge of the two begins with. Several after
    /// merges in both directions; none where the two have nothing in common.
    ///
    /// # Errors
    /// As [`Reference::commit_info`].
    ///
    /// ```
    /// let sales = datlake::Lake::temp()?.new_repository("sales").create()?;
    /// let dev = sales.branch("dev").create("main")?;
    /// dev.put_bytes("a.csv", "1")?;
    /// dev.commit("one")?;
    /// assert_eq!(sales.reference("main").merge_bases("dev")?, [sales.reference("main").commit_info()?]);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn merge_bases(&self, other: &str) -> Result<Vec<CommitInfo>> {
        let shared = self.shared();
        let (here, there) =
            (self.resolved("compare histories")?, Self::any(shared, other).resolved("compare histories")?);
        let bases = merge_bases(here.commit, there.commit, &mut shared.load_commit())?;
        bases.into_iter().map(|id| shared.info(id)).collect()
    }
}

impl Shared {
    /// Whether a commit has something else than each of its parents where somebody looks.
    fn has_changed(&self, commit: &CommitRecord, query: &LogQuery) -> Result<bool> {
        if query.path.is_none() && query.prefix.is_none() {
            return Ok(true);
        }
        let tree = self.tree(commit.tree, commit.size)?;
        let mut before = commit.parents.iter().map(|parent| self.tree_of(parent)).collect::<Result<Vec<_>>>()?;
        if before.is_empty() {
            before.push(Arc::default());
        }
        for other in before {
            if tree == other {
                return Ok(false);
            }
            let differs = match (&query.path, &query.prefix) {
                (Some(path), _) => self.entry(&Arc::clone(&tree).into(), path)? != self.entry(&other.into(), path)?,
                (None, prefix) => {
                    let (mut differs, span) = (false, Span { prefix: prefix.as_deref().unwrap_or(""), after: "" });
                    self.differences(&other, &tree, span, &mut |_| {
                        differs = true;
                        ControlFlow::Break(())
                    })?;
                    differs
                }
            };
            if !differs {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
