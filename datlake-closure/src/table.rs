//! The closure as a table: what a key is made of, and what lineage shows.
//!
//! The table is the same wherever the sources lie: its labels and texts hold no paths of a file system and no line numbers, and
//! rows are sorted. Files and lines stand beside them for people.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::ambiguous::Ambiguous;
use crate::build::DEPTH;
use crate::closure::Run;
use crate::index::{CrateId, DefId, Kind, ModId};
use crate::lex::normalise_lines;
use crate::mentioned::Embedded;
use crate::notes::Note;
use crate::packages::Dependency;
use crate::scanner::Scanner;
use crate::source::normalise;
use crate::symbol;
use crate::text::Text;
use crate::{ambiguous, conditions, normal, notes, outside};

/// Files in a folder that a build script declares, at most.
const MOST_DECLARED: usize = 10_000;

/// Where a function is.
#[derive(Clone, Copy, Debug)]
pub struct Creator<'a> {
    /// Its file.
    pub file: &'a Path,
    /// A line from its first attribute to its last brace, from 1.
    pub line: u32,
    /// Its name.
    pub name: &'a str,
}

/// A function of the crate.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its file.
    pub file: PathBuf,
    /// Its line, from 1.
    pub line: u32,
    /// Its name.
    pub name: String,
}

impl Function {
    /// The same as a creator.
    #[must_use]
    pub fn creator(&self) -> Creator<'_> {
        Creator { file: &self.file, line: self.line, name: &self.name }
    }
}

/// Everything that a function's result can depend on.
#[derive(Clone, Debug, Default)]
pub struct Closure {
    /// Code, the function itself included, by label and text.
    pub items: Vec<Item>,
    /// Files that the code embeds or build scripts declare.
    pub embedded: Vec<Embedded>,
    /// Packages of registries that the code names.
    pub registry: Vec<String>,
    /// Predicates of `cfg` in the function's own crate.
    pub conditions: Vec<String>,
    /// Environment variables that the compiler reads.
    pub variables: Vec<String>,
    /// What cannot be seen, where that can be seen.
    pub notes: Vec<Note>,
    /// Arguments of which two values can have one key.
    pub ambiguous: Vec<Ambiguous>,
    /// Files that the table was made of.
    pub files: Vec<PathBuf>,
}

/// One item of a closure.
#[derive(Clone, Debug)]
pub struct Item {
    /// Package, module path, item.
    pub label: String,
    /// Its tokens in normal form.
    pub text: Arc<str>,
    /// What its paths mean: `path as written = target`.
    pub edges: Vec<String>,
    /// What method names can mean: traits in scope.
    pub traits: Vec<String>,
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: u32,
    /// Its last line.
    pub last_line: u32,
    /// Predicates of `cfg`: where one of them does not hold, the item is not compiled.
    pub needs: Vec<String>,
    /// Whether it is the function itself.
    pub is_root: bool,
    /// What first mentioned it.
    pub because: Option<String>,
    /// What it leads to: places among the items.
    pub leads_to: Vec<usize>,
}

/// The function is not where it is said to be.
#[derive(Clone, Debug)]
pub struct NotFound {
    /// The module of that line, where there is one.
    pub module: Option<String>,
}

impl std::fmt::Display for NotFound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.module {
            Some(module) => write!(f, "no function of this name is on this line of `{module}`"),
            None => f.write_str("the file belongs to no module of the crate"),
        }
    }
}

impl std::error::Error for NotFound {}

impl Scanner {
    /// The closure of a function.
    ///
    /// # Errors
    ///
    /// The function is not there: a macro made it, or the file is not the crate's.
    pub fn closure(&self, creator: &Creator<'_>) -> Result<Closure, NotFound> {
        let file = normalise(creator.file);
        let Some(def) = self.function(&file, creator) else {
            let module = self.module_at(&file, creator.line).map(|module| self.index.module_path(module));
            return Err(NotFound { module });
        };
        Ok(self.closure_from(def))
    }

    /// The closure of a function that stands in no file, of its tokens: a macro made it. Its line tells the module.
    ///
    /// # Errors
    ///
    /// The file is not the crate's, or the tokens are no item.
    pub fn closure_of_tokens(&mut self, creator: &Creator<'_>, tokens: &str) -> Result<Closure, NotFound> {
        let file = normalise(creator.file);
        let module = self.module_at(&file, creator.line).ok_or(NotFound { module: None })?;
        let def = self.add(module, &file, tokens);
        let def = def.ok_or_else(|| NotFound { module: Some(self.index.module_path(module)) })?;
        let mut found = self.closure_from(def);
        let text = "made by a macro: of that function its tokens are read, without what the macro adds".to_owned();
        found.notes.push(Note { label: self.index.label(def), text, of_trait: None });
        Ok(found)
    }

    fn closure_from(&self, def: DefId) -> Closure {
        let mut run = Run::new(self, def, outside::brings_others(self, def));
        run.include(def, None);
        for of_trait in notes::open_traits(self, def) {
            run.include(of_trait, Some(def));
            run.open(of_trait, def);
        }
        run.finish();
        self.table(def, run)
    }

    fn function(&self, file: &Path, creator: &Creator<'_>) -> Option<DefId> {
        let name = self.index.symbols().get(creator.name)?;
        let holds = |def: DefId| {
            let it = &self.index[def];
            let text = &self.index[it.file].text;
            it.name == name
                && matches!(it.kind, Kind::Fn | Kind::Member)
                && self.index[it.file].path == file
                && (text.line(it.from)..=text.line(it.to - 1)).contains(&creator.line)
        };
        self.index.def_ids().filter(|def| holds(*def)).last()
    }

    fn module_at(&self, file: &Path, line: u32) -> Option<ModId> {
        let modules = (0..self.index.modules.len() as u32).map(ModId);
        let holds = |module: &ModId| {
            self.index[*module].spans.iter().any(|(at, from, to)| {
                let text = &self.index[*at].text;
                self.index[*at].path == file && text.line(*from) <= line && line <= text.line(to.saturating_sub(1))
            })
        };
        modules.filter(holds).last()
    }

    fn table(&self, creator: DefId, run: Run<'_>) -> Closure {
        let index = &self.index;
        let mut files: BTreeSet<PathBuf> = BTreeSet::new();
        let (mut items, mut defs) = (Vec::new(), Vec::new());
        let own = index.crate_of(creator);
        let needs = |def: DefId| match def == creator {
            true => Vec::new(),
            false => conditions::needed(index, def, index.crate_of(def) == own).into_iter().collect(),
        };
        for (def, by) in run.items.iter().filter(|(def, _)| run.top(**def) == **def) {
            let file = &index[index[*def].file];
            files.insert(file.path.clone());
            items.push(Item {
                label: self.label(*def).to_string(),
                text: self.item_text(*def),
                edges: run.edges.get(def).into_iter().flatten().cloned().collect(),
                traits: run.traits.get(def).into_iter().flatten().cloned().collect(),
                file: file.path.clone(),
                line: index.line(*def),
                last_line: file.text.line(index[*def].to.saturating_sub(1)),
                needs: needs(*def),
                is_root: *def == creator,
                because: by.map(|by| self.label(run.top(by)).to_string()),
                leads_to: Vec::new(),
            });
            defs.push(*def);
        }
        self.lead(&mut items, &defs, &run);
        let mut found = Closure { items, ..Closure::default() };
        let mut registry: BTreeSet<String> = run.registry.clone();
        let mut embedded = run.embedded.clone();
        let whole = self.whole(&run.whole, &mut registry);
        for krate in &whole {
            found.items.push(self.whole_item(*krate, &mut files));
            embedded.extend(self.embedded_in(*krate));
        }
        for krate in run.crates.iter().chain(&whole).collect::<BTreeSet<_>>() {
            found.items.extend(self.build_script(*krate, &mut files, &mut embedded));
            found.items.push(self.settings(*krate, *krate == own));
        }
        found.embedded = embedded.into_iter().collect();
        found.registry = registry
            .into_iter()
            .filter(|name| !["std", "core", "alloc", "proc_macro", "test"].contains(&name.as_str()))
            .collect();
        let asked = |(krate, condition): &(CrateId, String)| match *krate == own {
            true => vec![condition.clone()],
            false => conditions::of_build(condition),
        };
        found.conditions = run.conditions.iter().flat_map(asked).collect::<BTreeSet<_>>().into_iter().collect();
        let (own_variables, others): (Vec<_>, Vec<_>) = run.variables.iter().partition(|(krate, _)| *krate == own);
        // What cargo tells a dependency is in its manifest; the rest is the same for all crates of a build.
        let (of_cargo, rest): (Vec<_>, Vec<_>) = others.into_iter().partition(|(_, name)| name.starts_with("CARGO_"));
        for krate in of_cargo.into_iter().map(|(krate, _)| *krate).collect::<BTreeSet<_>>() {
            let path = index[krate].package.directory.join("Cargo.toml");
            let text = self.read(&path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
            found.items.push(row(format!("{} (manifest)", index.package_label(krate)), normalise_lines(&text), &path));
        }
        let variables: BTreeSet<&String> = own_variables.into_iter().chain(rest).map(|(_, name)| name).collect();
        found.variables = variables.into_iter().cloned().collect();
        found.sort();
        found.notes = notes::of(self, creator, &run);
        found.ambiguous = ambiguous::of(self, creator);
        found.files = files.into_iter().collect();
        found
    }

    /// Fills in what leads to what.
    fn lead(&self, items: &mut [Item], defs: &[DefId], run: &Run<'_>) {
        let index = &self.index;
        // By number of the definition; `usize::MAX` where it is not in the table.
        let mut places = vec![usize::MAX; index.defs.len()];
        for (at, def) in defs.iter().enumerate() {
            places[def.0 as usize] = at;
        }
        let mut members: BTreeMap<symbol::Sym, Vec<usize>> = BTreeMap::new();
        for (at, def) in defs.iter().enumerate().filter(|(_, def)| index[**def].kind == Kind::Member) {
            members.entry(index[*def].name).or_default().push(at);
        }
        for (item, def) in items.iter_mut().zip(defs) {
            let mut leads_to = Vec::new();
            for to in run.leads.get(def).into_iter().flatten() {
                leads_to.push(places[to.0 as usize]);
            }
            for name in run.calls.get(def).into_iter().flatten() {
                leads_to.extend(members.get(name).into_iter().flatten());
            }
            let own = places[def.0 as usize];
            leads_to.retain(|to| *to != usize::MAX && *to != own);
            leads_to.sort_unstable();
            leads_to.dedup();
            item.leads_to = leads_to;
        }
    }

    /// Procedural macros with their path dependencies.
    fn whole(&self, from: &BTreeSet<CrateId>, registry: &mut BTreeSet<String>) -> BTreeSet<CrateId> {
        let mut found = BTreeSet::new();
        let mut rest: Vec<CrateId> = from.iter().copied().collect();
        while let Some(krate) = rest.pop() {
            if !found.insert(krate) {
                continue;
            }
            for dependency in self.index[krate].package.dependencies.values() {
                match dependency {
                    Dependency::Path(at) if *at < self.index.crates.len() => rest.push(CrateId(*at as u32)),
                    Dependency::Registry(name) => {
                        registry.insert(name.clone());
                    }
                    _ => {}
                }
            }
        }
        found
    }

    fn whole_item(&self, krate: CrateId, files: &mut BTreeSet<PathBuf>) -> Item {
        let index = &self.index;
        let package = &index[krate].package;
        let mut text = String::new();
        for file in index.files.iter().filter(|file| file.krate == krate) {
            files.insert(file.path.clone());
            normal::write(&file.text, 0, file.text.len(), &mut text);
            text.push('\n');
        }
        row(format!("{} (whole)", index.package_label(krate)), text, &package.root)
    }

    /// Files that the sources of a crate embed.
    fn embedded_in(&self, krate: CrateId) -> Vec<Embedded> {
        let mut found = Vec::new();
        for (id, file) in self.index.files.iter().enumerate().filter(|(_, file)| file.krate == krate) {
            let text = &file.text;
            let embeds = (0..text.len()).filter(|at| {
                text.is_any(*at, &[symbol::INCLUDE, symbol::INCLUDE_STR, symbol::INCLUDE_BYTES])
                    && text.is(at + 1, symbol::BANG)
            });
            for at in embeds {
                let file = crate::index::FileId(id as u32);
                if let Some(path) = self.index.embedded_path(file, text, at + 3, text.mate(at + 2)) {
                    let label =
                        format!("{}: {}", self.index[krate].package.name, text.source(at, text.mate(at + 2) + 1));
                    found.push(Embedded { label, bytes: self.read(&path), path });
                }
            }
        }
        found
    }

    /// A file, or those in a folder with what leads to them.
    fn declared(&self, path: &Path) -> Vec<(String, PathBuf)> {
        let (mut found, mut rest) = (Vec::new(), vec![(String::new(), path.to_owned(), 0)]);
        // Links can lead in circles.
        while let Some((below, path, depth)) = rest.pop().filter(|_| found.len() < MOST_DECLARED) {
            let inside = if self.read(&path).is_some() || depth > DEPTH { Vec::new() } else { self.list(&path) };
            for path in inside {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                if !["target", ".git"].contains(&name.as_str()) {
                    rest.push((format!("{below}/{name}"), path, depth + 1));
                }
            }
            found.push((below, path));
        }
        found
    }

    /// A build script counts by its tokens and by the files that it declares.
    fn build_script(
        &self,
        krate: CrateId,
        files: &mut BTreeSet<PathBuf>,
        embedded: &mut BTreeSet<Embedded>,
    ) -> Option<Item> {
        let package = &self.index[krate].package;
        let path = normalise(package.build_script.as_deref()?);
        let code = self.read(&path)?;
        let text = Text::new(&String::from_utf8_lossy(&code), false, &mut self.index.symbols());
        let mut normal = String::new();
        normal::write(&text, 0, text.len(), &mut normal);
        for string in (0..text.len()).filter_map(|at| text.string(at)) {
            if let Some((_, declared)) = string.split_once("rerun-if-changed=") {
                for (below, file) in self.declared(&normalise(&package.directory.join(declared))) {
                    let label = format!("{}: {declared}{below}", package.name);
                    let bytes = self.read(&file).filter(|_| file != path);
                    embedded.extend(bytes.map(|bytes| Embedded { label, path: file, bytes: Some(bytes) }));
                }
            }
            if let Some((_, name)) = string.split_once("rerun-if-env-changed=") {
                // Not a row of its own: it may be a secret.
                let _ = write!(normal, "\n{name} = {:?}", self.variable(name));
            }
        }
        files.insert(path.clone());
        Some(row(format!("{} (build script)", self.index.package_label(krate)), normal, &path))
    }

    /// How a crate is compiled: its edition, and a dependency's features; ours are seen by `cfg`.
    fn settings(&self, krate: CrateId, own: bool) -> Item {
        let package = &self.index[krate].package;
        let features: BTreeSet<&str> = package.features.iter().filter(|_| !own).map(String::as_str).collect();
        let year = package.edition.year().to_string();
        let settings: Vec<&str> = std::iter::once(year.as_str()).chain(features).collect();
        row(format!("{} (settings)", self.index.package_label(krate)), settings.join(" "), &package.root)
    }

    /// The functions of the crate.
    #[must_use]
    pub fn functions(&self) -> Vec<Function> {
        let own = |def: &DefId| self.index[*def].kind == Kind::Fn && self.index.crate_of(*def).0 == 0;
        let function = |def: DefId| Function {
            file: self.index[self.index[def].file].path.clone(),
            line: self.index.line(def),
            name: self.index.name(self.index[def].name),
        };
        self.index.def_ids().filter(own).map(function).collect()
    }

    /// The label of the item on a line: what ran there can be compared with a table.
    #[must_use]
    pub fn item_at(&self, file: &Path, line: u32) -> Option<String> {
        let file = normalise(file);
        let holds = |def: &DefId| {
            let it = &self.index[*def];
            let text = &self.index[it.file].text;
            let apart = it.outer.is_none() || matches!(it.kind, Kind::Member | Kind::TraitImpl);
            apart && self.index[it.file].path == file && (text.line(it.from)..=text.line(it.to - 1)).contains(&line)
        };
        let narrowest = |def: &DefId| self.index[*def].to - self.index[*def].from;
        let found = self.index.def_ids().filter(holds).min_by_key(narrowest);
        found.map(|def| self.index.label(self.counted(def)))
    }

    /// How many functions, types, traits and values the crate's root defines itself.
    #[must_use]
    pub fn top_items(&self) -> usize {
        let root = self.index.crates[0].root;
        let counts = |def: &&crate::index::Def| {
            def.module == root
                && !def.in_call
                && !matches!(def.kind, Kind::Macro | Kind::Call | Kind::Member | Kind::TraitImpl | Kind::Foreign)
        };
        self.index.defs.iter().filter(counts).count()
    }

    /// How many files were read, and how many items they define.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        (self.index.files.len(), self.index.defs.len())
    }
}

fn row(label: String, text: String, file: &Path) -> Item {
    let text = text.into();
    Item {
        label,
        text,
        edges: Vec::new(),
        traits: Vec::new(),
        file: file.to_owned(),
        line: 1,
        last_line: 1,
        needs: Vec::new(),
        is_root: false,
        because: None,
        leads_to: Vec::new(),
    }
}

impl Closure {
    /// Sorts the items, which lead to the same ones afterwards.
    fn sort(&mut self) {
        let mut order: Vec<usize> = (0..self.items.len()).collect();
        order.sort_by_key(|at| (&self.items[*at].label, &self.items[*at].text));
        self.rearrange(&order);
    }

    /// Leaves the items at these places, in this order.
    fn rearrange(&mut self, order: &[usize]) {
        let mut places = vec![None; self.items.len()];
        order.iter().enumerate().for_each(|(new, old)| places[*old] = Some(new));
        let mut old: Vec<Option<Item>> = std::mem::take(&mut self.items).into_iter().map(Some).collect();
        self.items = order.iter().filter_map(|at| old[*at].take()).collect();
        for item in &mut self.items {
            item.leads_to = item.leads_to.iter().filter_map(|to| places[*to]).collect();
            item.leads_to.sort_unstable();
        }
    }

    /// Leaves the items for which `stays` holds.
    pub fn retain(&mut self, stays: impl Fn(&Item) -> bool) {
        let order: Vec<usize> = (0..self.items.len()).filter(|at| stays(&self.items[*at])).collect();
        self.rearrange(&order);
    }
}
