//! The source of `datlake_core::flight` over loom's threads: as it is, and with one of its rules left out.

use std::path::Path;
use std::{env, fs};

const SOURCE: &str = "../../datlake-core/src/flight.rs";

/// What stands in the way of loom.
const OVER_LOOM: [(&str, &str); 3] = [
    (
        "use std::sync::{Arc, Mutex, MutexGuard, PoisonError};",
        "use std::sync::PoisonError;\nuse loom::sync::{Arc, Mutex, MutexGuard};",
    ),
    ("use event_listener::{Event, EventListener};", "use crate::event::{Event, EventListener};"),
    ("use event_listener::Listener as _;", ""),
];

/// A rule, and the code without it.
const WITHOUT: [(&str, &str, &str); 6] = [
    ("registered_under_the_lock", "Boarding::Wait(Waiter {", "drop(state);\n        Boarding::Wait(Waiter {"),
    (
        "found_and_begun_at_once",
        "let id = state.id();\n            state.running.insert(",
        "drop(state);\n            let mut state = self.lock();\n            let id = state.id();\n            state.running.insert(",
    ),
    ("looks_for_circles", "if state.reaches(target, &sources) {", "if false {"),
    ("notes_who_waits", "state.waits.entry(*source).or_default().push(target);", "let _ = (source, &mut state);"),
    ("wakes", "event.notify(usize::MAX);", "let _ = event;"),
    ("wakes_all", "event.notify(usize::MAX);", "event.notify(1);"),
];

fn main() {
    println!("cargo::rerun-if-changed={SOURCE}");
    let source = fs::read_to_string(SOURCE).expect("the source of single flight");
    // What is included as a part of a module begins with no documentation of it.
    let source: String =
        source.lines().filter(|line| !line.starts_with("//!")).map(|line| format!("{line}\n")).collect();
    let whole = OVER_LOOM.iter().fold(source, |source, (old, new)| replace(&source, old, new));
    let out = env::var_os("OUT_DIR").expect("cargo's folder");
    let write = |name: &str, code: &str| fs::write(Path::new(&out).join(format!("{name}.rs")), code).expect("a file");
    write("whole", &whole);
    for (rule, old, new) in WITHOUT {
        write(rule, &replace(&whole, old, new));
    }
}

fn replace(source: &str, old: &str, new: &str) -> String {
    assert_eq!(source.matches(old).count(), 1, "`{old}` once in {SOURCE}");
    source.replace(old, new)
}
