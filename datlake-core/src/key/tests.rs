use std::collections::HashMap;

use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::json;

use super::*;
use crate::Uid;

static CODE: Code = Code {
    package: "shop",
    package_version: "1.0.0",
    manifest_dir: "",
    module: "shop",
    name: "report",
    given_name: None,
    file: "src/lib.rs",
    line: 1,
    blob: [0; 20],
    own: [1; 32],
    conditions: &[],
    embedded: &[],
    dependencies: &[],
    lock: None,
    features: &[],
};

fn file(name: &str) -> FileRef {
    FileRef {
        uid: Some(Uid::chosen(name).unwrap()),
        digest: Digest::of(name.as_bytes()),
        size: 1,
        name: name.into(),
        tree: false,
        stage: None,
    }
}

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
    static NAMED: Code = Code { given_name: Some("shop/report"), ..CODE_TEMPLATE };
    static EDITED: Code = Code { own: [2; 32], ..CODE_TEMPLATE };
    const CODE_TEMPLATE: Code = Code {
        package: "shop",
        package_version: "1.0.0",
        manifest_dir: "",
        module: "shop",
        name: "report",
        given_name: None,
        file: "src/lib.rs",
        line: 1,
        blob: [0; 20],
        own: [1; 32],
        conditions: &[],
        embedded: &[],
        dependencies: &[],
        lock: None,
        features: &[],
    };
    let key_of = |code| KeyBuilder::new(code).unwrap().finish().unwrap().key;
    assert_ne!(key_of(&CODE), key_of(&NAMED));
    assert_ne!(key_of(&CODE), key_of(&EDITED));
}

#[test]
fn parameters_are_shown_as_they_were_given() {
    let identity = identity(|k| {
        k.type_param("T", "alloc::string::String");
        k.const_param("N", &3);
        k.arg("files", &HashMap::from([("b", file("y")), ("a", file("x"))]));
        k.arg("min_len", &4_usize);
        k.arg("text", &"x".repeat(20_000));
        k.extra("std::env::var(\"TZ\")", &Some("UTC"));
    });
    assert_eq!(identity.generics(), [("T".into(), "alloc::string::String".into()), ("N".into(), "3".into())]);
    let param = |name: &str, value| Param { name: name.into(), value, secret: false };
    let shown = |name: &str| json!({"$file": {"uid": name, "name": name, "digest": Digest::of(name.as_bytes())}});
    assert_eq!(
        identity.params(),
        [
            param("files", json!({"a": shown("x"), "b": shown("y")})),
            param("min_len", json!(4)),
            param("text", json!({"$large": {"bytes": 20_004}})),
        ]
    );
    assert_eq!(identity.extras(), [param("std::env::var(\"TZ\")", json!("UTC"))]);
    assert_eq!(identity.inputs(), [("files", file("x")), ("files", file("y"))]);
    assert!(identity.bytes.len() < 1000, "what is too large to show is not kept");
}

#[test]
fn a_secret_is_in_the_key_and_nowhere_else() {
    const SECRET: &str = "hunter2-hunter2-hunter2";
    let of = |secret: &str| {
        identity(|k| {
            k.arg("before", &[1, 2]);
            k.secret("token", secret);
            k.arg("after", "plain");
            k.secret("pin", &1234);
            k.extra("last", &true);
        })
    };
    let identity = of(SECRET);
    assert_ne!(identity.key, of("something else").key);
    let param = |name: &str, value, secret| Param { name: name.into(), value, secret };
    assert_eq!(
        identity.params(),
        [
            param("before", json!([1, 2]), false),
            param("token", json!(null), true),
            param("after", json!("plain"), false),
            param("pin", json!(null), true),
        ]
    );
    assert_eq!(identity.extras(), [param("last", json!(true), false)]);
    assert!(!identity.bytes.windows(4).any(|window| SECRET.as_bytes().windows(4).any(|part| part == window)));
    // What is kept does not even tell secrets of different length apart.
    assert_eq!(identity.bytes, of("").bytes);
    let debug = format!("{identity:?}");
    assert!(debug.contains("token") && !debug.contains("hunter2") && !debug.contains("plain"), "{debug}");
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
    let text = fail(|k| k.secret("token", &file("x")));
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
