//! The page in a browser without a window. What it is looked at for stands in `web/browser/server.test.ts`.

use std::path::Path;
use std::process::Command;

use datlake::{CommitMessage, File, Result, file_creator};
use serde_json::{Value, json};

use crate::page::Browser;
use crate::support::{ROOT, Served, json as answered};

/// Names and notes that would run, if anything did, and would turn the text around them; what pictures for the guide show in their place.
struct Words {
    note: &'static str,
    name: &'static str,
}

const EVIL: Words = Words {
    note: "\"><b class=evil>'&amp;\u{202e}<img src=x onerror=alert(1)><script>alert(2)<",
    name: "<b class=evil>",
};
const PLAIN: Words = Words { note: "January", name: "nightly_import" };

#[file_creator]
fn total(numbers: &File, of: String, output_uid: &str) -> Result<File> {
    let sum: u64 = numbers.read_to_string()?.lines().skip(1).filter_map(|line| line.parse::<u64>().ok()).sum();
    File::from_bytes(output_uid, format!("of,total\n{of},{sum}\n"))
}

fn spelled(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// Files, a call and a repository. The pages that show them.
fn prepare_lake(served: &Served, words: &Words) -> Result<Vec<String>> {
    let lake = &served.lake;
    let _current = lake.enter();
    let numbers = lake.add_bytes("raw/numbers.csv", "n\n20\n21\n")?;
    let evil_name = format!("raw/{}", words.note.replace('\u{202e}', ""));
    lake.add_bytes(&evil_name, words.note)?;
    total(&numbers, words.note.to_owned(), "reports/total.csv")?;
    let main = lake.new_repository("sales").create()?.branch("main");
    for (text, message) in [("x,1\ny,1\n", "The first"), ("x,2\ny,1\n", "The second")] {
        main.put_bytes("raw/jan.csv", text)?;
        main.put_bytes(&format!("raw/{}", words.name), words.note)?;
        main.commit(CommitMessage::new(message).metadata("note", words.note))?;
    }
    main.put_bytes("raw/jan.csv", words.note)?;
    let call = &lake.history(Some("total"))?.calls[0];
    let fixed = [
        "/files",
        "/files?prefix=raw",
        "/file?uid=reports%2Ftotal.csv",
        "/calls",
        "/lineage",
        "/lineage?of=reports%2Ftotal.csv",
        "/repositories",
        "/repositories/sales",
        "/repositories/sales/objects?ref=main&prefix=raw%2F",
        "/repositories/sales/log?ref=main",
        "/repositories/sales/diff?ref=main",
        "/repositories/sales/object?ref=main&path=raw%2Fjan.csv",
        "/repositories/sales/compare?ref=main&from=main%40&path=raw%2Fjan.csv",
    ];
    let made = [
        format!("/call?of={}", spelled(&format!("@{}/{}", call.creator, call.key))),
        format!("/file?uid={}", spelled(&evil_name)),
        format!("/repositories/sales/commits/{}", main.commit_info()?.id),
    ];
    Ok(fixed.into_iter().map(str::to_owned).chain(made).collect())
}

/// What runs, tables, dataflows and accounts. The pages that show them.
fn prepare_server(served: &Served, words: &Words) -> Vec<String> {
    let (root, Words { note, name }) = (served.root(), words);
    let post = |path: &str, body: Value| answered(root.post(path, &body), 201.try_into().unwrap());
    let job = format!("/jobs/{}", spelled(name));
    let run = post(&format!("{job}/runs"), json!({"metadata": {*note: note}}))["run_id"].as_str().unwrap().to_owned();
    post(&format!("{job}/runs/{run}/events"), json!({"type": "stats", "data": {*note: note}}));
    let items = json!({"items": [{"kind": "uri", "uri": "javascript:alert(3)", "name": name}]});
    assert!(root.post(&format!("{job}/runs/{run}/inputs"), &items).status().is_success());
    for schema in [json!({"id": "int", *name: "string"}), json!({"id": "long"})] {
        let (uri, format, allowed) = ("javascript:alert(4)", "<i>", "allow_breaking_schema");
        let snapshot =
            json!({"table_name": name, "uri": uri, "format": format, "schema": schema, "run_id": run, allowed: true});
        post("/jobs/register-snapshot", snapshot);
    }
    let [source, target] = ["source", "target"].map(|model| {
        let created = post("/dataflows", json!({"zone": name, "model_name": model}));
        created["dataflow_id"].as_str().unwrap().to_owned()
    });
    let edge = json!({"source_dataflow_id": source});
    assert!(root.post(&format!("/dataflows/{target}/sources"), &edge).status().is_success());
    for (name, success) in [("daily_users", true), ("daily_orders", true), ("train_model", false)] {
        let run = post(&format!("/jobs/{name}/runs"), json!({}))["run_id"].as_str().unwrap().to_owned();
        let end = json!({"success": success});
        assert!(root.put(&format!("/jobs/{name}/runs/{run}/complete"), &end).status().is_success());
    }
    // One that a worker has, and one that waits, of a job whose schedule is paused.
    let scheduled = format!("/jobs/{}", spelled(&format!("scheduled {name}")));
    let spec = json!({
        "when": {"cron": "30 2 * * *", "time_zone": "Europe/Berlin"}, "max_attempts": 3,
        "run": {"command": ["report", note], "directory": format!("/{name}"), "environment": ["HOME"]},
    });
    assert!(root.put(&format!("{scheduled}/schedule"), &spec).status().is_success());
    for _ in 0..2 {
        post(&format!("{scheduled}/runs"), json!({"queued": true, "metadata": {}}));
    }
    let claim = root.post("/workers/claim", &json!({"worker": name}));
    let claimed = answered(claim, 200.try_into().unwrap())["claimed"]["run"]["run_id"].as_str().unwrap().to_owned();
    let log = root.request(reqwest::Method::POST, &format!("/api/v1{scheduled}/runs/{claimed}/log?offset=0"));
    assert!(log.body(format!("{note}\n")).send().unwrap().status().is_success());
    assert!(root.post(&format!("{scheduled}/schedule/pause"), &json!({})).status().is_success());
    served.token("ada", &[("reader", "job:*")]);
    let fixed = ["/", "/jobs", "/runs", "/tables", "/dataflows", "/events", "/access", "/access/accounts"];
    let made = [
        "/access/tokens".to_owned(),
        "/access/keys".to_owned(),
        job.clone(),
        format!("{job}/runs/{run}"),
        scheduled.clone(),
        format!("{scheduled}/runs/{claimed}"),
        format!("/tables/{}", spelled(name)),
        format!("/dataflows/{target}"),
    ];
    fixed.into_iter().map(str::to_owned).chain(made).collect()
}

/// Without a browser, too: no page has a mark that somebody else wrote.
#[test]
fn the_page_in_a_browser() {
    let served = Served::new();
    let words = if std::env::var_os("DATLAKE_SHOTS").is_some() { PLAIN } else { EVIL };
    let pages = [prepare_lake(&served, &words).unwrap(), prepare_server(&served, &words)].concat();
    let root = Browser::root(&served);
    for path in &pages {
        let page = root.page(path);
        // What stands in the answer of a graph is data.
        let page = page.split("id=\"answer\"").next().unwrap();
        for mark in ["<b class=evil", "<img src=x", "<script>", "href=\"javascript", "\u{202e}"] {
            assert!(!page.contains(mark), "{path} has {mark}: {page}");
        }
    }
    let Ok(chromium) = std::env::var("DATLAKE_TEST_CHROMIUM") else { return };
    let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web");
    let ran = Command::new("npx")
        .args(["vitest", "run", "--config", "vitest.browser.config.ts", "browser/server.test.ts"])
        .current_dir(web)
        .env("DATLAKE_SERVER", &served.url)
        .env("DATLAKE_LINK", &served.link)
        .env("DATLAKE_ROOT", format!("{}:{}", ROOT.0, ROOT.1))
        .env("DATLAKE_SEEN", serde_json::to_string(&pages).unwrap())
        .env("DATLAKE_TEST_CHROMIUM", chromium)
        .output()
        .unwrap();
    let [out, err] = [ran.stdout, ran.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
    assert!(ran.status.success() && out.contains("Tests"), "{out}{err}");
    println!("{out}");
}
