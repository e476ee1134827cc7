//! Calls that meet: one runs and the others wait, whatever runs them; and nobody waits for himself.

use std::collections::HashSet;
use std::sync::Barrier;

use datlake::{Error, ErrorKind, Event, File, Result, file_creator, here};
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};

use crate::support::{Watched, alone_with_files, check_error, lake};

/// How often bodies ran, calls were found, and were waited for.
fn counts(lake: &Watched) -> (usize, usize, usize) {
    lake.events().iter().fold((0, 0, 0), |(ran, hit, waited), event| match event {
        Event::Executed { redundant: false, .. } => (ran + 1, hit, waited),
        Event::Hit(_) => (ran, hit + 1, waited),
        Event::Waited { .. } => (ran, hit, waited + 1),
        Event::Started(_) => (ran, hit, waited),
        other => panic!("{other:?}"),
    })
}

#[file_creator]
fn slow(name: &str, #[skip] gate: &Barrier) -> Result<File> {
    gate.wait();
    // Until somebody else waits, or has had the chance to.
    std::thread::sleep(std::time::Duration::from_millis(20));
    File::from_bytes("slow.txt", name)
}

#[test]
fn one_call_from_many_threads_runs_its_body_once() {
    const THREADS: usize = 32;
    let lake = lake();
    let gate = Barrier::new(1);
    let made: HashSet<String> = std::thread::scope(|scope| {
        let call = || {
            let _current = lake.enter();
            slow("threads", &gate).unwrap().uid().unwrap().to_string()
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(call)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(made.len(), 1);
    let (ran, hit, _) = counts(&lake);
    assert_eq!((ran, hit), (1, THREADS - 1));
}

#[test]
fn one_call_from_two_handles_of_a_home_runs_its_body_once() {
    // As two processes would.
    let (a, b) = {
        let a = lake();
        let b = a.reopened();
        (a, b)
    };
    let gate = Barrier::new(2);
    std::thread::scope(|scope| {
        scope.spawn(|| a.ok("ran slow", || slow("handles", &gate)));
        gate.wait();
        scope.spawn(|| b.ok("hit slow, waited slow", || slow("handles", &gate)));
    });
}

#[file_creator]
async fn slow_later(n: u32) -> Result<u32> {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    Ok(n)
}

#[test]
fn one_call_from_many_tasks_runs_its_body_once() {
    let lake = lake();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let tasks = (0..200).map(|n| tokio::spawn(lake.scope(async move { slow_later(n / 100).await.unwrap() })));
        for (n, value) in (0..).zip(futures_util::future::join_all(tasks).await) {
            assert_eq!(value.unwrap(), n / 100);
        }
    });
    let (ran, hit, _) = counts(&lake);
    assert_eq!((ran, hit), (2, 198));
    // On one thread, where the one that runs goes on only when the others let it.
    pollster::block_on(lake.scope(futures_util::future::join_all((0..100).map(|_| slow_later(7)))));
    let (ran, hit, waited) = counts(&lake);
    assert_eq!((ran, hit), (1, 99));
    assert_ne!(waited, 0);
}

#[file_creator]
fn leaf(n: u64) -> Result<u64> {
    Ok(n + 1)
}

#[file_creator(depends_on(leaf))]
fn branch(n: u64) -> Result<u64> {
    if n.is_multiple_of(3) {
        return Ok(leaf::calls((0..8).map(|m| (n + m) % 10)).threads(2).run()?.into_iter().sum());
    }
    let here = here();
    (0..8_u64).into_par_iter().map(|m| here.run(|| leaf((n + m) % 10))).sum()
}

#[file_creator(depends_on(branch))]
fn root(n: u64) -> Result<u64> {
    let here = here();
    (0..6_u64).into_par_iter().map(|m| here.run(|| branch((n + m) % 7))).sum()
}

#[file_creator(depends_on(root, branch, leaf))]
fn forest(n: u64) -> Result<u64> {
    // Without `here`, as who does not know of it would write it.
    (0..4_u64).into_par_iter().map(|m| Ok(root((n + m) % 3)? + branch(m)? + leaf(m)?)).sum()
}

#[test]
fn nested_calls_on_a_pool_of_two_that_steals_never_wait_for_each_other() {
    if !alone_with_files("parallel::nested_calls_on_a_pool_of_two_that_steals_never_wait_for_each_other", 1000) {
        return;
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    for round in 0..60 {
        let lake = lake();
        let sums: Vec<u64> = pool.install(|| {
            let here = lake.enter();
            let there = datlake::here();
            drop(here);
            (0..40_u64).into_par_iter().map(|n| there.run(|| forest(n % 4)).unwrap()).collect()
        });
        for (n, sum) in sums.iter().enumerate() {
            assert_eq!(*sum, sums[n % 4], "round {round}");
        }
        // A body may have run once more where waiting would have closed a circle; its record is one.
        assert_eq!(lake.visible().0, 4 + 3 + 7 + 10, "round {round}");
    }
}

#[file_creator]
fn parsed(file: &File) -> Result<u64> {
    Ok(file.read_to_string()?.lines().map(|line| line.len() as u64).sum())
}

#[file_creator(depends_on(parsed))]
fn summed(files: &[File], from: usize) -> Result<File> {
    let here = here();
    let sum: Result<u64> = files[from..].into_par_iter().map(|file| here.run(|| parsed(file))).sum();
    File::from_bytes("sum.txt", sum?.to_string())
}

#[test]
fn files_of_strangers_on_one_thread_do_not_disturb_each_other() {
    if !alone_with_files("parallel::files_of_strangers_on_one_thread_do_not_disturb_each_other", 1000) {
        return;
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    for _ in 0..20 {
        let lake = lake();
        let files: Vec<File> = (0..12).map(|n| lake.add_bytes(&format!("{n}"), "x\n".repeat(n)).unwrap()).collect();
        let sums: Result<Vec<String>> = pool.install(|| {
            (0..12_usize).into_par_iter().map(|from| summed(&files[from / 2..], from % 2)?.read_to_string()).collect()
        });
        let expected: Vec<String> =
            (0..12).map(|from: usize| (from / 2 + from % 2..12).sum::<usize>().to_string()).collect();
        assert_eq!(sums.unwrap(), expected);
    }
}

/// What a pool that steals may put on top of a body that waits in it.
struct Stolen<'a>(&'a (dyn Fn() + Sync));

#[file_creator]
fn shared(#[skip] stolen: &Stolen<'_>) -> Result<u64> {
    stolen.0();
    Ok(1)
}

#[file_creator(depends_on(shared))]
fn holding(#[skip] gate: &Barrier, #[skip] stolen: &Stolen<'_>) -> Result<u64> {
    gate.wait();
    shared(stolen)
}

#[file_creator(depends_on(holding))]
fn on_top(#[skip] gate: &Barrier, #[skip] stolen: &Stolen<'_>) -> Result<u64> {
    Ok(holding::calls([(gate, stolen); 2]).threads(2).run()?.into_iter().sum())
}

#[test]
fn a_stranger_on_top_of_a_body_does_not_wait_for_it_from_other_threads() {
    let test = "parallel::a_stranger_on_top_of_a_body_does_not_wait_for_it_from_other_threads";
    if !alone_with_files(test, 1000) {
        return;
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let lake = lake();
    let gate = Barrier::new(2);
    let nothing = Stolen(&|| ());
    std::thread::scope(|scope| {
        let (lake, gate, nothing) = (&lake, &gate, &nothing);
        pool.install(|| {
            let _current = lake.enter();
            // `shared` runs here, and on top of it a stranger, whose threads wait for `holding`, which waits for `shared`.
            let stranger = || {
                scope.spawn(|| {
                    let _current = lake.enter();
                    assert_eq!(holding(gate, nothing).unwrap(), 1);
                });
                gate.wait();
                assert_eq!(on_top(&Barrier::new(1), nothing).unwrap(), 2);
            };
            let stolen = || rayon::scope(|jobs| jobs.spawn(|_| stranger()));
            assert_eq!(shared(&Stolen(&stolen)).unwrap(), 1);
        });
    });
    assert_eq!(lake.visible().0, 3);
}

#[file_creator]
fn endless(n: u64) -> Result<u64> {
    match n {
        0 => endless(0),
        1 => std::thread::scope(|scope| {
            let here = here();
            scope.spawn(move || here.run(|| endless(1))).join().unwrap()
        }),
        2 => Ok(endless::calls([2, 3]).run()?.len() as u64),
        3 => Ok(3),
        _ => endless(n - 1).map(|below| below + n),
    }
}

#[file_creator]
async fn endless_later(n: u64) -> Result<u64> {
    match n {
        0 => Box::pin(endless_later(0)).await,
        1 => here().scope(Box::pin(endless_later(1))).await,
        2 => Ok(Box::pin(endless_later::calls([3, 2]).run()).await?.len() as u64),
        3 => Ok(3),
        _ => Ok(Box::pin(endless_later(n - 1)).await? + n),
    }
}

#[file_creator(depends_on(pong))]
fn ping(n: u64) -> Result<u64> {
    pong(n)
}

#[file_creator(depends_on(ping))]
fn pong(n: u64) -> Result<u64> {
    ping(n)
}

#[test]
fn a_call_in_its_own_body_is_an_error() {
    let lake = lake();
    let _current = lake.enter();
    let says = ["endless", "in its own body with the same arguments"];
    for n in [0, 1, 2] {
        check_error(endless(n), ErrorKind::Recursion, &says);
    }
    assert_eq!(lake.happened(), "failed endless ×3, ran endless");
    check_error(ping(1), ErrorKind::Recursion, &["ping", "in its own body"]);
    lake.expect("failed ping, failed pong");
    // With other arguments it is a recursion like any other.
    assert_eq!(endless(10).unwrap(), 52);
    lake.expect("hit endless, ran endless ×7");

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    for n in [0, 1, 2] {
        check_error(runtime.block_on(endless_later(n)), ErrorKind::Recursion, &says[1..]);
    }
    assert_eq!(runtime.block_on(endless_later(10)).unwrap(), 52);
}

#[test]
fn a_call_in_its_own_body_is_an_error_on_a_pool_too() {
    if !alone_with_files("parallel::a_call_in_its_own_body_is_an_error_on_a_pool_too", 1000) {
        return;
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let lake = lake();
    pool.install(|| {
        let _current = lake.enter();
        check_error(endless(0), ErrorKind::Recursion, &["endless"]);
        check_error(ping(1), ErrorKind::Recursion, &["in its own body"]);
    });
    assert_eq!(lake.visible(), (0, 0));
}

#[test]
fn two_bodies_that_call_each_other_from_two_sides_do_not_wait_for_ever() {
    #[file_creator(depends_on(right))]
    fn left(stop: bool, #[skip] gate: Option<&Barrier>) -> Result<u32> {
        if stop {
            return Ok(1);
        }
        gate.map(Barrier::wait);
        right(false, None)
    }
    #[file_creator(depends_on(left))]
    fn right(stop: bool, #[skip] gate: Option<&Barrier>) -> Result<u32> {
        if stop {
            return Ok(1);
        }
        gate.map(Barrier::wait);
        left(false, None)
    }
    if !alone_with_files("parallel::two_bodies_that_call_each_other_from_two_sides_do_not_wait_for_ever", 1000) {
        return;
    }
    let lake = lake();
    let gate = Barrier::new(2);
    let ended: Vec<Result<u32>> = std::thread::scope(|scope| {
        let [a, b] = [left as fn(bool, Option<&Barrier>) -> Result<u32>, right].map(|side| {
            let (lake, gate) = (&lake, &gate);
            scope.spawn(move || {
                let _current = lake.enter();
                side(false, Some(gate))
            })
        });
        vec![a.join().unwrap(), b.join().unwrap()]
    });
    for ended in ended {
        check_error(ended, ErrorKind::Recursion, &["in its own body"]);
    }
}

#[test]
fn an_error_in_one_of_many_nested_calls_reaches_the_top() {
    #[file_creator]
    fn picky(n: u32) -> Result<u32> {
        if n == 5 { Err(Error::new(ErrorKind::InvalidInput, "five")) } else { Ok(n) }
    }
    #[file_creator(depends_on(picky))]
    async fn all(count: u32) -> Result<u32> {
        Ok(picky::calls(0..count).run()?.into_iter().sum())
    }
    let lake = lake();
    lake.fails("failed all, failed picky, ran picky ×7", ErrorKind::InvalidInput, &["five"], || {
        pollster::block_on(all(8))
    });
    assert_eq!(lake.ok("hit picky ×5, ran all", || pollster::block_on(all(5))), 10);
}

mod inner {
    #[datlake::file_creator]
    pub(super) fn squared(n: u64) -> datlake::Result<u64> {
        Ok(n * n)
    }
}

/// What a body asks of another creator by its module is found as what it calls itself.
#[file_creator]
fn by_its_module(n: u64) -> Result<u64> {
    use inner::squared as other;
    let forced = other::call(n).force()?;
    Ok(inner::squared::calls(0..n).run()?.into_iter().sum::<u64>() + inner::squared::call(n).run()? + forced)
}

#[test]
fn a_body_makes_calls_of_another_creator_in_every_way() {
    let lake = lake();
    let _current = lake.enter();
    assert_eq!(by_its_module(3).unwrap(), 5 + 9 + 9);
}
