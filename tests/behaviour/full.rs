//! Disks that fill up at every other moment than when an output is written: the message, what is left, and that it goes on
//! when there is room.

use datlake::{Collect, ErrorKind, File, LakeBuilder, Result, Side, Status, file_creator};

use crate::mounts::Mount;
use crate::support::{Machines, Watched, files_below};

const FULL: [&str; 2] = ["disk is full", "free some space"];

fn content(size: usize) -> Vec<u8> {
    (0..size as u32).map(|n| (n ^ (n >> 8)).wrapping_mul(31) as u8).collect()
}

/// One that begins anew when it breaks off, and one that would stay to go on.
const SIZES: [(&str, usize); 2] = [("small.bin", 6 << 20), ("large.bin", 40 << 20)];

/// Downloads to a home that has no room.
fn check_downloads(mount: &Mount, from: &Watched, to: LakeBuilder) {
    for (uid, size) in SIZES {
        from.add_bytes(uid, content(size)).unwrap();
    }
    let lake = Watched::open(to.home(mount.home()));
    let home = mount.home().display().to_string();
    for _ in 0..2 {
        for (uid, _) in SIZES {
            lake.fails("nothing", ErrorKind::Io, &[FULL[0], FULL[1], &home], || File::get(uid)?.read());
            lake.fails("nothing", ErrorKind::Io, &[FULL[0], FULL[1], &home], || File::get(uid)?.path());
            assert!(!lake.file(uid).unwrap().is_local().unwrap());
        }
        let left = files_below(&mount.home().join("tmp"));
        assert!(left.iter().all(|path| path.metadata().unwrap().len() < 100), "{left:?}");
        // So it takes no room from others.
        lake.add_bytes("own.bin", content(2 << 20)).unwrap();
        lake.forget(&["own.bin"]).unwrap();
    }
    mount.remount("size=128m");
    for (uid, size) in SIZES {
        assert!(lake.ok(&format!("downloaded {uid}"), || File::get(uid)?.read()) == content(size));
    }
}

#[test]
fn a_download_that_finds_no_room_leaves_nothing_and_comes_when_there_is() {
    let test = "a_download_that_finds_no_room_leaves_nothing_and_comes_when_there_is";
    let Some(mount) = Mount::tmpfs(test, "5m") else { return };
    let machines = Machines::new();
    check_downloads(&mount, &machines.machine("a"), machines.builder("b"));
}

#[test]
fn a_home_that_is_full_can_be_emptied() {
    let Some(mount) = Mount::tmpfs("a_home_that_is_full_can_be_emptied", "8m") else { return };
    let lake = Watched::on(&mount);
    let bytes = content(2 << 20);
    lake.add_bytes("old.bin", bytes.clone()).unwrap();
    lake.add_bytes("kept.txt", "kept").unwrap();
    mount.fill();
    lake.fails("nothing", ErrorKind::Io, &FULL, || lake.add_bytes("new.bin", bytes.clone()));
    assert_eq!(lake.file("kept.txt").unwrap().read().unwrap(), b"kept");
    lake.remove("old.bin").unwrap();
    let collected = lake.collect(Collect::default().side(Side::Local)).unwrap().local.unwrap();
    assert_eq!((collected.blobs, collected.bytes), (1, 2 << 20));
    assert_eq!(lake.add_bytes("new.bin", &bytes[..1 << 20]).unwrap().len(), 1 << 20);
    assert!(!lake.exists("old.bin").unwrap());
}

#[file_creator]
fn many(count: usize) -> Result<Vec<File>> {
    (0..count).map(|n| File::from_bytes(&n.to_string(), n.to_string())).collect()
}

#[test]
fn a_home_that_fills_up_while_a_call_is_shared_shows_others_all_of_it_or_nothing() {
    let test = "a_home_that_fills_up_while_a_call_is_shared_shows_others_all_of_it_or_nothing";
    let Some(mount) = Mount::tmpfs(test, "1m") else { return };
    let machines = Machines::new();
    let here = || Watched::open(machines.builder("here").home(mount.home()));
    let lake = here();
    // Room for the files, one page each, but not for all that belongs to them.
    let (mut failed, mut count) = (0, 8);
    while failed < 3 && count < 400 {
        let _current = lake.enter();
        if let Err(error) = many(count) {
            assert!(error.to_string().contains(FULL[0]), "{error}");
            failed += 1;
        }
        count += 8;
    }
    assert_eq!(failed, 3);
    let whole = |files: Vec<File>| {
        for (n, file) in files.iter().enumerate() {
            assert_eq!(file.read_to_string().unwrap(), n.to_string());
        }
    };
    let there = machines.machine("there");
    for count in (8..=count).step_by(8) {
        let _current = there.enter();
        if many::call(count).status().unwrap() == Status::Cached {
            whole(many(count).unwrap());
        }
    }
    mount.remount("size=64m");
    let lake = here();
    let _current = lake.enter();
    for count in (8..=count).step_by(8) {
        whole(many(count).unwrap());
    }
    assert_eq!(lake.status().unwrap().unpushed, []);
}

#[cfg(all(feature = "aws", feature = "azure"))]
mod bucket {
    use datlake::Lake;

    use super::*;
    use crate::servers::Server;

    fn with(builder: LakeBuilder, server: &Server) -> LakeBuilder {
        builder.remote(&server.url).remote_variables(server.variables.clone())
    }

    #[test]
    fn a_download_from_a_bucket_that_finds_no_room_leaves_nothing_and_comes_when_there_is() {
        let test = "a_download_from_a_bucket_that_finds_no_room_leaves_nothing_and_comes_when_there_is";
        let (Some(mount), Some(server)) = (Mount::tmpfs(test, "5m"), Server::moto(test)) else { return };
        let folder = tempfile::tempdir().unwrap();
        let a = Watched::open(with(Lake::builder().home(folder.path().join("a")), &server));
        check_downloads(&mount, &a, with(Lake::builder(), &server));
    }

    #[test]
    fn an_upload_that_cannot_be_written_down_arrives() {
        let test = "an_upload_that_cannot_be_written_down_arrives";
        let (Some(mount), Some(server)) = (Mount::tmpfs(test, "64m"), Server::moto(test)) else { return };
        let large = content(40 << 20);
        Watched::on(&mount).add_bytes("large.bin", large.clone()).unwrap();
        mount.fill();
        let lake = Watched::open(with(Lake::builder().home(mount.home()), &server));
        lake.push(&[]).unwrap();
        assert_eq!(lake.status().unwrap().unpushed, []);
        let folder = tempfile::tempdir().unwrap();
        let there = Watched::open(with(Lake::builder().home(folder.path().join("there")), &server));
        assert!(there.file("large.bin").unwrap().read().unwrap() == large);
    }
}
