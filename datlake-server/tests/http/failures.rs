//! What a server answers where its database is damaged, gone or of a newer server, and where a key was lost.

use datlake::ErrorKind;
use datlake_server::{AccountKind, Accounts, ServerSettings};
use serde_json::json;

use crate::support::{Served, json as answered, problem};

/// Why a server does not open what is in its folder.
fn refused(settings: &ServerSettings) -> datlake::Error {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(Accounts::open(settings)).unwrap_err()
}

/// Does something to the database of a server that does not run.
fn change(settings: &ServerSettings, sql: &'static str) {
    let url = format!("sqlite://{}", settings.folder.join("server.sqlite3").display());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let pool = sqlx::AnyPool::connect(&url).await.unwrap();
        sqlx::query(sql).execute(&pool).await.unwrap();
        pool.close().await;
    });
}

#[test]
fn a_database_that_is_gone_damaged_or_of_a_newer_server_is_said_in_words() {
    let mut served = Served::new();
    let file = served.settings.folder.join("server.sqlite3");
    // SQLite would go on in the file that nobody finds again.
    std::fs::rename(&file, file.with_extension("away")).unwrap();
    let health = |served: &Served| served.nobody().request(reqwest::Method::GET, "/health").send().unwrap();
    problem(health(&served), 503, &["cannot be reached"]);
    problem(served.root().get("/admin/health"), 503, &["database: the file of the server's database was removed"]);
    std::fs::rename(file.with_extension("away"), &file).unwrap();
    answered(health(&served), reqwest::StatusCode::OK);
    change(
        &served.settings,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (99, 'x', TRUE, x'00', 0)",
    );
    // Whoever runs goes on: so servers are replaced one after the other.
    answered(served.root().post("/jobs/a/runs", &json!({})), reqwest::StatusCode::CREATED);
    served.root().json("/admin/health");
    served.end();
    let error = refused(&served.settings);
    let says = "used by a newer server: its schema has version 99, and this server knows";
    assert!(error.kind() == ErrorKind::Config && error.message().contains(says), "{error}");
    change(&served.settings, "DELETE FROM _sqlx_migrations WHERE version = 99");
    std::fs::write(&file, "no database at all, and longer than its header would be: ".repeat(100)).unwrap();
    let error = refused(&served.settings);
    assert!(error.kind() == ErrorKind::Unavailable && format!("{error:?}").contains("not a database"), "{error:?}");
}

#[test]
fn a_key_that_was_lost_costs_key_pairs_and_nothing_else() {
    let mut served = Served::new();
    let token = served.token("ada", &[("writer", "job:a")]);
    let pair = served.accounts(async |accounts| {
        accounts.create("bob", AccountKind::Machine).await?;
        accounts.create_key_pair("bob", None).await
    });
    served.end();
    std::fs::remove_file(served.settings.folder.join("secret.key")).unwrap();
    let folder = served.settings.folder.clone();
    let again = Served::with(|settings| ServerSettings { folder, ..settings });
    let bob = again.with_pair(&pair.access_key_id, &pair.secret_access_key);
    problem(bob.get("/user"), 503, &["sealed with another key than the server has", "tokens are as good as before"]);
    problem(again.root().get("/admin/health"), 503, &["secrets: the secrets of key pairs were sealed"]);
    answered(again.with_token(&token).post("/jobs/a/runs", &json!({})), reqwest::StatusCode::CREATED);
    // What is revoked is missed by nobody.
    again.accounts(async |accounts| accounts.revoke_key_pair(&pair.access_key_id).await);
    again.root().json("/admin/health");
}
