//! Repositories: what is refused, and what programs read.

use serde_json::Value;

use crate::support::{Machine, ran};

fn json(machine: &Machine, args: &[&str]) -> Value {
    serde_json::from_str(&machine.ok(&[args, &["--json"]].concat())).unwrap()
}

/// A repository with a branch that has changed what the other has changed.
fn crossed() -> Machine {
    let machine = Machine::new();
    machine.ok(&["repo", "create", "sales"]);
    let commit = |branch: &str, content: &str| {
        let to = format!("sales@{branch}:raw/a.csv");
        let command = format!("printf {content} | datlake put - {to} && datlake commit sales@{branch} -m {content}");
        assert_eq!(ran(machine.around("bash", &["-c", &command]).output().unwrap()).status, 0);
    };
    commit("main", "one");
    machine.ok(&["branch", "create", "sales@dev"]);
    commit("dev", "two");
    commit("main", "three");
    machine
}

#[test]
fn a_conflict_is_shown_and_changes_nothing() {
    let machine = crossed();
    let merge = machine.run(&["merge", "sales@dev", "main"]);
    assert_eq!((merge.status, merge.out.starts_with("conflict raw/a.csv: ")), (2, true), "{}", merge.out);
    assert!(merge.err.contains("nothing was changed") && merge.err.contains("--prefer"), "{}", merge.err);
    let merge = machine.run(&["merge", "sales@dev", "main", "--json"]);
    let conflicts: Value = serde_json::from_str(&merge.out).unwrap();
    assert_eq!((merge.status, &conflicts["conflicts"][0]["path"]), (2, &Value::from("raw/a.csv")));
    assert_eq!(machine.ok(&["cat", "sales@main:raw/a.csv"]), "three");
    let wrong = machine.run(&["merge", "sales@dev", "main", "--prefer", "raw/"]);
    assert!(wrong.status == 2 && wrong.err.contains("`raw/` is no side: `source` is what"), "{}", wrong.err);
    // The longest prefix counts.
    let other = machine.run(&["merge", "sales@dev", "main", "--prefer", "other/=source"]);
    assert!(other.status == 2 && other.out.starts_with("conflict raw/a.csv: "), "{}", other.out);
    machine.ok(&["merge", "sales@dev", "main", "--prefer", "dest-wins", "--prefer", "raw/=source-wins"]);
    assert_eq!(machine.ok(&["cat", "sales@main:raw/a.csv"]), "two");
    let again = machine.run(&["merge", "sales@dev", "main"]);
    assert!(again.status == 2 && again.err.contains("has all that"), "{}", again.err);
}

#[test]
fn programs_read_the_same() {
    let machine = crossed();
    let log = json(&machine, &["log", "sales@main"]);
    let messages: Vec<&str> =
        log.as_array().unwrap().iter().map(|commit| commit["message"].as_str().unwrap()).collect();
    assert_eq!(messages, ["three", "one", "Repository created"]);
    assert_eq!(json(&machine, &["log", "sales@main", "-n", "1"]).as_array().unwrap().len(), 1);
    assert_eq!(json(&machine, &["ls", "sales@main"])["items"][0]["object"]["path"], "raw/a.csv");
    assert_eq!(json(&machine, &["diff", "sales@main", "sales@dev"])["items"][0]["path"], "raw/a.csv");
    assert_eq!(json(&machine, &["repo", "list"])[0]["name"], "sales");
    assert_eq!(json(&machine, &["repo", "show", "sales"])["branches"][0]["name"], "dev");
    assert_eq!(json(&machine, &["rm", "sales@main:raw/a.csv"])["deleted"], 1);
    assert_eq!(json(&machine, &["reset", "sales@main"])["discarded"], 1);
    assert_eq!(json(&machine, &["rm", "-r", "sales@main:raw/"])["deleted"], 1);
    assert_eq!(json(&machine, &["diff", "sales@main"])["items"][0]["after"], Value::Null);
}

#[test]
fn a_commit_says_what_else_is_to_be_known_and_is_taken_back_by_its_title() {
    let machine = crossed();
    let command = "printf four | datlake put - sales@main:raw/b.csv";
    assert_eq!(ran(machine.around("bash", &["-c", command]).output().unwrap()).status, 0);
    let said = ["commit", "sales@main", "-m", "Four\n\nOf them.", "--meta", "rows=1", "--meta", "by=a=b"];
    let commit = json(&machine, &said);
    assert_eq!(commit["metadata"], serde_json::json!({"rows": "1", "by": "a=b"}));
    let id = commit["id"].as_str().unwrap();
    machine.ok(&["revert", "sales@main", &format!("sales@{id}")]);
    machine.ok(&["revert", "sales@main", "main"]);
    let titles: Vec<String> = json(&machine, &["log", "sales@main", "-n", "2"])
        .as_array()
        .unwrap()
        .iter()
        .map(|commit| commit["message"].as_str().unwrap().lines().next().unwrap().to_owned())
        .collect();
    assert_eq!(titles, [r#"Revert "Revert "Four"""#, r#"Revert "Four""#]);
    machine.ok(&["branch", "create", "sales@other", "sales@main~3"]);
    machine.ok(&["cherry-pick", "sales@other", &format!("sales@{id}")]);
    machine.ok(&["merge", "sales@other", "sales@dev", "--prefer", "source"]);
    assert_eq!(machine.ok(&["cat", "sales@dev:raw/b.csv"]), "four");
}

#[test]
fn what_is_refused_says_what_to_do() {
    let machine = crossed();
    machine.ok(&["tag", "create", "sales@v1", "sales@main"]);
    for (args, status, said) in [
        (&["commit", "sales@main", "-m", "x"][..], 2, "there is nothing to commit"),
        (&["commit", "sales@none", "-m", "x"], 1, "no branch `none`"),
        (&["commit", "sale@main", "-m", "x"], 1, "it has `sales`"),
        (&["commit", "sales", "-m", "x"], 2, "write REPO@BRANCH, as sales@main"),
        (&["commit", "sales@main", "-m", "x", "--meta", "rows"], 2, "`rows` is no KEY=VALUE"),
        (&["merge", "sales@dev", "other@main"], 2, "is of the repository `other`, and not of `sales`"),
        (&["put", ".", "sales@main:x/"], 2, "`datlake import --folder . sales@main:x/ -m …` commits its files"),
        (&["put", "-", "sales@v1:x"], 1, "`v1` is a tag: it is read, and never changes"),
        (&["import", ".", "sales@main:x/", "-m", "x"], 1, "--folder imports its files"),
        (&["cat", "sales@main"], 2, "write sales@main:PATH"),
        (&["info", "sales"], 1, "`datlake repo show sales` shows it"),
        (&["lineage", "sales@main"], 1, "a file of it is sales@main:PATH"),
        (&["ls", "nobody@main"], 1, "there is no repository `nobody` either"),
        (&["rm", "sales@main:raw/"], 2, "-r deletes all that is in it"),
        (&["put", "a", "b", "sales@main:x"], 2, "a folder ends in a slash"),
        (&["put", "-", "sales@main:raw/"], 2, "no name of its own"),
        (&["put", "none.csv", "sales@main:raw/"], 2, "none.csv"),
        (&["ls", "sales@main:none"], 1, "there is nothing at"),
        (&["cat", "sales@main:none"], 1, "there is no `none`"),
        (&["rm", "sales@main:none"], 1, "there is no `none`"),
        (&["diff", "one"], 2, "nothing is there to compare it with"),
        (&["repo", "rm", "sales"], 2, "--yes deletes it"),
        (&["repo", "create", "Sales"], 2, "lower-case"),
        (&["branch", "rm", "sales@main"], 2, "default branch"),
        (&["revert", "sales@main", "main~9"], 1, "means nothing"),
    ] {
        let failed = machine.run(args);
        assert!(failed.status == status && failed.err.contains(said), "{args:?}: {} {}", failed.status, failed.err);
    }
    // What is uncommitted is shown by `cat`, and has no commit.
    let command = "printf four | datlake put - sales@main:raw/a.csv && datlake cat sales@main:raw/a.csv";
    assert!(ran(machine.around("bash", &["-c", command]).output().unwrap()).out.ends_with("four"));
    let info = machine.run(&["info", "sales@main:raw/a.csv"]);
    assert!(info.status == 2 && info.err.contains("uncommitted") && info.err.contains("`main@`"), "{}", info.err);
    machine.ok(&["info", "sales@main@:raw/a.csv"]);
    machine.ok(&["repo", "rm", "sales", "--yes"]);
    assert_eq!(machine.ok(&["repo", "list"]), "");
}

#[test]
fn what_lies_outside_is_counted_by_who_leaves_it_and_looked_at_where_that_is_asked_for() {
    let machine = Machine::new();
    machine.ok(&["repo", "create", "sales"]);
    let exports = machine.path("exports");
    std::fs::create_dir(&exports).unwrap();
    std::fs::write(exports.join("jan.csv"), "x,1\n").unwrap();
    let url = format!("file://{}", exports.display());
    let run = |args: &[&str]| {
        let ended = ran(machine.command(args).env("DATLAKE_READ_FROM", &url).output().unwrap());
        (ended.status, ended.out)
    };
    assert_eq!(run(&["import", "--in-place", &url, "sales@main:raw/", "-m", "exports"]).0, 0);
    let left = "1 file of commits (4 B) lies outside of the lake and was not ";
    assert!(run(&["verify"]).1.contains(&format!("{left}looked at: `datlake verify --outside REPO@REF` does\n")));
    let copy = format!("file://{}", machine.path("copy").display());
    assert!(run(&["mirror", &copy]).1.ends_with(&format!("{left}copied\n")));
    assert_eq!(json(&machine, &["verify"])["outside"]["files"], 1);
    let looked = run(&["verify", "--outside", "sales@main:raw/"]);
    assert_eq!(looked, (0, "nothing has changed: looked at 1 file outside of the lake\n".to_owned()));
    std::fs::write(exports.join("jan.csv"), "x,1\nx,2\n").unwrap();
    let (status, looked) = run(&["verify", "--outside", "sales@main"]);
    assert!(
        status == 1 && looked.starts_with("changed: raw/jan.csv\n  ") && looked.contains("1 is not what"),
        "{looked}"
    );
    let refused = machine.run(&["verify", "--outside", "sales"]);
    assert!(refused.status == 2 && refused.err.contains("REPO@BRANCH"), "{}", refused.err);
}
