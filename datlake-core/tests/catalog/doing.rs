//! What machines do in models of the order of writing, and what must hold of it.

use datlake_core::{Digest, Uid};

use super::calls::{Call, Order, Process};
use super::explore::{Actor, End, Model, Outcome};
use super::memory::{REMOTE, World};
use super::mistakes::Mistake;
use super::pushing::{cut_off, explore as push, kept, made_alone, resolves, same_call_elsewhere};
use super::scene::{NAMED, ONE_HOME, PLAIN, RIVAL, Scene, Shown, THIRD, TWO_HOMES, now};
use super::{made, stays_removed};

/// Who does what beside whom. Where not said otherwise, there is a remote, and two machines.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Doing {
    /// A call is published; somebody may die.
    Publishing(&'static Call),
    /// The same where there is no remote.
    PublishingAlone(&'static Call),
    /// Two machines make a call.
    Racing(&'static Call),
    /// A machine finishes a call that died on another, which gives its name away.
    GivingAway,
    /// Three calls want a name.
    Wanting,
    /// Three calls of one machine that has no remote want a name.
    WantingAlone,
    /// Two machines add two files of one name.
    Adding,
    /// A machine that has no remote makes a call, and may die. Then its power is cut.
    LosingPower(&'static Call),
    /// A machine without its remote makes a call, and may die. Its power is cut, and it pushes later.
    CutOff(&'static Call),
    /// A machine without its remote adds a file, and may die. It pushes later.
    AddingCutOff,
    /// A file that was added without the remote is pushed by somebody who may die.
    PushingAdded,
    /// What was made without the remote is pushed while another machine gives its name to another call.
    PushingTaken,
    /// What was made without the remote is pushed by somebody who may die while another machine makes it.
    Pushing(&'static Call),
    /// A machine without its remote may die while it makes a call. When another has made it, it looks for that.
    Copying,
    /// Somebody removes what two machines have, and may die, while one looks for it. Then it is removed again.
    Removing(&'static Call),
    /// The same for a call that has another record beside its own.
    RemovingBeside,
    /// A name is removed while its call is published.
    RemovingName,
    /// What another machine removes is looked for by two processes of one.
    Learning,
    /// Without the remote, what only this machine has is removed by somebody who may die. Then it is removed again.
    RemovingHere,
    /// A file is added anew that another machine has removed.
    AddingAnew,
    /// A call is removed while another machine makes it anew.
    MakingAnew(&'static Call),
    /// A call is removed while another machine pushes its own record of it.
    PushingAnew(&'static Call),
}

fn scene(calls: &[Call], remote: bool, removals: bool) -> Scene<'_> {
    Scene { homes: if remote { &TWO_HOMES } else { &ONE_HOME }, remote, calls, removals }
}

fn process(world: &World, who: usize, home: &'static str) -> Process {
    Process::new(world, who, home, true)
}

/// A process that looks on, to do something at the end.
fn later(world: &World, home: &'static str) -> Process {
    Process { catalog: world.catalog(None, home, true), nonce: "again".into(), ..process(world, 9, home) }
}

fn name() -> Uid {
    Uid::chosen("a.csv").unwrap()
}

/// The first output of `call`, as the world has it at first.
fn output(call: &Call) -> Uid {
    call.names.first().map_or_else(|| Uid::output(&Call::creator(), &call.key(), 0), |name| Uid::chosen(name).unwrap())
}

impl Doing {
    /// Explores it where somebody makes that mistake: how many states there are, or what breaks.
    pub(crate) fn explore(self, mistake: Option<Mistake>) -> Result<usize, String> {
        match self {
            Self::Publishing(call) => publishing(call, true, mistake),
            Self::PublishingAlone(call) => publishing(call, false, mistake),
            Self::Racing(call) => {
                let scene = scene(std::slice::from_ref(call), true, false);
                scene.explore(&|| World::coarse().with(mistake), 0, &|world| {
                    let call = |who, home| process(world, who, home).call(call.clone(), Order::Sound);
                    vec![call(0, "home a"), call(1, "home b")]
                })
            }
            Self::GivingAway => {
                scene(&[NAMED, RIVAL], true, false).explore(&|| World::coarse().with(mistake), 1, &|world| {
                    let publish = |who, home, call| process(world, who, home).publish(call, Order::Sound);
                    vec![publish(0, "home a", NAMED), publish(1, "home b", NAMED), publish(2, "home a", RIVAL)]
                })
            }
            Self::Wanting => {
                scene(&[NAMED, RIVAL, THIRD], true, false).explore(&|| World::coarse().with(mistake), 1, &|world| {
                    let publish = |who, home, call| process(world, who, home).publish(call, Order::Sound);
                    vec![publish(0, "home a", NAMED), publish(1, "home b", RIVAL), publish(2, "home a", THIRD)]
                })
            }
            Self::WantingAlone => {
                scene(&[NAMED, RIVAL, THIRD], false, false).explore(&|| World::coarse().with(mistake), 1, &|world| {
                    let publish = |who, call| Process::new(world, who, "home a", false).publish(call, Order::Sound);
                    vec![publish(0, NAMED), publish(1, RIVAL), publish(2, THIRD)]
                })
            }
            Self::Adding => scene(&[NAMED], true, false).explore(&|| World::coarse().with(mistake), 0, &|world| {
                vec![
                    process(world, 0, "home a").add("a.csv", "one", false),
                    process(world, 1, "home b").add("a.csv", "other", false),
                ]
            }),
            Self::LosingPower(call) => losing_power(call, mistake),
            Self::AddingCutOff => adding_without_the_remote(mistake),
            Self::PushingAdded => pushing_added(mistake),
            Self::PushingTaken => pushing_taken(mistake),
            Self::CutOff(call) => making_without_the_remote(call, mistake),
            Self::Pushing(call) => {
                push(call, &made_alone(call, World::default()).0.with(mistake), 1, &same_call_elsewhere(call))
            }
            Self::Copying => copying(mistake),
            Self::Removing(call) => removing(call, &made(call, true, &TWO_HOMES), mistake),
            Self::RemovingBeside => {
                let (world, _) = made_alone(&PLAIN, World::coarse());
                now(later(&world, "home b").call(PLAIN, Order::Sound)).unwrap();
                now(later(&world, "home a").push()).unwrap();
                assert!(world.mentions(REMOTE, ".alt/"));
                removing(&PLAIN, &world, mistake)
            }
            Self::RemovingName => removing_a_name(mistake),
            Self::Learning => learning(mistake),
            Self::RemovingHere => removing_here(mistake),
            Self::AddingAnew => adding_anew(mistake),
            Self::MakingAnew(call) => making_anew(call, mistake),
            Self::PushingAnew(call) => pushing_anew(call, mistake),
        }
    }
}

fn publishing(call: &Call, remote: bool, mistake: Option<Mistake>) -> Result<usize, String> {
    let scene = scene(std::slice::from_ref(call), remote, false);
    scene.explore(&|| World::default().with(mistake), 1, &|world| {
        vec![Process::new(world, 0, "home a", remote).call(call.clone(), Order::Sound)]
    })
}

fn losing_power(call: &Call, mistake: Option<Mistake>) -> Result<usize, String> {
    let actors = |world: &World| vec![Process::new(world, 0, "home a", false).call(call.clone(), Order::Sound)];
    let finally = |world: &World, _: &[End]| {
        let world = world.copy();
        world.loses_power("home a");
        let catalog = world.catalog(None, "home a", false);
        let Some(record) = now(call.record(&catalog)).unwrap() else { return Ok(()) };
        now(catalog.value(&record)).map_err(|e| format!("after a power cut: {e}"))?;
        for output in record.lineage().unwrap().outputs {
            let shown = now(catalog.file(&output.uid)).unwrap();
            if shown.is_none_or(|shown| shown.digest != output.digest) || !world.has_blob("home a", &output.digest) {
                return Err(format!("after a power cut `{}` is missing", output.uid));
            }
        }
        Ok(())
    };
    let world = || World::default().with(mistake);
    Model { world: &world, actors: &actors, deaths: 1, always: &|_, (): &mut ()| Ok(()), finally: &finally }.explore()
}

fn making_without_the_remote(call: &Call, mistake: Option<Mistake>) -> Result<usize, String> {
    let actors = |world: &World| {
        let process = process(world, 0, "home a");
        let process = Process { catalog: process.catalog.here(), ..process };
        vec![process.call(call.clone(), Order::Sound)]
    };
    let finally = |world: &World, _: &[End]| {
        let world = world.copy();
        world.loses_power("home a");
        match now(call.record(&cut_off(&world).catalog)).unwrap() {
            Some(record) => kept(&world, &record, &[]),
            None => Ok(()),
        }
    };
    let world = || World::coarse().with(mistake);
    Model { world: &world, actors: &actors, deaths: 1, always: &|_, (): &mut ()| Ok(()), finally: &finally }.explore()
}

fn adding_without_the_remote(mistake: Option<Mistake>) -> Result<usize, String> {
    let actors = |world: &World| {
        let process = process(world, 0, "home a");
        vec![Process { catalog: process.catalog.here(), ..process }.add("a.csv", "content", false)]
    };
    let finally = |world: &World, _: &[End]| {
        let world = world.copy();
        let made = now(cut_off(&world).catalog.file(&name())).unwrap().is_some();
        now(later(&world, "home a").push()).unwrap();
        is_there(made, &world)
    };
    let world = || World::coarse().with(mistake);
    Model { world: &world, actors: &actors, deaths: 1, always: &|_, (): &mut ()| Ok(()), finally: &finally }.explore()
}

fn pushing_added(mistake: Option<Mistake>) -> Result<usize, String> {
    let first = World::coarse();
    now(cut_off(&first).add("a.csv", "content", false)).unwrap();
    let first = first.with(mistake);
    let actors = |world: &World| vec![process(world, 0, "home a").push()];
    let finally = |world: &World, _: &[End]| {
        let world = world.copy();
        now(later(&world, "home a").push()).unwrap();
        is_there(true, &world)
    };
    let always = |_: &World, (): &mut ()| Ok(());
    Model { world: &|| first.copy(), actors: &actors, deaths: 1, always: &always, finally: &finally }.explore()
}

/// Others see the file that was `added`, if it was.
fn is_there(added: bool, world: &World) -> Result<(), String> {
    let shown = now(later(world, "home c").catalog.file(&name())).unwrap();
    match added && shown.is_none_or(|shown| shown.digest != Digest::of(b"content")) {
        true => Err("what was added is not there".to_owned()),
        false => Ok(()),
    }
}

fn pushing_taken(mistake: Option<Mistake>) -> Result<usize, String> {
    let (first, record) = made_alone(&NAMED, World::coarse());
    let first = first.with(mistake);
    let actors =
        |world: &World| vec![process(world, 0, "home a").push(), process(world, 1, "home b").call(RIVAL, Order::Sound)];
    let finally = |world: &World, _: &[End]| resolves(&world.copy(), &record);
    let always = |_: &World, (): &mut ()| Ok(());
    Model { world: &|| first.copy(), actors: &actors, deaths: 0, always: &always, finally: &finally }.explore()
}

fn copying(mistake: Option<Mistake>) -> Result<usize, String> {
    let actors = |world: &World| {
        let process = process(world, 0, "home a");
        vec![Process { catalog: process.catalog.here(), ..process }.call(PLAIN, Order::Sound)]
    };
    let finally = |world: &World, ends: &[End]| {
        let world = world.copy();
        if !matches!(ends[0], End::Killed) {
            return Ok(());
        }
        now(process(&world, 1, "home b").call(PLAIN, Order::Sound)).unwrap();
        now(process(&world, 2, "home a").look_for(PLAIN)).unwrap();
        match now(cut_off(&world).remove(output(&PLAIN))) {
            Ok(_) => Err("what others have was removed without them".to_owned()),
            Err(_) => Ok(()),
        }
    };
    let world = || World::coarse().with(mistake);
    Model { world: &world, actors: &actors, deaths: 1, always: &|_, (): &mut ()| Ok(()), finally: &finally }.explore()
}

fn removing(call: &Call, first: &World, mistake: Option<Mistake>) -> Result<usize, String> {
    let first = first.copy().with(mistake);
    let scene = scene(std::slice::from_ref(call), true, true);
    let actors = |world: &World| {
        vec![process(world, 0, "home a").remove(output(call)), process(world, 1, "home b").look_for(call.clone())]
    };
    let always = |world: &World, shown: &mut Shown| scene.sound(world, shown).and_then(|()| scene.afresh(world));
    let finally = |world: &World, ends: &[End]| {
        if let Some(End::Failed(error)) = ends.iter().find(|end| matches!(end, End::Failed(_))) {
            return Err(format!("somebody failed: {error}"));
        }
        let world = world.copy();
        if matches!(ends[0], End::Killed) {
            now(later(&world, "home a").remove(output(call))).map_err(|e| e.to_string())?;
        }
        is_found_removed(call, &world)?;
        stays_removed(call, true, &world)?;
        if ends.iter().any(|end| matches!(end, End::Killed)) {
            return Ok(());
        }
        [REMOTE, "home a", "home b"].iter().try_for_each(|store| nothing_left(call, &world, store))
    };
    Model { world: &|| first.copy(), actors: &actors, deaths: 1, always: &always, finally: &finally }.explore()
}

/// Whoever contacts the remote from now on finds the call removed.
fn is_found_removed(call: &Call, world: &World) -> Result<(), String> {
    for (who, home) in (5..).zip(TWO_HOMES) {
        match now(process(world, who, home).look_for(call.clone())) {
            Ok(Outcome::Done) => {}
            found => return Err(format!("{home}: it was removed, and a look for it gave {found:?}")),
        }
    }
    Ok(())
}

/// Nothing belongs any more to a call that was removed.
fn nothing_left(call: &Call, world: &World, store: &str) -> Result<(), String> {
    let key = call.key().to_string();
    match world.mentions(store, &key) || world.mentions(store, "files/") {
        true => Err(format!("something of the call is left in {store}")),
        false => Ok(()),
    }
}

fn removing_a_name(mistake: Option<Mistake>) -> Result<usize, String> {
    let scene = scene(&[NAMED], true, true);
    let actors = |world: &World| {
        vec![process(world, 0, "home a").publish(NAMED, Order::Sound), process(world, 1, "home b").remove(name())]
    };
    let always = |world: &World, shown: &mut Shown| scene.sound(world, shown).and_then(|()| scene.afresh(world));
    let finally = |world: &World, ends: &[End]| scene.settled(world, ends);
    let world = || World::coarse().with(mistake);
    Model { world: &world, actors: &actors, deaths: 0, always: &always, finally: &finally }.explore()
}

fn learning(mistake: Option<Mistake>) -> Result<usize, String> {
    let first = made(&PLAIN, true, &ONE_HOME).with(mistake);
    let actors = |world: &World| {
        let look_for = |who| process(world, who, "home b").look_for(PLAIN);
        vec![process(world, 0, "home a").remove(output(&PLAIN)), look_for(1), look_for(2)]
    };
    let finally = |world: &World, _: &[End]| is_found_removed(&PLAIN, &world.copy());
    let always = |_: &World, (): &mut ()| Ok(());
    Model { world: &|| first.copy(), actors: &actors, deaths: 0, always: &always, finally: &finally }.explore()
}

fn removing_here(mistake: Option<Mistake>) -> Result<usize, String> {
    let first = made_alone(&NAMED, World::coarse()).0.with(mistake);
    let actors = |world: &World| {
        let process = process(world, 0, "home a");
        vec![Process { catalog: process.catalog.here(), ..process }.remove(name())]
    };
    let finally = |world: &World, ends: &[End]| {
        let world = world.copy();
        if matches!(ends[0], End::Killed) {
            now(cut_off(&world).remove(name())).map_err(|e| format!("it cannot be removed: {e}"))?;
        }
        let catalog = cut_off(&world).catalog;
        if now(NAMED.record(&catalog)).unwrap().is_some() || now(catalog.file(&name())).unwrap().is_some() {
            return Err("it is still there".to_owned());
        }
        // Who died may have left a mark of what is not there any more.
        match now(catalog.unpushed()).unwrap().is_empty() || matches!(ends[0], End::Killed) {
            true => Ok(()),
            false => Err("it is still unpushed".to_owned()),
        }
    };
    let always = |_: &World, (): &mut ()| Ok(());
    Model { world: &|| first.copy(), actors: &actors, deaths: 1, always: &always, finally: &finally }.explore()
}

fn adding_anew(mistake: Option<Mistake>) -> Result<usize, String> {
    let first = World::coarse().with(mistake);
    now(later(&first, "home b").add("a.csv", "content", false)).unwrap();
    now(later(&first, "home a").catalog.file(&name())).unwrap();
    now(later(&first, "home b").remove(name())).unwrap();
    let actors = |world: &World| vec![process(world, 0, "home a").add("a.csv", "content", false)];
    let finally = |world: &World, _: &[End]| is_there(true, &world.copy());
    let always = |_: &World, (): &mut ()| Ok(());
    Model { world: &|| first.copy(), actors: &actors, deaths: 0, always: &always, finally: &finally }.explore()
}

fn making_anew(call: &Call, mistake: Option<Mistake>) -> Result<usize, String> {
    let first = made(call, true, &ONE_HOME).with(mistake);
    anew(call, &first, |world| process(world, 1, "home b").call(call.clone(), Order::Sound))
}

fn pushing_anew(call: &Call, mistake: Option<Mistake>) -> Result<usize, String> {
    let (first, _) = made_alone(call, World::coarse());
    now(later(&first, "home b").call(call.clone(), Order::Sound)).unwrap();
    // Who removes it looks at the remote, and not at what it has itself.
    let first = first.with(mistake);
    anew(call, &first, |world| process(world, 1, "home a").push())
}

/// Somebody removes a call, while another has it made anew: in the end it has all of its names, or is not there.
fn anew(call: &Call, first: &World, other: impl Fn(&World) -> Actor) -> Result<usize, String> {
    let scene = scene(std::slice::from_ref(call), true, true);
    let actors = |world: &World| vec![process(world, 0, "home c").remove(output(call)), other(world)];
    let always = |world: &World, shown: &mut Shown| scene.sound(world, shown);
    let finally = |world: &World, ends: &[End]| {
        for end in ends {
            match end {
                // The next push does it.
                End::Failed(error) if error.hint() == Some("push again") => return Ok(()),
                End::Failed(error) => return Err(format!("somebody failed: {error}")),
                _ => {}
            }
        }
        let catalog = later(&world.copy(), "home d").catalog;
        let Some(record) = now(call.record(&catalog)).unwrap() else { return Ok(()) };
        for output in record.lineage().unwrap().outputs {
            if now(catalog.file(&output.uid)).unwrap().is_none_or(|found| found.digest != output.digest) {
                return Err(format!("the call was made anew, and `{}` is gone", output.uid));
            }
        }
        Ok(())
    };
    Model { world: &|| first.copy(), actors: &actors, deaths: 0, always: &always, finally: &finally }.explore()
}
