//! `#[tracked]`: the code of an item gets an identity, and functions report when they are entered.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt as _;
use syn::parse::Parser as _;
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Block, Generics, Item, ItemMod, Signature, Visibility, parse_quote};

use crate::attributes;
use crate::code::{Code, companion};
use crate::errors::Errors;
use crate::options::{self, MODULE, Options};
use crate::signature::Function;
use crate::source::Source;

/// What `#[tracked(options)] item` becomes.
pub(crate) fn expand(options: TokenStream, item: TokenStream, source: fn(Span) -> Source) -> TokenStream {
    let mut errors = Errors::default();
    let options = Options::parse(options::Attribute::Tracked, options, &mut errors);
    let expanded = match syn::parse2::<Function>(item.clone()) {
        Ok(function) => tracked_function(&function, &options, source, &mut errors),
        Err(_) => match syn::parse2::<Item>(item.clone()) {
            Ok(parsed) => tracked_item(parsed, item, &options, source, &mut errors),
            Err(error) => {
                errors.push(error);
                item
            }
        },
    };
    let errors = errors.into_tokens();
    quote!(#expanded #errors)
}

fn tracked_function(
    function: &Function,
    options: &Options,
    source: fn(Span) -> Source,
    errors: &mut Errors,
) -> TokenStream {
    let signature = &function.signature;
    if let Some(receiver) = signature.receiver() {
        errors.at(receiver, "a method cannot be tracked by itself: put the `impl` into a module and track the module");
        return quote!(#function);
    }
    let source = source(signature.ident.span());
    if source.associated {
        errors.at(
            signature.fn_token,
            "an associated function cannot be tracked by itself: put the `impl` into a module and track the module",
        );
        return quote!(#function);
    }
    if refuse_creator(&function.attributes, errors) {
        return quote!(#function);
    }
    let name = options.info.as_ref().unwrap_or(&signature.ident);
    let code = Code::of_function(function, None, source);
    let facade = &options.facade;
    let entered = quote!(#facade::__private::entered(<#name as #facade::__private::Tracked>::code););
    let function = entering(function.clone(), &entered);
    beside(&function, &code, &function.attributes, &function.visibility, name, options)
}

fn tracked_item(
    item: Item,
    tokens: TokenStream,
    options: &Options,
    source: fn(Span) -> Source,
    errors: &mut Errors,
) -> TokenStream {
    let (attributes, visibility, name, type_generics) = match &item {
        Item::Mod(module) if module.content.is_some() => {
            return tracked_module(module, tokens, options, source, errors);
        }
        Item::Const(item) => (&item.attrs, &item.vis, &item.ident, None),
        Item::Static(item) => (&item.attrs, &item.vis, &item.ident, None),
        Item::Struct(item) => (&item.attrs, &item.vis, &item.ident, Some(&item.generics)),
        Item::Enum(item) => (&item.attrs, &item.vis, &item.ident, Some(&item.generics)),
        Item::Union(item) => (&item.attrs, &item.vis, &item.ident, Some(&item.generics)),
        refused => {
            let shown = if is_short(refused) { usize::MAX } else { 2 };
            errors.at(refused.to_token_stream().into_iter().take(shown).collect::<TokenStream>(), refusal(refused));
            return tokens;
        }
    };
    let code = Code::of_item(name.unraw().to_string(), tokens.clone(), source(name.span()));
    match type_generics {
        None if name == "_" => {
            errors.at(name, "a tracked item needs a name");
            tokens
        }
        None => beside(&tokens, &code, attributes, visibility, options.info.as_ref().unwrap_or(name), options),
        Some(generics) => {
            if let Some(info) = &options.info {
                errors.at(info, "a type is its own name for `depends_on`: leave `info` out");
            }
            let tracked = code.implementation(&attributes::conditions(attributes), generics, name, options);
            quote!(#tokens #tracked)
        }
    }
}

fn is_short(item: &Item) -> bool {
    matches!(item, Item::Mod(_) | Item::Type(_) | Item::Use(_) | Item::ExternCrate(_))
}

fn refusal(item: &Item) -> &'static str {
    match item {
        Item::Mod(_) => {
            "a module in a file of its own cannot be tracked: track what is in it, or a module with its content in braces"
        }
        Item::Type(_) => "a type alias cannot be tracked: track the type that it names",
        Item::Trait(_) | Item::TraitAlias(_) => {
            "a trait cannot be tracked by itself: put it into a module and track the module"
        }
        Item::Impl(_) => "an `impl` has no name to depend on: put it into a module and track the module",
        Item::Macro(_) => "a macro cannot be tracked by itself: put it into a module and track the module",
        _ => {
            "this cannot be tracked: `#[tracked]` goes on functions, constants, statics, types and modules with their content"
        }
    }
}

/// An item of the namespace of values, with a struct beside it in that of types.
fn beside(
    item: &impl ToTokens,
    code: &Code,
    attributes: &[Attribute],
    visibility: &Visibility,
    name: &Ident,
    options: &Options,
) -> TokenStream {
    let conditions = attributes::conditions(attributes);
    let companion = companion(&conditions, visibility, name);
    let tracked = code.implementation(&conditions, &Generics::default(), name, options);
    quote!(#item #companion #tracked)
}

fn tracked_module(
    module: &ItemMod,
    tokens: TokenStream,
    options: &Options,
    source: fn(Span) -> Source,
    errors: &mut Errors,
) -> TokenStream {
    if let Some(info) = &options.info {
        errors.at(info, "a module is its own name for `depends_on(mod …)`: leave `info` out");
    }
    let name = &module.ident;
    let code = Code::of_item(format!("mod {}", name.unraw()), tokens, source(name.span()));

    let marker = Ident::new(MODULE, Span::call_site());
    let facade = &options.facade;
    let mut module = module.clone();
    if let Some((_, items)) = &mut module.content {
        let mut entering = Entering { depth: 0 };
        items.iter_mut().for_each(|item| entering.visit_item_mut(item));
        let companion = companion(&[], &parse_quote!(pub), &marker);
        let allowances = crate::code::allowances();
        let generated = quote! {
            #companion
            #allowances
            impl #marker {
                #[doc(hidden)]
                #[doc = "Called by every function of the module."]
                pub(super) fn entered() {
                    #facade::__private::entered(<Self as #facade::__private::Tracked>::code);
                }
            }
        };
        items.push(Item::Verbatim(generated));
    }
    let conditions = attributes::conditions(&module.attrs);
    let tracked = code.implementation(&conditions, &Generics::default(), &quote!(#name::#marker), options);
    quote!(#module #tracked)
}

/// Puts `entered()` into every function of a module. Those that are tracked or creators report themselves.
struct Entering {
    /// How many modules lie between.
    depth: usize,
}

impl Entering {
    fn enter(&self, attributes: &[Attribute], signature: &Signature, block: &mut Block) {
        if signature.constness.is_some() || has_own(attributes) {
            return;
        }
        let marker = Ident::new(MODULE, Span::call_site());
        let supers = std::iter::repeat_n(quote!(super::), self.depth);
        let Ok(group) = syn::parse2::<Group>(block.to_token_stream()) else { return };
        let group = with_first(&group, &quote!(self::#(#supers)*#marker::entered();));
        if let Ok(entered) = syn::parse2(group.into_token_stream()) {
            *block = entered;
        }
    }
}

impl VisitMut for Entering {
    fn visit_item_mod_mut(&mut self, module: &mut ItemMod) {
        if has_own(&module.attrs) {
            return;
        }
        self.depth += 1;
        visit_mut::visit_item_mod_mut(self, module);
        self.depth -= 1;
    }

    fn visit_item_fn_mut(&mut self, function: &mut syn::ItemFn) {
        self.enter(&function.attrs, &function.sig, &mut function.block);
    }

    fn visit_impl_item_fn_mut(&mut self, function: &mut syn::ImplItemFn) {
        self.enter(&function.attrs, &function.sig, &mut function.block);
    }

    fn visit_trait_item_fn_mut(&mut self, function: &mut syn::TraitItemFn) {
        if let Some(block) = &mut function.default {
            self.enter(&function.attrs, &function.sig, block);
        }
    }

    // Functions inside of expressions are reached through those that hold them.
    fn visit_expr_mut(&mut self, _: &mut syn::Expr) {}
}

fn has_own(attributes: &[Attribute]) -> bool {
    let own = |attribute: &Attribute| {
        attribute.path().segments.last().is_some_and(|last| last.ident == "tracked" || last.ident == "file_creator")
    };
    attributes.iter().any(own)
}

fn refuse_creator(attributes: &[Attribute], errors: &mut Errors) -> bool {
    let creator = attributes
        .iter()
        .find(|attribute| attribute.path().segments.last().is_some_and(|last| last.ident == "file_creator"));
    if creator.is_some() {
        errors.at_span(Span::call_site(), "a creator is tracked already: leave `#[tracked]` out");
    }
    creator.is_some()
}

/// The function with `entered` before its body.
fn entering(mut function: Function, entered: &TokenStream) -> Function {
    if function.signature.constness.is_none() {
        function.body = with_first(&function.body, entered);
    }
    function
}

/// `{ first { body } }`: the body stays a block of its own, so that no lint sees what was put before it.
fn with_first(body: &Group, first: &TokenStream) -> Group {
    // Inner attributes go to the outer block; on the inner one they would be attributes of an expression.
    let split =
        |input: syn::parse::ParseStream<'_>| Ok((Attribute::parse_inner(input)?, input.parse::<TokenStream>()?));
    let (attributes, rest) = split.parse2(body.stream()).unwrap_or_else(|_| (Vec::new(), body.stream()));
    let mut inner = Group::new(body.delimiter(), rest);
    // Braces of ours where the user's stand: no lint says that they are not needed.
    inner.set_span(Span::call_site().located_at(body.span()));
    let inner = TokenTree::Group(inner);
    let mut outer = Group::new(body.delimiter(), quote!(#(#attributes)* #first #inner));
    outer.set_span(body.span());
    outer
}
