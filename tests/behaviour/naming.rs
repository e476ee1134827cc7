//! Outputs whose UIDs the caller chooses.

use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};

use datlake::{Error, ErrorKind, Event, File, Result, file_creator};

use crate::support::{Machines, lake};

#[file_creator]
fn cleaned(raw: &File, level: u32, output_uid: &str) -> Result<File> {
    File::from_bytes(output_uid, raw.read_to_string()?.repeat(level as usize))
}

#[file_creator]
fn in_parts(given: &[&str], output_uids: &[&str]) -> Result<Vec<File>> {
    let _ = output_uids;
    given.iter().map(|uid| File::from_bytes(uid, uid)).collect()
}

#[test]
fn an_output_has_the_uid_that_was_asked_for() {
    let lake = lake();
    let raw = lake.add_bytes("raw.txt", "raw").unwrap();
    let made = lake.ok("ran cleaned", || cleaned(&raw, 2, "clean/2.txt"));
    assert_eq!((made.uid().unwrap().as_str(), made.name()), ("clean/2.txt", "2.txt"));
    assert_eq!(made.to_string(), "clean/2.txt");
    assert_eq!(lake.file("clean/2.txt").unwrap(), made);
    assert_eq!(lake.ok("hit cleaned", || cleaned(&raw, 2, "clean/2.txt")), made);
    // Another name is another call.
    lake.ok("ran cleaned", || cleaned(&raw, 2, "clean/other.txt"));
    assert_eq!(made.lineage().unwrap().call().unwrap().outputs[0].uid.as_str(), "clean/2.txt");
    assert_eq!(made.path().unwrap().file_name().unwrap(), "2.txt");
}

#[test]
fn several_outputs_are_named_in_any_order() {
    let lake = lake();
    let made = lake.ok("ran in_parts", || in_parts(&["b", "a/b", "a"], &["a", "b", "a/b"]));
    assert_eq!(made.iter().map(File::to_string).collect::<Vec<_>>(), ["b", "a/b", "a"]);
    for file in &made {
        assert_eq!(lake.file(&file.to_string()).unwrap(), *file);
    }
    assert_eq!(lake.reopened().ok("hit in_parts", || in_parts(&["b", "a/b", "a"], &["a", "b", "a/b"])), made);
    lake.ok("ran in_parts", || in_parts(&[], &[]));
}

#[test]
fn any_other_set_of_uids_is_an_error_that_names_both_and_publishes_nothing() {
    let lake = lake();
    for (given, asked, says) in [
        (&["a", "c"][..], &["a", "b"][..], ["exactly the UIDs `a`, `b`", "returned `a`, `c`"]),
        (&["a"], &["a", "b"], ["exactly the UIDs `a`, `b`", "returned `a`"]),
        (&["a", "b"], &["a"], ["exactly the UIDs `a`", "returned `a`, `b`"]),
        (&["a", "a"], &["a"], ["exactly the UIDs `a`", "returned `a`, `a`"]),
        (&[], &["a"], ["exactly the UIDs `a`", "returned none"]),
        (&["a"], &[], ["exactly the UIDs none", "returned `a`"]),
    ] {
        lake.fails("failed in_parts", ErrorKind::Outputs, &says, || in_parts(given, asked));
        assert_eq!(lake.visible(), (0, 0));
    }
    lake.fails("nothing", ErrorKind::InvalidInput, &["`a`", "twice"], || in_parts(&["a"], &["a", "a"]));
    lake.fails("nothing", ErrorKind::InvalidInput, &["`..`"], || in_parts(&["a"], &["a/../b"]));
    lake.fails("nothing", ErrorKind::InvalidInput, &["starts with `@`"], || in_parts(&["a"], &["@a"]));
}

#[test]
fn a_file_that_was_given_is_no_output_of_that_name() {
    #[file_creator]
    fn given(file: &File, output_uid: &str) -> Result<File> {
        let _ = output_uid;
        Ok(file.clone())
    }
    let lake = lake();
    let raw = lake.add_bytes("raw.txt", "raw").unwrap();
    lake.fails("failed given", ErrorKind::Outputs, &["`out.txt`"], || given(&raw, "out.txt"));
    lake.fails("nothing", ErrorKind::AlreadyExists, &["`raw.txt`"], || given(&raw, "raw.txt"));
}

#[test]
fn owned_and_borrowed_names_will_do() {
    #[file_creator]
    async fn one(output_uid: String) -> Result<File> {
        File::from_bytes_async(&output_uid, "1").await
    }
    #[file_creator]
    fn two(output_uids: Vec<String>) -> Result<Vec<File>> {
        output_uids.iter().map(|uid| File::from_bytes(uid, "2")).collect()
    }
    #[file_creator]
    fn three(output_uid: Cow<'_, str>) -> Result<File> {
        File::from_bytes(&output_uid, "3")
    }
    #[file_creator]
    fn four(output_uids: &[String; 2]) -> Result<[File; 2]> {
        Ok([File::from_bytes(&output_uids[0], "4")?, File::from_bytes(&output_uids[1], "4")?])
    }
    let lake = lake();
    lake.ok("ran one", || pollster::block_on(one("1".to_owned())));
    lake.ok("ran two", || two(vec!["2".to_owned()]));
    lake.ok("ran three", || three("3".into()));
    lake.ok("ran four", || four(&["4a".to_owned(), "4b".to_owned()]));
    assert_eq!(lake.list("").unwrap().len(), 5);
}

#[test]
fn a_name_that_is_taken_is_an_error_before_the_body_runs_and_says_what_differs() {
    static RAN: AtomicUsize = AtomicUsize::new(0);
    #[file_creator]
    fn counted(level: u32, output_uid: &str) -> Result<File> {
        RAN.fetch_add(1, Ordering::Relaxed);
        File::from_bytes(output_uid, level.to_string())
    }
    #[file_creator]
    fn others(output_uid: &str) -> Result<File> {
        File::from_bytes(output_uid, "other")
    }
    let lake = lake();
    lake.ok("ran counted", || counted(1, "out.txt"));
    let ways = ["`out.txt`", "choose another UID", "remove `out.txt`", "on_change = \"keep\""];
    let says = [&["counted", "`level`: 1 → 2"], &ways[..]].concat();
    lake.fails("nothing", ErrorKind::AlreadyExists, &says, || counted(2, "out.txt"));
    // Made by another creator, or by hand.
    let says = [&["others", "counted"], &ways[..]].concat();
    lake.fails("nothing", ErrorKind::AlreadyExists, &says, || others("out.txt"));
    let added = lake.add_bytes("added.txt", "added").unwrap();
    let says = ["counted", "`added.txt`", "added", &added.digest().to_string()];
    lake.fails("nothing", ErrorKind::AlreadyExists, &says, || counted(1, "added.txt"));
    assert_eq!(RAN.load(Ordering::Relaxed), 1);
    assert_eq!(lake.file("out.txt").unwrap().read().unwrap(), b"1");

    lake.remove("out.txt").unwrap();
    lake.ok("ran counted", || counted(2, "out.txt"));
}

#[test]
fn a_name_that_an_input_or_the_code_has_taken_says_so() {
    let lake = lake();
    let raw = |text| lake.remove("raw.txt").and_then(|_| lake.add_bytes("raw.txt", text)).unwrap();
    let first = raw("first");
    lake.ok("ran cleaned", || cleaned(&first, 1, "out.txt"));
    let second = raw("second");
    let says = ["input `raw`", &first.digest().short(), &second.digest().short()];
    lake.fails("nothing", ErrorKind::AlreadyExists, &says, || cleaned(&second, 1, "out.txt"));

    mod edited {
        macro_rules! edition {
            ($edition:ident, $body:expr) => {
                pub(super) mod $edition {
                    #[datlake::file_creator(name = "naming/edited")]
                    pub(crate) fn edited(output_uid: &str) -> datlake::Result<datlake::File> {
                        datlake::File::from_bytes(output_uid, $body)
                    }
                }
            };
        }
        edition!(before, "before");
        edition!(after, "after");
    }
    lake.ok("ran edited", || edited::before::edited("edited.txt"));
    lake.fails("nothing", ErrorKind::AlreadyExists, &["`edited.txt`", "code changed"], || {
        edited::after::edited("edited.txt")
    });
}

#[file_creator(on_change = "keep")]
fn kept(level: u32, output_uid: &str) -> Result<(u32, File)> {
    Ok((level, File::from_bytes(output_uid, level.to_string())?))
}

#[test]
fn keep_returns_what_is_there_and_warns() {
    let lake = lake();
    let first = lake.ok("ran kept", || kept(1, "out.txt"));
    {
        let _current = lake.enter();
        assert_eq!(kept(2, "out.txt").unwrap(), first);
    }
    let events = lake.events();
    let [Event::Kept { why, .. }] = &*events else { panic!("{events:?}") };
    assert!(why.contains("`level`: 1 → 2"), "{why}");
    assert_eq!(lake.ok("hit kept", || kept(1, "out.txt")), first);
    // What another made cannot be what this would return.
    lake.add_bytes("added.txt", "added").unwrap();
    lake.fails("nothing", ErrorKind::AlreadyExists, &["`added.txt`"], || kept(1, "added.txt"));
}

#[test]
fn keep_works_on_the_second_machine_and_in_asynchronous_creators() {
    #[file_creator(on_change = "keep")]
    async fn kept_later(level: u32, output_uid: &str) -> Result<File> {
        File::from_bytes_async(output_uid, level.to_string()).await
    }
    let machines = Machines::new();
    let made = machines.machine("a").ok("ran kept_later", || pollster::block_on(kept_later(1, "out.txt")));
    let b = machines.machine("b");
    assert_eq!(b.ok("kept kept_later", || pollster::block_on(kept_later(2, "out.txt"))), made);
}

#[test]
fn a_call_that_failed_leaves_its_name_free() {
    #[file_creator]
    fn fragile(level: u32, output_uid: &str) -> Result<File> {
        let made = File::from_bytes(output_uid, level.to_string())?;
        if level == 0 { Err(Error::new(ErrorKind::Io, "no luck")) } else { Ok(made) }
    }
    let lake = lake();
    lake.fails("failed fragile", ErrorKind::Io, &["no luck"], || fragile(0, "out.txt"));
    assert!(!lake.exists("out.txt").unwrap());
    lake.ok("ran fragile", || fragile(1, "out.txt"));
}

#[test]
fn one_file_twice_under_a_chosen_name() {
    #[file_creator]
    fn twice(output_uid: &str) -> Result<[File; 2]> {
        let made = File::from_bytes(output_uid, "x")?;
        Ok([made.clone(), made])
    }
    let lake = lake();
    let made = lake.ok("ran twice", || twice("out.txt"));
    assert_eq!(lake.file("out.txt").unwrap(), made[1]);
    assert_eq!(lake.ok("hit twice", || twice("out.txt")), made);
}
