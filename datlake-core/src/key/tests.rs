use serde_json::json;

use super::*;

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
    found: None,
    lock: None,
    features: &[],
    cfg: &[],
};

pub(crate) fn identity_of(build: impl FnOnce(&mut KeyBuilder)) -> Identity {
    let mut builder = KeyBuilder::new(&CODE).unwrap();
    build(&mut builder);
    builder.finish().unwrap()
}

#[test]
fn a_secret_is_in_the_key_and_nowhere_else() {
    const SECRET: &str = "hunter2-hunter2-hunter2";
    let of = |secret: &str| {
        identity_of(|k| {
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
    assert!(!identity.gathered.bytes.windows(4).any(|window| SECRET.as_bytes().windows(4).any(|part| part == window)));
    // What is kept does not even tell secrets of different length apart.
    assert_eq!(identity.gathered.bytes, of("").gathered.bytes);
    let debug = format!("{identity:?}");
    assert!(debug.contains("token") && !debug.contains("hunter2") && !debug.contains("plain"), "{debug}");
}

#[test]
fn a_large_argument_is_held_until_it_was_looked_up_and_clones_share_it() {
    let mut large = identity_of(|k| {
        k.arg("text", &"x".repeat(20_000));
        k.secret("token", &"y".repeat(20_000));
        k.arg("last", "plain");
    });
    let lengths = |identity: &Identity| -> Vec<usize> {
        let length = |bytes| if let ArgumentBytes::Whole(bytes) = bytes { bytes.len() } else { 0 };
        identity.contents().map(|(_, bytes)| length(bytes)).collect()
    };
    let asked = large.clone();
    assert!(Arc::ptr_eq(&large.gathered, &asked.gathered), "nothing is copied");
    let shown = large.params();
    assert_eq!((&shown[0].value["$large"]["bytes"], &shown[2].value), (&json!(20_004), &json!("plain")));
    large.release();
    assert_eq!((lengths(&asked), lengths(&large)), (vec![20_004, 7], vec![0, 7]));
    assert!(large.gathered.bytes.len() < 100);
    assert_eq!(large.params(), shown);
}
