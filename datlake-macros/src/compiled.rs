//! What this process compiles: its sources, read once, and whether they are the ones that were compiled.
//!
//! A process that compiles one crate reads it at the first creator. In a server that expands macros for an editor there is no crate,
//! and whatever was read for one invocation is never used for another.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use datlake_closure::{Closure, Disk, Invocation, Package, Scanner};

/// The packages of datlake: what they do is part of no user's code.
const OURS: [&str; 7] =
    ["datlake", "datlake-cli", "datlake-closure", "datlake-core", "datlake-lake", "datlake-macros", "datlake-store"];

/// By what one invocation of the compiler differs from another.
#[derive(PartialEq)]
struct Asked {
    arguments: Vec<String>,
    folder: PathBuf,
    manifest: PathBuf,
    out: Option<PathBuf>,
}

/// The crate that is compiled, and its path dependencies.
pub(crate) struct Compiled {
    pub(crate) scanner: Scanner,
    /// The crate first.
    pub(crate) packages: Vec<Package>,
    times: Times,
    /// Git's ids of files.
    blobs: HashMap<PathBuf, Option<[u8; 20]>>,
}

/// What there is to read.
pub(crate) enum Sources<'a> {
    /// The crate.
    Crate(&'a mut Compiled),
    /// Its root is no file: a documentation test, for example.
    Stream,
    /// No compiler: an editor asks.
    Nothing,
}

/// Calls `then` with what this process compiles.
pub(crate) fn with_sources<T>(has_file: bool, then: impl FnOnce(Result<Sources<'_>, String>) -> T) -> T {
    static READ: Mutex<Option<(Asked, Result<Compiled, String>)>> = Mutex::new(None);
    let asked = Asked::now();
    let Some(invocation) = Invocation::of(asked.arguments.iter().cloned(), &asked.folder, &Disk) else {
        return then(asked.without_root(has_file));
    };
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    if !matches!(&*read, Some((known, _)) if *known == asked) {
        *read = None;
    }
    let (_, compiled) = read.get_or_insert_with(|| {
        let compiled = Compiled::read(&asked, &invocation);
        (asked, compiled)
    });
    then(compiled.as_mut().map(Sources::Crate).map_err(|error| error.clone()))
}

impl Asked {
    fn now() -> Self {
        let arguments = std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect();
        Self {
            arguments,
            folder: std::env::current_dir().unwrap_or_default(),
            manifest: std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default(),
            out: std::env::var_os("OUT_DIR").map(PathBuf::from),
        }
    }

    fn without_root(&self, has_file: bool) -> Result<Sources<'static>, String> {
        if self.arguments.iter().any(|argument| argument == "-") {
            return Ok(Sources::Stream);
        }
        let program = std::env::current_exe().unwrap_or_default();
        let editor = program.file_stem().is_some_and(|name| name.to_string_lossy().contains("rust-analyzer"));
        if editor || !has_file {
            return Ok(Sources::Nothing);
        }
        Err("the root of the crate is not among the compiler's arguments".to_owned())
    }
}

impl Compiled {
    fn read(asked: &Asked, invocation: &Invocation) -> Result<Self, String> {
        let times = Times::of(asked);
        let unreadable = |error: datlake_closure::Unreadable| error.to_string();
        let packages = invocation.packages(&asked.manifest, asked.out.clone(), &OURS, &Disk).map_err(unreadable)?;
        let scanner = Scanner::new(packages.clone(), Disk).map_err(unreadable)?;
        Ok(Self { scanner, packages, times, blobs: HashMap::new() })
    }

    /// Git's id of a file, where it can be read.
    pub(crate) fn blob(&mut self, file: &Path) -> Option<[u8; 20]> {
        let read = || std::fs::read(file).ok().map(|content| crate::source::blob(file, &content));
        *self.blobs.entry(file.to_owned()).or_insert_with(read)
    }

    /// The first of `files` that was written after the compiler read it: what is compiled may be another text.
    pub(crate) fn newer<'f>(&self, files: impl Iterator<Item = &'f Path>) -> Option<&'f Path> {
        let mut dependencies = None;
        for file in files {
            let Some(written) = written(file) else { continue };
            let built = || self.packages[1..].iter().filter_map(|package| self.times.built(package)).collect();
            let dependencies: &Vec<Built> = dependencies.get_or_insert_with(built);
            let after = dependencies.iter().any(|built| written > built.began && built.is_made_of(file));
            if written > self.times.began || after {
                return Some(file);
            }
        }
        None
    }

    /// The first build script that was written after it was compiled, or the first file that it declares and was written after it
    /// ran.
    pub(crate) fn newer_than_scripts<'c>(&'c self, closure: &'c Closure) -> Option<&'c Path> {
        let after = |file: &Path, time: Option<SystemTime>| written(file) > time && time.is_some();
        self.packages.iter().find_map(|package| {
            let script = package.build_script.as_deref()?;
            if closure.files.iter().any(|file| file == script) && after(script, self.times.script(&package.name)) {
                return Some(script);
            }
            let ran = package.out_dir.as_deref().and_then(|out| written(&out.parent()?.join("invoked.timestamp")));
            let of_script = format!("{}: ", package.name);
            let declared = closure.embedded.iter().filter(|embedded| embedded.label.starts_with(&of_script));
            declared.map(|embedded| embedded.path.as_path()).find(|file| after(file, ran))
        })
    }
}

fn written(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|found| found.modified()).ok()
}

/// When compilers were started.
struct Times {
    began: SystemTime,
    /// Where cargo notes that of each package, if it is cargo that builds.
    notes: Vec<PathBuf>,
}

/// When a dependency was compiled, and of what.
struct Built {
    began: SystemTime,
    files: Vec<PathBuf>,
}

impl Built {
    /// As far as names of files tell: the compiler's list is relative to a folder that it does not name.
    fn is_made_of(&self, file: &Path) -> bool {
        self.files.iter().any(|listed| file.ends_with(listed))
    }
}

impl Times {
    fn of(asked: &Asked) -> Self {
        let mut arguments = asked.arguments.iter();
        let (mut out, mut suffix) = (None, None);
        while let Some(argument) = arguments.next() {
            match argument.strip_prefix("--out-dir") {
                Some("") => out = arguments.next().map(String::as_str),
                Some(rest) => out = rest.strip_prefix('='),
                None => {
                    if let Some((_, found)) = argument.split_once("extra-filename=") {
                        suffix = Some(found);
                    }
                }
            }
        }
        let notes = out.and_then(|out| Some(asked.folder.join(out).parent()?.join(".fingerprint")));
        let notes: Vec<PathBuf> = notes
            .and_then(|notes| std::fs::read_dir(notes).ok())
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .collect();
        // Without cargo, what was written since the first macro of this process is found.
        let mut times = Self { began: SystemTime::now(), notes };
        if let Some(began) = suffix.and_then(|suffix| times.noted(|name| name.ends_with(suffix)).pop()) {
            times.began = began.0;
        }
        times
    }

    /// When compilers were started, with the names of the folders that say so: the latest is the last.
    fn noted(&self, wanted: impl Fn(&str) -> bool) -> Vec<(SystemTime, String)> {
        let named = self.notes.iter().filter_map(|folder| Some((folder, folder.file_name()?.to_str()?)));
        let noted = named
            .filter(|(_, name)| wanted(name))
            .filter_map(|(folder, name)| Some((written(&folder.join("invoked.timestamp"))?, name.to_owned())));
        let mut noted: Vec<_> = noted.collect();
        noted.sort();
        noted
    }

    /// When the build script of a package was compiled last.
    fn script(&self, package: &str) -> Option<SystemTime> {
        let ours = |folder: &&PathBuf| {
            let name = folder.file_name().and_then(|name| name.to_str()).and_then(|name| name.rsplit_once('-'));
            let inside = || std::fs::read_dir(folder).into_iter().flatten().flatten();
            name.is_some_and(|(name, _)| name == package.split('/').next().unwrap_or(package))
                && inside().any(|entry| entry.file_name().to_string_lossy().starts_with("build-script-"))
        };
        self.notes.iter().filter(ours).filter_map(|folder| written(&folder.join("invoked.timestamp"))).max()
    }

    /// Of a dependency that is linked by another one the last that was built.
    fn built(&self, package: &Package) -> Option<Built> {
        let suffix =
            package.artifact.as_ref().and_then(|artifact| Some(artifact.file_stem()?.to_str()?.rsplit_once('-')?.1));
        let is_its = |name: &str| match (suffix, name.rsplit_once('-')) {
            (Some(suffix), Some((_, hash))) => suffix == hash,
            (None, Some((name, _))) => name == package.name,
            (_, None) => false,
        };
        let library = package.library.as_ref()?;
        let list = |name: &str| {
            let folder = self.notes.first()?.parent()?.parent()?.join("deps");
            let (_, hash) = name.rsplit_once('-')?;
            std::fs::read_to_string(folder.join(format!("{library}-{hash}.d"))).ok()
        };
        let (began, list) =
            self.noted(is_its).into_iter().rev().find_map(|(began, name)| Some((began, list(&name)?)))?;
        let files = list.lines().filter_map(|line| line.strip_suffix(':'));
        let files = files.map(|file| PathBuf::from(file.replace("\\ ", " "))).collect();
        Some(Built { began, files })
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::time::Duration;

    use datlake_closure::Embedded;

    use super::*;

    /// A package with a path dependency, as cargo is about to compile it.
    fn built(folder: &Path) -> Compiled {
        for (path, text) in [
            ("app/Cargo.toml", "[package]\nname = \"app\"\n[dependencies]\nkit = { path = \"../kit\" }\n"),
            ("app/src/lib.rs", "fn creator() { kit::help() }"),
            ("kit/Cargo.toml", "[package]\nname = \"kit\"\n"),
            ("kit/src/lib.rs", "pub fn help() {}"),
            ("kit/src/left_out.rs", ""),
            ("target/.fingerprint/app-a1/invoked.timestamp", ""),
            ("target/.fingerprint/kit-b2/invoked.timestamp", ""),
            ("target/deps/kit-b2.d", "/t/libkit-b2.rmeta: kit/src/lib.rs\n\nkit/src/lib.rs:\n"),
        ] {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let arguments = "app/src/lib.rs --crate-name app --out-dir target/deps -C extra-filename=-a1 --extern kit=target/deps/libkit-b2.rmeta";
        let asked = Asked {
            arguments: arguments.split(' ').map(str::to_owned).collect(),
            folder: folder.to_owned(),
            manifest: folder.join("app"),
            out: None,
        };
        for (path, ago) in [("kit/src/lib.rs", 90), ("kit/src/left_out.rs", 90), ("app/src/lib.rs", 90)] {
            age(&folder.join(path), ago);
        }
        age(&folder.join("target/.fingerprint/kit-b2/invoked.timestamp"), 60);
        age(&folder.join("target/.fingerprint/app-a1/invoked.timestamp"), 30);
        let invocation = Invocation::of(asked.arguments.iter().cloned(), &asked.folder, &Disk).unwrap();
        Compiled::read(&asked, &invocation).unwrap()
    }

    fn age(path: &Path, seconds: u64) {
        let time = SystemTime::now() - Duration::from_secs(seconds);
        File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    }

    #[test]
    fn text_that_is_newer_than_what_was_compiled_is_found() {
        let folder = std::env::temp_dir().join(format!("datlake-macros-newer-{}", std::process::id()));
        let compiled = built(&folder);
        let newer = |path: &str, ago: u64| {
            let path = folder.join(path);
            age(&path, ago);
            let found = compiled.newer(std::iter::once(path.as_path())).is_some();
            age(&path, 90);
            found
        };
        // Before the compiler was started, and after.
        assert_eq!((newer("app/src/lib.rs", 31), newer("app/src/lib.rs", 29)), (false, true));
        // After the dependency's compiler was, if that read it.
        assert_eq!((newer("kit/src/lib.rs", 61), newer("kit/src/lib.rs", 59)), (false, true));
        assert_eq!((newer("kit/src/left_out.rs", 59), newer("kit/src/left_out.rs", 29)), (false, true));
        assert!(compiled.newer(std::iter::once(Path::new("/nowhere.rs"))).is_none());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_build_script_that_is_newer_than_its_program_is_found() {
        let folder = std::env::temp_dir().join(format!("datlake-macros-scripts-{}", std::process::id()));
        let mut compiled = built(&folder);
        for path in ["app/build.rs", "app/data.txt"] {
            fs::write(folder.join(path), "").unwrap();
        }
        for path in [
            "target/.fingerprint/app-c3/build-script-build-script-build",
            "target/.fingerprint/app-c3/invoked.timestamp",
        ] {
            fs::create_dir_all(folder.join(path).parent().unwrap()).unwrap();
            fs::write(folder.join(path), "").unwrap();
        }
        fs::create_dir_all(folder.join("target/build/app-d4/out")).unwrap();
        fs::write(folder.join("target/build/app-d4/invoked.timestamp"), "").unwrap();
        age(&folder.join("target/.fingerprint/app-c3/invoked.timestamp"), 60);
        age(&folder.join("target/build/app-d4/invoked.timestamp"), 50);
        compiled.times.notes.push(folder.join("target/.fingerprint/app-c3"));
        compiled.packages[0].build_script = Some(folder.join("app/build.rs"));
        compiled.packages[0].out_dir = Some(folder.join("target/build/app-d4/out"));
        let closure = Closure {
            files: vec![folder.join("app/build.rs")],
            embedded: vec![Embedded {
                label: "app: data.txt".to_owned(),
                path: folder.join("app/data.txt"),
                bytes: None,
            }],
            ..Closure::default()
        };
        let newer = |script: u64, data: u64| {
            age(&folder.join("app/build.rs"), script);
            age(&folder.join("app/data.txt"), data);
            compiled.newer_than_scripts(&closure).map(|path| path.file_name().unwrap().to_owned())
        };
        assert_eq!(newer(61, 51), None);
        assert_eq!(newer(59, 51).unwrap(), "build.rs");
        // Written after the script was compiled, and before it ran.
        assert_eq!(newer(61, 55), None);
        assert_eq!(newer(61, 49).unwrap(), "data.txt");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn an_editor_gets_nothing_and_a_stream_is_known() {
        let asked = |arguments: &[&str]| Asked {
            arguments: arguments.iter().map(|one| (*one).to_owned()).collect(),
            folder: PathBuf::new(),
            manifest: PathBuf::new(),
            out: None,
        };
        assert!(matches!(asked(&[]).without_root(false), Ok(Sources::Nothing)));
        assert!(matches!(asked(&["--edition=2024", "-"]).without_root(true), Ok(Sources::Stream)));
        assert!(asked(&["main"]).without_root(true).is_err());
    }
}
