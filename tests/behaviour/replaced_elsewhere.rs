//! Names that several machines replace: with a remote, without it for a while, and in copies of a lake.

use datlake::report::{FindingKind, MirrorOutcome, PushOutcome};
use datlake::{ErrorKind, Event, Lake, Mirror, Verify};

use crate::replacing::{report, text, versions};
use crate::support::{Machines, Watched, check_error};

#[test]
fn two_machines_see_what_each_other_replaced_and_ask_once() {
    let machines = Machines::new();
    let (a, b) = (machines.machine("a"), machines.machine("b"));
    a.add_bytes("x.txt", "one").unwrap();
    assert_eq!(text(&b, "x.txt"), "one");
    a.replacing().add_bytes("x.txt", "two").unwrap();
    // Once in a process: then it is what it was.
    assert_eq!(text(&b, "x.txt"), "one");
    let b = machines.machine("b");
    assert_eq!(text(&b, "x.txt"), "two");
    b.replacing().add_bytes("x.txt", "three").unwrap();
    let a = machines.machine("a");
    assert_eq!(versions(&a, "x.txt"), ["three", "two", "one"]);
    // Listed, too.
    b.replacing().add_bytes("x.txt", "four").unwrap();
    let a = machines.machine("a");
    assert_eq!(a.list("").unwrap()[0].read_to_string().unwrap(), "four");
    assert_eq!(a.list_files("").unwrap().files[0].size, 4);
}

#[test]
fn a_creator_on_another_machine_moves_the_name_back() {
    let machines = Machines::new();
    let a = machines.machine("a");
    let one = a.add_bytes("one", "one").unwrap();
    let two = a.add_bytes("two", "two").unwrap();
    a.ok("ran report", || report(&one, "report.txt"));
    let b = machines.machine("b");
    b.ok("downloaded two, ran report", || report(&b.file("two")?, "report.txt"));
    let a = machines.machine("a");
    a.ok("hit report", || report(&a.file("one")?, "report.txt"));
    let b = machines.machine("b");
    assert_eq!(versions(&b, "report.txt"), ["report of one", "report of two", "report of one"]);
    drop(two);
}

/// The machine `name`, which does not ask its remote.
fn offline(machines: &Machines, name: &str) -> Watched {
    Watched::open(machines.builder(name).offline(true))
}

#[test]
fn what_was_replaced_offline_is_pushed_and_never_lost() {
    let machines = Machines::new();
    let a = machines.machine("a");
    a.add_bytes("x.txt", "one").unwrap();
    drop(a);
    let a = offline(&machines, "a");
    a.replacing().add_bytes("x.txt", "two").unwrap();
    a.replacing().add_bytes("x.txt", "three").unwrap();
    assert_eq!(versions(&a, "x.txt"), ["three", "two", "one"]);
    assert_eq!(a.status().unwrap().unpushed.len(), 2);
    drop(a);
    let a = machines.machine("a");
    let pushed = a.push(&[]).unwrap();
    assert!(pushed.items.iter().all(|row| row.outcome == PushOutcome::Sent) && pushed.items.len() == 2, "{pushed:?}");
    assert!(a.status().unwrap().unpushed.is_empty());
    let b = machines.machine("b");
    assert_eq!(versions(&b, "x.txt"), ["three", "two", "one"]);
    assert!(b.verify(Verify::default(), &[]).unwrap().findings.is_empty());
}

#[test]
fn a_replacement_that_comes_too_late_is_an_earlier_version_and_the_push_says_so() {
    let machines = Machines::new();
    machines.machine("a").add_bytes("x.txt", "one").unwrap();
    let a = offline(&machines, "a");
    a.replacing().add_bytes("x.txt", "of a").unwrap();
    drop(a);
    let b = machines.machine("b");
    b.replacing().add_bytes("x.txt", "of b").unwrap();

    let a = machines.machine("a");
    assert_eq!(text(&a, "x.txt"), "of a", "until it is pushed");
    let pushed = a.push(&[]).unwrap();
    assert_eq!(pushed.items[0].outcome, PushOutcome::Aside, "{pushed:?}");
    assert!(a.push(&[]).unwrap().items.is_empty());
    for lake in [machines.machine("a"), machines.machine("c")] {
        assert_eq!(versions(&lake, "x.txt"), ["of b", "of a", "one"]);
        let log = lake.log("x.txt").unwrap();
        assert!(log.versions[1].aside && !log.versions[0].aside, "{log:?}");
    }
    // Asked for once more, it is what the name leads to.
    let a = machines.machine("a");
    a.replacing().add_bytes("x.txt", "of a").unwrap();
    assert_eq!(versions(&machines.machine("d"), "x.txt"), ["of a", "of a", "of b", "one"]);
}

#[test]
fn who_replaces_online_sends_what_it_replaced_offline_first() {
    let machines = Machines::new();
    machines.machine("a").add_bytes("x.txt", "one").unwrap();
    offline(&machines, "a").replacing().add_bytes("x.txt", "two").unwrap();
    machines.machine("a").replacing().add_bytes("x.txt", "three").unwrap();
    assert_eq!(versions(&machines.machine("b"), "x.txt"), ["three", "two", "one"]);
}

#[test]
fn a_call_made_offline_leads_its_name_when_it_is_pushed() {
    let machines = Machines::new();
    let a = machines.machine("a");
    let raw = a.add_bytes("raw", "one").unwrap();
    a.ok("ran report", || report(&raw, "report.txt"));
    a.add_bytes("other", "two").unwrap();
    drop((a, raw));
    let a = offline(&machines, "a");
    a.ok("ran report", || report(&a.file("other")?, "report.txt"));
    assert_eq!(text(&a, "report.txt"), "report of two");
    drop(a);
    let a = machines.machine("a");
    let pushed = a.push(&[]).unwrap();
    assert!(pushed.items.iter().all(|row| row.outcome == PushOutcome::Sent), "{pushed:?}");
    assert_eq!(versions(&machines.machine("b"), "report.txt"), ["report of two", "report of one"]);
}

#[test]
fn a_remote_that_is_away_is_said_and_what_is_here_is_used() {
    let machines = Machines::new();
    let a = machines.machine("a");
    a.add_bytes("x.txt", "one").unwrap();
    a.replacing().add_bytes("x.txt", "two").unwrap();
    a.add_bytes("y.txt", "y").unwrap();
    drop(a);
    let away = machines.remote().with_extension("away");
    std::fs::rename(machines.remote(), &away).unwrap();
    std::fs::write(machines.remote(), "no folder").unwrap();
    let a = machines.machine("a");
    assert_eq!((text(&a, "x.txt"), text(&a, "y.txt")), ("two".to_owned(), "y".to_owned()));
    let unchecked: Vec<String> = a
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Unchecked { uid, .. } => Some(uid.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(unchecked, ["x.txt", "y.txt"]);
}

#[test]
fn a_name_that_was_removed_elsewhere_and_replaced_here_offline_is_there_again() {
    let machines = Machines::new();
    machines.machine("a").add_bytes("x.txt", "one").unwrap();
    offline(&machines, "a").replacing().add_bytes("x.txt", "two").unwrap();
    machines.machine("b").remove("x.txt").unwrap();
    let a = machines.machine("a");
    assert_eq!(text(&a, "x.txt"), "two");
    a.push(&[]).unwrap();
    assert_eq!(versions(&machines.machine("c"), "x.txt"), ["two"]);
    assert_eq!(versions(&machines.machine("a"), "x.txt"), ["two"]);
}

#[test]
fn a_removed_name_is_gone_on_every_machine_with_all_its_versions() {
    let machines = Machines::new();
    let a = machines.machine("a");
    a.add_bytes("x.txt", "one").unwrap();
    a.replacing().add_bytes("x.txt", "two").unwrap();
    let b = machines.machine("b");
    assert_eq!(versions(&b, "x.txt"), ["two", "one"]);
    a.remove("x.txt").unwrap();
    let b = machines.machine("b");
    b.pull(&[]).unwrap();
    assert!(!b.exists("x.txt").unwrap());
    b.add_bytes("x.txt", "anew").unwrap();
    assert_eq!(versions(&machines.machine("a"), "x.txt"), ["anew"]);
    for name in ["a", "b"] {
        assert!(machines.machine(name).verify(Verify::default(), &[]).unwrap().findings.is_empty());
    }
}

#[test]
fn a_mirror_gets_all_versions_in_order_and_what_is_asked_for_alone() {
    let machines = Machines::new();
    let a = machines.machine("a");
    for raw in ["one", "two", "three"] {
        a.replacing().add_bytes("raw.csv", raw).unwrap();
        a.ok("ran report", || report(&a.file("raw.csv")?, "report.txt"));
    }
    let folder = tempfile::tempdir().unwrap();
    for which in [&[][..], &["report.txt"]] {
        let to = format!("file://{}", folder.path().join(which.len().to_string()).display());
        let mirrored = a.mirror(&Mirror::to(&to), which).unwrap();
        assert!(mirrored.items.iter().all(|row| row.outcome == MirrorOutcome::Copied), "{mirrored:?}");
        assert!(a.mirror(&Mirror::to(&to), which).unwrap().items.is_empty());
        let home = folder.path().join(format!("home {}", which.len()));
        let copy = Lake::builder().home(home).remote(&to).open().unwrap();
        assert_eq!(versions(&copy, "report.txt"), ["report of three", "report of two", "report of one"]);
        assert_eq!(versions(&copy, "raw.csv"), ["three", "two", "one"]);
        assert!(copy.verify(Verify::default(), &[]).unwrap().findings.is_empty());
        let up = copy.upstream("report.txt@{2}", 9).unwrap();
        assert_eq!(up.nodes.len(), 2, "{up:?}");
    }
}

#[test]
fn pull_brings_versions_and_they_are_there_offline() {
    let machines = Machines::new();
    let a = machines.machine("a");
    for raw in ["one", "two"] {
        a.replacing().add_bytes("raw.csv", raw).unwrap();
        a.ok("ran report", || report(&a.file("raw.csv")?, "report.txt"));
    }
    machines.machine("b").pull(&[]).unwrap();
    let b = offline(&machines, "b");
    assert_eq!(versions(&b, "raw.csv"), ["two", "one"]);
    assert_eq!(versions(&b, "report.txt"), ["report of two", "report of one"]);
    b.ok("hit report", || report(&b.file("raw.csv@{1}")?, "report.txt"));
    machines.machine("c").pull(&["report.txt"]).unwrap();
    let c = offline(&machines, "c");
    assert_eq!((text(&c, "report.txt"), c.log("report.txt").unwrap().versions.len()), ("report of two".to_owned(), 2));
    // A machine that has some versions alone does not guess which is which.
    let a = machines.machine("a");
    a.replacing().add_bytes("raw.csv", "three").unwrap();
    assert_eq!(text(&machines.machine("d"), "raw.csv"), "three");
    let d = offline(&machines, "d");
    assert_eq!(text(&d, "raw.csv"), "three");
    let says = ["not all versions of `raw.csv`", "datlake pull raw.csv"];
    check_error(d.file("raw.csv@{1}"), ErrorKind::Unavailable, &says);
}

#[test]
fn a_version_that_is_damaged_hides_itself_and_is_found() {
    let machines = Machines::new();
    let a = machines.machine("a");
    a.add_bytes("x.txt", "one").unwrap();
    a.replacing().add_bytes("x.txt", "two").unwrap();
    let entry = crate::support::files_below(&machines.remote().join("names")).remove(0);
    crate::support::overwrite(&entry, |bytes| bytes[40] ^= 1);
    let verified = a.verify(Verify::default(), &[]).unwrap();
    assert!(verified.findings.iter().any(|finding| finding.kind == FindingKind::DamagedDocument), "{verified:?}");
    let path = entry.strip_prefix(machines.remote()).unwrap().to_str().unwrap().to_owned();
    a.repair(&path).unwrap();
    assert!(a.verify(Verify::default(), &[]).unwrap().findings.is_empty());
    assert_eq!(versions(&machines.machine("b"), "x.txt"), ["two", "one"]);
}
