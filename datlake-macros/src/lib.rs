//! The attributes `#[file_creator]` and `#[tracked]`.
//!
//! This crate translates: options and a function become a checked model, and the model becomes tokens. Whether a body runs,
//! and what a result is worth, is decided by the crate `datlake`, which re-exports the attributes and documents them for
//! users. Every mistake in the use of an attribute is an error at the token at fault, and all of them are shown together.
//!
//! | module | what it holds |
//! |---|---|
//! | `options` | what stands in the attribute's parentheses |
//! | `resources` | what a body needs of its machine |
//! | `signature` | the checked model of a creator |
//! | `shown` | patterns that documentation can keep showing |
//! | `attributes` | which of the user's attributes go where |
//! | `tokens` | the hash of source text |
//! | `scan` | `cfg` predicates and embedded contents in it |
//! | `source` | file, line, git blob, lock file, features |
//! | `enclosing` | whether an item stands in an `impl` |
//! | `compiled` | what this process compiles, read once |
//! | `found` | what else a creator's result depends on |
//! | `warnings` | what is seen there and is no mistake |
//! | `code` | the static that carries all that |
//! | `expand` | a creator's tokens |
//! | `tracked` | a tracked item's tokens |

mod again;
mod attributes;
mod code;
mod compiled;
mod enclosing;
mod errors;
mod expand;
mod found;
mod options;
mod resources;
mod scan;
mod shown;
mod signature;
mod source;
mod tokens;
mod tracked;
mod warnings;

#[cfg(test)]
mod tests;

use proc_macro2::{Span, TokenStream};
use quote::quote;

use crate::code::Code;
use crate::errors::Errors;
use crate::found::ClosureTable;
use crate::options::{Attribute, Options};
use crate::signature::Function;
use crate::source::Source;

/// For use as `datlake::file_creator`, whose documentation this completes.
#[proc_macro_attribute]
pub fn file_creator(options: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    creator(options.into(), item.into(), Source::of).into()
}

/// For use as `datlake::tracked`, whose documentation this completes.
#[proc_macro_attribute]
pub fn tracked(options: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    tracked::expand(options.into(), item.into(), Source::of).into()
}

fn creator(options: TokenStream, item: TokenStream, source: fn(Span) -> Source) -> TokenStream {
    let mut errors = Errors::default();
    let options = Options::parse(Attribute::FileCreator, options, &mut errors);
    let function: Function = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            errors.push(not_a_function(&item, error));
            let errors = errors.into_tokens();
            return quote!(#item #errors);
        }
    };
    let source = source(function.signature.ident.span());
    let model = signature::check(&function, &options, &source, &mut errors);
    // What a function with mistakes depends on is of no interest.
    let found = if errors.is_empty() { ClosureTable::of(&function, &options, &source) } else { Ok(None) };
    let found = found.unwrap_or_else(|why| {
        errors.at(&function.signature.ident, format!("the code that `{}` depends on cannot be found: {why}; say `closure = \"none\"`, and name it in `depends_on(…)`", function.signature.ident));
        None
    });
    if !errors.is_empty() {
        let (stub, errors) = (expand::stub(&model, &options, &source), errors.into_tokens());
        return quote!(#stub #errors);
    }
    let mut code = Code::of_function(&function, options.version, source);
    code.rest = found;
    expand::creator(&model, &options, &code)
}

/// Says what is wrong with an item that is no function with a body.
fn not_a_function(item: &TokenStream, error: syn::Error) -> syn::Error {
    let parsed = syn::parse2::<syn::Item>(item.clone());
    match parsed {
        Ok(syn::Item::Fn(_)) | Err(_) => error,
        Ok(_) => syn::Error::new(Span::call_site(), "`#[file_creator]` goes on a function"),
    }
}
