//! Keeping a lake in order: what is on one machine only, what is wrong, and what is put away.

use std::fs;

use datlake::Lake;

use crate::support::{Machine, answered, check_schema, files_in, ran};

/// The only content of the lake in `root`.
fn only_blob(root: &std::path::Path) -> std::path::PathBuf {
    let files = files_in(&root.join("blobs"));
    let [only] = &*files else { panic!("{files:?}") };
    root.join("blobs").join(only)
}

fn damage(path: &std::path::Path) {
    fs::remove_file(path).unwrap();
    fs::write(path, "something else").unwrap();
}

#[test]
fn what_was_made_offline_is_shown_and_pushed_once() {
    let machine = Machine::with_remote();
    let offline = |arguments: &[&str]| {
        let output = machine.command(arguments).env("DATLAKE_OFFLINE", "1").output().unwrap();
        crate::support::ran(output)
    };
    let source = machine.write("a.txt", "some");
    assert_eq!(offline(&["add", source.to_str().unwrap(), "a.txt"]).status, 0);
    let shown = offline(&["status"]);
    assert!(shown.out.contains("offline") && shown.out.contains("a.txt"), "{}", shown.out);
    let failed = offline(&["push"]);
    assert_eq!((failed.status, failed.err.contains("offline")), (2, true), "{}", failed.err);
    assert_eq!(machine.json(&["status"])["unpushed"][0]["uids"][0], "a.txt");
    assert_eq!(machine.json(&["push", "a.txt"])["items"][0]["outcome"], "sent");
    assert_eq!(machine.ok(&["push"]), "nothing to push\n");
    let other = machine.moved_to("other");
    assert_eq!(other.ok(&["pull"]), "pulled 1 file (4 B)\n");
    assert_eq!(other.json(&["pull", "a.txt"])["fetched"], 0);
    other.fails(1, &["b.txt"], &["pull", "b.txt"]);
}

#[test]
fn a_name_that_is_taken_at_the_remote_is_told_and_stays() {
    let machine = Machine::with_remote();
    machine.lake().add_bytes("a.txt", "first").unwrap();
    let other = machine.moved_to("other");
    let off = Lake::builder().home(other.home()).remote("file:///nowhere").offline(true).open().unwrap();
    off.add_bytes("a.txt", "second").unwrap();
    let pushed = other.run(&["push"]);
    assert_eq!(pushed.status, 2);
    assert!(pushed.err.contains("a.txt") && pushed.err.contains("warning"), "{}", pushed.err);
    assert_eq!(other.json(&["status"])["unpushed"].as_array().unwrap().len(), 1);
    assert_eq!(other.ok(&["cat", "a.txt"]), "second");
}

#[test]
fn what_is_wrong_is_found_and_healed() {
    let machine = Machine::with_remote();
    machine.lake().add_bytes("a.txt", "some").unwrap();
    assert!(machine.ok(&["verify"]).starts_with("nothing is wrong: "));
    damage(&only_blob(&machine.home()));
    let found = machine.run(&["verify"]);
    assert_eq!((found.status, &*found.err), (1, ""));
    assert!(
        found.out.contains("wrong bytes here: a.txt") && found.out.contains("datlake repair a.txt"),
        "{}",
        found.out
    );
    assert_eq!(machine.run(&["verify", "--remote"]).status, 0);
    let json = machine.run(&["verify", "--local", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((&json["findings"][0]["kind"], &json["findings"][0]["place"]), (&"wrong_bytes".into(), &"local".into()));
    assert_eq!(machine.ok(&["repair", "a.txt"]), "healed from the remote: a.txt\n");
    machine.ok(&["verify", "--all"]);

    damage(&only_blob(&machine.home()));
    damage(&only_blob(&machine.path("remote")));
    let lost = machine.run(&["repair", "a.txt"]);
    assert_eq!((lost.status, &*lost.out), (1, "lost: a.txt\n"));
    assert!(lost.err.contains("add the same bytes as `a.txt` again"), "{}", lost.err);
    machine.fails(2, &["a.txt", "datlake repair a.txt"], &["cat", "a.txt"]);
    machine.fails(1, &["b.txt"], &["repair", "b.txt"]);
}

#[test]
fn evicted_content_comes_again() {
    let machine = Machine::with_remote();
    machine.lake().add_bytes("a.txt", "some").unwrap();
    assert_eq!(machine.ok(&["evict", "--older-than", "30d"]), "nothing evicted; 4 B of content are here\n");
    assert_eq!(machine.json(&["evict", "--to", "0"])["blobs"], 1);
    assert_eq!(machine.ok(&["cat", "a.txt"]), "some");
    for wrong in [&["evict"][..], &["evict", "--to", "much"], &["evict", "--older-than", "5 parsecs"]] {
        assert_eq!(machine.run(wrong).status, 2, "{wrong:?}");
    }
    Machine::new().fails(2, &["no remote"], &["evict", "--to", "0"]);
}

#[test]
fn what_is_pruned_is_shown_first_and_named_files_stay() {
    let (machine, made) = Machine::prepared();
    let _ = made;
    assert_eq!(machine.ok(&["prune", "--superseded"]), "nothing to prune\n");
    let asked = machine.run(&["prune", "--older-than", "0s"]);
    assert_eq!((asked.status, &*asked.out), (2, ""));
    assert!(asked.err.contains("--yes"), "{}", asked.err);
    let before = machine.json(&["calls"]).as_array().unwrap().len();
    let tried = machine.json(&["prune", "--older-than", "0s", "--dry-run"]);
    let said = machine.run(&["prune", "--older-than", "0s", "--dry-run"]);
    assert_eq!((said.status, said.out.starts_with("would remove ")), (0, true), "{}", said.out);
    assert!(said.out.contains("::split/"), "{}", said.out);
    assert_eq!(machine.json(&["calls"]).as_array().unwrap().len(), before);
    let pruned = machine.json(&["prune", "--older-than", "0s", "--yes"]);
    assert_eq!(
        (&tried["calls"], &tried["files"], &tried["dry_run"]),
        (&pruned["calls"], &pruned["files"], &true.into())
    );
    let left = machine.json(&["calls"]);
    let remembered = left.as_array().unwrap().iter().filter(|call| call["remembered"] == true).count();
    assert_eq!(remembered, before - pruned["calls"].as_u64().unwrap() as usize);
    machine.ok(&["cat", "reports/which.txt"]);
    assert_eq!(machine.run(&["prune"]).status, 2);
    assert_eq!(machine.ok(&["prune", "--older-than", "0s"]), "nothing to prune\n");
}

#[test]
fn what_is_very_many_is_cut_unless_all_is_asked_for() {
    let machine = Machine::with_remote();
    for i in 0..30 {
        machine.write(&format!("work/many/{i:02}.txt"), &i.to_string());
    }
    let offline = |arguments: &[&str]| {
        let ran = ran(machine.command(arguments).env("DATLAKE_OFFLINE", "1").output().unwrap());
        assert_eq!(ran.status, 0, "{}", ran.err);
        ran.out
    };
    offline(&["add", "-r", "--each", "many", "many"]);
    let cut = "  and 10 more: -v lists all";
    let check = |text: &str, what: &str, whole: bool| {
        let lines = text.lines().filter(|line| line.contains(what)).count();
        assert_eq!((lines, text.contains(cut)), (if whole { 30 } else { 20 }, !whole), "{text}");
    };
    check(&offline(&["status"]), "many/", false);
    check(&offline(&["status", "-v"]), "many/", true);
    check(&machine.ok(&["push"]), "pushed many/", false);
    let target = format!("file://{}", machine.path("archive").display());
    check(&machine.ok(&["mirror", &target, "--dry-run", "--verbose"]), "would copy many/", true);
    check(&machine.ok(&["mirror", &target]), "copied many/", false);
    check(&machine.run(&["rm", "-r", "many"]).err, "  many/", false);
    check(&machine.ok(&["rm", "-r", "-y", "many"]), "removed many/", false);
    // One more line is no shorter than the line that says so.
    for i in 0..21 {
        machine.write(&format!("work/few/{i:02}.txt"), &i.to_string());
    }
    machine.ok(&["add", "-r", "--each", "few", "few"]);
    assert_eq!(machine.ok(&["rm", "-r", "-y", "few"]).lines().count(), 21);
}

#[test]
fn what_is_longer_than_the_terminal_goes_to_the_pager() {
    let (machine, _) = Machine::prepared();
    let on_terminal = |rows: usize, pager: &str, arguments: &str| {
        let script = format!("stty rows {rows} cols 80; {} {arguments}", env!("CARGO_BIN_EXE_datlake"));
        let mut command = machine.around("script", &["-qec", &script, "/dev/null"]);
        let shown = ran(answered(command.env("PAGER", pager).env("TERM", "xterm"), ""));
        assert_eq!(shown.status, 0, "{}", shown.out);
        shown.out
    };
    let paged = on_terminal(4, "sed s/^/PAGED:/", "calls");
    assert!(paged.contains("PAGED:") && paged.contains("word_count"), "{paged}");
    // What fits, a pager that shows as it is or is not there, and what a program reads.
    for (rows, pager, arguments) in [
        (400, "sed s/^/PAGED:/", "calls"),
        (4, "cat", "calls"),
        (4, "no-such-pager", "calls"),
        (4, "sed s/^/PAGED:/", "calls --json"),
    ] {
        let shown = on_terminal(rows, pager, arguments);
        assert!(!shown.contains("PAGED:") && shown.contains("word_count"), "{pager} {arguments}: {shown}");
    }
    // Whoever closes it has seen enough.
    on_terminal(4, "true", "calls");
}

#[test]
fn nothing_to_verify_is_no_success() {
    let machine = Machine::new();
    let source = machine.write("a.txt", "some");
    machine.ok(&["add", source.to_str().unwrap(), "corpora/alice.txt"]);
    machine.ok(&["verify", "corpora"]);
    machine.fails(
        1,
        &["corpora/alise.txt", "nearest", "corpora/alice.txt"],
        &["verify", "corpora", "corpora/alise.txt"],
    );
}

#[test]
fn a_url_is_for_buckets_and_says_so_elsewhere() {
    let machine = Machine::new();
    machine.lake().add_bytes("a.txt", "some").unwrap();
    machine.fails(2, &["the lake has no remote", "DATLAKE_REMOTE"], &["url", "a.txt"]);
    let machine = Machine::with_remote();
    machine.lake().add_bytes("a.txt", "some").unwrap();
    machine.fails(2, &["is a directory, and only buckets give out URLs"], &["url", "a.txt"]);
    machine.fails(1, &["no file `b.txt`"], &["url", "b.txt"]);
    let used = machine.run(&["url", "a.txt", "--expires", "soon"]);
    assert!(used.status == 2 && used.err.contains("--expires"), "{}", used.err);
}

/// What `docs/guide/cli.md` says of URLs.
pub(crate) const URL_OF_THE_GUIDE: &str = "datlake url reports/2026.pdf --expires 2d";

/// The URL alone is the result, so that a script can hand it on.
#[test]
fn a_url_downloads_what_it_names() {
    let Ok(endpoint) = std::env::var("DATLAKE_TEST_MOTO") else {
        return eprintln!("LEFT OUT: a_url_downloads_what_it_names needs moto; ./test starts it where it can");
    };
    let machine = Machine::new();
    let _ = ureq::put(format!("{endpoint}/datlake")).send_empty();
    let remote = format!("s3://datlake/{}", machine.path("url").display().to_string().trim_start_matches('/'));
    let run_as = |program: &str, arguments: &[&str]| {
        let mut command = machine.around(program, arguments);
        command.env("DATLAKE_REMOTE", &remote).env("AWS_ENDPOINT_URL", &endpoint).env("AWS_ALLOW_HTTP", "true");
        command.env("AWS_ACCESS_KEY_ID", "key").env("AWS_SECRET_ACCESS_KEY", "hunter2").env("AWS_REGION", "us-east-1");
        command.env("NO_PROXY", "127.0.0.1");
        let ran = crate::support::ran(command.output().unwrap());
        // The first write makes the lake, and says so.
        let new = ran.err.lines().all(|line| line.starts_with("datlake: warning: there is no lake at s3://"));
        assert!(ran.status == 0 && new, "{arguments:?}: {}", ran.err);
        assert!(!ran.out.contains("hunter2"));
        ran.out
    };
    let run = |arguments: &[&str]| run_as("datlake", arguments);
    let source = machine.write("report.txt", "all is well");
    run(&["add", source.to_str().unwrap(), "reports/"]);
    run(&["add", source.to_str().unwrap(), "reports/2026.pdf"]);
    assert!(run_as("bash", &["-c", URL_OF_THE_GUIDE]).contains("2026.pdf"));
    let url = run(&["url", "reports/report.txt"]);
    let mut answer = ureq::get(url.trim_end()).call().unwrap();
    // Moto does not look at that; the servers that do are asked by the library's tests.
    assert!(url.contains("response-content-disposition=attachment%3B%20filename%3D%22report.txt%22"), "{url}");
    assert_eq!(answer.body_mut().read_to_string().unwrap(), "all is well");
    let json = run(&["url", "reports/report.txt", "--expires", "2d", "--json"]);
    crate::support::check_schema(&["url"], &json);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["uid"], &json["temporary"]), (&"reports/report.txt".into(), &false.into()));
    assert!(json["url"].as_str().unwrap().contains("X-Amz-Expires=172800"));
    assert!(run(&["config", "check"]).contains("works  hand out URLs for downloads"));
}

#[test]
fn a_mirror_says_what_it_copied_and_what_it_left() {
    let (machine, _) = Machine::prepared();
    let url = format!("file://{}", machine.path("copy").display());
    let planned = machine.ok(&["mirror", &url, "reports", "--dry-run"]);
    assert!(planned.contains("would copy reports/which.txt\n") && planned.contains("would send 7 pieces"), "{planned}");
    let copied = machine.ok(&["mirror", &url, "reports"]);
    assert_eq!(copied.lines().count(), 6, "{copied}");
    assert!(copied.contains("copied corpora/alice.txt\n") && copied.contains("sent 7 pieces of content"), "{copied}");
    let json = machine.json(&["mirror", &url, "reports"]);
    assert_eq!((&json["items"], &json["there"], &json["blobs"]), (&serde_json::json!([]), &5.into(), &0.into()));
    let again = machine.ok(&["mirror", &url, "reports"]);
    assert!(again.starts_with("nothing to copy to ") && again.ends_with("; 5 calls and files were there\n"), "{again}");
    let there = Lake::builder().home(machine.path("there")).remote(&url).open().unwrap();
    there.add_bytes("mine.txt", "theirs").unwrap();
    machine.lake().add_bytes("mine.txt", "mine").unwrap();
    let left = machine.run(&["mirror", &url, "mine.txt", "--no-inputs"]);
    assert_eq!(left.status, 2);
    assert!(
        left.err.contains("`mine.txt` was not copied: a file with other content has its name there"),
        "{}",
        left.err
    );
    machine.fails(1, &["nowhere"], &["mirror", &url, "nowhere"]);
}

#[test]
fn content_that_nothing_refers_to_goes_from_here_at_once_and_from_the_remote_in_two_steps() {
    let machine = Machine::with_remote();
    machine.lake().add_bytes("kept.txt", "kept").unwrap();
    machine.lake().add_bytes("gone.txt", "gone!").unwrap();
    machine.ok(&["rm", "--yes", "gone.txt"]);
    let dry = "on this machine: 1 piece of content (5 B) to remove\nat the remote: nothing to remove\n  \
               1 piece of content that nothing refers to, too young to be condemned\n";
    assert_eq!(machine.ok(&["gc", "--dry-run"]), dry);
    assert_eq!(machine.ok(&["gc", "--local"]), "on this machine: removed 1 piece of content (5 B)\n");
    let removed = "on this machine: nothing to remove\nat the remote: removed 1 piece of content (5 B)\n";
    assert_eq!(machine.ok(&["gc", "--exclusive"]), removed);
    let collected = machine.json(&["gc"]);
    assert_eq!((&collected["remote"]["blobs"], &collected["local"]["blobs"]), (&0.into(), &0.into()));
    assert_eq!(machine.ok(&["cat", "kept.txt"]), "kept");
}

#[test]
fn a_limit_is_set_shown_and_kept_to() {
    let machine = Machine::with_remote();
    let lake = machine.lake();
    for name in ["a", "b", "c"] {
        lake.add_bytes(name, name.repeat(1000)).unwrap();
    }
    drop(lake);
    machine.fails(2, &["cannot set `cache_limit`", "500 MB"], &["config", "set", "cache_limit", "much"]);
    machine.ok(&["config", "set", "cache_limit", "2 KB"]);
    assert!(machine.ok(&["config", "show"]).contains("cache_limit 2 KB  from"));
    assert!(machine.ok(&["status"]).contains("content 2.9 KiB here, of at most 2.0 KiB\n"));
    let source = machine.write("d", &"d".repeat(100));
    machine.ok(&["add", source.to_str().unwrap(), "d"]);
    let status = machine.json(&["status"]);
    assert!(status["bytes"].as_u64().unwrap() <= 2048 && status["cache_limit"] == 2048, "{status}");
    assert_eq!(machine.ok(&["cat", "a", "b", "c"]).len(), 3000);
}

#[test]
fn repair_without_a_file_clears_what_is_left_over_at_the_remote() {
    let machine = Machine::new();
    machine.fails(2, &["the lake has no remote", "DATLAKE_REMOTE"], &["repair"]);
    machine.lake().add_bytes("a.txt", b"some").unwrap();
    let remote = format!("file://{}", machine.path("remote").display());
    let repair = |arguments: &[&str]| {
        let ran = ran(machine.command(arguments).env("DATLAKE_REMOTE", &remote).output().unwrap());
        assert_eq!(ran.status, 0, "{}", ran.err);
        ran.out
    };
    repair(&["push"]);
    assert_eq!(repair(&["repair"]), "nothing was left over at the remote\n");
    let json = repair(&["repair", "--json"]);
    check_schema(&["repair"], &json);
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&json).unwrap(),
        serde_json::json!({ "claims": 0, "uploads": null })
    );
}
