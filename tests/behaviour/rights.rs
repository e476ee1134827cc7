//! What each role may do at a real server under the policy of `docs/operations.md`, and what it may not.

use std::fmt::Debug;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use datlake::report::Ability;
use datlake::{Collect, Digest, ErrorKind, File, Lake, MergeOptions, Result, file_creator};
use datlake_core::{Prefix, StoreExt as _};

use crate::servers::{Server, permit};
use crate::support::{Watched, check_error};

#[file_creator]
fn doubled(text: &File) -> Result<File> {
    File::from_bytes("doubled.txt", text.read_to_string()?.repeat(2))
}

#[file_creator]
fn shouted(text: &File) -> Result<File> {
    File::from_bytes("shouted.txt", text.read_to_string()?.to_uppercase())
}

#[file_creator]
fn numbered(n: u32) -> Result<File> {
    File::from_bytes("numbered.txt", n.to_string())
}

/// The statements of each role, as the table there says.
const ROLES: [(&str, &[&str]); 5] = [
    ("reader", &["Find", "Read"]),
    ("writer", &["Find", "Read", "Write", "EndClaims"]),
    ("remover", &["Find", "Read", "Write", "EndClaims", "Remove", "Bury", "Uploads"]),
    ("collector", &["Find", "Read", "Collect", "Sweep"]),
    ("server", &["Find", "Read", "Write", "EndClaims", "Presign"]),
];

/// The policy that the operations page has, for the users of these roles.
fn policy(server: &Server) -> String {
    let page = include_str!("../../docs/operations.md");
    let text = page.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    let text = text.replace("BUCKET", "datlake").replace("FOLDER", server.folder());
    let mut policy: serde_json::Value = serde_json::from_str(&text).unwrap();
    for statement in policy["Statement"].as_array_mut().unwrap() {
        let granted = |statements: &[&str]| statements.contains(&statement["Sid"].as_str().unwrap());
        let who = ROLES.iter().filter(|(_, statements)| granted(statements));
        let who: Vec<_> = who.map(|(role, _)| format!("arn:aws:iam:::user/{role}")).collect();
        assert!(!who.is_empty(), "{statement} is for nobody");
        statement["Principal"] = serde_json::json!({ "AWS": who });
    }
    policy.to_string()
}

#[track_caller]
fn denied<T: Debug>(result: Result<T>) {
    check_error(result, ErrorKind::Denied, &["the server said"]);
}

/// What the lake has, as another machine sees it.
fn names(lake: &Lake) -> Vec<String> {
    lake.list("").unwrap().iter().map(ToString::to_string).collect()
}

/// Who writes puts, commits, branches, tags and merges, and deletes none of that.
fn writes_a_repository(writer: &Lake) {
    let sales = writer.new_repository("sales").create().unwrap();
    let main = sales.default_branch();
    main.put_bytes("jan.csv", "x,1\n").unwrap();
    main.commit("January").unwrap();
    sales.tag("v1").create("main").unwrap();
    let trial = sales.branch("trial").create("main").unwrap();
    trial.put_bytes("feb.csv", "x,2\n").unwrap();
    trial.commit("February").unwrap();
    main.merge("trial", &MergeOptions::default()).unwrap();
    denied(trial.delete());
    // A transaction is merged, and keeps its branch.
    denied(main.transaction("March", |branch| branch.put_bytes("mar.csv", "x,3\n")).map(drop));
    assert_eq!((main.read("mar.csv").unwrap(), sales.transactions().unwrap().len()), (b"x,3\n".to_vec(), 1));
    denied(sales.tag("v1").delete());
    denied(sales.delete());
}

fn reads_a_repository(reader: &Lake) {
    let theirs = reader.repository("sales").unwrap();
    assert_eq!(theirs.reference("v1").read("jan.csv").unwrap(), b"x,1\n");
    denied(theirs.default_branch().put_bytes("mar.csv", "x,3\n").map(drop));
    denied(theirs.branch("mine").create("main").map(drop));
}

/// What is deleted is gone for `other`, too.
fn removes_a_repository(remover: &Lake, other: &Lake) {
    let theirs = remover.repository("sales").unwrap();
    theirs.branch("trial").delete().unwrap();
    theirs.tag("v1").delete().unwrap();
    assert_eq!(other.repository("sales").unwrap().branches().unwrap().len(), 1);
    theirs.delete().unwrap();
}

/// Puts three bytes by a signed URL: the status of the answer.
fn put_by(url: &str) -> u16 {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut connection = TcpStream::connect(host).unwrap();
    let head = format!("PUT /{path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 3\r\nConnection: close\r\n\r\nput");
    connection.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

/// What a URL of theirs may put, and what they may do with that: one that a collector may remove.
fn puts_by_urls(writer: &Lake, remover: &Lake, collector: &Lake, serving: &Lake) -> Digest {
    let put = |lake: &Lake, id: &Digest| {
        let signed = pollster::block_on(lake.sign_upload(*id, Duration::from_secs(600))).unwrap();
        (put_by(&signed.url), pollster::block_on(lake.uploaded(*id)).unwrap().map(|put| put.size))
    };
    let discard = |lake: &Lake, id: &Digest| pollster::block_on(lake.discard_upload(*id));
    let ids = [Digest::of(b"0"), Digest::of(b"1"), Digest::of(b"2")];
    assert_eq!(put(writer, &ids[0]), (403, None));
    assert_eq!(put(collector, &ids[0]), (403, None));
    assert_eq!(put(serving, &ids[1]), (200, Some(3)));
    assert_eq!(put(serving, &ids[2]), (200, Some(3)));
    denied(discard(writer, &ids[1]));
    denied(discard(remover, &ids[1]));
    discard(serving, &ids[1]).unwrap();
    ids[2]
}

#[test]
fn each_role_may_do_what_it_is_for_and_nothing_else() {
    let Some(server) = Server::rgw("each_role_may_do_what_it_is_for_and_nothing_else") else { return };
    permit(&server, &policy(&server));
    let folder = tempfile::tempdir().unwrap();
    let machine = |name: &str, server: &Server| {
        let builder = Lake::builder().home(folder.path().join(name)).remote(&server.url);
        Watched::open(builder.remote_variables(server.variables.clone()))
    };
    let [reader, writer, remover, collector, serving] = ROLES.map(|(role, _)| machine(role, &server.by(role)));
    // A machine that nobody has used yet.
    let new = |name| machine(name, &server.by("reader"));

    // Who writes makes the lake, adds, sends in parts, runs calls, and leaves no claim behind.
    writer.add_bytes("texts/hello.txt", "hello ").unwrap();
    let large: Vec<u8> = (0..(17 << 20)).map(|i: u32| (i % 251) as u8).collect();
    writer.add_bytes("large.bin", &large).unwrap();
    let uid = writer.ok("ran doubled", || doubled(&File::get("texts/hello.txt")?)).uid().unwrap().to_string();
    // They replace a name, and pack records of many calls.
    writer.add_bytes("moved.txt", "one").unwrap();
    writer.replacing().add_bytes("moved.txt", "two").unwrap();
    let numbers = writer.ok("ran numbered ×16", || numbered::calls(0..16).run());
    writer.push(&[]).unwrap();
    let packs = || pollster::block_on(server.store().locations(&Prefix::RecordPacks)).unwrap();
    let first = packs();
    assert_eq!(first.len(), 1);
    assert!(writer.status().unwrap().unpushed.is_empty());
    assert_eq!(pollster::block_on(server.store().locations(&Prefix::Claims)).unwrap(), []);
    denied(writer.remove("texts/hello.txt"));
    denied(writer.remove(&uid));
    denied(writer.remove("moved.txt"));
    denied(writer.collect(Collect::default().exclusive(true)));
    writes_a_repository(&writer);
    let works =
        |lake: &Lake, what| lake.check_remote().unwrap().steps.iter().any(|step| step.what == what && step.works);
    assert!(works(&writer, Ability::CreateConditionally) && !works(&writer, Ability::Delete));

    let kept = puts_by_urls(&writer, &remover, &collector, &serving);

    // Who reads finds and downloads; what it makes stays on its machine.
    let found =
        reader.ok("downloaded doubled.txt, hit doubled", || doubled(&File::get("texts/hello.txt")?)?.read_to_string());
    assert_eq!((found.as_str(), reader.file("large.bin").unwrap().read().unwrap() == large), ("hello hello ", true));
    {
        let _current = reader.enter();
        shouted(&reader.file("texts/hello.txt").unwrap()).unwrap();
    }
    reads_a_repository(&reader);
    reader.add_bytes("mine.txt", "mine").unwrap();
    assert_eq!(reader.status().unwrap().unpushed.len(), 2);
    denied(reader.remove("texts/hello.txt"));
    denied(reader.collect(Collect::default().exclusive(true)));
    assert_eq!(names(&new("first")), ["large.bin", "moved.txt", "texts/hello.txt"]);

    // Who removes takes names and records away, and no content.
    remover.remove("texts/hello.txt").unwrap();
    remover.remove(&uid).unwrap();
    remover.remove("moved.txt").unwrap();
    assert_eq!(pollster::block_on(server.store().locations(&Prefix::VersionsIn(None))).unwrap(), []);
    removes_a_repository(&remover, &new("in between"));
    assert_eq!(new("after").repositories().unwrap().len(), 0);
    numbers[..9].iter().for_each(|file| drop(remover.remove(file.uid().unwrap().as_str()).unwrap()));
    denied(writer.clean());
    assert_eq!(remover.clean().unwrap().uploads, Some(0));
    denied(remover.collect(Collect::default().exclusive(true)));
    assert_eq!(names(&new("second")), ["large.bin"]);

    // Who collects takes content away that nobody names, and names nothing.
    let collected = collector.collect(Collect::default().exclusive(true)).unwrap();
    assert!(collected.remote.unwrap().blobs >= 2);
    assert!(pollster::block_on(reader.uploaded(kept)).unwrap().is_none());
    // The pack is written anew, without what was removed.
    assert!(packs().len() == 1 && packs() != first);
    collector.add_bytes("theirs.txt", "theirs").unwrap();
    assert_eq!(collector.status().unwrap().unpushed.len(), 1);
    denied(collector.remove("large.bin"));
    assert_eq!(names(&new("third")), ["large.bin"]);
    let verified = new("fourth").verify(datlake::Verify::default(), &[]).unwrap();
    assert_eq!((verified.findings, verified.uploads), (Vec::new(), None));
}
