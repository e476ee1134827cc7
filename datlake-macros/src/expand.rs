//! From the checked model to tokens. The runtime decides whether and when a body runs.

use proc_macro2::{Delimiter, Group, Literal, TokenStream, TokenTree};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{GenericArgument, GenericParam, Generics, Lifetime, Pat, ReturnType, Type, WherePredicate, parse_quote};

use crate::again;
use crate::attributes;
use crate::code::{Code, allowances, companion};
use crate::found::ClosureTable;
use crate::options::{OnChange, Options};
use crate::signature::{Creator, Function, Names, Param, Role, at, plain};
use crate::source::Source;
use crate::tokens;

/// What a creator becomes: the user's function with its block replaced by one call, and the info API beside it.
pub(crate) fn creator(model: &Creator, options: &Options, code: &Code) -> TokenStream {
    let expansion = Expansion::new(model, options);
    let conditions = attributes::conditions(&model.function.attributes);
    let info = &model.info;
    let function = expansion.function();
    let companion = companion(&conditions, &model.function.visibility, info);
    let tracked = code.implementation(&conditions, &Generics::default(), info, options);
    let registration = expansion.registration();
    let api = [Some(expansion.info()), Some(expansion.call()), expansion.calls(), again::function(model, &expansion.p)]
        .into_iter()
        .flatten();
    let body = expansion.body();
    let watched = code.rest.iter().map(ClosureTable::watched);
    let warnings = code.rest.iter().map(|found| found.warnings(&model.function));
    let allowances = allowances();
    quote! {
        #function
        #companion
        #tracked
        #(#conditions)*
        #registration
        #(#watched)*
        #(#warnings)*
        #(#conditions)*
        #allowances
        #[allow(dead_code)]
        impl #info { #(#api)* }
        #(#conditions)*
        impl #info { #body }
    }
}

/// What is different where a creator is asynchronous.
struct Kind {
    call: TokenStream,
    calls: TokenStream,
    body: TokenStream,
    start: TokenStream,
    end: TokenStream,
}

impl Kind {
    fn new(model: &Creator, options: &Options, p: &TokenStream) -> Self {
        let output = &model.output;
        if model.function.signature.asyncness.is_some() {
            // Said here, it is not looked for in what the body awaits, and in what that awaits: the compiler gives up on long
            // chains of calls.
            let send = (!options.local && is_surely_send(model)).then(|| quote!(+ ::core::marker::Send));
            Self {
                call: quote!(#p::AsyncCall),
                calls: quote!(#p::AsyncCalls),
                body: quote!(impl ::core::future::Future<Output = #output> #send),
                start: TokenStream::new(),
                end: quote!(.await),
            }
        } else {
            Self {
                call: quote!(#p::Call),
                calls: quote!(#p::Calls),
                body: quote!(impl ::core::ops::FnOnce() -> #output),
                start: quote!(move ||),
                end: TokenStream::new(),
            }
        }
    }
}

struct Expansion<'m> {
    model: &'m Creator,
    options: &'m Options,
    /// The module of the facade that generated code may use.
    p: TokenStream,
    kind: Kind,
    /// The types that stand for what a call returns, in `Call<R, S, F>`.
    call_types: TokenStream,
}

impl<'m> Expansion<'m> {
    fn new(model: &'m Creator, options: &'m Options) -> Self {
        let facade = &options.facade;
        let p = quote!(#facade::__private);
        let kind = Kind::new(model, options, &p);
        let (output, body) = (&model.output, &kind.body);
        let shape = if options.panic { quote!(impl #p::Shape<#output>) } else { quote!(#p::Fallible) };
        let call_types = quote!(<#output, #shape, #body>);
        Self { model, options, p, kind, call_types }
    }

    /// The user's function. Attributes, visibility and signature stay.
    fn function(&self) -> TokenStream {
        let Self { model, kind, .. } = self;
        let Function { attributes, visibility, signature, .. } = &model.function;
        let attributes = attributes::for_signature(attributes);
        let mut signature = signature.clone();
        for (input, param) in signature.inputs.iter_mut().zip(&model.params) {
            let (pattern, ty, lints) = (&param.shown.0, &param.ty, &param.lints);
            *input = parse_quote!(#(#lints)* #pattern: #ty);
        }
        // Arguments are handed on whatever they are called.
        let underscore = model.params.iter().any(|param| param.ident.to_string().starts_with('_'));
        let underscore = underscore.then(|| quote!(#[allow(clippy::used_underscore_binding)]));
        let arguments = model.params.iter().map(|param| &param.shown.1);
        let (info, turbofish, end) = (&model.info, model.turbofish(), &kind.end);
        // An error that comes of the return type is shown there.
        let place = match &signature.output {
            ReturnType::Default => signature.ident.span(),
            ReturnType::Type(_, output) => output.span(),
        };
        let place = place.resolved_at(proc_macro2::Span::call_site());
        let run = quote_spanned!(place=> #info::call #turbofish(#(#arguments),*).run() #end);
        // Lints look at where a function begins and ends: this is still the user's.
        let mut block = Group::new(Delimiter::Brace, run);
        block.set_span(model.function.body.span());
        quote!(#(#attributes)* #underscore #visibility #signature #block)
    }

    fn registration(&self) -> TokenStream {
        let Self { model, p, .. } = self;
        let info = &model.info;
        let asynchronous = model.function.signature.asyncness.is_some();
        let replay = match again::why_not(model) {
            None => {
                let kind = if asynchronous { quote!(Async) } else { quote!(Blocking) };
                quote!(::core::result::Result::Ok(#p::Replay::#kind(#info::__again)))
            }
            Some(why) => quote!(::core::result::Result::Err(#why)),
        };
        let params = model.params.iter().map(|param| &param.key_name);
        quote! {
            #p::inventory::submit! {
                #p::Creator {
                    code: <#info as #p::Tracked>::code,
                    params: &[#(#params),*],
                    asynchronous: #asynchronous,
                    replay: #replay,
                }
            }
        }
    }

    fn info(&self) -> TokenStream {
        let Self { model, p, .. } = self;
        let visibility = &model.function.visibility;
        let doc = format!("What is known of the creator `{}` and its code.", model.function.signature.ident);
        quote! {
            #[doc = #doc]
            #visibility fn info() -> #p::CreatorInfo {
                #p::info(<Self as #p::Tracked>::code())
            }
        }
    }

    fn call(&self) -> TokenStream {
        let Self { model, p, kind, call_types, .. } = self;
        let visibility = &model.function.visibility;
        let doc = format!("The call of `{}` with these arguments. Nothing runs yet.", model.function.signature.ident);
        let signature = &model.function.signature;
        let (generics, where_clause) = (&signature.generics, &signature.generics.where_clause);
        let params = model.params.iter().map(|Param { ident, ty, .. }| quote!(#ident: #ty));
        let arguments = model.params.iter().map(|param| &param.ident);
        let (turbofish, parts, describe) = (model.turbofish(), self.key_parts(), self.describe());
        let shape = self.shape();
        let Kind { call, start, .. } = kind;
        // A creator that is used through this interface alone is used. Behind a parameter of its name it cannot be named.
        let function = &signature.ident;
        let hidden = model.params.iter().any(|param| param.ident == *function);
        let used = (!hidden).then(|| quote!(let _ = #function #turbofish;));
        quote! {
            #[doc = #doc]
            #visibility fn call #generics(#(#params),*) -> #call #call_types #where_clause {
                #used
                let mut __key = #p::Key::new(<Self as #p::Tracked>::code());
                #(#parts)*
                #call::new(__key, #shape, #describe, #start Self::__body #turbofish(#(#arguments),*))
            }
        }
    }

    /// What goes into the key, in its order.
    fn key_parts(&self) -> Vec<TokenStream> {
        let Self { model, options, .. } = self;
        let mut parts = Vec::new();
        for param in &model.function.signature.generics.params {
            match param {
                GenericParam::Type(param) => {
                    let (ident, name) = (&param.ident, param.ident.to_string());
                    parts.push(quote!(__key.type_param::<#ident>(#name);));
                }
                GenericParam::Const(param) => {
                    let (ident, name) = (&param.ident, param.ident.to_string());
                    parts.push(quote!(__key.const_param(#name, &#ident);));
                }
                GenericParam::Lifetime(_) => {}
            }
        }
        for Param { key_name, ident, ty, role, names, .. } in &model.params {
            // An argument that cannot be part of a key is an error at its type.
            let place = at(ty);
            parts.push(match role {
                Role::Plain | Role::ByName => quote_spanned!(place=> __key.arg(#key_name, &#ident);),
                Role::Secret => quote_spanned!(place=> __key.secret(#key_name, &#ident);),
                Role::Skip => continue,
            });
            match names {
                Names::Nothing => {}
                Names::One => parts.push(quote_spanned!(place=> __key.output_uid(&#ident);)),
                Names::Several => parts.push(quote_spanned!(place=> __key.output_uids(&#ident);)),
            }
        }
        let extras = options.key.iter().map(|expression| {
            let text = tokens::line(&tokens::significant(expression.to_token_stream()));
            quote_spanned!(at(expression)=> __key.extra(#text, &(#expression));)
        });
        if !options.key.is_empty() {
            let bindings = model.params.iter().filter_map(|param| match &param.pattern {
                Pat::Ident(_) => None,
                pattern => Some(crate::shown::borrowed(pattern, &param.ident)),
            });
            parts.push(quote!({ #(#bindings)* #(#extras)* }));
        }
        match options.on_change {
            Some((_, OnChange::Keep)) => parts.push(quote!(__key.keep();)),
            Some((_, OnChange::Replace)) => parts.push(quote!(__key.replace();)),
            None => {}
        }
        if let Some(resources) = &options.resources {
            let resources = resources.expression(&self.p);
            parts.push(quote!(__key.resources(#resources);));
        }
        parts
    }

    /// How what the body returns is taken apart.
    fn shape(&self) -> TokenStream {
        let Self { model, options, p, .. } = self;
        let output = &model.output;
        if !options.panic {
            return quote!(#p::Fallible);
        }
        // By autoref: `Result` where the return type is one, under whatever name.
        quote!({
            use #p::{ProbePlain as _, ProbeResult as _};
            (&&#p::Probe::<#output>::new()).shape()
        })
    }

    /// How an error of the body is put in words: by autoref, what its type can do.
    fn describe(&self) -> TokenStream {
        let Self { model, p, .. } = self;
        let output = &model.output;
        quote!({
            #[allow(unused_imports)]
            use #p::{DescribeChain as _, DescribeDyn as _, DescribeNothing as _, DescribeOwn as _, DescribeWords as _};
            (&&&&&#p::Probe::<#output>::new()).describe()
        })
    }

    fn calls(&self) -> Option<TokenStream> {
        let Self { model, kind, call_types, .. } = self;
        let function = &model.function;
        let visibility = &function.visibility;
        let doc =
            format!("The calls of `{}` with each of these arguments. Nothing runs yet.", function.signature.ident);
        let mut generics = function.signature.generics.clone();
        let where_clause = generics.where_clause.take();
        let mut types: Vec<Type> = model.params.iter().map(|param| param.ty.clone()).collect();
        let mut elided = Elided(false);
        types.iter_mut().for_each(|ty| elided.visit_type_mut(ty));
        if elided.0 {
            generics.params.insert(0, parse_quote!('__item));
        }
        let mut outlives = Outlives { generics: &function.signature.generics, found: Vec::new() };
        types.iter().for_each(|ty| outlives.visit_type(ty));
        let mut bounds = where_clause.map(|clause| clause.predicates).unwrap_or_default();
        bounds.extend(outlives.found);
        let where_clause = (!bounds.is_empty()).then(|| quote!(where #bounds));
        let names: Vec<_> = model.params.iter().map(|param| &param.ident).collect();
        let (item, pattern) = match (types.as_slice(), names.as_slice()) {
            ([], _) => return None,
            ([ty], [name]) => (quote!(#ty), quote!(#name)),
            (types, names) => (quote!((#(#types),*)), quote!((#(#names),*))),
        };
        let turbofish = model.turbofish();
        let calls = &kind.calls;
        Some(quote! {
            #[doc = #doc]
            #visibility fn calls #generics(
                __items: impl ::core::iter::IntoIterator<Item = #item>
            ) -> #calls #call_types #where_clause {
                #calls::new(::core::iter::Iterator::map(
                    ::core::iter::IntoIterator::into_iter(__items),
                    |#pattern| Self::call #turbofish(#(#names),*),
                ))
            }
        })
    }

    /// The user's block. It allows the lints that the user allows, those that a creator cannot satisfy, and
    /// those that the signature has already caused.
    fn body(&self) -> TokenStream {
        let Self { model, .. } = self;
        let Function { attributes, signature, body, .. } = &model.function;
        let lints = attributes::for_body(attributes);
        let mut signature = signature.clone();
        signature.ident = syn::Ident::new("__body", at(&signature.ident));
        for (input, param) in signature.inputs.iter_mut().zip(&model.params) {
            let (pattern, ty, lints) = (&param.pattern, &param.ty, &param.lints);
            *input = parse_quote!(#(#lints)* #pattern: #ty);
        }
        quote! {
            #[doc(hidden)]
            #[doc = "What runs where no result is found."]
            #[allow(clippy::unnecessary_wraps, clippy::too_many_arguments, clippy::type_complexity)]
            #(#lints)*
            #signature #body
        }
    }
}

/// Whether the arguments of an asynchronous creator can go to other threads, as far as can be seen: a type parameter and what
/// is behind `dyn` may be unable to.
fn is_surely_send(model: &Creator) -> bool {
    struct Uncertain(bool);
    impl<'ast> Visit<'ast> for Uncertain {
        fn visit_type_trait_object(&mut self, _: &'ast syn::TypeTraitObject) {
            self.0 = true;
        }
        fn visit_type_ptr(&mut self, _: &'ast syn::TypePtr) {
            self.0 = true;
        }
        fn visit_ident(&mut self, ident: &'ast syn::Ident) {
            self.0 |= ["Rc", "Cell", "RefCell", "OnceCell", "LazyCell", "MutexGuard"].iter().any(|name| ident == name);
        }
    }
    let generics = &model.function.signature.generics;
    let mut uncertain = Uncertain(generics.type_params().next().is_some());
    model.params.iter().for_each(|param| uncertain.visit_type(&param.ty));
    !uncertain.0
}

/// Gives elided lifetimes a name, where the language wants one; whether there were any.
struct Elided(bool);

impl VisitMut for Elided {
    fn visit_type_reference_mut(&mut self, ty: &mut syn::TypeReference) {
        if ty.lifetime.is_none() {
            self.0 = true;
            ty.lifetime = Some(Lifetime::new("'__item", at(&ty.and_token)));
        }
        visit_mut::visit_type_reference_mut(self, ty);
    }

    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        if lifetime.ident == "_" {
            self.0 = true;
            *lifetime = Lifetime::new("'__item", at(lifetime));
        }
    }

    // Their elided lifetimes are their own.
    fn visit_type_fn_ptr_mut(&mut self, _: &mut syn::TypeFnPtr) {}
    fn visit_parenthesized_generic_arguments_mut(&mut self, _: &mut syn::ParenthesizedGenericArguments) {}
    fn visit_expr_mut(&mut self, _: &mut syn::Expr) {}
}

/// What types need to be well-formed. A parameter's type implies it, the items of an iterator do not.
struct Outlives<'g> {
    generics: &'g Generics,
    found: Vec<WherePredicate>,
}

impl Outlives<'_> {
    fn add(&mut self, ty: &Type, lifetime: &Lifetime) {
        if self.is_generic(ty.to_token_stream()) {
            self.found.push(parse_quote!(#ty: #lifetime));
        }
    }

    fn is_generic(&self, tokens: TokenStream) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Group(group) => self.is_generic(group.stream()),
            TokenTree::Punct(punct) => punct.as_char() == '\'',
            TokenTree::Ident(ident) => self.generics.type_params().any(|param| param.ident == ident),
            TokenTree::Literal(_) => false,
        })
    }
}

impl<'ast> Visit<'ast> for Outlives<'_> {
    fn visit_type_reference(&mut self, ty: &'ast syn::TypeReference) {
        if let Some(lifetime) = &ty.lifetime {
            self.add(&ty.elem, lifetime);
        }
        visit::visit_type_reference(self, ty);
    }

    fn visit_angle_bracketed_generic_arguments(&mut self, arguments: &'ast syn::AngleBracketedGenericArguments) {
        for argument in &arguments.args {
            let GenericArgument::Lifetime(lifetime) = argument else { continue };
            for argument in &arguments.args {
                if let GenericArgument::Type(ty) = argument {
                    self.add(ty, lifetime);
                }
            }
        }
        visit::visit_angle_bracketed_generic_arguments(self, arguments);
    }

    fn visit_type_fn_ptr(&mut self, _: &'ast syn::TypeFnPtr) {}
    fn visit_parenthesized_generic_arguments(&mut self, _: &'ast syn::ParenthesizedGenericArguments) {}
    fn visit_type_trait_object(&mut self, _: &'ast syn::TypeTraitObject) {}
    fn visit_expr(&mut self, _: &'ast syn::Expr) {}
}

/// What stands in for a function with mistakes: the function itself, and an info API that type-checks wherever it is used,
/// so that each mistake is one message.
pub(crate) fn stub(model: &Creator, options: &Options, source: &Source) -> TokenStream {
    let function = plain(&model.function);
    if function.signature.receiver().is_some() || source.associated {
        return quote!(#function);
    }
    let facade = &options.facade;
    let p = quote!(#facade::__private);
    let (visibility, signature, info) = (&function.visibility, &function.signature, &model.info);
    let conditions = attributes::conditions(&function.attributes);
    let companion = companion(&conditions, visibility, info);
    let allowances = allowances();
    let (generics, where_clause) = (&signature.generics, &signature.generics.where_clause);
    let params: Vec<TokenStream> = model.params.iter().map(|Param { ident, ty, .. }| quote!(#ident: #ty)).collect();
    let output = if nameable(&model.output) { model.output.clone() } else { parse_quote!(()) };
    let (call, body) = if signature.asyncness.is_some() {
        (quote!(#p::AsyncCall), quote!(::core::future::Ready<#output>))
    } else {
        (quote!(#p::Call), quote!(fn() -> #output))
    };
    let unreachable = Literal::string("this program has errors");
    quote! {
        #function
        #companion
        #(#conditions)*
        #allowances
        impl #p::Tracked for #info {
            fn code() -> &'static #p::Code { ::core::unreachable!(#unreachable) }
        }
        #(#conditions)*
        #allowances
        impl #info {
            #visibility fn info() -> #p::CreatorInfo { ::core::unreachable!(#unreachable) }
            #visibility fn call #generics(#(#params),*) -> #call<#output, #p::Stub, #body> #where_clause {
                ::core::unreachable!(#unreachable)
            }
        }
    }
}

fn nameable(ty: &Type) -> bool {
    struct Nameable(bool);
    impl<'ast> Visit<'ast> for Nameable {
        fn visit_type_impl_trait(&mut self, _: &'ast syn::TypeImplTrait) {
            self.0 = false;
        }
        fn visit_type_never(&mut self, _: &'ast syn::TypeNever) {
            self.0 = false;
        }
    }
    let mut nameable = Nameable(true);
    nameable.visit_type(ty);
    nameable.0
}
