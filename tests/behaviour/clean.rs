//! What is left over at a remote: found, told, and cleared when it is old by the remote's own clock.

use std::convert::identity;
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use datlake::testing::{Created, Entry, Location, Pending, Prefix, Side, Store, Wrap};
use datlake::{CallKey, Digest, ErrorKind, Lake, Verify};
use datlake_core::claim::{Holder, Tried, claim, clear_left_over, left_over};
use datlake_core::{Sink, Visit, VisitLevel};

use crate::delegate::delegate;
use crate::support::{Machines, check_error, files_below};

/// A remote at which the claims of some calls are two days older than they are, and some uploads a day, more or less.
#[derive(Debug)]
struct Aged(Arc<dyn Store>);

const OLD: [u8; 3] = [1, 3, 4];

/// Uploads with this id are so many hours older.
pub(crate) const UPLOADS: [(&[u8], u64); 2] = [(b"young", 23), (b"old", 25)];
/// And parts of uploads.
pub(crate) const PARTS: [(&[u8], u64); 2] = [(b"of a week", 7 * 24 + 23), (b"of more", 8 * 24 + 1)];

/// The clock of a remote goes wrong for these.
pub(crate) fn aging() -> Wrap {
    Arc::new(|side, store| match side {
        Side::Local => store,
        Side::Remote => Arc::new(Aged(store)),
    })
}

fn key(n: u8) -> CallKey {
    CallKey::from_bytes([n; 32])
}

impl Store for Aged {
    delegate!(0, identity: get fetch create create_from size list_level remove describe);

    fn list<'a>(&'a self, prefix: &'a Prefix, visit: Visit<'a>) -> Pending<'a, ()> {
        Box::pin(async move {
            let mut aged = |mut entry: Entry| {
                if let Location::Claim(of, _) | Location::Beat(of, 0..=1, _) = &entry.location
                    && OLD.iter().any(|n| *of == key(*n))
                {
                    entry.modified -= Duration::from_secs(2 * 24 * 60 * 60);
                }
                for (id, hours) in UPLOADS.into_iter().chain(PARTS) {
                    if let Location::Upload(of) | Location::Part(of, _) = entry.location
                        && of == Digest::of(id)
                    {
                        entry.modified -= Duration::from_secs(hours * 60 * 60);
                    }
                }
                visit(entry)
            };
            self.0.list(prefix, &mut aged).await
        })
    }
}

fn holder(lease: Duration) -> Holder {
    let text = |text: &str| text.to_owned();
    Holder {
        nonce: text("n"),
        home: text("h"),
        person: text("eve@example.org"),
        host: text("host"),
        process: 1,
        since: text("2026-11-19T00:00:00Z"),
        lease_ms: lease.as_millis() as u64,
        run: None,
        deaths: 0,
    }
}

/// The remote of `machines` as those claims make it.
fn aged(machines: &Machines) -> Arc<dyn Store> {
    let url = format!("file://{}", machines.remote().display());
    Arc::new(Aged(datlake_store::open_remote(&url, Default::default()).unwrap()))
}

fn claims(store: &dyn Store, n: u8, lease: Duration) {
    let tried = pollster::block_on(claim(store, &key(n), &holder(lease), None)).unwrap();
    let Tried::Won(mut claim) = tried else { panic!("nobody else is here") };
    assert!(pollster::block_on(claim.beat(store)).unwrap());
}

fn left(lake: &Lake) -> u64 {
    lake.verify(Verify::default(), &[]).unwrap().claims
}

#[test]
fn claims_of_holders_who_are_gone_are_found_and_cleared_and_those_at_work_are_not() {
    let machines = Machines::new();
    let lake = machines.builder("a").wrap_stores(aging()).open().unwrap();
    lake.add_bytes("a.txt", "some").unwrap();
    let store = aged(&machines);
    let minute = Duration::from_secs(60);
    claims(&*store, 1, minute);
    // One that is young, one whose holder promised no more, and one with a heartbeat.
    claims(&*store, 2, minute);
    claims(&*store, 3, 10 * 24 * 60 * minute);
    claims(&*store, 4, minute);
    pollster::block_on(store.create(&Location::Beat(key(4), 2, 7), b"")).unwrap();
    assert_eq!((left(&lake), lake.clean().unwrap().claims, left(&lake)), (1, 1, 0));
    let stay = files_below(&machines.remote().join("claims"));
    assert!(
        [2, 3, 4].iter().all(|n| stay.iter().any(|path| path.display().to_string().contains(&key(*n).to_string())))
    );
    assert!(!stay.iter().any(|path| path.display().to_string().contains(&key(1).to_string())), "{stay:?}");
    assert!(lake.verify(Verify::default(), &[]).unwrap().findings.is_empty());
    // Whoever looked what time it is left nothing.
    assert_eq!(files_below(&machines.remote().join("uses")).len(), 0);
}

#[test]
fn a_claim_that_is_taken_over_meanwhile_is_not_cleared() {
    let machines = Machines::new();
    machines.machine("a").add_bytes("a.txt", "some").unwrap();
    let store = aged(&machines);
    claims(&*store, 1, Duration::from_secs(60));
    let now = std::time::SystemTime::now();
    let left = pollster::block_on(left_over(&*store, Duration::from_secs(3600), now)).unwrap();
    assert_eq!(left.len(), 1);
    pollster::block_on(store.create(&Location::Claim(key(1), 1), b"another's")).unwrap();
    assert!(!pollster::block_on(clear_left_over(&*store, &left[0])).unwrap());
    assert_eq!(files_below(&machines.remote().join("claims")).len(), 3);
}

#[test]
fn there_is_nothing_to_tidy_without_a_remote() {
    check_error(Lake::temp().unwrap().clean(), ErrorKind::Config, &["DATLAKE_REMOTE"]);
    let machines = Machines::new();
    check_error(machines.builder("a").offline(true).open().unwrap().clean(), ErrorKind::Config, &["offline"]);
    assert_eq!(machines.machine("a").clean().unwrap().claims, 0);
    assert!(fs::metadata(machines.remote()).is_err(), "the remote was made");
}
