//! What a creator may be given, and what of it counts.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;

use datlake::{File, Lake, Result, file_creator};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize};

use crate::support::{Watched, lake};

/// Makes the same call twice and a different one: the second is found, the third runs.
#[track_caller]
fn check<T: PartialEq + std::fmt::Debug>(function: &str, same: impl Fn() -> Result<T>, other: impl Fn() -> Result<T>) {
    let lake = lake();
    let first = lake.ok(&format!("ran {function}"), &same);
    assert_eq!(lake.ok(&format!("hit {function}"), &same), first);
    assert_ne!(lake.ok(&format!("ran {function}"), other), first);
}

#[file_creator]
fn by_value(count: u32, name: String, exact: bool, ratio: f64, letter: char) -> Result<String> {
    Ok(format!("{count} {name} {exact} {ratio} {letter}"))
}

#[file_creator]
fn by_reference(count: &u32, name: &str, text: &String, parts: &[u8]) -> Result<String> {
    Ok(format!("{count} {name} {text} {parts:?}"))
}

#[test]
fn plain_values_count_by_value_and_by_reference() {
    let call = |count, ratio| move || by_value(count, "a".to_owned(), true, ratio, 'x');
    check("by_value", call(1, 0.5), call(2, 0.5));
    check("by_value", call(1, 0.5), call(1, 0.25));
    let text = "text".to_owned();
    check("by_reference", || by_reference(&1, "a", &text, b"bytes"), || by_reference(&1, "a", &text, b"bites"));
}

#[file_creator]
fn doubled(mut items: Vec<u32>, mut factor: u32) -> Result<Vec<u32>> {
    factor *= 2;
    items.iter_mut().for_each(|item| *item *= factor);
    Ok(items)
}

#[test]
fn an_argument_counts_as_it_was_given_also_where_the_body_changes_it() {
    check("doubled", || doubled(vec![1, 2], 1), || doubled(vec![2, 4], 1));
}

/// The columns of a table in the order in which somebody listed them, written entry by entry.
struct Columns(Vec<(String, u32)>);

impl Serialize for Columns {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        self.0.iter().try_for_each(|(name, width)| map.serialize_entry(name, width))?;
        map.end()
    }
}

#[file_creator]
fn header(columns: &Columns) -> Result<String> {
    Ok(columns.0.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(","))
}

#[derive(Serialize)]
struct Extended {
    name: String,
    #[serde(flatten)]
    rest: HashMap<String, u32>,
}

#[file_creator]
fn extended(settings: &Extended) -> Result<usize> {
    Ok(settings.name.len() + settings.rest.len())
}

#[test]
fn the_order_of_a_map_counts_where_a_type_keeps_one_and_that_of_a_hash_map_never() {
    let columns = |names: [&str; 2]| Columns(names.map(|name| (name.to_owned(), 1)).into());
    check("header", || header(&columns(["id", "amount"])), || header(&columns(["amount", "id"])));
    let lake = lake();
    lake.ok("ran header", || header(&columns(["id", "amount"])));
    lake.ok("ran header", || header(&columns(["amount", "id"])));
    let why = {
        let _current = lake.enter();
        header::call(&columns(["b", "a"])).explain().unwrap().to_string()
    };
    assert!(why.contains(r#"["b",1]"#), "an order that is not shown: {why}");

    // Each hash map has an order of its own.
    let make = || Extended { name: "a".into(), rest: (0..40).map(|n| (n.to_string(), n)).collect() };
    lake.ok("ran extended", || extended(&make()));
    for _ in 0..4 {
        lake.ok("hit extended", || extended(&make()));
    }
}

struct Celsius(f64);

#[derive(Serialize, Clone, Copy)]
struct Span {
    from: u32,
    to: u32,
}

impl Serialize for Celsius {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0)
    }
}

#[file_creator]
fn patterns(
    (low, high): (u32, u32),
    [first, .., last]: [u8; 4],
    Span { from, to }: Span,
    Celsius(warm): Celsius,
    (name, _): &(String, u8),
) -> Result<String> {
    Ok(format!("{low} {high} {first} {last} {from} {to} {warm} {name}"))
}

#[test]
fn all_of_an_argument_counts_whatever_its_pattern_takes() {
    let name = |at| ("name".to_owned(), at);
    let call = |middle, at| {
        move || {
            patterns((1, 2), [1, middle, 3, 4], Span { from: 1, to: 2 }, Celsius(1.5), &name(at))
                .map(|text| (text, middle, at))
        }
    };
    check("patterns", call(2, 0), call(9, 0));
    check("patterns", call(2, 0), call(2, 1));
    let lake = lake();
    let text = lake.ok("ran patterns", call(2, 0)).0;
    assert_eq!(text, "1 2 1 4 1 2 1.5 name");
}

type Table = BTreeMap<String, Vec<u32>>;
type Pair<'a> = (&'a str, Option<&'a Table>);

#[file_creator]
fn aliased(table: &Table, pair: Pair<'_>) -> Result<String> {
    Ok(format!("{table:?} {pair:?}"))
}

#[test]
fn an_alias_is_the_type_it_names() {
    let table = Table::from([("a".to_owned(), vec![1, 2])]);
    check("aliased", || aliased(&table, ("x", None)), || aliased(&table, ("x", Some(&table))));
}

#[file_creator]
#[expect(clippy::boxed_local, reason = "a type like any other")]
fn collections(
    words: &[&str],
    counts: &HashMap<String, u64>,
    seen: &HashSet<u32>,
    maybe: Option<Option<u8>>,
    text: Cow<'_, str>,
    boxed: Box<[u16]>,
) -> Result<usize> {
    Ok(words.len() + counts.len() + seen.len() + usize::from(maybe.is_some()) + text.len() + boxed.len())
}

#[test]
fn maps_and_sets_count_without_their_order() {
    let lake = lake();
    let call = |order: &[u32], maybe| {
        // Another map has other random keys, so another order.
        let counts = order.iter().map(|n| (n.to_string(), u64::from(*n))).collect();
        let seen = order.iter().copied().collect();
        collections(&["a", "b"], &counts, &seen, maybe, "text".into(), vec![1, 2].into())
    };
    let order: Vec<u32> = (0..50).collect();
    let back: Vec<u32> = (0..50).rev().collect();
    lake.ok("ran collections", || call(&order, None));
    lake.ok("hit collections ×20", || (0..20).try_for_each(|_| call(&back, None).map(drop)));
    lake.ok("ran collections", || call(&order, Some(None)));
    lake.ok("ran collections", || call(&order[1..], None));
}

/// Files at every depth that a struct of a user may have.
#[derive(Serialize, Clone)]
struct Study {
    title: String,
    scans: Vec<Scan>,
    notes: Option<Box<File>>,
    by_name: HashMap<String, (u8, File)>,
}

#[derive(Serialize, Clone)]
enum Scan {
    Missing,
    Raw(File),
    Fixed { file: File, by: String },
}

#[file_creator]
fn gathered(study: &Study, more: &[Option<&File>]) -> Result<String> {
    let mut text = study.title.clone();
    for scan in &study.scans {
        match scan {
            Scan::Missing => text.push_str(" -"),
            Scan::Raw(file) => write!(text, " {}", file.read_to_string()?).unwrap(),
            Scan::Fixed { file, by } => write!(text, " {}/{by}", file.read_to_string()?).unwrap(),
        }
    }
    let mut rest: Vec<&File> = study.notes.as_deref().into_iter().chain(more.iter().copied().flatten()).collect();
    rest.extend(study.by_name.values().map(|(_, file)| file));
    for file in rest {
        write!(text, " {}", file.read_to_string()?).unwrap();
    }
    Ok(text)
}

fn study(lake: &Lake) -> Result<(Study, File)> {
    let file = |uid: &str| lake.add_bytes(uid, uid);
    let study = Study {
        title: "study".to_owned(),
        scans: vec![Scan::Missing, Scan::Raw(file("a")?), Scan::Fixed { file: file("b")?, by: "me".to_owned() }],
        notes: Some(Box::new(file("c")?)),
        by_name: HashMap::from([("d".to_owned(), (1, file("d")?))]),
    };
    Ok((study, file("e")?))
}

#[test]
fn files_are_found_at_any_depth_of_an_argument() {
    let lake = lake();
    let (study, e) = study(&lake).unwrap();
    let call = |study: &Study| gathered(study, &[None, Some(&e)]);
    assert_eq!(lake.ok("ran gathered", || call(&study)), "study - a b/me c e d");
    lake.ok("hit gathered", || call(&study));

    let lineage = lake.ok("nothing", || gathered::call(&study, &[None, Some(&e)]).lineage()).unwrap();
    let mut inputs: Vec<_> = lineage.inputs.iter().map(|i| (i.argument.as_deref().unwrap(), i.name.as_str())).collect();
    inputs.sort_unstable();
    assert_eq!(inputs, [("more", "e"), ("study", "a"), ("study", "b"), ("study", "c"), ("study", "d")]);

    let mut changed = study.clone();
    changed.by_name.insert("d".to_owned(), (1, lake.add_bytes("x", "x").unwrap()));
    lake.ok("ran gathered", || call(&changed));
    let mut changed = study.clone();
    changed.scans[2] = Scan::Fixed { file: e.clone(), by: "me".to_owned() };
    lake.ok("ran gathered", || call(&changed));
}

#[file_creator]
fn length(file: &File) -> Result<u64> {
    Ok(file.len())
}

#[file_creator]
fn copied(file: File, name: &str) -> Result<File> {
    File::from_bytes(name, file.read()?)
}

#[test]
fn a_file_counts_by_content_and_by_the_name_a_person_chose() {
    let lake = lake();
    let (a, b) = (lake.add_bytes("a.txt", "same").unwrap(), lake.add_bytes("b.txt", "same").unwrap());
    lake.ok("ran length", || length(&a));
    lake.ok("hit length", || length(&lake.file("a.txt")?));
    lake.ok("ran length", || length(&b));
    lake.remove("a.txt").unwrap();
    let edited = lake.add_bytes("a.txt", "edited").unwrap();
    lake.ok("ran length", || length(&edited));
    lake.remove("a.txt").unwrap();
    let restored = lake.add_bytes("a.txt", "same").unwrap();
    lake.ok("hit length", || length(&restored));
}

#[test]
fn a_file_that_a_call_made_counts_by_content_and_its_own_name() {
    let lake = lake();
    let (a, b) = (lake.add_bytes("a.txt", "same").unwrap(), lake.add_bytes("b.txt", "same").unwrap());
    let made = lake.ok("ran copied", || copied(a.clone(), "copy.txt"));
    let again = lake.ok("ran copied", || copied(b.clone(), "copy.txt"));
    assert_ne!(made.uid(), again.uid());
    lake.ok("ran length", || length(&made));
    // Another call made the same bytes under the same name: what comes after it stops early.
    lake.ok("hit length", || length(&again));
    let renamed = lake.ok("ran copied", || copied(a, "other.txt"));
    lake.ok("ran length", || length(&renamed));
}

#[test]
fn an_argument_that_cannot_be_serialized_is_an_error_of_the_call() {
    struct Broken;
    impl Serialize for Broken {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("out of order"))
        }
    }
    #[file_creator]
    fn broken(thing: &Broken) -> Result<()> {
        let _ = thing;
        Ok(())
    }
    lake().fails("nothing", datlake::ErrorKind::Value, &["argument `thing`", "broken", "out of order"], || {
        broken(&Broken)
    });
}

#[derive(Serialize, Deserialize)]
struct Settings {
    level: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra: Option<u32>,
    #[serde(skip)]
    _verbose: bool,
}

#[file_creator]
fn configured(settings: &Settings) -> Result<u32> {
    Ok(settings.level)
}

#[test]
fn what_serde_skips_does_not_count() {
    let lake: Watched = lake();
    let call = |level, extra, verbose| configured(&Settings { level, extra, _verbose: verbose });
    lake.ok("ran configured", || call(1, None, false));
    lake.ok("hit configured", || call(1, None, true));
    lake.ok("ran configured", || call(1, Some(0), false));
}
