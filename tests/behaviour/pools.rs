//! Bodies on the threads of a pool that steals work: what they do not declare is an error there too, and what the pool puts
//! on top of them is not held against them.

use datlake::{ErrorKind, File, Result, file_creator, here, tracked};
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};

use crate::support::{alone_with_files, check_error, lake};

#[tracked]
fn name_of(n: u64) -> String {
    format!("{n}.txt")
}

#[file_creator]
fn busy(text: &str) -> Result<u64> {
    (0..4_u64).into_par_iter().for_each(|n| std::thread::sleep(std::time::Duration::from_millis(n)));
    Ok(text.len() as u64)
}

#[test]
fn what_a_pool_puts_on_top_of_a_body_is_not_in_it() {
    if !alone_with_files("pools::what_a_pool_puts_on_top_of_a_body_is_not_in_it", 1000) {
        return;
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(8).build().unwrap();
    let lake = lake();
    let lengths: Result<Vec<u64>> = pool.install(|| {
        let each = (0..200_u64).into_par_iter().map(|n| {
            let uid = name_of(n);
            assert!(!lake.exists(&uid)? && lake.file(&uid).is_err());
            let file = lake.add_bytes(&uid, n.to_string())?;
            assert_eq!(file.lineage()?.added().unwrap().name, uid);
            busy(&file.read_to_string()?)
        });
        each.collect()
    });
    assert_eq!(lengths.unwrap().iter().sum::<u64>(), 10 + 180 + 300);
    assert_eq!(lake.list("").unwrap().len(), 200);
}

#[file_creator(closure = "none")]
fn careless(n: u64) -> Result<String> {
    Ok(name_of(n))
}

#[file_creator(closure = "none")]
fn careless_below(n: u64) -> Result<Vec<String>> {
    let here = here();
    (0..n).into_par_iter().map(|n| here.run(|| Ok(name_of(n)))).collect()
}

#[file_creator(closure = "none")]
fn calls_undeclared(n: u64) -> Result<u64> {
    busy(&n.to_string())
}

#[file_creator]
fn reads_skipped(n: u64, #[skip] file: &File) -> Result<u64> {
    Ok(file.read()?.len() as u64 + n)
}

#[file_creator]
fn looks_around(n: u64) -> Result<bool> {
    File::exists(&n.to_string())
}

#[file_creator(closure = "none")]
async fn careless_later(n: u64) -> Result<String> {
    Ok(name_of(n))
}

#[file_creator]
fn careful(n: u64) -> Result<u64> {
    // Jobs of its own, some of which run on top of it.
    Ok((0..n).into_par_iter().map(|n| n + 1).sum())
}

#[test]
fn what_a_body_does_not_declare_is_an_error_on_a_pool_too() {
    if !alone_with_files("pools::what_a_body_does_not_declare_is_an_error_on_a_pool_too", 1000) {
        return;
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let lake = lake();
    let file = lake.add_bytes("file", "12345").unwrap();
    let check = |kind, says: &str, call: &(dyn Fn(u64) -> Result<()> + Sync)| {
        pool.install(|| {
            let failed = |n| check_error(call(n), kind, &[says]);
            (1..20).into_par_iter().for_each(failed);
        });
    };
    check(ErrorKind::Undeclared, "depends_on(name_of)", &|n| careless(n).map(drop));
    check(ErrorKind::Undeclared, "depends_on(name_of)", &|n| careless_below(n).map(drop));
    check(ErrorKind::Undeclared, "depends_on(name_of)", &|n| pollster::block_on(careless_later(n)).map(drop));
    check(ErrorKind::Undeclared, "depends_on(busy)", &|n| calls_undeclared(n).map(drop));
    check(ErrorKind::Undeclared, "neither an argument", &|n| reads_skipped(n, &file).map(drop));
    check(ErrorKind::Context, "whether a file exists", &|n| looks_around(n).map(drop));
    assert_eq!(lake.visible().0, 0);
    assert_eq!(pool.install(|| careful(4)).unwrap(), 10);
}
