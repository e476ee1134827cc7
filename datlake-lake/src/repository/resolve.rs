//! From an expression to a commit, or to a branch with what is uncommitted.

use std::collections::BTreeSet;
use std::sync::Arc;

use datlake_core::repository::{BranchDocument, BranchName, BranchState, CommitWalk, TagDocument, TagName, came_from};
use datlake_core::tree::{Metarange, ObjectAttributes, TreeChanges, TreeEntry};
use datlake_core::{Created, Digest, Error, ErrorKind, Location, Prefix, Result};
use datlake_store::wait;

use super::expression::{Back, Expression};
use super::shared::{Contents, Shared, gone};
use crate::lake::nearest;
use crate::sync::lock;

/// The least of a commit's id by which it is found.
const SHORTEST: usize = 8;

fn is_hex(b: u8) -> bool {
    b.is_ascii_digit() || (b'a'..=b'f').contains(&b)
}

fn is_id(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(is_hex)
}

/// Refuses a name for a branch or tag that reads as the id of a commit: what an id leads to never changes.
pub(super) fn refuse_id(kind: &str, name: &str) -> Result<()> {
    match is_id(name) {
        true => {
            let message = format!("`{name}` cannot be the name of a {kind}: it reads as the id of a commit");
            Err(Error::new(ErrorKind::InvalidInput, message).with_hint("choose another name"))
        }
        false => Ok(()),
    }
}

/// What an expression means.
pub(super) struct Resolved {
    pub(super) commit: Digest,
    /// The branch, where it is meant with what is uncommitted.
    pub(super) state: Option<BranchState>,
    /// Whether a branch or a tag leads there, so that all of it is there.
    pub(super) is_led: bool,
}

impl Resolved {
    /// A branch with what is uncommitted.
    pub(super) fn branch(state: BranchState) -> Self {
        Self { commit: state.commit, state: Some(state), is_led: true }
    }

    pub(super) fn tag(tag: TagDocument) -> Self {
        Self { commit: tag.commit, state: None, is_led: true }
    }
}

/// What is at a reference.
pub(super) struct View {
    pub(super) tree: Arc<Metarange>,
    pub(super) changes: Arc<TreeChanges>,
    /// What is noted beside the tree, and the changes.
    attributes: Arc<Metarange>,
    noted: Arc<TreeChanges>,
}

impl From<Arc<Metarange>> for View {
    fn from(tree: Arc<Metarange>) -> Self {
        Contents { tree, ..Contents::default() }.into()
    }
}

impl From<Contents> for View {
    fn from(Contents { tree, attributes }: Contents) -> Self {
        let (changes, noted) = Default::default();
        Self { tree, changes, attributes, noted }
    }
}

impl Shared {
    /// Whether a branch or a tag of that name leads somewhere; if not, whether a commit is meant.
    pub(super) fn resolve(&self, text: &str) -> Result<Resolved> {
        let Expression { name, is_commit, steps } = Expression::parse(text)?;
        let Resolved { mut commit, state, is_led } = self.resolve_name(name)?;
        for step in steps {
            let back = |commit: Digest, n: usize| {
                let parents = self.commit(&commit)?.parents;
                parents.get(n - 1).copied().ok_or_else(|| {
                    let message = format!("`{text}` means nothing: commit {} has no parent {n}", commit.short());
                    gone(message)
                })
            };
            match step {
                Back::First(n) => {
                    for _ in 0..n {
                        commit = back(commit, 1)?;
                    }
                }
                Back::Parent(0) => {}
                Back::Parent(n) => commit = back(commit, n)?,
            }
        }
        Ok(Resolved { commit, state: state.filter(|_| !is_commit), is_led })
    }

    fn resolve_name(&self, name: &str) -> Result<Resolved> {
        // A branch or tag that an earlier program called so does not hide the commit.
        if is_id(name)
            && let Ok(id) = name.parse()
            && wait(self.lake.catalog().decided(&Location::CommitMark(self.incarnation, id)))?.is_some()
        {
            return Ok(Resolved { commit: self.commit_of_id(name)?, state: None, is_led: false });
        }
        if let Some(led) = self.led(name)? {
            return Ok(led);
        }
        if (SHORTEST..=64).contains(&name.len()) && name.bytes().all(is_hex) {
            return Ok(Resolved { commit: self.commit_of_id(name)?, state: None, is_led: false });
        }
        Err(self.unknown(name))
    }

    /// Where the branch or the tag of that name leads; `None` where there is neither.
    pub(super) fn led(&self, name: &str) -> Result<Option<Resolved>> {
        if let Ok(branch) = BranchName::new(name)
            && let Some(state) = self.branch_state(&branch)?
        {
            return Ok(Some(Resolved::branch(state)));
        }
        let Ok(name) = TagName::new(name) else { return Ok(None) };
        Ok(self.tag(&name)?.map(Resolved::tag))
    }

    /// What a branch has now.
    pub(super) fn branch_state(&self, name: &BranchName) -> Result<Option<BranchState>> {
        let (catalog, known) = (self.lake.catalog(), lock(&self.states).get(name).cloned());
        let mut state = wait(catalog.branch_state(&self.incarnation, name, known.clone()))?;
        if state.is_none() && *name == self.document.default_branch {
            self.check()?;
            // Who created the repository died before that.
            self.create_default_branch()?;
            state = wait(catalog.branch_state(&self.incarnation, name, None))?;
        }
        let mut states = lock(&self.states);
        match &state {
            Some(state) => drop(states.insert(name.clone(), state.clone())),
            None => drop(states.remove(name)),
        }
        Ok(state)
    }

    /// Creates the default branch as it is to begin.
    pub(super) fn create_default_branch(&self) -> Result<()> {
        let first: BranchDocument = self.document.first_branch(self.incarnation);
        let (bytes, _) = first.to_bytes()?;
        // The repository keeps the commit.
        wait(self.lake.catalog().create_ref(&first.at(), &bytes, &Default::default())).map(drop)
    }

    pub(super) fn tag(&self, name: &TagName) -> Result<Option<TagDocument>> {
        let bytes = wait(self.lake.catalog().decided(&Location::Tag(self.incarnation, name.clone())))?;
        Ok(bytes.map(|bytes| TagDocument::parse(&self.incarnation, name, &bytes)).transpose()?.map(|(tag, _)| tag))
    }

    /// The commit whose id begins so.
    pub(super) fn commit_of_id(&self, text: &str) -> Result<Digest> {
        if let Ok(id) = text.parse()
            && wait(self.lake.catalog().decided(&Location::CommitMark(self.incarnation, id)))?.is_some()
        {
            // A mark may be left of what was collected.
            return self.commit(&id).map(|_| id);
        }
        let marked = self.listed(&Prefix::CommitsOf(self.incarnation))?;
        let mut found: BTreeSet<Digest> =
            marked.iter().filter(|id| id.starts_with(text)).map(|id| id.parse()).collect::<Result<_>>()?;
        if found.is_empty() {
            found = self.look_for_commit(text)?;
        }
        let mut ids = found.iter();
        match (ids.next(), ids.next()) {
            (Some(id), None) => self.commit(id).map(|_| *id),
            (Some(one), Some(other)) => {
                let name = &self.document.name;
                let message = format!("`{text}` is ambiguous in the repository `{name}`: {one}, {other} begin so");
                Err(Error::new(ErrorKind::InvalidInput, message).with_hint("write more of it"))
            }
            (None, _) => Err(self.unknown(text)),
        }
    }

    /// Looks through all history for what the marks do not know, and marks it.
    fn look_for_commit(&self, text: &str) -> Result<BTreeSet<Digest>> {
        let mut walk = CommitWalk::of(self.heads()?, &mut self.load_commit())?;
        let mut found = BTreeSet::new();
        while let Some((id, _)) = walk.next(&mut self.load_commit())? {
            if id.to_string().starts_with(text) {
                found.insert(id);
            }
        }
        for id in &found {
            match wait(self.lake.catalog().mark_commit(&self.incarnation, id)) {
                // Who may only read looks again the next time.
                Err(error) if matches!(error.kind(), ErrorKind::Denied | ErrorKind::Unavailable) => {}
                marked => marked?,
            }
        }
        Ok(found)
    }

    /// Where branches and tags lead.
    fn heads(&self) -> Result<BTreeSet<Digest>> {
        let mut heads: BTreeSet<Digest> = [self.document.commit].into();
        for name in self.listed(&Prefix::BranchesOf(self.incarnation))? {
            heads.extend(self.branch_state(&BranchName::new(&name)?)?.map(|state| state.commit));
        }
        for name in self.listed(&Prefix::TagsOf(self.incarnation))? {
            heads.extend(self.tag(&TagName::new(&name)?)?.map(|tag| tag.commit));
        }
        Ok(heads)
    }

    /// What there is of one kind, by name.
    pub(super) fn listed(&self, prefix: &Prefix) -> Result<Vec<String>> {
        Ok(wait(self.lake.catalog().listed(prefix))?.iter().filter_map(Location::in_repository).collect())
    }

    /// The error of what nothing is called.
    fn unknown(&self, name: &str) -> Error {
        if let Err(error) = self.check() {
            return error;
        }
        let shown: String = name.chars().take(80).flat_map(char::escape_debug).collect();
        let message = format!("the repository `{}` has no branch, tag or commit `{shown}`", self.document.name);
        let names = self.listed(&Prefix::BranchesOf(self.incarnation)).unwrap_or_default();
        let near = nearest(name, names.iter().map(String::as_str));
        match near.is_empty() {
            true => gone(message),
            false => gone(message).with_hint(format!("it has {}", near.join(", "))),
        }
    }

    /// What is at a reference.
    pub(super) fn view(&self, resolved: &Resolved) -> Result<View> {
        match &resolved.state {
            Some(state) => {
                let (changes, noted) = self.uncommitted(state);
                Ok(View { changes, noted, ..self.contents_at(state)?.into() })
            }
            None => self.contents_of(&resolved.commit).map(View::from),
        }
    }

    /// What is at `path`.
    pub(super) fn entry(&self, view: &View, path: &str) -> Result<Option<TreeEntry>> {
        if let Some(change) = view.changes.get(path) {
            return Ok(change.clone());
        }
        let Some(row) = view.tree.find(path).and_then(|at| view.tree.ranges().get(at)) else { return Ok(None) };
        Ok(self.range(row)?.get(path).map(|(_, entry)| entry.clone()))
    }

    /// The first path that is below `path`.
    pub(super) fn below(&self, view: &View, path: &str) -> Result<Option<String>> {
        let below = format!("{path}/");
        let first = self.first(view, &below, false)?;
        Ok(first.map(|(path, _)| path).filter(|path| path.starts_with(&below)))
    }

    /// What is noted of the object at `path`.
    pub(super) fn attributes(&self, view: &View, path: &str) -> Result<ObjectAttributes> {
        let noted = match view.noted.get(path) {
            Some(noted) => noted.clone(),
            None => self.noted(&view.attributes, path)?,
        };
        Ok(if let Some(TreeEntry::Attributes(noted)) = noted { *noted } else { ObjectAttributes::default() })
    }

    /// The first path from `from` on, or behind it, and what is there.
    pub(super) fn first(&self, view: &View, from: &str, behind: bool) -> Result<Option<(String, TreeEntry)>> {
        let (mut from, mut behind) = (from.to_owned(), behind);
        loop {
            let committed = self.first_in(&view.tree, &from, behind)?;
            let bound = if behind { std::ops::Bound::Excluded(&*from) } else { std::ops::Bound::Included(&*from) };
            let change = view.changes.range::<str, _>((bound, std::ops::Bound::Unbounded)).next();
            let (path, entry) = match (committed, change) {
                (None, None) => return Ok(None),
                (Some((path, entry)), None) => (path, Some(entry)),
                (Some((path, entry)), Some((changed, _))) if path < *changed => (path, Some(entry)),
                (_, Some((path, entry))) => (path.clone(), entry.clone()),
            };
            if let Some(entry) = entry {
                return Ok(Some((path, entry)));
            }
            // It was deleted.
            (from, behind) = (path, true);
        }
    }

    fn first_in(&self, tree: &Metarange, from: &str, behind: bool) -> Result<Option<(String, TreeEntry)>> {
        let rows = tree.ranges();
        let at = rows.partition_point(|row| row.last.as_str() < from || (behind && row.last == from));
        let Some(row) = rows.get(at) else { return Ok(None) };
        Ok(self.range(row)?.first(from, behind).map(|(path, entry)| (path.to_owned(), entry.clone())))
    }

    /// Sees that all of a commit is there, where nothing leads to it that keeps it so.
    pub(super) fn check_whole(&self, resolved: &Resolved) -> Result<()> {
        let is_led = || came_from(self.heads()?, resolved.commit, &mut self.load_commit());
        // Where some branch is damaged, all of the commit is looked at.
        if resolved.is_led || is_led().unwrap_or(false) {
            return Ok(());
        }
        for (digest, _) in self.history(resolved.commit)?.contents() {
            if wait(self.lake.size_of(&digest))?.is_none() {
                let message = format!("commit {} is not whole any more: {digest} was collected", resolved.commit);
                return Err(gone(message).with_hint("a branch or tag that leads to a commit keeps it"));
            }
        }
        Ok(())
    }

    /// Creates a document that leads to a commit: whether it is ours.
    pub(super) fn create_ref(&self, at: &Location, bytes: &[u8], resolved: &Resolved) -> Result<Created> {
        let lake = &self.lake;
        let publishing = wait(lake.local_view().publishing())?;
        self.check_whole(resolved)?;
        let pieces = || self.history(resolved.commit);
        let is_ours =
            self.secured(publishing.since, &pieces, |secured| wait(lake.catalog().create_ref(at, bytes, secured)))?;
        if !is_ours {
            return Ok(Created::Exists);
        }
        // Somebody may have deleted the repository meanwhile: then it is nobody's.
        if let Err(error) = self.check() {
            wait(lake.catalog().remove_ref(at))?;
            return Err(error);
        }
        Ok(Created::New)
    }
}
