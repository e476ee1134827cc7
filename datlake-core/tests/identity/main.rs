//! What makes two values, two pieces of code and two calls the same: held here for good.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod code;
mod disguises;
mod golden;
mod keys;
mod maps;
mod names;
mod properties;

use datlake_core::{Code, Digest, FileRef, Uid, canonical};
use serde::Serialize;

/// The canonical bytes in hexadecimal.
fn hex<T: Serialize + ?Sized>(value: &T) -> String {
    canonical::encode(value).unwrap().bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A file with the content `content`, named by a person.
fn chosen(uid: &str, content: &str) -> FileRef {
    FileRef { uid: Some(Uid::chosen(uid).unwrap()), ..staged(uid, content) }
}

/// A file with the content `content` that a body has made and nobody has named yet.
fn staged(name: &str, content: &str) -> FileRef {
    let digest = Digest::of(content.as_bytes());
    FileRef { uid: None, digest, size: content.len() as u64, name: name.into(), tree: false, stage: None }
}

/// The code of an item of the package `shop`.
const fn item(name: &'static str, own: u8) -> Code {
    Code {
        package: "shop",
        package_version: "1.2.3",
        manifest_dir: "/home/me/shop",
        module: "shop::reports",
        name,
        given_name: None,
        file: "src/reports.rs",
        line: 7,
        blob: [0; 20],
        own: [own; 32],
        conditions: &[],
        embedded: &[],
        dependencies: &[],
        found: None,
        lock: None,
        features: &[],
        cfg: &[],
    }
}
