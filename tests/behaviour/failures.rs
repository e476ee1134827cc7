//! A failure says whose it was.

use std::fmt;

use datlake::report::CallEvent;
use datlake::{Error, ErrorKind, Lake, Result, file_creator};

use crate::support::lake;

#[file_creator]
fn train(rate: f64, depth: u32, #[secret] token: &str) -> Result<f64> {
    if rate > 1.0 {
        return Err(Error::new(ErrorKind::InvalidInput, "diverged"));
    }
    Ok(rate * f64::from(depth) + token.len() as f64)
}

#[file_creator(depends_on(train))]
fn best(rates: &[f64]) -> Result<f64> {
    let scores = train::calls(rates.iter().map(|rate| (*rate, 1, TOKEN))).run()?;
    Ok(scores.into_iter().fold(0.0, f64::max))
}

#[file_creator]
async fn train_later(rate: f64) -> Result<f64> {
    Err(Error::new(ErrorKind::InvalidInput, format!("diverged at {rate}")))
}

#[file_creator]
fn parsed(text: &str) -> anyhow::Result<u64> {
    use anyhow::Context as _;
    text.parse().with_context(|| format!("`{text}` is no size"))
}

/// Words, and no `std::error::Error`.
#[derive(Debug)]
struct Told(String);

impl From<Error> for Told {
    fn from(error: Error) -> Self {
        Self(error.to_string())
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Not even words.
struct Mute;

impl From<Error> for Mute {
    fn from(_: Error) -> Self {
        Self
    }
}

#[file_creator]
fn told(n: u32) -> Result<u32, Told> {
    Err(Told(format!("{n} will not do")))
}

#[file_creator]
fn mute(n: u32) -> Result<u32, Mute> {
    if n == 0 { Err(Mute) } else { Ok(n) }
}

#[file_creator]
fn panics(n: u32) -> Result<u32> {
    panic!("{n} is too much");
}

#[file_creator]
async fn panics_later(n: u32) -> Result<u32> {
    panic!("{n} is too much");
}

const TOKEN: &str = "hunter2-hunter2";

/// How calls of a creator failed that no record tells of.
fn failures(lake: &Lake, creator: &str) -> Vec<CallEvent> {
    let calls = lake.history(Some(creator)).unwrap().calls;
    calls.into_iter().flat_map(|call| call.history).filter(|event| event.failure.is_some()).collect()
}

fn error(lake: &Lake, creator: &str) -> String {
    failures(lake, creator).remove(0).failure.unwrap().error
}

#[test]
fn a_file_among_the_arguments_is_called_by_its_name() {
    #[file_creator]
    fn counted(note: &datlake::File) -> Result<u64> {
        Err(Error::new(ErrorKind::InvalidInput, format!("a note of {} bytes", note.len())))
    }
    let lake = lake();
    let note = lake.add_bytes("notes/a.txt", "1 2").unwrap();
    let _current = lake.enter();
    let error = counted(&note).unwrap_err();
    assert_eq!(error.call().unwrap().arguments, "note = notes/a.txt");
}

#[test]
fn an_error_says_in_which_call_among_many() {
    let lake = lake();
    let _current = lake.enter();
    let results = train::calls((1..1000).map(|n| (f64::from(n) / 900.0, n, TOKEN))).run_each();
    let failed: Vec<Error> = results.into_iter().filter_map(Result::err).collect();
    assert_eq!(failed.len(), 99);
    let text = failed[0].to_string();
    assert!(text.starts_with("diverged, in `train` of rate = 1.00") && text.contains("depth = 901"), "{text}");
    assert!(text.contains("token (secret)") && !text.contains("hunter2"), "{text}");
    let call = failed[0].call().unwrap();
    assert!(call.place.contains("failures.rs:"), "{call:?}");
    assert_eq!(failed[0].kind(), ErrorKind::InvalidInput);
    let all = failures(&lake, "train");
    assert_eq!(all.len(), 99);
    let failure = all[0].failure.as_ref().unwrap();
    assert_eq!((failure.error.as_str(), failure.params.len()), ("diverged", 3));
    assert!(!serde_json::to_string(&all).unwrap().contains("hunter2"));
}

#[test]
fn the_innermost_call_is_named_whatever_stands_around_it() {
    let lake = lake();
    let _current = lake.enter();
    let error = best(&[0.5, 7.0]).unwrap_err();
    assert_eq!(error.call().unwrap().creator.as_str().rsplit("::").next(), Some("train"), "{error}");
    assert_eq!(error.to_string().matches(", in `").count(), 1, "{error}");
    assert_eq!(failures(&lake, "best").len(), 1);
}

#[test]
fn errors_of_every_kind_are_written_down_with_their_causes() {
    let lake = lake();
    let _current = lake.enter();
    pollster::block_on(train_later(2.0)).unwrap_err();
    assert_eq!(error(&lake, "train_later"), "diverged at 2");
    let cause = parsed("many").unwrap_err();
    assert!(cause.downcast_ref::<std::num::ParseIntError>().is_some(), "it is what the body returned");
    assert_eq!(error(&lake, "parsed"), "`many` is no size: invalid digit found in string");
    told(3).unwrap_err();
    assert_eq!(error(&lake, "told"), "3 will not do");
    assert!(mute(0).is_err());
    assert_eq!(error(&lake, "mute"), "its error has no words");
}

#[test]
fn a_panic_keeps_its_message() {
    let lake = lake();
    let _current = lake.enter();
    let caught = std::panic::catch_unwind(|| panics(3)).unwrap_err();
    assert_eq!(caught.downcast_ref::<String>().unwrap(), "3 is too much");
    assert_eq!(error(&lake, "panics"), "it panicked: 3 is too much");
    let later = std::panic::catch_unwind(|| pollster::block_on(panics_later(4))).unwrap_err();
    assert_eq!(later.downcast_ref::<String>().unwrap(), "4 is too much");
    assert_eq!(error(&lake, "panics_later"), "it panicked: 4 is too much");
}

#[test]
fn an_error_of_megabytes_is_cut_and_control_characters_stay_data() {
    #[file_creator]
    fn long(n: usize) -> Result<u32, Told> {
        Err(Told(format!("\u{1b}[2J{}", "é".repeat(n))))
    }
    let lake = lake();
    let _current = lake.enter();
    long(5 << 20).unwrap_err();
    let error = error(&lake, "long");
    assert!(error.len() < 9 << 10 && error.ends_with("… (10485764 bytes)"), "{}", error.len());
}

#[file_creator]
fn of_a_thread(rates: &[f64]) -> Result<f64> {
    let here = datlake::here();
    std::thread::scope(|scope| scope.spawn(|| here.run(|| train(rates[0], 1, TOKEN))).join().unwrap())
}

/// Its thread knows no body.
#[file_creator]
fn of_a_strange_thread(n: usize) -> Result<u32, Told> {
    std::thread::spawn(move || Err(Told(format!("\u{1b}[2J{}\u{202e}\n", "é".repeat(n))))).join().unwrap()
}

#[file_creator]
fn panics_in_a_thread(n: u32) -> Result<u32> {
    std::thread::scope(|scope| match scope.spawn(|| -> u32 { panic!("{n} is too much") }).join() {
        Ok(n) => Ok(n),
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

#[test]
fn an_error_of_another_thread_of_a_body_is_the_bodys() {
    let lake = lake();
    let _current = lake.enter();
    let failed = of_a_thread(&[7.0]).unwrap_err();
    assert_eq!(failed.call().unwrap().creator.as_str().rsplit("::").next(), Some("train"), "{failed}");
    assert!(error(&lake, "of_a_thread").contains("diverged") && error(&lake, "train") == "diverged");
    of_a_strange_thread(5 << 20).unwrap_err();
    let long = error(&lake, "of_a_strange_thread");
    assert!(long.len() < 9 << 10 && long.ends_with("… (10485768 bytes)"), "{}", long.len());
    std::panic::catch_unwind(|| panics_in_a_thread(3)).unwrap_err();
    assert_eq!(error(&lake, "panics_in_a_thread"), "it panicked: 3 is too much");
}

#[test]
fn ten_thousand_failures_are_all_returned_and_written_down() {
    const ALL: u32 = 10_000;
    let lake = lake();
    let _current = lake.enter();
    let results = train::calls((0..ALL).map(|n| (2.0, n, TOKEN))).keep_going();
    for (n, result) in results.into_iter().enumerate() {
        let call = result.unwrap_err().call().unwrap().arguments.clone();
        assert!(call.contains(&format!("depth = {n}")), "{call}");
    }
    let all = failures(&lake, "train");
    assert_eq!(all.len(), ALL as usize);
    assert!(all.iter().all(|event| event.failure.as_ref().unwrap().error == "diverged"));
}
