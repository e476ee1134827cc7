//! The content that documents name, by its digest, however much it is.

use std::collections::HashMap;
use std::iter::Peekable;

use datlake_core::document::{Content, Part};
use datlake_core::{Digest, Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use crate::sorted::{InOrder, Sorted, Sorter};

/// So many pieces of content are known to have been noted: what very many documents name is noted once.
const KNOWN: usize = 1 << 14;

/// Content that documents name, as it is gathered.
#[derive(Default)]
pub(super) struct Naming {
    sorter: Sorter,
    /// What was noted lately, and whether it is needed.
    known: HashMap<(Digest, Option<Digest>), bool>,
}

/// Content that documents name: for each range that leads to it once more.
pub(super) struct NamedContent(Sorted);

/// A digest, and what is wanted of it in each range that leads to it.
pub(super) type OfOne = (Digest, Vec<(Option<Digest>, Wanted)>);

/// Content that a document names.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Wanted {
    /// Whether it must be there.
    pub(super) needed: bool,
    /// Its size in bytes; `None` where nobody wrote it down.
    pub(super) size: Option<u64>,
    /// What people call it.
    pub(super) what: String,
    /// What `repair` takes to heal it.
    pub(super) healed_as: String,
}

impl Naming {
    /// Notes what one document names, and whether that must be there; what is no file is healed with the document.
    pub(super) fn note(&mut self, names: Vec<Content>, is_needed: bool, document: &str) -> Result<()> {
        for Content { digest, size, what, part, range, .. } in names {
            let needed = is_needed && part != Part::Extra;
            if self.known.get(&(digest, range)).is_some_and(|known| *known || !needed) {
                continue;
            }
            if self.known.len() == KNOWN {
                self.known.clear();
            }
            self.known.insert((digest, range), needed);
            let healed_as = if part == Part::File { what.clone() } else { document.to_owned() };
            let mut item = digest.as_bytes().to_vec();
            match range {
                None => item.push(0),
                Some(range) => item.extend([1].iter().chain(range.as_bytes())),
            }
            let wanted = Wanted { needed, size, what, healed_as };
            serde_json::to_writer(&mut item, &wanted).map_err(|e| strange("write").because(e))?;
            self.sorter.push(&item)?;
        }
        Ok(())
    }

    pub(super) fn all(self) -> Result<NamedContent> {
        self.sorter.sorted().map(NamedContent)
    }
}

impl NamedContent {
    /// All of it, by its digests: each with the ranges that lead to it.
    pub(super) fn iter(&self) -> impl Iterator<Item = Result<OfOne>> + Send + use<> {
        ByDigest(self.0.iter().peekable())
    }

    /// What is wanted of each of these digests, if anything.
    pub(super) fn of(&self, digests: impl IntoIterator<Item = Digest>) -> Result<HashMap<Digest, Wanted>> {
        let mut found: HashMap<Digest, Option<Wanted>> = digests.into_iter().map(|digest| (digest, None)).collect();
        if found.is_empty() {
            return Ok(HashMap::new());
        }
        for named in self.iter() {
            let (digest, named) = named?;
            if let (Some(place), Some((_, wanted))) = (found.get_mut(&digest), named.into_iter().next()) {
                *place = Some(wanted);
            }
        }
        Ok(found.into_iter().filter_map(|(digest, wanted)| Some((digest, wanted?))).collect())
    }
}

struct ByDigest(Peekable<InOrder>);

impl ByDigest {
    fn group(&mut self, first: Vec<u8>) -> Result<OfOne> {
        let (digest, range, wanted) = read(&first)?;
        let mut named: Vec<(Option<Digest>, Wanted)> = vec![(range, wanted)];
        let same = |item: &Result<Vec<u8>>| item.as_ref().map_or(true, |item| item[..32] == first[..32]);
        while let Some(item) = self.0.next_if(same) {
            let (_, range, wanted) = read(&item?)?;
            match named.last_mut() {
                // Of what is named several times, that counts by which it is needed.
                Some((last, known)) if *last == range => {
                    if wanted.needed && !known.needed {
                        *known = wanted;
                    }
                }
                _ => named.push((range, wanted)),
            }
        }
        Ok((digest, named))
    }
}

impl Iterator for ByDigest {
    type Item = Result<OfOne>;

    fn next(&mut self) -> Option<Self::Item> {
        let first = self.0.next()?;
        Some(first.and_then(|first| self.group(first)))
    }
}

fn read(item: &[u8]) -> Result<(Digest, Option<Digest>, Wanted)> {
    let parts = || {
        let (digest, rest) = item.split_first_chunk::<32>()?;
        let (range, rest) = match rest.split_first()? {
            (0, rest) => (None, rest),
            (_, rest) => {
                let (range, rest) = rest.split_first_chunk::<32>()?;
                (Some(Digest::from_bytes(*range)), rest)
            }
        };
        Some((Digest::from_bytes(*digest), range, serde_json::from_slice(rest).ok()?))
    };
    parts().ok_or_else(|| strange("read"))
}

fn strange(operation: &str) -> Error {
    Error::new(ErrorKind::Io, format!("cannot {operation} a temporary file of the content that documents name"))
}
