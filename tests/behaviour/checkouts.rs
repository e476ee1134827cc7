//! Folders that are working copies: what is written there, what is never replaced, and what is committed of them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::time::Duration;

use datlake::report::ObjectInfo;
use datlake::{
    Branch, ChangeSet, CheckoutOptions, DiffQuery, Digest, ErrorKind, Lake, MergeOptions, ObjectQuery, Repository,
    Result,
};

use crate::repositories::{committed, content, has, merged, repository};
use crate::support::{Machines, blob_in, check_error, lake, overwrite};

const OWN: &str = ".datlake-checkout";

fn checkout(repository: &Repository, expression: &str, folder: &Path) -> Result<(u64, u64)> {
    let done = repository.reference(expression).checkout(folder, &CheckoutOptions::default())?;
    Ok((done.written, done.removed))
}

fn forced(repository: &Repository, expression: &str, folder: &Path) -> (u64, u64) {
    let done = repository.reference(expression).checkout(folder, &CheckoutOptions::default().force(true)).unwrap();
    (done.written, done.removed)
}

/// All that is in a folder, but what the working copy knows of itself. `/` stands for a folder with nothing in it.
pub(crate) fn found(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let all = walkdir::WalkDir::new(folder).min_depth(1).into_iter().filter_entry(|entry| entry.file_name() != OWN);
    for entry in all.map(Result::unwrap) {
        let path = entry.path().strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
        let meta = entry.path().symlink_metadata().unwrap();
        if meta.is_symlink() {
            found.insert(path, format!("-> {}", fs::read_link(entry.path()).unwrap().display()));
        } else if meta.is_file() {
            let mark = if meta.permissions().mode() & 0o100 != 0 { "*" } else { "" };
            found.insert(path, format!("{mark}{}", fs::read_to_string(entry.path()).unwrap()));
        } else if fs::read_dir(entry.path()).unwrap().next().is_none() {
            found.insert(path, "/".to_owned());
        }
    }
    found
}

#[track_caller]
fn is(folder: &Path, files: &[(&str, &str)]) {
    let expected = files.iter().map(|(path, content)| ((*path).to_owned(), (*content).to_owned())).collect();
    assert_eq!(found(folder), expected);
}

/// What was changed in a working copy: `+a ~b -c`.
#[track_caller]
fn changed(lake: &Lake, folder: &Path, expected: &str) {
    let changes = lake.working_copy(folder).unwrap().changes().unwrap();
    let sign = |kind: &str| match kind {
        "Added" => '+',
        "Deleted" => '-',
        _ => '~',
    };
    let shown: Vec<String> =
        changes.items.iter().map(|change| format!("{}{}", sign(&format!("{:?}", change.kind)), change.path)).collect();
    assert_eq!(shown.join(" "), expected);
}

fn commit(lake: &Lake, folder: &Path, message: &str) -> Result<datlake::report::CommitInfo> {
    lake.working_copy(folder)?.commit(message)
}

fn executable(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A lake with a repository, and the folder of a working copy of its branch.
fn made(files: &[(&str, &str)]) -> (crate::support::Watched, Repository, Branch, tempfile::TempDir) {
    let (lake, dir) = (lake(), tempfile::tempdir().unwrap());
    let (sales, main) = repository(&lake);
    committed(&main, files);
    checkout(&sales, "main", dir.path()).unwrap();
    (lake, sales, main, dir)
}

#[test]
fn a_folder_has_what_a_commit_has_and_goes_back_to_it() {
    let (lake, sales, main, dir) = made(&[("a.csv", "1"), ("raw/b.csv", "2"), ("raw/c.csv", "3")]);
    let folder = dir.path();
    is(folder, &[("a.csv", "1"), ("raw/b.csv", "2"), ("raw/c.csv", "3")]);
    assert_eq!(checkout(&sales, "main", folder).unwrap(), (0, 0));
    check_error(commit(&lake, folder, "nothing"), ErrorKind::Unchanged, &["nothing was changed in"]);
    // Additions, changes, deletions; a program, links, an empty folder; a file that becomes a folder, and the other way round.
    fs::remove_file(folder.join("a.csv")).unwrap();
    fs::create_dir(folder.join("a.csv")).unwrap();
    fs::write(folder.join("a.csv/inner"), "4").unwrap();
    fs::remove_dir_all(folder.join("raw")).unwrap();
    fs::write(folder.join("raw"), "5").unwrap();
    fs::write(folder.join("run.sh"), "#!/bin/sh").unwrap();
    executable(&folder.join("run.sh"));
    symlink("a.csv/inner", folder.join("link")).unwrap();
    fs::create_dir(folder.join("empty")).unwrap();
    changed(&lake, folder, "-a.csv +a.csv/inner +empty +link +raw -raw/b.csv -raw/c.csv +run.sh");
    let before = main.commit_info().unwrap();
    let done = commit(&lake, folder, "all of it").unwrap();
    assert_eq!((done.parents.as_slice(), &*done.message), (&[before.id][..], "all of it"));
    changed(&lake, folder, "");
    has(&sales, "main@", &[("a.csv/inner", "4"), ("raw", "5"), ("run.sh", "#!/bin/sh")]);
    assert!(main.stat("run.sh").unwrap().executable);
    let after =
        [("a.csv/inner", "4"), ("empty", "/"), ("link", "-> a.csv/inner"), ("raw", "5"), ("run.sh", "*#!/bin/sh")];
    // Elsewhere, and there and back.
    let other = tempfile::tempdir().unwrap();
    let other = other.path().join("new/folder");
    assert_eq!(checkout(&sales, "main", &other).unwrap(), (4, 0));
    is(&other, &after);
    for folder in [folder, &*other] {
        assert_eq!(checkout(&sales, "main~1", folder).unwrap(), (3, 4));
        is(folder, &[("a.csv", "1"), ("raw/b.csv", "2"), ("raw/c.csv", "3")]);
        checkout(&sales, "main", folder).unwrap();
        is(folder, &after);
    }
    // What a folder has is a tree as any other.
    fs::remove_dir(folder.join("empty")).unwrap();
    fs::set_permissions(folder.join("run.sh"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::remove_file(folder.join("link")).unwrap();
    symlink("raw", folder.join("link")).unwrap();
    changed(&lake, folder, "-empty ~link ~run.sh");
    commit(&lake, folder, "less").unwrap();
    checkout(&sales, "main", &other).unwrap();
    is(&other, &[("a.csv/inner", "4"), ("link", "-> raw"), ("raw", "5"), ("run.sh", "#!/bin/sh")]);
    assert_eq!(lake.add_tree("tree", folder).unwrap().names().unwrap(), ["a.csv/inner", "link", "raw", "run.sh"]);
}

#[test]
fn only_what_was_changed_is_read_again() {
    let (lake, sales, main, dir) = made(&[("a", "1111"), ("b", "2222"), ("c", "3333")]);
    let folder = dir.path();
    let at = |name: &str| folder.join(name);
    fs::write(at("d"), "4444").unwrap();
    commit(&lake, folder, "d").unwrap();
    // The same size and the same times.
    let before = at("b").metadata().unwrap();
    let times = fs::FileTimes::new().set_modified(before.modified().unwrap()).set_accessed(before.accessed().unwrap());
    fs::write(at("b"), "xxxx").unwrap();
    fs::File::options().write(true).open(at("b")).unwrap().set_times(times).unwrap();
    let after = at("b").metadata().unwrap();
    assert_eq!((after.modified().unwrap(), after.ino(), after.len()), (before.modified().unwrap(), before.ino(), 4));
    changed(&lake, folder, "~b");
    commit(&lake, folder, "b").unwrap();
    assert_eq!(main.read("b").unwrap(), b"xxxx");
    // As soon as it can be after it was written by us, and after it was looked at.
    for n in 0..6 {
        let text = format!("{n:04}");
        fs::write(at("c"), &text).unwrap();
        commit(&lake, folder, &text).unwrap();
        fs::write(at("a"), format!("a{n:03}")).unwrap();
        changed(&lake, folder, "~a");
        fs::write(at("a"), format!("b{n:03}")).unwrap();
        commit(&lake, folder, &text).unwrap();
        assert_eq!(main.read("a").unwrap(), format!("b{n:03}").as_bytes());
        checkout(&sales, "main~1", folder).unwrap();
        fs::write(at("a"), "late").unwrap();
        changed(&lake, folder, "~a");
        forced(&sales, "main", folder);
    }
    // What is known of a file is believed as long as nothing was written to it, and nothing is wrong where that is damaged.
    changed(&lake, folder, "");
    let states = folder.join(OWN).join("states");
    let text = fs::read_to_string(&states).unwrap();
    let body = &text[..text.trim_end().rfind('\n').unwrap() + 1];
    let digest = Digest::of(b"3333").to_string();
    let line = body.lines().find(|line| line.ends_with(" d")).unwrap().to_owned();
    let forged = body.replace(&line, &format!("{digest}{}", &line[digest.len()..]));
    fs::write(&states, format!("{forged}{}\n", Digest::of(forged.as_bytes()))).unwrap();
    changed(&lake, folder, "~d");
    fs::write(&states, forged).unwrap();
    changed(&lake, folder, "");
}

#[test]
fn what_was_changed_is_never_replaced_unless_that_is_asked_for() {
    let files = [("a", "1"), ("b", "1"), ("deleted", "1"), ("dir/x", "1"), ("same", "1")];
    let (lake, sales, main, dir) = made(&files);
    let folder = dir.path();
    let at = |name: &str| folder.join(name);
    let changes = ChangeSet::new().put_bytes("a", "2").put_bytes("deleted", "2").put_bytes("dir/x/y", "2");
    let changes = changes.put_bytes("new", "2").put_bytes("same", "2").put_bytes("into/z", "2").delete("dir/x");
    main.commit_all("theirs", &changes).unwrap();
    fs::write(at("a"), "mine").unwrap();
    fs::write(at("b"), "mine").unwrap();
    fs::remove_file(at("deleted")).unwrap();
    fs::write(at("dir/x"), "mine").unwrap();
    fs::write(at("new"), "mine").unwrap();
    fs::write(at("same"), "2").unwrap();
    fs::write(at("into"), "mine").unwrap();
    fs::write(at("mine"), "mine").unwrap();
    let before = found(folder);
    let says = ["would be lost: `a`, `deleted`, `dir/x`, `into`, `new`; commit it", "--force"];
    check_error(checkout(&sales, "main", folder), ErrorKind::AlreadyExists, &says);
    assert_eq!(found(folder), before);
    // Another commit may have nothing of that.
    sales.branch("dev").create("main~1").unwrap();
    assert_eq!(checkout(&sales, "dev", folder).unwrap(), (0, 0));
    changed(&lake, folder, "~a ~b -deleted ~dir/x +into +mine +new ~same");
    // What others changed at the same paths is a conflict, and so is a file where they made a folder.
    checkout(&sales, "main~1", folder).unwrap();
    let says = ["is no branch", "`datlake checkout sales@main ", "datlake branch create sales@NAME main~1"];
    check_error(commit(&lake, folder, "mine"), ErrorKind::InvalidInput, &says);
    assert_eq!(forced(&sales, "main", folder), (6, 2));
    let theirs = [("a", "2"), ("b", "1"), ("deleted", "2"), ("dir/x/y", "2"), ("into/z", "2"), ("mine", "mine")];
    is(folder, &[&theirs[..], &[("new", "2"), ("same", "2")]].concat());
    // What we have no name for stays, whatever is asked.
    fs::remove_file(at("a")).unwrap();
    fs::create_dir(at("a")).unwrap();
    fs::write(at("a/mine"), "mine").unwrap();
    let options = CheckoutOptions::default().force(true);
    check_error(main.checkout(folder, &options), ErrorKind::AlreadyExists, &["would be lost: `a/mine`;"]);
    assert_eq!(fs::read(at("a/mine")).unwrap(), b"mine");
}

#[test]
fn nothing_is_written_outside_of_the_folder() {
    let (lake, sales, main, dir) = made(&[("sub/x", "1"), ("sub/y", "1"), ("z", "1")]);
    let (folder, outside) = (dir.path(), tempfile::tempdir().unwrap());
    fs::write(outside.path().join("x"), "theirs").unwrap();
    main.commit_all("more", &ChangeSet::new().put_bytes("sub/x", "2").put_bytes("z", "2").delete("sub/y")).unwrap();
    fs::remove_dir_all(folder.join("sub")).unwrap();
    symlink(outside.path(), folder.join("sub")).unwrap();
    fs::remove_file(folder.join("z")).unwrap();
    symlink(outside.path().join("x"), folder.join("z")).unwrap();
    check_error(checkout(&sales, "main", folder), ErrorKind::AlreadyExists, &["`sub/x`", "`z`"]);
    check_error(commit(&lake, folder, "links"), ErrorKind::InvalidInput, &["a link that leads out of the folder"]);
    forced(&sales, "main", folder);
    is(folder, &[("sub/x", "2"), ("z", "2")]);
    assert_eq!(found(outside.path()), BTreeMap::from([("x".to_owned(), "theirs".to_owned())]));
    // Neither where the folder that is ours is somewhere else.
    fs::remove_dir_all(folder.join(OWN)).unwrap();
    symlink(outside.path(), folder.join(OWN)).unwrap();
    let options = CheckoutOptions::default().force(true);
    main.checkout(folder, &options).unwrap_err();
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
}

#[test]
fn folders_and_commits_that_cannot_be_checked_out_are_refused_with_the_reason() {
    let (lake, sales, main, dir) = made(&[("a", "1")]);
    let options = CheckoutOptions::default();
    let other = tempfile::tempdir().unwrap();
    fs::write(other.path().join("mine"), "mine").unwrap();
    check_error(
        checkout(&sales, "main", other.path()),
        ErrorKind::InvalidInput,
        &["there is something in it", "--force"],
    );
    check_error(lake.working_copy(other.path()), ErrorKind::NotFound, &["is no working copy", "datlake checkout"]);
    forced(&sales, "main", other.path());
    changed(&lake, other.path(), "+mine");
    let home = lake.home();
    check_error(checkout(&sales, "main", home), ErrorKind::InvalidInput, &["it is a lake"]);
    let foreign = lake.new_repository("other").create().unwrap();
    let says = ["a working copy of another repository, called `sales`"];
    check_error(checkout(&foreign, "main", dir.path()), ErrorKind::InvalidInput, &says);
    // In a repository a path may be a file and a folder.
    sales.branch("dev").create("main").unwrap().put_bytes("a/b", "2").unwrap();
    sales.branch("dev").commit("beside").unwrap();
    check_error(checkout(&sales, "dev", dir.path()), ErrorKind::InvalidInput, &["`a` and `a/b`", "file and a folder"]);
    main.put_bytes(&format!("{OWN}/x"), "2").unwrap();
    main.commit("ours").unwrap();
    check_error(
        main.checkout(dir.path(), &options),
        ErrorKind::InvalidInput,
        &["cannot check out `.datlake-checkout/x`"],
    );
    is(dir.path(), &[("a", "1")]);
    // One that came back is another.
    sales.delete().unwrap();
    repository(&lake);
    check_error(lake.working_copy(dir.path()), ErrorKind::NotFound, &["another repository than the `sales`"]);
}

#[test]
fn a_commit_of_a_folder_has_what_others_committed_or_says_where_it_cannot() {
    let machines = Machines::new();
    let (lake, there) = (machines.machine("one"), machines.machine("other"));
    let (sales, main) = repository(&lake);
    committed(&main, &[("a", "1"), ("b", "1"), ("c", "1"), ("d/x", "1")]);
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let sales_there = there.repository("sales").unwrap();
    checkout(&sales, "main", dir.path()).unwrap();
    checkout(&sales_there, "main", other.path()).unwrap();
    fs::write(dir.path().join("a"), "2").unwrap();
    fs::remove_file(dir.path().join("b")).unwrap();
    commit(&lake, dir.path(), "one").unwrap();
    // Other paths, and what is the same on both sides.
    fs::write(other.path().join("c"), "2").unwrap();
    fs::remove_file(other.path().join("b")).unwrap();
    let done = commit(&there, other.path(), "other").unwrap();
    let both = [("a", "2"), ("c", "2"), ("d/x", "1")];
    has(&sales, "main@", &both);
    is(other.path(), &both);
    changed(&there, other.path(), "");
    assert_eq!(main.commit_info().unwrap(), done);
    // The same paths, committed or not; and a file where they have a folder.
    main.put_bytes("c", "uncommitted").unwrap();
    main.commit_all("late", &ChangeSet::new().put_bytes("a", "3").put_bytes("e/late", "3")).unwrap();
    for path in ["a", "c", "e"] {
        fs::write(other.path().join(path), "mine").unwrap();
    }
    fs::remove_dir_all(other.path().join("d")).unwrap();
    fs::write(other.path().join("d"), "mine").unwrap();
    let before = found(other.path());
    let id = done.id.short().to_string();
    let says = ["others have changed there", &id, "`a`, `c`, `e/late`;", "datlake branch create sales@NAME"];
    check_error(commit(&there, other.path(), "mine"), ErrorKind::Conflict, &says);
    assert_eq!(found(other.path()), before);
    has(&sales, "main@", &[("a", "3"), ("c", "2"), ("d/x", "1"), ("e/late", "3")]);
    // As the error says.
    sales_there.branch("mine").create(&id).unwrap();
    assert_eq!(checkout(&sales_there, "mine", other.path()).unwrap(), (0, 0));
    commit(&there, other.path(), "mine").unwrap();
    has(&sales, "mine@", &[("a", "mine"), ("c", "mine"), ("d", "mine"), ("e", "mine")]);
    assert_eq!(content(&sales, "main")["c"], "uncommitted");
}

#[test]
fn a_checkout_that_ended_anywhere_can_be_done_again() {
    let names: Vec<String> = (0..12).map(|n| format!("{}/{n}", n % 3)).collect();
    let first: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), name.as_str())).collect();
    let (lake, sales, main, dir) = made(&first);
    // One by one, so that each is a blob that can be damaged.
    main.delete_objects(&names).unwrap();
    main.put_bytes("1", "file").unwrap();
    for name in names.iter().filter(|name| !name.starts_with('1')) {
        main.put_bytes(&format!("{name}/inner"), format!("inner {name}")).unwrap();
    }
    main.commit("other").unwrap();
    let before = found(dir.path());
    let paths: Vec<String> = main.list_all("").unwrap().into_iter().map(|object| object.path).collect();
    let fresh = tempfile::tempdir().unwrap();
    checkout(&sales, "main", fresh.path()).unwrap();
    for path in &paths {
        // One of the files cannot be had, after some others were written.
        let blob = blob_in(lake.home(), &main.file(path).unwrap());
        let kept = fs::read(&blob).unwrap();
        overwrite(&blob, |bytes| bytes[0] ^= 1);
        checkout(&sales, "main", dir.path()).unwrap_err();
        let half = found(dir.path());
        assert_ne!(half, before, "{path}");
        check_error(commit(&lake, dir.path(), "half"), ErrorKind::Uncommitted, &["its last checkout did not end"]);
        changed(&lake, dir.path(), "");
        overwrite(&blob, |bytes| bytes.clone_from(&kept));
        // Forward and back, from what is half there.
        if path.len() % 2 == 0 {
            checkout(&sales, "main", dir.path()).unwrap();
            assert_eq!(found(dir.path()), found(fresh.path()));
        }
        checkout(&sales, "main~1", dir.path()).unwrap();
        assert_eq!(found(dir.path()), before, "{path}");
        changed(&lake, dir.path(), "");
    }
    // A folder that was made for files that never came.
    let options = CheckoutOptions::default();
    main.checkout(dir.path(), &options).unwrap();
    let blob = blob_in(lake.home(), &sales.reference("main~1").file("1/1").unwrap());
    let kept = fs::read(&blob).unwrap();
    fs::remove_file(&blob).unwrap();
    checkout(&sales, "main~1", dir.path()).unwrap_err();
    fs::create_dir_all(dir.path().join("1")).unwrap();
    fs::write(&blob, &kept).unwrap();
    main.checkout(dir.path(), &options).unwrap();
    assert_eq!(found(dir.path()), found(fresh.path()));
    checkout(&sales, "main~1", dir.path()).unwrap();
    // What was changed meanwhile is still seen.
    fs::write(dir.path().join("0/0"), "mine").unwrap();
    check_error(checkout(&sales, "main", dir.path()), ErrorKind::AlreadyExists, &["`0/0`"]);
    assert_eq!(fs::read_dir(dir.path().join(OWN).join("new")).unwrap().count(), 0);
}

#[test]
fn what_a_checkout_needs_is_fetched_and_large_files_are_whole() {
    let machines = Machines::new();
    let (lake, there) = (machines.machine("one"), machines.machine("other"));
    let (_, main) = repository(&lake);
    let large: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    main.put_bytes("large.bin", &large).unwrap();
    main.commit("large").unwrap();
    let dir = tempfile::tempdir().unwrap();
    checkout(&there.repository("sales").unwrap(), "main", dir.path()).unwrap();
    assert!(fs::read(dir.path().join("large.bin")).unwrap() == large);
    changed(&there, dir.path(), "");
    // It is the user's own: the lake has another.
    overwrite(&dir.path().join("large.bin"), |bytes| bytes[7] ^= 1);
    assert!(there.repository("sales").unwrap().reference("main").read("large.bin").unwrap() == large);
    changed(&there, dir.path(), "~large.bin");
}

#[test]
fn links_and_empty_folders_are_seen_for_what_they_are_and_clients_see_files() {
    let lake = lake();
    let (sales, main) = repository(&lake);
    committed(&main, &[("raw/a", "1")]);
    let folder = tempfile::tempdir().unwrap();
    checkout(&sales, "main", folder.path()).unwrap();
    symlink("raw/a", folder.path().join("latest")).unwrap();
    symlink("nowhere", folder.path().join("broken")).unwrap();
    fs::create_dir(folder.path().join("empty")).unwrap();
    lake.working_copy(folder.path()).unwrap().commit("more").unwrap();
    let shown = |object: &ObjectInfo| match (&object.link, object.folder) {
        (Some(target), _) => format!("{} -> {target}", object.path),
        (None, true) => format!("{}/", object.path),
        (None, false) => object.path.clone(),
    };
    let listed = |branch: &Branch, as_objects| {
        let page = branch.list(&ObjectQuery::default().as_objects(as_objects)).unwrap();
        page.objects().map(shown).collect::<Vec<_>>()
    };
    let all = ["broken -> nowhere", "empty/", "latest -> raw/a", "raw/a"];
    assert_eq!(listed(&main, false), all);
    assert_eq!(listed(&main, true), ["latest", "raw/a"]);
    let differ = |as_objects| {
        let query = DiffQuery::default().as_objects(as_objects);
        let changes = sales.reference("main~1").diff("main", &query).unwrap();
        changes.items.iter().map(|item| shown(item.after.as_ref().unwrap())).collect::<Vec<_>>()
    };
    assert_eq!(differ(false), all[..3]);
    assert_eq!(differ(true), ["latest"]);
    // What is no file has no URL.
    let page = main.list(&ObjectQuery::default()).unwrap();
    for object in page.objects().filter(|object| object.path == "empty" || object.path == "broken") {
        let signed = pollster::block_on(lake.sign_object(object, Duration::from_secs(1)));
        check_error(signed, ErrorKind::InvalidInput, &["is no file", &object.path]);
    }
    // A link is read as the file that it leads to.
    assert_eq!((main.read("latest").unwrap(), main.stat("latest").unwrap().size), (b"1".to_vec(), 1));
    assert_eq!(main.file("latest").unwrap().digest(), Digest::of(b"1"));
    main.copy_object("main", "latest", "copy").unwrap();
    assert_eq!(main.stat("copy").unwrap().digest, Some(Digest::of(b"1")));
    assert!(!main.exists("broken").unwrap() && !main.exists("empty").unwrap());
    check_error(main.read("broken"), ErrorKind::NotFound, &["there is no `broken`"]);
    // Nobody who sees files alone drops them, and they are deleted with all the rest.
    main.commit("copied").unwrap();
    let dev = sales.branch("dev").create("main~2").unwrap();
    committed(&dev, &[("other", "2")]);
    merged(main.merge("dev", &MergeOptions::default()));
    assert_eq!(listed(&main, false), ["broken -> nowhere", "copy", "empty/", "latest -> raw/a", "other", "raw/a"]);
    let paths: Vec<String> = main.list_all("").unwrap().into_iter().map(|object| object.path).collect();
    assert_eq!(main.delete_objects(&paths).unwrap(), 6);
    main.commit("nothing").unwrap();
    assert_eq!(listed(&main, false), [""; 0]);
}
