//! A kind of document that no lake has: with its row in the table of kinds, all that a kind is made of.
//!
//! It refers to a list of lists of content, which is content itself: two steps down, as a commit's would be.

use serde::{Deserialize, Serialize};

use crate::document::envelope;
use crate::document::references::{Content, Document, Part, ReadContent, References};
use crate::{Digest, Error, ErrorKind, Location, Result};

#[derive(Serialize, Deserialize)]
struct MadeUpV1 {
    nonce: String,
    list: Digest,
}

/// A document that refers to `list`: where it is, and its bytes.
///
/// # Errors
/// None in practice.
pub fn create(nonce: &str, list: Digest) -> Result<(Location, Vec<u8>)> {
    let (bytes, digest) = envelope::seal("made-up", &MadeUpV1 { nonce: nonce.to_owned(), list })?;
    Ok((Location::MadeUp(digest), bytes))
}

pub(crate) fn document(at: &Location, bytes: Vec<u8>) -> Result<Document> {
    let (MadeUpV1 { list, .. }, digest) = envelope::open("made-up", &bytes, &at.path())?;
    if *at != Location::MadeUp(digest) {
        return Err(Error::new(ErrorKind::Corrupt, format!("`{}` is damaged: it is another document", at.path())));
    }
    let content = vec![listed(list, format!("the list of {}", digest.short()), Some(lists))];
    Ok(Document::new(at, digest, bytes, References { content, ..References::default() }))
}

fn listed(digest: Digest, what: String, reads: Option<ReadContent>) -> Content {
    Content { reads, ..Content::apart(digest, what, Part::Own) }
}

/// A list of lists: one digest a line.
fn lists(list: &mut Content, bytes: &[u8]) -> Result<Vec<Content>> {
    lines(list, bytes, Some(leaves))
}

/// A list of plain content.
fn leaves(list: &mut Content, bytes: &[u8]) -> Result<Vec<Content>> {
    lines(list, bytes, None)
}

fn lines(list: &Content, bytes: &[u8], reads: Option<ReadContent>) -> Result<Vec<Content>> {
    let corrupt = || Error::new(ErrorKind::Corrupt, format!("`{}` is no list", list.what));
    let text = std::str::from_utf8(bytes).map_err(|e| corrupt().because(e))?;
    let line = |(at, line): (usize, &str)| {
        let digest = line.parse().map_err(|e: Error| corrupt().because(e))?;
        Ok(listed(digest, format!("{} [{at}]", list.what), reads))
    };
    text.lines().enumerate().map(line).collect()
}
