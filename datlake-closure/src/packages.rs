//! The packages whose sources are read, and how their code names each other.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// How paths are read: in the 2015 edition those of `use` begin at the crate's root.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Edition {
    /// 2015.
    E2015,
    /// 2018, 2021 and 2024, which read alike here.
    #[default]
    E2018,
}

impl Edition {
    /// Of what `--edition` and Cargo.toml say.
    #[must_use]
    pub fn of(year: &str) -> Self {
        if year == "2015" { Self::E2015 } else { Self::E2018 }
    }
}

/// What a name of another crate leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dependency {
    /// A package whose sources are read: its place in the list.
    Path(usize),
    /// A package of a registry, which counts by its version.
    Registry(String),
    /// A package that is left out on purpose.
    Skipped,
}

/// One crate: a library, or another target together with its root.
#[derive(Clone, Debug, Default)]
pub struct Package {
    /// What labels begin with.
    pub name: String,
    /// The file that rustc is given.
    pub root: PathBuf,
    /// Of the crate.
    pub edition: Edition,
    /// `CARGO_MANIFEST_DIR`.
    pub directory: PathBuf,
    /// `OUT_DIR`, where it is known.
    pub out_dir: Option<PathBuf>,
    /// What cargo runs before it compiles the crate.
    pub build_script: Option<PathBuf>,
    /// Features as cargo resolved them, of a dependency: ours are seen by `cfg!`.
    pub features: Vec<String>,
    /// Runs while others compile: counts as a whole.
    pub proc_macro: bool,
    /// Crates by the names that the code has for them.
    pub dependencies: BTreeMap<String, Dependency>,
}

impl Package {
    /// A library with a root, and nothing else.
    #[must_use]
    pub fn new(name: &str, root: &str) -> Self {
        let root = PathBuf::from(root);
        let directory = root.parent().and_then(std::path::Path::parent).map(PathBuf::from).unwrap_or_default();
        Self { name: name.to_owned(), root, directory, ..Self::default() }
    }

    /// With a dependency.
    #[must_use]
    pub fn with(mut self, name: &str, dependency: Dependency) -> Self {
        self.dependencies.insert(name.to_owned(), dependency);
        self
    }
}
