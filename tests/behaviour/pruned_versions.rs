//! Earlier versions of names that are pruned, by rule: what goes, what stays, and that everybody agrees.

use std::time::Duration;

use datlake::report::MirrorOutcome;
use datlake::{Collect, ErrorKind, File, Lake, Mirror, Prune, Result, Tree, Verify, file_creator};

use crate::replacing::{report, text, versions};
use crate::support::{Machines, blob_in, check_error, lake};

#[file_creator]
fn length(raw: &File) -> Result<u64> {
    Ok(raw.len())
}

fn replaced(lake: &Lake, contents: &[&str]) {
    for content in contents {
        lake.replacing().add_bytes("raw.csv", content).unwrap();
    }
}

/// The addresses that would go.
fn meant(lake: &Lake, prune: Prune) -> Vec<String> {
    lake.prunable(prune).unwrap().files().map(ToString::to_string).collect()
}

fn keep(versions: usize) -> Prune {
    Prune::default().keep_versions(versions)
}

fn apply(lake: &Lake, prune: Prune) {
    lake.apply(&lake.prunable(prune).unwrap(), false).unwrap();
}

fn sound(lake: &Lake) {
    let findings = lake.verify(Verify::default(), &[]).unwrap().findings;
    assert!(findings.is_empty(), "{findings:?}");
}

#[test]
fn earlier_versions_go_by_rule_and_their_content_with_them() {
    let lake = lake();
    replaced(&lake, &["one", "two", "three", "four"]);
    lake.add_bytes("once.csv", "once").unwrap();
    let first = lake.file("raw.csv@{3}").unwrap();
    assert_eq!(meant(&lake, keep(2)), ["raw.csv@{2}", "raw.csv@{3}"]);
    assert_eq!(meant(&lake, keep(0)), ["raw.csv@{1}", "raw.csv@{2}", "raw.csv@{3}"]);
    let hour = Duration::from_secs(3600);
    assert_eq!(meant(&lake, Prune::default().versions_older_than(hour)), [""; 0]);
    assert_eq!(meant(&lake, keep(3).versions_older_than(Duration::ZERO)), ["raw.csv@{3}"]);
    // A rule about calls alone means no version.
    assert_eq!(meant(&lake, Prune::superseded().older_than(Duration::ZERO)), [""; 0]);

    apply(&lake, keep(2));
    assert_eq!(meant(&lake, keep(2)), [""; 0]);
    check_error(
        lake.file("raw.csv@{3}"),
        ErrorKind::NotFound,
        &["`raw.csv@{3}` is gone: it was pruned", "datlake log"],
    );
    let log = lake.log("raw.csv").unwrap().versions;
    assert_eq!(log.iter().map(|version| version.pruned).collect::<Vec<_>>(), [false, false, true, true]);
    assert_eq!((text(&lake, "raw.csv"), text(&lake, "raw.csv@{1}")), ("four".to_owned(), "three".to_owned()));
    let content = blob_in(lake.home(), &first);
    assert!(content.exists());
    sound(&lake);
    lake.collect(Collect::default()).unwrap();
    assert!(!content.exists());
    sound(&lake);
    // The same content again is a version as any other; and the name goes with all that is left of it.
    replaced(&lake, &["one"]);
    assert_eq!((text(&lake, "raw.csv"), text(&lake, "raw.csv@{1}")), ("one".to_owned(), "four".to_owned()));
    lake.remove("raw.csv").unwrap();
    assert!(crate::support::files_below(&lake.home().join("names")).is_empty());
}

#[test]
fn what_a_call_that_stays_was_made_from_stays() {
    let lake = lake();
    let folder = tempfile::tempdir().unwrap();
    for content in ["one", "two", "three"] {
        replaced(&lake, &[content]);
        std::fs::write(folder.path().join("a.txt"), content).unwrap();
        let tree = lake.replacing().add_tree("tree", folder.path()).unwrap();
        if content == "two" {
            lake.ok("ran length ×2", || length(&lake.file("raw.csv")?).and_then(|_| length(&tree.get("a.txt")?)));
        }
    }
    assert_eq!(meant(&lake, keep(1)), ["raw.csv@{2}", "tree@{2}"]);
    apply(&lake, keep(1));
    lake.collect(Collect::default()).unwrap();
    assert_eq!(text(&lake, "raw.csv@{1}"), "two");
    assert_eq!(Tree::try_from(lake.file("tree@{1}").unwrap()).unwrap().get("a.txt").unwrap().read().unwrap(), b"two");
    sound(&lake);
    // With the calls, they go too.
    let both = keep(1).older_than(Duration::ZERO);
    assert_eq!(lake.prunable(both).unwrap().asked.len(), 4);
    apply(&lake, both);
    sound(&lake);
}

#[test]
fn versions_that_calls_made_go_with_their_calls() {
    let lake = lake();
    for raw in ["one", "two", "three"] {
        replaced(&lake, &[raw]);
        lake.ok("ran report", || report(&lake.file("raw.csv")?, "report.txt"));
    }
    // The calls of earlier reports, and then nobody needs what they read.
    let removal = lake.prunable(keep(1)).unwrap();
    assert_eq!((removal.asked.len(), removal.asked.iter().filter(|one| one.call.is_some()).count()), (4, 2));
    lake.apply(&removal, false).unwrap();
    lake.collect(Collect::default()).unwrap();
    assert_eq!((text(&lake, "report.txt"), text(&lake, "raw.csv")), ("report of three".to_owned(), "three".to_owned()));
    let up = lake.upstream("report.txt", 9).unwrap();
    assert_eq!(up.nodes.len(), 2);
    sound(&lake);
    // A name whose last call goes does not fall back to what was pruned, and can be given again.
    lake.add_bytes("other.txt", "first").unwrap();
    lake.ok("ran report", || report(&lake.file("raw.csv")?, "other.txt"));
    apply(&lake, keep(1));
    let (creator, key) = lake.log("other.txt").unwrap().versions[0].call.clone().unwrap();
    lake.remove(&format!("@{creator}/{key}/0")).unwrap();
    assert!(!lake.exists("other.txt").unwrap());
    lake.add_bytes("other.txt", "anew").unwrap();
    assert_eq!(versions(&lake, "other.txt"), ["anew"]);
}

#[test]
fn other_machines_miss_nothing_of_what_was_pruned() {
    let machines = Machines::new();
    let a = machines.machine("a");
    replaced(&a, &["one", "two", "three"]);
    let b = machines.machine("b");
    assert_eq!(versions(&b, "raw.csv"), ["three", "two", "one"]);
    let first = b.file("raw.csv@{2}").unwrap();
    apply(&a, keep(2));
    check_error(machines.machine("b").file("raw.csv@{2}"), ErrorKind::NotFound, &["it was pruned"]);
    a.collect(Collect::default().exclusive(true)).unwrap();
    for (name, findings) in [("a", 0), ("b", 0), ("c", 0)] {
        let machine = machines.machine(name);
        let pulled = machine.pull(&[]).unwrap();
        assert!(pulled.damaged.is_empty(), "{pulled:?}");
        let verified = machine.verify(Verify::default(), &[]).unwrap();
        assert_eq!(verified.findings.len(), findings, "{verified:?}");
    }
    let b = machines.machine("b");
    let content = blob_in(b.home(), &first);
    assert!(content.exists());
    b.collect(Collect::default()).unwrap();
    assert!(!content.exists() && text(&b, "raw.csv@{1}") == "two");

    let folder = tempfile::tempdir().unwrap();
    for which in [&[][..], &["raw.csv"]] {
        let to = format!("file://{}", folder.path().join(which.len().to_string()).display());
        let mirrored = a.mirror(&Mirror::to(&to), which).unwrap();
        assert!(mirrored.items.iter().all(|row| row.outcome == MirrorOutcome::Copied), "{mirrored:?}");
        let home = folder.path().join(format!("home {}", which.len()));
        let copy = Lake::builder().home(home).remote(&to).open().unwrap();
        assert_eq!(text(&copy, "raw.csv@{1}"), "two");
        check_error(copy.file("raw.csv@{2}"), ErrorKind::NotFound, &["it was pruned"]);
        sound(&copy);
    }
    let offline = machines.builder("a").offline(true).open().unwrap();
    let removal = offline.prunable(keep(1)).unwrap();
    check_error(offline.apply(&removal, false), ErrorKind::Unavailable, &["offline: the remote has it too"]);
}

#[test]
fn what_was_pruned_before_there_was_a_remote_is_pruned_there() {
    let machines = Machines::new();
    let alone = Lake::builder().home(machines.remote().with_file_name("a")).open().unwrap();
    replaced(&alone, &["one", "two", "three"]);
    apply(&alone, keep(1));
    alone.collect(Collect::default()).unwrap();
    drop(alone);
    let a = machines.machine("a");
    let pushed = a.push(&[]).unwrap();
    assert!(a.status().unwrap().unpushed.is_empty(), "{pushed:?}");
    let b = machines.machine("b");
    assert_eq!(text(&b, "raw.csv"), "three");
    check_error(b.file("raw.csv@{1}"), ErrorKind::NotFound, &["it was pruned"]);
    sound(&a);
    sound(&b);
}
