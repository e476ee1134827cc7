//! From the arguments of a rustc process to the packages that its crate is made of.
//!
//! rustc's arguments name the crate's root, its edition and what it is linked with; manifests tell what names mean and where path
//! dependencies are; the dep-info beside a library tells the `OUT_DIR` that it was compiled with.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::artifacts::Artifact;
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
            version: own.version.clone(),
            root: self.root.clone(),
            is_library,
            edition: self.edition,
            directory: own.directory.clone(),
            out_dir,
            build_script: own.build_script.clone(),
            proc_macro: false,
            ..Package::default()
        });
        let mut dependencies = graph.dependencies(&own, true, None)?;
        let linked = |name: &String| self.externs.is_empty() || self.externs.contains_key(name);
        if let Some((name, _)) = library.filter(|(name, _)| linked(name)) {
            let skipped = skip.contains(&own.package.as_str());
            let dependency =
                if skipped { Dependency::Skipped } else { graph.library(&name, &own.package, &own.directory, None)? };
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
    /// `own`: of the crate itself, where rustc tells which dependencies there are. `within`: else the library that has them.
    fn dependencies(
        &mut self,
        of: &Manifest,
        own: bool,
        within: Option<&Artifact>,
    ) -> Result<BTreeMap<String, Dependency>, crate::Unreadable> {
        let mut found = BTreeMap::new();
        for (alias, wanted) in &of.dependencies {
            let package = wanted.package.as_str();
            let dependency = match &wanted.path {
                _ if wanted.dev && !own => continue,
                _ if self.skip.contains(&package) => Dependency::Skipped,
                None => Dependency::Registry(package.to_owned()),
                // One that is not linked need not even be there.
                Some(path) if own && !self.is_linked(alias, package, path) => continue,
                Some(path) if wanted.optional && Manifest::read(path, &self.patches, self.sources).is_none() => {
                    continue;
                }
                Some(path) => self.library(alias, package, path, within)?,
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

    fn library(
        &mut self,
        alias: &str,
        package: &str,
        folder: &Path,
        within: Option<&Artifact>,
    ) -> Result<Dependency, crate::Unreadable> {
        let folder = normalise(folder);
        if let Some(at) = self.places.get(&folder) {
            return Ok(Dependency::Path(*at));
        }
        let unreadable = || crate::Unreadable { package: package.to_owned(), root: folder.clone() };
        let manifest = Manifest::read(&folder, &self.patches, self.sources).ok_or_else(unreadable)?;
        let (name, root) = manifest.library.clone().ok_or_else(unreadable)?;
        let at = self.found.len();
        self.places.insert(folder, at);
        let direct = || self.externs.get(alias).or_else(|| self.externs.get(&name)).cloned().flatten();
        let built = within.and_then(|within| within.linked(package, &name, self.sources)).or_else(direct);
        let wanted = manifest.has_features || self.matters_below(&manifest);
        let built = built.map(|built| Artifact::of(&built, &name, wanted, self.sources));
        self.found.push(Package {
            name: manifest.package.clone(),
            version: manifest.version.clone(),
            root,
            library: Some(name.clone()),
            is_library: true,
            edition: manifest.edition,
            directory: manifest.directory.clone(),
            out_dir: built.as_ref().and_then(|built| built.out_dir(self.sources)),
            build_script: manifest.build_script.clone(),
            features: built.as_ref().map(Artifact::features).unwrap_or_default(),
            proc_macro: manifest.proc_macro,
            dependencies: BTreeMap::new(),
            artifact: built.as_ref().map(|built| built.path.clone()),
        });
        let dependencies = self.dependencies(&manifest, false, built.as_ref())?;
        self.found[at].dependencies = dependencies;
        Ok(Dependency::Path(at))
    }

    /// Whether how a path dependency of a package, or one below that, was compiled decides what its code means. Each is looked at
    /// once, by however many ways it is reached.
    fn matters_below(&self, of: &Manifest) -> bool {
        let paths = |of: &Manifest| -> Vec<PathBuf> {
            let wanted = of.dependencies.values().filter(|wanted| !wanted.dev);
            wanted.filter_map(|wanted| wanted.path.as_deref().map(normalise)).collect()
        };
        let (mut open, mut seen) = (paths(of), BTreeSet::new());
        while let Some(path) = open.pop() {
            if !seen.insert(path.clone()) {
                continue;
            }
            let found = Manifest::read(&path, &self.patches, self.sources);
            let Some(found) = found.filter(|found| !self.skip.contains(&found.package.as_str())) else { continue };
            if found.has_features || found.build_script.is_some() {
                return true;
            }
            open.extend(paths(&found));
        }
        false
    }
}
