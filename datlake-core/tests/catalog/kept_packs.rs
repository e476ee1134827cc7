//! Packs of records that a machine keeps: what it removes from them, and what becomes of those that are damaged.

use datlake_core::record_pack::RecordPack;
use datlake_core::{Catalog, Digest, ErrorKind, Location, Prefix, StoreExt as _, Uid};

use super::calls::{Call, Process};
use super::explore::{Actor, End, Outcome};
use super::memory::World;
use super::packs::{calls, explore, packed, packs, process, replace};
use super::scene::{holds, now};

/// `home b` has looked for a few of the calls, and so has the pack.
fn kept(count: u8) -> World {
    let world = packed(count, usize::from(count));
    assert_eq!(found_at(&world, "home b", &calls(3)).len(), 3);
    world
}

/// Which of the calls a process of a machine finds.
fn found_at(world: &World, home: &'static str, calls: &[Call]) -> Vec<u8> {
    let catalog = world.catalog(None, home, true);
    now(catalog.learn_removals()).unwrap();
    calls.iter().filter(|call| now(call.record(&catalog)).unwrap().is_some()).map(|call| call.key).collect()
}

/// Which of the calls a machine has: its store finds them, or lists them.
fn here(world: &World, home: &'static str, calls: &[Call]) -> Vec<u8> {
    let catalog = world.copy().catalog(None, home, false);
    let listed = now(catalog.calls(None)).unwrap();
    let has = |call: &&Call| {
        let is_here = now(call.record(&catalog)).unwrap().is_some();
        let is_listed = listed.contains(&(Call::creator(), call.key()));
        assert!(is_listed || !is_here, "call {} is found and not listed", call.key);
        is_listed
    };
    calls.iter().filter(has).map(|call| call.key).collect()
}

/// Two processes of a machine that keeps a pack take a record each out of it, and one may die: then it is taken out once more, as
/// whatever was removed is by who next learns of that.
#[test]
fn what_is_removed_goes_from_packs_whoever_else_removes_from_them() {
    let (first, gone) = (kept(16), &calls(2));
    let remove = async |catalog: Catalog, call: Call| {
        catalog.local.remove(&Location::Record(Call::creator(), call.key())).await.map(|_| Outcome::Done)
    };
    for deaths in [0, 1] {
        let actors = |world: &World| {
            let actor = |(who, call): (usize, &Call)| -> Actor {
                Box::pin(remove(world.catalog(Some(who), "home b", true), call.clone()))
            };
            gone.iter().enumerate().map(actor).collect()
        };
        let finally = |world: &World, ends: &[End]| {
            if let Some(End::Failed(error)) = ends.iter().find(|end| matches!(end, End::Failed(_))) {
                return Err(error.to_string());
            }
            let world = world.copy();
            if deaths > 0 {
                for call in gone {
                    now(remove(world.catalog(None, "home b", true), call.clone())).unwrap();
                }
            }
            match &*here(&world, "home b", gone) {
                [] => Ok(()),
                left => Err(format!("{left:?} are here still")),
            }
        };
        holds(explore(&first, &actors, deaths, &finally));
    }
}

/// The error for a call that is damaged; `None` where it is found.
fn damage(call: &Call, catalog: &Catalog) -> Option<String> {
    match now(call.record(catalog)) {
        Ok(Some(_)) => None,
        Ok(None) => panic!("call {} counts as absent", call.key),
        Err(error) => {
            assert!(error.kind() == ErrorKind::Corrupt && error.to_string().contains("damaged"), "{error}");
            Some(error.to_string())
        }
    }
}

/// A record that is damaged in a pack of this machine is read from the remote, and is whole here from then on.
#[test]
fn what_the_remote_has_is_read_there_where_a_kept_pack_is_damaged() {
    for cut in [false, true] {
        let world = kept(20);
        let catalog = world.catalog(None, "home b", true);
        let [at] = &*now(catalog.local.locations(&Prefix::RecordPacks)).unwrap() else { panic!("one is kept") };
        let mut bytes = now(catalog.local.get(at)).unwrap().unwrap();
        match cut {
            true => bytes.truncate(bytes.len() / 2),
            false => *bytes.last_mut().unwrap() ^= 1,
        }
        now(catalog.local.remove(at)).unwrap();
        now(catalog.local.create(at, &bytes)).unwrap();
        let answers = |catalog: &Catalog, call: &Call| now(catalog.answer_here(&Call::creator(), &call.key()));
        assert!(calls(20).iter().all(|call| answers(&catalog, call).is_ok()), "the remote is to be asked");
        if !cut {
            // What the remote has lost as well is not absent.
            let (without, last) = (world.copy(), calls(20).into_iter().max_by_key(Call::key).unwrap());
            let remote = without.catalog(None, "home z", true).remote.unwrap();
            now(remote.remove(&Location::Record(Call::creator(), last.key()))).unwrap();
            assert!(damage(&last, &without.catalog(None, "home b", true)).is_some());
        }
        let all: Vec<u8> = (1..=20).collect();
        assert_eq!(found_at(&world, "home b", &calls(20)), all);
        let alone = world.catalog(None, "home b", false);
        assert!(calls(20).iter().all(|call| damage(call, &alone).is_none()));
        assert!(calls(20).iter().all(|call| answers(&alone, call).unwrap().is_some()));
    }
}

/// A collection that can ask the remote keeps what is whole in a damaged pack; one that cannot leaves the pack as it is.
#[test]
fn who_tidies_a_damaged_pack_loses_nothing_of_it() {
    let world = kept(20);
    let catalog = world.catalog(None, "home b", true);
    let [at] = &*now(catalog.local.locations(&Prefix::RecordPacks)).unwrap() else { panic!("one is kept") };
    let mut bytes = now(catalog.local.get(at)).unwrap().unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    now(catalog.local.remove(at)).unwrap();
    now(catalog.local.create(at, &bytes)).unwrap();
    let alone = world.catalog(None, "home b", false);
    assert_eq!(now(alone.tidy_packs_here()).unwrap(), std::slice::from_ref(at));
    assert_eq!(now(catalog.local.get(at)).unwrap(), Some(bytes));
    assert_eq!(now(catalog.tidy_packs_here()).unwrap(), []);
    let [(_, kept)] = &*world.below("home b", "records/") else { panic!("one is kept") };
    assert_eq!(RecordPack::read(kept).unwrap().places().count(), 19);
    assert_eq!(now(catalog.check_packs_here()).unwrap(), []);
}

/// However many calls go, each pack that has some is written anew once: by who removes them, and by who learns of that.
#[test]
fn a_pack_is_written_anew_once_for_all_that_is_removed() {
    let (world, gone) = (kept(40), calls(40).split_off(10));
    let written = |world: &World| {
        let log = world.log().into_iter();
        log.filter(|line| line.contains(": Create records/") && line.contains(" in home b ")).count()
    };
    let actors = |world: &World| -> Vec<Actor> {
        let (catalog, gone) = (world.catalog(Some(0), "home b", true), gone.clone());
        let mover = world.clone();
        vec![Box::pin(async move {
            catalog.unpack(gone.iter().map(|call| (Call::creator(), call.key()))).await?;
            for call in gone {
                Process::new(&mover, 0, "home b", true).remove(Uid::output(&Call::creator(), &call.key(), 0)).await?;
            }
            Ok(Outcome::Done)
        })]
    };
    let finally = |world: &World, ends: &[End]| {
        assert!(matches!(ends[0], End::Finished(_)), "{ends:?}");
        assert_eq!(written(world), 1);
        assert_eq!(here(world, "home b", &calls(40)), (1..=10).collect::<Vec<_>>());
        Ok(())
    };
    holds(explore(&world, &actors, 0, &finally));

    let remover = |call: &Call| {
        let removes = process(&world, "home a", &format!("removes {}", call.key));
        now(removes.remove(Uid::output(&Call::creator(), &call.key(), 0))).unwrap();
    };
    gone.iter().for_each(remover);
    let actors = |world: &World| -> Vec<Actor> {
        let catalog = world.catalog(Some(0), "home b", true);
        vec![Box::pin(async move { catalog.learn_removals().await.map(|()| Outcome::Done) })]
    };
    holds(explore(&world, &actors, 0, &finally));
}

/// Who takes records out of a pack to remove them may die: until they are removed all are here.
#[test]
fn who_dies_while_records_are_taken_out_of_a_pack_loses_none() {
    let first = kept(16);
    let some = calls(8).split_off(4);
    let actors = |world: &World| -> Vec<Actor> {
        let (catalog, some) = (world.catalog(Some(0), "home b", true), some.clone());
        vec![Box::pin(async move {
            let calls = some.iter().map(|call| (Call::creator(), call.key()));
            catalog.unpack(calls).await.map(|()| Outcome::Done)
        })]
    };
    let finally = |world: &World, _: &[End]| match here(world, "home b", &calls(16)).len() {
        16 => Ok(()),
        left => Err(format!("{left} are here")),
    };
    holds(explore(&first, &actors, 1, &finally));
}

#[test]
fn what_is_damaged_in_a_kept_pack_hides_nothing_else() {
    let world = kept(20);
    let all: Vec<u8> = (1..=20).collect();
    assert_eq!(here(&world, "home b", &calls(20)), all);
    let catalog = world.catalog(None, "home b", true);
    assert_eq!(now(catalog.check_packs_here()).unwrap(), []);
    let [at] = &*now(catalog.local.locations(&Prefix::RecordPacks)).unwrap() else { panic!("one is kept") };
    let whole = now(catalog.local.get(at)).unwrap().unwrap();
    let put = |bytes: &[u8]| {
        now(catalog.local.remove(at)).unwrap();
        now(catalog.local.create(at, bytes)).unwrap();
    };
    let mut damaged = whole.clone();
    *damaged.last_mut().unwrap() ^= 1;
    put(&damaged);
    let alone = world.copy().catalog(None, "home b", false);
    let keys: Vec<_> = calls(20).iter().filter(|call| damage(call, &alone).is_some()).map(|call| call.key).collect();
    let [key] = &*keys else { panic!("the last record of the pack is damaged, and no other: {keys:?}") };
    for bytes in [&damaged[..], &whole[..whole.len() / 2], b"", b"datlake records 1\n\n"] {
        put(bytes);
        // What has its own place is found, and the rest is not absent.
        let alone = world.copy().catalog(None, "home b", false);
        for call in calls(20) {
            let own = Location::Record(Call::creator(), call.key());
            let is_hidden =
                !world.mentions("home b", &own.path()) && (bytes.len() != damaged.len() || call.key == *key);
            assert_eq!(damage(&call, &alone).is_some(), is_hidden, "{}", call.key);
        }
        let wrong = now(catalog.check_packs_here()).unwrap();
        assert!(wrong.len() == 1 && wrong[0].0 == *at, "{wrong:?}");
        assert_eq!(found_at(&world.copy(), "home b", &calls(20)), all);
    }
    now(catalog.tidy_packs_here()).unwrap();
    assert_eq!(now(catalog.local.locations(&Prefix::RecordPacks)).unwrap(), []);
}

/// Nothing of a pack is kept that was removed, or that is no record.
#[test]
fn what_is_kept_of_a_pack_is_whole_and_was_not_removed() {
    let world = packed(20, 20);
    let remover = process(&world, "home a", "removes");
    now(remover.remove(Uid::output(&Call::creator(), &calls(5)[4].key(), 0))).unwrap();
    let [at] = &*packs(&world) else { panic!("one pack") };
    let remote = world.catalog(None, "home z", true).remote.unwrap();
    let bytes = now(remote.get(at)).unwrap().unwrap();
    let pack = RecordPack::read(&bytes).unwrap();
    let mut records: std::collections::BTreeMap<_, _> =
        pack.places().map(|(key, place)| (*key, bytes[place.start as usize..place.end as usize].to_vec())).collect();
    records.insert(calls(6)[5].key(), b"no record".to_vec());
    let bytes = RecordPack::to_bytes(&records);
    now(remote.remove(at)).unwrap();
    replace(&world, &Location::RecordPack(Call::creator(), Digest::of(&bytes)), &bytes);
    let others: Vec<u8> = (1..=20).filter(|key| *key != 5).collect();
    assert_eq!(found_at(&world, "home b", &calls(20)), others);
    assert_eq!(here(&world, "home b", &calls(20)), others);
    let kept = world.below("home b", "records/");
    let [(_, kept)] = &*kept else { panic!("one is kept") };
    assert_eq!(RecordPack::read(kept).unwrap().places().count(), 18);
}

#[test]
fn packs_that_others_replace_go_when_a_machine_is_tidied() {
    let world = packed(160, 16);
    let all: Vec<u8> = (1..=160).collect();
    assert_eq!(found_at(&world, "home b", &calls(160)), all);
    assert_eq!(world.below("home b", "records/").len(), 10);
    let catalog = world.catalog(None, "home b", true);
    now(catalog.merge_record_packs()).unwrap();
    let [merged] = &*packs(&world) else { panic!("one is left") };
    let bytes = now(catalog.remote.as_ref().unwrap().get(merged)).unwrap().unwrap();
    now(catalog.cache.create(merged, &bytes)).unwrap();
    now(catalog.tidy_packs_here()).unwrap();
    assert_eq!(world.below("home b", "records/").len(), 1);
    assert_eq!(here(&world, "home b", &calls(160)), all);
}
