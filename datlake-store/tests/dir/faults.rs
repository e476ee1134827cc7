//! Full disks, read-only disks, and things that stand where objects should.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use datlake_core::{CallKey, Created, CreatorName, Digest, ErrorKind, Location, Prefix, Store as _, WHOLE};
use datlake_store::{DirStore, Durability, LockAttempt, Seal};

use crate::mounts::{Mount, skipped};
use crate::*;

#[test]
fn a_full_disk_is_named_and_leaves_nothing() {
    let Some(mount) = Mount::tmpfs("a_full_disk_is_named_and_leaves_nothing", "1m") else { return };
    let store = open(&mount.path().join("lake"));
    let scratch = store.scratch().unwrap();
    let bytes = vec![7; 4 << 20];
    let outside = tempfile::NamedTempFile::new().unwrap();
    fs::write(outside.path(), &bytes).unwrap();
    for durability in [Durability::Cached, Durability::Synced] {
        let store = store.with_durability(durability);
        for at in [blob(&bytes), name("large")] {
            for created in [create(&store, &at, &bytes), create_from(&store, &at, outside.path())] {
                check_error(created, ErrorKind::Io, &["disk is full", &at.path(), &store.root().display().to_string()]);
            }
            assert_eq!(store.read(&at).unwrap(), None);
        }
        assert_eq!(list(&store, &Prefix::Blobs).unwrap(), []);
        assert_eq!(names_in(scratch.path()), [""; 0], "a temporary file was left");
    }
    // A child that another test is about to start holds our open files until it is another program: the space of a removed
    // file is not free at once.
    let small = (0..1_000_000).map(|_| create(&store, &name("small"), b"fits")).find(Result::is_ok);
    assert_eq!(small.unwrap().unwrap(), Created::New);
}

#[test]
fn a_disk_without_room_for_another_file_is_named() {
    let Some(mount) = Mount::tmpfs("a_disk_without_room_for_another_file_is_named", "1m") else { return };
    let store = open(&mount.path().join("lake"));
    mount.remount("nr_inodes=16");
    let mut made = Vec::new();
    let failed = loop {
        let at = name(&format!("folder{}/x", made.len()));
        match create(&store, &at, b"x") {
            Ok(_) => made.push(at),
            Err(error) => break error,
        }
    };
    check_error(Err::<(), _>(failed), ErrorKind::Io, &["disk is full", &format!("folder{}/x", made.len())]);
    assert!(!made.is_empty());
    assert_eq!(list(&store, &Prefix::Names).unwrap(), made);
    assert_eq!(names_in(store.scratch().unwrap().path()), [""; 0], "a temporary file was left");
    check_error(DirStore::open(&mount.path().join("new"), Durability::Cached), ErrorKind::Io, &["disk is full"]);
}

#[test]
fn a_read_only_lake_is_read() {
    let test = "a_read_only_lake_is_read";
    let Some(mount) = Mount::tmpfs(test, "4m") else { return };
    let root = mount.path().join("lake");
    let store = open(&root);
    create(&store, &blob(b"x"), b"x").unwrap();
    drop(store);
    mount.remount("ro");

    let store = DirStore::open(&root, Durability::Synced).unwrap();
    assert_eq!(store.read(&blob(b"x")).unwrap().unwrap(), b"x");
    assert_eq!(list(&store, &Prefix::Blobs).unwrap(), [blob(b"x")]);
    assert_eq!(store.inspect(&Digest::of(b"x"), 1).unwrap(), Seal::Intact);
    assert_eq!(store.read(&blob(b"y")).unwrap(), None);
    let at = &root.display().to_string();
    check_error(create(&store, &blob(b"y"), b"y"), ErrorKind::Denied, &[at, &blob(b"y").path()]);
    check_error(pollster::block_on(store.remove(&blob(b"x"))), ErrorKind::Denied, &[at, &blob(b"x").path()]);
    check_error(store.scratch(), ErrorKind::Denied, &[at]);
    check_error(store.try_claim("key", ""), ErrorKind::Denied, &[at, "claims/key"]);
    check_error(store.reseal(&Digest::of(b"x")), ErrorKind::Denied, &[at]);
    assert_eq!(create(&store, &blob(b"x"), b"x").unwrap(), Created::Exists);

    let new = mount.path().join("new/lake");
    let refused = DirStore::open(&new, Durability::Synced);
    check_error(refused, ErrorKind::Denied, &[&new.display().to_string(), "DATLAKE_HOME"]);
}

#[test]
fn what_may_not_be_read_or_written_is_denied() {
    let lake = lake();
    create(&lake.store, &name("a/b"), b"").unwrap();
    let folder = lake.store.root().join("files/a");
    fs::set_permissions(&folder, Permissions::from_mode(0o000)).unwrap();
    if fs::read_dir(&folder).is_ok() {
        skipped("what_may_not_be_read_or_written_is_denied", "runs as root, whom no mode keeps out");
        return;
    }
    let says = ["files/a", &lake.store.root().display().to_string()];
    check_error(lake.store.read(&name("a/b")), ErrorKind::Denied, &says);
    check_error(pollster::block_on(lake.store.size(&name("a/b"))), ErrorKind::Denied, &says);
    check_error(pollster::block_on(lake.store.remove(&name("a/b"))), ErrorKind::Denied, &says);
    check_error(create(&lake.store, &name("a/c"), b""), ErrorKind::Denied, &says);
    check_error(list(&lake.store, &Prefix::Names), ErrorKind::Denied, &says);
    fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_directory_in_the_place_of_an_object_is_an_error() {
    let lake = lake();
    let store = &lake.store;
    let key = CallKey::from_bytes([1; 32]);
    for at in [blob(b"x"), name("a"), Location::Record(CreatorName::new("c").unwrap(), key)] {
        fs::create_dir_all(store.path_of(&at)).unwrap();
        let says = [at.path(), store.root().display().to_string()];
        let says: Vec<&str> = says.iter().map(String::as_str).collect();
        check_error(store.read(&at), ErrorKind::Corrupt, &says);
        check_error(pollster::block_on(store.size(&at)), ErrorKind::Corrupt, &says);
        check_error(pollster::block_on(store.fetch(&at, WHOLE, &mut Vec::new())), ErrorKind::Corrupt, &says);
        check_error(create(store, &at, b"x"), ErrorKind::Corrupt, &says);
        check_error(pollster::block_on(store.remove(&at)), ErrorKind::Corrupt, &says);
        assert!(store.path_of(&at).is_dir());
    }
    check_error(store.inspect(&Digest::of(b"x"), 1), ErrorKind::Corrupt, &["blobs/"]);
}

#[test]
fn a_file_in_the_place_of_a_folder_is_an_error() {
    let lake = lake();
    let store = &lake.store;
    fs::create_dir(store.root().join("files")).unwrap();
    for top in ["calls", "files/a", "claims"] {
        fs::write(store.root().join(top), b"not a folder").unwrap();
    }
    check_error(list(store, &Prefix::Records), ErrorKind::Corrupt, &["calls", &store.describe()]);
    check_error(store.read(&name("a/b")), ErrorKind::Corrupt, &["files/a/b", &store.describe()]);
    check_error(create(store, &name("a/b"), b""), ErrorKind::Corrupt, &["files/a/b"]);
    check_error(create(store, &name("a/b/c"), b""), ErrorKind::Corrupt, &["files/a/b"]);
    check_error(pollster::block_on(store.size(&name("a/b"))), ErrorKind::Corrupt, &["files/a/b"]);
    check_error(store.try_claim("key", ""), ErrorKind::Corrupt, &["claims/key.lock"]);
    assert_eq!(names_in(store.scratch().unwrap().path()), [""; 0], "a temporary file was left");
}

#[test]
fn a_lake_that_is_gone_is_not_an_empty_one_and_is_not_made_again() {
    let lake = lake();
    create(&lake.store, &name("a"), b"").unwrap();
    let root = lake.store.root();
    fs::rename(root, lake.folder.path().join("moved")).unwrap();
    check_error(list(&lake.store, &Prefix::Records), ErrorKind::Unavailable, &[&lake.store.describe(), "gone"]);
    check_error(create(&lake.store, &name("b"), b""), ErrorKind::Io, &["files/b", &lake.store.describe()]);
    check_error(lake.store.try_claim("key", ""), ErrorKind::Io, &["claims/key"]);
    assert!(!root.exists(), "a lake without a description was made");
}

#[test]
fn a_lake_whose_scratch_space_was_cleared_by_hand_works_on() {
    let lake = lake();
    for round in 0..3 {
        create(&lake.store, &name(&format!("{round}")), b"").unwrap();
        fs::remove_dir_all(lake.store.root().join("tmp")).unwrap();
    }
    assert_eq!(list(&lake.store, &Prefix::Names).unwrap().len(), 3);
}

#[test]
fn a_claim_needs_a_plain_name() {
    let lake = lake();
    for name in ["", ".", "../x", "a/b", "a.b", "a b", "ä", &"x".repeat(201)] {
        check_error(lake.store.try_claim(name, ""), ErrorKind::InvalidInput, &["claim"]);
    }
    assert!(matches!(lake.store.try_claim(&"f".repeat(64), "").unwrap(), LockAttempt::Won(_)));
}
