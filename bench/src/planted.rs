//! Lakes of very many calls, without making them: copies of one record, each of another number, written as docs/format.md says.

use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::any_result::AnyResult;

/// Puts a record beside `record`, that of a call of `number`, for each of `numbers`.
pub(crate) fn plant(record: &Path, number: u64, numbers: Range<u64>) -> AnyResult<()> {
    let text = std::fs::read_to_string(record)?;
    let folder = record.parent().ok_or("a record is in a folder")?;
    let key = record.file_stem().and_then(|name| name.to_str()).ok_or("a record is called by its key")?;
    let (body, _) = text.rsplit_once(",\"digest\":").ok_or("a record ends in its digest")?;
    let param = format!("\"value\":{number}}}");
    let (before, after) = body.split_once(&param).ok_or("a record shows its parameter")?;
    for n in numbers {
        let other = blake3::hash(&n.to_le_bytes()).to_hex();
        let body = format!("{before}\"value\":{n}}}{after}").replace(key, &other);
        let digest = blake3::hash(body.as_bytes()).to_hex();
        std::fs::write(folder.join(format!("{other}.datlake")), format!("{body},\"digest\":\"{digest}\"}}\n"))?;
    }
    Ok(())
}

/// The record of a lake that has one.
pub(crate) fn only_record(lake: &Path) -> AnyResult<PathBuf> {
    let mut path = lake.join("calls");
    while path.is_dir() {
        path = std::fs::read_dir(&path)?.next().ok_or("the lake has no record")??.path();
    }
    Ok(path)
}
