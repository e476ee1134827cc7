//! Folders, pipes and names that a lake cannot have, or not as they are: all of that is reported, and nothing is read in vain.

use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use datlake::{Error, ErrorKind, Event, File, Lake, LocalFolder, Result, Tree, TreeEntry, file_creator};
use tempfile::TempDir;

use crate::support::{Machines, Watched, check_error, forge, lake};

/// What was reported as not kept, as the end of the path and the reason.
fn not_kept(lake: &Watched) -> Vec<(String, String)> {
    let events = lake.events().into_iter();
    let mut found: Vec<_> = events
        .filter_map(|event| match event {
            Event::NotKept { path, why } => Some((path.rsplit('/').next().unwrap().to_owned(), why)),
            _ => None,
        })
        .collect();
    found.sort();
    found
}

fn pipe(path: &Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// A folder with two good files and five things that no lake can have.
fn odd() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("sub")).unwrap();
    fs::write(at("good.txt"), "good").unwrap();
    fs::write(at("sub/fine.txt"), "fine").unwrap();
    fs::write(at("back\\slash"), "").unwrap();
    fs::write(folder.path().join(std::ffi::OsStr::from_bytes(b"caf\xe9")), "").unwrap();
    pipe(&at("pipe"));
    std::os::unix::fs::symlink(at("nowhere"), at("sub/dangling")).unwrap();
    fs::write(at(&"x".repeat(201)), "").unwrap();
    folder
}

const PROBLEMS: [&str; 6] = [
    "5 things in it",
    "back\\\\slash`: UID",
    r"caf\xe9`: its name is not UTF-8",
    "pipe`: it is neither a file nor a folder",
    "dangling`: it is a link that leads out of the folder",
    "longer than 200 bytes",
];

#[test]
fn a_folder_is_refused_for_all_that_a_lake_cannot_have_or_goes_without_it() {
    let (lake, folder) = (lake(), odd());
    check_error(lake.add_tree("tree", folder.path()).map(drop), ErrorKind::InvalidInput, &PROBLEMS);
    check_error(lake.add_each("each", folder.path()), ErrorKind::InvalidInput, &PROBLEMS);
    check_error(lake.add_each("", folder.path()), ErrorKind::InvalidInput, &["--skip-unusable", "skip_unusable"]);
    assert_eq!((lake.visible(), not_kept(&lake).len()), ((0, 0), 0));

    let folder = LocalFolder::read(folder.path()).unwrap().skip_unusable();
    let tree = lake.add_folder("tree", &folder).unwrap();
    assert_eq!(tree.names().unwrap(), ["good.txt", "sub/fine.txt"]);
    assert_eq!(not_kept(&lake).len(), 5);
    let added = lake.add_each_of("each", &folder).unwrap();
    assert_eq!(added.iter().map(|(file, _)| file.name()).collect::<Vec<_>>(), ["good.txt", "fine.txt"]);
    let left_out = not_kept(&lake);
    assert!(left_out.iter().all(|(_, why)| why.starts_with("left out: ")), "{left_out:?}");
    assert_eq!(left_out.len(), 5);
}

#[file_creator]
fn gathered(path: &str) -> Result<Tree> {
    let mut tree = Tree::create("gathered")?;
    tree.add_dir(path)?;
    tree.finish()
}

#[file_creator]
async fn gathered_later(path: &str) -> Result<Tree> {
    let mut tree = Tree::create("gathered")?;
    tree.add_dir_async(path).await?;
    tree.finish()
}

#[tokio::test]
async fn a_body_that_gathers_a_folder_meets_the_same() {
    let (lake, folder) = (lake(), odd());
    let path = folder.path().to_str().unwrap();
    let blocking = || {
        let _current = lake.enter();
        gathered(path)
    };
    check_error(blocking().map(drop), ErrorKind::InvalidInput, &PROBLEMS);
    check_error(lake.scope(gathered_later(path)).await.map(drop), ErrorKind::InvalidInput, &PROBLEMS);
    let error = lake.add_tree_async("tree", folder.path()).await.unwrap_err();
    assert!(PROBLEMS.iter().all(|problem| error.to_string().contains(problem)), "{error}");
}

#[test]
fn any_lake_below_a_folder_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("data.csv"), "1").unwrap();
    fs::create_dir(at("deep")).unwrap();
    // The lake itself, its remote, and one that nobody has open.
    let url = format!("file://{}", at("deep/remote").display());
    let lake = Watched::open(Lake::builder().home(at("lake")).remote(url));
    drop(Lake::builder().home(at("deep/other")).open().unwrap());
    lake.add_bytes("a.txt", "a").unwrap();
    lake.events();
    let tree = lake.add_tree("tree", folder.path()).unwrap();
    assert_eq!(tree.names().unwrap(), ["data.csv"]);
    let left_out: Vec<_> = not_kept(&lake).into_iter().map(|(path, _)| path).collect();
    assert_eq!(left_out, ["lake", "other", "remote"]);
    assert_eq!(lake.add_each("each", folder.path()).unwrap().len(), 1);
    check_error(lake.add_tree("home", at("lake")).map(drop), ErrorKind::InvalidInput, &["lake", "is a lake itself"]);
    // A file of that name alone makes no lake.
    fs::create_dir(at("mine")).unwrap();
    fs::write(at("mine/datlake.json"), "{}").unwrap();
    assert_eq!(lake.add_tree("mine", at("mine")).unwrap().names().unwrap(), ["datlake.json"]);
}

#[test]
fn what_files_by_themselves_lose_is_reported() {
    let (lake, folder) = (lake(), tempfile::tempdir().unwrap());
    fs::create_dir(folder.path().join("empty")).unwrap();
    let run = folder.path().join("run");
    fs::write(&run, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&run, fs::Permissions::from_mode(0o755)).unwrap();
    lake.add_tree("tree", folder.path()).unwrap();
    assert_eq!(not_kept(&lake).len(), 0, "a tree keeps both");
    lake.add_each("each", folder.path()).unwrap();
    let reasons: Vec<_> = not_kept(&lake).into_iter().map(|(_, why)| why).collect();
    assert!(reasons[0].contains("executable") && reasons[1].contains("empty folders"), "{reasons:?}");
    lake.add_path("run", &run).unwrap();
    assert_eq!(not_kept(&lake).len(), 1);
}

/// Links within, out of it, in circles, to folders and to nothing.
fn linked() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("data/empty")).unwrap();
    fs::write(at("data/a.txt"), "a").unwrap();
    fs::write(at("run.sh"), "true").unwrap();
    fs::set_permissions(at("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    for (link, target) in [
        ("latest", "data/a.txt"),
        ("data/up", "../latest"),
        ("folder", "data"),
        ("later", "not/yet"),
        ("round", "about"),
        ("about", "./round"),
    ] {
        std::os::unix::fs::symlink(target, at(link)).unwrap();
    }
    folder
}

#[test]
fn a_tree_keeps_links_empty_folders_and_what_may_be_executed() {
    let (lake, folder) = (lake(), linked());
    let tree = lake.add_tree("tree", folder.path()).unwrap();
    let link = |target: &str| TreeEntry::Link(target.to_owned());
    let entries = tree.entries().unwrap();
    let find = |path: &str| entries.iter().find(|(at, _)| *at == path).unwrap().1.clone();
    assert_eq!(
        (find("latest"), find("data/up"), find("round")),
        (link("data/a.txt"), link("../latest"), link("about"))
    );
    assert_eq!(find("data/empty"), TreeEntry::Folder);
    assert!(matches!(find("run.sh"), TreeEntry::File { executable: true, size: 4, .. }));
    assert!(matches!(find("data/a.txt"), TreeEntry::File { executable: false, .. }));
    // A link to a file is read as that file; what leads nowhere, in a circle or to a folder is none.
    assert_eq!(tree.names().unwrap(), ["data/a.txt", "data/up", "latest", "run.sh"]);
    assert_eq!(tree.get("data/up").unwrap().read_to_string().unwrap(), "a");
    for none in ["folder", "later", "round", "data/empty"] {
        check_error(tree.get(none), ErrorKind::NotFound, &[none]);
    }
    // What may be executed, and where a link leads, is content.
    let digest = tree.digest();
    fs::set_permissions(folder.path().join("run.sh"), fs::Permissions::from_mode(0o644)).unwrap();
    assert_ne!(lake.add_tree("other", folder.path()).unwrap().digest(), digest);
}

#[test]
fn no_link_is_followed_out_of_a_folder_unless_that_is_said() {
    let (lake, folder, outside) = (lake(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let secret = outside.path().join("secret.txt");
    fs::write(&secret, "secret").unwrap();
    let inside = |name: &str| folder.path().join(name);
    std::os::unix::fs::symlink(&secret, inside("absolute")).unwrap();
    let up = std::path::Path::new("..").join(outside.path().file_name().unwrap()).join("secret.txt");
    std::os::unix::fs::symlink(up, inside("relative")).unwrap();
    std::os::unix::fs::symlink("absolute", inside("through")).unwrap();
    let out = ["absolute`: it is a link that leads out", "relative`: it is a link that leads out"];
    check_error(lake.add_tree("tree", folder.path()).map(drop), ErrorKind::InvalidInput, &out);
    check_error(
        lake.add_each("each", folder.path()),
        ErrorKind::InvalidInput,
        &[out[0], out[1], "through`: it is a link"],
    );
    let tree = lake.add_folder("tree", &LocalFolder::read(folder.path()).unwrap().skip_unusable()).unwrap();
    // What a link within leads to was left out.
    assert!(tree.names().unwrap().is_empty());
    let followed = LocalFolder::read(folder.path()).unwrap().follow_links();
    let tree = lake.add_folder("followed", &followed).unwrap();
    assert_eq!(tree.names().unwrap(), ["absolute", "relative", "through"]);
    assert_eq!(tree.get("relative").unwrap().read_to_string().unwrap(), "secret");
    assert_eq!(lake.add_each_of("each", &followed).unwrap().len(), 3);
}

/// A pipe into which somebody writes, once.
fn written_to(folder: &TempDir) -> (PathBuf, std::thread::JoinHandle<()>) {
    let path = folder.path().join("pipe");
    if !path.exists() {
        pipe(&path);
    }
    let to = path.clone();
    let writer = std::thread::spawn(move || {
        fs::OpenOptions::new().write(true).open(to).unwrap().write_all(&[b'x'; 200_000]).unwrap();
    });
    (path, writer)
}

#[file_creator]
fn piped(path: &str) -> Result<File> {
    File::from_path("piped.txt", path)
}

#[tokio::test]
async fn a_pipe_is_read_to_its_end() {
    let (lake, folder) = (lake(), tempfile::tempdir().unwrap());
    let (path, writer) = written_to(&folder);
    assert_eq!(lake.add_path("pipe/one", &path).unwrap().len(), 200_000);
    writer.join().unwrap();
    let (path, writer) = written_to(&folder);
    assert_eq!(lake.add_path_async("pipe/two", &path).await.unwrap().len(), 200_000);
    writer.join().unwrap();
    let (path, writer) = written_to(&folder);
    let file = lake.ok("ran piped", || piped(path.to_str().unwrap()));
    assert_eq!(file.read_to_string().unwrap().len(), 200_000);
    writer.join().unwrap();
}

#[test]
fn a_file_of_the_kernel_is_what_is_read_of_it() {
    let lake = lake();
    for path in ["/proc/self/status", "/proc/cpuinfo", "/sys/kernel/mm/transparent_hugepage/enabled"] {
        if Path::new(path).exists() {
            assert!(lake.add_path(&path[1..], path).unwrap().len() > 0, "{path}");
        }
    }
}

#[test]
fn a_device_or_socket_is_refused_before_anything_is_read() {
    let (lake, folder) = (lake(), tempfile::tempdir().unwrap());
    check_error(lake.add_path("zero", "/dev/zero"), ErrorKind::InvalidInput, &["`/dev/zero`", "it is a device"]);
    let path = folder.path().join("socket");
    let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
    check_error(lake.add_path("socket", &path), ErrorKind::InvalidInput, &["socket`", "it is a socket"]);
    let _current = lake.enter();
    check_error(piped("/dev/zero"), ErrorKind::InvalidInput, &["it is a device"]);
}

#[file_creator]
fn named(output_uid: &str) -> Result<File> {
    File::from_bytes(output_uid, "made")
}

#[test]
fn names_that_will_mean_something_else_are_refused_and_those_from_before_can_be_read() {
    let (lake, folder) = (lake(), tempfile::tempdir().unwrap());
    fs::write(folder.path().join("a@{1}"), "").unwrap();
    let refused = |result: Result<(), Error>| check_error(result, ErrorKind::InvalidInput, &["kept for"]);
    for uid in ["main@3f9a:a.csv", "a.csv@{2}"] {
        refused(lake.add_bytes(uid, "a").map(drop));
        refused(lake.create(uid).map(drop));
        refused(lake.add_path(uid, "/etc/hostname").map(drop));
        refused(lake.add_reader(uid, &mut "a".as_bytes()).map(drop));
        refused(lake.add_tree(uid, folder.path()).map(drop));
        refused(lake.check("nothing", || named(uid)).map(drop));
    }
    refused(lake.add_each("each", folder.path()).map(drop));
    // In a tree it is no UID.
    assert_eq!(lake.add_tree("tree", folder.path()).unwrap().names().unwrap(), ["a@{1}"]);
    lake.add_bytes("old", "from before").unwrap();
    let files = lake.home().join("files");
    forge(&files.join("old.datlake"), |text| text.replace(r#""old""#, r#""a.csv@{2}""#));
    fs::rename(files.join("old.datlake"), files.join("a.csv@{2}.datlake")).unwrap();
    assert_eq!(lake.reopened().file("a.csv@{2}").unwrap().read_to_string().unwrap(), "from before");
}

#[file_creator]
fn upper(text: &File) -> Result<File> {
    File::from_bytes("upper.txt", text.read_to_string()?.to_uppercase())
}

#[file_creator]
fn joined(one: &File, other: &File) -> Result<String> {
    Ok(one.read_to_string()? + &other.read_to_string()?)
}

#[test]
fn one_home_is_one_lake_by_whatever_path() {
    let folder = tempfile::tempdir().unwrap();
    let (home, link) = (folder.path().join("home"), folder.path().join("link"));
    let lake = Lake::builder().home(&home).open().unwrap();
    std::os::unix::fs::symlink(&home, &link).unwrap();
    let other = Lake::builder().home(&link).open().unwrap();
    assert_eq!(lake, other);
    assert!(lake == Lake::builder().home(folder.path().join("./home/../home")).open().unwrap());
    let text = other.add_bytes("a.txt", "some").unwrap();
    let _current = lake.enter();
    let made = upper(&text).unwrap();
    assert_eq!(upper(&lake.file("a.txt").unwrap()).unwrap(), made);
    // A copy of it is another.
    let copy = folder.path().join("copy");
    assert!(std::process::Command::new("cp").arg("-r").arg(&home).arg(&copy).status().unwrap().success());
    let copy = Lake::builder().home(copy).open().unwrap();
    assert_ne!(lake, copy);
    check_error(joined(&text, &copy.file("a.txt").unwrap()), ErrorKind::Context, &["lakes never mix"]);
    assert!(joined(&text, &lake.file("a.txt").unwrap()).is_ok());
}

#[test]
fn a_remote_that_is_no_lake_yet_is_reported_once() {
    let machines = Machines::new();
    let told = |lake: &Watched| {
        let events = lake.events();
        events.iter().filter(|event| matches!(event, Event::NewRemote { .. })).count()
    };
    let lake = machines.machine("a");
    // Who only reads may have mistyped it, too.
    check_error(lake.file("a.txt"), ErrorKind::NotFound, &[]);
    assert_eq!(told(&lake), 1);
    lake.add_bytes("a.txt", "a").unwrap();
    assert_eq!(told(&lake), 0);
    let lake = machines.machine("b");
    lake.file("a.txt").unwrap();
    assert_eq!(told(&lake), 0);
}

/// What one remote got, another may lack.
#[test]
fn what_is_unpushed_is_so_for_each_remote() {
    let folder = tempfile::tempdir().unwrap();
    let builder = || Lake::builder().home(folder.path().join("home"));
    let with = |name: &str| builder().remote(format!("file://{}", folder.path().join(name).display())).open().unwrap();
    let unpushed = |lake: &Lake| lake.status().unwrap().unpushed.len();
    with("a").add_bytes("at-a.txt", "a").unwrap();
    builder().offline(true).remote("file:///nowhere").open().unwrap().add_bytes("here.txt", "here").unwrap();

    let b = with("b");
    assert!(!b.exists("nothing").unwrap());
    assert_eq!(unpushed(&b), 2, "what only `a` has too");
    assert_eq!(b.push(&["here.txt"]).unwrap().items.len(), 1);
    b.add_bytes("at-b.txt", "b").unwrap();
    let a = with("a");
    assert!(!a.exists("nothing").unwrap());
    let mut uids: Vec<_> =
        a.status().unwrap().unpushed.into_iter().flat_map(|row| row.uids).map(|uid| uid.to_string()).collect();
    uids.sort();
    assert_eq!(uids, ["at-b.txt", "here.txt"]);
    a.push(&[]).unwrap();
    assert_eq!(unpushed(&a), 0);
    for uid in ["at-a.txt", "at-b.txt", "here.txt"] {
        let other = Lake::builder().home(folder.path().join("other"));
        let other = other.remote(format!("file://{}", folder.path().join("a").display())).open().unwrap();
        assert!(other.exists(uid).unwrap(), "{uid}");
    }
    // The same remote as last time is not looked through.
    assert_eq!(unpushed(&with("a")), 0);
}
