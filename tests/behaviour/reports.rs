//! Every answer is data: written as JSON and read again, it is the same.

use std::fmt::Debug;

use datlake::report::{FindingKind, Listing, Removal, SignedUrl};
use datlake::{Collect, Evict, File, Lake, Mirror, Prune, Result, Verify, file_creator};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::support::{Machines, overwrite};

/// A client reads what a server wrote.
#[track_caller]
pub(crate) fn comes_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    let text = serde_json::to_string(value).unwrap();
    let back: T = serde_json::from_str(&text).unwrap();
    assert_eq!(back, *value);
    assert_eq!(serde_json::to_string(&back).unwrap(), text);
}

/// A step before and after an edit, both at one place.
macro_rules! edition {
    ($edition:ident, $version:literal) => {
        mod $edition {
            use datlake::{File, Result, file_creator};

            #[file_creator(name = "reports/trim", version = $version)]
            pub(super) fn trim(raw: &File, length: usize, #[secret] key: &str) -> Result<File> {
                let text = format!("{} {length} {} in edition {}", raw.read_to_string()?, key.len(), $version);
                File::from_bytes("trim.txt", text)
            }
        }
    };
}

edition!(old, 1);
edition!(new, 2);

#[file_creator]
fn joined(one: &File, output_uid: &str) -> Result<File> {
    File::from_bytes(output_uid, one.read()?)
}

#[file_creator]
fn failing(n: u32) -> Result<u32> {
    Err(datlake::Error::new(datlake::ErrorKind::Io, format!("no {n}")))
}

#[test]
fn every_answer_comes_back_from_json() {
    let machines = Machines::new();
    let lake = machines.machine("a");
    let _current = lake.enter();
    let raw = lake.add_bytes("raw.txt", "raw").unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tom.jpg"), "tom").unwrap();
    lake.add_tree("photos/cats", folder.path()).unwrap();
    let first = old::trim(&raw, 3, "secret").unwrap();
    let trimmed = new::trim(&raw, 3, "secret").unwrap();
    new::trim(&raw, 3, "secret").unwrap();
    let made = joined(&trimmed, "joined.txt").unwrap();
    failing(1).unwrap_err();

    comes_back(&lake.list_files("").unwrap());
    comes_back(&lake.list_folder("").unwrap());
    for uid in ["raw.txt", "photos/cats", "joined.txt", trimmed.uid().unwrap().as_str()] {
        comes_back(&lake.info(uid).unwrap());
        comes_back(&lake.upstream(uid, 10).unwrap());
        comes_back(&lake.downstream(uid, 10, 1000).unwrap());
        comes_back(&lake.removal(&[uid]).unwrap());
    }
    comes_back(&lake.history(None).unwrap());
    let runs = lake.runs(10).unwrap();
    comes_back(&runs);
    comes_back(&lake.run(&runs.runs[0].run).unwrap());
    for file in [&first, &trimmed, &made] {
        comes_back(&lake.explain(file.uid().unwrap().as_str()).unwrap());
    }
    comes_back(&lake.prunable(Prune::superseded()).unwrap());
    comes_back(&lake.status().unwrap());
    comes_back(&lake.check_remote().unwrap());
    comes_back(&lake.clean().unwrap());
    comes_back(&datlake::config::settings().unwrap());

    let offline = machines.builder("a").offline(true).open().unwrap();
    offline.add_bytes("later.txt", "later").unwrap();
    comes_back(&offline.status().unwrap());
    drop(offline);
    comes_back(&lake.push(&[]).unwrap());
    comes_back(&lake.push(&["later.txt"]).unwrap());
    let mirror = format!("file://{}", folder.path().join("mirror").display());
    comes_back(&lake.mirror(&Mirror::to(&mirror), &[]).unwrap());

    let other = machines.machine("b");
    comes_back(&other.pull(&[]).unwrap());
    comes_back(&other.repair("raw.txt").unwrap());
    comes_back(&other.evict(Evict::To(0)).unwrap());
    comes_back(&other.collect(Collect::default().dry_run(true)).unwrap());
    comes_back(&lake.collect(Collect::default()).unwrap());
}

#[test]
fn what_is_damaged_comes_back_from_json_too() {
    let lake = Lake::temp().unwrap();
    let _current = lake.enter();
    let raw = lake.add_bytes("raw.txt", "raw").unwrap();
    joined(&raw, "joined.txt").unwrap();
    overwrite(&lake.home().join("files/raw.txt.datlake"), |bytes| bytes.truncate(9));

    let listing = lake.list_files("").unwrap();
    assert_eq!(listing.damaged.len(), 1);
    comes_back::<Listing>(&listing);
    comes_back::<Removal>(&lake.removal(&["joined.txt"]).unwrap());
    let verified = lake.verify(Verify::default(), &[]).unwrap();
    assert_eq!(verified.findings[0].kind, FindingKind::DamagedDocument);
    comes_back(&verified);
    comes_back(&lake.status().unwrap());
}

#[test]
fn a_url_comes_back_from_json() {
    let url: SignedUrl = serde_json::from_value(serde_json::json!({
        "uid": "reports/2026.pdf", "name": "2026.pdf", "digest": "3f".repeat(32), "size": 7,
        "url": "https://example.org/blobs/3f?sig=abc", "expires_at": "2026-11-28T15:00:00Z", "temporary": true,
    }))
    .unwrap();
    assert!(url.temporary && url.url.ends_with("sig=abc") && !format!("{url:?}").contains("sig="));
    comes_back(&url);
}
