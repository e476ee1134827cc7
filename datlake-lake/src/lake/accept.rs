//! Another lake in the place of the remote, which is the remote from now on.

use std::collections::{BTreeSet, HashSet};

use datlake_core::document::{Content, Part, roots};
use datlake_core::{Document, Location, Result};
use datlake_store::{Remote, wait};

use super::{Lake, concerns_one, refuse_in_body};

impl Lake {
    /// Takes what is in the place of the remote for it from now on. This machine remembers which lake each remote was that it
    /// has used, so that a share that is not mounted, or another one in its place, is not taken for it; whoever means the new one
    /// says so by this.
    ///
    /// What is whole on this machine and not at the new remote is unpushed from then on, so that [`Lake::push`] sends it: how
    /// many calls and added files that are.
    ///
    /// # Errors
    /// Those of the stores; where the new remote cannot be asked, this is to be called again. [`ErrorKind::Context`] in a body.
    ///
    /// [`ErrorKind::Context`]: crate::ErrorKind::Context
    ///
    /// ```
    /// let folder = tempfile::tempdir()?;
    /// let remote = folder.path().join("remote");
    /// let lake = || datlake::Lake::builder().home(folder.path().join("home")).remote(format!("file://{}", remote.display()));
    /// lake().open()?.add_bytes("a.txt", "some")?;
    /// std::fs::remove_dir_all(&remote)?;
    /// assert!(lake().open()?.add_bytes("b.txt", "other").is_err());
    /// let lake = lake().open()?;
    /// assert_eq!(lake.accept_remote()?, 1);
    /// assert_eq!(lake.push(&[])?.items.len(), 1);
    /// lake.add_bytes("b.txt", "other")?;
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn accept_remote(&self) -> Result<usize> {
        refuse_in_body("accept a remote")?;
        self.local_view().remote().map_or(Ok(()), Remote::forget)?;
        wait(async {
            // What was removed there is not to come back.
            self.learn_removals().await?;
            self.mark_missing().await
        })
    }

    /// Marks what is whole here and not at the remote as unpushed: how much that is. Removals were learned before.
    pub(super) async fn mark_missing(&self) -> Result<usize> {
        let Some(remote) = &self.catalog().remote else { return Ok(0) };
        let there: HashSet<Location> = roots(&**remote).await?.into_iter().collect();
        let mut missing = BTreeSet::new();
        for at in roots(&*self.catalog().local).await? {
            if there.contains(&at) {
                continue;
            }
            match self.whole_here(&at).await {
                Err(error) if concerns_one(&error) => {}
                found => missing.extend(found?),
            }
        }
        for what in &missing {
            self.catalog().mark_unpushed(what).await?;
        }
        Ok(missing.len())
    }

    /// What a document of this machine goes with, where all of its content is here.
    async fn whole_here(&self, at: &Location) -> Result<Option<Location>> {
        let local = &self.catalog().local;
        let Some(bytes) = local.get(at).await? else { return Ok(None) };
        let mut document = Document::parse(at, bytes)?;
        if document.is_part() {
            let Some(bytes) = local.get(&document.part_of).await? else { return Ok(None) };
            document = Document::parse(&document.part_of, bytes)?;
        }
        if document.is_mark {
            return Ok(None);
        }
        // What refers to other content first: what it lists is not downloaded for this.
        let whole =
            self.are_here(&document.references().content).await? && self.are_here(&self.content_of(&document)?).await?;
        Ok(whole.then_some(document.at))
    }

    async fn are_here(&self, contents: &[Content]) -> Result<bool> {
        for content in contents.iter().filter(|content| content.part != Part::Extra) {
            if !self.is_here(content)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
