//! Reading what is at a branch, a tag or a commit.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use datlake_core::catalog::Author;
use datlake_core::repository::{BranchName, BranchState, Put, TagName};
use datlake_core::{Created, Digest, Error, ErrorKind, Location, Result, Uid};
use datlake_store::{Reader, wait};

use super::content::ObjectContent;
use super::item::{FoundPut, described};
use super::resolve::{Resolved, View, refuse_id};
use super::shared::{Shared, gone};
use crate::report::{CommitInfo, ObjectInfo, ObjectItem, ObjectPage};
use crate::scope::refuse_in_body;
use crate::setters::setters;

/// How much a page has, unless somebody says.
pub(super) const PAGE: usize = 1000;

/// What an expression means, to be read: see [`Repository::reference`](crate::Repository::reference). It is looked at anew by each method.
#[derive(Clone, PartialEq, Eq)]
pub struct Reference {
    shared: Arc<Shared>,
    text: String,
    kind: ReferenceKind,
}

/// What a reference may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReferenceKind {
    Any,
    Branch,
    Tag,
}

impl ReferenceKind {
    fn word(self) -> &'static str {
        match self {
            Self::Any => "reference",
            Self::Branch => "branch",
            Self::Tag => "tag",
        }
    }
}

/// What of a reference is listed.
#[derive(Clone, Debug, Default)]
pub struct ObjectQuery {
    prefix: String,
    delimiter: String,
    after: String,
    limit: Option<usize>,
    as_objects: bool,
}

impl ObjectQuery {
    /// Those whose paths begin with `prefix`.
    pub fn below(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned(), ..Self::default() }
    }

    setters! {
        /// Paths that have `delimiter` behind the prefix are one item, to the delimiter.
        delimiter: Into(String);
        /// Those behind this path, in the order of bytes.
        after: Into(String);
        /// So many items at most; 1000 unless somebody says.
        limit: Some(usize);
        /// Whether they are shown as to clients that know files alone: a link to a file as that file, and neither other links nor empty
        /// folders.
        as_objects: bool;
    }
}

impl Reference {
    pub(super) fn any(shared: &Arc<Shared>, text: &str) -> Self {
        Self { shared: Arc::clone(shared), text: text.to_owned(), kind: ReferenceKind::Any }
    }

    pub(super) fn branch(shared: &Arc<Shared>, name: &str) -> Self {
        Self { kind: ReferenceKind::Branch, ..Self::any(shared, name) }
    }

    pub(super) fn tag(shared: &Arc<Shared>, name: &str) -> Self {
        Self { kind: ReferenceKind::Tag, ..Self::any(shared, name) }
    }

    /// The name of the repository that it is of.
    pub fn repository_name(&self) -> &str {
        self.shared.document.name.as_str()
    }

    /// The expression.
    pub fn expression(&self) -> &str {
        &self.text
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// What is shared, where a repository may be looked at, after the remote was contacted.
    pub(super) fn contacted(&self, what: &str) -> Result<&Arc<Shared>> {
        refuse_in_body(what)?;
        wait(self.shared.lake.contact_remote())?;
        Ok(&self.shared)
    }

    /// What it means now.
    pub(super) fn resolved(&self, what: &str) -> Result<Resolved> {
        match self.kind {
            ReferenceKind::Any => self.contacted(what)?.resolve(&self.text),
            ReferenceKind::Branch => self.state(what).map(Resolved::branch),
            ReferenceKind::Tag => {
                let tag = self.contacted(what)?.tag(&TagName::new(&self.text)?)?;
                tag.map(Resolved::tag).ok_or_else(|| self.missing())
            }
        }
    }

    /// What the branch that this is has now.
    pub(super) fn state(&self, what: &str) -> Result<BranchState> {
        let state = self.contacted(what)?.branch_state(&BranchName::new(&self.text)?)?;
        state.ok_or_else(|| self.missing())
    }

    /// The error of a branch or a tag that is not there.
    pub(super) fn missing(&self) -> Error {
        let error =
            gone(format!("the repository `{}` has no {} `{}`", self.repository_name(), self.kind.word(), self.text));
        let is_tag = || TagName::new(&self.text).is_ok_and(|name| matches!(self.shared.tag(&name), Ok(Some(_))));
        match self.kind {
            ReferenceKind::Branch if is_tag() => {
                error.with_hint(format!("`{}` is a tag: it is read, and never changes", self.text))
            }
            _ => error,
        }
    }

    /// Creates the branch or the tag that this is, at the commit that `from` leads to.
    pub(super) fn create(
        &self,
        what: &str,
        from: &str,
        document: impl FnOnce(Author, Digest) -> Result<(Location, Vec<u8>)>,
    ) -> Result<()> {
        refuse_id(self.kind.word(), &self.text)?;
        let shared = self.shared();
        let resolved = Self::any(shared, from).resolved(what)?;
        let taken = match shared.led(&self.text)? {
            Some(Resolved { state: Some(_), .. }) => ReferenceKind::Branch,
            Some(_) => ReferenceKind::Tag,
            None => {
                let (at, bytes) = document(shared.author()?, resolved.commit)?;
                match shared.create_ref(&at, &bytes, &resolved)? {
                    Created::New => return Ok(()),
                    Created::Exists => self.kind,
                }
            }
        };
        let message = format!("the repository `{}` has a {} `{}`", self.repository_name(), taken.word(), self.text);
        Err(Error::new(ErrorKind::AlreadyExists, message).with_hint("choose another name, or delete that first"))
    }

    pub(super) fn view(&self) -> Result<View> {
        self.shared().view(&self.resolved("read a repository")?)
    }

    /// The commit that it leads to; of a branch the last one, without what is uncommitted.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where it means nothing; [`ErrorKind::InvalidInput`] where it means several things, or is no
    /// reference; [`ErrorKind::Context`] in a body.
    ///
    /// ```
    /// let sales = datlake::Lake::temp()?.new_repository("sales").create()?;
    /// assert_eq!(sales.reference("main").commit_info()?.generation, 1);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn commit_info(&self) -> Result<CommitInfo> {
        let resolved = self.resolved("ask for a commit")?;
        self.shared().info(resolved.commit)
    }

    /// The file at `path`; of a link, the file that it leads to.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where there is none; as [`Reference::commit_info`].
    ///
    /// ```
    /// let sales = datlake::Lake::temp()?.new_repository("sales").create()?;
    /// sales.branch("main").put_bytes("a.csv", "x,1\n")?;
    /// assert_eq!(sales.reference("main").stat("a.csv")?.size, 4);
    /// assert!(sales.reference("main@").stat("a.csv").is_err());
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn stat(&self, path: &str) -> Result<ObjectInfo> {
        match self.found(path)? {
            Some(object) => Ok(object),
            None => Err(self.no_file(path)),
        }
    }

    /// Whether there is a file at `path`.
    ///
    /// # Errors
    /// As [`Reference::commit_info`].
    ///
    /// ```
    /// let sales = datlake::Lake::temp()?.new_repository("sales").create()?;
    /// assert!(!sales.reference("main").exists("a.csv")?);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn exists(&self, path: &str) -> Result<bool> {
        Ok(self.found(path)?.is_some())
    }

    fn found(&self, path: &str) -> Result<Option<ObjectInfo>> {
        Ok(self.put_at(path)?.and_then(|found| described(path, found)))
    }

    /// What was put at `path`; where that is a link, what it leads to.
    pub(super) fn put_at(&self, path: &str) -> Result<Option<FoundPut>> {
        let (view, shared) = (self.view()?, self.shared());
        let Some((path, file)) = shared.followed(&view, path)? else { return Ok(None) };
        let range = shared.range_of(&view, &path);
        Ok(Some(FoundPut { put: Put { file, attributes: shared.attributes(&view, &path)? }, range }))
    }

    /// Opens the file at `path`: `Read + BufRead + Seek`, as [`File::open`](crate::File::open).
    ///
    /// # Errors
    /// As [`Reference::stat`] and [`File::open`](crate::File::open).
    ///
    /// ```
    /// let sales = datlake::Lake::temp()?.new_repository("sales").create()?;
    /// sales.branch("main").put_bytes("a.csv", "x,1\n")?;
    /// assert_eq!(std::io::read_to_string(sales.reference("main").open("a.csv")?)?, "x,1\n");
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn open(&self, path: &str) -> Result<Reader> {
        self.content(path)?.open()
    }

    /// The file at `path`, and its content as [`Reference::open`] opens it: both of one look at the reference, which others may change
    /// meanwhile.
    ///
    /// # Errors
    /// As [`Reference::open`].
    ///
    /// ```
    /// let sales = datlake::Lake::temp()?.new_repository("sales").create()?;
    /// sales.branch("main").put_bytes("a.csv", "x,1\n")?;
    /// let (object, content) = sales.reference("main").open_object("a.csv")?;
    /// assert_eq!(std::io::read_to_string(content)?.len() as u64, object.size);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn open_object(&self, path: &str) -> Result<(ObjectInfo, Reader)> {
        let found = self.put_at(path)?.ok_or_else(|| self.no_file(path))?;
        let content = ObjectContent::of(&self.shared.lake, &self.address(path), path, &found)?
            .ok_or_else(|| self.no_file(path))?
            .open()?;
        let object = described(path, found).ok_or_else(|| self.no_file(path))?;
        Ok((object, content))
    }

    /// The content of the file at `path`, verified.
    ///
    /// # Errors
    /// As [`Reference::open`].
    ///
    /// ```
    /// let sales = datlake::Lake::temp()?.new_repository("sales").create()?;
    /// sales.branch("main").put_bytes("a.csv", "x,1\n")?;
    /// assert_eq!(sales.reference("main").read("a.csv")?, b"x,1\n");
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn read(&self, path: &str) -> Result<Vec<u8>> {
        self.content(path)?.read()
    }

    /// The bytes of `range` of the file at `path`, clamped to its size, as [`File::read_range`](crate::File::read_range).
    ///
    /// # Errors
    /// As [`Reference::open`]; [`ErrorKind::InvalidInput`] for a range that ends before it starts.
    ///
    /// ```
    /// let sales = datlake::Lake::temp()?.new_repository("sales").create()?;
    /// sales.branch("main").put_bytes("a.csv", "x,1\n")?;
    /// assert_eq!(sales.reference("main").read_range("a.csv", 2..3)?, b"1");
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn read_range(&self, path: &str, range: Range<u64>) -> Result<Vec<u8>> {
        self.content(path)?.read_range(range)
    }

    fn content(&self, path: &str) -> Result<ObjectContent> {
        let content = self
            .put_at(path)?
            .map(|found| ObjectContent::of(&self.shared.lake, &self.address(path), path, &found))
            .transpose()?
            .flatten();
        content.ok_or_else(|| self.no_file(path))
    }

    /// What people call what is at `path`.
    fn address(&self, path: &str) -> String {
        format!("{}@{}:{path}", self.repository_name(), self.text)
    }

    /// The error of a path that has no file.
    pub(super) fn no_file(&self, path: &str) -> Error {
        gone(format!("there is no `{path}` at {self}"))
    }

    /// A page of its files, links and empty folders.
    ///
    /// # Errors
    /// As [`Reference::commit_info`].
    ///
    /// ```
    /// use datlake::ObjectQuery;
    ///
    /// let main = datlake::Lake::temp()?.new_repository("sales").create()?.default_branch();
    /// for path in ["raw/feb.csv", "raw/jan.csv", "readme.md"] {
    ///     main.put_bytes(path, path)?;
    /// }
    /// let top = main.list(&ObjectQuery::default().delimiter("/"))?;
    /// assert_eq!(top.prefixes().collect::<Vec<_>>(), ["raw/"]);
    /// let page = main.list(&ObjectQuery::below("raw/").limit(1))?;
    /// assert_eq!((page.objects().count(), page.next.as_deref()), (1, Some("raw/feb.csv")));
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn list(&self, query: &ObjectQuery) -> Result<ObjectPage> {
        let (view, shared) = (self.view()?, self.shared());
        let ObjectQuery { prefix, delimiter, after, limit, .. } = query;
        let limit = limit.unwrap_or(PAGE);
        let mut page = ObjectPage { items: Vec::new(), next: None };
        // Where the next item is looked for, or behind that.
        let mut next = Some(if after < prefix { (prefix.clone(), false) } else { (after.clone(), true) });
        let mut last: Option<String> = None;
        while let Some((from, behind)) = next.take()
            && let Some((path, entry)) = shared.first(&view, &from, behind)?
        {
            if !path.starts_with(prefix.as_str()) {
                break;
            }
            let rest = &path[prefix.len()..];
            let cut = rest.find(delimiter.as_str()).filter(|_| !delimiter.is_empty());
            let item = match cut {
                Some(at) => {
                    let common = path[..prefix.len() + at + delimiter.len()].to_owned();
                    next = behind_all(&common).map(|from| (from, false));
                    // What came before it may have been the end of the page before.
                    if after.starts_with(&common) {
                        continue;
                    }
                    ObjectItem::Prefix(common)
                }
                None => {
                    next = Some((path.clone(), true));
                    match shared.item(&view, &path, &entry, query.as_objects)? {
                        Some(object) => ObjectItem::Object(object),
                        None => continue,
                    }
                }
            };
            if page.items.len() == limit {
                page.next = last;
                break;
            }
            last = Some(match &item {
                ObjectItem::Object(object) => object.path.clone(),
                ObjectItem::Prefix(prefix) => prefix.clone(),
            });
            page.items.push(item);
        }
        Ok(page)
    }

    /// All its files, links and empty folders whose paths begin with `prefix`.
    ///
    /// # Errors
    /// As [`Reference::commit_info`].
    ///
    /// ```
    /// let main = datlake::Lake::temp()?.new_repository("sales").create()?.default_branch();
    /// main.put_bytes("raw/jan.csv", "x,1\n")?;
    /// assert_eq!(main.list_all("raw/")?[0].path, "raw/jan.csv");
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn list_all(&self, prefix: &str) -> Result<Vec<ObjectInfo>> {
        let page = self.list(&ObjectQuery::below(prefix).limit(usize::MAX))?;
        let object = |item| if let ObjectItem::Object(object) = item { Some(object) } else { None };
        Ok(page.items.into_iter().filter_map(object).collect())
    }
}

/// The first text behind all that begin with `prefix`; `None` where nothing is.
fn behind_all(prefix: &str) -> Option<String> {
    let mut text = prefix.to_owned();
    while let Some(last) = text.pop() {
        if let Some(next) = (last..=char::MAX).nth(1) {
            text.push(next);
            return Some(text);
        }
    }
    None
}

/// The error of a path that cannot be one of a file.
pub(super) fn check_path(path: &str) -> Result<()> {
    Uid::chosen(path).map(drop).map_err(|error| {
        let shown: String = path.chars().take(80).flat_map(char::escape_debug).collect();
        let why = error.message().rsplit_once("`: ").map_or_else(|| "is none".to_owned(), |(_, why)| why.to_owned());
        let message = format!("`{shown}` cannot be a path of a repository: it {why}");
        Error::new(ErrorKind::InvalidInput, message).because(error)
    })
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}@{}`", self.repository_name(), self.text)
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reference").field(&format_args!("{}@{}", self.repository_name(), self.text)).finish()
    }
}
