//! Uploads in parts that break off: they go on where they were, and nothing is forgotten at the server.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use datlake_core::{Created, Digest, Location, Result, WHOLE};
use datlake_store::{LocalView, Options, Progress, Reach, RemoteOptions, open_remote};
use tempfile::TempDir;

use crate::large::{alone, noise};
use crate::servers::{Server, uploads};

const MIB: u64 = 1 << 20;

/// A home that remembers, and large content.
struct Scene {
    server: Server,
    folder: TempDir,
    at: Location,
}

impl Scene {
    fn new(server: Server) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let digest = noise(&folder.path().join("large"), 64 * MIB + 5);
        Self { server, folder, at: Location::Blob(digest) }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("large")
    }

    fn memory(&self) -> PathBuf {
        self.folder.path().join("remotes")
    }

    /// The file of the only upload that is remembered.
    fn journal(&self) -> PathBuf {
        let mut found = fs::read_dir(self.memory().join("uploads")).unwrap();
        let only = found.next().expect("no upload is remembered").unwrap().path();
        assert!(found.next().is_none());
        only
    }

    /// Uploads; until so many bytes are there, if at all. What was told on the way.
    fn upload(&self, memory: Option<&Path>, file: &Path, until: Option<u64>) -> (Option<Result<Created>>, Vec<u64>) {
        let told = Arc::<Mutex<Vec<u64>>>::default();
        let hears = Arc::clone(&told);
        let progress: Progress = Arc::new(move |_, done, _| hears.lock().unwrap().push(done));
        let options = RemoteOptions {
            memory: memory.map(Path::to_owned),
            progress: Some(progress),
            variables: Some(self.server.variables.clone()),
            ..RemoteOptions::default()
        };
        let store = open_remote(&self.server.url, options).unwrap();
        let at = match file == self.file() {
            true => self.at.clone(),
            false => Location::Blob(datlake_store::hash_file(file).unwrap().0),
        };
        let done = pollster::block_on(async {
            let mut uploading = store.create_from(&at, file);
            std::future::poll_fn(|cx| {
                let polled = uploading.as_mut().poll(cx).map(Some);
                let there = told.lock().unwrap().last().copied().unwrap_or(0);
                if until.is_some_and(|until| there >= until) { std::task::Poll::Ready(None) } else { polled }
            })
            .await
        });
        let told = told.lock().unwrap().clone();
        (done, told)
    }

    fn is_whole(&self) {
        let store = self.server.store();
        let mut hasher = blake3::Hasher::new();
        pollster::block_on(store.fetch(&self.at, WHOLE, &mut hasher)).unwrap();
        assert_eq!(Location::Blob(Digest::from_bytes(*hasher.finalize().as_bytes())), self.at);
        assert_eq!(uploads(&self.server), [] as [String; 0], "parts are left at the server");
    }
}

/// On each server that is running.
fn on_each(test: &str, check: impl Fn(Scene)) {
    let _alone = alone();
    for server in [Server::rgw(test), Server::moto(test)].into_iter().flatten() {
        check(Scene::new(server));
    }
}

#[test]
fn an_upload_that_was_dropped_goes_on_where_it_was() {
    on_each("an_upload_that_was_dropped_goes_on_where_it_was", |scene| {
        let memory = scene.memory();
        let (done, told) = scene.upload(Some(&memory), &scene.file(), Some(16 * MIB));
        assert!(done.is_none() && told.last().unwrap() < &(64 * MIB), "{told:?}");
        let (done, again) = scene.upload(Some(&memory), &scene.file(), None);
        assert_eq!(done.unwrap().unwrap(), Created::New);
        assert!(again[0] >= *told.last().unwrap(), "began anew: {told:?} {again:?}");
        assert_eq!(again.last(), Some(&(64 * MIB + 5)));
        scene.is_whole();
        assert!(fs::read_dir(memory.join("uploads")).unwrap().next().is_none());
    });
}

#[test]
fn an_upload_that_the_server_does_not_know_begins_anew() {
    let test = "an_upload_that_the_server_does_not_know_begins_anew";
    let _alone = alone();
    // moto says 500 to that, which is no answer.
    let Some(scene) = Server::rgw(test).map(Scene::new) else { return };
    let memory = scene.memory();
    scene.upload(Some(&memory), &scene.file(), Some(16 * MIB));
    let journal = fs::read_to_string(scene.journal()).unwrap();
    let id = journal.split("\"id\":\"").nth(1).unwrap().split('"').next().unwrap();
    // Somebody tidied up, or its rules did.
    crate::servers::abort(&scene.server, &scene.at.path(), id);
    let (done, told) = scene.upload(Some(&memory), &scene.file(), None);
    assert_eq!(done.unwrap().unwrap(), Created::New);
    assert!(told.contains(&(8 * MIB)), "{told:?}");
    scene.is_whole();
}

#[test]
fn what_was_sent_of_other_content_or_is_no_journal_is_not_gone_on_with() {
    on_each("what_was_sent_of_other_content_or_is_no_journal_is_not_gone_on_with", |scene| {
        let memory = scene.memory();
        scene.upload(Some(&memory), &scene.file(), Some(16 * MIB));
        let journal = fs::read_to_string(scene.journal()).unwrap();
        let id = journal.split("\"id\":\"").nth(1).unwrap().split('"').next().unwrap();
        fs::write(scene.journal(), "{\"store\":\"cut").unwrap();
        let (done, _) = scene.upload(Some(&memory), &scene.file(), None);
        assert_eq!(done.unwrap().unwrap(), Created::New);
        // Nobody knows it any more: that is what the bucket's own rules are for, and `datlake repair`.
        crate::servers::abort(&scene.server, &scene.at.path(), id);
        scene.is_whole();
    });
}

#[test]
fn an_upload_nobody_went_on_with_is_aborted_by_the_next_a_day_later() {
    on_each("an_upload_nobody_went_on_with_is_aborted_by_the_next_a_day_later", |scene| {
        let memory = scene.memory();
        scene.upload(Some(&memory), &scene.file(), Some(16 * MIB));
        let other = scene.folder.path().join("other");
        noise(&other, 20 * MIB);
        scene.upload(Some(&memory), &other, None).0.unwrap().unwrap();
        assert_eq!(uploads(&scene.server).len(), 1, "it may still go on");
        let day = Duration::from_secs(25 * 60 * 60);
        let journal = fs::File::options().write(true).open(scene.journal()).unwrap();
        journal.set_modified(std::time::SystemTime::now() - day).unwrap();
        drop(journal);
        let third = scene.folder.path().join("third");
        noise(&third, 20 * MIB);
        scene.upload(Some(&memory), &third, None).0.unwrap().unwrap();
        assert_eq!(uploads(&scene.server), [] as [String; 0]);
        assert!(fs::read_dir(memory.join("uploads")).unwrap().next().is_none());
    });
}

#[test]
fn where_nothing_is_remembered_a_dropped_upload_is_aborted() {
    on_each("where_nothing_is_remembered_a_dropped_upload_is_aborted", |scene| {
        assert!(scene.upload(None, &scene.file(), Some(16 * MIB)).0.is_none());
        let begun = std::time::Instant::now();
        while !uploads(&scene.server).is_empty() {
            assert!(begun.elapsed().as_secs() < 60, "parts are left at the server");
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(scene.upload(None, &scene.file(), None).0.unwrap().unwrap(), Created::New);
        scene.is_whole();
    });
}

#[test]
fn what_nobody_goes_on_with_is_found_at_the_server_and_aborted() {
    let test = "what_nobody_goes_on_with_is_found_at_the_server_and_aborted";
    on_each(test, |scene| {
        let home = scene.folder.path().join("home");
        let remote = RemoteOptions { variables: Some(scene.server.variables.clone()), ..RemoteOptions::default() };
        let options = Options { remote, ..Options::default() };
        let local_view = LocalView::open(&home, Reach::Remote(&scene.server.url), &options).unwrap();
        let left = |silence| pollster::block_on(local_view.remote().unwrap().left_uploads(silence, false)).unwrap();
        assert_eq!(left(Duration::ZERO), Some(0));
        scene.upload(Some(&scene.memory()), &scene.file(), Some(16 * MIB));
        assert_eq!((left(Duration::from_secs(3600)), left(Duration::ZERO)), (Some(0), Some(1)), "it may be at work");
        assert_eq!(
            pollster::block_on(local_view.remote().unwrap().left_uploads(Duration::from_secs(3600), true)).unwrap(),
            Some(0)
        );
        assert_eq!(uploads(&scene.server).len(), 1);
        assert_eq!(
            pollster::block_on(local_view.remote().unwrap().left_uploads(Duration::ZERO, true)).unwrap(),
            Some(1)
        );
        assert_eq!((uploads(&scene.server).len(), left(Duration::ZERO)), (0, Some(0)));
    });
    if let Some(server) = Server::azurite(test) {
        let remote = RemoteOptions { variables: Some(server.variables.clone()), ..RemoteOptions::default() };
        let folder = tempfile::tempdir().unwrap();
        let local_view =
            LocalView::open(folder.path(), Reach::Remote(&server.url), &Options { remote, ..Options::default() });
        assert_eq!(
            pollster::block_on(local_view.unwrap().remote().unwrap().left_uploads(Duration::ZERO, false)).unwrap(),
            None
        );
    }
}
