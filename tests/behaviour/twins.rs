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
