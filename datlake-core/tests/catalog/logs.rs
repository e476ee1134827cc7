//! Names that are replaced, beside others who replace, make, push and remove, some of whom die.
//!
//! What must hold:
//! - What somebody was told that a name leads to is among its versions, once; of what was removed, nothing is left.
//! - A name that leads to something never leads to nothing, and never back to what it led to before.
//! - A finished call that replaces has its names.
//! - Once a machine has looked at the remote, it sees what others see.
//!
//! To be read beside "Replaced names" in `docs/format.md`: each rule is left out once, and something breaks.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use datlake_core::catalog::GcEpoch;
use datlake_core::{Catalog, Digest, Location, Uid};

use super::calls::{Order, Process};
use super::explore::{Actor, End, Model};
use super::memory::{REMOTE, World};
use super::mistakes::Mistake::{self, *};
use super::mistakes::Op;
use super::mistakes::Place::{Home, Remote};
use super::mistakes::What::{Create, Get, Size};
use super::pushing::cut_off;
use super::scene::{NAMED, ONE_HOME, RIVAL, SETTINGS, TWO_HOMES, holds, homes, now};

pub(super) fn name() -> Uid {
    Uid::chosen("a.csv").unwrap()
}

/// A process that comes later, and takes no steps.
pub(crate) fn later(world: &World, home: &'static str, remote: bool) -> Process {
    let catalog = world.catalog(None, home, remote);
    // Nobody does two things under one nonce.
    static SERIAL: AtomicUsize = AtomicUsize::new(0);
    let nonce = format!("{home}-later-{}", SERIAL.fetch_add(1, Ordering::Relaxed));
    Process { catalog, world: world.clone(), home, nonce }
}

/// A world in which somebody added the name, and every machine has a copy.
pub(super) fn added(remote: bool, homes: &[&'static str]) -> World {
    let world = World::logs();
    now(later(&world, "home a", remote).add("a.csv", "first", false)).unwrap();
    for home in homes {
        now(world.catalog(None, home, remote).file(&name())).unwrap().unwrap();
    }
    world
}

/// What the name led to, the latest first, as somebody sees it who looks for the first time.
pub(super) fn history(world: &World, remote: bool) -> Result<Vec<Option<Digest>>, String> {
    let world = world.copy();
    let catalog = world.catalog(None, if remote { "home z" } else { "home a" }, remote);
    let versions = now(catalog.versions(&name())).map_err(|e| e.to_string())?;
    Ok(versions.into_iter().map(|version| version.file.map(|file| file.digest)).collect())
}

/// What has been shown so far: of the store that decides, in the order of the log.
#[derive(Clone, Default, Hash)]
struct Seen {
    latest: Option<(u64, Digest)>,
}

/// The log has no gaps, each entry follows the one before it, and the name leads on and never back.
fn sound(world: &World, remote: bool, seen: &mut Seen) -> Result<(), String> {
    let entries = world.below(if remote { REMOTE } else { "home a" }, "names/");
    let mut nonces = BTreeSet::new();
    let mut numbers = BTreeSet::new();
    for (path, bytes) in entries {
        let Some(at @ Location::Version(_, _, n)) = Location::parse(&path) else { continue };
        numbers.insert(n);
        let document = datlake_core::Document::parse(&at, bytes.clone()).map_err(|e| e.to_string())?;
        let nonce = serde_json::from_slice::<serde_json::Value>(&document.bytes).unwrap()["nonce"].to_string();
        if !nonces.insert(nonce.clone()) {
            return Err(format!("{nonce} is there twice"));
        }
    }
    if numbers.iter().zip(1..).any(|(n, expected)| *n != expected) {
        return Err(format!("the log has a gap: {numbers:?}"));
    }
    let copy = world.copy();
    let catalog = copy.catalog(None, if remote { "home z" } else { "home a" }, remote);
    let named = now(catalog.named(&name())).map_err(|e| e.to_string())?;
    let shown = named.as_ref().map(|named| named.file()).transpose().map_err(|e| e.to_string())?.flatten();
    let shown = shown.map(|file| (named.unwrap().version.map_or(0, |version| version.n), file.digest));
    match (&seen.latest, &shown) {
        (Some(_), None) => return Err("the name leads to nothing any more".to_owned()),
        (Some((before, _)), Some((n, _))) if n < before => return Err("the name leads back".to_owned()),
        (Some((before, was)), Some((n, is))) if n == before && was != is => {
            return Err("a version is one thing and then another".to_owned());
        }
        _ => {}
    }
    seen.latest = shown;
    Ok(())
}

/// Whoever was told that it has replaced the name finds that among its versions, once; and all machines see the same.
fn told(world: &World, remote: bool, ends: &[End], contents: &[&str]) -> Result<(), String> {
    if let Some(End::Failed(error)) = ends.iter().find(|end| matches!(end, End::Failed(_))) {
        return Err(format!("somebody failed: {error}"));
    }
    let versions = history(world, remote)?;
    for (content, end) in contents.iter().zip(ends) {
        let of = Digest::of(content.as_bytes());
        let times = versions.iter().filter(|version| **version == Some(of)).count();
        if times > 1 || (times == 0 && matches!(end, End::Finished(_))) {
            return Err(format!("`{content}` is there {times} times"));
        }
    }
    agreed(world, remote)
}

pub(crate) fn agreed(world: &World, remote: bool) -> Result<(), String> {
    let world = world.copy();
    let seen = |home| {
        let catalog = world.catalog(None, home, remote);
        now(catalog.learn_removals()).unwrap();
        now(catalog.learn_versions(&name())).unwrap();
        now(catalog.file(&name())).unwrap().map(|file| file.digest)
    };
    let all: BTreeSet<_> = homes(remote).iter().map(|home| seen(home)).collect();
    if all.len() > 1 { Err(format!("it is one thing here and another there: {all:?}")) } else { Ok(()) }
}

/// Two replace a name at once.
fn replacing(mistake: Option<Mistake>, deaths: usize, forgets: bool) -> Result<usize, String> {
    let mut states = 0;
    for (remote, second) in SETTINGS {
        let first = added(remote, homes(remote)).with(mistake);
        let actors = |world: &World| {
            vec![
                Process::new(world, 0, "home a", remote).replace("a.csv", "one", forgets),
                Process::new(world, 1, second, remote).replace("a.csv", "other", false),
            ]
        };
        let always = |world: &World, seen: &mut Seen| sound(world, remote, seen);
        let finally = |world: &World, ends: &[End]| told(world, remote, ends, &["one", "other"]);
        let model = Model { world: &|| first.copy(), actors: &actors, deaths, always: &always, finally: &finally };
        states += model.explore()?;
    }
    Ok(states)
}

/// A call replaces a name.
fn making(mistake: Option<Mistake>) -> Result<usize, String> {
    let mut states = 0;
    for (remote, second) in SETTINGS {
        let first = added(remote, homes(remote)).with(mistake);
        let actors = |world: &World| {
            vec![
                Process::new(world, 0, "home a", remote).call(NAMED, Order::Replacing),
                Process::new(world, 1, second, remote).call(NAMED, Order::Replacing),
            ]
        };
        let always = |world: &World, seen: &mut Seen| {
            sound(world, remote, seen)?;
            has_its_name(world, remote)
        };
        let finally = |world: &World, ends: &[End]| {
            if let Some(End::Failed(error)) = ends.iter().find(|end| matches!(end, End::Failed(_))) {
                return Err(format!("somebody failed: {error}"));
            }
            // Whoever comes next gets on, wherever somebody died.
            let world = world.copy();
            now(later(&world, "home a", remote).call(NAMED, Order::Replacing)).map_err(|e| e.to_string())?;
            has_its_name(&world, remote)?;
            agreed(&world, remote)
        };
        // One who dies beside another is enough, where they have the least in common.
        let deaths = usize::from(second == "home b");
        let model = Model { world: &|| first.copy(), actors: &actors, deaths, always: &always, finally: &finally };
        states += model.explore()?;
    }
    Ok(states)
}

/// Where the call is finished, the name leads to what it made.
fn has_its_name(world: &World, remote: bool) -> Result<(), String> {
    let world = world.copy();
    let catalog = world.catalog(None, if remote { "home z" } else { "home a" }, remote);
    let Some(record) = now(NAMED.record(&catalog)).unwrap() else { return Ok(()) };
    let made = record.lineage().unwrap().outputs[0].digest;
    match now(catalog.file(&name())).unwrap() {
        Some(file) if file.digest == made => Ok(()),
        _ => Err("the call is finished, and its name leads elsewhere".to_owned()),
    }
}

/// A creator is edited, and the edit is taken back.
fn reverting(order: Order) -> Result<(), String> {
    for (remote, second) in SETTINGS {
        let world = added(remote, homes(remote));
        for (call, home) in [(NAMED, "home a"), (RIVAL, second), (NAMED, "home a")] {
            now(later(&world, home, remote).call(call.clone(), order)).unwrap();
            let catalog = world.catalog(None, home, remote);
            let made = now(call.record(&catalog)).unwrap().unwrap().lineage().unwrap().outputs[0].digest;
            if history(&world, remote)?.first() != Some(&Some(made)) {
                return Err(format!("call {} was made, and the name leads elsewhere", call.key));
            }
        }
        assert_eq!(history(&world, remote)?.len(), 4);
    }
    Ok(())
}

/// A machine without the remote replaces a name, and pushes it while another does.
fn pushing(mistake: Option<Mistake>) -> Result<usize, String> {
    let first = added(true, &TWO_HOMES);
    now(cut_off(&first).replace("a.csv", "one", false)).unwrap();
    let first = first.with(mistake);
    let actors = |world: &World| {
        vec![
            Process::new(world, 0, "home a", true).push(),
            Process::new(world, 1, "home b", true).replace("a.csv", "other", false),
        ]
    };
    let always = |world: &World, seen: &mut Seen| sound(world, true, seen);
    let finally = |world: &World, ends: &[End]| {
        let world = world.copy();
        now(later(&world, "home a", true).push()).unwrap();
        if !now(world.catalog(None, "home a", true).unpushed()).unwrap().is_empty() {
            return Err("it is still unpushed".to_owned());
        }
        told(&world, true, ends, &["one", "other"])
    };
    let model = Model { world: &|| first.copy(), actors: &actors, deaths: 1, always: &always, finally: &finally };
    model.explore()
}

/// A name is replaced without the remote.
fn replacing_cut_off(mistake: Option<Mistake>) -> Result<usize, String> {
    let first = added(true, &ONE_HOME).with(mistake);
    let actors = |world: &World| {
        let process = Process::new(world, 0, "home a", true);
        vec![Process { catalog: process.catalog.here(), ..process }.replace("a.csv", "one", false)]
    };
    let finally = |world: &World, ends: &[End]| {
        let one = Digest::of(b"one");
        for power_cut in [false, true] {
            let world = world.copy();
            let mut is_one = now(cut_off(&world).catalog.file(&name())).unwrap().unwrap().digest == one;
            if power_cut {
                // What was about to be replaced may be lost by that, and not what was.
                world.loses_power("home a");
                is_one = matches!(ends, [End::Finished(_)]);
            }
            now(later(&world, "home a", true).push()).unwrap();
            if is_one && history(&world, true)?.first() != Some(&Some(one)) {
                return Err("what was replaced here is not there".to_owned());
            }
        }
        Ok(())
    };
    let always = |_: &World, (): &mut ()| Ok(());
    Model { world: &|| first.copy(), actors: &actors, deaths: 1, always: &always, finally: &finally }.explore()
}

/// A name is replaced while somebody removes it.
fn removing(mistake: Option<Mistake>) -> Result<usize, String> {
    let mut states = 0;
    for (remote, second) in SETTINGS {
        let first = added(remote, homes(remote));
        now(later(&first, "home a", remote).replace("a.csv", "second", false)).unwrap();
        let first = first.with(mistake);
        let actors = |world: &World| {
            vec![
                Process::new(world, 0, "home a", remote).replace("a.csv", "one", false),
                Process::new(world, 1, second, remote).remove(name()),
            ]
        };
        let always = |_: &World, (): &mut ()| Ok(());
        let finally = |world: &World, ends: &[End]| {
            if let Some(End::Failed(error)) = ends.iter().find(|end| matches!(end, End::Failed(_))) {
                return Err(format!("somebody failed: {error}"));
            }
            let versions = history(world, remote)?;
            let left = world.below(if remote { REMOTE } else { "home a" }, "names/");
            match &*versions {
                [] if left.is_empty() => agreed(world, remote),
                [] => Err("the name is gone, and something of it is left".to_owned()),
                // Either it was replaced after it was removed, or it is not removed yet.
                [Some(one)] if *one == Digest::of(b"one") => agreed(world, remote),
                _ => Err(format!("the name was removed, and its versions are {versions:?}")),
            }
        };
        let model = Model { world: &|| first.copy(), actors: &actors, deaths: 0, always: &always, finally: &finally };
        states += model.explore()?;
    }
    Ok(states)
}

/// A machine that has a copy from before looks at the name.
fn looking(mistake: Option<Mistake>) -> Result<usize, String> {
    let first = added(true, &TWO_HOMES);
    now(later(&first, "home a", true).replace("a.csv", "one", false)).unwrap();
    let first = first.with(mistake);
    let actors = |world: &World| -> Vec<Actor> {
        let process = Process::new(world, 0, "home b", true);
        vec![Box::pin(async move {
            process.catalog.learn_versions(&name()).await?;
            match process.catalog.file(&name()).await? {
                Some(file) if file.digest == Digest::of(b"one") => Ok(super::explore::Outcome::Done),
                _ => Err(datlake_core::Error::new(datlake_core::ErrorKind::NotFound, "it sees what it was before")),
            }
        })]
    };
    let always = |_: &World, (): &mut ()| Ok(());
    let finally = |_: &World, ends: &[End]| match ends {
        [End::Failed(error)] => Err(error.to_string()),
        _ => Ok(()),
    };
    Model { world: &|| first.copy(), actors: &actors, deaths: 0, always: &always, finally: &finally }.explore()
}

#[test]
fn what_two_replace_at_once_is_there_both_times() {
    holds(replacing(None, 1, false));
}

#[test]
fn a_reply_that_gets_lost_appends_nothing_twice() {
    holds(replacing(Some(LosesReply(appended())), 0, false));
}

#[test]
fn a_call_that_replaces_has_its_name_from_when_it_is_finished() {
    holds(making(None));
}

#[test]
fn an_edit_that_is_taken_back_moves_the_name_back() {
    reverting(Order::Replacing).unwrap();
}

#[test]
fn what_was_replaced_without_the_remote_is_a_version_whatever_others_do() {
    holds(pushing(None));
    holds(replacing_cut_off(None));
}

#[test]
fn a_name_that_is_removed_goes_with_all_that_it_led_to() {
    holds(removing(None));
}

#[test]
fn a_machine_that_looks_sees_what_others_have_replaced() {
    holds(looking(None));
}

/// An entry that is created at the remote.
pub(crate) fn appended() -> Op {
    Op::new(Create, Remote, "names/")
}

#[track_caller]
pub(crate) fn breaks(explored: Result<usize, String>, how: &str) {
    match explored {
        Ok(states) => panic!("nothing breaks in {states} states"),
        Err(why) => assert!(why.lines().next().unwrap().contains(how), "{why}"),
    }
}

#[test]
fn each_rule_of_replacing_is_needed() {
    // Nothing is replaced, and what another has appended is looked at.
    breaks(replacing(Some(Replaces(appended())), 0, false), "version is one thing");
    breaks(replacing(Some(Believes(appended())), 0, false), "is there 0 times");
    // Who tries again looks for what it has done.
    breaks(replacing(Some(LosesReply(appended())), 0, true), "there twice");
    // The entry comes before the record.
    let record = Op::new(Create, Remote, "calls/");
    breaks(making(Some(Late(appended(), record))), "its name leads elsewhere");
    // Who finds the call looks where its name leads.
    assert!(reverting(Order::ReplacingOnce).unwrap_err().contains("the name leads elsewhere"));
    // Who appended looks once more whether there is still such a name.
    let read = Op::new(Get, Remote, "files/");
    breaks(removing(Some(Remembers(read.by(0)))), "something of it is left");
    // A machine with a copy asks what came after it.
    breaks(looking(Some(Omits(Op::new(Size, Remote, "names/")))), "what it was before");
}

#[test]
fn each_rule_of_pushing_a_replacement_is_needed() {
    breaks(pushing(Some(Believes(appended().by(0)))), "is there 0 times");
    let kept = |path| Op::new(Create, Home, path);
    breaks(replacing_cut_off(Some(Omits(kept("unpushed/")))), "is not there");
    breaks(replacing_cut_off(Some(Late(kept("unpushed/"), kept("names/")))), "is not there");
    breaks(replacing_cut_off(Some(Unsynced(kept("unpushed/")))), "is not there");
    let unmarked = Op::new(super::mistakes::What::Remove, Home, "unpushed/");
    breaks(pushing(Some(Late(appended().by(0), unmarked))), "one thing here");
}

/// What a publication was about to lead a name to, and what it does lead to, are the same to everybody in the end.
#[test]
fn a_call_that_died_before_its_record_leaves_the_name_as_it_was() {
    for (remote, second) in SETTINGS {
        let world = added(remote, homes(remote));
        let publication = NAMED.publication(NAMED.key(), "dead", GcEpoch::default());
        let process = later(&world, "home a", remote);
        // All but the record.
        let to = process.replacement(name(), super::calls::output_of(publication.record.key));
        now(process.catalog.replace(&to, &Default::default())).unwrap();
        let shown = |catalog: &Catalog| now(catalog.file(&name())).unwrap().unwrap().digest;
        let catalog = world.catalog(None, second, remote);
        now(catalog.learn_versions(&name())).unwrap();
        assert_eq!(shown(&catalog), Digest::of(b"first"));
        assert_eq!(now(catalog.versions(&name())).unwrap().len(), 1);
        // The same call again finishes what it began, without another entry.
        now(later(&world, second, remote).call(NAMED, Order::Replacing)).unwrap();
        assert_eq!(history(&world, remote).unwrap().len(), 2);
        assert_ne!(shown(&world.catalog(None, second, remote)), Digest::of(b"first"));
    }
}
