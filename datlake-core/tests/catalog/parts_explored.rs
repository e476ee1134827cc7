//! The model of uploads in parts, explored: what holds, and what breaks without each of its rules.

use datlake_core::{Digest, LogId};

use super::branches::{appended, begun, breaks};
use super::explore::{End, Model};
use super::memory::World;
use super::mistakes::Mistake::LosesReply;
use super::mistakes::Place::Remote;
use super::parts::{Job, Omitted, Serving, sound, told};
use super::scene::{holds, now};

/// What servers do at once with an upload that has these parts already.
struct Case<'c> {
    parts: &'c [(i64, &'static str)],
    jobs: &'c [Job],
    deaths: usize,
    omitted: Omitted,
    loses_reply: bool,
    /// Random orders, in place of all.
    orders: Option<u64>,
}

const CASE: Case<'static> =
    Case { parts: &[(1, "a")], jobs: &[], deaths: 0, omitted: Omitted::Nothing, loses_reply: false, orders: Some(300) };

impl Case<'_> {
    fn explore(&self) -> Result<usize, String> {
        let ([_, first], repository, _) = begun();
        let serving = |world: &World, who: Option<usize>, home| Serving {
            catalog: world.catalog(who, home, true),
            world: world.clone(),
            who,
            repository,
            omitted: self.omitted,
        };
        let looking = serving(&first, None, "home a");
        let LogId::Branch(_, _, place) = now(looking.state()).unwrap().log else { unreachable!() };
        now(looking.sql("begins", |table| table.insert("place".to_owned(), place.to_string().into_bytes())));
        for (at, (number, content)) in self.parts.iter().enumerate() {
            // Each by a server of its own.
            now(Serving { who: None, ..serving(&first, None, if at.is_multiple_of(2) { "home a" } else { "home b" }) }
                .puts_part(*number, content))
            .unwrap();
        }
        let first = first.with(self.loses_reply.then(|| LosesReply(appended(Remote))));
        let actors = |world: &World| {
            let home = |who: usize| if who.is_multiple_of(2) { "home a" } else { "home b" };
            self.jobs.iter().enumerate().map(|(who, job)| serving(world, Some(who), home(who)).does(*job)).collect()
        };
        let always = |world: &World, _: &mut ()| sound(world, self.omitted);
        let finally = |world: &World, ends: &[End]| told(world, self.jobs, ends);
        let model =
            Model { world: &|| first.copy(), actors: &actors, deaths: self.deaths, always: &always, finally: &finally };
        let Some(orders) = self.orders else { return model.explore() };
        for order in 0..orders {
            let digest = Digest::of(&order.to_le_bytes());
            let choices: Vec<_> =
                digest.as_bytes().iter().flat_map(|b| [(b & 15, b >> 4 == 7), (b >> 4, false)]).collect();
            model.walk(&choices)?;
        }
        Ok(usize::try_from(orders).unwrap())
    }
}

const WHOLE: Job = Job::Completes(&["a"]);

#[test]
fn an_upload_is_put_once_and_leaves_nothing() {
    holds(Case { jobs: &[WHOLE, WHOLE], deaths: 1, ..CASE }.explore());
    holds(Case { jobs: &[WHOLE, Job::Puts("y")], loses_reply: true, ..CASE }.explore());
    holds(Case { jobs: &[WHOLE, Job::Part(2, "b")], deaths: 1, ..CASE }.explore());
    holds(Case { jobs: &[WHOLE, Job::Aborts], deaths: 1, ..CASE }.explore());
    holds(Case { jobs: &[Job::Part(1, "b"), Job::Aborts], deaths: 1, ..CASE }.explore());
    holds(Case { jobs: &[WHOLE, Job::ComesBack], ..CASE }.explore());
    let jobs = [WHOLE, Job::Puts("y"), WHOLE, Job::Sweeps, Job::Part(1, "other"), Job::Aborts];
    holds(Case { jobs: &jobs, deaths: 2, loses_reply: true, orders: Some(400), ..CASE }.explore());
}

#[test]
fn a_part_that_is_sent_again_is_not_taken_for_another() {
    let parts = [(1, "a"), (1, "b"), (2, "c")];
    holds(Case { parts: &parts, jobs: &[Job::Completes(&["a", "c"]), Job::Part(1, "d")], ..CASE }.explore());
}

#[test]
fn no_collection_takes_a_part_of_an_upload_that_goes_on() {
    let jobs = [Job::Waits(6), Job::Collects, Job::Sweeps, Job::Part(2, "b"), Job::Waits(4)];
    holds(Case { jobs: &jobs, orders: Some(400), ..CASE }.explore());
}

#[test]
fn each_rule_of_uploads_in_parts_is_needed() {
    let omit = |omitted, jobs: &[Job], how: &[&str]| {
        let case = Case { jobs, deaths: 1, omitted, orders: Some(20_000), ..CASE };
        breaks(case.explore(), how);
    };
    omit(Omitted::Look, &[WHOLE, WHOLE], &["it was put twice"]);
    omit(Omitted::LookAgain, &[WHOLE, WHOLE], &["it was put twice"]);
    omit(Omitted::FirstPlace, &[WHOLE, WHOLE], &["it was put twice"]);
    omit(Omitted::KnownFirst, &[Job::Part(2, "b"), Job::Aborts], &["is left of it"]);
    omit(Omitted::OnItsWay, &[Job::Part(2, "b"), Job::Aborts], &["is left of it"]);
    omit(Omitted::PutFirst, &[WHOLE, WHOLE], &["it was completed, and is not there"]);
    omit(Omitted::ClearLast, &[WHOLE, WHOLE], &["a part is lost"]);
    omit(Omitted::SameBranch, &[WHOLE, Job::ComesBack], &["it came to another branch"]);
    let parts = [(1, "a"), (1, "b")];
    let named = Case {
        parts: &parts,
        jobs: &[WHOLE, Job::Part(1, "c")],
        omitted: Omitted::Named,
        orders: Some(20_000),
        ..CASE
    };
    breaks(named.explore(), &["it has other parts than were named"]);
    let omit = |omitted, jobs: &[Job]| {
        breaks(Case { jobs, omitted, orders: Some(20_000), ..CASE }.explore(), &["a part is lost"])
    };
    omit(Omitted::Age, &[Job::Waits(3), Job::Collects]);
    omit(Omitted::SinceBegun, &[Job::Waits(6), Job::Part(2, "b"), Job::Waits(5), Job::Collects]);
}
