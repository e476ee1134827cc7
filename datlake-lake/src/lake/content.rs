//! Content, and what it refers to itself.

use std::collections::{HashMap, HashSet};
use std::io::Read as _;
use std::sync::Arc;

use datlake_core::document::{Content, Part};
use datlake_core::tree::FilesOutside;
use datlake_core::{Digest, Document, Error, ErrorKind, Location, Result, Subject, Uid};
use datlake_store::{Wanted, offload, wait};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::{AT_ONCE, Lake, concerns_one, lock};
use crate::event::Event;

/// How many things are done at a time; transfers have a bound of their own.
const AT_A_TIME: usize = 8;

impl Lake {
    /// All content that a document keeps, with what that refers to itself, a file of several ranges once of each. What refers to
    /// other content is downloaded for that.
    pub(crate) fn content_of(&self, document: &Document) -> Result<Vec<Content>> {
        match wait(self.is_pruned(document))? {
            true => Ok(Vec::new()),
            false => self.closure(document.references().content.clone()),
        }
    }

    /// Whether a document is of a version that was pruned: it keeps nothing.
    pub(super) async fn is_pruned(&self, document: &Document) -> Result<bool> {
        let Some(mark) = document.pruned_mark() else { return Ok(false) };
        // To have seen a mark is enough, so that what was listed once counts.
        let known = lock(&self.0.pruned).clone();
        let marks = match known {
            Some(marks) => marks,
            None => {
                let marks = Arc::new(self.catalog().pruned().await?);
                lock(&self.0.pruned).insert(marks).clone()
            }
        };
        Ok(marks.contains(&mark))
    }

    /// Others may have pruned versions: whoever begins to look a lake through lists them anew.
    pub(super) fn forget_pruned(&self) {
        *lock(&self.0.pruned) = None;
    }

    /// `contents`, and all that they refer to themselves, a file of several ranges once of each. What refers to other content is
    /// downloaded.
    pub(crate) fn closure(&self, contents: Vec<Content>) -> Result<Vec<Content>> {
        let mut all = self.follow(contents, |_| Ok(true))?;
        let mut seen = HashSet::new();
        all.retain(|content| seen.insert((content.digest, content.range)));
        Ok(all)
    }

    /// `contents`, and all that those refer to themselves which are to be read; what is read in several ways, that often.
    pub(super) fn follow(
        &self,
        mut contents: Vec<Content>,
        is_read: impl Fn(&Content) -> Result<bool>,
    ) -> Result<Vec<Content>> {
        let (mut all, mut seen) = (Vec::new(), HashSet::new());
        contents.reverse();
        while let Some(mut content) = contents.pop() {
            if !seen.insert((content.digest, content.range, content.reads.map(|reads| reads as usize))) {
                continue;
            }
            if content.reads.is_some() && is_read(&content)? {
                let mut found = self.references_of(&mut content)?;
                self.fetch_ahead(&found, &is_read)?;
                found.reverse();
                contents.extend(found);
            }
            all.push(content);
        }
        Ok(all)
    }

    /// Fetches those of `contents` that are to be read next, several at a time: one after the other takes a round trip each. What is
    /// wrong with one of them is an error of who reads it.
    fn fetch_ahead(&self, contents: &[Content], is_read: impl Fn(&Content) -> Result<bool>) -> Result<()> {
        let mut ahead = Vec::new();
        for content in contents {
            if content.reads.is_some() && !self.is_here(content)? && is_read(content)? {
                ahead.push(content);
            }
        }
        let fetched = stream::iter(ahead).map(async |content| match self.fetch(content).await {
            Err(error) if !concerns_one(&error) => Err(error),
            _ => Ok(()),
        });
        wait(fetched.buffer_unordered(AT_ONCE).try_collect())
    }

    /// What content refers to itself.
    pub(super) fn references_of(&self, content: &mut Content) -> Result<Vec<Content>> {
        let read = self.bytes_of(content).and_then(|bytes| content.references(&bytes));
        let advised = |error: Error| match (error.kind(), content.part) {
            (ErrorKind::MissingBlob | ErrorKind::Corrupt, Part::File) => {
                error.with_hint(format!("`datlake repair {}` heals it, or says how to", content.what))
            }
            _ => error,
        };
        match read.map_err(advised) {
            // The lake is whole without it, and so without what only it leads to.
            Err(error)
                if content.part == Part::Extra
                    && matches!(error.kind(), ErrorKind::MissingBlob | ErrorKind::Corrupt) =>
            {
                Ok(Vec::new())
            }
            read => read,
        }
    }

    /// The bytes of content, which is downloaded.
    pub(crate) fn bytes_of(&self, content: &Content) -> Result<Vec<u8>> {
        wait(self.fetch(content))?;
        let size = wait(self.size_here(content))?.unwrap_or(0);
        let (mut reader, _) = wait(self.local_view().open_blob(wanted(content, size, &|_| {})))?;
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).map_err(|e| Error::io("read", &content.what, e))?;
        if Digest::of(&bytes) != content.digest {
            let message =
                format!("the content of `{}` is damaged: it no longer has digest {}", content.what, content.digest);
            return Err(Error::new(ErrorKind::Corrupt, message).about(Subject::Digest(content.digest)));
        }
        Ok(bytes)
    }

    /// Makes sure that content is on this machine: its size, if it had to come.
    pub(super) async fn fetch(&self, content: &Content) -> Result<Option<u64>> {
        let Content { digest, what, .. } = content;
        let size = match content.size {
            Some(size) => size,
            None => self.size_of(digest).await?.unwrap_or(0),
        };
        let progress = |done| self.emit(&Event::Downloading { file: what.clone(), done, size });
        let fetched = self.local_view().ensure(wanted(content, size, &progress)).await?;
        // What nobody asked for by name is not shown.
        if fetched && content.part != Part::Extra {
            self.emit(&Event::Downloaded { file: what.clone(), size });
            self.relieve(Some(*digest));
        }
        Ok(fetched.then_some(size))
    }

    async fn size_here(&self, content: &Content) -> Result<Option<u64>> {
        match content.size {
            Some(size) => Ok(Some(size)),
            None => self.catalog().local.size(&Location::Blob(content.digest)).await,
        }
    }

    /// Whether content is on this machine, as far as is known without reading it.
    pub(crate) fn is_here(&self, content: &Content) -> Result<bool> {
        let Some(size) = wait(self.size_here(content))? else { return Ok(false) };
        self.local_view().has(&wanted(content, size, &|_| {}))
    }

    /// How large content is, by whoever has it.
    pub(crate) async fn size_of(&self, digest: &Digest) -> Result<Option<u64>> {
        let at = Location::Blob(*digest);
        if let Some(size) = self.catalog().local.size(&at).await? {
            return Ok(Some(size));
        }
        match &self.catalog().remote {
            Some(remote) => remote.size(&at).await,
            None => Ok(None),
        }
    }

    /// What `text` selects, of UIDs: one, or those in a folder. Of calls too: `@creator` and `@creator/3f9a27/0`.
    pub(crate) fn selection(&self, text: &str) -> impl Fn(&Uid) -> bool + use<> {
        let text = text.trim_end_matches('/');
        let whole = self.resolve(text).map_or_else(|_| text.to_owned(), |uid| uid.to_string());
        let folder = format!("{whole}/");
        move |uid| *uid.as_str() == whole || uid.as_str().starts_with(&folder)
    }
}

/// Files of commits that lie outside of the lake, by the ranges that lead to them: whoever keeps, sends or looks at content leaves them
/// where they are, and says so.
#[derive(Debug, Default)]
pub(super) struct LeftOutside(HashMap<Digest, FilesOutside>);

impl LeftOutside {
    /// Notes those that `contents`, a [closure](Lake::closure), lead to.
    pub(super) fn note(&mut self, contents: &[Content]) {
        let leading = contents.iter().filter(|content| content.outside.files > 0);
        self.0.extend(leading.map(|content| (content.digest, content.outside)));
    }

    /// Those that others noted.
    pub(super) fn merge(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// All, those of a range once.
    pub(super) fn all(&self) -> FilesOutside {
        self.0.values().fold(FilesOutside::default(), |all, some| all.with(*some))
    }
}

/// A request for content of `size` bytes.
pub(super) fn wanted<'a>(content: &'a Content, size: u64, progress: &'a (dyn Fn(u64) + Sync)) -> Wanted<'a> {
    let Content { digest, what, range, .. } = content;
    Wanted { digest, size, what, range: *range, progress }
}

/// Each content once.
pub(crate) fn once(mut all: Vec<Content>) -> Vec<Content> {
    let mut seen = HashSet::new();
    all.retain(|content| seen.insert(content.digest));
    all
}

/// Does `work` for each of `items`, a few at a time, where it blocks nobody.
pub(crate) async fn each<T, R, F>(items: Vec<T>, work: F) -> Result<Vec<R>>
where
    T: Send + 'static,
    R: Send + 'static,
    F: Fn(T) -> R + Clone + Send + 'static,
{
    let one = |item| {
        let work = work.clone();
        offload(move || work(item))
    };
    stream::iter(items).map(one).buffered(AT_A_TIME).try_collect().await
}
