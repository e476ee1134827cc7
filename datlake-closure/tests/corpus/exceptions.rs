//! What no table can hold: each is here as an edit that is missed, and is noted or warned of where it can be seen.

use crate::support::{Case, case, changes, missed};

pub(crate) fn cases() -> Vec<Case> {
    vec![put_there_while_it_runs(), implemented_above(), scripts_that_declare_nothing(), linked_and_never_named()]
}

fn put_there_while_it_runs() -> Case {
    case(
        "put there while it runs",
        r##"
//- src/lib.rs edition:2021
use std::sync::OnceLock;
static HOOK: OnceLock<fn(u64) -> u64> = OnceLock::new();
fn hook(n: u64) -> u64 { n + 1 }
pub fn setup() {
    HOOK.set(hook).unwrap();
    std::env::set_var("CORPUS_LEVEL", "2");
    std::fs::write(path(), "3").unwrap();
}
fn path() -> std::path::PathBuf { std::env::temp_dir().join(format!("datlake-corpus-{}", std::process::id())) }
pub fn creator(n: u64) -> String {
    let level = std::env::var("CORPUS_LEVEL").unwrap();
    let text = std::fs::read_to_string(path()).unwrap();
    format!("{} {level} {text}", HOOK.get().unwrap()(n))
}
"##,
        [
            missed("a static that is set while it runs", "a function in a static", "n + 1", "n + 10"),
            missed("the environment while it runs", "a variable", "\"2\"", "\"20\""),
            missed("a file while it runs", "a file", "\"3\"", "\"30\""),
            changes("the function itself", "{level} {text}", "{level}, {text}"),
        ],
    )
}

fn implemented_above() -> Case {
    case(
        "implemented above",
        r##"
//- src/lib.rs
pub trait Model { fn rate(&self) -> u64 { self.base() + 1 } fn base(&self) -> u64; }
pub fn creator<M: Model + serde::Serialize>(m: M) -> u64 { m.rate() + 2 }
//- above/src/lib.rs above
use app::Model;
#[derive(serde::Serialize)]
struct Mine;
impl Model for Mine { fn base(&self) -> u64 { 3 } }
pub fn run(_: u64) -> u64 { app::creator(Mine) }
"##,
        [
            changes("a default method", "self.base() + 1", "self.base() + 10"),
            missed("implementors in crates that use this one", "another crate's implementation", "{ 3 }", "{ 30 }"),
        ],
    )
}

fn scripts_that_declare_nothing() -> Case {
    case(
        "scripts that declare nothing",
        r##"
//- src/lib.rs
pub fn creator(_: u64) -> String { helper::number().to_owned() }
//- helper/src/lib.rs
pub fn number() -> &'static str { env!("NUMBER") }
//- helper/build.rs
fn main() { println!("cargo:rustc-env=NUMBER={}", std::fs::read_to_string("number.txt").unwrap().trim()); }
//- helper/number.txt
1
"##,
        [missed("what a script reads and does not declare", "a file", "1\n", "10\n")],
    )
}

fn linked_and_never_named() -> Case {
    case(
        "linked and never named",
        r##"
//- src/lib.rs
unsafe extern "C" { safe fn corpus_elsewhere(n: u64) -> u64; }
pub fn creator(n: u64) -> u64 { corpus_elsewhere(n) }
//- above/src/lib.rs above
#[unsafe(no_mangle)]
pub extern "C" fn corpus_elsewhere(n: u64) -> u64 { n + 1 }
pub fn run(n: u64) -> u64 { app::creator(n) }
"##,
        [missed("a crate that is linked and never named", "its function", "n + 1", "n + 10")],
    )
}
