//! A source file as it was compiled: what the table of a call names by git's id of the file.

use std::path::{Path, PathBuf};

use datlake_core::Closure;
use datlake_core::lineage::{CodeLineage, CodeState};
use git2::{ObjectType, Oid, Repository};

/// Larger files are not looked at.
const LARGEST: u64 = 16 << 20;

/// Where sources are looked for: the working directory and the repository around it.
pub(crate) struct Checkout {
    folder: PathBuf,
    repository: Option<Repository>,
}

impl Checkout {
    pub(crate) fn here() -> Self {
        let folder = std::env::current_dir().unwrap_or_default();
        let repository = Repository::discover(&folder).ok();
        Self { folder, repository }
    }

    /// A source file of a call's code, by its name in the table and git's id of it.
    pub(crate) fn bytes(&self, code: &CodeLineage, closure: &Closure, file: &str, blob: &str) -> Option<Vec<u8>> {
        let blob = Oid::from_str(blob).ok()?;
        self.on_disk(file, blob).or_else(|| self.kept(blob)).or_else(|| self.committed(code, closure, file))
    }

    /// The file in the workspace, where it still is what was compiled.
    fn on_disk(&self, file: &str, blob: Oid) -> Option<Vec<u8>> {
        self.folder.ancestors().find_map(|folder| {
            let path = folder.join(file);
            let found = path.metadata().ok().filter(|found| found.is_file() && found.len() <= LARGEST);
            let bytes = found.and_then(|_| std::fs::read(&path).ok())?;
            (Oid::hash_object(ObjectType::Blob, &bytes).ok()? == blob).then_some(bytes)
        })
    }

    /// What git has under this id.
    fn kept(&self, blob: Oid) -> Option<Vec<u8>> {
        Some(self.repository.as_ref()?.find_blob(blob).ok()?.content().to_vec())
    }

    /// The file of the commit that has this code, whose bytes a checkout may have changed.
    fn committed(&self, code: &CodeLineage, closure: &Closure, file: &str) -> Option<Vec<u8>> {
        if code.source.state != CodeState::Committed {
            return None;
        }
        let repository = self.repository.as_ref()?;
        let root = closure.items.iter().find(|item| item.is_root)?;
        // The workspace may be a folder of the repository.
        let workspace = code.source.path.as_deref()?.strip_suffix(root.file.as_str())?;
        let commit = repository.find_commit(Oid::from_str(code.source.commit.as_deref()?).ok()?).ok()?;
        let entry = commit.tree().ok()?.get_path(&Path::new(workspace).join(file)).ok()?;
        self.kept(entry.id())
    }
}
