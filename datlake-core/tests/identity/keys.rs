//! What is part of a call's key, and how its parameters are shown.

use std::collections::HashMap;

use datlake_core::lineage::Param;
use datlake_core::{CallKey, Code, Digest, ErrorKind, Identity, KeyBuilder, canonical};
use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::json;

use super::{chosen, item};

static CODE: Code = item("report", 1);

fn identity(build: impl FnOnce(&mut KeyBuilder)) -> Identity {
    let mut builder = KeyBuilder::new(&CODE).unwrap();
    build(&mut builder);
    builder.finish().unwrap()
}

fn key(build: impl FnOnce(&mut KeyBuilder)) -> CallKey {
    identity(build).key
}

/// A value that says what it holds when it fails.
struct Telltale(&'static str);
impl Serialize for Telltale {
    fn serialize<S: Serializer>(&self, _serializer: S) -> Result<S::Ok, S::Error> {
        Err(S::Error::custom(format_args!("cannot serialize {}", self.0)))
    }
}

#[test]
fn every_part_its_role_its_name_and_its_place_count() {
    let keys = [
        key(|_| {}),
        key(|k| k.arg("a", &1)),
        key(|k| k.arg("b", &1)),
        key(|k| k.arg("a", &2)),
        key(|k| k.arg("a", "1")),
        key(|k| k.extra("a", &1)),
        key(|k| k.const_param("a", &1)),
        key(|k| k.type_param("a", "1")),
        key(|k| k.const_param("a", "1")),
        key(|k| (k.arg("a", &1), k.arg("b", &2)).1),
        key(|k| (k.arg("a", &2), k.arg("b", &1)).1),
        key(|k| (k.arg("b", &2), k.arg("a", &1)).1),
        key(|k| k.arg("a", &(1, 2))),
        key(|k| (k.arg("a", &1), k.extra("b", &2)).1),
        key(|k| (k.extra("a", &1), k.arg("b", &2)).1),
        key(|k| k.arg("ab", "")),
        key(|k| k.arg("a", "b")),
    ];
    for (n, one) in keys.iter().enumerate() {
        assert!(!keys[..n].contains(one), "key {n} is not its own");
    }
}

#[test]
fn the_creator_and_its_code_count() {
    static NAMED: Code = Code { given_name: Some("shop/report"), ..item("report", 1) };
    static EDITED: Code = item("report", 2);
    let key_of = |code| KeyBuilder::new(code).unwrap().finish().unwrap().key;
    assert_ne!(key_of(&CODE), key_of(&NAMED));
    assert_ne!(key_of(&CODE), key_of(&EDITED));
}

#[test]
fn parameters_are_shown_as_they_were_given() {
    let identity = identity(|k| {
        k.type_param("T", "alloc::string::String");
        k.const_param("N", &3);
        k.arg("files", &HashMap::from([("b", chosen("y", "y")), ("a", chosen("x", "x"))]));
        k.arg("min_len", &4_usize);
        k.arg("text", &"x".repeat(20_000));
        k.extra("std::env::var(\"TZ\")", &Some("UTC"));
    });
    assert_eq!(identity.generics(), [("T".into(), "alloc::string::String".into()), ("N".into(), "3".into())]);
    let digest = canonical::encode(&"x".repeat(20_000)).unwrap().digest();
    let param = |name: &str, value| Param { name: name.into(), value, secret: false };
    let shown = |name: &str| json!({"$file": {"uid": name, "name": name, "digest": Digest::of(name.as_bytes())}});
    assert_eq!(
        identity.params(),
        [
            param("files", json!({"a": shown("x"), "b": shown("y")})),
            param("min_len", json!(4)),
            param("text", json!({"$large": {"bytes": 20_004, "digest": digest}})),
        ]
    );
    assert_eq!(identity.extras(), [param("std::env::var(\"TZ\")", json!("UTC"))]);
    assert_eq!(identity.inputs(), [("files", chosen("x", "x")), ("files", chosen("y", "y"))]);
}

#[test]
fn becoming_a_secret_changes_no_key() {
    assert_eq!(key(|k| k.arg("token", "x")), key(|k| k.secret("token", "x")));
}

#[test]
fn an_argument_that_fails_is_named_and_a_secret_one_says_no_more() {
    let fail = |build: fn(&mut KeyBuilder)| {
        let mut builder = KeyBuilder::new(&CODE).unwrap();
        builder.arg("fine", &1);
        build(&mut builder);
        builder.arg("fine too", &1);
        builder.arg("a second one", &Telltale("later"));
        let error = builder.finish().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Value);
        format!("{error} {error:?} {:?}", std::error::Error::source(&error).map(ToString::to_string))
    };
    let text = fail(|k| k.arg("corpus", &vec![Telltale("the reason")]));
    for part in ["`corpus`", "shop/shop::report", "the reason"] {
        assert!(text.contains(part), "{text}");
    }
    let text = fail(|k| k.secret("token", &Telltale("hunter2")));
    assert!(text.contains("`token`") && !text.contains("hunter2") && !text.contains("later"), "{text}");
    let text = fail(|k| k.secret("token", &chosen("x", "x")));
    assert!(text.contains("`token`") && !text.contains(&Digest::of(b"x").to_string()), "{text}");
}

#[test]
fn a_value_nested_too_deeply_to_show_still_has_a_key() {
    let deep = (0..500).fold(json!(1), |inner, _| json!([inner]));
    let identity = identity(|k| k.arg("deep", &deep));
    assert!(identity.params()[0].value["$deep"]["bytes"].is_u64());
}

#[test]
fn a_successor_depends_on_the_key_and_on_the_record() {
    let (a, b) = (CallKey::from_bytes([1; 32]), CallKey::from_bytes([2; 32]));
    let (r, s) = (Digest::from_bytes([1; 32]), Digest::from_bytes([2; 32]));
    let keys =
        [a, b, a.successor(&r), a.successor(&s), b.successor(&r), b.successor(&s), a.successor(&r).successor(&r)];
    for (n, one) in keys.iter().enumerate() {
        assert!(!keys[..n].contains(one), "key {n} is not its own");
    }
}

#[test]
fn an_identity_can_go_to_another_thread() {
    fn sendable<T: Send + Sync>(_: &T) {}
    sendable(&identity(|_| {}));
}
