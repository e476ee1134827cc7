//! Transfers of large content whose process is killed: they go on where they were.

use std::path::Path;
use std::sync::{Arc, Mutex};

use datlake::{Event, Lake, Result};

use crate::child::{self, Process, Remote};
use crate::servers::{Server, uploads};

const UID: &str = "large.bin";
const SIZE: u64 = (96 << 20) + 7;

fn content() -> Vec<u8> {
    (0..SIZE as u32).map(|n| (n ^ (n >> 8) ^ (n >> 16).wrapping_mul(31)) as u8).collect()
}

/// Stops for good, on the thread that watches, when so much is done.
fn stops_at(lake: &Lake, limit: u64) {
    lake.observe(move |event| {
        if let Event::Downloading { done, .. } | Event::Uploading { done, .. } = event
            && *done >= limit
        {
            child::says("far enough");
            child::waits_for_word();
        }
    });
}

/// What the children do.
pub(crate) fn upload(lake: &Lake) -> Result<()> {
    stops_at(lake, 40 << 20);
    lake.add_bytes(UID, content()).map(drop)
}

pub(crate) fn download(lake: &Lake) -> Result<()> {
    stops_at(lake, 40 << 20);
    lake.file(UID)?.read().map(drop)
}

/// Kills a child in the middle of a transfer.
fn kill_in(step: &str, home: &Path, remote: &Remote) {
    let mut child = Process::on(step, home, Some(remote), None);
    child.hears("far enough");
    child.kill();
}

/// How many bytes were there when a transfer first told of itself.
fn first_told(lake: &Lake) -> Arc<Mutex<Option<u64>>> {
    let first = Arc::<Mutex<Option<u64>>>::default();
    let told = Arc::clone(&first);
    lake.observe(move |event| {
        if let Event::Downloading { done, .. } | Event::Uploading { done, .. } = event {
            told.lock().unwrap().get_or_insert(*done);
        }
    });
    first
}

#[test]
fn killed_transfers_go_on_where_they_were() {
    let Some(server) = Server::rgw("killed_transfers_go_on_where_they_were") else { return };
    let folder = tempfile::tempdir().unwrap();
    let remote = Remote { url: server.url.clone(), variables: server.variables.clone() };
    let open = |home: &str| {
        let builder = Lake::builder().home(folder.path().join(home)).remote(&server.url);
        builder.remote_variables(server.variables.clone()).open().unwrap()
    };

    kill_in("upload", &folder.path().join("a"), &remote);
    assert_eq!(uploads(&server).len(), 1);
    let a = open("a");
    let first = first_told(&a);
    a.add_bytes(UID, content()).unwrap();
    assert!(first.lock().unwrap().unwrap() >= 40 << 20, "it began anew: {first:?}");
    assert_eq!(uploads(&server), [] as [String; 0]);

    kill_in("download", &folder.path().join("b"), &remote);
    let b = open("b");
    let first = first_told(&b);
    assert!(b.file(UID).unwrap().read().unwrap() == content());
    assert!(first.lock().unwrap().unwrap() >= 40 << 20, "it began anew: {first:?}");
    let left = std::fs::read_dir(folder.path().join("b/tmp")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(!left.iter().any(|name| name.starts_with("part-")), "{left:?}");
}
