//! Claims between machines: in every order of their steps, a call's body runs once, and once more for each holder that dies.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use datlake_core::catalog::{Commit, Published};
use datlake_core::claim::{Claim, Holder, Seen, Tried, Watch, claim};
use datlake_core::{Catalog, Location, Result};

use proptest::collection;
use proptest::prelude::*;

use super::calls::Call;
use super::explore::{Actor, End, Model, Outcome, Verdict};
use super::memory::{REMOTE, World};
use super::scene::{PLAIN, now};

/// How often somebody who waits looks, before it gives up.
const LOOKS: usize = 2;

const TWO: [&str; 2] = ["one", "two"];

/// A step that a protocol without it would lack.
#[derive(Clone, Copy, PartialEq)]
enum Omitted {
    Nothing,
    /// Whoever wins the claim does not look for the record again.
    SecondLook,
    /// A holder that ran its body gives the claim back before the record is there.
    Order,
    /// Nobody claims anything.
    Claim,
}

/// A program on a machine that makes a call.
#[derive(Clone)]
struct Machine {
    who: usize,
    home: &'static str,
    /// Whether it takes a holder for dead that is not.
    hasty: bool,
    omitted: Omitted,
    dead: Arc<Mutex<BTreeSet<String>>>,
}

/// Dies with the program.
struct Life<'m>(&'m Machine, bool);

impl Drop for Life<'_> {
    fn drop(&mut self) {
        if !self.1 {
            self.0.dead.lock().unwrap().insert(self.0.nonce());
        }
    }
}

impl Machine {
    fn nonce(&self) -> String {
        format!("n{}", self.who)
    }

    fn holder(&self) -> Holder {
        let text = String::new;
        Holder {
            nonce: self.nonce(),
            home: text(),
            person: text(),
            host: text(),
            process: 1,
            since: text(),
            lease_ms: 1,
            run: None,
            deaths: 0,
        }
    }

    async fn act(self, world: World) -> Result<Outcome> {
        let mut life = Life(&self, false);
        let outcome = self.call(&world.catalog(Some(self.who), self.home, true)).await;
        life.1 = true;
        outcome
    }

    async fn call(&self, catalog: &Catalog) -> Result<Outcome> {
        let remote = catalog.remote.clone().unwrap();
        let mut suspect: Option<Seen> = None;
        for _ in 0..LOOKS {
            if let Some(record) = PLAIN.record(catalog).await? {
                return Ok(Outcome::Hit(record.digest));
            }
            if self.omitted == Omitted::Claim {
                return self.run(catalog, None).await;
            }
            match claim(&*remote, &PLAIN.key(), &self.holder(), suspect.as_ref()).await? {
                Tried::Won(mut claim) => {
                    let again = match self.omitted {
                        Omitted::SecondLook => None,
                        _ => PLAIN.record(catalog).await?,
                    };
                    if let Some(record) = again {
                        claim.release(&*remote, true).await?;
                        return Ok(Outcome::Hit(record.digest));
                    }
                    claim.beat(&*remote).await?;
                    return self.run(catalog, Some(claim)).await;
                }
                Tried::Held(seen) => {
                    let is_dead =
                        seen.holder.as_ref().is_some_and(|holder| self.dead.lock().unwrap().contains(&holder.nonce));
                    suspect = (self.hasty || is_dead).then_some(seen);
                }
            }
        }
        Ok(Outcome::Done)
    }

    /// Runs the body, publishes, gives the claim back.
    async fn run(&self, catalog: &Catalog, claim: Option<Claim>) -> Result<Outcome> {
        let remote = catalog.remote.clone().unwrap();
        let mut claim = claim;
        if self.omitted == Omitted::Order
            && let Some(claim) = claim.take()
        {
            claim.release(&*remote, false).await?;
        }
        let publication = PLAIN.publication(PLAIN.key(), &self.nonce(), catalog.since().await?);
        let outcome = match catalog.publish(&publication).await? {
            Commit::Done(Published::Ours(record)) => Outcome::Ours(record.digest),
            Commit::Done(Published::Theirs(record)) => Outcome::Theirs(record.digest),
            Commit::Retry(_) => Outcome::Done,
        };
        if let Some(claim) = claim {
            claim.release(&*remote, true).await?;
        }
        Ok(outcome)
    }
}

/// Which claims there are, and whether the call has its record.
fn there(world: &World) -> (BTreeSet<u64>, bool) {
    let catalog = world.copy().catalog(None, "looks on", true);
    let remote = catalog.remote.clone().unwrap();
    let claims = (0..4).filter(|n| now(remote.size(&Location::Claim(PLAIN.key(), *n))).unwrap().is_some()).collect();
    let record = now(remote.size(&Location::Record(Call::creator(), PLAIN.key()))).unwrap().is_some();
    (claims, record)
}

fn explore(machines: &[&'static str], hasty: bool, deaths: usize, omitted: Omitted) -> Result<usize, String> {
    modelled(machines, hasty, deaths, omitted, |model| model.explore())
}

fn modelled<R>(
    machines: &[&'static str],
    hasty: bool,
    deaths: usize,
    omitted: Omitted,
    check: impl FnOnce(&Model<'_, BTreeSet<u64>>) -> R,
) -> R {
    let dead = Arc::new(Mutex::new(BTreeSet::new()));
    check(&Model {
        world: &World::coarse,
        actors: &|world| {
            dead.lock().unwrap().clear();
            let machine = |(who, home): (usize, &&'static str)| -> Actor {
                let machine = Machine { who, home, hasty: hasty && who == 1, omitted, dead: Arc::clone(&dead) };
                Box::pin(machine.act(world.clone()))
            };
            machines.iter().enumerate().map(machine).collect()
        },
        deaths,
        always: &|world, before: &mut BTreeSet<u64>| {
            let (claims, record) = there(world);
            let gone = before.difference(&claims).next().copied();
            *before = claims;
            match gone {
                Some(n) if !record => Err(format!("claim {n} went before the record was there")),
                _ => Ok(()),
            }
        },
        finally: &|world, ends| finally(world, ends, hasty),
    })
}

fn finally(world: &World, ends: &[End], hasty: bool) -> Verdict {
    let ran = |end: &&End| matches!(end, End::Finished(Outcome::Ours(_) | Outcome::Theirs(_)));
    let won = |end: &&End| matches!(end, End::Finished(Outcome::Ours(_)));
    let killed = ends.iter().filter(|end| matches!(end, End::Killed)).count();
    if let Some(failed) = ends.iter().find(|end| matches!(end, End::Failed(_))) {
        return Err(format!("{failed:?}"));
    }
    if !hasty && ends.iter().filter(ran).count() > 1 {
        return Err("the body ran twice".to_owned());
    }
    if killed == 0 {
        if ends.iter().filter(won).count() != 1 {
            return Err("nobody died, and not one record won".to_owned());
        }
        let (claims, _) = there(world);
        if !claims.is_empty() {
            return Err(format!("nobody died, and claims are left: {claims:?} in {REMOTE}"));
        }
    }
    Ok(())
}

#[test]
fn machines_that_make_one_call_run_its_body_once() {
    for deaths in [0, 1] {
        let states = explore(&TWO, false, deaths, Omitted::Nothing).unwrap_or_else(|why| panic!("{why}"));
        assert!(states > 100, "{states} states");
    }
}

#[test]
fn a_holder_that_is_taken_for_dead_and_is_not_ends_harmlessly() {
    for deaths in [0, 1] {
        explore(&TWO, true, deaths, Omitted::Nothing).unwrap_or_else(|why| panic!("{why}"));
    }
}

proptest! {
    #[test]
    fn many_machines_in_some_order(hasty: bool, deaths in 0..3_usize, choices in collection::vec((any::<u8>(), prop::bool::weighted(0.02)), 0..120)) {
        let machines = ["one", "two", "three", "four"];
        modelled(&machines, hasty, deaths, Omitted::Nothing, |model| model.walk(&choices)).map_err(TestCaseError::fail)?;
    }
}

#[test]
fn each_step_of_the_protocol_is_needed() {
    for (omitted, says) in [
        (Omitted::SecondLook, "ran twice"),
        (Omitted::Order, "before the record was there"),
        (Omitted::Claim, "ran twice"),
    ] {
        let why = explore(&TWO, false, 0, omitted).unwrap_err();
        assert!(why.contains(says), "{why}");
    }
}

#[test]
fn a_holder_is_dead_after_a_lease_without_anything_new() {
    let second = Duration::from_secs;
    let named = |nonce: &str, lease_ms| {
        let text = String::new;
        Some(Holder {
            nonce: nonce.to_owned(),
            home: text(),
            person: text(),
            host: text(),
            process: 1,
            since: text(),
            lease_ms,
            run: None,
            deaths: 0,
        })
    };
    let holder = |lease_ms| named("one", lease_ms);
    let seen = |n, beat, holder| Seen { n, beat, holder };
    let mut watch = Watch::default();
    // Looks each second until `now`, from the last time on.
    let mut time = 1000;
    let mut dead = |seen: Seen, now: u64| {
        let mut dead = false;
        while time < now {
            time += 1;
            dead = watch.is_dead(&seen, second(time), second(time), second(100));
        }
        dead
    };
    assert!(!dead(seen(0, 0, holder(9_000)), 1001), "a first look proves nothing");
    assert!(!dead(seen(0, 0, holder(9_000)), 1010));
    assert!(!dead(seen(0, 1, holder(9_000)), 1011), "a heartbeat");
    assert!(!dead(seen(0, 1, holder(9_000)), 1020));
    assert!(dead(seen(0, 1, holder(9_000)), 1021));
    assert!(!dead(seen(1, 0, holder(9_000)), 1022), "another holder");
    assert!(!dead(seen(1, 0, None), 1122), "whose promise is not known");
    assert!(dead(seen(1, 0, None), 1123));
    assert!(!dead(seen(0, 0, named("one", 9_000)), 1130));
    assert!(!dead(seen(0, 0, named("two", 9_000)), 1140), "the first has ended, and another begun");
    assert!(dead(seen(0, 0, named("two", 9_000)), 1141));
    assert!(!dead(seen(2, 0, holder(u64::MAX)), 1742));
    assert!(dead(seen(2, 0, holder(u64::MAX)), 1743), "nobody is waited for for ever");
}

#[test]
fn a_time_in_which_nobody_could_look_is_no_silence() {
    let second = Duration::from_secs;
    let holder = || {
        let text = String::new;
        let (nonce, home, person, host, since) = (text(), text(), text(), text(), text());
        Holder { nonce, home, person, host, process: 1, since, lease_ms: 24_000, run: None, deaths: 0 }
    };
    let seen = |beat| Seen { n: 0, beat, holder: Some(holder()) };
    let mut watch = Watch::default();
    let mut looks = |beat, asked, now| watch.is_dead(&seen(beat), second(asked), second(now), second(100));
    assert!(!looks(1, 0, 0));
    // The store answered after a minute, or the watcher stood still before it, after it or in between.
    assert!(!looks(1, 3, 63), "what is seen may be from the beginning of the look");
    assert!(!looks(1, 123, 123));
    assert!(!looks(1, 126, 126), "the holder gets the time to send one");
    assert!(!looks(2, 129, 129), "and did");
    // The first look's time does not count, since what it saw may be from its end.
    assert!(!looks(3, 200, 300));
    for asked in [303, 306, 309, 312, 315, 318, 321, 324] {
        assert!(!looks(3, asked, asked));
    }
    assert!(looks(3, 327, 327));
}
