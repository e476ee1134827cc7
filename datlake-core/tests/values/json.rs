use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

use datlake_core::canonical::{self, to_json};
use datlake_core::{Digest, ErrorKind, FileRef, Uid};
use serde_json::{Value, json};

#[derive(Serialize)]
enum Shape {
    Empty,
    Round(u8),
    Flat(u8, u8),
    Box { w: Option<u8> },
}

fn check<T: Serialize>(value: T, shown: Value) {
    assert_eq!(to_json(&canonical::encode(&value).unwrap().bytes).unwrap(), shown);
}

#[test]
fn values_look_as_serde_json_would_show_them() {
    #[derive(Serialize)]
    struct Row {
        name: &'static str,
        unit: (),
        share: f32,
        shapes: Vec<Shape>,
        by_id: BTreeMap<i32, char>,
    }
    let row = Row {
        name: "a\"b",
        unit: (),
        share: 0.1,
        shapes: vec![Shape::Empty, Shape::Round(1), Shape::Flat(1, 2), Shape::Box { w: Some(3) }],
        by_id: BTreeMap::from([(-1, 'x'), (2, 'y')]),
    };
    let shown = json!({
        "name": "a\"b", "unit": null, "share": 0.1,
        "shapes": ["Empty", {"Round": 1}, {"Flat": [1, 2]}, {"Box": {"w": 3}}],
        "by_id": {"-1": "x", "2": "y"},
    });
    check(row, shown);
    check((i64::MIN, u64::MAX, -1.5, true, None::<u8>), json!([i64::MIN, u64::MAX, -1.5, true, null]));
    check(BTreeSet::from([3, 1, 2]), json!([1, 2, 3]));
    check(indexmap::IndexMap::from([("a", 2), ("b", 1)]), json!({"a": 2, "b": 1}));
}

#[test]
fn what_json_has_no_form_for_is_marked() {
    check(u128::MAX, json!({"$int": "340282366920938463463374607431768211455"}));
    check(i128::MIN, json!({"$int": "-170141183460469231731687303715884105728"}));
    check([f64::NAN, f64::NEG_INFINITY], json!([{"$float": "NaN"}, {"$float": "-inf"}]));
    check([f32::INFINITY], json!([{"$float": "inf"}]));
    check(HashMap::from([((1, 2), "x")]), json!({"$map": [[[1, 2], "x"]]}));
    // An order that an object would not show.
    check(indexmap::IndexMap::from([("b", 1), ("a", 2)]), json!({"$map": [["b", 1], ["a", 2]]}));
    // Two keys that look alike.
    #[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
    #[serde(untagged)]
    enum Id {
        Number(u8),
        Text(&'static str),
    }
    check(BTreeMap::from([(Id::Number(1), 'a'), (Id::Text("1"), 'b')]), json!({"$map": [[1, "a"], ["1", "b"]]}));
    let tree = FileRef {
        uid: Some(Uid::chosen("photos/cats").unwrap()),
        digest: Digest::of(b""),
        size: 0,
        name: "whatever".into(),
        tree: true,
        stage: None,
    };
    let digest = Digest::of(b"").to_string();
    check(FileRef { uid: None, tree: false, ..tree.clone() }, json!({"$file": {"name": "whatever", "digest": digest}}));
    check(tree, json!({"$file": {"uid": "photos/cats", "name": "cats", "digest": digest, "tree": true}}));
}

#[test]
fn what_is_not_an_encoding_is_said_to_be_corrupt() {
    for (bytes, why) in [
        (&[][..], "ends too early"),
        (&[0x01, 0x01], "more bytes"),
        (&[0x00], "unknown tag"),
        (&[0x7f], "unknown tag"),
        (&[0x04, 0x00], "integer"),
        (&[0x04, 0x12], "ends too early"),
        (&[0x07, 0xff, 0xff, 0xff, 0xff], "character"),
        (&[0x08, 0x01, 0xff], "UTF-8"),
        (&[0x08, 0x81, 0x00, b'a'], "length"),
        (&[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], "ends too early"),
        (&[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], "length"),
        (&[0x10, 0x01, 0x7f, 0x02], "count"),
        (&[0x12, 0xff, 0xff, 0xff, 0xff, 0x0f], "ends too early"),
        (&[0x15, 0x01, 0x7f, 0x00], "field"),
    ] {
        let error = to_json(bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains(why), "{bytes:x?} gave {error}");
    }
}

#[test]
fn depth_is_bounded() {
    let deep = [vec![0x0b; 1_000_000], vec![0x01]].concat();
    assert_eq!(to_json(&deep).unwrap_err().kind(), ErrorKind::Value);
    // What is shown can be read back by a JSON reader that bounds depth itself.
    for head in [&[0x21, 0x00][..], &[0x10], &[0x13, 0x01, 0x01]] {
        let mut bytes = head.repeat(60);
        bytes.push(0x01);
        if head == [0x10] {
            bytes.extend([0x7f, 0x01].repeat(60));
        }
        assert!(to_json(&bytes).is_err());
    }
    let mut deepest = [0x13, 0x01, 0x01].repeat(19);
    deepest.push(0x01);
    let text = to_json(&deepest).unwrap().to_string();
    assert!(serde_json::from_str::<Value>(&text).is_ok());
}
