//! How much is asked of a remote, and what of that at a time: far away, what follows one after the other takes a round trip each.

use std::convert::identity;
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use datlake::testing::{Created, Location, Pending, Prefix, Side, Store};
use datlake::{File, Lake, LakeBuilder, Result, file_creator};
use datlake_core::{Sink, Visit, VisitLevel};
use futures_util::future::{join, poll_fn};

use crate::delegate::delegate;
use crate::fake::{Asked, Fake};
use crate::servers::s3_at;
use crate::support::{Machines, Watched};

/// How often a request that waits for another is polled, where none comes: those of one task are begun before that.
const PATIENCE: u32 = 100;

/// What is under way at a store, and what was.
#[derive(Debug, Default)]
struct Traffic {
    now: Vec<&'static str>,
    /// Of what several were under way at a time.
    together: Vec<&'static str>,
    /// What ended, in order, and once what ended several times in a row.
    ended: Vec<&'static str>,
}

/// A store each of whose requests waits a while until there are two of its kind.
#[derive(Debug)]
struct Meeting {
    store: Arc<dyn Store>,
    traffic: Arc<Mutex<Traffic>>,
    /// Those that wait.
    kinds: &'static [&'static str],
}

impl Meeting {
    /// Passes a request on when another of its kind is under way, or none comes.
    fn meet<'a, T: Send + 'a>(&'a self, kind: &'static str, request: Pending<'a, T>) -> Pending<'a, T> {
        Box::pin(async move {
            self.traffic.lock().unwrap().now.push(kind);
            let mut left = if self.kinds.contains(&kind) { PATIENCE } else { 0 };
            let met = poll_fn(|cx| {
                let mut traffic = self.traffic.lock().unwrap();
                if traffic.now.iter().filter(|now| **now == kind).count() > 1 && !traffic.together.contains(&kind) {
                    traffic.together.push(kind);
                }
                if traffic.together.contains(&kind) || left == 0 {
                    return Poll::Ready(());
                }
                left -= 1;
                cx.waker().wake_by_ref();
                Poll::Pending
            });
            let (_, done) = join(met, request).await;
            let mut traffic = self.traffic.lock().unwrap();
            let at = traffic.now.iter().position(|now| *now == kind).unwrap();
            traffic.now.remove(at);
            if traffic.ended.last() != Some(&kind) {
                traffic.ended.push(kind);
            }
            done
        })
    }
}

impl Store for Meeting {
    delegate!(store, identity: get size list list_level remove describe);

    fn fetch<'a>(&'a self, at: &'a Location, range: Range<u64>, sink: Sink<'a>) -> Pending<'a, Option<u64>> {
        self.meet("fetch", self.store.fetch(at, range, sink))
    }

    fn create<'a>(&'a self, at: &'a Location, bytes: &'a [u8]) -> Pending<'a, Created> {
        self.meet(at.folder(), self.store.create(at, bytes))
    }

    fn create_from<'a>(&'a self, at: &'a Location, file: &'a Path) -> Pending<'a, Created> {
        self.meet(at.folder(), self.store.create_from(at, file))
    }
}

/// The machine called `name`, at whose remote requests of some kinds meet.
fn meeting(machines: &Machines, name: &str, kinds: &'static [&'static str]) -> (Watched, Arc<Mutex<Traffic>>) {
    let traffic = Arc::<Mutex<Traffic>>::default();
    let seen = Arc::clone(&traffic);
    let wrap = move |side, store| match side {
        Side::Local => store,
        Side::Remote => Arc::new(Meeting { store, traffic: Arc::clone(&seen), kinds }) as Arc<dyn Store>,
    };
    (Watched::open(machines.builder(name).wrap_stores(Arc::new(wrap))), traffic)
}

fn folder(files: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for at in 0..files {
        fs::write(folder.path().join(format!("f{at:04}.txt")), format!("content {at}")).unwrap();
    }
    folder
}

fn at_fake(folder: &tempfile::TempDir, name: &str, fake: &Fake) -> LakeBuilder {
    let builder = Lake::builder().home(folder.path().join(name)).remote("s3://bucket/lake");
    builder.remote_variables(s3_at(&fake.endpoint))
}

/// Each request by what it is and the kind of the object.
fn named(asked: &[Asked]) -> Vec<String> {
    let one = |asked: &Asked| {
        let prefix = asked.query.split('&').find_map(|part| part.strip_prefix("prefix="));
        let path = prefix.map_or_else(|| asked.key.clone(), |prefix| prefix.replace("%2F", "/"));
        let what = if prefix.is_some() { "LIST" } else { &asked.method };
        format!("{what} {}", path.strip_prefix("lake/").unwrap_or(&path))
    };
    asked.iter().map(one).collect()
}

/// All ranges of a tree lead to what else is fetched.
#[test]
fn a_pull_fetches_the_ranges_of_a_tree_several_at_a_time() {
    let machines = Machines::new();
    machines.machine("one").add_tree("many", folder(3000).path()).unwrap();
    let (other, traffic) = meeting(&machines, "other", &["fetch"]);
    // The small files are in one pack, so that it is the ranges that meet.
    assert!(other.pull(&["many"]).unwrap().fetched < 20);
    assert_eq!(traffic.lock().unwrap().together, ["fetch"]);
}

#[file_creator]
fn copies(pages: &[File]) -> Result<Vec<File>> {
    pages.iter().map(|page| File::from_bytes("copy.txt", page.read_to_string()?.repeat(2))).collect()
}

/// What a call made is sent several at a time, and yet in the order that shows all of it or nothing.
#[test]
fn a_call_publishes_its_outputs_several_at_a_time() {
    let machines = Machines::new();
    let (lake, traffic) = meeting(&machines, "one", &["blobs", "uses"]);
    let other = machines.machine("other");
    let named = (0..5).map(|n| format!("pages/{n}"));
    named.clone().for_each(|name| drop(other.add_bytes(&name, format!("the {name}")).unwrap()));
    let pages: Vec<File> = named.map(|name| lake.file(&name).unwrap()).collect();
    // They are fetched.
    pages.iter().for_each(|page| drop(page.read().unwrap()));
    lake.happened();
    *traffic.lock().unwrap() = Traffic::default();
    let made = lake.ok("ran copies", || copies(&pages));
    assert_eq!(made[4].read_to_string().unwrap(), "the pages/4the pages/4");
    let Traffic { now, together, ended } = std::mem::take(&mut *traffic.lock().unwrap());
    let mut ended: Vec<_> = ended.into_iter().filter(|kind| ["blobs", "uses", "calls"].contains(kind)).collect();
    ended.dedup();
    assert_eq!((now.len(), together, ended), (0, vec!["blobs", "uses"], vec!["blobs", "uses", "calls"]));
}

/// One changed file is pushed by as many requests as it takes, however many files and packs there are: ten, with the look at which lake it is.
#[test]
fn one_changed_file_is_pushed_by_ten_requests() {
    let (fake, place, folder) = (Fake::start(), tempfile::tempdir().unwrap(), folder(3000));
    let offline = |name: &str| Lake::builder().home(place.path().join(name)).open().unwrap();
    let online = |name: &str| at_fake(&place, name, &fake).open().unwrap();
    offline("one").add_tree("many", folder.path()).unwrap();
    online("one").push(&[]).unwrap();
    online("new").pull(&[]).unwrap();
    for home in ["one", "new"] {
        online(home).pull(&[]).unwrap();
        fs::write(folder.path().join("f0007.txt"), format!("changed by {home}")).unwrap();
        offline(home).replacing().add_tree("many", folder.path()).unwrap();
        let lake = online(home);
        fake.asked();
        assert_eq!(lake.push(&[]).unwrap().blobs, 3);
        // A home that never wrote there finds out once how the remote creates.
        let mut asked = named(&fake.asked());
        asked.retain(|asked| !asked.ends_with(" datlake.json"));
        let mut kinds: Vec<_> = asked.iter().map(|asked| asked.split('/').next().unwrap()).collect();
        kinds.sort_unstable();
        let mut expected = vec![
            // Whether the name is still there, when its entry is.
            "GET files",
            // What is collected, before it is named; what was removed; which versions were pruned.
            "LIST gc",
            "LIST names",
            "LIST removed",
            // The file, its range, the tree; what leads to the pack; and the name.
            "PUT blobs",
            "PUT blobs",
            "PUT blobs",
            "PUT locations",
            "PUT names",
        ];
        if home == "new" {
            // It does not know yet how often content was swept: whether the pack with the other files is there, and what is collected,
            // before anything is found.
            expected.extend(["HEAD blobs", "LIST gc"]);
            expected.sort_unstable();
        }
        assert_eq!(kinds, expected, "{home}: {asked:#?}");
    }
}

/// A large file that is new costs no more than one look whether it is there.
#[test]
fn a_large_file_is_asked_for_once() {
    let (fake, place) = (Fake::start(), tempfile::tempdir().unwrap());
    Lake::builder().home(place.path().join("one")).open().unwrap().add_bytes("large", vec![7; 300 << 10]).unwrap();
    let lake = at_fake(&place, "one", &fake).open().unwrap();
    lake.push(&[]).unwrap();
    let asked = named(&fake.asked());
    let of_it: Vec<_> = asked.iter().filter(|asked| asked.contains("blobs/")).collect();
    assert_eq!(of_it.iter().map(|asked| &asked[..4]).collect::<Vec<_>>(), ["HEAD", "PUT "], "{asked:#?}");
}

#[file_creator]
fn doubled(n: u32) -> Result<u32> {
    Ok(2 * n)
}

/// A machine that is new to a thousand calls asks for none by itself.
#[test]
fn a_thousand_hits_on_a_new_machine_take_few_requests() {
    let (fake, place) = (Fake::start(), tempfile::tempdir().unwrap());
    let alone = Watched::open(Lake::builder().home(place.path().join("one")));
    alone.ok("ran doubled ×1000", || doubled::calls(0..1000).run());
    drop(alone);
    at_fake(&place, "one", &fake).open().unwrap().push(&[]).unwrap();
    let asked_for = |name: &str, calls: u32| {
        let lake = Watched::open(at_fake(&place, name, &fake));
        fake.asked();
        lake.ok(&format!("hit doubled ×{calls}"), || (0..calls).map(doubled).collect::<Result<Vec<_>>>());
        fake.asked().len()
    };
    let (few, many) = (asked_for("few", 100), asked_for("many", 1000));
    assert_eq!(few, many);
    assert!(many <= 20, "{many} requests");
}
