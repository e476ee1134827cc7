//! Servers that share accounts in PostgreSQL, where `./test` has started one.

use datlake_server::{AccessRole, AccountKind, Accounts, ServerSettings};
use reqwest::StatusCode;
use serde_json::json;
use sqlx::AssertSqlSafe;

use crate::events::Followed;
use crate::support::{Served, json as answered, problem};
use crate::{admin, events, jobs, lineage, openlineage, page, schedules, tables, workers};

/// A database of its own; `None` where there is no server.
pub(crate) fn database(of: &str) -> Option<String> {
    let server = std::env::var("DATLAKE_TEST_POSTGRES").ok()?;
    let name = format!("test_{of}_{}", std::process::id());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        sqlx::any::install_default_drivers();
        let pool = sqlx::AnyPool::connect(&server).await.unwrap();
        sqlx::query(AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name}"))).execute(&pool).await.unwrap();
        sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&pool).await.unwrap();
        pool.close().await;
    });
    Some(server.rsplit_once('/').map(|(server, _)| format!("{server}/{name}")).unwrap())
}

#[test]
fn servers_share_what_is_in_postgresql() {
    let Some(url) = database("shared") else { return };
    let key = "a key that is the same for all of these servers";
    let settings = |settings: ServerSettings| ServerSettings {
        database_url: Some(url.clone()),
        secret_key: Some(key.to_owned()),
        ..settings
    };
    // Both bring the database up to date at once.
    let (one, other) = std::thread::scope(|scope| {
        let other = scope.spawn(|| Served::with(settings));
        (Served::with(settings), other.join().unwrap())
    });
    jobs::everything(&one);
    events::everything(&one);
    events::refused(&other);
    tables::everything(&other);
    schedules::everything(&other);
    openlineage::everything(&other);
    lineage::everything(&one);
    admin::everything(&one, "postgresql");
    page::everything(&other);
    streams_are_shared(&one, &other, &url);
    one.lake.new_repository("sales").create().unwrap();
    other.lake.new_repository("sales").create().unwrap();
    let ada = one.account("ada", &[("writer", "repo:sales/dev-*"), ("reader", "repo:sales"), ("reader", "repo:sales")]);
    assert_eq!(ada.get("/repositories/sales").status(), 200);
    let pair = other.accounts(async |accounts| accounts.create_key_pair("ada", Some(3600)).await);
    for served in [&one, &other] {
        let ada = served.with_pair(&pair.access_key_id, &pair.secret_access_key);
        assert_eq!(
            (ada.get("/repositories/sales").status().as_u16(), ada.json("/user")["user"]["id"].as_str()),
            (200, Some("ada"))
        );
        assert_eq!(ada.upload("/repositories/sales/branches/main", "a", "1").status(), 403);
    }
    let accounts = one.accounts(async |accounts| accounts.list().await);
    assert_eq!(accounts.iter().find(|account| account.name == "ada").unwrap().grants.len(), 2);
    let again = one.accounts(async |accounts| Ok(accounts.create("ada", AccountKind::Person).await));
    assert_eq!(again.unwrap_err().kind(), datlake::ErrorKind::AlreadyExists);
    one.accounts(async |accounts| accounts.revoke_key_pair(&pair.access_key_id).await);
    assert_eq!(other.with_pair(&pair.access_key_id, &pair.secret_access_key).get("/user").status(), 401);
    other.accounts(async |accounts| accounts.revoke_grant("ada", AccessRole::Reader, &"repo:sales".parse()?).await);
    one.accounts(async |accounts| accounts.delete("ada").await);
    assert!(other.accounts(async |accounts| accounts.list().await).iter().all(|account| account.name != "ada"));
    // With another key, what was sealed cannot be opened.
    other.accounts(async |accounts| accounts.create("bob", AccountKind::Machine).await);
    let pair = other.accounts(async |accounts| accounts.create_key_pair("bob", None).await);
    let wrong = Served::with(|defaults| ServerSettings { secret_key: Some("x".repeat(40)), ..settings(defaults) });
    problem(
        wrong.with_pair(&pair.access_key_id, &pair.secret_access_key).get("/user"),
        503,
        &["sealed with another key"],
    );
    a_database_that_can_only_be_read_says_so(&one, &url);
}

/// As a replica that was not promoted, or one whose disk a provider has closed for writes.
fn a_database_that_can_only_be_read_says_so(served: &Served, url: &str) {
    let (server, name) = url.rsplit_once('/').unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let set = |how: &str| {
        // Sessions that are there already keep what they had.
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ";
        for sql in [format!("ALTER DATABASE {name} {how}"), format!("{end}'{name}'")] {
            runtime.block_on(async {
                let pool = sqlx::AnyPool::connect(&format!("{server}/postgres")).await.unwrap();
                sqlx::query(AssertSqlSafe(sql)).execute(&pool).await.unwrap();
                pool.close().await;
            });
        }
    };
    set("SET default_transaction_read_only = on");
    let root = served.root();
    problem(root.post("/jobs/read-only/runs", &json!({})), 503, &["can only be read now: nothing can be changed"]);
    problem(root.get("/admin/health"), 503, &["database: the server's database can only be read now"]);
    // Whoever reads is not kept from it.
    root.json("/events");
    answered(served.nobody().request(reqwest::Method::GET, "/health").send().unwrap(), StatusCode::OK);
    set("RESET default_transaction_read_only");
    answered(root.post("/jobs/read-only/runs", &json!({})), StatusCode::CREATED);
    root.json("/admin/health");
}

/// By one server: whoever of several finds a log that has ended keeps it in its lake, which is the same for all but here.
#[test]
fn workers_share_what_is_in_postgresql() {
    let Some(url) = database("workers") else { return };
    workers::everything(&Served::with(|settings| ServerSettings { database_url: Some(url), ..settings }));
}

/// What one server writes the other streams, in one order, also while a transaction that took ids stands still or dies.
fn streams_are_shared(one: &Served, other: &Served, url: &str) {
    let (root, mut stream) = (other.root(), Followed::begin(&other.root(), "events=here,there", None));
    let say = |served: &Served, kind: &str| {
        let body = json!({"type": kind, "subject": "job:a"});
        answered(served.root().post("/events", &body), StatusCode::CREATED)["id"].as_i64().unwrap()
    };
    let first = say(one, "here");
    assert_eq!((say(other, "there"), stream.next().unwrap().id), (first + 1, Some(first)));
    assert_eq!(stream.next().unwrap().id, Some(first + 1));
    // Another server, which is killed in the middle of a transaction.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let pool = runtime.block_on(sqlx::AnyPool::connect(url)).unwrap();
    let mut standing = runtime.block_on(pool.begin()).unwrap();
    let sql = "UPDATE event_head SET last_id = last_id + 1 RETURNING last_id, pg_backend_pid()";
    let taken = runtime.block_on(sqlx::query_as::<_, (i64, i32)>(sql).fetch_one(&mut *standing)).unwrap();
    assert_eq!(taken.0, first + 2);
    let late = std::thread::scope(|scope| {
        let late = scope.spawn(|| say(one, "here"));
        let waiting =
            "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
        while runtime.block_on(sqlx::query_as::<_, (i64,)>(waiting).fetch_one(&pool)).unwrap().0 == 0 {}
        // So nobody reads what comes later, and misses this.
        assert_eq!(root.json(&format!("/events?after={}", first + 1))["results"], json!([]));
        let kill = AssertSqlSafe(format!("SELECT pg_terminate_backend({})", taken.1));
        runtime.block_on(sqlx::query(kill).execute(&pool)).unwrap();
        late.join().unwrap()
    });
    assert_eq!(late, first + 2);
    // Connections are given back to a runtime.
    let _inside = runtime.enter();
    drop(standing);
    assert_eq!(stream.next().unwrap().id, Some(first + 2));
}

#[test]
fn a_database_that_cannot_be_used_is_an_error_without_its_password() {
    let served = Served::new();
    for url in ["mysql://ada:password@127.0.0.1/x", "postgres://ada:password@127.0.0.1:1/x?sslmode=sometimes"] {
        let settings = ServerSettings { database_url: Some(url.to_owned()), ..served.settings.clone() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let error = runtime.block_on(Accounts::open(&settings)).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("password@"), "{error:?}");
    }
}
