//! Looking through a lake, healing it, and taking content off a machine.

use std::fs;
use std::path::Path;

use datlake::report::{Finding, FindingKind, RepairOutcome};
use datlake::{ErrorKind, Evict, File, Lake, Result, Side, Tree, Verify, file_creator};

use crate::support::{Machines, blob_in, check_error, files_below, lake, overwrite};

#[file_creator]
fn shout(text: &str) -> Result<File> {
    File::from_bytes("shout.txt", text.to_uppercase())
}

#[file_creator]
fn named(text: &str, output_uid: &str) -> Result<File> {
    File::from_bytes(output_uid, text)
}

#[file_creator]
fn letters(text: &str) -> Result<(Tree, Vec<u64>)> {
    let mut tree = Tree::create("letters")?;
    for letter in text.chars() {
        tree.add_bytes(&format!("{letter}.txt"), letter.to_string())?;
    }
    Ok((tree.finish()?, (0..20_000).collect()))
}

#[file_creator]
fn numbers(count: u64) -> Result<Vec<u64>> {
    Ok((0..count).collect())
}

/// What is found, in short.
fn found(lake: &Lake, how: Verify, which: &[&str]) -> Vec<(FindingKind, Side, String)> {
    let findings = lake.verify(how, which).unwrap().findings;
    findings.into_iter().map(|finding| (finding.kind, finding.place, finding.what)).collect()
}

fn all(lake: &Lake) -> Vec<(FindingKind, Side, String)> {
    found(lake, Verify::default(), &[])
}

fn outcomes(lake: &Lake, uid: &str) -> Vec<RepairOutcome> {
    lake.repair(uid).unwrap().items.into_iter().map(|item| item.outcome).collect()
}

use FindingKind::{DamagedDocument, Dangling, MissingContent, WrongBytes};
use Side::{Local, Remote};

#[test]
fn a_lake_that_is_whole_has_no_findings_and_every_byte_is_read() {
    let machines = Machines::new();
    let a = machines.machine("a");
    a.add_bytes("a.txt", "some").unwrap();
    a.ok("ran letters, ran named, ran shout", || {
        shout("x")?;
        letters("abc")?;
        named("x", "out.txt")
    });
    let verified = a.verify(Verify::default(), &[]).unwrap();
    let blobs = files_below(&a.home().join("blobs")).len() as u64;
    assert_eq!((verified.findings, verified.read), (vec![], 2 * blobs));
    assert_eq!(a.verify(Verify::default().side(Side::Local), &[]).unwrap().read, blobs);
    assert_eq!(a.verify(Verify::default().side(Side::Remote).sample(2), &[]).unwrap().read, 2);
    assert_eq!(
        a.verify(Verify::default(), &["out.txt"]).unwrap().read,
        6,
        "the file, Cargo.lock and the table of its code, on both sides"
    );
    assert_eq!(all(&machines.machine("b")), []);
}

#[test]
fn wrong_bytes_are_found_on_either_side_also_under_an_intact_seal_and_healed_from_the_other() {
    let machines = Machines::new();
    let a = machines.machine("a");
    let file = a.add_bytes("a.txt", "some bytes").unwrap();
    for (root, place, outcome) in
        [(a.home().to_owned(), Local, RepairOutcome::Fetched), (machines.remote(), Remote, RepairOutcome::Sent)]
    {
        for length in [10, 3] {
            let blob = blob_in(&root, &file);
            let time = fs::metadata(&blob).unwrap().modified().unwrap();
            overwrite(&blob, |bytes| *bytes = vec![b'x'; length]);
            fs::File::options().write(true).open(&blob).unwrap().set_modified(time).unwrap();
            assert_eq!(all(&a), [(WrongBytes, place, "a.txt".to_owned())], "{length}");
            assert_eq!(outcomes(&a, "a.txt"), [outcome]);
            assert_eq!(all(&a), []);
            assert_eq!(outcomes(&a, "a.txt"), [RepairOutcome::Intact]);
        }
    }
    assert_eq!(machines.machine("b").file("a.txt").unwrap().read().unwrap(), b"some bytes");
}

#[test]
fn missing_content_is_found_and_named_with_what_to_do() {
    let lake = lake();
    let _current = lake.enter();
    let made = shout("x").unwrap();
    let uid = made.uid().unwrap().to_string();
    fs::remove_file(lake.blob_of(&made)).unwrap();
    assert_eq!(all(&lake), [(MissingContent, Local, uid.clone())]);
    // The call is a hit all the same, and reading is an error.
    let file = shout("x").unwrap();
    check_error(file.read(), ErrorKind::MissingBlob, &[&uid, "shout/", &format!("datlake repair {uid}")]);
    let repaired = lake.repair(&uid).unwrap();
    assert_eq!(repaired.items[0].outcome, RepairOutcome::Lost);
    check_error(repaired.healed(), ErrorKind::MissingBlob, &["shout::call(…).force()"]);
    // As it said.
    shout::call("x").force().unwrap();
    assert_eq!((all(&lake), file.read_to_string().unwrap().as_str()), (vec![], "X"));
}

#[test]
fn adding_the_same_bytes_again_heals_what_is_damaged() {
    let lake = lake();
    let file = lake.add_bytes("a.txt", "some bytes").unwrap();
    for length in [10, 3] {
        overwrite(&lake.blob_of(&file), |bytes| *bytes = vec![b'x'; length]);
        check_error(file.read(), ErrorKind::Corrupt, &["a.txt", "datlake repair a.txt"]);
        lake.add_bytes("a.txt", "some bytes").unwrap();
        assert_eq!(file.read().unwrap(), b"some bytes");
    }
    // Also of a tree, and of other names.
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("x"), "some bytes").unwrap();
    overwrite(&lake.blob_of(&file), |bytes| bytes.push(b'x'));
    lake.add_tree("tree", folder.path()).unwrap();
    assert_eq!(file.read().unwrap(), b"some bytes");
    assert_eq!(all(&lake), []);
}

#[test]
fn damaged_documents_and_names_that_show_nothing_are_found_one_by_one() {
    let lake = lake();
    let _current = lake.enter();
    shout("x").unwrap();
    named("y", "out.txt").unwrap();
    named("z", "left.txt").unwrap();
    lake.add_bytes("bad.txt", "bad").unwrap();
    lake.add_bytes("good.txt", "good").unwrap();
    overwrite(&lake.record_of("shout"), |bytes| bytes.truncate(20));
    overwrite(&lake.home().join("files/bad.txt.datlake"), |bytes| bytes[30] ^= 1);
    let records = files_below(&lake.home().join("calls"));
    let of_left = records.iter().find(|path| fs::read_to_string(path).unwrap().contains("left.txt")).unwrap();
    fs::remove_file(of_left).unwrap();
    let found = all(&lake.reopened());
    let kinds =
        |kind| found.iter().filter(|(found, ..)| *found == kind).map(|(.., what)| what.as_str()).collect::<Vec<_>>();
    assert_eq!(kinds(Dangling), ["left.txt"]);
    assert_eq!(kinds(DamagedDocument).len(), 2, "{found:?}");
    assert!(kinds(DamagedDocument).contains(&"bad.txt"));
    assert_eq!(found.len(), 3, "{found:?}");

    // A listing names the damaged one, and loses none of the rest.
    let list = lake.reopened().list("").unwrap();
    assert_eq!(list.iter().map(File::to_string).collect::<Vec<_>>(), ["good.txt", "out.txt"]);
    assert_eq!(list.damaged().iter().map(|damage| damage.what.as_str()).collect::<Vec<_>>(), ["bad.txt"]);
    check_error(list.whole(), ErrorKind::Corrupt, &["bad.txt"]);
}

#[test]
fn what_ended_processes_left_is_counted() {
    let lake = lake();
    lake.add_bytes("a.txt", "some").unwrap();
    assert_eq!(all(&lake), []);
    fs::create_dir(lake.home().join("tmp/999999-0123456789abcdef")).unwrap();
    assert_eq!(lake.verify(Verify::default(), &[]).unwrap().stale, 1);
    assert_eq!(all(&lake), []);
}

#[test]
fn a_tree_is_healed_file_by_file() {
    let machines = Machines::new();
    let a = machines.machine("a");
    let _current = a.enter();
    let (tree, _) = letters("abc").unwrap();
    let uid = tree.as_file().uid().unwrap().to_string();
    for file in [tree.as_file(), &tree.get("b.txt").unwrap()] {
        overwrite(&a.blob_of(file), |bytes| bytes.push(b'!'));
    }
    fs::remove_file(blob_in(&machines.remote(), &tree.get("c.txt").unwrap())).unwrap();
    let mut done = outcomes(&a, &uid);
    done.sort_by_key(|outcome| format!("{outcome:?}"));
    use RepairOutcome::{Fetched, Intact, Sent};
    // The tree and `b.txt`; `a.txt` and the range; `c.txt`.
    assert_eq!(done, [Fetched, Fetched, Intact, Intact, Sent]);
    assert_eq!(all(&a), []);
}

/// The size is what it should be, and the bytes are not: at the beginning, or at the end.
#[test]
fn content_that_the_remote_has_with_other_bytes_is_not_evicted() {
    let machines = Machines::new();
    let a = machines.machine("a");
    let files = ["small", "begin", "end", "whole"].map(|name| {
        let size = if name == "small" { 1 } else { 100_000 };
        a.add_bytes(&format!("{name}.txt"), name.repeat(size)).unwrap()
    });
    for (file, at) in files.iter().zip([2, 7, 299_990]) {
        overwrite(&blob_in(&machines.remote(), file), |bytes| bytes[at] ^= 1);
    }
    let evicted = a.evict(Evict::To(0)).unwrap();
    let mut differing: Vec<_> = files[..3].iter().map(File::digest).collect();
    let mut found = evicted.differing.clone();
    differing.sort();
    found.sort();
    assert_eq!((evicted.blobs, found), (1, differing));
    for file in &files {
        assert_eq!(file.read_to_string().unwrap().len() as u64, file.len());
    }
}

#[test]
fn evicted_content_comes_again_and_readers_and_paths_do_not_notice() {
    let machines = Machines::new();
    let a = machines.machine("a");
    let _current = a.enter();
    let file = a.add_bytes("a.txt", vec![1; 1000]).unwrap();
    let pathed = a.add_bytes("pathed.txt", "by path").unwrap();
    let (tree, _) = letters("abc").unwrap();
    let mut reader = file.open().unwrap();
    let path = pathed.path().unwrap();
    assert_eq!(a.evict(Evict::OlderThan(std::time::Duration::from_secs(3600))).unwrap().blobs, 0);
    let evicted = a.evict(Evict::To(0)).unwrap();
    // What a path leads to would not give anything free.
    assert_eq!((evicted.left, file.is_local().unwrap(), pathed.is_local().unwrap()), (7, false, true), "{evicted:?}");
    let mut read = Vec::new();
    std::io::Read::read_to_end(&mut reader, &mut read).unwrap();
    assert_eq!((read, fs::read_to_string(path).unwrap().as_str()), (vec![1; 1000], "by path"));
    assert_eq!(a.verify(Verify::default(), &[]).unwrap().findings, []);
    a.happened();
    a.ok("downloaded a.txt", || file.read());
    assert_eq!(tree.get("a.txt").unwrap().read_to_string().unwrap(), "a");
    assert_eq!(letters("abc").unwrap().1.len(), 20_000);
    assert_eq!(a.evict(Evict::To(1 << 30)).unwrap().blobs, 0);
}

#[test]
fn what_the_remote_does_not_name_or_have_is_not_evicted() {
    let machines = Machines::new();
    let a = machines.machine("a");
    let there = a.add_bytes("there.txt", "there").unwrap();
    let lost = a.add_bytes("lost.txt", "lost").unwrap();
    let removed = a.add_bytes("removed.txt", "removed").unwrap();
    fs::remove_file(blob_in(&machines.remote(), &lost)).unwrap();
    machines.machine("b").remove("removed.txt").unwrap();
    let off = machines.builder("a").offline(true).open().unwrap();
    let own = off.add_bytes("own.txt", "own").unwrap();
    check_error(off.evict(Evict::To(0)), ErrorKind::Config, &["offline"]);
    let evicted = machines.machine("a").evict(Evict::To(0)).unwrap();
    assert_eq!((evicted.blobs, evicted.bytes), (1, 5));
    assert!(!there.is_local().unwrap());
    for file in [lost, removed, own] {
        assert!(file.is_local().unwrap(), "{file}");
    }
    check_error(lake().evict(Evict::To(0)), ErrorKind::Config, &["no remote"]);
}

#[test]
fn of_a_remote_that_was_not_asked_nothing_is_told() {
    let machines = Machines::new();
    let a = machines.machine("a");
    let file = a.add_bytes("a.txt", "some").unwrap();
    let off = machines.builder("a").offline(true).open().unwrap();
    let remote = Verify::default().side(Side::Remote);
    check_error(off.verify(remote, &[]), ErrorKind::Config, &["the lake is offline"]);
    check_error(lake().verify(remote, &[]), ErrorKind::Config, &["DATLAKE_REMOTE"]);
    assert_eq!(found(&off, Verify::default(), &[]), []);
    for damage in [|bytes: &mut Vec<u8>| bytes.push(b'x'), |bytes: &mut Vec<u8>| bytes.clear()] {
        overwrite(&a.blob_of(&file), damage);
        assert_eq!(outcomes(&off, "a.txt"), [RepairOutcome::Unasked]);
        check_error(off.repair("a.txt").unwrap().healed(), ErrorKind::MissingBlob, &["a.txt", "was not asked"]);
        assert_eq!(outcomes(&machines.machine("a"), "a.txt"), [RepairOutcome::Fetched]);
    }
}

/// What a finding says to run.
fn hinted(error: &str) -> &str {
    error.split_once("`datlake repair ").and_then(|(_, rest)| rest.split_once('`')).map_or("", |(uid, _)| uid)
}

/// Whether a blob says what is in a tree.
fn is_list(blob: &Path) -> bool {
    fs::read(blob).unwrap().starts_with(b"datlake ")
}

#[test]
fn what_verify_says_to_run_heals_also_what_is_no_file() {
    let machines = Machines::new();
    let a = machines.machine("a");
    a.add_bytes("a.txt", "some").unwrap();
    let (tree, _) = a.ok("ran letters", || letters("abc"));
    for root in [a.home().to_owned(), machines.remote()] {
        let (lists, blobs): (Vec<_>, _) = files_below(&root.join("blobs")).into_iter().partition(|path| is_list(path));
        assert!(lists.len() == 2 && lists.contains(&blob_in(&root, tree.as_file())), "a tree and its range");
        assert_eq!(blobs.len(), 7, "a file, three in a tree, a value, Cargo.lock and a table of code");
        blobs.iter().for_each(|blob| overwrite(blob, |bytes| bytes[0] ^= 1));
        let findings = a.verify(Verify::default(), &[]).unwrap().findings;
        assert_eq!(findings.len(), blobs.len(), "{findings:?}");
        let heal = |finding: &Finding| {
            let repaired = a.repair(hinted(&finding.error)).unwrap_or_else(|e| panic!("{e}: {finding:?}"));
            assert!(repaired.healed().is_ok(), "{repaired:?}");
        };
        findings.iter().for_each(heal);
        assert_eq!(all(&a), []);
        for document in [files_below(&root.join("files")), files_below(&root.join("calls"))].concat() {
            overwrite(&document, |bytes| bytes[60] ^= 1);
            let a = machines.machine("a");
            heal(&a.verify(Verify::default(), &[]).unwrap().findings[0]);
            assert_eq!(all(&a), []);
        }
        // What hides what the others are.
        for list in lists {
            overwrite(&list, |bytes| bytes[0] ^= 1);
            heal(&a.verify(Verify::default(), &[]).unwrap().findings[0]);
            assert_eq!(all(&a), []);
        }
    }
    // What nobody names, nobody heals; but that nobody names it is known only where all can be read.
    let orphan = machines.remote().join(format!("blobs/00/{}", "0".repeat(64)));
    fs::create_dir_all(orphan.parent().unwrap()).unwrap();
    fs::write(orphan, "x").unwrap();
    let findings = a.verify(Verify::default(), &[]).unwrap().findings;
    assert!(
        findings[0].error.contains("`datlake gc` removes it") && hinted(&findings[0].error).is_empty(),
        "{findings:?}"
    );
    overwrite(&machines.remote().join("files/a.txt.datlake"), |bytes| bytes[60] ^= 1);
    let findings = machines.machine("a").verify(Verify::default().side(Side::Remote), &[]).unwrap().findings;
    assert_eq!(findings.len(), 2, "{findings:?}");
    assert!(findings.iter().all(|finding| !finding.error.contains("`datlake gc`")), "{findings:?}");
}

#[test]
fn what_to_do_about_a_lost_value_is_said_and_works() {
    let lake = lake();
    lake.ok("ran letters", || letters("abc"));
    let mut blobs = files_below(&lake.home().join("blobs"));
    blobs.retain(|blob| !is_list(blob));
    blobs.iter().for_each(|blob| fs::remove_file(blob).unwrap());
    let lake = lake.reopened();
    let findings = lake.verify(Verify::default(), &[]).unwrap().findings;
    let value = findings.iter().find(|finding| finding.what.contains("return value")).unwrap();
    let repaired = lake.repair(hinted(&value.error)).unwrap();
    assert_eq!(repaired.items.iter().filter(|item| item.outcome == RepairOutcome::Lost).count(), 4);
    let alone = lake.ok("ran numbers", || numbers(20_000).map(|_| numbers::call(20_000).lineage().unwrap().unwrap()));
    assert!(alone.outputs.is_empty());
    files_below(&lake.home().join("blobs")).iter().for_each(|blob| fs::remove_file(blob).unwrap());
    let call = format!("@{}/{}", alone.creator, alone.key);
    check_error(lake.repair(&call).unwrap().healed(), ErrorKind::MissingBlob, &["remove call", "and make it again"]);
    let removal = lake.removal(&[&call]).unwrap();
    assert_eq!((removal.asked.len(), removal.files().count()), (1, 0));
    assert_eq!(lake.apply(&removal, false).unwrap()[0].as_str(), format!("{call}/0"));
    check_error(lake.removal(&[&call]), ErrorKind::NotFound, &["has not been made or was removed"]);
    lake.remove(repaired.uid.as_str()).unwrap();
    lake.ok("ran letters, ran numbers", || letters("abc").and(numbers(20_000)));
    assert_eq!(all(&lake), []);
}

/// Files are found by their range: what another range leads to is of no use to it.
#[test]
fn a_second_range_without_locations_is_found() {
    let lake = lake();
    let folder = tempfile::tempdir().unwrap();
    let file = |at: usize| format!("{at:03}.txt");
    (0..200).for_each(|at| fs::write(folder.path().join(file(at)), format!("content {at}")).unwrap());
    lake.add_tree("first", folder.path()).unwrap();
    let first = files_below(&lake.home().join("locations"));
    fs::write(folder.path().join("more.txt"), "more").unwrap();
    lake.add_tree("second", folder.path()).unwrap();
    let mut locations = files_below(&lake.home().join("locations"));
    locations.retain(|at| !first.contains(at));
    assert_eq!(locations.len(), 1);
    fs::remove_file(&locations[0]).unwrap();
    let lake = lake.reopened();
    let tree = Tree::try_from(lake.file("second").unwrap()).unwrap();
    check_error(tree.get(&file(5)).unwrap().read(), ErrorKind::MissingBlob, &[&file(5)]);
    let found = lake.verify(Verify::default(), &[]).unwrap().findings;
    let of = |tree: &str| found.iter().filter(|finding| finding.what.starts_with(tree)).count();
    assert_eq!((of("first"), of("second"), found.len()), (0, 201, 201), "{found:?}");
    assert!(found.iter().all(|finding| finding.kind == FindingKind::MissingContent), "{found:?}");
}
