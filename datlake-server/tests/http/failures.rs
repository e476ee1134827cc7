//! What a server answers where its database is damaged, gone or of a newer server, and where a key was lost.

use std::path::PathBuf;
use std::process::{Command, Stdio};

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

/// A PostgreSQL of our own, which may be stopped: the one that `./test` starts is others' too.
struct Cluster {
    folder: tempfile::TempDir,
    programs: PathBuf,
    port: u16,
}

impl Cluster {
    fn new() -> Self {
        let versions = std::fs::read_dir("/usr/lib/postgresql").unwrap();
        let programs = versions.map(|version| version.unwrap().path().join("bin")).max().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let cluster = Self { folder: tempfile::tempdir_in("/tmp").unwrap(), programs, port };
        if Self::is_root() {
            assert!(Command::new("chown").arg("postgres").arg(cluster.folder.path()).status().unwrap().success());
        }
        cluster.run("initdb", &["-A", "trust", "-U", "datlake", "--no-sync"]);
        cluster
    }

    fn is_root() -> bool {
        use std::os::unix::fs::MetadataExt as _;
        std::fs::metadata("/proc/self").unwrap().uid() == 0
    }

    /// It refuses to be run by root.
    fn run(&self, program: &str, arguments: &[&str]) {
        let program = self.programs.join(program);
        let mut command = match Self::is_root() {
            true => Command::new("runuser"),
            false => Command::new(&program),
        };
        if Self::is_root() {
            command.args(["-u", "postgres", "--"]).arg(&program);
        }
        command.args(arguments).arg("-D").arg(self.folder.path().join("data")).current_dir("/");
        let done = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
        assert!(done.success(), "{command:?}");
    }

    fn start(&self) {
        let options = format!("-p {} -k {} -c listen_addresses=127.0.0.1", self.port, self.folder.path().display());
        self.run("pg_ctl", &["-w", "-o", &options, "start"]);
    }

    fn stop(&self) {
        self.run("pg_ctl", &["-w", "-m", "fast", "stop"]);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.folder.path().join("data/postmaster.pid").exists() {
            self.run("pg_ctl", &["-w", "-m", "immediate", "stop"]);
        }
    }
}

#[test]
#[ignore = "it makes a PostgreSQL of its own and waits until requests give up: ten seconds"]
fn a_postgresql_that_is_stopped_is_said_and_started_again_is_a_pause() {
    if std::env::var_os("DATLAKE_TEST_POSTGRES").is_none() {
        return;
    }
    let cluster = Cluster::new();
    cluster.start();
    let url = format!("postgres://datlake@127.0.0.1:{}/postgres", cluster.port);
    let mut served = Served::with(|settings| ServerSettings { database_url: Some(url.clone()), ..settings });
    let begun = |served: &Served| {
        let run = answered(served.root().post("/jobs/a/runs", &json!({})), reqwest::StatusCode::CREATED);
        run["run_id"].as_str().unwrap().to_owned()
    };
    let first = begun(&served);
    cluster.stop();
    // Whoever restarts servers is not to restart this one.
    assert_eq!(served.nobody().get("/healthcheck").status(), 204);
    problem(served.root().get("/admin/health"), 503, &["database: the server's database does not answer within 4s"]);
    // What is asked for meanwhile waits for it.
    let waited = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| begun(&served));
        cluster.start();
        waiting.join().unwrap()
    });
    for run in [&first, &waited] {
        served.root().json(&format!("/jobs/a/runs/{run}"));
    }
    served.root().json("/admin/health");
    served.end();
    cluster.stop();
    let error = refused(&ServerSettings { database_url: Some(url), ..served.settings.clone() });
    assert!(error.kind() == ErrorKind::Unavailable && format!("{error:?}").contains("refused"), "{error:?}");
}
