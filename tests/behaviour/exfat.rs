//! A home on a disk without hard links, and with names of its own.

use std::fs;

use datlake::{File, Lake, Result, Verify, file_creator};

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
    assert_eq!(open("b").verify(Verify::default(), &[]).unwrap().findings, []);
}

#[test]
fn a_lake_does_on_a_disk_without_hard_links_what_it_does_elsewhere() {
    let names = ["machines::", "trees::", "prune::", "limits::", "mirrors::", "collect::", "naming::", "twins::"];
    // A file has one time there, which of content says nothing about its age. And a test cannot set when it was read alone.
    let but = [
        "what_is_young_is_left_alone",
        "a_sweep_that_died",
        "the_least_recently_used_goes",
        "by_hand_only_what_would_go",
    ];
    again("a_lake_does_on_a_disk_without_hard_links_what_it_does_elsewhere", &names, &but);
}
