//! Content that only an earlier remote has is there, and not lost.

use datlake::report::{FindingKind, RepairOutcome};
use datlake::{Error, ErrorKind, Evict, Lake, Result, Verify, file_creator};

use crate::support::{Machines, Watched, check_error};

#[file_creator]
fn numbers(count: u64) -> Result<Vec<u64>> {
    Ok((0..count).map(|n| n * n).collect())
}

/// A home whose content was evicted, without its remote.
fn without_remote(machines: &Machines) -> Watched {
    let a = machines.machine("a");
    a.add_bytes("a.txt", "to be or").unwrap();
    a.ok("ran numbers", || numbers(5000));
    assert!(a.evict(Evict::To(0)).unwrap().blobs >= 2);
    Watched::open(Lake::builder().home(a.home()))
}

#[track_caller]
fn check(error: Error, at: &str) {
    let hint = error.hint().unwrap_or_default().to_owned();
    check_error(Err::<(), _>(error), ErrorKind::MissingBlob, &[at, "which is not configured"]);
    assert!(hint.contains("DATLAKE_REMOTE"), "{hint}");
}

#[test]
fn what_was_evicted_to_a_remote_that_is_not_configured_is_there() {
    let machines = Machines::new();
    let lake = without_remote(&machines);
    let at = format!("at file://{}", machines.remote().display());
    let file = lake.file("a.txt").unwrap();
    check(file.read().unwrap_err(), &at);
    check(lake.check("nothing", || numbers(5000)).unwrap_err(), &at);
    let info = lake.info("a.txt").unwrap();
    assert!(info.row.elsewhere.unwrap().starts_with(&at));
    let findings = lake.verify(Verify::default(), &[]).unwrap().findings;
    assert!(findings.iter().any(|finding| finding.kind == FindingKind::Elsewhere && finding.error.contains(&at)));
    assert!(findings.iter().all(|finding| finding.kind == FindingKind::Elsewhere), "{findings:?}");
    let repaired = lake.repair("a.txt").unwrap();
    assert_eq!(repaired.items[0].outcome, RepairOutcome::Elsewhere);
    check(repaired.healed().unwrap_err(), &at);
    // With that remote nothing is wrong.
    let again = machines.machine("a");
    assert_eq!(again.file("a.txt").unwrap().read_to_string().unwrap(), "to be or");
    assert_eq!(again.info("a.txt").unwrap().row.elsewhere, None);
}

#[test]
fn a_store_that_cannot_be_seen_may_have_it_and_one_that_has_it_not_does_not() {
    let machines = Machines::new();
    let lake = without_remote(&machines);
    let file = lake.file("a.txt").unwrap();
    let remote = machines.remote();
    let away = remote.with_extension("away");
    std::fs::rename(&remote, &away).unwrap();
    check(file.read().unwrap_err(), &format!("perhaps at file://{}", remote.display()));
    std::fs::rename(&away, &remote).unwrap();
    std::fs::remove_dir_all(remote.join("blobs")).unwrap();
    check_error(file.read(), ErrorKind::MissingBlob, &["is missing from the lake"]);
    assert_eq!(lake.repair("a.txt").unwrap().items[0].outcome, RepairOutcome::Lost);
}

#[test]
fn another_remote_that_has_it_not_does_not_hide_the_one_that_has() {
    let machines = Machines::new();
    drop(without_remote(&machines));
    let dir = tempfile::tempdir().unwrap();
    let url = format!("file://{}", dir.path().join("other").display());
    let lake = Lake::builder().home(machines.machine("a").home()).remote(url).open().unwrap();
    check(lake.file("a.txt").unwrap().read().unwrap_err(), &format!("at file://{}", machines.remote().display()));
}
