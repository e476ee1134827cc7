//! Finds the code that a function's result can depend on, from the text of its crate and of its path dependencies.
//!
//! ```
//! use datlake_closure::{Creator, Package, Scanner};
//! use std::{collections::BTreeMap, path::{Path, PathBuf}};
//!
//! let code = "
//!     const TWO: u64 = 2;
//!     fn double(n: u64) -> u64 { n * TWO }
//!     fn unrelated() {}
//!     fn creator(n: u64) -> u64 { double(n) }
//! ";
//! let sources = BTreeMap::from([(PathBuf::from("src/lib.rs"), code.to_owned())]);
//! let scanner = Scanner::new(vec![Package::new("app", "src/lib.rs")], sources)?;
//! let closure = scanner.closure(&Creator { file: Path::new("src/lib.rs"), line: 5, name: "creator" })?;
//! let labels: Vec<&str> = closure.items.iter().map(|item| item.label.as_str()).collect();
//! assert_eq!(labels, ["app (settings)", "app::TWO", "app::creator", "app::double"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A key is made of each item's label, text, edges and traits, of embedded contents, of the values of variables and conditions.
//! Hashing is left to whoever asks: this crate depends on nothing.

mod ambiguous;
mod artifacts;
mod asked;
mod build;
mod calls;
mod closure;
mod conditions;
mod imports;
mod index;
mod items;
mod lex;
mod locals;
mod macros;
mod made;
mod manifest;
mod mentioned;
mod mentions;
mod modules;
mod normal;
mod notes;
mod outside;
mod packages;
mod parts;
mod reading;
mod resolve;
mod rustc;
mod scanner;
mod source;
mod symbol;
mod table;
mod text;
mod toml;
mod traits;
mod uses;
mod waiting;
mod whole;

pub use ambiguous::{Ambiguous, Unseen};
pub use manifest::{Locked, locked};
pub use mentioned::Embedded;
pub use notes::Note;
pub use packages::{Dependency, Edition, Package};
pub use rustc::Invocation;
pub use scanner::{Scanner, Unreadable};
pub use source::{Disk, Sources};
pub use table::{Closure, Creator, Function, Item, NotFound};
