//! A lake in a directory, as its users see it: alone, beside other processes, and on hostile ground.

#![allow(clippy::unwrap_used, reason = "tests panic")]

#[path = "../../../tests/exfat/mod.rs"]
#[allow(dead_code, reason = "the tests of datlake use all of it")]
mod disk;
mod exfat;
mod faults;
#[path = "../../../tests/mounts/mod.rs"]
#[allow(dead_code, reason = "the tests of datlake use all of it")]
mod mounts;
mod objects;
mod opening;
mod processes;
mod scratch;

use std::ops::ControlFlow;
use std::path::Path;

use datlake_core::{Created, Digest, Error, ErrorKind, Location, Prefix, Store as _, Uid};
use datlake_store::{DirStore, Durability};
use tempfile::TempDir;

/// A lake in a temporary directory.
struct Fixture {
    store: DirStore,
    folder: TempDir,
}

fn lake() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("lake"));
    Fixture { store, folder }
}

fn open(root: &Path) -> DirStore {
    DirStore::open(root, Durability::Cached).unwrap()
}

fn blob(bytes: &[u8]) -> Location {
    Location::Blob(Digest::of(bytes))
}

fn name(uid: &str) -> Location {
    Location::Name(Uid::chosen(uid).unwrap())
}

fn create(store: &DirStore, at: &Location, bytes: &[u8]) -> Result<Created, Error> {
    pollster::block_on(store.create(at, bytes))
}

fn create_from(store: &DirStore, at: &Location, file: &Path) -> Result<Created, Error> {
    pollster::block_on(store.create_from(at, file))
}

fn list(store: &DirStore, prefix: &Prefix) -> Result<Vec<Location>, Error> {
    let mut found = Vec::new();
    let mut visit = |entry: datlake_core::Entry| {
        found.push(entry.location);
        ControlFlow::Continue(())
    };
    pollster::block_on(store.list(prefix, &mut visit))?;
    found.sort_by_key(Location::path);
    Ok(found)
}

/// An error of that kind, on one line that says all of `says`.
#[track_caller]
fn check_error<T: std::fmt::Debug>(result: Result<T, Error>, kind: ErrorKind, says: &[&str]) {
    let error = result.unwrap_err();
    let text = error.to_string();
    assert_eq!(error.kind(), kind, "{text}");
    for part in says {
        assert!(text.contains(part), "{text:?} does not say {part:?}");
    }
    assert!(!text.contains('\n'), "{text:?}");
}

/// Names of what is in a directory, sorted.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
