//! Files of the lake, and of a folder, in a branch by one commit.

use datlake_core::{Error, ErrorKind, Result};

use super::branch::Branch;
use super::change_set::ChangeSet;
use super::commit::CommitMessage;
use crate::file::{LocalFolder, Tree};
use crate::report::Imported;

impl Branch {
    /// Commits the files of the lake whose names begin with `prefix`, each at `to` and the rest of its name, without copying them; of a
    /// tree the files in it. What is there already is replaced, and nothing is deleted.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where no name begins so; [`ErrorKind::Corrupt`] where one of them cannot be read; as
    /// [`Branch::commit_all`].
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// lake.add_bytes("exports/jan.csv", "x,1\n")?;
    /// lake.add_bytes("exports/feb.csv", "x,2\n")?;
    /// let main = lake.new_repository("sales").create()?.default_branch();
    /// assert_eq!(main.import_files("exports/", "raw/", "The exports")?.objects, 2);
    /// assert_eq!(main.file("raw/jan.csv")?.lineage()?.added().unwrap().name, "jan.csv");
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn import_files(&self, prefix: &str, to: &str, message: impl Into<CommitMessage>) -> Result<Imported> {
        self.state("import files")?;
        let lake = &self.shared().lake;
        let listing = lake.list_files("")?;
        let is_meant = |name: &str| name.starts_with(prefix);
        if let Some(damage) = listing.damaged.iter().find(|damage| is_meant(&damage.what)) {
            let message = format!("cannot import `{}`: {}", damage.what, damage.error);
            return Err(Error::new(ErrorKind::Corrupt, message));
        }
        let mut changes = ChangeSet::new();
        for uid in listing.files.iter().map(|row| &row.uid).filter(|uid| is_meant(uid.as_str())) {
            let file = lake.file(uid.as_str())?;
            let rest = match &uid.as_str()[prefix.len()..] {
                "" => uid.file_name(),
                rest => rest,
            };
            let at = format!("{to}{rest}");
            changes = match file.is_tree() {
                false => changes.put(&at, &file),
                true => {
                    let members = Tree::try_from(file)?.files()?;
                    members.iter().fold(changes, |changes, file| changes.put(&format!("{at}/{}", file.name()), file))
                }
            };
        }
        if changes.is_empty() {
            return Err(Error::new(
                ErrorKind::NotFound,
                format!("no file of the lake has a name that begins with `{prefix}`"),
            ));
        }
        self.imported(message, &changes)
    }

    /// Commits the files of a folder of this machine, each at `to` and its path from there. What is there already is replaced, and nothing
    /// is deleted.
    ///
    /// # Errors
    /// As [`Lake::add_each_of`](crate::Lake::add_each_of) and [`Branch::commit_all`].
    ///
    /// ```
    /// let main = datlake::Lake::temp()?.new_repository("code").create()?.default_branch();
    /// let imported = main.import_folder(&datlake::LocalFolder::read("src")?, "src/", "The sources")?;
    /// assert!(imported.objects > 0 && main.exists("src/lib.rs")?);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn import_folder(&self, folder: &LocalFolder, to: &str, message: impl Into<CommitMessage>) -> Result<Imported> {
        self.state("import a folder")?;
        let files = folder.files(&self.shared().lake, |path| Ok(format!("{to}{path}")))?;
        let changes = files.iter().fold(ChangeSet::new(), |changes, (at, path)| changes.put_path(at, path));
        self.imported(message, &changes)
    }

    fn imported(&self, message: impl Into<CommitMessage>, changes: &ChangeSet) -> Result<Imported> {
        Ok(Imported { commit: self.commit_all(message, changes)?, objects: changes.len() as u64 })
    }
}
