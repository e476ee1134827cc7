//! Golden vectors. **Changing one is a new format version**: every lake there is would forget all it knows.
//!
//! The left column is what the rules in `datlake_core::canonical`, `code` and `key` say, spelled out; it can be checked by
//! hand. Adding rows is fine.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet};

use datlake_core::{CallKey, Code, Digest, KeyBuilder, canonical};
use serde::{Serialize, Serializer};

use super::{chosen, hex, item, staged};

#[derive(Serialize)]
struct Unit;
#[derive(Serialize)]
struct Newtype(u8);
#[derive(Serialize)]
struct Pair(u8, bool);
#[derive(Serialize)]
struct Point {
    x: i32,
    y: i32,
}
#[derive(Serialize)]
struct Grown {
    x: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    added: Option<i32>,
    y: i32,
}
#[derive(Serialize)]
enum Shape {
    Empty,
    Round(u8),
    Flat(u8, u8),
    Box { w: u8 },
}
struct Bytes(&'static [u8]);
impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}
struct Form;
impl Serialize for Form {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let human_readable = serializer.is_human_readable();
        serializer.serialize_bool(human_readable)
    }
}

/// Compares all rows before it fails, and shows those that differ.
fn check(rows: &[(&str, String)]) {
    let differing: Vec<_> = rows
        .iter()
        .enumerate()
        .filter(|(_, (want, got))| want.replace(' ', "") != *got)
        .map(|(n, (want, got))| format!("row {n}\n  golden {want}\n  now    {got}"))
        .collect();
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
#[rustfmt::skip]
fn scalars() {
    check(&[
        ("01",                      hex(&())),
        ("01",                      hex(&Unit)),
        ("02",                      hex(&false)),
        ("03",                      hex(&true)),
        ("02",                      hex(&Form)),
        // Integers: by value, in the shortest two's complement.
        ("04 01 00",                hex(&0_u8)),
        ("04 01 01",                hex(&1_i8)),
        ("04 01 01",                hex(&1_u128)),
        ("04 01 7f",                hex(&127_u64)),
        ("04 02 8000",              hex(&128_u8)),
        ("04 02 ff00",              hex(&255_u16)),
        ("04 01 80",                hex(&-128_i64)),
        ("04 02 7fff",              hex(&-129_i16)),
        ("04 01 ff",                hex(&-1_i8)),
        ("04 01 ff",                hex(&-1_i128)),
        ("04 03 ffff00",            hex(&65_535_u32)),
        ("04 08 ffffffffffffff7f",  hex(&i64::MAX)),
        ("04 08 0000000000000080",  hex(&i64::MIN)),
        ("04 09 ffffffffffffffff00", hex(&u64::MAX)),
        ("04 10 ffffffffffffffffffffffffffffff7f",    hex(&i128::MAX)),
        ("04 10 00000000000000000000000000000080",    hex(&i128::MIN)),
        ("04 11 0000000000000000000000000000008000",  hex(&(i128::MAX as u128 + 1))),
        ("04 11 ffffffffffffffffffffffffffffffff00",  hex(&u128::MAX)),
        // Floats: by width, the sign of zero kept, one NaN.
        ("05 00000000",             hex(&0.0_f32)),
        ("05 00000080",             hex(&-0.0_f32)),
        ("05 0000803f",             hex(&1.0_f32)),
        ("05 0000c07f",             hex(&f32::NAN)),
        ("05 0000c07f",             hex(&f32::from_bits(0xffc0_0001))),
        ("06 0000000000000000",     hex(&0.0_f64)),
        ("06 0000000000000080",     hex(&-0.0_f64)),
        ("06 000000000000f03f",     hex(&1.0_f64)),
        ("06 000000000000f0ff",     hex(&f64::NEG_INFINITY)),
        ("06 000000000000f87f",     hex(&f64::NAN)),
        ("06 000000000000f87f",     hex(&f64::from_bits(0xfff0_0000_0000_0001))),
        // Text, characters, bytes.
        ("07 61000000",             hex(&'a')),
        ("07 ffff1000",             hex(&'\u{10ffff}')),
        ("08 01 61",                hex("a")),
        ("08 00",                   hex(&String::new())),
        ("08 02 c3a4",              hex("ä")),
        ("09 02 0102",              hex(&Bytes(&[1, 2]))),
        ("09 00",                   hex(&Bytes(&[]))),
        // Options.
        ("0a",                      hex(&None::<u8>)),
        ("0b 04 01 01",             hex(&Some(1))),
        ("0b 0a",                   hex(&Some(None::<u8>))),
        ("0b 01",                   hex(&Some(()))),
    ]);
    let long = format!("08 8001 {}", "78".repeat(128));
    check(&[(&long, hex(&"x".repeat(128)))]);
}

#[test]
#[rustfmt::skip]
fn collections() {
    check(&[
        // Sequences, tuples.
        ("10 7f00",                                 hex(&Vec::<u8>::new())),
        ("10 040101 040102 7f02",                   hex(&vec![1, 2])),
        ("10 040101 040102 7f02",                   hex(&[1_u8, 2][..])),
        ("10 10040101 7f01 10040102 7f01 7f02",     hex(&vec![vec![1], vec![2]])),
        ("10 10040101 040102 7f02 107f00 7f02",     hex(&vec![vec![1, 2], vec![]])),
        ("11 040101 040102 7f02",                   hex(&(1, 2))),
        ("11 040101 040102 7f02",                   hex(&[1, 2])),
        ("11 040101 7f01",                          hex(&(1,))),
        ("11 7f00",                                 hex(&[0_u8; 0])),
        ("11 040101 03 7f02",                       hex(&Pair(1, true))),
        ("04 01 01",                                hex(&Newtype(1))),
        // Sets: sorted by bytes, so by length of an integer first; duplicates stay.
        ("12 00",                                   hex(&HashSet::<u8>::new())),
        ("12 03 040101 0401ff 04028000",            hex(&HashSet::from([128, -1, 1]))),
        ("12 03 040101 0401ff 04028000",            hex(&BTreeSet::from([128, -1, 1]))),
        ("12 03 040101 040101 040102",              hex(&BinaryHeap::from([1, 2, 1]))),
        ("10 1201040101 7f01",                      hex(&vec![HashSet::from([1])])),
        ("10 040102 040101 7f02",                   hex(&indexmap::IndexSet::from([2, 1]))),
        // Maps: sorted by the bytes of their entries, unless a person orders them.
        ("13 00",                                   hex(&HashMap::<u8, u8>::new())),
        ("13 02 080161 040102 080162 040101",       hex(&HashMap::from([("b", 1), ("a", 2)]))),
        ("13 02 080161 040102 080162 040101",       hex(&BTreeMap::from([("b", 1), ("a", 2)]))),
        ("13 02 080162 040101 08026161 040102",     hex(&BTreeMap::from([("aa", 2), ("b", 1)]))),
        ("13 01 11040101037f02 01",                 hex(&HashMap::from([((1, true), ())]))),
        ("14 080162 040101 080161 040102 7f02",     hex(&indexmap::IndexMap::from([("b", 1), ("a", 2)]))),
        // However it serializes, and with or without serde_json's `preserve_order`.
        ("14 080161 040102 080162 040101 7f02",     hex(&serde_json::json!({"a": 2, "b": 1}))),
        ("14 7f00",                                 hex(&serde_json::Map::new())),
    ]);
}

#[test]
#[rustfmt::skip]
fn structs_and_enums() {
    check(&[
        ("15 7d0178 040101 7d0179 040102 7f02",                     hex(&Point { x: 1, y: 2 })),
        ("15 7d0178 040101 7d0179 040102 7f02",                     hex(&Grown { x: 1, added: None, y: 2 })),
        ("15 7d0178 040101 7d056164646564 0b040103 7d0179 040102 7f03", hex(&Grown { x: 1, added: Some(3), y: 2 })),
        ("20 05 456d707479",                                        hex(&Shape::Empty)),
        ("21 05 526f756e64 040101",                                 hex(&Shape::Round(1))),
        ("22 04 466c6174 040101 040102 7f02",                       hex(&Shape::Flat(1, 2))),
        ("23 03 426f78 7d0177 040101 7f01",                         hex(&Shape::Box { w: 1 })),
        ("21 02 4f6b 040101",                                       hex(&Ok::<u8, u8>(1))),
        ("21 03 457272 040101",                                     hex(&Err::<u8, u8>(1))),
    ]);
}

#[test]
#[rustfmt::skip]
fn files() {
    let digest = "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"; // BLAKE3 of "abc"
    let mut output = staged("x", "abc");
    output.uid = Some(format!("@shop/shop::f/{}/0", CallKey::from_bytes([7; 32])).parse().unwrap());
    let mut tree = chosen("a/b", "abc");
    tree.tree = true;
    let mut renamed = chosen("a/b", "abc");
    renamed.name = "other".into();
    check(&[
        (&format!("30 02 {digest} 03 612f62"),          hex(&chosen("a/b", "abc"))),
        (&format!("30 02 {digest} 03 612f62"),          hex(&renamed)),
        (&format!("30 00 {digest} 01 78"),              hex(&staged("x", "abc"))),
        (&format!("30 00 {digest} 01 78"),              hex(&output)),
        (&format!("30 03 {digest} 03 612f62"),          hex(&tree)),
        (&format!("0b 30 00 {digest} 01 78"),           hex(&Some(staged("x", "abc")))),
    ]);
}

fn leaf() -> &'static Code {
    static CODE: Code = Code {
        conditions: &[("unix", true)],
        embedded: &[("include_str a.txt", b"abc"), ("env X unset", b"")],
        ..item("leaf", 2)
    };
    &CODE
}

fn branch() -> &'static Code {
    static CODE: Code = Code { given_name: Some("shop/branch"), dependencies: &[root, leaf], ..item("branch", 3) };
    &CODE
}

fn root() -> &'static Code {
    static CODE: Code = Code { dependencies: &[leaf, branch], ..item("root", 1) };
    &CODE
}

#[test]
#[rustfmt::skip]
fn digests_of_values_code_and_calls() {
    let digest = |value: &dyn Fn() -> canonical::Encoded| value().digest().to_string();
    let call = |code, build: &dyn Fn(&mut KeyBuilder)| {
        let mut builder = KeyBuilder::new(code).unwrap();
        build(&mut builder);
        builder.finish().unwrap().key
    };
    let bare = call(root(), &|_| {});
    check(&[
        ("d6fdcc26a314c7d1751407d8c60d4363a2f8acbf096ac9a04991049b390b5133", digest(&|| canonical::encode(&()).unwrap())),
        ("25a34fa9596f6c20907ed6ef40f503de3407449e1476c51f5d7b0678c0adba58", digest(&|| canonical::encode(&(1, "a", [Some(2.5)])).unwrap())),
        // Own hash; then with dependencies.
        ("61ea789d4171d81ce2c75afe781c54f63abf7dca89602171038263a45baa1b13", leaf().own_hash().to_string()),
        ("989f5ef66751ff672616a60a5c2e53417b8514e825386588c0a29a7b1a83bb54", leaf().hash().to_string()),
        ("0ed9a84b363f60c256f1104e6ac0263a70bbe48ed24de4430bdd4c54d7e1a4ad", branch().own_hash().to_string()),
        ("f745990249baaf763eefbe443718baf20193d3ab466c2c5daa1e8ee77f0e0143", branch().hash().to_string()),
        ("bd3c484a92b4dacfc2e808830731efd842cfd5abd69962540226c531b17a62c8", root().own_hash().to_string()),
        ("6051a8c6095e3deea3d2d6301a802f837fecbe3b9e290bcf85ca6291245ce81b", root().hash().to_string()),
        // Calls.
        ("5c81402730937796e52b1975748dd352d89592b736c3271f8f92710ff84e3bce", bare.to_string()),
        ("a8204120b8447f9ed0f23363534826c78205ddbc138bb0ebd471752b328b87eb", call(leaf(), &|_| {}).to_string()),
        ("79043948d896efc10997db7e29fb6741aae59949eed33ebcaf21f67aad27512d", call(branch(), &|_| {}).to_string()),
        ("7898e6a83466ca307c1c9c822a91a2155f3cef3652e93668df7fa37449fde815", call(root(), &|k| k.type_param("T", "alloc::string::String")).to_string()),
        ("c6b78fc9c9df4a6380aca62584128a56a7fa242b68e5939a3e22e922fd771b66", call(root(), &|k| k.const_param("N", &3)).to_string()),
        ("8990028b6c93cd213dc5387d92a45a1d0530b6df397cfaa57c14bec3bee48af2", call(root(), &|k| k.arg("n", &3)).to_string()),
        ("8990028b6c93cd213dc5387d92a45a1d0530b6df397cfaa57c14bec3bee48af2", call(root(), &|k| k.secret("n", &3)).to_string()),
        ("d5a13b2356a8297ebd25bfdc5337de02588fda70859c9bf23bbde51469bf5de2", call(root(), &|k| k.extra("n", &3)).to_string()),
        ("e9cbd0307d49e806d6cbfcfa7f7b89c0b14ffed8d62d036bff3d9c4ad80ba192", call(root(), &|k| { k.arg("corpus", &chosen("a/b", "abc")); k.arg("min_len", &3_usize) }).to_string()),
        // The key after a record that does not apply.
        ("08fdaad2f60ad5ad4a6f6edaa1098adde80e86ed0898ce9ecb2405a46dd666fa", bare.successor(&Digest::of(b"record")).to_string()),
    ]);
}

/// The layout of the documentation, spelled out once by hand.
#[test]
fn a_call_key_is_made_as_documented() {
    let mut builder = KeyBuilder::new(root()).unwrap();
    builder.type_param("T", "u8");
    builder.const_param("N", &3);
    builder.arg("s", "ab");
    builder.secret("t", &true);
    builder.extra("1 + 1", &2);
    let code = root().hash();
    let spelled = [
        &b"\x18shop/shop::reports::root"[..],
        code.as_bytes(),
        b"\x01\x01T\x02u8",
        b"\x02\x01N\x04\x01\x03",
        b"\x03\x01s\x08\x02ab",
        b"\x03\x01t\x03",
        b"\x04\x051 + 1\x04\x01\x02",
    ];
    let key = blake3::derive_key("datlake 2026-11-21 call key, format 1", &spelled.concat());
    assert_eq!(builder.finish().unwrap().key, CallKey::from_bytes(key));
}

#[test]
fn a_code_hash_is_made_as_documented() {
    let own = [&[2; 32][..], b"\x01\x04unix\x01", b"\x02\x11include_str a.txt\x03abc\x0benv X unset\x00"].concat();
    let own = blake3::derive_key("datlake 2026-11-21 own code, format 1", &own);
    assert_eq!(leaf().own_hash().as_bytes(), &own);

    let (leaf, branch, root_) = (leaf().own_hash(), branch().own_hash(), root().own_hash());
    let labelled_leaf = [&b"\x13shop::reports::leaf"[..], leaf.as_bytes()].concat();
    let labelled_branch = [&b"\x0c=shop/branch"[..], branch.as_bytes()].concat();
    let labelled_root = [&b"\x00"[..], root_.as_bytes()].concat();
    let spelled = [
        &b"\x03"[..],
        // The root and its edges in their own order; then the others by label.
        &labelled_root,
        b"\x02",
        &labelled_leaf,
        &labelled_branch,
        &labelled_branch,
        b"\x02",
        &labelled_root,
        &labelled_leaf,
        &labelled_leaf,
        b"\x00",
    ]
    .concat();
    let hash = blake3::derive_key("datlake 2026-11-21 code and dependencies, format 1", &spelled);
    assert_eq!(root().hash().as_bytes(), &hash);
}
