//! Calls that are looked for.

use std::time::{Duration, SystemTime};

use datlake::{CallQuery, Condition, Digest, ErrorKind, Evict, File, Lake, Result, Tree, file_creator};

use crate::support::{Machines, Watched, lake, overwrite};

#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Model {
    kind: String,
    depth: u32,
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Scores {
    score: f64,
    rounds: u32,
}

#[file_creator]
fn train(data: &File, model: &Model, alpha: f64, #[secret] token: &str, notes: &[String]) -> Result<Scores> {
    assert!(!token.is_empty() && notes.len() < 100_000);
    Ok(Scores { score: alpha * f64::from(model.depth), rounds: u32::try_from(data.len()).unwrap() })
}

#[file_creator]
fn plot(data: &File) -> Result<Tree> {
    let mut tree = Tree::create("plots")?;
    tree.add_bytes("a/plot.png", [b"PNG ", &*data.read()?].concat())?;
    tree.finish()
}

#[file_creator]
fn report(plots: &Tree) -> Result<File> {
    File::from_bytes("reports/one.md", plots.get("a/plot.png")?.read()?.repeat(100))
}

/// Six trainings, of which one was given a large argument, and two plots, of which one is in a report.
fn prepared() -> Watched {
    let lake = lake();
    let current = lake.enter();
    let data = lake.add_bytes("data/one.csv", b"1,2,3").unwrap();
    let other = lake.add_bytes("data/two.csv", b"4").unwrap();
    for (at, alpha) in [0.01, 0.1, 1.0, 10.0].into_iter().enumerate() {
        let model = Model { kind: if at < 2 { "tree" } else { "forest" }.to_owned(), depth: 3 };
        train(&data, &model, alpha, "hunter2", &[]).unwrap();
    }
    train(&other, &Model { kind: "tree".to_owned(), depth: 8 }, 0.1, "hunter2", &[]).unwrap();
    let notes = vec!["x".to_owned(); 50_000];
    train(&other, &Model { kind: "tree".to_owned(), depth: 9 }, 0.1, "hunter2", &notes).unwrap();
    report(&plot(&data).unwrap()).unwrap();
    plot(&other).unwrap();
    drop(current);
    lake
}

fn is(condition: &str) -> Condition {
    condition.parse().unwrap()
}

/// The value of each parameter `alpha` that was found, in order.
fn alphas(lake: &Lake, query: CallQuery) -> Vec<f64> {
    let found = lake.find_calls(&query.creator("train")).unwrap();
    assert!(found.damaged.is_empty() && found.files.is_empty(), "{found:?}");
    found.calls.iter().map(|call| call.params[2].value.as_f64().unwrap()).collect()
}

fn creators(lake: &Lake, query: CallQuery) -> Vec<String> {
    let found = lake.find_calls(&query).unwrap();
    let mut names: Vec<_> = found.calls.iter().map(|call| call.creator.function().to_owned()).collect();
    names.sort();
    names
}

#[test]
fn by_parameters_their_fields_and_what_was_returned() {
    let lake = prepared();
    let query = CallQuery::default;
    let by_alpha = || query().order("alpha".parse().unwrap());
    assert_eq!(alphas(&lake, by_alpha().param(is("alpha>=1"))), [1.0, 10.0]);
    assert_eq!(alphas(&lake, by_alpha().param(is("model.kind=forest"))), [1.0, 10.0]);
    assert_eq!(alphas(&lake, by_alpha().param(is("model.kind!=forest")).param(is("model.depth<=3"))), [0.01, 0.1]);
    assert_eq!(alphas(&lake, by_alpha().param(is("data=data/two.csv"))), [0.1, 0.1]);
    assert_eq!(alphas(&lake, query().param(is("nothing=1"))), [0.0; 0]);
    let best =
        query().param(is("model.depth=3")).order("value.score".parse::<datlake::CallOrder>().unwrap().descending());
    assert_eq!(alphas(&lake, best.limit(2)), [10.0, 1.0]);
    // Of texts the order is that of their bytes; the latest is first where nothing else decides.
    assert_eq!(alphas(&lake, query().order("model.kind".parse().unwrap()).limit(2)), [10.0, 1.0]);
    let unknown = lake.find_calls(&query().creator("trained")).unwrap_err();
    assert!(unknown.kind() == ErrorKind::NotFound && unknown.to_string().contains("train"), "{unknown}");
}

#[test]
fn what_is_secret_or_was_too_large_to_be_kept_is_counted() {
    let lake = prepared();
    let query = || CallQuery::default().creator("train");
    let found = lake.find_calls(&query().param(is("token=hunter2"))).unwrap();
    assert_eq!((found.calls.len(), found.not_compared), (0, 6), "nobody learns a secret by asking");
    let found = lake.find_calls(&query().param(is("notes=[]"))).unwrap();
    assert_eq!((found.calls.len(), found.not_compared), (5, 1));
    let found = lake.find_calls(&query().param(is("notes=[]")).param(is("alpha>1"))).unwrap();
    assert_eq!((found.calls.len(), found.not_compared), (1, 0), "it would not be one of them in any case");
}

#[test]
fn by_time_person_run_and_size() {
    let lake = prepared();
    let (query, hour) = (CallQuery::default, Duration::from_secs(3600));
    let (past, future) = (SystemTime::now() - hour, SystemTime::now() + hour);
    assert_eq!(creators(&lake, query().since(past).until(future)).len(), 9);
    assert_eq!(creators(&lake, query().since(future)).len() + creators(&lake, query().until(past)).len(), 0);
    let call = lake.find_calls(&query().limit(1)).unwrap().calls.remove(0);
    let (email, run) = (call.originator.unwrap(), call.run.unwrap());
    assert_eq!(creators(&lake, query().person(email.to_uppercase()).run(&run[..12])).len(), 9);
    assert_eq!(creators(&lake, query().person("nobody")).len() + creators(&lake, query().run("none")).len(), 0);
    assert_eq!(creators(&lake, query().longer_than(hour)).len(), 0);
    assert_eq!(creators(&lake, query().shorter_than(hour)).len(), 9);
    // A file in a folder counts by its own size.
    assert_eq!(creators(&lake, query().larger_than(900)), ["report"]);
    assert_eq!(creators(&lake, query().larger_than(9)), ["plot", "report"]);
}

#[test]
fn by_what_was_made_and_what_it_was_made_from() {
    let lake = prepared();
    let picture = Digest::from_bytes(*blake3::hash(b"PNG 1,2,3").as_bytes());
    assert_eq!(creators(&lake, CallQuery::default().content(picture)), ["plot"], "it is in a folder");
    let data =
        lake.find_calls(&CallQuery::default().content(Digest::from_bytes(*blake3::hash(b"1,2,3").as_bytes()))).unwrap();
    let names: Vec<_> = data.files.iter().map(|file| file.uid.as_str()).collect();
    assert_eq!((data.calls.len(), &*names), (5, &["data/one.csv"][..]), "four trainings and a plot were given it");
    let below = CallQuery::default().made_from("data/one.csv");
    assert_eq!(creators(&lake, below.clone()), ["plot", "report", "train", "train", "train", "train"]);
    assert_eq!(creators(&lake, below.creator("train").param(is("alpha<0.1"))), ["train"]);
    assert!(lake.find_calls(&CallQuery::default().made_from("nothing.csv")).is_err());
}

#[test]
fn what_is_damaged_hides_no_other_and_is_said() {
    let lake = prepared();
    let call = lake.find_calls(&CallQuery::default().creator("report")).unwrap().calls.remove(0);
    let record = lake.home().join(format!("calls/{}/{}.datlake", call.creator, call.key));
    overwrite(&record, |bytes| bytes.truncate(9));
    let found = lake.reopened().find_calls(&CallQuery::default()).unwrap();
    assert_eq!((found.calls.len(), found.damaged.len()), (8, 1), "{:?}", found.damaged);
    assert!(found.damaged[0].what.contains("report"), "{:?}", found.damaged);
}

#[test]
fn a_tree_that_cannot_be_looked_into_hides_no_other_call() {
    let machines = Machines::new();
    let lake = machines.machine("one");
    {
        let _current = lake.enter();
        plot(&lake.add_bytes("data/one.csv", b"1,2,3").unwrap()).unwrap();
    }
    let picture = Digest::from_bytes(*blake3::hash(b"PNG 1,2,3").as_bytes());
    let query = CallQuery::default().content(picture);
    assert_eq!(lake.find_calls(&query).unwrap().calls.len(), 1);
    lake.evict(Evict::To(0)).unwrap();
    drop(lake);
    let offline = Watched::open(machines.builder("one").offline(true));
    let found = offline.find_calls(&query).unwrap();
    assert_eq!((found.calls.len(), found.damaged.len()), (0, 1), "{found:?}");
    assert!(found.damaged[0].what.contains("plot"), "{found:?}");
    let given = CallQuery::default().content(Digest::from_bytes(*blake3::hash(b"1,2,3").as_bytes()));
    assert_eq!(offline.find_calls(&given).unwrap().calls.len(), 1, "its record says what it was given");
}
