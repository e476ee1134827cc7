//! A lake that an earlier build of format 1 wrote is read as it stands, and the same program writes the same objects today.
//!
//! `tests/fixtures/format-1` is that lake: a home, its remote, and what was known of it then. The bodies below are part of it,
//! since their tokens are in the keys: a change of one makes its call run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use datlake::{File, Lake, Result, Tree, file_creator, tracked};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::support::{Watched, files_below};

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Settings {
    min_len: usize,
    scale: f64,
    language: Option<String>,
    weights: BTreeMap<String, f32>,
}

#[tracked]
fn words(text: &str, min_len: usize) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphabetic()).filter(move |word| word.chars().count() >= min_len)
}

#[file_creator(name = "old/count", closure = "none", depends_on(words))]
fn count(corpus: &File, settings: &Settings) -> Result<File> {
    let text = corpus.read_to_string()?;
    let mut counts = BTreeMap::<&str, usize>::new();
    words(&text, settings.min_len).for_each(|word| *counts.entry(word).or_default() += 1);
    let lines: Vec<_> = counts.iter().map(|(word, n)| format!("{word},{n}\n")).collect();
    File::from_bytes("counts.csv", lines.concat())
}

#[file_creator(name = "old/longest", closure = "none", depends_on(count, words))]
fn longest(min_len: usize) -> Result<(String, Vec<File>)> {
    let corpus = File::get("raw/alice.txt")?;
    let settings = Settings { min_len, scale: 1.5, language: None, weights: BTreeMap::new() };
    let counts = count(&corpus, &settings)?;
    let table = counts.read_to_string()?;
    let longest = table.lines().filter_map(|line| line.split(',').next()).max_by_key(|word| word.len());
    Ok((longest.unwrap_or_default().to_owned(), vec![counts, File::from_bytes("length.txt", "7")?]))
}

#[file_creator(name = "old/series", closure = "none")]
fn series(n: u64) -> Result<Vec<u64>> {
    Ok((0..n).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect())
}

#[file_creator(name = "old/report", closure = "none")]
fn report(counts: &File, title: &str, #[secret] token: &str, output_uid: &str) -> Result<File> {
    let text = format!("# {title}\n{}{}\n", counts.read_to_string()?, token.len());
    File::from_bytes(output_uid, text)
}

#[file_creator(name = "old/shout", closure = "none")]
fn shout(folder: &Tree) -> Result<Tree> {
    let mut out = Tree::create("shouted")?;
    for file in folder.files()? {
        let name = file.name().rsplit('/').next().unwrap_or_default().to_owned();
        out.add_bytes(&name, file.read_to_string()?.to_uppercase())?;
    }
    out.finish()
}

/// Everything a lake holds, but the unpushed: with which results.
fn work(lake: &Lake, folder: &Path) -> Value {
    let _current = lake.enter();
    let corpus = lake.add_bytes("raw/alice.txt", "down the rabbit hole, down the well, down down").unwrap();
    std::fs::create_dir_all(folder.join("sub")).unwrap();
    std::fs::write(folder.join("a.txt"), "a small file").unwrap();
    std::fs::write(folder.join("sub/b.txt"), "and another").unwrap();
    let tree = lake.add_tree("raw/folder", folder).unwrap();
    let weights = BTreeMap::from([("down".to_owned(), 0.25), ("hole".to_owned(), -0.0)]);
    let settings = Settings { min_len: 4, scale: f64::NAN, language: Some("en".to_owned()), weights };
    let counts = count(&corpus, &settings).unwrap();
    let (word, files) = longest(3).unwrap();
    let numbers = series(5000).unwrap();
    let named = report(&counts, "Words", "a secret of the tests", "reports/words.md").unwrap();
    let shouted = shout(&tree).unwrap();
    json!({
        "counts": counts.digest().to_string(),
        "longest": word,
        "files": files.iter().map(|file| file.digest().to_string()).collect::<Vec<_>>(),
        "numbers": numbers.iter().fold(0_u64, |sum, n| sum.wrapping_add(*n)),
        "report": named.read_to_string().unwrap(),
        "shouted": shouted.files().unwrap().iter().map(|file| file.read_to_string().unwrap()).collect::<Vec<_>>(),
    })
}

const HITS: &str = "hit count, hit longest, hit report, hit series, hit shout";

/// What happens beside the work: something removed, something that the remote does not know of.
fn aside(home: &Path, remote: &str) {
    let lake = open(home, remote, false);
    lake.add_bytes("gone.txt", "nobody needs this").unwrap();
    lake.remove("gone.txt").unwrap();
    drop(lake);
    let offline = open(home, remote, true);
    let _current = offline.enter();
    offline.add_bytes("raw/later.txt", "added on a train").unwrap();
    series(3).unwrap();
}

fn open(home: &Path, remote: &str, offline: bool) -> Watched {
    let builder = Lake::builder().home(home).remote(remote).email("ada@example.org").offline(offline);
    Watched::open(builder)
}

/// All that a user sees of the files and calls of a lake, but for what another machine tells otherwise.
fn told(lake: &Lake) -> Value {
    let files: Vec<Value> = lake
        .list("")
        .unwrap()
        .iter()
        .map(|file| {
            let mut info = serde_json::to_value(lake.info(file.uid().unwrap().as_str()).unwrap()).unwrap();
            info.as_object_mut().unwrap().retain(|member, _| !["lake"].contains(&&**member));
            info
        })
        .collect();
    let calls: BTreeSet<String> = lake
        .history(None)
        .unwrap()
        .calls
        .iter()
        .map(|call| serde_json::to_value(call).unwrap())
        .map(|mut call| {
            call.as_object_mut()
                .unwrap()
                .retain(|member, _| ["creator", "key", "uids", "outputs", "inputs", "params"].contains(&&**member));
            call.to_string()
        })
        .collect();
    json!({ "files": files, "calls": calls })
}

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/format-1")
}

fn copy(from: &Path, to: &Path) {
    for file in files_below(from) {
        let to = to.join(file.strip_prefix(from).unwrap());
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(file, to).unwrap();
    }
}

fn objects(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let relative = |path: &PathBuf| path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
    files_below(root).iter().map(|path| (relative(path), std::fs::read(path).unwrap())).collect()
}

/// Makes the fixture anew: `DATLAKE_WRITE_FIXTURE=yes cargo nextest run -E "test(earlier_build_wrote)"`. Only for a new format, never to make a test pass.
fn write_fixture() {
    let root = fixture();
    std::fs::remove_dir_all(&root).unwrap();
    std::fs::create_dir_all(&root).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let (home, remote) = (scratch.path().join("home"), scratch.path().join("remote"));
    let url = format!("file://{}", remote.display());
    let lake = open(&home, &url, false);
    let results = work(&lake, &scratch.path().join("folder"));
    drop(lake);
    aside(&home, &url);
    // Which lake that remote was goes by its URL, and a copy has another.
    std::fs::remove_dir_all(home.join("remotes")).unwrap();
    copy(&home, &root.join("home"));
    copy(&remote, &root.join("remote"));
    let lake = open(&home, &url, true);
    let known = json!({ "results": results, "told": told(&lake) });
    std::fs::write(root.join("known.json"), serde_json::to_string_pretty(&known).unwrap() + "\n").unwrap();
}

#[test]
fn a_lake_that_an_earlier_build_wrote_is_read_and_hit_as_it_stands() {
    if std::env::var_os("DATLAKE_WRITE_FIXTURE").is_some() {
        write_fixture();
    }
    let dir = tempfile::tempdir().unwrap();
    copy(&fixture(), dir.path());
    let known: Value = serde_json::from_slice(&std::fs::read(dir.path().join("known.json")).unwrap()).unwrap();
    let (home, remote) = (dir.path().join("home"), dir.path().join("remote"));
    let url = format!("file://{}", remote.display());
    let before = objects(&remote);

    // The home that wrote it, and a machine that never saw it.
    for home in [home, dir.path().join("another")] {
        let lake = open(&home, &url, false);
        assert_eq!(work(&lake, &dir.path().join("folder")), known["results"]);
        assert_eq!(
            lake.happened().split(", ").filter(|what| !what.starts_with("downloaded")).collect::<Vec<_>>().join(", "),
            HITS
        );
        let verified = lake.verify(datlake::Verify::default(), &[]).unwrap();
        assert!(verified.findings.is_empty(), "{verified:?}");
    }
    let offline = open(&dir.path().join("home"), &url, true);
    assert_within(&known["told"], &told(&offline), "told");
    assert_eq!(offline.status().unwrap().unpushed.len(), 2);

    let after = objects(&remote);
    let changed: Vec<_> =
        before.iter().filter(|(path, bytes)| after.get(*path) != Some(bytes)).map(|(path, _)| path).collect();
    assert!(changed.is_empty(), "{changed:?}");
}

/// Answers may gain members, and lose none.
fn assert_within(expected: &Value, found: &Value, at: &str) {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            let member = |name: &String| found.get(name).unwrap_or(&Value::Null);
            expected.iter().for_each(|(name, value)| assert_within(value, member(name), &format!("{at}.{name}")));
        }
        (Value::Array(expected), Value::Array(found)) => {
            assert_eq!(expected.len(), found.len(), "{at}");
            expected.iter().zip(found).for_each(|(expected, found)| assert_within(expected, found, at));
        }
        _ => assert_eq!(expected, found, "{at}"),
    }
}

/// What two programs that do the same write differently: who, when, where, by which build.
const OF_THE_RUN: [&str; 11] =
    ["nonce", "person", "host", "home", "run", "started_at", "at", "duration_ms", "environment", "source", "code"];

fn without_run(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|name, _| !OF_THE_RUN.contains(&&**name));
            members.values_mut().for_each(without_run);
        }
        Value::Array(items) => items.iter_mut().for_each(without_run),
        _ => {}
    }
}

/// Documents without what is of their run; everything else as it is. Tombstones have names of their own.
fn comparable(root: &Path) -> BTreeMap<String, String> {
    let kept = |path: &str| ["blobs/", "calls/", "files/", "uses/"].iter().any(|folder| path.starts_with(folder));
    let text = |bytes: Vec<u8>| match serde_json::from_slice::<Value>(&bytes) {
        Ok(mut document) if document.get("datlake").is_some() => {
            document.as_object_mut().unwrap().remove("digest");
            without_run(&mut document);
            document.to_string()
        }
        _ => datlake::Digest::of(&bytes).to_string(),
    };
    objects(root).into_iter().filter(|(path, _)| kept(path)).map(|(path, bytes)| (path, text(bytes))).collect()
}

#[test]
fn the_same_program_writes_the_same_objects_as_an_earlier_build() {
    let dir = tempfile::tempdir().unwrap();
    let (home, remote) = (dir.path().join("home"), dir.path().join("remote"));
    let url = format!("file://{}", remote.display());
    let lake = open(&home, &url, false);
    work(&lake, &dir.path().join("folder"));
    drop(lake);
    aside(&home, &url);
    let lock = |objects: &mut BTreeMap<String, String>, root: &Path| {
        // The text of the lock file is another with every build.
        let blobs = objects.keys().filter(|path| path.starts_with("blobs/")).cloned().collect::<Vec<_>>();
        for path in blobs {
            if std::fs::read(root.join(&path)).unwrap().starts_with(b"# This file is automatically @generated by Cargo")
            {
                objects.remove(&path);
            }
        }
    };
    let (mut now, mut then) = (comparable(&remote), comparable(&fixture().join("remote")));
    lock(&mut now, &remote);
    lock(&mut then, &fixture().join("remote"));
    let differing: Vec<_> = now
        .keys()
        .chain(then.keys())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .filter(|path| now.get(*path) != then.get(*path))
        .collect();
    for path in &differing {
        eprintln!("{path}\n  then {:?}\n  now  {:?}", then.get(*path), now.get(*path));
    }
    assert!(differing.is_empty());
}
