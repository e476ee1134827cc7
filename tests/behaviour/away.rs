//! Lakes whose remote is away, or may only be read: what is there is found, what is made stays, and goes where it belongs
//! later.

use std::fmt::Debug;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datlake::report::{PushOutcome, UpstreamState};
use datlake::testing::{Created, Location, Pending, Prefix, Side, Store, Wrap};
use datlake::{Error, ErrorKind, Event, File, Lake, Result, Tree, file_creator};
use datlake_core::{Sink, Visit, VisitLevel};

use crate::support::{Machines, Watched, blob_in, check_error, files_below, overwrite};

#[file_creator]
fn upper(text: &File) -> Result<File> {
    File::from_bytes("upper.txt", text.read_to_string()?.to_uppercase())
}

#[file_creator]
fn twice(text: &File, output_uid: &str) -> Result<File> {
    File::from_bytes(output_uid, text.read_to_string()?.repeat(2))
}

/// Not the same on any two machines.
#[file_creator(key(1))]
fn unsteady(salt: &str) -> Result<File> {
    let _ = salt;
    File::from_bytes("unsteady.txt", format!("{:?}", std::time::Instant::now()))
}

#[file_creator]
fn words(text: &File) -> Result<(Tree, Vec<u64>)> {
    let mut tree = Tree::create("words")?;
    for word in text.read_to_string()?.split(' ') {
        tree.add_bytes(&format!("{word}.txt"), word)?;
    }
    Ok((tree.finish()?, (0..20_000).collect()))
}

/// How a remote answers.
#[derive(Clone, Copy, Debug)]
enum Manner {
    /// It may be read and not written.
    ReadOnly,
    /// It does not answer.
    Away,
    /// It may be read and written until [`EXPIRED`] says so.
    Expires,
}

/// Whether the credentials of [`Manner::Expires`] have run out.
static EXPIRED: AtomicBool = AtomicBool::new(false);

#[derive(Debug)]
struct Odd(Arc<dyn Store>, Manner);

fn odd(manner: Manner) -> Wrap {
    Arc::new(move |side, store| match side {
        Side::Local => store,
        Side::Remote => Arc::new(Odd(store, manner)),
    })
}

impl Odd {
    fn reads<'a, T: Send + 'a>(&self, answer: Pending<'a, T>) -> Pending<'a, T> {
        match self.1 {
            Manner::Expires if EXPIRED.load(Ordering::SeqCst) => {
                Box::pin(async { Err(Error::new(ErrorKind::Denied, "the token has expired")) })
            }
            Manner::ReadOnly | Manner::Expires => answer,
            Manner::Away => Box::pin(async { Err(Error::new(ErrorKind::Unavailable, "nobody answers")) }),
        }
    }

    fn writes<'a, T: Send + 'a>(&self, answer: Pending<'a, T>) -> Pending<'a, T> {
        match self.1 {
            Manner::ReadOnly => Box::pin(async { Err(Error::new(ErrorKind::Denied, "you may not write")) }),
            Manner::Away | Manner::Expires => self.reads(answer),
        }
    }
}

impl Store for Odd {
    fn get<'a>(&'a self, at: &'a Location) -> Pending<'a, Option<Vec<u8>>> {
        self.reads(self.0.get(at))
    }
    fn fetch<'a>(&'a self, at: &'a Location, range: Range<u64>, sink: Sink<'a>) -> Pending<'a, Option<u64>> {
        self.reads(self.0.fetch(at, range, sink))
    }
    fn create<'a>(&'a self, at: &'a Location, bytes: &'a [u8]) -> Pending<'a, Created> {
        self.writes(self.0.create(at, bytes))
    }
    fn create_from<'a>(&'a self, at: &'a Location, file: &'a Path) -> Pending<'a, Created> {
        self.writes(self.0.create_from(at, file))
    }
    fn size<'a>(&'a self, at: &'a Location) -> Pending<'a, Option<u64>> {
        self.reads(self.0.size(at))
    }
    fn list<'a>(&'a self, prefix: &'a Prefix, visit: Visit<'a>) -> Pending<'a, ()> {
        self.reads(self.0.list(prefix, visit))
    }
    fn list_level<'a>(&'a self, prefix: &'a Prefix, visit: VisitLevel<'a>) -> Pending<'a, ()> {
        self.reads(self.0.list_level(prefix, visit))
    }
    fn remove<'a>(&'a self, at: &'a Location) -> Pending<'a, bool> {
        self.writes(self.0.remove(at))
    }
    fn describe(&self) -> String {
        self.0.describe()
    }
}

/// The machine `name`, whose remote answers in that manner.
fn with_odd(machines: &Machines, name: &str, manner: Manner) -> Watched {
    Watched::open(machines.builder(name).wrap_stores(odd(manner)))
}

fn offline(machines: &Machines, name: &str) -> Watched {
    Watched::open(machines.builder(name).offline(true))
}

fn unpushed(lake: &Lake) -> Vec<String> {
    lake.status().unwrap().unpushed.into_iter().flat_map(|row| row.uids).map(|uid| uid.to_string()).collect()
}

fn outcomes(lake: &Lake, which: &[&str]) -> Vec<PushOutcome> {
    lake.push(which).unwrap().items.into_iter().map(|item| item.outcome).collect()
}

#[track_caller]
fn says_how_to_go_on<T: Debug>(result: Result<T>) {
    check_error(result, ErrorKind::Unavailable, &["nobody answers", "DATLAKE_OFFLINE=1"]);
}

#[test]
fn where_the_remote_is_away_the_error_names_the_switch() {
    let machines = Machines::new();
    let first = machines.machine("a");
    let text = first.add_bytes("a.txt", "some").unwrap();
    first.ok("ran upper", || upper(&text));
    let a = with_odd(&machines, "a", Manner::Away);
    // What is here needs nobody, and whether it was replaced is not known.
    a.ok("hit upper, not checked a.txt", || upper(&File::get("a.txt")?));
    says_how_to_go_on(a.add_bytes("b.txt", "other"));
    says_how_to_go_on(a.file("nobody.txt").map(drop));
    says_how_to_go_on(a.pull(&[]));
}

#[test]
fn a_remote_that_cannot_be_opened_is_away() {
    let folder = tempfile::tempdir().unwrap();
    let builder = || Lake::builder().home(folder.path().join("home")).remote("file:///proc/none/lake");
    let lake = builder().open().unwrap();
    check_error(lake.add_bytes("a.txt", "some"), ErrorKind::Unavailable, &["cannot be reached", "DATLAKE_OFFLINE=1"]);
    builder().offline(true).open().unwrap().add_bytes("a.txt", "some").unwrap();
}

#[test]
fn offline_a_lake_works_on_its_own_and_pushes_later() {
    let machines = Machines::new();
    machines.machine("a").add_bytes("shared.txt", "shared").unwrap();
    let a = offline(&machines, "a");
    assert!(a.is_offline() && a.remote().is_none());
    assert!(unpushed(&a).is_empty(), "what the remote knows is no news to it");
    let text = a.add_bytes("texts/own.txt", "to be or").unwrap();
    let (tree, numbers) = a.ok("ran words", || words(&text));
    a.ok("ran twice", || twice(&text, "results/twice.txt"));
    a.ok("hit twice", || twice(&text, "results/twice.txt"));
    assert_eq!(unpushed(&a).len(), 3);
    check_error(a.push(&[]), ErrorKind::Config, &["offline"]);
    check_error(a.remove("shared.txt"), ErrorKind::Unavailable, &["offline", "shared.txt"]);
    let b = machines.machine("b");
    check_error(b.file("texts/own.txt"), ErrorKind::NotFound, &[]);

    let a = machines.machine("a");
    assert_eq!(outcomes(&a, &[]), [PushOutcome::Sent; 3]);
    assert_eq!((unpushed(&a).len(), a.push(&[]).unwrap().items.len()), (0, 0));
    let text = b.file("texts/own.txt").unwrap();
    let (there, same) = b.ok("downloaded texts/own.txt, hit twice, hit words", || {
        text.read()?;
        twice(&text, "results/twice.txt")?;
        words(&text)
    });
    assert_eq!((there.names().unwrap(), same), (tree.names().unwrap(), numbers));
    assert_eq!(there.get("be.txt").unwrap().read_to_string().unwrap(), "be");
    assert_eq!(b.upstream("results/twice.txt", 9).unwrap().nodes.len(), 2);
}

#[test]
fn what_is_missing_offline_is_said_to_be_elsewhere() {
    let machines = Machines::new();
    machines.machine("a").add_bytes("a.txt", "some").unwrap();
    // Only its name is here.
    machines.machine("b").file("a.txt").unwrap();
    let b = offline(&machines, "b");
    check_error(b.file("a.txt").unwrap().read(), ErrorKind::MissingBlob, &["a.txt", "offline"]);
    check_error(b.file("b.txt"), ErrorKind::NotFound, &["offline"]);
}

#[test]
fn with_a_remote_that_may_only_be_read_hits_work_and_outputs_stay() {
    let machines = Machines::new();
    let first = machines.machine("a");
    let text = first.add_bytes("a.txt", "some").unwrap();
    first.ok("ran upper", || upper(&text));
    let before = files_below(&machines.remote());

    let b = with_odd(&machines, "b", Manner::ReadOnly);
    let text = b.ok("downloaded a.txt, hit upper", || {
        let text = File::get("a.txt")?;
        text.read()?;
        upper(&text)?;
        Ok::<_, Error>(text)
    });
    let (out, events) = {
        let _current = b.enter();
        (twice(&text, "results/b.txt").unwrap(), b.events())
    };
    assert!(events.iter().any(|event| matches!(event, Event::Refused { .. })), "{events:?}");
    b.add_bytes("own.txt", "b's own").unwrap();
    b.ok("ran words", || words(&text));
    assert!(!b.events().iter().any(|event| matches!(event, Event::Refused { .. })), "told once");
    assert_eq!((out.read_to_string().unwrap().as_str(), files_below(&machines.remote())), ("somesome", before));
    assert_eq!(unpushed(&b).len(), 3);
    check_error(b.push(&[]), ErrorKind::Denied, &["may not write"]);
    // What another has by that name is not to be had, also where nobody could say so at the remote.
    check_error(b.add_bytes("a.txt", "other"), ErrorKind::AlreadyExists, &["a.txt"]);

    let b = machines.machine("b");
    assert_eq!(outcomes(&b, &[]), [PushOutcome::Sent; 3]);
    assert!(unpushed(&b).is_empty());
    assert_eq!(machines.machine("c").file("results/b.txt").unwrap().read_to_string().unwrap(), "somesome");
}

#[test]
fn a_record_goes_with_what_was_made_from_it_and_so_does_one_that_lost_to_it() {
    let machines = Machines::new();
    let a = offline(&machines, "a");
    let lost = a.ok("ran unsteady", || unsteady("x"));
    let b = machines.machine("b");
    b.ok("ran unsteady", || unsteady("x"));
    let a = machines.machine("a");
    assert_eq!(outcomes(&a, &[]), [PushOutcome::Lost]);
    let counts = a.ok("hit unsteady", || unsteady("x"));
    assert_ne!(lost.digest(), counts.digest());
    a.ok("downloaded unsteady.txt, ran twice", || twice(&counts, "results/a.txt"));

    // At another remote neither is yet.
    std::fs::remove_dir_all(machines.remote()).unwrap();
    machines.machine("new").add_bytes("n.txt", "new").unwrap();
    let a = machines.machine("a");
    assert_eq!(a.accept_remote().unwrap(), 3);
    assert_eq!(unpushed(&a).len(), 3, "as many as were marked");
    assert_eq!(outcomes(&a, &["results/a.txt"]), [PushOutcome::Sent; 3]);
    assert_eq!(machines.machine("c").ok("hit unsteady", || unsteady("x")).digest(), counts.digest());
}

#[test]
fn a_push_that_lost_its_key_says_so_and_keeps_lineage_resolvable() {
    let machines = Machines::new();
    let a = offline(&machines, "a");
    let made = a.ok("ran unsteady", || unsteady("x"));
    let result = a.ok("ran twice", || twice(&made, "results/a.txt"));
    let b = machines.machine("b");
    let first = b.ok("ran unsteady", || unsteady("x"));
    assert_ne!(made.digest(), first.digest());

    let a = machines.machine("a");
    let mut items = a.push(&[]).unwrap().items;
    items.sort_by_key(|item| item.outcome == PushOutcome::Sent);
    assert_eq!([items[0].outcome, items[1].outcome], [PushOutcome::Lost, PushOutcome::Sent]);
    assert!(items[0].why.as_ref().unwrap().contains("another machine"), "{items:?}");
    assert!(unpushed(&a).is_empty());
    // From now on the other's counts, everywhere.
    assert_eq!(a.ok("hit unsteady", || unsteady("x")).digest(), first.digest());
    for name in ["a", "c"] {
        let lake = machines.machine(name);
        let ancestry = lake.upstream("results/a.txt", 9).unwrap();
        let input = &ancestry.nodes[1];
        assert_eq!((input.digest, input.state), (made.digest(), UpstreamState::Replaced), "{name}");
        assert!(input.call.as_ref().is_some_and(|(creator, _)| creator.as_str().ends_with("unsteady")), "{input:?}");
        assert_eq!(lake.file("results/a.txt").unwrap().digest(), result.digest());
    }
    assert!(blob_in(&machines.remote(), &made).exists(), "its content is lost");
}

#[test]
fn a_part_is_pushed_with_what_it_was_made_from() {
    let machines = Machines::new();
    let a = offline(&machines, "a");
    let raw = a.add_bytes("raw.txt", "raw").unwrap();
    let other = a.add_bytes("other/raw.txt", "other").unwrap();
    a.ok("ran twice ×2, ran upper", || twice(&upper(&raw)?, "results/one.txt").and(twice(&other, "other/two.txt")));
    let a = machines.machine("a");
    assert_eq!(a.push(&["results"]).unwrap().items.len(), 3);
    assert_eq!(unpushed(&a), ["other/two.txt", "other/raw.txt"]);
    assert_eq!(machines.machine("b").upstream("results/one.txt", 9).unwrap().nodes.len(), 3);
    assert_eq!(a.push(&["results/one.txt"]).unwrap().items.len(), 0);
    check_error(a.push(&["result"]), ErrorKind::NotFound, &["result"]);
    assert_eq!(a.push(&["@"]).map(|push| push.items.len()).unwrap_or(0), 0);
}

#[test]
fn one_damaged_item_is_no_obstacle_to_the_others() {
    let machines = Machines::new();
    let a = offline(&machines, "a");
    let bad = a.add_bytes("bad.txt", "bad").unwrap();
    a.add_bytes("good.txt", "good").unwrap();
    std::fs::remove_file(a.blob_of(&bad)).unwrap();
    let a = machines.machine("a");
    let items = a.push(&[]).unwrap().items;
    let of = |what: &str| items.iter().find(|item| item.what == what).unwrap();
    assert_eq!((of("bad.txt").outcome, of("good.txt").outcome), (PushOutcome::Failed, PushOutcome::Sent));
    assert!(of("bad.txt").why.as_ref().unwrap().contains("bad.txt"));
    assert_eq!(unpushed(&a), ["bad.txt"]);
    check_error(machines.machine("b").file("bad.txt"), ErrorKind::NotFound, &[]);
}

#[test]
fn a_push_replaces_content_that_was_damaged_there_and_sends_none_that_was_damaged_here() {
    let machines = Machines::new();
    machines.machine("b").add_bytes("other.txt", "other").unwrap();
    let a = offline(&machines, "a");
    let files = ["good", "bad"].map(|name| a.add_bytes(&format!("{name}.txt"), name.repeat(100)).unwrap());
    for file in &files {
        let blob = blob_in(&machines.remote(), file);
        std::fs::create_dir_all(blob.parent().unwrap()).unwrap();
        std::fs::write(blob, "cut short").unwrap();
    }
    overwrite(&a.blob_of(&files[1]), |bytes| bytes[0] ^= 1);
    let a = machines.machine("a");
    let push = a.push(&[]).unwrap();
    let of = |what: &str| push.items.iter().find(|item| item.what == what).unwrap();
    assert_eq!(
        (push.blobs, of("good.txt").outcome, of("bad.txt").outcome),
        (1, PushOutcome::Sent, PushOutcome::Failed)
    );
    assert!(of("bad.txt").why.as_ref().unwrap().contains("damaged"), "{push:?}");
    assert_eq!(machines.machine("b").file("good.txt").unwrap().read_to_string().unwrap(), "good".repeat(100));
    assert_eq!(std::fs::read(blob_in(&machines.remote(), &files[1])).unwrap(), b"cut short");
}

#[test]
fn what_is_pulled_is_there_when_the_remote_is_not() {
    let machines = Machines::new();
    let a = machines.machine("a");
    let text = a.add_bytes("texts/a.txt", "to be").unwrap();
    a.add_bytes("other.txt", "other").unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x"), "1").unwrap();
    a.add_tree("texts/tree", folder.path()).unwrap();
    a.ok("ran twice, ran upper, ran words", || {
        words(&text)?;
        twice(&upper(&text)?, "texts/twice.txt")
    });
    let b = machines.machine("b");
    // a.txt, the tree, its range and the file in it, twice.txt.
    let pulled = b.pull(&["texts"]).unwrap();
    assert_eq!((pulled.blobs, pulled.damaged.len()), (5, 0), "{pulled:?}");
    assert_eq!(b.pull(&["texts"]).unwrap().fetched, 0);
    check_error(b.pull(&["text"]), ErrorKind::NotFound, &["text"]);
    b.happened();
    let b = offline(&machines, "b");
    b.ok("hit twice, hit upper", || {
        let twice = twice(&upper(&File::get("texts/a.txt")?)?, "texts/twice.txt")?;
        assert_eq!(twice.read_to_string()?, "TO BETO BE");
        Tree::get_uid("texts/tree")?.get("x")?.read()
    });
    check_error(b.file("other.txt"), ErrorKind::NotFound, &[]);

    let c = machines.machine("c");
    let pulled = c.pull(&[]).unwrap();
    assert!(pulled.damaged.is_empty() && pulled.fetched > 4, "{pulled:?}");
    assert_eq!(c.pull(&[]).unwrap().fetched, 0);
    let c = offline(&machines, "c");
    let (tree, _) = c.ok("hit words", || words(&File::get("texts/a.txt")?));
    assert_eq!(tree.get("be.txt").unwrap().read_to_string().unwrap(), "be");
}

#[test]
fn a_running_program_that_learns_what_was_removed_runs_it_again() {
    let machines = Machines::new();
    let (a, b) = (machines.machine("a"), machines.machine("b"));
    let text = a.add_bytes("a.txt", "some").unwrap();
    let upper_of = |lake: &Lake| upper(&lake.file("a.txt")?);
    let made = a.ok("ran upper", || upper(&text));
    b.ok("hit upper", || upper_of(&b));
    a.remove(made.uid().unwrap().as_str()).unwrap();
    b.ok("hit upper", || upper_of(&b));
    b.pull(&[]).unwrap();
    b.happened();
    b.ok("ran upper", || upper_of(&b));
}

#[test]
fn the_twins_push_and_pull() {
    let machines = Machines::new();
    offline(&machines, "a").add_bytes("a.txt", "some").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        assert_eq!(machines.machine("a").push_async(&[]).await.unwrap().blobs, 1);
        assert_eq!(machines.machine("b").pull_async(&["a.txt"]).await.unwrap().fetched, 1);
    });
}

#[test]
fn what_a_body_made_while_its_credentials_ran_out_is_kept_and_pushed_later() {
    #[file_creator]
    fn long(n: u32, output_uid: &str) -> Result<File> {
        EXPIRED.store(true, Ordering::SeqCst);
        File::from_bytes(output_uid, n.to_string())
    }
    let machines = Machines::new();
    let lake = Watched::open(machines.builder("a").wrap_stores(odd(Manner::Expires)));
    {
        let _current = lake.enter();
        assert_eq!(long(7, "seven.txt").unwrap().read().unwrap(), b"7");
    }
    assert_eq!(lake.status().unwrap().unpushed.len(), 1);
    drop(lake);
    let again = machines.machine("a");
    assert_eq!(again.push(&[]).unwrap().items.len(), 1);
    assert_eq!(machines.machine("b").file("seven.txt").unwrap().read().unwrap(), b"7");
}
