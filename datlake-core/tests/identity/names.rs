//! Names, digests and places: each has one spelling, and nothing else is taken for it.

use datlake_core::{CallKey, CreatorName, Digest, ErrorKind, Location, Uid, UidKind};

#[test]
fn hostile_names_are_refused_and_named() {
    let long = "x".repeat(201);
    let huge = vec!["abcdefghi"; 101].join("/");
    for (text, why) in [
        ("", "empty"),
        ("../x", "`..`"),
        ("a/./b", "`.`"),
        ("a//b", "empty segment"),
        ("a/", "empty segment"),
        ("/a", "starts with `/`"),
        ("@a", "starts with `@`"),
        ("a\\b", "backslash"),
        ("a\nb", "control"),
        ("a.datlake/b", ".datlake"),
        (long.as_str(), "200"),
        (huge.as_str(), "1000"),
    ] {
        let error = Uid::chosen(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(why), "{text:?} gave {error}");
    }
    for fine in ["a", "a/b", "ä ö/日本.csv", "a.b..c", &"x".repeat(200)] {
        assert!(Uid::chosen(fine).is_ok(), "{fine:?} was refused");
    }
}

#[test]
fn names_that_will_mean_something_else_are_refused_for_what_is_new() {
    for (text, why) in [
        ("main@3f9a:data.csv", "kept for commits"),
        ("a@b:", "kept for commits"),
        ("me@host:folder/a.csv", "kept for commits"),
        ("a.csv@{0}", "kept for earlier versions"),
        ("folder/a.csv@{12}", "kept for earlier versions"),
    ] {
        let error = Uid::fresh(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(why), "{text:?} gave {error}");
        // Files from before have them.
        assert!(Uid::chosen(text).is_ok() && text.parse::<Uid>().is_ok(), "{text:?} cannot be read any more");
    }
    for fine in ["a@b", "a:b@c", "a/b@c:d", "12:30", "a@{}", "a@{x}", "a@{1}/b", "{1}", "icon@2x.png"] {
        assert!(Uid::fresh(fine).is_ok(), "{fine:?} was refused");
    }
}

#[test]
fn the_four_forms_are_told_apart() {
    let creator = CreatorName::new("shop/shop::report").unwrap();
    let key = CallKey::from_bytes([7; 32]);
    let output = Uid::output(&creator, &key, 3);
    assert_eq!(output.kind(), UidKind::Output { creator, key, index: 3 });
    assert_eq!(output.as_str().parse::<Uid>().unwrap(), output);
    let member = Uid::member(&output, "a/b.csv").unwrap();
    assert_eq!(member.kind(), UidKind::Member { tree: output, path: "a/b.csv".into() });
    assert_eq!(member.as_str().parse::<Uid>().unwrap(), member);
    let committed = Uid::committed("sales", &Digest::from_bytes([7; 32]), "raw/jan@1:2.csv").unwrap();
    assert_eq!(committed.as_str(), format!("sales@{}:raw/jan@1:2.csv", "07".repeat(32)));
    let (repository, commit) = ("sales".to_owned(), Digest::from_bytes([7; 32]));
    assert_eq!(committed.kind(), UidKind::Committed { repository, commit, path: "raw/jan@1:2.csv".into() });
    assert_eq!(committed.as_str().parse::<Uid>().unwrap(), committed);
    assert!(!committed.is_chosen() && Uid::chosen(committed.as_str()).is_err());
    // Names from before that only look like one are what they were.
    for chosen in
        ["sales@main:a.csv", &format!("Sales@{key}:a.csv"), &format!("a/sales@{key}:b"), &format!("sales@{key}")]
    {
        assert!(Uid::chosen(chosen).unwrap().is_chosen(), "{chosen:?}");
    }
    assert!(Uid::committed("sales", &Digest::from_bytes([7; 32]), "../a").is_err());
    assert_eq!("a/b".parse::<Uid>().unwrap().kind(), UidKind::Chosen);
    for wrong in ["@x", "@x/y/0", "a//../b", "//a", "a///b", &format!("@x/{key}/00"), &format!("@x/{key}/+1")] {
        assert!(wrong.parse::<Uid>().is_err(), "{wrong:?} was taken");
    }
}

#[test]
fn text_form_round_trips_and_refuses_anything_else() {
    let digest = Digest::of(b"abc");
    assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
    for wrong in ["", "ab", &"g".repeat(64), &digest.to_string().to_uppercase()] {
        assert!(wrong.parse::<Digest>().is_err(), "{wrong:?} was taken");
    }
}

#[test]
fn every_location_is_found_again_from_its_path() {
    let creator = CreatorName::new("shop/shop::report").unwrap();
    let (key, digest) = (CallKey::from_bytes([1; 32]), Digest::of(b"x"));
    for location in Location::one_of_each(&creator, key, digest, &Uid::chosen("calls/b.csv").unwrap()) {
        assert_eq!(Location::parse(&location.path()), Some(location));
    }
    for foreign in [
        "",
        "lost+found",
        "blobs/00/zz",
        "files/a",
        "files/../x.datlake",
        "calls/x.datlake",
        "tmp/1/a.datlake",
        "claims/00/1.datlake",
        "gc/1.over.datlake",
        "gc/01.datlake",
        "gc/.done.datlake",
        "unpushed/removed/1.datlake",
    ] {
        assert_eq!(Location::parse(foreign), None, "{foreign}");
    }
}
