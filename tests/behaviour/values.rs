//! Lineage goes through values: what a call returned is recognised where another call is given it.

use std::collections::BTreeMap;
use std::time::Duration;

use datlake::lineage::{Lineage, ValueInput};
use datlake::report::UpstreamState;
use datlake::{Difference, ErrorKind, Explanation, File, Lake, Prune, Result, file_creator};
use serde::{Deserialize, Serialize};

use crate::support::{Machines, check_error, lake};

#[file_creator]
fn train(data: &File, rate: f64) -> Result<Vec<f64>> {
    Ok(data.read_to_string()?.lines().filter_map(|line| line.parse::<f64>().ok()).map(|x| x * rate).collect())
}

#[file_creator]
fn report(weights: &[f64], output_uid: &str) -> Result<File> {
    File::from_bytes(output_uid, format!("{weights:?}"))
}

#[file_creator]
fn score(weights: &[f64], seed: u64) -> Result<f64> {
    Ok(weights.iter().sum::<f64>() / 3.7 + seed as f64 / 7.0)
}

#[derive(Serialize, Deserialize, Clone)]
pub(crate) struct Model {
    rate: f64,
    pub(crate) weights: Vec<f64>,
    loss: f64,
    plot: Option<File>,
}

#[file_creator]
pub(crate) fn fit(rate: f64, size: usize) -> Result<Model> {
    let weights = (0..size).map(|n| n as f64 * rate).collect();
    Ok(Model { rate, weights, loss: rate / 3.0, plot: None })
}

#[file_creator]
fn plotted(rate: f64) -> Result<Model> {
    let plot = File::from_bytes("plot.svg", format!("<svg>{rate}</svg>"))?;
    Ok(Model { rate, weights: vec![], loss: rate / 3.0, plot: Some(plot) })
}

#[file_creator]
fn best(scores: &BTreeMap<String, (u32, f64)>) -> Result<String> {
    Ok(scores.keys().next().cloned().unwrap_or_default())
}

#[file_creator]
fn uses<T: Serialize>(value: &T, note: &str) -> Result<String> {
    Ok(format!("{}{note}", size_of_val(value)))
}

#[file_creator]
fn keeps(#[secret] value: &[f64]) -> Result<usize> {
    Ok(value.len())
}

#[file_creator]
fn identity(n: i64) -> Result<i64> {
    Ok(n)
}

#[file_creator]
fn flag(on: bool) -> Result<(bool, Option<u8>, Vec<u8>)> {
    Ok((on, None, vec![]))
}

#[file_creator]
fn alike(n: u32) -> Result<Vec<u32>> {
    Ok(vec![n / 1000, 7])
}

#[file_creator(depends_on(fit))]
fn pipeline(rate: f64, output_uid: &str) -> Result<File> {
    File::from_bytes(output_uid, format!("{}", fit(rate, 3)?.loss))
}

#[file_creator(depends_on(alike, uses))]
fn asks_first(value: Vec<u32>) -> Result<String> {
    // Only now does this process know a call that returned the argument.
    uses(&alike(1000)?, &format!("{value:?}"))
}

/// Which calls the values came from, and where they stand in the arguments.
pub(crate) fn edges(lineage: &Lineage) -> Vec<String> {
    let edge = |value: &ValueInput| {
        let argument = value.argument.as_deref().unwrap_or("(body)");
        let function = value.creator.as_str().rsplit(':').next().unwrap();
        format!("{argument}{} = {}{function}", value.at, if value.part { "part of " } else { "" })
    };
    let mut edges: Vec<String> = lineage.values.iter().map(edge).collect();
    edges.sort();
    edges
}

/// The edges of a call that is made with a new note.
#[track_caller]
pub(crate) fn edges_to<T: Serialize>(value: &T, note: &str) -> Vec<String> {
    uses(value, note).unwrap();
    edges(&uses::call(value, note).lineage().unwrap().unwrap())
}

#[test]
fn a_report_leads_back_to_the_data_through_the_model() {
    let lake = lake();
    let _current = lake.enter();
    let data = lake.add_bytes("raw/data.csv", "1\n2\n3\n").unwrap();
    let weights = train(&data, 0.5).unwrap();
    let report = report(&weights, "reports/model.md").unwrap();
    let lineage = report.lineage().unwrap();
    assert_eq!(edges(lineage.call().unwrap()), ["weights = train"]);
    assert_eq!(lineage.call().unwrap().values[0].key, train::call(&data, 0.5).lineage().unwrap().unwrap().key);

    let up = lake.upstream("reports/model.md", 9).unwrap();
    assert_eq!(up.nodes.iter().map(|node| &*node.name).collect::<Vec<_>>(), ["model.md", "train", "data.csv"]);
    assert!(up.nodes[1].value && up.nodes.iter().all(|node| node.state == UpstreamState::Present));
    let down = lake.downstream("raw/data.csv", 9, 100).unwrap();
    let functions: Vec<_> = down.nodes.iter().map(|node| node.creator.as_str().rsplit(':').next().unwrap()).collect();
    assert_eq!((functions, down.nodes[0].readers.as_slice()), (vec!["train", "report"], &[1][..]));
    let call = format!("@{}/{}", down.nodes[0].creator, down.nodes[0].key);
    assert_eq!(lake.downstream(&call, 9, 100).unwrap().nodes.len(), 1);
    assert_eq!(lake.upstream(&call, 9).unwrap().nodes.len(), 2);
}

#[test]
fn what_was_found_leads_back_as_what_was_made_does() {
    let lake = lake();
    {
        let _current = lake.enter();
        fit(0.5, 3).unwrap();
    }
    let again = lake.reopened();
    let weights = again.ok("hit fit", || fit(0.5, 3)).weights;
    let model = again.ok("hit fit", || fit(0.5, 3));
    let _current = again.enter();
    assert_eq!(edges_to(&model, "the same"), ["value = fit"]);
    // Another process that reads it from elsewhere knows of no call.
    let elsewhere = again.reopened();
    let _current = elsewhere.enter();
    uses(&(weights, 1), "elsewhere").unwrap();
    let lineage = uses::call(&(model.weights, 1), "elsewhere").lineage().unwrap().unwrap();
    // So few numbers somebody may have written.
    assert_eq!((edges(&lineage), lineage.unknown()), (vec![], vec![]));
    let many: Vec<f64> = (0..200).map(|n| f64::from(n) / 3.1).collect();
    for (value, note) in [(many.clone(), "many"), (many.repeat(20), "very many")] {
        uses(&value, note).unwrap();
        let lineage = uses::call(&value, note).lineage().unwrap().unwrap();
        assert_eq!((edges(&lineage), lineage.unknown()), (vec![], vec!["value"]), "{note}");
    }
}

#[test]
fn values_in_arguments_lead_to_the_calls_that_returned_them() {
    let lake = lake();
    let _current = lake.enter();
    let weights = [0.25, 0.5];
    let scores: BTreeMap<String, (u32, f64)> =
        (1..=3).map(|n| (format!("seed {n}"), (n, score(&weights, n.into()).unwrap()))).collect();
    best(&scores).unwrap();
    let lineage = best::call(&scores).lineage().unwrap().unwrap();
    let at: Vec<_> = (1..=3).map(|n| format!("scores[\"seed {n}\"][1] = score")).collect();
    assert_eq!(edges(&lineage), at);
    let keys: std::collections::BTreeSet<_> = lineage.values.iter().map(|value| value.key).collect();
    assert_eq!(keys.len(), 3);

    let model = fit(0.1, 3).unwrap();
    let plotted = plotted(0.1).unwrap();
    let nested = (vec![Some(&model)], "name");
    assert_eq!(edges_to(&nested, "nested"), ["value[0][0] = fit"]);
    assert_eq!(edges_to(&plotted, "with a file"), ["value = plotted"]);
    // A file alone is an input, and nothing else.
    assert_eq!(edges_to(&plotted.plot, "the file"), [""; 0]);
}

#[test]
fn a_part_of_what_a_call_returned_is_recognised_unless_anybody_might_have_written_it() {
    let lake = lake();
    let _current = lake.enter();
    let model = fit(0.1, 50).unwrap();
    assert_eq!(edges_to(&model.weights, "weights"), ["value = part of fit"]);
    assert_eq!(edges_to(&model.loss, "loss"), ["value = part of fit"]);
    assert_eq!(edges_to(&0.1, "a rate"), [""; 0]);
    assert_eq!(edges_to(&Model { loss: 0.3, ..model.clone() }, "changed"), ["value.weights = part of fit"]);
    // Large ones too.
    let model = fit(0.3, 20_000).unwrap();
    assert_eq!(edges_to(&(&model, 1), "large"), ["value[0] = fit"]);
    assert_eq!(edges_to(&model.weights, "large part"), ["value = part of fit"]);
}

#[test]
fn trivial_values_make_no_edges() {
    let lake = lake();
    let _current = lake.enter();
    assert_eq!(edges_to(&flag(true).unwrap(), "flags"), [""; 0]);
    assert_eq!(edges_to(&identity(7).unwrap(), "a small number"), [""; 0]);
    assert_eq!(edges_to(&identity(-70_000).unwrap(), "a large number"), ["value = identity"]);
    // Nothing of a secret is kept, not even where it came from.
    let weights = fit(0.7, 9).unwrap().weights;
    keeps(&weights).unwrap();
    assert_eq!(edges(&keeps::call(&weights).lineage().unwrap().unwrap()), [""; 0]);
}

#[test]
fn calls_that_returned_alike_are_all_named() {
    let lake = lake();
    let _current = lake.enter();
    let one = alike(1000).unwrap();
    assert_eq!(edges_to(&one, "one"), ["value = alike"]);
    alike(1001).unwrap();
    assert_eq!(edges_to(&one, "two"), ["value = alike", "value = alike"]);
    for n in 1002..1100 {
        alike(n).unwrap();
    }
    assert_eq!(edges_to(&one, "many").len(), 8);
}

#[test]
fn a_body_leads_to_the_calls_it_made_and_its_arguments_to_what_was_known_before() {
    let lake = lake();
    let _current = lake.enter();
    let file = pipeline(0.9, "results/loss.txt").unwrap();
    assert_eq!(edges(file.lineage().unwrap().call().unwrap()), ["(body) = fit"]);
    asks_first(vec![1, 7]).unwrap();
    let lineage = asks_first::call(vec![1, 7]).lineage().unwrap().unwrap();
    assert_eq!(edges(&lineage), ["(body) = alike", "(body) = uses"]);
}

#[test]
fn a_hundred_thousand_values_are_looked_through() {
    let lake = lake();
    let _current = lake.enter();
    let scores: Vec<f64> = (0..10).map(|seed| score(&[0.5], seed).unwrap()).collect();
    let mut many: Vec<f64> = (0..100_000).map(|n| f64::from(n) / 3.1).collect();
    many.extend(scores);
    uses(&many, "many").unwrap();
    let lineage = uses::call(&many, "many").lineage().unwrap().unwrap();
    assert_eq!((lineage.values.len(), lineage.values_left_out), (10, 0));
    assert_eq!(lineage.values[0].at, "[100000]");
}

fn named_from_values(lake: &Lake) {
    let data = lake.add_bytes("raw/data.csv", "1\n2\n3\n").unwrap();
    let weights = train(&data, 0.25).unwrap();
    report(&weights, "reports/model.md").unwrap();
    score(&weights, 1).unwrap();
}

#[test]
fn what_a_named_file_was_made_from_is_kept_through_values() {
    let lake = lake();
    let _current = lake.enter();
    named_from_values(&lake);
    let removal = lake.prunable(Prune::default().older_than(Duration::ZERO)).unwrap();
    let functions: Vec<_> = removal.asked.iter().map(|one| one.call.as_ref().unwrap().0.as_str()).collect();
    assert!(functions.len() == 1 && functions[0].ends_with("score"), "{functions:?}");
}

mod editions {
    macro_rules! edition {
        ($edition:ident, $version:literal) => {
            pub(super) mod $edition {
                use datlake::{File, Result, file_creator};

                #[file_creator(name = "values/weights", version = $version)]
                pub(crate) fn weights(n: u32) -> Result<Vec<f64>> {
                    Ok(vec![f64::from(n) / 7.0, f64::from($version)])
                }

                #[file_creator(name = "values/sum", version = $version)]
                pub(crate) fn sum(weights: &[f64]) -> Result<f64> {
                    Ok(weights.iter().sum())
                }

                #[file_creator(name = "values/table", version = $version)]
                pub(crate) fn table(text: &str) -> Result<File> {
                    File::from_bytes("table.csv", format!("{text} {}", $version))
                }

                #[file_creator(name = "values/rows", version = $version)]
                pub(crate) fn rows(table: &File) -> Result<u64> {
                    Ok(table.len())
                }
            }
        };
    }

    edition!(old, 1);
    edition!(new, 2);
}

#[test]
fn what_was_made_from_a_superseded_value_is_superseded() {
    use editions::{new, old};
    let lake = lake();
    let _current = lake.enter();
    old::sum(&old::weights(3).unwrap()).unwrap();
    new::sum(&new::weights(3).unwrap()).unwrap();
    new::sum(&new::weights(4).unwrap()).unwrap();
    let removal = lake.prunable(Prune::superseded()).unwrap();
    let functions: Vec<_> = removal.asked.iter().map(|one| one.call.as_ref().unwrap().0.to_string()).collect();
    assert_eq!(functions, ["values/sum", "values/weights"]);
}

#[test]
fn what_was_made_from_large_arguments_is_superseded_by_the_same() {
    use editions::{new, old};
    let lake = lake();
    let _current = lake.enter();
    let weights = |n: u32| -> Vec<f64> { (0..5000).map(|at| f64::from(at + n) / 3.3).collect() };
    old::sum(&weights(1)).unwrap();
    new::sum(&weights(2)).unwrap();
    assert_eq!(lake.prunable(Prune::superseded()).unwrap().asked, []);
    new::sum(&weights(1)).unwrap();
    let removal = lake.prunable(Prune::superseded()).unwrap();
    let superseded = old::sum::call(&weights(1)).lineage().unwrap().unwrap();
    let calls: Vec<_> = removal.asked.iter().map(|one| one.call.as_ref().unwrap().1).collect();
    assert_eq!(calls, [superseded.key]);
    // Why the one ran and not the other is known, too.
    let explained = new::sum::call(&weights(3)).explain().unwrap().to_string();
    assert!(explained.contains("`weights`: a large value (45004 bytes, "), "{explained}");
}

#[test]
fn removing_a_value_or_its_data_sees_what_was_made_from_it() {
    let lake = lake();
    let _current = lake.enter();
    named_from_values(&lake);
    let call = lake.history(Some("train")).unwrap().calls.remove(0);
    let address = format!("@{}/{}", call.creator, call.key.short());
    for (asked, downstream) in [("raw/data.csv", 3), (&*address, 2)] {
        let removal = lake.removal(&[asked]).unwrap();
        assert_eq!(removal.downstream.len(), downstream, "{asked}");
        check_error(lake.apply(&removal, false), ErrorKind::InUse, &[asked.split('/').next_back().unwrap(), "calls"]);
    }
    let removal = lake.removal(&[&address]).unwrap();
    assert_eq!(lake.apply(&removal, true).unwrap().len(), 3);
    assert!(!lake.exists("reports/model.md").unwrap() && lake.exists("raw/data.csv").unwrap());
    assert!(lake.downstream("raw/data.csv", 9, 100).unwrap().nodes.is_empty());
}

#[test]
fn a_name_brings_along_what_it_was_made_from_through_values() {
    let machines = Machines::new();
    let offline = machines.builder("a").offline(true).open().unwrap();
    {
        let _current = offline.enter();
        named_from_values(&offline);
    }
    let train = offline.history(Some("train")).unwrap().calls.remove(0);
    let train = format!("@{}/{}", train.creator, train.key);
    drop(offline);
    let a = machines.machine("a");
    // A call that made no file goes by its own address, with its data; and comes by it.
    let unknown = format!("{}{}", &train[..train.len() - 64], "0".repeat(64));
    check_error(a.push(&[&unknown]), ErrorKind::NotFound, &["has not been made or was removed"]);
    assert_eq!(a.push(&[&train]).unwrap().items.len(), 2);
    assert_eq!(a.push(&[&train]).unwrap().items, []);
    let c = machines.machine("c");
    check_error(c.pull(&[&unknown]), ErrorKind::NotFound, &["has not been made or was removed"]);
    c.pull(&[&train]).unwrap();
    let c = machines.builder("c").offline(true).open().unwrap();
    assert!(c.call_info(&train).unwrap().value.json.is_some());
    assert_eq!(a.push(&["reports"]).unwrap().items.len(), 1, "not the score");
    let b = machines.machine("b");
    let up = b.upstream("reports/model.md", 9).unwrap();
    assert!(up.nodes.len() == 3 && up.nodes.iter().all(|node| node.state == UpstreamState::Present), "{up:?}");
    assert_eq!(b.downstream("raw/data.csv", 9, 100).unwrap().nodes.len(), 2);

    let dir = tempfile::tempdir().unwrap();
    let url = format!("file://{}", dir.path().join("there").display());
    assert_eq!(a.mirror(&datlake::Mirror::to(&url), &["reports"]).unwrap().items.len(), 3);
    let there = Lake::builder().home(dir.path().join("home")).remote(&url).open().unwrap();
    assert_eq!(there.upstream("reports/model.md", 9).unwrap().nodes.len(), 3);
}

#[test]
fn a_value_that_was_removed_or_made_otherwise_since_is_said_to_be() {
    let lake = lake();
    let _current = lake.enter();
    named_from_values(&lake);
    let call = lake.history(Some("train")).unwrap().calls.remove(0);
    lake.remove(&format!("@{}/{}/0", call.creator, call.key)).unwrap();
    let up = lake.upstream("reports/model.md", 9).unwrap();
    assert_eq!(
        up.nodes.iter().map(|node| node.state).collect::<Vec<_>>(),
        [UpstreamState::Present, UpstreamState::Removed]
    );
}

#[test]
fn explain_compares_with_the_same_call_of_other_code_before_its_newest_sibling() {
    use editions::{new, old};
    let lake = lake();
    let _current = lake.enter();
    old::weights(3).unwrap();
    old::weights(4).unwrap();
    new::weights(4).unwrap();
    let Explanation::Differs { nearest, differences, .. } = new::weights::call(3).explain().unwrap() else { panic!() };
    let was = old::weights::call(3).lineage().unwrap().unwrap();
    assert_eq!((nearest, differences), (was.key, vec![Difference::Code]));
    new::weights(3).unwrap();
    let now = new::weights::call(3).lineage().unwrap().unwrap();
    let explained = lake.explain(&format!("weights/{}", now.key)).unwrap().earlier.unwrap();
    assert_eq!((explained.key, explained.differences), (was.key, vec![Difference::Code]));
}

/// What siblings of a run are given has one name: an earlier run tells more.
#[test]
fn explain_compares_with_an_earlier_run_before_a_sibling() {
    use editions::{new, old};
    let lake = lake();
    let first = {
        let _current = lake.enter();
        old::rows(&old::table("one").unwrap()).unwrap();
        old::rows::call(&old::table("one").unwrap()).lineage().unwrap().unwrap()
    };
    let again = lake.reopened();
    let _current = again.enter();
    for text in ["three", "other"] {
        new::rows(&new::table(text).unwrap()).unwrap();
    }
    let [fourth, other] = ["fourth", "other"].map(|text| new::table(text).unwrap());
    let Explanation::Differs { nearest, .. } = new::rows::call(&fourth).explain().unwrap() else { panic!() };
    assert_eq!(nearest, first.key);
    let key = new::rows::call(&other).lineage().unwrap().unwrap().key;
    assert_eq!(again.explain(&format!("rows/{key}")).unwrap().earlier.unwrap().key, first.key);
}

#[file_creator]
fn publish(model: &Model, note: &str, output_uid: &str) -> Result<File> {
    File::from_bytes(output_uid, format!("{} {note}", model.loss))
}

#[test]
fn what_holds_files_and_values_is_compared_field_by_field_and_a_conflict_says_the_same() {
    let lake = lake();
    let _current = lake.enter();
    let plot = |name: &str| Some(lake.add_bytes(name, format!("<svg>{name}</svg>")).unwrap());
    let model = Model { rate: 0.5, weights: vec![1.0, 2.0], loss: 1.0, plot: plot("a.svg") };
    publish(&model, "x", "model.md").unwrap();
    // Another call, which is nearer and has another name.
    publish(&Model { loss: 2.0, ..model.clone() }, "y", "other.md").unwrap();
    let changed = Model { loss: 2.0, weights: vec![1.0, 3.0], plot: plot("b.svg"), ..model };
    let texts = ["`model.loss`: 1.0 → 2.0", "`model.weights`: [1.0,2.0] → [1.0,3.0]", "input `model.plot`: a.svg ("];
    check_error(publish(&changed, "x", "model.md"), ErrorKind::AlreadyExists, &texts);
    let explained = publish::call(&changed, "x", "model.md").explain().unwrap();
    let Explanation::Differs { differences, .. } = &explained else { panic!("{explained}") };
    assert_eq!(differences.len(), 3, "{explained}");
    let error = publish(&changed, "x", "model.md").unwrap_err().to_string();
    assert!(differences.iter().all(|difference| error.contains(&difference.to_string())), "{error}\n{explained}");
}

#[test]
fn explain_says_which_calls_returned_the_values() {
    let lake = lake();
    let _current = lake.enter();
    let (one, other) = (fit(0.5, 20_000).unwrap(), fit(0.7, 20_000).unwrap());
    uses(&one.weights, "x").unwrap();
    let text = uses::call(&other.weights, "x").explain().unwrap().to_string();
    let key = |rate| fit::call(rate, 20_000).lineage().unwrap().unwrap().key;
    let call = |rate| format!("behaviour::values::fit/{}", key(rate).short());
    assert!(text.contains(&call(0.5)) && text.contains(&call(0.7)) && text.contains("`value`:"), "{text}");
}
