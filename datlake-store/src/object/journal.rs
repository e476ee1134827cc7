//! The journal of a multipart upload, so that it continues after its process was killed.
//!
//! One small file for each, in `remotes/uploads/`, locked during the upload: a line of JSON that says what is uploaded where,
//! and one for each part that the server has. A line that was cut short counts for nothing. No content and no setting is in
//! it, so no credential: the id of an upload is useless without permission to write.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use datlake_core::Digest;
use object_store::multipart::PartId;
use serde::{Deserialize, Serialize};

/// An upload that was not continued for so long is aborted.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);

/// What is uploaded where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Upload {
    /// What tells the store from others.
    pub(super) store: Digest,
    pub(super) key: String,
    pub(super) size: u64,
    /// The size of a part.
    pub(super) part: u64,
}

#[derive(Serialize, Deserialize)]
struct UploadHeader {
    #[serde(flatten)]
    upload: Upload,
    id: String,
}

#[derive(Serialize, Deserialize)]
struct Line {
    index: usize,
    part: String,
    digest: Digest,
}

/// A part that the server has.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) id: PartId,
    /// Of the bytes that were sent.
    pub(super) digest: Digest,
}

/// An upload that was begun: its id, and the parts that the server has.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) id: String,
    pub(super) parts: BTreeMap<usize, Sent>,
}

/// What is remembered of one upload. It is ours as long as this lives.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: Mutex<File>,
}

impl Journal {
    /// What `folder` remembers of `upload`; `None` if nothing can be remembered, or another process has the lock.
    pub(super) fn open(folder: &Path, upload: &Upload) -> Option<(Self, Option<Begun>)> {
        std::fs::create_dir_all(folder).ok()?;
        let path = folder.join(Digest::of(format!("{}\n{}", upload.store, upload.key).as_bytes()).to_string());
        let (journal, head, parts) = Self::lock(path, true)?;
        let head = head.filter(|head| head.upload == *upload);
        Some((journal, head.map(|head| Begun { id: head.id, parts })))
    }

    fn lock(path: PathBuf, make: bool) -> Option<(Self, Option<UploadHeader>, BTreeMap<usize, Sent>)> {
        let mut file = OpenOptions::new().read(true).write(true).create(make).truncate(false).open(&path).ok()?;
        file.try_lock().ok()?;
        let mut text = String::new();
        file.read_to_string(&mut text).ok()?;
        let (head, parts) = read(&text);
        Some((Self { path, file: Mutex::new(file) }, head, parts))
    }

    /// Remembers an upload that has just been begun, in place of an earlier one.
    pub(super) fn begin(&self, upload: &Upload, id: &str) {
        use std::io::Seek as _;
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let head = UploadHeader { upload: upload.clone(), id: id.to_owned() };
        // What cannot be remembered is uploaded all the same.
        let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| line(&mut file, &head));
    }

    /// Remembers that the server has a part.
    pub(super) fn has(&self, index: usize, part: &Sent) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = line(&mut file, &Line { index, part: part.id.content_id.clone(), digest: part.digest });
    }

    /// Forgets the upload: it is complete, or given up.
    pub(super) fn end(self) {
        let _ = std::fs::remove_file(&self.path);
    }

    /// Uploads to `store` that nobody continues: key and id of each. They are remembered until the journal is ended.
    pub(super) fn abandoned(folder: &Path, store: Digest) -> Vec<(Self, String, String)> {
        let is_old = |entry: &std::fs::DirEntry| {
            let modified = entry.metadata().and_then(|metadata| metadata.modified());
            modified.is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age > ABANDONED))
        };
        let old = std::fs::read_dir(folder).into_iter().flatten().flatten().filter(is_old);
        old.filter_map(|entry| match Self::lock(entry.path(), false) {
            Some((journal, Some(head), _)) if head.upload.store == store => Some((journal, head.upload.key, head.id)),
            _ => None,
        })
        .collect()
    }
}

/// What was uploaded, and the parts that the server has; no part that there cannot be.
fn read(text: &str) -> (Option<UploadHeader>, BTreeMap<usize, Sent>) {
    let mut lines = text.lines();
    let head: Option<UploadHeader> = lines.next().and_then(|line| serde_json::from_str(line).ok());
    let count = head.as_ref().map_or(0, |head| head.upload.size.div_ceil(head.upload.part.max(1)));
    let parts = lines.filter_map(|line| serde_json::from_str::<Line>(line).ok());
    let parts = parts.filter(|line| u64::try_from(line.index).is_ok_and(|index| index < count));
    let sent = |line: Line| Sent { id: PartId { content_id: line.part }, digest: line.digest };
    (head, parts.map(|line| (line.index, sent(line))).collect())
}

/// The parts that a journal has begin within its content.
#[cfg(feature = "fuzzing")]
pub(super) fn fuzz(text: &str) {
    if let (Some(UploadHeader { upload: Upload { size, part, .. }, .. }), parts) = read(text) {
        assert!(parts.keys().all(|index| (*index as u64).checked_mul(part).is_some_and(|start| start < size)));
    }
}

/// Appends a line in one write.
fn line(file: &mut File, what: &impl Serialize) -> std::io::Result<()> {
    let mut text = serde_json::to_vec(what)?;
    text.push(b'\n');
    file.write_all(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_there_cannot_be_is_none() {
        let digest = Digest::of(b"");
        let line = |index: &str| format!("{{\"index\":{index},\"part\":\"p\",\"digest\":\"{digest}\"}}\n");
        let text = format!("{{\"store\":\"{digest}\",\"key\":\"k\",\"size\":25,\"part\":10,\"id\":\"i\"}}\n")
            + &["0", "2", "3", "18446744073709551615", "-1"].map(line).concat();
        let (head, parts) = read(&text);
        assert_eq!((head.unwrap().upload.size, parts.into_keys().collect::<Vec<_>>()), (25, vec![0, 2]));
    }
}
