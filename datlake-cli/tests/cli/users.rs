//! Several people on one home.

use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::support::{Ran, ran};

/// Nobody's on any machine.
const GROUP: u32 = 54_300;
const ADA: u32 = 54_301;
const BOB: u32 = 54_302;

/// People of one group, and a folder in which all of them may write.
struct Team {
    folder: TempDir,
    umask: &'static str,
}

impl Team {
    /// `None` where this process cannot be other people; says so past the capture of test output.
    fn new(test: &str, umask: &'static str) -> Option<Self> {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let team = Self { folder, umask };
        std::fs::set_permissions(team.folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        if chown(team.folder.path(), None, Some(GROUP)).is_err() {
            let said = format!("SKIPPED {test}: only root can be two people\n");
            std::io::stderr().write_all(said.as_bytes()).unwrap();
            return None;
        }
        // Where the others may not look, they could not run it.
        std::fs::copy(env!("CARGO_BIN_EXE_datlake"), team.path("datlake")).unwrap();
        let shared = team.path("shared");
        std::fs::create_dir(&shared).unwrap();
        chown(&shared, None, Some(GROUP)).unwrap();
        // What is made in it belongs to the group.
        std::fs::set_permissions(&shared, std::fs::Permissions::from_mode(0o2775)).unwrap();
        for person in [ADA, BOB] {
            let own = team.path(&person.to_string());
            std::fs::create_dir(&own).unwrap();
            chown(&own, Some(person), Some(GROUP)).unwrap();
        }
        Some(team)
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn command(&self, person: u32, arguments: &[&str]) -> Command {
        let own = self.path(&person.to_string());
        let mut command = Command::new("sh");
        command.args(["-c", "umask \"$0\" && exec \"$@\"", self.umask]).arg(self.path("datlake")).args(arguments);
        command.uid(person).gid(GROUP).current_dir(&own).env_clear().env("HOME", &own).env("PATH", "/usr/bin:/bin");
        command.env("DATLAKE_HOME", self.path("shared/home")).env("DATLAKE_EMAIL", format!("{person}@example.org"));
        command
    }

    fn run(&self, person: u32, arguments: &[&str]) -> Ran {
        ran(self.command(person, arguments).output().unwrap())
    }

    #[track_caller]
    fn ok(&self, person: u32, arguments: &[&str]) -> String {
        let ran = self.run(person, arguments);
        assert_eq!((ran.status, &*ran.err), (0, ""), "{person} {arguments:?}: {}", ran.out);
        ran.out
    }

    /// Adds a text as somebody.
    #[track_caller]
    fn adds(&self, person: u32, uid: &str, text: &str) {
        std::fs::write(self.path("text"), text).unwrap();
        self.ok(person, &["add", self.path("text").to_str().unwrap(), uid]);
    }
}

#[test]
fn a_group_whose_files_are_the_groups_shares_a_home() {
    let Some(team) = Team::new("a_group_whose_files_are_the_groups_shares_a_home", "002") else { return };
    team.adds(ADA, "texts/a.txt", "ada's");
    assert_eq!(team.ok(BOB, &["cat", "texts/a.txt"]), "ada's");
    team.adds(BOB, "texts/b.txt", "bob's");
    // Content that is there already, of somebody else.
    team.adds(BOB, "texts/same.txt", "ada's");
    assert_eq!(team.ok(ADA, &["cat", "texts/b.txt"]), "bob's");
    for (person, uid, text) in [(ADA, "texts/b.txt", "bob's"), (BOB, "texts/a.txt", "ada's")] {
        let path = team.ok(person, &["path", uid]);
        assert_eq!(std::fs::read_to_string(path.trim_end()).unwrap(), text);
        assert_eq!(team.ok(person, &["verify"]).lines().count(), 1);
    }
    team.ok(ADA, &["rm", "--yes", "texts/b.txt"]);
    team.ok(BOB, &["rm", "--yes", "texts/a.txt"]);
    team.adds(ADA, "texts/b.txt", "ada's second");
    assert_eq!(team.ok(BOB, &["cat", "texts/b.txt"]), "ada's second");
    // At the same time, in folders that both make.
    std::fs::write(team.path("text"), "many").unwrap();
    let text = team.path("text").display().to_string();
    let adding: Vec<_> = (0..24)
        .map(|n| {
            let uid = format!("many/{}/{}.txt", n / 2 % 4, n / 2);
            team.command(if n % 2 == 0 { ADA } else { BOB }, &["add", &text, &uid]).spawn().unwrap()
        })
        .collect();
    assert!(adding.into_iter().all(|mut adding| adding.wait().unwrap().success()));
    assert_eq!(team.ok(ADA, &["ls", "-r", "many"]).lines().filter(|line| line.contains(".txt")).count(), 12);
    assert_eq!(team.ok(BOB, &["verify"]).lines().count(), 1);
}

#[test]
fn a_home_that_others_may_not_write_is_read_by_them_and_says_what_is_wrong() {
    let test = "a_home_that_others_may_not_write_is_read_by_them_and_says_what_is_wrong";
    let Some(team) = Team::new(test, "022") else { return };
    team.adds(ADA, "texts/a.txt", "ada's");
    assert_eq!(team.ok(BOB, &["cat", "texts/a.txt"]), "ada's");
    assert!(team.ok(BOB, &["ls", "-r"]).contains("texts/a.txt"));
    team.ok(BOB, &["verify"]);
    team.ok(BOB, &["get", "texts/a.txt", "copy.txt"]);
    let home = team.path("shared/home").display().to_string();
    for arguments in
        [&["add", "copy.txt", "texts/b.txt"][..], &["add", "copy.txt", "b.txt"], &["rm", "--yes", "texts/a.txt"]]
    {
        let ran = team.run(BOB, arguments);
        assert_eq!((ran.status, &*ran.out), (2, ""), "{arguments:?}: {}", ran.err);
        for says in [&*home, "no permission", "umask 002"] {
            assert!(ran.err.contains(says), "{arguments:?} does not say {says}: {}", ran.err);
        }
    }
    // Nothing of it is half there, and its owner goes on.
    assert_eq!(team.ok(ADA, &["verify"]).lines().count(), 1);
    team.adds(ADA, "texts/b.txt", "ada's too");
    assert_eq!(team.ok(BOB, &["cat", "texts/b.txt"]), "ada's too");
}
