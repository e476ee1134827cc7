//! What a document refers to.

use crate::lineage::FileMeta;
use crate::tree::{FilesOutside, Metarange, RangeRow, TreeEntry, TreeRange};
use crate::{CallKey, CreatorName, Digest, Location, LogId, Result, SourceText, SourceTexts, Uid};

/// A document as those see it who keep a lake in order.
#[derive(Clone, Debug)]
pub struct Document {
    /// Where it is.
    pub at: Location,
    /// Its own digest.
    pub digest: Digest,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What people call it.
    pub what: String,
    /// The files it is about; of a call without any, and of what is no file's, none.
    pub uids: Vec<Uid>,
    /// The document that it goes with wherever that goes, as the name of an output with the call's record. Most go by themselves.
    pub part_of: Location,
    /// Documents for one place that mean the same are one to everybody, though their bytes differ.
    pub meaning: Digest,
    /// What it is to who wanted its place for another.
    pub taken: &'static str,
    /// Whether it only keeps others from its place: nobody misses it anywhere else.
    pub is_mark: bool,
    /// The log that begins with it, if there is one. What it shows itself matters no more then.
    pub begins: Option<LogId>,
    /// What it refers to.
    pub references: References,
}

/// What a document refers to.
#[derive(Clone, Debug, Default)]
pub struct References {
    /// Content, which stays as long as the document does.
    pub content: Vec<Content>,
    /// Documents without which it shows nothing; and what to say where they are not there.
    pub needs: Vec<(Location, String)>,
    /// Documents that it shows where they are there, and that it can be without.
    pub shows: Vec<Location>,
    /// Documents that [go with it](Document::part_of), if they say so themselves.
    pub parts: Vec<Location>,
    /// What it was made from. The lake is whole without that.
    pub lineage: Vec<MadeFrom>,
    /// Entries of indexes that lead to it: empty objects.
    pub index: Vec<Location>,
}

/// What something was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MadeFrom {
    /// A file, with the content it had.
    File(Uid, Digest),
    /// What a call returned, with its canonical digest.
    Value(CreatorName, CallKey, Digest),
}

impl MadeFrom {
    /// Where the document of it is, unless that has been replaced since.
    pub fn document(&self) -> Location {
        match self {
            Self::File(uid, _) => Location::of_file(uid),
            Self::Value(creator, key, _) => Location::Record(creator.clone(), *key),
        }
    }
}

/// A piece of content that a document, or other content, refers to.
#[derive(Clone, Debug)]
pub struct Content {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes; `None` where nobody wrote it down.
    pub size: Option<u64>,
    /// What people call it; of a file, its UID.
    pub what: String,
    /// What it is to the document.
    pub part: Part,
    /// The range of a tree that it is a file of: the range's locations may say which pack it rests in.
    pub range: Option<Digest>,
    /// How it is read, where it refers to other content itself.
    pub reads: Option<ReadContent>,
    /// Of a range that was read: the files in it that lie outside of the lake, and so are no content that anybody keeps.
    pub outside: FilesOutside,
}

/// What a piece of content refers to, from its bytes.
pub type ReadContent = fn(&mut Content, &[u8]) -> Result<Vec<Content>>;

/// What content is to the document that refers to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A file, or one in a tree: fetched by itself when somebody wants it.
    File,
    /// What the document itself keeps apart: it comes with the document.
    Own,
    /// The lake is whole without it.
    Extra,
}

impl Document {
    /// A document that goes by itself, and whose every byte matters.
    pub(crate) fn new(at: &Location, digest: Digest, bytes: Vec<u8>, references: References) -> Self {
        let (what, meaning) = (at.title(), Digest::of(&bytes));
        let (uids, part_of, taken) = (Vec::new(), at.clone(), "another document has its place there");
        Self {
            at: at.clone(),
            digest,
            bytes,
            what,
            uids,
            part_of,
            meaning,
            taken,
            is_mark: false,
            begins: None,
            references,
        }
    }

    /// What it refers to.
    pub fn references(&self) -> &References {
        &self.references
    }

    /// Where the mark would be that it keeps its content no more; `None` for what cannot be pruned so.
    pub fn pruned_mark(&self) -> Option<Location> {
        match &self.at {
            Location::Name(uid) => Some(Location::Pruned(uid.clone(), self.digest, self.digest)),
            Location::Version(uid, first, _) => Some(Location::Pruned(uid.clone(), *first, self.digest)),
            _ => None,
        }
    }

    /// Whether it goes where another goes.
    pub fn is_part(&self) -> bool {
        self.part_of != self.at
    }

    pub(super) fn refers_to(&self, digest: &Digest) -> bool {
        self.references.content.iter().any(|content| content.digest == *digest)
    }
}

impl Content {
    /// A file, or a tree, which refers to its ranges.
    pub fn of(file: &FileMeta) -> Self {
        let reads: Option<ReadContent> = if file.tree { Some(ranges) } else { None };
        let content = Self::apart(file.digest, file.uid.to_string(), Part::File);
        Self { size: Some(file.size), reads, ..content }
    }

    /// The tree `what`, which refers to its ranges, by its metarange of `size` bytes.
    pub fn tree(digest: Digest, size: u64, what: String) -> Self {
        Self { size: Some(size), reads: Some(ranges), ..Self::apart(digest, what, Part::File) }
    }

    /// The attributes of `what`, by their metarange of `size` bytes.
    pub fn attributes(digest: Digest, size: u64, what: String) -> Self {
        Self { reads: Some(attributes), ..Self::tree(digest, size, what) }
    }

    /// What was put at `path`: content of its own, whatever tree it is in.
    pub fn put(digest: Digest, size: u64, path: String) -> Self {
        Self { size: Some(size), ..Self::apart(digest, path, Part::File) }
    }

    /// A range of the tree `what`.
    pub fn range(digest: Digest, size: u64, what: String) -> Self {
        Self { size: Some(size), reads: Some(members), ..Self::apart(digest, what, Part::File) }
    }

    /// Content that is no file.
    pub(crate) fn apart(digest: Digest, what: String, part: Part) -> Self {
        Self { digest, size: None, what, part, range: None, reads: None, outside: FilesOutside::default() }
    }

    /// The list of a call's source files that are kept.
    pub(crate) fn source_texts(list: Digest) -> Self {
        let content = Self::apart(list, "the list of its source files".to_owned(), Part::Extra);
        Self { reads: Some(texts), ..content }
    }

    /// Whether it is a range of a tree.
    pub fn is_range(&self) -> bool {
        self.reads.is_some_and(|reads| std::ptr::fn_addr_eq(reads, members as ReadContent))
    }

    /// What it refers to itself, by its bytes. A range notes what lies [outside](Self::outside), too.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) for bytes that are not what it should be.
    pub fn references(&mut self, bytes: &[u8]) -> Result<Vec<Self>> {
        self.reads.map_or(Ok(Vec::new()), |reads| reads(self, bytes))
    }
}

/// The ranges of a tree.
fn ranges(tree: &mut Content, bytes: &[u8]) -> Result<Vec<Content>> {
    let range = |row: &RangeRow| Content::range(row.digest, row.size, tree.what.clone());
    Ok(Metarange::parse(bytes, &tree.what)?.ranges().iter().map(range).collect())
}

/// The ranges of attributes, which lead to nothing that is kept.
fn attributes(tree: &mut Content, bytes: &[u8]) -> Result<Vec<Content>> {
    Ok(ranges(tree, bytes)?.into_iter().map(|range| Content { reads: None, ..range }).collect())
}

/// The texts in a list of source files.
fn texts(_: &mut Content, bytes: &[u8]) -> Result<Vec<Content>> {
    let text = |text: &SourceText| Content {
        size: Some(text.size),
        ..Content::apart(text.digest, "a source file of its code".to_owned(), Part::Extra)
    };
    Ok(SourceTexts::parse(bytes).texts().iter().map(text).collect())
}

/// The files in a range of a tree.
fn members(range: &mut Content, bytes: &[u8]) -> Result<Vec<Content>> {
    let parsed = TreeRange::parse_any(bytes, &range.what)?;
    let mut outside = FilesOutside::default();
    let member = |(path, entry): (&str, &TreeEntry)| {
        if let TreeEntry::Addressed(file) = entry {
            outside = outside.and(file);
        }
        let (digest, size) = entry.content()?;
        let what = format!("{}//{path}", range.what);
        Some(Content { size: Some(size), range: Some(range.digest), ..Content::apart(digest, what, Part::File) })
    };
    let members = parsed.entries().filter_map(member).collect();
    range.outside = outside;
    Ok(members)
}
