//! Which attributes of the user's item go where.

use quote::quote;
use syn::punctuated::Punctuated;
use syn::{Attribute, Meta, Token, parse_quote};

const LINT_LEVELS: [&str; 5] = ["allow", "warn", "deny", "forbid", "expect"];

/// Lints that look at a function from outside. An `#[expect]` of one is met where the signature stays, of any other where
/// the body goes. Of `dead_code` nowhere: function and info API use each other.
const OUTSIDE: [&str; 8] = [
    "unreachable_pub",
    "missing_docs",
    "private_interfaces",
    "private_bounds",
    "clippy::missing_errors_doc",
    "clippy::missing_panics_doc",
    "clippy::must_use_candidate",
    "clippy::module_name_repetitions",
];

/// The `#[cfg]`s: whatever is generated for an item is there exactly when the item is.
pub(crate) fn conditions(attributes: &[Attribute]) -> Vec<Attribute> {
    attributes.iter().filter_map(|attribute| only(attribute, &|meta| meta.path().is_ident("cfg"))).collect()
}

/// What stays with the signature when the body is moved out of it.
pub(crate) fn for_signature(attributes: &[Attribute]) -> Vec<Attribute> {
    attributes.iter().map(|attribute| lenient(attribute, |outside| !outside)).collect()
}

/// What goes along with the body: lint levels.
pub(crate) fn for_body(attributes: &[Attribute]) -> Vec<Attribute> {
    attributes
        .iter()
        .filter_map(|attribute| only(attribute, &sets_lint_levels))
        .map(|attribute| lenient(&attribute, |outside| outside))
        .collect()
}

/// Whether it only sets lint levels.
pub(crate) fn sets_lint_levels(meta: &Meta) -> bool {
    LINT_LEVELS.iter().any(|level| meta.path().is_ident(level))
}

/// The attribute, or of a `cfg_attr` the part, that `wanted` says.
fn only(attribute: &Attribute, wanted: &dyn Fn(&Meta) -> bool) -> Option<Attribute> {
    let meta = only_meta(&attribute.meta, wanted)?;
    Some(Attribute { meta, ..attribute.clone() })
}

fn only_meta(meta: &Meta, wanted: &dyn Fn(&Meta) -> bool) -> Option<Meta> {
    if wanted(meta) {
        return Some(meta.clone());
    }
    let Meta::List(list) = meta else { return None };
    if !list.path.is_ident("cfg_attr") {
        return None;
    }
    let parts = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).ok()?;
    let mut parts = parts.iter();
    let predicate = parts.next()?;
    let kept: Vec<Meta> = parts.filter_map(|part| only_meta(part, wanted)).collect();
    (!kept.is_empty()).then(|| parse_quote!(cfg_attr(#predicate, #(#kept),*)))
}

/// Turns an `#[expect]` into `#[allow]` where its lint is `elsewhere`.
fn lenient(attribute: &Attribute, elsewhere: impl Fn(bool) -> bool) -> Attribute {
    let Meta::List(list) = &attribute.meta else { return attribute.clone() };
    if !list.path.is_ident("expect") {
        return attribute.clone();
    }
    let Ok(parts) = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated) else {
        return attribute.clone();
    };
    let names = |lints: &[&str]| {
        parts.iter().any(|part| {
            let path = part.path();
            lints.contains(&quote!(#path).to_string().replace(' ', "").as_str())
        })
    };
    if !elsewhere(names(&OUTSIDE)) && !names(&["dead_code"]) {
        return attribute.clone();
    }
    let mut attribute = attribute.clone();
    attribute.meta = parse_quote!(allow(#parts));
    attribute
}
