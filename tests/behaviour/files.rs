//! Files: making them in a body, reading them anywhere, and what they say of themselves.

use std::fs;
use std::io::{BufRead as _, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use datlake::{ErrorKind, File, Lake, Result, Subject, UidKind, file_creator};

use crate::support::{Watched, check_error, lake};

fn with(content: &str) -> (Watched, File) {
    let lake = lake();
    let file = lake.add_bytes("folder/file.txt", content).unwrap();
    (lake, file)
}

#[test]
fn a_file_is_got_by_its_uid_from_the_current_lake() {
    let (lake, file) = with("content");
    assert_eq!(lake.ok("nothing", || File::get("folder/file.txt")), file);
    assert!(lake.ok("nothing", || File::exists("folder/file.txt")));
    assert!(!lake.ok("nothing", || File::exists("folder/other.txt")));
    let says = ["no file `folder/fiel.txt`", "nearest", "`folder/file.txt`", &lake.home().display().to_string()];
    lake.fails("nothing", ErrorKind::NotFound, &says, || File::get("folder/fiel.txt"));
    lake.fails("nothing", ErrorKind::InvalidInput, &["`..`"], || File::get("../file.txt"));
    lake.fails("nothing", ErrorKind::InvalidInput, &["`..`"], || File::exists("../file.txt"));
    lake.fails("nothing", ErrorKind::NotFound, &["has not been made"], || {
        File::get(&format!("@datlake-tests/behaviour::f/{}/0", "0".repeat(64)))
    });
}

#[test]
fn a_file_says_what_it_is() {
    let (lake, file) = with("content");
    assert_eq!(file.uid().unwrap().as_str(), "folder/file.txt");
    assert_eq!(file.uid().unwrap().kind(), UidKind::Chosen);
    assert_eq!((file.name(), file.len()), ("file.txt", 7));
    assert_eq!(file.digest().to_string(), blake3::hash(b"content").to_hex().to_string());
    assert!(file.is_local().unwrap());
    let added = file.lineage().unwrap();
    assert_eq!(added.added().unwrap().digest, file.digest());
    lake.remove("folder/file.txt").unwrap();
    check_error(file.lineage(), ErrorKind::NotFound, &["folder/file.txt", "removed"]);
}

#[test]
fn handles_are_values() {
    let (lake, file) = with("content");
    let other = lake.add_bytes("other.txt", "content").unwrap();
    assert_eq!(file.clone(), file);
    assert_eq!(lake.file("folder/file.txt").unwrap(), file);
    assert_ne!(other, file, "the same bytes under another name are another file");
    assert_eq!(file.to_string(), "folder/file.txt");
    let debug = format!("{file:?}");
    assert!(debug.contains("folder/file.txt") && debug.contains(&file.digest().short().to_string()), "{debug}");

    let text = serde_json::to_string(&(1, [&file])).unwrap();
    let _current = lake.enter();
    let (_, [read]) = serde_json::from_str::<(u8, [File; 1])>(&text).unwrap();
    assert_eq!(read, file);
    assert_eq!(read.read().unwrap(), b"content");
}

#[test]
fn a_file_is_opened_to_read_by_line_and_to_seek() {
    let (_, file) = with("one\ntwo\nthree\n");
    let mut reader = file.open().unwrap();
    assert_eq!((&mut reader).lines().map(Result::unwrap).collect::<Vec<_>>(), ["one", "two", "three"]);
    assert_eq!(reader.seek(SeekFrom::Start(4)).unwrap(), 4);
    let mut text = String::new();
    reader.read_line(&mut text).unwrap();
    assert_eq!(reader.seek(SeekFrom::End(-6)).unwrap(), 8);
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, "two\nthree\n");
}

#[test]
fn bytes_that_are_no_text_are_read_and_not_as_text() {
    let lake = lake();
    let file = lake.add_bytes("latin1", b"caf\xe9").unwrap();
    assert_eq!(file.read().unwrap(), b"caf\xe9");
    check_error(file.read_to_string(), ErrorKind::InvalidInput, &["latin1", "UTF-8"]);
}

#[test]
fn a_range_is_clamped_to_the_file() {
    let (_, file) = with("0123456789");
    let read = |range| file.read_range(range).unwrap();
    assert_eq!(read(2..5), b"234");
    assert_eq!(read(0..10), b"0123456789");
    assert_eq!(read(7..99), b"789");
    assert_eq!(read(0..u64::MAX), b"0123456789");
    for empty in [0..0, 10..10, 5..5, 99..100, u64::MAX..u64::MAX] {
        assert_eq!(read(empty), b"");
    }
    #[expect(clippy::reversed_empty_ranges, reason = "it is what is refused")]
    let reversed = 5..4;
    check_error(file.read_range(reversed), ErrorKind::InvalidInput, &["5..4", "folder/file.txt"]);
    let (_, empty) = with("");
    assert_eq!(empty.read_range(0..1).unwrap(), b"");
    assert_eq!((empty.read().unwrap(), empty.len()), (vec![], 0));
}

#[test]
fn a_path_ends_in_the_files_own_name_and_leads_to_its_content() {
    let (lake, file) = with("content");
    let path = file.path().unwrap();
    assert_eq!(path.file_name().unwrap(), "file.txt");
    assert_eq!(fs::read(&path).unwrap(), b"content");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o222, 0, "it can be written");
    assert_eq!(file.path().unwrap(), path);
    let same = lake.add_bytes("same.csv", "content").unwrap();
    assert_eq!(same.path().unwrap().file_name().unwrap(), "same.csv");
    lake.remove("folder/file.txt").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"content", "it leads there while the process lives");
}

#[file_creator]
fn in_every_way(path: &str, #[skip] seen: &mut_cell::Paths) -> Result<Vec<File>> {
    let mut written = File::create("written.txt")?;
    for part in ["a", "b", "c"] {
        written.write_all(part.repeat(50_000).as_bytes())?;
        written.flush()?;
    }
    let written = written.finish()?;
    let copied = File::from_path("sub/folder/copied.txt", path)?;
    let staged = File::stage("sub/staged.bin")?;
    assert_eq!(staged.path().file_name().unwrap(), "staged.bin");
    assert!(!staged.path().exists());
    fs::write(&staged, b"first")?;
    fs::write(&staged, b"second")?;
    let staged = staged.finish()?;
    let bytes = File::from_bytes("bytes.txt", b"bytes")?;
    for file in [&written, &copied, &staged, &bytes] {
        // It can be read at once, though nobody else sees it.
        assert_eq!(file.uid(), None);
        assert_eq!(file.read()?.len() as u64, file.len());
        assert_eq!(file.open()?.lines().count(), 1);
        assert_eq!(file.read_range(0..1)?.len(), 1);
        seen.push(file.path()?);
        assert!(serde_json::to_string(file).unwrap_err().to_string().contains("not published"));
    }
    Ok(vec![written, copied, staged, bytes])
}

mod mut_cell {
    /// Paths that a body saw.
    #[derive(Default)]
    pub(super) struct Paths(std::sync::Mutex<Vec<std::path::PathBuf>>);

    impl Paths {
        pub(super) fn push(&self, path: std::path::PathBuf) {
            self.0.lock().unwrap().push(path);
        }

        pub(super) fn take(&self) -> Vec<std::path::PathBuf> {
            std::mem::take(&mut self.0.lock().unwrap())
        }
    }
}

#[test]
fn files_are_made_in_every_way() {
    let lake = lake();
    let outside = tempfile::NamedTempFile::new().unwrap();
    fs::write(outside.path(), b"copied").unwrap();
    let paths = mut_cell::Paths::default();
    let files = lake.ok("ran in_every_way", || in_every_way(outside.path().to_str().unwrap(), &paths));
    fs::write(outside.path(), b"changed later").unwrap();
    let contents: Vec<_> = files.iter().map(|file| file.read().unwrap()).collect();
    assert_eq!(contents[0], ["a", "b", "c"].map(|part| part.repeat(50_000)).concat().into_bytes());
    assert_eq!(contents[1..], [b"copied".to_vec(), b"second".to_vec(), b"bytes".to_vec()]);
    let names: Vec<_> = files.iter().map(File::name).collect();
    assert_eq!(names, ["written.txt", "sub/folder/copied.txt", "sub/staged.bin", "bytes.txt"]);
    let ends: Vec<_> = paths.take().iter().map(|path| path.file_name().unwrap().to_owned()).collect();
    assert_eq!(ends, ["written.txt", "copied.txt", "staged.bin", "bytes.txt"]);
    for (file, content) in files.iter().zip(contents) {
        let path = file.path().unwrap();
        assert!(file.name().ends_with(path.file_name().unwrap().to_str().unwrap()), "{}", path.display());
        assert_eq!(fs::read(path).unwrap(), content);
    }
}

#[test]
fn a_path_of_a_body_leads_to_the_file_after_it_too() {
    let lake = lake();
    let outside = tempfile::NamedTempFile::new().unwrap();
    fs::write(outside.path(), b"copied").unwrap();
    let paths = mut_cell::Paths::default();
    lake.ok("ran in_every_way", || in_every_way(outside.path().to_str().unwrap(), &paths));
    let contents: Vec<_> = paths.take().iter().map(|path| fs::read(path).unwrap().len()).collect();
    assert_eq!(contents, [150_000, 6, 6, 5]);
}

#[derive(serde::Serialize, Clone, Copy, Debug)]
enum Wrong {
    Nothing,
    Folder,
    Link,
    Missing,
    Directory,
    BadName,
}

#[file_creator]
fn staged_wrongly(how: Wrong) -> Result<File> {
    let staged = File::stage("staged.bin")?;
    match how {
        Wrong::Nothing => {}
        Wrong::Folder => fs::create_dir(&staged)?,
        Wrong::Link => std::os::unix::fs::symlink("/etc/hostname", &staged)?,
        Wrong::Missing => return File::from_path("a", "/nowhere/at/all"),
        Wrong::Directory => return File::from_path("a", "/"),
        Wrong::BadName => return File::from_bytes("a/../b", ""),
    }
    staged.finish()
}

#[test]
fn what_is_no_file_is_refused() {
    let lake = lake();
    for (how, kind, says) in [
        (Wrong::Nothing, ErrorKind::Outputs, "no file"),
        (Wrong::Folder, ErrorKind::Outputs, "no file"),
        (Wrong::Link, ErrorKind::Outputs, "no file"),
        (Wrong::Missing, ErrorKind::Io, "/nowhere/at/all"),
        (Wrong::Directory, ErrorKind::InvalidInput, "folder"),
        (Wrong::BadName, ErrorKind::InvalidInput, "`..`"),
    ] {
        lake.fails("failed staged_wrongly", kind, &[says], || staged_wrongly(how));
    }
    assert_eq!(lake.visible(), (0, 0));
}

#[test]
fn files_are_made_in_bodies_only() {
    let lake = lake();
    let _current = lake.enter();
    let outside = |result: Result<()>| check_error(result, ErrorKind::Context, &["`x`", "body", "lake.create(uid)"]);
    outside(File::create("x").map(drop));
    outside(File::from_bytes("x", "").map(drop));
    outside(File::from_path("x", "/etc/hostname").map(drop));
    outside(File::stage("x").map(drop));
    outside(pollster::block_on(File::create_async("x")).map(drop));
    outside(pollster::block_on(File::from_bytes_async("x", "")).map(drop));
    check_error(datlake::Tree::create("x"), ErrorKind::Context, &["`x`", "lake.add_tree"]);
    assert_eq!(lake.visible(), (0, 0));
}

/// Where the lake keeps what is not finished.
fn scratch(lake: &Lake) -> Vec<PathBuf> {
    crate::support::files_below(&lake.home().join("tmp"))
        .into_iter()
        .filter(|path| path.extension().is_none_or(|extension| extension != "lock"))
        .collect()
}

#[test]
fn a_writer_that_is_dropped_leaves_nothing() {
    #[file_creator]
    fn begun(finish: bool) -> Result<File> {
        let mut out = File::create("begun.txt")?;
        out.write_all(&[7; 200_000])?;
        if !finish {
            drop(out);
            return File::from_bytes("other.txt", "other");
        }
        out.finish()
    }
    let lake = lake();
    lake.fails("failed begun", ErrorKind::Outputs, &["`begun.txt`", "finish"], || begun(false));
    assert!(scratch(&lake).is_empty());
    lake.ok("ran begun", || begun(true));
    assert!(scratch(&lake).is_empty());
}

#[test]
fn errors_have_what_they_are_about_and_what_to_do_as_fields() {
    let lake = lake();
    let file = lake.add_bytes("a.txt", "some").unwrap();
    let uid = Subject::Uid("a.txt".parse().unwrap());
    let missing = lake.file("b.txt").unwrap_err();
    assert_eq!(missing.subject(), Some(&Subject::Uid("b.txt".parse().unwrap())));
    assert!(missing.hint().is_some_and(|hint| hint.contains("`a.txt`")) && !missing.message().contains("a.txt"));
    let taken = lake.add_bytes("a.txt", "other").unwrap_err();
    assert_eq!((taken.kind(), taken.subject()), (ErrorKind::AlreadyExists, Some(&uid)));
    assert!(taken.hint().is_some_and(|hint| hint.contains("choose another UID")), "{taken}");
    fs::remove_file(file.stored_path().unwrap().canonicalize().unwrap()).unwrap();
    let lost = file.read().unwrap_err();
    assert_eq!((lost.kind(), lost.subject()), (ErrorKind::MissingBlob, Some(&uid)));
    assert!(lost.hint().is_some_and(|hint| hint.contains("datlake repair a.txt")), "{lost}");
}
