//! Content that nobody names is collected, beside others who find it and are about to name it, some of whom die.
//!
//! What must hold:
//! - At every moment, what a record or an added file names is there.
//! - What nobody names goes in the end, and nothing else does.

use std::collections::HashSet;
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use datlake_core::collect::{self, Collector, GcHost};
use datlake_core::record::{CallDocument, Name, NameTarget, ValueBytes};
use datlake_core::version::Version;
use datlake_core::{Digest, DigestSet, Error, ErrorKind, Location, Pending, Prefix, Result, Store, StoreExt as _, Uid};
use proptest::prelude::*;

use super::calls::{Call, Order, Process, manifest};
use super::explore::{Actor, End, Model, Outcome};
use super::memory::{REMOTE, WINDOW, World};
use super::mistakes::{Mistake, Op, Place, What};
use super::scene::{LARGE, PLAIN, now};

/// What the publisher's body makes.
const CONTENT: &str = "out.csv made by home a-0";
/// What the content's files rest in, where it is a range of a tree.
const PACK: &str = "out.csv in a pack";
/// What nobody will ever name.
const RUBBISH: &str = "rubbish";
/// What its value is, where that is kept apart.
static VALUE: LazyLock<String> = LazyLock::new(|| "\u{1}".repeat(20_000));
/// The name of a file with the same content as the publisher's.
const OTHER: &str = "other.csv";
/// Longer than a window.
const LATER: u64 = 23;

/// A step of the protocol that is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Omitted {
    Nothing,
    /// What somebody does at the remote.
    Step(Mistake),
    /// The collector's wait.
    Wait,
    /// The collector's second look at documents.
    SecondLook,
    /// The publisher's look at its clock.
    Clock,
    /// That the publisher takes the moment before it finds content.
    GcEpoch,
    /// That the collector reads which files are in trees.
    Trees,
    /// That it looks at which values are kept apart.
    Values,
}

/// Who names the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Names {
    Call,
    /// A call names a tree, and that the content.
    Tree,
    /// A call whose value is kept apart, where the content and the value are.
    Value,
    Added,
    /// A name that is there, and is led to it.
    Replaced,
    /// An added range of files that rest in a pack.
    Packed,
    Nobody,
}

#[derive(Clone, Copy, Debug)]
struct Case {
    names: Names,
    /// Whether the content has long been there.
    old: bool,
    omitted: Omitted,
    beside: Beside,
}

/// Who does something beside the publisher and the collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beside {
    Nobody,
    /// The collector again, at once when it has swept.
    CollectorTwice,
    /// Another collector.
    Collector,
    /// Somebody who removes a file with the same content.
    Remover,
}

/// Reads what the shared store names.
struct Reading {
    store: std::sync::Arc<dyn Store>,
    /// Where there is no second look, what the first saw.
    first: Option<Mutex<Option<HashSet<Digest>>>>,
    omitted: Omitted,
}

impl GcHost for Reading {
    fn named(&self) -> Pending<'_, DigestSet> {
        Box::pin(async move {
            if let Some(first) = self.first.as_ref().and_then(|first| first.lock().unwrap().clone()) {
                return Ok(first.into_iter().collect());
            }
            let found = named(&*self.store, self.omitted).await?;
            if let Some(first) = &self.first {
                *first.lock().unwrap() = Some(found.clone());
            }
            Ok(found.into_iter().collect())
        })
    }

    fn remove(&self, blobs: Vec<Digest>) -> Pending<'_, ()> {
        Box::pin(async move {
            let attached = self.store.locations(&Prefix::Folder("locations")).await?.into_iter();
            let doomed = attached.filter(|at| at.attached().is_some_and(|(content, _)| blobs.contains(&content)));
            for at in doomed.collect::<Vec<_>>() {
                self.store.remove(&at).await?;
            }
            for digest in blobs {
                self.store.remove(&Location::Blob(digest)).await?;
            }
            Ok(())
        })
    }
}

async fn named(store: &dyn Store, omitted: Omitted) -> Result<HashSet<Digest>> {
    let mut named = HashSet::new();
    let mut documents = store.locations(&Prefix::Names).await?;
    documents.extend(store.locations(&Prefix::Records).await?);
    documents.extend(store.locations(&Prefix::VersionsIn(None)).await?);
    for at in documents {
        let Some(bytes) = store.get(&at).await? else { continue };
        match &at {
            Location::Name(uid) => {
                if let NameTarget::Added(added) = Name::parse(uid, bytes)?.target {
                    named.insert(added.digest);
                }
            }
            Location::Version(uid, first, n) => {
                if let NameTarget::Added(added) = Version::parse(uid, first, *n, bytes)?.target {
                    named.insert(added.digest);
                }
            }
            Location::Record(creator, key) => {
                let Some(record) = CallDocument::parse(creator, key, bytes)?.record() else { continue };
                if let (ValueBytes::Blob(digest), true) = (&record.value, omitted != Omitted::Values) {
                    named.insert(*digest);
                }
                for output in record.lineage()?.outputs {
                    named.insert(output.digest);
                    if output.tree && omitted != Omitted::Trees {
                        named.insert(member(store, &output.digest).await?);
                    }
                }
            }
            _ => {}
        }
    }
    let packs = collect::attached(store, &named.iter().copied().collect()).await?;
    named.extend(packs);
    Ok(named)
}

/// The content in a tree.
async fn member(store: &dyn Store, tree: &Digest) -> Result<Digest> {
    let missing = || Error::new(ErrorKind::MissingBlob, "a tree is named, and was collected");
    let manifest = store.get(&Location::Blob(*tree)).await?.ok_or_else(missing)?;
    Ok(String::from_utf8(manifest).unwrap().strip_prefix("tree of ").unwrap().parse().unwrap())
}

fn collector(who: usize) -> Collector {
    Collector {
        nonce: format!("sweep {who}"),
        person: "me@example.org".into(),
        host: "collector".into(),
        process: 1,
        since: String::new(),
    }
}

/// Who publishes is actor 0, who collects actor 1, and who does something beside actor 2.
fn collect(world: &World, who: usize, omitted: Omitted, again: bool) -> Actor {
    let (world, store) = (world.clone(), world.catalog(Some(who), "collector", true).remote.unwrap());
    let collector = collector(who);
    let first = (omitted == Omitted::SecondLook).then(Mutex::default);
    Box::pin(async move {
        let Some(announced) = collect::announce(&*store, &collector).await? else { return Ok(Outcome::Done) };
        let host = Reading { store: store.clone(), first, omitted };
        collect::condemn(&*store, &announced, &collector, Duration::ZERO, &host).await?;
        if omitted != Omitted::Wait {
            world.pass(2 * WINDOW.as_secs() + 1).await;
        }
        collect::sweep(&*store, announced.n, &collector, false, &host).await?;
        if again && let Some(next) = collect::announce(&*store, &collector).await? {
            collect::condemn(&*store, &next, &collector, Duration::ZERO, &host).await?;
        }
        Ok(Outcome::Done)
    })
}

fn publish(world: &World, names: Names, omitted: Omitted) -> Actor {
    let mut process = Process::new(world, 0, "home a", true);
    if omitted == Omitted::Clock {
        process.catalog.collections =
            datlake_core::catalog::Collections::new(process.catalog.collections.window, || Duration::ZERO);
    }
    match (names, omitted) {
        (Names::Nobody, _) => Box::pin(async { Ok(Outcome::Done) }),
        (Names::Added, _) => process.add("a.csv", CONTENT, omitted == Omitted::GcEpoch),
        (Names::Replaced, _) => process.replace("a.csv", CONTENT, false),
        (Names::Packed, _) => process.add_range("a.csv", CONTENT, Some(PACK), omitted == Omitted::GcEpoch),
        (Names::Call, _) => process.publish(PLAIN, Order::Sound),
        (Names::Tree, _) => process.publish(Call { tree: Some(CONTENT), ..PLAIN }, Order::Sound),
        (Names::Value, _) => process.publish(LARGE, Order::Sound),
    }
}

/// Whatever is named is there.
fn whole(world: &World, packed: bool) -> Result<(), String> {
    let store = world.catalog(None, "looks on", true).remote.unwrap();
    let named = now(named(&*store, Omitted::Nothing)).map_err(|e| e.to_string())?;
    let at = Location::PackedIn(Digest::of(CONTENT.as_bytes()), Digest::of(PACK.as_bytes()));
    let is_named = now(store.size(&Location::Name(Uid::chosen("a.csv").unwrap()))).is_ok_and(|size| size.is_some());
    if packed && is_named && now(store.size(&at)).is_ok_and(|size| size.is_none()) {
        return Err("a range is named, and what leads to its files was collected".to_owned());
    }
    match named.iter().find(|digest| !world.has_blob(REMOTE, digest)) {
        Some(_) => Err("something is named, and its content was collected".to_owned()),
        None => Ok(()),
    }
}

fn modelled<R>(case: Case, deaths: usize, check: impl FnOnce(&Model<'_, ()>) -> R) -> R {
    let Case { names, old, omitted, beside } = case;
    let mistake = match omitted {
        Omitted::Step(mistake) => Some(mistake),
        _ => None,
    };
    check(&Model {
        world: &|| {
            let world = World::collecting().with(mistake);
            world.plant(RUBBISH);
            if old {
                world.plant(CONTENT);
            }
            match names {
                Names::Tree if old => world.plant(&manifest(CONTENT)),
                Names::Value if old => world.plant(&VALUE),
                Names::Packed if old => {
                    world.plant(PACK);
                    let (range, pack) = (Digest::of(CONTENT.as_bytes()), Digest::of(PACK.as_bytes()));
                    world.plant_at(&Location::PackedIn(range, pack), "locations");
                }
                _ => {}
            }
            let add = |uid, content| {
                let first = Process::new(&world, 9, "home b", true);
                let first = Process { catalog: world.catalog(None, "home b", true), ..first };
                now(first.add(uid, content, false)).unwrap();
            };
            if names == Names::Replaced {
                add("a.csv", "what it was before");
            }
            if beside == Beside::Remover {
                add(OTHER, CONTENT);
            }
            world
        },
        actors: &|world| {
            let later = world.clone();
            let time: Actor = Box::pin(async move {
                later.pass(LATER).await;
                Ok(Outcome::Done)
            });
            let mut actors =
                vec![publish(world, names, omitted), collect(world, 1, omitted, beside == Beside::CollectorTwice)];
            match beside {
                // Where somebody dies there are too many orders with it.
                Beside::CollectorTwice => {}
                Beside::Nobody => actors.extend((deaths == 0 && (names == Names::Call || !old)).then_some(time)),
                Beside::Collector => actors.push(collect(world, 2, omitted, false)),
                Beside::Remover => {
                    actors.push(Process::new(world, 2, "home b", true).remove(Uid::chosen(OTHER).unwrap()));
                }
            }
            actors
        },
        deaths,
        always: &|world, ()| whole(world, names == Names::Packed),
        finally: &|world, ends| {
            if let Some(End::Failed(error)) = ends.iter().find(|end| matches!(end, End::Failed(_))) {
                return Err(format!("somebody failed: {error}"));
            }
            let killed = ends.iter().any(|end| matches!(end, End::Killed));
            match !killed && world.has_blob(REMOTE, &Digest::of(RUBBISH.as_bytes())) {
                true => Err("what nobody names is still there".to_owned()),
                false => Ok(()),
            }
        },
    })
}

fn explore(names: Names, old: bool, deaths: usize, omitted: Omitted) -> Result<usize, String> {
    modelled(Case { names, old, omitted, beside: Beside::Nobody }, deaths, |model| model.explore())
}

#[test]
fn nothing_that_is_named_is_collected() {
    for names in [Names::Call, Names::Added] {
        for old in [true, false] {
            let states =
                explore(names, old, 0, Omitted::Nothing).unwrap_or_else(|why| panic!("{names:?}, {old}: {why}"));
            println!("{names:?}, {old}: {states} states");
            assert!(states > 100, "{states} states");
        }
    }
}

#[test]
fn nor_where_somebody_dies() {
    for names in [Names::Call, Names::Added] {
        explore(names, true, 1, Omitted::Nothing).unwrap_or_else(|why| panic!("{why}"));
    }
}

#[test]
fn nor_where_it_is_in_a_tree_or_a_value_or_a_pack() {
    for names in [Names::Tree, Names::Value, Names::Packed] {
        let case = Case { names, old: true, omitted: Omitted::Nothing, beside: Beside::Nobody };
        let states = modelled(case, 0, |model| model.explore()).unwrap_or_else(|why| panic!("{case:?}: {why}"));
        println!("{case:?}: {states} states");
    }
}

#[test]
fn nor_where_somebody_collects_again_or_removes_a_file_with_the_same_content() {
    for beside in [Beside::CollectorTwice, Beside::Remover] {
        let case = Case { names: Names::Added, old: true, omitted: Omitted::Nothing, beside };
        let states = modelled(case, 0, |model| model.explore()).unwrap_or_else(|why| panic!("{case:?}: {why}"));
        println!("{case:?}: {states} states");
    }
}

#[test]
fn nor_where_a_name_is_led_to_it() {
    for deaths in [0, 1] {
        let states = explore(Names::Replaced, true, deaths, Omitted::Nothing).unwrap_or_else(|why| panic!("{why}"));
        println!("{deaths}: {states} states");
    }
    let step = |what, path| Omitted::Step(Mistake::Omits(Op::new(what, Place::Remote, path).by(0)));
    for omitted in [step(What::List, "gc/"), step(What::Create, "rescued/"), Omitted::Clock, Omitted::Wait] {
        let why = explore(Names::Replaced, true, 0, omitted).unwrap_err();
        assert!(why.contains("was collected"), "{omitted:?}: {why}");
    }
}

#[test]
fn what_nobody_names_goes() {
    explore(Names::Nobody, true, 0, Omitted::Nothing).unwrap_or_else(|why| panic!("{why}"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn nothing_that_is_named_is_collected_in_some_order(
        names in prop::sample::select(vec![Names::Call, Names::Tree, Names::Value, Names::Added, Names::Replaced, Names::Packed]),
        beside in prop::sample::select(vec![Beside::Nobody, Beside::CollectorTwice, Beside::Collector, Beside::Remover]),
        old: bool,
        deaths in 0..2_usize,
        choices in prop::collection::vec((any::<u8>(), prop::bool::weighted(0.02)), 0..120),
    ) {
        let case = Case { names, old, omitted: Omitted::Nothing, beside };
        modelled(case, deaths, |model| model.walk(&choices)).map_err(TestCaseError::fail)?;
    }
}

#[test]
fn each_step_of_the_protocol_is_needed() {
    let omits = |who, what, path| Omitted::Step(Mistake::Omits(Op::new(what, Place::Remote, path).by(who)));
    for omitted in [
        // The publisher does not look what is collected.
        omits(0, What::List, "gc/"),
        // It rescues nothing.
        omits(0, What::Create, "rescued/"),
        // It does not see that something is condemned.
        Omitted::Step(Mistake::Overlooks(Op::new(What::List, Place::Remote, "gc/0.condemned").by(0))),
        Omitted::Clock,
        Omitted::GcEpoch,
        // It does not see that somebody sweeps.
        Omitted::Step(Mistake::Overlooks(Op::new(What::List, Place::Remote, "gc/0.sweeping").by(0))),
        // The collector does not look at what was rescued.
        omits(1, What::List, "rescued/"),
        Omitted::Wait,
        Omitted::SecondLook,
        Omitted::Trees,
        Omitted::Values,
    ] {
        let names = match omitted {
            Omitted::GcEpoch => Names::Added,
            Omitted::Trees => Names::Tree,
            Omitted::Values => Names::Value,
            _ => Names::Call,
        };
        match explore(names, true, 0, omitted) {
            Ok(states) => panic!("{omitted:?} is not needed in {states} states"),
            Err(why) => assert!(why.contains("was collected"), "{omitted:?}: {why}"),
        }
    }
}

#[test]
fn who_joined_a_collection_that_another_finished_has_condemned_nothing() {
    let world = World::collecting();
    let store = world.catalog(None, "collector", true).remote.unwrap();
    let (host, by) = (Reading { store: store.clone(), first: None, omitted: Omitted::Nothing }, collector(1));
    now(store.create(&Location::Blob(Digest::of(RUBBISH.as_bytes())), RUBBISH.as_bytes())).unwrap();
    let announced = now(collect::announce(&*store, &by)).unwrap().unwrap();
    assert_eq!(now(collect::announce(&*store, &by)).unwrap(), Some(announced), "the second joins");
    let condemn = || now(collect::condemn(&*store, &announced, &by, Duration::ZERO, &host)).unwrap().0.len();
    assert_eq!((condemn(), condemn()), (1, 1));
    now(collect::sweep(&*store, announced.n, &by, false, &host)).unwrap();
    // By what it saw before.
    now(store.create(&Location::Blob(Digest::of(RUBBISH.as_bytes())), RUBBISH.as_bytes())).unwrap();
    assert_eq!(condemn(), 0);
}
