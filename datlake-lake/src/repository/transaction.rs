//! Transactions: changes that become one merge, or stay where they were made.

use std::ops::Deref;

use datlake_core::repository::BranchName;
use datlake_core::{Digest, Error, ErrorKind, Result};
use datlake_store::offload_method;

use super::branch::Branch;
use super::commit::CommitMessage;
use super::handle::Repository;
use super::merge::MergeOptions;
use crate::event::Event;
use crate::report::{CommitInfo, MergeResult};
use crate::scope;

/// A branch of its own, on which changes are made until they are [committed](Transaction::commit) together. One that is dropped before
/// keeps its branch, and [`Event::TransactionKept`] names it.
#[derive(Debug)]
pub struct Transaction {
    branch: Branch,
    onto: Branch,
    message: CommitMessage,
    /// The commit that it began with.
    from: Digest,
    is_over: bool,
}

impl Branch {
    /// Does `work` on a branch of its own that begins with the last commit of this one, and merges that, with `message`. Others see all of
    /// it, or nothing. Where `work` or the merge fails, the branch is kept, and the error names it.
    ///
    /// # Errors
    /// That of `work`, as the [source](std::error::Error::source) of one that names the branch; as [`Branch::begin_transaction`] and
    /// [`Transaction::commit`].
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// let sales = lake.new_repository("sales").create()?;
    /// let main = sales.default_branch();
    /// main.transaction("daily", |branch| {
    ///     branch.put_bytes("out/a.csv", "1")?;
    ///     branch.put_bytes("out/b.csv", "2")
    /// })?;
    /// assert_eq!(main.log(&Default::default())?[0].message, "daily");
    ///
    /// let failed = main.transaction("daily", |branch| {
    ///     branch.put_bytes("out/a.csv", "3")?;
    ///     Err::<(), Box<dyn std::error::Error + Send + Sync>>("something went wrong".into())
    /// });
    /// let kept = &sales.transactions()?[0];
    /// assert!(failed.unwrap_err().to_string().contains(kept.name()));
    /// assert_eq!((main.read("out/a.csv")?, kept.read("out/a.csv")?), (b"1".to_vec(), b"3".to_vec()));
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn transaction<T, E: Into<Box<dyn std::error::Error + Send + Sync>>>(
        &self,
        message: impl Into<CommitMessage>,
        work: impl FnOnce(&Branch) -> std::result::Result<T, E>,
    ) -> Result<T> {
        let mut transaction = self.begin_transaction(message)?;
        match work(&transaction) {
            Ok(done) => transaction.commit().map(|_| done),
            Err(error) => {
                transaction.is_over = true;
                Err(transaction.kept(error.into()))
            }
        }
    }

    /// The asynchronous twin of [`Branch::transaction`]: `work` runs on a thread of datlake's own.
    ///
    /// # Errors
    /// As [`Branch::transaction`].
    pub async fn transaction_async<T, E>(
        &self,
        message: impl Into<CommitMessage>,
        work: impl FnOnce(&Branch) -> std::result::Result<T, E> + Send + 'static,
    ) -> Result<T>
    where
        T: Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
    {
        let (here, this, message) = (scope::polled_here(), self.clone(), message.into());
        offload_method(move || here.run(|| this.transaction(message, work))).await?
    }

    /// Begins a transaction, which has the files of this branch's last commit: for what does not fit into a function that is given to
    /// [`Branch::transaction`].
    ///
    /// # Errors
    /// As [`Branch::create`].
    ///
    /// ```
    /// let main = datlake::Lake::temp()?.new_repository("sales").create()?.default_branch();
    /// let daily = main.begin_transaction("daily")?;
    /// daily.put_bytes("a.csv", "1")?;
    /// assert!(!main.exists("a.csv")?);
    /// daily.commit()?;
    /// assert!(main.exists("a.csv")?);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn begin_transaction(&self, message: impl Into<CommitMessage>) -> Result<Transaction> {
        let from = self.state("begin a transaction")?.commit;
        let name = BranchName::of_transaction(&self.shared().lake.nonce())?;
        let branch = Branch::new(self.shared(), name.as_str()).created(&format!("{}@", self.name()))?;
        Ok(Transaction { branch, onto: self.clone(), message: message.into(), from, is_over: false })
    }
}

impl Transaction {
    /// Commits what was made, merges it into the branch that it began on, and deletes its own branch: the commit of the merge; `None` where
    /// nothing was changed.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] where others changed the same paths meanwhile; [`ErrorKind::Uncommitted`] where the branch that it began
    /// on has uncommitted changes; as [`Branch::merge`]. Its branch is kept then, and the error names it.
    ///
    /// ```
    /// let main = datlake::Lake::temp()?.new_repository("sales").create()?.default_branch();
    /// assert!(main.begin_transaction("nothing")?.commit()?.is_none());
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn commit(mut self) -> Result<Option<CommitInfo>> {
        self.is_over = true;
        let merged = self.merged().map_err(|error| self.kept(error.into()))?;
        match self.branch.delete() {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                let message = format!("{}; what was made is at {}", error.message(), *self.onto);
                let hint = format!("delete the branch `{}`", self.branch.name());
                Err(error.with_message(message).with_hint(hint))
            }
            _ => Ok(merged),
        }
    }

    fn merged(&self) -> Result<Option<CommitInfo>> {
        match self.branch.commit(self.message.clone()) {
            Err(error) if error.kind() == ErrorKind::Unchanged => {}
            committed => drop(committed?),
        }
        if self.branch.state("commit a transaction")?.commit == self.from {
            return Ok(None);
        }
        match self.onto.merge(self.branch.name(), &MergeOptions::default().message(self.message.clone())) {
            Ok(MergeResult::Merged(commit)) => Ok(Some(commit)),
            Ok(MergeResult::Conflicts(conflicts)) => {
                let paths: Vec<String> =
                    conflicts.iter().take(10).map(|conflict| format!("`{}`", conflict.path)).collect();
                let more = conflicts.len().saturating_sub(paths.len());
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                let message = format!("others changed {}{more} at {} meanwhile", paths.join(", "), *self.onto);
                Err(Error::new(ErrorKind::Conflict, message))
            }
            // Somebody else did the same.
            Err(error) if error.kind() == ErrorKind::Unchanged => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The error of what failed, with the branch that is kept.
    fn kept(&self, error: Box<dyn std::error::Error + Send + Sync>) -> Error {
        let branch = self.branch.name();
        let because = |error: &dyn std::fmt::Display| {
            format!("the transaction on {} failed: {error}; what it did is kept at the branch `{branch}`", *self.onto)
        };
        match error.downcast::<Error>() {
            Ok(error) => {
                let message = because(&error.without_hint());
                let hint = error.hint().map_or_else(String::new, |hint| format!("{hint}; then "));
                Error::new(error.kind(), message)
                    .with_hint(format!("{hint}merge `{branch}`, or delete it"))
                    .because(*error)
            }
            Err(error) => {
                let failed = Error::new(ErrorKind::Uncommitted, because(&error));
                failed.with_hint(format!("merge `{branch}`, or delete it")).because(error)
            }
        }
    }
}

impl Repository {
    /// The branches of transactions that are going on, or were kept, sorted by name. [`Repository::branches`] leaves them out.
    ///
    /// # Errors
    /// As [`Repository::branches`].
    ///
    /// ```
    /// let sales = datlake::Lake::temp()?.new_repository("sales").create()?;
    /// let daily = sales.default_branch().begin_transaction("daily")?;
    /// assert_eq!((sales.branches()?.len(), sales.transactions()?.len()), (1, 1));
    /// daily.commit()?;
    /// assert!(sales.transactions()?.is_empty());
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn transactions(&self) -> Result<Vec<Branch>> {
        self.branches_that(BranchName::is_transaction)
    }
}

/// A transaction is its branch.
impl Deref for Transaction {
    type Target = Branch;

    fn deref(&self) -> &Branch {
        &self.branch
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if !self.is_over {
            let (repository, branch) = (self.branch.repository_name().to_owned(), self.branch.name().to_owned());
            self.branch.shared().lake.emit(&Event::TransactionKept { repository, branch });
        }
    }
}
