//! `datlake completions`, `datlake man`, and every `--help`.

use crate::support::{Machine, files_in, ran};

const COMMANDS: [&str; 21] = [
    "info",
    "ls",
    "add",
    "get",
    "cat",
    "path",
    "rm",
    "calls",
    "runs",
    "explain",
    "lineage",
    "status",
    "push",
    "pull",
    "verify",
    "repair",
    "evict",
    "repack",
    "config",
    "completions",
    "man",
];

#[test]
fn shells_learn_every_command() {
    let machine = Machine::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = machine.ok(&["completions", shell]);
        assert!(COMMANDS.iter().all(|command| script.contains(command)), "{shell}");
    }
    std::fs::write(machine.path("script"), machine.ok(&["completions", "bash"])).unwrap();
    let checked = ran(machine.around("bash", &["-n", machine.path("script").to_str().unwrap()]).output().unwrap());
    assert_eq!((checked.status, &*checked.err), (0, ""));
}

#[test]
fn the_manual_has_a_page_for_every_command() {
    let machine = Machine::new();
    assert!(machine.ok(&["man"]).contains(".TH datlake 1"));
    let folder = machine.path("man");
    assert_eq!(machine.ok(&["man", folder.to_str().unwrap()]), "");
    let pages = files_in(&folder);
    for command in COMMANDS {
        assert!(pages.contains(&format!("datlake-{command}.1")), "{pages:?}");
    }
}

#[test]
fn every_command_has_help_with_an_example() {
    let machine = Machine::new();
    for command in COMMANDS {
        let arguments = if command == "config" { vec!["config", "show"] } else { vec![command] };
        let help = machine.ok(&[&*arguments, &["--help"]].concat());
        assert!(help.contains(&format!("Example: datlake {}", arguments.join(" "))) || command == "path", "{help}");
        assert!(help.contains("Example: "), "{help}");
    }
    for command in ["set", "unset", "setup", "context create", "context use", "context list", "context delete"] {
        let arguments: Vec<_> = ["config"].into_iter().chain(command.split(' ')).chain(["--help"]).collect();
        let help = machine.ok(&arguments);
        assert!(help.contains(&format!("Example: datlake config {command}")), "{help}");
    }
}
