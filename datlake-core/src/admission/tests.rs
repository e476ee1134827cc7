use super::*;

const FOUR: Given = Given { cpus: Some(4), gpus: Some(1), memory: None };

fn cpus(cpus: u64) -> Resources {
    Resources { cpus, ..Resources::NOTHING }
}

fn in_body(body: &Admitted) -> CallPlace {
    CallPlace { nested: true, outer: Some(body.id()) }
}

fn admitted(asked: RoomAsked) -> Admitted {
    match asked {
        RoomAsked::Admitted(admitted) => admitted,
        RoomAsked::Queued(_) => panic!("it is to wait"),
    }
}

fn queued(asked: RoomAsked) -> InQueue {
    match asked {
        RoomAsked::Queued(queued) => queued,
        RoomAsked::Admitted(_) => panic!("it was let in"),
    }
}

fn now(queued: InQueue) -> Result<Admitted, InQueue> {
    queued.admitted_within(Duration::ZERO)
}

#[test]
fn bodies_begin_that_fit_beside_each_other() {
    let all = Admissions::new(FOUR);
    let free = CallPlace::default();
    let (one, two) = (admitted(all.ask(cpus(2), free)), admitted(all.ask(cpus(2), free)));
    let three = queued(all.ask(cpus(1), free));
    // Of what is not known there is enough; of another kind there is some.
    let memory = admitted(all.ask(Resources { memory: 1 << 50, ..Resources::NOTHING }, free));
    let gpu = admitted(all.ask(Resources { gpus: 1, ..Resources::NOTHING }, free));
    let three = now(three).unwrap_err();
    drop(one);
    let three = now(three).unwrap();
    drop((two, three, memory, gpu));
    drop(admitted(all.ask(cpus(4), free)));
}

#[test]
fn a_large_one_is_not_overtaken_for_ever() {
    let all = Admissions::new(FOUR);
    let mut small = admitted(all.ask(cpus(1), CallPlace::default()));
    let mut large = queued(all.ask(cpus(4), CallPlace::default()));
    let mut overtaking = 0;
    while let RoomAsked::Admitted(next) = all.ask(cpus(1), CallPlace::default()) {
        small = next;
        large = now(large).unwrap_err();
        overtaking += 1;
    }
    assert_eq!(overtaking, MOST_OVERTAKING);
    drop(small);
    assert!(now(large).is_ok());
}

#[test]
fn a_call_in_a_body_takes_of_what_that_has() {
    let all = Admissions::new(FOUR);
    let outer = admitted(all.ask(cpus(4), CallPlace::default()));
    let _calls: Vec<CallIn> = (0..3).map(|_| all.call_in(outer.id())).collect();
    let (one, two) = (admitted(all.ask(cpus(2), in_body(&outer))), admitted(all.ask(cpus(2), in_body(&outer))));
    let three = queued(all.ask(cpus(1), in_body(&outer)));
    // Others get nothing of it.
    let other = queued(all.ask(cpus(1), CallPlace::default()));
    drop(one);
    let (three, other) = (now(three).unwrap(), now(other).unwrap_err());
    // A call deep in it finds what is left of it.
    let _call = all.call_in(two.id());
    let deep = admitted(all.ask(cpus(3), in_body(&two)));
    drop((deep, two, three, outer));
    assert!(now(other).is_ok());
}

#[test]
fn bodies_that_ended_before_calls_in_them_leave_nothing_taken() {
    let all = Admissions::new(FOUR);
    let outer = admitted(all.ask(cpus(3), CallPlace::default()));
    let inner = admitted(all.ask(cpus(4), in_body(&outer)));
    drop(outer);
    let other = queued(all.ask(cpus(1), CallPlace::default()));
    drop(inner);
    drop(now(other).unwrap());
    assert_eq!(all.lock().taken, Resources::NOTHING);
    drop(admitted(all.ask(cpus(4), CallPlace::default())));
}

/// Two bodies have half each, and each is in a call that needs more than half.
#[test]
fn nothing_stands_still() {
    let all = Admissions::new(FOUR);
    let (one, two) =
        (admitted(all.ask(cpus(2), CallPlace::default())), admitted(all.ask(cpus(2), CallPlace::default())));
    let in_one = all.call_in(one.id());
    let first = queued(all.ask(cpus(3), in_body(&one)));
    // The other computes: it will end.
    let first = now(first).unwrap_err();
    let in_two = all.call_in(two.id());
    // And now it looks for a value, which is work too.
    let first = now(first).unwrap_err();
    let second = queued(all.ask(cpus(3), in_body(&two)));
    // One of them goes on, and then there is somebody again who does.
    let first = now(first).unwrap();
    let second = now(second).unwrap_err();
    drop(first);
    // Its call publishes.
    let second = now(second).unwrap_err();
    drop(in_one);
    let second = now(second).unwrap_err();
    drop(one);
    drop(now(second).unwrap());
    drop((in_two, two));
    assert_eq!(all.lock().taken, Resources::NOTHING);
}

/// A body that asks for nothing has the flight, or the claim, for which the holder of everything waits.
#[test]
fn a_call_goes_on_for_which_the_holder_of_all_waits() {
    let all = Admissions::new(FOUR);
    let has_all = admitted(all.ask(cpus(4), CallPlace::default()));
    let in_body_of_nothing = CallPlace { nested: true, outer: None };
    let needed = queued(all.ask(cpus(1), in_body_of_nothing));
    let top = queued(all.ask(cpus(1), CallPlace::default()));
    let call = all.call_in(has_all.id());
    let needed = now(needed).unwrap_err();
    let waits = call.waits();
    let needed = now(needed).unwrap();
    // What stands in no body keeps nobody waiting.
    let top = now(top).unwrap_err();
    drop((waits, call, needed, has_all));
    assert!(now(top).is_ok());
}

#[test]
fn who_gives_up_leaves_its_place() {
    let all = Admissions::new(FOUR);
    let has_all = admitted(all.ask(cpus(4), CallPlace::default()));
    let (one, two) = (queued(all.ask(cpus(4), CallPlace::default())), queued(all.ask(cpus(4), CallPlace::default())));
    drop(one);
    drop(has_all);
    // Let in, and given up before anybody saw it.
    drop(two);
    let state = all.lock();
    assert_eq!((state.taken, state.queue.len()), (Resources::NOTHING, 0));
    drop(state);
    drop(admitted(all.ask(cpus(4), CallPlace::default())));
}

/// Threads that nest at random, for each of which all others may be in the way.
#[test]
fn whatever_nests_in_whatever_ends() {
    fn nest(all: &Admissions, place: CallPlace, depth: u64, seed: u64) {
        let asks = Resources { cpus: (seed >> depth) % 5, gpus: (seed >> (depth + 3)) % 2, memory: 0 };
        let body = match all.ask(asks, place) {
            RoomAsked::Admitted(admitted) => admitted,
            RoomAsked::Queued(mut queued) => loop {
                match queued.admitted_within(Duration::from_secs(60)) {
                    Ok(admitted) => break admitted,
                    Err(still) => queued = still,
                }
            },
        };
        for n in 0..u64::from(depth < 3) * 2 {
            let _call = all.call_in(body.id());
            nest(all, in_body(&body), depth + 1, seed.rotate_left(7 + u32::try_from(n).unwrap()));
        }
    }
    let all = Admissions::new(FOUR);
    std::thread::scope(|scope| {
        for thread in 0..8_u64 {
            let all = all.clone();
            scope.spawn(move || {
                for round in 0..50_u64 {
                    let seed = (thread * 50 + round).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                    nest(&all, CallPlace::default(), 0, seed);
                }
            });
        }
    });
    let state = all.lock();
    assert_eq!((state.taken, state.bodies.len(), state.queue.len()), (Resources::NOTHING, 0, 0));
}
