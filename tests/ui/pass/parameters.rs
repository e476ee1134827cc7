//! Everything that can be a parameter, in a crate that denies what it can.
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, unreachable_pub, missing_debug_implementations, missing_copy_implementations)]
#![deny(single_use_lifetimes, unused_lifetimes, unused_qualifications, unused_results, elided_lifetimes_in_paths)]

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use datlake::{File, Result, file_creator};

#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
struct Config {
    a: u32,
}

#[derive(serde::Serialize)]
struct Meters(f64);

#[file_creator]
fn values(a: u8, b: String, mut c: Vec<u32>, d: Option<Config>, e: [u8; 2], f: (u8, (i64,))) -> Result<usize> {
    c.push(u32::from(a));
    Ok(b.len() + c.len() + d.map_or(0, |d| d.a as usize) + e.len() + usize::from(f.0))
}

#[file_creator]
fn references(a: &u8, b: &str, c: &[Option<&str>], d: &HashMap<String, Vec<&File>>, e: &&u8) -> Result<usize> {
    Ok(usize::from(*a) + b.len() + c.len() + d.len() + usize::from(**e))
}

#[file_creator]
fn lifetimes<'a>(a: Cow<'_, str>, b: &'a str, c: BTreeMap<&'a str, u8>, d: &'static str) -> Result<usize> {
    Ok(a.len() + b.len() + c.len() + d.len())
}

#[file_creator(key(a + b, c, x, *y, first, zero))]
fn patterns(
    (a, mut b): (u32, u32),
    Config { a: c }: Config,
    Meters(length): Meters,
    [first, _second]: [u8; 2],
    &x: &u8,
    (y, _): &(u8, String),
    whole @ Config { .. }: Config,
    _: u8,
    _unused: u8,
    (zero,): (u8,),
) -> Result<f64> {
    b += a + c + whole.a;
    Ok(f64::from(b) + length + f64::from(first + x + y + zero))
}

struct Logger;

impl Logger {
    fn log(&self, _: &str) {}
}

#[file_creator]
fn roles(
    #[skip] logger: &Logger,
    #[skip] on_step: &dyn Fn(&mut u32),
    #[secret] token: &str,
    #[by_name] path: &Path,
    #[allow(unused_variables)] ignored: u8,
) -> Result<usize> {
    logger.log("running");
    on_step(&mut 3);
    Ok(token.len() + path.as_os_str().len())
}

#[file_creator(on_change = "keep")]
fn named(output_uid: &str) -> Result<File> {
    File::create(output_uid)?.finish()
}

#[file_creator(on_change = "replace")]
fn named_again(output_uid: &str) -> Result<File> {
    File::create(output_uid)?.finish()
}

#[file_creator]
fn named_owned(output_uid: String) -> Result<File> {
    File::create(&output_uid)?.finish()
}

#[file_creator]
fn named_several(output_uids: &[&str]) -> Result<Vec<File>> {
    output_uids.iter().map(|uid| File::create(uid)?.finish()).collect()
}

#[file_creator]
fn named_owned_several(output_uids: Vec<String>) -> Result<Vec<File>> {
    output_uids.iter().map(|uid| File::create(uid)?.finish()).collect()
}

#[file_creator]
fn named_array(output_uids: [&str; 2]) -> Result<Vec<File>> {
    output_uids.iter().map(|uid| File::create(uid)?.finish()).collect()
}

#[file_creator]
fn generic<'a, T, const N: usize>(x: &'a [T], y: &T, z: &'a str) -> Result<usize>
where
    T: serde::Serialize,
{
    let _ = y;
    Ok(x.len() + z.len() + N)
}

#[file_creator]
fn r#match(r#type: u8) -> Result<u8> {
    Ok(r#type)
}

fn main() {
    let config = Config { a: 1 };
    let _ = values::call(1, String::new(), vec![], Some(config), [1, 2], (1, (2,)));
    let _ = references::call(&1, "b", &[None], &HashMap::new(), &&1);
    let _ = references::calls([(&1, "b", &[None][..], &HashMap::new(), &&1)]);
    let _ = lifetimes::calls([("a".into(), "b", BTreeMap::new(), "d")]);
    let _ = patterns::call((1, 2), config, Meters(1.0), [1, 2], &1, &(1, String::new()), config, 1, 2, (0,));
    let _ = roles::call(&Logger, &|x| *x += 1, "secret", Path::new("a"), 1);
    let _ = (named::call("a"), named_again::call("a"), named_owned::call("a".into()), named_several::call(&["a", "b"]));
    let _ = (named_owned_several::call(vec![]), named_array::call(["a", "b"]));
    let _ = generic::call::<u8, 3>(&[1], &2, "c");
    let _ = generic::calls::<u8, 3>([(&[1][..], &2, "c")]);
    let _ = r#match::call(3);
    let _functions = [values as fn(_, _, _, _, _, _) -> _];
}
