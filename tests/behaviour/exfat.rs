//! A home on a disk without hard links, and with names of its own.

use std::fs;

use datlake::{Evict, File, Lake, Result, Verify, file_creator};

use crate::disk::{again, folder};
use crate::support::Watched;

#[file_creator]
fn lines_of(text: &File) -> Result<(File, File)> {
    let lines = text.read_to_string()?;
    let (first, rest) = lines.split_once('\n').unwrap_or((&lines, ""));
    let staged = File::stage("the: \"rest\"?.txt")?;
    fs::write(staged.path(), rest)?;
    Ok((File::from_bytes("first.txt", first)?, staged.finish()?))
}

#[test]
fn names_that_a_disk_cannot_have_or_tell_apart_are_names_of_a_lake_there() {
    let test = "names_that_a_disk_cannot_have_or_tell_apart_are_names_of_a_lake_there";
    let Some(folder) = folder(test) else { return };
    let open = |name| {
        let remote = format!("file://{}", folder.path().join("remote").display());
        Watched::open(Lake::builder().home(folder.path().join(name)).remote(remote))
    };
    let lake = open("a");
    let uids = ["a", "A", "é", "É", "e\u{301}", "what?.txt", "a:b", "x./y", "CON", "100%", "%41"];
    for uid in uids {
        lake.add_bytes(uid, format!("content of {uid}\nand more")).unwrap();
    }
    for lake in [open("a"), open("b")] {
        for uid in uids {
            let file = lake.file(uid).unwrap();
            let expected = format!("content of {uid}\nand more");
            assert_eq!(file.read_to_string().unwrap(), expected);
            let path = file.path().unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), expected);
            let name = path.file_name().unwrap().to_str().unwrap();
            assert_eq!(name.replace('_', "?"), uid.rsplit('/').next().unwrap().replace(':', "?"));
        }
        let mut listed: Vec<_> = lake.list("").unwrap().iter().map(ToString::to_string).collect();
        let mut sorted = uids.map(str::to_owned);
        listed.sort();
        sorted.sort();
        assert_eq!(listed, sorted);
    }
    let b = open("b");
    let (first, rest) = b.ok("ran lines_of", || lines_of(&b.file("a")?));
    assert_eq!(
        (first.read_to_string().unwrap(), rest.read_to_string().unwrap()),
        ("content of a".into(), "and more".into())
    );
    lake.remove("A").unwrap();
    for lake in [lake, open("c")] {
        assert!(lake.exists("a").unwrap() && !lake.exists("A").unwrap());
    }
    let again = open("a");
    let (first, _) = again.ok("hit lines_of", || lines_of(&again.file("a")?));
    assert_eq!(first.read_to_string().unwrap(), "content of a");
    let b = open("b");
    let file = b.file("what?.txt").unwrap();
    let (reader, path) = (file.open().unwrap(), file.path().unwrap());
    assert!(b.evict(Evict::To(0)).unwrap().blobs > 0 && !file.is_local().unwrap());
    let expected = "content of what?.txt\nand more";
    assert_eq!(
        (std::io::read_to_string(reader).unwrap(), fs::read_to_string(path).unwrap()),
        (expected.into(), expected.into())
    );
    assert_eq!(b.ok("downloaded what?.txt", || file.read_to_string()), expected);
    assert_eq!(open("b").verify(Verify::default(), &[]).unwrap().findings, []);
}

#[test]
fn a_lake_does_on_a_disk_without_hard_links_what_it_does_elsewhere() {
    let names = ["machines::", "trees::", "prune::", "naming::", "twins::"];
    // Of these some damage content in ways that need times such a disk does not have, or ask how old or how long unread it is.
    let some = [
        "mirrors::a_mirror_is_the_lake_again",
        "mirrors::a_mirror_that_ended_early_goes_on",
        "mirrors::what_is_damaged_or_missing_is_told",
        "collect::at_the_remote_content_is_condemned_first",
        "collect::what_was_removed_goes_from_this_machine",
        "collect::what_somebody_names_again_while_it_is_condemned",
        "limits::what_is_on_this_machine_only_stays",
    ];
    again("a_lake_does_on_a_disk_without_hard_links_what_it_does_elsewhere", &[&names[..], &some].concat());
}
