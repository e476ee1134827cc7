//! The creators that the machines call: with a value alone, with files, under a chosen name, with a tree and a value that is
//! kept apart, with a file as input, nested, and one that never makes the same twice.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use datlake::{ErrorKind, File, Result, Tree, file_creator};

/// Under a chosen name.
#[file_creator]
pub(crate) fn named(text: &str, output_uid: &str) -> Result<File> {
    File::from_bytes(output_uid, named_text(text))
}

pub(crate) fn named_text(text: &str) -> String {
    format!("named {text}")
}

/// With a file as input.
#[file_creator]
pub(crate) fn upper(file: &File) -> Result<File> {
    File::from_bytes("upper.txt", file.read_to_string()?.to_uppercase())
}

/// A tree, and a value that is kept apart from its record.
#[file_creator]
pub(crate) fn words(text: &str) -> Result<(Tree, Vec<u32>)> {
    let mut tree = Tree::create("words")?;
    for (at, word) in text.split(' ').enumerate() {
        tree.add_bytes(&format!("{at}.txt"), word)?;
    }
    Ok((tree.finish()?, numbers(text)))
}

pub(crate) fn numbers(text: &str) -> Vec<u32> {
    (0..5_000).map(|n: u32| n.wrapping_mul(0x9e37_79b9) ^ text.len() as u32).collect()
}

/// Another call in its body, and no file.
#[file_creator(depends_on(words))]
pub(crate) fn nested(text: &str) -> Result<String> {
    let (tree, numbers) = words(text)?;
    let mut all = Vec::new();
    for name in tree.names()? {
        all.push(tree.get(name)?.read_to_string()?);
    }
    Ok(format!("{} {}", all.join("-"), numbers.len()))
}

pub(crate) fn nested_text(text: &str) -> String {
    format!("{} 5000", text.replace(' ', "-"))
}

/// What bodies of [`unsteady`] made, by world and number.
static MADE: Mutex<BTreeMap<(u64, u8), Vec<String>>> = Mutex::new(BTreeMap::new());

/// Never the same twice.
#[file_creator]
pub(crate) fn unsteady(world: u64, n: u8) -> Result<File> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let text = format!("unsteady {}", NEXT.fetch_add(1, Ordering::SeqCst));
    MADE.lock()
        .map_err(|_| datlake::Error::new(ErrorKind::Io, "a test failed"))?
        .entry((world, n))
        .or_default()
        .push(text.clone());
    File::from_bytes("unsteady.txt", text)
}

/// What bodies of `unsteady(world, n)` have made so far.
pub(crate) fn made(world: u64, n: u8) -> Vec<String> {
    MADE.lock().unwrap().get(&(world, n)).cloned().unwrap_or_default()
}
