//! What was changed in a working copy, and committing it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datlake_core::repository::BranchState;
use datlake_core::tree::{AddressedFile, Metarange, TreeEntry};
use datlake_core::{Digest, Error, ErrorKind, Result, Subject};
use datlake_store::{AtPath, FileState};

use super::bring;
use super::kept::{CheckoutDocument, Held};
use super::plan::named;
use crate::file::{FolderEntry, LocalFolder};
use crate::handle::Lake;
use crate::lake::in_parallel;
use crate::report::{CommitInfo, FolderChange, FolderChangeKind, FolderChanges};
use crate::repository::branch::Branch;
use crate::repository::change_set::ChangeSet;
use crate::repository::commit::CommitMessage;
use crate::repository::handle::Repository;
use crate::repository::resolve::{Resolved, View};
use crate::repository::shared::{Contents, Shared};

/// A folder of this machine that is a working copy of a commit: see [`Lake::working_copy`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkingCopy {
    repository: Repository,
    path: PathBuf,
}

/// What differs from the commit that a folder is of, by path; nothing where it was deleted.
type Changes = BTreeMap<String, Option<TreeEntry>>;

impl Lake {
    /// The working copy at `folder`, which [`Reference::checkout`](crate::Reference::checkout) has made.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where there is none; as [`Lake::repository`].
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// let sales = lake.new_repository("sales").create()?;
    /// # let dir = tempfile::tempdir()?;
    /// # let folder = dir.path();
    /// assert!(lake.working_copy(folder).is_err());
    /// sales.reference("main").checkout(folder, &Default::default())?;
    /// assert_eq!(lake.working_copy(folder)?.changes()?.items.len(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn working_copy(&self, folder: impl AsRef<Path>) -> Result<WorkingCopy> {
        let path = folder.as_ref().to_owned();
        let of_folder = |error: Error| error.about(Subject::Path(path.clone()));
        let Some(kept) = CheckoutDocument::read(&path)? else {
            let message = format!("`{}` is no working copy", path.display());
            let error =
                Error::new(ErrorKind::NotFound, message).with_hint("`datlake checkout REPO@REF FOLDER` makes one");
            return Err(of_folder(error));
        };
        let repository = self.repository(&kept.repository)?;
        if repository.0.incarnation != kept.incarnation {
            let (path, name) = (path.display(), &kept.repository);
            let message = format!("`{path}` is a working copy of another repository than the `{name}` of this lake");
            return Err(of_folder(Error::new(ErrorKind::NotFound, message)).with_hint("say which lake it is of"));
        }
        Ok(WorkingCopy { repository, path })
    }
}

impl WorkingCopy {
    /// The repository that it is of.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was changed in it since it was checked out. Only files are read that were changed since they were last looked at.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for what a lake cannot have; [`ErrorKind::Busy`] where another process changes the folder; those
    /// of reading it.
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// let main = lake.new_repository("sales").create()?.default_branch();
    /// # let dir = tempfile::tempdir()?;
    /// # let folder = dir.path();
    /// main.checkout(folder, &Default::default())?;
    /// std::fs::write(folder.join("jan.csv"), "x,1\n")?;
    /// assert_eq!(lake.working_copy(folder)?.changes()?.items[0].path, "jan.csv");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn changes(&self) -> Result<FolderChanges> {
        let (mut held, kept) = self.held()?;
        let base = self.base(&kept)?;
        let changes = self.changed(&mut held, &kept, &base)?;
        held.keep_states()?;
        let change = |(path, after): (String, Option<TreeEntry>)| {
            let kind = match (base.contains_key(&path), &after) {
                (_, None) => FolderChangeKind::Deleted,
                (true, Some(_)) => FolderChangeKind::Changed,
                (false, Some(_)) => FolderChangeKind::Added,
            };
            let size = after.and_then(|entry| entry.content()).map(|(_, size)| size);
            let outside = addressed(base.get(&path)).map(|file| file.address.clone());
            FolderChange { path, kind, size, outside }
        };
        Ok(FolderChanges { items: changes.into_iter().map(change).collect() })
    }

    /// Commits what was changed in it to its branch: what was added, changed and deleted, as one commit. What others have uncommitted there
    /// stays uncommitted. Where others have committed something else meanwhile, that is written into the folder afterwards.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] where others have changed the same paths meanwhile, with these: then nothing is committed;
    /// [`ErrorKind::Unchanged`] where nothing was changed; [`ErrorKind::Uncommitted`] where its last checkout did not end;
    /// [`ErrorKind::InvalidInput`] where it is one of a tag or a commit; as [`WorkingCopy::changes`] and [`Branch::commit_all`].
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// let main = lake.new_repository("sales").create()?.default_branch();
    /// # let dir = tempfile::tempdir()?;
    /// # let folder = dir.path();
    /// main.checkout(folder, &Default::default())?;
    /// std::fs::write(folder.join("jan.csv"), "x,1\n")?;
    /// lake.working_copy(folder)?.commit("January")?;
    /// assert_eq!(main.log(&Default::default())?[0].message, "January");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn commit(&self, message: impl Into<CommitMessage>) -> Result<CommitInfo> {
        let (mut held, mut kept) = self.held()?;
        let Some(commit) = kept.commit.filter(|_| kept.begun.is_empty()) else {
            let message = format!("cannot commit `{}`: its last checkout did not end", self.path.display());
            let error = Error::new(ErrorKind::Uncommitted, message).about(Subject::Path(self.path.clone()));
            return Err(error.with_hint(format!("`{}` ends it", self.checkout_command(&kept.expression))));
        };
        let (branch, base) = (self.branch(&kept)?, self.base(&kept)?);
        let changes = self.changed(&mut held, &kept, &base)?;
        held.keep_states()?;
        if changes.is_empty() {
            let message = format!("nothing was changed in `{}`", self.path.display());
            return Err(Error::new(ErrorKind::Unchanged, message).about(Subject::Path(self.path.clone())));
        }
        let set = changes.iter().fold(ChangeSet::new(), |set, (path, after)| match after {
            None => set.delete(path),
            Some(TreeEntry::File { executable, .. }) => set.put_copy(path, &self.path.join(path), *executable),
            Some(entry) => set.put_entry(path, entry.clone()),
        });
        let at = Base { copy: self, branch: &branch, commit, tree: &base, changes: &changes };
        let done = branch.commit_set(message.into(), &set, &|head, state| at.check(head, state))?;
        if done.parents == [commit] {
            kept.commit = Some(done.id);
            held.keep(&kept)?;
            return Ok(done);
        }
        let except = changes.into_keys().collect();
        match bring(&self.repository.0, &mut held, kept, done.id, false, &except) {
            Ok(_) => Ok(done),
            Err(error) => {
                let message = format!("it was committed as {}, but {}", done.id.short(), error.message());
                Err(error.with_message(message))
            }
        }
    }

    fn held(&self) -> Result<(Held, CheckoutDocument)> {
        let held = Held::new(&self.path)?;
        match CheckoutDocument::read(&self.path)? {
            Some(kept) => Ok((held, kept)),
            None => Err(held.changing("")),
        }
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.repository.0
    }

    fn checkout_command(&self, expression: &str) -> String {
        format!("datlake checkout {}@{expression} {}", self.repository.name(), self.path.display())
    }

    /// The branch that may be committed to.
    fn branch(&self, kept: &CheckoutDocument) -> Result<Branch> {
        if kept.is_branch {
            return Ok(self.repository.branch(&kept.expression));
        }
        let (name, main) = (self.repository.name(), self.repository.default_branch());
        let (path, expression) = (self.path.display(), &kept.expression);
        let message = format!("cannot commit `{path}`: `{name}@{expression}`, which it is of, is no branch");
        let error = Error::new(ErrorKind::InvalidInput, message).about(Subject::Path(self.path.clone()));
        Err(error.with_hint(format!(
            "`{}` takes what was changed to the branch `{}`; `datlake branch create {name}@NAME {expression}` makes one of its own for it",
            self.checkout_command(main.name()),
            main.name(),
        )))
    }

    /// All that the commit has, but folders in which there is something.
    fn base(&self, kept: &CheckoutDocument) -> Result<BTreeMap<String, TreeEntry>> {
        let (shared, mut base) = (self.shared(), BTreeMap::<String, TreeEntry>::new());
        let tree = kept.commit.map_or_else(|| Ok(Arc::default()), |commit| shared.tree_of(&commit))?;
        for row in tree.ranges() {
            base.extend(shared.range(row)?.entries().map(|(path, entry)| (path.to_owned(), entry.clone())));
        }
        let is_above = |path: &str| {
            let below = format!("{path}/");
            base.range(below.clone()..).next().is_some_and(|(path, _)| path.starts_with(&below))
        };
        let folders = base.iter().filter(|(_, entry)| **entry == TreeEntry::Folder).map(|(path, _)| path.clone());
        let full: Vec<String> = folders.filter(|path| is_above(path)).collect();
        full.iter().for_each(|path| drop(base.remove(path)));
        Ok(base)
    }

    /// What differs from the commit, and from what files may be of whose checkout did not end.
    fn changed(&self, held: &mut Held, kept: &CheckoutDocument, base: &BTreeMap<String, TreeEntry>) -> Result<Changes> {
        let folder = LocalFolder::read(&self.path)?;
        let found = folder.entries(&self.shared().lake, |path, entry| (path, entry))?;
        let states = in_parallel(&found, |(path, entry)| match entry {
            FolderEntry::File { .. } => self.content(held, path).map(Some),
            _ => Ok(None),
        })?;
        let begun = kept.begun.iter().map(|commit| self.shared().tree_of(commit));
        let begun: Vec<Arc<Metarange>> = begun.collect::<Result<_>>()?;
        let mut changes = Changes::new();
        let mut there = BTreeSet::new();
        for ((path, entry), state) in found.into_iter().zip(states) {
            there.insert(path);
            let before = base.get(path).map(|entry| held.downloaded.in_folder(entry));
            let entry = match (entry, state) {
                (FolderEntry::Link(target), _) => TreeEntry::Link(target),
                (FolderEntry::File { .. }, Some((state, executable, digest))) => {
                    held.note(path, state, digest);
                    // Where the file system keeps no such thing, it is as it was.
                    let was = matches!(before.as_deref(), Some(TreeEntry::File { executable: true, .. }));
                    TreeEntry::file(digest, state.size, executable.unwrap_or(was))
                }
                _ => TreeEntry::Folder,
            };
            if before.as_deref() != Some(&entry) && !self.is_of(held, &begun, path, Some(&entry))? {
                changes.insert(path.to_owned(), Some(entry));
            }
        }
        for path in base.keys().filter(|path| !there.contains(path.as_str())) {
            if !self.is_of(held, &begun, path, None)? {
                changes.insert(path.clone(), None);
            }
        }
        held.states.retain(|path| there.contains(path));
        if begun.is_empty() {
            let needed: HashSet<&AddressedFile> = base.values().filter_map(|entry| addressed(Some(entry))).collect();
            held.downloaded.retain(&held.folder, &needed)?;
        }
        Ok(changes)
    }

    /// Whether one of these trees has that at `path`.
    fn is_of(&self, held: &Held, trees: &[Arc<Metarange>], path: &str, entry: Option<&TreeEntry>) -> Result<bool> {
        for tree in trees {
            let there = self.shared().entry(&View::from(Arc::clone(tree)), path)?;
            if there.as_ref().map(|there| held.downloaded.in_folder(there)).as_deref() == entry {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The file at `path`: what it is now, whether it is executable, and its content, which is read only if that is not known.
    fn content(&self, held: &Held, path: &str) -> Result<(FileState, Option<bool>, Digest)> {
        let AtPath::File { state, executable } = held.folder.look(path)? else { return Err(held.changing(path)) };
        let known = held.states.content(path, &state);
        Ok((state, executable, known.map_or_else(|| held.hash(path, &state), Ok)?))
    }
}

/// What lies outside of the lake, if this does.
fn addressed(entry: Option<&TreeEntry>) -> Option<&AddressedFile> {
    match entry {
        Some(TreeEntry::Addressed(file)) => Some(file),
        _ => None,
    }
}

/// What a working copy was changed from.
struct Base<'a> {
    copy: &'a WorkingCopy,
    branch: &'a Branch,
    commit: Digest,
    tree: &'a BTreeMap<String, TreeEntry>,
    changes: &'a Changes,
}

impl Base<'_> {
    /// Makes sure that nobody else has changed at the branch what was changed in the folder, committed or not.
    fn check(&self, head: &Contents, state: &BranchState) -> Result<()> {
        let shared = self.copy.shared();
        let views: [View; 2] = [head.clone().into(), shared.view(&Resolved::branch(state.clone()))?];
        let mut conflicts = BTreeSet::new();
        for (path, ours) in self.changes {
            for view in &views {
                let theirs = shared.entry(view, path)?;
                if theirs.as_ref() != self.tree.get(path) && theirs != *ours {
                    conflicts.insert(path.clone());
                }
                if ours.is_some() {
                    conflicts.extend(self.beside(view, path)?);
                }
            }
        }
        if conflicts.is_empty() {
            return Ok(());
        }
        let (folder, branch, commit) = (self.copy.path.display(), self.branch.name(), self.commit.short());
        let name = self.copy.repository.name();
        let message = format!(
            "cannot commit `{folder}` to `{name}@{branch}`: others have changed there since {commit}: {}",
            named(&conflicts)
        );
        let error = Error::new(ErrorKind::Conflict, message).about(Subject::Path(self.copy.path.clone()));
        Err(error.with_hint(format!(
            "commit it to a branch of its own, and merge that: `datlake branch create {name}@NAME {commit}`, then `{}`",
            self.copy.checkout_command("NAME")
        )))
    }

    /// What would be a file at the branch where `path` makes a folder of it, or the other way round.
    fn beside(&self, view: &View, path: &str) -> Result<Option<String>> {
        let shared = self.copy.shared();
        let stays = |path: &str| self.changes.get(path) != Some(&None);
        for above in path.match_indices('/').map(|(at, _)| &path[..at]) {
            if stays(above) && shared.entry(view, above)?.is_some_and(|entry| entry != TreeEntry::Folder) {
                return Ok(Some(above.to_owned()));
            }
        }
        let (below, mut from) = (format!("{path}/"), format!("{path}/"));
        while let Some((there, _)) = shared.first(view, &from, from != below)? {
            if !there.starts_with(&below) {
                break;
            }
            if stays(&there) {
                return Ok(Some(there));
            }
            from = there;
        }
        Ok(None)
    }
}
