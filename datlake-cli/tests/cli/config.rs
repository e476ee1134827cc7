//! `datlake config`, and what else can be wrong with the surroundings.

use insta::{assert_json_snapshot, assert_snapshot};

use crate::support::{Machine, answered, check_failure, check_schema, ran};

#[test]
fn every_setting_says_where_it_comes_from_and_no_secret() {
    let machine = Machine::new();
    machine.write("work/datlake.toml", "remote = 's3://id:hunter2@bucket/lake?token=hunter2'\n");
    machine.write("user/.config/datlake/config.toml", "context = 'work'\n[contexts.work]\nemail = 'eve@example.org'\n");
    let show = |more: &[&str], columns: &str| {
        let mut command = machine.command(&[&["config", "show"], more].concat());
        let ran = ran(command.env_remove("DATLAKE_EMAIL").env("COLUMNS", columns).output().unwrap());
        assert_eq!((ran.status, &*ran.err), (0, ""));
        assert!(!ran.out.contains("hunter2"), "{}", ran.out);
        ran.out
    };
    assert_snapshot!("config_60", machine.normal(&show(&[], "60")));
    assert_snapshot!("config_100", machine.normal(&show(&[], "100")));
    let json = show(&["--json"], "80");
    check_schema(&["config", "show"], &json);
    let json: serde_json::Value = serde_json::from_str(&machine.normal(&json)).unwrap();
    assert_json_snapshot!("config", json);
}

#[test]
fn a_typo_is_named_with_its_line_and_key() {
    let machine = Machine::new();
    machine.write("work/datlake.toml", "email = 'a@b.c'\nremot = 'file:///r'\n");
    for command in [&["ls"][..], &["config", "show"]] {
        machine.fails(2, &["datlake.toml`, line 2: there is no setting `remot`", "did you mean `remote`?"], command);
    }
}

#[test]
fn two_contexts_of_one_name_are_refused() {
    let machine = Machine::new();
    machine.write("user/.config/datlake/config.toml", "[contexts.a]\n[contexts.a]\n");
    machine.fails(2, &["config.toml`, line 2: there are two contexts called `a`"], &["ls"]);
    machine.write("user/.config/datlake/config.toml", "[contexts.a]\n");
    let says = ["there is a context `a` already, in", "config.toml`, line 1", "hint: `datlake config context use`"];
    machine.fails(2, &says, &["config", "context", "create", "a"]);
}

#[test]
fn what_is_set_counts_from_then_on() {
    let machine = Machine::new();
    let set = "set remote = file:///tmp/r in [folder]/user/.config/datlake/config.toml\n";
    assert_eq!(machine.shown(80, &["config", "set", "remote", "file:///tmp/r"]), set);
    assert!(machine.ok(&["config", "show"]).contains("remote  file:///tmp/r"));
    assert_json_snapshot!("config_set", machine.json(&["config", "set", "remote", "file:///tmp/s"]));
    machine.ok(&["config", "unset", "remote"]);
    assert!(machine.ok(&["config", "show"]).contains("remote  not set"));
    machine.fails(1, &["`remote` is not set in"], &["config", "unset", "remote"]);
    // What wins over it is said.
    let hidden = machine.run(&["config", "set", "--project", "email", "eve@example.org"]);
    assert_eq!(hidden.status, 0);
    assert!(hidden.err.contains("`email` is still taken from DATLAKE_EMAIL, which wins"), "{}", hidden.err);
    assert_eq!(std::fs::read_to_string(machine.path("work/datlake.toml")).unwrap(), "email = \"eve@example.org\"\n");
}

#[test]
fn no_credential_is_written() {
    let machine = Machine::new();
    for url in ["s3://id:hunter2@bucket/lake", "https://host/lake?X-Amz-Signature=hunter2"] {
        let ran = machine.run(&["config", "set", "remote", url]);
        check_failure(&ran, 2, &["holds credentials", "environment variables"]);
        assert!(!ran.err.contains("hunter2"), "{}", ran.err);
        machine.fails(2, &["holds credentials"], &["config", "context", "create", "c", "--remote", url]);
    }
    machine.fails(2, &["no setting `remot`", "did you mean `remote`?"], &["config", "set", "remot", "x"]);
    assert!(!machine.path("user/.config/datlake/config.toml").exists());
}

#[test]
fn contexts_are_made_used_listed_and_deleted() {
    let machine = Machine::new();
    let config = |arguments: &[&str]| machine.shown(100, &[&["config", "context"], arguments].concat());
    assert_eq!(config(&["list"]), "\n");
    config(&["create", "team", "--remote", "file:///tmp/team", "--email", "team@example.org"]);
    assert_eq!(config(&["create", "own", "--home", "lake"]), "made the context own (home = [folder]/work/lake)\n");
    machine.fails(1, &["no context `teem` in", "did you mean `team`?"], &["config", "context", "use", "teem"]);
    config(&["use", "team"]);
    assert_snapshot!("contexts_100", config(&["list"]));
    assert_snapshot!("contexts_60", machine.shown(60, &["config", "contexts", "list"]));
    assert_json_snapshot!("contexts", machine.json(&["config", "context", "list"]));
    assert_json_snapshot!("context", machine.json(&["config", "context", "use", "team"]));
    assert!(machine.ok(&["config", "show"]).contains("config.toml, context team"));
    machine.fails(2, &["`team`: it is in use"], &["config", "context", "delete", "team"]);
    machine.ok(&["config", "unset", "context"]);
    config(&["delete", "team"]);
    assert_eq!(config(&["list"]), "  own  home = [folder]/work/lake\n");
}

#[test]
fn setup_asks_and_checks() {
    let machine = Machine::new();
    let setup = |answers: &str| {
        let mut command = machine.command(&["config", "setup"]);
        ran(answered(command.env_remove("DATLAKE_HOME").env_remove("DATLAKE_EMAIL"), answers))
    };
    let folder = machine.path("").display().to_string();
    let remote = format!("file://{folder}shared");
    // Nothing is changed before all is answered, and opens.
    let file = machine.path("user/.config/datlake/config.toml");
    check_failure(&setup(&format!("{folder}lake\n{remote}\n")), 2, &["no answer for `email`", "nothing was changed"]);
    check_failure(&setup("\nfile:///dev/null/x\n\n"), 2, &["nothing was changed", "/dev/null/x"]);
    check_failure(&setup("\n/tmp\n\n"), 2, &["nothing was changed", "must be a URL"]);
    check_failure(&setup("\ns3://id:hunter2@b\n\n"), 2, &["holds credentials"]);
    assert!(!file.exists());
    let done = setup(&format!("{folder}lake\n{remote}\neve@example.org\n"));
    assert_eq!((done.status, &*done.err), (0, ""));
    assert!(done.out.contains(&format!("home    {folder}lake")) && done.out.contains(&remote), "{}", done.out);
    // An empty answer leaves what is there, `none` takes it away.
    let done = setup("\n\nnone\n");
    assert!(done.out.contains(&format!("home    {folder}lake")) && done.out.contains(&remote), "{}", done.out);
    assert!(done.out.contains("email   not set"), "{}", done.out);
}

#[test]
fn setup_asks_again_on_a_terminal() {
    let machine = Machine::new();
    let script = format!("{} config setup", env!("CARGO_BIN_EXE_datlake"));
    let mut command = machine.around("script", &["-E", "never", "-qec", &script, "/dev/null"]);
    command.env_remove("DATLAKE_EMAIL");
    let done = ran(answered(&mut command, "\n/tmp\n\neve@example.org\n"));
    assert_eq!(done.status, 0, "{}", done.out);
    for part in ["Folder of the lake on this machine [", "must be a URL", "eve@example.org"] {
        assert!(done.out.contains(part), "{}", done.out);
    }
    assert_eq!(done.out.matches("URL of the store").count(), 2, "{}", done.out);
}

#[test]
fn without_a_home_directory_there_is_no_configuration_file() {
    let machine = Machine::new();
    let mut command = machine.command(&["config", "set", "email", "eve@example.org"]);
    check_failure(&ran(command.env("HOME", "nowhere").output().unwrap()), 2, &["no home directory", "XDG_CONFIG_HOME"]);
}

#[test]
fn without_a_home_directory_there_is_no_lake_by_default() {
    let machine = Machine::new();
    let ran = ran(machine.command(&["ls"]).env_remove("DATLAKE_HOME").env("HOME", "nowhere").output().unwrap());
    check_failure(&ran, 2, &["no home directory", "set DATLAKE_HOME"]);
}

#[test]
fn wrong_use_is_a_failure() {
    let machine = Machine::new();
    for wrong in [&["frobnicate"][..], &["info"], &["ls", "--frobnicate"]] {
        let ran = machine.run(wrong);
        assert_eq!((ran.status, &*ran.out), (2, ""), "{wrong:?}");
        assert!(ran.err.contains("--help"), "{}", ran.err);
    }
}

#[test]
fn check_tells_what_works_with_the_remote_and_what_to_do() {
    let machine = Machine::new();
    machine.fails(2, &["cannot check the remote: the lake has no remote", "DATLAKE_REMOTE"], &["config", "check"]);

    let remote = format!("file://{}", machine.path("remote").display());
    let check = |remote: &str, more: &[&str]| {
        let mut command = machine.command(&[&["config", "check"], more].concat());
        ran(command.env("DATLAKE_REMOTE", remote).output().unwrap())
    };
    // Looking makes nothing: it may be a slip of the pen.
    let new = check(&remote, &[]);
    assert_eq!((new.status, machine.path("remote").exists()), (0, false));
    assert!(new.out.contains("the first write makes it one") && !new.out.contains("create objects"), "{}", new.out);
    let mut write = machine.command(&["add", "--empty", "-", "a"]);
    assert!(write.env("DATLAKE_REMOTE", &remote).output().unwrap().status.success());
    let json = check(&remote, &["--json"]);
    assert_eq!((json.status, &*json.err), (0, ""));
    check_schema(&["config", "check"], &json.out);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    let abilities = ["list", "read", "create", "create_conditionally", "delete"];
    let steps = abilities.map(|what| serde_json::json!({ "what": what, "works": true, "problem": null }));
    assert_eq!(json["steps"], serde_json::Value::from(steps.to_vec()));
    assert!(
        json["state"] == "there"
            && json["round_trip_ms"].is_number()
            && json["remote"].as_str().unwrap().ends_with("/remote")
    );

    // A share that is not mounted.
    std::fs::rename(machine.path("remote"), machine.path("aside")).unwrap();
    let gone = check(&remote, &[]);
    assert_eq!(gone.status, 2, "{}", gone.out);
    assert!(gone.out.contains("is not there") && gone.out.contains("--accept"), "{}", gone.out);
    assert_eq!(check(&remote, &["--accept"]).status, 0);

    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = machine.command(&["config", "check"]);
    command.env("DATLAKE_REMOTE", "s3://bucket/lake").env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}"));
    command.env("AWS_ALLOW_HTTP", "true").env("AWS_ACCESS_KEY_ID", "id").env("AWS_SECRET_ACCESS_KEY", "hunter2");
    let away = ran(command.output().unwrap());
    assert_eq!(away.status, 2, "{}", away.out);
    assert!(away.out.contains("fails  list objects\n") && away.out.contains("nobody answers there"), "{}", away.out);
    assert!(!away.out.contains("hunter2") && !away.out.contains("create objects"), "{}", away.out);
}

/// Two projects use the same names, and neither sees the other's files.
#[test]
fn a_project_has_a_lake_of_its_own() {
    let machine = Machine::new();
    let in_project = |project: &str, arguments: &[&str]| {
        std::fs::create_dir_all(machine.path(project)).unwrap();
        let mut command = machine.command(arguments);
        ran(command.current_dir(machine.path(project)).env_remove("DATLAKE_HOME").output().unwrap())
    };
    for project in ["tumor", "lung"] {
        std::fs::create_dir_all(machine.path(project).join(".git")).unwrap();
        let made = in_project(project, &["init"]);
        assert_eq!((made.status, &*made.err), (0, ""));
        assert!(made.out.contains("/datlake.toml") && made.out.contains("/.gitignore"), "{}", made.out);
        machine.write(&format!("{project}/scans.csv"), project);
        let added = in_project(project, &["add", "scans.csv", "raw/scans.csv"]);
        assert_eq!((added.status, &*added.err), (0, ""));
        assert_eq!(std::fs::read_to_string(machine.path(project).join(".gitignore")).unwrap(), "/.datlake/\n");
    }
    assert_eq!(in_project("tumor/deep/below", &["cat", "raw/scans.csv"]).out, "tumor");
    let again = in_project("tumor", &["init", "--home", "elsewhere"]);
    assert_eq!(again.status, 2);
    assert!(again.err.contains("there is a `datlake.toml`") && again.err.contains("hint: "), "{}", again.err);

    let remote = format!("file://{}", machine.path("shared").display());
    let json = in_project("skin", &["init", "--json", "--home", "lake", "--remote", &remote]);
    check_schema(&["init"], &json.out);
    let text = std::fs::read_to_string(machine.path("skin/datlake.toml")).unwrap();
    assert!(text.contains("home = \"lake\"") && text.contains(&remote), "{text}");
    // What may not be set leaves nothing behind.
    let refused = in_project("bone", &["init", "--remote", "s3://id:hunter2@bucket"]);
    assert_eq!((refused.status, machine.path("bone/datlake.toml").exists()), (2, false));
    assert!(!refused.err.contains("hunter2"), "{}", refused.err);
}
