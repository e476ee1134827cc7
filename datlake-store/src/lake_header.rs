//! `datlake.json`: what every lake begins with.

use std::fmt::Display;
use std::hash::{BuildHasher as _, RandomState};
use std::path::Path;

use datlake_core::{Error, ErrorKind, Location, Result};
use serde::{Deserialize, Serialize};

use crate::names::Names;

/// The format this version writes and the newest it reads.
const FORMAT: u64 = 1;

/// `datlake.json` as it is written.
#[derive(Serialize, Deserialize)]
pub(crate) struct LakeHeader {
    format: u64,
    pub(crate) id: String,
    /// What the files of objects are called. Never anything but plain in a bucket.
    #[serde(default, skip_serializing_if = "Names::is_plain")]
    pub(crate) names: Names,
}

/// A new lake: its header, and the bytes of its `datlake.json`.
pub(crate) fn fresh(names: Names) -> Result<(LakeHeader, Vec<u8>)> {
    // The seeds of the standard library's hash maps come from the operating system.
    let random = || RandomState::new().hash_one(std::process::id());
    let id = format!("{:016x}{:016x}", random(), random());
    let header = LakeHeader { format: FORMAT, id, names };
    let mut bytes =
        serde_json::to_vec(&header).map_err(|e| Error::new(ErrorKind::Io, "cannot write `datlake.json`").because(e))?;
    bytes.push(b'\n');
    Ok((header, bytes))
}

/// Reads the `datlake.json` of the lake at `place`.
///
/// # Errors
/// [`ErrorKind::Format`] for a lake of a newer format, [`ErrorKind::Corrupt`] for what is none.
pub(crate) fn parse(place: &dyn Display, bytes: &[u8]) -> Result<LakeHeader> {
    /// The one member that every format has.
    #[derive(Deserialize)]
    struct Format {
        format: u64,
    }
    let cut = |e| damaged(place, "it is cut short or was edited").because(e);
    let Format { format } = serde_json::from_slice(bytes).map_err(cut)?;
    if format > FORMAT {
        let message =
            format!("the lake of `{place}` was written by a newer datlake (format {format}; this one knows {FORMAT})");
        return Err(Error::new(ErrorKind::Format, message).with_hint("upgrade datlake"));
    }
    if format == 0 {
        return Err(damaged(place, "there is no format 0"));
    }
    let header: LakeHeader = serde_json::from_slice(bytes).map_err(cut)?;
    if !is_id(&header.id) {
        return Err(damaged(place, "its id is not 32 hexadecimal digits"));
    }
    Ok(header)
}

/// Whether the directory `folder` is a lake: a home, or a remote.
pub fn is_lake(folder: &Path) -> bool {
    let path = folder.join(Location::Lake.path());
    match std::fs::read(&path).map(|bytes| parse(&path.display(), &bytes)) {
        Ok(Ok(_)) => true,
        // One that is newer, or damaged. A file of that name alone is none.
        Ok(Err(error)) => error.kind() == ErrorKind::Format || folder.join("blobs").is_dir(),
        Err(_) => false,
    }
}

/// The id in a `datlake.json`; `None` where it is damaged.
pub fn lake_id(bytes: &[u8]) -> Option<String> {
    parse(&"", bytes).ok().map(|header| header.id)
}

/// Whether `text` is how a lake's id looks.
pub(crate) fn is_id(text: &str) -> bool {
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    text.len() == 32 && text.bytes().all(hex)
}

/// What stands in the place of `datlake.json` and is none.
pub(crate) fn damaged(place: &dyn Display, how: &str) -> Error {
    let hint = "restore it from a copy, or remove it to have it made anew with a new id";
    Error::new(ErrorKind::Corrupt, format!("`{place}` does not describe a lake: {how}")).with_hint(hint)
}
