//! Many calls of one creator at once: `f::calls(…)`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use datlake::{Error, ErrorKind, File, Result, file_creator};

use crate::support::lake;

#[file_creator]
fn square(n: u64) -> Result<u64> {
    if n == 13 {
        return Err(Error::new(ErrorKind::InvalidInput, "unlucky"));
    }
    Ok(n * n)
}

#[file_creator]
fn written(folder: &File, n: usize) -> Result<File> {
    File::from_bytes(&format!("{n}.txt"), format!("{} {n}", folder.read_to_string()?))
}

#[file_creator(depends_on(written))]
fn all_written(folder: &File, count: usize) -> Result<Vec<File>> {
    written::calls((0..count).map(|n| (folder, n))).threads(4).run()
}

#[file_creator]
async fn squared_later(n: u64) -> Result<u64> {
    tokio::task::yield_now().await;
    if n == 13 {
        return Err(Error::new(ErrorKind::InvalidInput, "unlucky"));
    }
    Ok(n * n)
}

#[file_creator(depends_on(squared_later))]
async fn sum_later(count: u64) -> Result<u64> {
    Ok(squared_later::calls(0..count).run().await?.into_iter().sum())
}

#[test]
fn results_come_in_order_and_what_is_there_is_not_made_again() {
    let lake = lake();
    lake.ok("ran square ×2", || square(3).and(square(7)));
    let squares = lake.ok("hit square ×2, ran square ×10", || square::calls((0..12).rev()).run());
    assert_eq!(squares, (0..12).rev().map(|n| n * n).collect::<Vec<_>>());
    assert!(lake.ok("nothing", || square::calls([]).run()).is_empty());
    // Equal calls are one call.
    let squares = lake.ok("hit square ×8", || square::calls([3; 8]).run());
    assert_eq!(squares, [9; 8]);
}

#[test]
fn the_first_error_in_order_comes_back_and_the_others_were_made() {
    let lake = lake();
    lake.fails("failed square, ran square ×19", ErrorKind::InvalidInput, &["unlucky"], || {
        square::calls(0..20).threads(3).run()
    });
    let each = lake.ok("failed square, hit square ×19", || Ok::<_, ()>(square::calls(0..20).run_each()));
    assert_eq!(each.iter().position(Result::is_err), Some(13));
    assert_eq!(*each[19].as_ref().unwrap(), 361);
}

#[test]
fn progress_counts_to_the_end() {
    let lake = lake();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let telling = Arc::clone(&seen);
    let calls = square::calls(20..30).on_progress(move |done, of| telling.lock().unwrap().push((done, of)));
    lake.ok("ran square ×10", || calls.run());
    assert_eq!(*seen.lock().unwrap(), (1..=10).map(|done| (done, 10)).collect::<Vec<_>>());
}

#[test]
fn files_among_the_arguments_and_calls_in_a_body() {
    let lake = lake();
    let folder = lake.add_bytes("folder", "in").unwrap();
    let files = lake.ok("ran all_written, ran written ×20", || all_written(&folder, 20));
    assert_eq!(files[7].read_to_string().unwrap(), "in 7");
    lake.ok("hit written ×20", || written::calls((0..20).map(|n| (&folder, n))).run());
}

#[test]
fn a_body_that_panics_does_not_stop_the_others() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    #[file_creator]
    fn fragile(n: usize) -> Result<()> {
        assert!(n != 3, "three");
        MADE.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
    let lake = lake();
    let _current = lake.enter();
    let calls = std::panic::AssertUnwindSafe(|| fragile::calls(0..8).threads(2).run());
    assert!(std::panic::catch_unwind(calls).is_err());
    assert_eq!(MADE.load(Ordering::Relaxed), 7);
    assert_eq!(lake.visible().0, 7);
}

#[test]
fn asynchronous_calls_come_in_order_too() {
    let lake = lake();
    let seen = Arc::new(Mutex::new(0));
    let telling = Arc::clone(&seen);
    let calls = || squared_later::calls((0..10).rev());
    let told = calls().on_progress(move |done, of| *telling.lock().unwrap() = done * 100 + of);
    let squares = lake.ok("ran squared_later ×10", || pollster::block_on(told.run()));
    assert_eq!(squares, (0..10).rev().map(|n| n * n).collect::<Vec<_>>());
    assert_eq!(*seen.lock().unwrap(), 1010);
    lake.ok("hit squared_later ×10", || pollster::block_on(calls().run()));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let sum =
        lake.ok("hit squared_later ×10, ran squared_later ×2, ran sum_later", || runtime.block_on(sum_later(12)));
    assert_eq!(sum, 506);
    lake.fails(
        "failed squared_later, hit squared_later ×12, ran squared_later ×7",
        ErrorKind::InvalidInput,
        &["unlucky"],
        || runtime.block_on(squared_later::calls(0..20).run()),
    );
}
