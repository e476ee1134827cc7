//! What features, environments and build scripts decide about code that stands elsewhere.

use crate::support::{Case, case, changes, keeps};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        imports_under_features(),
        modules_under_features(),
        macros_ask_for_their_caller(),
        scripts_of_dependencies(),
        profiles(),
    ]
}

fn imports_under_features() -> Case {
    case(
        "imports under features",
        r##"
//- features
fast=on round=off loud=on idle=on
//- src/lib.rs
#[cfg(feature = "fast")]
use quick::fit;
#[cfg(not(feature = "fast"))]
use slow::fit;
mod quick { pub fn fit() -> u64 { 1 } }
mod slow { pub fn fit() -> u64 { 2 } }
mod numbers {
    #[cfg(feature = "round")] pub use self::up::*;
    #[cfg(not(feature = "round"))] pub use self::down::*;
    mod up { pub fn cut() -> u64 { 3 } }
    mod down { pub fn cut() -> u64 { 4 } }
}
mod say {
    pub trait Say { fn say(&self) -> u64; }
    #[cfg(feature = "loud")] pub mod one { impl super::Say for u64 { fn say(&self) -> u64 { 5 } } }
    #[cfg(not(feature = "loud"))] pub mod other { impl super::Say for u64 { fn say(&self) -> u64 { 6 } } }
}
use say::Say;
#[cfg(feature = "idle")]
use idle as nobody;
mod idle { pub fn nothing() {} }
pub fn creator(n: u64) -> u64 { fit() + numbers::cut() * 10 + n.say() * 100 }
"##,
        [
            changes("of an import", "fast=on", "fast=off"),
            changes("of a glob in another module", "round=off", "round=on"),
            changes("of a module with an impl", "loud=on", "loud=off"),
            keeps("of an import that nobody uses", "idle=on", "idle=off"),
            changes("the function", "{ 1 }", "{ 10 }"),
            changes("a function through the glob", "{ 4 }", "{ 40 }"),
            changes(
                "the predicate",
                "#[cfg(feature = \"fast\")]\nuse quick::fit;\n#[cfg(not(feature = \"fast\"))]",
                "#[cfg(not(feature = \"fast\"))]\nuse quick::fit;\n#[cfg(feature = \"fast\")]",
            ),
        ],
    )
}

fn modules_under_features() -> Case {
    case(
        "modules under features",
        r##"
//- features
fast=on deep=on wide=on calm=off
//- src/lib.rs
#[cfg(feature = "fast")]
#[path = "quick.rs"]
mod fit;
#[cfg(not(feature = "fast"))]
#[path = "slow.rs"]
mod fit;
mod outer {
    #[cfg(feature = "deep")] pub mod inner { pub mod far { pub const DEPTH: u64 = 3; } }
    #[cfg(not(feature = "deep"))] pub mod inner { pub mod far { pub const DEPTH: u64 = 4; } }
}
struct Wide(u64);
#[cfg(feature = "wide")]
impl Wide { fn get(&self) -> u64 { self.0 + 5 } }
#[cfg(not(feature = "wide"))]
impl Wide { fn get(&self) -> u64 { self.0 + 6 } }
macro_rules! gate { ($($item:item)*) => { $(#[cfg(feature = "calm")] $item)* }; }
gate! { impl Drop for Wide { fn drop(&mut self) { println!("dropped"); } } }
pub fn creator(n: u64) -> u64 { fit::fit() + outer::inner::far::DEPTH + Wide(n).get() }
//- src/quick.rs
pub fn fit() -> u64 { 1 }
//- src/slow.rs
pub fn fit() -> u64 { 2 }
"##,
        [
            changes("of a file", "fast=on", "fast=off"),
            changes("of a module around a module", "deep=on", "deep=off"),
            changes("of an impl", "wide=on", "wide=off"),
            changes("that a macro adds", "calm=off", "calm=on"),
            keeps("a file that is not compiled", "{ 2 }", "{ 20 }"),
        ],
    )
}

fn macros_ask_for_their_caller() -> Case {
    case(
        "macros that ask for their caller's features",
        r##"
//- features
fast=on
//- src/lib.rs
pub fn creator(_: u64) -> String { format!("{} {}", helper::pick!(), helper::version!()) }
//- helper/src/lib.rs
#[macro_export]
macro_rules! pick { () => { if cfg!(feature = "fast") { 1 } else { 2 } }; }
#[macro_export]
macro_rules! version { () => { env!("CARGO_PKG_NAME").len() }; }
"##,
        [
            changes("a feature of the caller", "fast=on", "fast=off"),
            changes("the macro", "{ 1 }", "{ 10 }"),
            changes("another macro", ".len()", ".len() + 1"),
        ],
    )
}

fn scripts_of_dependencies() -> Case {
    case(
        "scripts of dependencies",
        r##"
//- src/lib.rs
pub fn creator(_: u64) -> String { helper::number().to_owned() }
//- helper/src/lib.rs
pub fn number() -> &'static str { env!("NUMBER") }
//- helper/build.rs
fn main() {
    println!("cargo:rerun-if-changed=numbers");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-env=NUMBER={}", std::fs::read_to_string("numbers/one.txt").unwrap().trim());
}
//- helper/numbers/one.txt
1
//- helper/other/two.txt
2
"##,
        [
            changes("a file in a folder that it declares", "1\n", "10\n"),
            keeps("a file that it does not read", "2\n", "20\n"),
            changes("the script", ".trim());", ".trim().repeat(2));"),
        ],
    )
}

fn profiles() -> Case {
    case(
        "predicates of dependencies",
        r##"
//- src/lib.rs
pub fn creator(_: u64) -> u64 { helper::checked() + helper::system() }
//- helper/src/lib.rs
pub fn checked() -> u64 { if cfg!(debug_assertions) { 1 } else { 2 } }
#[cfg(unix)] pub fn system() -> u64 { 3 }
#[cfg(not(unix))] pub fn system() -> u64 { 4 }
"##,
        [
            changes("the variant", "{ 1 }", "{ 10 }"),
            changes("of the system", "{ 3 }", "{ 30 }"),
            keeps("of another system", "{ 4 }", "{ 40 }"),
            changes("the predicate", "cfg!(debug_assertions)", "cfg!(not(debug_assertions))"),
        ],
    )
}
