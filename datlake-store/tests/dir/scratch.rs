//! Scratch space, and links that end in a file's own name.

use std::fs;

use datlake_core::ErrorKind;

use crate::*;

#[test]
fn scratch_space_is_shared_and_goes_with_its_last_user() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    assert_eq!(names_in(&folder.path().join("tmp")), [""; 0]);
    let scratch = store.scratch().unwrap();
    assert_eq!(store.clone().scratch().unwrap().path(), scratch.path());
    let mut files: Vec<_> = (0..3).map(|_| scratch.file().unwrap()).collect();
    files.push(scratch.dir().unwrap());
    assert!(files[3].is_dir() && files[..3].iter().all(|file| !file.exists()));
    files.sort();
    files.dedup();
    assert_eq!(files.len(), 4);
    fs::write(&files[0], b"left behind").unwrap();

    drop(store);
    assert!(scratch.path().is_dir(), "it went before its last user");
    drop(scratch);
    assert_eq!(names_in(&folder.path().join("tmp")), [""; 0]);
}

#[test]
fn two_stores_in_one_process_leave_each_other_alone() {
    let lake = lake();
    let first = lake.store.scratch().unwrap();
    let second = open(lake.store.root()).scratch().unwrap();
    assert_ne!(first.path(), second.path());
    assert!(first.path().is_dir());
    drop(second);
    assert!(first.path().is_dir());
}

#[test]
fn what_is_not_scratch_space_stays_in_tmp() {
    let lake = lake();
    let tmp = lake.store.root().join("tmp");
    fs::create_dir_all(tmp.join("notes-0123")).unwrap();
    fs::create_dir_all(tmp.join("12-0123456789abcdeg")).unwrap();
    fs::write(tmp.join("x.lock"), b"").unwrap();
    // A dead process's, of which somebody removed the lock alone.
    fs::create_dir_all(tmp.join("12-0123456789abcdef/inside")).unwrap();
    let scratch = open(lake.store.root()).scratch().unwrap();
    let own = scratch.path().file_name().unwrap().to_str().unwrap().to_owned();
    let mut expected = vec!["12-0123456789abcdeg", "notes-0123", "x.lock"];
    let (lock, making) = (format!("{own}.lock"), lake.store.scratch().unwrap());
    let making = making.path().file_name().unwrap().to_str().unwrap().to_owned();
    let making_lock = format!("{making}.lock");
    expected.extend([own.as_str(), &lock, &making, &making_lock]);
    expected.sort_unstable();
    assert_eq!(names_in(&tmp), expected);
}

#[test]
fn a_link_ends_in_the_files_own_name_and_outlives_the_blob() {
    let lake = lake();
    let scratch = lake.store.scratch().unwrap();
    for bytes in [&b"one"[..], b"two"] {
        create(&lake.store, &blob(bytes), bytes).unwrap();
    }
    let (one, two) = (lake.store.path_of(&blob(b"one")), lake.store.path_of(&blob(b"two")));
    let link = scratch.link_named(&one, "täble 1.csv").unwrap();
    assert!(link.ends_with("täble 1.csv"));
    assert_eq!(fs::read(&link).unwrap(), b"one");
    assert_eq!(scratch.link_named(&one, "täble 1.csv").unwrap(), link);
    let others = [scratch.link_named(&one, "other").unwrap(), scratch.link_named(&two, "täble 1.csv").unwrap()];
    assert!(others[0] != link && others[1] != link);
    assert_eq!(fs::read(&others[1]).unwrap(), b"two");

    assert!(pollster::block_on(lake.store.remove(&blob(b"one"))).unwrap());
    assert_eq!(scratch.link_named(&one, "täble 1.csv").unwrap(), link);
    assert_eq!(fs::read(&link).unwrap(), b"one");

    // Damaged through the link and healed: the same path leads to the new bytes.
    fs::remove_file(&link).unwrap();
    check_error(scratch.link_named(&one, "täble 1.csv"), ErrorKind::MissingBlob, &[&one.display().to_string()]);
    create(&lake.store, &blob(b"one"), b"one").unwrap();
    assert_eq!(scratch.link_named(&one, "täble 1.csv").unwrap(), link);
    pollster::block_on(lake.store.remove(&blob(b"one"))).unwrap();
    create(&lake.store, &blob(b"one"), b"healed").unwrap();
    assert_eq!(scratch.link_named(&one, "täble 1.csv").unwrap(), link);
    assert_eq!(fs::read(&link).unwrap(), b"healed");
}

#[test]
fn threads_that_link_the_same_get_the_same() {
    let lake = lake();
    create(&lake.store, &blob(b"x"), b"x").unwrap();
    let path = lake.store.path_of(&blob(b"x"));
    let links: Vec<_> = std::thread::scope(|scope| {
        let link = || lake.store.scratch().unwrap().link_named(&path, "x.csv").unwrap();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(link)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(links.iter().all(|link| *link == links[0]));
}

#[test]
fn a_link_needs_the_name_of_a_file() {
    let lake = lake();
    create(&lake.store, &blob(b"x"), b"x").unwrap();
    let path = lake.store.path_of(&blob(b"x"));
    let scratch = lake.store.scratch().unwrap();
    for name in ["", ".", "..", "a/b", "/a", "a\0b", &"x".repeat(256)] {
        check_error(scratch.link_named(&path, name), ErrorKind::InvalidInput, &["name of a file"]);
    }
    check_error(scratch.link_named(&path.join("no"), "x"), ErrorKind::Io, &["link `x`"]);
}
