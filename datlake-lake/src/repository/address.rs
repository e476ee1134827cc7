//! Files of commits: what they are called, and how they came to be.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use datlake_core::catalog::FileMeta;
use datlake_core::lineage::{Added, Moved, Person, PersonSource};
use datlake_core::record::NameTarget;
use datlake_core::repository::RepositoryName;
use datlake_core::tree::{ObjectAttributes, Span, TreeDifference, TreeEntry};
use datlake_core::{CallKey, CreatorName, Digest, Error, ErrorKind, Result, Uid, UidKind};
use datlake_store::wait;

use super::handle::Repository;
use super::reference::Reference;
use super::resolve::View;
use super::shared::Shared;
use crate::file::File;
use crate::handle::Lake;
use crate::report::CommittedCall;

/// A file of a commit, and what is noted of it.
pub(crate) struct CommittedFile {
    uid: Uid,
    path: String,
    entry: TreeEntry,
    /// The file that was put there, if it was one of the lake.
    pub(crate) from: Option<Uid>,
    /// Who put it there.
    put: Moved,
}

impl CommittedFile {
    /// The file. What lies outside of the lake is brought in.
    pub(crate) fn meta(&self, lake: &Lake) -> Result<Option<FileMeta>> {
        let content = lake.kept(&self.entry)?;
        let (uid, name) = (self.uid.clone(), self.path.clone());
        Ok(content.map(|(digest, size)| FileMeta { uid, name, digest, size, tree: false }))
    }

    /// Who put it there; `None` where it has other content than this.
    pub(crate) fn added(&self, content: &Digest) -> Option<Added> {
        let size = self.entry.size()?;
        let source = match &self.entry {
            // What it had when it was read, nobody wrote down.
            TreeEntry::Addressed(file) => Some(file.address.clone()),
            entry if entry.content()?.0 == *content => self.from.as_ref().map(Uid::to_string),
            _ => return None,
        };
        let (name, Moved { person, host, at }) = (self.path.clone(), self.put.clone());
        Some(Added { name, digest: *content, size, tree: false, source, person, host, at })
    }
}

impl Reference {
    /// The file at `path` of the commit that this leads to. Its UID is `repository@commit:path`. As an argument it counts by its content
    /// and its path, whichever commit it is of. What lies outside of the lake is read for that, and brought in.
    ///
    /// # Errors
    /// As [`Reference::stat`]; [`ErrorKind::Uncommitted`] where a change of it is not committed.
    ///
    /// ```
    /// let main = datlake::Lake::temp()?.new_repository("sales").create()?.default_branch();
    /// main.put_bytes("raw/jan.csv", "x,1\n")?;
    /// assert_eq!(main.file("raw/jan.csv").unwrap_err().kind(), datlake::ErrorKind::Uncommitted);
    /// let commit = main.commit("January")?;
    /// let file = main.file("raw/jan.csv")?;
    /// assert_eq!(file.uid().unwrap().as_str(), format!("sales@{}:raw/jan.csv", commit.id));
    /// assert_eq!(file.read()?, b"x,1\n");
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn file(&self, path: &str) -> Result<File> {
        let (uid, entry) = self.committed_entry(path)?;
        let shared = self.shared();
        let Some((digest, size)) = shared.lake.kept(&entry)? else { return Err(self.no_file(path)) };
        Ok(File::known(&shared.lake, FileMeta { name: path.to_owned(), uid, digest, size, tree: false }))
    }

    /// What is at `path` of the commit that this leads to, and what that is called.
    fn committed_entry(&self, path: &str) -> Result<(Uid, TreeEntry)> {
        let (shared, resolved) = (self.shared(), self.resolved("get a file of a commit")?);
        let view: View = shared.contents_of(&resolved.commit)?.into();
        let found = |view: &View| Ok::<_, Error>(shared.followed(view, path)?.map(|(_, entry)| entry));
        let entry = found(&view)?;
        if resolved.state.is_some() && found(&shared.view(&resolved)?)? != entry {
            let message = format!("cannot get `{path}` at {self} as a file of a commit: a change of it is uncommitted");
            let hint = format!("commit it, or use what is committed: `{}@`", self.expression());
            return Err(Error::new(ErrorKind::Uncommitted, message).with_hint(hint));
        }
        let entry = entry.filter(|entry| entry.size().is_some()).ok_or_else(|| self.no_file(path))?;
        Ok((Uid::committed(self.repository_name(), &resolved.commit, path)?, entry))
    }

    /// The calls that made files which the commit that this leads to has otherwise than its first parent, as far as that is known: of
    /// files that were put there as files of the lake. Sorted by creator and key.
    ///
    /// # Errors
    /// As [`Reference::commit_info`].
    ///
    /// ```
    /// use datlake::{File, Lake, Result, file_creator};
    ///
    /// #[file_creator]
    /// fn sum(_of: u64) -> Result<File> {
    ///     File::from_bytes("sum.txt", "3")
    /// }
    ///
    /// let lake = Lake::temp()?;
    /// let _current = lake.enter();
    /// let main = lake.new_repository("sales").create()?.default_branch();
    /// main.put("out/sum.txt", &sum(3)?)?;
    /// main.commit("A sum")?;
    /// let calls = main.commit_calls()?;
    /// assert_eq!((calls[0].creator.function(), &calls[0].paths), ("sum", &vec!["out/sum.txt".to_owned()]));
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn commit_calls(&self) -> Result<Vec<CommittedCall>> {
        let shared = self.shared();
        let commit = shared.commit(&self.resolved("ask for a commit")?.commit)?;
        let contents = shared.contents((commit.tree, commit.size), commit.attributes)?;
        let before = commit.parents.first().map_or_else(|| Ok(Arc::default()), |parent| shared.tree_of(parent))?;
        let mut changed = Vec::new();
        let mut visit = |TreeDifference { path, after, .. }: TreeDifference| {
            changed.extend(after.map(|_| path));
            ControlFlow::Continue(())
        };
        shared.differences(&before, &contents.tree, Span { prefix: "", after: "" }, &mut visit)?;
        let (view, mut calls): (View, BTreeMap<_, Vec<String>>) = (contents.into(), BTreeMap::new());
        for path in changed {
            if let Some(from) = shared.attributes(&view, &path)?.from
                && let Some(call) = shared.lake.maker(&from)?
            {
                calls.entry(call).or_default().push(path);
            }
        }
        Ok(calls.into_iter().map(|((creator, key), paths)| CommittedCall { creator, key, paths }).collect())
    }
}

/// What `sales@main:raw/jan.csv` consists of. See [`Lake::repository_address`].
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryAddress {
    /// The repository.
    pub repository: Repository,
    /// A branch, a tag or a commit, as [`Repository::reference`] takes it.
    pub expression: String,
    /// A path, or what paths begin with; empty for all of them.
    pub path: String,
}

impl Lake {
    /// What `text` means in a repository, as `sales@main` or `sales@main:raw/jan.csv`. `None` for anything else, and for the name of a file
    /// of the lake.
    ///
    /// # Errors
    /// As [`Lake::exists`].
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// lake.new_repository("sales").create()?;
    /// let address = lake.repository_address("sales@main~1:raw/")?.expect("there is such a repository");
    /// assert_eq!((&*address.expression, &*address.path), ("main~1", "raw/"));
    /// assert!(lake.repository_address("other@main")?.is_none());
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn repository_address(&self, text: &str) -> Result<Option<RepositoryAddress>> {
        let Some((name, rest)) = text.split_once('@') else { return Ok(None) };
        let (expression, path) = rest.split_once(':').unwrap_or((rest, ""));
        if expression.is_empty() || RepositoryName::new(name).is_err() {
            return Ok(None);
        }
        let repository = match self.repository(name) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            repository => repository?,
        };
        // A name from before may look like one.
        let is_name = match Uid::chosen(text) {
            Ok(_) => self.exists(text)?,
            Err(_) => false,
        };
        let (expression, path) = (expression.to_owned(), path.to_owned());
        Ok((!is_name).then_some(RepositoryAddress { repository, expression, path }))
    }

    /// The file of a commit that `uid` is called; `None` where there is no such commit, or it has no such file.
    pub(crate) fn committed(&self, uid: &Uid) -> Result<Option<CommittedFile>> {
        let UidKind::Committed { repository, commit, path } = uid.kind() else { return Ok(None) };
        let Ok(name) = RepositoryName::new(&repository) else { return Ok(None) };
        wait(self.contact_remote())?;
        let Some((document, incarnation)) = wait(self.catalog().repository(&name))? else { return Ok(None) };
        let shared = Shared::new(self, document, incarnation);
        match shared.commit_of_id(&commit.to_string()) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            found => shared.committed(uid, &found?, &path),
        }
    }

    /// The UID of the file of a commit that `text` means, as `sales@main:raw/jan.csv`. `None` where it means no such thing, or is the name
    /// of a file.
    pub(crate) fn resolve_committed(&self, text: &str) -> Result<Option<Uid>> {
        if !text.contains('@') || text.parse::<Uid>().is_ok_and(|uid| uid.is_committed()) {
            return Ok(None);
        }
        match self.repository_address(text)? {
            Some(RepositoryAddress { repository, expression, path }) if !path.is_empty() => {
                Ok(Some(repository.reference(&expression).committed_entry(&path)?.0))
            }
            _ => Ok(None),
        }
    }

    /// The call that made the file called `uid`, where that is known.
    fn maker(&self, uid: &Uid) -> Result<Option<(CreatorName, CallKey)>> {
        match uid.kind() {
            UidKind::Output { creator, key, .. } => Ok(Some((creator, key))),
            UidKind::Member { tree, .. } => self.maker(&tree),
            UidKind::Committed { .. } => {
                let from = self.committed(uid)?.and_then(|file| file.from);
                from.map_or(Ok(None), |from| self.maker(&from))
            }
            UidKind::Chosen => Ok(match wait(self.catalog().target(uid))? {
                Some(NameTarget::Output(output)) => Some((output.creator, output.key)),
                _ => None,
            }),
        }
    }
}

impl Shared {
    fn committed(&self, uid: &Uid, id: &Digest, path: &str) -> Result<Option<CommittedFile>> {
        let (commit, view): (_, View) = (self.commit(id)?, self.contents_of(id)?.into());
        let Some((at, entry)) = self.followed(&view, path)?.filter(|(_, entry)| entry.size().is_some()) else {
            return Ok(None);
        };
        let ObjectAttributes { put, from, .. } = self.attributes(&view, &at)?;
        // Where nobody noted who put it there, whoever committed it did.
        let committer = Person { email: commit.committer, source: PersonSource::Config };
        let put = put.unwrap_or(Moved { person: committer, host: String::new(), at: commit.at });
        Ok(Some(CommittedFile { uid: uid.clone(), path: path.to_owned(), entry, from, put }))
    }
}
