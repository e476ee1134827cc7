//! Ten thousand calls at a time, in processes that may have few files open.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datlake::{File, Result, file_creator};
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};

use crate::support::{Machines, Watched, alone_with_files, lake, of_this_process};

const CALLS: u64 = 10_000;
const FILES: u32 = 256;

#[file_creator]
async fn squared_later(n: u64) -> Result<u64> {
    tokio::task::yield_now().await;
    Ok(n * n)
}

#[file_creator]
async fn written_later(n: u64) -> Result<File> {
    use tokio::io::AsyncWriteExt as _;
    let mut out = File::create_async("n.txt").await?;
    out.write_all(n.to_string().as_bytes()).await?;
    out.finish().await
}

#[file_creator]
fn squared(n: u64) -> Result<u64> {
    Ok(n * n)
}

#[file_creator]
fn written(n: u64) -> Result<File> {
    File::from_bytes("n.txt", n.to_string())
}

/// The most threads there were when something happened in the lake.
fn count_threads(lake: &Watched) -> Arc<AtomicUsize> {
    let most = Arc::<AtomicUsize>::default();
    let (counted, events) = (Arc::clone(&most), AtomicUsize::new(0));
    lake.observe(move |_| {
        if events.fetch_add(1, Ordering::Relaxed) % 100 == 0 {
            counted.fetch_max(of_this_process("Threads"), Ordering::Relaxed);
        }
    });
    most
}

/// Makes all calls in several lakes, of which the process holds one at a time, and again as the next process would.
fn check<T: PartialEq + std::fmt::Debug>(function: &str, make_all: impl Fn() -> Result<Vec<T>>) {
    let lake = lake();
    let threads = count_threads(&lake);
    let made = lake.ok(&format!("ran {function} ×{CALLS}"), &make_all);
    assert_eq!(lake.ok(&format!("hit {function} ×{CALLS}"), &make_all), made);
    assert!(lake.reopened().ok(&format!("hit {function} ×{CALLS}"), &make_all) == made);
    assert_eq!(lake.visible().0 as u64, CALLS);
    // A few of the program, some of the test's own, and those of the runtime for input and output.
    let threads = threads.load(Ordering::Relaxed);
    assert!(threads < 50, "{threads} threads");
    let memory = of_this_process("VmHWM") >> 10;
    assert!(memory < 500, "{memory} MiB");
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap()
}

#[test]
fn try_join_all() {
    if alone_with_files("crowd::try_join_all", FILES) {
        let runtime = runtime();
        check("squared_later", || runtime.block_on(futures_util::future::try_join_all((0..CALLS).map(squared_later))));
    }
}

#[test]
fn try_join_all_of_files() {
    if alone_with_files("crowd::try_join_all_of_files", FILES) {
        let runtime = runtime();
        check("written_later", || runtime.block_on(futures_util::future::try_join_all((0..CALLS).map(written_later))));
    }
}

#[test]
fn calls_of_an_asynchronous_creator() {
    if alone_with_files("crowd::calls_of_an_asynchronous_creator", FILES) {
        check("squared_later", || pollster::block_on(squared_later::calls(0..CALLS).run()));
    }
}

#[test]
fn par_iter() {
    if alone_with_files("crowd::par_iter", FILES) {
        check("squared", || {
            let here = datlake::here();
            (0..CALLS).into_par_iter().map(|n| here.run(|| squared(n))).collect()
        });
    }
}

#[test]
fn calls() {
    if alone_with_files("crowd::calls", FILES) {
        check("written", || written::calls(0..CALLS).run());
    }
}

#[test]
fn many_threads_with_one_call_each() {
    if alone_with_files("crowd::many_threads_with_one_call_each", FILES) {
        let lake = lake();
        std::thread::scope(|scope| {
            for n in 0..500 {
                let lake = &lake;
                scope.spawn(move || {
                    let _current = lake.enter();
                    assert_eq!(written(n / 5).unwrap().read_to_string().unwrap(), (n / 5).to_string());
                });
            }
        });
        let executed = lake.events().into_iter().filter(|event| matches!(event, datlake::Event::Executed { .. }));
        assert_eq!(executed.count(), 100);
    }
}

#[test]
fn the_second_machine_looks_up_and_downloads_by_the_thousand() {
    if !alone_with_files("crowd::the_second_machine_looks_up_and_downloads_by_the_thousand", FILES) {
        return;
    }
    let machines = Machines::new();
    machines.machine("a").ok("ran written_later ×1000", || {
        runtime().block_on(futures_util::future::try_join_all((0..1000).map(written_later)))
    });
    let b = machines.machine("b");
    let files = b.ok("hit written_later ×1000", || {
        runtime().block_on(futures_util::future::try_join_all((0..1000).map(written_later)))
    });
    let texts = runtime().block_on(futures_util::future::try_join_all(files.iter().map(File::read_to_string_async)));
    assert_eq!(texts.unwrap(), (0..1000).map(|n| n.to_string()).collect::<Vec<_>>());
    b.expect("downloaded n.txt ×1000");
}
