//! What options and parameter attributes make count, and not count.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use datlake::{ErrorKind, File, Result, file_creator, tracked};

use crate::support::{lake, overwrite};

/// One creator before and after an edit. No program has both at a time, unless they stand at one place, as here.
macro_rules! edition {
    ($edition:ident, [$($option:tt)*], $body:expr) => {
        mod $edition {
            use datlake::{Result, file_creator};

            #[file_creator(name = "options/edited", $($option)*)]
            pub(super) fn edited(n: usize) -> Result<usize> {
                Ok($body + n)
            }
        }
    };
}

edition!(plain, [], 1);
edition!(edited, [], 2);
edition!(versioned, [version = 1], 1);
edition!(versioned_edited, [version = 1], 2);
edition!(version_two, [version = 2], 2);
edition!(with_helper, [depends_on(super::HELPER)], super::HELPER as usize);
edition!(with_other_helper, [depends_on(super::OTHER_HELPER)], super::OTHER_HELPER as usize);

#[tracked]
const HELPER: u32 = 1;

#[tracked]
const OTHER_HELPER: u32 = 1;

#[test]
fn the_body_counts_unless_a_version_stands_for_it() {
    let lake = lake();
    lake.ok("ran edited ×2", || plain::edited(1).and(edited::edited(1)));
    assert_eq!(lake.ok("ran edited", || versioned::edited(1)), 2);
    assert_eq!(lake.ok("hit edited", || versioned_edited::edited(1)), 2);
    assert_eq!(lake.ok("ran edited", || version_two::edited(1)), 3);
    assert_eq!(lake.ok("hit edited", || plain::edited(1)), 2);
}

#[test]
fn what_a_creator_depends_on_counts() {
    let lake = lake();
    lake.ok("ran edited ×3", || plain::edited(1).and(with_helper::edited(1)).and(with_other_helper::edited(1)));
}

mod before {
    use datlake::{Result, file_creator};

    #[file_creator(name = "moved/step", version = 1)]
    pub(super) fn step(text: &str) -> Result<String> {
        Ok(text.to_uppercase())
    }
}

#[test]
fn a_name_stands_in_keys_and_uids() {
    #[file_creator(name = "reports/by year")]
    fn report() -> Result<File> {
        File::from_bytes("report.txt", "report")
    }
    let lake = lake();
    let made = lake.ok("ran by year", report);
    assert!(made.uid().unwrap().as_str().starts_with("@reports/by year/"), "{made:?}");
    assert_eq!(lake.file(made.uid().unwrap().as_str()).unwrap(), made);
    assert_eq!(report::info().name.as_str(), "reports/by year");
    assert_eq!(before::step::info().name.as_str(), "moved/step");
}

#[test]
fn two_creators_of_one_name_are_refused() {
    mod twin {
        #[datlake::file_creator(name = "twins")]
        pub(super) fn one() -> datlake::Result<u32> {
            Ok(1)
        }

        #[datlake::file_creator(name = "twins")]
        pub(super) fn two() -> datlake::Result<u32> {
            Ok(2)
        }
    }
    let lake = lake();
    for call in [twin::one, twin::two] {
        let says = ["2 creators", "`twins`", "options.rs:", "name ="];
        lake.fails("nothing", ErrorKind::InvalidInput, &says, call);
    }
}

static MODEL: AtomicU32 = AtomicU32::new(1);

/// What a model of this version says.
#[file_creator(key(MODEL.load(Ordering::Relaxed), text.len() > 3, cfg!(debug_assertions)))]
fn classified(text: &str) -> Result<u32> {
    assert!(!text.is_empty());
    Ok(MODEL.load(Ordering::Relaxed))
}

#[file_creator(key(low + high))]
fn ranged((low, high): (u32, u32), #[skip] _log: &dyn Fn(&str)) -> Result<u32> {
    Ok(high - low)
}

#[test]
fn key_expressions_count_and_are_remembered() {
    let lake = lake();
    assert_eq!(lake.ok("ran classified", || classified("text")), 1);
    lake.ok("hit classified", || classified("text"));
    MODEL.store(2, Ordering::Relaxed);
    assert_eq!(lake.ok("ran classified", || classified("text")), 2);
    MODEL.store(1, Ordering::Relaxed);
    assert_eq!(lake.ok("hit classified", || classified("text")), 1);
    let lineage = lake.ok("nothing", || classified::call("text").lineage()).unwrap();
    let extras: Vec<_> = lineage.extras.iter().map(|extra| (extra.name.as_str(), extra.value.clone())).collect();
    assert_eq!(extras[0], ("MODEL.load(Ordering::Relaxed)", serde_json::json!(1)));
    assert_eq!(extras[1], ("text.len() > 3", serde_json::json!(true)));
    lake.ok("ran ranged", || ranged((1, 5), &|_| ()));
    lake.ok("hit ranged", || ranged((1, 5), &|_| unreachable!("a body that is skipped calls nobody")));
}

/// Not `Serialize`, not `Clone`.
struct Pool(usize);

#[file_creator]
fn pooled(text: &str, #[skip] pool: &Pool, #[skip] threads: Option<usize>) -> Result<usize> {
    Ok(text.len() * pool.0 * threads.unwrap_or(1))
}

#[test]
fn what_is_skipped_may_be_anything_and_does_not_count() {
    let lake = lake();
    assert_eq!(lake.ok("ran pooled", || pooled("ab", &Pool(2), Some(1))), 4);
    assert_eq!(lake.ok("hit pooled", || pooled("ab", &Pool(7), None)), 4);
    let lineage = lake.ok("nothing", || pooled::call("ab", &Pool(1), None).lineage()).unwrap();
    assert_eq!(lineage.params.len(), 1);
}

#[file_creator]
fn listed(#[by_name] path: &Path, #[by_name] others: Vec<PathBuf>) -> Result<String> {
    Ok(format!("{} {}", std::fs::read_to_string(path)?, others.len()))
}

#[test]
fn by_name_counts_the_path_and_not_what_is_there() {
    let lake = lake();
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    std::fs::write(&a, "first").unwrap();
    std::fs::write(&b, "first").unwrap();
    lake.ok("ran listed", || listed(&a, vec![]));
    overwrite(&a, |bytes| *bytes = b"second".to_vec());
    assert_eq!(lake.ok("hit listed", || listed(&a, vec![])), "first 0");
    lake.ok("ran listed ×2", || listed(&b, vec![]).and(listed(&a, vec![b.clone()])));
}

#[test]
fn a_path_that_is_no_text_cannot_count() {
    use std::os::unix::ffi::OsStrExt as _;
    let path = Path::new(std::ffi::OsStr::from_bytes(b"/tmp/caf\xe9"));
    lake().fails("nothing", ErrorKind::Value, &["argument `path`", "listed"], || listed(path, vec![]));
}
