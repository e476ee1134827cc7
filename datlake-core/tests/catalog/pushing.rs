//! What is made without the remote and pushed later, beside others that make the same, some of whom die.
//!
//! What must hold:
//! - What was made without the remote is never lost: in the end the remote has its record and its content.
//! - The remote decides: once everyone has pushed, every machine has the same record.
//! - Nothing at the remote names what is not there.

use datlake_core::catalog::{Commit, Pushed};
use datlake_core::record::Record;
use datlake_core::{Catalog, Digest, Document, Location, Uid};

use super::calls::{Call, Order, Process};
use super::explore::{Actor, End, Model, Outcome};
use super::logs::{added, history, name};
use super::memory::{REMOTE, World};
use super::mistakes::Place::Remote;
use super::mistakes::What::Remove;
use super::mistakes::{Mistake, Op};
use super::scene::{NAMED, PLAIN, RIVAL, Scene, Shown, THIRD, TWO_HOMES, holds, now};

/// The machine `home a` without its remote.
pub(crate) fn cut_off(world: &World) -> Process {
    let process = Process::new(world, 9, "home a", true);
    Process { catalog: world.catalog(None, "home a", true).here(), ..process }
}

/// A world in which `home a` made `call` without the remote, and the record of that.
pub(crate) fn made_alone(call: &Call, first: World) -> (World, Record) {
    let process = cut_off(&first);
    now(process.publish_under(call.key(), call, Order::Sound)).unwrap();
    let record = now(call.record(&process.catalog)).unwrap().unwrap();
    (first, record)
}

impl Process {
    /// Sends what a record names: of files that are local the path is the content.
    async fn send_content(&self, record: &Record) -> datlake_core::Result<()> {
        let remote = self.catalog.remote.as_ref().unwrap();
        for output in record.lineage()?.outputs {
            let Some(bytes) = self.catalog.local.get(&Location::Blob(output.digest)).await? else { continue };
            remote.create(&Location::Blob(output.digest), &bytes).await?;
        }
        Ok(())
    }

    async fn push_one(&self, at: &Location) -> datlake_core::Result<Option<Commit<Pushed>>> {
        if let Location::Version(uid, ..) = at {
            return self.push_replacement(at, uid).await;
        }
        let Location::Record(creator, key) = at else {
            let Location::Name(uid) = at else { unreachable!() };
            let _claim = self.world.claim(self.home, uid.as_str()).await;
            let document = self.catalog.here().named(uid).await?.map(|named| named.first.digest);
            let Commit::Done(secured) = self.catalog.secure(&[], &self.catalog.since().await?).await? else {
                return Ok(None);
            };
            return self.catalog.push_document(at, document.as_ref(), &secured).await.map(Some);
        };
        let _claim = self.world.claim(self.home, &key.to_string()).await;
        let since = self.catalog.since().await?;
        let Some(record) = self.catalog.here().record(creator, key).await? else {
            let Commit::Done(secured) = self.catalog.secure(&[], &since).await? else { return Ok(None) };
            return self.catalog.push_document(at, None, &secured).await.map(Some);
        };
        let mut claims = Vec::new();
        for output in record.lineage()?.outputs.iter().filter(|output| output.uid.is_chosen()) {
            claims.push(self.world.claim(self.home, output.uid.as_str()).await);
        }
        self.send_content(&record).await?;
        let contents: Vec<Digest> = record.lineage()?.outputs.into_iter().map(|output| output.digest).collect();
        let Commit::Done(secured) = self.catalog.secure(&contents, &since).await? else { return Ok(None) };
        self.catalog.push_document(at, Some(&record.digest), &secured).await.map(Some)
    }

    async fn push_replacement(&self, at: &Location, uid: &Uid) -> datlake_core::Result<Option<Commit<Pushed>>> {
        let _claim = self.world.claim(self.home, uid.as_str()).await;
        let since = self.catalog.since().await?;
        let bytes = self.catalog.local.get(at).await?;
        let Some(document) = bytes.map(|bytes| Document::parse(at, bytes)).transpose()? else {
            let Commit::Done(secured) = self.catalog.secure(&[], &since).await? else { return Ok(None) };
            return self.catalog.push_document(at, None, &secured).await.map(Some);
        };
        let contents: Vec<Digest> = document.references.content.iter().map(|content| content.digest).collect();
        for digest in &contents {
            let Some(bytes) = self.catalog.local.get(&Location::Blob(*digest)).await? else { continue };
            self.catalog.remote.as_ref().unwrap().create(&Location::Blob(*digest), &bytes).await?;
        }
        let Commit::Done(secured) = self.catalog.secure(&contents, &since).await? else { return Ok(None) };
        self.catalog.push_document(at, Some(&document.digest), &secured).await.map(Some)
    }

    /// Pushes all there is to push.
    pub(crate) fn push(self) -> Actor {
        Box::pin(async move {
            self.catalog.learn_removals().await?;
            for what in self.catalog.unpushed().await? {
                self.push_one(&what).await?;
            }
            Ok(Outcome::Done)
        })
    }
}

/// In the end the remote has `record`, in its place or beside another, with all that it names, and nothing is left to do.
pub(crate) fn kept(world: &World, record: &Record, ends: &[End]) -> Result<(), String> {
    if let Some(End::Failed(error)) = ends.iter().find(|end| matches!(end, End::Failed(_))) {
        return Err(format!("somebody failed: {error}"));
    }
    let world = world.copy();
    let unpushed = |world: &World, home| now(world.catalog(None, home, true).unpushed()).unwrap();
    // The last is who pushed.
    if let Some(End::Finished(_)) = ends.last()
        && let Some(left) = unpushed(&world, "home a").first()
    {
        return Err(format!("{left:?} is still unpushed, and there was a push"));
    }
    for home in TWO_HOMES {
        let process = Process { catalog: world.catalog(None, home, true), ..Process::new(&world, 8, home, true) };
        now(process.push()).map_err(|e| e.to_string())?;
        let left = unpushed(&world, home);
        if !left.is_empty() {
            return Err(format!("{home}: {left:?} is still unpushed"));
        }
    }
    resolves(&world, record)?;
    let counts: Vec<_> = TWO_HOMES
        .iter()
        .map(|home| {
            now(world.catalog(None, home, true).record(&record.creator, &record.key)).unwrap().map(|r| r.digest)
        })
        .collect();
    if counts.iter().any(|digest| *digest != counts[0]) {
        return Err("two machines have two records of one call".to_owned());
    }
    Ok(())
}

/// How the outputs of `record` came to be knows a machine that was not there, and who made them also without the remote.
pub(crate) fn resolves(world: &World, record: &Record) -> Result<(), String> {
    let machines =
        [("nobody knows", world.catalog(None, "home c", true)), ("who made it forgot", cut_off(world).catalog)];
    for output in record.lineage().unwrap().outputs {
        for (who, catalog) in &machines {
            let made =
                now(catalog.record_that_made(&record.creator, &record.key, &output.uid, &output.digest)).unwrap();
            if made.is_none_or(|made| made.digest != record.digest) {
                return Err(format!("{who} how `{}` came to be", output.uid));
            }
        }
        if !world.has_blob(REMOTE, &output.digest) {
            return Err(format!("the content of `{}` is lost", output.uid));
        }
    }
    Ok(())
}

pub(crate) fn explore(
    call: &Call,
    first: &World,
    deaths: usize,
    others: &dyn Fn(&World) -> Vec<Actor>,
) -> Result<usize, String> {
    let record = now(call.record(&cut_off(&first.copy()).catalog)).unwrap().unwrap();
    let scene = Scene { homes: &TWO_HOMES, remote: true, calls: std::slice::from_ref(call), removals: true };
    let actors = |world: &World| {
        let mut actors = others(world);
        actors.push(Process::new(world, 0, "home a", true).push());
        actors
    };
    // Of what `home a` made without the remote, others see nothing or all.
    let always = |world: &World, shown: &mut Shown| scene.sound(world, shown).and_then(|()| scene.afresh(world));
    let finally = |world: &World, ends: &[End]| kept(world, &record, ends);
    Model { world: &|| first.copy(), actors: &actors, deaths, always: &always, finally: &finally }.explore()
}

pub(crate) fn same_call_elsewhere(call: &'static Call) -> impl Fn(&World) -> Vec<Actor> {
    move |world| vec![Process::new(world, 1, "home b", true).call(call.clone(), Order::Sound)]
}

#[test]
fn a_push_beside_another_machine_that_makes_the_same_loses_nothing() {
    for call in [&PLAIN, &NAMED] {
        holds(explore(call, &made_alone(call, World::coarse()).0, 1, &same_call_elsewhere(call)));
    }
}

#[test]
fn two_pushes_of_one_machine_get_on() {
    holds(explore(&NAMED, &made_alone(&NAMED, World::coarse()).0, 1, &|world| {
        vec![
            Process::new(world, 1, "home a", true).push(),
            Process::new(world, 2, "home a", true).call(NAMED, Order::Sound),
        ]
    }));
}

#[test]
fn a_name_that_belongs_to_another_call_by_then_stays_unpushed_and_its_record_is_kept() {
    let (world, record) = made_alone(&NAMED, World::default());
    let rival = Process { catalog: world.catalog(None, "home b", true), ..Process::new(&world, 1, "home b", true) };
    now(rival.call(RIVAL, Order::Sound)).unwrap();
    let pusher = Process { catalog: world.catalog(None, "home a", true), ..Process::new(&world, 0, "home a", true) };
    let what = Location::Record(record.creator.clone(), record.key);
    let pushed = now(pusher.push_one(&what)).unwrap();
    assert!(matches!(&pushed, Some(Commit::Done(Pushed::Taken { why })) if why.contains("a.csv")), "{pushed:?}");
    assert_eq!(now(pusher.catalog.unpushed()).unwrap(), [what]);
    let shown = |catalog: &Catalog| now(catalog.file(&Uid::chosen("a.csv").unwrap())).unwrap().unwrap().digest;
    assert_eq!(shown(&pusher.catalog), record.lineage().unwrap().outputs[0].digest);
    let other = world.catalog(None, "home c", true);
    assert_ne!(shown(&other), record.lineage().unwrap().outputs[0].digest);
    let output = &record.lineage().unwrap().outputs[0];
    let made = now(other.record_that_made(&record.creator, &record.key, &output.uid, &output.digest)).unwrap();
    assert_eq!(made.unwrap().digest, record.digest);
}

#[test]
fn equal_additions_agree_and_others_stay_unpushed() {
    for content in ["equal", "other"] {
        let world = World::default();
        now(cut_off(&world).add("a.csv", "equal", false)).unwrap();
        let elsewhere =
            Process { catalog: world.catalog(None, "home b", true), ..Process::new(&world, 1, "home b", true) };
        now(elsewhere.add("a.csv", content, false)).unwrap();
        let pusher =
            Process { catalog: world.catalog(None, "home a", true), ..Process::new(&world, 0, "home a", true) };
        let pushed = now(pusher.push_one(&Location::Name(Uid::chosen("a.csv").unwrap()))).unwrap().unwrap();
        let left = now(pusher.catalog.unpushed()).unwrap().len();
        match content {
            "equal" => assert_eq!((pushed, left), (Commit::Done(Pushed::There), 0)),
            _ => assert!(matches!(pushed, Commit::Done(Pushed::Taken { .. })) && left == 1),
        }
        // Nobody's file changes its content.
        let known = |home| now(world.catalog(None, home, true).file(&Uid::chosen("a.csv").unwrap())).unwrap().unwrap();
        assert_eq!(known("home a").digest, Digest::of(b"equal"));
        assert_eq!(known("home b").digest, Digest::of(content.as_bytes()));
    }
}

#[test]
fn what_only_this_machine_has_is_removed_from_it_alone() {
    let (world, record) = made_alone(&THIRD, World::default());
    let process = cut_off(&world);
    now(process.clone().remove(Uid::chosen("a.csv").unwrap())).unwrap();
    assert!(now(THIRD.record(&process.catalog)).unwrap().is_none());
    assert!(now(process.catalog.unpushed()).unwrap().is_empty(), "of {} the mark stays", record.key);
    // What the remote has too is not removed offline.
    let pushed = Process { catalog: world.catalog(None, "home a", true), ..process.clone() };
    now(pushed.call(THIRD, Order::Sound)).unwrap();
    let error = now(process.remove(Uid::chosen("a.csv").unwrap())).unwrap_err();
    assert_eq!(error.kind(), datlake_core::ErrorKind::Unavailable);
}

/// A machine without the remote has replaced a name, and pushes that while somebody removes the name.
fn pushing_beside_removal(mistake: Option<Mistake>) -> Result<usize, String> {
    let first = added(true, &TWO_HOMES);
    now(cut_off(&first).replace("a.csv", "one", false)).unwrap();
    let first = first.with(mistake);
    let actors = |world: &World| {
        vec![Process::new(world, 0, "home a", true).push(), Process::new(world, 1, "home b", true).remove(name())]
    };
    let always = |_: &World, (): &mut ()| Ok(());
    let finally = |world: &World, ends: &[End]| {
        if let Some(End::Failed(error)) = ends.iter().find(|end| matches!(end, End::Failed(_))) {
            return Err(format!("somebody failed: {error}"));
        }
        let (versions, left) = (history(world, true)?, world.below(REMOTE, "names/"));
        match &*versions {
            _ if !left.is_empty() => Err(format!("the name was removed, and of what it led to this is left: {left:?}")),
            [] => Ok(()),
            // It was pushed after it was removed, and is as good as new.
            [Some(one)] if *one == Digest::of(b"one") => Ok(()),
            _ => Err(format!("the name was removed, and its versions are {versions:?}")),
        }
    };
    let model = Model { world: &|| first.copy(), actors: &actors, deaths: 0, always: &always, finally: &finally };
    model.explore()
}

#[test]
fn what_replaced_a_name_that_is_removed_meanwhile_leaves_nothing() {
    holds(pushing_beside_removal(None));
    // Who appended to the log of a name that is gone by then takes that back.
    let taken_back = Mistake::Omits(Op::new(Remove, Remote, "names/").by(0));
    let broken = pushing_beside_removal(Some(taken_back)).unwrap_err();
    assert!(broken.contains("this is left"), "{broken}");
}
