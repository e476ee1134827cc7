//! Packs of records: what a machine learns from them, beside others who remove and merge.
//!
//! What must hold:
//! - With every pack gone, damaged or wrong, each machine finds the same records.
//! - What was removed before a machine looked at the packs does not come back from one.

use datlake_core::record::Tombstone;
use datlake_core::record_pack::RecordPack;
use datlake_core::{Catalog, Digest, Error, ErrorKind, Location, Prefix, StoreExt as _, Uid};

use super::calls::{Call, Order, Process};
use super::explore::{Actor, End, Model, Outcome, Verdict};
use super::memory::{REMOTE, World};
use super::mistakes::Place::Remote;
use super::mistakes::What::List;
use super::mistakes::{Mistake, Op};
use super::scene::{holds, now};

/// The calls that are made at `home a`.
pub(super) fn calls(count: u8) -> Vec<Call> {
    (1..=count).map(|key| Call { key, names: &[], large: false, tree: None }).collect()
}

pub(super) fn process(world: &World, home: &'static str, nonce: &str) -> Process {
    Process { catalog: world.catalog(None, home, true), world: world.clone(), home, nonce: nonce.to_owned() }
}

/// A world in which `home a` has made so many calls, and packed `each` of them at a time.
pub(super) fn packed(count: u8, each: usize) -> World {
    let world = World::packs();
    for some in calls(count).chunks(each) {
        let process = process(&world, "home a", "first");
        for call in some {
            now(process.publish_under(call.key(), call, Order::Sound)).unwrap();
        }
        now(process.catalog.write_packs());
    }
    world
}

pub(super) fn packs(world: &World) -> Vec<Location> {
    let remote = world.catalog(None, "home z", true).remote.unwrap();
    now(remote.locations(&Prefix::RecordPacks)).unwrap()
}

/// Puts `bytes` in the place of what is at the remote.
pub(super) fn replace(world: &World, at: &Location, bytes: &[u8]) {
    let remote = world.catalog(None, "home z", true).remote.unwrap();
    now(remote.remove(at)).unwrap();
    now(remote.create(at, bytes)).unwrap();
}

/// Which of the calls somebody finds who was never here, as their records are at the remote.
fn found(world: &World, calls: &[Call]) -> Vec<u8> {
    let world = world.copy();
    let catalog = world.catalog(None, "home n", true);
    now(catalog.learn_removals()).unwrap();
    let is_right = |call: &&Call| {
        let Some(record) = now(call.record(&catalog)).unwrap() else { return false };
        let at = Location::Record(Call::creator(), call.key());
        assert_eq!(now(catalog.remote.as_ref().unwrap().get(&at)).unwrap().as_deref(), Some(record.bytes()));
        true
    };
    calls.iter().filter(is_right).map(|call| call.key).collect()
}

/// Every order of the steps of `actors` in a world that begins as `first`: how many states there are, or what breaks.
pub(super) fn explore(
    first: &World,
    actors: &dyn Fn(&World) -> Vec<Actor>,
    deaths: usize,
    finally: &dyn Fn(&World, &[End]) -> Verdict,
) -> Result<usize, String> {
    let always = |_: &World, _: &mut ()| Ok(());
    Model { world: &|| first.copy(), actors, deaths, always: &always, finally }.explore()
}

fn look_for_all(catalog: Catalog, calls: Vec<Call>) -> Actor {
    Box::pin(async move {
        for call in calls {
            if call.record(&catalog).await?.is_none() {
                return Err(Error::new(ErrorKind::NotFound, format!("call {}", call.key)));
            }
        }
        Ok(Outcome::Done)
    })
}

#[test]
fn a_new_machine_learns_of_many_calls_by_few_requests() {
    let first = packed(40, 40);
    assert_eq!(packs(&first).len(), 1);
    let actors = |world: &World| vec![look_for_all(world.catalog(Some(0), "home b", true), calls(40))];
    let finally = |world: &World, ends: &[End]| {
        assert!(matches!(ends[0], End::Finished(_)), "{ends:?}");
        let asked: Vec<_> = world.log().into_iter().filter(|line| line.contains(" in remote ")).collect();
        // Two records, the list of packs, the pack, and what was removed.
        assert_eq!(asked.len(), 5, "{}", asked.join("\n"));
        // All of them are on this machine then, and two of them at their own places.
        let alone = world.catalog(None, "home b", false);
        assert!(calls(40).iter().all(|call| now(call.record(&alone)).unwrap().is_some()));
        assert_eq!(world.below("home b", "calls/").len(), 2);
        Ok(())
    };
    holds(explore(&first, &actors, 0, &finally));
}

#[test]
fn a_few_records_are_no_pack() {
    assert_eq!(packs(&packed(15, 15)), []);
    assert_eq!(packs(&packed(32, 16)).len(), 2);
}

#[test]
fn without_packs_nothing_but_speed_changes() {
    let world = packed(20, 20);
    let all: Vec<u8> = (1..=20).collect();
    let at = packs(&world).pop().unwrap();
    let remote = world.catalog(None, "home z", true).remote.unwrap();
    let bytes = now(remote.get(&at)).unwrap().unwrap();
    assert_eq!(found(&world, &calls(20)), all);
    for damaged in [&bytes[..bytes.len() / 2], b"", b"datlake records 1\n", &bytes.to_ascii_uppercase()] {
        replace(&world, &at, damaged);
        assert_eq!(found(&world, &calls(20)), all);
    }
    now(remote.remove(&at)).unwrap();
    assert_eq!(found(&world, &calls(20)), all);
    // A pack whose digest is right, and whose records are not.
    let records = calls(20).iter().map(|call| (call.key(), b"no record".to_vec())).collect();
    let wrong = RecordPack::to_bytes(&records);
    replace(&world, &Location::RecordPack(Call::creator(), Digest::of(&wrong)), &wrong);
    assert_eq!(found(&world, &calls(20)), all);
}

/// Somebody removes a call while a machine that is new looks for others, and then for that one.
fn removing(mistake: Option<Mistake>) -> Result<usize, String> {
    let first = packed(16, 16).with(mistake);
    let gone = calls(1).remove(0);
    let record = Location::Record(Call::creator(), gone.key());
    let actors = |world: &World| {
        let removes = Process::new(world, 0, "home a", true).remove(Uid::output(&Call::creator(), &gone.key(), 0));
        let (world, gone, record) = (world.clone(), gone.clone(), record.clone());
        let looks: Actor = Box::pin(async move {
            let catalog = world.catalog(Some(1), "home b", true);
            catalog.learn_removals().await?;
            for call in &calls(3)[1..] {
                call.record(&catalog).await?;
            }
            let was_gone = !world.mentions(REMOTE, &record.path());
            match gone.record(&catalog).await? {
                Some(_) if was_gone => Err(Error::new(ErrorKind::Corrupt, "what was removed is there again")),
                _ => Ok(Outcome::Done),
            }
        });
        vec![removes, looks]
    };
    let finally = |world: &World, ends: &[End]| {
        if let Some(End::Failed(error)) = ends.iter().find(|end| matches!(end, End::Failed(_))) {
            return Err(error.to_string());
        }
        let others: Vec<u8> = (2..=16).collect();
        match found(world, &calls(16)) == others {
            true => Ok(()),
            false => Err("the call is there again, or another is not".to_owned()),
        }
    };
    explore(&first, &actors, 0, &finally)
}

#[test]
fn what_was_removed_does_not_come_back_from_a_pack() {
    holds(removing(None));
}

#[test]
fn who_does_not_read_tombstones_after_a_pack_brings_back_what_was_removed() {
    let forgets = Mistake::Omits(Op::new(List, Remote, "removed/").by(1));
    removing(Some(forgets)).unwrap_err();
}

#[test]
fn where_a_tombstone_cannot_be_read_no_pack_is_believed() {
    let world = packed(20, 20);
    let remover = process(&world, "home a", "removes");
    now(remover.remove(Uid::output(&Call::creator(), &calls(5)[4].key(), 0))).unwrap();
    let remote = world.catalog(None, "home z", true).remote.unwrap();
    let [tombstone] = &*now(remote.locations(&Prefix::Tombstones)).unwrap() else { panic!("one was removed") };
    let bytes = now(remote.get(tombstone)).unwrap().unwrap();
    assert!(Tombstone::parse(&bytes, "").unwrap().call.is_some());
    let others: Vec<u8> = (1..=20).filter(|key| *key != 5).collect();
    assert_eq!(found(&world, &calls(20)), others);
    replace(&world, tombstone, &bytes[1..]);
    assert_eq!(found(&world, &calls(20)), others);
}

#[test]
fn small_packs_become_large_ones_without_what_was_removed() {
    let world = packed(160, 16);
    assert_eq!(packs(&world).len(), 10);
    let remover = process(&world, "home a", "removes");
    now(remover.remove(Uid::output(&Call::creator(), &calls(5)[4].key(), 0))).unwrap();
    let catalog = world.catalog(None, "home c", true);
    now(catalog.learn_removals()).unwrap();
    let done = now(catalog.merge_record_packs()).unwrap();
    assert_eq!((done.records, done.written, done.removed), (0, 1, 10));
    let [pack] = &*packs(&world) else { panic!("one is left") };
    let bytes = now(catalog.remote.as_ref().unwrap().get(pack)).unwrap().unwrap();
    assert_eq!(RecordPack::read(&bytes).unwrap().places().count(), 159);
    let others: Vec<u8> = (1..=160).filter(|key| *key != 5).collect();
    assert_eq!(found(&world, &calls(160)), others);
    assert_eq!(now(catalog.merge_record_packs()).unwrap(), Default::default());
}

#[test]
fn what_is_in_no_pack_is_packed_where_it_is_much() {
    for (count, expected) in [(63, 0), (64, 64)] {
        let world = packed(count, 1);
        let catalog = world.catalog(None, "home c", true);
        let done = now(catalog.merge_record_packs()).unwrap();
        assert_eq!((done.records, done.written, done.removed), (expected, u64::from(expected > 0), 0));
    }
}

#[test]
fn a_damaged_pack_is_written_anew_or_goes() {
    let world = packed(120, 20);
    let catalog = world.catalog(None, "home c", true);
    for at in &packs(&world)[..5] {
        replace(&world, at, b"damaged");
    }
    let done = now(catalog.merge_record_packs()).unwrap();
    assert_eq!((done.records, done.written, done.removed), (100, 1, 6));
    assert_eq!(found(&world, &calls(120)), (1..=120).collect::<Vec<_>>());
    // The same pack is written again where that was damaged.
    let [whole] = &*packs(&world) else { panic!("one is left") };
    replace(&world, whole, b"damaged");
    let done = now(catalog.merge_record_packs()).unwrap();
    assert_eq!((done.records, done.written, done.removed), (120, 1, 1));
    assert_eq!((&packs(&world)[..], now(catalog.check_packs()).unwrap()), (&[whole.clone()][..], Vec::new()));
}

#[test]
fn a_pack_that_says_other_than_the_record_is_found() {
    let world = packed(20, 20);
    let catalog = world.catalog(None, "home c", true);
    assert_eq!(now(catalog.check_packs()).unwrap(), []);
    let others = calls(20).into_iter().map(|call| {
        let record = call.publication(call.key(), "other", Default::default()).record;
        (call.key(), record.bytes().to_vec())
    });
    let bytes = RecordPack::to_bytes(&others.collect());
    let lies = Location::RecordPack(Call::creator(), Digest::of(&bytes));
    replace(&world, &lies, &bytes);
    let wrong = now(catalog.check_packs()).unwrap();
    assert!(wrong.len() == 1 && wrong[0].0 == lies && wrong[0].1.contains("another record"), "{wrong:?}");
}

/// Somebody collects, and may die, while another does the same, or looks for calls on a machine that is new.
#[test]
fn who_merges_packs_beside_others_loses_nothing() {
    let first = packed(32, 16);
    replace(&first, &Location::RecordPack(Call::creator(), Digest::of(b"x")), b"damaged");
    for both in [true, false] {
        let actors = |world: &World| {
            let merges = |who, home| -> Actor {
                let catalog = world.catalog(Some(who), home, true);
                Box::pin(async move { catalog.merge_record_packs().await.map(|_| Outcome::Done) })
            };
            let few = || look_for_all(world.catalog(Some(1), "home b", true), calls(32).split_off(28));
            vec![merges(0, "home a"), if both { merges(1, "home b") } else { few() }]
        };
        let finally = |world: &World, ends: &[End]| {
            if let Some(End::Failed(error)) = ends.iter().find(|end| matches!(end, End::Failed(_))) {
                return Err(error.to_string());
            }
            match found(world, &calls(32)).len() {
                32 => Ok(()),
                found => Err(format!("{found} calls are found")),
            }
        };
        holds(explore(&first, &actors, 1, &finally));
    }
}

/// Another machine publishes and packs calls of a creator that had none, while somebody collects.
#[test]
fn a_pack_that_comes_while_packs_are_merged_stays() {
    let made = packed(16, 16);
    let there = made.catalog(None, "home z", true).remote.unwrap();
    let objects: Vec<_> = [Prefix::Records, Prefix::RecordPacks]
        .iter()
        .flat_map(|prefix| now(there.locations(prefix)).unwrap())
        .map(|at| (at.clone(), now(there.get(&at)).unwrap().unwrap()))
        .collect();
    let actors = |world: &World| {
        let catalog = world.catalog(Some(0), "home a", true);
        let merges: Actor = Box::pin(async move { catalog.merge_record_packs().await.map(|_| Outcome::Done) });
        let (remote, objects) = (world.catalog(Some(1), "home b", true).remote.unwrap(), objects.clone());
        let publishes: Actor = Box::pin(async move {
            for (at, bytes) in objects {
                remote.create(&at, &bytes).await?;
            }
            Ok(Outcome::Done)
        });
        vec![merges, publishes]
    };
    let finally = |world: &World, _: &[End]| match packs(world).len() {
        1 => Ok(()),
        packs => Err(format!("{packs} packs")),
    };
    holds(explore(&World::packs(), &actors, 0, &finally));
}
