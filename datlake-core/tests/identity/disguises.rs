//! Files are found, and in the right order, however a value serializes them.

use std::collections::{BTreeMap, HashMap, HashSet};

use datlake_core::{CallKey, CreatorName, FileRef, Uid, canonical};
use serde::{Serialize, Serializer};

use super::{chosen, staged};

/// The files of `value` are those with these names, in this order, and each is the very file it was.
fn check<T: Serialize>(value: &T, files: &[FileRef]) {
    assert_eq!(canonical::encode(value).unwrap().files, files);
}

fn numbered(name: &str, stage: u64) -> FileRef {
    FileRef { stage: Some(stage), ..staged(name, name) }
}

#[derive(Serialize)]
struct Named {
    f: FileRef,
    n: u8,
}

#[derive(Serialize)]
struct Flat<T> {
    before: u8,
    #[serde(flatten)]
    inner: T,
    after: u8,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Untagged {
    Plain(FileRef),
    Fields { f: FileRef },
}

#[derive(Serialize)]
#[serde(tag = "t")]
enum Tagged {
    Plain(FileRef),
    Inner(Named),
    Nested(Nested),
    Fields { f: FileRef },
}

/// serde buffers its content under an internal tag.
#[derive(Serialize)]
enum Nested {
    Fields { f: FileRef, g: FileRef },
    Pair(FileRef, Vec<FileRef>),
}

#[derive(Serialize)]
#[serde(tag = "t", content = "c")]
enum Adjacent {
    Plain(FileRef),
    Pair(FileRef, FileRef),
}

struct AsJson<T>(T);
impl<T: Serialize> Serialize for AsJson<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&serde_json::to_string(&self.0).unwrap())
    }
}

/// Serializes its value as another call's canonical bytes.
struct AsBytes<T>(T);
impl<T: Serialize> Serialize for AsBytes<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&canonical::encode(&self.0).unwrap().bytes)
    }
}

#[test]
fn in_every_disguise_serde_has() {
    let (f, g, h) = (numbered("f", 1), numbered("g", 2), numbered("h", 3));
    let named = |f: &FileRef| Named { f: f.clone(), n: 1 };
    check(&f, std::slice::from_ref(&f));
    check(&Flat { before: 1, inner: named(&f), after: 2 }, std::slice::from_ref(&f));
    check(&Flat { before: 1, inner: f.clone(), after: 2 }, std::slice::from_ref(&f));
    check(&Flat { before: 1, inner: HashMap::from([("x", &g), ("a", &f)]), after: 2 }, &[f.clone(), g.clone()]);
    check(
        &Flat { before: 1, inner: Flat { before: 1, inner: f.clone(), after: 1 }, after: 2 },
        std::slice::from_ref(&f),
    );
    check(&[Untagged::Plain(f.clone()), Untagged::Fields { f: g.clone() }], &[f.clone(), g.clone()]);
    check(
        &[
            Tagged::Plain(f.clone()),
            Tagged::Inner(named(&g)),
            Tagged::Nested(Nested::Fields { f: f.clone(), g: h.clone() }),
            Tagged::Nested(Nested::Pair(h.clone(), vec![g.clone(), f.clone()])),
            Tagged::Fields { f: h.clone() },
        ],
        &[f.clone(), g.clone(), f.clone(), h.clone(), h.clone(), g.clone(), f.clone(), h.clone()],
    );
    check(&[Adjacent::Plain(f.clone()), Adjacent::Pair(h.clone(), g.clone())], &[f.clone(), h.clone(), g.clone()]);
}

#[test]
fn buffered_files_that_look_alike_are_not_mixed_up() {
    let same = |stage| FileRef { stage: Some(stage), ..staged("same", "same") };
    check(&Tagged::Nested(Nested::Fields { f: same(1), g: same(2) }), &[same(1), same(2)]);
    check(&Tagged::Nested(Nested::Pair(same(3), vec![same(1), same(2)])), &[same(3), same(1), same(2)]);
}

#[test]
fn what_hides_in_text_comes_last_and_still_counts() {
    let (f, g, h) = (numbered("f", 1), numbered("g", 2), numbered("h", 3));
    let mut hidden = vec![f.clone(), h.clone()];
    hidden.sort_by_key(|file| file.digest);
    let all: Vec<_> = std::iter::once(g.clone()).chain(hidden).collect();
    check(&(AsJson((&f, &h)), &g), &all);
    check(&(AsJson((&h, &f)), &g), &all);
    let bytes = |file: &FileRef| canonical::encode(&AsJson(file)).unwrap().bytes;
    assert_ne!(bytes(&f), bytes(&g));
    // An encoding within an encoding keeps its files to itself.
    check(&(AsBytes(&f), &g), std::slice::from_ref(&g));
}

#[test]
fn files_move_with_their_entries_and_duplicates_stay() {
    let names = ["e", "a", "d", "c", "b"];
    for turn in 0..names.len() {
        let mut files: Vec<_> = names.iter().map(|name| numbered(name, 1)).collect();
        files.rotate_left(turn);
        let by_name: HashMap<String, &FileRef> = files.iter().map(|file| (file.name.to_string(), file)).collect();
        check(&by_name, &["a", "b", "c", "d", "e"].map(|name| numbered(name, 1)));
        let counted_down: BTreeMap<i32, Vec<&FileRef>> =
            files.iter().map(|file| (-i32::from(file.name.as_bytes()[0]), vec![file, file])).collect();
        let twice = ["e", "d", "c", "b", "a"].map(|name| [numbered(name, 1), numbered(name, 1)]).concat();
        check(&counted_down, &twice);
    }
    // In a set: by content digest, whatever the order in the set.
    let mut sorted = names.map(|name| numbered(name, 1));
    sorted.sort_by_key(|file| file.digest);
    struct Set(Vec<FileRef>);
    impl Serialize for Set {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let order: HashSet<usize> = (0..self.0.len()).collect();
            serializer.collect_seq(order.iter().map(|&at| &self.0[at]))
        }
    }
    check(&Set(names.map(|name| numbered(name, 1)).to_vec()), &sorted);
    check(&HashMap::from([("x", Set(names.map(|name| numbered(name, 1)).to_vec()))]), &sorted);
}

#[test]
fn a_generated_uid_does_not_count_and_a_chosen_one_does() {
    let bytes = |file: &FileRef| canonical::encode(&[Flat { before: 0, inner: file, after: 0 }]).unwrap().bytes;
    let plain = staged("x", "abc");
    let creator = CreatorName::new("shop/shop::f").unwrap();
    let output = |n| FileRef { uid: Some(Uid::output(&creator, &CallKey::from_bytes([n; 32]), 0)), ..plain.clone() };
    assert_eq!(bytes(&plain), bytes(&output(1)));
    assert_eq!(bytes(&output(1)), bytes(&output(2)));
    assert_eq!(bytes(&plain), bytes(&FileRef { stage: Some(5), size: 7, ..plain.clone() }));
    assert_ne!(bytes(&plain), bytes(&FileRef { name: "y".into(), ..plain.clone() }));
    assert_ne!(bytes(&plain), bytes(&FileRef { tree: true, ..plain.clone() }));
    assert_ne!(bytes(&chosen("x", "abc")), bytes(&plain));
    assert_ne!(bytes(&chosen("x", "abc")), bytes(&chosen("x", "abd")));
    assert_ne!(bytes(&chosen("x", "abc")), bytes(&chosen("y", "abc")));
}

#[test]
fn a_failed_or_panicking_value_leaves_nothing_behind() {
    struct Fails(FileRef);
    impl Serialize for Fails {
        fn serialize<S: Serializer>(&self, _serializer: S) -> Result<S::Ok, S::Error> {
            let _ = serde_json::to_string(&self.0);
            if self.0.name.starts_with('p') {
                std::panic::resume_unwind(Box::new("as asked"));
            }
            Err(serde::ser::Error::custom("as asked"))
        }
    }
    let (f, g) = (numbered("f", 1), numbered("g", 2));
    let (mut bytes, mut files) = (vec![1, 2], vec![g.clone()]);
    canonical::encode_into(&(&f, Fails(f.clone())), &mut bytes, &mut files).unwrap_err();
    assert_eq!((&bytes[..], &files[..]), (&[1, 2][..], std::slice::from_ref(&g)));
    let panics = Fails(numbered("p", 1));
    std::panic::catch_unwind(|| canonical::encode(&panics).map(drop)).unwrap_err();
    check(&f, std::slice::from_ref(&f));
    // Outside of an encoding a file without a UID is an error again.
    assert!(serde_json::to_string(&f).unwrap_err().to_string().contains("not published yet"));
}
