//! A lake shared through a bucket, on real servers: two machines, and one without a network.

use std::collections::HashSet;
use std::io::Write as _;
use std::sync::Mutex;
use std::time::Duration;

use datlake::report::{Ability, PushOutcome};
use datlake::{ChangeSet, ErrorKind, File, Lake, LakeBuilder, Mirror, Result, Side, Verify, file_creator};
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};

use crate::fake::{Fake, Fault};
use crate::replacing::{text, versions};
use crate::reports::comes_back;
use crate::servers::{Server, s3_at};
use crate::support::{Watched, check_error};

#[file_creator]
fn doubled(text: &File) -> Result<File> {
    let mut out = File::create("doubled.txt")?;
    out.write_all(text.read_to_string()?.repeat(2).as_bytes())?;
    out.finish()
}

#[file_creator]
fn shouted(text: &File) -> Result<File> {
    let mut out = File::create("shouted.txt")?;
    out.write_all(text.read_to_string()?.to_uppercase().as_bytes())?;
    out.finish()
}

fn machine(folder: &tempfile::TempDir, name: &str, server: &Server) -> LakeBuilder {
    let builder = Lake::builder().home(folder.path().join(name)).remote(&server.url);
    builder.remote_variables(server.variables.clone())
}

/// What one machine makes, another finds, and downloads only what it reads. Then neither needs the network.
fn check_two_machines(server: &Server) {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = || {
        let text = File::get("texts/hello.txt")?;
        shouted(&doubled(&text)?)?.read_to_string()
    };
    let one = Watched::open(machine(&folder, "one", server));
    let check = one.check_remote().unwrap();
    assert!(check.works() && check.steps.iter().all(|step| step.works), "{check:?}");
    one.add_bytes("texts/hello.txt", "hello ").unwrap();
    assert_eq!(one.ok("ran doubled, ran shouted", pipeline), "HELLO HELLO ");
    let two = Watched::open(machine(&folder, "two", server));
    assert_eq!(two.ok("downloaded shouted.txt, hit doubled, hit shouted", pipeline), "HELLO HELLO ");
    assert_eq!(two.list("").unwrap(), one.list("").unwrap());
    drop((one, two));

    // A port that was free a moment ago: whoever asks there fails.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let away = Server { url: server.url.clone(), variables: s3_at(&format!("http://127.0.0.1:{port}")) };
    let two = Watched::open(machine(&folder, "two", &away));
    // What is here is used, and said not to be the remote's word.
    assert_eq!(two.ok("hit doubled, hit shouted, not checked texts/hello.txt", pipeline), "HELLO HELLO ");
    two.fails("nothing", ErrorKind::Unavailable, &[&server.url], || File::get("texts/other.txt"));
}

#[test]
fn two_machines_share_a_ceph_bucket() {
    if let Some(server) = Server::rgw("two_machines_share_a_ceph_bucket") {
        check_two_machines(&server);
    }
}

#[test]
fn two_machines_share_a_bucket_of_moto() {
    if let Some(server) = Server::moto("two_machines_share_a_bucket_of_moto") {
        check_two_machines(&server);
    }
}

/// What a plain client gets: the status, the name it would save under, and the bytes.
fn download(url: &str) -> (u16, String, Vec<u8>) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let answer = reqwest::get(url).await.unwrap();
        let name = answer.headers().get("content-disposition").map(|name| name.to_str().unwrap().to_owned());
        (answer.status().as_u16(), name.unwrap_or_default(), answer.bytes().await.unwrap().to_vec())
    })
}

/// Whoever has a URL downloads that file, under its own name, and nothing else. Moto looks at neither names nor signatures.
fn check_urls(server: &Server, is_moto: bool) {
    let folder = tempfile::tempdir().unwrap();
    let lake = machine(&folder, "one", server).open().unwrap();
    let hour = Duration::from_secs(3600);
    let names = [
        ("plain.csv", "attachment; filename=\"plain.csv\""),
        ("two words & more+.csv", "attachment; filename=\"two words & more+.csv\""),
        ("5\" 100%.txt", "attachment; filename=\"5_ 100_.txt\"; filename*=UTF-8''5%22%20100%25.txt"),
        ("naïve €.txt", "attachment; filename=\"na_ve _.txt\"; filename*=UTF-8''na%C3%AFve%20%E2%82%AC.txt"),
    ];
    for (name, header) in names {
        lake.add_bytes(&format!("reports/{name}"), format!("this is {name}")).unwrap();
        let url = lake.url(&format!("reports/{name}"), hour).unwrap();
        assert_eq!((url.name.as_str(), url.temporary), (name, false));
        comes_back(&url);
        let (status, saved_as, bytes) = download(&url.url);
        assert_eq!((status, bytes), (200, format!("this is {name}").into_bytes()));
        assert!(saved_as == header || is_moto, "{saved_as}");
        assert!(!format!("{url:?}").contains("http"), "{url:?}");
    }
    std::fs::create_dir(folder.path().join("cats")).unwrap();
    std::fs::write(folder.path().join("cats/tom.txt"), "tom").unwrap();
    lake.add_tree("animals", folder.path().join("cats")).unwrap();
    let member = lake.url("animals//tom.txt", hour).unwrap();
    let (status, saved_as, bytes) = download(&member.url);
    assert_eq!((status, &*bytes), (200, &b"tom"[..]));
    assert!(saved_as == "attachment; filename=\"tom.txt\"" || is_moto, "{saved_as}");

    // What rests in a pack of a commit has a URL of its own.
    let main = lake.new_repository("sales").create().unwrap().default_branch();
    let packed = (0..10).fold(ChangeSet::new(), |set, n| set.put_bytes(&format!("raw/{n}"), format!("packed {n}")));
    let commit = main.commit_all("packed", &packed).unwrap();
    let there = machine(&folder, "three", server).open().unwrap();
    let object = there.repository("sales").unwrap().branch("main").stat("raw/3").unwrap();
    let signed = pollster::block_on(there.sign_object(&object, hour)).unwrap();
    assert_eq!(download(&signed.url).2, b"packed 3");
    let signed = there.url(&format!("sales@{}:raw/4", commit.id), hour).unwrap();
    assert_eq!(download(&signed.url).2, b"packed 4");

    if !is_moto {
        // It is for that object and that name alone.
        let (url, other) = (lake.url("reports/plain.csv", hour).unwrap(), member.digest.to_string());
        let path = |digest: &str| format!("{}/{digest}", &digest[..2]);
        let moved = url.url.replace(&path(&url.digest.to_string()), &path(&other));
        assert!(moved != url.url && download(&moved).0 == 403);
        let renamed = url.url.replace("plain.csv", "other.csv");
        assert!(renamed != url.url && download(&renamed).0 == 403);
    }

    let fails = |lake: &Lake, uid: &str, expires, kind, says: &str| {
        let error = lake.url(uid, expires).unwrap_err();
        assert!(error.kind() == kind && error.to_string().contains(says), "{error:?}");
    };
    fails(&lake, "animals", hour, ErrorKind::InvalidInput, "it is a tree; `animals//PATH` is a file in it");
    fails(&lake, "nowhere", hour, ErrorKind::NotFound, "no file `nowhere`");
    fails(&lake, "reports/plain.csv", Duration::ZERO, ErrorKind::InvalidInput, "can be valid for 1 second to");
    drop(lake);
    let offline = machine(&folder, "two", server).offline(true).open().unwrap();
    offline.add_bytes("mine.txt", "not sent").unwrap();
    fails(&offline, "mine.txt", hour, ErrorKind::Config, "the lake is offline");
    drop(offline);
    let lake = machine(&folder, "two", server).open().unwrap();
    fails(&lake, "mine.txt", hour, ErrorKind::MissingBlob, "on this machine only; `datlake push mine.txt` sends it");
    lake.push(&["mine.txt"]).unwrap();
    assert_eq!(download(&lake.url("mine.txt", hour).unwrap().url).2, b"not sent");
}

#[test]
fn ceph_gives_out_urls() {
    let Some(server) = Server::rgw("ceph_gives_out_urls") else { return };
    check_urls(&server, false);
    let folder = tempfile::tempdir().unwrap();
    let lake = machine(&folder, "one", &server).open().unwrap();
    lake.add_bytes("a.txt", "a").unwrap();
    let days = |days: u64| lake.url("a.txt", Duration::from_secs(days * 24 * 3600));
    assert_eq!(download(&days(7).unwrap().url).0, 200);
    assert!(days(8).unwrap_err().to_string().contains("to 7 days, no other time"));
}

#[test]
fn azure_gives_out_urls() {
    let Some(server) = Server::azurite("azure_gives_out_urls") else { return };
    check_urls(&server, false);
    // Also in folders whose names are written otherwise in a URL.
    let odd = Server { url: format!("{}/two words", server.url), variables: server.variables.clone() };
    let folder = tempfile::tempdir().unwrap();
    let lake = machine(&folder, "one", &odd).open().unwrap();
    lake.add_bytes("a.txt", "a").unwrap();
    assert_eq!(download(&lake.url("a.txt", Duration::from_secs(60)).unwrap().url).2, b"a");
}

#[test]
fn moto_gives_out_urls_also_of_temporary_credentials() {
    let Some(server) = Server::moto("moto_gives_out_urls_also_of_temporary_credentials") else { return };
    check_urls(&server, true);
    let server = server.with("AWS_SESSION_TOKEN", "hunter2");
    let folder = tempfile::tempdir().unwrap();
    let lake = machine(&folder, "one", &server).open().unwrap();
    lake.add_bytes("a.txt", "a").unwrap();
    let url = lake.url("a.txt", Duration::from_secs(60)).unwrap();
    assert!(url.temporary);
    assert_eq!(download(&url.url).2, b"a");
}

/// What cannot sign says what to do, and `config check` tells.
#[test]
fn without_a_key_nothing_is_signed() {
    let Some(server) = Server::azurite("without_a_key_nothing_is_signed") else { return };
    let folder = tempfile::tempdir().unwrap();
    let presign = |server: &Server, name: &str| {
        let lake = machine(&folder, name, server).open().unwrap();
        let check = lake.check_remote().unwrap();
        check.steps.into_iter().find(|step| step.what == Ability::Presign).map(|step| (step.works, step.problem))
    };
    assert_eq!(presign(&server, "one"), Some((true, None)));
    let lake = machine(&folder, "one", &server).open().unwrap();
    lake.add_bytes("a.txt", "a").unwrap();
    // A signature of the account for everything, in place of its key.
    let mut without = server.with("AZURE_STORAGE_ACCOUNT_KEY", "");
    without.variables.retain(|(name, _)| name != "AZURE_STORAGE_ACCOUNT_KEY");
    let without = without.with("AZURE_STORAGE_SAS_TOKEN", "sv=2020-12-06&ss=b&sig=hunter2");
    let lake = machine(&folder, "one", &without).open().unwrap();
    let error = lake.url("a.txt", Duration::from_secs(60)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("set AZURE_STORAGE_ACCOUNT_KEY") && !error.to_string().contains("hunter2"));
}

/// From one provider to another, and between two stores of one kind, each with credentials of its own.
#[test]
fn a_bucket_is_mirrored_to_another() {
    let (test, mut variables) = ("a_bucket_is_mirrored_to_another", Vec::new());
    let (Some(rgw), Some(moto), Some(azurite)) = (Server::rgw(test), Server::moto(test), Server::azurite(test)) else {
        return;
    };
    variables.extend(rgw.variables.clone());
    variables.extend(azurite.variables.clone());
    variables.extend(moto.variables.iter().map(|(name, value)| (format!("DATLAKE_MIRROR_{name}"), value.clone())));
    let folder = tempfile::tempdir().unwrap();
    let source = Server { url: rgw.url.clone(), variables };
    let one = machine(&folder, "one", &source).open().unwrap();
    {
        let _current = one.enter();
        let text = one.add_bytes("texts/hello.txt", "hello ".repeat(4 << 20)).unwrap();
        doubled(&text).unwrap();
    }
    // A machine that has none of it: all goes through, in parts.
    let two = machine(&folder, "two", &source).open().unwrap();
    for target in [&moto, &azurite] {
        let mirrored = two.mirror(&Mirror::to(&target.url), &[]).unwrap();
        assert!(mirrored.items.len() == 2 && mirrored.is_whole(), "{mirrored:?}");
        let again = two.mirror(&Mirror::to(&target.url), &[]).unwrap();
        assert_eq!((again.items.len(), again.there, again.blobs), (0, 2, 0));
        let there = machine(&folder, &target.url.replace('/', "-"), target).open().unwrap();
        assert_eq!(there.verify(Verify::default().side(Side::Remote), &[]).unwrap().findings, []);
        assert_eq!(there.file("texts/hello.txt").unwrap().len(), 24 << 20);
    }
}

/// Content that nobody names is distinguished from the young by the server's own times.
fn check_collection(server: &Server) {
    use datlake::Collect;
    let folder = tempfile::tempdir().unwrap();
    let window = Duration::from_millis(500);
    let machine = |name| Watched::open(machine(&folder, name, server).window(window));
    let (one, two) = (machine("one"), machine("two"));
    for uid in ["kept.txt", "gone.txt", "again.txt"] {
        one.add_bytes(uid, uid).unwrap();
    }
    one.remove("gone.txt").unwrap();
    one.remove("again.txt").unwrap();
    let at_remote = |how: Collect| two.collect(how.side(Side::Remote)).unwrap().remote.unwrap();
    assert_eq!((at_remote(Collect::default()).condemned, at_remote(Collect::default()).young), (0, 2));
    let soon = Collect::default().grace(Duration::from_secs(1));
    let condemned = loop {
        let collected = at_remote(soon);
        if collected.condemned > 0 {
            break collected.condemned;
        }
        std::thread::sleep(Duration::from_millis(200));
    };
    one.add_bytes("named again.txt", "again.txt").unwrap();
    let swept = at_remote(soon.wait(true));
    assert_eq!(swept.blobs + swept.spared, condemned);
    while at_remote(soon.wait(true)) != Default::default() {}
    assert_eq!(two.verify(Verify::default(), &[]).unwrap().findings, []);
    assert_eq!(machine("three").file("named again.txt").unwrap().read().unwrap(), b"again.txt");
    let dry = two.collect(Collect::default().exclusive(true).dry_run(true)).unwrap();
    assert_eq!(dry.remote.unwrap().blobs, 0);
}

#[test]
fn what_nobody_names_is_collected_from_a_ceph_bucket() {
    if let Some(server) = Server::rgw("what_nobody_names_is_collected_from_a_ceph_bucket") {
        check_collection(&server);
    }
}

#[test]
fn what_nobody_names_is_collected_from_a_bucket_of_moto() {
    if let Some(server) = Server::moto("what_nobody_names_is_collected_from_a_bucket_of_moto") {
        check_collection(&server);
    }
}

#[test]
fn what_nobody_names_is_collected_from_azurite() {
    if let Some(server) = Server::azurite("what_nobody_names_is_collected_from_azurite") {
        check_collection(&server);
    }
}

/// Two machines replace one name, one of them without a network and sent later; a third reads before, between and after.
fn check_replacements(server: &Server) {
    let folder = tempfile::tempdir().unwrap();
    let machine = |name: &str| machine(&folder, name, server).open().unwrap();
    machine("one").add_bytes("x.txt", "first").unwrap();
    assert_eq!(text(&machine("two"), "x.txt"), "first");
    let three = machine("three");
    let held = three.file("x.txt").unwrap();

    let two = self::machine(&folder, "two", server).offline(true).open().unwrap();
    two.replacing().add_bytes("x.txt", "of two").unwrap();
    assert_eq!(
        (versions(&two, "x.txt"), two.status().unwrap().unpushed.len()),
        (vec!["of two".into(), "first".into()], 1)
    );
    drop(two);
    machine("one").replacing().add_bytes("x.txt", "of one").unwrap();
    assert_eq!(versions(&machine("three"), "x.txt"), ["of one", "first"]);

    let two = machine("two");
    assert_eq!(text(&two, "x.txt"), "of two", "until it is sent");
    let pushed = two.push(&[]).unwrap();
    assert!(pushed.items.len() == 1 && pushed.items[0].outcome == PushOutcome::Aside, "{pushed:?}");
    assert!(two.status().unwrap().unpushed.is_empty() && two.push(&[]).unwrap().items.is_empty());
    for name in ["one", "two", "three", "four"] {
        let lake = machine(name);
        assert_eq!(versions(&lake, "x.txt"), ["of one", "of two", "first"], "{name}");
        let aside: Vec<bool> = lake.log("x.txt").unwrap().versions.iter().map(|version| version.aside).collect();
        assert_eq!(aside, [false, true, false], "{name}");
    }
    // What was looked up stays what it was.
    assert_eq!(held.read_to_string().unwrap(), "first");
    machine("two").replacing().add_bytes("x.txt", "of two").unwrap();
    assert_eq!(versions(&machine("three"), "x.txt"), ["of two", "of two", "of one", "first"]);
    assert_eq!(machine("five").verify(Verify::default().side(Side::Remote), &[]).unwrap().findings, []);
}

/// Machines that replace one name at the same time: each replacement is a version, and all machines see them in one order.
fn check_simultaneous_replacements(server: &Server) {
    let folder = tempfile::tempdir().unwrap();
    let open = |name: &str| machine(&folder, name, server).open().unwrap();
    open("one").add_bytes("y.txt", "first").unwrap();
    let replace = |name: &str| {
        let lake = open(name);
        (0..4).for_each(|n| drop(lake.replacing().add_bytes("y.txt", format!("{name} {n}")).unwrap()));
    };
    ["one", "two", "three"].into_par_iter().for_each(replace);
    let seen = versions(&open("four"), "y.txt");
    assert_eq!(versions(&open("one"), "y.txt"), seen);
    assert!(seen.len() == 13 && seen[12] == "first", "{seen:?}");
    for name in ["one", "two", "three"] {
        let theirs: Vec<_> = seen.iter().rev().filter(|version| version.starts_with(name)).collect();
        assert_eq!(theirs, [0, 1, 2, 3].map(|n| format!("{name} {n}")).iter().collect::<Vec<_>>(), "{seen:?}");
    }
    assert_eq!(open("five").verify(Verify::default().side(Side::Remote), &[]).unwrap().findings, []);
}

#[test]
fn machines_replace_a_name_in_a_ceph_bucket() {
    if let Some(server) = Server::rgw("machines_replace_a_name_in_a_ceph_bucket") {
        check_replacements(&server);
        check_simultaneous_replacements(&server);
    }
}

/// Of several that create one object at the same time, moto may let two win.
#[test]
fn machines_replace_a_name_in_a_bucket_of_moto() {
    if let Some(server) = Server::moto("machines_replace_a_name_in_a_bucket_of_moto") {
        check_replacements(&server);
    }
}

#[test]
fn machines_replace_a_name_in_azurite() {
    if let Some(server) = Server::azurite("machines_replace_a_name_in_azurite") {
        check_replacements(&server);
        check_simultaneous_replacements(&server);
    }
}

#[test]
fn a_bucket_of_a_newer_format_is_neither_read_nor_written_whoever_asks() {
    let (fake, folder) = (Fake::start(), tempfile::tempdir().unwrap());
    let server = Server { url: "s3://bucket/lake".to_owned(), variables: s3_at(&fake.endpoint) };
    // The first knows the bucket as it was.
    let open = |name| machine(&folder, name, &server).open().unwrap();
    open("one").add_bytes("a.txt", "some").unwrap();
    assert_eq!(open("two").file("a.txt").unwrap().read().unwrap(), b"some");
    fake.put("lake/datlake.json", b"{\"format\":2,\"what\":\"ever\"}");
    let says = ["s3://bucket/lake/datlake.json", "newer datlake"];
    for name in ["one", "three"] {
        check_error(open(name).add_bytes("b.txt", "more"), ErrorKind::Format, &says);
        check_error(open(name).list(""), ErrorKind::Format, &says);
        check_error(open(name).verify(Verify::default(), &[]), ErrorKind::Format, &says);
        check_error(open(name).file("c.txt"), ErrorKind::Format, &says);
    }
    assert_eq!(fake.object("b.txt.datlake"), None);
    // Nor is another lake in its place taken for it.
    fake.put("lake/datlake.json", b"{\"format\":1,\"id\":\"0123456789abcdef0123456789abcdef\"}");
    check_error(open("one").list(""), ErrorKind::Config, &["s3://bucket/lake", "another lake"]);
}

/// Too large for one request.
#[file_creator]
fn large(n: u8) -> Result<File> {
    File::from_bytes("large.bin", vec![n; 16 << 20 | 1])
}

/// S3 may answer the end of an upload with success, and an error in it. Each upload gets that once, of whatever calls.
#[test]
fn uploads_of_many_calls_that_end_in_an_error_with_status_200_are_ended_again() {
    const ERROR: &str = "<?xml version=\"1.0\"?><Error><Code>InternalError</Code><Message>Try again.</Message></Error>";
    type FanOut = fn() -> Vec<Result<File>>;
    let by_calls: FanOut = || large::calls([1, 2, 3]).run_each();
    let by_rayon: FanOut = || {
        let here = datlake::here();
        [1, 2, 3].into_par_iter().map(|n| here.run(|| large(n))).collect()
    };
    for fan_out in [by_calls, by_rayon] {
        let failed = Mutex::new(HashSet::new());
        let fake = Fake::with_plan(move |asked, _| {
            let ends = asked.method == "POST" && asked.query.contains("uploadId");
            let first = ends && failed.lock().unwrap().insert(asked.query.clone());
            first.then_some(Fault::Say("", ERROR))
        });
        let folder = tempfile::tempdir().unwrap();
        let server = Server { url: "s3://bucket/lake".to_owned(), variables: s3_at(&fake.endpoint) };
        let one = Watched::open(machine(&folder, "one", &server));
        let run = |lake: &Watched| {
            let _current = lake.enter();
            fan_out().into_iter().map(|file| file.unwrap().read().unwrap()).collect::<Vec<_>>()
        };
        let made = run(&one);
        assert_eq!(made, [1, 2, 3].map(|n| vec![n; 16 << 20 | 1]));
        one.expect("ran large ×3");
        assert_eq!(
            fake.asked().iter().filter(|asked| asked.query.contains("uploadId") && asked.method == "POST").count(),
            6
        );
        assert!(one.status().unwrap().unpushed.is_empty());
        let two = Watched::open(machine(&folder, "two", &server));
        assert_eq!(run(&two), made);
        two.expect("downloaded large.bin ×3, hit large ×3");
    }
}
