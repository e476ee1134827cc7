//! Processes that make the same calls: who finds one that another runs goes on with the others.

use std::sync::atomic::{AtomicU64, Ordering};

use datlake::{Result, file_creator};
use futures_util::future::try_join_all;
use rayon::prelude::*;

use crate::child::{self, Process, Remote};
use crate::races::all_done;

/// Calls of the fan-out. The first process stays in the first of them.
const ALL: u64 = 12;

fn ran(n: u64, stays: bool) -> u64 {
    static RAN: AtomicU64 = AtomicU64::new(0);
    child::says(&format!("ran {} parts", RAN.fetch_add(1, Ordering::Relaxed) + 1));
    if stays {
        child::waits_for_word();
    }
    n
}

/// Whether this process stays in the call `n`.
fn stays(n: u64) -> bool {
    let step = std::env::var("DATLAKE_TEST_STEP").unwrap_or_default();
    step.starts_with("stay") && n == u64::from(step.contains("second"))
}

#[file_creator(closure = "own")]
fn part(n: u64) -> Result<u64> {
    Ok(ran(n, stays(n)))
}

#[file_creator(closure = "own")]
async fn slow_part(n: u64) -> Result<u64> {
    Ok(ran(n, stays(n)))
}

/// Which of the tangled calls this process makes.
fn own() -> u64 {
    u64::from(std::env::var("DATLAKE_TEST_STEP").is_ok_and(|step| step == "tangled 1"))
}

/// Its piece goes to the pool's other thread, which puts a call of the other process's on top of it.
#[file_creator(closure = "own")]
fn tangled(n: u64) -> Result<u64> {
    if n != own() {
        child::says("ran the other's");
        return Ok(n);
    }
    let (begin, begun) = std::sync::mpsc::channel();
    let (end, ended) = std::sync::mpsc::channel();
    let piece = move || {
        begin.send(()).unwrap();
        child::says("in the piece");
        child::waits_for_word();
        rayon::spawn(move || assert_eq!(tangled(1 - n).unwrap(), 1 - n));
        rayon::yield_now();
        end.send(()).unwrap();
    };
    rayon::join(
        move || {
            // Until then this thread takes nothing on.
            begun.recv().unwrap();
            ended.recv().unwrap();
        },
        piece,
    );
    Ok(n)
}

/// What the children do.
pub(crate) fn take(step: &str) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let parts = match step {
        "stay in a call" | "stay shortly" | "stay for long" => vec![part(0)?],
        "stay in an asynchronous call" | "stay in an asynchronous call shortly" => {
            vec![runtime.block_on(slow_part(0))?]
        }
        "stay in the second call" => vec![part(1)?],
        "calls" => part::calls(0..ALL).threads(1).run()?,
        "calls on two threads" => part::calls(0..ALL).threads(2).run()?,
        "rayon" => {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
            let lake = datlake::Lake::current()?;
            pool.install(|| {
                let _current = lake.enter();
                (0..ALL).into_par_iter().map(part).collect::<Result<Vec<_>>>()
            })?
        }
        "asynchronous calls" => runtime.block_on(slow_part::calls(0..ALL).run())?,
        "joined" => runtime.block_on(try_join_all((0..ALL).map(slow_part)))?,
        "tangled 0" | "tangled 1" => {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
            vec![pool.install(|| tangled(own()))?]
        }
        other => panic!("there is no step {other}"),
    };
    child::says(&format!("sum {}", parts.iter().sum::<u64>()));
    Ok(())
}

/// One process stays in the first call, another finds it held and makes all others.
fn meet(stay: &str, step: &str, shared: bool) -> (Process, Process, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let remote = shared.then(|| Remote::directory(&folder.path().join("remote")));
    let home = |name: &str| folder.path().join(if shared { name } else { "home" });
    let mut first = Process::on(stay, &home("one"), remote.as_ref(), None);
    first.hears("ran 1 parts");
    let mut other = Process::on(step, &home("other"), remote.as_ref(), None);
    other.hears(&format!("ran {} parts", ALL - 1));
    (first, other, folder)
}

/// Once the first has finished, the other has its result, too.
fn goes_on_with_others(stay: &str, step: &str) {
    for shared in [false, true] {
        let (mut first, other, _folder) = meet(stay, step, shared);
        first.goes_on();
        let ended = all_done(vec![first, other]);
        assert_eq!(ended[1].find("sum "), Some("66"), "{step}");
        assert_eq!(ended[1].times(&format!("ran {ALL} parts")), 0, "{step}: the held one ran twice");
    }
}

#[test]
fn calls_of_a_fan_out_go_on_with_others() {
    goes_on_with_others("stay in a call", "calls");
    goes_on_with_others("stay in a call", "calls on two threads");
}

#[test]
fn asynchronous_calls_go_on_with_others() {
    goes_on_with_others("stay in an asynchronous call", "asynchronous calls");
    goes_on_with_others("stay in an asynchronous call", "joined");
}

#[test]
fn a_call_that_was_left_to_a_process_that_dies_is_made() {
    for shared in [false, true] {
        for (stay, step) in [("stay shortly", "calls"), ("stay in an asynchronous call shortly", "joined")] {
            let (first, mut other, _folder) = meet(stay, step, shared);
            first.kill();
            other.hears(&format!("ran {ALL} parts"));
            assert_eq!(all_done(vec![other])[0].find("sum "), Some("66"), "{step}");
        }
    }
}

/// However long it promised to live: its lock went with it, also while another machine is watched.
#[test]
fn a_call_that_was_left_to_a_process_of_this_machine_is_made_when_that_dies() {
    let folder = tempfile::tempdir().unwrap();
    let remote = Remote::directory(&folder.path().join("remote"));
    let start = |step: &str, home: &str| Process::on(step, &folder.path().join(home), Some(&remote), None);
    let (mut first, mut elsewhere) = (start("stay for long", "home"), start("stay in the second call", "elsewhere"));
    first.hears("ran 1 parts");
    elsewhere.hears("ran 1 parts");
    let mut other = start("calls", "home");
    other.hears(&format!("ran {} parts", ALL - 2));
    other.hears("waits");
    other.hears("waits");
    first.kill();
    other.hears(&format!("ran {} parts", ALL - 1));
    elsewhere.goes_on();
    assert_eq!(all_done(vec![other, elsewhere])[0].find("sum "), Some("66"));
}

/// The calls of a pool that steals work stay in their order: which thread makes which is the pool's.
#[test]
fn jobs_of_a_pool_that_steals_work_wait() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let mut first = Process::on("stay in a call", &home, None, None);
    first.hears("ran 1 parts");
    let mut other = Process::on("rayon", &home, None, None);
    other.hears("waits");
    first.goes_on();
    let ended = all_done(vec![first, other]);
    assert_eq!(ended[1].find("sum "), Some("66"));
    assert_eq!(ended[1].times(&format!("ran {ALL} parts")), 0, "the held one ran twice");
}

/// Each of two bodies waits for its piece, on top of which the pool put a call of the other body.
#[test]
fn pools_of_two_processes_do_not_wait_for_each_other_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let mut both = ["tangled 0", "tangled 1"].map(|step| Process::on(step, &home, None, None));
    both.iter_mut().for_each(|process| process.hears("in the piece"));
    both.iter_mut().for_each(Process::goes_on);
    for (n, ended) in all_done(both.into()).iter().enumerate() {
        assert_eq!(ended.find("sum "), Some(&*n.to_string()));
    }
}

/// Whoever observes learns where a body ran, with what, and what the process used; of a process that was started alone nothing.
#[test]
fn events_say_where_a_body_ran() {
    let folder = tempfile::tempdir().unwrap();
    let run = [("DATLAKE_RUN", "a"), ("DATLAKE_RANK", "2"), ("DATLAKE_RESOURCES", "cpus=4")];
    let slurm = [("SLURM_JOB_ID", "7"), ("SLURM_CLUSTER_NAME", "c"), ("SLURMD_NODENAME", "n1")];
    let variables = [&run[..], &slurm].concat();
    for (step, said) in [("named", "it ran in "), ("fails", "it failed in ")] {
        let ended = Process::told(&variables, step, &folder.path().join(step), None).ends();
        let process = ended.find(said).unwrap_or_else(|| panic!("{step}: {:?}", ended.said));
        for part in [
            "SharedRun { id: \"a\", rank: Some(2), of: None }",
            "Scheduled { by: \"slurm\", cluster: Some(\"c\"), node: Some(\"n1\"), job: Some(\"7\") }",
            "cpus: Some(4)",
            "ProcessUsage { peak_memory: Some(",
            "cpu_ms: Some(",
        ] {
            assert!(process.contains(part), "{step}: {process}");
        }
    }
    let alone = Process::start("named", &folder.path().join("alone"), None, None).ends();
    assert!(alone.status.success() && alone.find("it ran in ").is_none(), "{:?}", alone.said);
}
