//! The end of it: nothing fails any more, and everything can be done.

use datlake::{Collect, Error, ErrorKind, Side, Verify};

use super::{Pick, World};
use crate::machines::{Job, NAMES, Thing, read};
use crate::model::{Held, MACHINES, Verdict, View, may_lack};

impl World {
    /// Nothing fails any more: all that is unpushed is pushed, every machine sees the same, nothing is wrong with the lake,
    /// and everything can be done.
    pub(super) fn settles(&mut self) -> Verdict {
        for m in 0..MACHINES {
            self.machines[m].restart(false);
            self.machines[m].may_write(true);
            self.push(self.view(m), &[])?;
        }
        self.is_collected_and_mirrored()?;
        self.all_see_the_same()?;
        self.all_can_be_removed()?;
        self.all_can_be_made()
    }

    /// What nobody names goes, nothing else does, and a copy is as good.
    fn is_collected_and_mirrored(&mut self) -> Verdict {
        for m in 0..MACHINES {
            self.later();
            let view = self.again(m);
            self.collect(view, &[], false)?;
        }
        let left = self.observer.collect(Collect::default().side(Side::Remote).exclusive(true).dry_run(true));
        let left = left.map_err(|e| format!("{e:?}"))?.remote.map_or(0, |remote| remote.blobs);
        if left > 0 {
            return Err(format!("{left} pieces of content that nobody names were not collected"));
        }
        let view = self.again(0);
        self.mirror(view, &[]).map(drop)
    }

    /// Every machine has a new process.
    fn again(&mut self, m: usize) -> View {
        self.machines[m].restart(false);
        self.view(m)
    }

    fn all_see_the_same(&mut self) -> Verdict {
        let picks = 0..self.uids.len() as Pick;
        for m in 0..MACHINES {
            let view = self.again(m);
            self.pull(view, &[])?;
            self.cells.values_mut().for_each(|cell| cell.learned(view));
            let view = self.again(m);
            self.list(view, &[])?;
            self.verify(view, &[])?;
            picks.clone().try_for_each(|pick| self.read(view, &[], pick).map(drop))?;
        }
        for pick in picks {
            let (thing, uid) = self.picked(pick);
            let cell = self.cell(&thing).clone();
            // Whose own lost its name to another keeps it.
            let shared = (0..MACHINES).filter(|m| cell.own[*m].iter().all(|held| !matches!(held, Held::There(_))));
            let mut seen: Vec<_> = shared.map(|m| read(&self.machines[m].lake(), &uid).ok()).collect();
            seen.dedup();
            if seen.len() > 1 {
                return Err(format!("{thing:?} is not the same everywhere: {seen:?}"));
            }
        }
        Ok(())
    }

    fn all_can_be_removed(&mut self) -> Verdict {
        for m in 0..MACHINES {
            for pick in 0..self.uids.len() as Pick {
                let view = self.again(m);
                // What is this machine's own, and then what all have.
                self.remove(view, &[], pick)?;
                self.remove(View { fresh: false, ..view }, &[], pick)?;
            }
        }
        for m in 0..MACHINES {
            let view = self.again(m);
            self.push(view, &[])?;
            self.cells.values_mut().for_each(|cell| cell.learned(view));
            for pick in 0..self.uids.len() as Pick {
                let (thing, uid) = self.picked(pick);
                let found = read(&self.machines[m].lake(), &uid);
                if !matches!(&found, Err(error) if error.kind() == ErrorKind::NotFound) {
                    return Err(format!("{thing:?} was removed, and is there: {found:?}"));
                }
            }
            self.is_whole(m)?;
        }
        Ok(())
    }

    /// Nothing is unpushed, and nothing is wrong with the lake on either side.
    fn is_whole(&mut self, m: usize) -> Verdict {
        let lake = self.machines[m].lake();
        let (unpushed, findings) = (|| Ok((lake.status()?.unpushed, lake.verify(Verify::default(), &[])?.findings)))()
            .map_err(|error: Error| format!("{error:?}"))?;
        if unpushed.iter().any(|row| !row.uids.is_empty()) {
            return Err(format!("on machine {m}: {unpushed:?}"));
        }
        self.only_left(&findings)
    }

    fn all_can_be_made(&mut self) -> Verdict {
        for m in 0..MACHINES {
            for n in 0..NAMES.len() as u8 {
                let view = self.again(m);
                if n == 2 {
                    self.call(view, &[], Job::Named(1, n))?;
                } else {
                    self.add(view, &[], n, n)?;
                }
                self.call(view, &[], Job::Upper(n))?;
            }
            for n in 0..2 {
                for job in [Job::Words(n), Job::Nested(n), Job::Unsteady(n)] {
                    let view = self.view(m);
                    self.call(view, &[], job)?;
                }
            }
        }
        self.all_see_the_same()?;
        (0..MACHINES).try_for_each(|m| self.is_whole(m))?;
        let missing = self.uids.keys().find(|thing| match thing {
            Thing::Name(_) | Thing::Unsteady(_) => self.cells.get(thing).is_none_or(|cell| may_lack(&cell.remote)),
            _ => false,
        });
        missing.map_or(Ok(()), |thing| Err(format!("{thing:?} was made, and the model does not know it")))
    }
}
