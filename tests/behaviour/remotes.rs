//! Remotes in folders that are not there yet, not there any more, or other ones than before.

use std::fs;
use std::path::Path;

use datlake::report::{Ability, RemoteState};
use datlake::{ErrorKind, File, Lake, Result, file_creator};

use crate::support::{Machines, check_error, files_below};

#[file_creator]
fn upper(text: &str) -> Result<File> {
    File::from_bytes("upper.txt", text.to_uppercase())
}

/// The id of the lake at `root`.
fn id(root: &Path) -> String {
    let text = fs::read_to_string(root.join("datlake.json")).unwrap();
    text.split('"').find(|part| part.len() == 32).unwrap().to_owned()
}

/// What a share that is not mounted leaves: an empty folder.
fn unmount(machines: &Machines) -> impl Fn() {
    let (remote, aside) = (machines.remote(), machines.remote().with_extension("aside"));
    fs::rename(&remote, &aside).unwrap();
    fs::create_dir(&remote).unwrap();
    move || {
        fs::remove_dir(&remote).unwrap();
        fs::rename(&aside, &remote).unwrap();
    }
}

#[test]
fn reading_makes_no_remote_and_the_first_write_does() {
    let machines = Machines::new();
    let a = machines.machine("a");
    assert_eq!((a.list("").unwrap().len(), a.exists("a.txt").unwrap()), (0, false));
    check_error(a.file("a.txt"), ErrorKind::NotFound, &["a.txt"]);
    assert!(a.ok("nothing", || upper::call("x").lineage()).is_none());
    assert_eq!((a.pull(&[]).unwrap().blobs, a.push(&[]).unwrap().items.len()), (0, 0));
    assert_eq!(a.status().unwrap().remote_state, Some(RemoteState::New));
    let check = a.check_remote().unwrap();
    let tried: Vec<_> = check.steps.iter().map(|step| (step.what, step.works)).collect();
    assert_eq!((check.state, tried), (RemoteState::New, vec![(Ability::List, true), (Ability::Read, true)]));
    assert!(!machines.remote().exists(), "somebody only looked");

    a.add_bytes("a.txt", "some").unwrap();
    assert_eq!(machines.machine("b").file("a.txt").unwrap().read().unwrap(), b"some");
    assert_eq!(a.status().unwrap().remote_state, Some(RemoteState::There));
    assert_eq!(machines.machine("a").check_remote().unwrap().steps.len(), 5);
}

#[test]
fn a_known_remote_that_is_gone_is_not_made_anew_and_what_is_here_works() {
    let machines = Machines::new();
    let a = machines.machine("a");
    a.ok("ran upper", || upper("x"));
    // Who only read it knows it too.
    assert!(!machines.machine("b").exists("a.txt").unwrap());
    let known = id(&machines.remote());
    let mount = unmount(&machines);
    let url = format!("file://{}", machines.remote().display());
    let says = [&*url, &known, "is not there", "mount it", "datlake config check --accept", "DATLAKE_OFFLINE=1"];
    for name in ["a", "b"] {
        let lake = machines.machine(name);
        check_error(lake.add_bytes("new.txt", "new"), ErrorKind::Unavailable, &says);
        check_error(lake.exists("a.txt"), ErrorKind::Unavailable, &says);
        check_error(lake.list(""), ErrorKind::Unavailable, &says);
        let status = lake.status().unwrap();
        assert_eq!(status.remote_state, Some(RemoteState::Wrong));
        assert!(status.remote_problem.unwrap().contains(&known));
        assert!(!lake.check_remote().unwrap().works());
    }
    machines.machine("a").ok("hit upper", || upper("x"));
    assert_eq!(files_below(&machines.remote()), [] as [std::path::PathBuf; 0], "something was made");
    mount();
    machines.machine("b").ok("hit upper", || upper("x"));
}

#[test]
fn a_remote_that_goes_while_a_process_runs_is_neither_empty_nor_written_to() {
    let machines = Machines::new();
    let a = machines.machine("a");
    let file = machines.machine("b").add_bytes("a.txt", "some").unwrap();
    assert!(a.exists("a.txt").unwrap());
    let mount = unmount(&machines);
    let gone = [&*id(&machines.remote().with_extension("aside")), "is not there"];
    check_error(a.file("a.txt").unwrap().read(), ErrorKind::Unavailable, &gone);
    check_error(a.exists("b.txt"), ErrorKind::Unavailable, &gone);
    check_error(a.list(""), ErrorKind::Unavailable, &gone);
    check_error(a.add_bytes("b.txt", "other"), ErrorKind::Unavailable, &gone);
    assert!(fs::read_dir(machines.remote()).unwrap().next().is_none(), "something was made");
    mount();
    assert_eq!(a.file(file.uid().unwrap().as_str()).unwrap().read().unwrap(), b"some");
}

#[test]
fn another_lake_in_its_place_is_taken_only_when_somebody_says_so() {
    let machines = Machines::new();
    machines.machine("a").add_bytes("a.txt", "some").unwrap();
    let known = id(&machines.remote());
    fs::remove_dir_all(machines.remote()).unwrap();
    machines.machine("new").add_bytes("n.txt", "new").unwrap();
    let a = machines.machine("a");
    let says = [&*known, &id(&machines.remote()), "another lake", "datlake config check --accept"];
    check_error(a.exists("n.txt"), ErrorKind::Config, &says);
    check_error(a.add_bytes("b.txt", "other"), ErrorKind::Config, &says);
    assert_eq!(a.accept_remote().unwrap(), 1);
    assert_eq!(a.file("n.txt").unwrap().read().unwrap(), b"new");
    assert!(machines.machine("a").exists("n.txt").unwrap());
    // What the old one had, and is here, is sent to the new one by a push.
    assert_eq!(a.push(&[]).unwrap().items.len(), 1);
    assert_eq!(machines.machine("c").file("a.txt").unwrap().read().unwrap(), b"some");
    assert_eq!(machines.machine("a").accept_remote().unwrap(), 0);
    let nowhere = Lake::temp().unwrap();
    assert_eq!(nowhere.accept_remote().unwrap(), 0);
    assert_eq!(nowhere.status().unwrap().remote_state, None);
}

#[test]
fn a_folder_of_other_things_is_no_remote() {
    let machines = Machines::new();
    fs::create_dir(machines.remote()).unwrap();
    fs::write(machines.remote().join("thesis.txt"), "mine").unwrap();
    let a = machines.machine("a");
    check_error(a.exists("a.txt"), ErrorKind::InvalidInput, &["thesis.txt", "not a lake"]);
    check_error(a.add_bytes("a.txt", "some"), ErrorKind::InvalidInput, &["thesis.txt", "not a lake"]);
    assert_eq!(files_below(&machines.remote()).len(), 1);
}

#[test]
fn a_remote_that_is_made_while_others_look_is_not_gone() {
    for _ in 0..20 {
        let machines = Machines::new();
        let lakes: Vec<_> = (0..3).map(|_| machines.machine("a")).collect();
        std::thread::scope(|scope| {
            for lake in &lakes[1..] {
                scope.spawn(|| while !lake.exists("a.txt").unwrap() {});
            }
            lakes[0].add_bytes("a.txt", "some").unwrap();
        });
    }
}
