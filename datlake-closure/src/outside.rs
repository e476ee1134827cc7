//! Where values can come from that nothing in a closure makes.

use crate::index::{DefId, Kind};
use crate::scanner::Scanner;
use crate::symbol;

/// Types whose values others can put something into.
const CELLS: [&str; 9] =
    ["OnceLock", "OnceCell", "Mutex", "RwLock", "Cell", "RefCell", "ArcSwap", "AtomicPtr", "SetOnce"];

/// Whether a function gets arguments that need not be written down, which can be of any type; or nothing tells what it gets.
pub(crate) fn brings_others(scanner: &Scanner, def: DefId) -> bool {
    let index = &scanner.index;
    let (it, text) = (&index[def], index.text(def));
    let last = it.to.saturating_sub(1);
    let body = if text.closes(last, '}') { text.mate(last) } else { it.to };
    index[it.file].is_made || (it.start..body).any(|at| text.word(at) == "skip")
}

/// What others can put into a static, or exchange in it.
pub(crate) fn settable(scanner: &Scanner, def: DefId) -> Option<&'static str> {
    let index = &scanner.index;
    let (it, text) = (&index[def], index.text(def));
    if it.kind == Kind::Call {
        let cell = |at: usize| CELLS.contains(&text.word(at));
        return (it.name == symbol::THREAD_LOCAL && (it.start..it.to).any(cell)).then_some("a cell");
    }
    let colon = text.seek(it.start, it.to, |text, at| text.is(at, symbol::COLON));
    let equals = text.seek_outside_angles(colon, it.to, |text, at| text.is(at, symbol::EQ));
    let of_type = |found: &dyn Fn(usize) -> bool| (colon..equals).any(found);
    if of_type(&|at| text.is(at, symbol::FN)) {
        Some("functions")
    } else if of_type(&|at| text.is(at, symbol::DYN)) {
        Some("trait objects")
    } else if text.is(it.start + 1, symbol::MUT)
        || of_type(&|at| CELLS.contains(&text.word(at)) || text.word(at).starts_with("Atomic"))
    {
        Some("a cell")
    } else {
        None
    }
}
