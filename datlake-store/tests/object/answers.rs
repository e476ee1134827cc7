//! Answers whose status says success and whose body does not: of an upload that ends, of a batch, of a listing.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};

use datlake_core::{Created, Error, ErrorKind, Location, Prefix, Result, Store};
use datlake_store::{RemoteOptions, open_remote};
use tempfile::TempDir;

use crate::fake::{Asked, Fake, Fault};
use crate::large::noise;
use crate::wrong::{URL, check_error, create, in_small_parts, name, store};

const INTERNAL: &str =
    "<?xml version=\"1.0\"?>\n \n<Error><Code>InternalError</Code><Message>Try again.</Message></Error>";

fn ends(asked: &Asked) -> bool {
    asked.method == "POST" && asked.query.contains("uploadId")
}

fn begins(asked: &Asked) -> bool {
    asked.method == "POST" && asked.query.starts_with("uploads")
}

fn lists(asked: &Asked) -> bool {
    asked.query.contains("list-type")
}

/// A server on which `fault` befalls the first of those requests.
fn once(which: fn(&Asked) -> bool, fault: Fault) -> Fake {
    let seen = AtomicUsize::new(0);
    Fake::with_plan(move |asked, _| (which(asked) && seen.fetch_add(1, Ordering::SeqCst) == 0).then_some(fault))
}

/// Uploads something in parts; what came of it, and of how many requests of that sort.
fn upload(fake: &Fake, which: fn(&Asked) -> bool) -> (Result<Created>, usize) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("large");
    let digest = noise(&file, 3 << 20);
    let store = open_remote(URL, in_small_parts(fake)).unwrap();
    let created = pollster::block_on(store.create_from(&Location::Blob(digest), &file));
    if created.is_ok() {
        assert!(fake.object(&digest.to_string()).unwrap() == std::fs::read(&file).unwrap());
        assert_eq!(fake.uploads(), 0);
    }
    (created, fake.asked().iter().filter(|asked| which(asked)).count())
}

#[test]
fn an_upload_that_ends_in_an_error_with_status_200_is_ended_again() {
    for fault in [
        Fault::Say("", INTERNAL),
        Fault::Say("", "<Error><Code>SlowDown</Code></Error>"),
        Fault::Say("", "<Error><Code>NeverHeardOf</Code></Error>"),
        // White space kept the connection open, and then the server stopped.
        Fault::Say("", "<?xml version=\"1.0\"?>\n    \n"),
        Fault::Say("", ""),
        Fault::Say("content-type: text/html\r\n", "<html>Bad gateway</html>"),
        // It ended all the same.
        Fault::SayAfter(INTERNAL),
        Fault::SayAfter(""),
    ] {
        let (created, requests) = upload(&once(ends, fault), ends);
        assert_eq!((created.unwrap(), requests), (Created::New, 2), "{fault:?}");
    }
    let (created, requests) = upload(&once(begins, Fault::Say("", INTERNAL)), begins);
    assert_eq!((created.unwrap(), requests), (Created::New, 2));
}

#[test]
fn an_upload_whose_end_is_refused_with_status_200_is_not_ended_again() {
    for (body, kind, says) in [
        (
            "<Error><Code>AccessDenied</Code></Error>",
            ErrorKind::Denied,
            "403 AccessDenied in an answer with the status 200",
        ),
        ("<Error><Code>InvalidPart</Code></Error>", ErrorKind::Io, "400 InvalidPart in an answer with the status 200"),
    ] {
        let (created, requests) = upload(&once(ends, Fault::Say("", body)), ends);
        check_error(created, kind, &[says, URL]);
        assert_eq!(requests, 1);
    }
}

#[test]
fn a_small_object_and_a_removal_refused_with_status_200_are_tried_again() {
    let fake = once(|asked| asked.method == "PUT" && asked.key.contains("a.datlake"), Fault::Say("", INTERNAL));
    assert_eq!(create(&*store(&fake), "a", b"mine").unwrap(), Created::New);
    assert_eq!(fake.object("a.datlake").unwrap(), b"mine");
    let fake = once(|asked| asked.method == "DELETE", Fault::Say("", INTERNAL));
    fake.put("lake/files/a.datlake", b"there");
    assert!(pollster::block_on(store(&fake).remove(&name("a"))).unwrap());
    assert_eq!(fake.object("a.datlake"), None);
}

#[test]
fn an_object_that_looks_like_an_error_is_an_object() {
    let fake = Fake::start();
    fake.put("lake/files/a.datlake", INTERNAL.as_bytes());
    assert_eq!(pollster::block_on(store(&fake).get(&name("a"))).unwrap().unwrap(), INTERNAL.as_bytes());
}

fn listed(store: &dyn Store) -> Result<usize> {
    let mut count = 0;
    let mut visit = |_| {
        count += 1;
        ControlFlow::Continue(())
    };
    pollster::block_on(store.list(&Prefix::Names, &mut visit))?;
    Ok(count)
}

/// What is not listed counts as not there, and may be collected.
#[test]
fn a_listing_that_is_none_is_not_an_empty_one() {
    for body in [
        INTERNAL,
        "",
        "<html><body>Sign in to the airport</body></html>",
        "<ListBucketResult><IsTruncated>false</IsTruncated>",
        "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
    ] {
        let fake = once(lists, Fault::Say("", body));
        fake.put("lake/files/a.datlake", b"there");
        assert_eq!((listed(&*store(&fake)).unwrap(), fake.asked().len()), (1, 2), "{body}");
    }
    let denied = "<Error><Code>AccessDenied</Code></Error>";
    let fake = Fake::with_plan(move |_, _| Some(Fault::Say("", denied)));
    check_error(listed(&*store(&fake)), ErrorKind::Denied, &["403 AccessDenied"]);
}

#[test]
fn a_listing_whose_pages_have_no_end_is_an_error() {
    let page = "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken></ListBucketResult>";
    let fake = Fake::with_plan(move |_, _| Some(Fault::Say("", page)));
    check_error(listed(&*store(&fake)), ErrorKind::Unsupported, &["the same page repeatedly"]);
    assert_eq!(fake.asked().len(), 2);
}

/// As Azure answers: 202 for a batch, and in it a status for what was asked.
fn remove_at_azure(answers: &'static [&'static str]) -> (Result<bool>, usize) {
    let fake = Fake::with_plan(move |_, before| {
        let headers = "content-type: multipart/mixed; boundary=batch_1\r\n";
        Some(Fault::Say(headers, answers.get(before).copied().unwrap_or_default()))
    });
    let variables = [
        ("AZURE_STORAGE_ENDPOINT", format!("{}/account", fake.endpoint)),
        ("AZURE_STORAGE_ACCOUNT_NAME", "account".to_owned()),
        ("AZURE_STORAGE_ACCOUNT_KEY", "aGk=".to_owned()),
        ("AZURE_ALLOW_HTTP", "true".to_owned()),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value)).to_vec();
    let options = RemoteOptions { variables: Some(variables), ..RemoteOptions::default() };
    let removed = pollster::block_on(open_remote("az://bucket/lake", options).unwrap().remove(&name("a")));
    (removed, fake.asked().len())
}

macro_rules! batch {
    ($id:literal, $status:literal, $code:literal) => {
        concat!(
            "--batch_1\r\nContent-Type: application/http\r\nContent-ID: ",
            $id,
            "\r\n\r\nHTTP/1.1 ",
            $status,
            "\r\nx-ms-error-code: ",
            $code,
            "\r\ncontent-length: 0\r\n\r\n\r\n--batch_1--\r\n"
        )
    };
}

#[test]
fn a_batch_that_says_success_may_hold_a_refusal() {
    const GONE: &str = batch!("0", "202 Accepted", "");
    const ABSENT: &str = batch!("0", "404 Not Found", "BlobNotFound");
    for (answers, requests) in [
        (&[GONE] as &[_], 1),
        (&[batch!("0", "503 Server Busy", "ServerBusy"), GONE], 2),
        (&[batch!("0", "500 Failed", "InternalError"), ABSENT], 2),
        // Says nothing of the request, or something of another.
        (&["--batch_1--\r\n", GONE], 2),
        (&["", GONE], 2),
        (&[batch!("7", "202 Accepted", ""), GONE], 2),
    ] {
        let (removed, asked) = remove_at_azure(answers);
        assert_eq!((removed.unwrap_or_else(|e: Error| panic!("{answers:?}: {e}")), asked), (true, requests));
    }
    let (removed, _) = remove_at_azure(&[ABSENT]);
    assert!(!removed.unwrap(), "there was none");
    let (removed, asked) = remove_at_azure(&[batch!("0", "403 Forbidden", "AuthorizationPermissionMismatch")]);
    check_error(removed, ErrorKind::Denied, &["403 AuthorizationPermissionMismatch", "check the credentials"]);
    assert_eq!(asked, 1);
}
