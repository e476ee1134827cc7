//! Why each step of the order of writing is there: what goes wrong where somebody leaves it out or takes it too late.
//!
//! To be read beside "Order of writing" in `docs/format.md`. Each line has a step, what somebody does instead, who does what
//! beside whom, and how something breaks then that must hold: some order of their operations is found in which it does. Where
//! nobody makes a mistake, nothing breaks in any order.

use super::doing::Doing::{self, *};
use super::mistakes::Mistake::{self, *};
use super::mistakes::Op;
use super::mistakes::Place::{Home, Remote};
use super::mistakes::What::{Create, List, Remove, Size};
use super::scene::{LARGE, NAMED, PLAIN, TWICE_NAMED};

/// A step, a mistake, where it is made, and what breaks.
type Step = (&'static str, Mistake, Doing, &'static str);

/// What is created at the remote.
const fn sent(path: &'static str) -> Op {
    Op::new(Create, Remote, path)
}

/// What is created on the own machine.
const fn kept(path: &'static str) -> Op {
    Op::new(Create, Home, path)
}

/// What is removed from the remote.
const fn taken(path: &'static str) -> Op {
    Op::new(Remove, Remote, path)
}

/// What is removed from the own machine.
const fn dropped(path: &'static str) -> Op {
    Op::new(Remove, Home, path)
}

/// What is looked for at the remote, and not read.
const fn seen(path: &'static str) -> Op {
    Op::new(Size, Remote, path)
}

/// A call: content, `uses`, names, and the record last.
const PUBLICATION: &[Step] = &[
    ("content before the record", Late(sent("blobs/"), sent("calls/")), Publishing(&PLAIN), "the content of"),
    (
        "a value apart before the record",
        Late(sent("blobs/"), sent("calls/")),
        Publishing(&LARGE),
        "the value of call 1",
    ),
    ("`uses` before the record", Late(sent("uses/"), sent("calls/")), Publishing(&PLAIN), "not among the readers"),
    ("names before the record", Late(sent("files/"), sent("calls/")), Publishing(&NAMED), "shows nothing"),
    // The same where there is no remote.
    ("content before the record", Late(kept("blobs/"), kept("calls/")), PublishingAlone(&PLAIN), "the content of"),
    ("names before the record", Late(kept("files/"), kept("calls/")), PublishingAlone(&NAMED), "shows nothing"),
    ("content is synced", Unsynced(kept("blobs/")), LosingPower(&PLAIN), "is missing"),
    ("a value apart is synced", Unsynced(kept("blobs/")), LosingPower(&LARGE), "is missing"),
    ("names are synced", Unsynced(kept("files/")), LosingPower(&NAMED), "is missing"),
    // The first record counts, and the remote decides which that is.
    ("a record replaces nothing", Replaces(sent("calls/")), Racing(&PLAIN), "one record and then another"),
    ("who comes second adopts", Believes(sent("calls/")), Racing(&PLAIN), "one record and then another"),
    (
        "the remote decides before the own machine has a record",
        Copies(sent("calls/")),
        Racing(&PLAIN),
        "one record and",
    ),
    ("the remote decides before the own machine has a name", Copies(sent("files/")), Adding, "one content and then"),
];

/// A name shows one thing. One that shows nothing is taken over.
const NAMES: &[Step] = &[
    ("a name replaces nothing", Replaces(sent("files/")), Wanting, "shows"),
    ("who comes second does not get it", Believes(sent("files/")), Wanting, "shows"),
    ("by the machine in its `home` alone", TakesOver, Wanting, "shows"),
    ("under that machine's claim of the name", Unclaimed, WantingAlone, "shows"),
    ("first the mark in place of the record", Omits(sent(NAMED_RECORD).by(2)), GivingAway, "shows nothing"),
    ("then the name is removed", Omits(taken("files/").by(2)), GivingAway, "never ends"),
    ("who finds the mark goes on under the succeeding key", Stays, GivingAway, "the next call 1 gave"),
    ("a person removes it in that order too", Omits(sent("calls/").by(1)), RemovingName, "shows nothing"),
    ("who adds drops a copy of what was removed", Omits(dropped("files/")), AddingAnew, "what was added is not there"),
];

/// Where [`NAMED`] has its record.
const NAMED_RECORD: &str = "calls/shop/shop::report/0101";

/// What is made without the remote, and how it gets there.
const PUSH: &[Step] = &[
    ("the mark in `unpushed/`", Omits(kept("unpushed/")), CutOff(&PLAIN), "nobody knows how"),
    ("before the record", Late(kept("unpushed/"), kept("calls/")), CutOff(&PLAIN), "nobody knows how"),
    ("and synced", Unsynced(kept("unpushed/")), CutOff(&PLAIN), "nobody knows how"),
    ("before an added name", Late(kept("unpushed/"), kept("files/")), AddingCutOff, "what was added is not there"),
    ("content before the record", Late(sent("blobs/").by(0), sent("calls/")), Pushing(&PLAIN), "the content of"),
    ("`uses` before the record", Late(sent("uses/").by(0), sent("calls/")), Pushing(&PLAIN), "not among the readers"),
    ("names before the record", Late(sent("files/").by(0), sent("calls/")), Pushing(&NAMED), "shows nothing"),
    ("a record that lost goes to `….alt/` there", Omits(sent("beside/")), Pushing(&PLAIN), "nobody knows how"),
    ("and here", Omits(kept("beside/")), Pushing(&PLAIN), "who made it forgot"),
    ("before it gives way", Late(sent("beside/"), dropped("calls/")), Pushing(&PLAIN), "nobody knows how"),
    ("the remote's takes its place", Omits(dropped("calls/")), Pushing(&PLAIN), "two records of one call"),
    ("where the name is another's, `….alt/` too", Omits(sent("beside/")), PushingTaken, "nobody knows how"),
    ("the mark goes last", Late(sent("calls/").by(0), dropped("unpushed/")), Pushing(&PLAIN), "nobody knows how"),
    ("of an added file too", Late(sent("files/"), dropped("unpushed/")), PushingAdded, "what was added is not there"),
    ("the mark goes", Omits(dropped("unpushed/")), Pushing(&PLAIN), "still unpushed"),
    ("a mark of nothing goes with a copy", Omits(dropped("unpushed/")), Copying, "removed without them"),
];

/// A removal: the tombstone, the record, the names, the records beside it.
const REMOVAL: &[Step] = &[
    ("the tombstone", Omits(sent("removed/")), Removing(&PLAIN), "it was removed, and"),
    ("before the record goes", Late(sent("removed/"), dropped("calls/")), Removing(&PLAIN), "it was removed, and"),
    ("the record before its names", Late(taken("calls/"), taken("files/")), Removing(&NAMED), "shows nothing"),
    ("the record before its `uses`", Late(taken("calls/"), taken("uses/")), Removing(&PLAIN), "not among the readers"),
    ("the names", Omits(taken("files/")), Removing(&NAMED), "is left in remote"),
    ("its `uses`", Omits(taken("uses/")), Removing(&PLAIN), "is left in remote"),
    ("the records beside it", Omits(taken("beside/")), RemovingBeside, "is left in remote"),
    ("here too", Omits(dropped("calls/")), Removing(&PLAIN), "it was removed, and"),
    // Others learn of it.
    ("who contacts the remote reads tombstones", Overlooks(TOMBSTONES), Removing(&PLAIN), "it was removed, and"),
    ("also those that it knows", OverlooksKnown(TOMBSTONES), Learning, "it was removed, and"),
    // What the remote never had.
    ("the mark goes last", Late(dropped("calls/"), dropped("unpushed/calls/")), RemovingHere, "it cannot be removed"),
    ("the mark goes", Omits(dropped("unpushed/")), RemovingHere, "is still unpushed"),
];

/// A removal beside the same call made anew, or pushed.
const ANEW: &[Step] = &[
    ("the names are looked at after the record", Assumes(seen("files/").by(1)), MakingAnew(&NAMED), "is gone"),
    ("the record is looked at after a name was removed", Omits(seen("calls/").by(0)), MakingAnew(&NAMED), "is gone"),
    ("and the name is created again", Omits(sent("files/").by(0)), MakingAnew(&NAMED), "is gone"),
    ("the names of a pushed record are looked at, too", Assumes(seen("files/").by(1)), PushingAnew(&NAMED), "is gone"),
    ("the record, too", Omits(seen("calls/").by(0)), PushingAnew(&NAMED), "is gone"),
];

const TOMBSTONES: Op = Op::new(List, Remote, "removed/");

fn are_needed(steps: &[Step]) {
    for (step, mistake, doing, breaks) in steps {
        match doing.explore(Some(*mistake)) {
            Ok(states) => panic!("{step}: nothing breaks in {states} states of {doing:?} with {mistake:?}"),
            Err(why) => {
                let first = why.lines().next().unwrap();
                println!("{step}: {first}");
                assert!(first.contains(breaks), "{step}: {why}");
            }
        }
    }
}

#[test]
fn each_step_of_a_publication_is_needed() {
    are_needed(PUBLICATION);
}

#[test]
fn each_step_of_giving_a_name_is_needed() {
    are_needed(NAMES);
}

#[test]
fn each_step_of_a_push_is_needed() {
    are_needed(PUSH);
}

#[test]
fn each_step_of_a_removal_is_needed() {
    are_needed(REMOVAL);
}

#[test]
fn each_step_beside_a_removal_is_needed() {
    are_needed(ANEW);
}

/// [`GivingAway`] has a test of its own.
#[test]
fn nothing_breaks_where_nobody_makes_a_mistake() {
    let publishing = [Publishing(&PLAIN), Publishing(&LARGE), Publishing(&NAMED)];
    let alone = [PublishingAlone(&PLAIN), PublishingAlone(&NAMED), LosingPower(&PLAIN), LosingPower(&LARGE)];
    let names = [LosingPower(&NAMED), Racing(&PLAIN), Adding, Wanting, WantingAlone, RemovingName, AddingAnew];
    let pushing = [CutOff(&PLAIN), AddingCutOff, Pushing(&PLAIN), Pushing(&NAMED), PushingTaken, PushingAdded, Copying];
    let removing = [Removing(&PLAIN), Removing(&NAMED), RemovingBeside, RemovingHere, Learning];
    let anew = [MakingAnew(&NAMED), MakingAnew(&TWICE_NAMED), PushingAnew(&NAMED)];
    for doing in publishing.into_iter().chain(alone).chain(names).chain(pushing).chain(removing).chain(anew) {
        match doing.explore(None) {
            Ok(states) => println!("{doing:?}: {states} states"),
            Err(why) => panic!("{doing:?}: {why}"),
        }
    }
}
