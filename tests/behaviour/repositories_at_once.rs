//! Many changes that are committed at once, and transactions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datlake::testing::Side;
use datlake::{ChangeSet, Error, ErrorKind, Event, File, Lake, LogQuery, MergeOptions, Result};

use crate::failing::{Asked, Fault, faulty};
use crate::repositories::{committed, has, merged, put, repository};
use crate::support::{Machines, check_error, files_below, lake};

fn uncommitted(branch: &datlake::Branch) -> BTreeMap<String, bool> {
    let changes = branch.uncommitted(&Default::default()).unwrap();
    changes.items.into_iter().map(|change| (change.path, change.after.is_some())).collect()
}

#[test]
fn one_commit_has_these_changes_and_no_others() {
    let machines = Machines::new();
    let (lake, other) = (machines.machine("one"), machines.machine("other"));
    let (sales, main) = repository(&lake);
    committed(&main, &[("old", "1"), ("deleted", "1"), ("mine", "1")]);
    let file = lake.add_bytes("tables/x", "x").unwrap();
    // What others have uncommitted, before and behind a checkpoint and a partial reset.
    for n in 0..70 {
        main.put_bytes(&format!("draft/{n}"), n.to_string()).unwrap();
    }
    main.put_bytes("discarded", "1").unwrap();
    main.reset_object("discarded").unwrap();
    put(&main, &[("late", "1"), ("mine", "draft")]);
    main.delete_object("deleted").unwrap();
    let changes = ChangeSet::new().put("x", &file).put_bytes("mine", "2").delete("old").delete("none");
    let commit = main.commit_all("all", &changes).unwrap();
    has(&sales, "main@", &[("deleted", "1"), ("mine", "2"), ("x", "x")]);
    assert_eq!((commit.message.as_str(), commit.parents.len()), ("all", 1));
    let left = uncommitted(&main);
    assert_eq!((left.len(), left["deleted"], left["late"], left["draft/3"]), (72, false, true, true));
    assert_eq!(main.stat("x").unwrap().from.as_ref(), file.uid());
    // All machines see the same, and what was left is committed by whoever commits.
    let there = other.repository("sales").unwrap().branch("main");
    assert_eq!((uncommitted(&there), there.read("mine").unwrap()), (left, b"2".to_vec()));
    there.commit("the rest").unwrap();
    assert_eq!(there.list_all("").unwrap().len(), 73);
    assert!(uncommitted(&main).is_empty());
    check_error(main.commit_all("again", &changes), ErrorKind::Unchanged, &["has all of that already"]);
    check_error(main.commit_all("none", &ChangeSet::new()), ErrorKind::Unchanged, &[]);
}

#[test]
fn where_one_change_is_refused_nothing_is_committed() {
    let (lake, elsewhere) = (lake(), crate::support::lake());
    let (_, main) = repository(&lake);
    let first = committed(&main, &[("a", "1")]);
    let foreign = elsewhere.add_bytes("x", "x").unwrap();
    let good = || ChangeSet::new().put_bytes("a", "2");
    check_error(main.commit_all("", &good().put("x", &foreign)), ErrorKind::InvalidInput, &["another lake"]);
    check_error(main.commit_all("", &good().put_path("x", "/no/such/file")), ErrorKind::Io, &["/no/such/file"]);
    check_error(main.commit_all("", &good().put_bytes("../x", "x")), ErrorKind::InvalidInput, &["cannot be a path"]);
    assert_eq!((main.commit_info().unwrap().id.to_string(), main.read("a").unwrap()), (first, b"1".to_vec()));
    assert!(uncommitted(&main).is_empty());
}

#[test]
fn many_who_commit_at_once_lose_nothing() {
    let machines = Machines::new();
    repository(&machines.machine("0"));
    let lakes: Vec<Lake> = (0..4).map(|n| (*machines.machine(&n.to_string())).clone()).collect();
    std::thread::scope(|scope| {
        for (n, lake) in lakes.iter().enumerate() {
            scope.spawn(move || {
                let main = lake.repository("sales").unwrap().branch("main");
                for k in 0..4 {
                    match n {
                        0 => drop(main.put_bytes(&format!("put/{k}"), "x").unwrap()),
                        _ => drop(main.commit_all("", &ChangeSet::new().put_bytes(&format!("{n}/{k}"), "x")).unwrap()),
                    }
                }
            });
        }
    });
    let main = lakes[3].repository("sales").unwrap().branch("main");
    assert_eq!((main.list_all("").unwrap().len(), main.log(&LogQuery::default()).unwrap().len()), (16, 13));
    assert_eq!(uncommitted(&main).len(), 4);
}

#[test]
fn a_transaction_is_seen_whole_or_not_at_all() {
    let lake = lake();
    let (sales, main) = repository(&lake);
    committed(&main, &[("a", "1")]);
    let seen = main.transaction("daily", |branch| {
        put(branch, &[("b", "1"), ("c", "1")]);
        branch.commit("a part")?;
        branch.delete_object("a")?;
        Ok::<_, Error>(main.list_all("")?.len())
    });
    assert_eq!(seen.unwrap(), 1);
    has(&sales, "main@", &[("b", "1"), ("c", "1")]);
    let log = main.log(&LogQuery::default()).unwrap();
    assert_eq!((log[0].message.as_str(), log[0].parents.len()), ("daily", 2));
    assert!(sales.transactions().unwrap().is_empty());
    // Where nothing is changed, nothing is committed.
    main.transaction("nothing", |_| Ok::<_, Error>(())).unwrap();
    assert_eq!(main.commit_info().unwrap().id, log[0].id);
    check_error(sales.branch("_tx-mine").create("main"), ErrorKind::InvalidInput, &["transactions"]);
}

#[test]
fn a_transaction_that_fails_keeps_its_branch() {
    let lake = lake();
    let (sales, main) = repository(&lake);
    committed(&main, &[("a", "1")]);
    let kept = |failed: Result<()>, kind, parts: &[&str]| {
        let all = sales.transactions().unwrap();
        let name = all[0].name().to_owned();
        assert_eq!((all.len(), sales.branches().unwrap().len()), (1, 1));
        check_error(failed, kind, &[parts, &[&*name]].concat());
        has(&sales, "main", &[("a", "1")]);
        assert_eq!(all[0].read("a").unwrap(), b"2");
        all[0].delete().unwrap();
    };
    let change = |branch: &datlake::Branch| branch.put_bytes("a", "2").map(drop);
    let io = |branch: &datlake::Branch| {
        change(branch).unwrap();
        Err::<(), _>(std::io::Error::other("no more paper"))
    };
    kept(main.transaction("", io), ErrorKind::Uncommitted, &["no more paper", "is kept"]);
    let missing = |branch: &datlake::Branch| {
        change(branch)?;
        branch.read("none").map(drop)
    };
    kept(main.transaction("", missing), ErrorKind::NotFound, &["there is no `none`", "is kept"]);
    // Somebody else has something uncommitted there, or committed something else.
    let dirty = main.transaction("", |branch| {
        change(branch)?;
        main.put_bytes("draft", "1").map(drop)
    });
    main.reset().unwrap();
    kept(dirty, ErrorKind::Uncommitted, &["uncommitted changes", "is kept"]);
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        main.transaction("", |branch| {
            change(branch).unwrap();
            if branch.exists("a").unwrap() { panic!("in a transaction") } else { Ok::<_, Error>(()) }
        })
    }));
    assert!(panicked.is_err());
    kept(Err(Error::new(ErrorKind::Io, sales.transactions().unwrap()[0].name())), ErrorKind::Io, &[]);
    let conflict = main.transaction("", |branch| {
        change(branch)?;
        committed(&main, &[("a", "3")]);
        Ok::<_, Error>(())
    });
    let name = sales.transactions().unwrap()[0].name().to_owned();
    check_error(conflict, ErrorKind::Conflict, &["others changed `a`", &name]);
    // What is kept can still be merged.
    let how = MergeOptions::default().winner(datlake::MergeWinner::Source);
    merged(main.merge(&name, &how));
    assert_eq!(main.read("a").unwrap(), b"2");
}

#[test]
fn a_transaction_that_is_dropped_is_named() {
    let lake = lake();
    let (sales, main) = repository(&lake);
    let named = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = Arc::clone(&named);
    lake.observe(move |event| {
        if let Event::TransactionKept { repository, branch } = event {
            seen.lock().unwrap().push(format!("{repository}@{branch}"));
        }
    });
    let begun = main.begin_transaction("x").unwrap();
    begun.put_bytes("a", "1").unwrap();
    let name = format!("sales@{}", begun.name());
    drop(begun);
    assert_eq!(*named.lock().unwrap(), [name]);
    assert_eq!(sales.transactions().unwrap()[0].read("a").unwrap(), b"1");
    let file: File = lake.add_bytes("x", "x").unwrap();
    assert_eq!(main.begin_transaction("y").unwrap().put("x", &file).unwrap().digest, Some(file.digest()));
}

/// Whichever request is the last that is answered, the branch has all of it or nothing, and works.
#[test]
fn a_transaction_that_ends_anywhere_is_whole_or_not_there() {
    let mut whole = 0;
    for last in 0.. {
        let machines = Machines::new();
        let (sales, main) = repository(&machines.machine("one"));
        committed(&main, &[("a", "1")]);
        // It counts from where the repository is open.
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&requests);
        let dies = Arc::new(AtomicUsize::new(usize::MAX));
        let at = Arc::clone(&dies);
        let plan = move |asked: Asked<'_>| {
            let is_over =
                asked.side == Side::Remote && counted.fetch_add(1, Ordering::SeqCst) >= at.load(Ordering::SeqCst);
            is_over.then_some(Fault::Before)
        };
        let lake = machines.builder("other").wrap_stores(faulty(Arc::new(plan))).open().unwrap();
        let there = lake.repository("sales").unwrap().branch("main");
        requests.store(0, Ordering::SeqCst);
        dies.store(last, Ordering::SeqCst);
        let changes = ChangeSet::new().put_bytes("b", "1").put_bytes("c", "1").delete("a");
        let done = there.transaction("daily", |branch| branch.commit_all("a part", &changes));
        let seen: Vec<String> = main.list_all("").unwrap().into_iter().map(|object| object.path).collect();
        assert!(seen == ["a"] || seen == ["b", "c"], "{seen:?} after {last} requests");
        assert!(seen.len() == 2 || done.is_err(), "it was lost after {last} requests");
        whole += usize::from(seen.len() == 2);
        committed(&main, &[("d", "1")]);
        if done.is_ok() {
            assert!(sales.transactions().unwrap().is_empty() && last > 10 && whole > 1, "{last} {whole}");
            break;
        }
    }
}

#[test]
fn files_of_the_lake_are_imported_without_copying_them() {
    let machines = Machines::new();
    let lake = machines.machine("one");
    let (sales, main) = repository(&lake);
    put(&main, &[("draft", "1")]);
    lake.add_bytes("exports/a.csv", "a").unwrap();
    lake.add_bytes("exports.csv", "other").unwrap();
    let folder = tempfile::tempdir().unwrap();
    for name in ["x", "y/z"] {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, name).unwrap();
    }
    lake.add_tree("exports/tree", folder.path()).unwrap();
    let imported = main.import_files("exports/", "raw/", "exports").unwrap();
    assert_eq!((imported.objects, imported.commit.message.as_str()), (3, "exports"));
    has(&sales, "main@", &[("raw/a.csv", "a"), ("raw/tree/x", "x"), ("raw/tree/y/z", "y/z")]);
    assert_eq!(main.stat("raw/tree/y/z").unwrap().from.unwrap().as_str(), "exports/tree//y/z");
    assert_eq!(uncommitted(&main).len(), 1);
    check_error(main.import_files("exports/", "raw/", "again"), ErrorKind::Unchanged, &["has all of that"]);
    check_error(main.import_files("nothing/", "raw/", ""), ErrorKind::NotFound, &["begins with `nothing/`"]);
    check_error(main.import_files("exports/", "../", ""), ErrorKind::InvalidInput, &["cannot be a path"]);
    let read = datlake::LocalFolder::read(folder.path()).unwrap();
    assert_eq!(main.import_folder(&read, "here/", "a folder").unwrap().objects, 2);
    assert_eq!(machines.machine("other").repository("sales").unwrap().branch("main").read("here/y/z").unwrap(), b"y/z");
    assert_eq!(main.import_files("exports.csv", "", "one").unwrap().objects, 1);
    assert_eq!(main.read("exports.csv").unwrap(), b"other");
}

/// The content, a range and the list of ranges of the tree, and of what is noted beside it, the commit, the mark that it is one of the
/// repository, and the entry of the branch. Without a remote, this machine marks beside that the remote has not got the entry.
#[test]
fn a_commit_of_one_change_among_many_files_writes_eight_objects() {
    let lake = lake();
    let (_, main) = repository(&lake);
    let file = lake.add_bytes("x", "x").unwrap();
    let all = (0..5000).fold(ChangeSet::new(), |set, n| set.put(&format!("{n:04}"), &file));
    main.commit_all("all", &all).unwrap();
    let files = || files_below(lake.home()).into_iter().collect::<BTreeSet<_>>();
    let before = files();
    main.commit_all("one", &ChangeSet::new().put_bytes("2500", "changed")).unwrap();
    let mut written = BTreeMap::<String, usize>::new();
    for path in files().difference(&before) {
        let path = path.strip_prefix(lake.home()).unwrap();
        *written.entry(path.iter().next().unwrap().to_str().unwrap().to_owned()).or_default() += 1;
    }
    let expected = [("blobs", 6), ("repos", 2), ("unpushed", 1)];
    assert_eq!(written, expected.map(|(folder, files)| (folder.to_owned(), files)).into());
}
