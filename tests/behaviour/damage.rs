//! What was cut short, edited or lost in a lake's directory: an error that names the object, never a miss and never handed
//! on.

use std::fs;
use std::path::Path;

use datlake::report::{FindingKind, RepairOutcome};
use datlake::{Collect, ErrorKind, File, Lake, Result, Side, Tree, Verify, file_creator};

use crate::support::{Machines, Watched, blob_in, check_error, files_below, forge, lake, overwrite};

#[file_creator]
fn summary(text: &str) -> Result<(String, File)> {
    Ok((text.to_uppercase(), File::from_bytes("summary.txt", text)?))
}

#[file_creator]
fn published(text: &str, output_uid: &str) -> Result<File> {
    File::from_bytes(output_uid, text)
}

#[file_creator]
fn long(length: usize) -> Result<Vec<u64>> {
    Ok((0..length as u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect())
}

/// The path of an object of the lake, as messages call it.
fn name<'a>(lake: &Lake, path: &'a Path) -> &'a str {
    path.strip_prefix(lake.home()).unwrap().to_str().unwrap()
}

#[test]
fn a_record_that_was_cut_short_or_edited_is_an_error_and_no_miss() {
    let lake = lake();
    let (_, file) = lake.ok("ran summary", || summary("text"));
    let uid = file.uid().unwrap().as_str();
    let record = lake.record_of("summary");
    let intact = fs::read(&record).unwrap();
    let check = |bytes: &[u8]| {
        overwrite(&record, |there| *there = bytes.to_vec());
        let later = lake.reopened();
        let says = [name(&lake, &record), "damaged", "remove it"];
        later.fails("nothing", ErrorKind::Corrupt, &says, || summary("text"));
        check_error(later.file(uid), ErrorKind::Corrupt, &says);
        later.fails("nothing", ErrorKind::Corrupt, &says, || summary::call("text").status());
        later.fails("nothing", ErrorKind::Corrupt, &says, || summary::call("text").force());
        assert_eq!(fs::read(&record).unwrap(), bytes, "it was touched");
    };
    for length in [0, 1, intact.len() / 2, intact.len() - 100, intact.len() - 1] {
        check(&intact[..length]);
    }
    for at in (0..intact.len()).step_by(97) {
        let mut bytes = intact.clone();
        bytes[at] ^= 1;
        check(&bytes);
    }
    check(&[&intact[..], b"x"].concat());
    check(&intact.repeat(2));
    check(b"not a document at all\n");
    // Edited by hand, as people would.
    check(String::from_utf8(intact.clone()).unwrap().replace("\"text\"", "\"test\"").as_bytes());

    overwrite(&record, |there| *there = intact);
    lake.reopened().ok("hit summary", || summary("text"));
    // The way on that the error told.
    fs::remove_file(&record).unwrap();
    lake.reopened().ok("ran summary", || summary("text"));
}

#[test]
fn one_bad_record_is_no_obstacle_to_other_calls() {
    let lake = lake();
    lake.ok("ran summary ×2", || summary("a").and(summary("b")));
    let records = files_below(&lake.home().join("calls"));
    overwrite(&records[0], |bytes| bytes.truncate(10));
    let later = lake.reopened();
    let _current = later.enter();
    let ended = [summary("a"), summary("b")].map(|result| result.is_ok());
    assert!(ended.contains(&true) && ended.contains(&false));
    summary("c").unwrap();
    // What is compared with is what can be read.
    assert!(summary::call("d").explain().unwrap().to_string().contains("would run"));
}

#[test]
fn a_record_in_the_place_of_another_is_an_error() {
    let lake = lake();
    lake.ok("ran summary ×2", || summary("a").and(summary("b")));
    let [a, b] = &*files_below(&lake.home().join("calls")) else { panic!("two records") };
    let bytes = fs::read(a).unwrap();
    overwrite(b, |there| *there = bytes);
    let later = lake.reopened();
    let _current = later.enter();
    let failed = summary("a").and(summary("b"));
    check_error(failed, ErrorKind::Corrupt, &[name(&lake, b), "another call"]);
}

#[test]
fn a_record_of_a_newer_format_is_told_from_damage() {
    let lake = lake();
    lake.ok("ran summary", || summary("text"));
    let record = lake.record_of("summary");
    forge(&record, |body| body.replace("\"format\":1", "\"format\":2"));
    let says = [name(&lake, &record), "newer datlake", "format 2"];
    lake.reopened().fails("nothing", ErrorKind::Format, &says, || summary("text"));
}

#[test]
fn a_value_that_was_forged_does_not_count() {
    // Whoever writes digests too can write a record; but not give a value that is not the one the record names.
    let lake = lake();
    lake.ok("ran summary", || summary("text"));
    let record = lake.record_of("summary");
    forge(&record, |body| {
        let at = body.find("\"inline\":\"").unwrap() + 14;
        let other = if &body[at..=at] == "A" { "B" } else { "A" };
        format!("{}{other}{}", &body[..at], &body[at + 1..])
    });
    let later = lake.reopened();
    assert_eq!(later.ok("ran summary", || summary("text")).0, "TEXT");
}

#[test]
fn a_name_that_was_cut_short_or_edited_is_an_error() {
    let lake = lake();
    lake.add_bytes("data/in.txt", "in").unwrap();
    lake.ok("ran published", || published("text", "data/out.txt"));
    for path in files_below(&lake.home().join("files")) {
        let intact = fs::read(&path).unwrap();
        let uid = name(&lake, &path).strip_prefix("files/").unwrap().strip_suffix(".datlake").unwrap();
        for damage in
            [(|bytes: &mut Vec<u8>| bytes.truncate(20)) as fn(&mut Vec<u8>), |bytes| bytes[50] ^= 1, Vec::clear]
        {
            overwrite(&path, damage);
            let later = lake.reopened();
            let says = [name(&lake, &path), "damaged"];
            check_error(later.file(uid), ErrorKind::Corrupt, &says);
            check_error(later.exists(uid), ErrorKind::Corrupt, &says);
            check_error(later.create(uid), ErrorKind::Corrupt, &says);
            check_error(later.add_bytes(uid, "in"), ErrorKind::Corrupt, &says);
            overwrite(&path, |bytes| bytes.clone_from(&intact));
        }
        assert!(lake.reopened().file(uid).is_ok());
    }
}

#[test]
fn a_value_kept_apart_that_is_damaged_or_lost_is_an_error() {
    let lake = lake();
    let values = lake.ok("ran long", || long(10_000));
    let lock_text = |path: &Path| String::from_utf8(fs::read(path).unwrap()).is_ok();
    let blobs = files_below(&lake.home().join("blobs"));
    let [value] = &*blobs.into_iter().filter(|path| !lock_text(path)).collect::<Vec<_>>() else { panic!("one value") };
    let digest = value.file_name().unwrap().to_str().unwrap();
    for damage in [(|bytes: &mut Vec<u8>| bytes[5000] ^= 1) as fn(&mut Vec<u8>), |bytes| bytes.truncate(5000)] {
        let intact = fs::read(value).unwrap();
        overwrite(value, damage);
        lake.reopened().fails("nothing", ErrorKind::Corrupt, &[digest, "return value", "long"], || long(10_000));
        overwrite(value, |bytes| bytes.clone_from(&intact));
    }
    assert_eq!(lake.reopened().ok("hit long", || long(10_000)), values);
    fs::remove_file(value).unwrap();
    lake.reopened().fails("nothing", ErrorKind::MissingBlob, &[digest, "missing"], || long(10_000));
}

#[test]
fn a_forced_run_puts_back_a_value_that_is_lost_or_damaged() {
    let lake = lake();
    let values = lake.ok("ran long", || long(10_000));
    let blobs = files_below(&lake.home().join("blobs"));
    let is_text = |path: &Path| String::from_utf8(fs::read(path).unwrap()).is_ok();
    let [value] = &*blobs.into_iter().filter(|path| !is_text(path)).collect::<Vec<_>>() else { panic!("one value") };
    let force = || long::call(10_000).force();
    overwrite(value, |bytes| bytes[5000] ^= 1);
    assert_eq!(lake.reopened().ok("reproduced long", force), values);
    assert_eq!(lake.reopened().ok("hit long", || long(10_000)), values);
    fs::remove_file(value).unwrap();
    lake.reopened().fails("nothing", ErrorKind::MissingBlob, &["missing"], || long(10_000));
    assert_eq!(lake.reopened().ok("reproduced long", force), values);
    assert_eq!(lake.reopened().ok("hit long", || long(10_000)), values);
}

#[test]
fn a_blob_with_a_wrong_byte_never_gets_into_a_body() {
    let lake = lake();
    let input = lake.add_bytes("in.txt", "content").unwrap();
    #[file_creator]
    fn upper(file: &File) -> Result<String> {
        Ok(file.read_to_string()?.to_uppercase())
    }
    #[file_creator]
    fn opened(file: &File) -> Result<u64> {
        Ok(std::io::copy(&mut file.open()?, &mut std::io::sink())?)
    }
    let blob = lake.blob_of(&input);
    overwrite(&blob, |bytes| bytes[3] ^= 1);
    let says = ["in.txt", "damaged", &input.digest().to_string(), blob.to_str().unwrap()];
    lake.fails("failed upper", ErrorKind::Corrupt, &says, || upper(&input));
    lake.fails("failed opened", ErrorKind::Corrupt, &says, || opened(&input));
    lake.fails("nothing", ErrorKind::Corrupt, &says, || input.path());
    overwrite(&blob, |bytes| bytes[3] ^= 1);
    assert_eq!(lake.ok("ran upper", || upper(&input)), "CONTENT");
}

#[test]
fn a_blob_that_rotted_unseen_is_found_when_it_is_read() {
    // The disk failed: size and time are as they were.
    let lake = lake();
    let input = lake.add_bytes("in.txt", "content").unwrap();
    let blob = lake.blob_of(&input);
    let time = fs::metadata(&blob).unwrap().modified().unwrap();
    overwrite(&blob, |bytes| bytes[3] ^= 1);
    fs::File::open(&blob).unwrap().set_modified(time).unwrap();
    check_error(input.read(), ErrorKind::Corrupt, &["in.txt", "damaged", &input.digest().to_string()]);
    check_error(input.read_to_string(), ErrorKind::Corrupt, &["in.txt"]);
}

#[test]
fn a_manifest_that_is_none_is_an_error() {
    let lake = lake();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a"), "a").unwrap();
    let tree = lake.add_tree("tree", folder.path()).unwrap();
    overwrite(&lake.blob_of(tree.as_file()), |bytes| bytes[40] ^= 1);
    let later = lake.reopened();
    let _current = later.enter();
    check_error(Tree::get_uid("tree").and_then(|tree| tree.files()), ErrorKind::Corrupt, &["tree", "damaged"]);
}

#[test]
fn damage_in_the_remote_is_named_as_such_and_does_not_spread() {
    let machines = Machines::new();
    let a = machines.machine("a");
    a.add_bytes("in.txt", "in").unwrap();
    a.ok("ran published, ran summary", || summary("text").and(published("text", "out.txt")));
    let damaged = |folder: &str| {
        for path in files_below(&machines.remote().join(folder)) {
            overwrite(&path, |bytes| bytes[60] ^= 1);
        }
    };
    damaged("calls");
    let b = machines.machine("b");
    b.fails("nothing", ErrorKind::Corrupt, &["calls/", "::summary/", "damaged"], || summary("text"));
    b.fails("nothing", ErrorKind::Corrupt, &["calls/", "damaged"], || File::get("out.txt"));
    damaged("files");
    b.fails("nothing", ErrorKind::Corrupt, &["files/in.txt", "damaged"], || File::get("in.txt"));
    assert_eq!(b.visible(), (0, 0), "damage was copied");
    // Whoever has whole copies goes on.
    machines.machine("a").ok("hit published, hit summary", || summary("text").and(published("text", "out.txt")));
    damaged("files");
    damaged("calls");
    machines.machine("b").ok("hit published, hit summary", || summary("text").and(published("text", "out.txt")));
}

#[test]
fn a_damaged_tombstone_hides_its_own_removal_and_no_other() {
    let machines = Machines::new();
    let (a, b) = (machines.machine("a"), machines.machine("b"));
    for uid in ["one.txt", "other.txt"] {
        a.add_bytes(uid, uid).unwrap();
        b.file(uid).unwrap();
        a.remove(uid).unwrap();
    }
    let tombstones = files_below(&machines.remote().join("removed"));
    let of_one = tombstones.iter().find(|path| fs::read_to_string(path).unwrap().contains("one.txt")).unwrap();
    overwrite(of_one, |bytes| bytes.truncate(1));
    let b = machines.machine("b");
    b.add_bytes("new.txt", "new").unwrap();
    check_error(b.file("other.txt"), ErrorKind::NotFound, &["other.txt"]);
    assert!(b.remove("new.txt").is_ok() && b.push(&[]).is_ok());
    let found = b.verify(Verify::default().side(Side::Remote), &[]).unwrap().findings;
    assert_eq!((found.len(), found[0].kind), (1, FindingKind::DamagedDocument), "{found:?}");
    assert!(found[0].error.contains("removed/") && found[0].error.contains("damaged"), "{found:?}");
}

/// A tree of `lake` whose list of ranges is `metarange`, as somebody who writes to the lake by himself may leave it.
fn tree_of(lake: &Lake, uid: &str, metarange: &str) {
    lake.add_bytes(uid, metarange).unwrap();
    let name = lake.home().join(format!("files/{uid}.datlake"));
    forge(&name, |body| body.replace("\"size\":", "\"tree\":true,\"size\":"));
}

#[test]
fn a_tree_with_a_name_that_no_file_may_have_is_damage_of_that_tree_alone() {
    let digest = datlake::Digest::of(b"g");
    for line in [
        format!("f {digest} 1 ../evil"),
        format!("f {digest} 1 a//b"),
        format!("f {digest} x a"),
        "l a\t../evil".to_owned(),
        "l a\t/evil".to_owned(),
        "d ..".to_owned(),
        format!("f {digest} 1 b\nf {digest} 1 a"),
        // One path is a folder and something else, with another between.
        format!("f {digest} 1 a\nf {digest} 1 a!\nf {digest} 1 a/b"),
    ] {
        let lake = lake();
        lake.add_bytes("good.txt", "g").unwrap();
        let range = format!("datlake range 1\n{line}\n");
        let (of_range, size) = (lake.add_bytes("range", &range).unwrap().digest(), range.len());
        let last = if line.contains("a!") { "a/b" } else { "a" };
        tree_of(&lake, "evil", &format!("datlake tree 2\n{of_range} {size} 1 1 a\t{last}\n"));
        tree_of(&lake, "odd", "datlake tree 2\nno-digest 1 1 1 a\ta\n");
        let lake = lake.reopened();
        let rows = lake.list_files("").unwrap();
        assert_eq!(rows.files.iter().map(|row| row.uid.as_str()).collect::<Vec<_>>(), ["good.txt", "range"]);
        assert_eq!(rows.damaged.iter().map(|damage| &*damage.what).collect::<Vec<_>>(), ["evil", "odd"]);
        check_error(lake.collect(Collect::default()), ErrorKind::Corrupt, &["`files/", "repair or remove it first"]);
        remove_unreadable(&lake, &["evil", "odd"]);
        assert!(lake.collect(Collect::default()).is_ok());
    }
}

/// What was made from trees whose lists cannot be read is not known, and that has to be said before they go.
fn remove_unreadable(lake: &Lake, trees: &[&str]) {
    let removal = lake.removal(trees).unwrap();
    assert_eq!(removal.damaged.len(), trees.len());
    check_error(lake.apply(&removal, false), ErrorKind::InUse, &[trees[0], "is not known"]);
    assert_eq!(lake.apply(&removal, true).unwrap().len(), trees.len());
}

#[test]
fn a_tree_whose_list_is_lost_can_be_removed_and_collected_past() {
    let machines = Machines::new();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a"), "a").unwrap();
    for here in [true, false] {
        let a = if here { lake() } else { machines.machine("a") };
        let tree = a.add_tree("tree", folder.path()).unwrap();
        fs::remove_file(a.blob_of(tree.as_file())).unwrap();
        if !here {
            fs::remove_file(blob_in(&machines.remote(), tree.as_file())).unwrap();
        }
        let a = if here { a.reopened() } else { machines.machine("a") };
        check_error(a.collect(Collect::default()), ErrorKind::MissingBlob, &["repair or remove it first"]);
        remove_unreadable(&a, &["tree"]);
        assert!(a.collect(Collect::default()).is_ok());
    }
}

#[test]
fn no_name_in_a_document_leads_anywhere_else() {
    let lake = lake();
    // Names that a UID and a body may give.
    assert_eq!(lake.add_bytes("people/@ada", "ada").unwrap().name(), "@ada");
    let (_, made) = lake.ok("ran summary", || summary("text"));
    let uid = made.uid().unwrap().to_string();
    let later = lake.reopened();
    assert_eq!(later.file("people/@ada").unwrap().name(), "@ada");
    let (added, record) = (lake.home().join("files/people/@ada.datlake"), lake.record_of("summary"));
    let intact = [&added, &record].map(|path| fs::read(path).unwrap());
    for evil in ["..", ".", "", "/etc/passwd", "a/../b", r"a\\b", r"a\nb", r"\u001b[2J"] {
        forge(&added, |body| body.replace("\"name\":\"@ada\"", &format!("\"name\":\"{evil}\"")));
        forge(&record, |body| body.replace("\"name\":\"summary.txt\"", &format!("\"name\":\"{evil}\"")));
        let later = lake.reopened();
        check_error(later.file("people/@ada"), ErrorKind::Corrupt, &["files/people/@ada", "damaged", "file name"]);
        check_error(later.file(&uid), ErrorKind::Corrupt, &[name(&lake, &record), "damaged", "file name"]);
        for (path, bytes) in [&added, &record].into_iter().zip(&intact) {
            overwrite(path, |there| bytes.clone_into(there));
        }
    }
    // What a person called it is what it is called.
    forge(&added, |body| body.replace("\"name\":\"@ada\"", "\"name\":\".bash_profile\""));
    assert_eq!(lake.reopened().file("people/@ada").unwrap().name(), "@ada");
}

#[test]
fn a_lake_of_a_newer_format_is_left_alone_here_and_in_the_remote() {
    let newer = r#"{"format":2,"id":"00000000000000000000000000000000","shards":9}"#;
    let machines = Machines::new();
    machines.machine("a").add_bytes("a.txt", "some").unwrap();
    let folder = machines.remote().parent().unwrap().to_owned();
    let open = || {
        let url = format!("file://{}", machines.remote().display());
        Lake::builder().home(folder.join("a")).remote(url).open()
    };
    for place in [folder.join("a"), machines.remote()] {
        let description = place.join("datlake.json");
        let intact = fs::read(&description).unwrap();
        overwrite(&description, |bytes| *bytes = newer.as_bytes().to_vec());
        let says = [&*place.display().to_string(), "newer", "upgrade"];
        check_error(open().and_then(|lake| lake.list("").map(drop)), ErrorKind::Format, &says);
        overwrite(&description, |bytes| *bytes = intact);
    }
    Watched::new(open().unwrap()).ok("ran summary", || summary("text"));
}

#[test]
fn a_document_that_is_damaged_on_one_side_is_put_back_from_the_other() {
    let machines = Machines::new();
    let a = machines.machine("a");
    a.add_bytes("in.txt", "in").unwrap();
    let [(_, inner), out] = a.ok("ran published, ran summary", || {
        Ok::<_, datlake::Error>([summary("text")?, (String::new(), published("text", "out.txt")?)])
    });
    let unnamed = inner.uid().unwrap().to_string();
    let (here, there) = (a.home().to_owned(), machines.remote());
    let documents = |root: &Path| [files_below(&root.join("calls")), files_below(&root.join("files"))].concat();
    let read = |root: &Path| documents(root).into_iter().map(|path| fs::read(path).unwrap()).collect::<Vec<_>>();
    let intact = read(&there);
    assert_eq!((intact.len(), read(&here)), (4, intact.clone()));
    // In the nonce, and behind it: either is enough to know a document again.
    let damages: [fn(&mut Vec<u8>); 2] = [|bytes| bytes[60] ^= 1, |bytes| bytes.truncate(100)];
    for (root, outcome) in [(&there, RepairOutcome::Sent), (&here, RepairOutcome::Fetched)] {
        for damage in damages {
            documents(root).iter().for_each(|path| overwrite(path, damage));
            let a = machines.machine("a");
            for (uid, count) in [("in.txt", 1), ("out.txt", 2), (&*unnamed, 1)] {
                let healed = a.repair(uid).unwrap().items;
                let done: Vec<_> = healed.iter().filter(|item| item.outcome != RepairOutcome::Intact).collect();
                assert_eq!(done.len(), count, "{uid}: {healed:?}");
                assert!(done.iter().all(|item| item.outcome == outcome && item.what.contains("document")), "{done:?}");
                assert!(a.repair(uid).unwrap().items.iter().all(|item| item.outcome == RepairOutcome::Intact));
            }
            assert_eq!(read(&there), intact);
            assert!(a.verify(Verify::default(), &[]).unwrap().findings.is_empty());
            assert_eq!(a.status().unwrap().unpushed.len(), 0);
        }
    }
    let b = machines.machine("b");
    assert_eq!(b.file("out.txt").unwrap().digest(), out.1.digest());
}

#[test]
fn what_may_not_be_a_copy_takes_no_damaged_documents_place() {
    let machines = Machines::new();
    machines.machine("a").add_bytes("in.txt", "in").unwrap();
    let name = |root: &Path| root.join("files/in.txt.datlake");
    // Another machine has its own of that name, which the remote never saw.
    let off = machines.builder("b").offline(true).open().unwrap();
    off.add_bytes("in.txt", "other").unwrap();
    overwrite(&name(&machines.remote()), |bytes| bytes[60] ^= 1);
    let damaged = fs::read(name(&machines.remote())).unwrap();
    let b = machines.machine("b");
    let _ = b.repair("in.txt");
    assert_eq!(fs::read(name(&machines.remote())).unwrap(), damaged);
    assert_eq!(b.file("in.txt").unwrap().read().unwrap(), b"other");
    // Nor does a copy, where nothing says that the damaged one was the same.
    let a = machines.machine("a");
    overwrite(&name(&machines.remote()), |bytes| *bytes = b"{}".to_vec());
    a.repair("in.txt").unwrap();
    assert_eq!(fs::read(name(&machines.remote())).unwrap(), b"{}");
    // What was removed meanwhile does not come back.
    overwrite(&name(&machines.remote()), |bytes| damaged.clone_into(bytes));
    a.repair("in.txt").unwrap();
    assert_ne!(fs::read(name(&machines.remote())).unwrap(), damaged);
    machines.machine("c").remove("in.txt").unwrap();
    fs::write(name(&machines.remote()), &damaged).unwrap();
    check_error(a.repair("in.txt"), ErrorKind::Corrupt, &["files/in.txt", "damaged"]);
    assert_eq!(fs::read(name(&machines.remote())).unwrap(), damaged);
}

#[test]
fn a_document_that_no_copy_heals_can_be_removed() {
    for remote in [true, false] {
        let machines = Machines::new();
        let a = if remote { machines.machine("a") } else { lake() };
        let root = if remote { machines.remote() } else { a.home().to_owned() };
        a.add_bytes("in.txt", "in").unwrap();
        a.add_bytes("cut.txt", "cut").unwrap();
        let (_, made) = a.ok("ran summary", || summary("text"));
        let _ = a.ok("ran published", || published("text", "out.txt"));
        let uid = made.uid().unwrap().as_str();
        let calls = files_below(&root.join("calls"));
        overwrite(&root.join("files/in.txt.datlake"), |bytes| bytes[60] ^= 1);
        overwrite(&root.join("files/cut.txt.datlake"), |bytes| bytes.truncate(9));
        calls.iter().for_each(|path| overwrite(path, |bytes| bytes[60] ^= 1));
        // Somebody without copies of his own.
        let b = if remote { machines.machine("b") } else { a.reopened() };
        let says = ["is not known, because it cannot be read", "damaged"];
        for uid in ["in.txt", "cut.txt", uid, "out.txt"] {
            check_error(b.collect(Collect::default()), ErrorKind::Corrupt, &["repair or remove it first"]);
            let removal = b.removal(&[uid]).unwrap();
            check_error(b.apply(&removal, false), ErrorKind::InUse, &[says[0], says[1], uid]);
            assert_eq!(b.apply(&removal, true).unwrap().len(), 1, "{uid}");
            check_error(b.file(uid), ErrorKind::NotFound, &[uid]);
        }
        assert!(b.collect(Collect::default()).is_ok());
        assert!(b.verify(Verify::default(), &[]).unwrap().findings.is_empty());
        b.add_bytes("in.txt", "new").unwrap();
        if remote {
            // Whoever had a copy learns of it, where the damaged one still said which document it was.
            let a = machines.machine("a");
            a.push(&[]).unwrap();
            assert_eq!(a.file("in.txt").unwrap().read().unwrap(), b"new");
            check_error(a.file(uid), ErrorKind::NotFound, &[uid]);
        }
    }
}
