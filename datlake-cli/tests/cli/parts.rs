//! Uploads in parts, through the gateway of `datlake serve`: servers that are killed while they complete them, and ones with many parts.

use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::multipart::{MultipartStore as _, PartId};
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStoreExt as _, PutPayload, RetryConfig};

use crate::serve::{serve, serving};
use crate::support::{Machine, files_in};

const KEY: &str = "ROOTKEY";
const SECRET: &str = "the-secret-of-root";
/// The last moment at which a server is killed: behind the end.
const LAST: u32 = 9;
/// So long may the server of one request not answer.
const LONGEST: Duration = Duration::from_secs(120);

/// A server that runs until it is killed, and a client of it.
struct Serving {
    child: Child,
    s3: Arc<AmazonS3>,
}

impl Serving {
    fn new(machine: &Machine) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut command = serve(machine);
        command.env("DATLAKE_ROOT_ACCESS_KEY_ID", KEY).env("DATLAKE_ROOT_SECRET_ACCESS_KEY", SECRET);
        let (child, address) = serving(command);
        let once = RetryConfig { max_retries: 0, ..RetryConfig::default() };
        let s3 = AmazonS3Builder::new()
            .with_endpoint(format!("http://{address}"))
            .with_client_options(ClientOptions::new().with_allow_http(true).with_timeout(LONGEST))
            .with_access_key_id(KEY)
            .with_secret_access_key(SECRET)
            .with_region("us-east-1")
            .with_bucket_name("sales")
            .with_retry(once)
            .build()
            .unwrap();
        Self { child, s3: Arc::new(s3) }
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The most memory that it has had, in MiB.
    fn most_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill().and_then(|()| self.child.wait());
    }
}

/// It goes on while nobody waits, as connections of clients need it.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// A machine whose lake has the repository.
fn machine() -> Machine {
    let machine = Machine::new();
    machine.lake().new_repository("sales").create().unwrap();
    machine
}

/// An upload whose parts are there, and what it is to become.
struct Uploaded {
    path: Path,
    id: String,
    parts: Vec<PartId>,
    content: Vec<u8>,
}

async fn uploaded(s3: &Arc<AmazonS3>, name: &str, parts: usize, size: usize) -> Uploaded {
    let path = Path::from(format!("main/{name}"));
    let id = s3.create_multipart(&path).await.unwrap();
    let content: Vec<u8> = (0..parts * size).map(|n| ((n / size) * 31 + n * 7 + name.len()) as u8).collect();
    let mut done = vec![None; parts];
    // Eight at a time, as clients do.
    for first in (0..parts).step_by(8) {
        let sending: Vec<_> = (first..parts.min(first + 8))
            .map(|n| {
                let (s3, path, id) = (Arc::clone(s3), path.clone(), id.clone());
                let piece = PutPayload::from(content[n * size..(n + 1) * size].to_vec());
                (n, tokio::task::spawn(async move { s3.put_part(&path, &id, n, piece).await }))
            })
            .collect();
        for (n, sent) in sending {
            done[n] = Some(sent.await.unwrap().unwrap());
        }
    }
    Uploaded { path, id, parts: done.into_iter().flatten().collect(), content }
}

impl Uploaded {
    async fn complete(&self, s3: &AmazonS3) -> object_store::Result<String> {
        let done = s3.complete_multipart(&self.path, &self.id, self.parts.clone()).await?;
        Ok(done.e_tag.unwrap())
    }

    async fn read(&self, s3: &AmazonS3) -> (Vec<u8>, String) {
        let got = s3.get(&self.path).await.unwrap();
        let tag = got.meta.e_tag.clone().unwrap();
        (got.bytes().await.unwrap().to_vec(), tag)
    }
}

/// How many entries the history of the branch has.
fn entries(machine: &Machine) -> usize {
    files_in(&machine.home()).iter().filter(|path| path.starts_with("repos/") && path.contains("/log/main/")).count()
}

/// The parts that are in the lake's store.
fn parts_left(machine: &Machine) -> usize {
    files_in(&machine.home()).iter().filter(|path| path.starts_with("parts/")).count()
}

#[test]
fn an_upload_is_completed_once_whenever_its_server_is_killed() {
    let (machine, runtime) = (machine(), runtime());
    let [mut dies, stays] = [(); 2].map(|()| Serving::new(&machine));
    let first = runtime.block_on(uploaded(&stays.s3, "first", 10, 100_000));
    let began = Instant::now();
    runtime.block_on(first.complete(&stays.s3)).unwrap();
    let whole = began.elapsed();
    let (mut refused, mut was_put) = (0, 0);
    for eighth in 0..=LAST {
        let upload = runtime.block_on(uploaded(&stays.s3, &format!("at/{eighth}"), 10, 100_000));
        let before = entries(&machine);
        let answered = match eighth {
            // Before it is asked, and once it has answered.
            0 => {
                dies.kill();
                runtime.block_on(upload.complete(&dies.s3))
            }
            LAST => runtime.block_on(upload.complete(&dies.s3)),
            _ => std::thread::scope(|scope| {
                let completing = scope.spawn(|| runtime.block_on(upload.complete(&dies.s3)));
                std::thread::sleep(whole * eighth / 8);
                let pid = dies.child.id().to_string();
                assert!(Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
                completing.join().unwrap()
            }),
        };
        dies.kill();
        let put_before = entries(&machine) - before;
        assert!(put_before <= 1, "{put_before}");
        (refused, was_put) = (refused + usize::from(answered.is_err()), was_put + put_before);
        // What was acknowledged is there, for everybody.
        if let Ok(tag) = &answered {
            assert_eq!(put_before, 1, "at {eighth}");
            assert_eq!(runtime.block_on(upload.read(&stays.s3)), (upload.content.clone(), tag.clone()));
        }
        // Somebody else puts something there: behind the upload, where that had been put.
        let other = (eighth % 3 == 2).then(|| b"of somebody else".to_vec());
        if let Some(other) = &other {
            runtime.block_on(stays.s3.put(&upload.path, other.clone().into())).unwrap();
        }
        // Another server, or the same that came back.
        dies = Serving::new(&machine);
        let (one, two) = if eighth % 2 == 0 { (&stays, &dies) } else { (&dies, &stays) };
        let tags = [one, two, one].map(|server| runtime.block_on(upload.complete(&server.s3)).unwrap());
        assert!(tags.iter().chain(answered.as_ref().ok()).all(|tag| *tag == tags[0]), "{tags:?} {answered:?}");
        assert_eq!(entries(&machine) - before, 1 + other.iter().len(), "at {eighth}");
        let (content, tag) = runtime.block_on(upload.read(&two.s3));
        match other.filter(|_| put_before == 1) {
            Some(other) => assert!(content == other && tag != tags[0], "at {eighth}"),
            None => assert!(content == upload.content && tag == tags[0], "at {eighth}"),
        }
    }
    assert!(refused > 0 && was_put > 0, "refused {refused}, put before it died {was_put}: {whole:?}");
    let began = Instant::now();
    while parts_left(&machine) > 0 {
        assert!(began.elapsed() < LONGEST, "{} parts are left", parts_left(&machine));
        std::thread::sleep(Duration::from_millis(20));
    }
    drop((dies, stays));
    machine.ok(&["verify"]);
}

/// Uploads so many parts: how much memory that took, in MiB, beside what a server has anyway.
fn many_parts(count: usize) -> u64 {
    let (machine, runtime) = (machine(), runtime());
    let server = Serving::new(&machine);
    runtime.block_on(async {
        let few = uploaded(&server.s3, "few", 8, 4096).await;
        few.complete(&server.s3).await.unwrap();
        let memory = server.most_memory();
        let began = Instant::now();
        let upload = uploaded(&server.s3, "many", count, 4096).await;
        let sent = began.elapsed();
        let tag = upload.complete(&server.s3).await.unwrap();
        println!("{count} parts: sent in {sent:?}, completed in {:?}", began.elapsed() - sent);
        assert_eq!(upload.complete(&server.s3).await.unwrap(), tag);
        assert!(upload.read(&server.s3).await == (upload.content.clone(), tag));
        // There is no such number.
        let path = Path::from("main/more");
        let id = server.s3.create_multipart(&path).await.unwrap();
        server.s3.put_part(&path, &id, 9_999, b"the last".to_vec().into()).await.unwrap();
        server.s3.put_part(&path, &id, 10_000, b"one more".to_vec().into()).await.unwrap_err();
        server.most_memory() - memory
    })
}

#[test]
fn an_upload_has_hundreds_of_parts() {
    let memory = many_parts(300);
    assert!(memory < 100, "{memory} MiB");
}

#[test]
#[ignore = "the same as the test above, with as many parts as there may be: minutes"]
fn an_upload_has_ten_thousand_parts() {
    let memory = many_parts(10_000);
    println!("{memory} MiB more");
    assert!(memory < 100, "{memory} MiB");
}
