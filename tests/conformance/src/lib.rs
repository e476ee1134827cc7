//! The contract of [`Store`], as checks that panic.
//!
//! A store may hold anything before: every check makes names of its own. Nothing here reads the clock or sleeps.

#![allow(clippy::unwrap_used, reason = "checks panic")]

mod levels;
mod races;

use std::collections::BTreeMap;
use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use datlake_core::{CallKey, Created, CreatorName, Digest, Location, Prefix, Store, Uid, WHOLE};

/// A check under way.
pub type Checking<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;
/// How to run a future to its end. It is called from several threads at once.
pub type Runner<'r> = &'r (dyn Fn(Checking<'_>) + Sync);

/// Runs a future on this thread, without any runtime.
pub fn plain(checking: Checking<'_>) {
    pollster::block_on(checking);
}

/// Every check that needs nothing but the store.
pub fn check(store: &dyn Store) {
    check_by(store, &plain);
}

/// [`check`], for a store whose futures need `run`.
pub fn check_by(store: &dyn Store, run: Runner<'_>) {
    check_without_races(store, run);
    races::one_creator_wins(store, run);
}

/// [`check_by`] without the race to create one object: for a stand-in of a store that is known to lose it.
pub fn check_without_races(store: &dyn Store, run: Runner<'_>) {
    check_most(store, run);
    run(Box::pin(what_came_first_is_older(store)));
}

/// [`check`] without the age of content: for a directory where a file has one time, which of content is its seal.
pub fn check_without_ages(store: &dyn Store) {
    check_most(store, &plain);
    races::one_creator_wins(store, &plain);
}

fn check_most(store: &dyn Store, run: Runner<'_>) {
    run(Box::pin(what_is_absent_is_no_error(store)));
    run(Box::pin(every_kind_round_trips(store)));
    run(Box::pin(empty_objects_are_objects(store)));
    run(Box::pin(ranges_are_cut_to_the_object(store)));
    run(Box::pin(a_failing_sink_is_an_error(store)));
    run(Box::pin(files_become_objects(store)));
    run(Box::pin(creators_nest(store)));
    run(Box::pin(names_nest(store)));
    run(Box::pin(levels::end_at_folders(store)));
    run(Box::pin(odd_names_are_names(store)));
    run(Box::pin(a_listing_can_be_left(store)));
    run(Box::pin(what_is_removed_is_gone_and_can_be_created_again(store)));
}

/// That a listing is complete where a store answers in pages: `count` objects under one prefix.
pub fn check_pages(store: &dyn Store, run: Runner<'_>, count: usize) {
    run(Box::pin(async move {
        let salt = salt();
        let (digest, creator) = (Digest::of(salt.as_bytes()), creator(&salt, "pages"));
        let mut expected = BTreeMap::new();
        for i in 0..count {
            let at = Location::Use(digest, creator.clone(), key(&format!("{salt}{i}")));
            assert_eq!(store.create(&at, b"").await.unwrap(), Created::New);
            expected.insert(at.path(), 0);
        }
        assert_eq!(listed(store, &Prefix::UsesOf(digest)).await, expected);
    }));
}

/// That a listing passes over what is not the lake's. `plant` puts an object at a path below the store's root.
pub fn check_foreign(store: &dyn Store, run: Runner<'_>, plant: &mut dyn FnMut(&str, &[u8])) {
    let salt = salt();
    let (digest, creator) = (Digest::of(salt.as_bytes()), creator(&salt, "foreign"));
    let (key, uid) = (key(&salt), name(&salt, "own"));
    let folder = name(&salt, "");
    for path in [
        "README.md".to_owned(),
        "blobs/.nfs0001".to_owned(),
        "blobs/00/notes.txt".to_owned(),
        format!("blobs/zz/{digest}"),
        format!("blobs/{digest}"),
        "calls/.DS_Store".to_owned(),
        format!("calls/{creator}/notes.datlake"),
        format!("calls/{creator}/{key}.json"),
        format!("files/{folder}/plain"),
        format!("files/{folder}/@at.datlake/x"),
        format!("uses/{digest}/{creator}/{key}.bak"),
        format!("removed/{salt}"),
    ] {
        plant(&path, b"not ours");
    }
    run(Box::pin(async move {
        let own = [
            (Prefix::Blobs, Location::Blob(digest)),
            (Prefix::RecordsOf(creator.clone()), Location::Record(creator.clone(), key)),
            (Prefix::NamesIn(folder), Location::Name(uid)),
            (Prefix::UsesOf(digest), Location::Use(digest, creator, key)),
            (Prefix::Tombstones, Location::Tombstone(salt.clone())),
        ];
        for (prefix, at) in own {
            assert_eq!(store.create(&at, salt.as_bytes()).await.unwrap(), Created::New);
            let found: Vec<_> = listed(store, &prefix).await.into_keys().collect();
            let hex = digest.to_string();
            let shown: Vec<_> = found.iter().filter(|path| path.contains(&salt) || path.contains(&hex)).collect();
            assert_eq!(shown, [&at.path()], "{prefix:?}");
        }
        for prefix in [Prefix::Records, Prefix::Names] {
            listed(store, &prefix).await;
        }
    }));
}

async fn what_is_absent_is_no_error(store: &dyn Store) {
    let salt = salt();
    for at in kinds(&salt) {
        assert_absent(store, &at).await;
        assert!(!store.remove(&at).await.unwrap(), "{at:?} was removed and never there");
    }
    for prefix in
        [Prefix::RecordsOf(creator(&salt, "a")), Prefix::NamesIn(name(&salt, "")), Prefix::UsesOf(digest(&salt))]
    {
        assert_eq!(listed(store, &prefix).await, BTreeMap::new(), "{prefix:?}");
    }
}

async fn every_kind_round_trips(store: &dyn Store) {
    let salt = salt();
    for at in kinds(&salt) {
        assert_eq!(store.create(&at, salt.as_bytes()).await.unwrap(), Created::New, "{at:?}");
        for other in [salt.as_bytes(), b"", b"another"] {
            assert_eq!(store.create(&at, other).await.unwrap(), Created::Exists, "{at:?}");
        }
        assert_holds(store, &at, salt.as_bytes()).await;
        for prefix in sets_of(&at) {
            let all = listed(store, &prefix).await;
            assert_eq!(all.get(&at.path()), Some(&(salt.len() as u64)), "{prefix:?} does not show {at:?}");
            let top = prefix.path() + "/";
            assert!(all.keys().all(|path| path.starts_with(&top)), "{prefix:?} shows what is not of the set");
        }
    }
    // The lake's own document is made with the lake, or by the first write.
    let header = store.get(&Location::Lake).await.unwrap().expect("the lake has its document");
    assert_eq!(store.create(&Location::Lake, b"another").await.unwrap(), Created::Exists);
    assert_holds(store, &Location::Lake, &header).await;
}

async fn empty_objects_are_objects(store: &dyn Store) {
    let salt = salt();
    let file = tempfile::NamedTempFile::new().unwrap();
    for (i, at) in kinds(&salt).into_iter().enumerate() {
        let created = if i % 2 == 0 { store.create(&at, b"").await } else { store.create_from(&at, file.path()).await };
        assert_eq!(created.unwrap(), Created::New, "{at:?}");
        assert_eq!(store.create(&at, b"more").await.unwrap(), Created::Exists, "{at:?}");
        assert_holds(store, &at, b"").await;
    }
    assert_eq!(listed(store, &Prefix::UsesOf(digest(&salt))).await.into_values().collect::<Vec<_>>(), [0]);
}

async fn ranges_are_cut_to_the_object(store: &dyn Store) {
    let salt = salt();
    let bytes = noise(&salt, 100_003);
    let (full, empty) = (Location::Blob(Digest::of(&bytes)), Location::Name(name(&salt, "empty")));
    store.create(&full, &bytes).await.unwrap();
    store.create(&empty, b"").await.unwrap();
    let end = bytes.len() as u64;
    let starts = [0, 1, 4096, 65_536, end - 1, end, end + 1, end + 70_000, u64::MAX];
    let tails = starts.into_iter().map(|from| from..u64::MAX);
    let inside =
        [0..1, 0..0, 7..7, 1..4097, 99..70_001, end - 8..end, end - 8..end + 1, 0..end, end..end, end..end + 9];
    for range in tails.chain(inside) {
        for (at, bytes) in [(&full, &bytes[..]), (&empty, b"")] {
            let cut = |at: u64| bytes.len().min(usize::try_from(at).unwrap_or(usize::MAX));
            let mut sink = Vec::new();
            let size = store.fetch(at, range.clone(), &mut sink).await.unwrap();
            assert_eq!(size, Some(bytes.len() as u64), "{range:?} of {at:?}");
            assert!(sink == bytes[cut(range.start)..cut(range.end)], "other bytes in {range:?} of {at:?}");
        }
    }
}

async fn a_failing_sink_is_an_error(store: &dyn Store) {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let bytes = noise(&salt(), 1000);
    let at = Location::Blob(Digest::of(&bytes));
    store.create(&at, &bytes).await.unwrap();
    let error = store.fetch(&at, WHOLE, &mut Full).await.unwrap_err();
    assert!(!error.to_string().is_empty());
    assert_holds(store, &at, &bytes).await;
}

async fn files_become_objects(store: &dyn Store) {
    let salt = salt();
    let folder = tempfile::tempdir().unwrap();
    let bytes = noise(&salt, 5 << 20);
    let file = folder.path().join("five");
    std::fs::write(&file, &bytes).unwrap();
    let at = Location::Blob(Digest::of(&bytes));
    assert_eq!(store.create_from(&at, &file).await.unwrap(), Created::New);
    assert_eq!(store.create_from(&at, &file).await.unwrap(), Created::Exists);
    assert_holds(store, &at, &bytes).await;
    assert!(std::fs::read(&file).unwrap() == bytes, "the file was taken or changed");

    let (named, other) = (Location::Name(name(&salt, "file")), folder.path().join("other"));
    std::fs::write(&other, b"other").unwrap();
    // Content is what its name says: a store may look at it, and replaces nothing in any case.
    assert!(!matches!(store.create_from(&at, &other).await, Ok(Created::New)));
    assert_holds(store, &at, &bytes).await;
    // Of anything else the first counts.
    assert_eq!(store.create_from(&named, &other).await.unwrap(), Created::New);
    assert_eq!(store.create_from(&named, &file).await.unwrap(), Created::Exists);
    assert_holds(store, &named, b"other").await;

    let nowhere = Location::Blob(digest(&salt));
    assert!(store.create_from(&nowhere, &folder.path().join("nowhere")).await.is_err(), "a missing file was stored");
    assert!(store.create_from(&nowhere, folder.path()).await.is_err(), "a folder was stored");
    assert_absent(store, &nowhere).await;
}

async fn creators_nest(store: &dyn Store) {
    let salt = salt();
    let (key, digest) = (key(&salt), digest(&salt));
    let names = ["a", "a/b", "a/b/c", "ab", "a.datlake-not"].map(|name| creator(&salt, name));
    for creator in &names {
        for at in [Location::Record(creator.clone(), key), Location::Use(digest, creator.clone(), key)] {
            assert_eq!(store.create(&at, at.path().as_bytes()).await.unwrap(), Created::New, "{at:?}");
        }
    }
    let every = listed(store, &Prefix::Records).await;
    for creator in &names {
        let at = Location::Record(creator.clone(), key).path();
        assert_eq!(every.get(&at), Some(&(at.len() as u64)));
        let own = listed(store, &Prefix::RecordsOf(creator.clone())).await;
        assert_eq!(own.into_keys().collect::<Vec<_>>(), [&*at], "the calls of {creator}");
        let hex = key.to_string();
        for (begins, shows) in [("", true), (&hex[..1], true), (&hex[..63], true), (&*hex, true), ("0123456789", false)]
        {
            let some = listed(store, &Prefix::RecordsBeginning(creator.clone(), begins.to_owned())).await;
            assert_eq!(
                some.into_keys().collect::<Vec<_>>(),
                if shows { vec![&*at] } else { vec![] },
                "{creator} {begins}"
            );
        }
    }
    let uses = listed(store, &Prefix::UsesOf(digest)).await;
    let mut expected: Vec<_> = names.iter().map(|name| Location::Use(digest, name.clone(), key).path()).collect();
    expected.sort();
    assert_eq!(uses.into_keys().collect::<Vec<_>>(), expected);
    // A folder of creators is no creator.
    assert_eq!(listed(store, &Prefix::RecordsOf(creator(&salt, ""))).await, BTreeMap::new());
}

async fn names_nest(store: &dyn Store) {
    let salt = salt();
    let path = |end: &str| Location::Name(name(&salt, end));
    for end in ["a", "a/b", "a/b/c", "a/b/d", "ab", "a b", "a!", "a.b"] {
        assert_eq!(store.create(&path(end), end.as_bytes()).await.unwrap(), Created::New, "{end}");
        assert_holds(store, &path(end), end.as_bytes()).await;
    }
    let every = listed(store, &Prefix::Names).await;
    for (folder, inside) in [
        ("", vec!["a", "a!", "a b", "a.b", "a/b", "a/b/c", "a/b/d", "ab"]),
        ("a", vec!["a/b", "a/b/c", "a/b/d"]),
        ("a/b", vec!["a/b/c", "a/b/d"]),
        ("ab", vec![]),
        ("a/b/c", vec![]),
        ("b", vec![]),
    ] {
        let found = listed(store, &Prefix::NamesIn(name(&salt, folder))).await;
        let expected: BTreeMap<_, _> = inside.iter().map(|end| (path(end).path(), end.len() as u64)).collect();
        assert_eq!(found, expected, "in {folder:?}");
        assert!(expected.iter().all(|entry| every.get_key_value(entry.0) == Some(entry)));
    }
}

async fn odd_names_are_names(store: &dyn Store) {
    let salt = salt();
    let deep = vec!["d"; 400].join("/");
    let odd = [
        "with space",
        " leading and trailing ",
        "100%",
        "%2F",
        "%41",
        "a#b",
        "what?",
        "a?b=c&d=e",
        "a+b",
        "a:b",
        "c::d",
        "star*",
        "a;b,c",
        "\"quoted\" 'name'",
        "<a>|b",
        "{a}[b]^~`$!@=",
        ".hidden",
        "..dots..",
        "...",
        "-",
        "-rf",
        "ä ö ü ß",
        "日本語.csv",
        "🦀",
        "\u{202e}odd",
        "CON",
        "x.datlake.csv",
        &"long".repeat(50),
        &deep,
    ];
    let mut expected = BTreeMap::new();
    for end in odd {
        let at = Location::Name(name(&salt, end));
        assert_eq!(store.create(&at, end.as_bytes()).await.unwrap(), Created::New, "{end:?}");
        assert_holds(store, &at, end.as_bytes()).await;
        expected.insert(at.path(), end.len() as u64);
    }
    assert_eq!(listed(store, &Prefix::NamesIn(name(&salt, ""))).await, expected);
    for creator in ["p/c::m::f", "a b%20c#d?e+f"].map(|end| creator(&salt, end)) {
        let at = Location::Record(creator.clone(), key(&salt));
        assert_eq!(store.create(&at, b"r").await.unwrap(), Created::New);
        assert_eq!(listed(store, &Prefix::RecordsOf(creator)).await.into_keys().collect::<Vec<_>>(), [at.path()]);
    }
    for at in expected.keys().map(|path| Location::parse(path).unwrap()) {
        assert!(store.remove(&at).await.unwrap(), "{at:?}");
        assert_absent(store, &at).await;
    }
}

async fn a_listing_can_be_left(store: &dyn Store) {
    let salt = salt();
    for end in ["a", "b/c", "d"] {
        store.create(&Location::Name(name(&salt, end)), b"").await.unwrap();
    }
    let mut seen = 0;
    let mut visit = |_| {
        seen += 1;
        ControlFlow::Break(())
    };
    store.list(&Prefix::NamesIn(name(&salt, "")), &mut visit).await.unwrap();
    assert_eq!(seen, 1);
}

/// Of blobs too, whose files on disk bear a time that says something else.
async fn what_came_first_is_older(store: &dyn Store) {
    let mut times = Vec::new();
    for salt in [salt(), salt()] {
        store.create(&Location::Blob(digest(&salt)), salt.as_bytes()).await.unwrap();
        let mut visit = |entry: datlake_core::Entry| {
            if entry.location == Location::Blob(digest(&salt)) {
                times.push(entry.modified);
            }
            ControlFlow::Continue(())
        };
        store.list(&Prefix::Blobs, &mut visit).await.unwrap();
    }
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    assert!(long_ago < times[0] && times[0] <= times[1], "{times:?}");
}

async fn what_is_removed_is_gone_and_can_be_created_again(store: &dyn Store) {
    let salt = salt();
    let beside = Location::Name(name(&salt, "kind/beside"));
    store.create(&beside, b"beside").await.unwrap();
    for at in kinds(&salt) {
        for bytes in [&b"first"[..], b"the second", b""] {
            assert_eq!(store.create(&at, bytes).await.unwrap(), Created::New, "{at:?}");
            assert_holds(store, &at, bytes).await;
            assert!(listed(store, &sets_of(&at)[0]).await.contains_key(&at.path()));
            assert!(store.remove(&at).await.unwrap());
            assert!(!store.remove(&at).await.unwrap(), "{at:?} was removed twice");
            assert_absent(store, &at).await;
            assert!(!listed(store, &sets_of(&at)[0]).await.contains_key(&at.path()));
        }
    }
    assert_holds(store, &beside, b"beside").await;
}

async fn assert_holds(store: &dyn Store, at: &Location, bytes: &[u8]) {
    assert!(store.get(at).await.unwrap().as_deref() == Some(bytes), "{at:?} does not hold what was created");
    assert_eq!(store.size(at).await.unwrap(), Some(bytes.len() as u64), "{at:?}");
    let mut sink = Vec::new();
    assert_eq!(store.fetch(at, WHOLE, &mut sink).await.unwrap(), Some(bytes.len() as u64), "{at:?}");
    assert!(sink == bytes, "a fetch of {at:?} gives other bytes");
}

async fn assert_absent(store: &dyn Store, at: &Location) {
    assert_eq!(store.get(at).await.unwrap(), None, "{at:?}");
    assert_eq!(store.size(at).await.unwrap(), None, "{at:?}");
    let mut sink = Vec::new();
    assert_eq!(store.fetch(at, WHOLE, &mut sink).await.unwrap(), None, "{at:?}");
    assert_eq!(store.fetch(at, 7..9, &mut sink).await.unwrap(), None, "{at:?}");
    assert_eq!(store.fetch(at, 7..7, &mut sink).await.unwrap(), None, "{at:?}");
    assert!(sink.is_empty());
}

/// The paths of the set with their sizes; each must be shown once.
async fn listed(store: &dyn Store, prefix: &Prefix) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    let mut visit = |entry: datlake_core::Entry| {
        let again = found.insert(entry.location.path(), entry.size);
        assert_eq!(again, None, "{:?} is shown twice", entry.location);
        ControlFlow::Continue(())
    };
    store.list(prefix, &mut visit).await.unwrap();
    found
}

/// One location of every kind but the lake's own document, which a store may make by itself.
fn kinds(salt: &str) -> Vec<Location> {
    let every = Location::one_of_each(&creator(salt, "kind"), key(salt), digest(salt), &name(salt, "kind"));
    every.into_iter().filter(|at| *at != Location::Lake).collect()
}

/// The sets that list `at`, the smallest first.
fn sets_of(at: &Location) -> Vec<Prefix> {
    match at {
        Location::Lake => vec![],
        Location::Blob(_) => vec![Prefix::Blobs],
        Location::Record(creator, _) => vec![Prefix::RecordsOf(creator.clone()), Prefix::Records],
        Location::Name(uid) => {
            let folder = uid.as_str().rsplit_once('/').map(|(folder, _)| Uid::chosen(folder).unwrap());
            folder.map(Prefix::NamesIn).into_iter().chain([Prefix::Names]).collect()
        }
        Location::Use(digest, ..) => vec![Prefix::UsesOf(*digest), Prefix::Uses],
        Location::PackedIn(range, _) => vec![Prefix::LocationsOf(*range)],
        Location::Tombstone(_) => vec![Prefix::Tombstones],
        Location::Claim(key, _) | Location::Beat(key, ..) => vec![Prefix::ClaimsOf(*key), Prefix::Claims],
        Location::Superseded(creator, key, _) => vec![Prefix::SupersededOf(creator.clone(), *key), Prefix::Records],
        Location::Collection(..) => vec![Prefix::Collections],
        Location::Rescued(n, _) => vec![Prefix::RescuedFrom(*n), Prefix::Rescued],
        Location::Unpushed(_) => vec![Prefix::Unpushed],
        #[allow(unreachable_patterns, reason = "datlake-core's feature `made-up` adds a kind")]
        _ => vec![Prefix::Folder(at.folder())],
    }
}

fn salt() -> String {
    format!("{:016x}", RandomState::new().hash_one("salt"))
}

fn digest(salt: &str) -> Digest {
    Digest::of(salt.as_bytes())
}

fn key(salt: &str) -> CallKey {
    CallKey::from_bytes(*Digest::of(format!("key {salt}").as_bytes()).as_bytes())
}

fn creator(salt: &str, end: &str) -> CreatorName {
    CreatorName::new(format!("conformance-{salt}/{end}").trim_end_matches('/')).unwrap()
}

fn name(salt: &str, end: &str) -> Uid {
    Uid::chosen(format!("conformance-{salt}/{end}").trim_end_matches('/')).unwrap()
}

/// Bytes that nobody else has.
fn noise(salt: &str, length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length + 32);
    let mut block = *Digest::of(salt.as_bytes()).as_bytes();
    while bytes.len() < length {
        bytes.extend_from_slice(&block);
        block = *Digest::of(&block).as_bytes();
    }
    bytes.truncate(length);
    bytes
}
