//! Calls whose arguments hold what calls returned, after all of that was made again by other code.

use std::collections::BTreeMap;

use datlake::lineage::Lineage;
use datlake::{CallKey, Explanation, File, Lake, Prune};
use serde::{Deserialize, Serialize};

use crate::support::{Watched, lake};

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Fit {
    weights: Vec<f64>,
    loss: f64,
    rate: f64,
}

/// A pipeline before and after an edit. No program has both at a time, unless they stand at one place.
macro_rules! edition {
    ($edition:ident, $version:literal) => {
        mod $edition {
            use std::collections::BTreeMap;

            use datlake::{File, Result, file_creator};

            use super::Fit;

            #[file_creator(name = "superseded/fit", version = $version)]
            pub(super) fn fit(n: u32, size: usize) -> Result<Fit> {
                // No two calls return the same number.
                let number = |at: usize| (f64::from(n) * 1e4 + at as f64 + f64::from($version) / 3.1) / 7.3;
                Ok(Fit { weights: (0..size).map(number).collect(), loss: number(size), rate: 0.1 })
            }

            #[file_creator(name = "superseded/part", version = $version)]
            pub(super) fn part(n: u32) -> Result<File> {
                // So long a name that a list of many is too large to be shown.
                File::from_bytes(&format!("{:0190}.txt", 0), format!("{n} in edition {}", $version))
            }

            #[file_creator(name = "superseded/best", version = $version)]
            pub(super) fn best(fits: &[Fit], note: &str) -> Result<usize> {
                Ok(fits.len() + note.len())
            }

            #[file_creator(name = "superseded/plot", version = $version)]
            pub(super) fn plot(losses: &BTreeMap<String, f64>) -> Result<usize> {
                Ok(losses.len())
            }

            #[file_creator(name = "superseded/norm", version = $version)]
            pub(super) fn norm(weights: &[f64]) -> Result<f64> {
                Ok(weights.iter().sum())
            }

            #[file_creator(name = "superseded/mixed", version = $version)]
            pub(super) fn mixed(a: &Fit, b: &Fit, c: &Fit) -> Result<f64> {
                Ok(a.loss + b.loss + c.loss)
            }

            #[file_creator(name = "superseded/counted", version = $version)]
            pub(super) fn counted(part: &File) -> Result<u64> {
                Ok(part.len())
            }

            #[file_creator(name = "superseded/joined", version = $version)]
            pub(super) fn joined(parts: &[File], fits: &[(String, Fit)]) -> Result<usize> {
                Ok(parts.len() + fits.len())
            }
        }
    };
}

edition!(old, 1);
edition!(new, 2);

/// The functions of the calls that may go, sorted, each once with how many there are.
fn superseded(lake: &Lake) -> Vec<String> {
    let removal = lake.prunable(Prune::superseded()).unwrap();
    let mut counts = BTreeMap::<String, usize>::new();
    for one in &removal.asked {
        *counts.entry(one.call.as_ref().unwrap().0.as_str().replace("superseded/", "")).or_default() += 1;
    }
    counts.into_iter().map(|(function, count)| format!("{function} ×{count}")).collect()
}

/// Runs `edition` in a process of its own, as a program that was edited is.
fn run(lake: &Watched, edition: impl FnOnce()) -> Watched {
    let lake = lake.reopened();
    {
        let _current = lake.enter();
        edition();
    }
    lake
}

/// One edition of `fit` for each of `ns`, large or not.
macro_rules! fits {
    ($edition:ident, $ns:expr, $size:expr) => {
        $ns.into_iter().map(|n| $edition::fit(n, $size).unwrap()).collect::<Vec<Fit>>()
    };
}

#[test]
fn a_list_of_values_is_superseded_by_the_list_of_those_that_were_made_again() {
    for size in [3, 1000] {
        let first = lake();
        let lake = run(&first, || {
            old::best(&fits!(old, [1, 2, 3], size), "all").unwrap();
        });
        // Of other models, in another order, with something else beside them, and fewer.
        let lake = run(&lake, || {
            new::best(&fits!(new, [1, 2, 4], size), "all").unwrap();
            new::best(&fits!(new, [3, 2, 1], size), "all").unwrap();
            new::best(&fits!(new, [1, 2, 3], size), "some").unwrap();
            new::best(&fits!(new, [1, 2], size), "all").unwrap();
        });
        // What is not superseded keeps what it was made from.
        assert_eq!(superseded(&lake), [""; 0], "{size}");
        let lake = run(&lake, || {
            new::best(&fits!(new, [1, 2, 3], size), "all").unwrap();
        });
        assert_eq!(superseded(&lake), ["best ×1", "fit ×3"], "{size}");
    }
}

#[test]
fn explain_compares_with_the_call_whose_values_came_from_the_same_creators() {
    for size in [3, 1000] {
        let first = lake();
        let lake = run(&first, || {
            old::best(&fits!(old, [1, 2, 3], size), "all").unwrap();
        });
        let lake = run(&lake, || {
            new::best(&fits!(new, [1, 2, 3], size), "some").unwrap();
        });
        run(&lake, || {
            new::best(&fits!(new, [1, 2, 3], size), "all").unwrap();
            let call = new::best::call(&fits!(new, [1, 2, 3], size), "all").lineage().unwrap().unwrap();
            let was = old::best::call(&fits!(old, [1, 2, 3], size), "all").lineage().unwrap().unwrap();
            assert_eq!(compared_with(&call), Some(was.key), "{size}");
        });
    }
}

/// Nothing in what siblings are given says of which it is: what made it does.
#[test]
fn explain_tells_siblings_by_what_made_their_arguments() {
    for size in [3, 1000] {
        let first = lake();
        let lake = run(&first, || {
            for n in 1..=5 {
                old::norm(&old::fit(n, size).unwrap().weights).unwrap();
                old::counted(&old::part(n).unwrap()).unwrap();
            }
        });
        let norm = |n| old::norm::call(&old::fit(n, size).unwrap().weights).lineage().unwrap().unwrap().key;
        let counted = |n| old::counted::call(&old::part(n).unwrap()).lineage().unwrap().unwrap().key;
        run(&lake, || {
            for n in [2, 5, 1, 4, 3] {
                let (weights, part) = (new::fit(n, size).unwrap().weights, new::part(n).unwrap());
                let (norms, counts) = (new::norm::call(&weights), new::counted::call(&part));
                assert_eq!(would_compare_with(&norms.explain().unwrap()), Some(norm(n)), "{n} of {size}");
                assert_eq!(would_compare_with(&counts.explain().unwrap()), Some(counted(n)), "{n} of {size}");
                norms.run().unwrap();
                counts.run().unwrap();
            }
            for n in 1..=5 {
                let call = new::norm::call(&new::fit(n, size).unwrap().weights).lineage().unwrap().unwrap();
                assert_eq!(compared_with(&call), Some(norm(n)), "{n} of {size}");
                let call = new::counted::call(&new::part(n).unwrap()).lineage().unwrap().unwrap();
                assert_eq!(compared_with(&call), Some(counted(n)), "{n} of {size}");
            }
        });
    }
}

/// A sibling that differs in one argument is further away than the same call, all of whose arguments were made again.
#[test]
fn explain_compares_with_the_same_call_before_a_sibling_that_has_more_in_common() {
    let first = lake();
    let lake = run(&first, || {
        let fits = fits!(old, [1, 2, 3], 3);
        old::mixed(&fits[0], &fits[1], &fits[2]).unwrap();
    });
    run(&lake, || {
        let fits = fits!(new, [1, 2, 3, 4], 3);
        for (a, b, c) in [(3, 1, 2), (0, 3, 2), (0, 1, 3)] {
            new::mixed(&fits[a], &fits[b], &fits[c]).unwrap();
        }
        let [was, now] =
            [fits!(old, [1, 2, 3], 3), fits].map(|fits| [fits[0].clone(), fits[1].clone(), fits[2].clone()]);
        let was = old::mixed::call(&was[0], &was[1], &was[2]).lineage().unwrap().unwrap().key;
        let call = || new::mixed::call(&now[0], &now[1], &now[2]);
        assert_eq!(would_compare_with(&call().explain().unwrap()), Some(was));
        call().run().unwrap();
        assert_eq!(compared_with(&call().lineage().unwrap().unwrap()), Some(was));
    });
}

/// Of settings that nothing made, those are the nearest of which the fewest fields differ, however many that are.
#[test]
fn explain_compares_with_the_settings_of_which_the_fewest_fields_differ() {
    let settings = |differing: usize| -> BTreeMap<String, f64> {
        (0..20).map(|at| (format!("field {at}"), if at < differing { 1.0 } else { 2.0 })).collect()
    };
    let first = lake();
    run(&first, || {
        for differing in [9, 3, 12, 20] {
            new::plot(&settings(differing)).unwrap();
        }
        let was = new::plot::call(&settings(3)).lineage().unwrap().unwrap().key;
        assert_eq!(would_compare_with(&new::plot::call(&settings(0)).explain().unwrap()), Some(was));
        new::plot(&settings(0)).unwrap();
        assert_eq!(compared_with(&new::plot::call(&settings(0)).lineage().unwrap().unwrap()), Some(was));
    });
}

fn would_compare_with(explained: &Explanation) -> Option<CallKey> {
    match explained {
        Explanation::Differs { nearest, .. } => Some(*nearest),
        _ => None,
    }
}

/// The key of the earlier call that explains this one.
fn compared_with(call: &Lineage) -> Option<CallKey> {
    let explained = Lake::current().unwrap().explain(&format!("{}/{}", call.creator, call.key)).unwrap();
    explained.earlier.map(|earlier| earlier.key)
}

#[test]
fn parts_of_what_a_call_returned_are_told_apart() {
    let losses = |fits: Vec<Fit>| -> BTreeMap<String, f64> {
        fits.into_iter().enumerate().map(|(n, fit)| (format!("fit {n}"), fit.loss)).collect()
    };
    let first = lake();
    let lake = run(&first, || {
        old::plot(&losses(fits!(old, [1, 2], 3))).unwrap();
        let fit = old::fit(5, 2000).unwrap();
        old::norm(&fit.weights).unwrap();
        old::norm(&[fit.loss, fit.weights[7], fit.loss]).unwrap();
    });
    let lake = run(&lake, || {
        let fit = new::fit(5, 2000).unwrap();
        new::norm(&[fit.loss, fit.weights[8], fit.loss]).unwrap();
        new::norm(&fit.weights[1..]).unwrap();
        new::plot(&losses(fits!(new, [2, 1], 3))).unwrap();
    });
    assert_eq!(superseded(&lake), [""; 0]);
    let lake = run(&lake, || {
        let fit = new::fit(5, 2000).unwrap();
        new::norm(&[fit.loss, fit.weights[7], fit.loss]).unwrap();
    });
    assert_eq!(superseded(&lake), ["norm ×1"]);
    let lake = run(&lake, || {
        let fit = new::fit(5, 2000).unwrap();
        new::norm(&fit.weights).unwrap();
        new::plot(&losses(fits!(new, [1, 2], 3))).unwrap();
    });
    assert_eq!(superseded(&lake), ["fit ×3", "norm ×2", "plot ×1"]);
}

#[test]
fn many_files_beside_values_are_superseded_too() {
    let raw = || (0..3).map(|n| File::get(&format!("raw/{n}.csv")).unwrap());
    for (count, named) in [(2, 1), (80, 1), (80, 0)] {
        let first = lake();
        (0..3).for_each(|n| drop(first.add_bytes(&format!("raw/{n}.csv"), format!("{n}")).unwrap()));
        let lake = run(&first, || {
            let parts = (0..count).map(|n| old::part(n).unwrap()).chain(raw()).collect::<Vec<_>>();
            let named: Vec<_> = (0..named).map(|n| (format!("fit {n}"), old::fit(n, 3).unwrap())).collect();
            old::joined(&parts, &named).unwrap();
        });
        let made = |parts: Vec<u32>, without: usize| {
            let parts = parts.into_iter().map(|n| new::part(n).unwrap()).chain(raw().skip(without)).collect::<Vec<_>>();
            let named: Vec<_> = (0..named).map(|n| (format!("fit {n}"), new::fit(n, 3).unwrap())).collect();
            new::joined(&parts, &named).unwrap();
        };
        let lake = run(&lake, || {
            made((0..count).rev().collect(), 0);
            made((0..count).collect(), 1);
        });
        assert_eq!(superseded(&lake), [""; 0], "{count}");
        let lake = run(&lake, || made((0..count).collect(), 0));
        let mut expected = vec!["joined ×1".to_owned(), format!("part ×{count}")];
        expected.extend((named > 0).then(|| "fit ×1".to_owned()));
        expected.sort();
        assert_eq!(superseded(&lake), expected, "{count}");
    }
}
