//! Cargo.toml and Cargo.lock: which package a name means, and where its sources are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::packages::Edition;
use crate::source::{Sources, normalise};
use crate::toml::{self, Table};

#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    pub(crate) directory: PathBuf,
    pub(crate) package: String,
    pub(crate) edition: Edition,
    pub(crate) version: String,
    /// The library's name in code, and its root.
    pub(crate) library: Option<(String, PathBuf)>,
    pub(crate) proc_macro: bool,
    pub(crate) build_script: Option<PathBuf>,
    /// Whether it can be compiled with some features or others.
    pub(crate) has_features: bool,
    /// By the names that code has for them.
    pub(crate) dependencies: BTreeMap<String, Wanted>,
}

/// A dependency as a manifest has it.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) package: String,
    /// Where it is, if not in a registry.
    pub(crate) path: Option<PathBuf>,
    pub(crate) optional: bool,
    /// Of tests, examples and benches alone.
    pub(crate) dev: bool,
}

/// A version in Cargo.lock.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Locked {
    /// The version.
    pub version: String,
    /// Of the package's archive; none of path and git dependencies.
    pub checksum: Option<String>,
    /// Where it is from, of git dependencies with the commit.
    pub source: Option<String>,
    /// Packages that it uses, optional ones where a feature asks for them.
    pub dependencies: Vec<String>,
}

/// What begins a package in a Cargo.lock.
const PACKAGE: &str = "[[package]]";

/// The versions of the package `name` in a Cargo.lock.
///
/// ```
/// let text = "[[package]]\nname = \"itoa\"\nversion = \"1.0.9\"\nchecksum = \"af15\"\n";
/// let locked = datlake_closure::locked(text, "itoa");
/// assert_eq!(locked[0].version, "1.0.9");
/// ```
#[must_use]
pub fn locked(text: &str, name: &str) -> Vec<Locked> {
    let mut sections = text.split(PACKAGE);
    let mut found = versions(sections.next().unwrap_or_default(), name);
    // A section that is not as cargo writes it may be of any package, or of several.
    let written = format!("name = \"{name}\"");
    let is_of_another = |section: &str| section.starts_with("name = \"") && !section.starts_with(&written);
    for section in sections.filter(|section| !is_of_another(section.trim_start())) {
        found.extend(versions(&format!("{PACKAGE}{section}"), name));
    }
    found.sort();
    found
}

fn versions(text: &str, name: &str) -> Vec<Locked> {
    let table = toml::parse(text);
    let mut found = Vec::new();
    for (key, _) in table.iter().filter(|(_, value)| *value == name) {
        let Some(entry) = key.strip_prefix("package.").and_then(|key| key.strip_suffix(".name")) else { continue };
        let field = |field: &str| table.get(&format!("package.{entry}.{field}")).cloned();
        let locked = Locked {
            version: field("version").unwrap_or_default(),
            checksum: field("checksum"),
            source: field("source"),
            dependencies: (0..).map_while(|at| field(&format!("dependencies.{at}"))).collect(),
        };
        found.push(locked);
    }
    found
}

fn read(folder: &Path, sources: &dyn Sources) -> Option<Table> {
    let bytes = sources.read(&folder.join("Cargo.toml")).ok()?;
    Some(toml::parse(&String::from_utf8_lossy(&bytes)))
}

impl Manifest {
    pub(crate) fn read(folder: &Path, patches: &Patches, sources: &dyn Sources) -> Option<Self> {
        let folder = normalise(folder);
        let table = read(&folder, sources)?;
        let package = table.get("package.name")?.clone();
        let workspace = Workspace::around(&folder, &table, sources);
        let exists = |path: &Path| sources.read(path).is_ok();
        let inherited = |key: &str| {
            let own = table.get(&format!("package.{key}"));
            own.or_else(|| {
                workspace
                    .table
                    .get(&format!("workspace.package.{key}"))
                    .filter(|_| table.contains_key(&format!("package.{key}.workspace")))
            })
        };
        let root = normalise(&folder.join(table.get("lib.path").map_or("src/lib.rs", String::as_str)));
        let name = table.get("lib.name").cloned().unwrap_or_else(|| package.replace('-', "_"));
        let script = match table.get("package.build").map(String::as_str) {
            Some("false") => None,
            Some(path) if path != "true" => Some(path),
            _ => Some("build.rs"),
        };
        let dependencies = dependencies(&folder, &table, &workspace, patches);
        Some(Self {
            has_features: table.keys().any(|key| key == "features" || key.starts_with("features."))
                || dependencies.values().any(|wanted| wanted.optional),
            version: inherited("version").cloned().unwrap_or_default(),
            edition: Edition::of(inherited("edition").map_or("2015", String::as_str)),
            library: exists(&root).then_some((name, root)),
            proc_macro: ["lib.proc-macro", "lib.proc_macro"]
                .iter()
                .any(|key| table.get(*key).is_some_and(|value| value == "true")),
            build_script: script.map(|path| normalise(&folder.join(path))).filter(|path| exists(path)),
            dependencies,
            directory: folder,
            package,
        })
    }
}

/// The manifest of the workspace around a package.
struct Workspace {
    folder: PathBuf,
    table: Table,
}

impl Workspace {
    fn around(folder: &Path, own: &Table, sources: &dyn Sources) -> Self {
        let is_root = |table: &Table| table.keys().any(|key| key == "workspace" || key.starts_with("workspace."));
        if is_root(own) {
            return Self { folder: folder.to_owned(), table: own.clone() };
        }
        let told = own.get("package.workspace").map(|path| normalise(&folder.join(path)));
        let above = folder.ancestors().skip(1).map(Path::to_owned);
        for folder in told.into_iter().chain(above) {
            if let Some(table) = read(&folder, sources).filter(is_root) {
                return Self { folder, table };
            }
        }
        Self { folder: folder.to_owned(), table: own.clone() }
    }
}

/// Packages that the workspace of the build has elsewhere than the registry, for all that is built.
#[derive(Default)]
pub(crate) struct Patches(BTreeMap<String, PathBuf>);

impl Patches {
    pub(crate) fn around(folder: &Path, sources: &dyn Sources) -> Self {
        let folder = normalise(folder);
        let own = read(&folder, sources).unwrap_or_default();
        let workspace = Workspace::around(&folder, &own, sources);
        let mut found = Self::default();
        found.add(&workspace.table, &workspace.folder);
        // cargo's own configuration goes before that, the nearest file last.
        let home = sources.variable("CARGO_HOME").map(PathBuf::from);
        let home = home.or_else(|| Some(Path::new(&sources.variable("HOME")?).join(".cargo")));
        let around = folder.ancestors().map(|folder| folder.join(".cargo")).collect::<Vec<_>>();
        for place in home.iter().chain(around.iter().rev()) {
            for name in ["config.toml", "config"] {
                if let Ok(bytes) = sources.read(&place.join(name)) {
                    found.add(&toml::parse(&String::from_utf8_lossy(&bytes)), place.parent().unwrap_or(place));
                    break;
                }
            }
        }
        found
    }

    /// Of a file whose paths begin at `folder`.
    fn add(&mut self, table: &Table, folder: &Path) {
        for (key, path) in table.iter().filter(|(key, _)| key.starts_with("patch.")) {
            let Some(entry) = key.strip_suffix(".path") else { continue };
            let name = entry.rsplit('.').next().unwrap_or(entry);
            let package = table.get(&format!("{entry}.package")).map_or(name, String::as_str);
            self.0.insert(package.to_owned(), normalise(&folder.join(path)));
        }
    }
}

fn dependencies(folder: &Path, table: &Table, workspace: &Workspace, patches: &Patches) -> BTreeMap<String, Wanted> {
    let mut found: BTreeMap<String, Wanted> = BTreeMap::new();
    for key in table.keys() {
        let Some((section, name)) = dependency(key) else { continue };
        let field = |field: &str| table.get(&format!("{section}.{name}.{field}"));
        let mut package = field("package").cloned();
        let mut path = field("path").map(|path| folder.join(path));
        if field("workspace").is_some_and(|value| value == "true") {
            let shared = |field: &str| workspace.table.get(&format!("workspace.dependencies.{name}.{field}"));
            package = package.or_else(|| shared("package").cloned());
            path = path.or_else(|| shared("path").map(|path| workspace.folder.join(path)));
        }
        let package = package.unwrap_or_else(|| name.to_owned());
        let path = path.or_else(|| patches.0.get(&package).cloned()).map(|path| normalise(&path));
        let optional = field("optional").is_some_and(|value| value == "true");
        let dev = section.contains("dev");
        let alias = name.replace('-', "_");
        if !(dev && found.get(&alias).is_some_and(|known| !known.dev)) {
            found.insert(alias, Wanted { package, path, optional, dev });
        }
    }
    found
}

/// The section and the name of a dependency, of any key below it.
fn dependency(key: &str) -> Option<(&str, &str)> {
    for section in ["dependencies.", "dev-dependencies.", "dev_dependencies."] {
        let start = match key.find(section) {
            Some(0) => 0,
            Some(at) if key.starts_with("target.") && key[..at].ends_with('.') => at,
            _ => continue,
        };
        let rest = &key[start + section.len()..];
        let name = rest.split('.').next().unwrap_or(rest);
        return Some((&key[..start + section.len() - 1], name));
    }
    None
}
