//! Repositories of a lake: creating, opening, listing and deleting them.

use std::collections::BTreeMap;
use std::sync::Arc;

use datlake_core::catalog::Author;
use datlake_core::lineage::{Person, PersonSource};
use datlake_core::repository::{BranchName, CommitRecord, RepositoryDocument, RepositoryName};
use datlake_core::tree::Metarange;
use datlake_core::{Error, ErrorKind, Location, Prefix, Result};
use datlake_store::wait;

use super::branch::Branch;
use super::reference::Reference;
use super::resolve::refuse_id;
use super::shared::{Shared, author, gone, put};
use super::tag::Tag;
use crate::handle::Lake;
use crate::lake::nearest;
use crate::scope::refuse_in_body;
use crate::setters::setters;

/// A repository of a lake: branches, tags and commits, each of which is a tree of files.
///
/// What is uploaded to a branch is uncommitted until it is committed. A commit never changes; a tag names one; a branch leads to its last
/// one. Cheap to clone. Handles of the same repository are equal; one that came back under its name is another.
///
/// ```
/// use datlake::Lake;
///
/// let lake = Lake::temp()?;
/// let sales = lake.new_repository("sales").create()?;
/// let main = sales.branch("main");
/// main.put_bytes("raw/jan.csv", "x,1\n")?;
/// let commit = main.commit("January")?;
/// sales.tag("v1").create("main")?;
/// main.put_bytes("raw/jan.csv", "x,2\n")?;
/// assert_eq!(main.read("raw/jan.csv")?, b"x,2\n");
/// assert_eq!(sales.reference("v1").read("raw/jan.csv")?, b"x,1\n");
/// assert_eq!(sales.reference("main~1").list_all("")?.len(), 0);
/// assert_eq!(sales.reference("v1").commit_info()?.id, commit.id);
/// # Ok::<(), datlake::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository(pub(super) Arc<Shared>);

/// A repository that is to be created. See [`Lake::new_repository`].
#[derive(Clone, Debug)]
pub struct NewRepository {
    lake: Lake,
    name: String,
    default_branch: String,
    metadata: BTreeMap<String, String>,
    person: Option<Person>,
}

impl Lake {
    /// A repository to create, of 3 to 63 lower-case letters, digits and dashes.
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// let sales = lake.new_repository("sales").default_branch("trunk").metadata("team", "a").create()?;
    /// assert_eq!(sales.default_branch().name(), "trunk");
    /// assert_eq!(lake.new_repository("sales").get_or_create()?, sales);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn new_repository(&self, name: &str) -> NewRepository {
        let (lake, name, default_branch) = (self.clone(), name.to_owned(), "main".to_owned());
        NewRepository { lake, name, default_branch, metadata: BTreeMap::new(), person: None }
    }

    /// The repository called `name`.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where there is none; [`ErrorKind::InvalidInput`] for what cannot be a name; [`ErrorKind::Context`]
    /// in a body.
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// lake.new_repository("sales").create()?;
    /// assert_eq!(lake.repository("sales")?.name(), "sales");
    /// assert!(lake.repository("other").is_err());
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn repository(&self, name: &str) -> Result<Repository> {
        refuse_in_body("open a repository")?;
        let name = RepositoryName::new(name)?;
        wait(self.contact_remote())?;
        if let Some((document, incarnation)) = wait(self.catalog().repository(&name))? {
            return Ok(Repository(Arc::new(Shared::new(self, document, incarnation))));
        }
        let error = gone(format!("the lake has no repository `{name}`"));
        let all = self.repository_names()?;
        let near = nearest(name.as_str(), all.iter().map(RepositoryName::as_str));
        Err(if near.is_empty() { error } else { error.with_hint(format!("it has {}", near.join(", "))) })
    }

    /// All repositories, sorted by name.
    ///
    /// # Errors
    /// Those of the stores; [`ErrorKind::Context`] in a body.
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// lake.new_repository("sales").create()?;
    /// assert_eq!(lake.repositories()?.len(), 1);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn repositories(&self) -> Result<Vec<Repository>> {
        refuse_in_body("list repositories")?;
        wait(self.contact_remote())?;
        let mut all = Vec::new();
        for name in self.repository_names()? {
            // It may have been deleted since.
            let found = wait(self.catalog().repository(&name))?;
            all.extend(found.map(|(document, digest)| Repository(Arc::new(Shared::new(self, document, digest)))));
        }
        Ok(all)
    }

    fn repository_names(&self) -> Result<Vec<RepositoryName>> {
        let all = wait(self.catalog().listed(&Prefix::Repositories))?;
        let names = all.iter().filter_map(Location::in_repository).map(|name| RepositoryName::new(&name));
        let mut names = names.collect::<Result<Vec<_>>>()?;
        names.sort();
        Ok(names)
    }
}

impl NewRepository {
    setters! {
        /// What its first branch is called, which stays as long as the repository does; `main` if nobody says.
        default_branch: Into(String);
    }

    /// Somebody else creates it than whoever runs the process, as [`Repository::on_behalf_of`].
    #[must_use]
    pub fn on_behalf_of(mut self, account: &str) -> Self {
        self.person = Some(account_person(account));
        self
    }

    /// Notes something about it.
    #[must_use]
    pub fn metadata(mut self, key: &str, value: &str) -> Self {
        self.metadata.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Creates it, with a first commit that has nothing in it.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] where there is one of that name; [`ErrorKind::InvalidInput`] for what cannot be a name;
    /// [`ErrorKind::Context`] in a body; [`ErrorKind::Unavailable`] offline.
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// lake.new_repository("sales").create()?;
    /// let error = lake.new_repository("sales").create().unwrap_err();
    /// assert_eq!(error.kind(), datlake::ErrorKind::AlreadyExists);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn create(&self) -> Result<Repository> {
        match self.created()? {
            Some(repository) => Ok(repository),
            None => {
                let error = Error::new(ErrorKind::AlreadyExists, format!("the lake has a repository `{}`", self.name));
                Err(error.with_hint("open it, or choose another name"))
            }
        }
    }

    /// Creates it, unless there is one of that name: that is opened then, as it is.
    ///
    /// # Errors
    /// As [`NewRepository::create`].
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// let first = lake.new_repository("sales").get_or_create()?;
    /// assert_eq!(lake.new_repository("sales").get_or_create()?, first);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn get_or_create(&self) -> Result<Repository> {
        match self.lake.repository(&self.name) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            opened => return opened,
        }
        match self.created()? {
            Some(repository) => Ok(repository),
            None => self.lake.repository(&self.name),
        }
    }

    /// `None` where there is one of that name.
    fn created(&self) -> Result<Option<Repository>> {
        refuse_in_body("create a repository")?;
        let Self { lake, metadata, .. } = self;
        let (name, default_branch) = (RepositoryName::new(&self.name)?, BranchName::new(&self.default_branch)?);
        refuse_id("branch", &self.default_branch)?;
        wait(lake.contact_remote())?;
        if wait(lake.catalog().repository(&name))?.is_some() {
            return Ok(None);
        }
        let publishing = wait(lake.local_view().publishing())?;
        let Author { nonce, by } = author(lake, self.person.as_ref())?;
        let (tree, size) = put(lake, &Metarange::default().to_bytes())?;
        let commit = CommitRecord {
            tree,
            size,
            parents: Vec::new(),
            generation: 1,
            at: by.at.clone(),
            committer: by.person.email.clone(),
            message: "Repository created".to_owned(),
            metadata: BTreeMap::new(),
            attributes: None,
        };
        let commit = put(lake, &commit.to_bytes()?)?;
        let at = Location::Repository(name.clone());
        let metadata = metadata.clone();
        let document = RepositoryDocument { nonce, name, default_branch, commit: commit.0, by, metadata };
        let (bytes, incarnation) = document.to_bytes()?;
        let contents = || Ok(vec![(tree, size), commit]);
        let is_ours = lake.secured_all(publishing.since, &contents, |secured| {
            wait(lake.catalog().create_ref(&at, &bytes, secured))
        })?;
        if !is_ours {
            return Ok(None);
        }
        let shared = Shared::new(lake, document, incarnation);
        wait(lake.catalog().mark_commit(&incarnation, &commit.0))?;
        shared.create_default_branch()?;
        wait(lake.note_made_remote());
        lake.note_published();
        Ok(Some(Repository(Arc::new(shared))))
    }
}

fn account_person(account: &str) -> Person {
    Person { email: account.to_owned(), source: PersonSource::Account }
}

impl Repository {
    /// The same repository, where `account` changes what is changed with this handle, in place of whoever runs the process: a server does it
    /// for those who ask. What was read by one handle is known to the other.
    ///
    /// ```
    /// let sales = datlake::Lake::temp()?.new_repository("sales").create()?;
    /// let main = sales.on_behalf_of("ada@example.org").default_branch();
    /// assert_eq!(main.put_bytes("a.csv", "1")?.put_by.as_deref(), Some("ada@example.org"));
    /// assert_eq!(main.commit("one")?.committer, "ada@example.org");
    /// # Ok::<(), datlake::Error>(())
    /// ```
    #[must_use]
    pub fn on_behalf_of(&self, account: &str) -> Self {
        Self(Arc::new(self.0.on_behalf_of(account_person(account))))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.0.document.name.as_str()
    }

    /// The branch that stays as long as it does.
    pub fn default_branch(&self) -> Branch {
        self.branch(self.0.document.default_branch.as_str())
    }

    /// When it was created, by the clock of the machine that did: RFC 3339, UTC.
    pub fn created_at(&self) -> &str {
        &self.0.document.by.at
    }

    /// What was noted about it when it was created.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.0.document.metadata
    }

    /// The branch `name`, whether there is one or not.
    pub fn branch(&self, name: &str) -> Branch {
        Branch::new(&self.0, name)
    }

    /// The tag `name`, whether there is one or not.
    pub fn tag(&self, name: &str) -> Tag {
        Tag::new(&self.0, name)
    }

    /// What an expression means, to be read: a branch (`main`, with what is uncommitted; `main@`, its last commit), a tag, the
    /// id of a commit or its first 8 digits at least, each with ways back: `main~2`, the commit two before; `v1^2`, its second parent.
    /// Whether there is such a thing turns out when it is used.
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// let sales = lake.new_repository("sales").create()?;
    /// sales.branch("main").put_bytes("a.csv", "1")?;
    /// let id = sales.branch("main").commit("one")?.id.to_string();
    /// assert_eq!(sales.reference(&id[..8]).read("a.csv")?, b"1");
    /// assert_eq!(sales.reference("main~1").commit_info()?.message, "Repository created");
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn reference(&self, expression: &str) -> Reference {
        Reference::any(&self.0, expression)
    }

    /// Its branches, sorted by name, but for those of [transactions](Repository::transactions).
    ///
    /// # Errors
    /// Those of the stores; [`ErrorKind::NotFound`] where it was deleted; [`ErrorKind::Context`] in a body.
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// let sales = lake.new_repository("sales").create()?;
    /// sales.branch("dev").create("main")?;
    /// let names: Vec<_> = sales.branches()?.iter().map(|branch| branch.name().to_owned()).collect();
    /// assert_eq!(names, ["dev", "main"]);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn branches(&self) -> Result<Vec<Branch>> {
        self.branches_that(|name| !name.is_transaction())
    }

    pub(super) fn branches_that(&self, is_meant: impl Fn(&BranchName) -> bool) -> Result<Vec<Branch>> {
        let names = self.names(Prefix::BranchesOf(self.0.incarnation))?;
        let meant = |name: &String| BranchName::new(name).is_ok_and(|name| is_meant(&name));
        Ok(names.into_iter().filter(meant).map(|name| self.branch(&name)).collect())
    }

    /// Its tags, sorted by name.
    ///
    /// # Errors
    /// As [`Repository::branches`].
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// let sales = lake.new_repository("sales").create()?;
    /// sales.tag("v1").create("main")?;
    /// assert_eq!(sales.tags()?[0].name(), "v1");
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn tags(&self) -> Result<Vec<Tag>> {
        Ok(self.names(Prefix::TagsOf(self.0.incarnation))?.iter().map(|name| self.tag(name)).collect())
    }

    fn names(&self, prefix: Prefix) -> Result<Vec<String>> {
        refuse_in_body("list what a repository has")?;
        self.0.check()?;
        let mut names = self.0.listed(&prefix)?;
        names.sort();
        Ok(names)
    }

    /// Deletes it, with all branches, tags and commits. Its content goes with a later collection, unless something else of the lake has it.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where it was deleted; [`ErrorKind::Context`] in a body; [`ErrorKind::Unavailable`] offline.
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// lake.new_repository("sales").create()?;
    /// lake.repository("sales")?.delete()?;
    /// assert!(lake.repository("sales").is_err());
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn delete(&self) -> Result<()> {
        refuse_in_body("delete a repository")?;
        self.0.check()?;
        let catalog = self.0.lake.catalog();
        wait(catalog.remove_ref(&Location::Repository(self.0.document.name.clone())))?;
        wait(catalog.remove_below(&Prefix::RepositoryOf(self.0.incarnation)))
    }
}
