//! The options in the parentheses of an attribute.
//!
//! Options are separated before they are read, so that a mistake in one does not hide those in the others.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::{Expr, LitInt, LitStr, Path, Token, parenthesized, parse_quote};

use crate::errors::Errors;
use crate::resources::Resources;

/// The struct that stands for a tracked module, inside it.
pub(crate) const MODULE: &str = "__DatlakeModule";

/// Which attribute the options are for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attribute {
    /// `#[file_creator]`
    FileCreator,
    /// `#[tracked]`
    Tracked,
}

impl Attribute {
    fn name(self) -> &'static str {
        match self {
            Self::FileCreator => "file_creator",
            Self::Tracked => "tracked",
        }
    }

    fn known(self) -> &'static [&'static str] {
        const ALL: [&str; 12] = [
            "depends_on",
            "crate",
            "info",
            "version",
            "name",
            "key",
            "on_change",
            "on_error",
            "local",
            "closure",
            "registry",
            "resources",
        ];
        match self {
            Self::FileCreator => &ALL,
            Self::Tracked => &ALL[..3],
        }
    }
}

/// How far the macro looks for code that counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// In the crate and its path dependencies.
    Full,
    /// In the package of the crate.
    Own,
    /// Not beyond the function.
    None,
}

/// What crates of registries are good for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Registry {
    /// Lineage has their versions.
    Record,
    /// Their versions count.
    Count,
}

/// What `on_change` says.
#[derive(Clone, Copy)]
pub(crate) enum OnChange {
    /// The output that is there is good enough.
    Keep,
    /// It becomes an earlier version.
    Replace,
}

/// The options of an attribute, checked.
pub(crate) struct Options {
    /// `crate = path`: where the facade is.
    pub(crate) facade: Path,
    /// `depends_on(…)`: types that implement `Tracked`.
    pub(crate) depends_on: Vec<Path>,
    /// `version = N`
    pub(crate) version: Option<u64>,
    /// `name = "…"`
    pub(crate) name: Option<LitStr>,
    /// `key(…)`
    pub(crate) key: Vec<Expr>,
    /// `info = name`
    pub(crate) info: Option<Ident>,
    /// `on_change = "…"`, and where it stands.
    pub(crate) on_change: Option<(Span, OnChange)>,
    /// `on_error = "panic"`
    pub(crate) panic: bool,
    /// `local`: the future of an asynchronous creator need not be able to leave its thread.
    pub(crate) local: bool,
    /// `closure = "…"`
    pub(crate) closure: Extent,
    /// `registry = "…"`
    pub(crate) registry: Registry,
    /// `resources(…)`
    pub(crate) resources: Option<Resources>,
}

impl Options {
    /// Reads the options of `attribute`.
    pub(crate) fn parse(attribute: Attribute, tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut options = Self {
            facade: parse_quote!(::datlake),
            depends_on: Vec::new(),
            version: None,
            name: None,
            key: Vec::new(),
            info: None,
            on_change: None,
            panic: false,
            local: false,
            closure: Extent::Full,
            registry: Registry::Record,
            resources: None,
        };
        let mut seen: Vec<Ident> = Vec::new();
        for option in separated(tokens, errors) {
            let read = (|input: ParseStream<'_>| {
                let name = Ident::parse_any(input)?;
                Ok((name, input.parse::<TokenStream>()?))
            })
            .parse2(option);
            let Some((name, value)) = errors.take(read) else { continue };
            if !attribute.known().iter().any(|known| name == known) {
                errors.at(&name, unknown(attribute, &name));
            } else if seen.contains(&name) {
                errors.at(&name, format!("`{name}` is given twice"));
            } else {
                options.read(&name, value, errors);
                seen.push(name);
            }
        }
        if options.version.is_some() {
            for name in seen.iter().filter(|name| *name == "closure" || *name == "registry") {
                errors.at(name, format!("`version` says by hand what `{name}` is about: leave one of them out"));
            }
        }
        options
    }

    fn read(&mut self, name: &Ident, value: TokenStream, errors: &mut Errors) {
        let given = value.clone();
        let read = match name.to_string().as_str() {
            "depends_on" => list.parse2(value).map(|items| {
                self.depends_on = items.into_iter().filter_map(|item| errors.take(dependency(item))).collect()
            }),
            "key" => expressions.parse2(value).map(|expressions| self.key = expressions),
            "version" => assigned(value).and_then(|number: LitInt| {
                self.version = Some(number.base10_parse()?);
                if number.suffix().is_empty() { Ok(()) } else { Err(syn::Error::new(number.span(), "a suffix")) }
            }),
            "name" => assigned(value).map(|text: LitStr| {
                if let Err(why) = check_name(&text.value()) {
                    errors.at(&text, format!("this cannot be the name of a creator: {why}"));
                }
                self.name = Some(text);
            }),
            "info" => assigned(value).map(|info: Ident| self.info = Some(info)),
            "crate" => (|input: ParseStream<'_>| {
                input.parse::<Token![=]>()?;
                Path::parse_mod_style(input)
            })
            .parse2(value)
            .map(|path| self.facade = path),
            "on_change" => word(value, &["keep", "replace"])
                .map(|(span, at)| self.on_change = Some((span, [OnChange::Keep, OnChange::Replace][at]))),
            "on_error" => word(value, &["panic"]).map(|_| self.panic = true),
            "local" if given.is_empty() => {
                self.local = true;
                Ok(())
            }
            "local" => Err(syn::Error::new(name.span(), "a value")),
            "closure" => word(value, &["full", "own", "none"])
                .map(|(_, at)| self.closure = [Extent::Full, Extent::Own, Extent::None][at]),
            "registry" => {
                word(value, &["record", "count"]).map(|(_, at)| self.registry = [Registry::Record, Registry::Count][at])
            }
            "resources" => list.parse2(value).map(|items| self.resources = Some(Resources::of(items, errors))),
            _ => Ok(()),
        };
        if read.is_err() {
            let at = if given.is_empty() { name.to_token_stream() } else { quote!(#name #given) };
            errors.at(at, usage(name));
        }
    }
}

/// The options between commas.
fn separated(tokens: TokenStream, errors: &mut Errors) -> Vec<TokenStream> {
    let mut options = vec![TokenStream::new()];
    for token in tokens {
        match &token {
            TokenTree::Punct(punct) if punct.as_char() == ',' => {
                if options.last().is_some_and(TokenStream::is_empty) {
                    errors.at(&token, "an option is missing before this comma");
                }
                options.push(TokenStream::new());
            }
            _ => {
                if let Some(option) = options.last_mut() {
                    option.extend([token]);
                }
            }
        }
    }
    options.retain(|option| !option.is_empty());
    options
}

fn unknown(attribute: Attribute, name: &Ident) -> String {
    let here = attribute.name();
    if Attribute::FileCreator.known().iter().any(|known| name == known) {
        return format!("`{name}` is an option of `#[file_creator]`, not of `#[{here}]`");
    }
    let known: Vec<String> = attribute.known().iter().map(|known| format!("`{known}`")).collect();
    format!("`#[{here}]` has no option `{name}`; it has {}", known.join(", "))
}

fn usage(name: &Ident) -> &'static str {
    match name.to_string().as_str() {
        "depends_on" => "expected tracked items, as in `depends_on(count, text::normalise, mod stats)`",
        "key" => "expected expressions, as in `key(MODEL_VERSION, cfg!(feature = \"gpu\"))`",
        "version" => "expected a whole number, as in `version = 2`",
        "name" => "expected a string, as in `name = \"corpora/word_count\"`",
        "info" => "expected a name for the info API, as in `info = word_count_info`",
        "crate" => "expected the path of the crate `datlake`, as in `crate = my_crate::datlake`",
        "on_change" => "expected `on_change = \"keep\"` or `\"replace\"`",
        "local" => "expected `local` alone",
        "on_error" => "expected `on_error = \"panic\"`",
        "closure" => "expected `closure = \"full\"`, `\"own\"` or `\"none\"`",
        "resources" => "expected what a body needs, as in `resources(cpus = 4, gpus = 1, memory = \"16GiB\")`",
        "registry" => "expected `registry = \"record\"` or `\"count\"`",
        _ => "unknown option",
    }
}

fn assigned<T: syn::parse::Parse>(value: TokenStream) -> syn::Result<T> {
    (|input: ParseStream<'_>| {
        input.parse::<Token![=]>()?;
        input.parse::<T>()
    })
    .parse2(value)
}

/// Which of `wanted` is assigned, and where it stands.
fn word(value: TokenStream, wanted: &[&str]) -> syn::Result<(Span, usize)> {
    let word: LitStr = assigned(value)?;
    let found = wanted.iter().position(|wanted| word.value() == *wanted && word.suffix().is_empty());
    found.map(|at| (word.span(), at)).ok_or_else(|| syn::Error::new(word.span(), "another word"))
}

/// The parts of a list in parentheses, at least one.
fn list(input: ParseStream<'_>) -> syn::Result<Vec<TokenStream>> {
    let content;
    parenthesized!(content in input);
    let mut errors = Errors::default();
    let items = separated(content.parse()?, &mut errors);
    if items.is_empty() || !errors.is_empty() {
        return Err(input.error("an empty list"));
    }
    Ok(items)
}

fn expressions(input: ParseStream<'_>) -> syn::Result<Vec<Expr>> {
    let content;
    parenthesized!(content in input);
    let expressions = Punctuated::<Expr, Token![,]>::parse_terminated(&content)?;
    if expressions.is_empty() {
        return Err(input.error("an empty list"));
    }
    Ok(expressions.into_iter().collect())
}

/// `path` or `mod path`, as the type that implements `Tracked`.
fn dependency(item: TokenStream) -> syn::Result<Path> {
    let parse = |input: ParseStream<'_>| {
        if input.parse::<Option<Token![mod]>>()?.is_none() {
            return input.parse();
        }
        let mut path = Path::parse_mod_style(input)?;
        let span = path.segments.last().map_or_else(Span::call_site, |last| last.ident.span());
        path.segments.push(Ident::new(MODULE, span).into());
        Ok(path)
    };
    let path: Path = parse.parse2(item.clone()).map_err(|_| {
        let message = "expected the path of a tracked item, or `mod` and the path of a tracked module";
        syn::Error::new_spanned(&item, message)
    })?;
    // Modules and functions begin with a small letter.
    let of_type = path.segments.iter().rev().nth(1).is_some_and(|above| {
        let above = above.ident.unraw().to_string();
        above != "Self" && above.starts_with(char::is_uppercase)
    });
    if of_type {
        let message = "what belongs to a type cannot be depended on by itself: name the type for its definition, and for its methods \
                       `mod` and a tracked module around the `impl`, or leave `closure` as it is, which finds them";
        return Err(syn::Error::new_spanned(item, message));
    }
    Ok(path)
}

/// The rules of a creator's name that its text alone can break. The lake checks the rest.
fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("it is empty");
    }
    if name.starts_with('@') {
        return Err("a leading `@` is kept for the outputs of calls");
    }
    if name.len() > 1000 || name.split('/').any(|segment| segment.len() > 200) {
        return Err("it is longer than 1000 bytes, or a part of it than 200");
    }
    if name.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        return Err("its parts, separated by `/`, are never empty, `.` or `..`");
    }
    if name.split('/').any(|segment| segment.ends_with(".datlake")) {
        return Err("a part ending in `.datlake` is kept for the lake itself");
    }
    if name.chars().any(|c| c.is_control() || c == '\\') {
        return Err("it has a control character or a backslash");
    }
    Ok(())
}
