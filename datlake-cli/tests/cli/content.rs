//! What comes out: `datlake get`, `cat`, `path`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use insta::{assert_json_snapshot, assert_snapshot};

use crate::pipeline;
use crate::support::{Machine, answered, check_failure, files_in, ran};

#[test]
fn a_file_goes_in_and_out_as_it_is() {
    let machine = Machine::new();
    let source = machine.write("a.txt", "hello\n");
    let source = source.to_str().unwrap();
    assert_eq!(machine.ok(&["add", source, "greetings/en.txt"]), "added greetings/en.txt (6 B)\n");
    assert_eq!(machine.ok(&["add", source, "greetings/en.txt"]), "was there already: greetings/en.txt (6 B)\n");
    assert_json_snapshot!("add", machine.json(&["add", source, "greetings/en.txt"]));
    assert_eq!(machine.ok(&["cat", "greetings/en.txt", "greetings/en.txt"]), "hello\nhello\n");
    assert_eq!(machine.ok(&["get", "greetings/en.txt"]), "wrote ./en.txt (6 B)\n");
    assert_eq!(fs::read_to_string(machine.path("work/en.txt")).unwrap(), "hello\n");
    assert_json_snapshot!("get", machine.json(&["get", "greetings/en.txt", "other.txt"]));
    let path = machine.ok(&["path", "greetings/en.txt"]);
    assert!(path.ends_with("/en.txt\n"), "{path}");
    assert_eq!(fs::read_to_string(path.trim_end()).unwrap(), "hello\n");
    assert_json_snapshot!("path", machine.json(&["path", "greetings/en.txt"]));
    machine.write("b.txt", "bye\n");
    let other = machine.path("b.txt");
    let says = ["exists with other content", "hint: files never change", "`datlake info greetings/en.txt`"];
    machine.fails(2, &says, &["add", other.to_str().unwrap(), "greetings/en.txt"]);
    let ran = machine.run(&["add", "--json", other.to_str().unwrap(), "greetings/en.txt"]);
    let failure: serde_json::Value = serde_json::from_str(&ran.err).unwrap();
    assert_eq!((failure["kind"].as_str(), &*ran.out), (Some("already_exists"), ""), "{}", ran.err);
    assert_eq!(failure["subject"], serde_json::json!({"uid": "greetings/en.txt"}));
    let part = |name: &str, part: &str| failure[name].as_str().unwrap().contains(part);
    assert!(part("message", "exists with other content") && part("hint", "files never change"), "{}", ran.err);
}

#[test]
fn a_folder_is_added_as_a_tree_where_that_is_said() {
    let machine = Machine::new();
    machine.write("photos/cats/tom.jpg", "tom");
    let folder = machine.write("photos/rex.jpg", "rexx").parent().unwrap().to_owned();
    let folder = folder.to_str().unwrap();
    machine.fails(2, &["it is a folder\nhint: -r adds it as one tree, -r --each"], &["add", folder, "photos"]);
    assert_eq!(machine.ok(&["add", "-r", folder, "photos"]), "added photos (2 files, 7 B)\n");
    assert_eq!(machine.ok(&["cat", "photos//cats/tom.jpg"]), "tom");
    machine.fails(2, &["it is a tree", "hint: `datlake get`"], &["cat", "photos"]);
    machine.fails(2, &["is a tree", "hint: `datlake get`"], &["path", "photos"]);
    assert_eq!(machine.ok(&["get", "photos"]), "wrote ./photos (2 files, 7 B)\n");
    assert_eq!(files_in(&machine.path("work")), ["photos/cats/tom.jpg", "photos/rex.jpg"]);
    // Over an existing folder only if that is said, and what else is there stays.
    machine.write("work/photos/mine.jpg", "mine");
    machine.write("work/photos/rex.jpg", "old");
    machine.fails(2, &["`./photos`: it exists", "--force writes into it"], &["get", "photos"]);
    machine.ok(&["get", "--force", "photos"]);
    assert_eq!(files_in(&machine.path("work")), ["photos/cats/tom.jpg", "photos/mine.jpg", "photos/rex.jpg"]);
    assert_eq!(fs::read_to_string(machine.path("work/photos/rex.jpg")).unwrap(), "rexx");
}

#[test]
fn get_replaces_nothing_unless_it_is_told_to() {
    let machine = Machine::new();
    machine.lake().add_bytes("a.txt", b"new").unwrap();
    let there = machine.write("work/a.txt", "mine");
    machine.fails(2, &["cannot write `./a.txt`: it exists\nhint: --force replaces it"], &["get", "a.txt"]);
    assert_eq!(fs::read_to_string(&there).unwrap(), "mine");
    machine.ok(&["get", "-f", "a.txt"]);
    assert_eq!(fs::read_to_string(&there).unwrap(), "new");
    // As writable as any new file, although the lake's own is not.
    let fresh = machine.write("work/fresh", "");
    assert_eq!(fs::metadata(&there).unwrap().permissions(), fs::metadata(fresh).unwrap().permissions());
    machine.fails(2, &["`get` writes files\nhint: `datlake cat` writes to standard output"], &["get", "a.txt", "-"]);
    machine.fails(2, &["cannot write `no/such/folder`"], &["get", "a.txt", "no/such/folder"]);
    assert_eq!(files_in(&machine.path("work")), ["a.txt", "fresh"]);
}

#[test]
fn many_and_folders_are_written_under_their_own_names() {
    let machine = Machine::new();
    let lake = machine.lake();
    for uid in ["photos/2026/cats/tom.jpg", "photos/2026/rex.jpg", "photos/old.jpg", "a.txt"] {
        lake.add_bytes(uid, uid).unwrap();
    }
    lake.add_tree("photos/tree", machine.write("folder/x/y", "y").ancestors().nth(2).unwrap()).unwrap();
    let work = || files_in(&machine.path("work"));
    assert_eq!(machine.ok(&["get", "a.txt", "photos/old.jpg", "."]), "wrote ./a.txt (5 B)\nwrote ./old.jpg (14 B)\n");
    assert_eq!(work(), ["a.txt", "old.jpg"]);
    machine.fails(2, &["cannot write 2 things to `nowhere`"], &["get", "a.txt", "photos/old.jpg", "nowhere"]);
    machine.fails(1, &["no file `nothing`"], &["get", "photos/2026/rex.jpg", "nothing", "."]);
    assert_eq!(work(), ["a.txt", "old.jpg"]);
    machine.fails(2, &["`photos` is a folder in the lake", "-r writes all"], &["get", "photos"]);
    // A folder as a whole, with the trees in it.
    assert_eq!(machine.ok(&["get", "-r", "photos"]), "wrote ./photos (4 files, 58 B)\n");
    let all = ["photos/2026/cats/tom.jpg", "photos/2026/rex.jpg", "photos/old.jpg", "photos/tree/x/y"];
    assert_eq!(work(), [&["a.txt", "old.jpg"][..], &all].concat());
    assert_eq!(fs::read_to_string(machine.path("work/photos/2026/rex.jpg")).unwrap(), "photos/2026/rex.jpg");
    machine.fails(2, &["`./photos`: it exists", "--force"], &["get", "-r", "photos/"]);
    machine.write("work/photos/mine", "mine");
    machine.ok(&["get", "-rf", "photos/"]);
    assert!(machine.path("work/photos/mine").exists());
    assert_json_snapshot!("get_folder", machine.json(&["get", "-r", "photos/2026", "new"]));
    assert_eq!(files_in(&machine.path("work/new")), ["cats/tom.jpg", "rex.jpg"]);
    machine.ok(&["get", "-r", "/", "everything"]);
    assert_eq!(files_in(&machine.path("work/everything")).len(), 5);
    machine.fails(1, &["no file `photos/2027`"], &["get", "-r", "photos/2027"]);
    // What a file system cannot have is said before anything is written.
    lake.add_bytes("photos/old.jpg/note", "x").unwrap();
    let says = ["cannot write `old.jpg` and `old.jpg/note`", "a file and a folder"];
    machine.fails(2, &says, &["get", "-r", "photos", "odd"]);
    assert!(!machine.path("work/odd").exists());
}

#[test]
fn no_name_leads_out_of_the_destination() {
    let machine = Machine::new();
    let lake = machine.lake();
    for (at, evil) in ["../evil", "a/../../evil", "/evil", "a//evil"].into_iter().enumerate() {
        let digest = datlake::Digest::of(b"evil");
        lake.add_bytes(&format!("content/{}", digest.short()), b"evil").unwrap();
        let range = format!("datlake range 1\nf {digest} 4 {evil}\n");
        let of_range = lake.add_bytes(&format!("content/{at}.range"), &range).unwrap().digest();
        let metarange = format!("datlake tree 2\n{of_range} {} 1 4 a\tb\n", range.len());
        let _ = lake.remove("evil").unwrap();
        lake.add_bytes("evil", metarange).unwrap();
        // Somebody who can write to the lake says that it is a tree.
        let name = machine.home().join("files/evil.datlake");
        let document = fs::read_to_string(&name).unwrap();
        let (body, _) = document.rsplit_once(",\"digest\":").unwrap();
        let body = body.replace("\"size\":", "\"tree\":true,\"size\":");
        let digest = blake3::hash(body.as_bytes());
        fs::remove_file(&name).unwrap();
        fs::write(&name, format!("{body},\"digest\":\"{digest}\"}}\n")).unwrap();
        let ran = machine.run(&["get", "evil", "out"]);
        check_failure(&ran, 2, &[&format!("UID `{evil}`")]);
        assert_eq!(files_in(&machine.path("work")), [""; 0], "{evil}");
        assert!(!machine.path("evil").exists());
    }
}

#[test]
fn a_tree_comes_out_as_it_went_in() {
    let machine = Machine::new();
    machine.write("work/study/data/a.txt", "a");
    let run = machine.write("work/study/run.sh", "true");
    fs::set_permissions(&run, fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(machine.path("work/study/results")).unwrap();
    std::os::unix::fs::symlink("data/a.txt", machine.path("work/study/latest")).unwrap();
    std::os::unix::fs::symlink("data", machine.path("work/study/folder")).unwrap();
    machine.ok(&["add", "-r", "study", "study"]);
    let check = |copy: &str| {
        let at = |name: &str| machine.path(&format!("work/{copy}/{name}"));
        assert_eq!(fs::read_link(at("latest")).unwrap().to_str(), Some("data/a.txt"));
        assert_eq!(fs::read_to_string(at("latest")).unwrap(), "a");
        assert!(at("folder").is_symlink() && at("folder/a.txt").exists() && at("results").is_dir());
        let mode = |name: &str| fs::metadata(at(name)).unwrap().permissions().mode() & 0o111;
        assert_eq!((mode("run.sh") & 0o100, mode("data/a.txt")), (0o100, 0));
    };
    machine.ok(&["get", "study", "copy"]);
    check("copy");
    // Into a folder that has something else where a link is.
    machine.write("work/other/latest", "mine");
    machine.ok(&["get", "--force", "study", "other"]);
    check("other/study");
    machine.write("work/third/study/latest", "mine");
    machine.ok(&["get", "--force", "study", "third"]);
    check("third/study");
    machine.ok(&["add", "-r", "--move", "copy", "moved"]);
    assert!(!machine.path("work/copy").exists());
    assert_eq!(machine.json(&["info", "study"])["digest"], machine.json(&["info", "moved"])["digest"]);

    std::os::unix::fs::symlink(machine.path("outside.txt"), machine.path("work/study/out")).unwrap();
    machine.write("outside.txt", "far");
    machine.fails(2, &["out`: it is a link that leads out", "--follow-links"], &["add", "-r", "study", "new"]);
    machine.ok(&["add", "-r", "--follow-links", "study/data", "followed"]);
}

#[test]
fn damaged_content_is_not_handed_on() {
    let machine = Machine::new();
    let file = machine.lake().add_bytes("a.txt", b"hello").unwrap();
    let blob = file.stored_path().unwrap();
    fs::set_permissions(&blob, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&blob, "jello").unwrap();
    machine.fails(2, &["`a.txt` is damaged"], &["get", "a.txt"]);
    assert_eq!(files_in(&machine.path("work")), [""; 0]);
    machine.fails(2, &["`a.txt` is damaged"], &["cat", "a.txt"]);
}

#[test]
fn a_path_leads_to_content_as_long_as_that_is_here() {
    let machine = Machine::new();
    let lake = machine.lake();
    lake.add_bytes("tables/a.csv", b"1,2").unwrap();
    lake.add_bytes("tables/b.csv", b"1,2").unwrap();
    let path_of = |uid: &str| std::path::PathBuf::from(machine.ok(&["path", uid]).trim_end());
    let (a, b) = (path_of("tables/a.csv"), path_of("tables/b.csv"));
    assert_eq!((a.file_name(), b.file_name()), (Some("a.csv".as_ref()), Some("b.csv".as_ref())));
    assert_eq!(path_of("tables/a.csv"), a);
    // An editor that writes a new file in its place has made a file of its own.
    fs::remove_file(&b).unwrap();
    fs::write(&b, "mine").unwrap();
    assert_eq!(fs::read_to_string(path_of("tables/b.csv")).unwrap(), "1,2");
    fs::remove_file(&b).unwrap();
    machine.ok(&["rm", "-y", "tables/a.csv", "tables/b.csv"]);
    assert_eq!(fs::read_to_string(&a).unwrap(), "1,2");
    machine.ok(&["gc"]);
    assert!(a.symlink_metadata().is_err() && !a.parent().unwrap().exists());
}

#[test]
fn folders_are_made_where_that_is_asked_for() {
    let machine = Machine::new();
    machine.lake().add_bytes("a.txt", b"hello").unwrap();
    let says = ["cannot write `new/er/b.txt`: there is no folder `new/er`", "--parents makes it"];
    machine.fails(2, &says, &["get", "a.txt", "new/er/b.txt"]);
    machine.ok(&["get", "--parents", "a.txt", "new/er/b.txt"]);
    assert_eq!(files_in(&machine.path("work")), ["new/er/b.txt"]);
}

#[test]
fn what_is_read_on_another_machine_is_downloaded_by_name_alone() {
    let machine = Machine::with_remote();
    pipeline::run(&machine.lake());
    let machine = machine.moved_to("other");
    assert_eq!(machine.ok(&["cat", "corpora/alice.txt"]), "down the rabbit hole");
    assert_snapshot!("ls_after_cat_60", machine.shown(60, &["ls", "-r"]));
}

#[test]
fn what_is_no_file_is_neither_replaced_nor_passed_over() {
    let machine = Machine::new();
    let source = machine.write("a.txt", "some");
    machine.ok(&["add", source.to_str().unwrap(), "a.txt"]);
    let folder = source.parent().unwrap().join("folder");
    std::fs::create_dir(&folder).unwrap();
    let pipe = folder.join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let pipe = pipe.to_str().unwrap();
    machine.fails(2, &[pipe, "neither a file nor a folder"], &["get", "--force", "a.txt", pipe]);
    let folder = folder.to_str().unwrap();
    machine.fails(2, &[pipe, "neither a file nor a folder"], &["add", "-r", folder, "tree"]);
    machine.fails(2, &[pipe, "neither a file nor a folder"], &["add", "-r", "--each", folder, "each"]);
}

#[test]
fn a_terminal_is_shown_how_far_folders_and_pushes_are() {
    let machine = Machine::new();
    for name in ["a", "b", "c"] {
        std::fs::create_dir_all(machine.path("things")).unwrap();
        std::fs::write(machine.path("things").join(name), name).unwrap();
    }
    let on_terminal = |arguments: &str| {
        let script = format!("{} {arguments}", env!("CARGO_BIN_EXE_datlake"));
        let mut command = machine.around("script", &["-qec", &script, "/dev/null"]);
        command.env("DATLAKE_REMOTE", format!("file://{}", machine.path("remote").display()));
        if arguments.starts_with("add") {
            command.env("DATLAKE_OFFLINE", "1");
        }
        let shown = ran(answered(&mut command, ""));
        assert_eq!(shown.status, 0, "{}", shown.out);
        shown.out
    };
    let added = on_terminal(&format!("add -r --each {} things", machine.path("things").display()));
    assert!(added.contains(" of 3 files") && added.contains("added things/a"), "{added}");
    let pushed = on_terminal("push");
    assert!(pushed.contains(" of 3 pieces of content") && pushed.contains("pushed things/a"), "{pushed}");
}

/// Fails with that on standard error, after it did what standard output says.
#[track_caller]
fn fails_after(machine: &Machine, done: &str, says: &str, arguments: &[&str]) {
    let ran = machine.run(arguments);
    assert_eq!((ran.status != 0, &*ran.out), (true, done), "{}", ran.err);
    let mut further = ran.err.lines().skip(1);
    let hinted = further.next().is_none_or(|hint| hint.starts_with("hint: ")) && further.next().is_none();
    assert!(ran.err.contains(says) && hinted, "{}", ran.err);
}

#[test]
fn what_was_done_before_a_failure_is_told() {
    let machine = Machine::with_remote();
    machine.write("work/a.txt", "a");
    machine.write("work/b.txt", "b");
    machine.write("work/other/b.txt", "another");
    machine.ok(&["add", "other/b.txt", "texts/"]);
    let says = "`texts/b.txt`: it exists with other content";
    fails_after(&machine, "added texts/a.txt (1 B)\n", says, &["add", "a.txt", "b.txt", "texts/"]);
    let json = machine.run(&["add", "--json", "a.txt", "b.txt", "texts/"]);
    assert_eq!(json.status, 2);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&json.out).unwrap()[0]["uid"], "texts/a.txt");
    fs::create_dir(machine.path("work/to")).unwrap();
    machine.write("work/to/b.txt", "mine");
    let says = "cannot write `to/b.txt`: it exists";
    fails_after(&machine, "wrote to/a.txt (1 B)\n", says, &["get", "texts/a.txt", "texts/b.txt", "to"]);
    // Of what is on this machine only there is no copy to forget.
    let offline = machine.command(&["add", "a.txt", "mine.txt"]).env("DATLAKE_OFFLINE", "1").output().unwrap();
    assert!(offline.status.success());
    let says = "`datlake push UID` sends it to the remote";
    let forgot = "forgot texts/a.txt\n";
    fails_after(&machine, forgot, says, &["rm", "--local", "--yes", "texts/a.txt", "mine.txt"]);
    // A removal that ends in the middle: the second has a document that nobody can remove.
    let lake = machine.lake();
    lake.add_bytes("one.txt", "one").unwrap();
    lake.add_bytes("two.txt", "two").unwrap();
    drop(lake);
    let two = machine.path("remote/files/two.txt.datlake");
    fs::remove_file(&two).unwrap();
    fs::create_dir_all(two.join("in the way")).unwrap();
    fails_after(&machine, "removed one.txt\n", "two.txt", &["rm", "--yes", "one.txt", "two.txt"]);
}

#[test]
fn what_is_a_folder_is_no_file_and_ls_shows_it() {
    let machine = Machine::new();
    machine.lake().add_bytes("texts/a.txt", "a").unwrap();
    for folder in ["texts", "texts/"] {
        let says = [&*format!("`{folder}` is no file, but a folder"), "`datlake ls` shows what is in a folder"];
        machine.fails(1, &says, &["info", folder]);
    }
    machine.fails(1, &["no file `text`", "the nearest names are"], &["info", "text"]);
}

#[test]
fn what_is_written_is_called_as_it_was_asked_for() {
    let machine = Machine::new();
    machine.lake().add_bytes("file", b"evil").unwrap();
    machine.lake().add_tree("tree", machine.write("folder/.bashrc", "evil").parent().unwrap()).unwrap();
    let forge = |uid: &str, name: &str| {
        let path = machine.home().join(format!("files/{uid}.datlake"));
        let document = fs::read_to_string(&path).unwrap();
        let (body, _) = document.rsplit_once(",\"digest\":").unwrap();
        let (before, rest) = body.split_once("\"added\":{\"name\":\"").unwrap();
        let body = format!("{before}\"added\":{{\"name\":\"{name}{}", &rest[rest.find('"').unwrap()..]);
        fs::remove_file(&path).unwrap();
        fs::write(&path, format!("{body},\"digest\":\"{}\"}}\n", blake3::hash(body.as_bytes()))).unwrap();
    };
    let mine = machine.write("work/.bashrc", "mine");
    for name in ["..", ".", ""] {
        forge("tree", name);
        machine.fails(2, &["files/tree", "is damaged", "file name"], &["get", "--force", "tree", "."]);
        assert_eq!(fs::read_to_string(&mine).unwrap(), "mine");
        assert_eq!(files_in(&machine.path("work")), [".bashrc"], "{name:?}");
    }
    for name in [".bash_profile", ".bashrc"] {
        forge("file", name);
        assert_eq!(machine.ok(&["get", "--force", "file", "."]), "wrote ./file (4 B)\n");
        assert_eq!(files_in(&machine.path("work")), [".bashrc", "file"], "{name:?}");
    }
}

#[test]
fn a_file_that_would_be_larger_than_the_system_allows_is_an_error_and_not_the_end() {
    let machine = Machine::new();
    let big = machine.path("big.bin");
    fs::write(&big, vec![1; 4 << 20]).unwrap();
    let limited = |arguments: &[&str]| {
        let arguments = [&["-c", "ulimit -f 1024 && exec datlake \"$@\"", "sh"], arguments].concat();
        ran(machine.around("sh", &arguments).output().unwrap())
    };
    let add = ["add", big.to_str().unwrap(), "big.bin"];
    let get = ["get", "big.bin", "copy.bin"];
    let refused = limited(&add);
    assert!(refused.status == 2 && refused.err.contains("would be larger than"), "{}", refused.err);
    assert!(refused.err.contains(&machine.home().display().to_string()), "{}", refused.err);
    assert_eq!(machine.ok(&["ls"]), "");
    machine.ok(&add);
    let refused = limited(&get);
    assert!(refused.status == 2 && refused.err.contains("File too large"), "{}", refused.err);
    assert!(refused.err.contains("copy.bin") && !machine.path("work/copy.bin").exists(), "{}", refused.err);
    machine.ok(&get);
    assert_eq!(fs::read(machine.path("work/copy.bin")).unwrap(), fs::read(&big).unwrap());
}
