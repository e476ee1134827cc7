//! The static that describes an item's code, and the trait that leads to it.

use std::collections::BTreeMap;

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::{Attribute, Generics, Visibility};

use crate::found::ClosureTable;
use crate::options::Options;
use crate::scan::ScanResult;
use crate::signature::{Function, at};
use crate::source::Source;
use crate::tokens::{self, Anonymous, Tree};

/// Lints that generated items may meet. They never stand on what the user wrote.
///
/// `dead_code` is not among them: whatever is allowed to be dead keeps alive what it uses. The info API alone may be dead, for
/// in creators that a `macro_rules!` makes the compiler reports what of it nobody calls.
pub(crate) fn allowances() -> TokenStream {
    quote! {
        #[allow(
            deprecated,
            elided_lifetimes_in_paths,
            mismatched_lifetime_syntaxes,
            missing_copy_implementations,
            missing_debug_implementations,
            non_camel_case_types,
            non_snake_case,
            non_upper_case_globals,
            private_bounds,
            private_interfaces,
            single_use_lifetimes,
            unexpected_cfgs,
            unnameable_types,
            unreachable_pub,
            unused_imports,
            unused_lifetimes,
            unused_mut,
            unused_qualifications,
            unused_variables,
            clippy::all,
            clippy::pedantic,
            clippy::nursery,
            clippy::restriction
        )]
    }
}

/// The content of the static, but for its dependencies and what depends on the item's place.
pub(crate) struct Code {
    /// The item's name.
    pub(crate) name: String,
    /// The hash of its tokens.
    pub(crate) own: [u8; 32],
    /// What the tokens refer to.
    pub(crate) found: ScanResult,
    /// Where it stands.
    pub(crate) source: Source,
    /// What else its result depends on.
    pub(crate) rest: Option<ClosureTable>,
}

impl Code {
    /// Of a function.
    pub(crate) fn of_function(function: &Function, version: Option<u64>, source: Source) -> Self {
        let anonymous = Anonymous::new(function.tokens.clone());
        let trees = if version.is_some() { anonymous.signature() } else { anonymous.whole() };
        Self::of_trees(function.signature.ident.unraw().to_string(), &trees, version, source)
    }

    /// Of an item, called `name` where it is shown.
    pub(crate) fn of_item(name: String, item: TokenStream, source: Source) -> Self {
        Self::of_trees(name, &Anonymous::new(item).whole(), None, source)
    }

    fn of_trees(name: String, trees: &[Tree], version: Option<u64>, source: Source) -> Self {
        Self { name, own: tokens::hash(trees, version), found: ScanResult::in_tokens(trees), source, rest: None }
    }

    /// `impl Tracked for …`
    pub(crate) fn implementation(
        &self,
        conditions: &[Attribute],
        generics: &Generics,
        ty: &impl ToTokens,
        options: &Options,
    ) -> TokenStream {
        let facade = &options.facade;
        let allowances = allowances();
        let Self { name, own, found, source, rest } = self;
        let (own, blob) = (Literal::byte_string(own), Literal::byte_string(&source.blob));
        let given_name = option(options.name.as_ref().map(|name| name.value()));
        let (file, line, features, cfg) = (&source.file, source.line, &source.features, &source.cfg);
        let lock = option(source.lock.as_ref().map(|(path, digest)| {
            let digest = Literal::byte_string(digest);
            quote!((#path, *#digest))
        }));
        let embedded = found.embedded(|label| rest.as_ref().is_some_and(|rest| rest.embeds(label)));
        let conditions_found = found.conditions();
        // By the path as it is written, each once: an edge belongs to a path, whatever imports make of it.
        let dependencies: BTreeMap<_, _> = options
            .depends_on
            .iter()
            .map(|path| (tokens::line(&tokens::significant(path.to_token_stream())), path))
            .collect();
        let dependencies = dependencies
            .into_values()
            .map(|path| quote_spanned!(at(path)=> <#path as #facade::__private::Tracked>::code));
        let rest = match rest {
            Some(rest) => rest.expression(&quote!(#facade::__private)),
            None => quote!(::core::option::Option::None),
        };
        let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
        quote! {
            #(#conditions)*
            #allowances
            impl #impl_generics #facade::__private::Tracked for #ty #type_generics #where_clause {
                fn code() -> &'static #facade::__private::Code {
                    static CODE: #facade::__private::Code = #facade::__private::Code {
                        package: ::core::env!("CARGO_PKG_NAME"),
                        package_version: ::core::env!("CARGO_PKG_VERSION"),
                        manifest_dir: ::core::env!("CARGO_MANIFEST_DIR"),
                        module: ::core::module_path!(),
                        name: #name,
                        given_name: #given_name,
                        file: #file,
                        line: #line,
                        blob: *#blob,
                        own: *#own,
                        conditions: &[#(#conditions_found),*],
                        embedded: &[#(#embedded),*],
                        dependencies: &[#(#dependencies),*],
                        found: #rest,
                        lock: #lock,
                        features: &[#(#features),*],
                        cfg: &[#(#cfg),*],
                    };
                    &CODE
                }
            }
        }
    }
}

fn option(value: Option<impl ToTokens>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}

/// The struct that stands beside an item in the namespace of types and has its name and visibility.
pub(crate) fn companion(conditions: &[Attribute], visibility: &Visibility, name: &Ident) -> TokenStream {
    let allowances = allowances();
    let doc = format!("Information about `{}`.", name.unraw());
    quote! {
        #(#conditions)*
        #[doc(hidden)]
        #[doc = #doc]
        #allowances
        #[allow(dead_code)]
        #visibility struct #name {}
    }
}
