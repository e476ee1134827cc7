//! What the row of repositories times: a repository of very many objects, and what is done with it.

use std::fs::File as Plain;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use datlake::report::MergeResult;
use datlake::{Branch, ChangeSet, CheckoutOptions, DiffQuery, Lake, LocalFolder, MergeOptions, ObjectQuery};

use crate::any_result::AnyResult;
use crate::claims::claims;
use crate::serving;

/// Different contents of the objects.
const CONTENTS: u64 = 16;
/// About as large as a range of a tree.
const RANGE: usize = 100 << 10;

/// The path of an object: neighbours are in one folder.
fn path(n: u64) -> String {
    format!("data/{:04}/{n:07}.bin", n / 1000)
}

fn main_of(home: &Path) -> AnyResult<Branch> {
    Ok(Lake::builder().home(home).email("ada@example.org").open()?.repository("many")?.default_branch())
}

/// What a program costs, in seconds.
pub(crate) fn program(name: &str, rest: &[String]) -> AnyResult<f64> {
    match (name, rest) {
        ("versions-plant", [lake, count]) => plant(Path::new(lake), count.parse()?),
        ("versions", [what, lake, count, round]) => run(what, Path::new(lake), count.parse()?, round.parse()?),
        ("floor-versions", [folder, read, written]) => floor(Path::new(folder), read.parse()?, written.parse()?),
        ("commit-folder", [lake, folder]) => commit_folder(Path::new(lake), Path::new(folder)),
        ("checkout-folder", [lake, folder]) => checkout_folder(Path::new(lake), Path::new(folder)),
        ("serving-claims", [at, database, ready]) => claims(at, database, ready.parse()?),
        _ => serving::program(name, rest),
    }
}

/// A repository of `count` objects, of a few contents.
fn plant(home: &Path, count: u64) -> AnyResult<f64> {
    let lake = Lake::builder().home(home).email("ada@example.org").open()?;
    let contents =
        (0..CONTENTS).map(|n| lake.add_bytes(&format!("content/{n}"), n.to_string())).collect::<Result<Vec<_>, _>>()?;
    let main = lake.new_repository("many").create()?.default_branch();
    let put = |set: ChangeSet, n: u64| set.put(&path(n), &contents[(n % CONTENTS) as usize]);
    let changes = (0..count).fold(ChangeSet::new(), put);
    let begun = Instant::now();
    main.commit_all("all", &changes)?;
    Ok(begun.elapsed().as_secs_f64())
}

/// A folder as the first commit of a repository.
fn commit_folder(home: &Path, folder: &Path) -> AnyResult<f64> {
    let lake = Lake::builder().home(home).email("ada@example.org").open()?;
    let main = lake.new_repository("many").create()?.default_branch();
    let begun = Instant::now();
    main.import_folder(&LocalFolder::read(folder)?, "", "all")?;
    Ok(begun.elapsed().as_secs_f64())
}

/// What was committed, in a folder that is not there yet.
fn checkout_folder(home: &Path, folder: &Path) -> AnyResult<f64> {
    let main = main_of(home)?;
    let begun = Instant::now();
    main.checkout(folder, &CheckoutOptions::default())?;
    Ok(begun.elapsed().as_secs_f64())
}

/// `changed` objects of `count`, far apart, with a content that only `round` has.
fn changes(count: u64, changed: u64, round: u64) -> ChangeSet {
    let apart = (count / changed).max(1);
    (0..changed).fold(ChangeSet::new(), |set, n| set.put_bytes(&path(n * apart), format!("{round}")))
}

fn run(what: &str, home: &Path, count: u64, round: u64) -> AnyResult<f64> {
    let main = main_of(home)?;
    let begun = Instant::now();
    match what {
        "commit" => {
            drop(main.commit_all("one", &ChangeSet::new().put_bytes(&path(count / 2), format!("one {round}")))?)
        }
        "diff" => {
            main.commit_all("a hundred", &changes(count, 100, round))?;
            let before = Lake::builder().home(home).open()?.repository("many")?.reference("main~1");
            let begun = Instant::now();
            let found = before.diff("main", &DiffQuery::default())?;
            assert_eq!(found.items.len(), 100);
            return Ok(begun.elapsed().as_secs_f64());
        }
        "page" => {
            let page = main.list(&ObjectQuery::default().after(path(count / 3)).limit(1000))?;
            assert_eq!(page.items.len(), 1000);
        }
        "stat" => {
            main.stat(&path(count / 2))?;
            let begun = Instant::now();
            for n in 0..100 {
                main.stat(&path(count / 2 + n % 10))?;
            }
            return Ok(begun.elapsed().as_secs_f64() / 100.0);
        }
        "merge" => {
            let dev = format!("dev-{round}");
            let branch = Lake::builder().home(home).open()?.repository("many")?.branch(&dev).create("main")?;
            branch.commit_all("a thousand", &changes(count, 1000, round))?;
            let begun = Instant::now();
            let MergeResult::Merged(_) = main.merge(&dev, &MergeOptions::default())? else {
                return Err("a conflict".into());
            };
            return Ok(begun.elapsed().as_secs_f64());
        }
        unknown => return Err(format!("nothing is done that is called `{unknown}`").into()),
    }
    Ok(begun.elapsed().as_secs_f64())
}

/// The least that as many objects could cost: files of the size of a range, each read whole, and as many small ones written so that
/// they last.
fn floor(folder: &Path, read: u64, written: u64) -> AnyResult<f64> {
    std::fs::create_dir_all(folder)?;
    let file = |n: u64| folder.join(format!("range-{n}"));
    for n in (0..read).filter(|n| !file(*n).exists()) {
        std::fs::write(file(n), vec![b'x'; RANGE])?;
    }
    let begun = Instant::now();
    for n in 0..read {
        std::hint::black_box(std::fs::read(file(n))?);
    }
    for n in 0..written {
        let mut out = Plain::create(folder.join(format!("object-{n}")))?;
        out.write_all(&[7; 1000])?;
        out.sync_all()?;
    }
    Ok(begun.elapsed().as_secs_f64())
}
