//! Content that is elsewhere: fetched when it is read, once, and verified on the way.

use std::convert::identity;
use std::fs;
use std::io::Write;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex};

use datlake::testing::{Created, Location, Pending, Prefix, Side, Store, Wrap};
use datlake::{Error, ErrorKind, Event, File, Lake, Mirror, Result, file_creator};
use datlake_core::{Sink, Visit, VisitLevel};

use crate::delegate::delegate;
use crate::support::{Machines, blob_in, check_error, overwrite};

#[test]
fn a_file_is_downloaded_when_it_is_read_and_not_before() {
    let machines = Machines::new();
    machines.machine("a").add_bytes("big.bin", vec![7; 300_000]).unwrap();
    let b = machines.machine("b");
    let file = b.file("big.bin").unwrap();
    assert_eq!((file.len(), file.is_local().unwrap()), (300_000, false));
    b.expect("nothing");
    assert_eq!(b.ok("downloaded big.bin", || file.read_range(10..12)), [7, 7]);
    assert!(file.is_local().unwrap());
    b.ok("nothing", || file.read());
    b.ok("nothing", || file.path());
    assert_eq!(machines.machine("b").ok("nothing", || File::get("big.bin")?.read()).len(), 300_000);
}

#[test]
fn every_way_of_reading_downloads() {
    let machines = Machines::new();
    let a = machines.machine("a");
    for uid in ["open", "read", "text", "range", "path"] {
        a.add_bytes(uid, uid).unwrap();
    }
    let b = machines.machine("b");
    b.ok("downloaded open", || File::get("open")?.open().map(drop));
    b.ok("downloaded read", || File::get("read")?.read());
    b.ok("downloaded text", || File::get("text")?.read_to_string());
    b.ok("downloaded range", || File::get("range")?.read_range(0..1));
    b.ok("downloaded path", || File::get("path")?.path());
}

#[test]
fn many_readers_download_once() {
    let machines = Machines::new();
    let bytes: Vec<u8> = (0..2_000_000_u32).flat_map(u32::to_le_bytes).collect();
    machines.machine("a").add_bytes("big.bin", &bytes).unwrap();
    // Two handles of a home are as two processes are.
    let (b, c) = (machines.machine("b"), machines.machine("b"));
    std::thread::scope(|scope| {
        for lake in [&b, &c] {
            for _ in 0..8 {
                scope.spawn(|| assert!(lake.file("big.bin").unwrap().read().unwrap() == bytes));
            }
        }
    });
    let both = [b.happened(), c.happened()];
    assert!(both.contains(&"downloaded big.bin".to_owned()) && both.contains(&"nothing".to_owned()), "{both:?}");
}

#[test]
fn content_that_was_damaged_elsewhere_is_refused() {
    let machines = Machines::new();
    let file = machines.machine("a").add_bytes("data.bin", vec![1; 100_000]).unwrap();
    let blob = blob_in(&machines.remote(), &file);
    let b = machines.machine("b");
    let read = || b.file("data.bin").unwrap().read();
    let says = ["data.bin", "damaged", &machines.remote().display().to_string()];
    for damage in [
        (|bytes: &mut Vec<u8>| bytes[77_777] ^= 1) as fn(&mut Vec<u8>),
        |bytes| bytes.truncate(50_000),
        |bytes| bytes.push(0),
        Vec::clear,
    ] {
        let intact = fs::read(&blob).unwrap();
        overwrite(&blob, damage);
        b.fails("nothing", ErrorKind::Corrupt, &says, read);
        b.fails("nothing", ErrorKind::Corrupt, &says, || b.file("data.bin")?.path());
        assert!(!b.blob_of(&file).exists(), "damage was kept");
        overwrite(&blob, |bytes| *bytes = intact);
    }
    // It is whole again: so is the file.
    assert_eq!(b.ok("downloaded data.bin", read), vec![1; 100_000]);
}

#[test]
fn content_that_nobody_has_is_missing() {
    let machines = Machines::new();
    let file = machines.machine("a").add_bytes("data.bin", "data").unwrap();
    fs::remove_file(blob_in(&machines.remote(), &file)).unwrap();
    let b = machines.machine("b");
    let says = ["data.bin", &file.digest().to_string(), &machines.remote().display().to_string()];
    b.fails("nothing", ErrorKind::MissingBlob, &says, || File::get("data.bin")?.read());
}

#[test]
fn content_that_was_lost_here_comes_again() {
    let machines = Machines::new();
    let a = machines.machine("a");
    let file = a.add_bytes("data.bin", "data").unwrap();
    fs::remove_file(a.blob_of(&file)).unwrap();
    assert_eq!(a.ok("downloaded data.bin", || file.read()), b"data");

    overwrite(&a.blob_of(&file), |bytes| bytes[0] ^= 1);
    let says = ["data.bin", "damaged", &a.blob_of(&file).display().to_string(), "remove that file"];
    a.fails("nothing", ErrorKind::Corrupt, &says, || file.read());
    a.fails("nothing", ErrorKind::Corrupt, &says, || file.open());
    fs::remove_file(a.blob_of(&file)).unwrap();
    assert_eq!(a.ok("downloaded data.bin", || file.read()), b"data");
}

#[test]
fn content_that_was_lost_and_is_nowhere_else_is_missing() {
    let lake = crate::support::lake();
    let file = lake.add_bytes("data.bin", "data").unwrap();
    fs::remove_file(lake.blob_of(&file)).unwrap();
    check_error(file.read(), ErrorKind::MissingBlob, &["data.bin", &file.digest().to_string()]);
    assert!(!file.is_local().unwrap());
    // Adding the bytes again heals it.
    lake.add_bytes("copy.bin", "data").unwrap();
    assert_eq!(file.read().unwrap(), b"data");
}

#[test]
fn a_file_whose_time_alone_was_changed_is_fine() {
    let lake = crate::support::lake();
    let file = lake.add_bytes("data.bin", "data").unwrap();
    fs::File::open(lake.blob_of(&file)).unwrap().set_modified(std::time::SystemTime::now()).unwrap();
    assert_eq!(file.read().unwrap(), b"data");
}

#[file_creator]
fn cleaned(raw: &File) -> Result<File> {
    File::from_bytes("cleaned.txt", raw.read_to_string()?.to_uppercase())
}

#[file_creator]
fn summed(cleaned: &File) -> Result<File> {
    File::from_bytes("sum.txt", cleaned.len().to_string())
}

#[test]
fn the_second_machine_runs_nothing_and_downloads_what_it_reads() {
    let machines = Machines::new();
    let pipeline = || summed(&cleaned(&File::get("raw.txt")?)?);
    let a = machines.machine("a");
    a.add_bytes("raw.txt", "raw").unwrap();
    a.ok("ran cleaned, ran summed", pipeline);

    let b = machines.machine("b");
    let sum = b.ok("hit cleaned, hit summed", pipeline);
    assert_eq!(b.ok("downloaded sum.txt", || sum.read_to_string()), "3");
    let blobs = crate::support::files_below(&b.home().join("blobs"));
    assert_eq!(blobs, [b.blob_of(&sum)], "more than the final file was fetched");

    // A machine that has to run a step fetches what that step reads.
    let c = machines.machine("c");
    c.ok("hit cleaned", || cleaned(&c.file("raw.txt")?));
    a.remove(sum.uid().unwrap().as_str()).unwrap();
    let d = machines.machine("d");
    d.ok("hit cleaned, ran summed", pipeline);
}

#[test]
fn a_body_downloads_its_arguments() {
    let machines = Machines::new();
    machines.machine("a").add_bytes("raw.txt", "raw").unwrap();
    let b = machines.machine("b");
    b.ok("downloaded raw.txt, ran cleaned", || cleaned(&File::get("raw.txt")?));
}

/// A remote whose downloads break off after so many bytes, if at all; and where each began.
#[derive(Debug)]
struct Breaking {
    store: Arc<dyn Store>,
    after: Option<u64>,
    began: Arc<Mutex<Vec<u64>>>,
}

/// Hands on so many bytes.
struct Cut<'a>(&'a mut (dyn Write + Send), u64);

impl Write for Cut<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.1 == 0 {
            return Err(Error::new(ErrorKind::Unavailable, "the line broke").into());
        }
        let n = self.0.write(&bytes[..bytes.len().min(usize::try_from(self.1).unwrap())])?;
        self.1 -= n as u64;
        Ok(n)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

impl Store for Breaking {
    delegate!(store, identity: get create create_from size list list_level remove describe);

    fn fetch<'a>(&'a self, at: &'a Location, range: Range<u64>, sink: Sink<'a>) -> Pending<'a, Option<u64>> {
        self.began.lock().unwrap().push(range.start);
        let Some(after) = self.after else { return self.store.fetch(at, range, sink) };
        Box::pin(async move { self.store.fetch(at, range, &mut Cut(sink, after)).await })
    }
}

const MIB: u64 = 1 << 20;

/// The machine `b`, whose downloads break off `after` so many bytes; and where each began.
fn broken(machines: &Machines, after: Option<u64>) -> (Lake, Arc<Mutex<Vec<u64>>>) {
    let began = Arc::<Mutex<Vec<u64>>>::default();
    let seen = Arc::clone(&began);
    let wrap: Wrap = Arc::new(move |side, store| match side {
        Side::Local => store,
        Side::Remote => Arc::new(Breaking { store, after, began: Arc::clone(&seen) }),
    });
    (machines.builder("b").wrap_stores(wrap).open().unwrap(), began)
}

/// What is read of `uid` on that machine.
fn read_broken(machines: &Machines, uid: &str, after: Option<u64>) -> (Result<Vec<u8>>, Vec<u64>) {
    let (lake, began) = broken(machines, after);
    let read = lake.file(uid).unwrap().read();
    let began = began.lock().unwrap().clone();
    (read, began)
}

/// What broke off on the machine `b`.
fn parts(machines: &Machines) -> Vec<std::path::PathBuf> {
    let all = crate::support::files_below(&machines.remote().parent().unwrap().join("b/tmp"));
    all.into_iter().filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("part-")).collect()
}

#[test]
fn a_large_download_that_broke_off_goes_on_where_it_was() {
    let machines = Machines::new();
    let bytes: Vec<u8> = (0..10 * MIB as u32).flat_map(u32::to_le_bytes).collect();
    machines.machine("a").add_bytes("big.bin", &bytes).unwrap();
    let (read, began) = read_broken(&machines, "big.bin", Some(20 * MIB));
    check_error(read, ErrorKind::Unavailable, &["the line broke"]);
    assert_eq!((began, parts(&machines).len()), (vec![0], 1));
    let (read, began) = read_broken(&machines, "big.bin", Some(MIB));
    check_error(read, ErrorKind::Unavailable, &["the line broke"]);
    assert_eq!(began, [20 * MIB]);
    let (read, began) = read_broken(&machines, "big.bin", None);
    assert!(read.unwrap() == bytes && began == [21 * MIB] && parts(&machines).is_empty(), "{began:?}");
    let file = machines.machine("b").file("big.bin").unwrap();
    assert!(file.path().unwrap().metadata().unwrap().permissions().readonly());
}

#[test]
fn what_is_left_of_a_download_is_not_believed() {
    let machines = Machines::new();
    let bytes: Vec<u8> = (0..10 * MIB as u32).flat_map(u32::to_le_bytes).collect();
    let a = machines.machine("a");
    let file = a.add_bytes("big.bin", &bytes).unwrap();
    for damage in [
        (|part: &mut Vec<u8>| part[77] ^= 1) as fn(&mut Vec<u8>),
        |part| part.resize(41 * MIB as usize, 0),
        |part| part.resize(40 * MIB as usize, 0),
    ] {
        read_broken(&machines, "big.bin", Some(MIB)).0.unwrap_err();
        overwrite(&parts(&machines)[0], damage);
        let (read, began) = read_broken(&machines, "big.bin", None);
        assert!(read.unwrap() == bytes && began.last() == Some(&0), "{began:?}");
        fs::remove_file(machines.machine("b").blob_of(&file)).unwrap();
    }
    // Where it is the remote's that is wrong, nothing stays.
    read_broken(&machines, "big.bin", Some(MIB)).0.unwrap_err();
    overwrite(&blob_in(&machines.remote(), &file), |bytes| bytes.truncate(100));
    check_error(read_broken(&machines, "big.bin", None).0, ErrorKind::Corrupt, &["big.bin", "damaged"]);
    assert!(parts(&machines).is_empty());
}

#[test]
fn what_goes_on_after_its_size_is_not_fetched_to_its_end() {
    let machines = Machines::new();
    let file = machines.machine("a").add_bytes("small.bin", "one").unwrap();
    let mut bytes = b"one".to_vec();
    bytes.resize(4 << 20, 0);
    overwrite(&blob_in(&machines.remote(), &file), |there| *there = bytes);
    // Who goes on to the end meets the end of the line before.
    check_error(read_broken(&machines, "small.bin", Some(MIB)).0, ErrorKind::Corrupt, &["small.bin", "damaged"]);
    let target = tempfile::tempdir().unwrap();
    let target = Mirror::to(format!("file://{}", target.path().join("copy").display()));
    let mirrored = broken(&machines, Some(MIB)).0.mirror(&target, &[]).unwrap();
    let why = mirrored.items[0].why.as_deref().unwrap();
    assert!(why.contains("small.bin") && why.contains("damaged"), "{why}");
}

#[test]
fn of_downloads_that_broke_off_small_and_old_ones_do_not_stay() {
    let machines = Machines::new();
    let a = machines.machine("a");
    a.add_bytes("small.bin", vec![1; 2_000_000]).unwrap();
    let [old, big] = [2, 3].map(|byte| a.add_bytes(&format!("{byte}.bin"), vec![byte; 40 << 20]).unwrap());
    read_broken(&machines, "small.bin", Some(MIB)).0.unwrap_err();
    assert!(parts(&machines).is_empty());
    read_broken(&machines, "2.bin", Some(MIB)).0.unwrap_err();
    let week = std::time::Duration::from_secs(8 * 24 * 60 * 60);
    let part = fs::File::options().write(true).open(&parts(&machines)[0]).unwrap();
    part.set_modified(std::time::SystemTime::now() - week).unwrap();
    read_broken(&machines, "3.bin", Some(MIB)).0.unwrap_err();
    let left = parts(&machines);
    assert!(left.len() == 1 && left[0].display().to_string().ends_with(&big.digest().to_string()), "{left:?} {old}");
}

#[test]
fn large_content_tells_how_far_it_is_both_ways() {
    let machines = Machines::new();
    let a = machines.machine("a");
    a.add_bytes("big.bin", vec![7; 20 << 20]).unwrap();
    a.add_bytes("small.bin", vec![7; 2_000_000]).unwrap();
    let b = machines.machine("b");
    b.file("big.bin").unwrap().read().unwrap();
    let size = 20 * MIB;
    let far = |lake: &crate::support::Watched| -> Vec<(String, &str, u64, u64)> {
        let told = lake.events().into_iter().filter_map(|event| match event {
            Event::Uploading { file, done, size } => Some((file, "up", done, size)),
            Event::Downloading { file, done, size } => Some((file, "down", done, size)),
            Event::Uploaded { file, size } | Event::Downloaded { file, size } => Some((file, "all", size, size)),
            _ => None,
        });
        told.collect()
    };
    for (told, way) in [(far(&a), "up"), (far(&b), "down")] {
        let (last, before) = told.split_last().unwrap();
        assert_eq!(*last, ("big.bin".to_owned(), "all", size, size));
        assert!(before.len() >= 3 && before.iter().all(|told| told.0 == "big.bin" && told.1 == way && told.3 == size));
        assert!(before.is_sorted_by_key(|told| told.2), "{before:?}");
    }
    // It is there: nothing is sent.
    a.add_bytes("again.bin", vec![7; 20 << 20]).unwrap();
    assert_eq!(far(&a), []);
}

#[test]
fn folders_and_pushes_tell_how_far_they_are() {
    let machines = Machines::new();
    let folder = tempfile::tempdir().unwrap();
    for name in ["a", "b", "c"] {
        fs::write(folder.path().join(name), name).unwrap();
    }
    let a = crate::support::Watched::open(machines.builder("a").offline(true));
    a.add_each("files", folder.path()).unwrap();
    let mut adding: Vec<_> = a
        .events()
        .iter()
        .filter_map(|event| if let Event::Adding { done, all } = event { Some((*done, *all)) } else { None })
        .collect();
    adding.sort();
    assert_eq!(adding, [(1, 3), (2, 3), (3, 3)]);
    let a = machines.machine("a");
    a.push(&[]).unwrap();
    let mut pushing: Vec<_> = a
        .events()
        .iter()
        .filter_map(|event| if let Event::Pushing { done, all } = event { Some((*done, *all)) } else { None })
        .collect();
    pushing.sort();
    assert_eq!(pushing, [(1, 3), (2, 3), (3, 3)]);
}
