//! What a creator may return: the first call and every later one give the same, and each file has a UID of its own.

use std::collections::{BTreeMap, HashMap};

use datlake::{Error, ErrorKind, File, Result, file_creator};
use serde::{Deserialize, Serialize};

use crate::support::{Machines, Watched, lake};

/// Makes a call, makes it again, and makes it as another process would: all three give the same value.
#[track_caller]
fn check<T, E>(function: &str, call: impl Fn() -> Result<T, E>) -> (Watched, T)
where
    T: PartialEq + std::fmt::Debug,
    E: std::fmt::Debug,
{
    let lake = lake();
    let first = lake.ok(&format!("ran {function}"), &call);
    assert_eq!(lake.ok(&format!("hit {function}"), &call), first);
    let later = lake.reopened().ok(&format!("hit {function}"), &call);
    // Files of two handles of a lake are equal by what they are.
    assert_eq!(later, first);
    (lake, first)
}

/// The position of a file in what its call returned.
fn position(file: &File) -> &str {
    file.uid().unwrap().as_str().rsplit('/').next().unwrap()
}

fn file(name: &str) -> Result<File> {
    File::from_bytes(name, name)
}

#[file_creator]
fn one() -> Result<File> {
    file("one.txt")
}

#[test]
fn a_file_has_the_uid_of_its_call_and_its_own_name() {
    let (lake, made) = check("one", one);
    let uid = made.uid().unwrap().to_string();
    assert!(uid.starts_with("@datlake-tests/behaviour::returns::one/") && uid.ends_with("/0"), "{uid}");
    assert_eq!((made.name(), made.to_string().as_str(), made.len()), ("one.txt", "one.txt", 7));
    assert_eq!(made.read_to_string().unwrap(), "one.txt");
    assert_eq!(lake.file(&uid).unwrap(), made);
}

#[file_creator]
fn maybe(some: bool) -> Result<Option<File>> {
    some.then(|| file("some.txt")).transpose()
}

#[test]
fn an_option() {
    assert_eq!(check("maybe", || maybe(false)).1, None);
    assert_eq!(check("maybe", || maybe(true)).1.unwrap().read_to_string().unwrap(), "some.txt");
}

#[file_creator]
fn several(count: usize) -> Result<Vec<File>> {
    (0..count).map(|n| file(&format!("{n}.txt"))).collect()
}

#[test]
fn a_list_is_numbered_in_its_order() {
    let (_, files) = check("several", || several(12));
    for (at, file) in files.iter().enumerate() {
        assert_eq!((position(file), file.name()), (at.to_string().as_str(), format!("{at}.txt").as_str()));
    }
    assert_eq!(check("several", || several(0)).1, []);
}

#[file_creator]
fn mapped(count: u32) -> Result<HashMap<String, File>> {
    (0..count).map(|n| Ok((format!("key{n:02}"), file(&format!("{n}.txt"))?))).collect()
}

#[test]
fn a_map_is_numbered_by_its_keys_not_by_the_order_of_the_day() {
    for _ in 0..5 {
        let (_, files) = check("mapped", || mapped(20));
        for (at, file) in files.into_iter().collect::<BTreeMap<_, _>>().values().enumerate() {
            assert_eq!(position(file), at.to_string());
        }
    }
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Report {
    title: String,
    pages: Vec<Page>,
    index: Option<Box<File>>,
    totals: (u64, f64),
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
enum Page {
    Blank,
    Text(File),
    Figure { image: File, width: u16 },
}

#[file_creator]
fn report() -> Result<(Report, [File; 2], ())> {
    let pages = vec![Page::Text(file("0.txt")?), Page::Blank, Page::Figure { image: file("1.png")?, width: 80 }];
    let index = Some(Box::new(file("2.idx")?));
    let report = Report { title: "report".to_owned(), pages, index, totals: (u64::MAX, -0.0) };
    Ok((report, [file("3.txt")?, file("4.txt")?], ()))
}

#[test]
fn structs_enums_tuples_and_arrays_are_numbered_in_the_order_they_are_written_in() {
    let (_, (report, pair, ())) = check("report", report);
    let [Page::Text(text), Page::Blank, Page::Figure { image, width: 80 }] = &*report.pages else {
        panic!("{report:?}")
    };
    for (at, file) in [text, image, &**report.index.as_ref().unwrap(), &pair[0], &pair[1]].into_iter().enumerate() {
        assert_eq!((position(file), &file.name()[..1]), (&*at.to_string(), &*at.to_string()));
        assert_eq!(file.read_to_string().unwrap(), file.name());
    }
    assert!(report.totals.1.is_sign_negative());
}

#[file_creator]
fn nothing() -> Result<()> {
    Ok(())
}

type Numbers = (u128, f32, Option<Option<u8>>);
type Texts = (char, BTreeMap<i8, String>, Vec<u8>);

#[file_creator]
fn plain(n: u32) -> Result<(Numbers, Texts)> {
    let texts = ('ä', BTreeMap::from([(-1, "minus".to_owned())]), vec![0, n as u8]);
    Ok(((u128::MAX, f32::INFINITY, Some(None)), texts))
}

#[test]
fn a_value_without_files_is_remembered_too() {
    check("nothing", nothing);
    check("plain", || plain(255));
}

#[file_creator]
fn large(length: usize) -> Result<(String, File)> {
    Ok(("x".repeat(length), file("beside.txt")?))
}

#[test]
fn a_large_value_is_kept_beside_its_record_and_reaches_the_second_machine() {
    let (lake, _) = check("large", || large(1 << 20));
    assert!(lake.record_of("large").metadata().unwrap().len() < 10_000);

    let machines = Machines::new();
    let made = machines.machine("a").ok("ran large", || large(1 << 20));
    let second = machines.machine("b");
    assert_eq!(second.ok("hit large", || large(1 << 20)), made);
}

#[file_creator]
fn given_back(file: &File) -> Result<(File, File)> {
    Ok((file.clone(), File::from_bytes("new.txt", "new")?))
}

#[file_creator]
fn twice() -> Result<Vec<File>> {
    let made = file("made.txt")?;
    Ok(vec![made.clone(), file("other.txt")?, made])
}

#[test]
fn a_file_that_is_only_passed_on_stays_what_it_was() {
    let lake = lake();
    let given = lake.add_bytes("given.txt", "given").unwrap();
    let (same, new) = lake.ok("ran given_back", || given_back(&given));
    assert_eq!((&same, position(&new)), (&given, "1"));
    assert_eq!(lake.ok("hit given_back", || given_back(&given)), (same.clone(), new));
    assert!(same.lineage().unwrap().added().is_some(), "the call is not where it comes from");
}

#[test]
fn a_file_that_is_returned_twice_is_one_file() {
    let (lake, files) = check("twice", twice);
    assert_eq!((files[0].uid(), position(&files[0]), position(&files[1])), (files[2].uid(), "0", "1"));
    for file in &files {
        assert_eq!(lake.file(file.uid().unwrap().as_str()).unwrap(), *file);
    }
}

#[derive(Debug)]
enum Mine {
    Lake(Error),
    Unlucky(u32),
}

impl From<Error> for Mine {
    fn from(error: Error) -> Self {
        Self::Lake(error)
    }
}

#[file_creator]
fn my_own(n: u32) -> Result<File, Mine> {
    if n == 13 { Err(Mine::Unlucky(n)) } else { Ok(file("lucky.txt")?) }
}

#[file_creator]
fn anyhows(text: &str) -> anyhow::Result<u32> {
    use anyhow::Context as _;
    text.parse().with_context(|| format!("{text} is no number"))
}

/// The alias hides that it is a `Result`.
type Outcome<T> = std::result::Result<T, Mine>;

#[file_creator]
fn aliased(n: u32) -> Outcome<u32> {
    Ok(n)
}

#[test]
fn an_error_of_ones_own_comes_back_as_it_is_and_is_not_remembered() {
    check("my_own", || my_own(7));
    check("aliased", || aliased(7));
    let lake = lake();
    for _ in 0..2 {
        let failed = lake.check("failed my_own", || my_own(13));
        assert!(matches!(failed, Err(Mine::Unlucky(13))), "{failed:?}");
    }
    assert_eq!(lake.visible(), (0, 0));
}

#[test]
fn errors_of_the_lake_arrive_in_ones_own_type() {
    let lake = lake();
    let broken = lake.add_bytes("broken", "text").unwrap();
    #[file_creator]
    fn reads(file: &File) -> Result<String, Mine> {
        Ok(file.read_to_string()?)
    }
    crate::support::overwrite(&lake.blob_of(&broken), |bytes| bytes[0] ^= 1);
    let failed = lake.check("failed reads", || reads(&broken));
    assert!(matches!(&failed, Err(Mine::Lake(error)) if error.kind() == ErrorKind::Corrupt), "{failed:?}");
}

#[test]
fn anyhow_keeps_its_chain() {
    check("anyhows", || anyhows("7"));
    let failed = lake().check("failed anyhows", || anyhows("seven")).unwrap_err();
    assert_eq!(failed.chain().count(), 2);
    assert_eq!(failed.to_string(), "seven is no number");
}

#[file_creator(on_error = "panic")]
fn bare(n: u32) -> Vec<u32> {
    (0..n).collect()
}

#[file_creator(on_error = "panic")]
fn bare_unit() {}

#[file_creator(on_error = "panic")]
fn parsed(text: &str) -> std::result::Result<u32, std::num::ParseIntError> {
    text.parse()
}

#[file_creator(on_error = "panic")]
async fn awaited(n: u32) -> Option<u32> {
    Some(n)
}

#[test]
fn on_error_panic_takes_any_type() {
    check("bare", || Ok::<_, ()>(bare(3)));
    check("bare_unit", || {
        bare_unit();
        Ok::<_, ()>(())
    });
    check("awaited", || pollster::block_on(awaited(3)).ok_or(()));
    // Of a `Result` only `Ok` is remembered, here too.
    assert_eq!(check("parsed", || parsed("7")).1, 7);
    let lake = lake();
    for _ in 0..2 {
        lake.check("failed parsed", || parsed("seven")).unwrap_err();
    }
}

#[test]
fn on_error_panic_panics_with_the_error() {
    #[file_creator(on_error = "panic")]
    fn forgetful() -> u32 {
        File::from_bytes("forgotten.txt", "").unwrap();
        7
    }
    let lake = lake();
    let panic = lake.check("failed forgetful", || std::panic::catch_unwind(forgetful)).unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(text.contains("datlake: ") && text.contains("forgotten.txt"), "{text}");
}
