//! Commits whose small files rest in packs: whatever is made of them can be read wherever they are, by machines that have nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use datlake::{
    Branch, ChangeSet, CheckoutOptions, Collect, Digest, ErrorKind, Evict, File, Lake, LocalFolder, MergeOptions,
    MergeWinner, Mirror, Repository, Result, Verify, file_creator,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

use crate::repositories::{content, repository};
use crate::support::{Machines, check_error, files_below};

#[file_creator]
fn upper(text: &File) -> Result<File> {
    File::from_bytes("upper.txt", text.read_to_string()?.to_uppercase())
}

#[file_creator]
fn passes_on(text: &File) -> Result<File> {
    Ok(text.clone())
}

type Model = BTreeMap<String, String>;

/// So many small files, named alike.
fn small(n: usize) -> Model {
    (0..n).map(|n| (format!("raw/{n:04}.csv"), format!("x,{n}\n"))).collect()
}

fn put(files: &Model) -> ChangeSet {
    files.iter().fold(ChangeSet::new(), |changes, (path, text)| changes.put_bytes(path, text.as_str()))
}

fn folder_of(files: &Model) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

fn blobs(root: &Path) -> usize {
    files_below(&root.join("blobs")).len()
}

fn is_blob(root: &Path, text: &str) -> bool {
    let digest = Digest::of(text.as_bytes()).to_string();
    root.join("blobs").join(&digest[..2]).join(digest).exists()
}

/// All of a reference, as a machine sees it that has nothing; and that the lake is whole.
#[track_caller]
fn seen(machines: &Machines, name: &str, expression: &str) -> Model {
    let lake = machines.machine(name);
    let seen = content(&lake.repository("sales").unwrap(), expression);
    assert_eq!(lake.verify(Verify::default(), &[]).unwrap().findings, []);
    seen
}

#[test]
fn a_folder_that_is_imported_rests_in_packs_and_is_read_one_by_one_and_as_a_whole() {
    let machines = Machines::new();
    let one = machines.machine("one");
    let (_, main) = repository(&one);
    let mut files = small(300);
    files.insert("raw/large".to_owned(), "0123456789".repeat(30_000));
    files.insert("raw/nothing".to_owned(), String::new());
    let folder = folder_of(&files);
    let before = blobs(&machines.remote());
    let commit = main.import_folder(&LocalFolder::read(folder.path()).unwrap(), "", "m").unwrap().commit;
    // A pack and the large file; the ranges and what leads to them, and what is noted.
    let put = blobs(&machines.remote()) - before;
    assert!(put < 20, "{put} blobs were put for {} files", files.len());
    assert!(!is_blob(&machines.remote(), "x,7\n") && !is_blob(one.home(), "x,7\n"));
    assert_eq!(seen(&machines, "one", "main"), files);
    assert_eq!(seen(&machines, "two", "main"), files);
    // One, of a machine that has nothing: by its path, by its range, and as a file of the commit.
    let three = machines.machine("three");
    let there = three.repository("sales").unwrap().branch("main");
    assert_eq!(there.read_range("raw/0123.csv", 2..5).unwrap(), b"123");
    let four = machines.machine("four");
    let file = four.repository("sales").unwrap().branch("main").file("raw/0007.csv").unwrap();
    {
        let _current = four.enter();
        assert_eq!(upper(&file).unwrap().read().unwrap(), b"X,7\n");
    }
    // A call that only passes it on makes it a blob, also where nothing of it is here.
    let passing = machines.machine("passing");
    let file = passing.repository("sales").unwrap().branch("main").file("raw/0009.csv").unwrap();
    {
        let _current = passing.enter();
        assert_eq!(passes_on(&file).unwrap().digest(), file.digest());
    }
    assert!(is_blob(&machines.remote(), "x,9\n"));
    let again = machines.machine("five").file(&format!("sales@{}:raw/0008.csv", commit.id)).unwrap();
    assert_eq!(again.read().unwrap(), b"x,8\n");
    // A working copy, and back.
    let place = tempfile::tempdir().unwrap();
    let six = machines.machine("six");
    let sales = six.repository("sales").unwrap();
    sales.branch("main").checkout(place.path(), &CheckoutOptions::default()).unwrap();
    assert_eq!(std::fs::read_to_string(place.path().join("raw/0042.csv")).unwrap(), "x,42\n");
    std::fs::write(place.path().join("raw/0042.csv"), "other").unwrap();
    six.working_copy(place.path()).unwrap().commit("one changed").unwrap();
    files.insert("raw/0042.csv".to_owned(), "other".to_owned());
    assert_eq!(seen(&machines, "seven", "main"), files);
    // The same once more puts nothing.
    let before = blobs(&machines.remote());
    let folder = folder_of(&files);
    let again = main.import_folder(&LocalFolder::read(folder.path()).unwrap(), "", "m");
    check_error(again, ErrorKind::Unchanged, &["has all of that already"]);
    assert_eq!(blobs(&machines.remote()), before);
}

#[test]
fn few_files_are_no_pack_and_what_an_entry_names_is_a_blob() {
    let machines = Machines::new();
    let one = machines.machine("one");
    let (_, main) = repository(&one);
    main.commit_all("few", &put(&small(7))).unwrap();
    assert!(is_blob(&machines.remote(), "x,3\n"));
    let files: Model = (0..20).map(|n| (format!("p/{n}"), format!("p{n}"))).collect();
    main.commit_all("many", &put(&files)).unwrap();
    assert!(!is_blob(&machines.remote(), "p3"));
    // On a machine that has nothing of it.
    let there = machines.machine("two").repository("sales").unwrap().branch("main");
    there.copy_object("main", "p/3", "copy").unwrap();
    assert!(is_blob(&machines.remote(), "p3"));
    there.delete_object("p/4").unwrap();
    there.commit_all("beside what is uncommitted", &ChangeSet::new().put_bytes("q", "q")).unwrap();
    let mut expected: Model = small(7).into_iter().chain(files).collect();
    expected.remove("p/4");
    expected.extend([("copy".to_owned(), "p3".to_owned()), ("q".to_owned(), "q".to_owned())]);
    assert_eq!(seen(&machines, "three", "main"), expected);
    assert_eq!(there.reset().unwrap(), 2);
    expected.insert("p/4".to_owned(), "p4".to_owned());
    expected.remove("copy");
    assert_eq!(seen(&machines, "four", "main"), expected);
}

#[test]
fn packs_go_with_the_commits_that_lead_to_them() {
    let machines = Machines::new();
    let one = machines.machine("one");
    let (sales, main) = repository(&one);
    let dev = sales.branch("dev").create("main").unwrap();
    dev.commit_all("many", &put(&small(50))).unwrap();
    main.merge("dev", &MergeOptions::default()).unwrap();
    dev.commit_all("more", &put(&(0..30).map(|n| (format!("more/{n}"), format!("more {n}"))).collect())).unwrap();
    let copy = machines.remote().with_file_name("copy");
    let mirrored = one.mirror(&Mirror::to(format!("file://{}", copy.display())), &[]).unwrap();
    assert!(mirrored.is_whole(), "{mirrored:?}");
    let before = blobs(&machines.remote());
    dev.delete().unwrap();
    one.collect(Collect::default().exclusive(true)).unwrap();
    assert!(blobs(&machines.remote()) < before);
    assert_eq!(seen(&machines, "two", "main"), small(50));
    let copied =
        Lake::builder().home(machines.remote().with_file_name("other")).remote(format!("file://{}", copy.display()));
    let copied = copied.open().unwrap();
    let sales = copied.repository("sales").unwrap();
    assert_eq!(content(&sales, "dev").len(), 80);
    assert_eq!(copied.verify(Verify::default(), &[]).unwrap().findings, []);
    // What is put away comes back.
    copied.evict(Evict::To(0)).unwrap();
    assert_eq!(content(&sales, "main"), small(50));
    sales.delete().unwrap();
    copied.collect(Collect::default().exclusive(true)).unwrap();
    assert_eq!(blobs(&copy), 0);
}

#[test]
fn files_of_a_tree_stay_where_they_rest_and_stay_there_without_the_tree() {
    let machines = Machines::new();
    let one = machines.machine("one");
    let (_, main) = repository(&one);
    let folder = folder_of(&small(60));
    one.add_tree("exports", folder.path().join("raw")).unwrap();
    let before = blobs(&machines.remote());
    let imported = main.import_files("exports", "raw/", "m").unwrap();
    assert_eq!(imported.objects, 60);
    // Ranges and what leads to them, and what is noted: of the files none.
    assert!(blobs(&machines.remote()) - before < 8 && !is_blob(&machines.remote(), "x,7\n"));
    one.remove("exports").unwrap();
    one.collect(Collect::default().exclusive(true)).unwrap();
    let seen = seen(&machines, "two", "main");
    assert_eq!(seen.values().cloned().collect::<BTreeSet<_>>(), small(60).into_values().collect());
}

#[test]
fn without_a_remote_it_is_the_same_and_pushed_later() {
    let machines = Machines::new();
    let home = machines.builder("one").open().unwrap().home().to_owned();
    let alone = Lake::builder().home(&home).open().unwrap();
    let (sales, main) = repository(&alone);
    main.commit_all("many", &put(&small(40))).unwrap();
    main.commit_all("one", &ChangeSet::new().put_bytes("raw/0001.csv", "other")).unwrap();
    assert!(!is_blob(alone.home(), "x,7\n"));
    drop((alone, sales, main));
    machines.machine("one").push(&[]).unwrap();
    let mut files = small(40);
    files.insert("raw/0001.csv".to_owned(), "other".to_owned());
    assert_eq!(seen(&machines, "two", "main"), files);
    assert_eq!(seen(&machines, "three", "main~1"), small(40));
}

/// What somebody does with the branches `main` and `dev`.
#[derive(Clone, Debug)]
enum Deed {
    /// Many files at once, with this text.
    Many(bool, u8, u8),
    /// One file, uncommitted, or deleted.
    Put(bool, u8, Option<u8>),
    Commit(bool),
    Reset(bool),
    Merge(bool),
    Revert(bool),
    Pick(bool),
    Collect,
}

fn deed() -> impl Strategy<Value = Deed> {
    let (on, n) = (any::<bool>, 0..24u8);
    prop_oneof![
        3 => (on(), n.clone(), 0..4u8).prop_map(|(on, from, text)| Deed::Many(on, from, text)),
        2 => (on(), n, proptest::option::of(0..4u8)).prop_map(|(on, n, text)| Deed::Put(on, n, text)),
        2 => on().prop_map(Deed::Commit),
        1 => on().prop_map(Deed::Reset),
        2 => on().prop_map(Deed::Merge),
        1 => on().prop_map(Deed::Revert),
        1 => on().prop_map(Deed::Pick),
        1 => Just(Deed::Collect),
    ]
}

fn path(n: u8) -> String {
    format!("raw/{n:02}")
}

/// Does it on a machine of its own. What cannot be done changes nothing.
fn act(machines: &Machines, at: usize, deed: &Deed) {
    let lake = machines.machine(&at.to_string());
    let sales = lake.repository("sales").unwrap();
    let names = |on: bool| if on { ("main", "dev") } else { ("dev", "main") };
    let of = |sales: &Repository, on: bool| -> Branch { sales.branch(names(on).0) };
    let how = MergeOptions::default().winner(MergeWinner::Source);
    match deed {
        Deed::Many(on, from, text) => {
            let files = (*from..from + 12).map(|n| (path(n), format!("{n} {text}"))).collect();
            drop(of(&sales, *on).commit_all("many", &put(&files)));
        }
        Deed::Put(on, n, Some(text)) => drop(of(&sales, *on).put_bytes(&path(*n), format!("{n} {text}")).unwrap()),
        Deed::Put(on, n, None) => drop(of(&sales, *on).delete_object(&path(*n)).unwrap()),
        Deed::Commit(on) => drop(of(&sales, *on).commit("commit")),
        Deed::Reset(on) => drop(of(&sales, *on).reset_prefix("raw/1").unwrap()),
        Deed::Merge(on) => drop(of(&sales, *on).merge(names(*on).1, &how)),
        Deed::Revert(on) => drop(of(&sales, *on).revert(names(*on).0, &how)),
        Deed::Pick(on) => drop(of(&sales, *on).cherry_pick(names(*on).1, &how)),
        Deed::Collect => drop(lake.collect(Collect::default().exclusive(true)).unwrap()),
    }
}

/// The same few each time, a dozen machines each, unless more are asked for by `PROPTEST_CASES`: those are others each time.
fn walks() -> Config {
    let config = Config { failure_persistence: None, ..Config::default() };
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => config,
        None => Config { cases: 6, rng_seed: RngSeed::Fixed(0), ..config },
    }
}

proptest! {
    #![proptest_config(walks())]

    #[test]
    fn whatever_is_done_all_can_be_read_by_who_has_nothing(deeds in proptest::collection::vec(deed(), 1..14)) {
        let machines = Machines::new();
        let first = machines.machine("first");
        let (sales, _) = repository(&first);
        sales.branch("dev").create("main").unwrap();
        drop((first, sales));
        for (at, deed) in deeds.iter().enumerate() {
            act(&machines, at, deed);
        }
        for expression in ["main", "dev", "main@", "dev@"] {
            for (at, text) in seen(&machines, "last", expression) {
                let n = text.split(' ').next().unwrap().parse().unwrap();
                prop_assert_eq!(at, path(n));
            }
        }
    }
}
