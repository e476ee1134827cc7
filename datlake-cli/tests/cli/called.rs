//! Creators that are called by their names: by `datlake call`, and by a worker for a job. The program is this test's own executable.

use datlake::{Error, ErrorKind, File, Result, Tree, file_creator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::support::{Machine, Ran, ran};
use crate::worker::{Work, signal};

/// What the program is: one that `makes` calls in Rust, `offers` its creators, is `silent`, or `opens` a lake without offering them. Else
/// the name of the folder that it runs in says that.
const STEP: &str = "DATLAKE_TEST_CALL";

#[derive(Serialize, Deserialize)]
struct Options {
    of: File,
    rate: f64,
    limit: Option<i64>,
}

#[file_creator(closure = "own")]
fn count(corpus: &File, min_len: usize, title: Option<&str>) -> Result<File> {
    let words = corpus.read_to_string()?.split_whitespace().filter(|word| word.len() >= min_len).count();
    File::from_bytes("count.txt", format!("{words} {title:?}"))
}

#[file_creator(closure = "own")]
fn shapes(options: &Options, all: &[File], names: &[&str], at: (u8, f32)) -> Result<usize> {
    let len = options.of.read_to_string()?.len() + all.len() + names.len();
    Ok(len + usize::from(at.0) + usize::from(options.rate > 0.0) + usize::from(options.limit.is_some()))
}

#[file_creator(closure = "own")]
fn parts(photos: &Tree) -> Result<usize> {
    Ok(photos.entries()?.len())
}

#[file_creator(closure = "own")]
fn hidden(#[secret] token: &str) -> Result<usize> {
    Ok(token.len())
}

#[file_creator(closure = "own")]
async fn waited(n: u64) -> Result<String> {
    Ok(n.to_string())
}

#[file_creator(closure = "own")]
fn of_some<T: Serialize + Clone>(value: T) -> Result<u64> {
    let _ = value;
    Ok(1)
}

#[file_creator(closure = "own")]
fn told(n: u64, #[skip] to: &str) -> Result<u64> {
    let _ = to;
    Ok(n)
}

#[file_creator(closure = "own")]
fn declines(n: u64) -> Result<u64> {
    Err(Error::new(ErrorKind::InvalidInput, format!("{n} is too much")))
}

#[file_creator(closure = "own")]
fn breaks(n: u64) -> Result<u64> {
    assert!(n == 0, "out of range");
    Ok(n)
}

#[file_creator(closure = "own")]
fn dies(n: u64) -> Result<u64> {
    println!("it was {n}");
    std::process::abort()
}

mod other {
    #[datlake::file_creator(closure = "own")]
    fn waited(n: u64) -> datlake::Result<u64> {
        Ok(n)
    }
}

/// Not a test by itself: what the program does.
#[test]
fn a_program() {
    let Ok(mut step) = std::env::var(STEP) else { return };
    if step == "folder" {
        step = std::env::current_dir().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
    }
    match &*step {
        "offers" => datlake::start().unwrap(),
        "silent" => return,
        _ => {}
    }
    let lake = datlake::Lake::current().unwrap();
    let _current = lake.enter();
    let alice = lake.add_bytes("corpora/alice.txt", "down the rabbit hole").unwrap();
    count(&alice, 4, None).unwrap();
    count(&alice, 4, Some("é \"x\"")).unwrap();
    let options = Options { of: alice.clone(), rate: 3.0, limit: None };
    shapes(&options, &[alice.clone(), alice], &["a", "b\n"], (7, 0.1)).unwrap();
    parts(&Tree::try_from(lake.file("holidays/2026").unwrap()).unwrap()).unwrap();
    hidden("hunter2-hunter2").unwrap();
    datlake_store::wait(waited(u64::MAX)).unwrap();
    println!("\nSAYS done");
}

fn program() -> [String; 5] {
    let program = std::env::current_exe().unwrap().to_str().unwrap().to_owned();
    [program, "--exact".into(), "called::a_program".into(), "--nocapture".into(), "--test-threads=1".into()]
}

fn prepared() -> Machine {
    let machine = Machine::new();
    machine.write("work/photos/a.jpg", "a");
    machine.ok(&["add", "-r", "photos", "holidays/2026"]);
    machine.write("work/alice.txt", "down the rabbit hole");
    machine.ok(&["add", "alice.txt", "corpora/alice.txt"]);
    machine
}

fn call_of(machine: &Machine, step: &str, creator: &str, params: &[&str], more: &[&str]) -> Ran {
    let (program, mut words) = (program(), vec!["call", creator]);
    words.extend(params.iter().flat_map(|param| ["-p", param]));
    words.extend(more.iter().chain(&["--"]));
    words.extend(program.iter().map(|word| &**word));
    ran(machine.command(&words).env(STEP, step).env("TOKEN", "hunter2-hunter2").output().unwrap())
}

#[track_caller]
fn called(machine: &Machine, creator: &str, params: &[&str]) -> Value {
    let ran = call_of(machine, "offers", creator, params, &["--json"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    serde_json::from_str(&ran.out).unwrap()
}

const MADE: [(&str, &[&str]); 6] = [
    ("count", &["corpus=corpora/alice.txt", "min_len=4"]),
    ("called::count", &["corpus=corpora/alice.txt", "min_len=4", "title=é \"x\""]),
    (
        "shapes",
        &[
            r#"options={"of": "corpora/alice.txt", "rate": 3}"#,
            r#"all=["corpora/alice.txt", "corpora/alice.txt"]"#,
            r#"names=["a", "b\n"]"#,
            "at=[7, 0.1]",
        ],
    ),
    ("parts", &["photos=holidays/2026"]),
    ("hidden", &[r#"token={"$env": "TOKEN"}"#]),
    ("called::waited", &["n=18446744073709551615"]),
];

#[test]
fn a_call_by_name_is_the_call_that_rust_makes() {
    let machine = prepared();
    let program = program();
    let words: Vec<&str> = program[1..].iter().map(|word| &**word).collect();
    let made = ran(machine.around(&program[0], &words).env(STEP, "makes").output().unwrap());
    assert!(made.status == 0 && made.out.contains("SAYS done"), "{}{}", made.out, made.err);
    for (creator, params) in MADE {
        assert_eq!(called(&machine, creator, params)["skipped"], true, "{creator}");
    }
    assert_eq!(machine.json(&["calls"]).as_array().unwrap().len(), MADE.len());
    let counted = called(&machine, "count", &["corpus=corpora/alice.txt", "min_len=4"]);
    let uid = counted["outputs"][0]["uid"].as_str().unwrap();
    assert_eq!(machine.ok(&["cat", uid]), "3 None");
    assert_eq!(counted["inputs"][0]["uid"], "corpora/alice.txt");
}

#[test]
fn what_is_not_known_is_made_and_stays() {
    let machine = prepared();
    for (creator, params) in MADE {
        assert_eq!(called(&machine, creator, params)["skipped"], false, "{creator}");
    }
    machine.ok(&["repo", "create", "sales"]);
    machine.ok(&["put", "alice.txt", "sales@main:raw/a.txt"]);
    machine.ok(&["commit", "sales@main", "-m", "one"]);
    let of_commit = called(&machine, "count", &["corpus=sales@main:raw/a.txt", "min_len=1"]);
    let input = of_commit["inputs"][0]["uid"].as_str().unwrap();
    assert!(input.starts_with("sales@") && input.ends_with(":raw/a.txt"), "{input}");
    // By what it is for people, and again.
    let shown = call_of(&machine, "offers", "count", &["corpus=sales@main:raw/a.txt", "min_len=1"], &[]);
    assert!(shown.out.contains(" was known\n  → count.txt (6 B)  @datlake-cli/cli::called::count/"), "{}", shown.out);
    // A run of the program, as every other.
    assert!(machine.json(&["runs"]).as_array().unwrap().len() > MADE.len());
}

#[test]
fn what_is_wrong_is_said_with_the_parameter() {
    let machine = prepared();
    let corpus = "corpus=corpora/alice.txt";
    for (creator, params, said) in [
        ("nothing", &[][..], "has no creator `nothing`"),
        ("\u{1b}[31m", &[], r"has no creator `\u{1b}[31m`"),
        ("ount", &[], "has no creator `ount`"),
        ("waited", &["n=1"], "2 creators whose names end in `waited`"),
        ("of_some", &["value=1"], "cannot be called by its name: it is generic"),
        ("told", &["n=1", "to=x"], "`to` is not kept: it is marked `#[skip]`"),
        ("count", &["min_len=4"], "the parameter `corpus` is missing"),
        ("count", &[corpus], "the parameter `min_len` is missing"),
        ("count", &[corpus, "min_len=4", "least=1"], "no parameter `least`\nhint: it has corpus, min_len, title"),
        (
            "count",
            &[corpus, "min_len=four"],
            "the parameter `min_len` cannot be what was said: invalid type: string \"four\"",
        ),
        ("count", &[corpus, "min_len=-1"], "the parameter `min_len` cannot be what was said"),
        ("count", &[corpus, "min_len=4.5"], "the parameter `min_len` cannot be what was said"),
        ("count", &[corpus, "min_len=99999999999999999999"], "the parameter `min_len` cannot be what was said"),
        ("count", &[corpus, "min_len=null"], "the parameter `min_len` cannot be what was said"),
        (
            "count",
            &["corpus=corpora/bob.txt", "min_len=4"],
            "the parameter `corpus` cannot be what was said: the lake in",
        ),
        ("count", &["corpus=3", "min_len=4"], "expected the name of a file"),
        ("count", &["corpus=../../etc/passwd", "min_len=4"], "the parameter `corpus` cannot be what was said"),
        ("count", &[r#"corpus={"$file": {"name": "x", "digest": "y"}}"#, "min_len=4"], "a file is said by its name"),
        (
            "count",
            &[
                r#"corpus={"uid": "corpora/alice.txt", "digest": "0", "size": 1, "name": "x", "tree": false}"#,
                "min_len=4",
            ],
            "expected the name of a file",
        ),
        ("parts", &["photos=corpora/alice.txt"], "the parameter `photos` cannot be what was said"),
        ("hidden", &["token=hunter2"], "the parameter `token` is secret: say a variable"),
        ("hidden", &[r#"token={"$env": "NOT_THERE"}"#], "has no variable `NOT_THERE`"),
        ("declines", &["n=3"], "declines` failed: 3 is too much"),
        ("breaks", &["n=3"], "breaks` failed: it panicked: out of range"),
        ("dies", &["n=3"], "ended (signal: 6 (SIGABRT)"),
        ("count", &["min_len=1", "min_len=2"], "the parameter `min_len` is said twice"),
        ("count", &["min_len"], "`min_len` is no NAME=VALUE"),
    ] {
        let failed = call_of(&machine, "offers", creator, params, &[]);
        assert!(failed.status == 2 && failed.err.contains(said), "{creator} {params:?}: {}", failed.err);
        assert!(failed.out.is_empty() && !failed.err.contains("SAYS"), "{}{}", failed.out, failed.err);
    }
    // Whoever does not offer it does nothing of what they else do, where it needs a lake.
    let before = machine.json(&["calls"]);
    let silent = call_of(&machine, "silent", "count", &[], &[]);
    assert!(
        silent.status == 2 && silent.err.contains("offers no creators by name\nhint: begin its `main`"),
        "{}",
        silent.err
    );
    let opens = call_of(&machine, "opens", "count", &[], &[]);
    assert!(opens.err.contains("was asked to make a call, and does not offer that"), "{}", opens.err);
    assert_eq!(machine.json(&["calls"]), before);
}

#[test]
fn a_worker_calls_the_creator_of_a_job() {
    let work = Work::new();
    let machine = work.machine();
    machine.write("work/alice.txt", "down the rabbit hole");
    machine.ok(&["add", "alice.txt", "corpora/alice.txt"]);
    let executable = program()[0].clone();
    let mut worker = work.worker("call_*", &["--allow", &executable]);
    let job = |job: &str, step: &str, creator: &str, params: Value| {
        let creator = json!({"program": program(), "name": creator, "params": params});
        let folder = machine.path(step);
        std::fs::create_dir_all(&folder).unwrap();
        let run = json!({"creator": creator, "environment": [STEP, "SECRET_KEY"], "directory": folder});
        work.schedule(job, "", json!({"run": run}));
        let run = work.queue(job);
        (work.log(job, &run), work.run(job, &run))
    };
    let (log, run) = job("call_count", "offers", "count", json!({"corpus": "corpora/alice.txt", "min_len": 4}));
    assert_eq!(run["state"], "succeeded", "{log}");
    let call = run["metadata"]["call"].as_str().unwrap();
    assert!(call.starts_with("datlake-cli/cli::called::count/") && log.contains(&format!("{call} was made")), "{log}");
    assert_eq!(run["metadata"]["skipped"], false);
    assert_eq!(run["inputs"][0]["name"], "corpora/alice.txt");
    let output = run["outputs"][0]["name"].as_str().unwrap();
    assert_eq!(machine.ok(&["cat", output]), "3 None");
    let (log, run) = job("call_count", "offers", "count", json!({"corpus": "corpora/alice.txt", "min_len": 4}));
    assert!(run["metadata"]["skipped"] == true && log.contains("was known"), "{log}");
    let (_, run) = job("call_secret", "offers", "hidden", json!({"token": {"$env": "SECRET_KEY"}}));
    assert_eq!(run["state"], "succeeded", "{run}");
    for (name, step, creator, params, said) in [
        ("call_missing", "offers", "count", json!({"min_len": 4}), "the parameter `corpus` is missing"),
        (
            "call_wrong",
            "offers",
            "count",
            json!({"corpus": "corpora/alice.txt", "min_len": "4"}),
            "`min_len` cannot be",
        ),
        ("call_unknown", "offers", "nothing", json!({}), "has no creator `nothing`"),
        ("call_silent", "silent", "count", json!({}), "offers no creators by name"),
        ("call_opens", "opens", "count", json!({}), "was asked to make a call, and does not offer that"),
        ("call_plain", "offers", "hidden", json!({"token": "hunter2-plain"}), "is secret: say a variable"),
    ] {
        let (log, run) = job(name, step, creator, params);
        assert!(run["state"] == "failed" && log.contains(said), "{name}: {log} {run}");
        assert!(run["metadata"]["error"].as_str().is_some(), "{run}");
    }
    signal(&worker, "-TERM");
    assert!(worker.wait().unwrap().success());
}
