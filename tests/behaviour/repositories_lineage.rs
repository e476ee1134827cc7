//! Files of commits as arguments, outputs that are committed, and what lineage says of both.

use datlake::report::{GraphItem, UpstreamState};
use datlake::{ErrorKind, File, Lake, MergeOptions, Origin, Result, UidKind, file_creator};

use crate::repositories::{committed, merged, repository};
use crate::support::{Machines, check_error, lake};

#[file_creator]
fn upper(text: &File) -> Result<File> {
    File::from_bytes("upper.txt", text.read_to_string()?.to_uppercase())
}

#[file_creator]
fn fetched(uid: &str) -> Result<u64> {
    Ok(File::get(uid)?.len())
}

#[test]
fn a_file_of_a_commit_is_an_argument_by_its_content_and_path() {
    let lake = lake();
    let (sales, main) = repository(&lake);
    let first = committed(&main, &[("raw/a.txt", "a"), ("raw/same.txt", "a")]);
    let file = main.file("raw/a.txt").unwrap();
    assert_eq!((file.name(), file.uid().unwrap().as_str()), ("raw/a.txt", &*format!("sales@{first}:raw/a.txt")));
    let made = lake.ok("ran upper", || upper(&file));
    assert_eq!(made.read().unwrap(), b"A");
    // Another commit, a tag, an id: the same content at the same path is the same argument.
    committed(&main, &[("b.txt", "b")]);
    sales.tag("v1").create("main").unwrap();
    for expression in ["main", "main@", "main~1", "v1", &first, &first[..8]] {
        let file = sales.reference(expression).file("raw/a.txt").unwrap();
        assert_eq!(lake.ok("hit upper", || upper(&file)), made, "{expression}");
    }
    assert_eq!(lake.file(file.uid().unwrap().as_str()).unwrap(), file);
    // Another path is another argument, and so is other content.
    let same = main.file("raw/same.txt").unwrap();
    lake.ok("ran upper", || upper(&same));
    committed(&main, &[("raw/a.txt", "c")]);
    let changed = main.file("raw/a.txt").unwrap();
    assert_eq!(lake.ok("ran upper", || upper(&changed)).read().unwrap(), b"C");
    let origin = made.lineage().unwrap();
    let input = &origin.call().unwrap().inputs[0];
    assert_eq!(input.uid.as_ref(), file.uid());
    let UidKind::Committed { repository, commit, path } = input.uid.as_ref().unwrap().kind() else {
        panic!("{input:?}")
    };
    assert_eq!((repository.as_str(), commit.to_string(), path.as_str()), ("sales", first, "raw/a.txt"));
}

#[test]
fn what_is_not_committed_is_no_file_of_a_commit() {
    let lake = lake();
    let (sales, main) = repository(&lake);
    committed(&main, &[("a", "1"), ("gone", "1")]);
    main.put_bytes("a", "2").unwrap();
    main.put_bytes("new", "2").unwrap();
    main.delete_object("gone").unwrap();
    for path in ["a", "new", "gone"] {
        check_error(main.file(path), ErrorKind::Uncommitted, &[path, "uncommitted"]);
        check_error(sales.reference("main").file(path), ErrorKind::Uncommitted, &[path, "`main@`"]);
    }
    assert_eq!(sales.reference("main@").file("a").unwrap().read().unwrap(), b"1");
    check_error(main.file("none"), ErrorKind::NotFound, &["there is no `none`"]);
    let uid = sales.reference("main@").file("a").unwrap().uid().unwrap().clone();
    check_error(lake.removal(&[uid.as_str()]), ErrorKind::InvalidInput, &["part of a commit"]);
    check_error(lake.add_bytes(uid.as_str(), "x"), ErrorKind::InvalidInput, &["a file of a commit"]);
    // Bytes that somebody uploaded are no commit, and a repository that was deleted has none.
    let bytes = std::fs::read(lake.file(uid.as_str()).unwrap().path().unwrap()).unwrap();
    let forged = lake.add_bytes("forged", bytes).unwrap().digest();
    check_error(lake.file(&format!("sales@{forged}:a")), ErrorKind::NotFound, &["no such commit"]);
    sales.delete().unwrap();
    check_error(lake.file(uid.as_str()), ErrorKind::NotFound, &["no such commit"]);
}

/// The calls above a file, the nearest first.
fn calls_above(lake: &Lake, uid: &str) -> Vec<String> {
    let nodes = lake.upstream(uid, 10).unwrap().nodes;
    assert!(nodes.iter().all(|node| node.state == UpstreamState::Present), "{nodes:?}");
    nodes.into_iter().filter_map(|node| Some(node.call?.0.function().to_owned())).collect()
}

#[test]
fn lineage_leads_through_commits() {
    let machines = Machines::new();
    let (lake, other) = (machines.machine("one"), machines.machine("other"));
    let (sales, main) = repository(&lake);
    {
        let _current = lake.enter();
        committed(&main, &[("raw/a.txt", "a")]);
        let made = upper(&main.file("raw/a.txt").unwrap()).unwrap();
        let put = main.put("out/a.txt", &made).unwrap();
        assert_eq!(put.from.as_ref(), made.uid());
        main.commit("An output").unwrap();
        upper(&main.file("out/a.txt").unwrap()).unwrap();
    }
    for lake in [&lake, &other] {
        let sales = lake.repository("sales").unwrap();
        let file = sales.branch("main").file("out/a.txt").unwrap();
        let origin = file.lineage().unwrap();
        assert_eq!(origin.call().unwrap().creator.function(), "upper");
        assert_eq!(calls_above(lake, "sales@main:out/a.txt"), ["upper"]);
        let calls = sales.branch("main").commit_calls().unwrap();
        assert_eq!((calls.len(), &calls[0].paths), (1, &vec!["out/a.txt".to_owned()]));
        assert_eq!(calls[0].key, origin.call().unwrap().key);
        assert_eq!(lake.info("sales@main:out/a.txt").unwrap().row.uid, *file.uid().unwrap());
        // Down through the commit, too.
        let below = lake.downstream("sales@main:out/a.txt", 10, 100).unwrap();
        assert_eq!(below.nodes.len(), 1);
        let graph = lake.lineage_graph("sales@main:out/a.txt", 10, 10, 100).unwrap();
        let files = graph.nodes.iter().filter(|node| matches!(node.item, GraphItem::File(_))).count();
        assert!(files >= 3, "{graph:?}");
    }
    // What was merged and taken elsewhere still leads there.
    let dev = sales.branch("dev").create("main~2").unwrap();
    merged(dev.cherry_pick("main", &MergeOptions::default()));
    assert_eq!(calls_above(&lake, "sales@dev:out/a.txt"), ["upper"]);
    dev.copy_object("dev", "out/a.txt", "copy.txt").unwrap();
    dev.delete_object("out/a.txt").unwrap();
    dev.commit("A copy").unwrap();
    assert_eq!(calls_above(&lake, "sales@dev:copy.txt"), ["upper"]);
    merged(main.merge("dev", &MergeOptions::default()));
    assert_eq!(calls_above(&lake, "sales@main:copy.txt"), ["upper"]);
    main.delete_object("copy.txt").unwrap();
    assert!(main.reset_object("copy.txt").unwrap());
    assert_eq!(calls_above(&lake, "sales@main:copy.txt"), ["upper"]);
    // What somebody put there himself says who did.
    let file = main.file("raw/a.txt").unwrap();
    let Origin::Added(added) = file.lineage().unwrap() else { panic!() };
    assert_eq!((added.size, main.stat("raw/a.txt").unwrap().put_by), (1, Some(added.person.email)));
}

#[test]
fn a_body_gets_a_file_of_a_commit_by_all_of_its_name() {
    let lake = lake();
    let (_, main) = repository(&lake);
    committed(&main, &[("a.txt", "abc")]);
    let uid = main.file("a.txt").unwrap().uid().unwrap().to_string();
    assert_eq!(lake.ok("ran fetched", || fetched(&uid)), 3);
    committed(&main, &[("a.txt", "abcd")]);
    assert_eq!(lake.ok("hit fetched", || fetched(&uid)), 3);
    let _current = lake.enter();
    let lineage = fetched::call(&uid).lineage().unwrap().unwrap();
    assert_eq!(lineage.inputs[0].uid.as_ref().unwrap().as_str(), uid);
}

/// What is noted beside files is no part of their tree, and checkpoints keep it.
#[test]
fn what_is_noted_changes_no_content() {
    let lake = lake();
    let (sales, main) = repository(&lake);
    let other = lake.new_repository("other").create().unwrap().default_branch();
    for n in 0..70 {
        main.put_bytes(&format!("{n}.txt"), n.to_string()).unwrap();
    }
    for n in (0..70).rev() {
        other.put_bytes(&format!("{n}.txt"), n.to_string()).unwrap();
    }
    let (one, two) = (main.commit("one").unwrap(), other.commit("two").unwrap());
    assert_eq!(one.tree, two.tree);
    assert!(main.list_all("").unwrap().iter().all(|object| object.put_at.is_some() && object.put_by.is_some()));
    assert!(sales.reference("main").stat("3.txt").unwrap().from.is_none());
}
