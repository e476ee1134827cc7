//! Repositories: what is put, committed, compared and merged there.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datlake::report::{MergeResult, ObjectItem};
use datlake::testing::Side;
use datlake::{
    Branch, CommitMessage, DiffQuery, ErrorKind, Lake, LogQuery, MergeOptions, ObjectQuery, Repository, Result,
    file_creator,
};

use crate::failing::{Asked, Fault, faulty};
use crate::listing::{Questions, counting};
use crate::support::{Machines, Watched, check_error, files_below, lake, overwrite};

pub(crate) fn repository(lake: &Lake) -> (Repository, Branch) {
    let repository = lake.new_repository("sales").create().unwrap();
    let main = repository.branch("main");
    (repository, main)
}

pub(crate) fn put(branch: &Branch, files: &[(&str, &str)]) {
    files.iter().for_each(|(path, content)| drop(branch.put_bytes(path, content).unwrap()));
}

pub(crate) fn committed(branch: &Branch, files: &[(&str, &str)]) -> String {
    put(branch, files);
    branch.commit(format!("{files:?}")).unwrap().id.to_string()
}

/// All that is at a reference.
pub(crate) fn content(repository: &Repository, expression: &str) -> BTreeMap<String, String> {
    let reference = repository.reference(expression);
    let read = |path: &str| String::from_utf8(reference.read(path).unwrap()).unwrap();
    let files = reference.list_all("").unwrap().into_iter().filter(|object| object.is_file());
    files.map(|object| (object.path.clone(), read(&object.path))).collect()
}

#[track_caller]
pub(crate) fn has(repository: &Repository, expression: &str, files: &[(&str, &str)]) {
    let expected = files.iter().map(|(path, content)| ((*path).to_owned(), (*content).to_owned())).collect();
    assert_eq!(content(repository, expression), expected, "at {expression}");
}

pub(crate) fn merged(result: Result<MergeResult>) -> datlake::report::CommitInfo {
    match result.unwrap() {
        MergeResult::Merged(commit) => commit,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_repository_is_created_once_and_one_that_comes_back_is_another() {
    let lake = lake();
    let (first, main) = repository(&lake);
    check_error(lake.new_repository("sales").create(), ErrorKind::AlreadyExists, &["has a repository `sales`"]);
    assert_eq!(lake.new_repository("sales").default_branch("x").get_or_create().unwrap(), first);
    committed(&main, &[("a.csv", "1")]);
    first.tag("v1").create("main").unwrap();
    assert_eq!(lake.repositories().unwrap(), std::slice::from_ref(&first));
    first.delete().unwrap();
    assert_eq!(files_below(&lake.home().join("repos")).len(), 0);
    check_error(main.put_bytes("b.csv", "2"), ErrorKind::NotFound, &["was deleted"]);
    check_error(first.branches(), ErrorKind::NotFound, &["was deleted"]);
    check_error(first.delete(), ErrorKind::NotFound, &["was deleted"]);
    let (second, _) = repository(&lake);
    assert_ne!(second, first);
    check_error(main.put_bytes("b.csv", "2"), ErrorKind::NotFound, &["was deleted"]);
    assert!(content(&second, "main").is_empty() && second.tags().unwrap().is_empty());
    check_error(lake.repository("salse"), ErrorKind::NotFound, &["no repository `salse`", "`sales`"]);
}

#[test]
fn names_that_are_none_are_refused_with_the_rule() {
    let lake = lake();
    let (sales, main) = repository(&lake);
    let invalid = |says| (ErrorKind::InvalidInput, says);
    let (kind, says) = invalid("lower-case letters");
    check_error(lake.new_repository("Sales").create(), kind, &[says]);
    check_error(lake.new_repository("other").default_branch("a b").create(), kind, &["ASCII letters"]);
    check_error(sales.branch("a/b").create("main"), kind, &["ASCII letters"]);
    check_error(sales.tag("a..b").create("main"), kind, &["`..`"]);
    for path in ["", "..", "a/../b", "/a", "a\u{7}", "a\\b", "a.datlake", "@a", "a/", &"x".repeat(2048)] {
        check_error(main.put_bytes(path, "1"), kind, &["cannot be a path of a repository: it "]);
    }
    check_error(main.put_bytes("a//b", "1"), kind, &["it has an empty segment"]);
    // What looks alike is not the same, and a path may be a folder of another.
    for (path, content) in [("ä", "one"), ("a\u{308}", "two"), ("a", "three"), ("a/b", "four")] {
        main.put_bytes(path, content).unwrap();
    }
    main.commit("look-alikes").unwrap();
    has(&sales, "main", &[("ä", "one"), ("a\u{308}", "two"), ("a", "three"), ("a/b", "four")]);
}

#[test]
fn what_is_uploaded_is_read_in_every_way() {
    let lake = lake();
    let (_, main) = repository(&lake);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x"), "from a path").unwrap();
    let file = lake.add_bytes("tables/a.csv", "from a file").unwrap();
    main.put_bytes("bytes", "from bytes").unwrap();
    main.put_reader("reader", &mut "from a reader".as_bytes()).unwrap();
    main.put_path("path", folder.path().join("x")).unwrap();
    assert_eq!(main.put("file", &file).unwrap().digest, Some(file.digest()));
    for (path, expected) in
        [("bytes", "from bytes"), ("reader", "from a reader"), ("path", "from a path"), ("file", "from a file")]
    {
        assert_eq!(main.read(path).unwrap(), expected.as_bytes());
        assert_eq!(main.stat(path).unwrap().size, expected.len() as u64);
    }
    let mut reader = main.open("reader").unwrap();
    reader.seek(SeekFrom::Start(7)).unwrap();
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    assert_eq!((rest.as_str(), main.read_range("path", 5..6).unwrap()), ("reader", b"a".to_vec()));
    check_error(main.stat("none"), ErrorKind::NotFound, &["no `none` at `sales@main`"]);
    check_error(main.put_path("folder", folder.path()), ErrorKind::InvalidInput, &[]);
    check_error(
        main.put("x", &crate::support::lake().add_bytes("x", "1").unwrap()),
        ErrorKind::InvalidInput,
        &["another lake"],
    );
    let tree = lake.add_tree("tree", folder.path()).unwrap();
    check_error(main.put("x", tree.as_file()), ErrorKind::InvalidInput, &["is a tree"]);
    // A reader that fails puts nothing.
    struct Fails;
    impl std::io::Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the line broke"))
        }
    }
    check_error(main.put_reader("x", &mut Fails), ErrorKind::Io, &["the line broke"]);
    assert!(!main.exists("x").unwrap());
}

/// A small file of a folder rests in a pack, which the folder keeps and nothing else.
#[test]
fn a_file_of_a_folder_is_kept_when_the_folder_is_removed() {
    let lake = lake();
    let folder = tempfile::tempdir().unwrap();
    (0..20).for_each(|at| std::fs::write(folder.path().join(format!("{at}")), format!("small {at}")).unwrap());
    let tree = lake.add_tree("folder", folder.path()).unwrap();
    let (sales, main) = repository(&lake);
    main.put("seven", &tree.get("7").unwrap()).unwrap();
    main.commit("seven").unwrap();
    lake.remove("folder").unwrap();
    lake.collect(Default::default()).unwrap();
    has(&sales, "main", &[("seven", "small 7")]);
    assert_eq!(lake.verify(Default::default(), &[]).unwrap().findings, []);
}

#[test]
fn a_page_has_what_is_there_whatever_is_uncommitted() {
    let lake = lake();
    let (_, main) = repository(&lake);
    let mut there = BTreeSet::new();
    for at in 0..150 {
        let path = format!("{}/{}/{at}", at % 3, at % 7);
        main.put_bytes(&path, "x").unwrap();
        there.insert(path);
        if at == 70 {
            main.commit("some").unwrap();
        }
    }
    let gone: Vec<String> = there.iter().step_by(5).cloned().collect();
    assert_eq!(main.delete_objects(&gone).unwrap(), gone.len());
    gone.iter().for_each(|path| assert!(there.remove(path)));
    for (prefix, delimiter) in
        [("", ""), ("", "/"), ("1/", "/"), ("1/", ""), ("2/3", "/"), ("1/1/1", ""), ("9", "/"), ("", "1/")]
    {
        let mut expected: Vec<String> = Vec::new();
        for path in there.iter().filter(|path| path.starts_with(prefix)) {
            let cut = path[prefix.len()..].find(delimiter).filter(|_| !delimiter.is_empty());
            let item = cut.map_or(path.clone(), |at| path[..prefix.len() + at + delimiter.len()].to_owned());
            if expected.last() != Some(&item) {
                expected.push(item);
            }
        }
        for limit in [1, 4, 1000] {
            let (mut found, mut after) = (Vec::new(), String::new());
            loop {
                let query = ObjectQuery::below(prefix).delimiter(delimiter).after(&after).limit(limit);
                let page = main.list(&query).unwrap();
                assert!(page.items.len() <= limit);
                found.extend(page.items.into_iter().map(|item| match item {
                    ObjectItem::Object(object) => object.path,
                    ObjectItem::Prefix(prefix) => prefix,
                    _ => unreachable!(),
                }));
                let Some(next) = page.next else { break };
                after = next;
            }
            assert_eq!(found, expected, "{prefix:?} {delimiter:?} {limit}");
        }
    }
}

/// Nothing is behind the last character, and paths have it too.
#[test]
fn a_prefix_is_one_item_whatever_its_paths_go_on_with() {
    let lake = lake();
    let (_, main) = repository(&lake);
    let last = char::MAX;
    let paths =
        [format!("a/{last}"), format!("a/{last}{last}x"), format!("b{last}c"), format!("b{last}d"), "c".to_owned()];
    paths.iter().for_each(|path| drop(main.put_bytes(path, "x").unwrap()));
    let folders = ObjectQuery::default().delimiter("/").limit(9);
    let page = main.list(&folders).unwrap();
    assert_eq!((page.prefixes().collect::<Vec<_>>(), page.objects().count(), &page.next), (vec!["a/"], 3, &None));
    let page = main.list(&folders.after("a/")).unwrap();
    assert_eq!((page.prefixes().count(), page.objects().count(), page.next), (0, 3, None));
    let page = main.list(&ObjectQuery::default().delimiter(last.to_string()).limit(9)).unwrap();
    assert_eq!(page.prefixes().collect::<Vec<_>>(), [format!("a/{last}"), format!("b{last}")]);
    // The prefix that has nothing behind it is the last item.
    main.put_bytes(&format!("{last}{last}"), "x").unwrap();
    let page = main.list(&ObjectQuery::default().after("c").delimiter(last.to_string()).limit(9)).unwrap();
    assert_eq!((page.items.len(), page.next), (1, None));
}

#[test]
fn each_reference_means_what_it_says() {
    let lake = lake();
    let (sales, main) = repository(&lake);
    let one = committed(&main, &[("a", "1")]);
    sales.tag("releases/v1").create("main").unwrap();
    let dev = sales.branch("dev").create("main~1").unwrap();
    committed(&dev, &[("b", "1")]);
    let merge = merged(main.merge("dev", &MergeOptions::default()));
    put(&main, &[("c", "1")]);
    has(&sales, "main", &[("a", "1"), ("b", "1"), ("c", "1")]);
    has(&sales, "main@", &[("a", "1"), ("b", "1")]);
    has(&sales, "main~1", &[("a", "1")]);
    has(&sales, "main^2", &[("b", "1")]);
    has(&sales, "main^2~1", &[]);
    has(&sales, "releases/v1", &[("a", "1")]);
    has(&sales, &one, &[("a", "1")]);
    has(&sales, &one[..8], &[("a", "1")]);
    has(&sales, &format!("{}^2", merge.id), &[("b", "1")]);
    assert_eq!(merge.generation, 3);
    check_error(sales.reference("main~9").commit_info(), ErrorKind::NotFound, &["has no parent 1"]);
    check_error(sales.reference("main^3").commit_info(), ErrorKind::NotFound, &["has no parent 3"]);
    check_error(
        sales.reference("mian").commit_info(),
        ErrorKind::NotFound,
        &["no branch, tag or commit `mian`", "`main`"],
    );
    check_error(sales.reference(&one[..7]).commit_info(), ErrorKind::NotFound, &["no branch, tag or commit"]);
    check_error(sales.reference("main~x").commit_info(), ErrorKind::InvalidInput, &["is no reference"]);
    // Without its marks, which are an index, a commit is found in the history; but not what somebody else has.
    let marks =
        files_below(&lake.home().join("repos")).into_iter().filter(|path| path.to_string_lossy().contains("/commits/"));
    marks.for_each(|mark| std::fs::remove_file(mark).unwrap());
    has(&sales, &one[..9], &[("a", "1")]);
    has(&sales, &one, &[("a", "1")]);
}

/// A file is no commit, although its bytes are one's.
#[test]
fn what_somebody_uploads_is_no_commit() {
    let lake = lake();
    let (sales, main) = repository(&lake);
    let other = lake.new_repository("other").create().unwrap();
    let id = committed(&other.branch("main"), &[("secret", "1")]);
    let blob = lake.home().join("blobs").join(&id[..2]).join(&id);
    main.put_bytes("forged", std::fs::read(blob).unwrap()).unwrap();
    assert_eq!(main.stat("forged").unwrap().checksum(), id);
    check_error(sales.reference(&id).commit_info(), ErrorKind::NotFound, &["no branch, tag or commit"]);
    check_error(sales.branch("dev").create(&id[..10]), ErrorKind::NotFound, &["no branch, tag or commit"]);
    let digest = main.put_bytes("a", "1").unwrap().checksum();
    check_error(sales.reference(&digest).commit_info(), ErrorKind::NotFound, &["no branch, tag or commit"]);
}

#[test]
fn what_is_uncommitted_is_seen_committed_and_discarded() {
    let lake = lake();
    let (sales, main) = repository(&lake);
    check_error(main.commit("nothing"), ErrorKind::Unchanged, &["nothing to commit at `sales@main`"]);
    committed(&main, &[("a", "1"), ("b", "1"), ("raw/c", "1")]);
    let changes = |query: &DiffQuery| -> Vec<String> {
        let page = main.uncommitted(query).unwrap();
        let sign = |change: &datlake::report::ObjectChange| match (&change.before, &change.after) {
            (None, _) => '+',
            (_, None) => '-',
            _ => '~',
        };
        page.items.iter().map(|change| format!("{}{}", sign(change), change.path)).collect()
    };
    assert!(changes(&DiffQuery::default()).is_empty());
    put(&main, &[("b", "2"), ("d", "1"), ("raw/e", "1"), ("a", "1")]);
    assert!(main.delete_object("raw/c").unwrap());
    assert_eq!(changes(&DiffQuery::default()), ["~b", "+d", "-raw/c", "+raw/e"]);
    assert_eq!(changes(&DiffQuery::below("raw/")), ["-raw/c", "+raw/e"]);
    assert_eq!(changes(&DiffQuery::default().after("b").limit(1)), ["+d"]);
    assert_eq!(main.uncommitted(&DiffQuery::default().limit(2)).unwrap().next.as_deref(), Some("d"));
    assert_eq!(main.reset_prefix("raw/").unwrap(), 2);
    assert!(main.reset_object("b").unwrap());
    assert_eq!(changes(&DiffQuery::default()), ["+d"]);
    let commit = main.commit(CommitMessage::new("d").metadata("rows", "1")).unwrap();
    assert_eq!((commit.metadata["rows"].as_str(), commit.parents.len()), ("1", 1));
    put(&main, &[("a", "9"), ("z", "9")]);
    assert_eq!((main.reset().unwrap(), main.reset().unwrap()), (2, 0));
    has(&sales, "main", &[("a", "1"), ("b", "1"), ("raw/c", "1"), ("d", "1")]);
    let diff = sales.reference("main~1").diff("main", &DiffQuery::default()).unwrap();
    assert_eq!(diff.items.len(), 1);
    // What was changed and changed back is nothing to commit.
    put(&main, &[("a", "2"), ("a", "1")]);
    check_error(main.commit("nothing"), ErrorKind::Unchanged, &[]);
}

#[test]
fn branches_and_tags_are_created_once_and_deleted() {
    let lake = lake();
    let (sales, main) = repository(&lake);
    committed(&main, &[("a", "1")]);
    let dev = sales.branch("dev").create("main").unwrap();
    sales.tag("v1").create("dev").unwrap();
    check_error(sales.branch("dev").create("main"), ErrorKind::AlreadyExists, &["has a branch `dev`"]);
    check_error(sales.tag("dev").create("main"), ErrorKind::AlreadyExists, &["has a branch `dev`"]);
    check_error(sales.tag("v1").create("main"), ErrorKind::AlreadyExists, &["has a tag `v1`"]);
    check_error(sales.branch("v1").create("main"), ErrorKind::AlreadyExists, &["has a tag `v1`"]);
    check_error(sales.branch("x").create("none"), ErrorKind::NotFound, &["no branch, tag or commit `none`"]);
    check_error(main.delete(), ErrorKind::InvalidInput, &["is the default branch"]);
    put(&dev, &[("b", "2")]);
    dev.delete().unwrap();
    check_error(dev.put_bytes("b", "2"), ErrorKind::NotFound, &["no branch `dev`"]);
    check_error(dev.delete(), ErrorKind::NotFound, &["no branch `dev`"]);
    check_error(sales.tag("v2").delete(), ErrorKind::NotFound, &["no tag `v2`"]);
    // One that comes back has nothing of the one before it.
    let dev = sales.branch("dev").create("main").unwrap();
    has(&sales, "dev", &[("a", "1")]);
    dev.copy_object("v1", "a", "copy").unwrap();
    has(&sales, "dev", &[("a", "1"), ("copy", "1")]);
}

/// What cannot be asked for may be there.
#[test]
fn whatever_request_fails_no_branch_and_tag_have_one_name() {
    let machines = Machines::new();
    let (sales, _) = repository(&machines.machine("one"));
    sales.branch("dev").create("main").unwrap();
    sales.tag("v1").create("main").unwrap();
    for name in ["v1", "dev"] {
        for at in 0.. {
            // It counts from where the repository is open.
            let requests = Arc::new(AtomicUsize::new(usize::MAX / 2));
            let counted = Arc::clone(&requests);
            let plan = move |asked: Asked<'_>| {
                (asked.side == Side::Remote && counted.fetch_add(1, Ordering::SeqCst) == at).then_some(Fault::Before)
            };
            let lake = machines.builder("other").wrap_stores(faulty(Arc::new(plan))).open().unwrap();
            let there = lake.repository("sales").unwrap();
            requests.store(0, Ordering::SeqCst);
            let error = match name {
                "v1" => there.branch(name).create("main").unwrap_err(),
                _ => there.tag(name).create("main").unwrap_err(),
            };
            if requests.load(Ordering::SeqCst) <= at {
                assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
                break;
            }
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{at}: {error}");
        }
    }
    assert_eq!((sales.branches().unwrap().len(), sales.tags().unwrap().len()), (2, 1));
}

/// A commit that a branch leads to is whole, and its mark says where it belongs.
#[test]
fn a_commit_is_found_by_its_id_whatever_else_the_history_has() {
    let asked = |commits: usize| {
        let machines = Machines::new();
        let (_, main) = repository(&machines.machine("one"));
        let ids: Vec<_> = (0..commits).map(|at| committed(&main, &[("a", &format!("{at}"))])).collect();
        let id = ids.last().unwrap();
        put(&main, &[("b", "1")]);
        main.commit("last").unwrap();
        let asked = Questions::default();
        let lake = machines.builder("other").wrap_stores(counting(&asked)).open().unwrap();
        lake.repository("sales").unwrap().branch("main").revert(id, &MergeOptions::default()).unwrap();
        let asked = asked.lock().unwrap();
        assert!(!asked.iter().any(|(what, about)| *what == "list" && about.ends_with("/commits")), "{asked:?}");
        asked.iter().filter(|(_, about)| about.starts_with("blobs/")).count()
    };
    assert_eq!(asked(3), asked(12));
}

/// Whoever created the repository died before its default branch was there.
#[test]
fn a_repository_whose_default_branch_never_came_to_be_has_it() {
    let lake = lake();
    let (sales, _) = repository(&lake);
    let branch =
        files_below(&lake.home().join("repos")).into_iter().find(|path| path.ends_with("branches/main.datlake"));
    let branch = branch.unwrap();
    let bytes = std::fs::read(&branch).unwrap();
    std::fs::remove_file(&branch).unwrap();
    let main = lake.repository("sales").unwrap().branch("main");
    committed(&main, &[("a", "1")]);
    assert_eq!(std::fs::read(&branch).unwrap(), bytes);
    has(&sales, "main", &[("a", "1")]);
}

#[file_creator]
fn looks(#[skip] lake: &Lake) -> Result<u64> {
    Ok(lake.repository("sales")?.branch("main").stat("a")?.size)
}

#[file_creator]
fn looks_there(#[skip] branch: &Branch) -> Result<u64> {
    Ok(branch.stat("a")?.size)
}

#[test]
fn in_a_body_no_repository_is_looked_at() {
    let lake = lake();
    let (_, main) = repository(&lake);
    put(&main, &[("a", "1")]);
    let _current = lake.enter();
    check_error(looks(&lake), ErrorKind::Context, &["cannot open a repository in the body of"]);
    check_error(looks_there(&main), ErrorKind::Context, &["cannot read a repository in the body of"]);
}

#[test]
fn many_uploads_are_read_by_few_entries_and_a_commit_covers_them() {
    let machines = Machines::new();
    let (one, other) = (machines.machine("one"), machines.machine("other"));
    let (sales, main) = repository(&one);
    for at in 0..150 {
        main.put_bytes(&format!("{at:03}"), at.to_string()).unwrap();
    }
    let there = other.repository("sales").unwrap();
    assert_eq!(content(&there, "main").len(), 150);
    // As many as came behind the last checkpoint, and that.
    let entries = files_below(&other.home().join("repos")).len();
    assert!((1..80).contains(&entries), "{entries} entries were read");
    main.delete_object("007").unwrap();
    main.commit("all").unwrap();
    assert_eq!(content(&there, "main@").len(), 149);
    assert_eq!(content(&sales, "main"), content(&there, "main@"));
}

/// Several machines upload and commit to one branch at once: history is one line, and all is there.
#[test]
fn who_commits_to_one_branch_at_once_loses_nothing() {
    let machines = Machines::new();
    repository(&machines.machine("first"));
    let all: Vec<(String, Vec<String>)> = std::thread::scope(|scope| {
        let writes = |name: String, lake: Watched| {
            let main = lake.repository("sales").unwrap().branch("main");
            let mut commits = Vec::new();
            for at in 0..6 {
                main.put_bytes(&format!("{name}/{at}"), &name).unwrap();
                match main.commit(format!("{name} {at}")) {
                    Ok(commit) => commits.push(commit.id.to_string()),
                    // Another committed it with theirs.
                    Err(error) => assert_eq!(error.kind(), ErrorKind::Unchanged, "{error}"),
                }
            }
            (name, commits)
        };
        let name = |at: usize| format!("m{at}");
        let started: Vec<_> = (0..4)
            .map(|at| {
                let lake = machines.machine(&name(at % 2));
                scope.spawn(move || writes(name(at), lake))
            })
            .collect();
        started.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let sales = machines.machine("last").repository("sales").unwrap();
    let log = sales.reference("main").log(&LogQuery::default()).unwrap();
    assert!(log.iter().all(|commit| commit.parents.len() <= 1));
    assert!(log.windows(2).all(|pair| pair[0].parents == [pair[1].id]), "history is no line");
    let line: Vec<String> = log.iter().map(|commit| commit.id.to_string()).collect();
    let there = content(&sales, "main@");
    for (name, commits) in all {
        assert!((0..6).all(|at| there.contains_key(&format!("{name}/{at}"))), "{there:?}");
        assert!(commits.iter().all(|commit| line.contains(commit)));
    }
    assert!(sales.branch("main").uncommitted(&DiffQuery::default()).unwrap().items.is_empty());
}

#[test]
fn a_damaged_range_is_an_error_that_names_it() {
    let lake = lake();
    let (_, main) = repository(&lake);
    committed(&main, &[("a", "1")]);
    let is_range = |path: &std::path::PathBuf| {
        let bytes = std::fs::read(path).unwrap();
        bytes.starts_with(b"datlake range") && bytes.ends_with(b" a\n")
    };
    let range = files_below(&lake.home().join("blobs")).into_iter().find(is_range).unwrap();
    overwrite(&range, |bytes| bytes[20] ^= 1);
    let main = lake.repository("sales").unwrap().branch("main");
    check_error(main.read("a"), ErrorKind::Corrupt, &["a tree of the repository `sales`"]);
}
