//! The protocols of the catalog, under every order in which the steps of a few processes can come, some of which die.
//!
//! What must hold:
//! - Who looks sees a finished call, with its value, its content and its names, or none.
//! - The first record of a call wins, and everyone gets that one.
//! - A name never shows one content and then another, unless it was removed in between.
//! - What was removed stays removed on every machine that contacts the remote.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod branches;
mod calls;
mod claims;
mod closing;
mod collecting;
mod database;
mod doing;
mod explore;
mod flights;
mod kept_packs;
mod logs;
mod memory;
mod mistakes;
mod packs;
mod parts;
mod parts_explored;
mod presigned;
mod pushing;
mod runs;
mod scene;
mod state;
mod steps;

use calls::{Call, Order, Process};
use datlake_core::Uid;
use datlake_core::catalog::GcEpoch;
use explore::{Actor, End, Model};
use memory::World;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use scene::{
    LARGE, NAMED, ONE_HOME, PLAIN, RIVAL, SETTINGS, Scene, Shown, THIRD, TWICE_NAMED, TWO_HOMES, holds, homes, now,
};

#[test]
fn processes_that_make_one_call_agree() {
    for (remote, second) in SETTINGS {
        for call in [PLAIN, NAMED] {
            let scene = Scene { homes: homes(remote), remote, calls: std::slice::from_ref(&call), removals: false };
            holds(scene.explore(&World::coarse, 1, &|world| {
                let process = |who, home| Process::new(world, who, home, remote).call(call.clone(), Order::Sound);
                vec![process(0, "home a"), process(1, second)]
            }));
        }
    }
}

#[test]
fn who_reads_while_a_call_is_published_sees_it_whole_or_not_at_all() {
    for (remote, reader) in SETTINGS {
        for call in [LARGE, TWICE_NAMED] {
            let scene = Scene { homes: homes(remote), remote, calls: std::slice::from_ref(&call), removals: false };
            let world = if call.large { World::default } else { World::coarse };
            holds(scene.explore(&world, 1, &|world| {
                vec![
                    Process::new(world, 0, "home a", remote).publish(call.clone(), Order::Sound),
                    Process::new(world, 1, reader, remote).read(call.clone()),
                ]
            }));
        }
    }
}

#[test]
fn two_calls_that_want_one_name_never_both_get_it() {
    for (remote, second) in SETTINGS {
        let scene = Scene { homes: homes(remote), remote, calls: &[TWICE_NAMED, RIVAL], removals: false };
        holds(scene.explore(&World::coarse, 1, &|world| {
            vec![
                Process::new(world, 0, "home a", remote).call(TWICE_NAMED, Order::Sound),
                Process::new(world, 1, second, remote).call(RIVAL, Order::Sound),
            ]
        }));
    }
}

#[test]
fn three_calls_that_want_one_name_never_get_it_twice() {
    for (remote, second) in SETTINGS {
        let scene = Scene { homes: homes(remote), remote, calls: &[NAMED, RIVAL, THIRD], removals: false };
        holds(scene.explore(&World::coarse, 1, &|world| {
            let process = |who, home, call| Process::new(world, who, home, remote).publish(call, Order::Sound);
            vec![process(0, "home a", NAMED), process(1, second, RIVAL), process(2, "home a", THIRD)]
        }));
    }
}

#[test]
fn where_there_are_no_claims_a_name_is_never_taken_over() {
    let scene = Scene { homes: &ONE_HOME, remote: false, calls: &[NAMED, RIVAL, THIRD], removals: false };
    holds(scene.explore(&World::coarse, 1, &|world| {
        let process = |who, call| Process::new(world, who, "home a", false).publish(call, Order::WithoutClaims);
        vec![process(0, NAMED), process(1, RIVAL), process(2, THIRD)]
    }));
}

/// A call that died on one machine is finished by another, while the first gives its name away.
#[test]
fn a_call_finished_elsewhere_and_its_name_taken_over_exclude_each_other() {
    let scene = Scene { homes: &TWO_HOMES, remote: true, calls: &[NAMED, RIVAL], removals: false };
    holds(scene.explore(&World::coarse, 1, &|world| {
        let process = |who, home, call| Process::new(world, who, home, true).publish(call, Order::Sound);
        vec![process(0, "home a", NAMED), process(1, "home b", NAMED), process(2, "home a", RIVAL)]
    }));
}

/// A world in which the call was made at `home a`, and is known to `homes`.
pub(crate) fn made(call: &Call, remote: bool, homes: &[&'static str]) -> World {
    let world = World::coarse();
    for home in homes {
        let process =
            Process { catalog: world.catalog(None, home, remote), world: world.clone(), home, nonce: "first".into() };
        now(process.clone().call(call.clone(), Order::Sound)).unwrap();
        now(process.read(call.clone())).unwrap();
    }
    world
}

/// Once everyone has contacted the remote again, nobody sees what was removed.
pub(crate) fn stays_removed(call: &Call, remote: bool, world: &World) -> Result<(), String> {
    let gone = call.publication(call.key(), "first", GcEpoch::default()).record;
    let world = world.copy();
    for home in homes(remote) {
        let catalog = world.catalog(None, home, remote);
        now(catalog.learn_removals()).unwrap();
        if now(call.record(&catalog)).unwrap().is_some_and(|record| record.digest == gone.digest) {
            return Err(format!("{home}: the call is there again"));
        }
        for output in gone.lineage().unwrap().outputs {
            if now(catalog.file(&output.uid)).unwrap().is_some_and(|known| known.digest == output.digest) {
                return Err(format!("{home}: `{}` is there again", output.uid));
            }
        }
    }
    Ok(())
}

#[test]
fn a_removed_call_stays_removed_whoever_looks_for_it_or_makes_it_anew() {
    for (remote, second) in SETTINGS {
        for (call, anew) in [(PLAIN, false), (TWICE_NAMED, false), (NAMED, true)] {
            let first = made(&call, remote, homes(remote));
            let scene = Scene { homes: homes(remote), remote, calls: std::slice::from_ref(&call), removals: true };
            let finally = |world: &World, ends: &[End]| {
                let world = world.copy();
                if matches!(ends[0], End::Killed) {
                    // Whoever wanted it removed does so again.
                    let catalog = world.catalog(None, "home a", remote);
                    let process = Process { catalog, world: world.clone(), home: "home a", nonce: "again".into() };
                    let uid =
                        call.publication(call.key(), "first", GcEpoch::default()).record.lineage().unwrap().outputs[0]
                            .uid
                            .clone();
                    now(process.remove(uid)).map_err(|e| e.to_string())?;
                }
                stays_removed(&call, remote, &world)?;
                scene.settled(&world, ends)
            };
            let actors = |world: &World| {
                let uid = call.publication(call.key(), "first", GcEpoch::default()).record.lineage().unwrap().outputs
                    [0]
                .uid
                .clone();
                let other = Process::new(world, 1, second, remote);
                vec![
                    Process::new(world, 0, "home a", remote).remove(uid),
                    if anew { other.call(call.clone(), Order::Sound) } else { other.look_for(call.clone()) },
                ]
            };
            let always = |world: &World, shown: &mut Shown| scene.sound(world, shown);
            let model =
                Model { world: &|| first.copy(), actors: &actors, deaths: 1, always: &always, finally: &finally };
            holds(model.explore());
        }
    }
}

#[test]
fn a_copy_made_while_its_removal_is_learned_does_not_stay() {
    let scene = Scene { homes: &TWO_HOMES, remote: true, calls: &[PLAIN], removals: true };
    let finally = |world: &World, ends: &[End]| {
        if matches!(ends[0], End::Finished(_)) {
            stays_removed(&PLAIN, true, world)
        } else {
            scene.settled(world, ends)
        }
    };
    let actors = |world: &World| {
        let process = |who, home| Process::new(world, who, home, true);
        let uid = Uid::output(&Call::creator(), &PLAIN.key(), 0);
        vec![
            process(0, "home a").remove(uid),
            process(1, "home b").look_for(PLAIN),
            process(2, "home b").look_for(PLAIN),
        ]
    };
    let always = |world: &World, shown: &mut Shown| scene.sound(world, shown);
    let first = made(&PLAIN, true, &ONE_HOME);
    holds(Model { world: &|| first.copy(), actors: &actors, deaths: 0, always: &always, finally: &finally }.explore());
}

#[test]
fn who_died_while_it_learned_of_a_removal_sees_who_has_the_name_now() {
    let scene = Scene { homes: &TWO_HOMES, remote: true, calls: &[NAMED, RIVAL], removals: true };
    let first = made(&NAMED, true, &TWO_HOMES);
    let catalog = first.catalog(None, "home a", true);
    let process = Process { catalog, world: first.clone(), home: "home a", nonce: "person".into() };
    now(process.remove(Uid::chosen("a.csv").unwrap())).unwrap();
    let actors = |world: &World| {
        vec![
            Process::new(world, 0, "home a", true).publish(RIVAL, Order::Sound),
            Process::new(world, 1, "home b", true).look_for(NAMED),
        ]
    };
    // Until it contacts the remote, the other machine goes by what it knew.
    let always = |_: &World, _: &mut Shown| Ok(());
    let finally = |world: &World, ends: &[End]| scene.settled(world, ends);
    holds(Model { world: &|| first.copy(), actors: &actors, deaths: 1, always: &always, finally: &finally }.explore());
}

#[test]
fn a_call_whose_name_is_removed_while_it_is_published_fails_or_goes_whole() {
    for (remote, second) in SETTINGS {
        let scene = Scene { homes: homes(remote), remote, calls: &[NAMED, RIVAL], removals: true };
        holds(scene.explore(&World::coarse, 1, &|world| {
            vec![
                Process::new(world, 0, "home a", remote).publish(NAMED, Order::Sound),
                Process::new(world, 1, second, remote).remove(Uid::chosen("a.csv").unwrap()),
            ]
        }));
    }
}

#[test]
fn additions_of_equal_bytes_agree_and_of_others_exclude_each_other() {
    for (remote, second) in SETTINGS {
        for content in ["equal", "other"] {
            let finally = |world: &World, ends: &[End]| {
                let failed = ends.iter().filter(|end| matches!(end, End::Failed(_))).count();
                let died = ends.iter().any(|end| matches!(end, End::Killed));
                let expected = usize::from(content == "other");
                if failed > expected || (!died && failed < expected) {
                    return Err(format!("{failed} of two additions failed"));
                }
                // A removal reaches every copy.
                let world = world.copy();
                let process = |home| Process {
                    catalog: world.catalog(None, home, remote),
                    world: world.clone(),
                    home,
                    nonce: "next".into(),
                };
                let uid = Uid::chosen("a.csv").unwrap();
                now(process("home a").remove(uid.clone())).unwrap();
                for home in homes(remote) {
                    let catalog = process(home).catalog;
                    now(catalog.learn_removals()).unwrap();
                    if now(catalog.file(&uid)).unwrap().is_some() {
                        return Err(format!("{home}: it is there again"));
                    }
                }
                now(process(second).add("a.csv", "yet another", false)).map(drop).map_err(|e| e.to_string())
            };
            let scene = Scene { homes: homes(remote), remote, calls: &[NAMED], removals: false };
            let actors = |world: &World| {
                let process = |who, home, content| Process::new(world, who, home, remote).add("a.csv", content, false);
                vec![process(0, "home a", "equal"), process(1, second, content)]
            };
            let always = |world: &World, shown: &mut Shown| scene.sound(world, shown);
            holds(
                Model { world: &World::coarse, actors: &actors, deaths: 1, always: &always, finally: &finally }
                    .explore(),
            );
        }
    }
}

#[test]
fn a_call_and_an_addition_never_both_get_a_name() {
    for (remote, second) in SETTINGS {
        let scene = Scene { homes: homes(remote), remote, calls: &[NAMED], removals: false };
        let finally = |_: &World, ends: &[End]| {
            let done = ends.iter().filter(|end| matches!(end, End::Finished(_))).count();
            let died = ends.iter().any(|end| matches!(end, End::Killed));
            if done == 1 || (died && done == 0) { Ok(()) } else { Err(format!("{done} of two got the name")) }
        };
        let actors = |world: &World| {
            vec![
                Process::new(world, 0, "home a", remote).call(NAMED, Order::Sound),
                Process::new(world, 1, second, remote).add("a.csv", "added", false),
            ]
        };
        let always = |world: &World, shown: &mut Shown| scene.sound(world, shown);
        holds(
            Model { world: &World::coarse, actors: &actors, deaths: 1, always: &always, finally: &finally }.explore(),
        );
    }
}

/// What one of many processes does.
#[derive(Clone, Copy, Debug)]
enum Does {
    Named,
    Rival,
    Read,
    Add,
    LookFor,
    Remove,
}

fn anything() -> impl Strategy<Value = (Does, &'static str)> {
    use Does::*;
    (
        prop::sample::select(vec![Named, Named, Rival, Read, Add, LookFor, Remove]),
        prop::sample::select(TWO_HOMES.to_vec()),
    )
}

/// The same walks each time, unless more are asked for by `PROPTEST_CASES`: those are others each time.
fn walks(cases: u32) -> ProptestConfig {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => config,
        None => ProptestConfig { cases, rng_seed: RngSeed::Fixed(0), ..config },
    }
}

proptest! {
    #![proptest_config(walks(150))]

    #[test]
    fn three_or_four_processes_in_any_order(
        who in prop::collection::vec(anything(), 3..=4),
        remote: bool,
        deaths in 0_usize..=2,
        choices in prop::collection::vec((any::<u8>(), prop::bool::weighted(0.03)), 0..120),
    ) {
        let removals = who.iter().any(|(does, _)| matches!(does, Does::Remove));
        let scene = Scene { homes: homes(remote), remote, calls: &[TWICE_NAMED, RIVAL], removals };
        let actors = |world: &World| -> Vec<Actor> {
            who.iter().zip(0..).map(|((does, home), at)| {
                let process = Process::new(world, at, if remote { home } else { "home a" }, remote);
                match does {
                    Does::Named => process.call(TWICE_NAMED, Order::Sound),
                    Does::Rival => process.call(RIVAL, Order::Sound),
                    // Readers demand more than a removal leaves them.
                    Does::Read if !removals => process.read(TWICE_NAMED),
                    Does::Add => process.add("b.csv", "added", false),
                    Does::Read | Does::LookFor => process.look_for(RIVAL),
                    Does::Remove => process.remove(Uid::chosen("a.csv").unwrap()),
                }
            }).collect()
        };
        let always = |world: &World, shown: &mut Shown| scene.sound(world, shown);
        let finally = |world: &World, ends: &[End]| scene.settled(world, ends);
        let model = Model { world: &World::default, actors: &actors, deaths, always: &always, finally: &finally };
        prop_assert_eq!(model.walk(&choices), Ok(()));
    }
}
