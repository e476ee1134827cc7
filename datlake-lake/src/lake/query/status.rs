//! Where a lake stands: what of it is on this machine only.

use datlake_core::catalog::push_rank;
use datlake_core::lineage::Output;
use datlake_core::record::NameTarget;
use datlake_core::{Location, Result};
use datlake_store::wait;

use super::rows::Rows;
#[cfg(doc)]
use crate::ErrorKind;
use crate::lake::{AT_ONCE, Lake, refuse_in_body, unless_damaged};
use crate::report::{LakeStatus, Row, UnpushedRow};
use crate::sorted::Sorter;

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
        let (unpushed, damaged) = self.unpushed_rows()?.all()?;
        Ok(LakeStatus { unpushed, damaged, ..self.standing()? })
    }

    /// The same without what is on this machine only.
    ///
    /// # Errors
    /// As [`Lake::status`].
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// lake.add_bytes("greetings/en.txt", b"hello")?;
    /// assert_eq!((lake.standing()?.bytes, lake.standing()?.unpushed.len()), (5, 0));
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn standing(&self) -> Result<LakeStatus> {
        refuse_in_body("look at the state of the lake")?;
        let home = self.home().display().to_string();
        let (remote_state, remote_problem) = self.remote_state();
        let (remote, offline) = (self.remote(), self.is_offline());
        let (blobs, bytes) = wait(self.content_here())?;
        let (packs, cache_limit) = (self.pack_use()?, self.cache_limit());
        let (unpushed, damaged) = (Vec::new(), Vec::new());
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
    }

    /// What is on this machine only, as rows that are read while somebody goes through them: calls, then added files, then what names
    /// were replaced by. No server is asked.
    ///
    /// # Errors
    /// As [`Lake::status`].
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// lake.add_bytes("greetings/en.txt", b"hello")?;
    /// assert_eq!(lake.unpushed_rows()?.count(), 1);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn unpushed_rows(&self) -> Result<Rows<UnpushedRow>> {
        refuse_in_body("look at the state of the lake")?;
        let (mut marks, mut failed) = (Sorter::default(), None);
        let gather = |at: Location| {
            let item = [&[push_rank(&at)], at.path().as_bytes()].concat();
            failed = failed.take().or(marks.push(&item).err());
        };
        wait(self.catalog().each_unpushed(gather))?;
        if let Some(error) = failed {
            return Err(error);
        }
        let (lake, mut marks) = (self.clone(), marks.sorted()?.iter());
        Ok(Rows::new(move || {
            refuse_in_body("look at the state of the lake")?;
            let some: Vec<_> = marks.by_ref().take(AT_ONCE).collect::<Result<_>>()?;
            if some.is_empty() {
                return Ok(None);
            }
            let (mut rows, mut damaged) = (Vec::new(), Vec::new());
            for at in some.iter().filter_map(|item| Location::parse(std::str::from_utf8(&item[1..]).ok()?)) {
                let row = unless_damaged(wait(lake.unpushed_row(&at)), at.title(), &mut damaged)?;
                rows.extend(row.flatten().map(Row::Whole));
            }
            rows.extend(damaged.into_iter().map(|damaged| Row::Damaged { damaged }));
            Ok(Some(rows))
        }))
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
