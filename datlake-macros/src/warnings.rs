//! What is seen while a creator is compiled, and is no mistake: warnings of the compiler, at their tokens.
//!
//! A macro cannot warn. It uses a constant that is deprecated, and what the compiler says of that is the message; lint levels of
//! the function hold for it.

use datlake_closure::{Ambiguous, Unseen};
use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::{FnArg, Pat};

use crate::attributes;
use crate::options::Options;
use crate::signature::{Function, at, place_of};
use crate::source::Source;

/// Traits that other crates can implement, and arguments that share a key.
pub(crate) fn of(open: &[String], ambiguous: &[Ambiguous], function: &Function) -> TokenStream {
    let open = open.iter().map(|name| {
        let note = format!(
            "crates that use this one can implement `{name}`, and their code is part of no key: make the creator private, or \
             have its callers pass what identifies that code"
        );
        let place = place_of(function.signature.to_token_stream(), name);
        warning(function, "closure_of_creator", place, &note)
    });
    let ambiguous = ambiguous.iter().map(|argument| {
        let place = match &function.signature.inputs[argument.parameter] {
            FnArg::Typed(input) => at(&input.ty),
            receiver @ FnArg::Receiver(_) => at(receiver),
        };
        let note = format!("two arguments can share one result: {}; {}", seen(argument), way_out(argument));
        warning(function, "ambiguous_argument", place, &note)
    });
    open.chain(ambiguous).collect()
}

fn warning(function: &Function, name: &str, place: Span, note: &str) -> TokenStream {
    let lints = attributes::for_body(&function.attributes);
    let (name, used) = (Ident::new(name, Span::call_site()), Ident::new(name, place));
    let used = quote_spanned!(place=> let _ = #used;);
    quote! {
        #(#lints)*
        const _: () = {
            #[allow(non_upper_case_globals)]
            #[deprecated(note = #note)]
            const #name: () = ();
            #used
        };
    }
}

/// What is seen of a type, in words.
pub(crate) fn seen(argument: &Ambiguous) -> String {
    let name = &argument.name;
    match &argument.what {
        Unseen::Variant(one, other) => {
            format!("`{name}` is `#[serde(untagged)]`, and its `{one}` and `{other}` can serialize alike")
        }
        Unseen::Order(map) => {
            format!("the order of the `{map}` in `{name}` does not count, for serde hides that it is a map")
        }
    }
}

fn way_out(argument: &Ambiguous) -> &'static str {
    match argument.what {
        Unseen::Variant(..) => "remove `untagged`, or add the variant by `key(…)`",
        Unseen::Order(_) => "give the map a field of its own without `flatten`, or add its order by `key(…)`",
    }
}

/// The arguments of `all` that the creator does not tell apart itself, by an expression in `key(…)`.
pub(crate) fn unsettled(
    all: Vec<Ambiguous>,
    function: &Function,
    options: &Options,
    source: &Source,
) -> Vec<Ambiguous> {
    let keyed = |argument: &Ambiguous| {
        let Some(FnArg::Typed(input)) = function.signature.inputs.get(argument.parameter) else { return true };
        let Pat::Ident(pattern) = &*input.pat else { return !options.key.is_empty() };
        options.key.iter().any(|expression| mentions(expression.to_token_stream(), &pattern.ident))
    };
    all.into_iter().filter(|argument| !keyed(argument) && !is_sorted(argument, source)).collect()
}

/// Whether a map keeps its order only with a feature, which nobody asks for.
fn is_sorted(argument: &Ambiguous, source: &Source) -> bool {
    let Unseen::Order(map) = &argument.what else { return false };
    let Some(of) = ["serde_json", "toml"].into_iter().find(|of| map.split("::").next() == Some(of)) else {
        return false;
    };
    let versions = source.locked(of);
    let orders =
        |package: &datlake_closure::Locked| package.dependencies.iter().any(|name| name.starts_with("indexmap"));
    !versions.is_empty() && !versions.iter().any(orders)
}

fn mentions(tokens: TokenStream, ident: &Ident) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Group(group) => mentions(group.stream(), ident),
        TokenTree::Ident(found) => found == *ident,
        _ => false,
    })
}
