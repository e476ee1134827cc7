//! Trees: folders as arguments and return values, read file by file.

use std::fs;

use datlake::{ErrorKind, File, Result, Tree, UidKind, file_creator};

use crate::support::{Machines, check_error, files_below, lake};

/// A folder outside any lake.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

const PETS: [(&str, &str); 3] = [("cats/tom.txt", "meow"), ("dogs/rex.txt", "woof"), ("cats/kit.txt", "mew")];

#[test]
fn a_folder_is_added_as_a_tree() {
    let lake = lake();
    let pets = lake.add_tree("pets", folder(&PETS)).unwrap();
    assert_eq!(pets.names().unwrap(), ["cats/kit.txt", "cats/tom.txt", "dogs/rex.txt"]);
    assert_eq!((pets.name(), pets.uid().unwrap().as_str(), pets.to_string().as_str()), ("pets", "pets", "pets"));
    assert!(format!("{pets:?}").contains("pets"));
    let tom = pets.get("cats/tom.txt").unwrap();
    assert_eq!((tom.read_to_string().unwrap().as_str(), tom.name(), tom.len()), ("meow", "cats/tom.txt", 4));
    assert_eq!(tom.to_string(), "pets//cats/tom.txt");
    let UidKind::Member { tree, path } = tom.uid().unwrap().kind() else { panic!("{tom:?}") };
    assert_eq!((tree.as_str(), path.as_str()), ("pets", "cats/tom.txt"));
    assert_eq!(tom.path().unwrap().file_name().unwrap(), "tom.txt");
    assert!(tom.lineage().unwrap().added().is_some());
    let contents: Vec<_> = pets.files().unwrap().iter().map(|file| file.read_to_string().unwrap()).collect();
    assert_eq!(contents, ["mew", "meow", "woof"]);

    // By UID, the tree and what is in it.
    let _current = lake.enter();
    assert_eq!(Tree::get_uid("pets").unwrap(), pets);
    assert_eq!(File::get("pets//cats/tom.txt").unwrap(), tom);
    assert!(File::exists("pets//dogs/rex.txt").unwrap() && !File::exists("pets//dogs/tom.txt").unwrap());
    check_error(File::get("pets//cats"), ErrorKind::NotFound, &["`pets`", "`cats`"]);
    check_error(File::get("pest//cats"), ErrorKind::NotFound, &["`pest`", "nearest", "`pets`"]);
    check_error(pets.get("cats"), ErrorKind::NotFound, &["`pets`", "`cats`"]);
    let text = serde_json::to_string(&pets).unwrap();
    assert_eq!(serde_json::from_str::<Tree>(&text).unwrap(), pets);
}

#[test]
fn a_tree_is_not_a_file_and_a_file_no_tree() {
    let lake = lake();
    let file = lake.add_bytes("file", "datlake tree 2\n").unwrap();
    let tree = lake.add_tree("tree", folder(&[])).unwrap();
    assert!(tree.names().unwrap().is_empty());
    assert_eq!(tree.digest(), file.digest());
    check_error(Tree::try_from(file), ErrorKind::InvalidInput, &["`file`", "not a tree"]);
    check_error(lake.add_bytes("tree", "datlake tree 2\n"), ErrorKind::AlreadyExists, &["`tree`"]);
    check_error(lake.file("file//x"), ErrorKind::InvalidInput, &["not a tree"]);
}

#[test]
fn the_same_folder_again_changes_nothing() {
    let lake = lake();
    let pets = lake.add_tree("pets", folder(&PETS)).unwrap();
    assert_eq!(lake.add_tree("pets", folder(&PETS)).unwrap(), pets);
    check_error(lake.add_tree("pets", folder(&PETS[1..])), ErrorKind::AlreadyExists, &["`pets`"]);
    check_error(lake.add_tree("x", "/nowhere"), ErrorKind::Io, &["/nowhere"]);
    check_error(lake.add_tree("x", "/etc/hostname"), ErrorKind::InvalidInput, &["/etc/hostname", "not a folder"]);
    check_error(lake.remove("pets//cats/tom.txt"), ErrorKind::InvalidInput, &["part of the tree", "`pets`"]);
    assert_eq!(lake.remove("pets").unwrap().len(), 1);
}

#[file_creator]
fn shouted(pets: &Tree, extra: &str) -> Result<Tree> {
    let mut out = Tree::create("shouted")?;
    for pet in pets.files()? {
        let name = pet.name().to_owned();
        if name.starts_with("cats/") {
            out.add(&name, &pet)?;
        } else {
            out.add_bytes(&name, pet.read_to_string()?.to_uppercase())?;
        }
    }
    let made = File::from_bytes("made.txt", extra)?;
    out.add("made/here.txt", &made)?;
    out.add_path("copied.txt", made.path()?)?;
    out.add_dir(folder(&[("sub/x", "x"), ("y", "y")]))?;
    out.finish()
}

#[file_creator]
fn joined(tree: &Tree) -> Result<String> {
    let parts =
        tree.names()?.into_iter().map(|name| tree.open(name).and_then(|reader| Ok(std::io::read_to_string(reader)?)));
    Ok(parts.collect::<Result<Vec<_>>>()?.join(" "))
}

#[file_creator]
fn first_line(file: &File) -> Result<String> {
    Ok(file.read_to_string()?.lines().next().unwrap_or_default().to_owned())
}

#[test]
fn a_tree_is_an_argument_and_a_return_value() {
    let lake = lake();
    let pets = lake.add_tree("pets", folder(&PETS)).unwrap();
    let made = lake.ok("ran shouted", || shouted(&pets, "extra"));
    assert_eq!(lake.ok("hit shouted", || shouted(&pets, "extra")), made);
    let names = ["cats/kit.txt", "cats/tom.txt", "copied.txt", "dogs/rex.txt", "made/here.txt", "sub/x", "y"];
    assert_eq!(made.names().unwrap(), names);
    assert_eq!(lake.ok("ran joined", || joined(&made)), "mew meow extra WOOF extra x y");

    let uid = made.uid().unwrap().to_string();
    let found = Tree::try_from(lake.file(&uid).unwrap()).unwrap();
    assert_eq!(found, made);
    assert_eq!(lake.file(&format!("{uid}//y")).unwrap().read().unwrap(), b"y");
    assert_eq!(made.get("y").unwrap().lineage().unwrap().call(), made.lineage().unwrap().call());
    // As another process sees it.
    let later = lake.reopened();
    assert_eq!(later.ok("hit shouted", || shouted(&Tree::get_uid("pets")?, "extra")).names().unwrap(), names);
}

#[test]
fn a_tree_counts_by_what_is_in_it() {
    let lake = lake();
    let pets = lake.add_tree("pets", folder(&PETS)).unwrap();
    lake.ok("ran joined", || joined(&pets));
    lake.remove("pets").unwrap();
    let other = lake.add_tree("pets", folder(&[PETS[0], PETS[1], ("cats/kit.txt", "purr")])).unwrap();
    lake.ok("ran joined", || joined(&other));
    lake.remove("pets").unwrap();
    lake.ok("hit joined", || joined(&lake.add_tree("pets", folder(&PETS))?));
    // A member counts by content and its name.
    let tom = |tree: &Tree| first_line(&tree.get("cats/tom.txt")?);
    lake.ok("ran first_line", || tom(&pets));
    lake.ok("hit first_line", || tom(&other));
}

#[test]
fn only_the_member_that_is_read_is_downloaded() {
    let machines = Machines::new();
    let a = machines.machine("a");
    a.add_tree("pets", folder(&PETS)).unwrap();
    let b = machines.machine("b");
    let pets = b.ok("nothing", || Tree::get_uid("pets"));
    let tom = b.ok("downloaded pets ×2", || pets.get("cats/tom.txt"));
    assert!(!tom.is_local().unwrap());
    assert_eq!(b.ok("downloaded pets//cats/tom.txt", || tom.read_to_string()), "meow");
    assert_eq!(b.ok("ran first_line", || first_line(&tom)), "meow");
    assert!(!pets.get("dogs/rex.txt").unwrap().is_local().unwrap());

    // Returned by a call, too.
    a.ok("ran shouted", || shouted(&a.file("pets").and_then(Tree::try_from)?, "extra"));
    let made = b.ok("hit shouted", || shouted(&pets, "extra"));
    b.ok("downloaded shouted ×2", || made.names().map(drop));
    let uid = made.uid().unwrap();
    b.ok(&format!("downloaded {uid}//y"), || made.get("y")?.read());
}

#[derive(serde::Serialize, Clone, Copy, Debug)]
enum Wrong {
    Twice,
    FileAndFolder,
    FolderAndFile,
    BadName,
    Forgotten,
    Unfinished,
}

#[file_creator]
fn wrongly(how: Wrong) -> Result<Option<Tree>> {
    let mut tree = Tree::create("tree")?;
    match how {
        Wrong::Twice => drop(tree.add_bytes("a", "1")?.add_bytes("a", "2")?),
        Wrong::FileAndFolder => drop(tree.add_bytes("a", "1")?.add_bytes("a/b", "2")?),
        Wrong::FolderAndFile => drop(tree.add_bytes("a/b", "1")?.add_bytes("a", "2")?),
        Wrong::BadName => drop(tree.add_bytes("../a", "1")?),
        Wrong::Forgotten => {
            tree.finish()?;
            return Ok(None);
        }
        Wrong::Unfinished => return Ok(None),
    }
    tree.finish().map(Some)
}

#[test]
fn what_is_no_folder_is_refused() {
    let lake = lake();
    for (how, kind, says) in [
        (Wrong::Twice, ErrorKind::InvalidInput, "`a`"),
        (Wrong::FileAndFolder, ErrorKind::InvalidInput, "a folder and something else"),
        (Wrong::FolderAndFile, ErrorKind::InvalidInput, "a folder and something else"),
        (Wrong::BadName, ErrorKind::InvalidInput, "`..`"),
        (Wrong::Forgotten, ErrorKind::Outputs, "`tree`"),
        (Wrong::Unfinished, ErrorKind::Outputs, "`tree`"),
    ] {
        lake.fails("failed wrongly", kind, &[says], || wrongly(how));
    }
    assert_eq!(lake.visible(), (0, 0));
}

#[file_creator]
fn picked(tree: &Tree, output_uid: &str) -> Result<(Tree, File, File)> {
    let mut out = Tree::create(output_uid)?;
    out.add_bytes("a", "a")?;
    Ok((out.finish()?, tree.get("cats/tom.txt")?, tree.as_file().clone()))
}

#[test]
fn a_tree_may_have_a_chosen_name_and_members_may_be_passed_on() {
    let lake = lake();
    let pets = lake.add_tree("pets", folder(&PETS)).unwrap();
    let (made, tom, whole) = lake.ok("ran picked", || picked(&pets, "out/tree"));
    assert_eq!(made.uid().unwrap().as_str(), "out/tree");
    assert_eq!(lake.file("out/tree//a").unwrap().read().unwrap(), b"a");
    assert_eq!((tom.to_string().as_str(), whole), ("pets//cats/tom.txt", pets.as_file().clone()));
    let later = lake.reopened();
    let (_, tom, _) = later.ok("hit picked", || picked(&Tree::get_uid("pets")?, "out/tree"));
    assert_eq!(tom.read().unwrap(), b"meow");
    assert_eq!(lake.list("").unwrap().iter().map(File::to_string).collect::<Vec<_>>(), ["out/tree", "pets"]);
}

#[file_creator]
fn text_len(file: &File) -> Result<u64> {
    Ok(file.read()?.len() as u64)
}

/// A file of a tree that is not returned yet is read, passed on and returned beside it.
#[file_creator(depends_on(text_len))]
fn tree_and_file() -> Result<(Tree, File, u64)> {
    let mut tree = Tree::create("pair")?;
    tree.add_bytes("a.txt", "first")?.add_bytes("b/c.txt", "second")?;
    let tree = tree.finish()?;
    let second = tree.get("b/c.txt")?;
    assert_eq!(second.read_to_string()?, "second");
    let len = text_len(&second)?;
    Ok((tree, second, len))
}

#[test]
fn a_file_of_a_staged_tree_is_a_file_of_its_own() {
    let lake = lake();
    let _current = lake.enter();
    let (tree, file, len) = tree_and_file().unwrap();
    assert_eq!((len, file.read_to_string().unwrap().as_str()), (6, "second"));
    assert!(matches!(file.uid().unwrap().kind(), UidKind::Output { index: 1, .. }), "{file:?}");
    assert_eq!(tree.get("b/c.txt").unwrap().digest(), file.digest());
    assert!(matches!(tree.get("a.txt").unwrap().uid().unwrap().kind(), UidKind::Member { .. }));
}

/// A tree of very many files is read and sent by its ranges.
#[test]
fn of_a_large_tree_only_what_is_asked_for_is_moved() {
    let machines = Machines::new();
    let a = machines.machine("a");
    let names: Vec<String> = (0..6000).map(|i| format!("{:02}/{i}.txt", i % 30)).collect();
    let large = folder(&names.iter().map(|name| (&**name, "x")).collect::<Vec<_>>());
    let tree = a.add_tree("large", large.path()).unwrap();
    let ranges = || files_below(&machines.remote().join("blobs")).len();
    let before = ranges();
    fs::write(large.path().join("07/1807.txt"), "changed").unwrap();
    let changed = a.add_tree("changed", large.path()).unwrap();
    // The file, its range and the list of ranges.
    assert_eq!(ranges(), before + 3);
    assert_eq!(changed.names().unwrap(), tree.names().unwrap());

    let b = machines.machine("b");
    let there = b.ok("nothing", || Tree::get_uid("changed"));
    let file = b.ok("downloaded changed ×2", || there.get("07/1807.txt"));
    assert_eq!(b.ok("downloaded changed//07/1807.txt", || file.read_to_string()), "changed");
    b.ok("nothing", || there.get("07/1807.txt").map(drop));
}
