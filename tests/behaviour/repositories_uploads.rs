//! Uploads with what is noted beside them, and with conditions.

use datlake::{ErrorKind, MergeOptions};

use crate::repositories::{committed, repository};
use crate::support::{Machines, check_error, lake};

#[test]
fn types_and_notes_go_where_the_object_goes() {
    let lake = lake();
    let (sales, main) = repository(&lake);
    committed(&main, &[("a", "1")]);
    let dev = sales.branch("dev").create("main").unwrap();
    let upload = dev.upload("raw/jan.csv").content_type("text/csv").metadata("rows", "1");
    assert_eq!(upload.put_bytes("x,1\n").unwrap(), dev.stat("raw/jan.csv").unwrap());
    dev.copy_object("dev", "raw/jan.csv", "raw/copy.csv").unwrap();
    dev.upload("raw/other.csv").content_type("text/plain").copy("dev", "raw/jan.csv").unwrap();
    dev.commit("one").unwrap();
    main.merge("dev", &MergeOptions::default()).unwrap();
    for (path, content_type) in
        [("raw/jan.csv", "text/csv"), ("raw/copy.csv", "text/csv"), ("raw/other.csv", "text/plain")]
    {
        let object = sales.reference("main@").stat(path).unwrap();
        assert_eq!((object.content_type.as_deref(), &*object.metadata["rows"]), (Some(content_type), "1"), "{path}");
    }
    // What is put anew has nothing of what was there.
    main.put_bytes("raw/jan.csv", "x,2\n").unwrap();
    let object = main.stat("raw/jan.csv").unwrap();
    assert!(object.content_type.is_none() && object.metadata.is_empty());
    let (object, content) = main.open_object("raw/jan.csv").unwrap();
    assert_eq!((object.size, std::io::read_to_string(content).unwrap()), (4, "x,2\n".to_owned()));
}

#[test]
fn of_several_who_create_one_path_one_does() {
    let machines = Machines::new();
    repository(&machines.machine("0"));
    let lakes: Vec<_> = (0..4).map(|n| (*machines.machine(&n.to_string())).clone()).collect();
    let created: Vec<_> = std::thread::scope(|scope| {
        let tries: Vec<_> = lakes
            .iter()
            .enumerate()
            .map(|(n, lake)| {
                scope.spawn(move || {
                    let main = lake.repository("sales").unwrap().branch("main");
                    main.upload("a").create_only(true).put_bytes(n.to_string())
                })
            })
            .collect();
        tries.into_iter().map(|tried| tried.join().unwrap()).collect()
    });
    let mut created = created.into_iter().enumerate();
    let winner = created.clone().find(|(_, tried)| tried.is_ok()).map(|(n, _)| n).unwrap();
    for (_, tried) in created.by_ref().filter(|(n, _)| *n != winner) {
        check_error(tried, ErrorKind::AlreadyExists, &["there is a `a` at `sales@main` already"]);
    }
    let main = lakes[0].repository("sales").unwrap().branch("main");
    assert_eq!(main.read("a").unwrap(), winner.to_string().into_bytes());
    // What was deleted can be created, also where that is not committed yet.
    main.commit("one").unwrap();
    let again = main.upload("a").create_only(true);
    check_error(again.put_reader(&mut "2".as_bytes()), ErrorKind::AlreadyExists, &[]);
    check_error(again.copy("main", "a"), ErrorKind::AlreadyExists, &[]);
    main.delete_object("a").unwrap();
    again.put_bytes("2").unwrap();
}

#[test]
fn an_account_stands_for_whoever_runs_the_process() {
    let lake = lake();
    let sales = lake.new_repository("sales").on_behalf_of("ada@example.org").create().unwrap();
    assert_eq!(sales.reference("main").commit_info().unwrap().committer, "ada@example.org");
    let main = sales.on_behalf_of("bob@example.org").default_branch();
    main.put_bytes("a", "1").unwrap();
    main.commit("one").unwrap();
    let seen = sales.reference("main").stat("a").unwrap();
    assert_eq!(seen.put_by.as_deref(), Some("bob@example.org"));
    assert_eq!(sales.reference("main").commit_info().unwrap().committer, "bob@example.org");
    assert_eq!(sales, sales.on_behalf_of("bob@example.org"));
    // It goes on as it was for others.
    sales.default_branch().put_bytes("b", "1").unwrap();
    assert_ne!(sales.default_branch().commit("two").unwrap().committer, "bob@example.org");
}
