//! The info API: what can be asked of a call before and after it is made, and making it again by force.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};

use datlake::{
    Change, Difference, ErrorKind, Explanation, File, Result, Status, Tree, creators, file_creator, tracked,
};
use serde::{Deserialize, Serialize};

use crate::support::{check_error, lake};

#[tracked]
const SEPARATOR: char = ',';

#[tracked(depends_on(SEPARATOR))]
fn cells(line: &str) -> usize {
    line.split(SEPARATOR).count()
}

/// Counts the cells of a table.
#[file_creator(depends_on(cells))]
fn cell_count(table: &File, from: usize) -> Result<File> {
    let count: usize = table.read_to_string()?.lines().skip(from).map(cells).sum();
    File::from_bytes("count.txt", count.to_string())
}

#[test]
fn info_says_what_and_where_the_code_is() {
    let info = cell_count::info();
    assert_eq!(info.name.as_str(), "datlake-tests/behaviour::info::cell_count");
    assert_eq!((info.function, info.module), ("cell_count", "behaviour::info"));
    assert_eq!((info.package, info.package_version), ("datlake-tests", env!("CARGO_PKG_VERSION")));
    assert_eq!((info.file, info.line), ("behaviour/info.rs", line_of("fn cell_count")));
    assert_eq!(info.dependencies, ["behaviour::info::SEPARATOR", "behaviour::info::cells"]);
    assert!(creators().contains(&info));
    assert!(info.to_string().contains("behaviour/info.rs"), "{info}");
}

fn line_of(text: &str) -> u32 {
    let at = include_str!("info.rs").lines().position(|line| line.starts_with(text)).unwrap();
    u32::try_from(at + 1).unwrap()
}

#[test]
fn asking_runs_nothing_and_says_afterwards_what_happened() {
    let lake = lake();
    let table = lake.add_bytes("tables/a.csv", "a,b\n1,2\n").unwrap();
    let call = || cell_count::call(&table, 1);

    let uid = lake.ok("nothing", || call().uid());
    assert_eq!(lake.ok("nothing", || call().status()), Status::Missing);
    assert_eq!(lake.ok("nothing", || call().lineage()), None);
    assert!(matches!(lake.ok("nothing", || call().explain()), Explanation::FirstCall { .. }));

    let made = lake.ok("ran cell_count", || call().run());
    assert_eq!(made.uid(), Some(&uid), "the UID was known before");
    assert_eq!(lake.ok("nothing", || call().uid()), uid);
    assert_eq!(lake.ok("nothing", || call().uids()), std::slice::from_ref(&uid));
    assert_eq!(lake.ok("nothing", || call().status()), Status::Cached);
    assert!(matches!(lake.ok("nothing", || call().explain()), Explanation::Cached { .. }));
    assert_eq!(lake.ok("hit cell_count", || call().run()), made);

    let lineage = lake.ok("nothing", || call().lineage()).unwrap();
    assert_eq!(lineage.creator, cell_count::info().name);
    assert!(uid.as_str().contains(&lineage.key.to_string()));
    let code = &lineage.code;
    assert_eq!((code.function.as_str(), code.module.as_str()), ("cell_count", "behaviour::info"));
    assert_eq!((code.file.as_str(), code.line), ("behaviour/info.rs", line_of("fn cell_count")));
    assert_eq!(code.hash, cell_count::info().code_hash);
    let dependencies: Vec<_> = code.dependencies.iter().map(|dependency| dependency.item.as_str()).collect();
    assert_eq!(dependencies, ["behaviour::info::SEPARATOR", "behaviour::info::cells"]);
    assert_eq!((lineage.params[1].name.as_str(), &lineage.params[1].value), ("from", &serde_json::json!(1)));
    let [input] = &*lineage.inputs else { panic!("{:?}", lineage.inputs) };
    assert_eq!(input.argument.as_deref(), Some("table"));
    assert_eq!((input.uid.as_ref(), input.digest, input.size), (table.uid(), table.digest(), table.len()));
    let [output] = &*lineage.outputs else { panic!("{:?}", lineage.outputs) };
    assert_eq!((&output.uid, output.name.as_str(), output.digest), (&uid, "count.txt", made.digest()));
    assert!(lineage.environment.rustc.starts_with("rustc 1.") && lineage.environment.cargo_lock.is_some());
    assert!(lineage.person.email.contains('@') && !lineage.host.is_empty() && lineage.started_at.ends_with('Z'));
    assert_eq!(made.lineage().unwrap().call(), Some(&lineage), "the file says the same");
}

#[test]
fn two_runs_of_a_program_are_told_apart() {
    let lake = lake();
    let table = lake.add_bytes("a.csv", "a,b\n").unwrap();
    let run = |lake: &datlake::Lake, from| {
        let _current = lake.enter();
        cell_count(&lake.file("a.csv").unwrap(), from).unwrap().lineage().unwrap().call().unwrap().run.clone()
    };
    drop(table);
    assert_eq!(run(&lake, 0), run(&lake, 1));
    assert_ne!(run(&lake, 0), run(&lake.reopened(), 2));
}

#[derive(Serialize, Deserialize, Debug)]
struct Parts {
    head: File,
    rest: (File, [File; 2]),
    size: u64,
}

#[file_creator]
fn parts(text: &str) -> Result<Parts> {
    let file = |name: &str| File::from_bytes(name, text);
    Ok(Parts { head: file("0")?, rest: (file("1")?, [file("2")?, file("3")?]), size: 4 })
}

#[file_creator]
fn lines(text: &str) -> Result<Vec<File>> {
    text.lines().enumerate().map(|(at, line)| File::from_bytes(&at.to_string(), line)).collect()
}

#[file_creator]
fn size(text: &str) -> Result<usize> {
    Ok(text.len())
}

#[file_creator]
fn named(text: &str, output_uids: &[&str]) -> Result<Vec<File>> {
    output_uids.iter().map(|uid| File::from_bytes(uid, text)).collect()
}

#[test]
fn uids_are_known_before_where_the_type_tells_how_many_there_are() {
    let lake = lake();
    let several = &["returns 4 files", "`uids`"];
    let uids = lake.ok("nothing", || parts::call("x").uids());
    lake.fails("nothing", ErrorKind::InvalidInput, several, || parts::call("x").uid());
    let made = lake.ok("ran parts", || parts("x"));
    let files = [&made.head, &made.rest.0, &made.rest.1[0], &made.rest.1[1]];
    assert_eq!(uids, files.map(|file| file.uid().unwrap().clone()));
    lake.fails("nothing", ErrorKind::InvalidInput, several, || parts::call("x").uid());

    lake.fails("nothing", ErrorKind::InvalidInput, &["no file"], || size::call("x").uid());
    assert_eq!(lake.ok("nothing", || size::call("x").uids()), []);
}

#[test]
fn uids_are_known_after_where_it_depends_on_the_run() {
    let lake = lake();
    let call = || lines::call("a\nb\n");
    let first = lake.ok("nothing", || call().uid());
    lake.fails("nothing", ErrorKind::InvalidInput, &["when it has run"], || call().uids());
    let made = lake.ok("ran lines", || call().run());
    let uids = lake.ok("nothing", || call().uids());
    assert_eq!(uids, made.iter().map(|file| file.uid().unwrap().clone()).collect::<Vec<_>>());
    assert_eq!(uids[0], first);
}

#[test]
fn uids_that_the_caller_chose_are_known_in_any_case() {
    let lake = lake();
    let uids = lake.ok("nothing", || named::call("x", &["out/a", "out/b"]).uids());
    assert_eq!(uids.iter().map(|uid| uid.as_str()).collect::<Vec<_>>(), ["out/a", "out/b"]);
}

#[file_creator]
fn met(name: &str, #[skip] barrier: &Barrier) -> Result<usize> {
    barrier.wait();
    barrier.wait();
    Ok(name.len())
}

#[test]
fn a_call_that_runs_is_running_for_this_process_and_for_others() {
    let lake = lake();
    let other = lake.reopened();
    let barrier = Barrier::new(2);
    let status = |lake: &datlake::Lake| {
        let _current = lake.enter();
        met::call("x", &barrier).status().unwrap()
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _current = lake.enter();
            met("x", &barrier).unwrap();
        });
        barrier.wait();
        assert_eq!([status(&lake), status(&other)], [Status::Running; 2]);
        barrier.wait();
    });
    assert_eq!([status(&lake), status(&other)], [Status::Cached; 2]);
}

#[test]
fn those_who_ask_at_one_time_do_not_take_each_other_for_one_that_runs() {
    let lake = lake();
    let other = lake.reopened();
    let (gate, never) = (Barrier::new(8), Barrier::new(1));
    std::thread::scope(|scope| {
        for n in 0..8 {
            let (lake, gate, never) = (if n % 2 == 0 { &lake } else { &other }, &gate, &never);
            scope.spawn(move || {
                let _current = lake.enter();
                gate.wait();
                for _ in 0..100 {
                    assert_eq!(met::call("y", never).status().unwrap(), Status::Missing);
                }
            });
        }
    });
    assert_eq!((lake.happened().as_str(), other.happened().as_str()), ("nothing", "nothing"));
}

#[test]
fn explain_compares_with_the_nearest_earlier_call() {
    let lake = lake();
    let (a, b) = (lake.add_bytes("a.csv", "a,b\n").unwrap(), lake.add_bytes("b.csv", "a,b,c\n").unwrap());
    lake.ok("ran cell_count ×2", || cell_count(&a, 0).and_then(|_| cell_count(&b, 7)));
    let differences = |table: &File, from| match cell_count::call(table, from).explain().unwrap() {
        Explanation::Differs { differences, .. } => differences,
        other => panic!("{other:?}"),
    };
    let [Difference::Value { name, was: Some(was), now: Some(now), .. }] = &*differences(&a, 1) else {
        panic!("{:?}", differences(&a, 1))
    };
    assert_eq!((name.as_str(), was, now), ("from", &serde_json::json!(0), &serde_json::json!(1)));
    let c = lake.add_bytes("c.csv", "").unwrap();
    let [Difference::Input { argument, was, now, .. }] = &*differences(&c, 0) else {
        panic!("{:?}", differences(&c, 0))
    };
    assert_eq!(argument, "table");
    assert!(was[0].starts_with("a.csv") && now[0].starts_with("c.csv"), "{was:?} {now:?}");
    let text = cell_count::call(&a, 1).explain().unwrap().to_string();
    assert!(text.contains("`from`: 0 → 1"), "{text}");
}

/// Of a tree, the files that differ are named, few of many, and only ranges that differ are read.
#[test]
fn explain_names_the_files_of_a_tree_that_differ() {
    #[file_creator]
    fn file_count(photos: &Tree) -> Result<usize> {
        Ok(photos.names()?.len())
    }
    let lake = lake();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    (0..800).for_each(|n| write(&format!("{n:04}.png"), &n.to_string()));
    let first = lake.replacing().add_tree("photos", folder.path()).unwrap();
    lake.ok("ran file_count", || file_count(&first));
    write("0017.png", "another");
    write("new.png", "new");
    std::fs::remove_file(folder.path().join("0700.png")).unwrap();
    let second = lake.replacing().add_tree("photos", folder.path()).unwrap();
    let said = "`0017.png` changed and `0700.png` is gone and `new.png` is new";
    let text = lake.ok("nothing", || file_count::call(&second).explain()).to_string();
    assert!(text.contains(&format!("), {said}")) && text.contains("input `photos`: photos ("), "{text}");
    lake.ok("ran file_count", || file_count(&second));
    let key = lake.ok("nothing", || file_count::call(&second).lineage()).unwrap().key;
    let explained = lake.explain(&format!("file_count/{key}")).unwrap().earlier.unwrap();
    assert!(explained.differences[0].to_string().ends_with(said), "{:?}", explained.differences);

    (0..100).for_each(|n| write(&format!("{n:04}.png"), "all the same"));
    let third = lake.replacing().add_tree("photos", folder.path()).unwrap();
    let text = lake.ok("nothing", || file_count::call(&third).explain()).to_string();
    assert!(text.contains("`0004.png` changed and 95 more"), "{text}");
}

/// One creator before and after an edit, which no program has at a time otherwise.
macro_rules! edition {
    ($edition:ident, $depends_on:ident, $body:expr) => {
        mod $edition {
            use datlake::{Result, file_creator};

            #[file_creator(name = "info/edited", depends_on(super::$depends_on))]
            pub(super) fn edited(n: usize) -> Result<usize> {
                Ok($body + n)
            }
        }
    };
}

edition!(first, cells, 1);
edition!(second, cells, 2);
edition!(third, SEPARATOR, 1);

#[test]
fn explain_names_edited_code_and_dependencies() {
    let lake = lake();
    lake.ok("ran edited", || first::edited(1));
    let differences = |explanation| match explanation {
        Explanation::Differs { differences, .. } => differences,
        other => panic!("{other:?}"),
    };
    assert_eq!(differences(lake.ok("nothing", || second::edited::call(1).explain())), [Difference::Code]);
    let removed = Difference::Dependency { item: "behaviour::info::cells".to_owned(), change: Change::Removed };
    assert_eq!(differences(lake.ok("nothing", || third::edited::call(1).explain())), [removed]);
    lake.ok("ran edited ×2", || second::edited(1).and(third::edited(1)));
    lake.ok("hit edited", || first::edited(1));
}

static ROLLS: AtomicU32 = AtomicU32::new(0);

#[file_creator]
fn rolled(sides: u32) -> Result<(File, File)> {
    let roll = ROLLS.fetch_add(1, Ordering::Relaxed) % sides;
    Ok((File::from_bytes("same.txt", "same")?, File::from_bytes("roll.txt", roll.to_string())?))
}

#[file_creator]
fn counted(sides: u32) -> Result<(File, u32)> {
    let roll = ROLLS.fetch_add(1, Ordering::Relaxed) % sides;
    Ok((File::from_bytes("same.txt", "same")?, roll))
}

#[file_creator]
async fn rolled_later(sides: u32) -> Result<File> {
    File::from_bytes_async("roll.txt", (ROLLS.fetch_add(1, Ordering::Relaxed) % sides).to_string()).await
}

#[test]
fn force_runs_the_body_and_agrees() {
    let lake = lake();
    let first = lake.ok("ran rolled", || rolled::call(1).force());
    assert_eq!(lake.ok("reproduced rolled", || rolled::call(1).force()), first);
    assert_eq!(lake.ok("hit rolled", || rolled(1)), first);
    let first = lake.ok("ran rolled_later", || pollster::block_on(rolled_later(1)));
    let force = || pollster::block_on(rolled_later::call(1).force());
    assert_eq!(lake.ok("reproduced rolled_later", force), first);
    assert_eq!(lake.visible(), (2, 0));
}

#[test]
fn force_names_the_output_that_is_another_and_keeps_the_first() {
    const MANY: u32 = 1 << 30;
    let lake = lake();
    let (_, first) = lake.ok("ran rolled", || rolled(MANY));
    let error = lake.check("failed rolled", || rolled::call(MANY).force()).unwrap_err();
    let text = error.to_string();
    let (before, after) = text.split_once(&first.digest().to_string()).expect("it names the digest kept");
    assert!(before.contains(first.uid().unwrap().as_str()) && before.contains("roll.txt"), "{text}");
    assert_eq!(after.split(' ').filter(|word| word.trim_end_matches(';').len() == 64).count(), 1, "{text}");
    check_error::<()>(Err(error), ErrorKind::NotReproducible, &["rolled", "not deterministic"]);
    assert_eq!(lake.ok("hit rolled", || rolled(MANY)).1, first);
    assert_eq!(lake.reopened().ok("hit rolled", || rolled(MANY)).1.read().unwrap(), first.read().unwrap());

    lake.ok("ran counted", || counted(MANY));
    lake.fails("failed counted", ErrorKind::NotReproducible, &["value", "digest"], || counted::call(MANY).force());
    lake.ok("ran rolled_later", || pollster::block_on(rolled_later(MANY)));
    lake.fails("failed rolled_later", ErrorKind::NotReproducible, &["roll.txt"], || {
        pollster::block_on(rolled_later::call(MANY).force())
    });
}

#[test]
fn force_under_a_chosen_uid_makes_the_same_file() {
    let lake = lake();
    lake.ok("ran named", || named("x", &["out/a"]));
    lake.ok("reproduced named", || named::call("x", &["out/a"]).force());
    assert_eq!(lake.file("out/a").unwrap().read().unwrap(), b"x");
}

mod renamed {
    use datlake::{Result, file_creator};

    /// A module has the function's name.
    pub(super) mod weather {
        pub(super) const DAYS: u32 = 7;
    }

    #[file_creator(info = weather_api)]
    pub(super) fn weather() -> Result<u32> {
        Ok(weather::DAYS)
    }
}

#[test]
fn the_info_api_has_another_name_where_the_functions_is_taken() {
    let lake = lake();
    assert_eq!(lake.ok("ran weather", renamed::weather), 7);
    assert_eq!(lake.ok("nothing", || renamed::weather_api::call().status()), Status::Cached);
    assert_eq!(renamed::weather_api::info().function, "weather");
}
