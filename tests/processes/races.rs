//! Processes that want the same at the same time, and machines that share a remote.

use std::path::{Path, PathBuf};

use datlake::{Digest, Lake};

use crate::child::{Ended, Process};
use crate::steps::{NAMES, look};

pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
    }
    found
}

pub(crate) fn all_done(children: Vec<Process>) -> Vec<Ended> {
    let ended: Vec<Ended> = children.into_iter().map(Process::ends).collect();
    for child in &ended {
        assert!(child.status.success(), "{:?}", child.said);
        assert_eq!(child.times("done"), 1);
    }
    ended
}

#[test]
fn of_eight_processes_on_one_home_one_runs_the_body() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    let mut first = Process::start("hold", &home, None, None);
    first.hears("ran held");
    let mut others: Vec<Process> = (0..7).map(|_| Process::start("hold", &home, None, None)).collect();
    for other in &mut others {
        other.hears("waits");
    }
    first.goes_on();
    let mut ended = all_done(others);
    ended.extend(all_done(vec![first]));
    assert_eq!(ended.iter().map(|child| child.times("ran held")).sum::<usize>(), 0, "nobody else ran it");
    assert_eq!(files_below(&home.join("calls")).len(), 1);
}

#[test]
fn who_waits_takes_over_when_the_holder_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    let mut holder = Process::start("hold", &home, None, None);
    holder.hears("ran held");
    let mut waiter = Process::start("hold", &home, None, None);
    waiter.hears("waits");
    holder.kill();
    waiter.hears("ran held");
    waiter.goes_on();
    all_done(vec![waiter]);
    assert_eq!(files_below(&home.join("calls")).len(), 1);
}

#[test]
fn processes_that_start_at_once_agree_on_every_step() {
    for step in ["named", "tree", "large", "add", "pipeline"] {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("home");
        let ended = all_done((0..8).map(|_| Process::start(step, &home, None, None)).collect());
        let ran = ended.iter().map(|child| child.times(&format!("ran {step}"))).sum::<usize>();
        assert_eq!(ran, usize::from(!["add", "pipeline"].contains(&step)), "{step}");
        look(&Lake::builder().home(&home).open().unwrap(), step);
    }
}

#[test]
fn a_second_machine_runs_nothing_and_downloads_what_it_reads() {
    let dir = tempfile::tempdir().unwrap();
    let shared = dir.path().join("shared");
    let on = |n: usize| {
        let home = dir.path().join(format!("home-{n}"));
        all_done(vec![Process::start("pipeline", &home, Some(&shared), None)]).remove(0)
    };
    let first = on(1);
    assert_eq!((first.times("ran clean"), first.times("ran count"), first.times("counted 4")), (1, 1, 1));
    let second = on(2);
    assert_eq!((second.times("ran clean"), second.times("ran count"), second.times("counted 4")), (0, 0, 1));
    let blobs: Vec<_> = files_below(&dir.path().join("home-2/blobs"));
    let names: Vec<_> = blobs.iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(names, [Digest::of(b"4").to_string()], "neither the raw input nor what lies between");
}

#[test]
fn names_are_made_once_however_many_machines_want_them() {
    let dir = tempfile::tempdir().unwrap();
    let shared = dir.path().join("shared");
    let children = (0..4).map(|n| Process::start("named", &dir.path().join(format!("home-{n}")), Some(&shared), None));
    all_done(children.collect());
    let lake =
        Lake::builder().home(dir.path().join("fresh")).remote(format!("file://{}", shared.display())).open().unwrap();
    let names: Vec<String> = lake.list("results").unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(names, NAMES);
    assert!(look(&lake, "named"));
}
