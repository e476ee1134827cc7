//! Content that goes in parts: whole, verified, and in bounded memory whatever its size.

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use datlake_core::{Created, Digest, ErrorKind, Location, WHOLE};
use datlake_store::hash_file;

use crate::servers::Server;

/// What a transfer may take: sixteen parts of 8 MiB, and as much again for what is between us and the network.
const MEMORY: u64 = 256 << 20;

/// One at a time: they measure the memory of the whole process.
static ALONE: Mutex<()> = Mutex::new(());

pub(crate) fn alone() -> impl Drop {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file of `size` bytes that no compression shortens, and its digest.
pub(crate) fn noise(path: &Path, size: u64) -> Digest {
    let mut hasher = blake3::Hasher::new();
    hasher.update(path.to_string_lossy().as_bytes());
    let mut out = io::BufWriter::new(std::fs::File::create(path).unwrap());
    io::copy(&mut io::Read::take(hasher.finalize_xof(), size), &mut out).unwrap();
    out.flush().unwrap();
    hash_file(path).unwrap().0
}

/// The most memory this process ever had.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

pub(crate) struct Hasher(pub(crate) blake3::Hasher);

impl Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn check_there_and_back(server: &Server, size: u64) {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("large");
    let digest = noise(&file, size);
    let (store, at) = (server.store(), Location::Blob(digest));
    let before = peak();
    let start = std::time::Instant::now();
    assert_eq!(pollster::block_on(store.create_from(&at, &file)).unwrap(), Created::New);
    let up = start.elapsed();
    assert_eq!(pollster::block_on(store.create_from(&at, &file)).unwrap(), Created::Exists);
    assert_eq!(pollster::block_on(store.size(&at)).unwrap(), Some(size));
    let start = std::time::Instant::now();
    let mut sink = Hasher(blake3::Hasher::new());
    assert_eq!(pollster::block_on(store.fetch(&at, WHOLE, &mut sink)).unwrap(), Some(size));
    assert_eq!(sink.0.finalize().as_bytes(), digest.as_bytes());
    let memory = peak() - before;
    eprintln!("{} MiB: up {up:?}, down {:?}, {} MiB of memory", size >> 20, start.elapsed(), memory >> 20);
    assert!(memory < MEMORY, "{} MiB of memory", memory >> 20);
    // A range over several parts, which begins and ends within one.
    let (range, mut sink) = ((5 << 20) + 1..(31 << 20) + 3, Vec::new());
    assert_eq!(pollster::block_on(store.fetch(&at, range.clone(), &mut sink)).unwrap(), Some(size));
    assert!(sink == std::fs::read(&file).unwrap()[range.start as usize..range.end as usize]);
    assert!(pollster::block_on(store.remove(&at)).unwrap());
}

#[test]
fn half_a_gibibyte_goes_through_ceph_in_bounded_memory() {
    if let Some(server) = Server::rgw("half_a_gibibyte_goes_through_ceph_in_bounded_memory") {
        check_there_and_back(&server, (512 << 20) + 12_345);
    }
}

#[test]
fn parts_go_through_every_server() {
    let test = "parts_go_through_every_server";
    for server in [Server::moto(test), Server::azurite(test)].into_iter().flatten() {
        check_there_and_back(&server, (40 << 20) + 1);
    }
}

#[test]
fn a_sink_that_fails_ends_a_download() {
    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let Some(server) = Server::rgw("a_sink_that_fails_ends_a_download") else { return };
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("large");
    let (store, at) = (server.store(), Location::Blob(noise(&file, 64 << 20)));
    pollster::block_on(store.create_from(&at, &file)).unwrap();
    // More often than there is room for parts: what a download leaves behind must be free again.
    for _ in 0..8 {
        let error = pollster::block_on(store.fetch(&at, WHOLE, &mut Full(20 << 20))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    }
    let mut sink = Full(64 << 20);
    assert_eq!(pollster::block_on(store.fetch(&at, WHOLE, &mut sink)).unwrap(), Some(64 << 20));
    assert_eq!(sink.0, 0);
}
