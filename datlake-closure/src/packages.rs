//! The packages whose sources are read, and how their code names each other.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// The edition of a crate: in 2015 the paths of `use` begin at the crate's root, and all of them decide what code means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Edition {
    /// 2015.
    E2015,
    /// 2018.
    E2018,
    /// 2021.
    E2021,
    /// 2024, or a later one.
    #[default]
    E2024,
}

impl Edition {
    /// Of what `--edition` and Cargo.toml say.
    #[must_use]
    pub fn of(year: &str) -> Self {
        match year {
            "2015" => Self::E2015,
            "2018" => Self::E2018,
            "2021" => Self::E2021,
            _ => Self::E2024,
        }
    }

    /// The year.
    #[must_use]
    pub fn year(self) -> u32 {
        match self {
            Self::E2015 => 2015,
            Self::E2018 => 2018,
            Self::E2021 => 2021,
            Self::E2024 => 2024,
        }
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
    /// As its manifest has it: labels have it where packages share a name.
    pub version: String,
    /// The file that rustc is given.
    pub root: PathBuf,
    /// What code calls the library if nothing renames it; none of another target.
    pub library: Option<String>,
    /// Whether other crates can use it.
    pub is_library: bool,
    /// Of the crate.
    pub edition: Edition,
    /// `CARGO_MANIFEST_DIR`.
    pub directory: PathBuf,
    /// `OUT_DIR`, where it is known.
    pub out_dir: Option<PathBuf>,
    /// What cargo runs before it compiles the crate.
    pub build_script: Option<PathBuf>,
    /// What it was compiled to, of a dependency of the crate itself.
    pub artifact: Option<PathBuf>,
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
        Self { name: name.to_owned(), root, directory, is_library: true, ..Self::default() }
    }

    /// With a dependency.
    #[must_use]
    pub fn with(mut self, name: &str, dependency: Dependency) -> Self {
        self.dependencies.insert(name.to_owned(), dependency);
        self
    }
}
