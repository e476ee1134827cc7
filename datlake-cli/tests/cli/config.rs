//! `datlake config`, and what else can be wrong with the surroundings.

use insta::{assert_json_snapshot, assert_snapshot};

use crate::support::{Machine, check_failure, ran};

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
    let json: serde_json::Value = serde_json::from_str(&machine.normal(&show(&["--json"], "80"))).unwrap();
    assert_json_snapshot!("config", json);
}

#[test]
fn a_typo_is_named_with_its_line_and_key() {
    let machine = Machine::new();
    machine.write("work/datlake.toml", "email = 'a@b.c'\nremot = 'file:///r'\n");
    for command in [&["ls"][..], &["config", "show"]] {
        machine.fails(2, &["datlake.toml`, line 2", "remot"], command);
    }
}

#[test]
fn two_contexts_of_one_name_are_refused() {
    let machine = Machine::new();
    machine.write("user/.config/datlake/config.toml", "[contexts.a]\n[contexts.a]\n");
    machine.fails(2, &["config.toml`, line 2"], &["ls"]);
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
