//! Unit tests that need more than one module.

mod expansion;
mod found;
mod identity;
mod mistakes;
mod scanning;

use proc_macro2::{Span, TokenStream};

use crate::code::Code;
use crate::source::Source;

/// Tokens of Rust source.
fn tokens(source: &str) -> TokenStream {
    source.parse().unwrap()
}

/// What is known of a place, the same everywhere.
fn nowhere(_: Span) -> Source {
    Source { file: "src/shop.rs".to_owned(), line: 7, ..Source::default() }
}

/// The code of a function.
fn code(function: &str, version: Option<u64>) -> Code {
    Code::of_function(&syn::parse2(tokens(function)).unwrap(), version, Source::default())
}

/// Bytes as text.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
