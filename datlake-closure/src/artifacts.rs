//! What cargo and rustc leave beside a library: how it was compiled, and with which libraries.
//!
//! rustc's dep-info tells `OUT_DIR`. Features are in cargo's fingerprints, whose format is cargo's own: where it is another, nothing
//! is known. cargo writes a fingerprint when a library is finished, and starts what uses it before that; so one may have to wait.

use std::path::{Path, PathBuf};

use crate::source::Sources;

/// A library and its fingerprint.
pub(crate) struct Artifact {
    pub(crate) path: PathBuf,
    print: Option<String>,
}

impl Artifact {
    /// `wanted`: whether anything depends on the fingerprint.
    pub(crate) fn of(path: &Path, library: &str, wanted: bool, sources: &dyn Sources) -> Self {
        let find = || {
            let (_, hash) = path.file_stem()?.to_str()?.rsplit_once('-')?;
            let prints = prints(path)?;
            let ends = format!("-{hash}");
            let folder = sources.list(&prints).into_iter().find(|folder| folder.to_string_lossy().ends_with(&ends))?;
            let bytes = sources.finished(&folder.join(format!("lib-{library}.json"))).ok()?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        };
        Self { path: path.to_owned(), print: if wanted { find() } else { None } }
    }

    /// `OUT_DIR` as the dep-info beside it has it.
    pub(crate) fn out_dir(&self, sources: &dyn Sources) -> Option<PathBuf> {
        let stem = self.path.file_stem()?.to_str()?;
        let stem = stem.strip_prefix("lib").unwrap_or(stem);
        let bytes = sources.read(&self.path.with_file_name(format!("{stem}.d"))).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        text.lines().find_map(|line| line.strip_prefix("# env-dep:OUT_DIR=")).map(PathBuf::from)
    }

    pub(crate) fn features(&self) -> Vec<String> {
        let find = || {
            let list = self.print.as_ref()?.split("\"features\":\"").nth(1)?.split("]\"").next()?;
            let list = list.replace(['\\', '"', '['], "");
            Some(
                list.split(',')
                    .map(|feature| feature.trim().to_owned())
                    .filter(|feature| !feature.is_empty())
                    .collect(),
            )
        };
        find().unwrap_or_default()
    }

    /// The library of a package that this one was compiled with.
    pub(crate) fn linked(&self, package: &str, library: &str, sources: &dyn Sources) -> Option<PathBuf> {
        let print = self.print.as_ref()?;
        let deps = print.split("\"deps\":[").nth(1)?.split("]]").next()?;
        let hashes = deps.split(']').filter_map(|dep| dep.rsplit(',').next()?.parse::<u64>().ok());
        let hashes: Vec<String> =
            hashes.map(|hash| hash.to_le_bytes().iter().map(|byte| format!("{byte:02x}")).collect()).collect();
        let ours = |folder: &PathBuf| {
            let name = folder.file_name()?.to_str()?;
            let hash = name.strip_prefix(package)?.strip_prefix('-').filter(|hash| !hash.contains('-'))?;
            let found = sources.read(&folder.join(format!("lib-{library}"))).ok()?;
            hashes.iter().any(|wanted| wanted.as_bytes() == found.trim_ascii()).then(|| hash.to_owned())
        };
        let hash = sources.list(&prints(&self.path)?).iter().find_map(ours)?;
        Some(self.path.with_file_name(format!("lib{library}-{hash}.rmeta")))
    }
}

/// Where cargo keeps its fingerprints.
fn prints(library: &Path) -> Option<PathBuf> {
    Some(library.parent()?.parent()?.join(".fingerprint"))
}
