//! Calls that nobody needs any more, and those that somebody does.

use std::time::Duration;

use datlake::{Digest, ErrorKind, File, Lake, Prune};

use crate::support::{Machines, check_error, files_below, lake, overwrite};

/// Three steps of a pipeline, before and after an edit. No program has both at a time, unless they stand at one place.
macro_rules! edition {
    ($edition:ident, $version:literal) => {
        pub(crate) mod $edition {
            use datlake::{File, Result, file_creator};

            #[file_creator(name = "prune/load", version = $version)]
            pub(crate) fn load(n: u32) -> Result<File> {
                File::from_bytes("load.txt", format!("{n} in edition {}", $version))
            }

            #[file_creator(name = "prune/sum", version = $version)]
            pub(crate) fn sum(loaded: &[File]) -> Result<File> {
                File::from_bytes("sum.txt", format!("{} in edition {}", loaded.len(), $version))
            }

            #[file_creator(name = "prune/report", version = $version)]
            pub(crate) fn report(sum: &File, output_uid: &str) -> Result<File> {
                File::from_bytes(output_uid, sum.read()?)
            }

            #[file_creator(name = "prune/value", version = $version)]
            pub(crate) fn value(n: u32, #[secret] key: &str) -> Result<usize> {
                Ok(n as usize + key.len())
            }
        }
    };
}

edition!(old, 1);
edition!(new, 2);

/// The creators of the calls that may go, in their order, and how many.
fn prunable(lake: &Lake, prune: Prune) -> Vec<String> {
    let removal = lake.prunable(prune).unwrap();
    removal.asked.iter().map(|one| one.call.as_ref().unwrap().0.as_str().replace("prune/", "")).collect()
}

#[test]
fn what_was_superseded_goes_with_what_it_alone_was_made_for() {
    let lake = lake();
    let _current = lake.enter();
    let sum = |n| old::sum(&[old::load(n).unwrap(), old::load(n + 1).unwrap()]).unwrap();
    let (first, other) = (sum(1), sum(10));
    old::value(1, "secret").unwrap();
    assert_eq!(prunable(&lake, Prune::superseded()), [""; 0]);

    new::value(1, "secret").unwrap();
    let second = new::sum(&[new::load(1).unwrap(), new::load(2).unwrap()]).unwrap();
    // Of a secret nobody knows whether it is the same. What has other arguments is something else.
    assert_eq!(prunable(&lake, Prune::superseded()), ["sum", "load", "load"]);
    assert_eq!(prunable(&lake, Prune::superseded().keep(2)), [""; 0]);
    assert_eq!(prunable(&lake, Prune::superseded().older_than(Duration::from_secs(3600))), [""; 0]);

    let removal = lake.prunable(Prune::superseded()).unwrap();
    assert_eq!(lake.apply(&removal, false).unwrap().len(), 3);
    assert!(!lake.exists(first.uid().unwrap().as_str()).unwrap());
    for file in [other, second] {
        assert!(lake.exists(file.uid().unwrap().as_str()).unwrap());
    }
    assert_eq!(prunable(&lake, Prune::superseded()), [""; 0]);
    lake.happened();
    lake.ok("hit load ×2, hit sum", || new::sum(&[new::load(1)?, new::load(2)?]));
}

#[test]
fn a_variant_of_the_build_supersedes_no_other() {
    // The older one was made by a build with a feature, or something else behind `--cfg`, that this one does not have.
    let feature = |text: &str| text.replace("\"features\":[", "\"features\":[\"gpu\",").replace(",]", "]");
    supersedes_no_other(&feature);
    supersedes_no_other(&|text| text.replace("\"debug_assertions\":", "\"cfg\":[\"fast\"],\"debug_assertions\":"));
}

fn supersedes_no_other(variant: &dyn Fn(&str) -> String) {
    let lake = lake();
    let _current = lake.enter();
    old::value(1, "secret").unwrap();
    old::load(1).unwrap();
    new::load(1).unwrap();
    assert_eq!(prunable(&lake, Prune::superseded()), ["load"]);
    let records = lake.home().join("calls/prune/load");
    let code = old::load::info().code_hash.to_string();
    for record in files_below(&records) {
        overwrite(&record, |bytes| {
            let mut text = String::from_utf8(bytes.clone()).unwrap();
            if text.contains(&code) {
                text.truncate(text.rfind(",\"digest\":").unwrap());
                text = variant(&text);
                *bytes = format!("{text},\"digest\":\"{}\"}}\n", Digest::of(text.as_bytes())).into_bytes();
            }
        });
    }
    assert_eq!(prunable(&lake.reopened(), Prune::superseded()), [""; 0]);
}

#[test]
fn what_has_a_name_stays_with_all_that_it_was_made_from() {
    let lake = lake();
    let _current = lake.enter();
    old::report(&old::sum(&[old::load(1).unwrap()]).unwrap(), "report.txt").unwrap();
    new::sum(&[new::load(1).unwrap()]).unwrap();
    assert_eq!(prunable(&lake, Prune::superseded()), [""; 0]);
    // By age alone everything goes that has no name and that nothing with a name was made from.
    let old = Prune::default().older_than(Duration::ZERO);
    assert_eq!(prunable(&lake, old), ["sum", "load"]);
    let removal = lake.prunable(old).unwrap();
    lake.apply(&removal, false).unwrap();
    assert_eq!(lake.upstream("report.txt", 9).unwrap().nodes.len(), 3);
    assert_eq!(prunable(&lake, old), [""; 0]);
    check_error(lake.prunable(Prune::default()), ErrorKind::InvalidInput, &["say what may go"]);
}

#[test]
fn where_a_record_is_damaged_nothing_goes() {
    let lake = lake();
    let _current = lake.enter();
    old::load(1).unwrap();
    new::load(1).unwrap();
    new::sum(&[]).unwrap();
    overwrite(&lake.home().join("calls/prune/sum").read_dir().unwrap().next().unwrap().unwrap().path(), |bytes| {
        bytes.truncate(50);
    });
    let lake = lake.reopened();
    let removal = lake.prunable(Prune::superseded()).unwrap();
    assert_eq!((removal.asked.len(), removal.damaged.len()), (1, 1));
    check_error(lake.apply(&removal, false), ErrorKind::InUse, &["prune/sum"]);
}

#[test]
fn what_is_pruned_is_gone_on_every_machine_and_what_is_not_pushed_stays() {
    let machines = Machines::new();
    let a = machines.machine("a");
    let gone = a.ok("ran load", || old::load(1));
    let off = machines.builder("b").offline(true).open().unwrap();
    let own = {
        let _current = off.enter();
        old::load(2).and_then(|own| new::load(2).map(|_| own)).unwrap()
    };
    let b = machines.machine("b");
    b.ok("hit load", || old::load(1));
    b.ok("ran load", || new::load(1));
    assert_eq!(prunable(&b, Prune::superseded()), ["load"]);
    let removal = b.prunable(Prune::superseded()).unwrap();
    b.apply(&removal, false).unwrap();
    let is_known = |lake: &Lake, file: &File| lake.exists(file.uid().unwrap().as_str()).unwrap();
    assert!(!is_known(&machines.machine("c"), &gone) && is_known(&b, &own));
}
