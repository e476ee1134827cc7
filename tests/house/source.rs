//! The sources of the workspace, and what each path in them leads to, as far as text tells.

use std::collections::BTreeMap;
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

/// Text by path, from the root of the workspace.
pub(crate) type Files = BTreeMap<String, String>;

/// Reads what a person wrote: no build products, no data.
pub(crate) fn read(root: &Path) -> Files {
    let entries = walkdir::WalkDir::new(root).into_iter().filter_entry(|entry| {
        let name = entry.file_name().to_string_lossy();
        let is_built = name == "node_modules" || (entry.depth() == 1 && name == "target");
        entry.depth() == 0 || name == ".ci" || !(name.starts_with('.') || is_built)
    });
    let mut files = Files::new();
    for entry in entries.map(Result::unwrap) {
        let path = entry.path().strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        let written =
            ["rs", "md", "toml"].iter().any(|end| entry.path().extension().is_some_and(|found| found == *end));
        // Programs that are made to be wrong.
        let is_case = ["pass", "fail", "files"].iter().any(|folder| path.starts_with(&format!("tests/ui/{folder}/")));
        if entry.file_type().is_file() && written && !is_case {
            files.insert(path, std::fs::read_to_string(entry.path()).unwrap());
        }
    }
    files
}

/// A package of the workspace that has a library or a program.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) dependencies: Vec<String>,
    modules: BTreeMap<Vec<String>, Module>,
}

/// A module, and the file in which it stands.
#[derive(Default)]
struct Module {
    file: String,
    items: Vec<String>,
    /// Name, path, and whether others see it.
    imports: Vec<(String, Vec<String>)>,
    globs: Vec<Vec<String>>,
    body: Vec<syn::Item>,
}

/// A path in the code of a file.
#[derive(Clone, Debug)]
pub(crate) struct Use {
    pub(crate) file: String,
    pub(crate) line: usize,
    /// From the crate that has it: `std::fs::read`, or `crate::lake::Lake`.
    pub(crate) path: Vec<String>,
    /// The file of this package that defines it.
    pub(crate) defined_in: Option<String>,
    pub(crate) in_pattern: bool,
}

impl Use {
    pub(crate) fn text(&self) -> String {
        self.path.join("::")
    }
}

/// The packages whose manifests are in `files`.
pub(crate) fn packages(files: &Files) -> Vec<Package> {
    let manifests = files.iter().filter(|(path, _)| path.ends_with("Cargo.toml") && !path.starts_with("tests/"));
    manifests
        .filter_map(|(path, manifest)| package(files, path.strip_suffix("Cargo.toml").unwrap(), manifest))
        .collect()
}

fn package(files: &Files, folder: &str, manifest: &str) -> Option<Package> {
    let root = ["src/lib.rs", "src/main.rs"].map(|name| format!("{folder}{name}")).into_iter();
    let root = root.into_iter().find(|path| files.contains_key(path))?;
    let section = |header: &'static str| {
        let lines = manifest.lines().skip_while(move |line| *line != header).skip(1);
        lines.take_while(|line| !line.starts_with('['))
    };
    let name = section("[package]").find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'))?;
    let dependencies = section("[dependencies]").filter_map(|line| line.split([' ', '.', '=']).next());
    let dependencies =
        dependencies.filter(|name| !name.is_empty() && !name.starts_with('#')).map(str::to_owned).collect();
    let mut package = Package { name: name.to_owned(), dependencies, modules: BTreeMap::new() };
    let items = syn::parse_file(&files[&root]).unwrap_or_else(|error| panic!("{root}: {error}")).items;
    let below = root.rsplit_once('/').unwrap().0.to_owned();
    package.add(files, Vec::new(), &root, &below, items);
    Some(package)
}

impl Package {
    /// Adds a module whose own modules are in the folder `below`.
    fn add(&mut self, files: &Files, path: Vec<String>, file: &str, below: &str, items: Vec<syn::Item>) {
        let mut module = Module { file: file.to_owned(), ..Module::default() };
        for item in items {
            if of_tests(attributes(&item)) {
                continue;
            }
            match item {
                syn::Item::Mod(item) => {
                    let name = item.ident.to_string();
                    let inside = [&*path, std::slice::from_ref(&name)].concat();
                    let folder = format!("{below}/{name}");
                    match item.content {
                        Some((_, items)) => self.add(files, inside, file, &folder, items),
                        None => {
                            let named = named_path(&item.attrs)
                                .map(|named| format!("{}/{named}", file.rsplit_once('/').unwrap().0));
                            let found = named.into_iter().chain([format!("{folder}.rs"), format!("{folder}/mod.rs")]);
                            let found = found.into_iter().find(|path| files.contains_key(path));
                            let Some(found) = found else { continue };
                            let parsed = syn::parse_file(&files[&found]);
                            let items = parsed.unwrap_or_else(|error| panic!("{found}: {error}")).items;
                            self.add(files, inside, &found, &folder, items);
                        }
                    }
                }
                item => {
                    module.items.extend(name_of(&item));
                    Imports(&mut module).visit_item(&item);
                    module.body.push(item);
                }
            }
        }
        self.modules.insert(path, module);
    }

    /// Every path in the code of the package that leads out of its file.
    pub(crate) fn uses(&self) -> Vec<Use> {
        let mut uses = Vec::new();
        for (path, module) in &self.modules {
            let mut paths = Paths::default();
            module.body.iter().for_each(|item| paths.visit_item(item));
            for found in paths.found {
                let (leads_to, defined_in) = self.lead(path, &found.path, 0);
                let known = defined_in.is_some() || leads_to.len() > 1 || leads_to[0].ends_with('!');
                if known && defined_in.as_ref() != Some(&module.file) {
                    let (file, Found { line, in_pattern, .. }) = (module.file.clone(), found);
                    uses.push(Use { file, line, path: leads_to, defined_in, in_pattern });
                }
            }
        }
        uses
    }

    /// Follows `path` from a module to where it is defined, through imports and re-exports.
    fn lead(&self, from: &[String], path: &[String], depth: usize) -> (Vec<String>, Option<String>) {
        let outside = || (path.to_vec(), None);
        let mut at = from.to_vec();
        let mut rest = path;
        let this = self.name.replace('-', "_");
        while let [first, more @ ..] = rest {
            match first.as_str() {
                "crate" | "$crate" => at.clear(),
                name if name == this => at.clear(),
                "self" => (),
                "super" => drop(at.pop()),
                _ => break,
            }
            rest = more;
        }
        let mut inside = rest.len() < path.len();
        while let [first, more @ ..] = rest {
            let Some(module) = self.modules.get(&at) else { return outside() };
            let below = [&*at, std::slice::from_ref(first)].concat();
            if self.modules.contains_key(&below) && !(more.is_empty() && module.items.contains(first)) {
                (at, rest, inside) = (below, more, true);
                continue;
            }
            if module.items.contains(first) {
                let whole = [&["crate".to_owned()], &*at, rest].concat();
                return (whole, Some(module.file.clone()));
            }
            if depth > 20 {
                return outside();
            }
            if let Some((_, import)) = module.imports.iter().find(|(name, _)| name == first) {
                return self.lead(&at, &[import, more].concat(), depth + 1);
            }
            for glob in &module.globs {
                // Globs of globs lead in circles: three of them are enough.
                let (found, file) = self.lead(&at, &[glob, rest].concat(), depth + 7);
                if file.is_some() {
                    return (found, file);
                }
            }
            return if inside { ([&["crate".to_owned()], &*at, rest].concat(), None) } else { outside() };
        }
        ([&["crate".to_owned()], &*at].concat(), None)
    }
}

/// The imports of a module, also those in its functions.
struct Imports<'a>(&'a mut Module);

impl<'ast> Visit<'ast> for Imports<'_> {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        flatten(&item.tree, Vec::new(), &mut |path, name| match name {
            Some(name) => self.0.imports.push((name, path)),
            None => self.0.globs.push(path),
        });
    }

    fn visit_item_mod(&mut self, _: &'ast syn::ItemMod) {}
}

/// Each path of a `use`, with the name that it gets; without one for `*`.
fn flatten(tree: &syn::UseTree, mut before: Vec<String>, found: &mut impl FnMut(Vec<String>, Option<String>)) {
    match tree {
        syn::UseTree::Path(path) => {
            before.push(path.ident.to_string());
            flatten(&path.tree, before, found);
        }
        syn::UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, before.clone(), found)),
        syn::UseTree::Glob(_) => found(before, None),
        syn::UseTree::Name(name) => {
            let last = before.last().cloned();
            if name.ident == "self" {
                found(before, last);
            } else {
                before.push(name.ident.to_string());
                found(before, Some(name.ident.to_string()));
            }
        }
        syn::UseTree::Rename(rename) => {
            if rename.ident != "self" {
                before.push(rename.ident.to_string());
            }
            found(before, Some(rename.rename.to_string()));
        }
    }
}

struct Found {
    path: Vec<String>,
    line: usize,
    in_pattern: bool,
}

/// The paths in code. A re-export is none: what it hands on is used elsewhere.
#[derive(Default)]
struct Paths {
    found: Vec<Found>,
    in_pattern: bool,
}

impl Paths {
    fn tokens(&mut self, tokens: TokenStream) {
        let trees: Vec<_> = tokens.into_iter().collect();
        let is = |at: usize, text: &str| trees.get(at).is_some_and(|tree| tree.to_string() == text);
        let mut at = 0;
        while at < trees.len() {
            match &trees[at] {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Ident(first) if at == 0 || !is(at - 1, ".") || (at > 1 && is(at - 2, ".")) => {
                    let mut path = vec![first.to_string()];
                    while is(at + 1, ":") && is(at + 2, ":") {
                        let Some(TokenTree::Ident(next)) = trees.get(at + 3) else { break };
                        path.push(next.to_string());
                        at += 3;
                    }
                    let called = is(at + 1, "!");
                    let line = first.span().start().line;
                    if !called || path.len() > 1 {
                        self.found.push(Found { path, line, in_pattern: self.in_pattern });
                    }
                }
                _ => (),
            }
            at += 1;
        }
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !of_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if !of_tests(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !matches!(item.vis, syn::Visibility::Inherited) {
            return;
        }
        let line = item.span().start().line;
        flatten(&item.tree, Vec::new(), &mut |path, name| {
            if name.is_some() {
                self.found.push(Found { path, line, in_pattern: false });
            }
        });
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.found.push(Found { path: names, line: path.span().start().line, in_pattern: self.in_pattern });
        visit::visit_path(self, path);
    }

    fn visit_pat(&mut self, pattern: &'ast syn::Pat) {
        let before = std::mem::replace(&mut self.in_pattern, true);
        visit::visit_pat(self, pattern);
        self.in_pattern = before;
    }

    /// What a guard asks is an expression.
    fn visit_pat_guard(&mut self, pattern: &'ast syn::PatGuard) {
        self.visit_pat(&pattern.pat);
        let before = std::mem::replace(&mut self.in_pattern, false);
        self.visit_expr(&pattern.guard);
        self.in_pattern = before;
    }

    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        let mut name: Vec<_> = called.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let line = called.path.span().start().line;
        let matches = name.last().is_some_and(|name| name == "matches");
        name.last_mut().into_iter().for_each(|name| name.push('!'));
        self.found.push(Found { path: name, line, in_pattern: false });
        if matches {
            let mut tokens = called.tokens.clone().into_iter();
            let value = tokens.by_ref().take_while(|token| token.to_string() != ",").collect();
            self.tokens(value);
            let before = std::mem::replace(&mut self.in_pattern, true);
            self.tokens(tokens.collect());
            self.in_pattern = before;
        } else {
            self.tokens(called.tokens.clone());
        }
    }
}

fn name_of(item: &syn::Item) -> Option<String> {
    Some(match item {
        syn::Item::Const(item) => item.ident.to_string(),
        syn::Item::Enum(item) => item.ident.to_string(),
        syn::Item::Fn(item) => item.sig.ident.to_string(),
        syn::Item::Macro(item) => format!("{}!", item.ident.as_ref()?),
        syn::Item::Static(item) => item.ident.to_string(),
        syn::Item::Struct(item) => item.ident.to_string(),
        syn::Item::Trait(item) => item.ident.to_string(),
        syn::Item::Type(item) => item.ident.to_string(),
        syn::Item::Union(item) => item.ident.to_string(),
        _ => return None,
    })
}

fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether only tests and documentation are compiled with it.
pub(crate) fn of_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) if list.path.is_ident("cfg") => {
            let condition = list.tokens.to_string();
            condition == "test" || condition == "doctest" || condition.starts_with("all (test")
        }
        _ => false,
    })
}

fn named_path(attributes: &[syn::Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        syn::Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(path), .. }) => Some(path.value()),
            _ => None,
        },
        _ => None,
    })
}
