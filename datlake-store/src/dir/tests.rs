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
