//! The source files of a call's code, kept where no commit has them. A record names a list of them by one digest; the list names each
//! text, which is kept once however many lists name it.
//!
//! A list is text, one row for each file, columns between tabs: `text`, git's id of it as a blob, its digest, its size in bytes. Rows
//! are sorted. Rows of other kinds and further columns are for readers to come.

use std::fmt::Write as _;

use crate::Digest;

/// Source files that are kept, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceTexts(Vec<SourceText>);

/// A source file that is kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceText {
    /// Git's id of it as a blob, in hexadecimal digits.
    pub blob: String,
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

impl SourceTexts {
    /// A list of `texts`.
    pub fn new(mut texts: Vec<SourceText>) -> Self {
        texts.sort();
        texts.dedup();
        Self(texts)
    }

    /// Reads a list. What it does not know it leaves out.
    pub fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let row = |line: &str| {
            let mut columns = line.strip_prefix("text\t")?.split('\t');
            let blob = columns.next()?.to_owned();
            Some(SourceText { blob, digest: columns.next()?.parse().ok()?, size: columns.next()?.parse().ok()? })
        };
        Self::new(text.lines().filter_map(row).collect())
    }

    /// The list as it is kept.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = String::new();
        for SourceText { blob, digest, size } in &self.0 {
            let _ = writeln!(text, "text\t{blob}\t{digest}\t{size}");
        }
        text.into_bytes()
    }

    /// The texts.
    pub fn texts(&self) -> &[SourceText] {
        &self.0
    }

    /// The text that git has under that id.
    pub fn find(&self, blob: &str) -> Option<&SourceText> {
        self.0.iter().find(|text| text.blob == blob)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_these_bytes_and_is_read_again() {
        let text = |blob: &str, bytes: &[u8]| SourceText {
            blob: blob.to_owned(),
            digest: Digest::of(bytes),
            size: bytes.len() as u64,
        };
        let list = SourceTexts::new(vec![text("b0", b"fn b() {}\n"), text("a0", b""), text("a0", b"")]);
        let bytes = list.to_bytes();
        let (empty, some) = (Digest::of(b""), Digest::of(b"fn b() {}\n"));
        assert_eq!(bytes, format!("text\ta0\t{empty}\t0\ntext\tb0\t{some}\t10\n").into_bytes());
        assert_eq!(SourceTexts::parse(&bytes), list);
        assert_eq!(list.find("b0").unwrap().size, 10);

        let newer = [b"folder\tx\n".as_slice(), &bytes, b"text\tc0\tnothing\t3\ntext\tc0\n\xff\n"].concat();
        assert_eq!(SourceTexts::parse(&newer), list, "other rows are left out");
    }
}
