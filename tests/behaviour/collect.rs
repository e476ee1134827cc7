//! Content that nobody names any more is collected, and nothing else is.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use datlake::report::{CollectedLocal, CollectedRemote};
use datlake::testing::{Location, Side};
use datlake::{Collect, Digest, ErrorKind, File, Lake, Result, Tree, Verify, file_creator};

use datlake_store::{Hold, LocalView, Reach};

use crate::clean::{PARTS, UPLOADS, aging};
use crate::failing::{Asked, Fault, What, faulty};
use crate::support::{Machines, Watched, blob_in, check_error, files_below, lake};

#[file_creator]
fn shout(text: &str) -> Result<File> {
    File::from_bytes("shout.txt", text.to_uppercase())
}

#[file_creator]
fn letters(text: &str) -> Result<(Tree, Vec<u64>)> {
    let mut tree = Tree::create("letters")?;
    for letter in text.chars() {
        tree.add_bytes(&format!("{letter}.txt"), letter.to_string())?;
    }
    Ok((tree.finish()?, (0..20_000).collect()))
}

/// In how much time who finds content names it, on all machines.
const WINDOW: Duration = Duration::from_millis(500);
/// A short grace.
const HURRIED: Duration = Duration::from_secs(1);

fn hurried(machines: &Machines, name: &str) -> Watched {
    Watched::open(machines.builder(name).window(WINDOW))
}

fn here(lake: &Lake) -> (u64, u64) {
    let CollectedLocal { blobs, bytes, .. } =
        lake.collect(Collect::default().side(Side::Local)).unwrap().local.unwrap();
    (blobs, bytes)
}

fn at_remote(lake: &Lake, how: Collect) -> CollectedRemote {
    lake.collect(how.side(Side::Remote)).unwrap().remote.unwrap()
}

/// Condemns what nobody names, when all of it is old enough.
fn condemned(lake: &Lake) -> CollectedRemote {
    while at_remote(lake, Collect::default().grace(HURRIED).dry_run(true)).young > 0 {
        std::thread::sleep(Duration::from_millis(100));
    }
    at_remote(lake, Collect::default().grace(HURRIED))
}

fn whole(lake: &Lake) {
    assert_eq!(lake.verify(Verify::default(), &[]).unwrap().findings, []);
}

#[test]
fn what_was_removed_goes_from_this_machine_and_all_that_is_needed_stays() {
    let lake = lake();
    let _current = lake.enter();
    lake.add_bytes("a.txt", "some").unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("x"), "in a tree").unwrap();
    lake.add_tree("tree", folder.path()).unwrap();
    shout("kept").unwrap();
    letters("ab").unwrap();
    let gone = shout("gone").unwrap();
    assert_eq!(here(&lake), (0, 0));
    let (mut open, path) = (gone.open().unwrap(), gone.path().unwrap());
    lake.remove(gone.uid().unwrap().as_str()).unwrap();
    // A dry run says so, and that is all.
    let before = lake.everything();
    let dry = lake.collect(Collect::default().dry_run(true)).unwrap();
    assert_eq!((dry.local.unwrap().blobs, dry.remote), (1, None));
    assert_eq!(lake.everything(), before);
    assert_eq!(here(&lake), (1, 4));
    // Whoever has it goes on with it.
    let mut text = String::new();
    std::io::Read::read_to_string(&mut open, &mut text).unwrap();
    assert_eq!((text.as_str(), fs::read_to_string(path).unwrap().as_str()), ("GONE", "GONE"));
    whole(&lake);
    lake.happened();
    lake.ok("hit letters, hit shout", || shout("kept").and_then(|_| letters("ab")));
    lake.remove("tree").unwrap();
    assert_eq!(here(&lake).0, 3, "the tree, its range and the file in it");
}

/// Whether somebody could collect in this home now.
fn can_collect(lake: &Lake) -> bool {
    let local_view = LocalView::open(lake.home(), Reach::Home, &Default::default()).unwrap();
    matches!(pollster::block_on(local_view.hold_alone(Duration::ZERO)).unwrap(), Hold::Held(_))
}

#[file_creator]
fn reads(file: &File, #[skip] lake: &Lake) -> Result<u64> {
    // Nothing names this file before the body that made it is over.
    assert!(!can_collect(lake));
    Ok(file.read()?.len() as u64)
}

#[file_creator(depends_on(reads))]
fn makes_and_reads(#[skip] lake: &Lake) -> Result<(File, u64)> {
    let file = File::from_bytes("made.txt", "made in a body")?;
    let size = reads(&file, lake)?;
    Ok((file, size))
}

#[test]
fn what_a_body_handed_to_another_is_not_collected_before_it_has_a_name() {
    let lake = lake();
    let _current = lake.enter();
    let (file, size) = makes_and_reads(&lake).unwrap();
    assert_eq!((size, can_collect(&lake), here(&lake)), (14, true, (0, 0)));
    assert_eq!(file.read_to_string().unwrap(), "made in a body");
    whole(&lake);
}

#[test]
fn at_the_remote_content_is_condemned_first_and_removed_by_the_next_collection() {
    let machines = Machines::new();
    let (a, b) = (hurried(&machines, "a"), hurried(&machines, "b"));
    a.add_bytes("kept.txt", "kept").unwrap();
    a.ok("ran letters", || letters("xyz"));
    let gone = a.add_bytes("gone.txt", "gone").unwrap();
    a.remove("gone.txt").unwrap();
    let first = condemned(&b);
    assert_eq!((first.blobs, first.condemned, first.condemned_bytes), (0, 1, Some(4)));
    assert!(blob_in(&machines.remote(), &gone).exists());
    // The wait is asked of the store's clock.
    let second = at_remote(&b, Collect::default().grace(HURRIED).wait(true));
    assert_eq!((second.blobs, second.bytes, second.condemned), (1, 4, 0));
    assert!(!blob_in(&machines.remote(), &gone).exists());
    let third = at_remote(&a, Collect::default().grace(HURRIED));
    assert_eq!((third.blobs, third.condemned, third.young), (0, 0, 0));
    whole(&a);
    // What is left of collections is a few words, and no machine minds.
    assert!(files_below(&machines.remote().join("gc")).len() <= 4);
    assert_eq!(files_below(&machines.remote().join("rescued")).len(), 0);
    let c = hurried(&machines, "c");
    c.ok("hit letters", || letters("xyz"));
    assert_eq!(c.file("kept.txt").unwrap().read().unwrap(), b"kept");
}

#[test]
fn what_somebody_names_again_while_it_is_condemned_stays() {
    let machines = Machines::new();
    let (a, b) = (hurried(&machines, "a"), hurried(&machines, "b"));
    for uid in ["by name", "by call", "by push", "in a tree", "for good"] {
        a.add_bytes(uid, uid.to_uppercase()).unwrap();
        a.remove(uid).unwrap();
    }
    assert_eq!(condemned(&a).condemned, 5);
    b.add_bytes("again", "BY NAME").unwrap();
    let offline = Lake::builder().home(machines.remote().with_file_name("c")).offline(true);
    let offline = offline.remote(format!("file://{}", machines.remote().display())).open().unwrap();
    offline.add_bytes("pushed", "BY PUSH").unwrap();
    drop(offline);
    let c = hurried(&machines, "c");
    c.ok("ran shout", || shout("by call"));
    assert_eq!(c.push(&[]).unwrap().items.len(), 1);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("x"), "IN A TREE").unwrap();
    c.add_tree("tree", folder.path()).unwrap();
    let swept = at_remote(&a, Collect::default().grace(HURRIED).wait(true));
    assert_eq!((swept.blobs, swept.spared), (1, 4));
    let d = hurried(&machines, "d");
    whole(&d);
    assert_eq!(d.file("again").unwrap().read().unwrap(), b"BY NAME");
    assert_eq!(d.file("pushed").unwrap().read().unwrap(), b"BY PUSH");
    assert_eq!(Tree::try_from(d.file("tree").unwrap()).unwrap().get("x").unwrap().read().unwrap(), b"IN A TREE");
    d.happened();
    d.ok("downloaded shout.txt, hit shout", || shout("by call")?.read());
}

#[test]
fn what_a_name_is_led_to_while_it_is_condemned_stays_and_what_was_pruned_meanwhile_goes_next() {
    let machines = Machines::new();
    let (a, b) = (hurried(&machines, "a"), hurried(&machines, "b"));
    let first = a.add_bytes("raw.csv", "first").unwrap();
    a.add_bytes("gone.csv", "second").unwrap();
    a.remove("gone.csv").unwrap();
    assert_eq!(condemned(&a).condemned, 1);
    b.replacing().add_bytes("raw.csv", "second").unwrap();
    let pruned = b.prunable(datlake::Prune::default().keep_versions(1)).unwrap();
    assert_eq!(b.apply(&pruned, false).unwrap()[0].as_str(), "raw.csv@{1}");
    let swept = at_remote(&a, Collect::default().grace(HURRIED).wait(true));
    assert_eq!((swept.blobs, swept.spared), (0, 1));
    let c = hurried(&machines, "c");
    assert_eq!(c.file("raw.csv").unwrap().read().unwrap(), b"second");
    whole(&c);
    assert!(blob_in(&machines.remote(), &first).exists());
    assert_eq!(condemned(&c).condemned, 1);
    assert_eq!(at_remote(&c, Collect::default().grace(HURRIED).wait(true)).blobs, 1);
    assert!(!blob_in(&machines.remote(), &first).exists());
    whole(&c);
}

#[test]
fn what_is_young_is_left_alone_unless_nobody_else_writes() {
    let machines = Machines::new();
    let a = machines.machine("a");
    a.add_bytes("a.txt", "some").unwrap();
    a.remove("a.txt").unwrap();
    let spared = at_remote(&a, Collect::default());
    assert_eq!((spared.condemned, spared.young), (0, 1));
    let dry = at_remote(&a, Collect::default().exclusive(true).dry_run(true));
    assert_eq!((dry.blobs, dry.bytes), (1, 4));
    let swept = at_remote(&a, Collect::default().exclusive(true));
    assert_eq!((swept.blobs, swept.bytes, swept.condemned), (1, 4, 0));
}

#[test]
fn a_sweep_that_died_is_not_taken_over_by_itself_and_resumed_when_somebody_says_so() {
    let machines = Machines::new();
    let a = hurried(&machines, "a");
    a.add_bytes("a.txt", "SOME").unwrap();
    a.remove("a.txt").unwrap();
    let of_content =
        |asked: Asked<'_>| asked.side == Side::Remote && matches!(asked.what, What::Remove(Location::Blob(_)));
    let wrap = faulty(Arc::new(move |asked| of_content(asked).then_some(Fault::Before)));
    let stuck = Watched::open(machines.builder("b").window(WINDOW).wrap_stores(wrap));
    let how = Collect::default().grace(HURRIED).side(Side::Remote);
    assert_eq!(condemned(&a).condemned, 1);
    check_error(stuck.collect(how.wait(true)), ErrorKind::Unavailable, &["the store does not answer"]);
    for how in [how, how.wait(true)] {
        check_error(a.collect(how), ErrorKind::Busy, &["is being swept by", "datlake gc --resume"]);
    }
    // Meanwhile everything goes on that has nothing to do with it.
    a.add_bytes("b.txt", "other").unwrap();
    // What needs its content is not named at the remote, and not thrown away.
    let b = hurried(&machines, "b");
    check_error(b.add_bytes("c.txt", "SOME"), ErrorKind::Busy, &["is being collected", "datlake gc --resume"]);
    b.ok("ran shout, unpushed shout", || shout("some"));
    assert_eq!(at_remote(&a, how.resume(true)).blobs, 1);
    assert_eq!(b.push(&[]).unwrap().blobs, 1);
    hurried(&machines, "c").ok("downloaded shout.txt, hit shout", || shout("some")?.read());
    assert_eq!(condemned(&a).condemned, 0);
    whole(&a);
}

#[test]
fn where_a_document_cannot_be_read_nothing_is_collected() {
    let machines = Machines::new();
    let a = hurried(&machines, "a");
    a.add_bytes("a.txt", "some").unwrap();
    a.remove("a.txt").unwrap();
    a.add_bytes("b.txt", "other").unwrap();
    for root in [machines.remote(), a.home().to_owned()] {
        let name = root.join("files/b.txt.datlake");
        let intact = fs::read(&name).unwrap();
        fs::remove_file(&name).unwrap();
        fs::write(&name, "nonsense").unwrap();
        let says = ["cannot collect in", "what `files/b.txt.datlake` names is not known"];
        check_error(a.collect(Collect::default().exclusive(true)), ErrorKind::Corrupt, &says);
        fs::write(&name, intact).unwrap();
        if root == machines.remote() {
            assert_eq!(files_below(&root.join("blobs")).len(), 2);
        }
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("x"), "in a tree").unwrap();
    let tree = a.add_tree("tree", folder.path()).unwrap();
    for root in [machines.remote(), a.home().to_owned()] {
        fs::remove_file(blob_in(&root, tree.as_file())).unwrap();
    }
    let reopened = hurried(&machines, "a");
    check_error(reopened.collect(Collect::default().exclusive(true)), ErrorKind::MissingBlob, &["files/tree.datlake"]);
}

/// What is not a day old may still be made an object of, unless nobody else writes.
#[test]
fn uploads_by_signed_urls_stay_for_a_day() {
    let machines = Machines::new();
    let a = Watched::open(machines.builder("a").window(WINDOW).wrap_stores(aging()));
    a.add_bytes("a.txt", "kept").unwrap();
    let put_at = |at: Location| {
        let upload = machines.remote().join(at.path());
        fs::create_dir_all(upload.parent().unwrap()).unwrap();
        fs::write(&upload, "put by somebody").unwrap();
        upload
    };
    let put = |id: &[u8]| put_at(Location::Upload(Digest::of(id)));
    // Parts of an upload that may go on stay longer, also where nobody else writes.
    let parts = PARTS.map(|(id, _)| put_at(Location::Part(Digest::of(id), Digest::of(b"put by somebody"))));
    let (upload, others) = (put(b"random"), UPLOADS.map(|(id, _)| put(id)));
    at_remote(&a, Collect::default().exclusive(true).dry_run(true));
    assert_eq!(others.each_ref().map(|path| path.exists()), [true, true]);
    at_remote(&a, Collect::default().grace(Duration::ZERO));
    assert!(upload.exists());
    assert_eq!(others.map(|path| path.exists()), [true, false]);
    at_remote(&a, Collect::default().exclusive(true));
    assert_eq!(parts.map(|path| path.exists()), [true, false]);
    assert!(!upload.exists());
    whole(&a);
}
