//! Lines to a Ceph object gateway that are slow, break, or fall silent: nothing is lost, nothing is half there, every error
//! says that the server is away, and when the line is mended everything goes on.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Barrier};
use std::time::Duration;

use datlake_core::{Created, Digest, ErrorKind, Location, Prefix, Result, Store, Uid, WHOLE};

use crate::large::{Hasher, noise};
use crate::proxy::{How, Proxy, Way, Wrong, breaking, numbers};
use crate::servers::Server;

const MIB: u64 = 1 << 20;

/// A lake on a server, and a line to it.
struct Remote {
    server: Server,
    proxy: Proxy,
}

impl Remote {
    fn on_ceph(test: &str) -> Option<Self> {
        Some(Self::at(Server::rgw(test)?))
    }

    fn at(server: Server) -> Self {
        let (_, endpoint) = server.variables.iter().find(|(name, _)| name == "AWS_ENDPOINT_URL").unwrap();
        let proxy = Proxy::before(endpoint);
        Self { server, proxy }
    }

    /// Another line to the same lake.
    fn another(&self) -> Self {
        Self::at(Server { url: self.server.url.clone(), variables: self.server.variables.clone() })
    }

    /// Whoever speaks with the server over the line, with connections of their own.
    fn far(&self) -> Arc<dyn Store> {
        self.server.with("AWS_ENDPOINT_URL", &self.proxy.endpoint).store()
    }

    /// Whoever is beside the server.
    fn near(&self) -> Arc<dyn Store> {
        self.server.store()
    }
}

fn name(uid: &str) -> Location {
    Location::Name(Uid::chosen(uid).unwrap())
}

fn create(store: &dyn Store, at: &Location, bytes: &[u8]) -> Result<Created> {
    pollster::block_on(store.create(at, bytes))
}

fn size(store: &dyn Store, at: &Location) -> Result<Option<u64>> {
    pollster::block_on(store.size(at))
}

fn digest_of(store: &dyn Store, at: &Location) -> Result<Option<Digest>> {
    let mut sink = Hasher(blake3::Hasher::new());
    let found = pollster::block_on(store.fetch(at, WHOLE, &mut sink))?;
    Ok(found.map(|_| Digest::from_bytes(*sink.0.finalize().as_bytes())))
}

fn listed(store: &dyn Store, prefix: &Prefix) -> Result<usize> {
    let mut found = 0;
    let mut visit = |_| {
        found += 1;
        ControlFlow::Continue(())
    };
    pollster::block_on(store.list(prefix, &mut visit))?;
    Ok(found)
}

/// A file of that size, and where it goes.
fn content(folder: &Path, size: u64) -> (std::path::PathBuf, Location, Digest) {
    let file = folder.join(format!("{size}"));
    let digest = noise(&file, size);
    (file, Location::Blob(digest), digest)
}

#[test]
fn a_line_that_breaks_anywhere_costs_another_try() {
    let Some(remote) = Remote::on_ceph("a_line_that_breaks_anywhere_costs_another_try") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (near, mut number) = (remote.near(), numbers(1, 1 << 20));
    let mut places = vec![0, 1, 300, 700, 1_200, 2_000, 3_000, 4_500, 1_050_000];
    places.extend((0..12).map(|_| number()));
    for (round, after) in places.into_iter().enumerate() {
        for (way, how) in [(Way::Up, How::Close), (Way::Down, How::Reset)] {
            let what = format!("{way:?} {after} {how:?}");
            remote.proxy.goes_wrong(move |n| if n == 0 { Wrong::ends(way, after, how) } else { Wrong::default() });
            let (far, at) = (remote.far(), name(&format!("{round}/{way:?}")));
            let (file, blob, digest) = content(folder.path(), MIB + u64::try_from(after + way as usize).unwrap());

            assert_eq!(create(&*far, &at, b"mine").unwrap(), Created::New, "{what}");
            assert_eq!(create(&*far, &at, b"theirs").unwrap(), Created::Exists, "{what}");
            assert_eq!(pollster::block_on(far.get(&at)).unwrap().unwrap(), b"mine", "{what}");
            assert_eq!(pollster::block_on(far.create_from(&blob, &file)).unwrap(), Created::New, "{what}");
            assert_eq!(digest_of(&*far, &blob).unwrap(), Some(digest), "{what}");
            assert_eq!(listed(&*far, &Prefix::Blobs).unwrap(), 1, "{what}");
            assert!(pollster::block_on(far.remove(&blob)).unwrap(), "{what}");
            assert_eq!(pollster::block_on(near.get(&at)).unwrap().unwrap(), b"mine", "{what}");
            assert_eq!(size(&*near, &blob).unwrap(), None, "{what}");
        }
    }
    assert!(remote.proxy.broken() >= 20, "the line broke {} times only", remote.proxy.broken());
}

#[test]
fn parts_arrive_over_a_line_that_breaks_all_the_time() {
    let Some(remote) = Remote::on_ceph("parts_arrive_over_a_line_that_breaks_all_the_time") else { return };
    let folder = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let (file, blob, digest) = content(folder.path(), 40 * MIB + round);
        remote.proxy.goes_wrong(breaking(2 * round, 8 << 20));
        let far = remote.far();
        assert_eq!(pollster::block_on(far.create_from(&blob, &file)).unwrap(), Created::New);
        assert_eq!(digest_of(&*remote.near(), &blob).unwrap(), Some(digest));

        remote.proxy.goes_wrong(breaking(2 * round + 1, 8 << 20));
        assert_eq!(digest_of(&*remote.far(), &blob).unwrap(), Some(digest));
    }
    assert!(remote.proxy.broken() > 3, "it broke {} times only", remote.proxy.broken());
}

#[test]
fn a_listing_over_a_line_that_breaks_is_whole() {
    let Some(remote) = Remote::on_ceph("a_listing_over_a_line_that_breaks_is_whole") else { return };
    let near = remote.near();
    std::thread::scope(|scope| {
        for worker in 0..8 {
            let near = &near;
            scope.spawn(move || {
                for n in 0..150 {
                    create(&**near, &name(&format!("{worker}/{n}")), b"x").unwrap();
                }
            });
        }
    });
    for round in 0..12 {
        remote.proxy.goes_wrong(breaking(round, 400_000));
        assert_eq!(listed(&*remote.far(), &Prefix::Names).unwrap(), 1200);
    }
    assert!(remote.proxy.broken() > 3, "it broke {} times only", remote.proxy.broken());
}

#[test]
fn a_line_that_is_slow_or_falls_silent_is_waited_for_and_then_left() {
    let Some(mut remote) = Remote::on_ceph("a_line_that_is_slow_or_falls_silent_is_waited_for_and_then_left") else {
        return;
    };
    remote.server = remote.server.with("AWS_TIMEOUT", "1s");
    let slow = |_| Wrong { delay: Duration::from_millis(5), end: None };
    let silent = |way, after| move |n| if n < 2 { Wrong::ends(way, after, How::Silence) } else { Wrong::default() };
    remote.proxy.goes_wrong(slow);
    assert_eq!(create(&*remote.far(), &name("slow"), b"mine").unwrap(), Created::New);
    for (uid, way, after) in [("a", Way::Up, 0), ("b", Way::Up, 900), ("c", Way::Down, 0), ("d", Way::Down, 500)] {
        remote.proxy.goes_wrong(silent(way, after));
        let far = remote.far();
        assert_eq!(create(&*far, &name(uid), b"mine").unwrap(), Created::New, "{uid}");
        assert_eq!(pollster::block_on(far.get(&name(uid))).unwrap().unwrap(), b"mine", "{uid}");
    }
    assert!(remote.proxy.broken() >= 4, "it was silent {} times only", remote.proxy.broken());
}

/// It is away, and the error says which store that is.
#[track_caller]
fn is_away<T: std::fmt::Debug>(remote: &Remote, what: &str, done: Result<T>) {
    let error = done.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{what}: {error}");
    assert!(error.to_string().contains(&remote.server.url), "{what}: {error}");
}

/// Not even a question gets through.
fn dead(_: usize) -> Wrong {
    Wrong::ends(Way::Up, 350, How::Reset)
}

#[test]
fn a_transfer_that_breaks_for_good_leaves_nothing_and_goes_on_when_the_line_is_mended() {
    let Some(remote) =
        Remote::on_ceph("a_transfer_that_breaks_for_good_leaves_nothing_and_goes_on_when_the_line_is_mended")
    else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (near, far) = (remote.near(), remote.far());
    let (old, new) = (content(folder.path(), 40 * MIB), content(folder.path(), 41 * MIB));
    assert_eq!(pollster::block_on(near.create_from(&old.1, &old.0)).unwrap(), Created::New);
    std::thread::scope(|scope| {
        let [up, down] = [Way::Up, Way::Down].map(|way| {
            let remote = remote.another();
            // Much gets through.
            remote.proxy.goes_wrong(move |n| if n < 3 { Wrong::ends(way, 10 << 20, How::Reset) } else { dead(n) });
            remote
        });
        let (new, old) = (&new, &old);
        scope.spawn(move || is_away(&up, "upload", pollster::block_on(up.far().create_from(&new.1, &new.0))));
        scope.spawn(move || is_away(&down, "download", digest_of(&*down.far(), &old.1)));
    });
    assert_eq!(size(&*near, &new.1).unwrap(), None, "half of it is there");
    assert_eq!(pollster::block_on(far.create_from(&new.1, &new.0)).unwrap(), Created::New);
    assert_eq!(digest_of(&*far, &new.1).unwrap(), Some(new.2));
    assert_eq!(digest_of(&*far, &old.1).unwrap(), Some(old.2));
    assert_eq!(listed(&*far, &Prefix::Blobs).unwrap(), 2);
}

#[test]
fn over_a_dead_line_everything_says_so_and_when_it_is_mended_goes_on() {
    let Some(remote) = Remote::on_ceph("over_a_dead_line_everything_says_so_and_when_it_is_mended_goes_on") else {
        return;
    };
    let (near, at) = (remote.near(), name("old"));
    assert_eq!(create(&*near, &at, b"old").unwrap(), Created::New);
    remote.proxy.goes_wrong(dead);
    let far = remote.far();
    std::thread::scope(|scope| {
        scope.spawn(|| is_away(&remote, "create", create(&*far, &name("new"), b"new")));
        scope.spawn(|| is_away(&remote, "get", pollster::block_on(far.get(&at))));
        scope.spawn(|| is_away(&remote, "list", listed(&*far, &Prefix::Names)));
        scope.spawn(|| is_away(&remote, "size", size(&*far, &at)));
        scope.spawn(|| is_away(&remote, "remove", pollster::block_on(far.remove(&at))));
    });
    assert_eq!(listed(&*near, &Prefix::Names).unwrap(), 1);
    remote.proxy.is_mended();
    assert_eq!(create(&*far, &name("new"), b"new").unwrap(), Created::New);
    assert_eq!(pollster::block_on(far.get(&at)).unwrap().unwrap(), b"old");
    assert!(pollster::block_on(far.remove(&at)).unwrap());
    assert_eq!(listed(&*far, &Prefix::Names).unwrap(), 1);
}

#[test]
fn of_many_machines_on_lines_that_break_one_creates() {
    let Some(remote) = Remote::on_ceph("of_many_machines_on_lines_that_break_one_creates") else { return };
    const MACHINES: u64 = 6;
    for round in 0..6 {
        remote.proxy.goes_wrong(breaking(round, 3_000));
        let (start, at) = (Barrier::new(MACHINES as usize), name(&format!("race/{round}")));
        let created: Vec<_> = std::thread::scope(|scope| {
            let machines: Vec<_> = (0..MACHINES)
                .map(|machine| {
                    let (far, start, at) = (remote.far(), &start, &at);
                    scope.spawn(move || {
                        start.wait();
                        let bytes = format!("machine {machine}");
                        (create(&*far, at, bytes.as_bytes()).unwrap(), bytes)
                    })
                })
                .collect();
            machines.into_iter().map(|machine| machine.join().unwrap()).collect()
        });
        let won: Vec<_> = created.iter().filter(|(created, _)| *created == Created::New).collect();
        assert_eq!(won.len(), 1, "round {round}: {created:?}");
        assert_eq!(pollster::block_on(remote.near().get(&at)).unwrap().unwrap(), won[0].1.as_bytes());
    }
}
