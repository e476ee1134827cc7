//! Files that others write: what is published has the digest of its last bytes, or the call fails; and a user's own file stays
//! as it is.

use std::fs::{File as Open, FileTimes, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{LazyLock, Mutex};

use datlake::{Error, ErrorKind, File, Result, StagedPath, Tree, Verify, file_creator};
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};
use serde::Serialize;

use crate::support::{Watched, lake};

/// Who writes to the staged file besides the body, and when.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
enum Late {
    /// Nobody.
    Never,
    /// The writer that is open at `finish()` writes its header when it is dropped.
    Dropped,
    /// As above, and gives the file the time that it had.
    Timeless,
    /// Somebody opens it anew.
    Reopened,
    /// Another file is put in its place.
    Replaced,
    /// It has another name, under which it is written to.
    Linked,
    /// The writer that was open at `finish()` has nothing to write.
    Silent,
}

const CHANGED: [Late; 5] = [Late::Dropped, Late::Timeless, Late::Reopened, Late::Replaced, Late::Linked];

/// Stages a file, and says how it was written to until the body ended.
fn table(late: Late) -> Result<File> {
    let staged = File::stage("table.bin")?;
    let path = staged.path().to_owned();
    let mut writer = Open::create_new(&path)?;
    writer.write_all(b"rows:? a b")?;
    let open = matches!(late, Late::Dropped | Late::Timeless | Late::Silent).then_some(writer);
    let linked = path.with_extension("link");
    if late == Late::Linked {
        std::fs::hard_link(&path, &linked)?;
    }
    let file = staged.finish()?;
    let patch = |mut file: Open| -> Result<()> {
        file.seek(SeekFrom::Start(5))?;
        Ok(file.write_all(b"2")?)
    };
    match (late, open) {
        (Late::Dropped, Some(open)) => patch(open)?,
        (Late::Timeless, Some(open)) => {
            let before = open.metadata()?.modified()?;
            patch(open.try_clone()?)?;
            open.set_times(FileTimes::new().set_modified(before))?;
        }
        (Late::Reopened, _) => patch(OpenOptions::new().write(true).open(&path)?)?,
        (Late::Replaced, _) => {
            std::fs::remove_file(&path)?;
            std::fs::write(&path, "rows:2 a b")?;
        }
        (Late::Linked, _) => patch(OpenOptions::new().write(true).open(&linked)?)?,
        _ => {}
    }
    Ok(file)
}

#[file_creator]
fn made(late: Late) -> Result<File> {
    table(late)
}

#[file_creator]
async fn made_later(late: Late) -> Result<File> {
    tokio::task::yield_now().await;
    table(late)
}

#[file_creator]
fn in_a_tree(late: Late) -> Result<Tree> {
    let mut tree = Tree::create("tree")?;
    tree.add("table.bin", &table(late)?)?;
    tree.finish()
}

#[file_creator]
fn header(table: &File) -> Result<String> {
    Ok(table.read_to_string()?[..6].to_owned())
}

/// The nested call gets the file before it is written to once more.
#[file_creator(depends_on(header))]
fn handed_on(late: Late) -> Result<(String, File)> {
    let staged = File::stage("table.bin")?;
    let mut writer = Open::create_new(staged.path())?;
    writer.write_all(b"rows:? a b")?;
    let file = staged.finish()?;
    let header = header(&file)?;
    if late == Late::Dropped {
        writer.seek(SeekFrom::Start(5))?;
        writer.write_all(b"2")?;
    }
    Ok((header, file))
}

#[track_caller]
fn is_written_late<T: std::fmt::Debug>(result: Result<T>) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Outputs, "{error}");
    assert!(error.to_string().contains("`table.bin` was written to after `finish()`"), "{error}");
}

#[track_caller]
fn is_sound(lake: &Watched) {
    let report = lake.verify(Verify::default(), &[]).unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
}

#[test]
fn what_is_written_to_after_it_was_finished_is_not_published() {
    let lake = lake();
    for late in CHANGED {
        is_written_late(lake.check("failed made", || made(late)));
        is_written_late(lake.check("failed in_a_tree", || in_a_tree(late)));
    }
    assert_eq!(lake.visible(), (0, 0));
    for late in [Late::Never, Late::Silent] {
        let file = lake.ok("ran made", || made(late));
        assert_eq!(file.read_to_string().unwrap(), "rows:? a b");
        let file = lake.ok("ran in_a_tree", || in_a_tree(late)).get("table.bin").unwrap();
        assert_eq!(file.read_to_string().unwrap(), "rows:? a b");
    }
    is_sound(&lake);
}

#[test]
fn what_is_written_to_late_is_not_published_by_many_calls_either() {
    let lake = lake();
    let _current = lake.enter();
    let each = || CHANGED.into_iter().chain([Late::Never, Late::Silent]);
    for (result, late) in made::calls(each()).run_each().into_iter().zip(each()) {
        assert_eq!(result.is_ok(), !CHANGED.contains(&late), "{late:?}: {result:?}");
    }
    let here = datlake::here();
    let made: Vec<_> = CHANGED.into_par_iter().map(|late| here.run(|| made(late))).collect();
    made.into_iter().for_each(is_written_late);
    is_sound(&lake);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_to_late_is_not_published_by_tasks_either() {
    let lake = lake();
    let (all, events) = (CHANGED.map(|late| lake.scope(made_later(late))), lake.events());
    drop(events);
    futures_util::future::join_all(all).await.into_iter().for_each(is_written_late);
    let file = lake.scope(made_later(Late::Silent)).await.unwrap();
    assert_eq!(file.read_to_string_async().await.unwrap(), "rows:? a b");
    is_sound(&lake);
}

#[test]
fn what_a_nested_call_got_is_what_is_published() {
    let lake = lake();
    is_written_late(lake.check("failed handed_on, ran header", || handed_on(Late::Dropped)));
    let (header, file) = lake.ok("hit header, ran handed_on", || handed_on(Late::Silent));
    assert_eq!((header.as_str(), file.read_to_string().unwrap().as_str()), ("rows:?", "rows:? a b"));
    is_sound(&lake);
}

static KEPT_OPEN: LazyLock<Mutex<Vec<Open>>> = LazyLock::new(Mutex::default);
static STILL_RUNS: LazyLock<Mutex<Vec<Child>>> = LazyLock::new(Mutex::default);

/// A writer outlives the body.
#[file_creator]
fn kept_open() -> Result<File> {
    let staged = File::stage("log.txt")?;
    let mut writer = Open::create_new(staged.path())?;
    writer.write_all(b"begun")?;
    KEPT_OPEN.lock().unwrap().push(writer);
    staged.finish()
}

/// A program that was started, and that nobody waits for, appends to its output when it reads a line.
#[file_creator]
fn still_runs() -> Result<File> {
    let staged = File::stage("log.txt")?;
    let script = r#"exec 3>>"$1"; printf begun >&3; echo ready; read -r line; printf ' ended' >&3"#;
    let mut child = Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(staged.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut ready = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.as_mut().unwrap()), &mut ready)?;
    STILL_RUNS.lock().unwrap().push(child);
    staged.finish()
}

#[test]
fn who_writes_on_after_the_call_writes_to_a_file_of_its_own() {
    let lake = lake();
    let file = lake.ok("ran kept_open", kept_open);
    let mut writer = KEPT_OPEN.lock().unwrap().pop().unwrap();
    writer.write_all(b" and on").unwrap();
    assert_eq!(file.read_to_string().unwrap(), "begun");
    let file = lake.ok("ran still_runs", still_runs);
    let mut child = STILL_RUNS.lock().unwrap().pop().unwrap();
    child.stdin.take().unwrap().write_all(b"\n").unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(file.read_to_string().unwrap(), "begun");
    is_sound(&lake);
}

/// Where the user's own file is, which no key needs.
static OWN: Mutex<Option<PathBuf>> = Mutex::new(None);

fn linked(staged: &StagedPath, outward: bool) -> Result<()> {
    let own = OWN.lock().unwrap().clone().unwrap();
    if outward {
        std::fs::write(staged, "precious")?;
        std::fs::set_permissions(staged, std::fs::Permissions::from_mode(0o644))?;
        return Ok(std::fs::hard_link(staged, own)?);
    }
    Ok(std::fs::hard_link(own, staged)?)
}

#[file_creator]
fn linked_in() -> Result<File> {
    let staged = File::stage("big.bin")?;
    linked(&staged, false)?;
    staged.finish()
}

#[file_creator]
fn linked_out() -> Result<File> {
    let staged = File::stage("big.bin")?;
    linked(&staged, true)?;
    staged.finish()
}

#[file_creator]
fn linked_out_when_finished() -> Result<File> {
    let staged = File::stage("big.bin")?;
    std::fs::write(&staged, "precious")?;
    let path = staged.path().to_owned();
    let file = staged.finish()?;
    std::fs::hard_link(path, OWN.lock().unwrap().clone().unwrap()).map_err(Error::from)?;
    Ok(file)
}

/// A file that a body wrote itself has a path too.
#[file_creator]
fn linked_by_path() -> Result<File> {
    let file = File::from_bytes("big.bin", "precious")?;
    std::fs::hard_link(file.path()?, OWN.lock().unwrap().clone().unwrap())?;
    Ok(file)
}

#[test]
fn a_file_with_another_name_stays_the_users_own() {
    let folder = tempfile::tempdir().unwrap();
    let lake = lake();
    type Creator = fn() -> Result<File>;
    let all: [(&str, Creator); 4] = [
        ("linked_in", linked_in),
        ("linked_out", linked_out),
        ("linked_out_when_finished", linked_out_when_finished),
        ("linked_by_path", linked_by_path),
    ];
    for (name, creator) in all {
        let own = folder.path().join(name);
        if name == "linked_in" {
            std::fs::write(&own, "precious").unwrap();
        }
        let before = own.metadata().ok();
        *OWN.lock().unwrap() = Some(own.clone());
        let file = lake.ok(&format!("ran {name}"), creator);
        let after = own.metadata().unwrap();
        if let Some(before) = before {
            assert_eq!(before.modified().unwrap(), after.modified().unwrap());
        }
        assert_eq!((after.permissions().mode() & 0o200, after.nlink()), (0o200, links(name)), "{name}");
        OpenOptions::new().write(true).open(&own).unwrap().write_all(b"PRECIOUS").unwrap();
        assert_eq!(file.read_to_string().unwrap(), "precious", "{name}");
        assert_ne!(inode(&own), inode(&lake.blob_of(&file)), "{name}");
    }
    is_sound(&lake);
}

/// The paths that a body was given stay as long as the process lives.
fn links(name: &str) -> u64 {
    if name == "linked_by_path" { 2 } else { 1 }
}

fn inode(path: &Path) -> u64 {
    path.metadata().unwrap().ino()
}
