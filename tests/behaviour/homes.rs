//! Homes that are read-only, full or gone, files of every size, and paths that are no text.

use std::ffi::OsStr;
use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::ffi::OsStrExt as _;

use datlake::{ErrorKind, File, Lake, Result, Status, file_creator};

use crate::mounts::Mount;
use crate::support::{Watched, check_error, files_below, lake};

#[file_creator]
fn zeros(length: usize) -> Result<File> {
    let mut out = File::create("zeros.bin")?;
    for _ in 0..length / 1000 {
        out.write_all(&[0; 1000])?;
    }
    out.finish()
}

#[file_creator]
async fn zeros_later(length: usize) -> Result<File> {
    use tokio::io::AsyncWriteExt as _;
    let mut out = File::create_async("zeros.bin").await?;
    for _ in 0..length / 1000 {
        out.write_all(&[0; 1000]).await?;
    }
    out.finish().await
}

#[test]
fn a_home_that_is_read_only_is_read() {
    let Some(mount) = Mount::tmpfs("a_home_that_is_read_only_is_read", "16m") else { return };
    let lake = Watched::on(&mount);
    let input = lake.add_bytes("in.txt", "in").unwrap();
    lake.ok("ran zeros", || zeros(1000));
    drop((lake, input));
    mount.remount("ro");

    let lake = Watched::on(&mount);
    let home = mount.home().display().to_string();
    assert_eq!(lake.file("in.txt").unwrap().read().unwrap(), b"in");
    assert_eq!(lake.list("").unwrap().len(), 1);
    let made = lake.ok("hit zeros", || zeros(1000));
    assert_eq!(made.read().unwrap().len(), 1000);
    assert!(lake.ok("nothing", || zeros::call(2000).lineage()).is_none());
    lake.fails("nothing", ErrorKind::Denied, &[&home], || zeros(2000));
    check_error(lake.add_bytes("new.txt", "new"), ErrorKind::Denied, &[&home]);
    check_error(lake.remove("in.txt"), ErrorKind::Denied, &[&home]);
    assert_eq!(lake.file("in.txt").unwrap().read().unwrap(), b"in", "it is still there");
    drop((lake, made));

    mount.remount("rw");
    Watched::on(&mount).ok("ran zeros", || zeros(2000));
}

#[test]
fn a_home_that_is_full_says_so_and_keeps_what_it_has() {
    let Some(mount) = Mount::tmpfs("a_home_that_is_full_says_so_and_keeps_what_it_has", "4m") else { return };
    let lake = Watched::on(&mount);
    let input = lake.add_bytes("in.txt", "in").unwrap();
    let home = mount.home().display().to_string();
    let full = ["disk is full", "free some space", &home];
    for _ in 0..2 {
        lake.fails("failed zeros", ErrorKind::Io, &full, || zeros(8_000_000));
        lake.fails("failed zeros_later", ErrorKind::Io, &full, || pollster::block_on(zeros_later(8_000_000)));
        check_error(lake.add_bytes("big.bin", vec![1; 8_000_000]), ErrorKind::Io, &full);
    }
    assert_eq!(input.read().unwrap(), b"in");
    assert!(!lake.exists("big.bin").unwrap());
    assert_eq!(lake.ok("nothing", || zeros::call(8_000_000).status()), Status::Missing);
    assert_eq!(lake.visible(), (0, 1));
    // What failed takes no room.
    lake.ok("ran zeros", || zeros(2_000_000));
    mount.remount("size=32m");
    lake.ok("ran zeros", || zeros(8_000_000));
}

#[test]
fn a_home_that_fills_up_while_a_call_is_published_shows_nothing_of_it() {
    let test = "a_home_that_fills_up_while_a_call_is_published_shows_nothing_of_it";
    let Some(mount) = Mount::tmpfs(test, "1m") else { return };
    #[file_creator]
    fn many(count: usize) -> Result<Vec<File>> {
        (0..count).map(|n| File::from_bytes(&n.to_string(), n.to_string())).collect()
    }
    let lake = Watched::on(&mount);
    // Room for the files, one page each, but not for all that belongs to them.
    let (mut failed, mut count) = (0, 8);
    while failed < 3 && count < 400 {
        let _current = lake.enter();
        if let Err(error) = many(count) {
            assert!(error.to_string().contains("disk is full"), "{error}");
            failed += 1;
            assert_ne!(many::call(count).status().unwrap(), Status::Cached);
        }
        count += 8;
    }
    assert_eq!(failed, 3);
    mount.remount("size=64m");
    let later = Watched::on(&mount);
    let _current = later.enter();
    for count in (8..=count).step_by(8) {
        for (n, file) in many(count).unwrap().iter().enumerate() {
            assert_eq!(file.read_to_string().unwrap(), n.to_string());
        }
    }
}

#[test]
fn a_home_that_is_taken_away_is_an_error() {
    let lake = lake();
    let file = lake.add_bytes("in.txt", "in").unwrap();
    let moved = lake.home().with_extension("moved");
    fs::rename(lake.home(), &moved).unwrap();
    let home = lake.home().display().to_string();
    assert!(lake.list("").unwrap_err().to_string().contains(&home));
    let error = lake.check("nothing", || zeros(1000)).unwrap_err();
    assert!(error.to_string().contains(&home), "{error}");
    assert!(file.read().is_err());
    assert!(!lake.home().exists(), "it was made again");
    fs::rename(&moved, lake.home()).unwrap();
    lake.ok("ran zeros", || zeros(1000));
    assert_eq!(file.read().unwrap(), b"in");
}

#[test]
fn an_empty_output_is_a_file_like_any_other() {
    let lake = lake();
    let made = lake.ok("ran zeros", || zeros(0));
    assert_eq!((made.len(), made.read().unwrap()), (0, vec![]));
    assert_eq!(fs::metadata(made.path().unwrap()).unwrap().len(), 0);
    assert_eq!(made.digest().to_string(), blake3::hash(b"").to_string());
    assert_eq!(lake.reopened().ok("hit zeros", || zeros(0)), made);
    let added = lake.add_bytes("empty", "").unwrap();
    assert_eq!(added.read_to_string().unwrap(), "");
}

#[test]
fn an_output_of_three_gibibytes() {
    const LENGTH: u64 = 3 << 30;
    #[file_creator]
    fn huge(length: u64) -> Result<File> {
        // With a hole, which takes no room on the disk; it is hashed all the same.
        let staged = File::stage("huge.bin")?;
        let mut file = fs::File::create(&staged)?;
        file.set_len(length - 3)?;
        file.seek(SeekFrom::End(0))?;
        file.write_all(b"end")?;
        staged.finish()
    }
    let lake = lake();
    let made = lake.ok("ran huge", || huge(LENGTH));
    assert_eq!(made.len(), LENGTH);
    assert_eq!(made.read_range(LENGTH - 4..LENGTH + 9).unwrap(), b"\0end");
    assert_eq!(made.read_range((2 << 30) - 1..(2 << 30) + 1).unwrap(), [0, 0]);
    let mut reader = made.open().unwrap();
    assert_eq!(reader.seek(SeekFrom::End(-1)).unwrap(), LENGTH - 1);
    assert_eq!(std::io::read_to_string(reader).unwrap(), "d");
    assert_eq!(fs::metadata(made.path().unwrap()).unwrap().len(), LENGTH);
    let again = lake.reopened().ok("hit huge", || huge(LENGTH));
    assert_eq!(again, made);
}

#[test]
fn paths_that_are_no_text() {
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join(OsStr::from_bytes(b"caf\xe9"));
    let lake = Watched::open(Lake::builder().home(odd.join("home")));
    let file = lake.add_bytes("in.txt", "in").unwrap();
    lake.ok("ran zeros", || zeros(1000));
    lake.reopened().ok("hit zeros", || zeros(1000));
    assert_eq!(fs::read(file.path().unwrap()).unwrap(), b"in");
    check_error(lake.file("missing"), ErrorKind::NotFound, &["missing", "caf"]);

    let outside = folder.path().join(OsStr::from_bytes(b"out\xe9.txt"));
    fs::write(&outside, "outside").unwrap();
    let added = lake.add_path("outside.txt", &outside).unwrap();
    assert_eq!((added.read().unwrap(), added.name()), (b"outside".to_vec(), "outside.txt"));
    fs::remove_file(&outside).unwrap();
    check_error(lake.add_path("x", &outside), ErrorKind::Io, &["out"]);
    // A name in a tree must be text.
    let tree = folder.path().join("tree");
    fs::create_dir(&tree).unwrap();
    fs::write(tree.join(OsStr::from_bytes(b"x\xe9")), "x").unwrap();
    check_error(lake.add_tree("tree", &tree), ErrorKind::InvalidInput, &["tree/x", "UTF-8"]);
    assert!(!lake.exists("tree").unwrap());
}

#[test]
fn a_name_that_a_file_system_cannot_have_is_none_of_the_lakes_business() {
    let lake = lake();
    // As long as a UID may be, and with everything that is special to some system.
    let name = format!("{}/{}.txt", "n".repeat(200), "a:b*c?\"<>|'$(x) &;#%20~ ".repeat(8));
    let file = lake.add_bytes(&name, "x").unwrap();
    assert_eq!(lake.list("").unwrap(), std::slice::from_ref(&file));
    assert_eq!(fs::read(file.path().unwrap()).unwrap(), b"x");
    assert_eq!(files_below(&lake.home().join("files")).len(), 1);
}
