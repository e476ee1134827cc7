//! A lake in a directory, as its users see it.

use datlake_store::{DirStore, Durability, conformance};

#[test]
fn a_directory_is_a_store() {
    let folder = tempfile::tempdir().unwrap();
    for durability in [Durability::Synced, Durability::Cached] {
        let store = DirStore::open(folder.path(), durability).unwrap();
        conformance::check(&store);
    }
}
