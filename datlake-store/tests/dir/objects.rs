//! Objects: created once, sealed, listed, removed.

use std::fs::{self, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use datlake_core::{Created, Digest, ErrorKind, Location, Prefix, Store as _, Uid};
use datlake_store::{DirStore, Durability, RemoteOptions, Seal, open_remote};

use crate::*;

#[test]
fn a_directory_is_a_store() {
    let lake = lake();
    for durability in [Durability::Synced, Durability::Cached] {
        datlake_conformance::check(&lake.store.with_durability(durability));
    }
    datlake_conformance::check_pages(&lake.store, &datlake_conformance::plain, 3000);
    assert_eq!(names_in(lake.store.scratch().unwrap().path()), [""; 0], "temporary files were left");
}

#[test]
fn a_remote_in_a_folder_is_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}//", folder.path().join("new/remote").display());
    let options = RemoteOptions { memory: Some(folder.path().join("remotes")), ..RemoteOptions::default() };
    datlake_conformance::check(&*open_remote(&url, options).unwrap());
}

#[test]
fn what_is_not_the_lakes_is_passed_over() {
    let lake = lake();
    let root = lake.store.root().to_owned();
    datlake_conformance::check_foreign(&lake.store, &datlake_conformance::plain, &mut |path, bytes| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    });
}

#[test]
fn aliases_devices_and_unreadable_names_are_passed_over() {
    use std::os::unix::ffi::OsStrExt as _;
    let lake = lake();
    create(&lake.store, &name("a/own"), b"").unwrap();
    let files = lake.store.root().join("files");
    symlink("..", files.join("up")).unwrap();
    symlink(lake.store.path_of(&name("a/own")), files.join("a/alias.datlake")).unwrap();
    fs::write(files.join(std::ffi::OsStr::from_bytes(b"\xff\xfe.datlake")), b"").unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(files.join("socket.datlake")).unwrap();
    fs::create_dir(files.join("folder.datlake")).unwrap();
    assert_eq!(list(&lake.store, &Prefix::Names).unwrap(), [name("a/own")]);
}

#[test]
fn links_that_lead_out_of_the_lake_are_followed_and_are_an_error_where_nothing_is_there() {
    let (lake, other) = (lake(), tempfile::tempdir().unwrap());
    create(&lake.store, &name("a/own"), b"").unwrap();
    let (folder, moved) = (lake.store.root().join("files/a"), other.path().join("a"));
    fs::rename(&folder, &moved).unwrap();
    symlink(&moved, &folder).unwrap();
    symlink(other.path(), moved.join("up")).unwrap();
    assert_eq!(list(&lake.store, &Prefix::Names).unwrap(), [name("a/own")]);
    fs::remove_dir_all(&moved).unwrap();
    let error = list(&lake.store, &Prefix::Names).unwrap_err();
    assert!(error.to_string().contains("is a link to what is not there"), "{error}");
}

#[test]
fn a_listing_goes_on_when_things_vanish() {
    let lake = lake();
    let store = &lake.store;
    let stays: Vec<_> = (0..50).map(|i| name(&format!("stays/{i:02}"))).collect();
    stays.iter().for_each(|at| assert_eq!(create(store, at, b"").unwrap(), Created::New));
    let listing = std::sync::atomic::AtomicBool::new(true);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while listing.load(std::sync::atomic::Ordering::Relaxed) {
                for i in 0..20 {
                    create(store, &name(&format!("goes/{i}/x")), b"").unwrap();
                }
                let _ = fs::remove_dir_all(store.root().join("files/goes"));
            }
        });
        for _ in 0..300 {
            let found = list(store, &Prefix::Names);
            if found.is_err() {
                listing.store(false, std::sync::atomic::Ordering::Relaxed);
            }
            let found = found.unwrap();
            assert!(stays.iter().all(|at| found.contains(at)));
        }
        listing.store(false, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn directories_pruned_under_a_creator_are_made_again() {
    let lake = lake();
    let (store, deep) = (&lake.store, lake.store.root().join("files/a/b/c"));
    let creating = std::sync::atomic::AtomicBool::new(true);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while creating.load(std::sync::atomic::Ordering::Relaxed) {
                for folder in deep.ancestors().take(4) {
                    let _ = fs::remove_dir(folder);
                }
                // Who does nothing else wins for as long as the system lets them.
                std::thread::sleep(std::time::Duration::from_micros(20));
            }
        });
        let at = name("a/b/c/d");
        let outcomes: Vec<_> = (0..2000)
            .map(|_| {
                let created = create(&store.with_durability(Durability::Cached), &at, b"bytes");
                let found = store.read(&at);
                (created, found, pollster::block_on(store.remove(&at)))
            })
            .collect();
        creating.store(false, std::sync::atomic::Ordering::Relaxed);
        for (created, found, removed) in outcomes {
            assert_eq!(created.unwrap(), Created::New);
            assert_eq!(found.unwrap().unwrap(), b"bytes");
            assert!(removed.unwrap());
        }
    });
}

#[test]
fn removing_leaves_the_folder_for_those_about_to_create_in_it() {
    let lake = lake();
    create(&lake.store, &name("a/b"), b"").unwrap();
    assert!(pollster::block_on(lake.store.remove(&name("a/b"))).unwrap());
    assert!(lake.store.root().join("files/a").is_dir());
}

#[test]
fn a_blob_is_sealed_and_a_write_through_a_link_shows() {
    let lake = lake();
    let (store, bytes) = (&lake.store, b"some content");
    let digest = Digest::of(bytes);
    assert_eq!(store.inspect(&digest, 12).unwrap(), Seal::Missing);
    check_error(store.reseal(&digest), ErrorKind::MissingBlob, &[&digest.to_string()]);
    create(store, &blob(bytes), bytes).unwrap();
    assert_eq!(store.inspect(&digest, 12).unwrap(), Seal::Intact);
    assert_eq!(store.inspect(&digest, 11).unwrap(), Seal::Touched);
    let path = store.path_of(&blob(bytes));
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o222, 0, "a blob is writable");

    let link = store.scratch().unwrap().link_named(&path, "table.csv").unwrap();
    fs::set_permissions(&link, Permissions::from_mode(0o644)).unwrap();
    assert_eq!(store.inspect(&digest, 12).unwrap(), Seal::Intact, "its bytes are what they were");
    let mut careless = OpenOptions::new().write(true).open(&link).unwrap();
    careless.write_all(b"Some").unwrap();
    drop(careless);
    assert_eq!(store.inspect(&digest, 12).unwrap(), Seal::Touched);

    let mut repaired = OpenOptions::new().write(true).open(&link).unwrap();
    repaired.write_all(b"some").unwrap();
    drop(repaired);
    assert_eq!(store.inspect(&digest, 12).unwrap(), Seal::Touched);
    store.reseal(&digest).unwrap();
    assert_eq!(store.inspect(&digest, 12).unwrap(), Seal::Intact);
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o222, 0, "a sealed blob is writable");
    assert_eq!(store.read(&blob(bytes)).unwrap().unwrap(), bytes);
}

#[test]
fn a_file_in_the_lakes_own_space_is_linked_and_any_other_is_copied() {
    let lake = lake();
    let other = open(&lake.folder.path().join("other"));
    let own = |store: &DirStore, bytes: &[u8]| {
        let path = store.scratch().unwrap().file().unwrap();
        fs::write(&path, bytes).unwrap();
        path
    };
    let same = |file: &Path, at: &Location| {
        fs::metadata(file).unwrap().ino() == fs::metadata(lake.store.path_of(at)).unwrap().ino()
    };
    for durability in [Durability::Cached, Durability::Synced] {
        let store = lake.store.with_durability(durability);
        let tag = format!("{durability:?}");
        let file = own(&store, tag.as_bytes());
        assert_eq!(create_from(&store, &blob(tag.as_bytes()), &file).unwrap(), Created::New);
        assert!(same(&file, &blob(tag.as_bytes())), "copied where a link would do");
    }

    let foreign = own(&other, b"foreign");
    let before = fs::metadata(&foreign).unwrap();
    assert_eq!(create_from(&lake.store, &blob(b"foreign"), &foreign).unwrap(), Created::New);
    assert!(!same(&foreign, &blob(b"foreign")));
    let after = fs::metadata(&foreign).unwrap();
    assert_eq!((before.mode(), before.mtime()), (after.mode(), after.mtime()), "another's file was changed");

    // Neither a link in our own space nor a path that leads out of it passes for a file of our own.
    let alias = lake.store.scratch().unwrap().file().unwrap();
    let elsewhere = lake.folder.path().join("elsewhere");
    fs::write(&elsewhere, b"elsewhere").unwrap();
    symlink(&elsewhere, &alias).unwrap();
    assert_eq!(create_from(&lake.store, &blob(b"elsewhere"), &alias).unwrap(), Created::New);
    assert!(!same(&elsewhere, &blob(b"elsewhere")));
    fs::write(&elsewhere, b"again").unwrap();
    let dotted = lake.store.root().join("tmp/../../elsewhere");
    assert_eq!(create_from(&lake.store, &blob(b"again"), &dotted).unwrap(), Created::New);
    assert!(!same(&elsewhere, &blob(b"again")));
    assert_eq!(fs::metadata(&elsewhere).unwrap().mode() & 0o200, 0o200);
}

#[test]
fn a_blob_is_readable_by_those_who_could_read_its_file() {
    let lake = lake();
    let private = lake.store.scratch().unwrap().file().unwrap();
    fs::write(&private, b"private").unwrap();
    fs::set_permissions(&private, Permissions::from_mode(0o600)).unwrap();
    create_from(&lake.store, &blob(b"private"), &private).unwrap();
    assert_eq!(fs::metadata(lake.store.path_of(&blob(b"private"))).unwrap().mode() & 0o777, 0o400);
}

#[test]
fn an_object_too_large_to_be_read_at_once_is_refused_and_can_be_fetched() {
    let lake = lake();
    let at = blob(b"large");
    create(&lake.store, &at, b"").unwrap();
    let path = lake.store.path_of(&at);
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    OpenOptions::new().write(true).open(&path).unwrap().set_len((256 << 20) + 1).unwrap();
    check_error(
        lake.store.read(&at),
        ErrorKind::InvalidInput,
        &["256 MiB", &at.path(), lake.store.describe().as_str()],
    );
    assert_eq!(pollster::block_on(lake.store.size(&at)).unwrap(), Some((256 << 20) + 1));
    let mut tail = Vec::new();
    let end = 256 << 20;
    assert_eq!(pollster::block_on(lake.store.fetch(&at, end..u64::MAX, &mut tail)).unwrap(), Some(end + 1));
    assert_eq!(tail, [0]);
}

#[test]
fn objects_of_every_size_around_the_buffers_are_read_whole() {
    let lake = lake();
    for size in [0, 1, 4095, 8191, 8192, 8193, 8224, 16384, 262_143, 262_144, 262_145] {
        let bytes: Vec<u8> = (0..size).map(|i| (i % 251) as u8).collect();
        create(&lake.store, &blob(&bytes), &bytes).unwrap();
        assert!(lake.store.read(&blob(&bytes)).unwrap().unwrap() == bytes, "{size}");
    }
}

#[test]
fn a_name_of_the_longest_kind_fits() {
    let lake = lake();
    let longest = Location::Name(Uid::chosen(&vec!["x".repeat(199); 5].join("/")).unwrap());
    assert_eq!(create(&lake.store, &longest, b"x").unwrap(), Created::New);
    assert_eq!(list(&lake.store, &Prefix::Names).unwrap(), [longest]);
}

#[test]
fn a_tombstone_cannot_lead_out_of_the_lake() {
    let lake = lake();
    for id in ["", "../../x", "/x", ".hidden", "a/b", "a\0b", &"x".repeat(201)] {
        let at = Location::Tombstone(id.to_owned());
        check_error(create(&lake.store, &at, b""), ErrorKind::InvalidInput, &["tombstone"]);
        check_error(lake.store.read(&at), ErrorKind::InvalidInput, &["tombstone"]);
        check_error(pollster::block_on(lake.store.remove(&at)), ErrorKind::InvalidInput, &["tombstone"]);
    }
}

#[test]
fn two_stores_of_one_directory_see_each_other() {
    let lake = lake();
    let twin = open(lake.store.root());
    assert_eq!(lake.store.id(), twin.id());
    create(&lake.store, &name("a"), b"first").unwrap();
    assert_eq!(create(&twin, &name("a"), b"second").unwrap(), Created::Exists);
    assert_eq!(twin.read(&name("a")).unwrap().unwrap(), b"first");
    assert!(pollster::block_on(twin.remove(&name("a"))).unwrap());
    assert_eq!(lake.store.read(&name("a")).unwrap(), None);
    assert_eq!(create(&lake.store, &name("a"), b"third").unwrap(), Created::New);
}

#[test]
fn content_that_its_disk_changed_is_not_copied_into_a_remote() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    for (size, progress) in [(5, false), (17 << 20, true)] {
        fs::write(&file, vec![7; size]).unwrap();
        let at = blob(&vec![8; size]);
        let remote = folder.path().join(size.to_string());
        let progress: Option<datlake_store::Progress> = progress.then(|| std::sync::Arc::new(|_: &_, _, _| ()) as _);
        let options = RemoteOptions { progress, ..RemoteOptions::default() };
        let store = open_remote(&format!("file://{}", remote.display()), options).unwrap();
        let sent = pollster::block_on(store.create_from(&at, &file));
        check_error(sent, ErrorKind::Corrupt, &["damaged on this machine", &remote.display().to_string()]);
        assert_eq!(pollster::block_on(store.size(&at)).unwrap(), None);
        let staged = fs::read_dir(remote.join("tmp")).unwrap().flatten().filter(|entry| entry.path().is_dir());
        assert!(staged.flat_map(|scratch| fs::read_dir(scratch.path()).unwrap()).next().is_none(), "it was left");
    }
}
