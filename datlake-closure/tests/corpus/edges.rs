//! Configurations, the linker, statics, embedded files; and what cannot be seen.

use crate::support::{Case, case, changes, keeps, missed, spurious};

pub(crate) fn cases() -> Vec<Case> {
    [configurations(), linked(), scripts(), unseen(), syntax()].into_iter().flatten().collect()
}

fn configurations() -> Vec<Case> {
    vec![case(
        "configurations",
        r##"
#[cfg(on)]
fn picked() -> u64 { 71 }
#[cfg(not(on))]
fn picked() -> u64 { 72 }
fn asked() -> u64 { if cfg!(on) { 1 } else { 2 } }
mod platform {
    #[cfg(on)] mod imp { pub fn get() -> u64 { 3 } }
    #[cfg(not(on))] mod imp { pub fn get() -> u64 { 4 } }
    pub use imp::*;
}
#[cfg(windows)] fn elsewhere() -> u64 { 5 }
struct Config { #[cfg(on)] field: u64, #[cfg(not(on))] field: u32 }
pub fn creator(n: u64) -> u64 { picked() + asked() + platform::get() + Config { field: 9 }.field as u64 }
"##,
        [
            changes("the variant that is active", "{ 71 }", "{ 73 }"),
            keeps("the variant that is not", "{ 72 }", "{ 74 }"),
            changes("cfg!", "{ 1 }", "{ 11 }"),
            changes("a predicate of cfg!", "cfg!(on)", "cfg!(not(on))"),
            changes("a module's variant", "{ 3 }", "{ 33 }"),
            keeps("a module's variant that is not active", "{ 4 }", "{ 44 }"),
            keeps("another platform's function nobody calls", "{ 5 }", "{ 55 }"),
        ],
    )]
}

fn linked() -> Vec<Case> {
    vec![
        case(
            "by symbol",
            r##"
#[unsafe(no_mangle)]
pub extern "C" fn by_symbol(n: u64) -> u64 { n + 40 }
#[unsafe(no_mangle)]
pub extern "C" fn other_symbol(n: u64) -> u64 { n + 41 }
#[unsafe(export_name = "renamed_symbol")]
pub extern "C" fn exported(n: u64) -> u64 { n + 42 }
mod ffi { unsafe extern "C" { pub safe fn by_symbol(n: u64) -> u64; pub safe fn renamed_symbol(n: u64) -> u64; } }
pub fn creator(n: u64) -> u64 { ffi::by_symbol(n) + ffi::renamed_symbol(n) }
"##,
            [
                changes("the function that is linked", "n + 40", "n + 140"),
                keeps("another one", "n + 41", "n + 141"),
                changes("by another name", "n + 42", "n + 142"),
                changes(
                    "the declaration",
                    "pub safe fn by_symbol(n: u64) -> u64;",
                    "#[link_name = \"other_symbol\"] pub safe fn by_symbol(n: u64) -> u64;",
                ),
            ],
        ),
        case(
            "statics",
            r##"
use std::cell::Cell;
use std::sync::{LazyLock, Mutex, OnceLock};
thread_local! { pub static SEEN: Cell<u64> = const { Cell::new(initial()) }; static UNUSED: Cell<u64> = const { Cell::new(1) }; }
const fn initial() -> u64 { 2 }
static LOCKED: Mutex<Vec<u64>> = Mutex::new(Vec::new());
static TABLE: LazyLock<Vec<u64>> = LazyLock::new(|| (0..row_count()).map(row).collect());
fn row(n: u64) -> u64 { n * 3 }
fn row_count() -> u64 { 4 }
static ONCE: OnceLock<u64> = OnceLock::new();
fn once() -> u64 { *ONCE.get_or_init(|| fill()) }
fn fill() -> u64 { 5 }
static mut COUNTER: u64 = 6;
pub fn creator(_: u64) -> u64 { LOCKED.lock().unwrap().len() as u64 + SEEN.get() + TABLE.iter().sum::<u64>() + once() + unsafe { COUNTER } }
"##,
            [
                changes("a thread's static", "{ 2 }", "{ 22 }"),
                changes("a function in a LazyLock", "n * 3", "n * 4"),
                changes("another function there", "{ 4 }", "{ 44 }"),
                changes("a function that fills a OnceLock", "{ 5 }", "{ 55 }"),
                changes("a mutable static", "COUNTER: u64 = 6", "COUNTER: u64 = 7"),
                keeps("another static of the call", "Cell::new(1)", "Cell::new(9)"),
            ],
        ),
    ]
}

fn scripts() -> Vec<Case> {
    vec![case(
        "build scripts",
        r##"
//- src/lib.rs out:gen
include!(concat!(env!("OUT_DIR"), "/gen.rs"));
pub fn creator(_: u64) -> String { format!("{} {} {}", generated(), include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/data/in.txt")), helper::get()) }
//- gen/gen.rs
pub fn generated() -> u64 { 41 }
pub fn not() -> u64 { 42 }
//- build.rs
// Comment.
fn main() { println!("cargo:rerun-if-changed=data/input.txt"); println!("cargo:rerun-if-changed=build.rs"); copy(); }
fn copy() { std::fs::copy("gen/gen.rs", std::env::var("OUT_DIR").unwrap() + "/gen.rs").unwrap(); }
//- data/input.txt
input text
//- data/in.txt
within
//- data/ignored.txt
ignored
//- helper/src/lib.rs
pub fn get() -> u64 { 5 }
//- helper/build.rs
fn main() { let answer = 6; }
"##,
        [
            changes("a generated function", "{ 41 }", "{ 43 }"),
            keeps("another generated function", "{ 42 }", "{ 43 }"),
            changes("a path below the manifest", "within\n", "outside\n"),
            spurious(
                "a script counts by its tokens",
                "the script",
                "fn main() { println",
                "fn main() { let n = 1; println",
            ),
            keeps("a comment in the script", "// Comment.", "// Another."),
            spurious("a script's declared files count", "a file that the script declares", "input text", "other text"),
            spurious("a script counts by its tokens", "a dependency's script", "answer = 6", "answer = 7"),
            keeps("a file nobody declares", "ignored\n", "not read\n"),
        ],
    )]
}

fn unseen() -> Vec<Case> {
    vec![
        case(
            "what cannot be seen",
            r##"
//- src/lib.rs deps:mac
use std::sync::OnceLock;
static HOOK: OnceLock<fn(u64) -> u64> = OnceLock::new();
fn hook(n: u64) -> u64 { n + 1000 }
fn install() { let _ = HOOK.set(hook); }
fn composed_name() -> u64 { 3 }
fn hidden() -> u64 { mac::call!(composed name) }
pub fn run(n: u64) -> u64 { HOOK.get().map_or(0, |f| f(n)) + hidden() }
mod entry { pub fn start() { super::install(); } }
pub fn creator(n: u64) -> u64 { run(n) }
//- mac/src/lib.rs proc
use proc_macro::TokenStream;
#[proc_macro]
pub fn call(input: TokenStream) -> TokenStream {
    let words: Vec<String> = input.into_iter().map(|t| t.to_string()).collect();
    format!("{}_{}()", words[0], words[1]).parse().unwrap()
}
"##,
            [missed("a name that a macro composes", "a function whose name is composed", "{ 3 }", "{ 4 }")],
        ),
        case(
            "documentation that is read",
            r##"
/// Documented.
struct Plain;
macro_rules! doc_of { ($(#[doc = $text:literal])* $name:ident) => { concat!($($text),*) }; }
pub fn creator(_: u64) -> String { let _ = Plain; doc_of!(
    /// First.
    word).to_owned() }
"##,
            [
                missed(
                    "documentation is no code, also where a macro reads it",
                    "documentation read by a macro",
                    "/// First.",
                    "/// Second.",
                ),
                keeps("documentation", "/// Documented.", "/// Other."),
            ],
        ),
    ]
}

fn syntax() -> Vec<Case> {
    vec![case(
        "odd tokens",
        r####"#!/usr/bin/env rustx
#![allow(unused)]
fn text() -> (&'static str, &'static [u8], usize) { (r#"a "quoted" // text"#, br"bytes \ of", c"zero".count_bytes()) }
fn chars() -> (char, char, u8, char) { ('\'', '"', b'\\', '\u{1F600}') }
fn numbers() -> f64 { 1.0e-3 + 2. + 0x1E as f64 + 1_000.5_f64 + (0..3).len() as f64 + 1.max(2) as f64 }
fn lifetimes<'a>(text: &'a str) -> &'a str { 'outer: loop { break 'outer; } text }
fn nested() -> u64 { /* a /* nested */ comment { */ 5 }
fn tuple() -> u64 { let t = ((1, 2), 3); t.0.1 + helper() }
fn helper() -> u64 { 7 }
fn shifts() -> u64 { let v: Vec<Vec<u64>> = vec![vec![8 >> 1]]; v[0][0] << 1 }
fn one(t: (u64,)) -> u64 { t.0 }
fn deep() -> u64 { ((((((((((((1)))))))))))) }
pub fn creator(n: u64) -> String {
    let compare = n < 5 && n > 2;
    let generic = std::mem::size_of::<Vec<Option<u8>>>() as u64;
    format!("{:?} {:?} {} {} {} {} {} {} {compare} {generic} {}", text(), chars(), numbers(), lifetimes("x"), nested(), tuple(), shifts(), one((9,)), deep())
}
"####,
        [
            changes("in a raw string", "// text", "// other text"),
            changes("in a byte string", "bytes \\ of", "bytes \\  of"),
            changes("a C string", "zero", "zeroes"),
            changes("a character", "'\"'", "'x'"),
            changes("an escaped character", "'\\u{1F600}'", "'\\u{1F601}'"),
            changes("an exponent", "1.0e-3", "1.0e-2"),
            changes("a float without a fraction", "2. +", "3. +"),
            changes("a range", "(0..3)", "(0..4)"),
            keeps("a nested comment", "nested */ comment", "other */ one"),
            changes("behind a nested comment", "*/ 5", "*/ 6"),
            changes("a helper behind a field of a field", "{ 7 }", "{ 8 }"),
            changes("a shift", "8 >> 1", "8 >> 2"),
            changes("a field of a field", "t.0.1", "t.0.0"),
            keeps("the shebang", "#!/usr/bin/env rustx", "#!/usr/bin/env other"),
            keeps("an inner lint", "#![allow(unused)]", "#![allow(dead_code)]"),
        ],
    )]
}
