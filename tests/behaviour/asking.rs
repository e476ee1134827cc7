//! What a body asks the lake: what it gets is an input, what it cannot get it cannot do without, and it learns nothing else.

use std::fs;

use datlake::{ErrorKind, File, Lake, Result, Status, file_creator};

use crate::support::{lake, overwrite};

#[file_creator]
fn combined(name: &str) -> Result<String> {
    let (fixed, named) = (File::get("fixed.txt")?, Lake::current()?.file(name)?);
    Ok(format!("{} {}", fixed.read_to_string()?, named.read_to_string()?))
}

#[test]
fn a_file_got_by_its_uid_in_a_body_is_an_input() {
    let lake = lake();
    let add = |uid: &str, text: &str| {
        lake.remove(uid).unwrap();
        lake.add_bytes(uid, text).unwrap()
    };
    add("fixed.txt", "fixed");
    add("named.txt", "named");
    assert_eq!(lake.ok("ran combined", || combined("named.txt")), "fixed named");
    assert_eq!(lake.ok("hit combined", || combined("named.txt")), "fixed named");
    let lineage = lake.ok("nothing", || combined::call("named.txt").lineage()).unwrap();
    let mut inputs: Vec<_> = lineage.inputs.iter().map(|input| (input.argument.clone(), &*input.name)).collect();
    inputs.sort_unstable();
    assert_eq!(inputs, [(None, "fixed.txt"), (None, "named.txt")]);

    // Other bytes of that name: it runs again, and each state of the lake has its result.
    add("fixed.txt", "other");
    assert!(lake.ok("nothing", || combined::call("named.txt").explain()).to_string().contains("replaced"));
    assert_eq!(lake.ok("ran combined", || combined("named.txt")), "other named");
    assert_eq!(lake.ok("hit combined", || combined("named.txt")), "other named");
    assert_eq!(lake.reopened().ok("hit combined", || combined("named.txt")), "other named");
    add("fixed.txt", "fixed");
    assert_eq!(lake.ok("hit combined", || combined("named.txt")), "fixed named");
    // Gone: it runs, and fails as it would have at first.
    lake.remove("fixed.txt").unwrap();
    lake.fails("failed combined", ErrorKind::NotFound, &["fixed.txt"], || combined("named.txt"));
}

#[test]
fn a_file_of_a_tree_got_by_its_uid_in_a_body_is_an_input() {
    #[file_creator]
    fn of_tree(uid: &str) -> Result<File> {
        let member = File::get(uid)?;
        assert!(!member.read_to_string()?.is_empty());
        Ok(member)
    }
    let lake = lake();
    let folder = tempfile::tempdir().unwrap();
    let add = |text: &str| {
        fs::write(folder.path().join("a"), text).unwrap();
        lake.remove("tree").unwrap();
        lake.add_tree("tree", folder.path()).unwrap()
    };
    add("first");
    assert_eq!(lake.ok("ran of_tree", || of_tree("tree//a")).read().unwrap(), b"first");
    lake.ok("hit of_tree", || of_tree("tree//a"));
    add("second");
    assert_eq!(lake.ok("ran of_tree", || of_tree("tree//a")).read().unwrap(), b"second");
    lake.ok("hit of_tree", || of_tree("tree//a"));
    lake.fails("failed of_tree", ErrorKind::NotFound, &["`tree`", "`b`"], || of_tree("tree//b"));
}

#[test]
fn whether_a_file_exists_decides_nothing_in_a_body() {
    #[file_creator]
    fn falls_back() -> Result<String> {
        match File::get("maybe.txt") {
            Ok(file) => Ok(file.read_to_string().unwrap_or_else(|_| "nothing".to_owned())),
            Err(_) => Ok("nothing".to_owned()),
        }
    }
    let lake = lake();
    // If that were remembered, the file that comes later would never be seen.
    lake.fails("failed falls_back", ErrorKind::NotFound, &["maybe.txt"], falls_back);
    let there = lake.add_bytes("maybe.txt", "there").unwrap();
    // The same where it is there and cannot be read today.
    overwrite(&lake.blob_of(&there), |bytes| bytes[0] ^= 1);
    lake.fails("failed falls_back", ErrorKind::Corrupt, &["maybe.txt", "went on without"], falls_back);
    overwrite(&lake.blob_of(&there), |bytes| bytes[0] ^= 1);
    assert_eq!(lake.ok("ran falls_back", falls_back), "there");
}

#[test]
fn entering_a_lake_in_a_body_is_no_way_around_its_key() {
    #[file_creator]
    fn enters(#[skip] lake: &Lake, scoped: bool) -> Result<String> {
        if scoped {
            return pollster::block_on(lake.scope(async { File::get("a.txt")?.read_to_string() }));
        }
        let _current = lake.enter();
        File::get("a.txt")?.read_to_string()
    }
    #[file_creator]
    fn asks_another(#[skip] lake: &Lake) -> Result<String> {
        lake.file("a.txt")?.read_to_string()
    }
    let (lake, other) = (lake(), crate::support::lake());
    for text in ["first", "second"] {
        lake.remove("a.txt").unwrap();
        lake.add_bytes("a.txt", text).unwrap();
        for scoped in [true, false] {
            assert_eq!(lake.ok("ran enters", || enters(&lake, scoped)), text);
            lake.ok("hit enters", || enters(&lake, scoped));
        }
    }
    other.add_bytes("a.txt", "first").unwrap();
    lake.remove("a.txt").unwrap();
    lake.add_bytes("a.txt", "third").unwrap();
    for scoped in [true, false] {
        lake.fails("failed enters", ErrorKind::Context, &["another lake", "enters"], || enters(&other, scoped));
    }
    lake.fails("failed asks_another", ErrorKind::Context, &["another lake", "asks_another"], || asks_another(&other));
    other.expect("nothing");
}

#[test]
fn a_nested_call_that_could_not_be_looked_up_decides_nothing() {
    #[file_creator]
    fn part(n: u32) -> Result<u32> {
        if n > 9 { Err(datlake::Error::new(ErrorKind::Io, "too large")) } else { Ok(n) }
    }
    #[file_creator(depends_on(part))]
    fn forgiving(n: u32) -> Result<u32> {
        Ok(part(n).unwrap_or(0))
    }
    let lake = lake();
    lake.ok("ran part", || part(1));
    overwrite(&lake.record_of("part"), |bytes| bytes.truncate(9));
    let later = lake.reopened();
    later.fails("failed forgiving", ErrorKind::Corrupt, &["calls/", "went on without"], || forgiving(1));
    // That a body says no is its own affair.
    assert_eq!(later.ok("failed part, ran forgiving", || forgiving(10)), 0);
}

#[file_creator]
fn inner(n: u32) -> Result<u32> {
    Ok(n)
}

#[derive(serde::Serialize, Clone, Copy, Debug)]
enum Ask {
    Exists,
    LakeExists,
    List,
    Remove,
    Add,
    AddPath,
    AddTree,
    Create,
    CreateLater,
    Status,
    CallLineage,
    Explain,
    Lineage,
}

#[file_creator(depends_on(inner))]
fn asks(what: Ask) -> Result<bool> {
    let lake = Lake::current()?;
    match what {
        Ask::Exists => File::exists("a.txt"),
        Ask::LakeExists => lake.exists("a.txt"),
        Ask::List => Ok(lake.list("")?.is_empty()),
        Ask::Remove => Ok(lake.remove("a.txt")?.is_empty()),
        Ask::Add => lake.add_bytes("b.txt", "b").map(|_| true),
        Ask::AddPath => lake.add_path("b.txt", "/etc/hostname").map(|_| true),
        Ask::AddTree => lake.add_tree("b", "/etc/hostname").map(|_| true),
        Ask::Create => lake.create("b.txt").map(|_| true),
        Ask::CreateLater => pollster::block_on(lake.create_async("b.txt")).map(|_| true),
        Ask::Status => Ok(inner::call(1).status()? == Status::Cached),
        Ask::CallLineage => Ok(inner::call(1).lineage()?.is_some()),
        Ask::Explain => inner::call(1).explain().map(|_| true),
        Ask::Lineage => File::get("a.txt")?.lineage().map(|_| true),
    }
}

#[test]
fn what_is_in_the_lake_cannot_be_asked_or_changed_in_a_body() {
    let lake = lake();
    lake.add_bytes("a.txt", "a").unwrap();
    for what in [
        Ask::Exists,
        Ask::LakeExists,
        Ask::List,
        Ask::Remove,
        Ask::Add,
        Ask::AddPath,
        Ask::AddTree,
        Ask::Create,
        Ask::CreateLater,
        Ask::Status,
        Ask::CallLineage,
        Ask::Explain,
        Ask::Lineage,
    ] {
        lake.fails("failed asks", ErrorKind::Context, &["in the body of", "asks"], || asks(what));
    }
    assert_eq!(lake.list("").unwrap().len(), 1);
}
