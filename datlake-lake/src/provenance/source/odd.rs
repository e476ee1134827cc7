//! Repositories as people have them, made by git itself: worktrees, submodules, clones of which something is missing, files behind
//! filters; and packages that come from no repository of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use datlake_core::lineage::{CodeState, SourceState};
use tempfile::TempDir;

use super::super::compiled::{BlobId, CompiledFile};
use super::tests::CODE;
use super::{find, look};

const MAIN: &str = "fn f() {\n}\n";

/// A folder with repositories.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Runs git in a folder, by its own settings alone.
    #[track_caller]
    fn git(&self, at: &str, arguments: &[&str]) -> String {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "protocol.file.allow=always"]);
        git.args(arguments).current_dir(self.path(at));
        git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        let ran = git.output().expect("git is installed");
        assert!(ran.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).unwrap().trim().to_owned()
    }

    /// A repository with two commits, of which both have `src/main.rs` as it is; at a forge, as far as its clones know.
    fn repository() -> Self {
        let folder = Self::new();
        folder.write("origin/src/main.rs", MAIN);
        folder.git("origin", &["init", "-q", "-b", "main"]);
        for name in ["first", "second"] {
            folder.write(&format!("origin/{name}.txt"), name);
            folder.git("origin", &["add", "."]);
            folder.git("origin", &["commit", "-qm", name]);
        }
        folder.git("origin", &["config", "uploadpack.allowFilter", "true"]);
        folder
    }

    /// A clone, which takes its remote for one at a forge.
    fn clone(&self, options: &[&str]) {
        let url = format!("file://{}", self.path("origin").display());
        self.git("", &[&["clone", "-q"], options, &[&url, "clone"]].concat());
        self.git("clone", &["remote", "set-url", "origin", "https://ada:hush@github.com/ada/shop.git"]);
    }

    /// What is found of a creator in `src/main.rs` of the package there, which was compiled as it is now.
    fn look(&self, package: &str) -> SourceState {
        let manifest_dir: &'static str = String::leak(self.path(package).to_str().unwrap().to_owned());
        let main = self.path(package).join("src/main.rs");
        let blob = BlobId::of(&fs::read(&main).unwrap());
        look(&datlake_core::Code { manifest_dir, ..CODE }, &[CompiledFile { path: Some(main), blob, is_rust: true }])
            .unwrap()
    }

    fn head(&self, at: &str) -> Option<String> {
        Some(self.git(at, &["rev-parse", "HEAD"]))
    }
}

/// Finds a creator of the package there, whose other files are not looked at.
fn find_in(package: &Path) -> SourceState {
    let manifest_dir: &'static str = String::leak(package.to_str().unwrap().to_owned());
    find(Box::leak(Box::new(datlake_core::Code { manifest_dir, ..CODE })))
}

#[track_caller]
fn assert_committed(found: &SourceState, commit: Option<&str>) {
    assert_eq!(found.state, CodeState::Committed, "{found:?}");
    assert_eq!(found.commit.as_deref(), commit, "{found:?}");
}

#[test]
fn a_commit_that_no_remote_has_gets_no_link() {
    let folder = Folder::repository();
    folder.clone(&[]);
    let found = folder.look("clone");
    let head = folder.head("clone").unwrap();
    assert_committed(&found, Some(&head));
    let link = format!("https://github.com/ada/shop/blob/{head}/src/main.rs#L1");
    assert_eq!((found.local_only, found.permalink.as_deref()), (false, Some(&*link)));
    folder.write("clone/src/main.rs", "fn f() { g() }\n");
    folder.git("clone", &["commit", "-qam", "mine"]);
    let found = folder.look("clone");
    assert_committed(&found, folder.head("clone").as_deref());
    assert_eq!((found.local_only, found.permalink), (true, None));
    // What it grew from is shown in the same way.
    folder.write("clone/src/main.rs", "fn f() { h() }\n");
    let found = folder.look("clone");
    assert_eq!((found.state, found.local_only), (CodeState::Uncommitted, true));
    // An older commit than the one that was fetched last.
    folder.git("clone", &["checkout", "-q", "-f", "origin/main~1"]);
    let found = folder.look("clone");
    assert_committed(&found, folder.head("clone").as_deref());
    assert_eq!((found.local_only, found.permalink.is_some(), found.branch), (false, true, None), "a detached head");
}

#[test]
fn a_worktree_has_a_head_of_its_own() {
    let folder = Folder::repository();
    folder.git("origin", &["worktree", "add", "-q", "-b", "other", "../tree"]);
    folder.write("tree/src/main.rs", "fn f() { other() }\n");
    folder.git("tree", &["commit", "-qam", "other"]);
    let found = folder.look("tree");
    assert_committed(&found, folder.head("tree").as_deref());
    assert_eq!(found.branch.as_deref(), Some("other"));
    assert_committed(&folder.look("origin"), folder.head("origin").as_deref());
}

#[test]
fn a_submodule_is_a_repository_of_its_own() {
    let folder = Folder::repository();
    folder.write("outer/readme", "outer");
    folder.git("outer", &["init", "-q", "-b", "main"]);
    folder.git("outer", &["submodule", "add", "-q", "../origin", "inner"]);
    folder.git("outer", &["add", "."]);
    folder.git("outer", &["commit", "-qm", "with inner"]);
    assert_committed(&folder.look("outer/inner"), folder.head("origin").as_deref());
}

#[test]
fn clones_of_which_something_is_missing_have_what_they_checked_out() {
    for options in
        [&["--depth=1"][..], &["--filter=blob:none"], &["--filter=tree:0"], &["--single-branch", "--depth=1"]]
    {
        let folder = Folder::repository();
        folder.clone(options);
        let found = folder.look("clone");
        assert_committed(&found, folder.head("clone").as_deref());
        assert!(!found.local_only && found.permalink.is_some(), "{options:?}: {found:?}");
        folder.write("clone/src/main.rs", "fn f() { g() }\n");
        assert_eq!(folder.look("clone").state, CodeState::Uncommitted, "{options:?}");
    }
}

#[test]
fn of_a_sparse_checkout_what_is_there_counts() {
    let folder = Folder::repository();
    folder.clone(&[]);
    folder.git("clone", &["sparse-checkout", "set", "src"]);
    assert_committed(&folder.look("clone"), folder.head("clone").as_deref());
}

#[test]
fn a_file_that_was_renamed_is_in_the_commit_that_has_it_there() {
    let folder = Folder::repository();
    folder.git("origin", &["mv", "src/main.rs", "src/old.rs"]);
    folder.git("origin", &["commit", "-qm", "away"]);
    let away = folder.head("origin");
    folder.git("origin", &["mv", "src/old.rs", "src/main.rs"]);
    // The nearest commit that has it there, which is not the last.
    let found = folder.look("origin");
    assert_committed(&found, Some(&folder.git("origin", &["rev-parse", "HEAD~1"])));
    assert_ne!(found.commit, away);
}

#[test]
fn a_repository_without_a_commit_has_no_code() {
    let folder = Folder::new();
    folder.write("new/src/main.rs", MAIN);
    folder.git("new", &["init", "-q"]);
    let found = folder.look("new");
    assert_eq!((found.state, found.commit), (CodeState::Uncommitted, None));
}

#[test]
fn line_ends_that_attributes_ask_for_are_what_git_takes_them_for() {
    let folder = Folder::repository();
    folder.write("origin/.gitattributes", "*.rs text eol=crlf\n");
    folder.git("origin", &["add", "."]);
    folder.git("origin", &["commit", "-qm", "attributes"]);
    fs::remove_file(folder.path("origin/src/main.rs")).unwrap();
    folder.git("origin", &["checkout", "-q", "--", "src/main.rs"]);
    assert!(fs::read_to_string(folder.path("origin/src/main.rs")).unwrap().contains("\r\n"));
    assert_eq!(folder.look("origin").state, CodeState::Committed);
}

#[test]
fn why_a_repository_of_somebody_else_is_not_read_is_said() {
    let folder = Folder::repository();
    if std::os::unix::fs::chown(folder.path("origin"), Some(12_345), None).is_err() {
        return eprintln!(
            "LEFT OUT: why_a_repository_of_somebody_else_is_not_read_is_said: only root gives files away"
        );
    }
    for file in [".git", ".git/HEAD", ".git/config"] {
        std::os::unix::fs::chown(folder.path("origin").join(file), Some(12_345), None).unwrap();
    }
    let found = find_in(&folder.path("origin"));
    assert_eq!(found.state, CodeState::Unknown);
    assert!(found.not_read.as_deref().is_some_and(|why| why.contains("safe.directory")), "{found:?}");
}

#[test]
fn where_there_is_no_repository_nothing_is_said() {
    let folder = Folder::new();
    folder.write("package/src/main.rs", MAIN);
    assert_eq!(find_in(&folder.path("package")), SourceState::default());
    // A binary on a machine that has no such folder.
    assert_eq!(find_in(Path::new("/no/such/folder")), SourceState::default());
}

#[test]
fn a_published_package_comes_from_where_it_was_packaged() {
    let manifest = "[package]\nname = \"p\"\nrepository = \"https://ada:hush@github.com/ada/shop\"\n";
    let sha = "0123456789abcdef0123456789abcdef01234567";
    for (mark, dirty) in [(".cargo-ok", false), (".cargo-checksum.json", false), (".cargo-ok", true)] {
        // Within a repository that has nothing to do with it, as that of a home directory.
        let folder = Folder::repository();
        folder.write("origin/.gitignore", "cache\n");
        let at = "origin/cache/p-1.0.0";
        folder.write(&format!("{at}/Cargo.toml"), manifest);
        folder.write(&format!("{at}/src/main.rs"), "fn f() { published() }\n");
        folder.write(&format!("{at}/{mark}"), "{}");
        let packaged = format!("{{\"git\":{{\"sha1\":\"{sha}\",\"dirty\":{dirty}}},\"path_in_vcs\":\"crates/p\"}}");
        folder.write(&format!("{at}/.cargo_vcs_info.json"), &packaged);
        let found = find_in(&folder.path(at));
        assert_eq!(found.commit.as_deref(), Some(sha), "{mark}");
        assert_eq!(found.path.as_deref(), Some("crates/p/src/main.rs"));
        assert_eq!(found.repository.as_deref(), Some("https://github.com/ada/shop"));
        let link = format!("https://github.com/ada/shop/blob/{sha}/crates/p/src/main.rs#L1");
        let (state, link) = if dirty { (CodeState::Uncommitted, None) } else { (CodeState::Committed, Some(link)) };
        assert_eq!((found.state, found.permalink), (state, link), "{mark}");
        // Packaged where there was no repository.
        fs::remove_file(folder.path(at).join(".cargo_vcs_info.json")).unwrap();
        assert_ne!(find_in(&folder.path(at)).state, CodeState::Committed, "{mark}");
    }
}
