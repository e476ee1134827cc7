//! Keeping a lake in order: eviction, collection, a look at everything, repair, mirrors.

use std::time::Duration;

use datlake::report::{Finding, FindingKind, MirrorOutcome, RepairOutcome};
use datlake::{Collect, ErrorKind, Evict, Mirror, Side, Verify};

use super::{Pick, World};
use crate::machines::{Trouble, read};
use crate::model::{Cell, Held, Verdict, View};

/// Announces and condemns, or removes what was condemned long enough ago; however young. Goes on with what was broken off.
pub(super) fn in_stages() -> Collect {
    Collect::default().grace(Duration::ZERO).resume(true)
}

impl World {
    pub(super) fn evict(&mut self, view: View, troubles: &[Trouble]) -> Result<bool, String> {
        let done = self.machines[view.machine].meets(troubles, |lake| lake.evict(Evict::To(0)));
        match &done.result {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::Config && view.offline => Ok(false),
            Err(error) => self.shaken(view, &done, error).map(|()| false),
        }
    }

    /// Where it is exclusive, nobody else does anything meanwhile. What failed in the middle is ended, as its operator would.
    pub(super) fn collect(&mut self, view: View, troubles: &[Trouble], exclusive: bool) -> Result<bool, String> {
        let how = in_stages().exclusive(exclusive);
        let machine = &mut self.machines[view.machine];
        let done = machine.meets(troubles, |lake| lake.collect(how));
        let Err(error) = &done.result else { return Ok(!view.offline) };
        // A manifest may be at the remote only.
        if view.offline && error.kind() == ErrorKind::MissingBlob {
            return Ok(false);
        }
        let ended = machine.meets(&[], |lake| lake.collect(how));
        let may_fail = ended.is_refused() && machine.is_read_only();
        if !done.is_refused() {
            self.shaken(view, &done, error)?;
        }
        match ended.result {
            Ok(_) => Ok(!view.offline),
            Err(_) if may_fail => Ok(false),
            Err(error) if view.offline && error.kind() == ErrorKind::MissingBlob => Ok(false),
            Err(error) => Err(format!("{error:?}")),
        }
    }

    /// Three hours pass by the clock of the store, in which nobody does anything.
    pub(super) fn later(&self) {
        self.machines[0].clock.leaps();
    }

    pub(super) fn mirror(&mut self, view: View, troubles: &[Trouble]) -> Result<bool, String> {
        let how = Mirror::to(format!("file://{}", self.folder.path().join("mirror").display()));
        let done = self.machines[view.machine].meets(troubles, |lake| lake.mirror(&how, &[]));
        let whole = match &done.result {
            Ok(report) => {
                let failed = report.items.iter().find(|row| row.outcome == MirrorOutcome::Failed);
                if let Some(row) = failed.filter(|_| !done.flipped()) {
                    return Err(format!("{row:?}"));
                }
                failed.is_none()
            }
            Err(error) if error.kind() == ErrorKind::Config && view.offline => return Ok(false),
            Err(_) if done.is_refused() => false,
            Err(error) => {
                self.shaken(view, &done, error)?;
                false
            }
        };
        self.cells.values_mut().for_each(|cell| cell.mirrored(whole));
        self.mirror_shows_it()?;
        Ok(false)
    }

    /// Whoever has the mirror as their remote finds there what was mirrored, all of it.
    fn mirror_shows_it(&self) -> Verdict {
        let report = self.beyond.verify(Verify::default().side(Side::Remote), &[]).map_err(|e| format!("{e:?}"))?;
        self.only_left_where(&report.findings, |cell| cell.mirror.contains(&Held::Left))?;
        for (thing, uid) in &self.uids {
            let Some(cell) = self.cells.get(thing) else { continue };
            let shown = match read(&self.beyond, uid) {
                Ok(text) => Some(text),
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                Err(error) => return Err(format!("{error:?}")),
            };
            cell.mirror_shows(shown.as_deref()).map_err(|e| format!("{thing:?}: {e}"))?;
        }
        Ok(())
    }

    pub(super) fn verify(&mut self, view: View, troubles: &[Trouble]) -> Result<bool, String> {
        let done = self.machines[view.machine].meets(troubles, |lake| lake.verify(Verify::default(), &[]));
        match &done.result {
            Ok(_) if done.flipped() => {}
            Ok(report) => self.only_left(&report.findings)?,
            Err(error) => self.shaken(view, &done, error)?,
        }
        Ok(false)
    }

    /// Nothing is wrong but names whose calls have not finished, where that may be.
    pub(super) fn only_left(&self, findings: &[Finding]) -> Verdict {
        self.only_left_where(findings, |cell| {
            cell.remote.contains(&Held::Left)
                || cell.own.iter().chain(&cell.copy).any(|held| held.contains(&Held::Left))
        })
    }

    fn only_left_where(&self, findings: &[Finding], may_be: impl Fn(&Cell) -> bool) -> Verdict {
        for Finding { kind, what, .. } in findings {
            let cell = self.uids.iter().find(|(_, uid)| *uid == what).and_then(|(thing, _)| self.cells.get(thing));
            if *kind != FindingKind::Dangling || !cell.is_some_and(&may_be) {
                return Err(format!("{kind:?} {what}: {cell:?}"));
            }
        }
        Ok(())
    }

    /// Whoever looks at the remote finds everything whole.
    pub(super) fn nothing_half_visible(&self) -> Verdict {
        let report = self.observer.verify(Verify::default().side(Side::Remote), &[]).map_err(|e| format!("{e:?}"))?;
        self.only_left(&report.findings)
    }

    /// One of two copies of some content rots, is not handed on, and is healed from the other.
    pub(super) fn rot(&mut self, view: View, troubles: &[Trouble], pick: Pick, here: bool) -> Result<bool, String> {
        let (_, uid) = self.picked(pick);
        let machine = &mut self.machines[view.machine];
        let Ok(file) = machine.lake().file(&uid) else { return Ok(false) };
        let digest = file.digest().to_string();
        let (home, remote) = (machine.home().to_owned(), self.folder.path().join("remote"));
        let [one, other] = [home, remote].map(|root| root.join("blobs").join(&digest[..2]).join(&digest));
        if view.offline || machine.is_read_only() || !one.exists() || !other.exists() {
            return Ok(false);
        }
        let bad = if here { &one } else { &other };
        let mut bytes = std::fs::read(bad).unwrap();
        bytes[0] ^= 1;
        std::fs::remove_file(bad).unwrap();
        std::fs::write(bad, bytes).unwrap();
        let done = machine.meets(&[], |_| file.read());
        match done.result {
            Ok(_) if here => return Err(format!("{uid} is rotten and was read")),
            Ok(_) => {}
            Err(error) if here && error.kind() == ErrorKind::Corrupt => {}
            Err(error) => return Err(format!("{error:?}")),
        }
        let done = machine.meets(troubles, |lake| lake.repair(&uid));
        if let Err(error) = &done.result
            && !done.is_refused()
        {
            self.shaken(view, &done, error)?;
        }
        // What was not healed then is healed now.
        let repaired = self.machines[view.machine].meets(&[], |lake| lake.repair(&uid).and_then(|_| lake.repair(&uid)));
        match repaired.result {
            Ok(report) if report.items.iter().all(|item| item.outcome == RepairOutcome::Intact) => Ok(false),
            other => Err(format!("{other:?}")),
        }
    }
}
