//! Opening a lake, making one, and refusing to.

use std::fs;
use std::path::Path;

use datlake_core::{Created, ErrorKind, Location};
use datlake_store::{DirStore, Durability};

use crate::*;

fn try_open(root: &Path) -> Result<DirStore, Error> {
    DirStore::open(root, Durability::Synced)
}

#[test]
fn a_lake_is_made_once_and_keeps_its_id() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("new/deeper/lake");
    let first = try_open(&root).unwrap();
    assert_eq!(first.id().len(), 32);
    assert!(first.id().bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase()));
    assert_eq!(first.root(), root);
    let text = fs::read_to_string(root.join("datlake.json")).unwrap();
    assert_eq!(text, format!("{{\"format\":1,\"id\":\"{}\"}}\n", first.id()));
    assert_eq!(try_open(&root).unwrap().id(), first.id());
    assert_ne!(open(&folder.path().join("another")).id(), first.id());
    assert_eq!(create(&first, &Location::Lake, b"{}").unwrap(), Created::Exists);
}

#[test]
fn an_empty_directory_will_do_and_so_will_what_a_lost_lake_left() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("lost+found")).unwrap();
    let first = try_open(folder.path()).unwrap();
    create(&first, &name("kept"), b"kept").unwrap();
    fs::remove_file(folder.path().join("datlake.json")).unwrap();
    let second = try_open(folder.path()).unwrap();
    assert_ne!(first.id(), second.id());
    assert_eq!(second.read(&name("kept")).unwrap().unwrap(), b"kept");
}

#[test]
fn of_many_who_make_a_lake_one_makes_it() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("a/lake");
        let barrier = std::sync::Barrier::new(8);
        let ids: Vec<String> = std::thread::scope(|scope| {
            let open = || {
                barrier.wait();
                try_open(&root).map(|store| store.id().to_owned())
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap().unwrap()).collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    }
}

#[test]
fn a_root_that_is_no_directory_of_ours_is_refused_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, b"").unwrap();
    for root in [file.clone(), file.join("below/it")] {
        check_error(try_open(&root), ErrorKind::InvalidInput, &[&root.display().to_string(), "directory"]);
    }

    let home = folder.path().join("home");
    fs::create_dir_all(home.join("Documents")).unwrap();
    check_error(try_open(&home), ErrorKind::InvalidInput, &[&home.display().to_string(), "Documents", "empty"]);
    assert_eq!(names_in(&home), ["Documents"], "something was made in a foreign directory");

    check_error(try_open(Path::new("")), ErrorKind::InvalidInput, &["empty"]);

    let dangling = folder.path().join("dangling");
    std::os::unix::fs::symlink(folder.path().join("nowhere"), &dangling).unwrap();
    assert!(try_open(&dangling).unwrap_err().to_string().contains(&dangling.display().to_string()));
}

#[test]
fn a_link_to_a_lake_is_a_lake() {
    let lake = lake();
    let link = lake.folder.path().join("link");
    std::os::unix::fs::symlink(lake.store.root(), &link).unwrap();
    let linked = try_open(&link).unwrap();
    assert_eq!(linked.id(), lake.store.id());
    create(&linked, &name("a"), b"a").unwrap();
    assert_eq!(lake.store.read(&name("a")).unwrap().unwrap(), b"a");
}

#[test]
fn a_damaged_description_is_an_error_that_says_what_to_do() {
    let lake = lake();
    let path = lake.store.root().join("datlake.json");
    for text in [
        "",
        "{",
        "{\"format\":1,\"id\":\"0123",
        "{\"format\":1}",
        "{\"id\":\"00000000000000000000000000000000\"}",
        "{\"format\":0,\"id\":\"00000000000000000000000000000000\"}",
        "{\"format\":-1,\"id\":\"00000000000000000000000000000000\"}",
        "{\"format\":1,\"id\":\"../../0000000000000000000000000\"}",
        "{\"format\":1,\"id\":\"ABCDEF00000000000000000000000000\"}",
        "[1]",
        "\u{0}\u{0}\u{0}",
    ] {
        fs::write(&path, text).unwrap();
        check_error(try_open(lake.store.root()), ErrorKind::Corrupt, &[&path.display().to_string(), "restore"]);
        assert_eq!(fs::read_to_string(&path).unwrap(), text, "a damaged file was replaced");
    }
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    check_error(try_open(lake.store.root()), ErrorKind::Corrupt, &[&path.display().to_string(), "directory"]);
}

#[test]
fn a_newer_format_is_told_from_damage() {
    let lake = lake();
    for text in ["{\"format\":2,\"id\":\"x\"}", "{\"format\":2,\"lake\":{\"anything\":[]}}"] {
        fs::write(lake.store.root().join("datlake.json"), text).unwrap();
        check_error(
            try_open(lake.store.root()),
            ErrorKind::Format,
            &["written by a newer datlake (format 2; this one knows 1); upgrade datlake"],
        );
    }
    // What a later version of this format adds is none of our business.
    let id = lake.store.id();
    fs::write(lake.store.root().join("datlake.json"), format!("{{\"more\":1,\"format\":1,\"id\":\"{id}\"}}")).unwrap();
    assert_eq!(try_open(lake.store.root()).unwrap().id(), id);
}
