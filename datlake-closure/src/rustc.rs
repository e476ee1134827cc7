//! From the arguments of a rustc process to the packages that its crate is made of.
//!
//! rustc's arguments name the crate's root, its edition and what it is linked with; manifests tell what names mean and where path
//! dependencies are; the dep-info beside a library tells the `OUT_DIR` that it was compiled with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::manifest::{Manifest, Patches};
use crate::packages::{Dependency, Edition, Package};
use crate::source::{Sources, normalise};

/// What a rustc process was asked to compile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Invocation {
    /// The crate's root.
    pub root: PathBuf,
    /// Its edition.
    pub edition: Edition,
    /// Its name.
    pub crate_name: String,
    /// Names of other crates, and their libraries.
    pub externs: BTreeMap<String, Option<PathBuf>>,
}

impl Invocation {
    /// Of a process's arguments, without its own name; `@file` is read. None where no root is among them.
    #[must_use]
    pub fn of(arguments: impl IntoIterator<Item = String>, directory: &Path, sources: &dyn Sources) -> Option<Self> {
        let mut found = Self { edition: Edition::E2015, ..Self::default() };
        let mut root = None;
        let mut arguments = expanded(arguments, directory, sources).into_iter();
        while let Some(argument) = arguments.next() {
            let (option, inline) = match argument.split_once('=') {
                Some((option, value)) if option.starts_with("--") => (option.to_owned(), Some(value.to_owned())),
                _ => (argument.clone(), None),
            };
            match option.as_str() {
                "--edition" => found.edition = Edition::of(&inline.or_else(|| arguments.next())?),
                "--crate-name" => found.crate_name = inline.or_else(|| arguments.next())?,
                "--extern" => {
                    let value = inline.or_else(|| arguments.next())?;
                    let (name, path) =
                        value.split_once('=').map_or((value.as_str(), None), |(name, path)| (name, Some(path)));
                    // `priv:name` and the like.
                    let name = name.rsplit(':').next().unwrap_or(name).to_owned();
                    found.externs.insert(name, path.map(|path| normalise(&directory.join(path))));
                }
                option if inline.is_none() && takes_value(option) => {
                    arguments.next();
                }
                _ if inline.is_none() && argument.ends_with(".rs") => {
                    root = Some(normalise(&directory.join(&argument)))
                }
                _ => {}
            }
        }
        found.root = root?;
        Some(found)
    }

    /// The crate and everything of it that has sources: the crate is the first. Packages in `skip` are left out.
    ///
    /// # Errors
    ///
    /// The manifest or the library of a path dependency that cannot be read.
    pub fn packages(
        &self,
        manifest_directory: &Path,
        out_dir: Option<PathBuf>,
        skip: &[&str],
        sources: &dyn Sources,
    ) -> Result<Vec<Package>, crate::Unreadable> {
        let unreadable = |package: &str, folder: &Path| crate::Unreadable {
            package: package.to_owned(),
            root: folder.join("Cargo.toml"),
        };
        let patches = Patches::around(manifest_directory, sources);
        let own = Manifest::read(manifest_directory, &patches, sources)
            .ok_or_else(|| unreadable(&self.crate_name, manifest_directory))?;
        let mut graph =
            Graph { skip, patches, sources, externs: &self.externs, found: Vec::new(), places: BTreeMap::new() };
        let library = own.library.clone().filter(|(_, root)| *root != self.root);
        let target = self.root.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let is_library = own.library.as_ref().is_some_and(|(_, root)| *root == self.root);
        let name = if is_library { own.package.clone() } else { format!("{}/{target}", own.package) };
        graph.found.push(Package {
            name,
            root: self.root.clone(),
            is_library,
            edition: self.edition,
            directory: own.directory.clone(),
            out_dir,
            build_script: own.build_script.clone(),
            proc_macro: false,
            ..Package::default()
        });
        let mut dependencies = graph.dependencies(&own, true)?;
        let linked = |name: &String| self.externs.is_empty() || self.externs.contains_key(name);
        if let Some((name, _)) = library.filter(|(name, _)| linked(name)) {
            let skipped = skip.contains(&own.package.as_str());
            let dependency =
                if skipped { Dependency::Skipped } else { graph.library(&name, &own.package, &own.directory)? };
            dependencies.insert(name, dependency);
        }
        graph.found[0].dependencies = dependencies;
        Ok(graph.found)
    }
}

fn takes_value(option: &str) -> bool {
    matches!(
        option,
        "-L" | "-l"
            | "-C"
            | "-A"
            | "-W"
            | "-D"
            | "-F"
            | "-Z"
            | "-o"
            | "--cfg"
            | "--check-cfg"
            | "--crate-type"
            | "--emit"
            | "--target"
            | "--out-dir"
            | "--cap-lints"
            | "--codegen"
            | "--sysroot"
            | "--error-format"
            | "--json"
            | "--color"
            | "--remap-path-prefix"
            | "--allow"
            | "--warn"
            | "--deny"
            | "--forbid"
            | "--print"
            | "--explain"
            | "--diagnostic-width"
            | "--env-set"
    )
}

fn expanded(arguments: impl IntoIterator<Item = String>, directory: &Path, sources: &dyn Sources) -> Vec<String> {
    let mut found = Vec::new();
    for argument in arguments {
        let file = argument.strip_prefix('@').and_then(|path| sources.read(&directory.join(path)).ok());
        match file {
            Some(bytes) => found.extend(String::from_utf8_lossy(&bytes).lines().map(str::to_owned)),
            None => found.push(argument),
        }
    }
    found
}

struct Graph<'a> {
    skip: &'a [&'a str],
    patches: Patches,
    sources: &'a dyn Sources,
    externs: &'a BTreeMap<String, Option<PathBuf>>,
    found: Vec<Package>,
    places: BTreeMap<PathBuf, usize>,
}

impl Graph<'_> {
    /// `own`: of the crate itself, where rustc tells which dependencies there are.
    fn dependencies(&mut self, of: &Manifest, own: bool) -> Result<BTreeMap<String, Dependency>, crate::Unreadable> {
        let mut found = BTreeMap::new();
        for (alias, wanted) in &of.dependencies {
            let package = wanted.package.as_str();
            let dependency = match &wanted.path {
                _ if self.skip.contains(&package) => Dependency::Skipped,
                None => Dependency::Registry(package.to_owned()),
                // One that is not linked need not even be there.
                Some(path) if own && !self.is_linked(alias, package, path) => continue,
                Some(path) if wanted.optional && Manifest::read(path, &self.patches, self.sources).is_none() => {
                    continue;
                }
                Some(path) => self.library(alias, package, path)?,
            };
            // The name of a library need not be its package's.
            let renamed = package.replace('-', "_") != *alias;
            let name = match dependency {
                Dependency::Path(at) if !renamed => self.found[at].library.clone().unwrap_or_else(|| alias.clone()),
                _ => alias.clone(),
            };
            found.insert(name, dependency);
        }
        Ok(found)
    }

    fn is_linked(&self, alias: &str, package: &str, path: &Path) -> bool {
        self.externs.is_empty()
            || self.externs.contains_key(alias)
            || self.externs.contains_key(&package.replace('-', "_"))
            || Manifest::read(path, &self.patches, self.sources)
                .and_then(|found| found.library)
                .is_some_and(|(name, _)| self.externs.contains_key(&name))
    }

    fn library(&mut self, alias: &str, package: &str, folder: &Path) -> Result<Dependency, crate::Unreadable> {
        let folder = normalise(folder);
        if let Some(at) = self.places.get(&folder) {
            return Ok(Dependency::Path(*at));
        }
        let unreadable = || crate::Unreadable { package: package.to_owned(), root: folder.clone() };
        let manifest = Manifest::read(&folder, &self.patches, self.sources).ok_or_else(unreadable)?;
        let (name, root) = manifest.library.clone().ok_or_else(unreadable)?;
        let at = self.found.len();
        self.places.insert(folder, at);
        let built = self.externs.get(alias).or_else(|| self.externs.get(&name)).cloned().flatten();
        self.found.push(Package {
            name: manifest.package.clone(),
            root,
            library: Some(name.clone()),
            is_library: true,
            edition: manifest.edition,
            directory: manifest.directory.clone(),
            out_dir: built.as_deref().and_then(|built| out_dir(built, self.sources)),
            build_script: manifest.build_script.clone(),
            features: built.as_deref().map(|built| features(&name, built, self.sources)).unwrap_or_default(),
            proc_macro: manifest.proc_macro,
            dependencies: BTreeMap::new(),
            artifact: built,
        });
        let dependencies = self.dependencies(&manifest, false)?;
        self.found[at].dependencies = dependencies;
        Ok(Dependency::Path(at))
    }
}

/// `OUT_DIR` as the dep-info beside a library has it.
fn out_dir(library: &Path, sources: &dyn Sources) -> Option<PathBuf> {
    let stem = library.file_stem()?.to_str()?;
    let stem = stem.strip_prefix("lib").unwrap_or(stem);
    let bytes = sources.read(&library.with_file_name(format!("{stem}.d"))).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    text.lines().find_map(|line| line.strip_prefix("# env-dep:OUT_DIR=")).map(PathBuf::from)
}

/// Features as cargo's fingerprint has them: its format is cargo's own, so none where it is another.
fn features(name: &str, library: &Path, sources: &dyn Sources) -> Vec<String> {
    let find = || {
        let (_, hash) = library.file_stem()?.to_str()?.rsplit_once('-')?;
        let prints = library.parent()?.parent()?.join(".fingerprint");
        let print =
            sources.list(&prints).into_iter().find(|path| path.to_string_lossy().ends_with(&format!("-{hash}")))?;
        let bytes = sources.read(&print.join(format!("lib-{name}.json"))).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        let list = text.split("\"features\":\"").nth(1)?.split("]\"").next()?.replace(['\\', '"', '['], "");
        Some(list.split(',').map(|feature| feature.trim().to_owned()).filter(|feature| !feature.is_empty()).collect())
    };
    find().unwrap_or_default()
}
