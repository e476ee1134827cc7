//! Transactions: a branch of its own that becomes one merge, or stays.

use std::collections::BTreeMap;
use std::ops::Deref;

use datlake_core::repository::BranchName;
use datlake_core::{Error, ErrorKind, Result};

use super::branch::Branch;

/// A branch on which changes are made until they are [committed](BranchTransaction::commit) together. One that is dropped before keeps its branch.
#[derive(Debug)]
pub struct BranchTransaction {
    branch: Branch,
    onto: Branch,
    message: String,
}

impl BranchTransaction {
    fn begin(onto: &Branch, message: &str) -> Result<Self> {
        let mut random = [0_u8; 16];
        getrandom::fill(&mut random).map_err(|e| Error::new(ErrorKind::Io, "there is no randomness").because(e))?;
        // Branches that are called so are hidden from lists.
        let branch = onto.repository().branch(BranchName::of_clients_transaction(random)?.as_str());
        branch.create(&format!("{}@", onto.id()))?;
        Ok(Self { branch, onto: onto.clone(), message: message.to_owned() })
    }

    /// Commits what was made, merges it into the branch that it began on, and deletes its own branch: the id of the merge; `None` where
    /// nothing was changed.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) where others changed the same meanwhile; as [`Branch::commit_changes`]. Its branch is kept then, and
    /// the error names it.
    pub fn commit(self) -> Result<Option<String>> {
        let merged = self.merged().map_err(|error| self.kept(error))?;
        match self.branch.delete() {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(merged),
        }
    }

    fn merged(&self) -> Result<Option<String>> {
        match self.branch.commit_changes(&self.message, &BTreeMap::new()) {
            // Whoever made it may have committed it.
            Err(error) if error.kind() == ErrorKind::Unchanged => {}
            committed => drop(committed?),
        }
        match self.branch.merge_saying(self.onto.id(), Some(&self.message)) {
            Err(error) if error.kind() == ErrorKind::Unchanged => Ok(None),
            merged => merged.map(Some),
        }
    }

    /// The error of what failed, with the branch that is kept.
    fn kept(&self, error: Error) -> Error {
        let (branch, onto) = (self.branch.id(), self.onto.id());
        let message = format!(
            "the transaction on `{onto}` failed: {}; what it did is kept at the branch `{branch}`",
            error.message()
        );
        Error::new(error.kind(), message).with_hint(format!("merge `{branch}`, or delete it")).because(error)
    }
}

impl Branch {
    /// Begins a transaction: a branch of its own that has the files of this one's last commit, and becomes one merge.
    ///
    /// # Errors
    /// As [`Branch::create`].
    pub fn begin_transaction(&self, commit_message: &str) -> Result<BranchTransaction> {
        BranchTransaction::begin(self, commit_message)
    }

    /// Does `work` on a [transaction](Branch::begin_transaction), and commits it. Where that fails, its branch is kept, and the error names it.
    ///
    /// # Errors
    /// That of `work`; as [`BranchTransaction::commit`].
    pub fn transaction<T>(&self, commit_message: &str, work: impl FnOnce(&Branch) -> Result<T>) -> Result<T> {
        let transaction = self.begin_transaction(commit_message)?;
        match work(&transaction) {
            Ok(done) => transaction.commit().map(|_| done),
            Err(error) => Err(transaction.kept(error)),
        }
    }
}

/// A transaction is its branch.
impl Deref for BranchTransaction {
    type Target = Branch;

    fn deref(&self) -> &Branch {
        &self.branch
    }
}
