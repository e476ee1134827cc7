//! Whether what lies outside of the lake is still what was imported.

use datlake_core::tree::{AddressedFile, TreeEntry};
use datlake_core::{ErrorKind, Result};
use datlake_store::wait;

use super::reference::Reference;
use crate::lake::in_parallel;
use crate::report::{ChangedOutside, OutsideCheck};
use crate::sync::lock;

impl Reference {
    /// Looks at each file at a path that begins with `prefix` and [lies outside](crate::Branch::import_addresses) of the lake, whether it is
    /// what was imported: by its size, and its ETag or time. No content is read, and [`Lake::verify`](crate::Lake::verify) sees none of these.
    ///
    /// # Errors
    /// As [`Reference::commit_info`]; [`ErrorKind::Denied`] where nothing allows an address; those of reaching where they lie.
    ///
    /// ```
    /// let exports = tempfile::tempdir()?;
    /// std::fs::write(exports.path().join("jan.csv"), "x,1\n")?;
    /// let url = format!("file://{}", exports.path().display());
    /// let lake = datlake::Lake::temp()?;
    /// lake.allow_addresses(&[&url])?;
    /// let main = lake.new_repository("sales").create()?.default_branch();
    /// main.import_addresses(&url, "raw/", "The exports")?;
    /// assert!(main.check_outside("")?.changed.is_empty());
    /// std::fs::write(exports.path().join("jan.csv"), "x,1\nx,2\n")?;
    /// let check = main.check_outside("raw/")?;
    /// assert_eq!((check.checked, &*check.changed[0].path), (1, "raw/jan.csv"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn check_outside(&self, prefix: &str) -> Result<OutsideCheck> {
        let (view, shared) = (self.view()?, self.shared());
        let outside = lock(&shared.lake.0.outside).clone();
        let mut report = OutsideCheck::default();
        for row in view.tree.ranges() {
            let is_before = row.last.as_str() < prefix;
            if is_before || (row.first.as_str() > prefix && !row.first.starts_with(prefix)) {
                continue;
            }
            let range = shared.range(row)?;
            let is_meant = |path: &str| path.starts_with(prefix) && !view.changes.contains_key(path);
            let files: Vec<(&str, &AddressedFile)> = range
                .entries()
                .filter(|(path, _)| is_meant(path))
                .filter_map(
                    |(path, entry)| if let TreeEntry::Addressed(file) = entry { Some((path, &**file)) } else { None },
                )
                .collect();
            let looked = in_parallel(&files, |(path, file)| match wait(outside.check(file)) {
                Err(error) if error.kind() == ErrorKind::Conflict => {
                    let (path, why) = ((*path).to_owned(), error.message().to_owned());
                    Ok(Some(ChangedOutside { path, why }))
                }
                checked => checked.map(|()| None),
            })?;
            report.checked += files.len() as u64;
            report.changed.extend(looked.into_iter().flatten());
        }
        Ok(report)
    }
}
