//! What is fuzzed. A target panics where something is wrong; an error is an answer.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use datlake_closure::{Invocation, Package, Scanner, locked};
use datlake_core::document::Content;
use datlake_core::record_pack::RecordPack;
use datlake_core::repository::CommitRecord;
use datlake_core::tree::{Metarange, PackLocations, TreeEntry, TreeRange};
use datlake_core::{CallKey, CreatorName, Digest, Document, Location, SourceTexts, Uid, codec, run};

/// A target that takes a text; what is none is no input.
macro_rules! as_text {
    ($target:path) => {
        |bytes| {
            if let Ok(text) = std::str::from_utf8(bytes) {
                $target(text);
            }
        }
    };
}
/// What is done with an input.
pub type FuzzTarget = fn(&[u8]);

/// Each target, by its name; its corpus is `corpus/<name>`.
pub const TARGETS: [(&str, FuzzTarget); 18] = [
    ("answer", datlake_store::fuzzing::answer),
    ("closure", closure),
    ("commit", commit),
    ("config", as_text!(datlake_lake::fuzzing::config)),
    ("document", document),
    ("header", datlake_store::fuzzing::header),
    ("journal", datlake_store::fuzzing::journal),
    ("locations", locations),
    ("tree", tree),
    ("names", as_text!(names)),
    ("packages", as_text!(packages)),
    ("profile", as_text!(datlake_store::fuzzing::profile)),
    ("records", records),
    ("runlog", run_log),
    ("sources", sources),
    ("uploads", as_text!(datlake_store::fuzzing::uploads)),
    ("url", as_text!(datlake_store::fuzzing::url)),
    ("value", value),
];

/// A document behind a line with its place: as it is, and with the digest that its bytes have.
fn document(bytes: &[u8]) {
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return };
    let (place, bytes) = (&bytes[..end], &bytes[end + 1..]);
    let Some(at) = std::str::from_utf8(place).ok().and_then(Location::parse) else { return };
    let mut sealed = bytes.strip_suffix(b"}").unwrap_or(bytes).to_vec();
    let digest = Digest::of(&sealed);
    sealed.extend_from_slice(format!(",\"digest\":\"{digest}\"}}\n").as_bytes());
    for bytes in [bytes.to_vec(), sealed] {
        if let Ok(document) = Document::parse(&at, bytes) {
            let _ = (document.is_part(), document.references());
        }
    }
}

/// A range that can be read leads nowhere out of its tree, but by an address, and every path of a metarange has one range.
fn tree(bytes: &[u8]) {
    let what = &"a tree";
    if let Ok(range) = TreeRange::parse_any(bytes, what) {
        for (path, entry) in range.entries() {
            assert_eq!(range.get(path), Some((path, entry)));
            assert!(entry.size().is_some() || *entry == TreeEntry::Folder || entry.target(path).is_some());
        }
    }
    if let Ok(metarange) = Metarange::parse(bytes, what) {
        for (at, row) in metarange.ranges().iter().enumerate() {
            assert_eq!((metarange.find(&row.first), metarange.find(&row.last)), (Some(at), Some(at)));
        }
    }
}

/// A pack of records that can be read is written again as it was.
fn records(bytes: &[u8]) {
    if let Some(pack) = RecordPack::read(bytes) {
        let at = |end: u64| usize::try_from(end).unwrap_or(usize::MAX);
        let records = pack.places().map(|(key, place)| (*key, &bytes[at(place.start)..at(place.end)]));
        assert_eq!(RecordPack::to_bytes(&records.collect()), bytes);
    }
}

/// Every file of locations that can be read is within the pack, and is found: as they are, and with the digest that they have.
fn locations(bytes: &[u8]) {
    let (range, pack) = (Digest::of(b"range"), Digest::of(b"pack"));
    let mut sealed = bytes.strip_suffix(b"}").unwrap_or(bytes).to_vec();
    let digest = Digest::of(&sealed);
    sealed.extend_from_slice(format!(",\"digest\":\"{digest}\"}}\n").as_bytes());
    for bytes in [bytes, &sealed] {
        let Ok(locations) = PackLocations::parse(&range, &pack, bytes) else { continue };
        for (file, offset, length) in locations.files() {
            let found = locations.find(file).map(|at| (at.pack, at.offset, at.length));
            assert_eq!(found, Some((pack, *offset, *length)));
            assert!(offset + length <= locations.pack_size());
        }
        let again = locations.to_bytes().and_then(|bytes| PackLocations::parse(&range, &pack, &bytes));
        assert_eq!(again.ok(), Some(locations));
    }
}

/// A commit that can be read has one spelling, and leads to its tree.
fn commit(bytes: &[u8]) {
    let id = Digest::of(bytes);
    if let Ok(commit) = CommitRecord::parse(&id, bytes) {
        assert_eq!(commit.to_bytes().ok().as_deref(), Some(bytes));
        let led = Content::history(id).references(bytes).unwrap_or_default();
        assert_eq!(led.len(), commit.parents.len() + 1);
    }
}

/// What can be read of a list of source files is written and read again, and found.
fn sources(bytes: &[u8]) {
    let list = SourceTexts::parse(bytes);
    assert_eq!(SourceTexts::parse(&list.to_bytes()), list);
    for text in list.texts() {
        assert!(list.find(&text.blob).is_some_and(|found| found.blob == text.blob));
    }
}

fn run_log(bytes: &[u8]) {
    let _ = run::RunLog::parse(bytes, "a run");
}

/// UIDs, names of creators and paths in a store mean themselves.
fn names(text: &str) {
    if let Ok(uid) = text.parse::<Uid>() {
        assert_eq!(uid.as_str(), text);
        let at = Location::of_file(&uid);
        assert_eq!(Location::parse(&at.path()), Some(at));
    }
    if let Ok(creator) = CreatorName::new(text) {
        let at = Location::Record(creator, CallKey::from_bytes([7; 32]));
        assert_eq!(Location::parse(&at.path()), Some(at));
    }
    if let Some(at) = Location::parse(text) {
        assert_eq!(at.path(), text);
    }
    let _ = (text.parse::<Digest>(), text.parse::<CallKey>());
    datlake_store::fuzzing::file_names(text);
}

/// Return values in every way of storing them, as types that they may have been or not. Not lists of `()`: those take no bytes, so
/// that no number of bytes bounds how long they are.
fn value(bytes: &[u8]) {
    let nothing = Digest::of(b"");
    let _ = codec::decode::<u64>(bytes, &nothing);
    let _ = codec::decode::<String>(bytes, &nothing);
    let _ = codec::decode::<Vec<Option<f64>>>(bytes, &nothing);
    let _ = codec::decode::<BTreeMap<String, Vec<(i8, char)>>>(bytes, &nothing);
    let _ = codec::decode::<Result<Vec<Vec<String>>, Box<str>>>(bytes, &nothing);
    if let Ok(value) = serde_json::from_slice::<serde_json::Value>(bytes)
        && let Ok(stored) = codec::encode(&value)
    {
        match codec::decode::<serde_json::Value>(&stored.bytes, &stored.digest) {
            Ok(codec::Decoded::Value(again)) => assert_eq!(again, value),
            other => panic!("{value} is stored and cannot be read: {:?}", other.err()),
        }
    }
}

/// Files behind lines that name them; `src/lib.rs` where there is none.
fn files(text: &str) -> BTreeMap<PathBuf, String> {
    let mut files = BTreeMap::new();
    for (n, part) in text.split("//// ").enumerate() {
        let (path, text) = if n == 0 { ("src/lib.rs", part) } else { part.split_once('\n').unwrap_or((part, "")) };
        files.insert(Path::new("/p").join(path.trim()), text.to_owned());
    }
    files
}

/// The code that functions depend on.
fn closure(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Ok(scanner) = Scanner::new(vec![Package::new("app", "/p/src/lib.rs")], files(&text)) else { return };
    for function in scanner.functions().iter().take(8) {
        let _ = scanner.closure(&function.creator());
    }
}

/// Arguments of a compiler, manifests and lock files.
fn packages(text: &str) {
    let files = files(text);
    let _ = (locked(text, "itoa"), locked(text, ""));
    let arguments = files.get(Path::new("/p/arguments")).map(String::as_str).unwrap_or_default();
    let arguments = arguments.lines().map(str::to_owned);
    let usual = ["--crate-name", "app", "src/lib.rs"].map(str::to_owned);
    if let Some(invocation) = Invocation::of(usual.into_iter().chain(arguments), Path::new("/p"), &files) {
        let _ = invocation.packages(Path::new("/p"), None, &[], &files);
    }
}
