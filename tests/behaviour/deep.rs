//! Bodies that stand in each other: any number of steps, and as many levels of recursion as can be paid for.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use datlake::{ErrorKind, Result, file_creator};

use crate::support::{check_error, lake};

#[file_creator]
fn depth(n: u64) -> Result<u64> {
    Ok(if n == 0 { 0 } else { depth(n - 1)? + 1 })
}

#[file_creator]
async fn depth_later(n: u64) -> Result<u64> {
    Ok(if n == 0 { 0 } else { Box::pin(depth_later(n - 1)).await? + 1 })
}

#[file_creator(depends_on(odd))]
fn even(n: u64) -> Result<bool> {
    if n == 0 { Ok(true) } else { odd(n - 1) }
}

#[file_creator(depends_on(even))]
fn odd(n: u64) -> Result<bool> {
    if n == 0 { Ok(false) } else { even(n - 1) }
}

/// On a thread with the stack that threads have if nobody says otherwise.
fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::Builder::new().stack_size(2 << 20).spawn(work).unwrap().join().unwrap()
}

#[test]
fn a_thousand_levels_fit_on_any_thread() {
    let lake = lake();
    let at = (*lake).clone();
    assert_eq!(
        on_a_thread(move || {
            let _current = at.enter();
            depth(1000)
        })
        .unwrap(),
        1000
    );
    lake.expect("ran depth ×1001");
    let at = (*lake).clone();
    assert!(
        on_a_thread(move || {
            let _current = at.enter();
            even(100)
        })
        .unwrap()
    );
    lake.expect("ran even ×51, ran odd ×50");
}

/// As deep as the chain that has no end goes, below; and up again.
#[test]
#[ignore = "whoever wakes a body is polled through all that are above it"]
fn a_thousand_levels_fit_on_a_worker_of_a_runtime() {
    let lake = lake();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let deep = runtime.block_on(async { tokio::spawn(lake.scope(depth_later(1000))).await.unwrap() });
    assert_eq!(deep.unwrap(), 1000);
    lake.expect("ran depth_later ×1001");
}

#[test]
fn a_hundred_levels_fit_on_a_worker_of_a_pool_and_of_many_calls() {
    let lake = lake();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let deep = lake.ok("ran depth ×201", || {
        let here = datlake::here();
        pool.install(|| here.run(|| depth(200)))
    });
    assert_eq!(deep, 200);
    assert_eq!(lake.ok("hit depth, ran depth ×100", || depth::calls([300]).run()), [300]);
}

#[test]
fn recursion_that_does_not_end_is_an_error_that_names_the_chain() {
    #[file_creator]
    fn endless(n: u64) -> Result<u64> {
        endless(n + 1)
    }
    #[file_creator]
    async fn endless_later(n: u64) -> Result<u64> {
        Box::pin(endless_later(n + 1)).await
    }
    let lake = lake();
    let says = ["endless", "bodies wait for each other already", "›", "end the recursion"];
    let at = (*lake).clone();
    check_error(
        on_a_thread(move || {
            let _current = at.enter();
            endless(0)
        }),
        ErrorKind::Recursion,
        &says,
    );
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let deep = runtime.block_on(async { tokio::spawn(lake.scope(endless_later(0))).await.unwrap() });
    check_error(deep, ErrorKind::Recursion, &says);
}

#[test]
fn a_deep_future_can_be_dropped_while_it_waits() {
    static DEEP: AtomicBool = AtomicBool::new(false);
    #[file_creator]
    async fn waits(n: u64) -> Result<u64> {
        if n == 0 {
            DEEP.store(true, Ordering::Relaxed);
            std::future::pending().await
        } else {
            Box::pin(waits(n - 1)).await
        }
    }
    let lake = lake();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    runtime.block_on(async {
        let task = tokio::spawn(lake.scope(waits(300)));
        while !DEEP.load(Ordering::Relaxed) {
            datlake_store::sleep(Duration::from_millis(5)).await.unwrap();
        }
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    });
    lake.expect("failed waits ×301");
}

macro_rules! steps {
    ($first:ident $($name:ident)*) => {
        #[file_creator]
        async fn $first(n: u64) -> Result<u64> {
            Ok(n)
        }
        steps!(@ $first $($name)*);
    };
    (@ $last:ident) => {};
    (@ $before:ident $name:ident $($more:ident)*) => {
        #[file_creator(depends_on($before))]
        async fn $name(n: u64) -> Result<u64> {
            Ok($before(n).await? + 1)
        }
        steps!(@ $name $($more)*);
    };
}

steps!(s00 s01 s02 s03 s04 s05 s06 s07 s08 s09 s10 s11 s12 s13 s14 s15 s16 s17 s18 s19 s20 s21 s22 s23 s24 s25 s26 s27 s28 s29 s30
       s31 s32 s33 s34 s35 s36 s37 s38 s39 s40 s41 s42 s43 s44 s45 s46 s47 s48 s49 s50 s51 s52 s53 s54 s55 s56 s57 s58 s59);

#[test]
fn a_long_chain_of_asynchronous_steps_can_be_spawned_and_its_futures_do_not_grow() {
    fn size<F: Future>(_: fn(u64) -> F) -> usize {
        size_of::<F>()
    }
    assert_eq!(size(s01), size(s02));
    assert_eq!(size(s01), size(s59));
    assert!(size(s59) < 16 << 10, "{} bytes", size(s59));
    let lake = lake();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let end = runtime.block_on(async { tokio::spawn(lake.scope(s59(1))).await.unwrap() });
    assert_eq!(end.unwrap(), 60);
    let _ = size(s00);
}

#[test]
fn a_creator_may_keep_what_cannot_leave_its_thread() {
    #[file_creator(local)]
    async fn counted(n: u64) -> Result<u64> {
        let shared = std::rc::Rc::new(n);
        tokio::task::yield_now().await;
        Ok(*shared + 1)
    }
    #[file_creator]
    async fn generic<T: serde::Serialize>(value: T, #[skip] _log: &dyn Fn(&str)) -> Result<String> {
        tokio::task::yield_now().await;
        Ok(serde_json::to_string(&value).unwrap())
    }
    let lake = lake();
    assert_eq!(pollster::block_on(lake.scope(counted(1))).unwrap(), 2);
    assert_eq!(pollster::block_on(lake.scope(generic(1, &|_| {}))).unwrap(), "1");
}

#[test]
fn the_threads_of_many_calls_have_the_stack_of_a_main_thread() {
    #[file_creator]
    fn hungry(n: u64) -> Result<u64> {
        fn sum(n: u64) -> u64 {
            let room = std::hint::black_box([n; 128]);
            if n == 0 { 0 } else { sum(n - 1) + room[7] / n }
        }
        Ok(sum(n))
    }
    // More than 2 MiB.
    assert_eq!(lake().ok("ran hungry", || hungry::calls([1024]).threads(2).run()), [1024]);
}
