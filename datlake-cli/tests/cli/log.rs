//! Names that are replaced: `datlake add --replace`, `log`, `NAME@{1}`.

use crate::support::Machine;

#[test]
fn a_name_is_replaced_when_asked_and_its_log_says_by_what() {
    let machine = Machine::new();
    let write = |text: &str| machine.write("a.txt", text).to_str().unwrap().to_owned();
    machine.ok(&["add", &write("one\n"), "a.txt"]);
    machine.fails(2, &["exists with other content", "`add --replace`"], &["add", &write("second\n"), "a.txt"]);
    assert_eq!(machine.ok(&["add", "--replace", &write("second\n"), "a.txt"]), "replaced a.txt (7 B)\n");
    assert_eq!(machine.ok(&["add", "--replace", &write("second\n"), "a.txt"]), "was there already: a.txt (7 B)\n");
    assert_eq!(machine.ok(&["add", "--replace", &write("new\n"), "b.txt"]), "added b.txt (4 B)\n");
    assert_eq!(machine.ok(&["cat", "a.txt", "a.txt@{1}", "a.txt@{0}"]), "second\none\nsecond\n");

    let log = machine.ok(&["log", "a.txt"]);
    let lines: Vec<_> = log.lines().collect();
    assert!(lines.len() == 2 && lines[0].starts_with("a.txt@{0}  ") && lines[1].starts_with("a.txt@{1}  "), "{log}");
    assert!(lines.iter().all(|line| line.ends_with("added") && line.contains(" B  ")), "{log}");
    assert_eq!(machine.ok(&["log", "-n", "1", "a.txt"]).lines().count(), 1);
    let keys: Vec<String> =
        machine.json(&["log", "a.txt"])["versions"][1].as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["address", "aside", "at", "call", "digest", "host", "originator", "pruned", "size", "tree"]);
    assert_eq!(machine.json(&["add", "--replace", &write("third\n"), "a.txt"])[0]["new"], false);

    machine.fails(1, &["has no version `@{99}`", "hint: `datlake log a.txt`"], &["cat", "a.txt@{99}"]);
    machine.fails(1, &["has no file `never.txt`"], &["log", "never.txt"]);
    machine.fails(2, &["never replaced: only a name that a person chose"], &["log", "a.txt//b"]);
}

#[test]
fn commands_take_an_earlier_version_where_they_take_a_file() {
    let machine = Machine::new();
    for text in ["one\n", "second\n"] {
        let path = machine.write("a.txt", text);
        machine.ok(&["add", "--replace", path.to_str().unwrap(), "a.txt"]);
    }
    assert_eq!(machine.ok(&["get", "a.txt@{1}", "copy.txt"]), "wrote copy.txt (4 B)\n");
    assert_eq!(std::fs::read_to_string(machine.path("work/copy.txt")).unwrap(), "one\n");
    assert_eq!(machine.json(&["info", "a.txt@{1}"])["size"], 4);
    let (up, info) = (machine.ok(&["lineage", "--up", "a.txt@{1}"]), machine.ok(&["info", "a.txt@{1}"]));
    assert!(up.starts_with("a.txt@{1}\n   added on ") && up.contains("; replaced on "), "{up}");
    assert!(info.contains("a.txt@{1}; replaced on ") && info.contains(" by "), "{info}");
    assert!(!machine.ok(&["info", "a.txt"]).contains("replaced"));
    assert!(machine.ok(&["ls", "a.txt@{1}"]).ends_with("4 B  a.txt@{1}\n"));
    machine.fails(1, &["has no version `@{7}`"], &["ls", "a.txt@{7}"]);
    let path = machine.ok(&["path", "a.txt@{1}"]);
    assert_eq!(std::fs::read_to_string(path.trim_end()).unwrap(), "one\n");
    let prune = |options: &[&'static str]| machine.ok(&[&["prune", "--keep-versions", "1"], options].concat());
    assert_eq!(prune(&["--versions-older-than", "1h", "--yes"]), "nothing to prune\n");
    assert_eq!(prune(&["--dry-run"]), "would remove 1 earlier version\n  a.txt@{1}\n");
    machine.fails(2, &["an earlier version of `a.txt`"], &["rm", "--yes", "a.txt@{1}"]);
    assert_eq!(machine.json(&["prune", "--keep-versions", "1", "--yes"])["versions"][0], "a.txt@{1}");
    machine.fails(1, &["`a.txt@{1}` is gone: it was pruned"], &["cat", "a.txt@{1}"]);
    assert!(machine.ok(&["log", "a.txt"]).contains("  was pruned  "));
    machine.ok(&["rm", "--yes", "a.txt"]);
    machine.fails(1, &["no file"], &["cat", "a.txt@{1}"]);
}
