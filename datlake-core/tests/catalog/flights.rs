//! In a process one runs a call and the others wait, never in a circle.

use std::time::Duration;

use datlake_core::CallKey;
use datlake_core::flight::{Boarding, Flight, Flights};

fn key(n: u8) -> CallKey {
    CallKey::from_bytes([n; 32])
}

fn go(boarding: Boarding) -> Flight {
    match boarding {
        Boarding::Go(flight) => flight,
        other => panic!("expected to run, got {other:?}"),
    }
}

#[test]
fn one_runs_and_the_next_runs_when_it_has_ended() {
    let flights = Flights::default();
    let first = go(flights.board(key(1), &[], &[]));
    let Boarding::Wait(waiter) = flights.board(key(1), &[], &[]) else { panic!("ran twice") };
    assert!(flights.is_running(&key(1)));
    drop(first);
    pollster::block_on(waiter.ended());
    go(flights.board(key(1), &[], &[]));
}

#[test]
fn patience_ends_and_a_flight_that_ended_needs_none() {
    let flights = Flights::default();
    let first = go(flights.board(key(1), &[], &[]));
    let wait = || match flights.board(key(1), &[], &[]) {
        Boarding::Wait(waiter) => waiter,
        other => panic!("expected to wait, got {other:?}"),
    };
    assert!(!wait().ended_within(Duration::ZERO));
    let waiter = wait();
    drop(first);
    assert!(waiter.ended_within(Duration::ZERO));
}

#[test]
fn a_call_inside_itself_is_recursion_however_deep() {
    let flights = Flights::default();
    let outer = go(flights.board(key(1), &[], &[]));
    let inner = go(flights.board(key(2), &[outer.id()], &[]));
    assert!(matches!(flights.board(key(1), &[outer.id(), inner.id()], &[]), Boarding::Recursion));
}

#[test]
fn a_stolen_call_on_top_of_the_body_it_waits_for_runs_once_more() {
    let flights = Flights::default();
    let below = go(flights.board(key(1), &[], &[]));
    assert!(matches!(flights.board(key(1), &[], &[below.id()]), Boarding::Redundant(_)));
}

#[test]
fn two_threads_never_wait_for_each_other() {
    let flights = Flights::default();
    let (a, b) = (go(flights.board(key(1), &[], &[])), go(flights.board(key(2), &[], &[])));
    let Boarding::Wait(first) = flights.board(key(2), &[a.id()], &[a.id()]) else { panic!("no circle yet") };
    assert!(matches!(flights.board(key(1), &[b.id()], &[b.id()]), Boarding::Redundant(_)));
    drop(first);
    // The first wait is over: no circle any more.
    assert!(matches!(flights.board(key(1), &[b.id()], &[b.id()]), Boarding::Wait(_)));
}
