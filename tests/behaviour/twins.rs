//! The asynchronous twins, with tokio's traits: on a tokio runtime and on an executor that knows nothing of tokio.

use std::future::Future;
use std::io::SeekFrom;

use datlake::{ErrorKind, File, Result, Tree, file_creator};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};

use crate::support::{Machines, Watched, check_error, lake};

/// Does `work` in a new lake on every kind of executor.
fn on_each<F: Future<Output = ()>>(work: impl Fn(Watched) -> F) {
    use tokio::runtime::Builder;
    Builder::new_multi_thread().build().unwrap().block_on(work(lake()));
    // Without timers or I/O, of which a program may have none.
    Builder::new_current_thread().build().unwrap().block_on(work(lake()));
    pollster::block_on(work(lake()));
}

#[file_creator]
async fn in_every_way(path: &str) -> Result<Vec<File>> {
    let mut written = File::create_async("written.txt").await?;
    for part in ["a", "b", "c"] {
        written.write_all(part.repeat(50_000).as_bytes()).await?;
        written.flush().await?;
    }
    written.shutdown().await?;
    let written = written.finish().await?;
    let copied = File::from_path_async("copied.txt", path).await?;
    let staged = File::stage("staged.bin")?;
    std::fs::write(&staged, b"staged")?;
    let staged = staged.finish_async().await?;
    let bytes = File::from_bytes_async("bytes.txt", b"bytes").await?;
    for file in [&written, &copied, &staged, &bytes] {
        assert_eq!(file.read_async().await?.len() as u64, file.len());
        assert_eq!(file.path_async().await?.file_name().unwrap(), file.name());
    }
    Ok(vec![written, copied, staged, bytes])
}

#[test]
fn files_are_made_in_every_way() {
    on_each(async |lake| {
        let outside = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(outside.path(), b"copied").unwrap();
        let path = outside.path().to_str().unwrap();
        let files = lake.scope(in_every_way(path)).await.unwrap();
        lake.expect("ran in_every_way");
        assert_eq!(lake.scope(in_every_way(path)).await.unwrap(), files);
        lake.expect("hit in_every_way");
        let mut contents = Vec::new();
        for file in &files {
            contents.push(file.read_to_string_async().await.unwrap());
        }
        assert_eq!(contents[0], ["a", "b", "c"].map(|part| part.repeat(50_000)).concat());
        assert_eq!(contents[1..], ["copied", "staged", "bytes"]);
    });
}

#[test]
fn files_are_read_in_every_way() {
    on_each(async |lake| {
        let mut writer = lake.create_async("lines.txt").await.unwrap();
        writer.write_all(b"one\ntwo\nthree\n").await.unwrap();
        let file = writer.finish().await.unwrap();
        assert_eq!(lake.scope(File::get_async("lines.txt")).await.unwrap(), file);
        assert_eq!(file.read_async().await.unwrap(), b"one\ntwo\nthree\n");
        assert_eq!(file.read_range_async(4..7).await.unwrap(), b"two");
        assert_eq!(file.read_range_async(4..99).await.unwrap().len(), 10);
        assert_eq!(std::fs::read(file.path_async().await.unwrap()).unwrap().len(), 14);

        let mut reader = file.open_async().await.unwrap();
        let mut text = String::new();
        reader.read_line(&mut text).await.unwrap();
        assert_eq!(reader.seek(SeekFrom::Current(4)).await.unwrap(), 8);
        reader.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "one\nthree\n");
        let mut lines = file.open_async().await.unwrap().lines();
        assert_eq!(lines.next_line().await.unwrap().unwrap(), "one");
    });
}

#[test]
fn errors_are_those_of_the_blocking_ones() {
    on_each(async |lake| {
        let missing = lake.scope(File::get_async("missing.txt")).await;
        check_error(missing, ErrorKind::NotFound, &["missing.txt"]);
        let outside = lake.scope(File::from_path_async("x", "/etc/hostname")).await;
        check_error(outside, ErrorKind::Context, &["`x`", "body"]);
        lake.create_async("a").await.unwrap().finish().await.unwrap();
        check_error(lake.create_async("a").await, ErrorKind::AlreadyExists, &["`a`"]);
        check_error(lake.create_async("a/../b").await, ErrorKind::InvalidInput, &["`..`"]);
        let latin1 = lake.add_bytes("latin1", b"\xe9").unwrap();
        check_error(latin1.read_to_string_async().await, ErrorKind::InvalidInput, &["latin1", "UTF-8"]);
    });
}

#[test]
fn a_writer_of_the_lake_that_is_dropped_leaves_nothing() {
    on_each(async |lake| {
        let mut writer = lake.create_async("half.bin").await.unwrap();
        writer.write_all(&[7; 200_000]).await.unwrap();
        drop(writer);
        assert!(!lake.exists("half.bin").unwrap());
        assert_eq!(lake.visible(), (0, 0));
    });
}

#[test]
fn many_tasks_download_once() {
    let machines = Machines::new();
    let bytes = vec![5; 3_000_000];
    machines.machine("a").add_bytes("big.bin", &bytes).unwrap();
    let b = machines.machine("b");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let file = b.scope(File::get_async("big.bin")).await.unwrap();
        let readers = (0..50).map(|_| {
            let file = file.clone();
            tokio::spawn(async move { file.read_async().await.unwrap().len() })
        });
        let lengths = futures_util::future::join_all(readers).await;
        assert!(lengths.into_iter().all(|length| length.unwrap() == bytes.len()));
    });
    b.expect("downloaded big.bin");
}

#[file_creator]
async fn fetched(uid: &str) -> Result<String> {
    File::get_async(uid).await?.read_to_string_async().await
}

#[test]
fn a_file_got_in_an_asynchronous_body_is_an_input() {
    on_each(async |lake| {
        lake.add_bytes("in.txt", "first").unwrap();
        assert_eq!(lake.scope(fetched("in.txt")).await.unwrap(), "first");
        assert_eq!(lake.scope(fetched("in.txt")).await.unwrap(), "first");
        lake.expect("hit fetched, ran fetched");
        lake.remove("in.txt").unwrap();
        lake.add_bytes("in.txt", "second").unwrap();
        assert_eq!(lake.scope(fetched("in.txt")).await.unwrap(), "second");
        lake.expect("ran fetched");
    });
}

#[file_creator]
async fn planted(count: usize) -> Result<Tree> {
    let mut tree = Tree::create("tree")?;
    for n in 0..count {
        tree.add(&n.to_string(), &File::from_bytes_async("leaf", n.to_string()).await?)?;
    }
    tree.finish()
}

#[test]
fn trees_are_made_in_asynchronous_bodies() {
    on_each(async |lake| {
        let tree = lake.scope(planted(3)).await.unwrap();
        assert_eq!(tree.names().unwrap(), ["0", "1", "2"]);
        assert_eq!(tree.get("2").unwrap().read_to_string_async().await.unwrap(), "2");
    });
}

#[test]
fn files_are_added_in_every_way() {
    on_each(async |lake| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("b")).unwrap();
        for name in ["a.txt", "b/c.txt"] {
            std::fs::write(folder.path().join(name), name).unwrap();
        }
        assert_eq!(lake.add_bytes_async("bytes.txt", b"bytes").await.unwrap().len(), 5);
        let path = lake.add_path_async("path.txt", folder.path().join("a.txt")).await.unwrap();
        assert_eq!(path.read_async().await.unwrap(), b"a.txt");
        let large = vec![7; 200_000];
        let read = lake.add_reader_async("read.bin", &large[..]).await.unwrap();
        assert_eq!(read.read_async().await.unwrap(), large);
        // The same bytes again change nothing.
        assert_eq!(lake.add_reader_async("read.bin", &large[..]).await.unwrap(), read);
        let other = lake.add_reader_async("read.bin", &large[1..]).await;
        check_error(other, ErrorKind::AlreadyExists, &["read.bin"]);
        let url = "https://ada:secret@example.org/x";
        let got = lake.add_download_async("got.txt", url, "got".as_bytes()).await.unwrap();
        let source = got.lineage_async().await.unwrap().added().unwrap().source.clone().unwrap();
        assert!(source.contains("example.org") && !source.contains("secret"), "{source}");
        let each = lake.add_each_async("each", folder.path()).await.unwrap();
        assert_eq!((each.len(), each[1].0.uid().unwrap().as_str()), (2, "each/b/c.txt"));
        let tree = lake.add_tree_async("tree", folder.path()).await.unwrap();
        assert_eq!(tree.names_async().await.unwrap(), ["a.txt", "b/c.txt"]);
        assert_eq!(tree.files_async().await.unwrap().len(), 2);
        assert_eq!(tree.get_async("a.txt").await.unwrap().len(), 5);
        let mut text = String::new();
        tree.open_async("b/c.txt").await.unwrap().read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "b/c.txt");
        assert_eq!(lake.scope(Tree::get_uid_async("tree")).await.unwrap(), tree);
        assert!(lake.scope(File::exists_async("each/a.txt")).await.unwrap());
    });
}

#[file_creator]
async fn doubled(of: &File) -> Result<File> {
    File::from_bytes_async("doubled.txt", of.read_to_string_async().await?.repeat(2)).await
}

#[test]
fn a_lake_is_asked_without_blocking() {
    on_each(async |lake| {
        let file = lake.add_bytes_async("in/a.txt", "ab").await.unwrap();
        let call = lake.scope(async { doubled::call(&file).uid_async().await }).await.unwrap();
        assert_eq!(
            lake.scope(async { doubled::call(&file).status_async().await }).await.unwrap(),
            datlake::Status::Missing
        );
        let made = lake.scope(doubled(&file)).await.unwrap();
        let uid = made.uid().unwrap().as_str();
        assert_eq!(uid, call.as_str());
        lake.scope(async {
            assert_eq!(doubled::call(&file).uids_async().await.unwrap(), [call]);
            assert!(doubled::call(&file).lineage_async().await.unwrap().is_some());
            assert!(!doubled::call(&file).explain_async().await.unwrap().to_string().is_empty());
        })
        .await;
        assert_eq!(lake.file_async("in/a.txt").await.unwrap(), file);
        assert_eq!(lake.resolve_async(uid).await.unwrap().as_str(), uid);
        assert_eq!(lake.list_async("in").await.unwrap().len(), 1);
        assert_eq!(lake.list_files_async("in").await.unwrap().files.len(), 1);
        assert_eq!(lake.list_folder_async("").await.unwrap().folders.len(), 1);
        assert_eq!(lake.info_async(uid).await.unwrap().row.size, 4);
        assert_eq!(lake.history_async(Some("doubled")).await.unwrap().calls.len(), 1);
        assert_eq!(lake.history_async(None).await.unwrap().calls.len(), 1);
        let run = lake.runs_async(10).await.unwrap().runs[0].run.clone();
        assert_eq!(lake.run_async(&run).await.unwrap().calls.len(), 1);
        assert_eq!(lake.downstream_async("in/a.txt", 9, 9).await.unwrap().nodes.len(), 1);
        assert_eq!(lake.upstream_async(uid, 9).await.unwrap().nodes.len(), 2);
        assert!(lake.status_async().await.unwrap().blobs >= 2);
        assert!(lake.explain_async(uid).await.is_ok());
        let removal = lake.removal_async(&["in/a.txt"]).await.unwrap();
        check_error(lake.apply_async(&removal, false).await, ErrorKind::InUse, &["doubled"]);
        assert_eq!(lake.apply_async(&removal, true).await.unwrap().len(), 2);
        assert!(!lake.exists_async("in/a.txt").await.unwrap());
        check_error(lake.clean_async().await, ErrorKind::Config, &["the lake has no remote"]);
        lake.add_bytes_async("b", "b").await.unwrap();
        assert_eq!(lake.remove_async("b").await.unwrap().len(), 1);
        let wrong = lake.prunable_async(datlake::Prune::default()).await;
        check_error(wrong, ErrorKind::InvalidInput, &["prune"]);
    });
}

#[test]
fn a_lake_with_a_remote_is_kept_in_order_without_blocking() {
    on_each(async |_| {
        let machines = Machines::new();
        let lake = machines.builder("a").open_async().await.unwrap();
        let file = lake.add_bytes_async("a.txt", "some").await.unwrap();
        assert!(lake.check_remote_async().await.is_ok());
        assert_eq!(lake.evict_async(datlake::Evict::To(0)).await.unwrap().blobs, 1);
        assert!(!file.is_local_async().await.unwrap());
        assert!(file.stored_path_async().await.unwrap().exists());
        assert_eq!(lake.repack_async().await.unwrap().packs, 0);
        assert_eq!(lake.repair_async("a.txt").await.unwrap().items.len(), 1);
        assert!(lake.clean_async().await.is_ok());
        assert_eq!(lake.forget_async(&["a.txt"]).await.unwrap().len(), 1);
        // Not removed: the first lake has files of it open, which some disks keep until they are closed.
        std::fs::rename(machines.remote(), machines.remote().with_extension("gone")).unwrap();
        let lake = machines.builder("a").open_async().await.unwrap();
        assert_eq!(lake.accept_remote_async().await.unwrap(), 0);
    });
}

#[file_creator]
async fn leafy(path: &str) -> Result<Tree> {
    let mut tree = Tree::create_async("tree").await?;
    tree.add_bytes_async("a", b"a").await?.add_path_async("b", path).await?;
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("c"), "c")?;
    tree.add_dir_async(folder.path()).await?;
    tree.finish_async().await
}

#[test]
fn trees_are_made_without_blocking() {
    on_each(async |lake| {
        let outside = tempfile::NamedTempFile::new().unwrap();
        let tree = lake.scope(leafy(outside.path().to_str().unwrap())).await.unwrap();
        assert_eq!(tree.names_async().await.unwrap(), ["a", "b", "c"]);
        assert_eq!(tree.lineage_async().await.unwrap().call().unwrap().outputs.len(), 1);
    });
}

#[file_creator]
async fn asks(what: &str) -> Result<String> {
    let lake = datlake::Lake::current_async().await?;
    match what {
        "add" => drop(lake.add_bytes_async("new", "new").await?),
        "list" => drop(lake.list_async("").await?),
        "status" => drop(lake.status_async().await?),
        _ => drop(lake.repair_async("a").await?),
    }
    Ok("asked".to_owned())
}

#[test]
fn a_twin_knows_the_body_it_is_called_in() {
    on_each(async |lake| {
        for what in ["add", "list", "status", "repair"] {
            check_error(lake.scope(asks(what)).await, ErrorKind::Context, &["in the body of `", "asks`"]);
        }
    });
}

/// Begins and is dropped where it first waits.
async fn begin_and_drop(future: impl Future) {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|cx| {
        let _ = future.as_mut().poll(cx);
        std::task::Poll::Ready(())
    })
    .await;
}

#[test]
fn a_twin_that_is_dropped_leaves_all_or_nothing() {
    on_each(async |lake| {
        let bytes = vec![3; 300_000];
        begin_and_drop(lake.add_bytes_async("whole.bin", &bytes)).await;
        while !lake.exists("whole.bin").unwrap() {
            std::thread::yield_now();
        }
        assert_eq!(lake.file("whole.bin").unwrap().read().unwrap(), bytes);

        let (mut send, receive) = tokio::io::duplex(1000);
        send.write_all(b"half").await.unwrap();
        begin_and_drop(lake.add_reader_async("half.txt", receive)).await;
        begin_and_drop(lake.create_async("never.txt")).await;
        assert!(!lake.exists("half.txt").unwrap() && !lake.exists("never.txt").unwrap());
        assert_eq!(lake.visible(), (0, 1));
    });
}

#[file_creator]
async fn holds_what_it_was_given(n: usize, given: &File) -> Result<Tree> {
    let mut tree = Tree::create("tree")?;
    tree.add("given", given)?.add_bytes("made", n.to_string())?;
    tree.finish()
}

/// Publishing a tree waits for the reading of its manifest: more of them than there are threads must not wait for each other.
#[test]
fn many_asynchronous_bodies_publish_trees_at_once() {
    let lake = lake();
    let given = lake.add_bytes("given.txt", "given").unwrap();
    tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
        let calls = (0..200).map(|n| lake.scope(holds_what_it_was_given(n, &given)));
        let trees = futures_util::future::join_all(calls).await;
        assert!(trees.into_iter().all(|tree| tree.is_ok()));
    });
    lake.expect("ran holds_what_it_was_given ×200");
}
