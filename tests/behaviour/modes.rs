//! Lakes that run no body.

use datlake::{ErrorKind, Event, File, Lake, Mode, Result, file_creator};

use crate::support::{Watched, check_error, said_alone};

#[file_creator]
fn half(n: u32) -> Result<u32> {
    Ok(n / 2)
}

#[file_creator]
async fn half_later(n: u32) -> Result<u32> {
    Ok(n / 2)
}

#[file_creator(on_change = "keep")]
fn named(n: u32, output_uid: &str) -> Result<File> {
    File::from_bytes(output_uid, n.to_string())
}

fn reasons(lake: &Watched) -> Vec<String> {
    let events = lake.events().into_iter();
    events.filter_map(|event| if let Event::WouldRun { why, .. } = event { why } else { None }).collect()
}

#[test]
fn a_frozen_lake_gives_what_it_holds_and_says_why_the_rest_would_run() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Watched::open(Lake::builder().home(folder.path()));
    {
        let _current = lake.enter();
        half(4).unwrap();
        named(1, "one.txt").unwrap();
        pollster::block_on(half_later(4)).unwrap();
    }
    drop(lake);
    let lake = Watched::open(Lake::builder().home(folder.path()).mode(Mode::Frozen));
    let _current = lake.enter();
    assert_eq!((half(4).unwrap(), pollster::block_on(half_later(4)).unwrap()), (2, 2));
    assert_eq!(named(1, "one.txt").unwrap().read_to_string().unwrap(), "1");
    assert_eq!(named(2, "one.txt").unwrap().read_to_string().unwrap(), "1", "what is there is kept");
    check_error(half(6), ErrorKind::WouldRun, &["half would run", "`n`: 4 → 6", "unset DATLAKE"]);
    check_error(pollster::block_on(half_later(6)), ErrorKind::WouldRun, &["`n`: 4 → 6"]);
    check_error(half::call(4).force(), ErrorKind::WouldRun, &["it is forced"]);
    check_error(named(2, "two.txt"), ErrorKind::WouldRun, &["`n`: 1 → 2"]);
    let many = half::calls([4, 8, 10]).run_each();
    assert_eq!(many.iter().map(|each| each.is_ok()).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!(reasons(&lake).len(), 6);
    drop(_current);
    // Nothing of it was stored, and nothing is in the way of running it now.
    drop(lake);
    let lake = Watched::open(Lake::builder().home(folder.path()));
    lake.ok("ran half", || half(6));
}

#[test]
fn only_the_first_of_many_calls_say_why_they_would_run() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Watched::open(Lake::builder().home(folder.path()).mode(Mode::Plan));
    let _current = lake.enter();
    let many = half::calls(0..100).run_each();
    assert!(many.into_iter().all(|each| each.is_err_and(|error| error.kind() == ErrorKind::WouldRun)));
    assert_eq!(reasons(&lake).len(), 20);
}

#[test]
fn a_plan_is_shown_whatever_else_is() {
    let test = "modes::a_plan_is_shown_whatever_else_is";
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home").display().to_string();
    let run = |mode| said_alone(test, &[("DATLAKE_HOME", &home), ("DATLAKE", mode), ("DATLAKE_LOG", "off")]);
    let Some(said) = run("plan") else {
        let _ = half(4);
        return;
    };
    assert!(said.contains("would run: no call of it is remembered") && said.contains("1 call would run"), "{said}");
    assert_eq!(run("frozen").unwrap(), "");
}

#[test]
fn bodies_are_explained_before_they_run_where_somebody_asks() {
    let folder = tempfile::tempdir().unwrap();
    let open = |explain| Watched::open(Lake::builder().home(folder.path()).explain(explain));
    let lake = open(false);
    lake.ok("ran half, ran half_later", || half(4).and_then(|_| pollster::block_on(half_later(4))));
    drop(lake);
    let lake = open(true);
    let _current = lake.enter();
    half::calls([4, 6, 8]).run().unwrap();
    half::call(4).force().unwrap();
    pollster::block_on(half_later(6)).unwrap();
    named(1, "one.txt").unwrap();
    let mut told: Vec<String> = Vec::new();
    for event in lake.events() {
        match event {
            Event::Explained { call, why } => {
                let (why, _) = why.split_once(" (").unwrap_or((&*why, ""));
                told.push(format!("{}: {why}", call.function()));
            }
            Event::Started(call) => assert!(told.iter().any(|why| why.starts_with(call.function())), "{call}"),
            _ => {}
        }
    }
    // A sibling of the same run is no reason.
    told[..2].sort();
    let expected = [
        "half: `n`: 4 → 6",
        "half: `n`: 4 → 8",
        "half: it is forced",
        "half_later: `n`: 4 → 6",
        "named: no call of it is remembered",
    ];
    assert_eq!(told, expected);
}

#[test]
fn why_a_body_runs_is_shown_whatever_else_is() {
    let test = "modes::why_a_body_runs_is_shown_whatever_else_is";
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home").display().to_string();
    let run =
        |explain| said_alone(test, &[("DATLAKE_HOME", &home), ("DATLAKE_EXPLAIN", explain), ("DATLAKE_LOG", "off")]);
    let Some(said) = run("1") else {
        half(4).unwrap();
        return;
    };
    assert!(said.contains("half") && said.contains("runs: no call of it is remembered"), "{said}");
    assert_eq!(run("1").unwrap(), "", "it is skipped");
}
