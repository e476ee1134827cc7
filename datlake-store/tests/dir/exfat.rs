//! A disk without hard links, and with names of its own.

use datlake_core::{Created, Digest, ErrorKind, Store as _};
use datlake_store::{DirStore, Durability, RemoteOptions, Seal, open_remote};

use crate::disk::folder;
use crate::*;

#[test]
fn a_disk_without_hard_links_holds_a_lake() {
    let Some(folder) = folder("a_disk_without_hard_links_holds_a_lake") else { return };
    let home = open(&folder.path().join("home"));
    for durability in [Durability::Synced, Durability::Cached] {
        datlake_conformance::check_without_ages(&home.with_durability(durability));
    }
    let url = format!("file://{}", folder.path().join("remote").display());
    datlake_conformance::check_without_ages(&*open_remote(&url, RemoteOptions::default()).unwrap());
}

#[test]
fn content_is_sealed_on_a_disk_that_has_no_modes() {
    let Some(folder) = folder("content_is_sealed_on_a_disk_that_has_no_modes") else { return };
    let home = open(&folder.path().join("home"));
    let scratch = home.scratch().unwrap();
    let lent = scratch.file().unwrap();
    std::fs::write(&lent, b"lent").unwrap();
    assert_eq!(create_from(&home, &blob(b"lent"), &lent).unwrap(), Created::New);
    let digest = Digest::of(b"lent");
    assert_eq!(home.inspect(&digest, 4).unwrap(), Seal::Intact);
    // What is handed out is a copy: whoever writes to it changes no content, and it outlives it.
    let handed = scratch.link_named(&home.path_of(&blob(b"lent")), "what?.txt").unwrap();
    assert!(handed.ends_with("what_.txt") && scratch.links_last().unwrap());
    std::fs::write(&handed, b"changed").unwrap();
    assert_eq!(home.inspect(&digest, 4).unwrap(), Seal::Intact);
    assert!(pollster::block_on(home.remove(&blob(b"lent"))).unwrap());
    assert_eq!(std::fs::read(&handed).unwrap(), b"changed");
}

#[test]
fn a_lake_from_another_disk_says_which_name_this_one_cannot_have() {
    let Some(folder) = folder("a_lake_from_another_disk_says_which_name_this_one_cannot_have") else { return };
    let head = r#"{"format":1,"id":"0123456789abcdef0123456789abcdef"}"#;
    std::fs::write(folder.path().join("datlake.json"), head).unwrap();
    let copied = DirStore::open(folder.path(), Durability::Synced).unwrap();
    assert_eq!(create(&copied, &name("plain"), b"x").unwrap(), Created::New);
    check_error(
        create(&copied, &name("a/what?"), b"x"),
        ErrorKind::Io,
        &["files/a/what?", "cannot have the name `what?"],
    );
    check_error(create(&copied, &name("a:b/c"), b"x"), ErrorKind::Io, &["cannot have the name `a:b`"]);
}
