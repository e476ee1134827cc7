//! Machines, and the model that follows what they do.

mod settling;
mod upkeep;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use datlake::report::PushOutcome;
use datlake::{Error, ErrorKind, Lake, Result};
use tempfile::TempDir;

use crate::jobs;
use crate::machines::{Done, Given, Job, Machine, NAMES, TEXTS, Thing, Trouble, known, read};
use crate::model::{Cell, Held, MACHINES, Verdict, View};
use crate::store::Fault;
use upkeep::in_stages;

/// What a machine does.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Add(u8, u8),
    Read(Pick),
    Call(Job),
    Remove(Pick),
    List,
    Push,
    Pull,
    Evict,
    /// Content that nobody names is collected, as where nobody else does anything, or in stages.
    Collect(bool),
    /// So much time passes at the remote that what is condemned may be removed.
    Later,
    /// Everything is copied to another store.
    Mirror,
    Verify,
    /// The process ends, and the next works offline, or online.
    Offline(bool),
    /// The process ends, and the next has a right to change the remote, or has none.
    Rights(bool),
    /// Content rots on that machine, or at the remote where there is none, and is repaired.
    Rot(Pick, bool),
    /// All machines make the call at the same time.
    Race(Job),
    /// The others make the call while this machine collects.
    RaceCollecting(Job),
}

/// One of the things that have a file, by its number among those that there are.
pub(crate) type Pick = u8;

/// One step of one machine.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) machine: usize,
    /// Whether a new process does it.
    pub(crate) anew: bool,
    pub(crate) op: Op,
    pub(crate) troubles: Vec<Trouble>,
}

pub(crate) struct World {
    id: u64,
    folder: TempDir,
    machines: [Machine; MACHINES],
    cells: BTreeMap<Thing, Cell>,
    /// What the things are called that have a file.
    uids: BTreeMap<Thing, String>,
    /// Who only looks, and whose store never fails.
    observer: Lake,
    /// The same for the store that is mirrored to.
    beyond: Lake,
}

/// Does all that, in that order, then puts everything in order and looks whether anything is lost.
pub(crate) fn live(steps: &[Step]) -> Verdict {
    let mut world = World::new();
    for (at, step) in steps.iter().enumerate() {
        world
            .step(step)
            .and_then(|()| world.nothing_half_visible())
            .map_err(|e| format!("step {at}, {step:?}: {e}"))?;
    }
    world.settles().map_err(|e| format!("in the end: {e}"))
}

impl World {
    fn new() -> Self {
        static WORLDS: AtomicU64 = AtomicU64::new(0);
        let id = WORLDS.fetch_add(1, Ordering::SeqCst);
        // In memory where that is possible: what is synced to a disk thousands of times takes long.
        let memory = std::path::Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let machines = Machine::all(folder.path());
        let observer = Machine::new(folder.path(), "observer").lake();
        let beyond = Machine::before(folder.path(), "beyond", "mirror").lake();
        Self { id, folder, machines, cells: BTreeMap::new(), uids: Thing::uids(id), observer, beyond }
    }

    fn cell(&mut self, thing: &Thing) -> &mut Cell {
        self.cells.entry(thing.clone()).or_default()
    }

    fn view(&self, machine: usize) -> View {
        let Machine { offline, fresh, refused, .. } = self.machines[machine];
        View { machine, offline, fresh, refused, failed: false }
    }

    /// As after what has just been done: it may have been refused.
    fn since(&self, view: View) -> View {
        View { refused: self.machines[view.machine].refused, ..view }
    }

    /// Whether the remote has not decided about `uid`, on that machine.
    fn is_unpushed(&mut self, machine: usize, uid: &str) -> Result<bool, String> {
        let status = self.machines[machine].lake().status().map_err(|e| format!("{e:?}"))?;
        Ok(status.unpushed.iter().any(|row| row.uids.iter().any(|of| of.as_str() == uid)))
    }

    fn picked(&self, pick: Pick) -> (Thing, String) {
        let at = usize::from(pick) % self.uids.len();
        let (thing, uid) = self.uids.iter().nth(at).unwrap();
        (thing.clone(), uid.clone())
    }

    fn step(&mut self, step: &Step) -> Verdict {
        let m = step.machine;
        if step.anew {
            let offline = self.machines[m].offline;
            self.machines[m].restart(offline);
        }
        self.machines[m].lake();
        let (view, troubles) = (self.view(m), &*step.troubles);
        let learned = match &step.op {
            Op::Offline(offline) => {
                self.machines[m].restart(*offline);
                return Ok(());
            }
            Op::Rights(may_write) => {
                self.machines[m].may_write(*may_write);
                return Ok(());
            }
            Op::Add(n, t) => self.add(view, troubles, *n, *t)?,
            Op::Read(pick) => self.read(view, troubles, *pick)?,
            Op::Call(job) => self.call(view, troubles, *job)?,
            Op::Remove(pick) => self.remove(view, troubles, *pick)?,
            Op::List => self.list(view, troubles)?,
            Op::Push => self.push(view, troubles)?,
            Op::Pull => self.pull(view, troubles)?,
            Op::Evict => self.evict(view, troubles)?,
            Op::Collect(exclusive) => self.collect(view, troubles, *exclusive)?,
            Op::Later => {
                self.later();
                return Ok(());
            }
            Op::Mirror => self.mirror(view, troubles)?,
            Op::Verify => self.verify(view, troubles)?,
            Op::Rot(pick, here) => self.rot(view, troubles, *pick, *here)?,
            Op::Race(job) => self.race(view, troubles, *job, false)?,
            Op::RaceCollecting(job) => self.race(view, &[], *job, true)?,
        };
        for cell in self.cells.values_mut() {
            if learned {
                cell.learned(view);
            }
            if !view.offline {
                cell.copied(m);
            }
        }
        Ok(())
    }

    /// What an error of something that was troubled means: `Ok` where the trouble explains it.
    fn shaken<T>(&mut self, view: View, done: &Done<T>, error: &Error) -> Verdict {
        self.cells.values_mut().for_each(|cell| cell.shaken(view.machine));
        if done.explains(error.kind()) { Ok(()) } else { Err(format!("{error:?}")) }
    }

    /// Whether whoever did it has learned what others removed.
    fn add(&mut self, view: View, troubles: &[Trouble], n: u8, t: u8) -> Result<bool, String> {
        let (uid, text) = (NAMES[usize::from(n)], TEXTS[usize::from(t)]);
        let done = self.machines[view.machine].meets(troubles, |lake| lake.add_bytes(uid, text).map(drop));
        let (view, unpushed) = (self.since(view), self.is_unpushed(view.machine, uid)?);
        let cell = self.cell(&Thing::Name(n));
        match &done.result {
            Ok(()) => cell.added(view, text, unpushed).map(|()| true),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => cell.taken(view, text).map(|()| false),
            Err(error) => {
                cell.maybe_made(view, &[text.to_owned()]);
                self.shaken(view, &done, error).map(|()| false)
            }
        }
    }

    fn read(&mut self, view: View, troubles: &[Trouble], pick: Pick) -> Result<bool, String> {
        let (thing, uid) = self.picked(pick);
        let done = self.machines[view.machine].meets(troubles, |lake| read(lake, &uid));
        let cell = self.cell(&thing);
        match &done.result {
            Ok(text) => cell.read(view, Some(text))?,
            Err(error) if error.kind() == ErrorKind::NotFound => cell.read(view, None)?,
            Err(error) if error.kind() == ErrorKind::MissingBlob && view.offline => {}
            Err(error) => self.shaken(view, &done, error)?,
        }
        Ok(false)
    }

    fn call(&mut self, view: View, troubles: &[Trouble], job: Job) -> Result<bool, String> {
        let (id, before) = (self.id, self.made(job));
        let done = self.machines[view.machine].meets(troubles, |_| job.call(id));
        self.called(view, job, before, &done).map(|()| false)
    }

    /// How many times the body of a call has run that never makes the same.
    fn made(&self, job: Job) -> usize {
        match job {
            Job::Unsteady(n) => jobs::made(self.id, n).len(),
            _ => 0,
        }
    }

    fn called(&mut self, view: View, job: Job, before: usize, done: &Done<Given>) -> Verdict {
        let view = View { failed: !done.untroubled(), ..self.since(view) };
        if let Job::Nested(t) = job {
            // It calls this one, or not.
            self.cell(&Thing::Words(t)).maybe_made(view, &[TEXTS[usize::from(t)].to_owned()]);
        }
        match &done.result {
            Ok(Given { thing, text, uid }) => {
                if let Some(uid) = uid {
                    self.uids.insert(thing.clone(), uid.clone());
                }
                let right = self.right(job, thing);
                if !right.contains(text) {
                    return Err(format!("{job:?} gave {text:?}, and not one of {right:?}"));
                }
                let unpushed = uid.as_ref().map(|uid| self.is_unpushed(view.machine, uid)).transpose()?;
                let cell = self.cell(thing);
                if done.hit(job.function()) { cell.hit(view, text) } else { cell.executed(view, text, unpushed) }
            }
            Err(error) => self.not_called(view, job, before, done, error),
        }
    }

    /// What a call may give.
    fn right(&self, job: Job, thing: &Thing) -> Vec<String> {
        let text = |t: u8| TEXTS[usize::from(t)];
        match (job, thing) {
            (Job::Named(t, _), _) => vec![jobs::named_text(text(t))],
            (Job::Words(t), _) => vec![text(t).to_owned()],
            (Job::Nested(t), _) => vec![jobs::nested_text(text(t))],
            (Job::Unsteady(n), _) => jobs::made(self.id, n),
            (Job::Upper(_), Thing::Upper(_, of)) => vec![of.to_uppercase()],
            (Job::Upper(_), _) => Vec::new(),
        }
    }

    fn not_called(&mut self, view: View, job: Job, before: usize, done: &Done<Given>, error: &Error) -> Verdict {
        match (job, error.kind()) {
            (Job::Named(t, n), ErrorKind::AlreadyExists) => {
                return self.cell(&Thing::Name(n)).taken(view, &jobs::named_text(TEXTS[usize::from(t)]));
            }
            (Job::Upper(n), ErrorKind::NotFound) => return self.cell(&Thing::Name(n)).read(view, None),
            // Content of what is only a copy here.
            (_, ErrorKind::MissingBlob) if view.offline => return Ok(()),
            _ => {}
        }
        let (thing, texts) = match job {
            Job::Named(t, n) => (Thing::Name(n), vec![jobs::named_text(TEXTS[usize::from(t)])]),
            Job::Words(t) => (Thing::Words(t), vec![TEXTS[usize::from(t)].to_owned()]),
            Job::Nested(t) => (Thing::Nested(t), vec![jobs::nested_text(TEXTS[usize::from(t)])]),
            Job::Unsteady(n) => (Thing::Unsteady(n), jobs::made(self.id, n).split_off(before)),
            Job::Upper(n) => {
                let visible = self.cell(&Thing::Name(n)).visible(view);
                for of in visible.iter().filter_map(|held| if let Held::There(of) = held { Some(of) } else { None }) {
                    self.cell(&Thing::Upper(n, of.clone())).maybe_made(view, &[of.to_uppercase()]);
                }
                return self.shaken(view, done, error);
            }
        };
        self.cell(&thing).maybe_made(view, &texts);
        self.shaken(view, done, error)
    }

    fn remove(&mut self, view: View, troubles: &[Trouble], pick: Pick) -> Result<bool, String> {
        let (thing, uid) = self.picked(pick);
        let done = self.machines[view.machine].meets(troubles, |lake| lake.remove(&uid));
        let cell = self.cell(&thing);
        match &done.result {
            Err(_) if done.is_refused() => {
                cell.maybe_removed(view);
                Ok(false)
            }
            Ok(gone) => cell.removed(view, !gone.is_empty()).map(|()| true),
            Err(error) if error.kind() == ErrorKind::Unavailable && view.offline => {
                cell.refused_to_remove(view).map(|()| false)
            }
            Err(error) => {
                cell.maybe_removed(view);
                self.shaken(view, &done, error).map(|()| false)
            }
        }
    }

    fn list(&mut self, view: View, troubles: &[Trouble]) -> Result<bool, String> {
        let done = self.machines[view.machine].meets(troubles, |lake| lake.list(""));
        let files = match &done.result {
            Ok(files) => files,
            Err(error) => return self.shaken(view, &done, error).map(|()| false),
        };
        if !files.damaged().is_empty() && !done.flipped() {
            return Err(format!("{:?}", files.damaged()));
        }
        let id = self.id;
        for (n, name) in (0..).zip(NAMES) {
            let found = files.iter().find(|file| file.uid().is_some_and(|uid| uid.as_str() == name));
            let damaged = files.damaged().iter().any(|damage| damage.what == name);
            let found = found.map(|file| known(file, id));
            if !damaged {
                self.cell(&Thing::Name(n)).read(view, found.as_deref())?;
            }
        }
        Ok(done.untroubled())
    }

    fn push(&mut self, view: View, troubles: &[Trouble]) -> Result<bool, String> {
        let done = self.machines[view.machine].meets(troubles, |lake| lake.push(&[]));
        if view.offline {
            return match &done.result {
                Err(error) if error.kind() == ErrorKind::Config => Ok(false),
                other => Err(format!("{other:?}")),
            };
        }
        let status = self.machines[view.machine].lake().status().map_err(|e| format!("{e:?}"))?;
        let is_unpushed = |uid: &String| status.unpushed.iter().any(|row| row.uids.iter().any(|of| of.as_str() == uid));
        let whole = match &done.result {
            Ok(report) => {
                let failed = report.items.iter().find(|row| row.outcome == PushOutcome::Failed);
                if let Some(row) = failed.filter(|_| !done.flipped()) {
                    return Err(format!("{row:?}"));
                }
                failed.is_none()
            }
            Err(_) if done.is_refused() => false,
            Err(error) => {
                self.shaken(view, &done, error)?;
                false
            }
        };
        let uids = self.uids.clone();
        for (thing, cell) in &mut self.cells {
            // Of what has no file, nothing says whether it is pushed.
            let unpushed = match uids.get(thing) {
                Some(uid) => is_unpushed(uid),
                None => !whole && !cell.own[view.machine].iter().all(|held| *held == Held::Nothing),
            };
            cell.pushed(view, unpushed, whole).map_err(|e| format!("{thing:?}: {e}"))?;
        }
        Ok(whole)
    }

    fn pull(&mut self, view: View, troubles: &[Trouble]) -> Result<bool, String> {
        let done = self.machines[view.machine].meets(troubles, |lake| lake.pull(&[]));
        match &done.result {
            Ok(report) if report.damaged.is_empty() || done.flipped() => Ok(true),
            Ok(report) => Err(format!("{:?}", report.damaged)),
            Err(error) if error.kind() == ErrorKind::Config && view.offline => Ok(false),
            Err(error) => self.shaken(view, &done, error).map(|()| false),
        }
    }

    /// All machines make a call at the same time, or all but one that collects; the troubles are those of one.
    fn race(&mut self, view: View, troubles: &[Trouble], job: Job, collects: bool) -> Result<bool, String> {
        let alone = |machine: &Machine| machine.offline || machine.refused;
        if self.machines.iter().any(alone) || troubles.iter().any(|trouble| trouble.fault == Fault::Denied) {
            return Ok(false);
        }
        let (id, before) = (self.id, self.made(job));
        let views: Vec<View> = (0..MACHINES)
            .map(|m| {
                self.machines[m].lake();
                self.view(m)
            })
            .collect();
        let done: Vec<Result<Done<Given>, Option<Error>>> = std::thread::scope(|scope| {
            let racing: Vec<_> = (0..)
                .zip(&mut self.machines)
                .map(|(m, machine)| {
                    let one = m == view.machine;
                    let troubles = if one { troubles } else { &[] };
                    scope.spawn(move || match one && collects {
                        true => Err(machine.meets(troubles, |lake| lake.collect(in_stages())).result.err()),
                        false => Ok(machine.meets(troubles, |_| job.call(id))),
                    })
                })
                .collect();
            racing.into_iter().map(|racer| racer.join().unwrap()).collect()
        });
        if let Some(Err(Some(error))) = done.iter().find(|done| done.is_err()) {
            return Err(format!("who collected: {error:?}"));
        }
        let done: Vec<(View, &Done<Given>)> =
            views.into_iter().zip(&done).filter_map(|(view, done)| Some((view, done.as_ref().ok()?))).collect();
        // First what is not sure, then whose body counts, then the others.
        for (view, done) in done.iter().filter(|(_, done)| done.result.is_err()) {
            self.called(*view, job, before, done)?;
        }
        // Whose remote failed keeps its own, whatever the others do.
        let (kept, done): (Vec<_>, Vec<_>) = done.into_iter().partition(|(_, done)| done.result.is_ok() && done.kept());
        for (view, done) in kept {
            self.called(view, job, before, done)?;
        }
        let ran = |done: &Done<Given>| done.result.is_ok() && done.ran(job.function());
        if done.iter().filter(|(_, done)| ran(done)).count() > 1 {
            return Err("two machines say that theirs counts".to_owned());
        }
        for first in [true, false] {
            for (view, done) in done.iter().filter(|(_, done)| done.result.is_ok() && ran(done) == first) {
                let adopted = !first && !done.hit(job.function());
                if adopted {
                    let Ok(Given { thing, text, .. }) = &done.result else { continue };
                    self.cell(thing).hit(*view, text)?;
                } else {
                    self.called(*view, job, before, done)?;
                }
            }
        }
        for cell in self.cells.values_mut() {
            (0..MACHINES).for_each(|m| cell.copied(m));
        }
        Ok(false)
    }
}
