//! Files that were imported without being read: they lie outside of the lake, and are read there.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use datlake::report::{FilesOutside, FolderChangeKind};
use datlake::{
    ChangeSet, CheckoutOptions, DiffQuery, ErrorKind, File, Lake, MergeOptions, Mirror, Result, Verify, file_creator,
};

use crate::repositories::{committed, has, merged, put, repository};
use crate::support::{Machines, check_error, files_below, lake};

#[file_creator]
fn upper(text: &File) -> Result<File> {
    File::from_bytes("upper.txt", text.read_to_string()?.to_uppercase())
}

/// A folder with these files, and its URL.
fn exports(files: &[(&str, &str)]) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let url = format!("file://{}", folder.path().display());
    (folder, url)
}

fn allowed(lake: &Lake, url: &str) {
    lake.allow_addresses(&[url]).unwrap();
}

#[test]
fn what_is_imported_in_place_is_read_where_it_lies_and_is_nowhere_in_the_lake() {
    let lake = lake();
    let (sales, main) = repository(&lake);
    let large = "0123456789".repeat(100_000);
    let (folder, url) = exports(&[("a b.csv", "x,1\n"), ("sub/50%.csv", "y"), ("large", &large), ("empty", "")]);
    check_error(main.import_addresses(&url, "", "m"), ErrorKind::Denied, &["may not be read", "DATLAKE_READ_FROM"]);
    allowed(&lake, &url);
    let before = files_below(lake.home()).len();
    let imported = main.import_addresses(&url, "raw/", "The exports").unwrap();
    assert_eq!((imported.objects, imported.commit.message.as_str()), (4, "The exports"));
    // A range, a metarange, a commit and what names it.
    let after = files_below(lake.home()).len();
    assert!(after - before < 10, "{before} files became {after}");
    let object = main.stat("raw/sub/50%.csv").unwrap();
    let outside = object.outside.clone().unwrap();
    assert_eq!((object.digest, object.size, &outside.address), (None, 1, &format!("{url}/sub/50%25.csv")));
    let listed: Vec<String> = main.list_all("").unwrap().into_iter().map(|object| object.path).collect();
    assert_eq!(listed, ["raw/a b.csv", "raw/empty", "raw/large", "raw/sub/50%.csv"]);
    has(
        &sales,
        "main",
        &[("raw/a b.csv", "x,1\n"), ("raw/empty", ""), ("raw/large", &large), ("raw/sub/50%.csv", "y")],
    );
    let mut reader = main.open("raw/large").unwrap();
    reader.seek(SeekFrom::Start(999_995)).unwrap();
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    reader.seek(SeekFrom::Start(3)).unwrap();
    reader.take(4).read_to_string(&mut text).unwrap();
    assert_eq!(text, "567893456");
    assert_eq!(main.read_range("raw/large", 999_999..2_000_000).unwrap(), b"9");
    check_error(main.import_addresses(&url, "raw/", "again"), ErrorKind::Unchanged, &["has all of that already"]);
    assert!(lake.verify(Verify::default(), &[]).unwrap().findings.is_empty());
    let one = format!("{url}/sub/50%25.csv");
    assert_eq!(main.import_addresses(&one, "one.csv", "One").unwrap().objects, 1);
    assert_eq!(main.import_addresses(&one, "below/", "One").unwrap().objects, 1);
    assert!(main.exists("one.csv").unwrap() && main.exists("below/50%.csv").unwrap());
    check_error(main.import_addresses(&format!("{url}/none"), "", "m"), ErrorKind::NotFound, &["none"]);
    // It goes from reference to reference as it is.
    sales.branch("dev").create("main").unwrap().delete_object("one.csv").unwrap();
    sales.branch("dev").commit("without").unwrap();
    merged(main.merge("dev", &MergeOptions::default()));
    merged(main.revert("main", &MergeOptions::default().parent(1)));
    assert_eq!(main.read("one.csv").unwrap(), b"y");
    drop(folder);
    check_error(
        main.read("one.csv"),
        ErrorKind::Conflict,
        &["is not what was imported", "50%25.csv", "import it again"],
    );
}

#[test]
fn what_was_changed_there_is_an_error_and_no_link_is_followed() {
    let lake = lake();
    let (_, main) = repository(&lake);
    let (folder, url) =
        exports(&[("a/x", "1"), ("b/x", "1"), ("c/x", "1"), ("d/x", "1"), ("large", &"x".repeat(1 << 20))]);
    let secret = exports(&[("x", "1")]).0;
    allowed(&lake, &url);
    main.import_addresses(&url, "", "m").unwrap();
    let at = |path: &str| folder.path().join(path);
    let mut reader = main.open("large").unwrap();
    reader.read_exact(&mut [0; 8]).unwrap();
    std::fs::write(at("a/x"), "12").unwrap();
    let time = std::fs::metadata(at("b/x")).unwrap().modified().unwrap();
    std::fs::write(at("b/x"), "2").unwrap();
    let write = |path: &str| std::fs::File::options().write(true).open(at(path)).unwrap();
    write("b/x").set_modified(time + std::time::Duration::from_nanos(1000)).unwrap();
    std::fs::remove_file(at("c/x")).unwrap();
    std::os::unix::fs::symlink(secret.path().join("x"), at("c/x")).unwrap();
    std::fs::rename(at("d"), at("e")).unwrap();
    std::os::unix::fs::symlink(at("e"), at("d")).unwrap();
    for (path, why) in
        [("a/x", "it had 1 bytes and has 2"), ("b/x", "it was written to since"), ("c/x", "a link"), ("d/x", "a link")]
    {
        check_error(main.read(path), ErrorKind::Conflict, &[&format!("{url}/{path}"), why, "import it again"]);
        check_error(main.open(path), ErrorKind::Conflict, &[why]);
        check_error(main.file(path), ErrorKind::Conflict, &[why]);
        assert!(main.exists(path).unwrap());
    }
    // Also where it is changed while somebody reads it.
    write("large").set_modified(time + std::time::Duration::from_secs(9)).unwrap();
    let error = reader.read_to_end(&mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("is not what was imported"), "{error}");
    check_error(main.import_addresses(&url, "", "m"), ErrorKind::InvalidInput, &["is a link"]);
}

#[test]
fn only_what_this_machine_allows_is_opened_whatever_a_commit_says() {
    let machines = Machines::new();
    let (one, other) = (machines.machine("one"), machines.machine("other"));
    let (_, main) = repository(&one);
    let (folder, url) = exports(&[("public/a", "1"), ("private/b", "2")]);
    allowed(&one, &url);
    main.import_addresses(&url, "", "m").unwrap();
    let there = other.repository("sales").unwrap().branch("main");
    assert_eq!(there.list_all("").unwrap().len(), 2);
    check_error(there.read("public/a"), ErrorKind::Denied, &["may not be read", "DATLAKE_READ_FROM"]);
    allowed(&other, &format!("{url}/public/"));
    assert_eq!(there.read("public/a").unwrap(), b"1");
    check_error(there.read("private/b"), ErrorKind::Denied, &["private/b"]);
    check_error(there.import_addresses(&format!("{url}/public/../private"), "", "m"), ErrorKind::Denied, &[".."]);
    check_error(other.allow_addresses(&["http://127.0.0.1/"]), ErrorKind::Config, &["cannot use"]);
    // It stays where it is: what is copied names it, and it is said.
    let copy = exports(&[]).0;
    let copied = one.mirror(&Mirror::to(format!("file://{}", copy.path().display())), &[]).unwrap();
    assert!(copied.items.iter().all(|row| row.why.is_none()), "{copied:?}");
    assert_eq!((copied.outside.files, copied.outside.bytes), (2, 2));
    let pulled = other.pull(&[]).unwrap();
    assert_eq!((pulled.outside.files, pulled.outside.bytes), (2, 2));
    drop(folder);
}

#[test]
fn what_is_looked_at_or_sent_without_it_is_said_a_file_of_several_commits_once() {
    let machines = Machines::new();
    let alone = Lake::builder().home(machines.builder("one").open().unwrap().home()).open().unwrap();
    let (sales, main) = repository(&alone);
    let (_folder, url) = exports(&[("a", "1"), ("b", "22")]);
    allowed(&alone, &url);
    main.import_addresses(&url, "raw/", "m").unwrap();
    committed(&main, &[("here", "more")]);
    sales.branch("dev").create("main").unwrap();
    // `raw/a` and `raw/b` are in two ranges: that of the import, and the one in which `here` is, too.
    let is_all = |outside: FilesOutside| assert_eq!((outside.files, outside.bytes), (4, 6));
    is_all(alone.verify(Verify::default(), &[]).unwrap().outside);
    drop((alone, sales, main));
    let one = machines.machine("one");
    is_all(one.push(&[]).unwrap().outside);
    is_all(one.verify(Verify::default(), &[]).unwrap().outside);
    assert_eq!(one.push(&[]).unwrap().outside, FilesOutside::default());
}

#[test]
fn as_an_argument_it_counts_by_its_content_and_what_is_copied_is_brought_in() {
    let lake = lake();
    let (sales, main) = repository(&lake);
    let (folder, url) = exports(&[("a.txt", "a")]);
    allowed(&lake, &url);
    main.import_addresses(&url, "", "m").unwrap();
    let file = main.file("a.txt").unwrap();
    assert_eq!((file.digest(), file.len()), (datlake::Digest::of(b"a"), 1));
    let made = lake.ok("ran upper", || upper(&file));
    let added = file.lineage().unwrap();
    assert_eq!(added.added().unwrap().source.as_deref(), Some(&*format!("{url}/a.txt")));
    let copy = main.copy_object("main", "a.txt", "copy.txt").unwrap();
    assert_eq!((copy.digest, copy.outside), (Some(file.digest()), None));
    // The same content at the same path, wherever it lies, is the same argument.
    let dev = sales.branch("dev").create("main~1").unwrap();
    committed(&dev, &[("a.txt", "a")]);
    assert_eq!(lake.ok("hit upper", || upper(&dev.file("a.txt").unwrap())), made);
    std::fs::remove_dir_all(folder.path()).unwrap();
    assert_eq!(main.read("copy.txt").unwrap(), b"a");
    assert_eq!(lake.ok("hit upper", || upper(&main.file("a.txt").unwrap())), made);
}

#[test]
fn an_import_in_place_leaves_what_others_have_uncommitted() {
    let lake = lake();
    let (_, main) = repository(&lake);
    main.upload("raw/0500").metadata("rows", "1").put_bytes("old").unwrap();
    main.commit("one").unwrap();
    put(&main, &[("draft", "d"), ("raw/0001", "theirs")]);
    let names: Vec<String> = (0..3000).map(|at| format!("{at:04}")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "new")).collect();
    let (_folder, url) = exports(&files);
    allowed(&lake, &url);
    assert_eq!(main.import_addresses(&url, "raw/", "m").unwrap().objects, 3000);
    let left = main.uncommitted(&DiffQuery::default()).unwrap();
    assert_eq!(left.items.iter().map(|item| item.path.as_str()).collect::<Vec<_>>(), ["draft"]);
    assert_eq!(main.read("raw/0001").unwrap(), b"new");
    assert!(main.stat("raw/0500").unwrap().metadata.is_empty());
    // The tree is the one that is made of all its entries at once.
    let tree = main.commit_info().unwrap().tree;
    main.commit_all("without", &ChangeSet::new().delete("raw/0007")).unwrap();
    main.import_addresses(&format!("{url}/0007"), "raw/0007", "one").unwrap();
    assert_eq!(main.commit_info().unwrap().tree, tree);
}

/// What was changed in a working copy, with what was imported there: `+a ~b<url/b -c<url/c`.
#[track_caller]
fn changed(lake: &Lake, folder: &Path, url: &str, expected: &str) {
    let changes = lake.working_copy(folder).unwrap().changes().unwrap();
    let shown = changes.items.iter().map(|change| {
        let sign = match change.kind {
            FolderChangeKind::Added => '+',
            FolderChangeKind::Deleted => '-',
            _ => '~',
        };
        let outside = change.outside.as_ref().map(|at| format!("<{}", at.strip_prefix(url).unwrap()));
        format!("{sign}{}{}", change.path, outside.unwrap_or_default())
    });
    assert_eq!(shown.collect::<Vec<_>>().join(" "), expected);
}

#[test]
fn a_working_copy_downloads_what_lies_outside_and_keeps_in_place_what_was_not_changed() {
    let lake = lake();
    let (sales, main) = repository(&lake);
    let (exported, url) = exports(&[("a", "1"), ("b", "22"), ("c", "333"), ("empty", "")]);
    allowed(&lake, &url);
    main.import_addresses(&url, "raw/", "m").unwrap();
    committed(&main, &[("here", "h")]);
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("work");
    let checkout = |reference: &str| {
        let done = sales.reference(reference).checkout(&folder, &CheckoutOptions::default()).unwrap();
        (done.written, done.outside.files, done.outside.bytes, done.removed)
    };
    let before = files_below(lake.home()).len();
    assert_eq!(checkout("main"), (5, 4, 6, 0));
    assert_eq!(files_below(lake.home()).len(), before);
    let read = |path: &str| std::fs::read_to_string(folder.join(path)).unwrap();
    assert_eq!(["raw/a", "raw/b", "raw/c", "raw/empty", "here"].map(read), ["1", "22", "333", "", "h"]);
    changed(&lake, &folder, &url, "");
    let commit = |message: &str| lake.working_copy(&folder).unwrap().commit(message);
    check_error(commit("nothing"), ErrorKind::Unchanged, &["nothing was changed in"]);
    std::fs::write(folder.join("raw/b"), "23").unwrap();
    std::fs::remove_file(folder.join("raw/c")).unwrap();
    std::fs::write(folder.join("new"), "n").unwrap();
    changed(&lake, &folder, &url, "+new ~raw/b</b -raw/c</c");
    commit("changed").unwrap();
    let lies = |path: &str| main.stat(path).unwrap().outside.map(|outside| outside.address);
    assert_eq!(
        ["raw/a", "raw/b", "raw/empty"].map(lies),
        [Some(format!("{url}/a")), None, Some(format!("{url}/empty"))]
    );
    assert_eq!((main.read("raw/b").unwrap(), main.exists("raw/c").unwrap()), (b"23".to_vec(), false));
    assert_eq!(std::fs::read(exported.path().join("b")).unwrap(), b"22");
    // There and back: what is the same is not downloaded again.
    assert_eq!(checkout("main~1"), (2, 2, 5, 1));
    assert_eq!(checkout("main"), (2, 0, 0, 1));
    // The same content as a file of the lake is nothing to write.
    main.copy_object("main", "raw/a", "raw/a").unwrap();
    main.commit("brought in").unwrap();
    assert_eq!(lies("raw/a"), None);
    assert_eq!(checkout("main"), (0, 0, 0, 0));
    changed(&lake, &folder, &url, "");
    // A program is another file than what was imported, as far as a commit says.
    std::fs::set_permissions(folder.join("raw/empty"), std::fs::Permissions::from_mode(0o755)).unwrap();
    changed(&lake, &folder, &url, "~raw/empty</empty");
}

#[test]
fn a_checkout_of_what_lies_outside_goes_on_where_it_stopped_and_replaces_nothing_that_it_does_not_know() {
    let machines = Machines::new();
    let (lake, other) = (machines.machine("one"), machines.machine("other"));
    let (_, main) = repository(&lake);
    let (exported, url) = exports(&[("a", "1"), ("b", "22"), ("c", "333")]);
    allowed(&lake, &url);
    main.import_addresses(&url, "raw/", "m").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("work");
    let checkout = |lake: &Lake| {
        let main = lake.repository("sales").unwrap().branch("main");
        main.checkout(&folder, &CheckoutOptions::default()).map(|done| done.outside.files)
    };
    let says = ["cannot check out `raw/a`", "may not be read", &url, "DATLAKE_READ_FROM"];
    check_error(checkout(&other), ErrorKind::Denied, &says);
    assert!(!folder.join("raw").exists());
    // One of them is not what it was: the others are there by then, or not.
    let at = exported.path().join("c");
    let time = std::fs::metadata(&at).unwrap().modified().unwrap();
    std::fs::write(&at, "444").unwrap();
    let says = ["cannot check out `raw/c`", "is not what was imported", "import it again"];
    check_error(checkout(&lake), ErrorKind::Conflict, &says);
    // As a process does that is killed behind a file.
    std::fs::write(&at, "333").unwrap();
    std::fs::File::options().write(true).open(&at).unwrap().set_modified(time).unwrap();
    for path in ["a", "b", "c"].map(|path| folder.join("raw").join(path)) {
        let _ = std::fs::remove_file(path);
    }
    assert_eq!(checkout(&lake).unwrap(), 3);
    let document = folder.join(".datlake-checkout/checkout.json");
    let whole: serde_json::Value = serde_json::from_slice(&std::fs::read(&document).unwrap()).unwrap();
    let mut killed = whole.clone();
    killed["begun"] = serde_json::json!([whole["commit"]]);
    killed["commit"] = serde_json::Value::Null;
    std::fs::write(&document, killed.to_string()).unwrap();
    std::fs::remove_file(folder.join(".datlake-checkout/states")).unwrap();
    std::fs::remove_file(folder.join("raw/b")).unwrap();
    assert_eq!(checkout(&lake).unwrap(), 1);
    changed(&lake, &folder, &url, "");
    // Without its notes nothing is known of them: they count as changed, and are never replaced.
    std::fs::remove_file(folder.join(".datlake-checkout/in-place")).unwrap();
    changed(&lake, &folder, &url, "~raw/a</a ~raw/b</b ~raw/c</c");
    std::fs::write(&at, "4444").unwrap();
    main.import_addresses(&url, "raw/", "again").unwrap();
    check_error(checkout(&lake), ErrorKind::AlreadyExists, &["would be lost", "raw/c"]);
    assert_eq!(std::fs::read(folder.join("raw/c")).unwrap(), b"333");
}
