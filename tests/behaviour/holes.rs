//! Holes in a key: what a body uses and its key does not know of is found when it is used.

use std::fs;
use std::sync::{Mutex, OnceLock};

use datlake::{ErrorKind, File, Result, Tree, file_creator, here, tracked};

use crate::support::lake;

#[tracked]
fn helper() -> u32 {
    deep() + 1
}

#[tracked]
fn deep() -> u32 {
    1
}

#[tracked(depends_on(deep))]
fn honest_helper() -> u32 {
    deep() + 1
}

#[tracked]
mod stats {
    pub(super) struct Mean(pub(super) f64);

    impl Mean {
        pub(super) fn of(values: &[f64]) -> Self {
            Self(values.iter().sum::<f64>() / values.len() as f64)
        }
    }

    pub(super) mod inner {
        pub(in crate::holes) fn zero() -> f64 {
            0.0
        }
    }
}

#[file_creator(closure = "none")]
fn undeclared_function() -> Result<u32> {
    Ok(deep())
}

#[file_creator(closure = "none")]
fn undeclared_method() -> Result<f64> {
    Ok(stats::Mean::of(&[1.0]).0)
}

#[file_creator(closure = "none")]
fn undeclared_inner_module() -> Result<f64> {
    Ok(stats::inner::zero())
}

#[file_creator(closure = "none", depends_on(helper))]
fn undeclared_below() -> Result<u32> {
    Ok(helper())
}

#[file_creator(depends_on(honest_helper, mod stats))]
fn declared() -> Result<f64> {
    Ok(f64::from(honest_helper() + deep()) + stats::Mean::of(&[1.0]).0 + stats::inner::zero())
}

#[file_creator(depends_on(deep))]
fn inner(n: u32) -> Result<u32> {
    Ok(n + deep())
}

#[file_creator(closure = "none")]
fn undeclared_creator() -> Result<u32> {
    inner(1)
}

#[file_creator(depends_on(inner))]
fn declared_creator() -> Result<u32> {
    Ok(inner(1)? + deep())
}

#[file_creator(version = 1)]
fn versioned() -> Result<u32> {
    Ok(deep())
}

#[test]
fn tracked_code_that_is_not_declared_is_an_error_that_names_the_line_to_add() {
    let lake = lake();
    let add = |item: &str, line: &str| [item.to_owned(), "behaviour/holes.rs:".to_owned(), line.to_owned()];
    let check = |function: &str, kind, says: [String; 3], call: &dyn Fn() -> Result<()>| {
        let says = says.each_ref().map(String::as_str);
        // It is noticed again each time: nothing was remembered.
        for _ in 0..2 {
            lake.fails(&format!("failed {function}"), kind, &says, call);
        }
    };
    let undeclared = ErrorKind::Undeclared;
    let deep = add("`behaviour::holes::deep`", "depends_on(deep)");
    check("undeclared_function", undeclared, deep.clone(), &|| undeclared_function().map(drop));
    check("undeclared_below", undeclared, deep.clone(), &|| undeclared_below().map(drop));
    check("versioned", undeclared, deep, &|| versioned().map(drop));
    let stats = add("`behaviour::holes::mod stats`", "depends_on(mod stats)");
    check("undeclared_method", undeclared, stats.clone(), &|| undeclared_method().map(drop));
    check("undeclared_inner_module", undeclared, stats, &|| undeclared_inner_module().map(drop));
    let inner = add("`behaviour::holes::inner`", "depends_on(inner)");
    check("undeclared_creator", undeclared, inner, &|| undeclared_creator().map(drop));
    assert_eq!(lake.visible(), (0, 0));
}

#[test]
fn what_is_declared_directly_or_not_is_fine() {
    let lake = lake();
    lake.ok("ran declared", declared);
    lake.ok("ran declared_creator, ran inner", declared_creator);
    // Outside of bodies anybody may call anything.
    assert_eq!((helper(), stats::inner::zero()), (2, 0.0));
}

#[test]
fn a_call_made_elsewhere_counts_for_no_body() {
    // What runs after a body, or beside it on another thread, is not in it.
    let lake = lake();
    lake.ok("ran declared", || {
        let value = declared()?;
        helper();
        Ok::<_, datlake::Error>(value)
    });
    std::thread::scope(|scope| {
        #[file_creator(closure = "none")]
        fn spawns_alone() -> Result<u32> {
            Ok(std::thread::spawn(helper).join().unwrap())
        }
        // A thread that a body starts and that takes nothing along is not seen.
        scope.spawn(|| lake.ok("ran spawns_alone", spawns_alone)).join().unwrap();
    });
}

#[test]
fn a_thread_that_takes_here_along_is_in_the_body() {
    #[file_creator(closure = "none")]
    fn spawns() -> Result<u32> {
        let here = here();
        Ok(std::thread::spawn(move || here.run(helper)).join().unwrap())
    }
    lake().fails("failed spawns", ErrorKind::Undeclared, &["holes::helper`"], spawns);
}

#[file_creator]
fn reads_skipped(#[skip] file: &File, how: u8) -> Result<String> {
    match how {
        0 => file.read_to_string(),
        1 => Ok(std::io::read_to_string(file.open()?)?),
        2 => file.read_range(0..1).map(|_| String::new()),
        3 => Ok(fs::read_to_string(file.path()?)?),
        4 => pollster::block_on(file.read_to_string_async()),
        5 => Ok(file.len().to_string()),
        6 => Ok(file.digest().to_string()),
        _ => pollster::block_on(file.open_async()).map(|_| String::new()),
    }
}

#[file_creator]
fn returns_skipped(#[skip] file: &File) -> Result<Vec<File>> {
    Ok(vec![file.clone()])
}

#[file_creator]
fn reads_tree(#[skip] tree: &Tree, names_only: bool) -> Result<Vec<String>> {
    if names_only {
        return Ok(tree.names()?.into_iter().map(str::to_owned).collect());
    }
    tree.files()?.iter().map(File::read_to_string).collect()
}

#[test]
fn a_file_that_is_no_argument_cannot_be_used() {
    let lake = lake();
    let file = lake.add_bytes("secret.txt", "text").unwrap();
    let says = ["`secret.txt`", "neither an argument nor made by it", "argument"];
    for how in 0..8 {
        lake.fails("failed reads_skipped", ErrorKind::Undeclared, &says, || reads_skipped(&file, how));
    }
    lake.fails("failed returns_skipped", ErrorKind::Undeclared, &["neither an argument"], || returns_skipped(&file));
    assert_eq!(file.read().unwrap(), b"text", "outside it can");
}

#[test]
fn a_file_that_is_no_argument_cannot_be_passed_on() {
    #[file_creator]
    fn size(files: &[&File]) -> Result<u64> {
        Ok(files.iter().map(|file| file.len()).sum())
    }
    #[file_creator(depends_on(size))]
    fn passes(given: &File, #[skip] skipped: &File) -> Result<u64> {
        size(&[given, skipped])
    }
    let lake = lake();
    let (a, b) = (lake.add_bytes("a.txt", "a").unwrap(), lake.add_bytes("b.txt", "bb").unwrap());
    let says = ["`b.txt`", "::passes", "::size", "neither an argument"];
    lake.fails("failed passes", ErrorKind::Undeclared, &says, || passes(&a, &b));
    assert_eq!(lake.ok("ran passes, ran size", || passes(&a, &a)), 2);
}

#[test]
fn a_tree_that_is_no_argument_cannot_be_used_nor_what_is_in_it() {
    let lake = lake();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a"), "a").unwrap();
    let tree = lake.add_tree("tree", folder.path()).unwrap();
    for names_only in [true, false] {
        lake.fails("failed reads_tree", ErrorKind::Undeclared, &["`tree`"], || reads_tree(&tree, names_only));
    }
    // Also where its names are known already.
    tree.names().unwrap();
    lake.fails("failed reads_tree", ErrorKind::Undeclared, &["`tree`"], || reads_tree(&tree, true));
    let member = tree.get("a").unwrap();
    lake.fails("failed reads_skipped", ErrorKind::Undeclared, &["`tree//a`"], || reads_skipped(&member, 0));
    lake.fails("failed returns_skipped", ErrorKind::Undeclared, &["neither an argument"], || returns_skipped(&member));
}

#[test]
fn a_file_in_a_static_cannot_be_used() {
    static HIDDEN: OnceLock<File> = OnceLock::new();
    #[file_creator]
    fn reads_static() -> Result<String> {
        HIDDEN.get().unwrap().read_to_string()
    }
    let lake = lake();
    HIDDEN.set(lake.add_bytes("hidden.txt", "hidden").unwrap()).unwrap();
    lake.fails("failed reads_static", ErrorKind::Undeclared, &["`hidden.txt`", "reads_static"], reads_static);
}

#[test]
fn threads_and_tasks_make_files_where_they_take_here_along() {
    #[file_creator]
    fn on_threads(count: usize, take: bool) -> Result<Vec<File>> {
        let here = here();
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..count)
                .map(|n| {
                    let here = &here;
                    let make = move || File::from_bytes(&n.to_string(), n.to_string());
                    scope.spawn(move || if take { here.run(make) } else { make() })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    }
    #[file_creator]
    async fn on_tasks(count: usize) -> Result<Vec<File>> {
        let make = |n: usize| async move { File::from_bytes_async(&n.to_string(), n.to_string()).await };
        let tasks: Vec<_> = (0..count).map(|n| tokio::spawn(here().scope(make(n)))).collect();
        let made = futures_util::future::join_all(tasks).await;
        made.into_iter().map(|made| made.unwrap()).collect()
    }
    let lake = lake();
    let made = lake.ok("ran on_threads", || on_threads(8, true));
    assert_eq!(made[7].read().unwrap(), b"7");
    lake.fails("failed on_threads", ErrorKind::Context, &["datlake::here()"], || on_threads(8, false));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    assert_eq!(lake.ok("ran on_tasks", || runtime.block_on(on_tasks(8))).len(), 8);
}

#[test]
fn a_file_of_another_body_cannot_be_used() {
    static LEAKED: Mutex<Option<File>> = Mutex::new(None);
    #[file_creator]
    fn leaks(fail: bool) -> Result<()> {
        let made = File::from_bytes("leaked.txt", "leaked")?;
        *LEAKED.lock().unwrap() = Some(made);
        if fail { Err(datlake::Error::new(ErrorKind::Io, "failed on purpose")) } else { Ok(()) }
    }
    #[file_creator]
    fn takes(read: bool) -> Result<Option<File>> {
        let leaked = LEAKED.lock().unwrap().clone().unwrap();
        if read { leaked.read().map(|_| None) } else { Ok(Some(leaked)) }
    }
    let lake = lake();
    for (fail, kind) in [(true, ErrorKind::Io), (false, ErrorKind::Outputs)] {
        lake.fails("failed leaks", kind, &[], || leaks(fail));
        lake.fails("failed takes", ErrorKind::Undeclared, &["`leaked.txt`"], || takes(true));
        lake.fails("failed takes", ErrorKind::Outputs, &["`leaked.txt`", "another body"], || takes(false));
        // Nor as an argument: no other machine could make sense of it.
        #[file_creator]
        fn given(file: &File) -> Result<u64> {
            Ok(file.len())
        }
        let leaked = LEAKED.lock().unwrap().clone().unwrap();
        lake.fails("nothing", ErrorKind::Outputs, &["`leaked.txt`", "not returned"], || given(&leaked));
    }
    assert_eq!(lake.visible(), (0, 0));
    LEAKED.lock().unwrap().take();
}

#[test]
fn an_own_file_may_go_into_a_nested_call() {
    #[file_creator]
    fn count(file: &File) -> Result<File> {
        File::from_bytes("count.txt", file.read()?.len().to_string())
    }
    #[file_creator(depends_on(count))]
    fn outer(text: &str, keep: bool) -> Result<Vec<File>> {
        let made = File::from_bytes("between.txt", text)?;
        let counted = count(&made)?;
        assert_eq!(counted.read()?, text.len().to_string().into_bytes());
        Ok(if keep { vec![made, counted] } else { vec![counted] })
    }
    let lake = lake();
    let only = lake.ok("ran count, ran outer", || outer("text", false));
    let both = lake.ok("hit count, ran outer", || outer("text", true));
    assert_eq!(both[1], only[0]);
    assert_eq!(lake.reopened().ok("hit outer", || outer("text", true))[0].read().unwrap(), b"text");
}
