use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;
use std::num::NonZeroU32;

use serde::{Deserialize, Deserializer};

use datlake_core::count::files_in;
use datlake_core::{Digest, FileRef, Uid};

macro_rules! types {
    ($($item:item)*) => {$( #[derive(Deserialize)] #[allow(dead_code)] $item )*};
}
types! {
    struct Pair { a: FileRef, n: u32, b: FileRef }
    struct Tuple(FileRef, Pair);
    struct Newtype(Pair);
    struct Unit;
    struct Generic<T> { t: T, n: Option<NonZeroU32> }
    struct List { file: FileRef, next: Option<Box<List>> }
    struct Bushy { left: Vec<Bushy>, right: Option<Box<Bushy>>, map: HashMap<String, Bushy> }
    struct Endless { next: Box<Endless> }
    enum Plain { A, B(u32), C { x: Option<String> }, D(u8, u8) }
    enum LastHolds { A, B(u32), C { x: u8, f: FileRef } }
    enum Nested { A, B(Plain), C { x: LastHolds } }
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Many {
    a: Plain,
    b: Plain,
    c: Plain,
    d: [Plain; 8],
    e: Result<Plain, Plain>,
    f: FileRef,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Attributes {
    #[serde(alias = "old", alias = "older")]
    a: FileRef,
    #[serde(skip)]
    b: u32,
    #[serde(default)]
    c: i64,
    #[serde(rename = "x")]
    d: FileRef,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Flat {
    #[serde(flatten)]
    inner: Pair,
}

#[derive(Deserialize)]
#[serde(untagged)]
#[allow(dead_code)]
enum Untagged {
    A(FileRef),
}

#[derive(Deserialize)]
#[serde(tag = "t")]
#[allow(dead_code)]
enum Tagged {
    A(Pair),
}

struct Panics;
impl<'de> Deserialize<'de> for Panics {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // Quietly: a hook would print what is expected here.
        if text == "x" { std::panic::resume_unwind(Box::new("no such text")) } else { Ok(Self) }
    }
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
#[allow(dead_code)]
struct Validated(String);
impl TryFrom<String> for Validated {
    type Error = String;
    fn try_from(text: String) -> std::result::Result<Self, String> {
        if text.len() == 36 { Ok(Self(text)) } else { Err("not a UUID".into()) }
    }
}

#[test]
fn fixed_places_are_counted() {
    assert_eq!(files_in::<FileRef>(), Some(1));
    assert_eq!(files_in::<Box<FileRef>>(), Some(1));
    assert_eq!(files_in::<(FileRef, FileRef)>(), Some(2));
    assert_eq!(files_in::<[FileRef; 5]>(), Some(5));
    assert_eq!(files_in::<Pair>(), Some(2));
    assert_eq!(files_in::<Tuple>(), Some(3));
    assert_eq!(files_in::<Newtype>(), Some(2));
    assert_eq!(files_in::<Generic<(Pair, Newtype)>>(), Some(4));
    assert_eq!(files_in::<Attributes>(), Some(2));
    assert_eq!(files_in::<(Pair, Vec<i32>, Option<Plain>, HashMap<String, u8>)>(), Some(2));
    assert_eq!(files_in::<Many>(), Some(1));
}

#[test]
fn no_file_is_a_number_too() {
    assert_eq!(files_in::<()>(), Some(0));
    assert_eq!(files_in::<Unit>(), Some(0));
    assert_eq!(files_in::<Option<i32>>(), Some(0));
    assert_eq!(files_in::<Vec<i32>>(), Some(0));
    assert_eq!(files_in::<BTreeMap<char, HashSet<(i128, u128)>>>(), Some(0));
    assert_eq!(files_in::<Plain>(), Some(0));
    assert_eq!(files_in::<Result<Vec<f64>, String>>(), Some(0));
    assert_eq!(files_in::<(NonZeroU32, IpAddr, std::time::Duration, bool, f32)>(), Some(0));
}

#[test]
fn where_it_depends_there_is_no_number() {
    assert_eq!(files_in::<Option<FileRef>>(), None);
    assert_eq!(files_in::<Vec<FileRef>>(), None);
    assert_eq!(files_in::<HashMap<String, FileRef>>(), None);
    assert_eq!(files_in::<Vec<Vec<Pair>>>(), None);
    assert_eq!(files_in::<Result<FileRef, String>>(), None);
    assert_eq!(files_in::<Result<String, FileRef>>(), None);
    assert_eq!(files_in::<LastHolds>(), None);
    assert_eq!(files_in::<Nested>(), None);
    assert_eq!(files_in::<(FileRef, Option<Pair>)>(), None);
}

#[test]
fn recursive_types_end() {
    assert_eq!(files_in::<List>(), None);
    assert_eq!(files_in::<Bushy>(), None);
    assert_eq!(files_in::<Endless>(), None);
}

#[test]
fn types_that_refuse_the_dummies_give_no_number_and_no_panic() {
    assert_eq!(files_in::<Uid>(), Some(0));
    assert_eq!(files_in::<(FileRef, Digest)>(), None);
    assert_eq!(files_in::<(FileRef, Validated)>(), None);
    assert_eq!(files_in::<(FileRef, Panics)>(), None);
    assert_eq!(files_in::<(FileRef, serde_json::Value)>(), None);
    assert_eq!(files_in::<Flat>(), None);
    assert_eq!(files_in::<Untagged>(), None);
    assert_eq!(files_in::<Tagged>(), None);
}
