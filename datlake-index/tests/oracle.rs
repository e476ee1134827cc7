//! The index against a scan: whatever is done to a lake, and whatever is asked, both answer the same.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::time::{Duration, SystemTime};

use datlake::report::FoundCalls;
use datlake::{CallOrder, CallQuery, Condition, File, Lake, Result, Tree, file_creator};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Model {
    kind: String,
    depth: i64,
    widths: Vec<f64>,
    pruned: Option<bool>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Score {
    score: f64,
    rounds: u64,
}

#[file_creator(closure = "own")]
fn train(alpha: f64, depth: i64, kind: &str, model: Model) -> Result<Score> {
    Ok(Score {
        score: alpha * depth as f64,
        rounds: (depth.unsigned_abs() << 50) + kind.len() as u64 + model.widths.len() as u64,
    })
}

#[file_creator(closure = "own", key(("tuned", n % 2 == 0)))]
fn write(n: u64, text: &str, #[secret] token: &str) -> Result<File> {
    File::from_bytes("text.txt", format!("{text}{}", n % 3 + u64::from(token.is_empty())))
}

#[file_creator(closure = "own")]
fn read(file: &File, times: u64) -> Result<String> {
    Ok(file.read_to_string()?.repeat(usize::try_from(times % 4).unwrap()))
}

#[file_creator(closure = "own")]
fn split(n: u64) -> Result<Tree> {
    let mut tree = Tree::create("parts")?;
    tree.add_bytes("part.txt", format!("x{}", n % 3))?;
    tree.finish()
}

#[derive(Clone, Debug)]
enum Step {
    Train(usize, i64, usize, bool),
    Write(u64, usize),
    Read(u64, usize, u64),
    Split(u64),
    /// The call that is so far from the first goes, if there is one.
    Remove(usize),
    Name(usize),
    Damage(usize),
    /// Somebody asks, so that the index is up to date from then on.
    Ask,
    Forget,
    /// Another, older program made something: no mark was left.
    Unmark,
}

const ALPHAS: [f64; 6] = [0.1, -3.0, 0.0, 2.0, 1e300, 9_007_199_254_740_993.0];
const TEXTS: [&str; 7] = ["ridge", "", "5", "true", "a'b\"c\n%_", "x", "ω\u{202e}"];

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0..ALPHAS.len(), prop_oneof![Just(i64::MAX), Just(-5), 0..4_i64], 0..TEXTS.len(), any::<bool>())
            .prop_map(|(alpha, depth, kind, pruned)| Step::Train(alpha, depth, kind, pruned)),
        3 => (0..5_u64, 0..TEXTS.len()).prop_map(|(n, text)| Step::Write(n, text)),
        3 => (0..5_u64, 0..TEXTS.len(), 0..3_u64).prop_map(|(n, text, times)| Step::Read(n, text, times)),
        1 => (0..3_u64).prop_map(Step::Split),
        2 => (0..9_usize).prop_map(Step::Remove),
        1 => (0..3_usize).prop_map(Step::Name),
        1 => (0..9_usize).prop_map(Step::Damage),
        2 => Just(Step::Ask),
        1 => Just(Step::Forget),
        1 => Just(Step::Unmark),
    ]
}

fn take(lake: &Lake, step: &Step) {
    let _current = lake.enter();
    match step {
        Step::Train(alpha, depth, kind, pruned) => {
            let model = Model {
                kind: TEXTS[*kind].to_owned(),
                depth: *depth,
                widths: vec![ALPHAS[*alpha]; usize::try_from(depth.rem_euclid(3)).unwrap()],
                pruned: pruned.then_some(*depth > 0),
            };
            train(ALPHAS[*alpha], (*depth).min(1 << 12), TEXTS[*kind], model).unwrap();
        }
        Step::Write(n, text) => drop(write(*n, TEXTS[*text], "hunter2").unwrap()),
        Step::Read(n, text, times) => {
            // What it reads may be damaged.
            let _ = write(*n, TEXTS[*text], "hunter2").and_then(|file| read(&file, *times));
        }
        Step::Split(n) => drop(split(*n).unwrap()),
        Step::Remove(at) => {
            if let Some(record) = records(lake).get(*at) {
                let _ = lake.remove(&format!("@{record}/0"));
            }
        }
        Step::Name(at) => drop(lake.replacing().add_bytes("named.txt", TEXTS[*at]).unwrap()),
        Step::Damage(at) => {
            if let Some(record) = records(lake).get(*at) {
                let path = lake.home().join("calls").join(format!("{record}.datlake"));
                std::fs::remove_file(&path).unwrap();
                std::fs::write(&path, "damaged").unwrap();
            }
            // What is damaged once it is known is only seen by who asks for what it said.
            datlake_index::forget(lake).unwrap();
        }
        Step::Ask => drop(datlake_index::find_calls(lake, &CallQuery::default()).unwrap()),
        Step::Forget => datlake_index::forget(lake).unwrap(),
        Step::Unmark => {
            if let Ok(marks) = std::fs::read_dir(lake.home().join("index/new")) {
                marks.for_each(|mark| std::fs::remove_file(mark.unwrap().path()).unwrap());
            }
            // Beside what has a mark it would not be seen.
            drop(datlake_index::find_calls(lake, &CallQuery::default()).unwrap());
        }
    }
}

/// `creator/key` of each record that is there, sorted.
fn records(lake: &Lake) -> Vec<String> {
    let calls = lake.history(None).unwrap().calls;
    let there = |call: &datlake::report::CallRow| call.remembered;
    let mut names: Vec<_> =
        calls.iter().filter(|call| there(call)).map(|call| format!("{}/{}", call.creator, call.key)).collect();
    names.sort();
    names
}

fn condition() -> impl Strategy<Value = Condition> {
    let path = prop::sample::select(vec![
        "alpha",
        "depth",
        "kind",
        "model",
        "model.kind",
        "model.depth",
        "model.widths.0",
        "model.widths.00",
        "model.pruned",
        "n",
        "text",
        "token",
        "token.x",
        "file",
        "times",
        "tuned",
        "nothing",
    ]);
    let relation = prop::sample::select(vec!["=", "!=", "<", "<=", ">", ">="]);
    let wanted = prop::sample::select(vec![
        "0.1",
        "-3",
        "2.0",
        "0",
        "1",
        "9007199254740992",
        "9223372036854775807",
        "ridge",
        "\"5\"",
        "5",
        "",
        "true",
        "null",
        "[]",
        "text.txt",
        "named.txt",
        "a'b\"c\n%_",
        "x",
        "[2.0]",
    ]);
    (path, relation, wanted).prop_map(|(path, relation, wanted)| format!("{path}{relation}{wanted}").parse().unwrap())
}

fn query() -> impl Strategy<Value = CallQuery> {
    let orders = [
        "started",
        "duration",
        "size",
        "value",
        "value.score",
        "value.rounds",
        "alpha",
        "kind",
        "model.depth",
        "file",
        "text",
    ];
    let order = prop::option::of((prop::sample::select(orders.to_vec()), any::<bool>()));
    let some = |names: &[&'static str]| prop::option::weighted(0.3, prop::sample::select(names.to_vec()));
    let rest = (
        some(&["ada@example.com", "ADA", "ada@", "bob"]),
        prop::option::weighted(0.2, 0..3_u64),
        prop::option::weighted(0.2, prop::sample::select(vec!["x0", "ridge1", "ridge"])),
        prop::option::weighted(0.2, 0..2_u64),
        prop::option::weighted(0.1, any::<bool>()),
    );
    (
        some(&["train", "write", "read", "split"]),
        prop::collection::vec(condition(), 0..3),
        order,
        prop::option::of(0..4_usize),
        rest,
    )
        .prop_map(|(creator, params, order, limit, (person, larger, content, longer, since))| {
            let mut query = params.into_iter().fold(CallQuery::default(), CallQuery::param);
            if let Some(creator) = creator {
                query = query.creator(creator);
            }
            if let Some((order, descending)) = order {
                let order: CallOrder = order.parse().unwrap();
                query = query.order(if descending { order.descending() } else { order });
            }
            if let Some(limit) = limit {
                query = query.limit(limit);
            }
            if let Some(person) = person {
                query = query.person(person);
            }
            if let Some(larger) = larger {
                query = query.larger_than(larger);
            }
            if let Some(content) = content {
                let digest = blake3::hash(content.as_bytes());
                query = query.content(digest.to_hex().as_str().parse().unwrap());
            }
            if let Some(longer) = longer {
                query = query.longer_than(Duration::from_millis(longer)).shorter_than(Duration::from_secs(90));
            }
            if let Some(since) = since {
                let now = SystemTime::now();
                query = if since { query.until(now).since(now - Duration::from_secs(9)) } else { query.since(now) };
            }
            query
        })
}

fn sorted(mut found: FoundCalls) -> FoundCalls {
    found.damaged.sort_by_key(|damage| format!("{damage:?}"));
    found
}

fn lake(home: &std::path::Path) -> Lake {
    Lake::builder().home(home).email("Ada@example.com").open().unwrap()
}

/// The same cases each time, unless somebody says how many others.
fn cases(cases: u32) -> ProptestConfig {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => config,
        None => ProptestConfig { cases, rng_seed: RngSeed::Fixed(0), ..config },
    }
}

proptest! {
    #![proptest_config(cases(12))]

    #[test]
    fn an_index_answers_as_a_scan_does(
        steps in prop::collection::vec(step(), 1..24),
        queries in prop::collection::vec(query(), 24),
    ) {
        let home = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let lake = lake(&home.path().join("lake"));
        for step in &steps {
            take(&lake, step);
        }
        for query in &queries {
            let scanned = lake.find_calls(query);
            let answer = datlake_index::find_calls(&lake, query);
            match (scanned, answer) {
                (Ok(scanned), Ok(answer)) => {
                    prop_assert_eq!(answer.notes, Vec::<String>::new());
                    prop_assert_eq!(sorted(answer.found), sorted(scanned), "{:?}", query);
                }
                (scanned, answer) => prop_assert_eq!(
                    answer.err().map(|error| error.to_string()),
                    scanned.err().map(|error| error.to_string()),
                    "{:?}", query
                ),
            }
        }
        // What is called by the end of a name, in full, and not at all.
        for creator in ["train", "split", "datlake-index/oracle::read", "ain"] {
            let mut notes = Vec::new();
            let mut latest = |creator: &str, count| datlake_index::latest_calls(&lake, creator, count, &mut notes);
            for limit in [1, 3, 1000] {
                let scanned = lake.lineage_graph(creator, 1, 1, limit).map_err(|error| error.to_string());
                let indexed = lake.lineage_graph_by(creator, 1, 1, limit, &mut latest);
                prop_assert_eq!(indexed.map_err(|error| error.to_string()), scanned, "{} {}", creator, limit);
            }
            prop_assert_eq!(notes, Vec::<String>::new());
        }
    }
}
