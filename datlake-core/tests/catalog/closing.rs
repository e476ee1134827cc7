//! Names whose first document goes, although the name as a whole is not removed, while somebody replaces them.
//!
//! What must hold: what somebody was told that a name leads to is among its versions, whoever dies, and whoever else wants the name in
//! that moment. Who replaces gets an error where that is not possible yet.

use datlake_core::record::Name;
use datlake_core::{Digest, Location, Uid};
use proptest::prelude::*;

use super::calls::{Call, Order, Process, output_of};
use super::explore::{Actor, End, Model};
use super::logs::{agreed, appended, breaks, history, later, name};
use super::memory::World;
use super::mistakes::Mistake::{self, *};
use super::scene::{NAMED, RIVAL, SETTINGS, holds, now};
use super::walks;

/// One order of steps of three, the third of whom wants the name, too.
type Choices = [(u8, bool)];

/// Whoever was told that it has replaced the name finds that among its versions. Who was not was told why, and comes through once the
/// removal is over.
fn told(world: &World, remote: bool, ends: &[End]) -> Result<(), String> {
    let is_one = |version: &Option<Digest>| *version == Some(Digest::of(b"one"));
    match &ends[0] {
        End::Finished(_) if !history(world, remote)?.iter().any(is_one) => {
            Err("what it was replaced by is not there".to_owned())
        }
        End::Failed(error) if !error.to_string().contains("being removed") => {
            Err(format!("who replaces failed: {error}"))
        }
        End::Failed(_) => {
            let world = world.copy();
            // Where whoever closed the log has died, a person removes the name.
            if ends[1..].iter().any(|end| matches!(end, End::Killed)) {
                now(later(&world, "home a", remote).remove(name())).map_err(|e| e.to_string())?;
            }
            now(later(&world, "home a", remote).replace("a.csv", "one", false)).map_err(|e| e.to_string())?;
            match history(&world, remote)?.first().is_some_and(is_one) {
                true => Ok(()),
                false => Err("it cannot be replaced any more".to_owned()),
            }
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
        let dead = World::logs();
        let left = Name::create(name(), output_of(NAMED.key()), "home a", "dead").unwrap();
        let store = dead.catalog(None, "home a", remote);
        let store = store.remote.as_ref().unwrap_or(&store.local);
        now(store.create(&Location::Name(left.uid.clone()), left.bytes())).unwrap();
        let dead = dead.with(mistake);
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
        let finally = |world: &World, ends: &[End]| told(world, remote, ends);
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
            told(world, remote, ends)?;
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
