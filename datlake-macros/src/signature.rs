//! The user's function, checked: what the expansion needs to know, or every reason why it cannot be a creator.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{
    Attribute, FnArg, GenericParam, Generics, Pat, PatIdent, PatType, ReturnType, Safety, Signature, Type, Visibility,
    parse_quote,
};

use crate::attributes::sets_lint_levels;
use crate::errors::Errors;
use crate::options::{OnChange, Options};
use crate::shown;
use crate::source::Source;

/// A function as written, its body not parsed.
#[derive(Clone)]
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
    pub(crate) body: Group,
    /// All of it, as it stands in the source.
    pub(crate) tokens: TokenStream,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        Ok(Self {
            tokens: input.fork().parse()?,
            attributes: input.call(Attribute::parse_outer)?,
            visibility: input.parse()?,
            signature: input.parse()?,
            body: {
                if !input.peek(syn::token::Brace) {
                    return Err(input.error("expected the body of the function"));
                }
                let TokenTree::Group(body) = input.parse()? else {
                    return Err(input.error("expected the body of the function"));
                };
                body
            },
        })
    }
}

impl ToTokens for Function {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self { attributes, visibility, signature, body, .. } = self;
        tokens.extend(quote!(#(#attributes)* #visibility #signature #body));
    }
}

/// How a parameter counts in the key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    /// Part of the key.
    Plain,
    /// `#[skip]`: not part of the key.
    Skip,
    /// `#[secret]`: part of the key, and never shown.
    Secret,
    /// `#[by_name]`: a path whose text is part of the key.
    ByName,
}

/// Whether a parameter names the outputs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Names {
    /// It does not.
    Nothing,
    /// `output_uid`
    One,
    /// `output_uids`
    Several,
}

/// One parameter.
pub(crate) struct Param {
    /// Its name in the key: the identifier, or `#n` for the nth parameter where the pattern has none.
    pub(crate) key_name: String,
    /// What the generated functions call it.
    pub(crate) ident: Ident,
    /// The user's pattern.
    pub(crate) pattern: Pat,
    /// Its type.
    pub(crate) ty: Type,
    /// What the user's function shows in place of the pattern, and the expression that gives the argument back.
    pub(crate) shown: (Pat, TokenStream),
    /// `#[allow]` and the like.
    pub(crate) lints: Vec<Attribute>,
    /// How it counts in the key.
    pub(crate) role: Role,
    /// Whether it names outputs.
    pub(crate) names: Names,
}

/// A function that can be a creator.
pub(crate) struct Creator {
    pub(crate) function: Function,
    pub(crate) params: Vec<Param>,
    /// The return type; `()` where none is written.
    pub(crate) output: Type,
    /// The name of the info API.
    pub(crate) info: Ident,
}

impl Creator {
    /// Type and const parameters, as arguments of a generated function: `::<T, N>`.
    pub(crate) fn turbofish(&self) -> TokenStream {
        let names: Vec<&Ident> = self
            .function
            .signature
            .generics
            .params
            .iter()
            .filter_map(|param| match param {
                GenericParam::Type(param) => Some(&param.ident),
                GenericParam::Const(param) => Some(&param.ident),
                GenericParam::Lifetime(_) => None,
            })
            .collect();
        if names.is_empty() { TokenStream::new() } else { quote!(::<#(#names),*>) }
    }
}

/// Checks `function`, and adds every mistake to `errors`.
pub(crate) fn check(function: &Function, options: &Options, source: &Source, errors: &mut Errors) -> Creator {
    let signature = &function.signature;
    check_kind(function, errors);
    if source.associated && signature.receiver().is_none() {
        errors.at(signature.fn_token, "a creator is a free function: move it out of the `impl`");
    }
    check_generics(&signature.generics, errors);
    let mut params = Vec::new();
    for (i, input) in signature.inputs.iter().enumerate() {
        match input {
            FnArg::Receiver(receiver) => {
                errors.at(
                    receiver,
                    "a creator is a free function: name what it needs as parameters, `self` has no place in a key",
                );
            }
            FnArg::Typed(input) => params.push(check_param(i + 1, input, errors)),
        }
    }
    check_names(&params, options, errors);
    let output = check_output(signature, options, errors);
    let info = check_info(signature, options, errors);
    Creator { function: function.clone(), params, output, info }
}

fn check_kind(function: &Function, errors: &mut Errors) {
    let signature = &function.signature;
    if let Some(token) = &signature.constness {
        errors.at(token, "a creator cannot be `const`: what a compiler computes needs no lake");
    }
    if let Safety::Unsafe(token) = &signature.safety {
        errors.at(token, "a creator cannot be `unsafe`: nobody checks its conditions when a result is reused");
    }
    if let Some(abi) = &signature.abi {
        errors.at(abi, "a creator cannot be `extern`: it is called from Rust");
    }
    if let Some(variadic) = &signature.variadic {
        errors.at(variadic, "a creator has a fixed list of parameters");
    }
    for attribute in &function.attributes {
        let name = attribute.path().segments.last().map(|last| last.ident.to_string());
        match name.as_deref() {
            Some("tracked") => errors.at(attribute, "a creator is tracked already: leave `#[tracked]` out"),
            Some("file_creator") => errors.at(attribute, "`#[file_creator]` is given twice"),
            _ => {}
        }
    }
}

fn check_generics(generics: &Generics, errors: &mut Errors) {
    for param in &generics.params {
        match param {
            GenericParam::Type(param) => check_ident(&param.ident, errors),
            GenericParam::Const(param) => check_ident(&param.ident, errors),
            GenericParam::Lifetime(param) => check_ident(&param.lifetime.ident, errors),
        }
    }
}

fn check_ident(ident: &Ident, errors: &mut Errors) {
    if ident.unraw().to_string().starts_with("__") {
        errors.at(ident, "names that start with `__` are kept for generated code");
    }
}

fn check_param(position: usize, input: &PatType, errors: &mut Errors) -> Param {
    let simple = match &*input.pat {
        Pat::Ident(PatIdent { ident, .. }) => Some(ident),
        _ => None,
    };
    let ident = simple.cloned().unwrap_or_else(|| format_ident!("__arg{position}"));
    let key_name = simple.map_or_else(|| format!("#{position}"), |ident| ident.unraw().to_string());
    let names = match key_name.as_str() {
        "output_uid" => Names::One,
        "output_uids" => Names::Several,
        _ => Names::Nothing,
    };
    let mut bindings = Bindings(errors);
    bindings.visit_pat(&input.pat);
    let (role, lints) = check_attributes(&input.attrs, names, errors);
    let mut types = Types { errors, role };
    types.visit_type(&input.ty);
    let shown = shown::rebuilt(&input.pat, &input.ty).unwrap_or_else(|| (parse_quote!(#ident), quote!(#ident)));
    let (pattern, ty) = ((*input.pat).clone(), (*input.ty).clone());
    Param { key_name, ident, pattern, ty, shown, lints, role, names }
}

fn check_attributes(attributes: &[Attribute], names: Names, errors: &mut Errors) -> (Role, Vec<Attribute>) {
    let mut role: Option<(Role, &Attribute)> = None;
    let mut lints = Vec::new();
    for attribute in attributes {
        if sets_lint_levels(&attribute.meta) {
            lints.push(attribute.clone());
            continue;
        }
        let name = attribute.path().get_ident().map(ToString::to_string).unwrap_or_default();
        let new = match name.as_str() {
            "skip" => Role::Skip,
            "secret" => Role::Secret,
            "by_name" => Role::ByName,
            "cfg" | "cfg_attr" => {
                errors.at(
                    attribute,
                    "a parameter that comes and goes is not supported: put the condition on the function",
                );
                continue;
            }
            _ => {
                errors.at(
                    attribute,
                    "a parameter of a creator can be `#[skip]`, `#[secret]` or `#[by_name]`, nothing else",
                );
                continue;
            }
        };
        if !matches!(attribute.meta, syn::Meta::Path(_)) {
            errors.at(attribute, format!("`#[{name}]` takes no arguments"));
        } else if names != Names::Nothing {
            errors.at(attribute, "this parameter names the outputs: it counts, and everybody sees it");
        }
        match role {
            None => role = Some((new, attribute)),
            Some((old, _)) if old == new => errors.at(attribute, format!("`#[{name}]` is given twice")),
            Some((_, first)) => {
                let first = first.path().to_token_stream();
                errors.at(attribute, format!("`#[{name}]` contradicts `#[{first}]`"));
                role = Some((Role::Skip, attribute));
            }
        }
    }
    (role.map_or(Role::Plain, |(role, _)| role), lints)
}

fn check_names(params: &[Param], options: &Options, errors: &mut Errors) {
    let mut naming = params.iter().filter(|param| param.names != Names::Nothing);
    let first = naming.next();
    if let (Some(first), Some(second)) = (first, naming.next()) {
        errors.at(&second.pattern, format!("the outputs are named by `{}` already", first.key_name));
    }
    if let (None, Some((span, on_change))) = (first, options.on_change) {
        let what = match on_change {
            OnChange::Keep => "keep",
            OnChange::Replace => "replace",
        };
        errors
            .at_span(span, format!("nothing to {what}: no parameter `output_uid` or `output_uids` names the outputs"));
    }
}

fn check_output(signature: &Signature, options: &Options, errors: &mut Errors) -> Type {
    const WAYS: &str = "return `datlake::Result<T>` or another `Result<T, E>` where `E: From<datlake::Error>`, or say `on_error = \"panic\"`";
    let output = match &signature.output {
        ReturnType::Default => {
            if !options.panic {
                let at = quote::quote_spanned!(signature.paren_token.span.close()=> _);
                errors.at(at, format!("a creator must be able to fail: {WAYS}"));
            }
            return parse_quote!(());
        }
        ReturnType::Type(_, output) => &**output,
    };
    let mut types = Types { errors, role: Role::Skip };
    types.visit_type(output);
    if let Type::Never(never) = output {
        errors.at(never, "a creator that never returns has nothing to remember");
    }
    if let Type::Path(path) = output
        && let Some(ident) = path.path.get_ident()
        && signature.generics.type_params().any(|param| param.ident == *ident)
    {
        errors.at(output, format!("whether `{ident}` is a `Result` is not known here: {WAYS}"));
    }
    output.clone()
}

fn check_info(signature: &Signature, options: &Options, errors: &mut Errors) -> Ident {
    const PRIMITIVE: [&str; 17] = [
        "bool", "char", "str", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64",
        "u128", "usize",
    ];
    let info = options.info.clone().unwrap_or_else(|| signature.ident.clone());
    if PRIMITIVE.iter().any(|primitive| info == primitive) {
        errors.at(
            &info,
            format!("the info API `{info}` would hide the type `{info}`: choose another name with `info = …`"),
        );
    }
    info
}

/// Finds names that would clash with generated ones.
struct Bindings<'e>(&'e mut Errors);

impl<'ast> Visit<'ast> for Bindings<'_> {
    fn visit_pat_ident(&mut self, pattern: &'ast PatIdent) {
        check_ident(&pattern.ident, self.0);
        visit::visit_pat_ident(self, pattern);
    }
}

/// Finds types that an argument, or a return value, cannot have.
struct Types<'e> {
    errors: &'e mut Errors,
    role: Role,
}

impl<'ast> Visit<'ast> for Types<'_> {
    fn visit_type_impl_trait(&mut self, ty: &'ast syn::TypeImplTrait) {
        self.errors
            .at(ty, "a creator names its types: use a type parameter, or the type itself, instead of `impl Trait`");
    }

    fn visit_type_reference(&mut self, ty: &'ast syn::TypeReference) {
        if let Some(token) = &ty.mutability {
            let at = quote::quote_spanned!(ty.and_token.span()=> &).into_iter().chain(token.to_token_stream());
            self.errors.at(
                at.collect::<TokenStream>(),
                "what a creator changes here would not change when its result is reused: take the argument by value and return it",
            );
        }
        visit::visit_type_reference(self, ty);
    }

    fn visit_type_path(&mut self, ty: &'ast syn::TypePath) {
        let last = ty.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
        let ways = match self.role {
            Role::Plain => "take a `datlake::File`, or say `#[by_name]` if the name is what counts",
            Role::Secret => "take a `datlake::File`, or a text if the name is what counts",
            Role::Skip | Role::ByName => "",
        };
        if matches!(last.as_str(), "Path" | "PathBuf") && !ways.is_empty() {
            self.errors.at(ty, format!("a `{last}` would put the name into the key and not the content: {ways}"));
        }
        visit::visit_type_path(self, ty);
    }

    // The types in a function pointer are no values of the argument.
    fn visit_type_fn_ptr(&mut self, _: &'ast syn::TypeFnPtr) {}
    fn visit_parenthesized_generic_arguments(&mut self, _: &'ast syn::ParenthesizedGenericArguments) {}
    fn visit_expr(&mut self, _: &'ast syn::Expr) {}
}

/// The function without the parameter attributes that only the macro knows.
pub(crate) fn plain(function: &Function) -> Function {
    let mut function = function.clone();
    for input in &mut function.signature.inputs {
        if let FnArg::Typed(input) = input {
            input.attrs.retain(|attribute| sets_lint_levels(&attribute.meta) || attribute.path().is_ident("cfg"));
        }
    }
    function.attributes.retain(|attribute| {
        let last = attribute.path().segments.last().map(|last| last.ident.to_string());
        !matches!(last.as_deref(), Some("tracked" | "file_creator"))
    });
    function
}

/// The span of `tokens`, for names that belong to the expansion.
pub(crate) fn at(tokens: &impl syn::spanned::Spanned) -> Span {
    tokens.span().resolved_at(Span::call_site())
}

/// Where a word stands among tokens; else where they begin.
pub(crate) fn place_of(tokens: TokenStream, word: &str) -> Span {
    fn find(tokens: TokenStream, word: &str) -> Option<Span> {
        tokens.into_iter().find_map(|token| match token {
            TokenTree::Group(group) => find(group.stream(), word),
            TokenTree::Ident(ident) => (ident == word).then(|| ident.span()),
            _ => None,
        })
    }
    find(tokens, word).unwrap_or_else(Span::call_site).resolved_at(Span::call_site())
}
