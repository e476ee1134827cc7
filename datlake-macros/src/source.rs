//! Where an item stands, and what was on the compiler's command line: lineage, never part of a hash.
//!
//! Nothing here can fail: what cannot be found out (in an editor, in generated code) is left empty.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use datlake_closure::Locked;
use proc_macro2::Span;

use crate::enclosing;

/// Where an item stands.
#[derive(Default)]
pub(crate) struct Source {
    /// The file, relative to the package where it is in it.
    pub(crate) file: String,
    /// The file on this machine.
    pub(crate) path: Option<PathBuf>,
    /// The line, from 1.
    pub(crate) line: u32,
    /// Git's id of the file's content; zeros if unknown.
    pub(crate) blob: [u8; 20],
    /// Path of the nearest `Cargo.lock`, and its BLAKE3.
    pub(crate) lock: Option<(String, [u8; 32])>,
    /// The features of the package that are on, sorted.
    pub(crate) features: Vec<String>,
    /// What else the compiler was given by `--cfg`, sorted.
    pub(crate) cfg: Vec<String>,
    /// Whether it is a function of an `impl` or a `trait`, as far as the file tells.
    pub(crate) associated: bool,
}

impl Source {
    /// What is known of the place of `span`.
    pub(crate) fn of(span: Span) -> Self {
        let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let file = span.local_file().or_else(|| Span::call_site().local_file());
        let file = file.map(|file| std::path::absolute(&file).unwrap_or(file));
        let shown = match (&file, &package) {
            (Some(file), Some(package)) => {
                file.strip_prefix(package).unwrap_or(file).to_string_lossy().replace('\\', "/")
            }
            (Some(file), None) => file.to_string_lossy().into_owned(),
            (None, _) => String::new(),
        };
        let content = file.as_ref().and_then(|file| std::fs::read(file).ok()).unwrap_or_default();
        let start = span.start();
        let (features, cfg) = configuration(std::env::args());
        Self {
            file: shown,
            line: u32::try_from(start.line).unwrap_or_default(),
            blob: file.as_deref().filter(|_| !content.is_empty()).map_or([0; 20], |file| blob(file, &content)),
            associated: str::from_utf8(&content)
                .is_ok_and(|source| enclosing::is_associated(source, start.line, start.column)),
            lock: package.as_deref().and_then(lock),
            features,
            cfg,
            path: file,
        }
    }

    /// The versions of a package in the lock file, which is read once for all items of a crate.
    pub(crate) fn locked(&self, package: &str) -> Vec<Locked> {
        static READ: Mutex<Option<LockFile>> = Mutex::new(None);
        let Some((path, hash)) = &self.lock else { return Vec::new() };
        let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
        if read.as_ref().is_none_or(|known| known.hash != *hash) {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            *read = Some(LockFile { hash: *hash, text, versions: BTreeMap::new() });
        }
        let Some(LockFile { text, versions, .. }) = read.as_mut() else { return Vec::new() };
        versions.entry(package.to_owned()).or_insert_with(|| datlake_closure::locked(text, package)).clone()
    }
}

struct LockFile {
    hash: [u8; 32],
    text: String,
    /// By packages that were asked for.
    versions: BTreeMap<String, Vec<Locked>>,
}

/// What was made of the contents of files. A process may compile more than once: what a file has now decides.
struct OfContents<T>(Mutex<BTreeMap<PathBuf, (Vec<u8>, T)>>);

impl<T: Copy> OfContents<T> {
    const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    fn of(&self, path: &Path, content: &[u8], make: impl FnOnce(&[u8]) -> T) -> T {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, made)) = known.get(path).filter(|(before, _)| before == content) {
            return *made;
        }
        let made = make(content);
        known.insert(path.to_owned(), (content.to_owned(), made));
        made
    }
}

/// Git's id of a file, whose content several items of a crate ask for.
pub(crate) fn blob(path: &Path, content: &[u8]) -> [u8; 20] {
    static KNOWN: OfContents<[u8; 20]> = OfContents::new();
    KNOWN.of(path, content, git_blob)
}

/// Git's id of a blob: SHA-1 of `blob`, its length and its content.
fn git_blob(content: &[u8]) -> [u8; 20] {
    let mut sha = sha1_smol::Sha1::new();
    sha.update(format!("blob {}\0", content.len()).as_bytes());
    sha.update(content);
    sha.digest().bytes()
}

/// The `Cargo.lock` that `package` is built with.
fn lock(package: &Path) -> Option<(String, [u8; 32])> {
    static KNOWN: OfContents<[u8; 32]> = OfContents::new();
    package.ancestors().find_map(|directory| {
        let path = directory.join("Cargo.lock");
        let content = std::fs::read(&path).ok()?;
        let hash = KNOWN.of(&path, &content, |content| *blake3::hash(content).as_bytes());
        Some((path.to_str()?.to_owned(), hash))
    })
}

/// What the compiler was given by `--cfg`, some of which may stand in `@file`s: features, and the rest.
fn configuration(arguments: impl Iterator<Item = String>) -> (Vec<String>, Vec<String>) {
    let mut all = Vec::new();
    for argument in arguments {
        match argument.strip_prefix('@').and_then(|path| std::fs::read_to_string(path).ok()) {
            Some(more) => all.extend(more.lines().map(str::to_owned)),
            None => all.push(argument),
        }
    }
    let follows_cfg = |i: usize| i > 0 && all[i - 1] == "--cfg";
    let predicates: BTreeSet<&str> = all
        .iter()
        .enumerate()
        .filter_map(|(i, argument)| match argument.strip_prefix("--cfg=") {
            Some(predicate) => Some(predicate),
            None => follows_cfg(i).then_some(argument.as_str()),
        })
        .collect();
    let feature = |predicate: &str| Some(predicate.strip_prefix("feature=\"")?.strip_suffix('"')?.to_owned());
    let features = predicates.iter().copied().filter_map(feature).collect();
    let custom = predicates.iter().filter(|predicate| feature(predicate).is_none());
    (features, custom.map(|predicate| (*predicate).to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_has_the_id_that_git_gives_it() {
        let hex: String = git_blob(b"hello\n").iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "ce013625030ba8dba906f756967f9e9ca394464a");
    }

    #[test]
    fn what_is_known_of_a_file_is_of_its_content() {
        let known: OfContents<usize> = OfContents::new();
        let of = |content: &[u8]| known.of(Path::new("a.rs"), content, <[u8]>::len);
        assert_eq!((of(b"one"), of(b"three"), of(b"one")), (3, 5, 3));
        assert_eq!(known.of(Path::new("a.rs"), b"one", |_| panic!("it is known")), 3);
    }

    #[test]
    fn features_are_found_in_either_spelling_and_in_argument_files() {
        let directory = std::env::temp_dir().join(format!("datlake-macros-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let file = directory.join("arguments");
        std::fs::write(&file, "--cfg\nfeature=\"zstd\"\n--cfg\nunix\n").unwrap();
        let arguments = [
            "rustc",
            "--cfg",
            "feature=\"s3\"",
            "--cfg=feature=\"gpu\"",
            "--cfg",
            "fast",
            "feature=\"no\"",
            &format!("@{}", file.display()),
        ];
        let (features, cfg) = configuration(arguments.into_iter().map(str::to_owned));
        assert_eq!(
            (features, cfg),
            (vec!["gpu".into(), "s3".into(), "zstd".into()], vec!["fast".into(), "unix".into()])
        );
        std::fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn the_nearest_lock_file_is_taken() {
        let (path, digest) = lock(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
        assert!(path.ends_with("Cargo.lock"));
        assert_eq!(digest, *blake3::hash(&std::fs::read(path).unwrap()).as_bytes());
    }
}
