//! The bytes of the canonical encoding, as they are written.

use super::{file_flag, tag};
use crate::FileRef;

/// Writes values to the end of a buffer.
pub(super) struct Encoder<'a> {
    pub(super) bytes: &'a mut Vec<u8>,
    pub(super) files: &'a mut Vec<FileRef>,
    /// Off while a file's own fields are encoded to find its note.
    pub(super) finds_files: bool,
    /// Names the type whose `Serialize` runs.
    pub(super) type_name: fn() -> &'static str,
}

impl<'a> Encoder<'a> {
    #[inline]
    pub(super) fn new(bytes: &'a mut Vec<u8>, files: &'a mut Vec<FileRef>) -> Self {
        Self { bytes, files, finds_files: true, type_name: || "" }
    }

    #[inline]
    pub(super) fn tag(&mut self, tag: u8) {
        self.bytes.push(tag);
    }

    #[inline]
    pub(super) fn text(&mut self, text: &str) {
        write_len(self.bytes, text.len());
        self.bytes.extend_from_slice(text.as_bytes());
    }

    #[inline]
    pub(super) fn end(&mut self, count: usize) {
        self.tag(tag::END);
        write_len(self.bytes, count);
    }

    #[inline]
    pub(super) fn integer(&mut self, value: i64) {
        // The sign takes one bit beside the significant ones.
        let significant = i64::BITS - (value ^ (value >> 63)).leading_zeros();
        let length = significant / 8 + 1;
        let mut written = [0; 10];
        written[..2].copy_from_slice(&[tag::INT, length as u8]);
        written[2..].copy_from_slice(&value.to_le_bytes());
        self.bytes.extend_from_slice(&written[..2 + length as usize]);
    }

    pub(super) fn wide_integer(&mut self, value: i128) {
        if let Ok(value) = i64::try_from(value) {
            return self.integer(value);
        }
        let significant = i128::BITS - (value ^ (value >> 127)).leading_zeros();
        let length = significant / 8 + 1;
        self.bytes.extend_from_slice(&[tag::INT, length as u8]);
        self.bytes.extend_from_slice(&value.to_le_bytes()[..length as usize]);
    }

    #[inline]
    pub(super) fn file(&mut self, file: FileRef) {
        let chosen = file.chosen_uid().map(|uid| uid.as_str());
        let flags = if file.tree { file_flag::TREE } else { 0 } | if chosen.is_some() { file_flag::CHOSEN } else { 0 };
        self.bytes.extend_from_slice(&[tag::FILE, flags]);
        self.bytes.extend_from_slice(file.digest.as_bytes());
        self.text(chosen.unwrap_or(&file.name));
        self.files.push(file);
    }
}

/// Appends `length` as unsigned LEB128.
#[inline]
pub(crate) fn write_len(bytes: &mut Vec<u8>, length: usize) {
    let mut rest = length as u64;
    while rest >= 0x80 {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}
