//! `datlake info`

use insta::{assert_json_snapshot, assert_snapshot};

use crate::pipeline;
use crate::support::Machine;

#[test]
fn a_file_that_a_call_made() {
    let (machine, made) = Machine::prepared();
    let uid = made.count.uid().unwrap().as_str();
    assert_snapshot!("info_60", machine.shown(60, &["info", uid]));
    assert_snapshot!("info_100", machine.shown(100, &["info", uid]));
    assert_json_snapshot!("info", machine.json(&["info", uid]));
}

#[test]
fn a_chosen_name_with_two_inputs() {
    let (machine, _) = Machine::prepared();
    assert_snapshot!("info_chosen_100", machine.shown(100, &["info", "reports/which.txt"]));
}

#[test]
fn a_file_that_somebody_added() {
    let (machine, _) = Machine::prepared();
    assert_snapshot!("info_added_60", machine.shown(60, &["info", "corpora/alice.txt"]));
    assert_json_snapshot!("info_added", machine.json(&["info", "corpora/alice.txt"]));
}

#[test]
fn of_many_inputs_and_outputs_the_first_are_shown_and_the_file_itself() {
    let (machine, _) = Machine::prepared();
    let files = pipeline::given_many(&machine.lake(), 30);
    let uid = files[29].uid().unwrap().as_str();
    let shown = machine.ok(&["info", uid]);
    assert!(shown.contains("many/19.txt") && !shown.contains("many/20.txt"), "{shown}");
    assert!(shown.contains("and 40 more: -v shows all") && shown.contains("and 9 more: -v shows all"), "{shown}");
    assert!(shown.contains("of 19.txt") && !shown.contains("of 20.txt") && shown.contains("of 29.txt"), "{shown}");
    let all = machine.ok(&["info", "-v", uid]);
    assert!(all.contains("many/29.txt") && all.contains("lengths[29]") && all.contains("of 20.txt"), "{all}");
    assert!(!all.contains("more: -v"), "{all}");
}

#[test]
fn a_file_in_a_tree() {
    let (machine, made) = Machine::prepared();
    let uid = format!("{}//2.txt", made.words.uid().unwrap());
    assert_snapshot!("info_member_100", machine.shown(100, &["info", &uid]));
}

#[test]
fn the_key_of_a_call_may_be_abbreviated() {
    let (machine, made) = Machine::prepared();
    let uid = made.count.uid().unwrap().as_str();
    let (call, _) = uid.rsplit_once('/').unwrap();
    let (creator, key) = call.rsplit_once('/').unwrap();
    let short = format!("{creator}/{}/0", &key[..12]);
    assert_eq!(machine.ok(&["info", &short]), machine.ok(&["info", uid]));
    // Both counts were made by one creator, and no digit is the beginning of all keys.
    let absent = if key.starts_with('0') { "1" } else { "0" }.repeat(30);
    machine.fails(
        1,
        &["no call of `datlake-cli/cli::pipeline::word_count`"],
        &["info", &format!("{creator}/{absent}/0")],
    );
}

#[test]
fn a_secret_is_shown_nowhere() {
    let (machine, made) = Machine::prepared();
    let uid = made.count.uid().unwrap().as_str();
    let shown = machine.ok(&["info", uid]);
    assert!(shown.contains("token (secret)") && !shown.contains("hunter2"), "{shown}");
    assert!(!machine.ok(&["info", uid, "--json"]).contains("hunter2"));
}

#[test]
fn where_the_bytes_are() {
    let machine = Machine::with_remote();
    let uid = pipeline::run(&machine.lake()).count.uid().unwrap().to_string();
    let bytes = |machine: &Machine| {
        let shown = machine.shown(80, &["info", &uid]);
        let lines =
            shown.lines().skip_while(|line| !line.starts_with("bytes")).take_while(|line| !line.starts_with("who"));
        lines.map(|line| line.trim_start_matches("bytes").trim().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(bytes(&machine), ["here, in [folder]/home", "in the remote [folder]/remote"]);
    let machine = machine.moved_to("other");
    assert_eq!(bytes(&machine), ["in the remote [folder]/remote"]);
}

#[test]
fn an_unknown_uid_is_answered_with_the_nearest() {
    let (machine, _) = Machine::prepared();
    machine.fails(
        1,
        &["no file `corpora/alise.txt`", "nearest names are `corpora/alice.txt`"],
        &["info", "corpora/alise.txt"],
    );
    machine.fails(2, &["UID `../x`: has a segment `.` or `..`"], &["info", "../x"]);
}

#[test]
fn a_terminal_obeys_nothing_that_others_wrote() {
    let machine = Machine::new();
    let lake =
        datlake::Lake::builder().home(machine.home()).email("eve\u{1b}]0;title\u{7}@example.org").open().unwrap();
    let uid = pipeline::run(&lake).count.uid().unwrap().to_string();
    lake.add_bytes("gpj.\u{202e}cat", b"x").unwrap();
    for command in [&["info", &uid][..], &["info", "corpora/alice.txt"], &["ls", "-lr"], &["calls"], &["lineage", &uid]]
    {
        let shown = machine.shown(200, command);
        assert!(!shown.contains(['\u{1b}', '\u{7}', '\u{202e}']) && shown.contains("eve\\u{1b}]0;title"), "{shown:?}");
    }
}
