//! Small programs and edits of them.
//!
//! A program is text with `//- path` before each file, below `/`; without one it is `src/lib.rs` of the crate `app`. A folder that has a
//! `src/lib.rs` is another package, which `app` depends on; `//- helper/src/lib.rs deps:base` tells what it depends on itself, a registry's crates too,
//! `proc` that it is a procedural macro, `edition:2015` what it is, `above` that it uses `app` and is not seen from there: its `run` is
//! called in place of the creator. `pub fn setup()` of `app` is called before. The file `features` has those of `app`: `fast=on slow=off`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use datlake_closure::{Closure, Creator, Dependency, Edition, Package, Scanner};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The result is another, so the key is.
    Changes,
    /// The result is the same, and the key.
    Keeps,
    /// The key is another for a result that is the same; why.
    Spurious(&'static str),
    /// The key is the same for another result; why.
    Missed(&'static str),
}

pub(crate) struct Edit {
    pub(crate) verdict: Verdict,
    pub(crate) what: &'static str,
    pub(crate) old: &'static str,
    pub(crate) new: &'static str,
}

pub(crate) fn changes(what: &'static str, old: &'static str, new: &'static str) -> Edit {
    Edit { verdict: Verdict::Changes, what, old, new }
}

pub(crate) fn keeps(what: &'static str, old: &'static str, new: &'static str) -> Edit {
    Edit { verdict: Verdict::Keeps, what, old, new }
}

pub(crate) fn spurious(why: &'static str, what: &'static str, old: &'static str, new: &'static str) -> Edit {
    Edit { verdict: Verdict::Spurious(why), what, old, new }
}

pub(crate) fn missed(why: &'static str, what: &'static str, old: &'static str, new: &'static str) -> Edit {
    Edit { verdict: Verdict::Missed(why), what, old, new }
}

/// A program and its edits.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) base: &'static str,
    pub(crate) edits: Vec<Edit>,
}

pub(crate) fn case<const N: usize>(name: &'static str, base: &'static str, edits: [Edit; N]) -> Case {
    Case { name, base, edits: edits.into() }
}

#[derive(Clone)]
pub(crate) struct Program {
    pub(crate) files: BTreeMap<PathBuf, String>,
    pub(crate) packages: Vec<Package>,
    /// A package that uses the first.
    pub(crate) above: Option<String>,
}

impl Program {
    pub(crate) fn of(text: &str) -> Self {
        let text = if text.contains("//- ") { text.to_owned() } else { format!("//- src/lib.rs\n{text}") };
        let (mut files, mut heads) = (BTreeMap::new(), Vec::new());
        for part in text.split("//- ").skip(1) {
            let (head, code) = part.split_once('\n').expect("a line with the path");
            let path = head.split(' ').next().expect("a path");
            files.insert(Path::new("/").join(path), code.to_owned());
            heads.push(head.to_owned());
        }
        heads.retain(|head| head.split(' ').next().is_some_and(|path| path.ends_with("src/lib.rs")));
        heads.sort_by_key(|head| !head.starts_with("src/"));
        let is_above = |head: &String| head.split(' ').any(|word| word == "above");
        let above = heads.iter().find(|head| is_above(head)).map(|head| package_of(head).to_owned());
        heads.retain(|head| !is_above(head));
        let names: Vec<String> = heads.iter().map(|head| package_of(head).to_owned()).collect();
        let packages = heads.iter().map(|head| package(head, &names, &files)).collect();
        Self { files, packages, above }
    }

    /// With the first place where the old text stands replaced.
    pub(crate) fn edited(&self, old: &str, new: &str) -> Self {
        let mut program = self.clone();
        let file = program.files.values_mut().find(|code| code.contains(old));
        let code = file.unwrap_or_else(|| panic!("`{old}` is nowhere"));
        *code = code.replacen(old, new, 1);
        program
    }

    pub(crate) fn closure(&self) -> Closure {
        let scanner = Scanner::new(self.packages.clone(), self.files.clone()).expect("readable sources");
        let (file, line) = self.creator();
        scanner.closure(&Creator { file, line, name: "creator" }).expect("the creator is found")
    }

    fn creator(&self) -> (&Path, u32) {
        let found = self.files.iter().find_map(|(file, code)| Some((file.as_path(), code.find("fn creator")?, code)));
        let (file, at, code) = found.expect("a function `creator`");
        (file, code[..at].matches('\n').count() as u32 + 1)
    }

    /// All that a key would be made of.
    pub(crate) fn key(&self) -> String {
        let closure = self.closure();
        let mut key = String::new();
        // What is not compiled is none of this build's.
        for item in closure.items.iter().filter(|item| item.needs.iter().all(|needed| self.holds(needed))) {
            writeln!(key, "{}: {} {:?} {:?}", item.label, item.text, item.edges, item.traits).expect("text");
        }
        for embedded in &closure.embedded {
            writeln!(key, "{} {:?}", embedded.label, embedded.bytes).expect("text");
        }
        let conditions: Vec<_> =
            closure.conditions.iter().map(|condition| (condition, self.holds(condition))).collect();
        writeln!(key, "{:?} {conditions:?} {:?}", closure.registry, closure.variables).expect("text");
        key
    }

    /// The features of `app`, and whether they are on.
    pub(crate) fn features(&self) -> BTreeMap<&str, bool> {
        let text = self.files.get(Path::new("/features")).map_or("", String::as_str);
        text.split_whitespace().filter_map(|word| word.split_once('=')).map(|(name, on)| (name, on == "on")).collect()
    }

    /// What `cfg!` would give.
    fn holds(&self, condition: &str) -> bool {
        let condition = condition.trim();
        let inside = |of: &str| condition.strip_prefix(of)?.trim_start().strip_prefix('(')?.strip_suffix(')');
        let parts = |list: &str| list.split(',').map(|part| self.holds(part)).collect::<Vec<_>>();
        if let Some(of) = inside("not") {
            return !self.holds(of);
        }
        if let Some(list) = inside("all") {
            return parts(list).into_iter().all(|holds| holds);
        }
        if let Some(list) = inside("any") {
            return parts(list).into_iter().any(|holds| holds);
        }
        match condition.split_once('=') {
            Some((_, name)) => self.features().get(name.trim().trim_matches('"')).is_some_and(|on| *on),
            None => ["on", "unix", "debug_assertions"].contains(&condition),
        }
    }
}

fn package_of(head: &str) -> &str {
    let path = head.split(' ').next().expect("a path");
    path.strip_suffix("src/lib.rs").map_or("", |folder| folder.trim_end_matches('/'))
}

fn package(head: &str, names: &[String], files: &BTreeMap<PathBuf, String>) -> Package {
    let folder = package_of(head);
    let words: Vec<&str> = head.split(' ').skip(1).collect();
    let option = |key: &str| words.iter().find_map(|word| word.strip_prefix(key));
    let mut package = Package::new(
        if folder.is_empty() { "app" } else { folder },
        &Path::new("/").join(folder).join("src/lib.rs").to_string_lossy(),
    );
    package.directory = Path::new("/").join(folder);
    package.edition = Edition::of(option("edition:").unwrap_or("2024"));
    package.proc_macro = words.contains(&"proc");
    package.features = option("features:").into_iter().flat_map(|list| list.split(',')).map(str::to_owned).collect();
    let script = package.directory.join("build.rs");
    package.build_script = files.contains_key(&script).then_some(script);
    package.out_dir = option("out:").map(|out| Path::new("/").join(out));
    let wanted: Vec<&str> = match option("deps:") {
        Some(list) => list.split(',').collect(),
        None if folder.is_empty() => names.iter().skip(1).map(String::as_str).collect(),
        None => Vec::new(),
    };
    for name in wanted {
        let (alias, name) = name.split_once('=').unwrap_or((name, name));
        let at = names.iter().position(|other| other == name);
        package = match at {
            Some(at) => package.with(alias, Dependency::Path(at)),
            None => package.with(alias, Dependency::Registry(name.to_owned())),
        };
    }
    package.with("datlake", Dependency::Skipped)
}

/// The edits whose key is not as the verdict has it.
pub(crate) fn check(case: &Case) -> Vec<String> {
    let base = Program::of(case.base);
    let key = base.key();
    let mut wrong = Vec::new();
    for edit in &case.edits {
        let edited = base.edited(edit.old, edit.new).key();
        let should = matches!(edit.verdict, Verdict::Changes | Verdict::Spurious(_));
        if (edited != key) != should {
            wrong.push(format!("{}: {} ({:?})", case.name, edit.what, edit.verdict));
        }
    }
    wrong
}
