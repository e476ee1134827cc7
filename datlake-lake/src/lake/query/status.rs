//! Where a lake stands: what of it is on this machine only.

use datlake_core::lineage::Output;
use datlake_core::record::NameTarget;
use datlake_core::{Location, Result};
use datlake_store::wait;

#[cfg(doc)]
use crate::ErrorKind;
use crate::lake::{Lake, refuse_in_body, unless_damaged};
use crate::report::{LakeStatus, UnpushedRow};

impl Lake {
    /// Where the lake stands, and what of it is on this machine only. No server is asked; of a remote in a folder it is seen
    /// whether it is there.
    ///
    /// # Errors
    /// [`ErrorKind::Context`] in a body; those of looking into the lake's directory.
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// lake.add_bytes("greetings/en.txt", b"hello")?;
    /// assert_eq!(lake.status()?.unpushed.len(), 1);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn status(&self) -> Result<LakeStatus> {
        refuse_in_body("look at the state of the lake")?;
        wait(async {
            let (mut unpushed, mut damaged) = (Vec::new(), Vec::new());
            for what in self.catalog().unpushed().await? {
                unpushed.extend(unless_damaged(self.unpushed_row(&what).await, what.title(), &mut damaged)?.flatten());
            }
            let home = self.home().display().to_string();
            let (remote_state, remote_problem) = self.remote_state();
            let (remote, offline) = (self.remote(), self.is_offline());
            let (blobs, bytes) = self.content_here().await?;
            let (packs, cache_limit) = (self.pack_use()?, self.cache_limit());
            Ok(LakeStatus {
                home,
                remote,
                offline,
                remote_state,
                remote_problem,
                blobs,
                bytes,
                packs,
                cache_limit,
                unpushed,
                damaged,
            })
        })
    }

    /// `None` for what never came to be.
    async fn unpushed_row(&self, at: &Location) -> Result<Option<UnpushedRow>> {
        let here = self.catalog().here();
        if let Some(record) = here.record_at(at).await? {
            let lineage = record.lineage()?;
            return Ok(Some(UnpushedRow {
                call: Some((record.creator, record.key)),
                size: lineage.outputs.iter().map(|output| output.size).sum(),
                uids: lineage.outputs.into_iter().map(|Output { uid, .. }| uid).collect(),
                created_at: lineage.started_at,
                originator: lineage.person.email,
            }));
        }
        let Some(uid) = at.name() else { return Ok(None) };
        let Some((target, moved)) = here.unpushed_target(at).await? else { return Ok(None) };
        let row = |size, call, created_at, originator| {
            Ok(Some(UnpushedRow { call, uids: vec![uid.clone()], size, created_at, originator }))
        };
        match (target, moved) {
            (NameTarget::Added(added), _) => row(added.size, None, added.at, added.person.email),
            // The content goes with the call.
            (NameTarget::Output(_), Some(moved)) => row(0, None, moved.at, moved.person.email),
            (NameTarget::Output(_), None) => Ok(None),
        }
    }
}
