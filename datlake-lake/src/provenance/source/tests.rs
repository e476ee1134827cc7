//! Repositories in temporary directories, and what is found of code in them.

use std::fs;

use git2::{IndexEntry, IndexTime, Signature};
use tempfile::TempDir;

use super::super::compiled::BlobId;
use super::*;

#[test]
fn credentials_never_leave_a_remote_url() {
    for (url, shown) in [
        ("https://me:secret@github.com/a/b.git", "https://github.com/a/b.git"),
        ("https://token@host/a?key=secret", "https://host/a"),
        ("git@github.com:a/b.git", "git@github.com:a/b.git"),
        ("https://me:se@cret@host/a", "https://host/a"),
    ] {
        assert_eq!(without_credentials(url), shown);
    }
}

#[test]
fn links_go_to_the_line_on_each_forge() {
    for (remote, link) in [
        ("https://github.com/a/b.git", Some("https://github.com/a/b/blob/c0/src/x.rs#L7")),
        ("git@github.com:a/b.git", Some("https://github.com/a/b/blob/c0/src/x.rs#L7")),
        ("https://gitlab.example.org/g/a/b.git", Some("https://gitlab.example.org/g/a/b/-/blob/c0/src/x.rs#L7")),
        ("https://bitbucket.org/a/b", Some("https://bitbucket.org/a/b/src/c0/src/x.rs#lines-7")),
        ("https://codeberg.org/a/b.git", Some("https://codeberg.org/a/b/src/commit/c0/src/x.rs#L7")),
        ("https://example.org/a/b", None),
        ("/srv/git/a", None),
    ] {
        assert_eq!(permalink(remote, "c0", "src/x.rs", 7).as_deref(), link, "{remote}");
    }
}

/// A repository with one commit of these files.
struct Scene {
    folder: TempDir,
    repository: Repository,
}

impl Scene {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let repository = Repository::init(folder.path().join("repo")).unwrap();
        let scene = Self { folder, repository };
        for (path, text) in files {
            scene.write(path, text);
        }
        scene.commit();
        scene
    }

    fn path(&self, path: &str) -> PathBuf {
        self.repository.workdir().unwrap().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        fs::write(self.path(path), text).unwrap();
    }

    /// Commits all files.
    fn commit(&self) -> Oid {
        let mut index = self.repository.index().unwrap();
        index.add_all(["*"], git2::IndexAddOption::DEFAULT, None).unwrap();
        self.commit_index(index)
    }

    fn commit_index(&self, mut index: git2::Index) -> Oid {
        index.write().unwrap();
        let tree = self.repository.find_tree(index.write_tree().unwrap()).unwrap();
        let who = Signature::now("a", "a@example.org").unwrap();
        let parent = self.repository.head().ok().and_then(|head| head.peel_to_commit().ok());
        let parents: Vec<_> = parent.iter().collect();
        self.repository.commit(Some("HEAD"), &who, &who, "a commit", &tree, &parents).unwrap()
    }

    /// Checks out anew what was committed, as the configuration says.
    fn check_out(&self) {
        for entry in self.repository.index().unwrap().iter() {
            fs::remove_file(self.path(str::from_utf8(&entry.path).unwrap())).unwrap();
        }
        self.repository.checkout_head(Some(git2::build::CheckoutBuilder::new().force())).unwrap();
    }

    /// A file as it is now.
    fn compile(&self, path: &str) -> CompiledFile {
        compile(self.path(path))
    }

    /// What is found of a creator in `src/main.rs`, which depends on these files.
    fn look(&self, files: &[CompiledFile]) -> SourceState {
        let manifest_dir: &'static str = String::leak(self.path("").to_str().unwrap().to_owned());
        look(&Code { manifest_dir, ..CODE }, files).unwrap()
    }

    #[track_caller]
    fn check(&self, files: &[CompiledFile], state: CodeState) {
        let found = self.look(files);
        assert_eq!(found.state, state, "{found:?}");
    }
}

fn compile(path: PathBuf) -> CompiledFile {
    let is_rust = path.extension().is_some_and(|extension| extension == "rs");
    CompiledFile { blob: BlobId::of(&fs::read(&path).unwrap()), path: Some(path), is_rust }
}

pub(super) const CODE: Code = Code {
    package: "p",
    package_version: "1.0.0",
    manifest_dir: "",
    module: "p",
    name: "f",
    given_name: None,
    file: "src/main.rs",
    line: 1,
    blob: [0; 20],
    own: [0; 32],
    conditions: &[],
    embedded: &[],
    dependencies: &[],
    found: None,
    lock: None,
    features: &[],
    cfg: &[],
};

const COMMITTED: CodeState = CodeState::Committed;
const UNCOMMITTED: CodeState = CodeState::Uncommitted;
const FILES: [(&str, &str); 2] = [("src/main.rs", "fn f() {\n}\n"), ("src/query.sql", "select\n1\n")];

#[test]
fn what_is_embedded_counts_as_the_source_does() {
    let scene = Scene::new(&FILES);
    let first = scene.repository.head().unwrap().peel_to_commit().unwrap().id().to_string();
    let compile = || [scene.compile("src/main.rs"), scene.compile("src/query.sql")];
    let committed = compile();
    scene.check(&committed, COMMITTED);
    assert_eq!(scene.look(&committed).dirty, Some(false));
    scene.write("src/query.sql", "select\n2\n");
    // The program is older than the edit.
    let found = scene.look(&committed);
    assert_eq!((found.state, found.commit.as_ref(), found.dirty), (COMMITTED, Some(&first), Some(true)));
    let edited = compile();
    let found = scene.look(&edited);
    assert_eq!((found.state, found.commit.as_ref(), found.dirty), (UNCOMMITTED, Some(&first), Some(true)));
    let second = scene.commit().to_string();
    assert_eq!(scene.look(&edited).commit, Some(second));
    assert_eq!(scene.look(&committed).commit, Some(first), "an earlier commit has it");
    // One commit must have all of it.
    scene.check(&[committed[0].clone(), edited[1].clone(), committed[1].clone()], UNCOMMITTED);
    // Somewhere, but nobody knows where.
    scene.check(&[committed[0].clone(), CompiledFile { path: None, ..edited[1].clone() }], UNCOMMITTED);
}

#[test]
fn a_clean_checkout_with_other_line_ends_is_committed() {
    for attributes in [Some("*.rs text eol=crlf\n*.sql text eol=crlf\n"), None] {
        let scene = Scene::new(&FILES);
        match attributes {
            Some(attributes) => {
                scene.write(".gitattributes", attributes);
                scene.commit();
            }
            None => scene.repository.config().unwrap().set_bool("core.autocrlf", true).unwrap(),
        }
        scene.check_out();
        assert!(fs::read_to_string(scene.path("src/query.sql")).unwrap().contains("\r\n"));
        let compile = || [scene.compile("src/main.rs"), scene.compile("src/query.sql")];
        let files = compile();
        scene.check(&files, COMMITTED);
        // Touched, so that git has to look at the bytes.
        for (path, _) in FILES {
            let file = fs::File::options().write(true).open(scene.path(path)).unwrap();
            file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        }
        scene.check(&files, COMMITTED);
        scene.write("src/main.rs", "fn g() {\n}\n");
        scene.check(&files, COMMITTED);
        scene.check(&compile(), UNCOMMITTED);
        scene.write("src/main.rs", "fn f() {\r\n}\r\n");
        scene.write("src/query.sql", "select\r\n3\r\n");
        scene.check(&compile(), UNCOMMITTED);
    }
}

#[test]
fn line_ends_of_what_is_embedded_are_content() {
    let scene = Scene::new(&FILES);
    scene.write("src/main.rs", "fn f() {\r\n}\r\n");
    scene.check(&[scene.compile("src/main.rs")], COMMITTED);
    scene.write("src/query.sql", "select\r\n1\r\n");
    scene.check(&[scene.compile("src/query.sql")], UNCOMMITTED);
}

/// Puts `pointer` into the index for a file that is checked out, as git-lfs does.
fn point(scene: &Scene, path: &str, pointer: &str, flags: (u16, u16)) {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = fs::metadata(scene.path(path)).unwrap();
    let (seconds, nanoseconds) = (|s: i64| i32::try_from(s).unwrap(), |n: i64| u32::try_from(n).unwrap());
    let entry = IndexEntry {
        ctime: IndexTime::new(seconds(metadata.ctime()), nanoseconds(metadata.ctime_nsec())),
        mtime: IndexTime::new(seconds(metadata.mtime()), nanoseconds(metadata.mtime_nsec())),
        dev: u32::try_from(metadata.dev() & 0xffff_ffff).unwrap(),
        ino: u32::try_from(metadata.ino() & 0xffff_ffff).unwrap(),
        mode: 0o100_644,
        uid: metadata.uid(),
        gid: metadata.gid(),
        file_size: u32::try_from(metadata.len()).unwrap(),
        id: scene.repository.blob(pointer.as_bytes()).unwrap(),
        flags: flags.0,
        flags_extended: flags.1,
        path: path.as_bytes().to_vec(),
    };
    let mut index = scene.repository.index().unwrap();
    index.add(&entry).unwrap();
    scene.commit_index(index);
}

#[test]
fn a_file_behind_a_filter_of_another_program_is_what_git_takes_it_for() {
    let scene = Scene::new(&FILES);
    scene.write("src/model.bin", "large content");
    // Not within the time of the index, or git would look at the bytes.
    let file = fs::File::options().write(true).open(scene.path("src/model.bin")).unwrap();
    file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(60)).unwrap();
    point(&scene, "src/model.bin", "oid sha256:0123", (0, 0));
    let files = [scene.compile("src/main.rs"), scene.compile("src/model.bin")];
    scene.check(&files, COMMITTED);
    scene.write("src/model.bin", "other content");
    scene.check(&[scene.compile("src/main.rs"), scene.compile("src/model.bin")], UNCOMMITTED);
    scene.check(&files, UNCOMMITTED);
}

#[test]
fn what_git_was_told_not_to_look_at_is_not_taken_for_unmodified() {
    for flags in [(IndexEntryFlag::VALID.bits(), 0), (0, IndexEntryExtendedFlag::SKIP_WORKTREE.bits())] {
        let scene = Scene::new(&FILES);
        scene.write("src/query.sql", "select\n2\n");
        point(&scene, "src/query.sql", FILES[1].1, flags);
        scene.check(&[scene.compile("src/query.sql")], UNCOMMITTED);
    }
}

#[test]
fn each_file_is_looked_for_in_its_own_repository() {
    let scene = Scene::new(&FILES);
    let other = Scene::new(&[("src/lib.rs", "fn g() {}")]);
    let files = [scene.compile("src/main.rs"), other.compile("src/lib.rs")];
    let first = scene.repository.head().unwrap().peel_to_commit().unwrap().id().to_string();
    assert_eq!(scene.look(&files).commit, Some(first));
    scene.check(&files, COMMITTED);
    other.write("src/lib.rs", "fn g() { h() }");
    scene.check(&[scene.compile("src/main.rs"), other.compile("src/lib.rs")], UNCOMMITTED);
    // One within the other, as a submodule is.
    let inner = Repository::init(scene.path("inner")).unwrap();
    let inner = Scene { folder: tempfile::tempdir().unwrap(), repository: inner };
    inner.write("lib.rs", "fn i() {}");
    inner.commit();
    let files = [scene.compile("src/main.rs"), inner.compile("lib.rs")];
    scene.check(&files, COMMITTED);
    inner.write("lib.rs", "fn i() { h() }");
    scene.check(&[scene.compile("src/main.rs"), inner.compile("lib.rs")], UNCOMMITTED);
    // In none at all.
    let outside = scene.folder.path().join("outside.sql");
    fs::write(&outside, "select").unwrap();
    scene.check(&[scene.compile("src/main.rs"), compile(outside)], UNCOMMITTED);
}

#[test]
fn what_git_ignores_is_no_commit_s() {
    let scene = Scene::new(&[FILES[0], (".gitignore", "*.secret\n")]);
    scene.write("a.secret", "hunter2");
    scene.check(&[scene.compile("src/main.rs"), scene.compile("a.secret")], UNCOMMITTED);
}

#[test]
fn the_files_of_a_key_are_its_sources_and_what_they_embed() {
    let code: &'static Code = Box::leak(Box::new(Code {
        manifest_dir: "/p",
        embedded: &[
            ("include_str!(\"query.sql\")", b"select 1"),
            ("include!(concat!(env!(\"OUT_DIR\"), \"/made.rs\"))", b"mod made {}"),
            ("env!(\"HOME\")", b"/root"),
            ("include!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/more.rs\"))", b"mod more {}"),
            ("include_bytes!(env!(\"MODEL\"))", b"large"),
        ],
        ..CODE
    }));
    let files = CompiledFile::all_of(code);
    let found: Vec<_> =
        files.iter().map(|file| (file.path.as_ref().and_then(|path| path.to_str()), file.is_rust)).collect();
    let expected =
        [(Some("/p/src/main.rs"), true), (Some("/p/src/query.sql"), false), (Some("/p/more.rs"), true), (None, false)];
    assert_eq!(found, expected);
    assert_eq!(files[1].blob.to_string(), Oid::hash_object(ObjectType::Blob, b"select 1").unwrap().to_string());
}
