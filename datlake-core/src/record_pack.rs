//! A pack of records: copies of records of one creator in one object, so that a machine learns of thousands by one request.
//!
//! First a line for each record, sorted by key, with its length in bytes; then an empty line, and the records one after the other.
//! The record at its own place is the truth. Without any pack nothing changes but how long it takes to read many records.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

use crate::{CallKey, Digest, Error, ErrorKind, Location, Result};

/// The first line.
const HEADER: &str = "datlake records 1\n";

/// Where each record is in a pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordPack(Vec<(CallKey, Range<u64>)>);

impl RecordPack {
    /// The bytes of a pack of these records.
    pub fn to_bytes<B: AsRef<[u8]>>(records: &BTreeMap<CallKey, B>) -> Vec<u8> {
        let mut head = HEADER.to_owned();
        for (key, record) in records {
            // Writing to a string cannot fail.
            let _ = writeln!(head, "{key} {}", record.as_ref().len());
        }
        head.push('\n');
        let mut bytes = head.into_bytes();
        records.values().for_each(|record| bytes.extend_from_slice(record.as_ref()));
        bytes
    }

    /// Reads the pack that was found at `at`, whose content has this digest.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] for other bytes than these.
    pub fn parse(bytes: &[u8], digest: &Digest, at: &Location) -> Result<Self> {
        let damaged = |why: &str| {
            let message = format!("the pack of records `{}` is damaged: {why}", at.path());
            Error::new(ErrorKind::Corrupt, message)
                .with_hint("the records are at their own places, and `datlake gc` packs them anew")
        };
        if Digest::of(bytes) != *digest {
            return Err(damaged("its digest does not match"));
        }
        Self::read(bytes).ok_or_else(|| damaged("it is no such pack"))
    }

    /// Reads a pack, of whatever digest.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        Self::read_head(bytes, bytes.len() as u64)
    }

    /// Reads what is in a pack of so many bytes, which begins with these.
    pub(crate) fn read_head(bytes: &[u8], size: u64) -> Option<Self> {
        let end = bytes.windows(2).position(|two| two == b"\n\n")?;
        let lines = std::str::from_utf8(&bytes[..end]).ok()?.strip_prefix(HEADER)?;
        let (mut places, mut at) = (Vec::<(CallKey, Range<u64>)>::new(), end as u64 + 2);
        for line in lines.split('\n') {
            let (key, length) = line.split_once(' ')?;
            let (key, length): (CallKey, u64) = (key.parse().ok()?, length.parse().ok()?);
            let after = at.checked_add(length)?;
            // Only the one spelling counts.
            if format!("{key} {length}") != line || places.last().is_some_and(|(before, _)| *before >= key) {
                return None;
            }
            places.push((key, at..after));
            at = after;
        }
        (at == size).then_some(Self(places))
    }

    /// The records in the bytes of a pack, whatever they are.
    pub(crate) fn records(bytes: &[u8]) -> BTreeMap<CallKey, &[u8]> {
        let pack = Self::read(bytes);
        let record = |(key, place): &(CallKey, Range<u64>)| {
            let (from, to) = (usize::try_from(place.start).ok()?, usize::try_from(place.end).ok()?);
            Some((*key, bytes.get(from..to)?))
        };
        pack.iter().flat_map(|pack| &pack.0).filter_map(record).collect()
    }

    /// Where the record of a call is, if the pack has it.
    pub(crate) fn place(&self, key: &CallKey) -> Option<Range<u64>> {
        let at = self.0.binary_search_by_key(key, |(key, _)| *key).ok()?;
        Some(self.0[at].1.clone())
    }

    /// Where each record is, sorted by key.
    pub fn places(&self) -> impl Iterator<Item = (&CallKey, &Range<u64>)> {
        self.0.iter().map(|(key, place)| (key, place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CreatorName;

    fn key(n: u8) -> CallKey {
        CallKey::from_bytes([n; 32])
    }

    fn packed() -> Vec<u8> {
        RecordPack::to_bytes(&BTreeMap::from([(key(2), "two"), (key(1), "one\n\n"), (key(3), "")]))
    }

    #[test]
    fn every_byte_is_as_the_format_says() {
        let (one, two, three) = (key(1), key(2), key(3));
        let text = format!("datlake records 1\n{one} 5\n{two} 3\n{three} 0\n\none\n\ntwo");
        assert_eq!(String::from_utf8(packed()).unwrap(), text);
        let digest = "085340c0d6070a8d452e7d18eadc3e13cd819c994fff6e3766c6738a1c2d05fa";
        assert_eq!(Digest::of(&packed()).to_string(), digest);
    }

    #[test]
    fn each_record_is_where_the_pack_says() {
        let bytes = packed();
        let pack = RecordPack::read(&bytes).unwrap();
        let found: Vec<_> =
            pack.places().map(|(key, place)| (*key, &bytes[place.start as usize..place.end as usize])).collect();
        assert_eq!(found, [(key(1), &b"one\n\n"[..]), (key(2), b"two"), (key(3), b"")]);
    }

    #[test]
    fn other_bytes_are_no_pack() {
        let bytes = packed();
        for end in 0..bytes.len() {
            assert!(RecordPack::read(&bytes[..end]).is_none(), "cut at {end}");
        }
        let one = key(1);
        for wrong in [
            format!("{HEADER}\n"),
            format!("{HEADER}{one} 1\n{one} 1\n\nab"),
            format!("{HEADER}{one} -1\n\n"),
            format!("{HEADER}{one} +1\n\na"),
            format!("{HEADER}{one} 01\n\na"),
            format!("{HEADER}{one} 18446744073709551615\n\na"),
            format!("{HEADER}{} 1\n{one} 1\n\nab", key(2)),
        ] {
            assert!(RecordPack::read(wrong.as_bytes()).is_none(), "{wrong}");
        }
        let at = Location::RecordPack(CreatorName::new("a/b::c").unwrap(), Digest::of(b""));
        let error = RecordPack::parse(&bytes, &Digest::of(b"other"), &at).unwrap_err();
        assert!(error.kind() == ErrorKind::Corrupt && error.to_string().contains("records/a/b::c/"), "{error}");
    }
}
