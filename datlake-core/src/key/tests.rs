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

fn identity_of(build: impl FnOnce(&mut KeyBuilder)) -> Identity {
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
    assert!(!identity.bytes.windows(4).any(|window| SECRET.as_bytes().windows(4).any(|part| part == window)));
    // What is kept does not even tell secrets of different length apart.
    assert_eq!(identity.bytes, of("").bytes);
    let large = identity_of(|k| k.arg("text", &"x".repeat(20_000)));
    assert!(large.bytes.len() < 1000, "what is too large to show is not kept");
    let debug = format!("{identity:?}");
    assert!(debug.contains("token") && !debug.contains("hunter2") && !debug.contains("plain"), "{debug}");
}
