//! Who may what.

use std::path::Path;

use datlake_server::{AccountKind, ServerSettings};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{ROOT, Served, problem};

/// Bodies of routes whose right is on what the body names.
fn body(route: &str) -> Option<Value> {
    Some(match route {
        "POST /api/v1/dataflows" => json!({"zone": "sales", "model_name": "another"}),
        "POST /api/v1/repositories" => json!({"name": "another", "storage_namespace": "lake://"}),
        "POST /api/v1/repositories/{repository}/branches" => json!({"name": "another", "source": "main"}),
        "POST /api/v1/repositories/{repository}/tags" => json!({"id": "another", "ref": "main"}),
        "POST /api/v1/jobs/register-snapshot" => json!({"table_name": "sales", "uri": "s3://a", "format": "csv"}),
        "POST /api/v1/lineage" => {
            json!({"eventType": "START", "run": {"runId": "0190f5c8-7d5f-7cc2-b1c3-0123456789ab"}, "job": {"namespace": "sales", "name": "a"}})
        }
        "POST /api/v1/events" => json!({"type": "a", "subject": "job:sales"}),
        _ => return None,
    })
}

/// A route of the document.
#[derive(Debug)]
struct Documented {
    name: String,
    method: Method,
    right: String,
    on: String,
    /// With names in the place of parameters.
    path: String,
}

fn routes(served: &Served) -> Vec<Documented> {
    let document: Value = served.nobody().request(Method::GET, "/openapi.json").send().unwrap().json().unwrap();
    let root = served.root();
    let text = |answer: Value, field: &str| answer[field].as_str().unwrap().to_owned();
    let created = root.post("/dataflows", &json!({"zone": "sales", "model_name": "m"}));
    let dataflow = text(created.json().unwrap(), "dataflow_id");
    let started = root.post(&format!("/dataflows/{dataflow}/runs"), &json!({}));
    let run = text(started.json().unwrap(), "run_id");
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let right = operation["x-datlake-right"].as_str().unwrap_or_else(|| panic!("{method} {path} has no right"));
            assert_eq!(right != "none", operation["security"].is_array(), "{method} {path}");
            let on = operation["x-datlake-right-on"].as_str().unwrap().to_owned();
            let mut filled = path.clone();
            if path.contains("/dataflows") {
                filled = filled.replace("{run}", &run).replace("{dataflow}", &dataflow).replace("{source}", &dataflow);
            }
            filled = filled.replace("{run}", "00000000-0000-7000-8000-000000000000");
            for parameter in ["repository", "job", "table", "bucket"] {
                filled = filled.replace(&format!("{{{parameter}}}"), "sales");
            }
            for parameter in ["ref", "right", "branch", "tag", "path"] {
                filled = filled.replace(&format!("{{{parameter}}}"), "main");
            }
            assert!(!filled.contains('{'), "{path} has a parameter that this test does not know");
            routes.push(Documented {
                name: format!("{method} {path}"),
                method,
                right: right.to_owned(),
                on,
                path: filled,
            });
        }
    }
    assert!(routes.len() > 25, "{routes:?}");
    routes
}

#[test]
fn every_route_refuses_without_a_right() {
    let served = Served::new();
    served.lake.new_repository("sales").create().unwrap();
    let patterns = ["repo:sales", "job:sales", "table:sales", "dataset:sales"];
    let (nothing, reader) =
        (served.account("nothing", &[]), served.account("reader", &patterns.map(|pattern| ("reader", pattern))));
    let elsewhere = patterns.map(|pattern| pattern.replace("sales", "other"));
    let elsewhere = served.account("elsewhere", &elsewhere.each_ref().map(|pattern| ("admin", pattern.as_str())));
    for Documented { name: route, method, right, on, path } in routes(&served) {
        let ask = |whom: &crate::support::Asking<'_>| {
            let request = whom.request(method.clone(), &path).query(&[("path", "a"), ("dest_path", "b")]);
            let request = match body(&route) {
                Some(body) => request.json(&body),
                None => request,
            };
            request.send().unwrap().status().as_u16()
        };
        if right == "none" {
            assert!(ask(&served.nobody()) < 400, "{route}");
            continue;
        }
        let forged = [served.with_token("dlt_A_B"), served.with_pair(ROOT.0, "wrong"), served.with_pair("x", ROOT.1)];
        for whom in forged.iter().chain([&served.nobody()]) {
            assert_eq!(ask(whom), 401, "{route}");
        }
        // Who may nothing in a repository does not learn whether there is one.
        let of_repository = path.contains("/repositories/sales");
        let is_reading = method == Method::GET || method == Method::HEAD;
        let expected = match (&*right, &*on) {
            ("account", "nothing") if !of_repository => continue,
            (_, "job" | "table" | "dataset") if is_reading => 404,
            (_, "job" | "table" | "dataset") => 403,
            // Its id says nothing.
            (_, "dataflow") => 404,
            _ if of_repository => 404,
            _ => 403,
        };
        assert_eq!((ask(&nothing), ask(&elsewhere)), (expected, expected), "{route}");
        let reads = ask(&reader);
        match &*right {
            "reader" if on != "server" => assert!(reads != 403 && reads != 401, "{route} {reads}"),
            _ => assert_eq!(reads, 403, "{route}"),
        }
    }
    assert!(served.lake.repository("sales").unwrap().tags().unwrap().is_empty());
    assert_eq!(served.lake.repositories().unwrap().len(), 1);
}

#[test]
fn what_is_not_theirs_to_know_is_not_there() {
    let served = Served::new();
    served.lake.new_repository("secret").create().unwrap();
    served.lake.new_repository("secrets").create().unwrap();
    let other = served.account("other", &[("admin", "repo:mine-*"), ("operator", "repo:open")]);
    let message = |name: &str| problem(other.get(&format!("/repositories/{name}")), 404, &[]);
    assert_eq!(message("secret").replace("secret", "absent"), message("absent"));
    // Nor by the names that one may have meant.
    assert!(!message("secretz").contains("did") && !message("open").contains("secret"));
    assert_eq!(other.json("/repositories")["results"].as_array().unwrap().len(), 0);
    assert_eq!(served.root().json("/repositories")["results"].as_array().unwrap().len(), 2);
}

#[test]
fn a_grant_on_branches_is_for_these_alone() {
    let served = Served::new();
    let sales = served.lake.new_repository("sales").create().unwrap();
    sales.branch("dev-1").create("main").unwrap();
    let ada = served.account("ada@example.org", &[("writer", "repo:sales/dev-*")]);
    let at = |branch: &str| format!("/repositories/sales/branches/{branch}");
    assert_eq!(ada.upload(&at("dev-1"), "a", "1").status(), 201);
    problem(
        ada.upload(&at("main"), "a", "1"),
        403,
        &["`ada@example.org` lacks the role `writer` on `repo:sales/main`"],
    );
    problem(ada.post("/repositories/sales/refs/dev-1/merge/main", &json!({})), 403, &["repo:sales/main"]);
    problem(ada.post("/repositories/sales/branches", &json!({"name": "x", "source": "main"})), 403, &["repo:sales/x"]);
    assert_eq!(ada.post("/repositories/sales/branches", &json!({"name": "dev-2", "source": "main"})).status(), 201);
    assert_eq!(ada.get("/repositories/sales/refs/main/objects/ls").status(), 200);
    problem(ada.delete("/repositories/sales"), 403, &["`operator` on `repo:sales`"]);
    assert_eq!(ada.post(&format!("{}/commits", at("dev-1")), &json!({"message": "one"})).status(), 201);
    assert_eq!(sales.branch("dev-1").commit_info().unwrap().committer, "ada@example.org");
}

#[test]
fn credentials_end_when_they_are_revoked_or_expire() {
    let served = Served::new();
    let ada = served.account("ada", &[("reader", "*")]);
    assert_eq!(ada.json("/user")["user"]["id"], "ada");
    let pair = served.accounts(async |accounts| accounts.create_key_pair("ada", None).await);
    let by_pair = served.with_pair(&pair.access_key_id, &pair.secret_access_key);
    assert_eq!(by_pair.json("/user")["user"]["id"], "ada");
    assert_eq!(served.with_pair(&pair.access_key_id, "wrong").get("/user").status(), 401);
    served.accounts(async |accounts| accounts.revoke_key_pair(&pair.access_key_id).await);
    assert_eq!(by_pair.get("/user").status(), 401);
    // One that ended before it began.
    let (token, pair) = served.accounts(async |accounts| {
        Ok((accounts.create_token("ada", Some(-1)).await?, accounts.create_key_pair("ada", Some(-1)).await?))
    });
    assert_eq!(served.with_token(&token.token).get("/user").status(), 401);
    assert_eq!(served.with_pair(&pair.access_key_id, &pair.secret_access_key).get("/user").status(), 401);
    let tokens = served.accounts(async |accounts| accounts.tokens().await);
    let first = tokens.iter().find(|token| token.expires_at.is_none()).unwrap().id.clone();
    served.accounts(async |accounts| accounts.revoke_token(&first).await);
    assert_eq!(ada.get("/user").status(), 401);
    // An account that is deleted takes all of it along.
    let bob = served.account("bob", &[("admin", "*")]);
    served.accounts(async |accounts| accounts.delete("bob").await);
    assert_eq!(bob.get("/user").status(), 401);
    served.accounts(async |accounts| accounts.create("bob", AccountKind::Person).await);
    assert_eq!(bob.get("/user").status(), 401);
}

#[test]
fn no_secret_is_in_the_database_or_its_folder_beside_it() {
    let served = Served::new();
    let token = served.accounts(async |accounts| {
        accounts.create("ada", AccountKind::Person).await?;
        Ok((accounts.create_token("ada", None).await?, accounts.create_key_pair("ada", None).await?))
    });
    let secrets =
        [token.0.token.splitn(3, '_').nth(2).unwrap().to_owned(), token.1.secret_access_key.clone(), ROOT.1.to_owned()];
    let ServerSettings { folder, .. } = &served.settings;
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        secrets.iter().for_each(|secret| assert!(!text.contains(secret.as_str()), "{}", path.display()));
        files += 1;
    }
    assert!(files >= 2);
    // Nor in what is written for whoever debugs.
    let shown = format!("{token:?} {:?}", served.settings);
    secrets.iter().for_each(|secret| assert!(!shown.contains(secret.as_str()), "{shown}"));
}

/// The sources of the server: each file's name, and what of it is no test.
fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("tests.rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]\nmod tests").next().unwrap().to_owned();
            found.push((path.display().to_string(), text));
        }
    }
}

/// Whether a line compares what nobody is to guess piece by piece, or has the database do it.
fn compares_a_secret(line: &str) -> bool {
    let is_secret = |word: &str| {
        let word = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        ["secret", "token", "hash", "cookie", "sealed", "credentials"].iter().any(|end| word.ends_with(end))
    };
    let compared = ["==", "!=", ".eq(", ".starts_with(", " = $"].into_iter().any(|sign| {
        line.match_indices(sign).any(|(at, _)| {
            let before = line[..at].split_whitespace().next_back().unwrap_or_default();
            let behind = line[at + sign.len()..].split([' ', ',', ';', '{']).find(|word| !word.is_empty());
            is_secret(before) || (sign != " = $" && is_secret(behind.unwrap_or_default()))
        })
    });
    compared && !line.trim_start().starts_with("//") && !line.contains(" SET ")
}

/// How long it takes to refuse a token, a key pair, a cookie or a form says nothing of it: credentials are found by an id, which is no secret, and
/// compared as hashes in constant time by the functions of one file.
#[test]
fn secrets_are_compared_in_one_place() {
    let mut all = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
    assert!(all.len() > 100);
    let (own, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|(path, _)| path.ends_with("access/secret.rs"));
    let offences: Vec<_> = others
        .iter()
        .flat_map(|(path, text)| text.lines().map(move |line| (path, line)))
        .filter(|(_, line)| compares_a_secret(line))
        .collect();
    assert!(offences.is_empty(), "`is_same` and `is_hash_of` compare: {offences:#?}");
    // There, both sides are hashes of blake3, which compares them in constant time.
    let lines = own[0].1.lines().filter(|line| line.contains("==")).map(str::trim);
    let expected =
        ["hashed(one) == hashed(other)", "blake3::Hash::from_hex(hash).is_ok_and(|hash| hash == hashed(token))"];
    assert_eq!(lines.collect::<Vec<_>>(), expected);
    assert!(own[0].1.contains("fn hashed(secret: &str) -> blake3::Hash"));
    for line in ["if token == said {", "said.form_token != expected", "WHERE hash = $1", "self.secret.eq(&said)"] {
        assert!(compares_a_secret(line), "{line}");
    }
}
