//! A process is killed before and after every change it makes to a store, and the lake is as if it had not begun, or had
//! finished.

use std::convert::identity;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datlake::testing::{Created, Location, Pending, Prefix, Store, Wrap};
use datlake::{ErrorKind, Lake};
use datlake_core::{Sink, Visit, VisitLevel};

use crate::child::{Ended, Process, Remote};
use crate::delegate::delegate;
use crate::steps::{MOVES, NAMES, STEPS, look, take};

/// On which side of a change the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    Before,
    After,
}

/// A store whose process ends at the n-th change, counted over all its stores.
#[derive(Debug)]
struct Stopping {
    store: Arc<dyn Store>,
    moment: Moment,
    at: usize,
    changes: Arc<AtomicUsize>,
}

/// From "Before 3" to a decorator of stores.
pub(crate) fn stopping(stop: &str) -> Wrap {
    let (moment, at) = stop.split_once(' ').unwrap();
    let moment = if moment == "Before" { Moment::Before } else { Moment::After };
    let (at, changes) = (at.parse().unwrap(), Arc::<AtomicUsize>::default());
    Arc::new(move |_, store| Arc::new(Stopping { store, moment, at, changes: Arc::clone(&changes) }))
}

impl Stopping {
    /// Makes a change, unless this is where the process ends: at once, without a destructor run.
    async fn change<T>(&self, change: Pending<'_, T>) -> datlake::Result<T> {
        let last = self.changes.fetch_add(1, Ordering::SeqCst) + 1 == self.at;
        if last && self.moment == Moment::Before {
            std::process::abort();
        }
        let done = change.await;
        if last {
            std::process::abort();
        }
        done
    }
}

impl Store for Stopping {
    delegate!(store, identity: get fetch size list list_level describe);

    fn create<'a>(&'a self, at: &'a Location, bytes: &'a [u8]) -> Pending<'a, Created> {
        // How many heartbeats there are depends on time: they are no places to die at.
        if matches!(at, Location::Beat(..)) {
            return self.store.create(at, bytes);
        }
        Box::pin(self.change(self.store.create(at, bytes)))
    }

    fn create_from<'a>(&'a self, at: &'a Location, file: &'a Path) -> Pending<'a, Created> {
        Box::pin(self.change(self.store.create_from(at, file)))
    }

    fn remove<'a>(&'a self, at: &'a Location) -> Pending<'a, bool> {
        if matches!(at, Location::Beat(..)) {
            return self.store.remove(at);
        }
        Box::pin(self.change(self.store.remove(at)))
    }
}

fn run(step: &str, home: &Path, remote: Option<&Remote>, stop: Option<(Moment, usize)>) -> Ended {
    Process::on(step, home, remote, stop).ends()
}

fn open(home: &Path, remote: Option<&Remote>) -> Lake {
    let builder = Lake::builder().home(home);
    match remote {
        Some(remote) => remote.with(builder),
        None => builder,
    }
    .open()
    .unwrap()
}

/// What remote the machines of one attempt share, if any: a new one each time.
type Shared<'a> = &'a dyn Fn(&Path) -> Option<Remote>;

fn alone(_: &Path) -> Option<Remote> {
    None
}

fn in_a_folder(dir: &Path) -> Option<Remote> {
    Some(Remote::directory(&dir.join("shared")))
}

/// Kills `step` at every change, until it finishes untouched. How many changes it makes.
fn kill_everywhere(step: &str, shared: Shared<'_>, moment: Moment) -> usize {
    for at in 1.. {
        let dir = tempfile::tempdir().unwrap();
        let (home, remote) = (dir.path().join("home"), shared(dir.path()));
        let (remote, with_remote) = (remote.as_ref(), remote.is_some());
        if MOVES.contains(&step) {
            assert!(run("added before", &home, remote, None).status.success());
        }
        if step == "remove" {
            assert!(run("named", &home, remote, None).status.success());
        }
        let killed = run(step, &home, remote, Some((moment, at)));
        if killed.status.success() {
            return at - 1;
        }
        let what = format!("{step} killed {moment:?} change {at}, remote: {with_remote}");
        assert!(killed.status.code().is_none(), "{what}: it was to be killed, but {}", killed.status);
        let visible = look(&open(&home, remote), step);
        if with_remote && step != "remove" {
            let elsewhere = look(&open(&dir.path().join("elsewhere"), remote), step);
            assert_eq!(elsewhere, visible, "{what}: two machines see different things");
        }
        if step == "named" && !visible && at % 2 == 0 {
            // The names are free for another call, whatever the dead process left.
            assert!(
                run("otherwise", &home, remote, None).status.success(),
                "{what}: another call cannot have the names"
            );
            assert!(look(&open(&home, remote), step), "{what}");
            continue;
        }
        assert!(run(step, &home, remote, None).status.success(), "{what}: it cannot be done again");
        match step {
            "remove" => assert!(!look(&open(&home, remote), step), "{what}: it is still there"),
            "named" | "add" | "add_tree" | "replace" | "replaces" => {
                assert!(look(&open(&home, remote), step), "{what}: it is not there")
            }
            _ => {}
        }
        // Who next writes clears away what the dead left.
        assert!(run("implicit", &home, remote, None).status.success(), "{what}");
        let left: Vec<_> = std::fs::read_dir(home.join("tmp")).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(left.iter().all(|path| !path.is_dir()), "{what}: scratch of the dead stays: {left:?}");
    }
    unreachable!("a step ends some time")
}

#[test]
fn a_process_killed_at_any_change_leaves_all_or_nothing() {
    for step in STEPS {
        for moment in [Moment::Before, Moment::After] {
            let changes = kill_everywhere(step, &alone, moment);
            let least = if step == "add" { 2 } else { 3 };
            assert!(changes >= least, "{step} was killed at {changes} places only");
        }
    }
}

#[test]
fn a_process_killed_at_any_change_of_a_remote_leaves_all_or_nothing() {
    for step in STEPS {
        for moment in [Moment::Before, Moment::After] {
            let changes = kill_everywhere(step, &in_a_folder, moment);
            assert!(changes >= 4, "{step} was killed at {changes} places only");
        }
    }
}

#[test]
fn a_process_killed_at_any_change_leaves_a_name_as_it_was_or_replaced() {
    for step in MOVES {
        for shared in [&alone as Shared<'_>, &in_a_folder] {
            for moment in [Moment::Before, Moment::After] {
                let changes = kill_everywhere(step, shared, moment);
                assert!(changes >= 3, "{step} was killed at {changes} places only");
            }
        }
    }
}

/// Kills a push at every change, until it finishes untouched.
fn kill_pushes(shared: Shared<'_>, moments: &[Moment]) {
    for moment in moments.iter().copied() {
        let mut killed = 0;
        for at in 1.. {
            let dir = tempfile::tempdir().unwrap();
            let (home, shared) = (dir.path().join("home"), shared(dir.path()).unwrap());
            assert!(run("everything", &home, None, None).status.success());
            let ended = run("push", &home, Some(&shared), Some((moment, at)));
            let elsewhere = |name| open(&dir.path().join(name), Some(&shared));
            // Of what has got there, all.
            look(&elsewhere("early"), "named");
            if !ended.status.success() {
                killed += 1;
                assert!(run("push", &home, Some(&shared), None).status.success(), "{moment:?} {at}");
            }
            let here = open(&home, Some(&shared));
            assert!(here.status().unwrap().unpushed.is_empty(), "{moment:?} {at}: something is still unpushed");
            assert_eq!(run("push", &home, Some(&shared), None).times("pushed 0"), 1, "{moment:?} {at}");
            let there = elsewhere("late");
            for step in ["named", "add", "add_tree"] {
                assert!(look(&there, step), "{moment:?} {at}: {step} is lost");
            }
            assert_eq!(there.history(None).unwrap().calls.len(), 4, "{moment:?} {at}");
            if ended.status.success() {
                break;
            }
        }
        assert!(killed >= 20, "it was killed at {killed} places only");
    }
}

#[test]
fn a_push_killed_at_any_change_loses_nothing_and_goes_on() {
    kill_pushes(&in_a_folder, &[Moment::Before, Moment::After]);
}

/// The same beside a bucket. What comes before one change comes after another.
#[cfg(all(feature = "aws", feature = "azure"))]
mod ceph {
    use super::*;

    fn in_a_bucket(test: &str) -> Option<impl Fn(&Path) -> Option<Remote>> {
        crate::servers::Server::rgw(test)?;
        let test = test.to_owned();
        Some(move |_: &Path| {
            crate::servers::Server::rgw(&test).map(|server| Remote { url: server.url, variables: server.variables })
        })
    }

    #[test]
    fn a_process_killed_at_any_change_of_a_bucket_leaves_all_or_nothing() {
        let Some(shared) = in_a_bucket("a_process_killed_at_any_change_of_a_bucket_leaves_all_or_nothing") else {
            return;
        };
        for step in ["named", "large", "add_tree", "remove"] {
            let changes = kill_everywhere(step, &shared, Moment::After);
            assert!(changes >= 4, "{step} was killed at {changes} places only");
        }
    }

    #[test]
    fn a_push_to_a_bucket_killed_at_any_change_loses_nothing_and_goes_on() {
        if let Some(shared) = in_a_bucket("a_push_to_a_bucket_killed_at_any_change_loses_nothing_and_goes_on") {
            kill_pushes(&shared, &[Moment::After]);
        }
    }
}

#[test]
fn names_left_by_a_machine_that_died_are_anothers_when_a_person_has_removed_them() {
    let (mut free, mut left) = (0, 0);
    for at in 1.. {
        let dir = tempfile::tempdir().unwrap();
        let (home, other) = (dir.path().join("home"), dir.path().join("other"));
        let shared = Remote::directory(&dir.path().join("shared"));
        let killed = run("named", &home, Some(&shared), Some((Moment::Before, at)));
        let lake = open(&other, Some(&shared));
        let _current = lake.enter();
        if killed.status.success() || look(&lake, "named") {
            let error = take(&lake, "otherwise").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
            if killed.status.success() {
                break;
            }
            continue;
        }
        match take(&lake, "otherwise") {
            Ok(()) => free += 1,
            Err(error) => {
                left += 1;
                assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
                assert!(error.to_string().contains("remove `results/first.txt`"), "{error}");
                for name in NAMES {
                    lake.remove(name).unwrap();
                }
                take(&lake, "otherwise").unwrap();
            }
        }
        // The first machine finds out before it runs anything.
        let first = open(&home, Some(&shared));
        let _current = first.enter();
        let error = take(&first, "named").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
        for lake in [&lake, &first] {
            assert_eq!(lake.file(NAMES[0]).unwrap().read_to_string().unwrap(), "other first");
        }
    }
    assert!(free >= 4 && left >= 2, "{free} kills left the names free, {left} did not");
}

#[test]
fn what_a_killed_process_had_begun_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Process::start("hold", folder.path(), None, None);
    child.hears("ran held");
    child.kill();
    let runs = Lake::builder().home(folder.path()).open().unwrap().runs(10).unwrap();
    let [run] = &*runs.runs else { panic!("{runs:?}") };
    assert_eq!((run.ran, run.unfinished, run.unreadable, &run.ended_at), (0, 1, 0, &None));
    assert!(runs.damaged.is_empty(), "{runs:?}");
}
