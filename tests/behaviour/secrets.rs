//! A secret is in the key and nowhere else.

use std::path::PathBuf;

use base64::Engine as _;
use datlake::{ErrorKind, File, Result, file_creator};
use serde::Serialize;

use crate::support::{Watched, lake};

const PASSWORD: &str = "correct horse battery staple";

#[file_creator]
fn queried(query: &str, #[secret] password: &str) -> Result<File> {
    File::from_bytes("rows.csv", format!("{query} {}", password.len()))
}

/// Where in a lake's directory, in any spelling, `secret` or a hash of it stands.
fn traces(lake: &Watched, secret: &str) -> Vec<(PathBuf, String)> {
    let canonical = datlake_core::canonical::encode(secret).unwrap();
    let hashes = [
        *blake3::hash(secret.as_bytes()).as_bytes(),
        *blake3::hash(format!("\"{secret}\"").as_bytes()).as_bytes(),
        *canonical.digest().as_bytes(),
    ];
    let hexed = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let base64 = base64::engine::general_purpose::STANDARD;
    let mut needles = vec![secret.to_owned(), secret[..8].to_owned(), hexed(secret.as_bytes()), base64.encode(secret)];
    for hash in hashes {
        needles.extend([hexed(&hash)[..12].to_owned(), base64.encode(hash)]);
    }
    let mut found = Vec::new();
    for (path, bytes) in lake.everything() {
        let text = format!("{} {}", path.display(), String::from_utf8_lossy(&bytes));
        found.extend(
            needles.iter().filter(|needle| text.contains(*needle)).map(|needle| (path.clone(), needle.clone())),
        );
    }
    found
}

#[test]
fn a_secret_counts_and_leaves_no_trace() {
    let lake = lake();
    lake.ok("ran queried", || queried("select", PASSWORD));
    lake.ok("hit queried", || queried("select", PASSWORD));
    lake.ok("ran queried", || queried("select", "another password"));
    assert_eq!(traces(&lake, PASSWORD), []);
    assert_ne!(traces(&lake, "rows.csv"), [], "what is no secret is there to be found");

    let call = queried::call("select", PASSWORD);
    let lineage = lake.ok("nothing", || call.lineage()).unwrap();
    assert_eq!((lineage.params[1].name.as_str(), lineage.params[1].secret), ("password", true));
    assert!(lineage.params[1].value.is_null());
    let said = [
        format!("{lineage:?}"),
        serde_json::to_string(&lineage).unwrap(),
        lake.ok("nothing", || queried::call("select", "third password").explain()).to_string(),
        lake.ok("hit queried", || queried("select", PASSWORD)?.lineage()).to_string(),
    ];
    assert!(said[2].contains("password"), "{}", said[2]);
    for said in said {
        assert!(!said.contains("horse") && !said.contains("third"), "{said}");
    }
}

#[derive(Serialize, Clone)]
struct Login {
    user: String,
    tokens: Vec<String>,
}

#[file_creator]
async fn fetched(#[secret] login: &Login, #[secret] pin: u64, output_uid: &str) -> Result<File> {
    File::from_bytes_async(output_uid, format!("{} {}", login.tokens.len(), pin % 2)).await
}

#[test]
fn a_secret_of_any_type_leaves_no_trace() {
    let lake = lake();
    let login = Login { user: "ann".to_owned(), tokens: vec![PASSWORD.to_owned()] };
    let pin = 7_364_552_819_u64;
    lake.ok("ran fetched", || pollster::block_on(fetched(&login, pin, "out.txt")));
    let other = Login { user: "bob".to_owned(), ..login.clone() };
    lake.fails("nothing", ErrorKind::AlreadyExists, &["`out.txt`", "secret"], || {
        pollster::block_on(fetched(&other, pin, "out.txt"))
    });
    assert_eq!(traces(&lake, PASSWORD), []);
    assert_eq!(traces(&lake, &pin.to_string()), []);
}

#[test]
fn errors_do_not_quote_a_secret() {
    struct Talkative;
    impl Serialize for Talkative {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom(format_args!("cannot serialize {PASSWORD:?}")))
        }
    }
    #[file_creator]
    fn broken(#[secret] token: &Talkative) -> Result<()> {
        let _ = token;
        Ok(())
    }
    let lake = lake();
    let error = lake.check("nothing", || broken(&Talkative)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Value);
    let mut said = format!("{error} {error:?}");
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        said += &cause.to_string();
        source = cause.source();
    }
    assert!(said.contains("`token`") && !said.contains("horse"), "{said}");
}

#[test]
fn a_secret_holds_no_file() {
    #[file_creator]
    fn hidden(#[secret] file: &File) -> Result<u64> {
        Ok(file.len())
    }
    let lake = lake();
    let file = lake.add_bytes("file.txt", "file").unwrap();
    lake.fails("nothing", ErrorKind::Value, &["`file`", "secret"], || hidden(&file));
}
