//! What the map says of the modules is so: no circle of imports, and nothing where it does not belong.

#![allow(clippy::unwrap_used, reason = "tests panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const CRATES: [&str; 6] =
    ["src", "datlake-cli/src", "datlake-core/src", "datlake-lake/src", "datlake-macros/src", "datlake-store/src"];

/// Circles that are there yet, each by the files that may be in it.
const KNOWN: [(&str, &[&str]); 2] = [
    ("datlake-core/src", &["digest.rs", "error.rs", "uid.rs"]),
    ("datlake-store/src", &["conformance*", "dir/*", "local_view*", "object/*"]),
];

/// Words that code below a folder does not hold, and where it may all the same.
const ABSENT: [(&str, &[&str], &[&str]); 8] = [
    ("datlake-lake/src", &["inventory::", "rayon", "backtrace", "datlake_macros", "datlake::__private"], &[]),
    (
        "datlake-lake/src",
        &["println!", "eprintln!", "io::stdout", "io::stderr"],
        &["console.rs", "config/surroundings.rs"],
    ),
    ("datlake-lake/src", &["etcetera", "home_dir"], &["config/surroundings.rs"]),
    ("datlake-lake/src/report", &["crate::handle", "crate::lake", "crate::file", "crate::scope"], &[]),
    (
        "datlake-core/src",
        &["std::fs", "std::net", "SystemTime::now", "Instant::now", "tokio", "object_store", "std::thread"],
        &[],
    ),
    ("datlake-cli/src", &["datlake_core", "datlake_store", "datlake_lake"], &[]),
    ("src", &["tokio::", "object_store"], &[]),
    ("datlake-lake/src", &["tokio::", "object_store"], &[]),
];

/// A file of a crate, as far as its code is compiled outside tests.
struct Module {
    path: Vec<String>,
    code: String,
    uses: Vec<Use>,
}

/// What a `use` brings in under a name.
struct Use {
    name: String,
    path: Vec<String>,
    /// Whether it only hands it on.
    public: bool,
}

/// The files below a folder, by their path from there.
fn sources(folder: &str) -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
    let files = walkdir::WalkDir::new(&root).into_iter().map(|entry| entry.unwrap().into_path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let named = files.map(|path| {
        let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        (name, code(&std::fs::read_to_string(path).unwrap()))
    });
    named.filter(|(name, _)| !name.ends_with("tests.rs") && !name.contains("tests/")).collect()
}

/// A file without comments, tests, and imports that documentation alone needs.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let mut lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let mut code = String::new();
    while let Some(line) = lines.next() {
        match line.trim() {
            "#[cfg(doc)]" | "#[cfg(test)]" => drop(lines.next()),
            _ => code.extend([line, "\n"]),
        }
    }
    code
}

/// All paths that the tree of a `use` names.
fn paths(tree: &str, before: &[String], public: bool, found: &mut Vec<Use>) {
    let tree = tree.trim();
    if let Some((prefix, inside)) = tree.split_once('{').filter(|(prefix, _)| !prefix.contains(',')) {
        let mut path = before.to_vec();
        path.extend(prefix.split("::").map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned));
        let inside = &inside[..inside.rfind('}').unwrap()];
        let (mut depth, mut start) = (0, 0);
        for (at, c) in inside.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    paths(&inside[start..at], &path, public, found);
                    start = at + 1;
                }
                _ => {}
            }
        }
        return paths(&inside[start..], &path, public, found);
    }
    let (tree, alias) = tree.split_once(" as ").map_or((tree, None), |(tree, alias)| (tree, Some(alias.trim())));
    if !tree.is_empty() {
        let mut path = before.to_vec();
        path.extend(
            tree.split("::").map(|part| part.trim().to_owned()).filter(|part| part != "self" || before.is_empty()),
        );
        let name = alias.unwrap_or(path.last().unwrap()).to_owned();
        found.push(Use { name, path, public });
    }
}

impl Module {
    fn new(name: &str, code: String) -> Self {
        let path = name.trim_end_matches(".rs").split('/').map(str::to_owned).collect::<Vec<_>>();
        let path = path.into_iter().filter(|part| !["mod", "lib", "main"].contains(&part.as_str())).collect();
        let mut uses = Vec::new();
        let mut rest = String::new();
        for statement in code.split_inclusive(';') {
            let line = statement.rfind("use ").filter(|at| {
                let before = statement[..*at].rsplit('\n').next().unwrap().trim();
                before.is_empty() || before.starts_with("pub")
            });
            match line {
                Some(at) if !statement[at..].contains('=') => {
                    let public = statement[..at].rsplit('\n').next().unwrap().contains("pub");
                    paths(statement[at + 4..].trim_end_matches(';'), &[], public, &mut uses);
                    rest.push_str(&statement[..at]);
                }
                _ => rest.push_str(statement),
            }
        }
        Self { path, code: rest, uses }
    }
}

/// The modules of a crate, by file.
struct Crate(BTreeMap<String, Module>);

impl Crate {
    fn file(&self, path: &[String]) -> Option<&str> {
        self.0.iter().find(|(_, module)| module.path == path).map(|(file, _)| file.as_str())
    }

    /// The file that defines what `path` means in the module `at`.
    fn defines(&self, at: &[String], path: &[String], depth: usize) -> Option<String> {
        let first = path.first()?;
        let mut full = match first.as_str() {
            "crate" => Vec::new(),
            "self" => at.to_vec(),
            "super" => at[..at.len().checked_sub(1)?].to_vec(),
            child => {
                let mut inside = at.to_vec();
                inside.push(child.to_owned());
                self.file(&inside)?;
                at.to_vec()
            }
        };
        let rest = if ["crate", "self", "super"].contains(&first.as_str()) { &path[1..] } else { path };
        let mut rest = rest.iter().peekable();
        while let Some(part) = rest.next_if(|part| *part == "super") {
            let _ = part;
            full.pop();
        }
        for part in rest {
            let mut inside = full.clone();
            inside.push(part.clone());
            if self.file(&inside).is_some() {
                full = inside;
                continue;
            }
            let file = self.file(&full)?;
            // A name that is only handed on is somebody else's.
            return match self.0[file].uses.iter().find(|one| one.name == *part && one.public) {
                Some(one) if depth < 8 => self.defines(&full, &one.path, depth + 1),
                Some(_) => None,
                None => Some(file.to_owned()),
            };
        }
        self.file(&full).map(str::to_owned)
    }

    /// Which files each file takes something from.
    fn imports(&self) -> BTreeMap<&str, BTreeSet<String>> {
        let of = |(file, module): (&'_ String, &'_ Module)| {
            let mut all = Vec::new();
            for one in module.uses.iter().filter(|one| !one.public) {
                let is_module = self.is_module(&module.path, &one.path);
                match is_module {
                    // What is taken from it stands in the code.
                    true => all.extend(names_after(&module.code, &one.name).map(|name| {
                        let mut path = one.path.clone();
                        path.push(name);
                        path
                    })),
                    false => all.push(one.path.clone()),
                }
            }
            let children =
                self.0.values().filter(|other| other.path.split_last().is_some_and(|(_, rest)| rest == module.path));
            let children = children.filter_map(|child| child.path.last().map(String::as_str));
            for root in children.chain(["crate", "super"]) {
                all.extend(names_after(&module.code, root).map(|name| vec![root.to_owned(), name]));
            }
            let targets = all.iter().filter_map(|path| self.defines(&module.path, path, 0));
            targets.filter(|target| target != file).collect()
        };
        self.0.iter().map(|each| (each.0.as_str(), of(each))).collect()
    }

    fn is_module(&self, at: &[String], path: &[String]) -> bool {
        let last = path.last().unwrap();
        self.defines(at, path, 0).is_some_and(|file| self.0[&file].path.last() == Some(last))
    }
}

/// Each name that stands after `word::`.
fn names_after<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = String> + 'a {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).filter_map(move |(at, _)| {
        let whole = !code[..at].ends_with(|c| is_word(c) || c == ':');
        let rest = code[at + word.len()..].strip_prefix("::").filter(|_| whole)?;
        let name = &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())];
        (!name.is_empty()).then(|| name.to_owned())
    })
}

/// What can be reached from each.
fn reachable(imports: &BTreeMap<&str, BTreeSet<String>>, from: &str) -> BTreeSet<String> {
    let (mut seen, mut open) = (BTreeSet::new(), vec![from.to_owned()]);
    while let Some(file) = open.pop() {
        for next in imports.get(file.as_str()).into_iter().flatten() {
            if seen.insert(next.clone()) {
                open.push(next.clone());
            }
        }
    }
    seen
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let mut circles = String::new();
    for folder in CRATES {
        let modules =
            sources(folder).into_iter().map(|(name, code)| (name.clone(), Module::new(&name, code))).collect();
        let modules = Crate(modules);
        let imports = modules.imports();
        assert!(imports.values().any(|targets| !targets.is_empty()), "{folder} imports nothing");
        let reached: BTreeMap<&str, BTreeSet<String>> =
            imports.keys().map(|file| (*file, reachable(&imports, file))).collect();
        for (file, others) in reached.iter().filter(|(file, others)| others.contains(**file)) {
            let is_known = |name: &&str| file.starts_with(name.trim_end_matches('*'));
            if !KNOWN.iter().any(|(crate_of, names)| *crate_of == folder && names.iter().any(is_known)) {
                let ways =
                    imports[file].iter().filter(|to| others.contains(*to) && reached[to.as_str()].contains(*file));
                circles.push_str(&format!("{folder}: {file} -> {:?}\n", ways.collect::<Vec<_>>()));
            }
        }
    }
    assert!(circles.is_empty(), "files import each other:\n{circles}");
}

#[test]
fn nothing_stands_where_it_does_not_belong() {
    for (folder, words, except) in ABSENT {
        for (file, code) in sources(folder) {
            for word in words.iter().filter(|_| !except.contains(&file.as_str())) {
                let line = code.lines().find(|line| line.contains(word));
                assert!(line.is_none(), "{folder}/{file} holds {word:?}: {line:?}");
            }
        }
    }
}
