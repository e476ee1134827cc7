//! Bodies that ask for a part of their machine: what runs beside what, in one process and among several.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, LazyLock};

use datlake::{ErrorKind, Result, file_creator};
use futures_util::future::try_join_all;
use rayon::prelude::*;

use crate::child::{self, Process, Remote};

const GIVEN: (&str, &str) = ("DATLAKE_RESOURCES", "cpus=4,gpus=1,memory=1GiB");

/// Of two CPUs each: two at a time.
#[file_creator(closure = "own", resources(cpus = 2, memory = "16 MiB"))]
fn half(n: u64) -> Result<u64> {
    static RUNNING: AtomicUsize = AtomicUsize::new(0);
    static TWO: LazyLock<Barrier> = LazyLock::new(|| Barrier::new(2));
    assert!(RUNNING.fetch_add(1, Ordering::SeqCst) < 2, "there are four CPUs");
    TWO.wait();
    RUNNING.fetch_sub(1, Ordering::SeqCst);
    Ok(n)
}

/// What asks for nothing runs beside what has all.
static BESIDE: LazyLock<Barrier> = LazyLock::new(|| Barrier::new(2));

#[file_creator(closure = "own", resources(cpus = 4, gpus = 1, memory = "1GiB"))]
fn whole(n: u64) -> Result<u64> {
    BESIDE.wait();
    Ok(n)
}

#[file_creator(closure = "own")]
fn light(n: u64) -> Result<u64> {
    BESIDE.wait();
    Ok(n)
}

/// Both have half, and go on together.
static BOTH: LazyLock<Barrier> = LazyLock::new(|| Barrier::new(2));

#[file_creator(closure = "own", resources(cpus = 3))]
fn inner(n: u64) -> Result<u64> {
    Ok(n)
}

#[file_creator(closure = "own", resources(cpus = 3))]
async fn inner_async(n: u64) -> Result<u64> {
    Ok(n)
}

#[file_creator(closure = "own", resources(cpus = 2), depends_on(inner))]
fn outer(n: u64) -> Result<u64> {
    BOTH.wait();
    inner(10 * n)
}

/// Asks for nothing, and its calls for more than there is of all of them together.
#[file_creator(closure = "own", depends_on(inner))]
fn fan(n: u64) -> Result<u64> {
    Ok(inner::calls((0..8).map(|i| 100 * n + i)).run()?.into_iter().sum())
}

#[file_creator(closure = "own", resources(cpus = 4), depends_on(inner))]
fn on_a_pool(n: u64) -> Result<u64> {
    let here = datlake::here();
    (0..16).into_par_iter().map(|i| here.run(|| inner(1000 * n + i))).sum::<Result<u64>>()
}

#[file_creator(closure = "own", resources(cpus = 4), depends_on(inner_async))]
async fn asynchronous(n: u64) -> Result<u64> {
    Ok(try_join_all((0..8).map(|i| inner_async(10_000 * n + i))).await?.into_iter().sum())
}

/// Waits on two threads for one call, which one of them makes.
#[file_creator(closure = "own", resources(cpus = 4), depends_on(inner))]
fn twice(n: u64) -> Result<u64> {
    let here = datlake::here();
    std::thread::scope(|scope| {
        let threads = [0, 1].map(|_| scope.spawn(|| here.run(|| inner(77))));
        threads.into_iter().map(|thread| thread.join().unwrap()).sum::<Result<u64>>().map(|sum| sum + n)
    })
}

#[file_creator(closure = "own", resources(cpus = 4))]
fn large(n: u64) -> Result<u64> {
    child::says("in a large body");
    Ok(n)
}

#[file_creator(closure = "own", resources(cpus = 1))]
fn deadly(n: u64) -> Result<u64> {
    Command::new("kill").args(["-s", "KILL", &std::process::id().to_string()]).status().unwrap();
    std::thread::park();
    Ok(n)
}

fn nested() -> Result<u64> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let here = datlake::here();
    Ok([
        outer::calls([1, 2]).threads(2).run()?.iter().sum(),
        fan::calls([1, 2, 3]).threads(3).run()?.iter().sum(),
        on_a_pool(1)?,
        (2..6).into_par_iter().map(|n| here.run(|| on_a_pool(n))).sum::<Result<u64>>()?,
        runtime.block_on(try_join_all((1..4).map(asynchronous)))?.iter().sum(),
        twice::calls([1, 2]).threads(2).run()?.iter().sum(),
    ]
    .iter()
    .sum())
}

/// What the children do.
pub(crate) fn take(step: &str) -> Result<()> {
    match step {
        "room for two" => {
            assert_eq!(half::calls(0..6).threads(6).run()?, [0, 1, 2, 3, 4, 5]);
            let here = datlake::here();
            std::thread::scope(|scope| {
                let whole = scope.spawn(|| here.run(|| whole(1)));
                assert_eq!((light(1)?, whole.join().unwrap()?), (1, 1));
                Ok(())
            })
        }
        "room in bodies" => {
            nested()?;
            Ok(())
        }
        "room to die shortly" => {
            let error = deadly::calls([1]).run().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::SetAside, "{error}");
            Ok(())
        }
        _ => {
            match large::calls([1, 2]).threads(1).run() {
                Ok(values) => child::says(&format!("got {values:?}")),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Resources, "{error}");
                    child::says(&format!("error {error}"));
                }
            }
            Ok(())
        }
    }
}

#[test]
fn bodies_run_beside_each_other_where_they_fit() {
    let folder = tempfile::tempdir().unwrap();
    for step in ["room for two", "room in bodies"] {
        let ended = Process::told(&[GIVEN], step, &folder.path().join("home"), None).ends();
        assert!(ended.status.success(), "{step}: {:?}", ended.said);
    }
}

#[test]
fn a_process_leaves_to_others_what_does_not_fit_it() {
    for shared in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let remote = shared.then(|| Remote::directory(&folder.path().join("remote")));
        let start = |cpus: &str, home: &str| {
            let mut variables = vec![("DATLAKE_RUN", "a"), ("DATLAKE_RESOURCES", cpus)];
            // Which home another has nobody sees.
            variables.extend(shared.then_some(("DATLAKE_RUN_RESOURCES", "cpus=4")));
            let home = folder.path().join(if shared { home } else { "home" });
            Process::told(&variables, "room shortly", &home, remote.as_ref())
        };
        let mut small = start("cpus=1", "small");
        small.hears("waits");
        let large = start("cpus=4", "large").ends();
        assert_eq!((large.times("in a large body"), large.find("got ")), (2, Some("[1, 2]")), "{:?}", large.said);
        let small = small.ends();
        assert_eq!((small.times("in a large body"), small.find("got ")), (0, Some("[1, 2]")), "{:?}", small.said);
    }
}

#[test]
fn what_fits_no_process_is_an_error_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    for (variables, expected) in [
        (vec![], "this process has 1 CPU"),
        (vec![("DATLAKE_RUN", "a"), ("DATLAKE_RUN_PROGRAM", "x:3f")], "each process of this run has 1 CPU"),
        (vec![("DATLAKE_RUN", "a"), ("DATLAKE_RUN_RESOURCES", "cpus=2")], "the largest process of this run has 2 CPUs"),
        (
            vec![("DATLAKE_RUN", "a"), ("DATLAKE_RUN_SIZE", "1")],
            "of the processes of this run that are known here the largest has 1 CPU",
        ),
    ] {
        let variables = [vec![("DATLAKE_RESOURCES", "cpus=1,gpus=0,memory=1GiB")], variables].concat();
        let ended = Process::told(&variables, "room shortly", &home, None).ends();
        let error = ended.find("error ").unwrap_or_else(|| panic!("{:?}", ended.said));
        assert!(error.contains("room::large` (call ") && error.contains("asks for 4 CPUs, and "), "{error}");
        assert!(error.contains(expected), "{error}");
    }
    // What another has made is found all the same.
    Process::told(&[GIVEN], "room shortly", &home, None).ends();
    let found = Process::told(&[("DATLAKE_RESOURCES", "cpus=1")], "room shortly", &home, None).ends();
    assert_eq!((found.times("in a large body"), found.find("got ")), (0, Some("[1, 2]")), "{:?}", found.said);
}

/// As one that asks for nothing.
#[test]
fn a_body_that_has_room_is_set_aside_too() {
    let folder = tempfile::tempdir().unwrap();
    let start = || Process::in_run("a", "room to die shortly", &folder.path().join("home"), None).ends();
    for _ in 0..3 {
        assert!(!start().status.success());
    }
    let spared = start();
    assert!(spared.status.success(), "{:?}", spared.said);
}
