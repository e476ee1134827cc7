//! The creators and additions that the children run, and what must be there when they have run.

use std::io::Write as _;

use datlake::{ErrorKind, File, Lake, Result, Tree, file_creator};

use crate::child;

/// An output under a UID of its own making.
#[file_creator]
pub(crate) fn implicit(raw: &File) -> Result<File> {
    child::says("ran implicit");
    File::from_bytes("upper.txt", raw.read_to_string()?.to_uppercase())
}

/// Two outputs under chosen names.
#[file_creator]
pub(crate) fn named(text: &str, output_uids: &[&str]) -> Result<(File, File)> {
    child::says("ran named");
    let mut first = File::create(output_uids[0])?;
    write!(first, "{text} first")?;
    let mut second = File::create(output_uids[1])?;
    write!(second, "{text} second")?;
    Ok((first.finish()?, second.finish()?))
}

/// A value that is kept apart from its record.
#[file_creator]
pub(crate) fn large(seed: u32) -> Result<Vec<u32>> {
    child::says("ran large");
    Ok((0..20_000).map(|n| n ^ seed).collect())
}

#[file_creator]
pub(crate) fn tree(words: &[&str]) -> Result<Tree> {
    child::says("ran tree");
    let mut tree = Tree::create("words")?;
    for word in words {
        tree.add_bytes(&format!("{word}.txt"), word)?;
    }
    // So many that they are a pack.
    for at in 0..12 {
        tree.add_bytes(&format!("c{at}"), format!("word {at}"))?;
    }
    tree.finish()
}

#[file_creator]
pub(crate) fn failing() -> Result<u64> {
    Err(std::io::Error::other("there is nothing to read").into())
}

/// Takes until somebody lets it go.
#[file_creator]
pub(crate) fn held(text: &str) -> Result<File> {
    child::says("ran held");
    child::waits_for_word();
    File::from_bytes("held.txt", text)
}

/// Calls of the pipeline that several machines run at once, besides the one that sums them up.
pub(crate) const MANY: u64 = 199;

#[file_creator]
pub(crate) fn one_of_many(n: u64) -> Result<u64> {
    child::says("ran one of many");
    Ok(2 * n)
}

#[file_creator]
pub(crate) fn total(numbers: &[u64]) -> Result<u64> {
    child::says("ran total");
    Ok(numbers.iter().sum())
}

#[file_creator]
pub(crate) fn clean(raw: &File, output_uid: &str) -> Result<File> {
    child::says("ran clean");
    File::from_bytes(output_uid, raw.read_to_string()?.trim())
}

#[file_creator]
pub(crate) fn count(text: &File) -> Result<File> {
    child::says("ran count");
    File::from_bytes("count.txt", text.len().to_string())
}

/// An output whose name it takes from whatever had it.
#[file_creator(on_change = "replace")]
pub(crate) fn moved(text: &str, output_uid: &str) -> Result<File> {
    child::says("ran moved");
    File::from_bytes(output_uid, text)
}

pub(crate) const NAMES: [&str; 2] = ["results/first.txt", "results/second.txt"];
const WORDS: [&str; 3] = ["to", "be", "or"];

/// What a child can be asked to do. Each can be done again, and ends in the same state.
pub(crate) const STEPS: [&str; 7] = ["implicit", "named", "large", "tree", "add", "add_tree", "remove"];

/// Those that lead a name elsewhere. Before each, there is what it led to first.
pub(crate) const MOVES: [&str; 2] = ["replace", "replaces"];

/// The name that they lead elsewhere.
const MOVED: &str = "results/moved.txt";

/// Does `step` and checks what it gives.
pub(crate) fn take(lake: &Lake, step: &str) -> Result<()> {
    match step {
        "implicit" => {
            let raw = lake.add_bytes("raw.txt", "down the rabbit hole")?;
            assert_eq!(implicit(&raw)?.read_to_string()?, "DOWN THE RABBIT HOLE");
        }
        "named" => {
            let (first, second) = named("some", &NAMES)?;
            assert_eq!(
                (first.read_to_string()?.as_str(), second.read_to_string()?.as_str()),
                ("some first", "some second")
            );
        }
        // The same names, made by another call.
        "otherwise" => drop(named("other", &NAMES)?),
        "large" => assert_eq!(large(3)?[5], 5 ^ 3),
        "tree" => assert_eq!(tree(&WORDS)?.get("be.txt")?.read_to_string()?, "be"),
        "add" => drop(lake.add_bytes("added.txt", "some bytes")?),
        "add_tree" => {
            let folder = tempfile::tempdir()?;
            std::fs::write(folder.path().join("a"), "1")?;
            std::fs::write(folder.path().join("b"), "2")?;
            // So many that they are a pack.
            for at in 0..12 {
                std::fs::write(folder.path().join(format!("c{at}")), format!("small {at}"))?;
            }
            lake.add_tree("folder", folder.path())?;
        }
        "added before" => drop(lake.add_bytes(MOVED, "before")?),
        "replace" => drop(lake.replacing().add_bytes(MOVED, "after")?),
        "replaces" => assert_eq!(moved("after", MOVED)?.read_to_string()?, "after"),
        "remove" => drop(lake.remove(NAMES[0])?),
        "everything" => STEPS.iter().filter(|step| **step != "remove").try_for_each(|step| take(lake, step))?,
        "fails" => drop(failing().unwrap_err()),
        "push" => child::says(&format!("pushed {}", lake.push(&[])?.items.len())),
        "hold" | "hold shortly" => {
            let held = held("text")?;
            if let Some(lineage) = held.lineage()?.call() {
                child::says(&format!("held in run {}", lineage.run));
            }
        }
        "many" | "many for seconds" => {
            let numbers = one_of_many::calls(0..MANY).threads(4).run()?;
            child::says(&format!("total {}", total(&numbers)?));
        }
        "pipeline" => {
            let raw = match lake.file("raw.txt") {
                Err(error) if error.kind() == ErrorKind::NotFound => lake.add_bytes("raw.txt", " four ")?,
                raw => raw?,
            };
            child::says(&format!("counted {}", count(&clean(&raw, "clean.txt")?)?.read_to_string()?));
        }
        #[cfg(all(feature = "aws", feature = "azure"))]
        "upload" => crate::transfers::upload(lake)?,
        #[cfg(all(feature = "aws", feature = "azure"))]
        "download" => crate::transfers::download(lake)?,
        other if ["die", "live", "wait"].iter().any(|what| other.starts_with(what)) => crate::ending::take(other)?,
        other if other.starts_with("room") => crate::room::take(other)?,
        other => crate::sharing::take(other)?,
    }
    Ok(())
}

/// Whatever can be seen is whole. Whether the outcome of `step` can be seen.
pub(crate) fn look(lake: &Lake, step: &str) -> bool {
    for file in lake.list("").unwrap() {
        // Reads every byte, and compares the digest.
        file.read().unwrap();
        file.lineage().unwrap();
        if let Ok(tree) = Tree::try_from(file) {
            for member in tree.files().unwrap() {
                member.read().unwrap();
            }
        }
    }
    let there = |uid: &str| match lake.file(uid) {
        Ok(file) => Some(file.read_to_string().unwrap()),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
            None
        }
    };
    match step {
        "named" | "remove" => {
            let (first, second) = (there(NAMES[0]), there(NAMES[1]));
            assert_eq!(first.is_some(), second.is_some(), "half of a call can be seen");
            if let Some(first) = &first {
                assert!(["some first", "other first"].contains(&first.as_str()));
            }
            first.is_some()
        }
        "replace" | "replaces" => {
            let now = there(MOVED).unwrap();
            let log = lake.log(MOVED).unwrap();
            assert_eq!(log.versions.len(), if now == "after" { 2 } else { 1 });
            assert_eq!(there(&log.versions.last().unwrap().address).unwrap(), "before");
            now == "after"
        }
        "add" => there("added.txt").is_some_and(|text| text == "some bytes"),
        "add_tree" => there("folder").is_some(),
        _ => false,
    }
}
