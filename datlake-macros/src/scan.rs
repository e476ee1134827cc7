//! What a hash of tokens misses: the values of `cfg` predicates, and the contents that a program embeds.
//!
//! This scans tokens and not syntax, so that a macro's arguments and attributes are covered too. What cannot be evaluated
//! at the code's place (`cfg!($p)` in a `macro_rules!`, say) is left out.

use std::collections::BTreeMap;

use proc_macro2::{Delimiter, Ident, Span, TokenStream};
use quote::{quote, quote_spanned};

use crate::tokens::{Tree, line, significant};

/// What was found, each entry under its text.
#[derive(Default)]
pub(crate) struct ScanResult {
    conditions: BTreeMap<String, TokenStream>,
    embedded: BTreeMap<String, TokenStream>,
}

impl ScanResult {
    /// Everything in `trees`.
    pub(crate) fn in_tokens(trees: &[Tree]) -> Self {
        let mut found = Self::default();
        found.walk(trees);
        found
    }

    /// Predicates of `cfg`, as text.
    pub(crate) fn of_conditions(texts: &[String]) -> Self {
        let mut found = Self::default();
        for tokens in texts.iter().filter_map(|text| text.parse().ok()) {
            found.condition(&significant(tokens));
        }
        found
    }

    /// The elements of `Code::conditions`.
    pub(crate) fn conditions(&self) -> Vec<TokenStream> {
        let element = |(text, predicate): (&String, &TokenStream)| quote!((#text, ::core::cfg!(#predicate)));
        self.conditions.iter().map(element).collect()
    }

    /// The elements of `Code::embedded`, without those that count otherwise.
    pub(crate) fn embedded(&self, counts: impl Fn(&str) -> bool) -> Vec<TokenStream> {
        self.embedded.iter().filter(|(label, _)| !counts(label)).map(|(_, content)| content.clone()).collect()
    }

    fn walk(&mut self, trees: &[Tree]) {
        let mut rest = trees;
        while let Some((first, after)) = rest.split_first() {
            rest = after;
            if first.is("#") {
                let attribute = after.strip_prefix_if(|tree| tree.is("!"));
                if let [group, after @ ..] = attribute
                    && let Some(content) = group.bracketed()
                {
                    self.attribute(content);
                    rest = after;
                }
            } else if let (Tree::Word(name), [bang, Tree::Group(_, arguments), after @ ..]) = (first, after)
                && bang.is("!")
            {
                self.invocation(name, arguments);
                rest = after;
            } else if let Tree::Group(_, inner) = first {
                self.walk(inner);
            }
        }
    }

    fn attribute(&mut self, content: &[Tree]) {
        match content {
            [name, arguments] if name.is_word("cfg") => {
                arguments.parenthesized().into_iter().for_each(|predicate| self.condition(predicate));
            }
            [name, arguments] if name.is_word("cfg_attr") => {
                let mut parts = arguments.parenthesized().into_iter().flat_map(comma_separated);
                parts.next().into_iter().for_each(|predicate| self.condition(predicate));
                parts.for_each(|attribute| self.attribute(attribute));
            }
            other => self.walk(other),
        }
    }

    fn invocation(&mut self, name: &Ident, arguments: &[Tree]) {
        // What cannot be read is an error where the user's code reads it.
        let place = name.span().resolved_at(Span::call_site());
        match (name.to_string().as_str(), arguments) {
            ("cfg", predicate) => self.condition(predicate),
            ("cfg_select", arms) => self.arms(arms),
            ("include" | "include_str" | "include_bytes", path) if is_path(path) => {
                let label = format!("{name}!({})", line(path));
                let content = quote_spanned!(place=> (#label, ::core::include_bytes!(#(#path)*).as_slice()));
                self.embedded.insert(label, content);
            }
            ("env", [variable @ Tree::Literal(_), rest @ ..]) => {
                let label = format!("env!({})", line(std::slice::from_ref(variable)));
                let content = quote_spanned!(place=> (#label, ::core::env!(#variable #(#rest)*).as_bytes()));
                self.embedded.insert(label, content);
            }
            ("option_env", [variable @ Tree::Literal(_)]) => {
                let label = format!("option_env!({})", line(std::slice::from_ref(variable)));
                let unset = format!("{label} unset");
                let content = quote_spanned!(place=> match ::core::option_env!(#variable) {
                    ::core::option::Option::Some(value) => (#label, value.as_bytes()),
                    ::core::option::Option::None => (#unset, b"".as_slice()),
                });
                self.embedded.insert(label, content);
            }
            (_, arguments) => self.walk(arguments),
        }
    }

    /// The predicates of a `cfg_select!`, and what its arms hold.
    fn arms(&mut self, trees: &[Tree]) {
        let mut start = 0;
        for (i, tree) in trees.iter().enumerate() {
            if tree.is("=>") {
                self.condition(&trees[start..i]);
            } else if tree.is(",") || matches!(tree, Tree::Group(Delimiter::Brace, _)) {
                start = i + 1;
            }
        }
        self.walk(trees);
    }

    fn condition(&mut self, predicate: &[Tree]) {
        let predicate = predicate.strip_suffix_if(|tree| tree.is(","));
        if is_predicate(predicate) {
            self.conditions.insert(line(predicate), quote!(#(#predicate)*));
        }
    }
}

/// The tokens of a predicate that `cfg!` would take.
pub(crate) fn predicate(text: &str) -> Option<TokenStream> {
    let trees = significant(text.parse().ok()?);
    is_predicate(&trees).then(|| quote!(#(#trees)*))
}

/// Whether `cfg!` would take it.
fn is_predicate(trees: &[Tree]) -> bool {
    match trees {
        [Tree::Word(word)] => word != "_",
        [Tree::Word(_), equals, Tree::Literal(value)] => {
            let value = value.to_string();
            equals.is("=") && (value.starts_with('"') || value.starts_with("r\"") || value.starts_with("r#"))
        }
        [Tree::Word(word), Tree::Group(Delimiter::Parenthesis, inner)] => {
            (word == "not" || word == "all" || word == "any") && comma_separated(inner).all(is_predicate)
        }
        _ => false,
    }
}

/// Whether this is a path that is known where the code stands: a literal, or literals and `env!` in a `concat!`.
fn is_path(trees: &[Tree]) -> bool {
    match trees.strip_suffix_if(|tree| tree.is(",")) {
        [Tree::Literal(_)] => true,
        [name, bang, Tree::Group(_, inner)] if bang.is("!") => {
            let known = |part: &[Tree]| matches!(part, [Tree::Literal(_)]) || is_path(part);
            (name.is_word("concat") && comma_separated(inner).all(known))
                || (name.is_word("env") && matches!(inner.as_slice(), [Tree::Literal(_)]))
        }
        _ => false,
    }
}

/// The parts between commas; no part after a trailing one.
fn comma_separated(trees: &[Tree]) -> impl Iterator<Item = &[Tree]> {
    trees.strip_suffix_if(|tree| tree.is(",")).split(|tree| tree.is(",")).filter(|part| !part.is_empty())
}

/// Slices of trees without one tree at an end.
trait Strip {
    fn strip_prefix_if(&self, wanted: impl Fn(&Tree) -> bool) -> &[Tree];
    fn strip_suffix_if(&self, wanted: impl Fn(&Tree) -> bool) -> &[Tree];
}

impl Strip for [Tree] {
    fn strip_prefix_if(&self, wanted: impl Fn(&Tree) -> bool) -> &[Tree] {
        match self {
            [first, rest @ ..] if wanted(first) => rest,
            all => all,
        }
    }

    fn strip_suffix_if(&self, wanted: impl Fn(&Tree) -> bool) -> &[Tree] {
        match self {
            [rest @ .., last] if wanted(last) => rest,
            all => all,
        }
    }
}
