//! What goes wrong between a store and its server, and what comes of it.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use datlake_core::{CallKey, Created, CreatorName, Digest, Error, ErrorKind, Location, Result, Store, Uid};
use datlake_store::{LocalView, Options, Reach, RemoteOptions, open_remote};
use tempfile::TempDir;

use crate::fake::{Fake, Fault};
use crate::large::noise;
use crate::servers::s3_at;

pub(crate) const URL: &str = "s3://bucket/lake";

fn options(fake: &Fake) -> RemoteOptions {
    RemoteOptions { variables: Some(s3_at(&fake.endpoint)), ..RemoteOptions::default() }
}

pub(crate) fn store(fake: &Fake) -> Arc<dyn Store> {
    open_remote(URL, options(fake)).unwrap()
}

pub(crate) fn name(uid: &str) -> Location {
    Location::Name(Uid::chosen(uid).unwrap())
}

pub(crate) fn create(store: &dyn Store, uid: &str, bytes: &[u8]) -> Result<Created> {
    pollster::block_on(store.create(&name(uid), bytes))
}

#[track_caller]
pub(crate) fn check_error<T: std::fmt::Debug>(result: Result<T>, kind: ErrorKind, says: &[&str]) -> Error {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    for word in says {
        assert!(error.to_string().contains(word), "{error}");
    }
    error
}

#[test]
fn nothing_is_asked_before_something_is_needed() {
    let fake = Fake::start();
    let store = store(&fake);
    assert_eq!(store.describe(), URL);
    assert!(fake.asked().is_empty());
}

#[test]
fn a_create_whose_reply_got_lost_is_ours() {
    let lost = std::sync::Mutex::new(false);
    let fake = Fake::with_plan(move |asked, _| {
        let mut lost = lost.lock().unwrap();
        let first = asked.method == "PUT" && asked.key.contains("a.datlake") && !std::mem::replace(&mut *lost, true);
        first.then_some(Fault::LoseReply)
    });
    let store = store(&fake);
    assert_eq!(create(&*store, "a", b"mine").unwrap(), Created::New);
    assert_eq!(create(&*store, "a", b"mine").unwrap(), Created::Exists, "nothing got lost this time");
}

#[test]
fn after_an_unclear_failure_another_s_object_is_another_s() {
    let refused = std::sync::Mutex::new(false);
    let fake = Fake::with_plan(move |asked, _| {
        let mut refused = refused.lock().unwrap();
        let first = asked.method == "PUT" && asked.key.contains("a.datlake") && !std::mem::replace(&mut *refused, true);
        first.then_some(Fault::Refuse(503, "SlowDown"))
    });
    fake.put("lake/files/a.datlake", b"theirs");
    assert_eq!(create(&*store(&fake), "a", b"mine").unwrap(), Created::Exists);
    assert_eq!(fake.object("a.datlake").unwrap(), b"theirs");
}

#[test]
fn what_passes_is_tried_again_and_what_does_not_is_told_at_once() {
    let fake = Fake::with_plan(|_, before| (before < 2).then_some(Fault::Refuse(503, "SlowDown")));
    fake.put("lake/files/a.datlake", b"there");
    assert_eq!(pollster::block_on(store(&fake).get(&name("a"))).unwrap().unwrap(), b"there");
    assert_eq!(fake.asked().len(), 3);
    for (status, code, kind, says) in [
        (403, "AccessDenied", ErrorKind::Denied, "check the credentials"),
        (403, "RequestTimeTooSkewed", ErrorKind::Clock, "set it right"),
        (404, "NoSuchBucket", ErrorKind::Config, "no such bucket"),
        (301, "PermanentRedirect", ErrorKind::Config, "AWS_REGION"),
        (400, "ExpiredToken", ErrorKind::Denied, "new credentials"),
        (400, "Whatever", ErrorKind::Io, "400 Whatever, \"As planned.\""),
    ] {
        let fake = Fake::with_plan(move |_, _| Some(Fault::Refuse(status, code)));
        check_error(pollster::block_on(store(&fake).get(&name("a"))), kind, &[says, "files/a.datlake", URL]);
        assert_eq!(fake.asked().len(), 1, "{code} is asked again");
    }
}

#[test]
fn why_a_head_was_refused_is_asked_again_where_the_answer_has_a_body() {
    for (code, kind, says) in [
        ("ExpiredToken", ErrorKind::Denied, "new credentials"),
        ("AuthorizationHeaderMalformed", ErrorKind::Config, "AWS_REGION"),
        ("Whatever", ErrorKind::Io, "400 Whatever"),
    ] {
        let fake = Fake::with_plan(move |_, _| Some(Fault::Refuse(400, code)));
        check_error(pollster::block_on(store(&fake).size(&name("a"))), kind, &[says, "files/a.datlake", URL]);
        let methods: Vec<_> = fake.asked().into_iter().map(|asked| asked.method).collect();
        assert_eq!(methods, ["HEAD", "GET"]);
    }
    // One that refuses such requests alone, as a proxy may.
    let fake = Fake::with_plan(|asked, _| (asked.method == "HEAD").then_some(Fault::Refuse(400, "")));
    for bytes in ["", "four"] {
        fake.put("lake/files/a.datlake", bytes.as_bytes());
        assert_eq!(pollster::block_on(store(&fake).size(&name("a"))).unwrap(), Some(bytes.len() as u64));
    }
    assert_eq!(pollster::block_on(store(&fake).size(&name("b"))).unwrap(), None);
}

#[test]
fn a_conflict_that_passes_is_not_an_object_that_exists() {
    let fake = Fake::with_plan(|asked, before| {
        (asked.key.contains("a.datlake") && before < 5).then_some(Fault::Refuse(409, "ConditionalRequestConflict"))
    });
    assert_eq!(create(&*store(&fake), "a", b"mine").unwrap(), Created::New);
    assert_eq!(fake.object("a.datlake").unwrap(), b"mine");
}

#[test]
fn a_store_that_replaces_objects_is_refused_before_anything_is_written() {
    let fake = Fake::replacing();
    fake.put("lake/files/a.datlake", b"theirs");
    let store_ = store(&fake);
    for _ in 0..2 {
        check_error(
            create(&*store_, "a", b"mine"),
            ErrorKind::Unsupported,
            &[URL, "replaces objects", "DATLAKE_UNSAFE_REMOTE=yes"],
        );
    }
    assert_eq!(fake.object("a.datlake").unwrap(), b"theirs");
    // What is there can be read.
    assert_eq!(pollster::block_on(store_.get(&name("a"))).unwrap().unwrap(), b"theirs");

    // Who goes on anyway replaces nothing that can be seen.
    let going_on = open_remote(URL, RemoteOptions { unsafe_creates: true, ..options(&fake) }).unwrap();
    assert_eq!(create(&*going_on, "a", b"mine").unwrap(), Created::Exists);
    assert_eq!(create(&*going_on, "b", b"mine").unwrap(), Created::New);
    assert_eq!(create(&*going_on, "b", b"other").unwrap(), Created::Exists);
    assert_eq!(
        (fake.object("a.datlake").unwrap(), fake.object("b.datlake").unwrap()),
        (b"theirs".to_vec(), b"mine".to_vec())
    );
}

#[test]
fn a_store_that_knows_no_conditions_is_refused_with_the_way_on() {
    let fake = Fake::with_plan(|asked, _| (asked.method == "PUT").then_some(Fault::Refuse(501, "NotImplemented")));
    check_error(
        create(&*store(&fake), "a", b"x"),
        ErrorKind::Unsupported,
        &[URL, "If-None-Match", "DATLAKE_UNSAFE_REMOTE"],
    );
}

#[test]
fn what_a_store_can_do_is_asked_once_for_each_home_and_place() {
    let fake = Fake::start();
    let home = TempDir::new().unwrap();
    let open = |url: &str| {
        let memory = Some(home.path().join("remotes"));
        open_remote(url, RemoteOptions { memory, ..options(&fake) }).unwrap()
    };
    let first = open(URL);
    create(&*first, "a", b"1").unwrap();
    create(&*first, "b", b"1").unwrap();
    // datlake.json is looked for, created, and created again; then the two names.
    assert_eq!(fake.asked().len(), 5);
    create(&*open(URL), "c", b"1").unwrap();
    assert_eq!(fake.asked().len(), 1, "a new process asks again");
    create(&*open("s3://bucket/other"), "c", b"1").unwrap();
    assert_eq!(fake.asked().len(), 4, "another folder is another lake");
}

#[test]
fn a_server_that_only_a_profile_names_is_not_taken_for_another() {
    let (one, two) = (Fake::start(), Fake::replacing());
    let home = TempDir::new().unwrap();
    let open = |fake: &Fake, file: &str| {
        let config = home.path().join(file);
        std::fs::write(&config, format!("[default]\nendpoint_url = {}\n", fake.endpoint)).unwrap();
        let mut variables = s3_at(&fake.endpoint);
        variables.retain(|(name, _)| name != "AWS_ENDPOINT_URL");
        variables.push(("AWS_CONFIG_FILE".to_owned(), config.display().to_string()));
        let (memory, variables) = (Some(home.path().join("remotes")), Some(variables));
        open_remote(URL, RemoteOptions { memory, variables, ..RemoteOptions::default() }).unwrap()
    };
    create(&*open(&one, "one"), "a", b"1").unwrap();
    // The home knows a lake of this name, at another server. This one would replace objects.
    check_error(create(&*open(&two, "two"), "a", b"1"), ErrorKind::Unsupported, &["replaces objects"]);
    assert_eq!(two.object("a.datlake"), None);
    one.asked();
    create(&*open(&one, "three"), "b", b"1").unwrap();
    assert_eq!(one.asked().len(), 1, "the first is known whatever the file is called");
}

#[test]
fn another_lake_in_a_bucket_is_noticed_where_its_description_is_read() {
    let fake = Fake::start();
    let home = TempDir::new().unwrap();
    let memory = Some(home.path().join("remotes"));
    let store = open_remote(URL, RemoteOptions { memory, ..options(&fake) }).unwrap();
    let look = || pollster::block_on(store.get(&Location::Lake));
    // A home that has not written yet knows nothing.
    assert_eq!(look().unwrap(), None);
    create(&*store, "a", b"1").unwrap();
    let there = look().unwrap().unwrap();
    fake.remove("lake/datlake.json");
    check_error(look(), ErrorKind::Unavailable, &[URL, "is not there"]);
    let other = "0123456789abcdef0123456789abcdef";
    fake.put("lake/datlake.json", format!("{{\"format\":1,\"id\":\"{other}\"}}\n").as_bytes());
    check_error(look(), ErrorKind::Config, &[URL, other, "another lake"]);
    fake.put("lake/datlake.json", &there);
    assert_eq!(look().unwrap(), Some(there));
}

#[test]
fn a_lake_of_a_newer_format_is_not_written_to() {
    let fake = Fake::start();
    fake.put("lake/datlake.json", b"{\"format\":2,\"what\":\"ever\"}");
    let says = ["s3://bucket/lake/datlake.json", "upgrade"];
    check_error(create(&*store(&fake), "a", b"x"), ErrorKind::Format, &says);
    assert_eq!(fake.object("a.datlake"), None);
    check_error(pollster::block_on(store(&fake).get(&Location::Lake)), ErrorKind::Format, &says);
}

#[test]
fn a_download_that_breaks_goes_on_at_its_byte() {
    let fake = Fake::with_plan(|asked, before| {
        (asked.key.contains("blobs/") && before < 3).then_some(Fault::CutAfter(100_000))
    });
    let bytes: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    let at = Location::Blob(Digest::of(&bytes));
    fake.put(&format!("lake/{}", at.path()), &bytes);
    let mut sink = Vec::new();
    let size = pollster::block_on(store(&fake).fetch(&at, 7..u64::MAX, &mut sink)).unwrap();
    assert!(size == Some(400_000) && sink == bytes[7..]);
    let starts: Vec<_> =
        fake.asked().into_iter().filter_map(|asked| Some(asked.range?.split('-').next()?.to_owned())).collect();
    assert_eq!(starts, ["bytes=7", "bytes=100007", "bytes=200007", "bytes=300007"]);
}

#[test]
fn a_name_that_makes_too_long_a_key_is_refused_before_anything_is_done() {
    let fake = Fake::start();
    let store = store(&fake);
    let long = |bytes: usize| [vec!["s".repeat(100); bytes / 101], vec!["x".repeat(bytes % 101)]].concat().join("/");
    let record = |bytes| Location::Record(CreatorName::new(&long(bytes)).unwrap(), CallKey::from_bytes([1; 32]));
    // The longest key of a call is in `uses/`; "lake/uses/", digest, creator, key and suffix.
    let most = 1024 - "lake/uses/".len() - 64 - 1 - 1 - 64 - ".datlake".len();
    assert_eq!(pollster::block_on(store.get(&record(most))).unwrap(), None);
    let refused = pollster::block_on(store.get(&record(most + 1)));
    check_error(refused, ErrorKind::InvalidInput, &["1025 bytes", "1024", "name = ", URL]);
    let longest = 1024 - "lake/files/".len() - ".datlake".len();
    assert!(longest > 1000, "every UID fits");
    assert_eq!(fake.asked().len(), 1);
}

#[test]
fn what_is_wrong_with_an_endpoint_is_told_at_once() {
    let fake = Fake::start();
    let get = |variables| {
        let options = RemoteOptions { variables: Some(variables), ..RemoteOptions::default() };
        pollster::block_on(open_remote(URL, options).unwrap().get(&name("a")))
    };
    // What a server without TLS says to who greets it with TLS.
    let plain = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let secure = s3_at(&format!("https://{}", plain.local_addr().unwrap()));
    std::thread::spawn(move || {
        for mut connection in plain.incoming().flatten() {
            let _ = connection.read(&mut [0; 1024]);
            let _ = connection.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    check_error(get(secure), ErrorKind::Untrusted, &["no secure connection", URL]);
    let mut with_password = s3_at(&fake.endpoint.replace("http://", "http://bob:hunter2@"));
    let error =
        check_error(get(with_password.clone()), ErrorKind::Config, &["must be a bare URL without credentials", URL]);
    assert!(!error.to_string().contains("hunter2"), "{error}");
    with_password.retain(|(name, _)| name != "AWS_ENDPOINT_URL");
    with_password.push(("AWS_ENDPOINT_URL_S3".to_owned(), format!("{}?key=hunter2", fake.endpoint)));
    check_error(get(with_password), ErrorKind::Config, &["must be a bare URL without credentials"]);
    let mut strict = s3_at(&fake.endpoint);
    strict.retain(|(name, _)| name != "AWS_ALLOW_HTTP");
    check_error(get(strict), ErrorKind::Config, &["AWS_ALLOW_HTTP=true", URL]);
    let mut half = s3_at(&fake.endpoint);
    half.retain(|(name, _)| name != "AWS_SECRET_ACCESS_KEY");
    check_error(get(half), ErrorKind::Config, &["AWS_SECRET_ACCESS_KEY is not", URL]);
    assert!(fake.asked().is_empty());
}

#[cfg(feature = "aws")]
#[test]
fn uploads_are_counted_over_the_same_connections_as_all_else_and_as_patiently() {
    let fake = Fake::with_plan(|asked, before| {
        (asked.query.contains("uploads") && before < 2).then_some(Fault::Refuse(503, "SlowDown"))
    });
    let home = TempDir::new().unwrap();
    let left = |variables| {
        let remote = RemoteOptions { variables: Some(variables), ..RemoteOptions::default() };
        let options = Options { remote, ..Options::default() };
        let local_view = LocalView::open(home.path(), Reach::Remote(URL), &options).unwrap();
        pollster::block_on(local_view.remote().unwrap().left_uploads(std::time::Duration::ZERO, false))
    };
    assert_eq!(left(s3_at(&fake.endpoint)).unwrap(), Some(0));
    // Only the proxy knows where that is.
    let mut behind = s3_at("http://s3.invalid");
    behind.push(("AWS_PROXY_URL".to_owned(), fake.endpoint.clone()));
    assert_eq!(left(behind).unwrap(), Some(0));
    let refusing = Fake::with_plan(|_, _| Some(Fault::Refuse(403, "AccessDenied")));
    let error = check_error(left(s3_at(&refusing.endpoint)), ErrorKind::Denied, &["list the uploads", URL]);
    assert!(!error.to_string().contains("X-Amz"), "{error}");
}

/// Content above 1 MiB goes up in parts of 1 MiB.
pub(crate) fn in_small_parts(fake: &Fake) -> RemoteOptions {
    RemoteOptions { parts: Some((1 << 20, 1 << 20)), ..options(fake) }
}

/// Changes one byte of a file in place, as a disk does.
fn rot(file: &std::path::Path, at: u64) {
    use std::os::unix::fs::FileExt as _;
    let file = std::fs::File::options().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 1], at).unwrap();
}

#[test]
fn content_that_its_disk_changed_is_not_sent() {
    let folder = TempDir::new().unwrap();
    for size in [300_000, 3 << 20] {
        let file = folder.path().join("file");
        let digest = noise(&file, size);
        let fake = Fake::start();
        let store = open_remote(URL, in_small_parts(&fake)).unwrap();
        let send = || pollster::block_on(store.create_from(&Location::Blob(digest), &file));
        rot(&file, size - 1);
        check_error(send(), ErrorKind::Corrupt, &[&digest.to_string(), "damaged on this machine", URL]);
        assert_eq!((fake.object(&digest.to_string()), fake.uploads()), (None, 0));
        rot(&file, size - 1);
        assert_eq!(send().unwrap(), Created::New);
        assert!(fake.object(&digest.to_string()).unwrap() == std::fs::read(&file).unwrap());
    }
}

#[test]
fn an_upload_goes_on_with_no_part_that_was_other_then_or_is_other_now() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    let digest = noise(&file, 6 << 20);
    let fake = Fake::with_plan({
        let refused = std::sync::Mutex::new(0);
        move |asked, _| {
            let mut refused = refused.lock().unwrap();
            let refuses = *refused < 2 && asked.query.contains("partNumber=4&");
            *refused += usize::from(refuses);
            refuses.then_some(Fault::Refuse(403, "AccessDenied"))
        }
    });
    let memory = Some(folder.path().join("remotes"));
    let store = open_remote(URL, RemoteOptions { memory, ..in_small_parts(&fake) }).unwrap();
    let send = || pollster::block_on(store.create_from(&Location::Blob(digest), &file));
    rot(&file, 7);
    for _ in 0..2 {
        check_error(send(), ErrorKind::Denied, &["check the credentials"]);
        assert_eq!(fake.uploads(), 1, "it may go on");
    }
    // Healed since. The server has a part as it was.
    rot(&file, 7);
    fake.asked();
    assert_eq!(send().unwrap(), Created::New);
    let sent = fake.asked();
    let has_sent = |number| sent.iter().any(|asked| asked.query.contains(&format!("partNumber={number}&")));
    assert!(has_sent(1) && !has_sent(2), "{sent:?}");
    assert!(fake.object(&digest.to_string()).unwrap() == std::fs::read(&file).unwrap());
    assert_eq!(fake.uploads(), 0);
}

#[test]
fn an_upload_that_takes_its_store_long_to_end_is_ended_once() {
    let ends = |asked: &crate::fake::Asked| asked.method == "POST" && asked.query.contains("uploadId");
    // Longer than a small request is waited for.
    let fake = Fake::with_plan(move |asked, _| ends(asked).then_some(Fault::Wait(std::time::Duration::from_secs(32))));
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("large");
    let at = Location::Blob(noise(&file, 2 << 20));
    let store = open_remote(URL, in_small_parts(&fake)).unwrap();
    assert_eq!(pollster::block_on(store.create_from(&at, &file)).unwrap(), Created::New);
    assert_eq!(fake.asked().iter().filter(|asked| ends(asked)).count(), 1);
}

#[test]
fn large_content_gets_through_a_line_that_carries_one_part_at_a_time() {
    let fake = Fake::behind_a_narrow_line();
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("large");
    let digest = noise(&file, 12 << 20);
    let mut variables = s3_at(&fake.endpoint);
    variables.push(("AWS_TIMEOUT".to_owned(), "1s".to_owned()));
    let options = RemoteOptions { variables: Some(variables), ..in_small_parts(&fake) };
    let store = open_remote(URL, options).unwrap();
    let created = pollster::block_on(store.create_from(&Location::Blob(digest), &file)).unwrap();
    assert_eq!((created, fake.uploads()), (Created::New, 0));
    assert!(fake.object(&digest.to_string()).unwrap() == std::fs::read(&file).unwrap());
}
