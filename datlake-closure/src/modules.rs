//! Files to modules: from a crate's root to the files that its `mod` declarations name.
//!
//! Each declaration is followed as rustc would, for all variants under `cfg` at once. A file that cannot be read is recorded,
//! never an error here: rustc says it first, or the declaration is configured out. A file is never read inside of itself.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::build::{Attributes, Builder, DEPTH, Dirs, Place};
use crate::index::Meaning;
use crate::index::{Binding, Crate, CrateId, DefId, File, FileId, Index, ModId, Module, Seen};
use crate::made;
use crate::packages::{Dependency, Edition, Package};
use crate::source::{Sources, normalise};
use crate::symbol::{self, Map, Sym};
use crate::text::Text;

/// Reads all crates.
pub(crate) fn build(packages: Vec<Package>, sources: &dyn Sources) -> Index {
    let mut builder = Builder { index: Index::default(), sources, reading: Vec::new() };
    let of_name = |name: &str| packages.iter().filter(|package| package.name == name).count();
    let shared: BTreeSet<String> =
        packages.iter().map(|package| package.name.clone()).filter(|name| of_name(name) > 1).collect();
    for (at, package) in packages.into_iter().enumerate() {
        // The crate itself is known by its name, whatever it depends on.
        let label = match at > 0 && shared.contains(&package.name) {
            true => format!("{}@{}", package.name, package.version),
            false => package.name.clone(),
        };
        builder.krate(package, &label);
    }
    link(&mut builder.index);
    made::add(&mut builder.index);
    builder.index
}

/// Crates by the names that others have for them.
fn link(index: &mut Index) {
    let std = ["std", "core", "alloc", "proc_macro", "test"];
    for krate in (0..index.crates.len() as u32).map(CrateId) {
        let mut externs: Map<Sym, Meaning> = Map::default();
        externs.extend(std.map(|name| index.sym(name)).map(|name| (name, Meaning::Extern(name))));
        for (name, dependency) in &index[krate].package.dependencies {
            let target = match dependency {
                Dependency::Registry(package) => Meaning::Extern(index.sym(package)),
                Dependency::Skipped => Meaning::Extern(symbol::UNDERSCORE),
                Dependency::Path(at) => match index.crates.get(*at) {
                    Some(found) if found.package.proc_macro => Meaning::Whole(CrateId(*at as u32)),
                    Some(found) => Meaning::Mod(found.root),
                    None => continue,
                },
            };
            externs.insert(index.sym(name), target);
        }
        index[krate].externs = externs;
        index[krate].reach = reach(index, krate);
    }
}

fn reach(index: &Index, from: CrateId) -> BTreeSet<CrateId> {
    let mut found = BTreeSet::new();
    let mut rest = vec![from];
    while let Some(krate) = rest.pop() {
        if found.insert(krate) {
            rest.extend(index[krate].package.dependencies.values().filter_map(|dependency| match dependency {
                Dependency::Path(at) if *at < index.crates.len() => Some(CrateId(*at as u32)),
                _ => None,
            }));
        }
    }
    found
}

/// Adds a function that a macro made to the module where it is said to be; gives it.
pub(crate) fn add(
    index: Index,
    module: ModId,
    path: &Path,
    tokens: &str,
    sources: &dyn Sources,
) -> (Index, Option<DefId>) {
    let krate = index[module].krate;
    let old = index[krate].package.edition == Edition::E2015;
    let text = Arc::new(Text::new(tokens, old, &mut index.symbols()));
    let mut builder = Builder { index, sources, reading: Vec::new() };
    let file = FileId(builder.index.files.len() as u32);
    builder.index.files.push(File { path: path.to_owned(), text: text.clone(), krate, is_made: true, under: None });
    let first = builder.index.defs.len();
    let dir = parent(path);
    let dirs = Dirs { modules: dir.clone(), attribute: dir };
    builder.items(
        &Place { text: &text, file, module, outer: None, made_by: None, in_call: false, dirs: &dirs, depth: 0 },
        0,
        text.len(),
    );
    let found = (first < builder.index.defs.len()).then_some(DefId(first as u32));
    (builder.index, found)
}

impl Builder<'_> {
    fn krate(&mut self, package: Package, label: &str) {
        let krate = CrateId(self.index.crates.len() as u32);
        let name = self.index.sym(label);
        let root = ModId(self.index.modules.len() as u32);
        let path = normalise(&package.root);
        self.index.crates.push(Crate {
            package,
            root,
            macros: Map::default(),
            calls: Vec::new(),
            macro_use: Vec::new(),
            reach: BTreeSet::new(),
            externs: Map::default(),
            missing: Vec::new(),
        });
        self.new_module(krate, None, name);
        let dir = parent(&path);
        self.file(root, &path, None, &Dirs { modules: dir.clone(), attribute: dir }, 0);
    }

    pub(crate) fn new_module(&mut self, krate: CrateId, parent: Option<ModId>, name: Sym) -> ModId {
        self.index.modules.push(Module {
            krate,
            parent,
            name,
            block: false,
            names: Map::default(),
            globs: Vec::new(),
            unnamed: Vec::new(),
            seen: Seen::Everywhere,
            when: None,
            under: None,
            handed: false,
            test: false,
            spans: Vec::new(),
        });
        ModId(self.index.modules.len() as u32 - 1)
    }

    /// Reads a file into a module; false where there is none.
    fn file(&mut self, module: ModId, path: &Path, under: Option<Sym>, dirs: &Dirs, depth: usize) -> bool {
        let krate = self.index[module].krate;
        let read = if depth > DEPTH || self.reading.iter().any(|reading| reading == path) {
            None
        } else {
            self.sources.read(path).ok()
        };
        let Some(bytes) = read else { return false };
        let old = self.index[krate].package.edition == Edition::E2015;
        let text = Arc::new(Text::new(&String::from_utf8_lossy(&bytes), old, &mut self.index.symbols()));
        let file = FileId(self.index.files.len() as u32);
        self.index.files.push(File { path: path.to_owned(), text: text.clone(), krate, is_made: false, under });
        self.index[module].spans.push((file, 0, text.len()));
        self.reading.push(path.to_owned());
        self.items(
            &Place { text: &text, file, module, outer: None, made_by: None, in_call: false, dirs, depth },
            0,
            text.len(),
        );
        self.reading.pop();
        true
    }

    /// `mod name;` or `mod name { … }`; gives where it ends.
    pub(crate) fn module(&mut self, place: &Place<'_>, attributes: &Attributes, at: usize, to: usize) -> usize {
        let text = place.text;
        let Some(name) = text.name(at + 1) else { return at + 1 };
        let krate = self.index[place.module].krate;
        let child = self.new_module(krate, Some(place.module), name);
        self.index[child].test = attributes.test;
        self.index[child].seen = attributes.seen;
        self.index[child].when = attributes.when;
        self.index[child].under = attributes.under;
        self.index[child].handed = place.in_call || !attributes.words.is_empty();
        self.index[place.module].names.entry(name).or_default().push(Binding::Mod(child));
        let plain = self.index.name(name);
        let plain = plain.strip_prefix("r#").unwrap_or(&plain);
        if !text.opens(at + 2, '{') {
            self.module_files(place, attributes, child, plain);
            return text.past_semicolon(at, to);
        }
        let close = text.mate(at + 2);
        self.index[child].spans.push((place.file, at + 3, close));
        if place.depth < DEPTH {
            let inside = match attributes.paths.first() {
                Some((path, _)) => place.dirs.attribute.join(path),
                None => place.dirs.modules.join(plain),
            };
            let dirs = Dirs { modules: inside.clone(), attribute: inside };
            let depth = place.depth + 1;
            self.items(&Place { module: child, outer: None, dirs: &dirs, depth, ..place.clone() }, at + 3, close);
        }
        close + 1
    }

    fn module_files(&mut self, place: &Place<'_>, attributes: &Attributes, child: ModId, name: &str) {
        let depth = place.depth + 1;
        let mut found = false;
        for (path, under) in &attributes.paths {
            let path = normalise(&place.dirs.attribute.join(path));
            let dir = parent(&path);
            let under = under.filter(|_| !self.index[child].handed);
            found |= self.file(child, &path, under, &Dirs { modules: dir.clone(), attribute: dir }, depth);
        }
        if found && !attributes.conditional {
            return;
        }
        let inside = place.dirs.modules.join(name);
        let under = self.unless_named(attributes, child);
        for path in [place.dirs.modules.join(format!("{name}.rs")), inside.join("mod.rs")] {
            let path = normalise(&path);
            let dirs = Dirs { modules: inside.clone(), attribute: parent(&path) };
            found |= self.file(child, &path, under, &dirs, depth);
        }
        if !found {
            let krate = self.index[child].krate;
            let missing = self.index.module_path(child);
            self.index[krate].missing.push(missing);
        }
    }

    /// The predicate under which no attribute names a module's file.
    fn unless_named(&self, attributes: &Attributes, child: ModId) -> Option<Sym> {
        let named = attributes.paths.iter().map(|(_, under)| Some(self.index.name((*under)?)));
        let named: Option<Vec<String>> = named.collect();
        let named = named.filter(|named| !named.is_empty() && !self.index[child].handed)?;
        Some(self.index.sym(&format!("not ( any ( {} ) )", named.join(" , "))))
    }

    /// `include!` among items: the file's items belong to the module.
    pub(crate) fn include(&mut self, place: &Place<'_>, from: usize, to: usize) {
        let krate = self.index[place.module].krate;
        let Some(path) = self.index.embedded_path(place.file, place.text, from, to) else { return };
        let dir = parent(&path);
        if !self.file(place.module, &path, None, &Dirs { modules: dir.clone(), attribute: dir }, place.depth + 1) {
            self.index[krate].missing.push(path.display().to_string());
        }
    }
}

impl Index {
    /// The file that `include!` and the like name, of the tokens in their parentheses. None: the path is not written there.
    pub(crate) fn embedded_path(&self, file: FileId, text: &Text, from: usize, to: usize) -> Option<PathBuf> {
        let path = self.constant(self[file].krate, text, from, to, 0)?;
        Some(normalise(&parent(&self[file].path).join(path)))
    }

    /// A string of literals, `concat!`, and the variables that cargo sets.
    fn constant(&self, krate: CrateId, text: &Text, from: usize, to: usize, depth: usize) -> Option<String> {
        if let Some(literal) = text.string(from) {
            return Some(literal.to_owned());
        }
        if depth > DEPTH || !text.is(from + 1, symbol::BANG) {
            return None;
        }
        let package = &self[krate].package;
        if text.is(from, symbol::ENV) {
            return match text.string(from + 3)? {
                "CARGO_MANIFEST_DIR" => Some(package.directory.display().to_string()),
                "OUT_DIR" => package.out_dir.as_ref().map(|dir| dir.display().to_string()),
                "CARGO_PKG_NAME" => Some(package.name.clone()),
                _ => None,
            };
        }
        if !text.is(from, symbol::CONCAT) {
            return None;
        }
        let close = text.mate(from + 2).min(to);
        let parts = text.split_commas(from + 3, close);
        parts.into_iter().map(|(from, to)| self.constant(krate, text, from, to, depth + 1)).collect()
    }
}

fn parent(path: &Path) -> PathBuf {
    path.parent().unwrap_or(Path::new("")).to_owned()
}
