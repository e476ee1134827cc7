//! Dataflows: what a source has finished is for each target once.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Asking, Served, json, problem};

fn create(asking: &Asking<'_>, model: &str, rules: Value) -> String {
    let mut body = json!({"zone": "zone", "model_name": model});
    body.as_object_mut().unwrap().extend(rules.as_object().unwrap().clone());
    json(asking.post("/dataflows", &body), StatusCode::CREATED)["dataflow_id"].as_str().unwrap().to_owned()
}

fn associate(asking: &Asking<'_>, source: &str, target: &str) {
    let body = json!({"source_dataflow_id": source});
    json(asking.post(&format!("/dataflows/{target}/sources"), &body), StatusCode::NO_CONTENT);
}

/// A run that starts: its id, and the names of the batches that it has claimed.
fn start(asking: &Asking<'_>, dataflow: &str) -> (String, Vec<String>) {
    start_for(asking, dataflow, 300.0)
}

fn start_for(asking: &Asking<'_>, dataflow: &str, seconds: f64) -> (String, Vec<String>) {
    let body = json!({"lease_seconds": seconds});
    let run = json(asking.post(&format!("/dataflows/{dataflow}/runs"), &body), StatusCode::CREATED);
    (run["run_id"].as_str().unwrap().to_owned(), batches(&run["dataflow_queue_list"]))
}

fn batches(records: &Value) -> Vec<String> {
    let records = records.as_array().unwrap().iter();
    records.map(|record| record["dataflow_batch_run_id"].as_str().unwrap().to_owned()).collect()
}

fn finish(asking: &Asking<'_>, run: &str, end: &Value) -> reqwest::blocking::Response {
    asking.put(&format!("/dataflows/runs/{run}/finish"), end)
}

/// A run of a source that succeeds, of that batch and partition.
fn make(asking: &Asking<'_>, source: &str, batch: &str, partition: Option<&str>) {
    let (run, _) = start(asking, source);
    let end = json!({"status": "success", "dataflow_batch_run_id": batch, "dataflow_partition_key": partition});
    json(finish(asking, &run, &end), StatusCode::OK);
}

fn succeed(asking: &Asking<'_>, run: &str) {
    json(finish(asking, run, &json!({"status": "success"})), StatusCode::OK);
}

fn ready(asking: &Asking<'_>, dataflow: &str) -> Vec<String> {
    batches(&asking.json(&format!("/dataflows/{dataflow}/ready"))["results"])
}

#[test]
fn what_a_source_has_finished_is_claimed_once_and_in_order() {
    let served = Served::new();
    let root = served.root();
    let [source, other] = ["source", "other"].map(|model| create(&root, model, json!({})));
    assert_eq!(create(&root, "source", json!({})), source);
    let target = create(&root, "target", json!({"model_key": "key", "batch_limit": 3, "max_attempts": 2}));
    make(&root, &source, "too-early", None);
    associate(&root, &source, &target);
    associate(&root, &source, &target);
    for batch in ["1", "2", "3", "4"] {
        make(&root, &source, batch, Some("day=1"));
    }
    let page = root.json(&format!("/dataflows/{target}/ready?amount=3"));
    assert_eq!(
        (batches(&page["results"]), &page["pagination"]["has_more"]),
        (vec!["1".into(), "2".into(), "3".into()], &json!(true))
    );
    let after = page["pagination"]["next_offset"].as_str().unwrap();
    assert_eq!(batches(&root.json(&format!("/dataflows/{target}/ready?after={after}"))["results"]), ["4"]);
    let record = &page["results"][0];
    assert_eq!(
        (&record["zone"], &record["model_name"], &record["model_key"]),
        (&json!("zone"), &json!("source"), &json!(""))
    );
    assert_eq!(record["dataflow_partition_key"], "day=1");
    // Nobody else gets what one has; the rest is for the next one.
    let ((first, claimed), (second, rest)) = (start(&root, &target), start(&root, &target));
    assert_eq!((claimed, rest), (vec!["1".to_owned(), "2".into(), "3".into()], vec!["4".to_owned()]));
    assert_eq!(start(&root, &target).1, Vec::<String>::new());
    // What is sent twice is done once.
    let once = |key: &str| {
        let request = root.request(Method::POST, &format!("/api/v1/dataflows/{source}/runs"));
        json(request.header("idempotency-key", key).json(&json!({})).send().unwrap(), StatusCode::CREATED)
    };
    assert_eq!(once("a"), once("a"));
    assert_ne!(once("a")["run_id"], once("b")["run_id"]);
    // A failure gives back, in the same place; the second one sets aside.
    json(finish(&root, &first, &json!({"status": "failure"})), StatusCode::OK);
    problem(finish(&root, &first, &json!({"status": "success"})), 409, &["failed at"]);
    assert_eq!(ready(&root, &target), ["1", "2", "3"]);
    succeed(&root, &second);
    let (third, claimed) = start(&root, &target);
    assert_eq!(claimed, ["1", "2", "3"]);
    // As a run of its job, too.
    let at = format!("/jobs/zone%2Ftarget%2Fkey%2F/runs/{third}/complete");
    json(root.put(&at, &json!({"success": false})), StatusCode::OK);
    assert_eq!(ready(&root, &target), Vec::<String>::new());
    let aside = root.json(&format!("/dataflows/{target}/set-aside"));
    assert_eq!(
        (batches(&aside["results"]), &aside["results"][0]["attempts"]),
        (vec!["1".into(), "2".into(), "3".into()], &json!(2))
    );
    let release = format!("/dataflows/{target}/set-aside/release");
    let one = json!({"source_run_id": aside["results"][1]["source_run_id"]});
    assert_eq!(json(root.post(&release, &one), StatusCode::OK)["released"], 1);
    assert_eq!(json(root.post(&release, &json!({})), StatusCode::OK)["released"], 2);
    assert_eq!(start(&root, &target).1, ["1", "2", "3"]);
    // One that comes late gets what comes; and what was before if it asks.
    make(&root, &other, "before", None);
    associate(&root, &other, &target);
    assert_eq!(ready(&root, &target), Vec::<String>::new());
    let replay = json!({"source_dataflow_id": other, "replay": true});
    for _ in 0..2 {
        json(root.post(&format!("/dataflows/{target}/sources"), &replay), StatusCode::NO_CONTENT);
        assert_eq!(ready(&root, &target), ["before"]);
    }
    // One that is no source any more takes along what nobody has.
    let gone = format!("/dataflows/{target}/sources/{other}");
    json(root.delete(&gone), StatusCode::NO_CONTENT);
    problem(root.delete(&gone), 404, &["`zone/other//` is no source of `zone/target/key/`"]);
    make(&root, &other, "after", None);
    assert_eq!(ready(&root, &target), Vec::<String>::new());
    assert_eq!(root.json(&format!("/dataflows/{target}/sources"))["results"].as_array().unwrap().len(), 1);
    assert_eq!(root.json("/dataflows")["results"].as_array().unwrap().len(), 3);
}

#[test]
fn a_target_takes_its_sources_as_it_says() {
    let served = Served::new();
    let root = served.root();
    let [one, other] = ["one", "other"].map(|model| create(&root, model, json!({})));
    let all = create(&root, "all", json!({"take": "all", "batch_limit": 2}));
    let partitions = create(&root, "partitions", json!({"match_partition": true}));
    let both = create(&root, "both", json!({"take": "all", "match_partition": true}));
    for target in [&all, &partitions, &both] {
        associate(&root, &one, target);
        associate(&root, &other, target);
    }
    for (source, batch, partition) in [(&one, "1", "a"), (&one, "2", "b"), (&one, "3", "a")] {
        make(&root, source, batch, Some(partition));
    }
    assert_eq!((ready(&root, &all).len(), ready(&root, &both).len()), (0, 0));
    assert_eq!((start(&root, &all).1.len(), start(&root, &both).1.len()), (0, 0));
    assert_eq!(ready(&root, &partitions), ["1", "3"]);
    make(&root, &other, "4", Some("b"));
    // One of each, whatever the limit; the first of these first.
    assert_eq!(start(&root, &all).1, ["1", "4"]);
    assert_eq!(start(&root, &both).1, ["2", "4"]);
    assert_eq!(
        (start(&root, &partitions).1, start(&root, &partitions).1),
        (vec!["1".into(), "3".into()], vec!["2".into(), "4".into()])
    );
    // What was said is changed, and what was not is not.
    assert_eq!(create(&root, "all", json!({"take": "any"})), all);
    let now = root.json(&format!("/dataflows/{all}"));
    assert_eq!((&now["take"], &now["batch_limit"], &now["job_name"]), (&json!("any"), &json!(2), &json!("zone/all//")));
    assert_eq!(start(&root, &all).1, ["2", "3"]);
}

#[test]
fn a_lost_run_succeeds_only_if_nobody_took_what_it_had() {
    let served = Served::new();
    let root = served.root();
    let [source, target] = ["source", "target"].map(|model| create(&root, model, json!({})));
    associate(&root, &source, &target);
    make(&root, &source, "1", None);
    let lost = || {
        let (run, claimed) = start_for(&root, &target, 0.1);
        assert_eq!(claimed, ["1"]);
        let until = Instant::now() + Duration::from_secs(60);
        while ready(&root, &target).is_empty() {
            assert!(Instant::now() < until);
            std::thread::sleep(Duration::from_millis(20));
        }
        run
    };
    let first = lost();
    // Another one takes it and is lost, too: it has it as long as nobody else does.
    let second = lost();
    problem(
        finish(&root, &first, &json!({"status": "success"})),
        409,
        &[&first, "`zone/target//` was lost", "other runs"],
    );
    let state = |run: &str| root.json(&format!("/jobs/zone%2Ftarget%2F%2F/runs/{run}"))["state"].clone();
    assert_eq!((state(&first), state(&second)), (json!("lost"), json!("lost")));
    succeed(&root, &second);
    assert_eq!((state(&second), ready(&root, &target).len()), (json!("succeeded"), 0));
    json(finish(&root, &first, &json!({"status": "failure"})), StatusCode::OK);
    assert_eq!(ready(&root, &target).len(), 0);
    let events = root.json("/events?events=dataflow&amount=1000");
    let what = events["results"].as_array().unwrap().iter().map(|event| event["data"]["what"].as_str().unwrap());
    let what: Vec<_> = what.filter(|what| !["created", "associated"].contains(what)).collect();
    assert_eq!(what, ["delivered", "given_back", "given_back", "delivered"]);
}

#[test]
fn what_cannot_be_is_refused() {
    let served = Served::new();
    let root = served.root();
    let [a, b, c] = ["a", "b", "c"].map(|model| create(&root, model, json!({})));
    associate(&root, &a, &b);
    associate(&root, &b, &c);
    let source = |source: &str| json!({"source_dataflow_id": source});
    let path = "zone/c// → zone/a// → zone/b// → zone/c//";
    problem(root.post(&format!("/dataflows/{a}/sources"), &source(&c)), 409, &["in a circle", path]);
    problem(root.post(&format!("/dataflows/{a}/sources"), &source(&a)), 409, &["zone/a// → zone/a//"]);
    for (body, field, says) in [
        (json!({"zone": "", "model_name": "a"}), "zone", "it is empty"),
        (json!({"zone": "z", "model_name": "a/b"}), "model_name", "it has a `/`"),
        (json!({"zone": "z", "model_name": "a", "model_key": "\u{0}"}), "model_key", "control character"),
        (json!({"zone": "z", "model_name": "a", "model_sec_key": "x".repeat(91)}), "model_sec_key", "90 bytes"),
        (json!({"zone": "z", "model_name": "a", "batch_limit": 0}), "batch_limit", "from 1 to 10000"),
        (json!({"zone": "z", "model_name": "a", "max_attempts": -1}), "max_attempts", "from 1"),
        (json!({"zone": "z", "model_name": "a", "take": "some"}), "take", "the body is wrong"),
    ] {
        let refused = root.post("/dataflows", &body);
        let text = refused.text().unwrap();
        let said: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((said["status"].as_u64(), said["field"].as_str()), (Some(400), Some(field)), "{text}");
        assert!(said["message"].as_str().unwrap().contains(says), "{text}");
    }
    for path in ["/dataflows/none", "/dataflows/a%00b", "/dataflows/none/ready", "/dataflows/none/set-aside"] {
        problem(root.get(path), 404, &["there is no dataflow"]);
    }
    problem(root.get(&format!("/dataflows/{a}/ready?after=x")), 400, &["next_offset"]);
    for run in ["none", "00000000-0000-7000-8000-000000000000"] {
        problem(finish(&root, run, &json!({"status": "success"})), 404, &["no run of one"]);
    }
    let (run, _) = start(&root, &a);
    for (end, says) in [
        (json!({"status": "done"}), "the body is wrong"),
        (json!({"status": "success", "record_count": -1}), "`record_count` is -1"),
        (json!({"status": "success", "dataflow_partition_key": "x".repeat(1001)}), "1000 bytes"),
    ] {
        problem(finish(&root, &run, &end), 400, &[says]);
    }
    // Others' dataflows are not there, and one that may be read is not written to.
    let reader = served.account("reader", &[("reader", "job:zone/a/*")]);
    problem(reader.get(&format!("/dataflows/{b}")), 404, &["there is no dataflow"]);
    problem(reader.post(&format!("/dataflows/{a}/runs"), &json!({})), 403, &["`writer` on `job:zone/a//`"]);
    problem(finish(&reader, &run, &json!({"status": "success"})), 403, &["`writer` on `job:zone/a//`"]);
    assert_eq!(reader.json("/dataflows")["results"].as_array().unwrap().len(), 1);
    let writer = served.account("writer", &[("writer", "job:zone/a/*"), ("writer", "job:zone/c/*")]);
    problem(writer.post(&format!("/dataflows/{a}/sources"), &source(&c)), 409, &["zone/c// → zone/a// → … → zone/c//"]);
    problem(writer.post(&format!("/dataflows/{a}/sources"), &source(&b)), 404, &["there is no dataflow"]);
    problem(finish(&writer, &run, &json!({"status": "success"})), 403, &["was started by `root`"]);
}
