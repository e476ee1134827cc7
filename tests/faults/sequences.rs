//! Whatever machines do in whatever order, with stores that fail here and there: no wrong byte, no wrong value, nothing half
//! visible, every error of its kind; and when nothing fails any more, everything can be done.

use datlake::testing::Side;
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use crate::machines::{Job, Trouble};
use crate::model::MACHINES;
use crate::store::Fault;
use crate::world::{Op, Step, live};

fn job() -> impl Strategy<Value = Job> {
    prop_oneof![
        3 => (0..2_u8, 1..3_u8).prop_map(|(t, n)| Job::Named(t, n)),
        2 => (0..3_u8).prop_map(Job::Upper),
        1 => (0..2_u8).prop_map(Job::Words),
        1 => (0..2_u8).prop_map(Job::Nested),
        3 => (0..2_u8).prop_map(Job::Unsteady),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (0..3_u8, 0..2_u8).prop_map(|(n, t)| Op::Add(n, t)),
        6 => any::<u8>().prop_map(Op::Read),
        8 => job().prop_map(Op::Call),
        4 => any::<u8>().prop_map(Op::Remove),
        1 => Just(Op::List),
        3 => Just(Op::Push),
        2 => Just(Op::Pull),
        2 => Just(Op::Evict),
        3 => any::<bool>().prop_map(Op::Collect),
        2 => Just(Op::Later),
        2 => Just(Op::Mirror),
        2 => Just(Op::Verify),
        4 => any::<bool>().prop_map(Op::Offline),
        3 => any::<bool>().prop_map(Op::Rights),
        1 => (any::<u8>(), any::<bool>()).prop_map(|(pick, here)| Op::Rot(pick, here)),
        2 => prop_oneof![(0..2_u8).prop_map(Job::Unsteady), (0..2_u8).prop_map(|t| Job::Named(t, 1))].prop_map(Op::Race),
        1 => (0..2_u8).prop_map(|t| Op::RaceCollecting(Job::Words(t))),
    ]
}

/// Most of what is done takes a few operations, some takes many.
fn at() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 1..4_usize, 3 => 4..10_usize, 1 => 10..30_usize]
}

fn trouble(fault: impl Strategy<Value = Fault>) -> impl Strategy<Value = Trouble> {
    (
        prop_oneof![1 => Just(Side::Local), 3 => Just(Side::Remote)],
        at(),
        any::<bool>(),
        prop::bool::weighted(0.2),
        fault,
    )
        .prop_map(|(side, at, changes, lasts, fault)| {
            // Only what is far away loses its replies, or refuses.
            let far = matches!(fault, Fault::LostReply | Fault::Denied);
            let side = if far { Side::Remote } else { side };
            // Of changes there are fewer.
            let at = if changes { at.div_ceil(2) } else { at };
            Trouble { side, at, changes, lasts, fault }
        })
}

fn any_fault() -> impl Strategy<Value = Fault> + Clone {
    prop_oneof![
        3 => Just(Fault::Before),
        3 => Just(Fault::After),
        1 => Just(Fault::Delay),
        2 => Just(Fault::Cut),
        2 => Just(Fault::Flip),
        3 => Just(Fault::LostReply),
        2 => Just(Fault::Denied),
    ]
}

fn steps(fault: impl Strategy<Value = Fault> + Clone) -> impl Strategy<Value = Vec<Step>> {
    let troubles = prop_oneof![
        2 => Just(Vec::new()),
        2 => prop::collection::vec(trouble(fault.clone()), 1),
        1 => prop::collection::vec(trouble(fault), 2),
    ];
    let step = (0..MACHINES, prop::bool::weighted(0.3), op(), troubles)
        .prop_map(|(machine, anew, op, troubles)| Step { machine, anew, op, troubles });
    prop::collection::vec(step, 1..30)
}

/// The same cases each time, unless more are asked for: those are others each time.
fn runner(cases: u32) -> TestRunner {
    let more = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let config =
        |cases| ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 400, ..ProptestConfig::default() };
    match more {
        Some(more) => TestRunner::new(config(more)),
        None => TestRunner::new_with_rng(config(cases), TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
    }
}

#[test]
fn whatever_fails_nothing_is_lost_wrong_or_half_visible() {
    let outcome = runner(60).run(&steps(any_fault()), |steps| live(&steps).map_err(TestCaseError::fail));
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

fn step(machine: usize, op: Op, troubles: &[Trouble]) -> Step {
    Step { machine, anew: false, op, troubles: troubles.to_vec() }
}

#[test]
fn a_mark_of_what_never_came_to_be_is_not_put_on_a_copy() {
    let fails = |at, changes| Trouble { side: Side::Local, at, changes, lasts: false, fault: Fault::Before };
    live(&[step(2, Op::Offline(true), &[]), step(2, Op::Add(1, 0), &[fails(4, false)])]).unwrap();
    live(&[step(1, Op::Offline(true), &[]), step(1, Op::Call(Job::Unsteady(0)), &[fails(4, true)])]).unwrap();
}

#[test]
fn a_name_whose_call_failed_offline_is_in_nobodys_way() {
    let fails = Trouble { side: Side::Local, at: 7, changes: false, lasts: false, fault: Fault::Before };
    live(&[step(0, Op::Offline(true), &[]), step(0, Op::Call(Job::Named(0, 1)), &[fails])]).unwrap();
}

#[test]
fn a_name_left_by_a_removal_that_was_half_learned_is_in_nobodys_way() {
    let fails = Trouble { side: Side::Local, at: 3, changes: false, lasts: false, fault: Fault::After };
    live(&[
        step(0, Op::Call(Job::Named(0, 2)), &[]),
        step(2, Op::Add(2, 0), &[]),
        step(0, Op::Remove(74), &[]),
        step(2, Op::Push, &[fails]),
    ])
    .unwrap();
}

#[test]
fn what_another_machine_removed_and_a_third_gave_away_is_not_added_by_a_copy() {
    let remove = Op::Remove(1);
    live(&[
        step(1, Op::Add(1, 0), &[]),
        step(0, Op::Read(1), &[]),
        step(0, remove, &[]),
        step(0, Op::Call(Job::Named(0, 1)), &[]),
        step(1, Op::Add(1, 0), &[]),
    ])
    .unwrap();
}

#[test]
fn what_a_machine_makes_that_may_only_read_stays_there_also_after_a_collection() {
    live(&[
        step(0, Op::Rights(false), &[]),
        step(0, Op::Call(Job::Words(0)), &[]),
        step(1, Op::Collect(true), &[]),
        step(0, Op::Add(0, 0), &[]),
        step(0, Op::Read(0), &[]),
    ])
    .unwrap();
}

#[test]
fn what_only_the_remote_has_is_not_missing_offline() {
    live(&[
        step(0, Op::Call(Job::Words(0)), &[]),
        step(1, Op::Call(Job::Words(0)), &[]),
        step(1, Op::Offline(true), &[]),
        step(1, Op::Verify, &[]),
    ])
    .unwrap();
}

#[test]
fn what_was_added_offline_is_added_again_also_where_the_remote_has_another_of_that_name() {
    live(&[
        step(2, Op::Offline(true), &[]),
        step(2, Op::Add(1, 0), &[]),
        step(0, Op::Call(Job::Named(0, 1)), &[]),
        step(2, Op::Offline(false), &[]),
        step(2, Op::Add(1, 0), &[]),
    ])
    .unwrap();
}

#[test]
fn what_is_condemned_and_named_again_by_another_machine_outlives_the_sweep() {
    live(&[
        step(0, Op::Add(0, 0), &[]),
        step(0, Op::Remove(0), &[]),
        step(0, Op::Collect(false), &[]),
        step(1, Op::Add(0, 0), &[]),
        step(1, Op::Later, &[]),
        step(2, Op::Collect(false), &[]),
        step(1, Op::Evict, &[]),
        step(1, Op::Read(0), &[]),
    ])
    .unwrap();
}

#[test]
fn what_rots_at_a_remote_that_refused_a_change_is_healed() {
    let refuses = Trouble { side: Side::Remote, at: 2, changes: true, lasts: false, fault: Fault::Denied };
    live(&[
        step(0, Op::Call(Job::Named(0, 2)), &[]),
        step(2, Op::Call(Job::Upper(2)), &[refuses]),
        step(2, Op::Rot(29, false), &[]),
    ])
    .unwrap();
}

#[test]
fn a_removal_that_was_cut_off_after_it_closed_a_name_leaves_nothing_dangling() {
    let fails = Trouble { side: Side::Remote, at: 8, changes: false, lasts: false, fault: Fault::After };
    live(&[step(1, Op::Call(Job::Named(0, 2)), &[]), step(1, Op::Remove(250), &[fails])]).unwrap();
}

/// The test of the test: a store that lies in that way is found out soon.
fn is_found_out(lie: Fault) {
    let runner = TestRunner::new_with_rng(
        ProptestConfig { cases: 100, failure_persistence: None, max_shrink_iters: 0, ..ProptestConfig::default() },
        TestRng::deterministic_rng(RngAlgorithm::ChaCha),
    );
    let outcome = { runner }.run(&steps(Just(lie)), |steps| live(&steps).map_err(TestCaseError::fail));
    match outcome {
        Err(TestError::Fail(why, _)) => eprintln!("{lie:?} was found out: {why}"),
        other => panic!("{lie:?} goes unnoticed: {other:?}"),
    }
}

#[test]
fn a_store_that_does_not_create_what_it_says_is_found_out() {
    is_found_out(Fault::NoCreate);
}

#[test]
fn a_store_that_does_not_remove_what_it_says_is_found_out() {
    is_found_out(Fault::NoRemoval);
}

#[test]
fn a_store_that_does_not_find_what_is_there_is_found_out() {
    is_found_out(Fault::Blind);
}
