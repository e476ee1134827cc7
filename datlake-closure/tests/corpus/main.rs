//! Edits of small programs: which of them change the key, and which of them must not.
//!
//! The verdicts are the truth about the programs' results and keys: `built` proves that by building and running them, a sample of them
//! in every test run, all of them by `--ignored`.

mod asked;
mod attacks;
mod built;
mod conditions;
mod crates;
mod edges;
mod everyday;
mod exceptions;
mod generics;
mod handed;
mod locals;
mod macros;
mod methods;
mod names;
mod oddities;
mod parts;
mod programs;
mod shadows;
mod support;

use support::{Case, Verdict, check};

fn all() -> Vec<Case> {
    [
        names::cases(),
        locals::cases(),
        methods::cases(),
        macros::cases(),
        edges::cases(),
        attacks::cases(),
        asked::cases(),
        handed::cases(),
        generics::cases(),
        crates::cases(),
        conditions::cases(),
        everyday::cases(),
        exceptions::cases(),
        programs::cases(),
        oddities::cases(),
        parts::cases(),
        shadows::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[test]
fn every_edit_has_its_verdict() {
    let cases = all();
    let wrong: Vec<String> = cases.iter().flat_map(check).collect();
    let edits = || cases.iter().flat_map(|case| &case.edits);
    let count = |matches: fn(&Verdict) -> bool| edits().filter(|edit| matches(&edit.verdict)).count();
    println!(
        "{} edits: {} change, {} keep, {} are spurious, {} are missed",
        edits().count(),
        count(|verdict| *verdict == Verdict::Changes),
        count(|verdict| *verdict == Verdict::Keeps),
        count(|verdict| matches!(verdict, Verdict::Spurious(_))),
        count(|verdict| matches!(verdict, Verdict::Missed(_))),
    );
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
