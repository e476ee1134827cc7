//! What is in a tree, in lists: a range of it is read at a time, and only those that what is asked for may be in.

use datlake_core::{Result, Uid};
use datlake_store::wait;

use super::files::{Counting, row, uid_of};
use super::rows::Rows;
use crate::file::{File, Tree, not_in_tree};
use crate::lake::{Lake, refuse_in_body};
use crate::origin::Origin;
use crate::report::{FolderRow, ListedItem, Row};

impl Lake {
    /// What is at `path` of the tree `tree` and below it, all of it where that is empty: of one level its files, and its folders with
    /// how many files are below each, or all files. `remote` of a file is that of the tree.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](datlake_core::ErrorKind::NotFound) where nothing is there; as [`Lake::file`]; [`ErrorKind::InvalidInput`](datlake_core::ErrorKind::InvalidInput) for what is no
    /// tree. Rows end with that of reading a range.
    ///
    /// ```
    /// use datlake::report::{ListedItem, Row};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # std::fs::create_dir_all(folder.path().join("2026"))?;
    /// # std::fs::write(folder.path().join("2026/a.txt"), "a")?;
    /// let lake = datlake::Lake::temp()?;
    /// lake.add_tree("photos", folder.path())?;
    /// let Some(Row::Whole(ListedItem::Folder(year))) = lake.tree_rows("photos", "", false)?.next().transpose()? else { panic!() };
    /// assert_eq!((year.prefix.as_str(), year.files), ("photos//2026", 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn tree_rows(&self, tree: &str, path: &str, recursive: bool) -> Result<Rows<ListedItem>> {
        refuse_in_body("list the lake")?;
        let file = self.file(tree)?;
        let (origin, remote) = (file.lineage()?, wait(file.is_at_remote())?);
        let tree = Tree::try_from(file.clone())?;
        let path = path.trim_matches('/').to_owned();
        let mut ranges = tree.ranges_of(&path)?;
        let mut level = Level { tree: uid_of(&file)?, origin, remote, path, recursive, open: None, is_found: false };
        Ok(Rows::new(move || {
            refuse_in_body("list the lake")?;
            match ranges.next() {
                Some(at) => level.rows_of(tree.in_range(at, &level.path)?).map(Some),
                None => level.end(),
            }
        }))
    }
}

/// A level of a tree that is being listed.
struct Level {
    tree: Uid,
    origin: Origin,
    remote: bool,
    path: String,
    recursive: bool,
    /// The last folder: more of it may be in the next range.
    open: Option<FolderRow>,
    is_found: bool,
}

impl Level {
    /// The rows of what is in a range: paths, each with a file or, for an empty folder, none.
    fn rows_of(&mut self, found: Vec<(String, Option<File>)>) -> Result<Vec<Row<ListedItem>>> {
        let mut rows = Vec::new();
        for (path, file) in found {
            self.is_found = true;
            let below = path[self.path.len()..].trim_start_matches('/');
            let folder = match (below.split_once('/'), &file) {
                _ if self.recursive => None,
                (Some((first, _)), _) => Some(path.len() - below.len() + first.len()),
                (None, None) => Some(path.len()),
                (None, Some(_)) => None,
            };
            match (folder, file) {
                (Some(end), file) => rows.extend(self.count(&path[..end], file.is_some().into())?),
                (None, Some(file)) => {
                    rows.extend(self.close());
                    rows.push(Row::Whole(ListedItem::File(row(&file, &self.origin, self.remote, Counting::Small)?)));
                }
                (None, None) => {}
            }
        }
        Ok(rows)
    }

    /// Counts files of a folder: the folder before it, which has no more.
    fn count(&mut self, folder: &str, files: u64) -> Result<Option<Row<ListedItem>>> {
        let prefix = Uid::member(&self.tree, folder)?;
        match &mut self.open {
            Some(open) if open.prefix == prefix => {
                open.files += files;
                Ok(None)
            }
            _ => {
                let before = self.close();
                self.open = Some(FolderRow { prefix, files });
                Ok(before)
            }
        }
    }

    fn close(&mut self) -> Option<Row<ListedItem>> {
        self.open.take().map(|folder| Row::Whole(ListedItem::Folder(folder)))
    }

    fn end(&mut self) -> Result<Option<Vec<Row<ListedItem>>>> {
        if let Some(last) = self.close() {
            return Ok(Some(vec![last]));
        }
        if self.is_found || self.path.is_empty() {
            return Ok(None);
        }
        Err(not_in_tree(format!("the tree `{}` has nothing at `{}`", self.tree, self.path), &self.tree))
    }
}
