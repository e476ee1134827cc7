//! A limit to the content that a machine keeps: what goes by itself, and what does not.

use std::fs::{File as Plain, FileTimes};
use std::io::Read as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use datlake::{Event, Evict, File, Lake, Result, file_creator};

use crate::listing::asked_by;
use crate::support::{Machines, Watched, blob_in};

/// The size of each file.
const SIZE: usize = 1000;

fn content(number: usize) -> Vec<u8> {
    format!("{number:0SIZE$}").into_bytes()
}

fn uid(number: usize) -> String {
    format!("n/{number}")
}

/// So many files at the remote, by another machine.
fn stocked(count: usize) -> Machines {
    let machines = Machines::new();
    let a = machines.machine("a");
    for number in 0..count {
        a.add_bytes(&uid(number), content(number)).unwrap();
    }
    machines
}

/// Says that content was last used `hours` from now: what comes by itself comes in one second.
fn used(home: &Path, file: &File, hours: usize) {
    let time = SystemTime::now() + Duration::from_secs(3600 * hours as u64);
    Plain::open(blob_in(home, file)).unwrap().set_times(FileTimes::new().set_accessed(time)).unwrap();
}

fn read(lake: &Watched, number: usize) -> File {
    let file = lake.file(&uid(number)).unwrap();
    assert_eq!(file.read().unwrap(), content(number));
    file
}

/// The bytes that were evicted by itself since somebody last asked, each time.
fn evicted(lake: &Watched) -> Vec<u64> {
    let bytes = |event| match event {
        Event::Evicted { bytes, .. } => Some(bytes),
        _ => None,
    };
    lake.events().into_iter().filter_map(bytes).collect()
}

fn here(lake: &Watched) -> u64 {
    lake.status().unwrap().bytes
}

#[test]
fn downloads_make_room_for_themselves_and_the_least_recently_used_goes() {
    let machines = stocked(12);
    let b = Watched::open(machines.builder("b").cache_limit(5000));
    let mut files = Vec::new();
    for number in 0..12 {
        let file = read(&b, number);
        used(b.home(), &file, number + 1);
        files.push(file);
        assert!(here(&b) <= 5000, "{}", here(&b));
        if number == 5 {
            // Somewhat more than must.
            assert_eq!(evicted(&b), [2000]);
            let local: Vec<_> = files.iter().map(|file| file.is_local().unwrap()).collect();
            assert_eq!(local, [false, false, true, true, true, true]);
        }
    }
    assert!(!evicted(&b).is_empty());
    for number in 0..12 {
        read(&b, number);
    }
    assert!(b.verify(datlake::Verify::default().side(datlake::Side::Remote), &[]).unwrap().findings.is_empty());
}

#[test]
fn many_small_processes_keep_to_it_too_and_what_is_published_counts() {
    let machines = stocked(12);
    for number in 0..12 {
        let b = Watched::open(machines.builder("b").cache_limit(5000));
        used(b.home(), &read(&b, number), number + 1);
        assert!(here(&b) <= 5000, "{}", here(&b));
    }
    for number in 12..24 {
        let b = Watched::open(machines.builder("b").cache_limit(5000));
        b.add_bytes(&uid(number), content(number)).unwrap();
        assert!(here(&b) <= 5000, "{}", here(&b));
    }
}

#[test]
fn what_is_on_this_machine_only_stays() {
    let machines = stocked(3);
    let offline = Watched::open(machines.builder("b").offline(true));
    for number in 10..16 {
        offline.add_bytes(&uid(number), content(number)).unwrap();
    }
    drop(offline);
    let b = Watched::open(machines.builder("b").cache_limit(5000));
    let own: Vec<_> = (10..16).map(|number| b.file(&uid(number)).unwrap()).collect();
    let all_here = || own.iter().all(|file| file.is_local().unwrap());
    // What was just read is not what goes first, either.
    assert!(read(&b, 0).is_local().unwrap() && all_here());
    read(&b, 1);
    assert!(all_here());
    b.push(&[]).unwrap();
    let file = read(&b, 2);
    assert!(here(&b) <= 5000 && file.is_local().unwrap(), "{}", here(&b));
}

#[test]
fn what_the_remote_lost_or_forgot_stays() {
    let machines = stocked(8);
    let b = Watched::open(machines.builder("b").cache_limit(100_000));
    let files: Vec<_> = (0..7).map(|number| read(&b, number)).collect();
    std::fs::remove_file(blob_in(&machines.remote(), &files[0])).unwrap();
    std::fs::write(blob_in(&machines.remote(), &files[1]).with_extension("x"), "").unwrap();
    std::fs::rename(blob_in(&machines.remote(), &files[1]).with_extension("x"), blob_in(&machines.remote(), &files[1]))
        .unwrap();
    machines.machine("a").remove(&uid(2)).unwrap();
    let before = b.home().to_owned();
    drop(b);
    let b = Watched::open(machines.builder("b").cache_limit(1000));
    read(&b, 7);
    let left: Vec<_> = (0..8).filter(|n| before.join("blobs").exists() && blob_of(&before, *n)).collect();
    assert_eq!(left, [0, 1, 2, 7]);
}

fn blob_of(home: &Path, number: usize) -> bool {
    let digest = datlake::Digest::of(&content(number)).to_string();
    home.join("blobs").join(&digest[..2]).join(digest).exists()
}

#[test]
fn readers_and_paths_outlive_it() {
    let machines = stocked(6);
    let b = Watched::open(machines.builder("b").cache_limit(2500));
    let mut reader = b.file(&uid(0)).unwrap().open().unwrap();
    let path = b.file(&uid(1)).unwrap().path().unwrap();
    for number in 2..6 {
        read(&b, number);
    }
    assert!(!evicted(&b).is_empty() && !b.file(&uid(0)).unwrap().is_local().unwrap());
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).unwrap();
    assert_eq!((bytes, std::fs::read(path).unwrap()), (content(0), content(1)));
}

#[file_creator]
fn joined(files: &[File]) -> Result<File> {
    let mut all = Vec::new();
    // Each twice, in a circle: what is least recently used is what comes next.
    for file in files.iter().chain(files) {
        all.extend(file.read()?);
    }
    File::from_bytes("joined", all)
}

#[test]
fn what_a_body_may_read_stays_while_it_runs() {
    let machines = stocked(8);
    let b = Watched::open(machines.builder("b").cache_limit(3000));
    let files: Vec<_> = (0..8).map(|number| b.file(&uid(number)).unwrap()).collect();
    {
        let _current = b.enter();
        joined(&files).unwrap();
    }
    let downloads = b.events().into_iter().filter(|event| matches!(event, Event::Downloaded { .. })).count();
    assert_eq!(downloads, 8);
    assert!(files.iter().all(|file| file.is_local().unwrap()));
    // Afterwards it goes, when something comes.
    b.add_bytes("more", content(99)).unwrap();
    assert!(here(&b) <= 3000, "{}", here(&b));
}

#[test]
fn hits_and_reads_of_what_is_here_make_nothing_go_and_the_remote_is_asked_about_what_goes_alone() {
    let machines = stocked(40);
    let b = Watched::open(machines.builder("b"));
    for number in 0..40 {
        used(b.home(), &read(&b, number), number + 1);
    }
    drop(b);
    let again = || machines.builder("b").cache_limit(39_000);
    let reads = asked_by(again(), |lake: &Lake| {
        for number in 0..40 {
            lake.file(&uid(number)).unwrap().read().unwrap();
        }
        assert_eq!(lake.status().unwrap().bytes, 40_000);
    });
    // Where each name leads is asked once in each process, and no content.
    assert_eq!(reads, "get ×1, list removed ×1, size ×40");
    // 4000 and one are over: five documents, five pieces of content, and no list but that of what was removed.
    let one_more = asked_by(again(), |lake: &Lake| {
        lake.add_bytes("one", content(40)).unwrap();
        assert_eq!(lake.status().unwrap().bytes, 35_000);
    });
    let adding = asked_by(machines.builder("c"), |lake: &Lake| drop(lake.add_bytes("two", content(41)).unwrap()));
    let times = |asked: &str, what: &str| {
        let found = asked.split(", ").find_map(|one| one.strip_prefix(what)?.strip_prefix(" ×")?.parse::<usize>().ok());
        found.unwrap_or(0)
    };
    assert!(!one_more.contains("list blobs") && !one_more.contains("list files") && !one_more.contains("list calls"));
    for what in ["get", "size"] {
        assert!(times(&one_more, what) <= times(&adding, what) + 64, "{one_more} beside {adding}");
        assert!(times(&one_more, what) >= 6, "{one_more}");
    }
}

#[test]
fn by_hand_only_what_would_go_is_asked_about_as_well() {
    let machines = stocked(30);
    let b = Watched::open(machines.builder("b"));
    for number in 0..30 {
        used(b.home(), &read(&b, number), number + 1);
    }
    drop(b);
    let asked = asked_by(machines.builder("b"), |lake: &Lake| {
        assert_eq!(lake.evict(Evict::To(28_000)).unwrap().blobs, 2);
    });
    assert_eq!(asked, "fetch ×2, get ×3, list removed ×1, size ×2");
    // What no document here tells of is found by those of the remote.
    let forgotten = asked_by(machines.builder("b"), |lake: &Lake| {
        std::fs::remove_file(lake.home().join("files/n/2.datlake")).unwrap();
        assert_eq!(lake.evict(Evict::To(27_000)).unwrap().blobs, 1);
    });
    assert!(forgotten.contains("list files") && !forgotten.contains("list blobs"), "{forgotten}");
}
