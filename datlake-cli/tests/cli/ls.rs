//! `datlake ls`

use insta::{assert_json_snapshot, assert_snapshot};

use crate::pipeline;
use crate::support::{Machine, ran};

#[test]
fn an_empty_lake_has_no_files() {
    let machine = Machine::new();
    assert_eq!(machine.ok(&["ls"]), "");
    assert_eq!(machine.ok(&["ls", "--json"]), "[]\n");
}

#[test]
fn all_files_or_those_of_a_folder() {
    let (machine, _) = Machine::prepared();
    machine.lake().add_tree("words", machine.write("folder/a/b.txt", "ab").ancestors().nth(2).unwrap()).unwrap();
    assert_snapshot!("ls_60", machine.shown(60, &["ls", "-r"]));
    assert_snapshot!("ls_long_100", machine.shown(100, &["ls", "-lr"]));
    assert_snapshot!("ls_level_60", machine.shown(60, &["ls", "-r"]));
    assert_snapshot!("ls_level_long_100", machine.shown(100, &["ls", "-l"]));
    assert_json_snapshot!("ls", machine.json(&["ls"]));
    let all = machine.ok(&["ls", "-r"]);
    assert_eq!(machine.ok(&["ls", "corpora"]), machine.ok(&["ls", "corpora/"]));
    assert_eq!(machine.ok(&["ls", "corpora"]).lines().collect::<Vec<_>>(), all.lines().take(2).collect::<Vec<_>>());
    assert_eq!(machine.ok(&["ls", "reports/which.txt"]).lines().count(), 1);
    machine.fails(1, &["no file `corp`"], &["ls", "corp"]);
}

#[test]
fn what_is_in_the_remote_only() {
    let machine = Machine::with_remote();
    pipeline::run(&machine.lake());
    machine.lake().add_tree("words", machine.write("folder/b.txt", "ab").parent().unwrap()).unwrap();
    let machine = machine.moved_to("other");
    machine.lake().file("corpora/alice.txt").unwrap().read().unwrap();
    // Of the tree, the list of its files, and not the file.
    assert_eq!(machine.lake().file("words").map(datlake::Tree::try_from).unwrap().unwrap().names().unwrap(), ["b.txt"]);
    assert_snapshot!("ls_remote_60", machine.shown(60, &["ls", "-r"]));
}

#[test]
fn files_of_large_trees_are_counted_one_tree_at_a_time() {
    let machine = Machine::with_remote();
    let folder = machine.write("folder/last", "ab").parent().unwrap().to_owned();
    std::fs::create_dir(folder.join("all")).unwrap();
    (0..10_000).for_each(|n| std::fs::write(folder.join(format!("all/{n:04}")), "").unwrap());
    machine.lake().add_tree("many", &folder).unwrap();
    assert_eq!(machine.ok(&["ls"]), "lists    2 B  many  tree of 10001 files\n");
    let listed = &machine.json(&["ls"])[0];
    assert_eq!((&listed["contents"]["local"], &listed["local"]), (&serde_json::Value::Null, &false.into()));
    let info = machine.json(&["info", "many"]);
    assert_eq!((&info["contents"]["local"], &info["local"]), (&10_001.into(), &true.into()));
    // A folder is in many ranges, and one line.
    assert_eq!(machine.ok(&["ls", "many//"]), "         10000 files  many//all/\nhere             2 B  many//last\n");
    // Its files are called by it.
    assert_eq!(machine.ok(&["cat", "many//last"]), "ab");
    let hint = "`many` is a tree: what is in it is called `many//last`";
    machine.fails(1, &["no file `many/last`", hint], &["cat", "many/last"]);
    std::fs::remove_file(folder.join("all/0000")).unwrap();
    machine.lake().add_tree("fewer", &folder).unwrap();
    assert_eq!(machine.ok(&["ls", "fewer"]), "here     2 B  fewer  tree of 10000 files\n");
}

#[test]
fn what_is_in_a_tree() {
    let machine = Machine::with_remote();
    for (path, content) in
        [("folder/2025/a", "a"), ("folder/2025/b/c", "abc"), ("folder/2026/d", ""), ("folder/20", "x")]
    {
        machine.write(path, content);
    }
    let folder = machine.path("folder");
    std::fs::create_dir(folder.join("empty")).unwrap();
    std::os::unix::fs::symlink("2025/a", folder.join("latest")).unwrap();
    std::os::unix::fs::symlink("nowhere", folder.join("lost")).unwrap();
    machine.lake().add_tree("photos", &folder).unwrap();
    let machine = machine.moved_to("other");
    machine.lake().file("photos//2025/a").unwrap().read().unwrap();
    assert_snapshot!("ls_tree_60", machine.shown(60, &["ls", "photos//"]));
    assert_snapshot!("ls_tree_all_60", machine.shown(60, &["ls", "-r", "photos//"]));
    assert_snapshot!("ls_tree_level_60", machine.shown(60, &["ls", "photos//2025/"]));
    assert_eq!(machine.ok(&["ls", "photos//20"]).lines().count(), 1);
    assert_eq!(machine.json(&["ls", "photos//2025"]).as_array().unwrap().len(), 2);
    machine.fails(1, &["the tree `photos` has nothing at `202`", "datlake ls photos//"], &["ls", "photos//202"]);
    machine.fails(1, &["no file `nothing`"], &["ls", "nothing//"]);
    machine.fails(1, &["the tree `photos` has no file `2025`", "datlake ls photos//"], &["cat", "photos//2025"]);
}

#[test]
fn what_is_not_in_sync_is_warned_of() {
    let machine = Machine::with_remote();
    // Added before there was a remote.
    datlake::Lake::builder().home(machine.home()).open().unwrap().add_bytes("a", b"1").unwrap();
    let shown = machine.run(&["ls"]);
    assert_eq!((shown.status, &*shown.out), (0, "here     1 B  a\n"));
    assert!(shown.err.contains("`a` is on this machine only, not in "), "{}", shown.err);
}

#[test]
fn damage_hides_its_own_file_only() {
    let (machine, _) = Machine::prepared();
    let name = machine.home().join("files/corpora/alice.txt.datlake");
    std::fs::remove_file(&name).unwrap();
    std::fs::write(&name, "{}").unwrap();
    let shown = machine.run(&["ls", "corpora"]);
    assert_eq!(shown.status, 2);
    assert!(shown.out.contains("corpora/snark.txt") && shown.err.contains("corpora/alice.txt cannot be shown"));
    assert_eq!(machine.damaged(&["ls"]), ["corpora/alice.txt"]);
}

#[test]
fn colour_is_for_terminals_and_for_those_who_ask() {
    let (machine, _) = Machine::prepared();
    assert!(!machine.ok(&["ls"]).contains('\u{1b}'));
    assert!(machine.ok(&["ls", "--color", "always"]).contains('\u{1b}'));
    let piped = ran(machine.command(&["ls"]).env("NO_COLOR", "1").output().unwrap());
    assert!(!piped.out.contains('\u{1b}'));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let machine = Machine::new();
    let lake = machine.lake();
    // More than a pipe holds.
    let folder = vec!["x".repeat(190); 4].join("/");
    for n in 0..120 {
        lake.add_bytes(&format!("{folder}/{n}"), b"x").unwrap();
    }
    let pipe = "datlake ls -r | head -c 8; echo; echo ${PIPESTATUS[0]}";
    let shown = ran(machine.around("bash", &["-c", pipe]).output().unwrap());
    assert_eq!((&*shown.out, &*shown.err), ("here    \n0\n", ""));
}

#[test]
fn what_waits_in_folders_is_warned_of_too() {
    let machine = Machine::with_remote();
    let source = machine.write("a.txt", "some");
    let offline =
        machine.command(&["add", source.to_str().unwrap(), "deep/down/a.txt"]).env("DATLAKE_OFFLINE", "1").output();
    assert!(offline.unwrap().status.success());
    let listed = machine.run(&["ls"]);
    assert!(listed.err.contains("`deep/down/a.txt` is on this machine only"), "{}", listed.err);
    machine.ok(&["push"]);
    assert_eq!(machine.run(&["ls"]).err, "");
}

#[test]
fn long_lines_fit_a_narrow_terminal_and_are_whole_in_a_pipe() {
    let machine = Machine::new();
    let source = machine.write("a.txt", "some");
    machine.ok(&["add", source.to_str().unwrap(), "weather/seattle-temperatures.csv"]);
    let narrow = machine.shown(60, &["ls", "-lr"]);
    assert!(narrow.contains("weather/seattle-temperatures.csv"), "{narrow}");
    assert!(narrow.lines().all(|line| line.chars().count() <= 60), "{narrow}");
    let piped = machine.command(&["ls", "-lr"]).env_remove("COLUMNS").output().unwrap();
    assert!(String::from_utf8(piped.stdout).unwrap().contains("@example.org"));
}
