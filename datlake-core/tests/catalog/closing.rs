//! Names whose first document goes, although the name as a whole is not removed, while somebody replaces them.
//!
//! What must hold: what somebody was told that a name leads to is among its versions, whoever dies, and whoever else wants the name in
//! that moment. Who replaces gets an error where that is not possible yet.

use std::task::{Context, Waker};

use datlake_core::record::Name;
use datlake_core::{Digest, Location, Uid};
use proptest::prelude::*;

use super::calls::{Call, Order, Process, output_of};
use super::explore::{Actor, End, Model};
use super::logs::{agreed, appended, breaks, history, later, name};
use super::memory::{REMOTE, World};
use super::mistakes::Mistake::{self, *};
use super::scene::{NAMED, RIVAL, SETTINGS, holds, now};
use super::walks;

/// One order of steps of three, the third of whom wants the name, too.
type Choices = [(u8, bool)];

/// Whoever was told that it has replaced the name finds that among its versions. Who was not was told why, and comes through once the
/// removal is over. Where whoever closed the log has died, `closer`, the machine that it was on, ends that when it next wants the name.
fn told(world: &World, remote: bool, closer: &'static str, ends: &[End]) -> Result<(), String> {
    let is_one = |version: &Option<Digest>| *version == Some(Digest::of(b"one"));
    match &ends[0] {
        End::Finished(_) if !history(world, remote)?.iter().any(is_one) => {
            Err("what it was replaced by is not there".to_owned())
        }
        End::Failed(error) if !error.to_string().contains("being removed") => {
            Err(format!("who replaces failed: {error}"))
        }
        End::Failed(_) => {
            let replaced = |by: &'static str, removed_before: bool| {
                let world = world.copy();
                // Or a person removes the name.
                if removed_before {
                    now(later(&world, by, remote).remove(name())).map_err(|e| e.to_string())?;
                }
                now(later(&world, by, remote).replace("a.csv", "one", false)).map_err(|e| e.to_string())?;
                match history(&world, remote)?.first().is_some_and(is_one) {
                    true => Ok(()),
                    false => Err("it cannot be replaced any more".to_owned()),
                }
            };
            replaced(closer, false)?;
            replaced("home a", ends[1..].iter().any(|end| matches!(end, End::Killed)))
        }
        _ => agreed(world, remote),
    }
}

fn explored(mut model: Model<'_, ()>, second: &str, wanted: Option<&Choices>) -> Result<usize, String> {
    // One who dies beside another is enough, where they have the least in common.
    if second != "home b" {
        model.deaths = 0;
    }
    wanted.map_or_else(|| model.explore(), |choices| model.walk(choices).map(|()| 1))
}

/// What a call that died left is taken over, while somebody replaces it.
fn taking_over(mistake: Option<Mistake>, deaths: usize, wanted: Option<&Choices>) -> Result<usize, String> {
    let mut states = 0;
    for (remote, second) in SETTINGS {
        // Within one machine claims keep them apart.
        if wanted.is_some() && second != "home b" {
            continue;
        }
        // The first has died.
        let dead = World::logs().with(mistake);
        let catalog = dead.catalog(None, "home a", remote);
        let left = Name::create(name(), output_of(NAMED.key()), &catalog.home, "dead").unwrap();
        let store = catalog.remote.as_ref().unwrap_or(&catalog.local);
        now(store.create(&Location::Name(left.uid.clone()), left.bytes())).unwrap();
        let actors = |world: &World| {
            let mut actors = vec![
                Process::new(world, 0, second, remote).replace("a.csv", "one", false),
                Process::new(world, 1, "home a", remote).publish(RIVAL, Order::Sound),
            ];
            if wanted.is_some() {
                actors.push(Process::new(world, 2, "home c", remote).add("a.csv", "new", false));
            }
            actors
        };
        let always = |_: &World, (): &mut ()| Ok(());
        let finally = |world: &World, ends: &[End]| told(world, remote, "home a", ends);
        let world = || dead.copy();
        states += explored(
            Model { world: &world, actors: &actors, deaths, always: &always, finally: &finally },
            second,
            wanted,
        )?;
    }
    Ok(states)
}

/// A call whose output a name led to first, and does not any more if it was `replaced`, is removed while the name is replaced again.
fn removing(
    mistake: Option<Mistake>,
    deaths: usize,
    replaced: bool,
    wanted: Option<&Choices>,
) -> Result<usize, String> {
    let mut states = 0;
    for (remote, second) in SETTINGS {
        if wanted.is_some() && second != "home b" {
            continue;
        }
        let first = World::logs();
        now(later(&first, "home a", remote).call(NAMED, Order::Sound)).unwrap();
        if replaced {
            now(later(&first, second, remote).replace("a.csv", "second", false)).unwrap();
        }
        let first = first.with(mistake);
        let actors = |world: &World| -> Vec<Actor> {
            let output = Uid::output(&Call::creator(), &NAMED.key(), 0);
            let mut actors = vec![
                Process::new(world, 0, "home a", remote).replace("a.csv", "one", false),
                Process::new(world, 1, second, remote).remove(output),
            ];
            if wanted.is_some() {
                actors.push(Process::new(world, 2, "home c", remote).add("a.csv", "new", false));
            }
            actors
        };
        let always = |_: &World, (): &mut ()| Ok(());
        let finally = |world: &World, ends: &[End]| {
            told(world, remote, second, ends)?;
            match (&ends[0], history(world, remote)?.first()) {
                (End::Finished(_), Some(Some(one))) if wanted.is_some() || *one == Digest::of(b"one") => Ok(()),
                (End::Finished(_), versions) => Err(format!("the name leads to {versions:?}")),
                _ => Ok(()),
            }
        };
        let model = Model { world: &|| first.copy(), actors: &actors, deaths, always: &always, finally: &finally };
        states += explored(model, second, wanted)?;
    }
    Ok(states)
}

/// Somebody closed the log and died, and two want the name: one of that machine, and one of `second`.
fn finishing(removal: bool, second: &'static str, remote: bool, deaths: usize) -> Result<usize, String> {
    let first = World::logs();
    let store = if remote { REMOTE } else { "home a" };
    let mut closer = match removal {
        true => {
            now(later(&first, "home a", remote).call(NAMED, Order::Sound)).unwrap();
            Process::new(&first, 1, "home a", remote).remove(Uid::output(&Call::creator(), &NAMED.key(), 0))
        }
        false => {
            let left = Name::create(name(), output_of(NAMED.key()), "home a", "dead").unwrap();
            let catalog = first.catalog(None, "home a", remote);
            let decides = catalog.remote.as_ref().unwrap_or(&catalog.local);
            now(decides.create(&Location::Name(name()), left.bytes())).unwrap();
            Process::new(&first, 1, "home a", remote).publish(RIVAL, Order::Sound)
        }
    };
    while first.below(store, "names/").is_empty() {
        assert!(closer.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending(), "it closes the log");
    }
    drop(closer);
    let actors = |world: &World| {
        vec![
            Process::new(world, 0, "home a", remote).replace("a.csv", "one", false),
            Process::new(world, 2, second, remote).replace("a.csv", "other", false),
        ]
    };
    let always = |_: &World, (): &mut ()| Ok(());
    let finally = |world: &World, ends: &[End]| {
        let versions = history(world, remote)?;
        for (end, content) in ends.iter().zip(["one", "other"]) {
            let is_there = versions.contains(&Some(Digest::of(content.as_bytes())));
            match end {
                End::Finished(_) if !is_there => return Err(format!("`{content}` is not there")),
                // Another machine does not know whether it died.
                End::Failed(error) if second == "home a" || !error.to_string().contains("being removed") => {
                    return Err(format!("`{content}`: {error}"));
                }
                _ => {}
            }
        }
        agreed(world, remote)
    };
    Model { world: &|| first.copy(), actors: &actors, deaths, always: &always, finally: &finally }.explore()
}

#[test]
fn what_somebody_died_over_is_ended_by_whoever_next_wants_the_name_on_that_machine() {
    for (remote, second) in SETTINGS {
        for removal in [false, true] {
            holds(finishing(removal, second, remote, 1));
        }
    }
}

#[test]
fn what_a_dead_call_left_is_replaced_or_taken_over_and_not_both_ways() {
    holds(taking_over(None, 1, None));
}

#[test]
fn a_call_that_a_name_led_to_before_goes_without_the_name() {
    holds(removing(None, 0, true, None));
    holds(removing(None, 1, false, None));
}

#[test]
fn each_rule_of_closing_is_needed() {
    // Who takes over, or removes, creates the entry that closes the log before the document goes, and heeds another's there.
    for mistake in [Omits(appended().by(1)), Believes(appended().by(1))] {
        breaks(taking_over(Some(mistake), 0, None), "is not there");
        breaks(removing(Some(mistake), 0, false, None), "is not there");
    }
    // Who ends it has the claim of the name, and of that machine: else whoever closed it may be slow, and not dead.
    for mistake in [Unclaimed, TakesOver] {
        breaks(taking_over(Some(mistake), 0, None), "is not there");
        breaks(removing(Some(mistake), 0, false, None), "is not there");
    }
}

proptest! {
    #![proptest_config(walks(200))]

    #[test]
    fn another_may_want_the_name_in_that_moment(
        deaths in 0_usize..=1,
        replaced: bool,
        choices in prop::collection::vec((any::<u8>(), prop::bool::weighted(0.03)), 0..120),
    ) {
        prop_assert_eq!(taking_over(None, deaths, Some(&choices)), Ok(1));
        prop_assert_eq!(removing(None, deaths, replaced, Some(&choices)), Ok(1));
    }
}
