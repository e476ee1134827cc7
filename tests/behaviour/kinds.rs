//! A kind of document that only its row in the core's table knows is kept in order like any other, with the content that its
//! content refers to: two steps down, as with what repositories will have.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use datlake::report::{FindingKind, MirrorOutcome, PushOutcome, RepairOutcome};
use datlake::testing::{Location, Store};
use datlake::{Collect, Digest, Evict, Lake, Mirror, Side, Verify};
use datlake_core::made_up;
use datlake_store::{LocalView, Reach};
use pollster::block_on;

use crate::support::{Machines, Watched, files_below, overwrite};

/// A document in a home, and the content that it refers to.
struct Made {
    at: Location,
    /// The list of lists, the list, and what is in that.
    content: [Digest; 4],
}

impl Made {
    /// Makes one in the home of a lake, as one that the remote has not got.
    fn new(home: &Path, text: &str) -> Self {
        let view = LocalView::open(home, Reach::Home, &Default::default()).unwrap();
        let store = Arc::clone(&view.catalog().local);
        let [one, two] = ["one", "two"].map(|name| blob(&*store, &format!("{text} {name}")));
        let list = blob(&*store, &format!("{one}\n{two}\n"));
        let lists = blob(&*store, &format!("{list}\n"));
        let (at, bytes) = made_up::create(text, lists).unwrap();
        block_on(store.create(&at, &bytes)).unwrap();
        block_on(view.catalog().mark_unpushed(&at)).unwrap();
        Self { at, content: [lists, list, one, two] }
    }

    fn path(&self) -> String {
        self.at.path()
    }

    /// How much of it is in the lake at `root`: of the document, and of its content.
    fn there(&self, root: &Path) -> (bool, usize) {
        let content = self.content.iter().filter(|digest| place(root, digest).exists());
        (root.join(self.path()).exists(), content.count())
    }
}

const ALL: (bool, usize) = (true, 4);

fn blob(store: &dyn Store, text: &str) -> Digest {
    let digest = Digest::of(text.as_bytes());
    block_on(store.create(&Location::Blob(digest), text.as_bytes())).unwrap();
    digest
}

fn place(root: &Path, digest: &Digest) -> PathBuf {
    root.join(Location::Blob(*digest).path())
}

/// A machine that has made a document and pushed it.
fn pushed(machines: &Machines) -> (Watched, Made) {
    let lake = machines.machine("one");
    let made = Made::new(lake.home(), "some");
    let report = lake.push(&[]).unwrap();
    assert_eq!((report.items.len(), report.items[0].outcome, report.blobs), (1, PushOutcome::Sent, 4));
    (lake, made)
}

fn whole(lake: &Lake) {
    assert_eq!(lake.verify(Verify::default(), &[]).unwrap().findings, []);
}

#[test]
fn what_it_refers_to_is_collected_with_it_and_not_before() {
    let machines = Machines::new();
    let (lake, made) = pushed(&machines);
    let view = LocalView::open(lake.home(), Reach::Home, &Default::default()).unwrap();
    blob(&*view.catalog().local, "rubbish");
    blob(&*LocalView::open(&machines.remote(), Reach::Home, &Default::default()).unwrap().catalog().local, "litter");
    let collected = lake.collect(Collect::default().exclusive(true)).unwrap();
    assert_eq!((collected.local.unwrap().blobs, collected.remote.unwrap().blobs), (1, 1));
    assert_eq!((made.there(lake.home()), made.there(&machines.remote())), (ALL, ALL));
    whole(&lake);
    for root in [lake.home(), &machines.remote()] {
        std::fs::remove_file(root.join(made.path())).unwrap();
    }
    let collected = lake.collect(Collect::default().exclusive(true)).unwrap();
    assert_eq!((collected.local.unwrap().blobs, collected.remote.unwrap().blobs), (4, 4));
}

#[test]
fn what_is_damaged_or_missing_of_it_is_found_and_healed_from_the_other_side() {
    let machines = Machines::new();
    let (lake, made) = pushed(&machines);
    whole(&lake);
    let remote = machines.remote();
    let [_, list, one, two] = &made.content;
    let cases: [(&Path, PathBuf, bool, FindingKind, RepairOutcome); 5] = [
        (&remote, place(&remote, one), true, FindingKind::MissingContent, RepairOutcome::Sent),
        (&remote, place(&remote, two), false, FindingKind::WrongBytes, RepairOutcome::Sent),
        (&remote, place(&remote, list), true, FindingKind::MissingContent, RepairOutcome::Sent),
        (lake.home(), place(lake.home(), two), false, FindingKind::WrongBytes, RepairOutcome::Fetched),
        (lake.home(), lake.home().join(made.path()), false, FindingKind::DamagedDocument, RepairOutcome::Fetched),
    ];
    for (root, path, gone, kind, outcome) in cases {
        match gone {
            true => std::fs::remove_file(&path).unwrap(),
            false => overwrite(&path, |bytes| bytes[7] ^= 1),
        }
        let verified =
            lake.verify(Verify::default().side(if root == remote { Side::Remote } else { Side::Local }), &[]).unwrap();
        let [finding] = &*verified.findings else { panic!("{:?}", verified.findings) };
        let cure = format!("`datlake repair {}`", made.path());
        assert!(finding.kind == kind && finding.error.contains(&cure), "{finding:?}");
        let repaired = lake.repair(&made.path()).unwrap();
        let done: Vec<_> = repaired.items.iter().filter(|item| item.outcome != RepairOutcome::Intact).collect();
        assert!(done.len() == 1 && done[0].outcome == outcome, "{kind:?}: {done:?}");
        whole(&lake);
    }
    // Nobody has it any more.
    for root in [lake.home(), &remote] {
        std::fs::remove_file(place(root, one)).unwrap();
    }
    assert!(lake.repair(&made.path()).unwrap().healed().is_err());
}

#[test]
fn it_is_mirrored_and_left_where_it_is_already() {
    let machines = Machines::new();
    let (lake, made) = pushed(&machines);
    let copy = tempfile::tempdir().unwrap();
    let to = Mirror::to(format!("file://{}", copy.path().join("copy").display()));
    let mirrored = lake.mirror(&to, &[]).unwrap();
    assert_eq!((mirrored.items[0].outcome, mirrored.blobs), (MirrorOutcome::Copied, 4));
    assert_eq!(made.there(&copy.path().join("copy")), ALL);
    let again = lake.mirror(&to, &[]).unwrap();
    assert_eq!((again.items.len(), again.there, again.blobs), (0, 1, 0));
}

#[test]
fn it_is_pulled_with_all_that_it_refers_to_and_evicted_where_the_remote_has_that() {
    let machines = Machines::new();
    let (_, made) = pushed(&machines);
    let other = machines.machine("other");
    // The lists come while it is planned what there is to fetch.
    let pulled = other.pull(&[]).unwrap();
    assert_eq!((pulled.blobs, pulled.fetched, made.there(other.home())), (4, 2, ALL));
    assert_eq!(other.pull(&[]).unwrap().fetched, 0);
    whole(&other);
    let own = Made::new(other.home(), "own");
    assert_eq!(other.evict(Evict::To(0)).unwrap().blobs, 4);
    assert_eq!((made.there(other.home()), own.there(other.home())), ((true, 0), ALL));
    whole(&other);
    // A new remote in the place of that one has neither: what is whole here is sent there.
    std::fs::rename(machines.remote(), machines.remote().with_extension("away")).unwrap();
    let other = machines.machine("other");
    block_on(other.pull_async(&[])).unwrap_err();
    assert_eq!(machines.machine("other").accept_remote().unwrap(), 1);
    let other = machines.machine("other");
    assert_eq!(other.push(&[]).unwrap().blobs, 4);
    assert_eq!(own.there(&machines.remote()), ALL);
    assert_eq!(files_below(&other.home().join("unpushed")), [] as [PathBuf; 0]);
}
