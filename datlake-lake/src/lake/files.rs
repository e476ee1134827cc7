//! Files of a listing, and what of it could not be read.

use std::ops::Deref;

use datlake_core::{Error, ErrorKind, Result};

use crate::file::File;
use crate::report::Damage;

/// The files of a [listing](crate::Lake::list): a slice of them, and names whose documents are damaged.
///
/// ```
/// let lake = datlake::Lake::temp()?;
/// lake.add_bytes("greetings/en.txt", b"hello")?;
/// for file in lake.list("greetings")?.whole()? {
///     println!("{file}");
/// }
/// # Ok::<(), datlake::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Files {
    pub(super) files: Vec<File>,
    pub(super) damaged: Vec<Damage>,
}

impl Files {
    /// What could not be read.
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// lake.add_bytes("a.txt", "a")?;
    /// # let name = lake.home().join("files/a.txt.datlake");
    /// # std::fs::remove_file(&name)?;
    /// std::fs::write(&name, "something else")?; // some careless tool
    /// let files = lake.list("")?;
    /// assert_eq!((files.len(), files.damaged()[0].what.as_str()), (0, "a.txt"));
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn damaged(&self) -> &[Damage] {
        &self.damaged
    }

    /// The files, if nothing is damaged.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`], which names all that is.
    pub fn whole(self) -> Result<Vec<File>> {
        let Some((first, more)) = self.damaged.split_first() else { return Ok(self.files) };
        let mut message = first.error.clone();
        if !more.is_empty() {
            let names: Vec<_> = more.iter().map(|damage| format!("`{}`", damage.what)).collect();
            message.push_str(&format!("; damaged too: {}", names.join(", ")));
        }
        Err(Error::new(ErrorKind::Corrupt, message))
    }
}

impl Deref for Files {
    type Target = [File];

    fn deref(&self) -> &[File] {
        &self.files
    }
}

impl IntoIterator for Files {
    type Item = File;
    type IntoIter = std::vec::IntoIter<File>;

    fn into_iter(self) -> Self::IntoIter {
        self.files.into_iter()
    }
}

impl<'a> IntoIterator for &'a Files {
    type Item = &'a File;
    type IntoIter = std::slice::Iter<'a, File>;

    fn into_iter(self) -> Self::IntoIter {
        self.files.iter()
    }
}

impl PartialEq<&[File]> for Files {
    fn eq(&self, other: &&[File]) -> bool {
        self.damaged.is_empty() && self.files == *other
    }
}
