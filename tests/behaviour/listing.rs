//! What is in a lake, and how often the remote is asked for it.

use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex};

use datlake::report::{ListingPage, PageItem};
use datlake::testing::{Created, Location, Pending, Prefix, Side, Store, Wrap};
use datlake::{CallQuery, ErrorKind, File, Lake, LakeBuilder, Result, file_creator};
use datlake_core::{Sink, Visit, VisitLevel};

use crate::support::{Machines, files_below, lake};

/// Questions to a store, and what each was about.
pub(crate) type Questions = Arc<Mutex<Vec<(&'static str, String)>>>;

/// Writes down what a store is asked.
#[derive(Debug)]
struct Counting {
    inner: Arc<dyn Store>,
    asked: Questions,
}

impl Counting {
    fn note(&self, what: &'static str, about: String) {
        self.asked.lock().unwrap().push((what, about));
    }
}

/// Writes down what the remote is asked.
pub(crate) fn counting(asked: &Questions) -> Wrap {
    let asked = Arc::clone(asked);
    Arc::new(move |side, inner| match side {
        Side::Local => inner,
        Side::Remote => Arc::new(Counting { inner, asked: Arc::clone(&asked) }) as Arc<dyn Store>,
    })
}

impl Store for Counting {
    fn get<'a>(&'a self, at: &'a Location) -> Pending<'a, Option<Vec<u8>>> {
        self.note("get", at.path());
        self.inner.get(at)
    }

    fn fetch<'a>(&'a self, at: &'a Location, range: Range<u64>, sink: Sink<'a>) -> Pending<'a, Option<u64>> {
        self.note("fetch", at.path());
        self.inner.fetch(at, range, sink)
    }

    fn create<'a>(&'a self, at: &'a Location, bytes: &'a [u8]) -> Pending<'a, Created> {
        self.note("create", at.path());
        self.inner.create(at, bytes)
    }

    fn create_from<'a>(&'a self, at: &'a Location, file: &'a Path) -> Pending<'a, Created> {
        self.note("create", at.path());
        self.inner.create_from(at, file)
    }

    fn size<'a>(&'a self, at: &'a Location) -> Pending<'a, Option<u64>> {
        self.note("size", at.path());
        self.inner.size(at)
    }

    fn list<'a>(&'a self, prefix: &'a Prefix, visit: Visit<'a>) -> Pending<'a, ()> {
        self.note("list", prefix.path());
        self.inner.list(prefix, visit)
    }

    fn list_level<'a>(&'a self, prefix: &'a Prefix, visit: VisitLevel<'a>) -> Pending<'a, ()> {
        self.note("level", prefix.path());
        self.inner.list_level(prefix, visit)
    }

    fn remove<'a>(&'a self, at: &'a Location) -> Pending<'a, bool> {
        self.note("remove", at.path());
        self.inner.remove(at)
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }
}

/// What the remote is asked while `ask` runs: each question, and how often.
fn asked(home: &Path, remote: &Path, ask: impl FnOnce(&Lake)) -> String {
    asked_by(Lake::builder().home(home).remote(format!("file://{}", remote.display())), ask)
}

/// The same of the lake that `builder` opens.
pub(crate) fn asked_by(builder: LakeBuilder, ask: impl FnOnce(&Lake)) -> String {
    let asked = Questions::default();
    ask(&builder.wrap_stores(counting(&asked)).open().unwrap());
    let shown = |(what, about): &(&'static str, String)| match *what {
        "list" | "level" => format!("{what} {about}"),
        what => what.to_owned(),
    };
    let mut asked: Vec<String> = asked.lock().unwrap().iter().map(shown).collect();
    asked.sort();
    let times = asked.chunk_by(|a, b| a == b).map(|same| format!("{} ×{}", same[0], same.len()));
    times.collect::<Vec<_>>().join(", ")
}

#[test]
fn the_remote_is_asked_for_lists_and_not_for_each_file() {
    let folder = tempfile::tempdir().unwrap();
    let (home, remote) = (folder.path().join("home"), folder.path().join("remote"));
    let photos = folder.path().join("photos");
    for n in 0..210 {
        std::fs::create_dir_all(photos.join(format!("{}", n % 3))).unwrap();
        std::fs::write(photos.join(format!("{}/{n}", n % 3)), n.to_string()).unwrap();
    }
    asked(&home, &remote, |lake| drop(lake.add_each("photos", &photos).unwrap()));
    let all = |lake: &Lake| {
        let listing = lake.list_files("").unwrap();
        assert_eq!(listing.files.len(), 210);
        assert!(listing.files.iter().all(|row| row.remote));
    };
    let lists = "list blobs ×1, list files ×1, list names ×1, list removed ×1";
    // A process asks once what is there.
    assert_eq!(asked(&home, &remote, all), format!("get ×1, {lists}"));
    // Another machine asks for each name once; folders are shown without.
    let other = folder.path().join("other");
    let level = |lake: &Lake| {
        let level = lake.list_folder("photos").unwrap();
        let folders: Vec<_> = level.folders.iter().map(|row| (row.prefix.as_str(), row.files)).collect();
        assert_eq!(folders, [("photos/0", 70), ("photos/1", 70), ("photos/2", 70)]);
        assert!(level.files.is_empty());
    };
    assert_eq!(asked(&other, &remote, level), "get ×2, list files/photos ×1, list names/photos ×1, list removed ×1");
    assert_eq!(asked(&other, &remote, all), format!("get ×211, {lists}, size ×210"));
    assert_eq!(asked(&other, &remote, all), format!("get ×1, {lists}"));
    // For a few, all that the remote has is more than is asked for.
    let few = |lake: &Lake| assert_eq!(lake.list_files("photos/1").unwrap().files.len(), 70);
    assert_eq!(
        asked(&other, &remote, few),
        "get ×2, list files/photos/1 ×1, list names/photos/1 ×1, list removed ×1, size ×70"
    );
}

/// However much is below it: of folders it is asked only whether something is there, where this machine does not know it.
#[test]
fn a_page_of_one_level_asks_for_that_level_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (home, remote) = (folder.path().join("home"), folder.path().join("remote"));
    let photos = folder.path().join("photos");
    for n in 0..60 {
        std::fs::create_dir_all(photos.join(format!("{}", n % 5))).unwrap();
        std::fs::write(photos.join(format!("{}/{n}", n % 5)), n.to_string()).unwrap();
    }
    let beside = folder.path().join("beside");
    std::fs::create_dir_all(&beside).unwrap();
    ["1-2", "3", "9"].iter().for_each(|name| std::fs::write(beside.join(name), name).unwrap());
    asked(&home, &remote, |lake| {
        lake.add_each("photos", &photos).unwrap();
        lake.add_each("photos", &beside).unwrap();
        lake.add_bytes("photos/0-gone/a", "a").unwrap();
        lake.remove("photos/0-gone/a").unwrap();
    });
    let shown = |page: &ListingPage| -> Vec<String> {
        let of = |item: &PageItem| match item {
            PageItem::File(row) => row.uid.to_string(),
            PageItem::Folder(prefix) => format!("{prefix}/"),
        };
        page.items.iter().map(of).collect()
    };
    let first = |lake: &Lake| {
        let page = lake.folder_page("photos", "", 3).unwrap();
        assert_eq!(
            (&*shown(&page), page.next.as_deref()),
            (&["photos/0/", "photos/1/", "photos/1-2"].map(str::to_owned)[..], Some("photos/1-2"))
        );
    };
    let level = "level files/photos ×1";
    assert_eq!(
        asked(&home, &remote, first),
        format!("get ×2, {level}, list files/photos/0-gone ×1, list removed ×1, size ×2")
    );
    let folders = "list files/photos/0 ×1, list files/photos/0-gone ×1, list files/photos/1 ×1";
    assert_eq!(
        asked(&folder.path().join("other"), &remote, first),
        format!("get ×4, {level}, {folders}, list removed ×1, size ×2")
    );
    // Page by page it is what the whole level is.
    let lake = Lake::builder().home(&home).open().unwrap();
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let page = lake.folder_page("photos", &after, 2).unwrap();
        all.extend(shown(&page));
        let Some(next) = page.next else { break };
        after = next;
    }
    let level = lake.list_folder("photos").unwrap();
    let folders = level.folders.iter().map(|row| format!("{}/", row.prefix));
    let mut expected: Vec<_> = level.files.iter().map(|row| row.uid.to_string()).chain(folders).collect();
    expected.sort_by_key(|shown| (shown.trim_end_matches('/').to_owned(), shown.ends_with('/')));
    assert_eq!(all, expected);
}

#[file_creator(name = "twice")]
fn twice(n: u64) -> Result<u64> {
    Ok(2 * n)
}

/// Its name ends in that of the other.
#[file_creator(name = "more/twice")]
fn twice_more(n: u64) -> Result<u64> {
    Ok(2 * n + 1)
}

#[test]
fn a_creator_that_is_named_in_full_is_the_only_one_whose_calls_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    let (home, remote) = (folder.path().join("home"), folder.path().join("remote"));
    asked(&home, &remote, |lake| {
        let _current = lake.enter();
        (0..3).for_each(|n| assert_eq!((twice(n).unwrap(), twice_more(n).unwrap()), (2 * n, 2 * n + 1)));
    });
    let lists = |ask: &dyn Fn(&Lake)| {
        let all = asked(&home, &remote, ask);
        all.split(", ").filter(|what| what.starts_with("list calls")).collect::<Vec<_>>().join(", ")
    };
    let query = |creator: &str| CallQuery::default().creator(creator);
    let key = |lake: &Lake| lake.find_calls(&query("twice").param("n=1".parse().unwrap())).unwrap().calls[0].key;
    let of_one = |lake: &Lake, name: &str| {
        let graph = lake.lineage_graph(name, 1, 1, 100).unwrap();
        assert_eq!(graph.asked.len(), 3, "{graph:?}");
        assert!(graph.nodes.iter().all(|node| node.address.starts_with(&format!("@{name}/"))), "{graph:?}");
    };
    assert_eq!(lists(&|lake| of_one(lake, "twice")), "list calls/twice ×1");
    assert_eq!(lists(&|lake| of_one(lake, "more/twice")), "list calls/more/twice ×1");
    assert_eq!(
        lists(&|lake| assert_eq!(lake.find_calls(&query("twice")).unwrap().calls.len(), 3)),
        "list calls/twice ×1"
    );
    assert_eq!(
        lists(&|lake| assert_eq!(lake.creator_code("twice").unwrap().creator.as_str(), "twice")),
        "list calls/twice ×1"
    );
    let short = |lake: &Lake, creator: &str| {
        let text = format!("@{creator}/{}", &key(lake).to_string()[..10]);
        lake.resolve_call(&text).unwrap().unwrap().0
    };
    assert_eq!(lists(&|lake| assert_eq!(short(lake, "twice").as_str(), "twice")), "list calls/twice ×2");
    // What is no whole name is looked for among all.
    assert_eq!(
        lists(&|lake| assert_eq!(lake.find_calls(&query("more")).unwrap_err().kind(), ErrorKind::NotFound)),
        "list calls ×1, list calls/more ×1"
    );
}

#[test]
fn a_level_shows_files_and_folders_of_one_folder() {
    #[file_creator]
    fn report(output_uid: &str) -> Result<File> {
        File::from_bytes(output_uid, "r")
    }
    let lake = lake();
    for uid in ["a", "a/b", "a/b/c", "a/b/d/e", "ab/c"] {
        lake.add_bytes(uid, uid).unwrap();
    }
    let _current = lake.enter();
    report("a/report").unwrap();
    let level = |prefix: &str| {
        let level = lake.list_folder(prefix).unwrap();
        let files = level.files.iter().map(|row| row.uid.to_string());
        let folders = level.folders.iter().map(|row| format!("{}/ {}", row.prefix, row.files));
        files.chain(folders).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(level(""), "a, a/ 4, ab/ 1");
    assert_eq!(level("a"), "a, a/b, a/report, a/b/ 2");
    assert_eq!(level("a/b/"), "a/b, a/b/c, a/b/d/ 1");
    assert_eq!(level("a/report"), "a/report");
    assert_eq!(level("b"), "");
}

#[test]
fn a_file_in_a_pack_is_at_the_remote_where_the_pack_is() {
    let machines = Machines::new();
    let folder = tempfile::tempdir().unwrap();
    for n in 0..100 {
        std::fs::write(folder.path().join(format!("{n}.txt")), format!("file {n}")).unwrap();
    }
    {
        let off = machines.builder("a").offline(true).open().unwrap();
        off.add_tree("many", folder.path()).unwrap();
        assert!(!off.info("many//7.txt").unwrap().row.remote);
    }
    let a = machines.machine("a");
    assert!(!a.info("many//7.txt").unwrap().row.remote);
    a.push(&[]).unwrap();
    assert_eq!(files_below(&machines.remote().join("locations")).len(), 1);
    for lake in [a, machines.machine("b")] {
        assert!(lake.info("many").unwrap().row.remote && lake.info("many//7.txt").unwrap().row.remote);
    }
    // The pack is lost.
    files_below(&machines.remote().join("blobs")).iter().for_each(|blob| std::fs::remove_file(blob).unwrap());
    assert!(!machines.machine("b").info("many//7.txt").unwrap().row.remote);
}
