//! The files that a creator's key depends on, as they were compiled.

use std::fmt;
use std::path::{Path, PathBuf};

use datlake_core::Code;
use sha1_smol::Sha1;

/// Git's id of a file as a blob.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct BlobId(pub(super) [u8; 20]);

/// A file as it was compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CompiledFile {
    /// `None` where it cannot be found out.
    pub(super) path: Option<PathBuf>,
    /// Git's id of its bytes as a blob.
    pub(super) blob: BlobId,
    /// Whether it is Rust, in which a line may end in `\r\n` as well.
    pub(super) is_rust: bool,
}

impl CompiledFile {
    /// The sources of `code` and of what it depends on, and what they embed; each once.
    ///
    /// Not among them: packages of a registry, which `Cargo.lock` names with their checksums, and what a build script wrote.
    pub(super) fn all_of(code: &'static Code) -> Vec<Self> {
        let mut files: Vec<Self> = Vec::new();
        for code in code.closure().iter().filter(|code| !is_of_registry(code)) {
            let source = Path::new(code.manifest_dir).join(code.file);
            let embedded =
                code.embedded.iter().filter_map(|(label, content)| Self::embedded(code, &source, label, content));
            let source = Self { blob: BlobId(code.blob), is_rust: true, path: Some(source.clone()) };
            for file in std::iter::once(source).chain(embedded).chain(Self::found(code)) {
                if !files.contains(&file) {
                    files.push(file);
                }
            }
        }
        files
    }

    /// The sources of what was found, whose names are relative to the folder of the lock file.
    fn found(code: &Code) -> Vec<Self> {
        let workspace = code.lock.and_then(|(path, _)| Path::new(path).parent());
        let sources = code.found.map(|found| found.closure().sources).unwrap_or_default();
        let sources = sources.into_iter().filter_map(|(name, blob)| {
            let path = workspace.map(|workspace| workspace.join(&name)).filter(|path| path.exists());
            Some(Self { path, blob: BlobId::parse(&blob)?, is_rust: name.ends_with(".rs") })
        });
        sources.collect()
    }

    /// The file behind an `include…!(…)`; none for other macros, and for what a build script wrote.
    fn embedded(code: &Code, source: &Path, label: &str, content: &[u8]) -> Option<Self> {
        let (name, path) = label.strip_suffix(')')?.split_once("!(")?;
        if !name.starts_with("include") || path.contains("env!(\"OUT_DIR\")") {
            return None;
        }
        let path = evaluate(path, code.manifest_dir);
        let path = path.map(|path| source.parent().unwrap_or(source).join(path));
        Some(Self { path, blob: BlobId::of(content), is_rust: name == "include" })
    }
}

impl BlobId {
    /// Of a file with these bytes.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut sha = Sha1::from(format!("blob {}\0", bytes.len()));
        sha.update(bytes);
        Self(sha.digest().bytes())
    }

    /// Reads 40 hexadecimal digits.
    fn parse(text: &str) -> Option<Self> {
        let sha: sha1_smol::Digest = text.parse().ok()?;
        Some(Self(sha.bytes()))
    }
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Cargo marks what it unpacked.
pub(super) fn is_of_registry(code: &Code) -> bool {
    Path::new(code.manifest_dir).join(".cargo-ok").exists()
}

/// The value of a path as it is written: a literal, or literals behind the package's directory.
fn evaluate(text: &str, manifest_dir: &str) -> Option<String> {
    let text = text.trim().trim_end_matches(',').trim_end();
    if text == "env!(\"CARGO_MANIFEST_DIR\")" {
        return Some(manifest_dir.to_owned());
    }
    if let Some(parts) = text.strip_prefix("concat!(").and_then(|rest| rest.strip_suffix(')')) {
        // No path that is looked for has a comma in it, so each is between two parts.
        return parts
            .split(',')
            .filter(|part| !part.trim().is_empty())
            .map(|part| evaluate(part, manifest_dir))
            .collect();
    }
    let literal = text.strip_prefix('"')?.strip_suffix('"')?;
    (!literal.contains(['"', '\\'])).then(|| literal.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_embedded_files_are_found() {
        for (text, path) in [
            ("\"query.sql\"", Some("query.sql")),
            ("\"../data/a b.txt\",", Some("../data/a b.txt")),
            ("concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/sql/\", \"a.sql\")", Some("/p/sql/a.sql")),
            ("concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/a.sql\",)", Some("/p/a.sql")),
            ("concat!(env!(\"ELSEWHERE\"), \"/a.sql\")", None),
            ("\"a\\\\b\"", None),
            ("\"a, b.txt\"", Some("a, b.txt")),
            ("concat!(\"a, \", \"b.txt\")", None),
        ] {
            assert_eq!(evaluate(text, "/p").as_deref(), path, "{text}");
        }
    }
}
