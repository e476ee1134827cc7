//! Stored values are shown as their canonical encodings are, by whoever has the shape.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use datlake_core::value_shape::{ValueShape, to_json};
use datlake_core::{Digest, ErrorKind, FileRef, Uid, canonical, codec};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Serialize, Deserialize)]
enum Verdict {
    Open,
    Worse(f64),
    Pair(u8, i8),
    Named { why: String, by: Option<Box<Verdict>> },
}

#[derive(Serialize, Deserialize)]
struct Wrapper(Vec<u16>);

#[derive(Serialize, Deserialize)]
struct Row {
    name: String,
    share: f32,
    unit: (),
    verdict: Verdict,
    wrapped: Wrapper,
    by_id: BTreeMap<i32, char>,
    pairs: HashMap<(u8, bool), u128>,
    wide: [i128; 2],
    plot: Option<FileRef>,
}

fn row(name: &str, verdict: Verdict) -> Row {
    let plot = FileRef {
        uid: Some(Uid::chosen("plots/a.svg").unwrap()),
        digest: Digest::of(b"x"),
        size: 1,
        name: "a.svg".into(),
        tree: false,
        stage: None,
    };
    Row {
        name: name.to_owned(),
        share: 0.1,
        unit: (),
        verdict,
        wrapped: Wrapper(vec![1, 300, 65_535]),
        by_id: BTreeMap::from([(-70_000, 'ß'), (2, '𝄞')]),
        pairs: HashMap::from([((1, true), u128::MAX)]),
        wide: [i128::MIN, -1],
        plot: (name == "plotted").then_some(plot),
    }
}

/// The value as its record would show it.
fn shown<T: Serialize + DeserializeOwned>(value: &T) -> Value {
    let stored = codec::encode(value).unwrap();
    let shape = ValueShape::of(value).filter(|_| codec::needs_shape(&stored.bytes));
    let text = serde_json::to_string(&shape).unwrap();
    to_json(&stored.bytes, serde_json::from_str::<Option<ValueShape>>(&text).unwrap().as_ref()).unwrap()
}

#[track_caller]
fn check<T: Serialize + DeserializeOwned>(value: T) {
    assert_eq!(shown(&value), canonical::to_json(&canonical::encode(&value).unwrap().bytes).unwrap());
}

#[test]
fn what_is_stored_is_shown_as_the_value_is() {
    check(());
    check(0.25);
    check((u64::MAX, i64::MIN, -129_i16, 250_u8, 251_u16, true, None::<u8>, Some(Some(1_u8))));
    check(vec![f64::NAN, f64::INFINITY]);
    check(BTreeSet::from([3, 1, 2]));
    check(Vec::<Row>::new());
    check((Vec::<u8>::new(), vec![None, Some(1.5)]));
    let named = |by| Verdict::Named { why: "x".to_owned(), by };
    check(vec![
        row("a", Verdict::Open),
        row("plotted", Verdict::Worse(0.5)),
        row("c", Verdict::Pair(255, -128)),
        row("d", named(None)),
        row("e", named(Some(Box::new(named(Some(Box::new(Verdict::Open))))))),
    ]);
    check(row("plotted", Verdict::Open).plot.unwrap());
}

#[test]
fn what_stores_names_needs_no_shape() {
    #[derive(Serialize, Deserialize)]
    struct Settings {
        rate: f64,
        #[serde(flatten)]
        rest: BTreeMap<String, u32>,
    }
    let value = Settings { rate: 0.5, rest: BTreeMap::from([("depth".to_owned(), 3)]) };
    assert_eq!(shown(&value), json!({"rate": 0.5, "depth": 3}));
}

#[test]
fn a_shape_says_what_occurs_and_a_list_is_as_large_as_one_element() {
    let shape = |value: &Vec<Row>| serde_json::to_string(&ValueShape::of(value)).unwrap();
    let rows = |n: usize| (0..n).map(|n| row(&n.to_string(), Verdict::Open)).collect::<Vec<_>>();
    assert_eq!(shape(&rows(1)), shape(&rows(10_000)));
    assert_eq!(
        serde_json::to_value(ValueShape::of(&vec![(0.5, "x")])).unwrap(),
        json!({"list": {"tuple": ["f64", "text"]}})
    );
    // Nothing is kept of what is worth nothing, or would be too large.
    assert_eq!(
        (ValueShape::of(&()), ValueShape::of(&vec![(); 3])),
        (None, Some(ValueShape::List(Box::new(Some(ValueShape::Unit)))))
    );
    let mut deep = Verdict::Open;
    for _ in 0..100 {
        deep = Verdict::Named { why: String::new(), by: Some(Box::new(deep)) };
    }
    assert_eq!(ValueShape::of(&deep), None);
}

#[test]
fn bytes_of_another_shape_are_refused() {
    let stored = codec::encode(&vec![row("a", Verdict::Open)]).unwrap().bytes;
    let shape = ValueShape::of(&vec![row("a", Verdict::Open)]);
    for cut in 2..stored.len() {
        assert_eq!(to_json(&stored[..cut], shape.as_ref()).unwrap_err().kind(), ErrorKind::Corrupt, "{cut}");
    }
    let other = ValueShape::of(&vec!["x"]);
    assert_eq!(to_json(&stored, other.as_ref()).unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(to_json(&stored, None).unwrap_err().kind(), ErrorKind::Value);
    // A length that no bytes follow.
    let huge = [&[1, 253][..], &u64::MAX.to_le_bytes()].concat();
    assert_eq!(to_json(&huge, other.as_ref()).unwrap_err().kind(), ErrorKind::Corrupt);
}
