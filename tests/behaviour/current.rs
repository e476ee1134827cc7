//! Which lake is meant: by the files given, by `enter` and `scope`, by the configuration. Several lakes never mix.

use datlake::{ErrorKind, File, Lake, LakeBuilder, Result, file_creator, here};

use crate::support::{Watched, alone, check_error, lake, said_alone};

#[file_creator]
fn greeting(name: &str) -> Result<File> {
    File::from_bytes("greeting.txt", format!("hello {name}"))
}

#[file_creator]
async fn greeting_later(name: &str) -> Result<File> {
    File::from_bytes_async("greeting.txt", format!("hello {name}")).await
}

#[file_creator]
fn size(file: &File) -> Result<u64> {
    Ok(file.len())
}

#[file_creator(depends_on(size, greeting))]
fn sizes(a: &File, #[skip] b: &File) -> Result<u64> {
    Ok(size(a)? + greeting("x")?.len() + size(b)?)
}

#[test]
fn the_innermost_guard_counts_until_it_is_dropped() {
    let (a, b) = (lake(), lake());
    let outer = a.enter();
    assert_eq!(Lake::current().unwrap(), *a);
    {
        let _inner = b.enter();
        assert_eq!(Lake::current().unwrap(), *b);
        greeting("b").unwrap();
    }
    assert_eq!(Lake::current().unwrap(), *a);
    greeting("a").unwrap();
    drop(outer);
    a.expect("ran greeting");
    b.expect("ran greeting");
    check_error(Lake::current(), ErrorKind::Context, &["several lakes", "enter"]);
    check_error(greeting("nobody"), ErrorKind::Context, &["several lakes"]);
    check_error(pollster::block_on(greeting_later("nobody")), ErrorKind::Context, &["several lakes"]);
    // Another thread has a current lake of its own, or none.
    let _current = a.enter();
    std::thread::scope(|scope| {
        scope.spawn(|| check_error(Lake::current(), ErrorKind::Context, &["here()"])).join().unwrap();
        let here = here();
        scope.spawn(move || here.run(|| greeting("a")).unwrap()).join().unwrap();
    });
    a.expect("hit greeting");
}

#[test]
fn futures_carry_their_lake_wherever_they_are_polled() {
    let (a, b) = (lake(), lake());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let calls = (0..20).map(|n| {
            let lake = if n % 2 == 0 { &a } else { &b };
            tokio::spawn(lake.scope(async move {
                tokio::task::yield_now().await;
                greeting_later(&n.to_string()).await.unwrap()
            }))
        });
        for (n, file) in futures_util::future::join_all(calls).await.into_iter().enumerate() {
            assert_eq!(file.unwrap().read_to_string().unwrap(), format!("hello {n}"));
        }
    });
    a.expect("ran greeting_later ×10");
    b.expect("ran greeting_later ×10");
    // What a future enters is left when it waits: the next on this thread stands where it stood.
    pollster::block_on(futures_util::future::join(
        a.scope(async {
            tokio::task::yield_now().await;
            greeting_later("a").await.unwrap()
        }),
        b.scope(async { greeting_later("b").await.unwrap() }),
    ));
    a.expect("ran greeting_later");
    b.expect("ran greeting_later");
}

#[test]
fn guards_may_be_dropped_in_any_order() {
    struct App<A, B> {
        _first: A,
        _second: B,
    }
    let (a, b) = (lake(), lake());
    // Fields are dropped in the order in which they are declared.
    drop(App { _first: a.enter(), _second: b.enter() });
    check_error(greeting("nobody"), ErrorKind::Context, &["several lakes are open and none is current"]);
    let first = a.enter();
    let second = b.enter();
    let third = a.enter();
    drop(second);
    assert_eq!(Lake::current().unwrap(), *a);
    drop(third);
    assert_eq!(Lake::current().unwrap(), *a);
    let second = b.enter();
    drop(first);
    assert_eq!(Lake::current().unwrap(), *b);
    greeting("b").unwrap();
    drop(second);
    check_error(Lake::current(), ErrorKind::Context, &["none is current"]);
    a.expect("nothing");
    b.expect("ran greeting");
}

#[test]
fn a_guard_that_outlives_a_body_counts_no_more() {
    thread_local! {
        static KEPT: std::cell::RefCell<Option<datlake::Entered>> = const { std::cell::RefCell::new(None) };
    }
    #[file_creator]
    fn leaks() -> Result<u32> {
        KEPT.set(Some(Lake::current()?.enter()));
        Ok(1)
    }
    let a = lake();
    a.ok("ran leaks", leaks);
    // Still in that body, this would be undeclared, and asking would be refused.
    a.ok("ran greeting", || greeting("x"));
    a.ok("nothing", || greeting::call("x").status());
    drop(KEPT.take());
}

/// A future that is ready when it is polled again, and lets others run meanwhile.
async fn pause() {
    tokio::task::yield_now().await;
}

#[test]
fn a_guard_across_an_await_counts_for_its_own_task() {
    let (a, b) = (lake(), lake());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&runtime, async {
        let enters = |lake: Lake, name: &'static str| {
            tokio::task::spawn_local(async move {
                let _current = lake.enter();
                for _ in 0..3 {
                    pause().await;
                    assert_eq!(Lake::current().unwrap(), lake);
                }
                greeting(name).unwrap();
                greeting_later(name).await.unwrap();
                pause().await;
            })
        };
        let bare = tokio::task::spawn_local(async {
            for _ in 0..3 {
                check_error(Lake::current(), ErrorKind::Context, &["none is current"]);
                pause().await;
            }
        });
        let all = [enters(a.clone(), "a"), bare, enters(b.clone(), "b")];
        futures_util::future::join_all(all).await.into_iter().for_each(|task| task.unwrap());
    });
    a.expect("ran greeting, ran greeting_later");
    b.expect("ran greeting, ran greeting_later");
}

#[test]
fn guards_of_two_lakes_in_one_task_are_an_error_and_no_record_goes_astray() {
    let (a, b) = (lake(), lake());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let enters = async |lake: &Lake, name: &str| {
        let _current = lake.enter();
        pause().await;
        (greeting(name).map(drop), greeting_later(name).await.map(drop))
    };
    let (one, other) = runtime.block_on(async { futures_util::future::join(enters(&a, "a"), enters(&b, "b")).await });
    for result in [one.0, one.1] {
        check_error(result, ErrorKind::Context, &["several lakes are entered in one task", "lake.scope"]);
    }
    // The other guard is gone by then, or is not: whatever was made is where it belongs.
    let _ = other;
    a.expect("nothing");
    assert!(["nothing", "ran greeting, ran greeting_later"].contains(&b.happened().as_str()));

    // In a scope each future finds what it entered when it goes on.
    let enters = |within: &Lake, lake: Lake, name: &'static str| {
        within.scope(async move {
            let _current = lake.enter();
            pause().await;
            greeting(name).unwrap();
            greeting_later(name).await.unwrap();
        })
    };
    let all = futures_util::future::join(enters(&a, (*b).clone(), "b"), enters(&b, (*a).clone(), "a"));
    pollster::block_on(all);
    a.expect("ran greeting, ran greeting_later");
    assert!(b.happened().ends_with("greeting_later"));
}

/// Other executors know no tasks. What is asynchronous there says that it cannot know which lake is meant.
#[test]
fn guards_of_two_lakes_outside_of_tokio_are_an_error_for_what_is_asynchronous() {
    let (a, b) = (lake(), lake());
    for lake in [&a, &b] {
        lake.add_bytes("raw.txt", "raw").unwrap();
    }
    let asked = std::cell::Cell::new(0);
    let enters = async |lake: &Lake| {
        let _current = lake.enter();
        pause().await;
        let read = File::get_async("raw.txt").await.map(drop);
        let status = greeting_later::call("x").status_async().await.map(drop);
        let results = [greeting_later("x").await.map(drop), read, status];
        // Nobody leaves before both have asked.
        asked.set(asked.get() + 1);
        while asked.get() < 2 {
            pause().await;
        }
        results
    };
    let (one, _) = pollster::block_on(futures_util::future::join(enters(&a), enters(&b)));
    for result in one {
        check_error(result, ErrorKind::Context, &["several lakes are entered in one task", "lake.scope"]);
    }
    a.expect("nothing");
    // Of one lake there may be any number, and a scope tells which is meant.
    let _outer = (b.enter(), a.enter(), a.enter());
    pollster::block_on(a.scope(greeting_later("x"))).unwrap();
    a.expect("ran greeting_later");
    // A runtime that stands in one block of guards has the last of them.
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(greeting_later("x")).unwrap();
    let got = runtime.block_on(File::get_async("raw.txt")).unwrap();
    size(&got).unwrap();
    a.expect("hit greeting_later, ran size");
}

#[test]
fn a_twin_in_a_task_with_guards_of_two_lakes_is_an_error() {
    let (a, b) = (lake(), lake());
    a.add_bytes("raw.txt", "raw").unwrap();
    b.add_bytes("raw.txt", "raw").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let got = runtime.block_on(async {
        let _current = (a.enter(), b.enter());
        File::get_async("raw.txt").await
    });
    check_error(got, ErrorKind::Context, &["several lakes are entered in one task", "lake.scope"]);
}

#[test]
fn a_call_goes_where_its_files_are() {
    let (a, b) = (lake(), lake());
    let file = a.add_bytes("a.txt", "a").unwrap();
    b.ok("nothing", || size(&file));
    a.expect("ran size");
    size(&file).unwrap();
    a.expect("hit size");
}

#[test]
fn files_of_two_lakes_never_meet() {
    let (a, b) = (lake(), lake());
    let (in_a, in_b) = (a.add_bytes("a.txt", "a").unwrap(), b.add_bytes("b.txt", "b").unwrap());
    #[file_creator]
    fn both(a: &File, more: &[&File]) -> Result<u64> {
        Ok(a.len() + more.len() as u64)
    }
    check_error(both(&in_a, &[&in_b]), ErrorKind::Context, &["`more`", "both", "another lake"]);
    check_error(both(&in_a, &[&in_a, &in_b]), ErrorKind::Context, &["`more`"]);
    // A body that calls with files of another lake.
    check_error(sizes(&in_a, &in_b), ErrorKind::Context, &["another lake", "sizes"]);
    assert_eq!(a.happened(), "failed sizes, ran greeting, ran size");
    b.expect("nothing");
    // A body that opens a file of another lake, by the same bytes as one of its own.
    #[file_creator]
    fn opens(a: &File, #[skip] b: &File) -> Result<String> {
        Ok(a.read_to_string()? + &b.read_to_string()?)
    }
    let same = b.add_bytes("a.txt", "a").unwrap();
    check_error(opens(&in_a, &same), ErrorKind::Context, &["`a.txt`", "another lake"]);
    a.expect("failed opens");
}

#[test]
fn a_body_that_returns_a_file_of_another_lake_fails() {
    let (a, b) = (lake(), lake());
    let in_b = b.add_bytes("b.txt", "b").unwrap();
    let in_a = a.add_bytes("b.txt", "b").unwrap();
    #[file_creator]
    fn passes(a: &File, #[skip] b: &File) -> Result<File> {
        let _ = a;
        Ok(b.clone())
    }
    a.fails("failed passes", ErrorKind::Context, &["passes", "another lake"], || passes(&in_a, &in_b));
}

#[test]
fn one_home_may_be_opened_twice() {
    let a = lake();
    let b = a.reopened();
    assert_eq!(*a, *b);
    a.ok("ran greeting", || greeting("x"));
    b.ok("hit greeting", || greeting("x"));
}

#[test]
fn the_only_lake_that_is_open_is_current() {
    if !alone("current::the_only_lake_that_is_open_is_current", &[]) {
        return;
    }
    let first = lake();
    assert_eq!(Lake::current().unwrap(), *first);
    greeting("x").unwrap();
    std::thread::scope(|scope| scope.spawn(|| greeting("x").unwrap()).join().unwrap());
    first.expect("hit greeting, ran greeting");
    let second = lake();
    check_error(Lake::current(), ErrorKind::Context, &["several lakes"]);
    drop(first);
    assert_eq!(Lake::current().unwrap(), *second);
}

#[test]
fn the_configured_lake_is_opened_when_something_needs_one() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let test = "current::the_configured_lake_is_opened_when_something_needs_one";
    let remote = format!("file://{}", folder.path().join("remote").display());
    let variables = [
        ("DATLAKE_HOME", home.to_str().unwrap()),
        ("DATLAKE_REMOTE", &remote),
        ("DATLAKE_EMAIL", "ann@example.org"),
        ("DATLAKE_LOG", "off"),
    ];
    if !alone(test, &variables) {
        // What that process made is there for the next.
        let lake = Watched::open(Lake::builder().home(&home));
        lake.ok("hit greeting", || greeting("x"));
        let lake = Watched::open(Lake::builder().home(folder.path().join("other")).remote(remote));
        lake.ok("hit greeting", || greeting("x"));
        return;
    }
    let home = std::path::PathBuf::from(std::env::var("DATLAKE_HOME").unwrap());
    greeting::info();
    assert!(!home.exists(), "nothing needed a lake");
    let made = greeting("x").unwrap();
    assert_eq!(Lake::current().unwrap().home(), home);
    assert_eq!(made.lineage().unwrap().call().unwrap().person.email, "ann@example.org");
    assert!(!File::exists("x").unwrap());
    let file = Lake::current().unwrap().add_bytes("x", "x").unwrap();
    assert_eq!(File::get("x").unwrap(), file);
}

#[test]
fn a_configuration_that_makes_no_sense_is_an_error() {
    let test = "current::a_configuration_that_makes_no_sense_is_an_error";
    if alone(test, &[("DATLAKE_HOME", "/dev/null/home"), ("DATLAKE", "pass")]) {
        check_error(greeting("x"), ErrorKind::Config, &["DATLAKE", "`pass`", "bypass"]);
    }
}

#[test]
fn bypass_runs_every_body_and_remembers_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Watched::open(Lake::builder().home(folder.path()).bypass(true));
    let raw = lake.add_bytes("raw.txt", "raw").unwrap();
    for _ in 0..2 {
        let made = lake.ok("ran greeting", || greeting("x"));
        assert_eq!(made.read_to_string().unwrap(), "hello x");
        assert_eq!(lake.ok("ran size", || size(&made)), 7);
        lake.ok("ran greeting, ran size ×2, ran sizes", || sizes(&raw, &raw));
        lake.ok("ran greeting_later", || pollster::block_on(greeting_later("x")));
    }
    assert_eq!(lake.visible(), (0, 1));
    let later = Watched::open(Lake::builder().home(folder.path()));
    later.ok("ran greeting", || greeting("x"));
}

#[test]
fn bypass_can_be_asked_for_by_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let test = "current::bypass_can_be_asked_for_by_the_environment";
    let home = folder.path().join("home");
    if alone(test, &[("DATLAKE_HOME", home.to_str().unwrap()), ("DATLAKE", "bypass")]) {
        static RAN: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        #[file_creator]
        fn counted() -> Result<usize> {
            Ok(RAN.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
        }
        assert_eq!([counted().unwrap(), counted().unwrap()], [0, 1]);
    }
}

#[test]
fn a_home_or_remote_that_cannot_be_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let open = |remote: &str| Lake::builder().home(&home).remote(remote).open();
    let own = format!("file://{}", home.display());
    check_error(open(&own), ErrorKind::Config, &[&home.display().to_string(), "own home"]);
    check_error(open("s4://key:password@bucket"), ErrorKind::Config, &["`s4:"]);
    assert!(!open("s4://key:password@bucket").unwrap_err().to_string().contains("password"));
    check_error(Lake::builder().home("").open(), ErrorKind::Config, &["DATLAKE_HOME"]);
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    check_error(Lake::builder().home(&file).open(), ErrorKind::InvalidInput, &[&file.display().to_string()]);
}

#[test]
fn a_lake_whose_place_is_told_needs_no_home_directory_and_no_configuration() {
    let test = "current::a_lake_whose_place_is_told_needs_no_home_directory_and_no_configuration";
    // Whoever reads the configuration fails by this limit, and shows what happens.
    let told = [("DATLAKE_CACHE_LIMIT", "much"), ("DATLAKE_LOG", "calls")];
    let unset = ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "USER", "LOGNAME"].map(|name| (name, ""));
    let variables = [&told[..], &unset].concat();
    match said_alone(test, &variables) {
        Some(said) => assert_eq!(said, "", "nothing is written to the terminal"),
        None => {
            let folder = tempfile::tempdir().unwrap();
            let lake = Lake::builder().home(folder.path().join("home")).open().unwrap();
            let current = lake.enter();
            assert_eq!(size(&greeting("ada").unwrap()).unwrap(), 9);
            assert_eq!(greeting("ada").unwrap(), File::get(greeting("ada").unwrap().uid().unwrap().as_str()).unwrap());
            drop(current);
            check_error(LakeBuilder::configured().map(drop), ErrorKind::Config, &["cache_limit", "much"]);
        }
    }
}
