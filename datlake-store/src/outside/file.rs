//! A file outside, as it is shown, and the error of one that is not what it was.

use datlake_core::tree::AddressedFile;
use datlake_core::{Error, ErrorKind, Result};

/// What of a place is shown: a path below it, and the file there.
pub type VisitOutside<'a> = &'a mut (dyn FnMut(&str, AddressedFile) -> Result<()> + Send);

/// A path below another, either of which may be empty.
pub(super) fn joined(above: &str, path: &str) -> String {
    match (above, path) {
        ("", path) => path.to_owned(),
        (above, "") => above.to_owned(),
        (above, path) => format!("{above}/{path}"),
    }
}

/// The error of a file that is not what it was.
pub(crate) fn changed(file: &AddressedFile, what: &str) -> Error {
    let message = format!("`{}` is not what was imported: {what}", file.address);
    Error::new(ErrorKind::Conflict, message)
        .with_hint("import it again, or put back what was there: a commit means the file as it was")
}
