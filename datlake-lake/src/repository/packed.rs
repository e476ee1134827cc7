//! Files of commits that rest in packs, and how they are found there.

use datlake_core::repository::RepositoryName;
use datlake_core::{Digest, Result, Uid, UidKind};
use datlake_store::wait;

use super::resolve::View;
use super::shared::Shared;
use crate::handle::Lake;

impl Shared {
    /// The range that leads to what is at `path`, if it is committed.
    pub(super) fn range_of(&self, view: &View, path: &str) -> Option<Digest> {
        if view.changes.contains_key(path) {
            return None;
        }
        Some(view.tree.ranges().get(view.tree.find(path)?)?.digest)
    }
}

impl Lake {
    /// The range that leads to the content of a file of a commit, if that rests in a pack.
    pub(crate) fn range_in_commit(&self, uid: &Uid, content: (Digest, u64)) -> Result<Option<Digest>> {
        let UidKind::Committed { repository, commit, path } = uid.kind() else { return Ok(None) };
        // Also in a body, which may read what it was given.
        let found = wait(self.catalog().repository(&RepositoryName::new(&repository)?))?;
        let Some((document, incarnation)) = found else { return Ok(None) };
        let shared = Shared::new(self, document, incarnation);
        let view = View::from(shared.contents_of(&commit)?);
        let Some((path, _)) = shared.followed(&view, &path)? else { return Ok(None) };
        self.resting_in(shared.range_of(&view, &path), content)
    }
}
