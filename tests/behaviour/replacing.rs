//! Names that are replaced when somebody asks for it: what they lead to, what they led to before, and that nothing is lost.

use std::sync::atomic::{AtomicUsize, Ordering};

use datlake::report::UpstreamState;
use datlake::{Collect, ErrorKind, File, Lake, Prune, Result, Tree, Verify, file_creator};

use crate::support::{Watched, check_error, lake};

#[file_creator]
fn cleaned(raw: &File) -> Result<File> {
    File::from_bytes("clean.csv", raw.read_to_string()?.replace(' ', ""))
}

#[file_creator(on_change = "replace")]
pub(crate) fn report(table: &File, output_uid: &str) -> Result<File> {
    File::from_bytes(output_uid, format!("report of {}", table.read_to_string()?))
}

#[file_creator(on_change = "replace")]
fn pair(level: u32, output_uids: &[&str; 2]) -> Result<[File; 2]> {
    Ok([File::from_bytes(output_uids[0], format!("{level}"))?, File::from_bytes(output_uids[1], "always the same")?])
}

pub(crate) fn text(lake: &Lake, uid: &str) -> String {
    lake.file(uid).unwrap().read_to_string().unwrap()
}

pub(crate) fn versions(lake: &Lake, uid: &str) -> Vec<String> {
    let count = lake.log(uid).unwrap().versions.len();
    (0..count).map(|back| text(lake, &format!("{uid}@{{{back}}}"))).collect()
}

/// Reads the input, and makes what depends on it.
fn pipeline(lake: &Watched, expected: &str) -> File {
    lake.ok(expected, || report(&cleaned(&lake.file("raw.csv")?)?, "report.txt"))
}

#[test]
fn an_edited_input_runs_what_depends_on_it_and_the_report_keeps_its_name() {
    let lake = lake();
    lake.add_bytes("raw.csv", "a, b").unwrap();
    pipeline(&lake, "ran cleaned, ran report");

    // What differs in nothing that counts stops early.
    lake.replacing().add_bytes("raw.csv", "a,  b").unwrap();
    pipeline(&lake, "hit report, ran cleaned");

    lake.replacing().add_bytes("raw.csv", "c, d").unwrap();
    pipeline(&lake, "ran cleaned, ran report");
    assert_eq!(versions(&lake, "report.txt"), ["report of c,d", "report of a,b"]);
    assert_eq!(versions(&lake, "raw.csv"), ["c, d", "a,  b", "a, b"]);

    // What was made from what it was before is still known, and found.
    let before = lake.file("raw.csv@{2}").unwrap();
    lake.ok("hit cleaned", || cleaned(&before));
    let log = lake.log("report.txt").unwrap();
    let call = log.versions[1].call.as_ref().unwrap();
    assert!(call.0.as_str().ends_with("::report") && log.versions[1].originator.contains('@'), "{log:?}");
    let earlier = lake.file(&format!("@{}/{}/0", call.0, call.1)).unwrap();
    assert_eq!(earlier.read_to_string().unwrap(), "report of a,b");
    assert_eq!(earlier.lineage().unwrap().call().unwrap().key, call.1);
    assert_eq!(before.lineage().unwrap().added().unwrap().digest, before.digest());
}

/// Of several versions with the same bytes, each comes from where its own entry says.
#[test]
fn a_version_comes_from_what_its_entry_names_and_says_what_replaced_it() {
    let lake = lake();
    lake.add_bytes("report.txt", "report of same").unwrap();
    for raw in ["one.csv", "two.csv"] {
        let raw = lake.add_bytes(raw, "same").unwrap();
        lake.ok("ran report", || report(&raw, "report.txt"));
    }
    lake.replacing().add_bytes("report.txt", "by hand").unwrap();
    let log = lake.log("report.txt").unwrap().versions;
    assert_eq!(log.len(), 4);
    let input = |call: &datlake::lineage::Lineage| call.inputs[0].uid.as_ref().unwrap().to_string();
    for (back, made_from) in [(3, None), (2, Some("one.csv")), (1, Some("two.csv"))] {
        let address = format!("report.txt@{{{back}}}");
        let origin = lake.file(&address).unwrap().lineage().unwrap();
        assert_eq!(origin.call().map(input).as_deref(), made_from, "{address}");
        let info = lake.info(&address).unwrap();
        let call = info.created_by.as_ref().map(|call| (call.creator.clone(), call.key));
        assert_eq!((&call, info.version.as_deref()), (&log[back].call, Some(&*address)));
        assert_eq!(info.replaced_by.as_ref(), Some(&log[back - 1]));
        let up = lake.upstream(&address, 9).unwrap();
        let first = &up.nodes[0];
        assert_eq!((&first.call, first.version.as_deref()), (&log[back].call, Some(&*address)));
        assert_eq!((first.state, first.replaced_by.as_ref()), (UpstreamState::Replaced, Some(&log[back - 1])));
        assert_eq!(up.nodes.get(1).map(|node| node.name.as_str()), made_from);
    }
    for now in ["report.txt", "report.txt@{0}"] {
        let info = lake.info(now).unwrap();
        assert!(info.created_by.is_none() && info.version.is_none() && info.replaced_by.is_none(), "{info:?}");
    }
}

/// What a call read is the version that there was then, also of a file in a tree.
#[test]
fn what_a_call_read_is_the_version_of_its_time() {
    let lake = lake();
    let folder = tempfile::tempdir().unwrap();
    for (content, other) in [("same", "first"), ("same", "second"), ("new", "third")] {
        std::fs::write(folder.path().join("a.txt"), content).unwrap();
        std::fs::write(folder.path().join("other.txt"), other).unwrap();
        lake.replacing().add_tree("tree", folder.path()).unwrap();
        lake.replacing()
            .add_bytes("raw.csv", format!("{content}{}", if other == "second" { " " } else { "" }))
            .unwrap();
        if other == "first" {
            let member = Tree::try_from(lake.file("tree").unwrap()).unwrap().get("a.txt").unwrap();
            lake.ok("ran report", || report(&member, "of-the-tree.txt"));
            lake.ok("ran report", || report(&lake.file("raw.csv")?, "of-the-table.txt"));
        }
    }
    let first = lake.upstream("of-the-tree.txt", 9).unwrap().nodes.remove(1);
    assert_eq!((first.version.as_deref(), first.state), (Some("tree@{2}//a.txt"), UpstreamState::Replaced));
    assert_eq!(first.replaced_by.unwrap().address, "tree@{1}");
    let table = lake.upstream("of-the-table.txt", 9).unwrap().nodes.remove(1);
    let log = lake.log("raw.csv").unwrap().versions;
    assert_eq!((table.version.as_deref(), table.replaced_by.as_ref()), (Some("raw.csv@{2}"), Some(&log[1])));
    assert_eq!(table.created_at.as_ref(), Some(&log[2].at));
}

#[test]
fn an_edit_that_is_taken_back_takes_the_name_back() {
    let lake = lake();
    for (raw, expected) in [("one", "ran"), ("two", "ran"), ("one", "hit")] {
        let raw = lake.add_bytes(&format!("{raw}.csv"), raw).unwrap();
        lake.ok(&format!("{expected} report"), || report(&raw, "report.txt"));
        assert_eq!(text(&lake, "report.txt"), format!("report of {}", raw.read_to_string().unwrap()));
        // Again: nothing moves.
        lake.ok("hit report", || report(&raw, "report.txt"));
    }
    assert_eq!(versions(&lake, "report.txt"), ["report of one", "report of two", "report of one"]);
}

#[test]
fn the_same_content_again_changes_nothing() {
    let lake = lake();
    let before = |lake: &Watched| lake.everything().len();
    lake.replacing().add_bytes("a.txt", "a").unwrap();
    lake.replacing().add_bytes("a.txt", "b").unwrap();
    let there = before(&lake);
    lake.replacing().add_bytes("a.txt", "b").unwrap();
    lake.add_bytes("a.txt", "b").unwrap();
    assert_eq!((before(&lake), versions(&lake, "a.txt")), (there, vec!["b".to_owned(), "a".to_owned()]));
    // What it was before is other content.
    check_error(lake.add_bytes("a.txt", "a"), ErrorKind::AlreadyExists, &["other content", "--replace"]);
}

#[test]
fn several_outputs_move_each_by_itself() {
    let lake = lake();
    lake.ok("ran pair", || pair(1, &["level.txt", "same.txt"]));
    lake.ok("ran pair", || pair(2, &["level.txt", "same.txt"]));
    assert_eq!(versions(&lake, "level.txt"), ["2", "1"]);
    assert_eq!(versions(&lake, "same.txt"), ["always the same", "always the same"]);
}

#[test]
fn an_asynchronous_creator_and_one_of_many_calls_replace_too() {
    #[file_creator(on_change = "replace")]
    async fn later(level: u32, output_uid: &str) -> Result<File> {
        File::from_bytes_async(output_uid, level.to_string()).await
    }
    let lake = lake();
    for level in [1, 2, 1] {
        let how = if versions_or_none(&lake, "out.txt") < 2 { "ran later" } else { "hit later" };
        lake.ok(how, || pollster::block_on(later(level, "out.txt")));
    }
    assert_eq!(versions(&lake, "out.txt"), ["1", "2", "1"]);
    let _current = lake.enter();
    pollster::block_on(later::calls([(3, "out.txt"), (4, "other.txt")]).run()).unwrap();
    assert_eq!((text(&lake, "out.txt"), text(&lake, "other.txt")), ("3".to_owned(), "4".to_owned()));
}

fn versions_or_none(lake: &Lake, uid: &str) -> usize {
    lake.log(uid).map_or(0, |log| log.versions.len())
}

#[test]
fn trees_folders_readers_and_writers_replace_too() {
    let lake = lake();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.txt");
    for content in ["one", "two"] {
        std::fs::write(&file, content).unwrap();
        lake.replacing().add_tree("tree", folder.path()).unwrap();
        lake.replacing().add_each("each", folder.path()).unwrap();
        lake.replacing().add_path("path", &file).unwrap();
        lake.replacing().add_reader("reader", &mut content.as_bytes()).unwrap();
        lake.replacing().add_download("url", "https://example.org/a?key=1", &mut content.as_bytes()).unwrap();
        pollster::block_on(lake.replacing().add_path_async("async", &file)).unwrap();
    }
    for uid in ["each/a.txt", "path", "reader", "url", "async"] {
        assert_eq!(versions(&lake, uid), ["two", "one"], "{uid}");
    }
    let of =
        |uid: &str| Tree::try_from(lake.file(uid).unwrap()).unwrap().get("a.txt").unwrap().read_to_string().unwrap();
    assert_eq!(
        (of("tree"), of("tree@{1}"), text(&lake, "tree@{1}//a.txt")),
        ("two".into(), "one".into(), "one".into())
    );
    assert_eq!(
        lake.file("url@{1}").unwrap().lineage().unwrap().added().unwrap().source.as_deref(),
        Some("https://example.org/a?key=***")
    );
}

#[test]
fn what_a_tree_and_a_body_took_of_a_replaced_name_stays_what_it_was() {
    static RAN: AtomicUsize = AtomicUsize::new(0);
    #[file_creator]
    fn bundled(note: &File) -> Result<Tree> {
        let mut tree = Tree::create("bundle")?;
        tree.add("note.txt", note)?;
        tree.finish()
    }
    #[file_creator]
    fn looked_up() -> Result<String> {
        RAN.fetch_add(1, Ordering::Relaxed);
        File::get("note.txt")?.read_to_string()
    }
    let lake = lake();
    let note = lake.add_bytes("note.txt", "first").unwrap();
    let tree = lake.ok("ran bundled", || bundled(&note));
    assert_eq!(lake.ok("ran looked_up", looked_up), "first");
    lake.replacing().add_bytes("note.txt", "second").unwrap();
    assert_eq!(tree.get("note.txt").unwrap().read_to_string().unwrap(), "first");
    // A file that a body looks up is looked at again.
    assert_eq!(lake.ok("ran looked_up", looked_up), "second");
    lake.replacing().add_bytes("note.txt", "first").unwrap();
    assert_eq!(lake.ok("hit looked_up", looked_up), "first");
    assert_eq!(RAN.load(Ordering::Relaxed), 2);
    assert_eq!(note.read_to_string().unwrap(), "first");
}

#[test]
fn what_a_name_has_not_is_a_clear_error() {
    let lake = lake();
    lake.add_bytes("once.txt", "a").unwrap();
    check_error(lake.file("once.txt@{1}"), ErrorKind::NotFound, &["was never replaced"]);
    assert_eq!(text(&lake, "once.txt@{0}"), "a");
    lake.replacing().add_bytes("once.txt", "b").unwrap();
    let says = ["`once.txt` has no version `@{99}`", "it has 2", "datlake log once.txt"];
    check_error(lake.file("once.txt@{99}"), ErrorKind::NotFound, &says);
    check_error(lake.file("once.txt@{99999999999999999999999}"), ErrorKind::NotFound, &["has no version"]);
    check_error(lake.file("never.txt@{1}"), ErrorKind::NotFound, &["no file `never.txt@{1}`"]);
    check_error(lake.log("a//b"), ErrorKind::InvalidInput, &["only a name that a person chose"]);
    check_error(lake.removal(&["once.txt@{1}"]), ErrorKind::InvalidInput, &["an earlier version of `once.txt`"]);
    check_error(lake.add_bytes("new@{1}", "x"), ErrorKind::InvalidInput, &["kept for earlier versions"]);
    check_error(lake.replacing().add_bytes("new@{1}", "x"), ErrorKind::InvalidInput, &["kept for earlier versions"]);
}

#[test]
fn earlier_versions_are_kept_from_being_collected_until_the_name_is_removed() {
    let lake = lake();
    let first = lake.add_bytes("a.txt", "first").unwrap();
    lake.replacing().add_bytes("a.txt", "second").unwrap();
    lake.ok("ran cleaned", || cleaned(&first));
    let all = Collect::default();
    lake.collect(all).unwrap();
    assert_eq!(versions(&lake, "a.txt"), ["second", "first"]);
    assert!(lake.verify(Verify::default(), &[]).unwrap().findings.is_empty());

    // What was made from an earlier version holds the name.
    let removal = lake.removal(&["a.txt"]).unwrap();
    check_error(lake.apply(&removal, false), ErrorKind::InUse, &["reads what would go"]);
    lake.apply(&removal, true).unwrap();
    assert!(!lake.exists("a.txt").unwrap());
    assert!(!lake.home().join("names").exists() || crate::support::files_below(&lake.home().join("names")).is_empty());
    let content = crate::support::blob_in(lake.home(), &first);
    assert!(content.exists());
    lake.collect(all).unwrap();
    assert!(!content.exists());
    // The name begins anew.
    lake.add_bytes("a.txt", "third").unwrap();
    assert_eq!(versions(&lake, "a.txt"), ["third"]);
}

#[test]
fn prune_takes_the_calls_that_a_name_led_to_before_and_leaves_what_is_needed() {
    let lake = lake();
    for raw in ["one", "two", "three"] {
        lake.replacing().add_bytes("raw.csv", raw).unwrap();
        lake.ok("ran report", || report(&lake.file("raw.csv")?, "report.txt"));
    }
    // Something that is needed was made from the second.
    let second = lake.file("report.txt@{1}").unwrap();
    lake.ok("ran report", || report(&second, "of-the-second.txt"));
    let removal = lake.prunable(Prune::superseded()).unwrap();
    assert_eq!(removal.asked.len(), 1, "{removal:?}");
    assert!(removal.asked[0].files[0].as_str().starts_with('@'), "{removal:?}");
    lake.apply(&removal, false).unwrap();
    assert_eq!(text(&lake, "report.txt"), "report of three");
    assert_eq!(text(&lake, "report.txt@{1}"), "report of two");
    check_error(lake.file("report.txt@{2}"), ErrorKind::NotFound, &["the call that made it was removed"]);
    assert_eq!(lake.log("report.txt").unwrap().versions.len(), 3);
    assert!(lake.verify(Verify::default(), &[]).unwrap().findings.is_empty());
    let up = lake.upstream("of-the-second.txt", 9).unwrap();
    assert!(
        up.nodes
            .iter()
            .any(|node| node.digest == second.digest() && node.state == UpstreamState::Replaced && node.call.is_some()),
        "{up:?}"
    );
}

#[test]
fn the_call_of_the_latest_version_leaves_the_name_to_the_one_before() {
    let lake = lake();
    for raw in ["one", "two"] {
        let raw = lake.add_bytes(raw, raw).unwrap();
        lake.ok("ran report", || report(&raw, "report.txt"));
    }
    let call = lake.log("report.txt").unwrap().versions[0].call.clone().unwrap();
    lake.remove(&format!("@{}/{}/0", call.0, call.1)).unwrap();
    assert_eq!(text(&lake, "report.txt"), "report of one");
    // And the name by its name goes.
    lake.remove("report.txt").unwrap();
    assert!(!lake.exists("report.txt").unwrap());
}

#[test]
fn while_a_name_is_read_it_is_replaced_and_the_reader_reads_on() {
    use std::io::Read as _;
    let lake = lake();
    lake.add_bytes("x.txt", "first ".repeat(100_000)).unwrap();
    let file = lake.file("x.txt").unwrap();
    let mut reader = file.open().unwrap();
    let mut some = [0; 6];
    reader.read_exact(&mut some).unwrap();
    lake.replacing().add_bytes("x.txt", "second").unwrap();
    lake.collect(Collect::default()).unwrap();
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    assert_eq!(rest.len(), 6 * 99_999);
}

/// Whichever calls made what it led to, and in whatever order it did.
#[test]
fn a_name_that_is_removed_goes_with_all_its_versions_and_can_be_given_again() {
    for by_call in [false, true] {
        let lake = lake();
        for raw in ["one", "two", "one", "three"] {
            lake.replacing().add_bytes("raw.csv", raw).unwrap();
            let raw = lake.file("raw.csv").unwrap();
            let _current = lake.enter();
            report(&raw, "report.txt").unwrap();
        }
        let calls = lake.log("report.txt").unwrap().versions.into_iter().filter_map(|version| version.call);
        if by_call {
            // The same call made two of them.
            for (creator, key) in calls.collect::<std::collections::BTreeSet<_>>() {
                lake.remove(&format!("@{creator}/{key}/0")).unwrap();
            }
        } else {
            let removal = lake.removal(&["report.txt"]).unwrap();
            assert!(lake.apply(&removal, false).unwrap().iter().any(|uid| uid.as_str() == "report.txt"));
        }
        assert!(!lake.exists("report.txt").unwrap(), "{by_call}");
        lake.add_bytes("report.txt", "by hand").unwrap();
        assert_eq!(versions(&lake, "report.txt"), ["by hand"]);
        assert!(lake.verify(Verify::default(), &[]).unwrap().findings.is_empty());
    }
}
