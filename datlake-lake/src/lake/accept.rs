//! Another lake in the place of the remote, which is the remote from now on.

use std::collections::{BTreeSet, HashSet};

use datlake_core::catalog::Unpushed;
use datlake_core::record::Target;
use datlake_core::{Digest, Location, Result};

use super::content::documents;
use super::{Content, Lake, concerns_one, refuse_in_body};

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
    /// # fn main() -> datlake::Result<()> {
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
    /// # Ok(())
    /// # }
    /// ```
    pub fn accept_remote(&self) -> Result<usize> {
        refuse_in_body("accept a remote")?;
        self.local_view().forget_remote()?;
        pollster::block_on(self.mark_missing())
    }

    async fn mark_missing(&self) -> Result<usize> {
        let Some(remote) = &self.catalog().remote else { return Ok(0) };
        // What was removed there is not to come back.
        self.learn_removals().await?;
        let there: HashSet<Location> = documents(&**remote).await?.into_iter().collect();
        let mut missing = BTreeSet::new();
        for at in documents(&*self.catalog().local).await? {
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

    /// What a document of this machine belongs to, where all of its content is here.
    async fn whole_here(&self, at: &Location) -> Result<Option<Unpushed>> {
        let here = self.catalog().here();
        let (creator, key) = match at {
            Location::Record(creator, key) => (creator.clone(), *key),
            Location::Name(uid) => match here.name(uid).await? {
                Some(name) => match &name.target {
                    Target::Output(of) => (of.creator.clone(), of.key),
                    Target::Added(added) => {
                        let whole = self.are_here(&[added.digest]).await?
                            && self.all_here(&self.content_of_name(&name)?).await?;
                        return Ok(whole.then(|| Unpushed::Added(uid.clone())));
                    }
                },
                None => return Ok(None),
            },
            _ => return Ok(None),
        };
        let Some(record) = here.record(&creator, &key).await? else { return Ok(None) };
        let outputs: Vec<Digest> = record.lineage()?.outputs.into_iter().map(|output| output.digest).collect();
        // Manifests first: what they list is not downloaded for this.
        let whole = self.are_here(&outputs).await? && self.all_here(&self.content_of_call(&record)?).await?;
        Ok(whole.then_some(Unpushed::Call(creator, key)))
    }

    async fn all_here(&self, contents: &[Content]) -> Result<bool> {
        let needed: Vec<Digest> =
            contents.iter().filter(|content| !content.optional).map(|content| content.digest).collect();
        self.are_here(&needed).await
    }

    async fn are_here(&self, contents: &[Digest]) -> Result<bool> {
        for digest in contents {
            if self.catalog().local.size(&Location::Blob(*digest)).await?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
