//! Repositories and what keeps a lake in order: collecting, verifying, pushing, mirroring, pulling, evicting, repairing.

use std::path::Path;

use datlake::report::{FindingKind, MirrorOutcome, PushOutcome};
use datlake::{Branch, Collect, Digest, ErrorKind, Evict, Lake, Mirror, Origin, Prune, Repository, Side, Verify};

use crate::support::{Machines, check_error, files_below, lake};

/// A repository with a commit on `main`, another on `dev`, and something uncommitted there.
fn made(lake: &Lake) -> (Repository, Branch) {
    let sales = lake.new_repository("sales").create().unwrap();
    let main = sales.branch("main");
    main.put_bytes("a", "on main").unwrap();
    main.commit("one").unwrap();
    let dev = sales.branch("dev").create("main").unwrap();
    dev.put_bytes("b", "on dev").unwrap();
    dev.commit("two").unwrap();
    dev.put_bytes("c", "uncommitted").unwrap();
    (sales, dev)
}

fn is_there(root: &Path, content: &str) -> bool {
    let digest = Digest::of(content.as_bytes()).to_string();
    root.join("blobs").join(&digest[..2]).join(digest).exists()
}

fn whole(lake: &Lake) {
    assert_eq!(lake.verify(Verify::default(), &[]).unwrap().findings, []);
}

fn collect(lake: &Lake) {
    lake.collect(Collect::default().exclusive(true)).unwrap();
}

#[test]
fn content_stays_as_long_as_a_branch_or_a_tag_leads_to_it() {
    let machines = Machines::new();
    for (lake, remote) in [(lake(), None), (machines.machine("one"), Some(machines.remote()))] {
        let roots: Vec<_> = [Some(lake.home().to_owned()), remote].into_iter().flatten().collect();
        let (sales, dev) = made(&lake);
        let id = dev.commit_info().unwrap().id.to_string();
        sales.tag("v1").create("dev").unwrap();
        let there = |content: &str| roots.iter().map(|root| is_there(root, content)).collect::<Vec<_>>();
        let (all, none) = (vec![true; roots.len()], vec![false; roots.len()]);
        collect(&lake);
        assert_eq!((there("on dev"), there("uncommitted")), (all.clone(), all.clone()));
        whole(&lake);
        // The tag keeps the commit, and nothing else what was uncommitted.
        dev.delete().unwrap();
        collect(&lake);
        assert_eq!((there("on dev"), there("uncommitted")), (all.clone(), none.clone()));
        assert_eq!(sales.reference(&id).read("b").unwrap(), b"on dev");
        whole(&lake);
        sales.tag("v1").delete().unwrap();
        collect(&lake);
        assert_eq!((there("on main"), there("on dev")), (all.clone(), none.clone()));
        let sales = lake.repository("sales").unwrap();
        check_error(sales.reference(&id).commit_info(), ErrorKind::NotFound, &["no branch, tag or commit"]);
        check_error(sales.branch("dev").create(&id), ErrorKind::NotFound, &["no branch, tag or commit"]);
        whole(&lake);
        sales.delete().unwrap();
        collect(&lake);
        assert_eq!(there("on main"), none);
        for root in roots {
            assert_eq!(files_below(&root.join("blobs")), [] as [std::path::PathBuf; 0]);
            assert_eq!(files_below(&root.join("repos")), [] as [std::path::PathBuf; 0]);
        }
    }
}

/// Whoever collected died before the mark of a commit was gone, of which another machine has copies.
#[test]
fn what_is_copied_is_at_the_remote_also_where_it_was_collected_there() {
    let machines = Machines::new();
    let (lake, other) = (machines.machine("one"), machines.machine("other"));
    let (sales, dev) = made(&lake);
    let id = dev.commit_info().unwrap().id.to_string();
    let is_mark = |path: &std::path::PathBuf| path.to_string_lossy().ends_with(&format!("/commits/{id}.datlake"));
    let mark = files_below(&machines.remote()).into_iter().find(is_mark).unwrap();
    dev.delete().unwrap();
    collect(&other);
    assert!(!is_there(&machines.remote(), "on dev") && is_there(lake.home(), "on dev") && !mark.exists());
    std::fs::write(mark, "").unwrap();
    sales.branch("main").copy_object(&id, "b", "b").unwrap();
    assert_eq!(other.repository("sales").unwrap().branch("main").read("b").unwrap(), b"on dev");
    whole(&other);
    // Where nobody has it any more, nothing is put.
    let blob = |root: &Path| {
        let digest = Digest::of(b"on main").to_string();
        std::fs::remove_file(root.join("blobs").join(&digest[..2]).join(digest)).unwrap();
    };
    [lake.home(), &machines.remote()].into_iter().for_each(blob);
    check_error(sales.branch("main").copy_object("main", "a", "c"), ErrorKind::MissingBlob, &["`a`"]);
    assert!(!sales.branch("main").exists("c").unwrap());
}

/// Whoever deleted a repository died before all of it was gone.
#[test]
fn what_is_left_of_a_repository_goes_with_a_collection() {
    let machines = Machines::new();
    for (lake, root) in [(lake(), None), (machines.machine("one"), Some(machines.remote()))] {
        let root = root.unwrap_or_else(|| lake.home().to_owned());
        let (sales, dev) = made(&lake);
        let branch = files_below(&root.join("repos")).into_iter().find(|path| path.ends_with("branches/dev.datlake"));
        std::fs::remove_file(branch.unwrap()).unwrap();
        collect(&lake);
        assert!(!is_there(&root, "uncommitted") && is_there(&root, "on main"));
        check_error(dev.stat("c"), ErrorKind::NotFound, &["no branch `dev`"]);
        assert_eq!(sales.branch("main").read("a").unwrap(), b"on main");
        whole(&lake);
        std::fs::remove_file(root.join("repositories/sales.datlake")).unwrap();
        collect(&lake);
        assert_eq!(files_below(&root.join("repos")), [] as [std::path::PathBuf; 0]);
        assert!(!is_there(&root, "on main"));
    }
}

/// What was made without a remote goes there when there is one, whole and as it is.
#[test]
fn a_repository_that_was_made_alone_is_pushed() {
    let machines = Machines::new();
    let home = machines.remote().with_file_name("alone");
    let alone = Lake::builder().home(&home).open().unwrap();
    let (_, dev) = made(&alone);
    let id = dev.commit_info().unwrap().id;
    drop((alone, dev));
    let lake = machines.machine("alone");
    check_error(lake.repository("sales"), ErrorKind::NotFound, &["no repository"]);
    let pushed = lake.push(&[]).unwrap();
    assert!(pushed.items.iter().all(|item| item.outcome == PushOutcome::Sent), "{:?}", pushed.items);
    assert_eq!(files_below(&home.join("unpushed")), [] as [std::path::PathBuf; 0]);
    let other = machines.machine("other");
    let dev = other.repository("sales").unwrap().branch("dev");
    assert_eq!((dev.read("c").unwrap(), dev.commit_info().unwrap().id), (b"uncommitted".to_vec(), id));
    dev.commit("three").unwrap();
    assert_eq!(lake.repository("sales").unwrap().reference("dev~1").commit_info().unwrap().id, id);
    whole(&other);
    // Where the name is another's there by now, it stays here, and that is said.
    let alone = Lake::builder().home(home.with_file_name("second")).open().unwrap();
    made(&alone);
    drop(alone);
    let second = machines.machine("second");
    let pushed = second.push(&[]).unwrap();
    let taken = pushed.items.iter().find(|item| item.what == "repository sales").unwrap();
    assert_eq!(taken.outcome, PushOutcome::Taken);
    // Nothing of it goes there, and all of it is kept here.
    assert!(pushed.items.iter().all(|item| item.outcome == PushOutcome::Taken), "{:?}", pushed.items);
    collect(&second);
    assert!(is_there(second.home(), "uncommitted"));
    assert_eq!(second.push(&[]).unwrap().items.len(), pushed.items.len());
    assert_eq!(second.repository("sales").unwrap().reference("dev~1").commit_info().unwrap().id, id);
}

#[test]
fn it_is_mirrored_pulled_and_evicted_with_all_that_it_has() {
    let machines = Machines::new();
    let lake = machines.machine("one");
    let (sales, dev) = made(&lake);
    sales.tag("v1").create("dev").unwrap();
    let copy = tempfile::tempdir().unwrap();
    let url = format!("file://{}", copy.path().join("copy").display());
    let mirrored = lake.mirror(&Mirror::to(&url), &[]).unwrap();
    assert!(mirrored.items.iter().all(|item| item.outcome == MirrorOutcome::Copied), "{:?}", mirrored.items);
    assert_eq!(lake.mirror(&Mirror::to(&url), &[]).unwrap().items, []);
    let reader = Lake::builder().home(copy.path().join("reader")).remote(&url).open().unwrap();
    let there = reader.repository("sales").unwrap();
    assert_eq!(there.branch("dev").read("c").unwrap(), b"uncommitted");
    let id = dev.commit_info().unwrap().id.to_string();
    assert_eq!(there.reference(&id[..8]).read("b").unwrap(), b"on dev");
    assert_eq!(there.reference("v1").commit_info().unwrap().id.to_string(), id);
    whole(&reader);
    // Pulled, it is read without the remote, and not changed.
    let other = machines.machine("other");
    other.pull(&[]).unwrap();
    let builder = || Lake::builder().home(other.home()).remote(format!("file://{}", machines.remote().display()));
    let offline = builder().offline(true).open().unwrap();
    let branch = offline.repository("sales").unwrap().branch("dev");
    assert_eq!(branch.read("c").unwrap(), b"uncommitted");
    check_error(branch.put_bytes("d", "1"), ErrorKind::Unavailable, &["offline"]);
    check_error(branch.commit("three"), ErrorKind::Unavailable, &["offline"]);
    check_error(offline.new_repository("other").create(), ErrorKind::Unavailable, &["offline"]);
    drop((offline, branch));
    assert!(other.evict(Evict::To(0)).unwrap().blobs > 0 && !is_there(other.home(), "on dev"));
    assert_eq!(other.repository("sales").unwrap().branch("dev").read("b").unwrap(), b"on dev");
    whole(&other);
}

#[test]
fn what_is_damaged_or_missing_is_found_and_healed_from_the_other_side() {
    let machines = Machines::new();
    let lake = machines.machine("one");
    made(&lake);
    lake.pull(&[]).unwrap();
    let remote = machines.remote();
    let digest = Digest::of(b"on dev").to_string();
    let blob = remote.join("blobs").join(&digest[..2]).join(&digest);
    let is_commit = |path: &std::path::PathBuf| std::fs::read(path).unwrap().starts_with(b"datlake commit");
    let commit = files_below(&remote.join("blobs")).into_iter().find(is_commit).unwrap();
    for path in [blob, commit] {
        std::fs::remove_file(&path).unwrap();
        let verified = lake.verify(Verify::default().side(Side::Remote), &[]).unwrap();
        assert!(!verified.findings.is_empty());
        assert!(verified.findings.iter().all(|finding| finding.kind == FindingKind::MissingContent), "{verified:?}");
        for at in files_below(&remote.join("repos")).into_iter().chain(files_below(&remote.join("repositories"))) {
            let at = at.strip_prefix(&remote).unwrap().to_string_lossy().into_owned();
            if !at.contains("/commits/") {
                lake.repair(&at).unwrap().healed().unwrap();
            }
        }
        assert!(path.exists());
        whole(&lake);
    }
}

/// Copies on other machines say nothing of what there is.
#[test]
fn what_was_deleted_elsewhere_is_gone_here() {
    let machines = Machines::new();
    let (lake, other) = (machines.machine("one"), machines.machine("other"));
    let (sales, _) = made(&lake);
    other.pull(&[]).unwrap();
    let there = other.repository("sales").unwrap();
    assert_eq!(there.branch("dev").read("c").unwrap(), b"uncommitted");
    sales.branch("dev").delete().unwrap();
    check_error(there.branch("dev").read("c"), ErrorKind::NotFound, &["no branch `dev`"]);
    sales.delete().unwrap();
    check_error(other.repository("sales"), ErrorKind::NotFound, &["no repository"]);
    collect(&other);
    assert_eq!(files_below(&other.home().join("repos")), [] as [std::path::PathBuf; 0]);
    assert!(!is_there(other.home(), "on main"));
}

/// The name leads elsewhere, its earlier versions are pruned: what was put into a repository under it stays there.
#[test]
fn what_a_repository_took_of_a_replaced_name_stays() {
    let machines = Machines::new();
    for lake in [lake(), machines.machine("one")] {
        let main = lake.new_repository("sales").create().unwrap().branch("main");
        main.put("jan.csv", &lake.add_bytes("raw/jan.csv", "first").unwrap()).unwrap();
        main.commit("January").unwrap();
        main.put("uncommitted.csv", &lake.file("raw/jan.csv").unwrap()).unwrap();
        lake.replacing().add_bytes("raw/jan.csv", "second").unwrap();
        let kept = || ["jan.csv", "uncommitted.csv"].map(|path| main.read(path).unwrap());
        assert_eq!(kept(), [b"first", b"first"]);
        let removal = lake.prunable(Prune::default().keep_versions(0)).unwrap();
        lake.apply(&removal, false).unwrap();
        collect(&lake);
        assert_eq!(kept(), [b"first", b"first"]);
        assert_eq!(lake.file("raw/jan.csv").unwrap().read().unwrap(), b"second");
        let origin = main.file("jan.csv").unwrap().lineage().unwrap();
        assert!(matches!(origin, Origin::Added(_)), "{origin:?}");
        assert_eq!(main.stat("jan.csv").unwrap().from.unwrap().as_str(), "raw/jan.csv");
        whole(&lake);
    }
}

#[test]
fn what_is_here_of_a_branch_that_was_deleted_elsewhere_is_no_damage() {
    let machines = Machines::new();
    let (one, two) = (machines.machine("one"), machines.machine("two"));
    let (sales, dev) = made(&one);
    let theirs = two.repository("sales").unwrap();
    assert_eq!(theirs.reference("dev").read("c").unwrap(), b"uncommitted");
    whole(&two);
    dev.delete().unwrap();
    whole(&two);
    // Nor where another has come in its place.
    let again = sales.branch("dev").create("main").unwrap();
    again.put_bytes("d", "on another").unwrap();
    whole(&two);
    assert_eq!(theirs.reference("dev").read("d").unwrap(), b"on another");
    whole(&two);
}
