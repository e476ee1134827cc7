//! The clients of lakeFS that people use: the Python packages `lakefs` and `lakefs-sdk`, where `./test` has installed them.

use std::process::Command;

use datlake::Collect;
use datlake_server::{AccountKind, ServerSettings};

use crate::postgres::database;
use crate::support::{Bucket, ROOT, Served};

fn run(script: &str) {
    run_on(None, script, &[]);
}

/// Runs those tests of a script, or all, against a server whose lake has this remote.
fn run_on(bucket: Option<&Bucket>, script: &str, tests: &[&str]) {
    let Ok(python) = std::env::var("DATLAKE_TEST_CLIENTS") else { return };
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in
        [("data/a.txt", "a"), ("data/sub/c.txt", "c"), ("data-out/a.txt", "x"), ("secret.txt", "secret")]
    {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    std::os::unix::fs::symlink(folder.path().join("secret.txt"), folder.path().join("data-out/link")).unwrap();
    let shared = |name: &str| folder.path().join(name).display().to_string();
    let served = Served::on(bucket, |settings| ServerSettings {
        import_from: ["lake://exports/".to_owned()]
            .into_iter()
            .chain(["data", "data-out"].map(|name| format!("file://{}", shared(name))))
            .chain(bucket.map(blobs))
            .collect(),
        ..settings
    });
    for (name, text) in [("exports/jan.csv", "1"), ("exports/feb.csv", "22"), ("private/a", "x")] {
        served.lake.add_bytes(name, text).unwrap();
    }
    let (token, pair) = served.accounts(async |accounts| {
        accounts.create("reader", AccountKind::Machine).await?;
        for pattern in ["repo:r-*", "repo:b-*"] {
            accounts.grant("reader", datlake_server::AccessRole::Reader, &pattern.parse()?).await?;
        }
        Ok((accounts.create_token("reader", None).await?.token, accounts.create_key_pair("reader", None).await?))
    });
    let writer = served.accounts(async |accounts| {
        accounts.create("writer", AccountKind::Machine).await?;
        accounts.grant("writer", datlake_server::AccessRole::Writer, &"repo:r-*".parse()?).await?;
        Ok(accounts.create_token("writer", None).await?.token)
    });
    let file = format!("{}/tests/clients/{script}", env!("CARGO_MANIFEST_DIR"));
    let done = Command::new(python)
        .args(["-W", "ignore", &file])
        .args(tests)
        .env("STORE", bucket.map_or("lake", |bucket| bucket.kind))
        .env("LAKECTL_SERVER_ENDPOINT_URL", &served.url)
        .env("LAKECTL_CREDENTIALS_ACCESS_KEY_ID", ROOT.0)
        .env("LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY", ROOT.1)
        .env("LAKECTL_CONFIG_FILE", "/nowhere")
        .env("READERS_TOKEN", token)
        .env("WRITERS_TOKEN", writer)
        .env("IMPORT_FOLDER", shared("data"))
        .env("IMPORT_BUCKET", bucket.map_or_else(String::new, blobs))
        .env("READERS_KEY", pair.access_key_id)
        .env("READERS_SECRET", pair.secret_access_key)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && said.contains("\nOK"), "{said}");
}

/// Where the content of a lake in this bucket is.
fn blobs(bucket: &Bucket) -> String {
    format!("{}/blobs/", bucket.url)
}

/// Makes the bucket, or finds it made; that of Azurite its script makes. `false` where nothing here can make it.
pub(crate) fn make_bucket(bucket: &Bucket) -> bool {
    if bucket.kind != "s3" {
        return true;
    }
    let Ok(python) = std::env::var("DATLAKE_TEST_CLIENTS") else { return false };
    let script = "import boto3; boto3.client('s3', region_name='us-east-1').create_bucket(Bucket='datlake')";
    let mut command = Command::new(python);
    let done = command.args(["-W", "ignore", "-c", script]).envs(bucket.variables.clone()).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    true
}

/// `rclone`, where `./test` has installed it: a folder there and back.
#[test]
fn rclone_copies_a_folder_there_and_back() {
    let Ok(rclone) = std::env::var("DATLAKE_TEST_RCLONE") else { return };
    let served = Served::new();
    let sales = served.lake.new_repository("sales").create().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(&rclone);
        let remote = [("TYPE", "s3"), ("PROVIDER", "Other"), ("ENDPOINT", &served.url), ("ACCESS_KEY_ID", ROOT.0)];
        for (name, value) in remote.into_iter().chain([("SECRET_ACCESS_KEY", ROOT.1), ("FORCE_PATH_STYLE", "true")]) {
            command.env(format!("RCLONE_CONFIG_LAKE_{name}"), value);
        }
        command.args(["--config", "/dev/null", "--s3-upload-cutoff", "6M", "--s3-chunk-size", "5M", "--retries", "1"]);
        let done = command.args(arguments).env("NO_PROXY", "127.0.0.1").env_remove("AWS_CA_BUNDLE").output().unwrap();
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    let (there, back) = (folder.path().join("there"), folder.path().join("back"));
    std::fs::create_dir_all(there.join("raw/old")).unwrap();
    std::fs::write(there.join("a.csv"), "1").unwrap();
    std::fs::write(there.join("raw/old/b c.csv"), "22").unwrap();
    // In three parts.
    std::fs::write(there.join("raw/large"), vec![b'x'; 12 << 20]).unwrap();
    let (from, to) = (there.to_str().unwrap(), back.to_str().unwrap());
    run(&["copy", from, "lake:sales/main"]);
    assert_eq!(run(&["lsf", "-R", "--files-only", "lake:sales/main"]), "a.csv\nraw/large\nraw/old/b c.csv\n");
    run(&["check", "--download", from, "lake:sales/main"]);
    sales.branch("main").commit("copied").unwrap();
    std::fs::remove_file(there.join("a.csv")).unwrap();
    run(&["sync", from, "lake:sales/main"]);
    assert!(!sales.branch("main").exists("a.csv").unwrap());
    run(&["copy", "lake:sales/main@", to]);
    assert_eq!(std::fs::read(back.join("a.csv")).unwrap(), b"1");
    assert_eq!(std::fs::metadata(back.join("raw/large")).unwrap().len(), 12 << 20);
}

#[test]
fn the_package_lakefs_works() {
    run("lakefs_package.py");
}

/// What is read and written goes by presigned URLs there.
#[test]
fn the_package_lakefs_works_on_buckets() {
    const TESTS: [&str; 3] = [
        "Lakefs.test_objects",
        "Lakefs.test_presigned",
        "Lakefs.test_what_a_bucket_has_is_imported_without_reading_it",
    ];
    for bucket in Bucket::all().iter().filter(|bucket| make_bucket(bucket)) {
        run_on(Some(bucket), "lakefs_package.py", &TESTS);
    }
}

#[test]
fn the_package_boto3_works() {
    run("boto3_package.py");
}

#[test]
fn requests_of_s3_do_what_they_say_or_nothing() {
    run("s3_requests.py");
}

#[test]
fn the_packages_s3fs_pandas_and_pyarrow_and_the_command_aws_work() {
    run("data_packages.py");
}

/// Servers that share a remote and a database: that of PostgreSQL where `./test` has started one, else SQLite's file.
#[test]
fn uploads_in_parts_go_through_any_server_and_outlive_the_one_that_took_a_part() {
    let Ok(python) = std::env::var("DATLAKE_TEST_CLIENTS") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (parts, url) = (folder.path().join("remote/parts"), format!("file://{}/remote", folder.path().display()));
    let remote = Bucket { kind: "folder", url, variables: Vec::new() };
    let database_url = database("parts");
    let shared = folder.path().join("server");
    let server = || {
        Served::on(Some(&remote), |settings| ServerSettings {
            folder: if database_url.is_some() { settings.folder.clone() } else { shared.clone() },
            database_url: database_url.clone(),
            secret_key: Some("a key that is the same for all servers".repeat(2)),
            ..settings
        })
    };
    let (mut one, other) = (server(), server());
    let main = one.lake.new_repository("sales").create().unwrap().default_branch();
    let ask = |arguments: &[&str]| {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/two_servers.py");
        let mut command = Command::new(&python);
        command.args(["-W", "ignore", file]).args(arguments).env("NO_PROXY", "127.0.0.1");
        command.env("LAKECTL_CREDENTIALS_ACCESS_KEY_ID", ROOT.0).env("LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY", ROOT.1);
        let done = command.env("PYTHONDONTWRITEBYTECODE", "1").output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    };
    let begun = ask(&["begin", &one.url, &other.url]);
    one.end();
    let alone = Collect::default().exclusive(true);
    other.lake.collect(alone).unwrap();
    ask(&["complete", begun.trim(), &other.url]);
    assert_eq!(main.read("parts").unwrap(), b"of somebody else");
    // Parts go once the reply was sent.
    while !files_below(&parts).is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// The files below a folder.
fn files_below(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let Ok(found) = std::fs::read_dir(folder) else { return Vec::new() };
    let found = found.flatten().map(|found| found.path());
    found.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// Schemathesis asks what the document says can be asked, with values that fit and with others, always the same: no answer is a failure of the
/// server, or another than the document has.
#[test]
fn what_is_answered_is_in_the_document() {
    let Ok(python) = std::env::var("DATLAKE_TEST_CLIENTS") else { return };
    let served = Served::new();
    let main = served.lake.new_repository("sales").create().unwrap().default_branch();
    main.put_bytes("raw/a.csv", "x").unwrap();
    main.commit("first").unwrap();
    let folder = tempfile::tempdir().unwrap();
    // Names that are there, so that answers are more than 404.
    let names =
        [("repository", "sales"), ("branch", "main"), ("ref", "main"), ("right", "main~1"), ("path", "raw/a.csv")];
    let names: String = names.iter().map(|(name, value)| format!("{name} = \"{value}\"\n")).collect();
    std::fs::write(folder.path().join("schemathesis.toml"), format!("[parameters]\n{names}")).unwrap();
    let program = std::path::Path::new(&python).with_file_name("st");
    let checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
    let done = Command::new(program)
        .args(["run", &format!("{}/openapi.json", served.url), "--auth", &format!("{}:{}", ROOT.0, ROOT.1)])
        .args(["--checks", checks, "--phases", "coverage,fuzzing", "--max-examples", "5", "--generation-deterministic"])
        .args(["--exclude-name", "DELETE /api/v1/repositories/{repository}", "--suppress-health-check", "all"])
        // It never ends.
        .args(["--exclude-path", "/api/v1/events/stream"])
        .args(["--no-color", "--warnings", "off", "--continue-on-failure"])
        .current_dir(folder.path())
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .unwrap();
    let [said, failed] = [&done.stdout, &done.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(done.status.success(), "{said}{failed}");
}

#[test]
fn the_package_lakefs_sdk_works() {
    run("lakefs_sdk_package.py");
    for bucket in Bucket::all().iter().filter(|bucket| bucket.kind == "s3" && make_bucket(bucket)) {
        run_on(Some(bucket), "lakefs_sdk_package.py", &["Sdk.test_every_call"]);
    }
}
