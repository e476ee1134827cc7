//! Bodies that do not end well: nothing of them is ever visible, and the next call runs.

use std::future::Future;
use std::pin::pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};

use datlake::{Error, ErrorKind, File, FileWriter, Lake, Result, Status, Tree, file_creator};

use crate::support::{files_below, lake};

/// That nothing is visible, and nothing was left behind.
#[track_caller]
fn nothing_is_left(lake: &crate::support::Watched) {
    assert_eq!(lake.visible(), (0, 0));
    let left = files_below(&lake.home().join("tmp"));
    let left: Vec<_> =
        left.iter().filter(|path| path.extension().is_none_or(|extension| extension != "lock")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[derive(serde::Serialize, Clone, Copy, PartialEq, Debug)]
enum End {
    Well,
    Err,
    Panic,
    Forget,
    Unfinished,
    UnfinishedStage,
    ForgetTree,
    ForgetMember,
}

fn ends(how: End) -> Result<Vec<File>> {
    let made = File::from_bytes("made.txt", "made")?;
    match how {
        End::Well => {}
        End::Err => return Err(Error::new(ErrorKind::Io, "on purpose")),
        End::Panic => panic!("on purpose"),
        End::Forget => return Ok(vec![]),
        End::Unfinished => drop(File::create("begun.txt")?),
        End::UnfinishedStage => drop(File::stage("staged.txt")?),
        End::ForgetTree => {
            let mut tree = Tree::create("tree")?;
            tree.add("made.txt", &made)?;
            tree.finish()?;
            return Ok(vec![]);
        }
        End::ForgetMember => {
            let mut tree = Tree::create("tree")?;
            tree.add_bytes("a", "a")?;
            return Ok(vec![made, tree.finish()?.get("a")?]);
        }
    }
    Ok(vec![made])
}

/// Luck decides how it ends, and is not in the key.
static LUCK: Mutex<End> = Mutex::new(End::Well);

#[file_creator]
fn lucky(_name: &str) -> Result<Vec<File>> {
    let how = *LUCK.lock().unwrap();
    ends(how)
}

#[file_creator]
async fn lucky_later(_name: &str) -> Result<Vec<File>> {
    let how = *LUCK.lock().unwrap();
    tokio::task::yield_now().await;
    ends(how)
}

fn quietly<R>(work: impl FnOnce() -> R) -> std::thread::Result<R> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work))
}

#[test]
fn a_body_that_ends_badly_leaves_nothing_and_the_next_call_runs() {
    let lake = lake();
    let _current = lake.enter();
    for (how, says) in [
        (End::Err, "on purpose"),
        (End::Forget, "made `made.txt` and did not return it"),
        (End::Unfinished, "began `begun.txt` and did not finish it"),
        (End::UnfinishedStage, "began `staged.txt` and did not finish it"),
        (End::ForgetTree, "made `tree` and did not return it"),
        (End::ForgetMember, "made `tree` and did not return it"),
    ] {
        *LUCK.lock().unwrap() = how;
        let error = lucky("x").unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
        assert_eq!(error.kind(), if how == End::Err { ErrorKind::Io } else { ErrorKind::Outputs }, "{how:?}");
        let error = pollster::block_on(lucky_later("x")).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
        lake.expect("failed lucky, failed lucky_later");
        nothing_is_left(&lake);
    }
    *LUCK.lock().unwrap() = End::Panic;
    assert!(quietly(|| lucky("x")).is_err());
    assert!(quietly(|| pollster::block_on(lucky_later("x"))).is_err());
    lake.expect("failed lucky, failed lucky_later");
    nothing_is_left(&lake);
    assert_eq!(lucky::call("x").status().unwrap(), Status::Missing);

    *LUCK.lock().unwrap() = End::Well;
    lucky("x").unwrap();
    pollster::block_on(lucky_later("x")).unwrap();
    lake.expect("ran lucky, ran lucky_later");
}

#[test]
fn those_who_wait_for_a_body_that_fails_run_it_themselves() {
    static TRIES: AtomicUsize = AtomicUsize::new(0);
    #[file_creator]
    fn third_time(#[skip] gate: &std::sync::Barrier) -> Result<u32> {
        match TRIES.fetch_add(1, Ordering::Relaxed) {
            0 => {
                gate.wait();
                // The others wait for this body, or will see that it failed.
                std::thread::yield_now();
                Err(Error::new(ErrorKind::Io, "first"))
            }
            1 => panic!("second"),
            _ => Ok(3),
        }
    }
    let lake = lake();
    let gate = std::sync::Barrier::new(2);
    let results: Vec<_> = std::thread::scope(|scope| {
        let call = || {
            let _current = lake.enter();
            third_time(&gate)
        };
        let first = scope.spawn(call);
        gate.wait();
        let others: Vec<_> = (0..4).map(|_| scope.spawn(call)).collect();
        [first].into_iter().chain(others).map(|thread| thread.join()).collect()
    });
    let ended =
        |wanted: fn(&std::thread::Result<Result<u32>>) -> bool| results.iter().filter(|end| wanted(end)).count();
    assert_eq!(ended(|end| matches!(end, Ok(Err(_)))), 1);
    assert_eq!(ended(|end| end.is_err()), 1);
    assert_eq!(ended(|end| matches!(end, Ok(Ok(3)))), 3);
    assert_eq!(TRIES.load(Ordering::Relaxed), 3);
}

#[file_creator]
async fn two_steps(name: &str) -> Result<File> {
    let mut out = File::create_async("out.txt").await?;
    tokio::io::AsyncWriteExt::write_all(&mut out, name.as_bytes()).await?;
    let finished = out.finish().await?;
    pending_once().await;
    Ok(finished)
}

/// Ready at the second poll.
async fn pending_once() {
    let mut polled = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut polled, true) {
            return std::task::Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

#[test]
fn a_call_may_be_cancelled_at_any_await() {
    let lake = lake();
    let _current = lake.enter();
    for polls in 0..1000 {
        let done = {
            let mut call = pin!(two_steps("x"));
            let mut cx = Context::from_waker(Waker::noop());
            (0..polls).any(|_| {
                // Long enough for the lake's own threads to do something between two polls.
                std::thread::sleep(std::time::Duration::from_micros(300));
                call.as_mut().poll(&mut cx).is_ready()
            })
        };
        // Cancelled before it published, it shows nothing; while it did, nothing or all. So whoever asks next has all.
        assert_eq!(pollster::block_on(two_steps("x")).unwrap().read().unwrap(), b"x");
        let ran = lake.events().iter().filter(|event| matches!(event, datlake::Event::Executed { .. })).count();
        assert!(ran <= 1, "two runs both say that theirs counts");
        let uid = two_steps::call("x").uid().unwrap();
        lake.remove(uid.as_str()).unwrap();
        if done {
            return;
        }
    }
    panic!("it never ends");
}

#[test]
fn a_call_that_was_cancelled_lets_others_run() {
    #[file_creator]
    async fn started(name: &str, #[skip] begun: &AtomicUsize) -> Result<File> {
        begun.fetch_add(1, Ordering::Relaxed);
        pending_once().await;
        File::from_bytes_async("out.txt", name).await
    }
    let lake = lake();
    let _current = lake.enter();
    let begun = AtomicUsize::new(0);
    let mut cx = Context::from_waker(Waker::noop());
    let mut call = Box::pin(started("x", &begun));
    while begun.load(Ordering::Relaxed) == 0 {
        assert!(call.as_mut().poll(&mut cx).is_pending());
    }
    // Somebody waits for it, and it is given up.
    let mut waits = Box::pin(started("x", &begun));
    assert!(waits.as_mut().poll(&mut cx).is_pending());
    assert_eq!(started::call("x", &begun).status().unwrap(), Status::Running);
    drop(call);
    pollster::block_on(waits).unwrap();
    lake.expect("failed started, ran started, waited started");
}

#[test]
fn a_timeout_is_a_cancellation() {
    #[file_creator]
    async fn stuck() -> Result<File> {
        let out = File::create_async("out.txt").await?;
        std::future::pending::<()>().await;
        out.finish().await
    }
    let lake = lake();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let limit = std::time::Duration::from_millis(50);
        assert!(tokio::time::timeout(limit, lake.scope(stuck())).await.is_err());
    });
    nothing_is_left(&lake);
    let _current = lake.enter();
    assert_eq!(stuck::call().status().unwrap(), Status::Missing);
}

#[test]
fn a_writer_that_outlives_its_body_is_of_no_use() {
    static LEAKED: Mutex<Option<FileWriter>> = Mutex::new(None);
    #[file_creator]
    fn leaks() -> Result<()> {
        *LEAKED.lock().unwrap() = Some(File::create("late.txt")?);
        Ok(())
    }
    let lake = lake();
    lake.fails("failed leaks", ErrorKind::Outputs, &["began `late.txt`"], leaks);
    let late = LEAKED.lock().unwrap().take().unwrap().finish();
    crate::support::check_error(late, ErrorKind::Context, &["`late.txt`", "leaks", "ended"]);
    nothing_is_left(&lake);
}

#[test]
fn a_nested_call_that_is_done_stays_done_when_its_caller_fails() {
    #[file_creator]
    fn part(n: u32) -> Result<File> {
        File::from_bytes("part.txt", n.to_string())
    }
    #[file_creator(depends_on(part))]
    fn whole(fail: bool) -> Result<File> {
        let made = part(1)?;
        if fail { Err(Error::new(ErrorKind::Io, "on purpose")) } else { Ok(made) }
    }
    let lake = lake();
    lake.fails("failed whole, ran part", ErrorKind::Io, &["on purpose"], || whole(true));
    let made = lake.ok("hit part, ran whole", || whole(false));
    assert_eq!(made, lake.ok("hit part", || part(1)), "what is passed on keeps its UID");
}

#[test]
fn a_body_that_closes_its_lake_is_fine() {
    #[file_creator]
    fn opens_another() -> Result<u64> {
        let other = Lake::temp()?;
        Ok(other.home().as_os_str().len() as u64)
    }
    lake().ok("ran opens_another", opens_another);
}
