//! Paths to content that end in a file's own name and outlive the process: symbolic links `paths/<digest>/<name>`.

use std::io;
use std::path::{Path, PathBuf};

use datlake_core::{Digest, Location};

use super::{DirStore, sys};

const PATHS: &str = "paths";

impl DirStore {
    /// A path that leads to content as long as that is here. It ends in `name`, as it is [called](super::Scratch::called) here;
    /// where no such link can be made, in the digest.
    pub fn named_path(&self, digest: &Digest, name: &str) -> PathBuf {
        self.link(digest, name).unwrap_or_else(|_| self.path_of(&Location::Blob(*digest)))
    }

    fn link(&self, digest: &Digest, name: &str) -> io::Result<PathBuf> {
        let name = self.shared.names.shown(name);
        if matches!(&*name, "" | "." | "..") || name.contains(['/', '\0']) {
            return Err(io::ErrorKind::InvalidFilename.into());
        }
        let folder = self.root().join(PATHS).join(digest.to_string());
        let path = folder.join(&*name);
        let target = Path::new("../..").join(&*self.shared.names.file(&Location::Blob(*digest).path()));
        loop {
            sys::make_dir(&self.root().join(PATHS))?;
            sys::make_dir(&folder)?;
            match std::os::unix::fs::symlink(&target, &path) {
                Ok(()) => return Ok(path),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                    // Anything else in its place is not ours, and leads elsewhere.
                    return if std::fs::read_link(&path)? == target { Ok(path) } else { Err(e) };
                }
                // Somebody is clearing up.
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(e),
            }
        }
    }

    /// Removes the named paths whose content is gone, as well as it can: they are in nobody's way.
    pub fn clear_named_paths(&self) {
        let Ok(folders) = std::fs::read_dir(self.root().join(PATHS)) else { return };
        for folder in folders.flatten().map(|entry| entry.path()) {
            for path in std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
                if path.is_symlink() && !path.exists() {
                    let _ = std::fs::remove_file(path);
                }
            }
            // Fails where something is left.
            let _ = std::fs::remove_dir(folder);
        }
    }
}
