//! The source files of code that is in no commit: what is kept of them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use datlake_core::{Code, Digest, SourceText, SourceTexts};

use super::compiled::{BlobId, CompiledFile};

/// Larger files are not kept.
const LARGEST: u64 = 16 << 20;

/// Source files as they were compiled, and the list of them.
#[derive(Debug)]
pub(super) struct KeptSources {
    pub(super) files: Vec<(SourceText, PathBuf)>,
    /// The list as it is kept.
    pub(super) bytes: Vec<u8>,
    /// The digest of the list.
    pub(super) list: Digest,
}

/// Source files that this process has looked at: many creators stand in one.
pub(super) type Seen = HashMap<PathBuf, Option<(BlobId, SourceText)>>;

impl KeptSources {
    /// Those of `code` and of what it depends on which are there and still are what was compiled; `None` where none is. What they
    /// embed is not kept: it may be large, or secret.
    pub(super) fn of(code: &'static Code, seen: &mut Seen) -> Option<Self> {
        let sources = CompiledFile::all_of(code).into_iter().filter(|file| file.is_rust);
        let kept = sources.filter_map(|file| {
            let path = file.path?;
            let found = seen.entry(path.clone()).or_insert_with(|| look(&path)).clone();
            found.filter(|(blob, _)| *blob == file.blob).map(|(_, text)| (text, path))
        });
        let files: Vec<_> = kept.collect();
        let bytes = SourceTexts::new(files.iter().map(|(text, _)| text.clone()).collect()).to_bytes();
        (!files.is_empty()).then(|| Self { list: Digest::of(&bytes), bytes, files })
    }

    /// All that is kept.
    pub(super) fn digests(&self) -> impl Iterator<Item = Digest> {
        self.files.iter().map(|(text, _)| text.digest).chain([self.list])
    }
}

fn look(path: &Path) -> Option<(BlobId, SourceText)> {
    let found = path.metadata().ok().filter(|found| found.is_file() && found.len() <= LARGEST);
    let bytes = found.and_then(|_| std::fs::read(path).ok())?;
    let blob = BlobId::of(&bytes);
    Some((blob, SourceText { blob: blob.to_string(), digest: Digest::of(&bytes), size: bytes.len() as u64 }))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use datlake_core::ClosureTable;

    use super::*;

    /// Code in `src/main.rs` of a workspace, for which these files were found, as they were then.
    fn code(workspace: &Path, found: &[(&str, &str)]) -> &'static Code {
        let rows = found.iter().map(|(file, text)| format!("source\t{file}\t{}\n", BlobId::of(text.as_bytes())));
        let (table, root) = (rows.collect::<String>(), workspace.to_str().unwrap().to_owned());
        let lock: &'static str = format!("{root}/Cargo.lock").leak();
        let found = ClosureTable {
            hash: [0; 32],
            variants: &[],
            table: table.leak(),
            conditions: &[],
            variables: &[],
            newer: None,
        };
        Box::leak(Box::new(Code {
            package: "p",
            package_version: "1.0.0",
            manifest_dir: root.leak(),
            module: "p",
            name: "f",
            given_name: None,
            file: "src/main.rs",
            line: 1,
            blob: BlobId::of(b"fn f() {}\n").0,
            own: [0; 32],
            conditions: &[],
            embedded: &[("include_str!(\"secret.txt\")", b"secret")],
            dependencies: &[],
            found: Some(Box::leak(Box::new(found))),
            lock: Some((lock, [0; 32])),
            features: &[],
            cfg: &[],
        }))
    }

    #[test]
    fn sources_are_kept_as_they_were_compiled_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("src")).unwrap();
        let write = |path: &str, text: &str| fs::write(folder.path().join("src").join(path), text).unwrap();
        write("main.rs", "fn f() {}\n");
        write("help.rs", "fn help() {}\n");
        write("edited.rs", "fn after() {}\n");
        write("secret.txt", "secret");
        let found = [
            ("src/main.rs", "fn f() {}\n"),
            ("src/help.rs", "fn help() {}\n"),
            ("src/edited.rs", "fn before() {}\n"),
            ("src/gone.rs", "fn gone() {}\n"),
            ("src/secret.txt", "secret"),
        ];
        let code = code(folder.path(), &found);
        let mut seen = Seen::new();
        let kept = KeptSources::of(code, &mut seen).unwrap();
        let list = SourceTexts::parse(&kept.bytes);
        let blobs: Vec<_> = list.texts().iter().map(|text| text.blob.clone()).collect();
        let mut expected = ["fn f() {}\n", "fn help() {}\n"].map(|text| BlobId::of(text.as_bytes()).to_string());
        expected.sort();
        assert_eq!((blobs, Digest::of(&kept.bytes)), (expected.to_vec(), kept.list));
        assert_eq!(kept.digests().count(), 3);

        // What was looked at once is not read again.
        fs::remove_dir_all(folder.path()).unwrap();
        assert_eq!(
            KeptSources::of(code, &mut seen).map(|kept| kept.files.len()),
            Some(1),
            "what the table names is gone"
        );
        assert!(KeptSources::of(code, &mut Seen::new()).is_none());
    }
}
