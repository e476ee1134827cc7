use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::Digest;
use crate::Uid;
use crate::document::Content;
use crate::lineage::{Moved, Person, PersonSource};

fn file(content: &[u8]) -> TreeEntry {
    TreeEntry::file(Digest::of(content), content.len() as u64, false)
}

fn tree(entries: &[(&str, TreeEntry)]) -> TreeEntries {
    let mut tree = TreeEntries::default();
    entries.iter().for_each(|(path, entry)| tree.insert(path, entry.clone()).unwrap());
    tree
}

/// Every byte, as `docs/format.md` says it.
#[test]
fn golden() {
    let tree = tree(&[
        ("cats/tom.txt", file(b"meow")),
        ("empty", TreeEntry::Folder),
        ("latest.txt", TreeEntry::Link("cats/tom.txt".to_owned())),
        ("run.sh", TreeEntry::file(Digest::of(b"true"), 4, true)),
    ]);
    let bytes = tree.to_bytes();
    let range = format!(
        "datlake range 1\nf {} 4 cats/tom.txt\nd empty\nl latest.txt\tcats/tom.txt\nx {} 4 run.sh\n",
        Digest::of(b"meow"),
        Digest::of(b"true")
    );
    assert_eq!(bytes.ranges, [range.clone().into_bytes()]);
    let metarange =
        format!("datlake tree 2\n{} {} 2 8 cats/tom.txt\trun.sh\n", Digest::of(range.as_bytes()), range.len());
    assert_eq!(String::from_utf8(bytes.metarange).unwrap(), metarange);
    assert_eq!(
        Digest::of(metarange.as_bytes()).to_string(),
        "ea4f629598905ec2fb1c6add7c3437a240913c4ad88636973d76945e171e0f3a"
    );
    assert_eq!(TreeEntries::default().to_bytes().metarange, b"datlake tree 2\n");
}

/// Every byte of what lies outside, as `docs/format.md` says it.
#[test]
fn golden_addresses() {
    let outside = |address: &str, tag: &str| {
        let (address, tag) = (address.to_owned(), tag.to_owned());
        TreeEntry::Addressed(AddressedFile { address, size: 7, modified: 1_790_000_000_000_000_001, tag }.into())
    };
    let bytes = tree(&[
        ("raw/a b", outside("s3://bucket/exports/a%20b", "5d41402a-2")),
        ("raw/c", outside("file:///srv/c", "")),
        ("z", file(b"1")),
    ])
    .to_bytes();
    let range = format!(
        concat!(
            "datlake range 1\n",
            "a 7 1790000000000000001 raw/a b\ts3://bucket/exports/a%20b\t5d41402a-2\n",
            "a 7 1790000000000000001 raw/c\tfile:///srv/c\t\n",
            "f {} 1 z\n"
        ),
        Digest::of(b"1")
    );
    assert_eq!(String::from_utf8(bytes.ranges[0].clone()).unwrap(), range);
    let metarange = Metarange::parse(&bytes.metarange, &"t").unwrap();
    let row = &metarange.ranges()[0];
    assert_eq!((row.files, row.content), (3, 15));
    let read = |text: &str| TreeRange::parse(text.as_bytes(), row, &"t").map_err(|error| error.kind());
    assert_eq!(read(&range).unwrap().get("raw/c").unwrap().1, &outside("file:///srv/c", ""));
    for (from, to) in [
        ("a 7", "a 07"),
        ("a 7", "a x"),
        ("\ts3:", "\ts3"),
        ("a%20b\t5d", "a b\t5d"),
        ("-2\n", "-2\t\n"),
        ("\t5d41402a-2", ""),
        ("-2\n", "\u{7f}\n"),
        ("raw/a b", "raw/../b"),
    ] {
        assert!(range.contains(from));
        assert_eq!(read(&range.replacen(from, to, 1)), Err(ErrorKind::Corrupt), "{from}");
    }
    // Nothing of it is in the lake.
    let mut content = Content::range(Digest::of(range.as_bytes()), range.len() as u64, "t".into());
    assert_eq!(content.references(range.as_bytes()).unwrap().len(), 1);
}

#[test]
fn sorted_changes_are_not_held_and_are_in_order() {
    let change = |at: u32| Ok((format!("{at:06}"), Some(file(b""))));
    let none = Metarange::default();
    let (mut most, mut sum) = (0, 0);
    let tree = none
        .with_sorted((0..50_000).map(change), &mut |_| unreachable!(), &mut |bytes| {
            (most, sum) = (most.max(bytes.len()), sum + 1);
            Ok(())
        })
        .unwrap();
    assert!(sum == tree.ranges().len() && sum > 20 && most < 1 << 20);
    let wrong = none.with_sorted([2, 1].into_iter().map(change), &mut |_| unreachable!(), &mut |_| Ok(()));
    assert_eq!(wrong.unwrap_err().kind(), ErrorKind::InvalidInput);
}

/// A tree of a hundred thousand files is cut in the same places for ever.
#[test]
fn golden_cuts() {
    let mut large = TreeEntries::default();
    (0..100_000).for_each(|i| large.insert(&format!("images/{i:06}.jpg"), file(b"")).unwrap());
    let bytes = large.to_bytes();
    assert_eq!(
        (bytes.ranges.len(), Digest::of(&bytes.metarange).to_string().as_str()),
        (92, "68eb92a5ed989886ea7e33856120d3e5bb40c53e3453fb64a0e643f5525ec090")
    );
    let metarange = Metarange::parse(&bytes.metarange, &"large").unwrap();
    assert_eq!(metarange.ranges().iter().map(|row| row.files).sum::<u64>(), 100_000);
}

#[test]
fn one_change_makes_one_range() {
    let mut paths: Vec<String> = (0..20_000).map(|i| format!("{:02}/{i}.txt", i % 40)).collect();
    let ranges = |paths: &[String], changed: Option<&str>| {
        let mut tree = TreeEntries::default();
        for path in paths {
            let content: &[u8] = if changed == Some(path) { b"new" } else { b"" };
            tree.insert(path, file(content)).unwrap();
        }
        tree.to_bytes().ranges
    };
    let before = ranges(&paths, None);
    let new = |after: &[Vec<u8>]| after.iter().filter(|range| !before.contains(range)).count();
    assert!(before.len() > 10);
    assert_eq!(new(&ranges(&paths, Some("07/10007.txt"))), 1);
    paths.push("07/1000700.txt".to_owned());
    assert!(new(&ranges(&paths, None)) <= 2);
    paths.retain(|path| !matches!(&**path, "07/1000700.txt" | "21/5021.txt"));
    assert!(new(&ranges(&paths, None)) <= 2);
}

#[test]
fn what_cannot_be_in_a_tree() {
    let link = |target: &str| TreeEntry::Link(target.to_owned());
    let check = |path: &str, entry: TreeEntry, why: &str| {
        let error = tree(&[("a/b", file(b""))]).insert(path, entry).unwrap_err();
        assert!(error.kind() == ErrorKind::InvalidInput && error.message().contains(why), "{path}: {error}");
    };
    check("a/b", file(b""), "something at that path");
    check("a", TreeEntry::Folder, "one path would be a folder");
    check("a/b/c", file(b""), "one path would be a folder");
    check("../x", file(b""), "segment");
    check("x", link("/etc/passwd"), "leads out");
    check("x", link(".."), "leads out of it");
    check("x/y", link("../../a"), "leads out");
    check("x", link("a\tb"), "leads out");
    // The same of what is sorted already.
    let of = |entries: &[(&str, TreeEntry)]| {
        check_sorted(entries, |(path, _)| path)
            .and_then(|()| RangeBytes::of(entries))
            .map_err(|error| error.message().to_owned())
    };
    let is_refused = |entries: &[(&str, TreeEntry)], why: &str| of(entries).is_err_and(|error| error.contains(why));
    assert!(is_refused(&[("a", file(b"")), ("a", file(b""))], "something at that path"));
    assert!(is_refused(&[("b", file(b"")), ("a", file(b""))], "something at that path"));
    assert!(is_refused(
        &[("a", TreeEntry::Folder), ("a-b", file(b"")), ("a/b/c", file(b""))],
        "one path would be a folder"
    ));
    assert!(is_refused(&[("a", file(b"")), ("x/y", link("../../a"))], "leads out"));
    assert!(is_refused(&[("../x", file(b""))], "segment"));
    assert_eq!(of(&[]), Ok(None));
    tree(&[("x/y", link("../a/b")), ("z", link("nowhere")), ("w", link("./x/../x/y"))]);
    assert_eq!(link("../a/./b").target("x/y").as_deref(), Some("a/b"));
    assert_eq!(link(".").target("x"), Some(String::new()));
}

#[test]
fn damaged_bytes_are_no_tree() {
    let bytes = tree(&[("a", file(b"1")), ("b", TreeEntry::Link("a".to_owned())), ("c", TreeEntry::Folder)]).to_bytes();
    let metarange = Metarange::parse(&bytes.metarange, &"t").unwrap();
    let row = &metarange.ranges()[0];
    let range = String::from_utf8(bytes.ranges[0].clone()).unwrap();
    let read = |text: &str| TreeRange::parse(text.as_bytes(), row, &"t").map_err(|error| error.kind());
    assert!(read(&range).is_ok());
    for (from, to) in [
        ("f ", "g "),
        (" 1 a", " 01 a"),
        (" 1 a", " +1 a"),
        ("\ta", "\t/a"),
        ("d c", "d c/"),
        ("d c", "d b"),
        ("d c\n", "d c"),
        ("range 1", "range 2"),
    ] {
        assert!(range.contains(from));
        assert_eq!(read(&range.replacen(from, to, 1)), Err(ErrorKind::Corrupt), "{from}");
    }
    // Another range than the one that was asked for.
    assert_eq!(read(&range.replacen("d c\n", "", 1)), Err(ErrorKind::Corrupt));
    let text = String::from_utf8(bytes.metarange).unwrap();
    for (from, to) in [
        ("a\tc", "c\ta"),
        ("a\tc", "a c"),
        ("a\tc", "../a\tc"),
        ("tree 2", "tree 1"),
        (" 1 1 ", " 1 +1 "),
        ("\tc\n", "\tc"),
    ] {
        assert!(text.contains(from), "{from}");
        let error = Metarange::parse(text.replacen(from, to, 1).as_bytes(), &"t").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{from}");
    }
    let twice = format!("{text}{}\n", text.lines().nth(1).unwrap());
    assert!(Metarange::parse(twice.as_bytes(), &"t").is_err());
}

proptest! {
    /// Whatever is put in is found again, in whatever order it came.
    /// What is read of two ranges tells their differences, whatever they are: nothing in common, all, one within the other.
    #[test]
    fn two_ranges_read_where_they_differ(
        kept in proptest::collection::btree_map("[a-c]{1,4}", 0..2_u8, 0..200),
        changed in proptest::collection::btree_map("[a-c]{1,4}", proptest::option::of(0..3_u8), 0..20),
    ) {
        let content = |kind: u8| file(&[kind]);
        let before: BTreeMap<String, u8> = kept.clone();
        let mut after = kept;
        for (path, kind) in changed {
            match kind {
                Some(kind) => drop(after.insert(path, kind)),
                None => drop(after.remove(&path)),
            }
        }
        prop_assume!(!before.is_empty() && !after.is_empty());
        let range = |of: &BTreeMap<String, u8>| {
            let entries: Vec<_> = of.iter().map(|(path, kind)| (path.as_str(), content(*kind))).collect();
            RangeBytes::of(&entries).unwrap().unwrap()
        };
        let (one, other) = (range(&before), range(&after));
        let read = TreeRange::parse_unlike((&one.bytes, &one.row), (&other.bytes, &other.row), &"t").unwrap();
        let [left, right] = read.map(|range| range.into_entries().into_iter().collect::<BTreeMap<_, _>>());
        let paths = before.keys().chain(after.keys()).chain(left.keys()).chain(right.keys());
        for path in paths {
            let (was, is) = (before.get(path).copied().map(content), after.get(path).copied().map(content));
            if was == is {
                prop_assert_eq!(left.get(path), right.get(path), "{}", path);
            } else {
                prop_assert_eq!((left.get(path), right.get(path)), (was.as_ref(), is.as_ref()), "{}", path);
            }
        }
        // A row of another range is noticed.
        let other_row = RangeRow { last: "cccccc".to_owned(), ..one.row.clone() };
        prop_assert!(TreeRange::parse_unlike((&one.bytes, &other_row), (&other.bytes, &other.row), &"t").is_err());
        let cut = &other.bytes[..other.bytes.len() - 1];
        prop_assert!(TreeRange::parse_unlike((&one.bytes, &one.row), (cut, &other.row), &"t").is_err());
    }

    #[test]
    fn round_trip(paths in proptest::collection::btree_map("[a-c]{1,2}(/[a-c ]{1,3}){0,2}", 0..4_u8, 0..300)) {
        let mut all = TreeEntries::default();
        let mut there = Vec::new();
        for (path, kind) in paths.iter().rev() {
            let entry = match kind {
                0 => TreeEntry::Folder,
                1 => TreeEntry::Link("x".to_owned()),
                2 => TreeEntry::file(Digest::of(path.as_bytes()), 3, true),
                _ => file(path.as_bytes()),
            };
            if all.insert(path, entry.clone()).is_ok() {
                there.push((path.clone(), entry));
            }
        }
        there.reverse();
        let bytes = all.to_bytes();
        // Range by range it is the same.
        let in_order: Vec<(&str, TreeEntry)> = there.iter().map(|(path, entry)| (path.as_str(), entry.clone())).collect();
        prop_assert!(check_sorted(&in_order, |(path, _)| path).is_ok());
        let (mut begin, mut rows, mut each) = (0, Vec::new(), Vec::new());
        for end in ends(in_order.iter().map(|(path, _)| *path)) {
            let RangeBytes { row, bytes } = RangeBytes::of(&in_order[begin..end]).unwrap().unwrap();
            (rows, each, begin) = ([rows, vec![row]].concat(), [each, vec![bytes]].concat(), end);
        }
        prop_assert_eq!(&each, &bytes.ranges);
        prop_assert_eq!(Metarange::new(rows).to_bytes(), bytes.metarange.clone());
        let metarange = Metarange::parse(&bytes.metarange, &"t").unwrap();
        let ranges: Vec<TreeRange> = metarange
            .ranges()
            .iter()
            .zip(&bytes.ranges)
            .map(|(row, bytes)| TreeRange::parse(bytes.as_slice(), row, &"t").unwrap())
            .collect();
        let read: Vec<_> = ranges.iter().flat_map(TreeRange::entries).map(|(path, entry)| (path.to_owned(), entry.clone())).collect();
        prop_assert_eq!(&read, &there);
        for (path, entry) in &there {
            let at = metarange.find(path).unwrap();
            prop_assert_eq!(ranges[at].get(path).unwrap().1, entry);
        }
        prop_assert!(metarange.find("zzz").is_none_or(|at| ranges[at].get("zzz").is_none()));
    }
}

/// Every byte, as `docs/format.md` says it.
#[test]
fn golden_locations() {
    let (range, pack) = (Digest::of(b"range"), Digest::of(b"meowwoof"));
    let files = [(Digest::of(b"woof"), 4, 4), (Digest::of(b"meow"), 0, 4)];
    let locations = PackLocations::new(range, pack, 8, files);
    let bytes = locations.to_bytes().unwrap();
    let body = format!(
        "{{\"datlake\":\"locations\",\"format\":1,\"size\":8,\"files\":[[\"{}\",4,4],[\"{}\",0,4]]",
        Digest::of(b"woof"),
        Digest::of(b"meow")
    );
    assert_eq!(
        String::from_utf8(bytes.clone()).unwrap(),
        format!("{body},\"digest\":\"{}\"}}\n", Digest::of(body.as_bytes()))
    );
    assert_eq!(Digest::of(&bytes).to_string(), "ec6da6698d6b26fa67ab555c52116b44b18a37f9ffda73c4c4ce48d4e9123796");
    assert_eq!(locations.at().path(), format!("locations/{range}/{pack}.datlake"));
    assert_eq!(PackLocations::parse(&range, &pack, &bytes).unwrap(), locations);
    assert_eq!(locations.find(&Digest::of(b"woof")), Some(InPack { pack, pack_size: 8, offset: 4, length: 4 }));
    assert_eq!(locations.find(&Digest::of(b"purr")), None);
    let document = crate::Document::parse(&locations.at(), bytes).unwrap();
    assert_eq!(document.references().content.iter().map(|content| content.digest).collect::<Vec<_>>(), [pack]);
}

#[test]
fn damaged_locations() {
    let (range, pack) = (Digest::of(b"range"), Digest::of(b"pack"));
    let read = |size: u64, files: &[(Digest, u64, u64)]| {
        let body = format!(
            "{{\"datlake\":\"locations\",\"format\":1,\"size\":{size},\"files\":{}",
            serde_json::to_string(files).unwrap()
        );
        let sealed = format!("{body},\"digest\":\"{}\"}}\n", Digest::of(body.as_bytes()));
        PackLocations::parse(&range, &pack, sealed.as_bytes()).map_err(|error| error.kind())
    };
    let mut both = [Digest::of(b"1"), Digest::of(b"2")];
    both.sort();
    let [a, b] = both;
    assert!(read(9, &[(a, 0, 9), (b, 9, 0)]).is_ok());
    for (size, files) in [
        (9, vec![]),
        (9, vec![(a, 1, 9)]),
        (u64::MAX, vec![(a, 2, u64::MAX)]),
        (9, vec![(b, 0, 1), (a, 1, 1)]),
        (9, vec![(a, 0, 1), (a, 1, 1)]),
    ] {
        assert_eq!(read(size, &files), Err(ErrorKind::Corrupt), "{files:?}");
    }
    assert_eq!(PackLocations::parse(&range, &pack, b"").map_err(|error| error.kind()), Err(ErrorKind::Corrupt));
}

#[test]
fn ranges_are_known_by_their_paths() {
    let paths: Vec<String> = (0..5_000).map(|at| format!("{at:05}")).collect();
    let mut all = TreeEntries::default();
    paths.iter().for_each(|path| all.insert(path, file(b"")).unwrap());
    let bytes = all.to_bytes();
    let lasts: Vec<String> =
        Metarange::parse(&bytes.metarange, &"t").unwrap().ranges().iter().map(|row| row.last.clone()).collect();
    let ends: Vec<String> =
        ends(paths.iter().map(String::as_str)).into_iter().map(|end| paths[end - 1].clone()).collect();
    assert!(ends.len() > 2);
    assert_eq!(ends, lasts);
}

/// Every byte, for good: another would give every commit another id.
#[test]
fn attributes_are_no_tree() {
    let person = Person { email: "ada@example.org".into(), source: PersonSource::Config };
    let put = Moved { person, host: "lovelace".into(), at: "2026-11-29T09:00:00Z".into() };
    let noted = ObjectAttributes {
        put: Some(put),
        from: Some(Uid::chosen("raw/jan.csv").unwrap()),
        content_type: Some("text/csv".into()),
        metadata: [("a\tb".to_owned(), "1\n".to_owned())].into(),
        more: BTreeMap::new(),
    };
    let changes = [("a.csv".to_owned(), Some(TreeEntry::Attributes(noted.clone().into())))].into();
    let changed = Metarange::default().with(&changes, &mut |_| unreachable!()).unwrap();
    let text = concat!(
        "datlake attributes 1\na.csv\t{\"put\":{\"person\":{\"email\":\"ada@example.org\",\"source\":\"config\"},",
        "\"host\":\"lovelace\",\"at\":\"2026-11-29T09:00:00Z\"},\"from\":\"raw/jan.csv\",\"content_type\":\"text/csv\",",
        "\"metadata\":{\"a\\tb\":\"1\\n\"}}\n"
    );
    assert_eq!(String::from_utf8(changed.ranges[0].clone()).unwrap(), text);
    let [row] = changed.metarange.ranges() else { panic!("{:?}", changed.metarange) };
    assert_eq!((row.files, row.content, row.first.as_str()), (0, 0, "a.csv"));
    let range = TreeRange::parse_attributes(text.as_bytes(), row, &"a commit").unwrap();
    assert_eq!(range.get("a.csv"), Some(("a.csv", &TreeEntry::Attributes(noted.clone().into()))));
    // Neither is the other, and only the one spelling counts.
    assert!(TreeRange::parse(text.as_bytes(), row, &"a tree").is_err());
    assert!(TreeEntries::default().insert("a.csv", TreeEntry::Attributes(noted.into())).is_err());
    let file = range_bytes([("a.csv", &file(b"a"))].into_iter());
    for other in [file, text.replace("{\"put", "{ \"put").into(), text.replace("\"from", "\"more\":1,\"from").into()] {
        assert!(TreeRange::parse_attributes(other.as_slice(), row, &"a commit").is_err());
    }
}

#[test]
fn what_later_versions_note_is_kept_as_they_wrote_it() {
    let text = "datlake attributes 1\na.csv\t{\"content_type\":\"text/csv\",\"acl\":{\"a\":[1,-2],\"b\":null},\"tier\":\"cold\"}\n";
    let noted = serde_json::from_str(text.trim_end().split_once('\t').unwrap().1).unwrap();
    let changes = [("a.csv".to_owned(), Some(TreeEntry::Attributes(Box::new(noted))))].into();
    let changed = Metarange::default().with(&changes, &mut |_| unreachable!()).unwrap();
    assert_eq!(String::from_utf8(changed.ranges[0].clone()).unwrap(), text);
    let [row] = changed.metarange.ranges() else { panic!("{:?}", changed.metarange) };
    let range = TreeRange::parse_attributes(text.as_bytes(), row, &"a commit").unwrap();
    let Some((_, TreeEntry::Attributes(found))) = range.get("a.csv") else { panic!("{range:?}") };
    assert_eq!(found.more["tier"], "cold");
    // Behind what is known here, in order, each once.
    for other in [
        text.replace("\"acl\":{\"a\":[1,-2],\"b\":null},\"tier\":\"cold\"", "\"tier\":\"cold\",\"acl\":1"),
        text.replace("\"tier\":\"cold\"", "\"tier\":\"warm\",\"tier\":\"cold\""),
        text.replace("\"tier\":\"cold\"", "\"tier\": \"cold\""),
    ] {
        assert!(TreeRange::parse_attributes(other.as_bytes(), row, &"a commit").is_err(), "{other}");
    }
}
