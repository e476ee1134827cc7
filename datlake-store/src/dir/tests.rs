//! What only this crate can force: the ways of file systems that lack something.

use datlake_core::{Created, Digest, Location, Store as _};

use super::state::Method;
use super::{DirStore, Durability, Seal, open};

fn check(method: Method) {
    let folder = tempfile::tempdir().unwrap();
    let store = open::open_by(&folder.path().join("lake"), Durability::Cached, method).unwrap();
    datlake_conformance::check(&store);

    // A lent file stays where it is, and a blob is sealed whichever way it came.
    let lent = store.scratch().unwrap().file().unwrap();
    std::fs::write(&lent, b"lent").unwrap();
    let digest = Digest::of(b"lent");
    let created = pollster::block_on(store.create_from(&Location::Blob(digest), &lent)).unwrap();
    assert_eq!(created, Created::New);
    assert_eq!(std::fs::read(&lent).unwrap(), b"lent");
    assert_eq!(store.inspect(&digest, 4).unwrap(), Seal::Intact);
    assert!(std::fs::metadata(store.path_of(&Location::Blob(digest))).unwrap().permissions().readonly());
    assert_eq!(left_over(&store), [lent], "temporary files were left");
}

/// As the store of a home is, which finds records in packs too.
#[test]
fn a_home_with_packs_of_records_passes_the_conformance_suite() {
    let folder = tempfile::tempdir().unwrap();
    let store = DirStore::open(folder.path(), Durability::Cached).unwrap();
    datlake_conformance::check(&*datlake_core::catalog::Packs::default().over(std::sync::Arc::new(store)));
}

fn left_over(store: &DirStore) -> Vec<std::path::PathBuf> {
    let folder = std::fs::read_dir(store.scratch().unwrap().path()).unwrap();
    folder.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn objects_appear_by_hard_links() {
    check(Method::Link);
}

#[test]
fn without_hard_links_objects_appear_by_a_rename_that_does_not_replace() {
    check(Method::Rename);
}

#[test]
fn without_either_objects_appear_by_a_rename_under_a_lock() {
    check(Method::LockedRename);
}

#[test]
fn the_seal_of_a_digest_is_frozen() {
    let time = super::seal::time_of(&Digest::from_bytes([0xff; 32]));
    assert_eq!(time.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs(), 1_000_000_000 + (1 << 29) - 2);
    let time = super::seal::time_of(&Digest::from_bytes([1; 32]));
    assert_eq!(time.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs(), 1_000_000_000 + 0x0101_0100);
}

/// `calls_told_of` looks for these members.
fn record(key: u8) -> (Location, String) {
    let (creator, key) = ("a/b::c".to_owned(), datlake_core::CallKey::from_bytes([key; 32]));
    let bytes = format!(r#"{{"creator":"{creator}","key":"{key}"}}"#);
    (Location::Record(datlake_core::CreatorName::new(&creator).unwrap(), key), bytes)
}

fn create(store: &DirStore, key: u8) -> Created {
    let (at, bytes) = record(key);
    pollster::block_on(store.create(&at, bytes.as_bytes())).unwrap()
}

#[test]
fn a_record_leaves_a_mark_where_somebody_wants_marks() {
    let folder = tempfile::tempdir().unwrap();
    let store = DirStore::open(&folder.path().join("lake"), Durability::Synced).unwrap();
    create(&store, 1);
    assert!(store.marks().unwrap().is_empty() && !store.index_folder().exists());

    store.leave_marks().unwrap();
    assert!(store.has_second_names());
    assert_eq!((create(&store, 2), create(&store, 2)), (Created::New, Created::Exists));
    pollster::block_on(store.create(&Location::Blob(Digest::of(b"x")), b"x")).unwrap();
    let marks = store.marks().unwrap();
    let key = |key| record(key).0.call().map(|(creator, key)| (creator.clone(), *key)).unwrap();
    assert_eq!(marks.iter().map(|mark| mark.calls.clone()).collect::<Vec<_>>(), [[key(2)]]);
    let new = store.index_folder().join("new");
    assert_eq!(std::fs::read_dir(&new).unwrap().count(), 1);

    // What is still written, and what was removed since, is no mark.
    std::fs::write(new.join("half"), r#"{"creator":"#).unwrap();
    pollster::block_on(store.remove(&record(2).0)).unwrap();
    assert!(store.marks().unwrap().is_empty());
    create(&store, 3);
    store.remove_marks(&store.marks().unwrap());
    assert!(store.marks().unwrap().is_empty());
    assert_eq!(store.call_folder(&store.folders_of(&key(1).0)[0]).unwrap().calls.len(), 2);
    assert_eq!(store.call_folder("calls/a").unwrap().folders, ["calls/a/b::c"]);

    // Nobody misses it.
    std::fs::remove_dir_all(store.index_folder()).unwrap();
    assert_eq!(create(&store, 4), Created::New);
    assert!(store.marks().unwrap().is_empty() && left_over(&store).is_empty());
}

#[test]
fn without_hard_links_no_mark_is_left() {
    for method in [Method::Rename, Method::LockedRename] {
        let folder = tempfile::tempdir().unwrap();
        let store = open::open_by(&folder.path().join("lake"), Durability::Synced, method).unwrap();
        store.leave_marks().unwrap();
        assert_eq!(create(&store, 1), Created::New);
        assert!(store.marks().unwrap().is_empty());
        assert_eq!(std::fs::read_dir(store.index_folder().join("new")).unwrap().count(), 0);
    }
}
