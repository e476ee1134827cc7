//! The stream of events.

use std::io::{BufRead as _, BufReader};

use reqwest::Method;
use reqwest::blocking::Response;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use crate::support::{Asking, Served, json as answered, problem};

/// A stream that somebody follows, from where it has begun.
pub(crate) struct Followed(BufReader<Response>);

/// One event of it.
#[derive(Debug)]
pub(crate) struct SentEvent {
    pub(crate) id: Option<i64>,
    pub(crate) kind: String,
    pub(crate) data: Value,
}

impl Followed {
    pub(crate) fn begin(whom: &Asking<'_>, query: &str, after: Option<&str>) -> Self {
        let request = whom.request(Method::GET, &format!("/api/v1/events/stream?{query}"));
        let request = after.into_iter().fold(request, |request, id| request.header("last-event-id", id));
        let response = request.send().unwrap();
        assert_eq!(
            (response.status(), &response.headers()["content-type"]),
            (reqwest::StatusCode::OK, &"text/event-stream".parse().unwrap())
        );
        let mut this = Self(BufReader::new(response));
        assert_eq!(this.lines(), [": begun"]);
        this
    }

    /// The lines to the next empty one; none at the end.
    fn lines(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).unwrap() == 0 || line == "\n" {
                return lines;
            }
            lines.push(line.trim_end_matches('\n').to_owned());
        }
    }

    /// The next event; `None` at the end.
    pub(crate) fn next(&mut self) -> Option<SentEvent> {
        loop {
            let lines = self.lines();
            let field =
                |name: &str| lines.iter().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned());
            match (lines.is_empty(), field("event:"), field("data:")) {
                (true, ..) => return None,
                (_, Some(kind), Some(data)) => {
                    let id = field("id:").map(|id| id.parse().unwrap());
                    return Some(SentEvent { id, kind, data: serde_json::from_str(&data).unwrap() });
                }
                // A heartbeat.
                _ => {}
            }
        }
    }
}

/// Says that something happened to a job: its event.
fn say(whom: &Asking<'_>, kind: &str, subject: &str, data: Value) -> Value {
    answered(
        whom.post("/events", &json!({"type": kind, "subject": subject, "data": data})),
        reqwest::StatusCode::CREATED,
    )
}

/// What changes in repositories and of accounts is an event for who may see these.
fn changes_elsewhere_are_events(served: &Served) {
    let root = served.root();
    let reader = served.account("reads-told", &[("reader", "repo:told")]);
    let (mut all, mut theirs) =
        (Followed::begin(&root, "events=commit,access", None), Followed::begin(&reader, "events=commit,access", None));
    let created = json!({"name": "told", "storage_namespace": "local://told", "default_branch": "main"});
    answered(root.post("/repositories", &created), reqwest::StatusCode::CREATED);
    answered(root.upload("/repositories/told/branches/main", "a.csv", "1"), reqwest::StatusCode::CREATED);
    let commit = answered(
        root.post("/repositories/told/branches/main/commits", &json!({"message": "one"})),
        reqwest::StatusCode::CREATED,
    );
    let made = root.post("/repositories/told/branches", &json!({"name": "dev", "source": "main"}));
    assert_eq!(made.status(), reqwest::StatusCode::CREATED);
    answered(root.upload("/repositories/told/branches/dev", "b.csv", "2"), reqwest::StatusCode::CREATED);
    answered(
        root.post("/repositories/told/branches/dev/commits", &json!({"message": "two"})),
        reqwest::StatusCode::CREATED,
    );
    answered(root.post("/repositories/told/refs/dev/merge/main", &json!({})), reqwest::StatusCode::OK);
    served.account("told-of", &[("writer", "table:told")]);
    for followed in [&mut all, &mut theirs] {
        for (action, branch) in [("commit", "main"), ("commit", "dev"), ("merge", "main")] {
            let event = followed.next().unwrap();
            assert_eq!((&*event.kind, &event.data["data"]["action"]), ("commit", &json!(action)));
            assert_eq!(event.data["subject"], format!("repo:told/{branch}"));
            assert_eq!(event.data["account"], "root");
        }
    }
    let last = root.json("/events?events=commit&amount=1000");
    let first =
        last["results"].as_array().unwrap().iter().find(|event| event["data"]["repository"] == "told").unwrap().clone();
    assert_eq!(first["data"]["commit_id"], commit["id"]);
    let access: Vec<Value> = (0..3).map(|_| all.next().unwrap().data).collect();
    let seen: Vec<_> = access.iter().map(|event| event["data"]["action"].as_str().unwrap()).collect();
    assert_eq!(seen, ["create", "grant", "create_token"]);
    assert_eq!(
        access[1]["data"],
        json!({"action": "grant", "account": "told-of", "role": "writer", "pattern": "table:told"})
    );
    let id = access[2]["data"]["id"].as_str().unwrap().to_owned();
    served.accounts(async |accounts| accounts.revoke_token(&id).await);
    assert_eq!(all.next().unwrap().data["data"], json!({"action": "revoke_token", "account": "told-of", "id": id}));
    // Of accounts nobody hears who may not read all.
    say(&root, "after_all", "repo:told", json!({}));
    let theirs = reader.json("/events?amount=1000");
    assert!(theirs["results"].as_array().unwrap().iter().all(|event| event["type"] != "access"), "{theirs}");
}

/// What holds for the events of each server.
pub(crate) fn everything(served: &Served) {
    changes_elsewhere_are_events(served);
    let root = served.root();
    let reader = served.account("reads-events", &[("reader", "job:seen"), ("writer", "job:own_*")]);
    let (mut all, mut theirs) = (Followed::begin(&root, "", None), Followed::begin(&reader, "events=rows,none", None));
    let first = say(&root, "rows", "job:seen", json!({"rows": 1, "line": "a\nb\u{2028}"}));
    say(&root, "other", "job:seen", json!(null));
    say(&root, "rows", "job:hidden", json!(2));
    let last = say(&reader, "rows", "job:own_1", json!("ä"));
    let ids: Vec<i64> = (0..4).map(|_| all.next().unwrap().id.unwrap()).collect();
    let first_id = first["id"].as_i64().unwrap();
    // One after the other, without a gap.
    assert_eq!(ids, (first_id..first_id + 4).collect::<Vec<_>>());
    let seen = [theirs.next().unwrap(), theirs.next().unwrap()];
    assert_eq!(seen.each_ref().map(|event| &event.data), [&first, &last]);
    assert_eq!((seen[0].kind.as_str(), seen[0].id, &first["account"]), ("rows", Some(first_id), &json!("root")));
    // From where it broke off, or where somebody says.
    let again = |query: &str, id: Option<String>| Followed::begin(&reader, query, id.as_deref()).next().unwrap().data;
    assert_eq!(again("events=rows", Some(first_id.to_string())), last);
    assert_eq!(again(&format!("after={}", first_id - 1), None), first);
    assert_eq!(again("after=0&events=rows", Some(first_id.to_string())), last);
    // No such id: the database is another one.
    let mut ahead = Followed::begin(&root, &format!("after={}", first_id + 1000), None);
    let lagged = ahead.next().unwrap();
    assert_eq!((lagged.kind.as_str(), lagged.id), ("lagged", None));
    assert!(lagged.data["message"].as_str().unwrap().contains("begin anew") && ahead.next().is_none());
    // Pages.
    let page = reader.json(&format!("/events?after={}&amount=1&events=rows", first_id - 1));
    assert_eq!((&page["results"], &page["pagination"]["has_more"]), (&json!([first]), &json!(true)));
    let next = page["pagination"]["next_offset"].as_str().unwrap();
    let page = reader.json(&format!("/events?after={next}&amount=5&events=rows"));
    assert_eq!((&page["results"], &page["pagination"]["has_more"]), (&json!([last]), &json!(false)));
}

/// Bad input, and what is sent twice.
pub(crate) fn refused(served: &Served) {
    let root = served.root();
    let nothing = served.account("says-nothing", &[("reader", "job:seen")]);
    let post = |body: Value| root.post("/events", &body);
    for (body, says, field) in [
        (json!({"type": "job_status", "subject": "job:a"}), "the server alone says that", "type"),
        (json!({"type": "a b", "subject": "job:a"}), "no type of an event", "type"),
        (json!({"type": "", "subject": "job:a"}), "no type of an event", "type"),
        (json!({"type": "a", "subject": "user:a"}), "`subject` is as", "subject"),
        (json!({"type": "a", "subject": "job:"}), "`subject` is as", "subject"),
        (json!({"type": "a", "subject": "job:\u{0}"}), "`subject` is as", "subject"),
        (json!({"type": 1, "subject": "job:a"}), "the body is wrong", "type"),
    ] {
        let response = post(body.clone());
        let text = response.text().unwrap();
        let problem: Value = serde_json::from_str(&text).unwrap();
        assert!(problem["message"].as_str().unwrap().contains(says) && problem["field"] == field, "{body} {text}");
    }
    problem(post(json!({"type": "a", "subject": "job:a", "data": "x".repeat(70_000)})), 413, &["at most 65536"]);
    problem(nothing.post("/events", &json!({"type": "a", "subject": "job:seen"})), 403, &["`writer` on `job:seen`"]);
    problem(root.get("/events/stream?after=x"), 400, &["after"]);
    let request = root.request(Method::GET, "/api/v1/events/stream").header("last-event-id", "x");
    problem(request.send().unwrap(), 400, &["`Last-Event-ID` is the id of an event"]);
    let once = |whom: &Asking<'_>, key: &str, body: Value| {
        whom.request(Method::POST, "/api/v1/events").header("idempotency-key", key).json(&body).send().unwrap()
    };
    let body = json!({"type": "once", "subject": "job:a"});
    let [first, again] = [(); 2].map(|()| answered(once(&root, "k-1", body.clone()), reqwest::StatusCode::CREATED));
    assert_eq!(first, again);
    problem(once(&root, "k-1", json!({"type": "once", "subject": "job:b"})), 422, &["that of another request"]);
    problem(once(&root, "a b", body.clone()), 400, &["`Idempotency-Key`"]);
    let other = served.account("says-once", &[("writer", "job:a")]);
    assert_ne!(answered(once(&other, "k-1", body), reqwest::StatusCode::CREATED)["id"], first["id"]);
}

/// A client that reads nothing is cut off with a word, and a server that ends ends streams.
#[test]
fn who_cannot_keep_up_is_cut_off() {
    let mut served = Served::new();
    let mut slow = Followed::begin(&served.root(), "events=rows", None);
    let first = say(&served.root(), "rows", "job:a", json!(1))["id"].as_i64().unwrap();
    assert_eq!(slow.next().unwrap().id, Some(first));
    // More than sockets hold, and more events than a client may be behind.
    let file = served.settings.folder.join("server.sqlite3");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let pool = sqlx::AnyPool::connect(&format!("sqlite://{}", file.display())).await.unwrap();
        let many = format!(
            "BEGIN IMMEDIATE; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500) \
             INSERT INTO events SELECT {first} + i, 'rows', 0, '', NULL, 'job:a', '\"' || hex(zeroblob(4000)) || '\"' FROM n; \
             UPDATE event_head SET last_id = last_id + 2500; COMMIT"
        );
        sqlx::raw_sql(AssertSqlSafe(many)).execute(&pool).await.unwrap();
        pool.close().await;
    });
    let mut quick = Followed::begin(&served.root(), &format!("after={first}"), None);
    (1..300).for_each(|n| assert_eq!(quick.next().unwrap().id, Some(first + n)));
    drop(quick);
    let mut read = first;
    let lagged = loop {
        match slow.next().unwrap() {
            SentEvent { id: Some(id), .. } => {
                assert_eq!(id, read + 1);
                read = id;
            }
            lagged => break lagged,
        }
    };
    assert!(read < first + 2500 && lagged.kind == "lagged" && slow.next().is_none());
    assert!(lagged.data["message"].as_str().unwrap().contains("cannot keep up"), "{lagged:?}");
    // What was forgotten is said, whether some of what is behind it is left or nothing.
    for kept in [first + 100, first + 2500] {
        served.accounts(async |_| {
            let pool = sqlx::AnyPool::connect(&format!("sqlite://{}", file.display())).await.unwrap();
            let forget = format!("DELETE FROM events WHERE id <= {kept}");
            sqlx::raw_sql(AssertSqlSafe(forget)).execute(&pool).await.unwrap();
            pool.close().await;
            Ok(())
        });
        let behind = Followed::begin(&served.root(), &format!("after={first}"), None).next().unwrap();
        assert!(behind.data["message"].as_str().unwrap().contains("forgotten"), "{behind:?}");
    }
    let mut idle = Followed::begin(&served.root(), "", None);
    served.end();
    assert!(idle.next().is_none());
}
