//! Several processes on one lake, some of which are killed. The children are this very test binary.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use datlake_core::{Created, Digest, Location, Prefix};
use datlake_store::{DirStore, Durability, FileLock, LockAttempt};

use crate::*;

const ROLE: &str = "DATLAKE_TEST_ROLE";
const ROOT: &str = "DATLAKE_TEST_ROOT";

/// A process that does what [`a_child`] says of its role, speaking lines over its pipes.
struct Other {
    child: Child,
    orders: ChildStdin,
    reports: BufReader<ChildStdout>,
}

impl Other {
    fn start(role: &str, root: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "processes::a_child", "--nocapture", "--test-threads=1"])
            .env(ROLE, role)
            .env(ROOT, root)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (orders, reports) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, orders, reports }
    }

    /// The next line that the role itself wrote.
    fn hears(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.reports.read_line(&mut line).unwrap(), 0, "the child ended early");
            if let Some((_, said)) = line.trim_end().split_once("SAYS ") {
                return said.to_owned();
            }
        }
    }

    fn tells(&mut self) {
        self.orders.write_all(b"go\n").unwrap();
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\nSAYS {text}").unwrap();
    out.flush().unwrap();
}

fn await_order() {
    assert_ne!(std::io::stdin().lock().read(&mut [0; 8]).unwrap(), 0, "the parent has gone");
}

/// Not a test unless started as a child.
#[test]
fn a_child() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let root = PathBuf::from(std::env::var_os(ROOT).unwrap());
    match role.as_str() {
        "race" => {
            say("ready");
            await_order();
            let store = DirStore::open(&root, Durability::Synced).unwrap();
            let me = std::process::id().to_string().repeat(5000);
            let won: Vec<String> = (0..RACES)
                .filter(|i| create(&store, &name(&format!("race/{i}")), me.as_bytes()).unwrap() == Created::New)
                .map(|i| i.to_string())
                .collect();
            say(&format!("{} {}", std::process::id(), won.join(",")));
        }
        "create" => {
            let store = open(&root);
            for i in 0_u64.. {
                let bytes = content(std::process::id().into(), i);
                create(&store, &blob(&bytes), &bytes).unwrap();
                create(&store, &name(&format!("made/{}-{i}", std::process::id())), &bytes).unwrap();
                say(&i.to_string());
            }
        }
        "scratch" => {
            let scratch = open(&root).scratch().unwrap();
            fs::write(scratch.file().unwrap(), b"half of an output").unwrap();
            let folder = scratch.dir().unwrap();
            fs::write(folder.join("more"), b"more").unwrap();
            say(&scratch.path().display().to_string());
            await_order();
            std::process::abort();
        }
        "claim" => {
            let claim = open(&root).try_claim("key", "a child holds it").unwrap();
            say(if matches!(claim, LockAttempt::Won(_)) { "won" } else { "lost" });
            await_order();
            std::process::abort();
        }
        role => panic!("no role {role}"),
    }
}

const RACES: usize = 100;

#[test]
fn of_processes_that_race_to_create_one_wins() {
    let folder = tempfile::tempdir().unwrap();
    // None of them finds a lake: they race to make it, too.
    let root = folder.path().join("lake");
    let mut others: Vec<_> = (0..5).map(|_| Other::start("race", &root)).collect();
    others.iter_mut().for_each(|other| assert_eq!(other.hears(), "ready"));
    others.iter_mut().for_each(Other::tells);
    let mut winners = BTreeMap::new();
    for other in &mut others {
        let report = other.hears();
        // One that came too late for all has won nothing.
        let (process, won) = report.split_once(' ').unwrap_or((&report, ""));
        for race in won.split(',').filter(|race| !race.is_empty()) {
            assert_eq!(winners.insert(race.to_owned(), process.to_owned()), None, "race {race} was won twice");
        }
    }
    assert_eq!(winners.len(), RACES);
    let store = open(&root);
    for (race, process) in winners {
        let found = store.read(&name(&format!("race/{race}"))).unwrap().unwrap();
        assert!(found == process.repeat(5000).as_bytes(), "race {race}: not what its winner wrote");
    }
}

/// Bytes that tell whether they are whole.
fn content(process: u64, i: u64) -> Vec<u8> {
    let mut bytes = Digest::of(format!("{process} {i}").as_bytes()).as_bytes().repeat(10_000);
    bytes.extend_from_slice(b"the end");
    bytes
}

#[test]
fn a_creator_killed_anywhere_leaves_whole_objects_or_none() {
    let lake = lake();
    for rounds in 1..=8 {
        let mut other = Other::start("create", lake.store.root());
        for _ in 0..rounds {
            other.hears();
        }
        other.kill();
    }
    let blobs = list(&lake.store, &Prefix::Blobs).unwrap();
    assert!(blobs.len() >= 36);
    for at in blobs.into_iter().chain(list(&lake.store, &Prefix::Names).unwrap()) {
        let bytes = lake.store.read(&at).unwrap().unwrap();
        match at {
            Location::Blob(digest) => assert_eq!(Digest::of(&bytes), digest),
            at => assert!(bytes.ends_with(b"the end"), "{at:?} was cut short"),
        }
    }
    // Nothing of the dead is left, once somebody needs scratch space.
    let scratch = lake.store.scratch().unwrap();
    let own = scratch.path().file_name().unwrap().to_str().unwrap().to_owned();
    assert_eq!(names_in(&lake.store.root().join("tmp")), [own.clone(), format!("{own}.lock")]);
}

#[test]
fn scratch_space_of_the_living_stays_and_that_of_the_dead_goes() {
    let lake = lake();
    let mut others: Vec<_> = (0..2).map(|_| Other::start("scratch", lake.store.root())).collect();
    let paths: Vec<_> = others.iter_mut().map(|other| PathBuf::from(other.hears())).collect();
    let first = open(lake.store.root());
    first.scratch().unwrap();
    assert!(paths.iter().all(|path| path.is_dir()), "the living lost their space");

    let mut aborted = others.pop().unwrap();
    aborted.tells();
    assert!(!aborted.child.wait().unwrap().success());
    others.pop().unwrap().kill();
    assert!(paths.iter().all(|path| path.is_dir()), "who cleared up?");
    let second = open(lake.store.root());
    second.scratch().unwrap();
    for path in paths {
        assert!(!path.exists() && !path.with_extension("lock").exists(), "{} is left", path.display());
    }
}

#[test]
fn a_claim_is_held_by_one_and_ends_with_its_holder() {
    let lake = lake();
    let mut other = Other::start("claim", lake.store.root());
    assert_eq!(other.hears(), "won");
    match lake.store.try_claim("key", "the parent").unwrap() {
        LockAttempt::Held { note } => assert_eq!(note, "a child holds it"),
        claim => panic!("{claim:?}"),
    }
    assert!(matches!(lake.store.try_claim("another-key", "").unwrap(), LockAttempt::Won(_)));
    other.kill();
    let lease = win(&lake.store, "the parent, having waited");
    match lake.store.try_claim("key", "").unwrap() {
        LockAttempt::Held { note } => assert_eq!(note, "the parent, having waited"),
        claim => panic!("{claim:?}"),
    }
    drop(lease);
    assert_eq!(names_in(&lake.store.root().join("claims")), [""; 0], "a lock file was left");
}

fn win(store: &DirStore, note: &str) -> FileLock {
    match store.try_claim("key", note).unwrap() {
        LockAttempt::Won(lease) => lease,
        claim => panic!("{claim:?}"),
    }
}

#[test]
fn threads_exclude_each_other_by_claims() {
    let lake = lake();
    let (inside, won) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let store = open(lake.store.root());
                for _ in 0..500 {
                    match store.try_claim("key", "a thread").unwrap() {
                        LockAttempt::Won(lease) => {
                            assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two hold one claim");
                            won.fetch_add(1, Ordering::SeqCst);
                            inside.fetch_sub(1, Ordering::SeqCst);
                            drop(lease);
                        }
                        LockAttempt::Held { note } => assert!(matches!(note.as_str(), "" | "a thread"), "{note:?}"),
                        LockAttempt::Unsupported => panic!("a temporary directory without locks"),
                    }
                }
            });
        }
    });
    assert!(won.load(Ordering::SeqCst) >= 1);
    win(&lake.store, "");
}

#[test]
fn a_lease_lets_go_of_nobody_elses_claim() {
    let lake = lake();
    let first = win(&lake.store, "first");
    // Somebody removes the lock file by hand, and another claims anew.
    fs::remove_file(lake.store.root().join("claims/key.lock")).unwrap();
    let _second = win(&lake.store, "second");
    drop(first);
    assert!(matches!(lake.store.try_claim("key", "").unwrap(), LockAttempt::Held { note } if note == "second"));
}
