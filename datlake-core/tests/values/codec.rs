use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Debug;
use std::net::IpAddr;

use proptest::prelude::*;
use serde::Deserialize;

use datlake_core::codec::{Decoded, decode, encode};
use datlake_core::{Digest, ErrorKind, FileRef, Uid, canonical};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The first byte of what is stored: part of the format.
#[derive(Clone, Copy)]
enum Codec {
    Bincode = 1,
    Cbor = 2,
}

fn file(name: &str) -> FileRef {
    FileRef {
        uid: Some(Uid::chosen(name).unwrap()),
        digest: Digest::of(name.as_bytes()),
        size: name.len() as u64,
        name: name.into(),
        tree: false,
        stage: None,
    }
}

/// `value` is stored by `codec` and comes back, from there and from nowhere near.
fn check<T: Serialize + DeserializeOwned + Debug>(codec: Codec, value: T) {
    let stored = encode(&value).unwrap();
    assert_eq!(stored.bytes[0], codec as u8, "{value:?}");
    let shown = canonical::encode(&value).unwrap();
    assert_eq!(canonical::encode(&stored.value).unwrap(), shown);
    match decode::<T>(&stored.bytes, &stored.digest).unwrap() {
        Decoded::Value(decoded) => assert_eq!(canonical::encode(&decoded).unwrap(), shown),
        Decoded::OtherShape => panic!("{value:?} did not come back"),
    }
    let other = Digest::of(b"another value");
    assert!(matches!(decode::<T>(&stored.bytes, &other).unwrap(), Decoded::OtherShape), "{value:?}");
    let longer = [&stored.bytes[..], b"\0"].concat();
    assert!(matches!(decode::<T>(&longer, &stored.digest).unwrap(), Decoded::OtherShape), "{value:?} and a byte");
    let shorter = &stored.bytes[..stored.bytes.len() - 1];
    if stored.bytes.len() > 1 {
        assert!(!matches!(decode::<T>(shorter, &stored.digest), Ok(Decoded::Value(_))), "{value:?} less a byte");
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Flat {
    k: i32,
    #[serde(flatten)]
    inner: Inner,
}

#[derive(Debug, Serialize, Deserialize)]
struct FlatFile {
    k: i32,
    #[serde(flatten)]
    file: FileRef,
}

#[derive(Debug, Serialize, Deserialize)]
struct Inner {
    f: FileRef,
}

#[derive(Debug, Serialize, Deserialize)]
struct FlatMap {
    a: f64,
    #[serde(flatten)]
    files: HashMap<String, FileRef>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(i64),
    File(FileRef),
    Float(f64),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "t")]
enum Tagged {
    Inner(Inner),
    File(FileRef),
    Fields { f: FileRef, n: Option<f64> },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "t", content = "c")]
enum Adjacent {
    Pair(FileRef, u8),
    Unit,
}

#[derive(Debug, Serialize, Deserialize)]
struct SkipsNone {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    a: Option<i32>,
    b: f64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Cached {
    a: i32,
    #[serde(skip)]
    #[allow(dead_code)]
    cache: i32,
}

#[derive(Debug, Serialize, Deserialize)]
struct SkipsReading {
    #[serde(skip_deserializing)]
    a: i32,
}

#[test]
fn bincode_keeps_what_other_codecs_lose() {
    check(Codec::Bincode, ());
    check(Codec::Bincode, f64::NAN);
    check(Codec::Bincode, -0.0_f32);
    check(Codec::Bincode, f64::INFINITY);
    check(Codec::Bincode, Some(None::<i32>));
    check(Codec::Bincode, (u128::MAX, i128::MIN));
    check(Codec::Bincode, HashMap::from([('x', 1), ('\u{10ffff}', 2)]));
    check(Codec::Bincode, HashMap::from([((1, 2), file("a"))]));
    check(Codec::Bincode, (0..50).collect::<HashSet<i32>>());
    check(Codec::Bincode, BTreeMap::from([(vec![1_u8], "x".to_owned())]));
    check(Codec::Bincode, indexmap::IndexMap::<String, i32>::from_iter([("b".into(), 1), ("a".into(), 2)]));
    check(Codec::Bincode, Ok::<_, String>((file("a/b.csv"), vec![Some(file("c"))])));
    check(Codec::Bincode, "127.0.0.1".parse::<IpAddr>().unwrap());
    check(Codec::Bincode, std::time::Duration::from_millis(1500));
    // Nothing in it, or just enough to reach the next size of limit.
    check(Codec::Bincode, Vec::<u128>::new());
    for length in [254, 255, 256, 257, 4094, 4096, 70_000] {
        check(Codec::Bincode, vec![1_u8; length]);
        check(Codec::Bincode, vec![1_u128; length]);
        check(Codec::Bincode, vec![i128::MIN; length / 16]);
        check(Codec::Bincode, "x".repeat(length));
    }
}

#[test]
fn what_needs_field_names_goes_to_cbor() {
    check(Codec::Cbor, Flat { k: 1, inner: Inner { f: file("x") } });
    check(Codec::Cbor, FlatFile { k: 1, file: file("x") });
    check(
        Codec::Cbor,
        FlatMap { a: f64::NAN, files: HashMap::from([("x".into(), file("x")), ("y".into(), file("y"))]) },
    );
    check(Codec::Cbor, Untagged::Number(-1));
    check(Codec::Cbor, Untagged::File(file("x")));
    check(Codec::Cbor, Untagged::Float(f64::NAN));
    check(Codec::Cbor, Tagged::Inner(Inner { f: file("x") }));
    check(Codec::Cbor, Tagged::File(file("x")));
    check(Codec::Cbor, Tagged::Fields { f: file("x"), n: Some(f64::NEG_INFINITY) });
    check(Codec::Cbor, Adjacent::Pair(file("x"), 3));
    check(Codec::Cbor, Adjacent::Unit);
    check(Codec::Cbor, SkipsNone { a: None, b: 1.0 });
    check(Codec::Cbor, serde_json::json!({"a": [1, null, {"b": 1.5}], "c": u64::MAX}));
}

#[test]
fn a_field_that_is_never_written_is_not_missed() {
    // `skip` leaves no trace in the canonical form either: what is stored is what counts.
    check(Codec::Bincode, Cached { a: 1, cache: 2 });
}

#[test]
fn a_value_that_does_not_come_back_is_an_error_that_names_its_type() {
    #[derive(Debug, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Ambiguous {
        Small(u8),
        #[allow(dead_code)]
        Some(Option<Option<u8>>),
    }
    for error in [
        encode(&SkipsReading { a: 1 }).unwrap_err(),
        encode(&Some(Ambiguous::Some(Some(None)))).unwrap_err(),
        encode(&Ambiguous::Some(Some(Some(1)))).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Value);
        let text = error.to_string();
        assert!(text.contains("SkipsReading") || text.contains("Ambiguous"), "{text}");
    }
    // The same type, with a value it does keep.
    check(Codec::Cbor, Ambiguous::Small(1));
}

#[test]
fn a_file_that_is_not_published_cannot_be_stored() {
    let staged = FileRef { uid: None, stage: Some(1), ..file("x") };
    assert!(canonical::encode(&staged).is_ok());
    assert_eq!(encode(&staged).unwrap_err().kind(), ErrorKind::Value);
}

#[test]
fn a_type_that_changed_its_meaning_is_found_out() {
    #[derive(Debug, Serialize, Deserialize)]
    struct Old {
        width: u32,
        height: u32,
    }
    #[derive(Debug, Serialize, Deserialize)]
    struct New {
        height: u32,
        width: u32,
    }
    let stored = encode(&Old { width: 1, height: 2 }).unwrap();
    assert!(matches!(decode::<New>(&stored.bytes, &stored.digest).unwrap(), Decoded::OtherShape));
    assert!(matches!(decode::<(u32, u32)>(&stored.bytes, &stored.digest).unwrap(), Decoded::OtherShape));
    assert!(matches!(decode::<u32>(&stored.bytes, &stored.digest).unwrap(), Decoded::OtherShape));
}

#[test]
fn unknown_codecs_and_nothing_at_all_are_errors() {
    let digest = Digest::of(b"");
    assert_eq!(decode::<u8>(&[], &digest).unwrap_err().kind(), ErrorKind::Corrupt);
    for tag in [0, 4, 255] {
        assert_eq!(decode::<u8>(&[tag, 1], &digest).unwrap_err().kind(), ErrorKind::Format);
    }
}

#[test]
fn lengths_in_hostile_bytes_are_not_believed() {
    let huge = |tag: u8, head: &[u8]| [&[tag], head, &[0xff; 8]].concat();
    let digest = Digest::of(b"");
    // A length of 2^64 - 1 in bincode and in CBOR.
    for bytes in [huge(1, &[253]), huge(2, &[0x5b]), huge(2, &[0x7b]), huge(2, &[0x9b]), huge(2, &[0xbb])] {
        assert!(matches!(decode::<String>(&bytes, &digest), Ok(Decoded::OtherShape)));
        assert!(matches!(decode::<Vec<String>>(&bytes, &digest), Ok(Decoded::OtherShape)));
        assert!(matches!(decode::<Vec<u128>>(&bytes, &digest), Ok(Decoded::OtherShape)));
        assert!(matches!(decode::<HashMap<u64, FileRef>>(&bytes, &digest), Ok(Decoded::OtherShape)));
    }
    for (tag, nest) in [(2, 0x81), (3, b'[')] {
        let deep = [vec![tag], vec![nest; 100_000]].concat();
        assert!(matches!(decode::<serde_json::Value>(&deep, &digest), Ok(Decoded::OtherShape)));
    }
}

proptest! {
    #[test]
    fn decoding_arbitrary_bytes_never_panics(tag in 1_u8..4, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let bytes = [vec![tag], bytes].concat();
        let digest = Digest::of(b"");
        let _ = decode::<Vec<(String, Option<FileRef>)>>(&bytes, &digest);
        let _ = decode::<HashMap<char, Result<u128, Vec<f32>>>>(&bytes, &digest);
        let _ = decode::<Tagged>(&bytes, &digest);
        let _ = decode::<Untagged>(&bytes, &digest);
        let _ = decode::<FlatMap>(&bytes, &digest);
        let _ = decode::<serde_json::Value>(&bytes, &digest);
    }

    #[test]
    fn values_come_back(value: (Vec<Option<String>>, HashMap<u8, (char, f64)>, i128, Result<bool, u32>)) {
        let stored = encode(&value).unwrap();
        prop_assert!(matches!(decode(&stored.bytes, &stored.digest).unwrap(), Decoded::Value::<(Vec<Option<String>>, HashMap<u8, (char, f64)>, i128, Result<bool, u32>)>(_)));
    }
}
