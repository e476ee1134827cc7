//! Parts of large files that are only at the remote: how many bytes move, by how many requests, and what is trusted.

use std::convert::identity;
use std::io::{BufRead as _, Read as _, Seek as _, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex};

use datlake::testing::{Created, Location, Pending, Prefix, Side, Store};
use datlake::{ErrorKind, File, Result, file_creator};
use datlake_core::{Sink, Visit, VisitLevel};
use serde::Serialize;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use crate::delegate::delegate;
use crate::support::{Machines, Watched, blob_in, check_error, overwrite};

const MIB: u64 = 1 << 20;
/// How large a table is here.
const SIZE: u64 = 24 * MIB;

/// Counts what is fetched of content: requests and bytes.
#[derive(Debug)]
struct Counting(Arc<dyn Store>, Arc<Mutex<(u32, u64)>>);

struct Counted<'a>(&'a mut (dyn Write + Send), &'a Mutex<(u32, u64)>);

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let n = self.0.write(bytes)?;
        self.1.lock().unwrap().1 += n as u64;
        Ok(n)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

impl Store for Counting {
    delegate!(0, identity: get create create_from size list list_level remove describe);

    fn fetch<'a>(&'a self, at: &'a Location, range: Range<u64>, sink: Sink<'a>) -> Pending<'a, Option<u64>> {
        self.1.lock().unwrap().0 += 1;
        Box::pin(async move { self.0.fetch(at, range, &mut Counted(sink, &self.1)).await })
    }
}

/// A machine that does not have the tables of another yet, and what it fetches.
struct Afar {
    machines: Machines,
    lake: Watched,
    moved: Arc<Mutex<(u32, u64)>>,
}

impl Afar {
    fn new() -> Self {
        let machines = Machines::new();
        machines.machine("a").add_bytes("a.parquet", table()).unwrap();
        let moved = Arc::<Mutex<_>>::default();
        let counts = Arc::clone(&moved);
        let wrap = move |side, store| match side {
            Side::Local => store,
            Side::Remote => Arc::new(Counting(store, Arc::clone(&counts))) as Arc<dyn Store>,
        };
        let lake = Watched::open(machines.builder("b").wrap_stores(Arc::new(wrap)));
        Self { machines, lake, moved }
    }

    fn table(&self) -> File {
        self.lake.file("a.parquet").unwrap()
    }

    /// What was fetched since this was last asked: requests and bytes.
    fn moved(&self) -> (u32, u64) {
        std::mem::take(&mut self.moved.lock().unwrap())
    }

    /// Damages the content at the remote; its size stays.
    fn damage(&self) {
        let path = blob_in(&self.machines.remote(), &self.table());
        overwrite(&path, |bytes| bytes[SIZE as usize - 9] ^= 1);
    }
}

/// As a Parquet file has it: data, a footer of 1004 bytes, the footer's length, and what ends every one.
fn table() -> Vec<u8> {
    let mut bytes = b"PAR1".to_vec();
    bytes.extend((0..(SIZE - 1016) / 8).flat_map(u64::to_le_bytes));
    bytes.extend([b'f'; 1004]);
    bytes.extend(1004_u32.to_le_bytes());
    bytes.extend(b"PAR1");
    assert_eq!(bytes.len() as u64, SIZE);
    bytes
}

/// Reads the footer as a reader of Parquet does: from the end.
fn footer(reader: &mut (impl std::io::Read + std::io::Seek)) -> Vec<u8> {
    let mut end = [0; 8];
    reader.seek(SeekFrom::End(-8)).unwrap();
    reader.read_exact(&mut end).unwrap();
    assert_eq!(&end[4..], b"PAR1");
    let length = u32::from_le_bytes(end[..4].try_into().unwrap());
    reader.seek(SeekFrom::End(-8 - i64::from(length))).unwrap();
    let mut footer = vec![0; length as usize];
    reader.read_exact(&mut footer).unwrap();
    footer
}

#[test]
fn a_range_is_one_request_for_its_bytes() {
    let afar = Afar::new();
    let file = afar.table();
    assert_eq!(afar.lake.ok("nothing", || file.read_range(SIZE - 4..SIZE + 9)), b"PAR1");
    assert_eq!(afar.moved(), (1, 4));
    assert_eq!(file.read_range(4..20).unwrap(), [0_u64.to_le_bytes(), 1_u64.to_le_bytes()].concat());
    assert_eq!(afar.moved(), (1, 16));
    assert!(!file.is_local().unwrap());
    // What is mostly wanted comes whole, and stays.
    assert_eq!(afar.lake.ok("downloaded a.parquet", || file.read_range(1..13 * MIB)).len() as u64, 13 * MIB - 1);
    assert_eq!((afar.moved(), file.is_local().unwrap()), ((1, SIZE), true));
    assert_eq!(file.read_range(0..4).unwrap(), b"PAR1");
    assert_eq!(afar.moved(), (0, 0));
}

#[test]
fn many_ranges_are_no_more_than_the_whole_and_a_half() {
    let afar = Afar::new();
    let whole = table();
    for n in 0..24 {
        let range = n * MIB..(n + 1) * MIB;
        let expected = &whole[range.start as usize..range.end as usize];
        // Each by a handle of its own.
        assert!(afar.table().read_range(range).unwrap() == expected);
    }
    assert_eq!(afar.moved(), (13, SIZE / 2 + SIZE));
    assert!(afar.table().is_local().unwrap());
}

#[test]
fn the_footer_of_a_large_file_costs_no_more_than_its_end() {
    let afar = Afar::new();
    let mut reader = afar.table().open().unwrap();
    assert_eq!(footer(&mut reader), [b'f'; 1004]);
    assert_eq!(afar.moved(), (1, 256 << 10));
    // A column in the midst, at once.
    let mut column = vec![0; 2 << 20];
    reader.seek(SeekFrom::Start(4 + 8 * 1000)).unwrap();
    reader.read_exact(&mut column).unwrap();
    assert_eq!(column[..8], 1000_u64.to_le_bytes());
    assert_eq!((afar.moved(), afar.table().is_local().unwrap()), ((1, 2 << 20), false));
}

#[test]
fn who_seeks_reads_what_a_file_would_give() {
    let afar = Afar::new();
    let (mut reader, whole) = (afar.table().open().unwrap(), table());
    let mut known = std::io::Cursor::new(&whole);
    let (mut one, mut other) = (vec![0; 300_000], vec![0; 300_000]);
    for (to, length) in [
        (SeekFrom::Start(5 * MIB), 10),
        (SeekFrom::Current(-4), 300_000),
        (SeekFrom::Current(9), 300_000),
        (SeekFrom::End(-5), 9),
        (SeekFrom::End(7), 9),
        (SeekFrom::Start(0), 7),
        (SeekFrom::Current(0), 7),
    ] {
        assert_eq!(reader.seek(to).unwrap(), std::io::Seek::seek(&mut known, to).unwrap(), "{to:?}");
        let read = |from: &mut dyn std::io::Read, into: &mut [u8]| {
            let mut read = 0;
            while let n @ 1.. = from.read(&mut into[read..]).unwrap() {
                read += n;
            }
            read
        };
        let n = read(&mut reader, &mut one[..length]);
        assert_eq!(n, read(&mut known, &mut other[..length]), "{to:?}");
        assert!(one[..n] == other[..n], "{to:?}");
    }
    assert_eq!(reader.seek(SeekFrom::Current(-99 * MIB as i64)).unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
    assert!(afar.moved().1 < 3 * MIB && !afar.table().is_local().unwrap());
    // The rest of it is most of it.
    reader.seek(SeekFrom::Start(3)).unwrap();
    assert_eq!(reader.fill_buf().unwrap()[..5], whole[3..8]);
    let mut rest = Vec::new();
    assert_eq!(reader.read_to_end(&mut rest).unwrap(), whole.len() - 3);
    assert!(rest == whole[3..] && afar.table().is_local().unwrap());
}

#[test]
fn who_reads_from_the_beginning_gets_the_whole_at_once() {
    let afar = Afar::new();
    let mut reader = afar.lake.ok("nothing", || afar.table().open());
    // Asking how long it is, as many do, is no reading.
    assert_eq!((reader.seek(SeekFrom::End(0)).unwrap(), reader.rewind().unwrap()), (SIZE, ()));
    let mut all = Vec::new();
    afar.lake.ok("downloaded a.parquet", || reader.read_to_end(&mut all).map_err(datlake::Error::from));
    assert!(all == table());
    assert_eq!(afar.moved(), (1, SIZE));
}

#[tokio::test]
async fn the_twins_read_ranges() {
    let afar = Afar::new();
    let file = afar.table();
    assert_eq!(file.read_range_async(SIZE - 4..SIZE).await.unwrap(), b"PAR1");
    assert_eq!(file.unverified().read_range_async(0..4).await.unwrap(), b"PAR1");
    assert_eq!(afar.moved(), (2, 8));
    for mut reader in [file.open_async().await.unwrap(), file.unverified().open_async().await.unwrap()] {
        assert_eq!(reader.seek(SeekFrom::End(-8)).await.unwrap(), SIZE - 8);
        let mut end = [0; 8];
        reader.read_exact(&mut end).await.unwrap();
        assert_eq!(&end[4..], b"PAR1");
        // Backwards from where the reader is, and not from where its buffer ends.
        assert_eq!(reader.seek(SeekFrom::Current(-9)).await.unwrap(), SIZE - 9);
        assert_eq!(reader.read_u8().await.unwrap(), b'f');
        assert_eq!(reader.seek(SeekFrom::Current(3)).await.unwrap(), SIZE - 5);
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).await.unwrap();
        assert_eq!(&rest[1..], b"PAR1");
        assert_eq!(afar.moved(), (1, 256 << 10));
    }
    let mut all = Vec::new();
    file.open_async().await.unwrap().read_to_end(&mut all).await.unwrap();
    assert!(all == table());
    assert_eq!(afar.moved(), (1, SIZE));
}

#[test]
fn members_of_a_tree_are_read_in_ranges() {
    let machines = Machines::new();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("part.parquet"), table()).unwrap();
    machines.machine("a").add_tree("tables", folder.path()).unwrap();
    let b = machines.machine("b");
    let _current = b.enter();
    let tree = datlake::Tree::get_uid("tables").unwrap();
    let member = tree.get("part.parquet").unwrap();
    assert_eq!(footer(&mut member.open().unwrap()), [b'f'; 1004]);
    assert!(!member.is_local().unwrap());
}

#[file_creator]
fn ends(table: &File, trusting: bool) -> Result<Vec<u8>> {
    let end = table.len();
    let (bytes, mut reader) = match trusting {
        true => (table.unverified().read_range(end - 9..end)?, table.unverified().open()?),
        false => (table.read_range(end - 9..end)?, table.open()?),
    };
    reader.seek(SeekFrom::End(-9))?;
    let mut same = Vec::new();
    reader.read_to_end(&mut same)?;
    assert_eq!(bytes, same);
    Ok(bytes)
}

/// What a body makes of a wrong byte is remembered.
#[test]
fn a_body_gets_verified_bytes_unless_it_says_otherwise() {
    let afar = Afar::new();
    let _current = afar.lake.enter();
    assert_eq!(ends(&afar.table(), true).unwrap()[5..], *b"PAR1");
    assert_eq!(afar.moved(), (2, 9 + (256 << 10)));
    assert_eq!(ends(&afar.table(), false).unwrap()[5..], *b"PAR1");
    assert_eq!((afar.moved(), afar.table().is_local().unwrap()), ((1, SIZE), true));
}

#[test]
fn a_wrong_byte_reaches_only_who_trusts_the_remote() {
    let afar = Afar::new();
    let _current = afar.lake.enter();
    afar.damage();
    let file = afar.table();
    assert_eq!(file.read_range(SIZE - 9..SIZE).unwrap()[0], b'f' ^ 1);
    check_error(ends(&file, false), ErrorKind::Corrupt, &["a.parquet", "datlake repair"]);
    check_error(file.read(), ErrorKind::Corrupt, &["a.parquet"]);
    assert!(file.open().unwrap().read(&mut [0]).is_err());
    assert!(!file.is_local().unwrap());
}

#[test]
fn content_of_another_size_or_none_is_an_error_at_once() {
    let afar = Afar::new();
    let file = afar.table();
    let blob = blob_in(&afar.machines.remote(), &file);
    overwrite(&blob, |bytes| bytes.truncate(SIZE as usize - 1));
    for error in [file.read_range(0..9).map(drop), file.open().map(drop), file.unverified().open().map(drop)] {
        check_error(error, ErrorKind::Corrupt, &["a.parquet", "25165823 bytes instead of 25165824"]);
    }
    std::fs::remove_file(blob).unwrap();
    check_error(file.read_range(0..9), ErrorKind::MissingBlob, &["a.parquet"]);
    check_error(file.open(), ErrorKind::MissingBlob, &["a.parquet"]);
}

/// How a body may come by a part of its table on a thread that stands nowhere.
#[derive(Clone, Copy, Debug, Serialize)]
enum Way {
    Range,
    Open,
    Task,
}

fn last_bytes(table: &File, way: Way) -> Result<Vec<u8>> {
    match way {
        Way::Range => table.read_range(SIZE - 9..SIZE),
        Way::Open => {
            let (mut reader, mut bytes) = (table.open()?, Vec::new());
            reader.seek(SeekFrom::End(-9))?;
            reader.read_to_end(&mut bytes)?;
            Ok(bytes)
        }
        Way::Task => {
            let table = table.clone();
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
            let task = runtime.spawn(async move {
                let (mut reader, mut bytes) = (table.open_async().await?, Vec::new());
                reader.seek(SeekFrom::End(-9)).await?;
                reader.read_to_end(&mut bytes).await?;
                Ok(bytes)
            });
            runtime.block_on(task).unwrap()
        }
    }
}

#[file_creator]
fn on_a_thread(table: &File, way: Way) -> Result<Vec<u8>> {
    std::thread::scope(|s| s.spawn(|| last_bytes(table, way)).join().unwrap())
}

#[file_creator]
fn of_a_member(tables: &datlake::Tree, way: Way) -> Result<Vec<u8>> {
    let table = tables.get("part.parquet")?;
    std::thread::scope(|s| s.spawn(|| last_bytes(&table, way)).join().unwrap())
}

#[file_creator]
fn same(table: &File) -> Result<File> {
    Ok(table.clone())
}

#[file_creator(depends_on(same))]
fn of_a_nested_call(table: &File, way: Way) -> Result<Vec<u8>> {
    let table = same(table)?;
    std::thread::scope(|s| s.spawn(|| last_bytes(&table, way)).join().unwrap())
}

#[test]
fn threads_of_a_body_that_stand_nowhere_get_verified_bytes() {
    let afar = Afar::new();
    let _current = afar.lake.enter();
    afar.damage();
    for way in [Way::Range, Way::Open, Way::Task] {
        check_error(on_a_thread(&afar.table(), way), ErrorKind::Corrupt, &["a.parquet"]);
        check_error(of_a_nested_call(&afar.table(), way), ErrorKind::Corrupt, &["a.parquet"]);
    }
    // Who looks into it beside bodies gets ranges.
    assert_eq!(last_bytes(&afar.table(), Way::Open).unwrap()[0], b'f' ^ 1);
}

#[test]
fn threads_of_a_body_that_stand_nowhere_get_verified_members() {
    let machines = Machines::new();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("part.parquet"), table()).unwrap();
    machines.machine("a").add_tree("tables", folder.path()).unwrap();
    let b = machines.machine("b");
    let _current = b.enter();
    let tree = datlake::Tree::get_uid("tables").unwrap();
    let blob = blob_in(&machines.remote(), &tree.get("part.parquet").unwrap());
    overwrite(&blob, |bytes| bytes[SIZE as usize - 9] ^= 1);
    for way in [Way::Range, Way::Open, Way::Task] {
        check_error(of_a_member(&tree, way), ErrorKind::Corrupt, &["part.parquet"]);
    }
}

static OPENED: Mutex<Option<datlake::Reader>> = Mutex::new(None);

#[file_creator]
fn from_a_static(given: Option<&File>, on_a_thread: bool, n: u32) -> Result<u8> {
    let _ = (given, n);
    let read = || {
        let mut byte = [0];
        OPENED.lock().unwrap().take().unwrap().read_exact(&mut byte)?;
        Ok(byte[0])
    };
    if on_a_thread { std::thread::scope(|s| s.spawn(read).join().unwrap()) } else { read() }
}

static OPENED_ASYNC: Mutex<Option<datlake::AsyncReader>> = Mutex::new(None);

#[file_creator]
async fn from_an_async_static(n: u32) -> Result<u8> {
    let _ = n;
    let mut reader = OPENED_ASYNC.lock().unwrap().take().unwrap();
    Ok(reader.read_u8().await?)
}

/// A reader that was opened outside, whose next byte is the damaged one; the one before it was read where `begun`.
fn at_the_damage(table: &File, begun: bool) -> datlake::Reader {
    let mut reader = table.open().unwrap();
    reader.seek(SeekFrom::End(-10)).unwrap();
    if begun {
        reader.read_exact(&mut [0]).unwrap();
    } else {
        reader.seek(SeekFrom::Current(1)).unwrap();
    }
    reader
}

#[test]
fn a_reader_from_outside_gives_a_body_verified_bytes() {
    let afar = Afar::new();
    let _current = afar.lake.enter();
    afar.damage();
    let table = afar.table();
    for (n, begun) in [(0, false), (1, true)] {
        for (given, thread) in [(None, false), (Some(&table), false), (Some(&table), true)] {
            *OPENED.lock().unwrap() = Some(at_the_damage(&table, begun));
            check_error(from_a_static(given, thread, n), ErrorKind::Corrupt, &["a.parquet"]);
        }
        assert_eq!(at_the_damage(&table, begun).bytes().next().unwrap().unwrap(), b'f' ^ 1);
    }
}

#[tokio::test]
async fn an_asynchronous_reader_from_outside_gives_a_body_verified_bytes() {
    let afar = Afar::new();
    afar.damage();
    for begun in [false, true] {
        let mut reader = afar.table().open_async().await.unwrap();
        reader.seek(SeekFrom::End(if begun { -10 } else { -9 })).await.unwrap();
        if begun {
            // The damaged byte is in its buffer then.
            assert_eq!(reader.read_u8().await.unwrap(), b'f');
        }
        *OPENED_ASYNC.lock().unwrap() = Some(reader);
        let error = afar.lake.scope(from_an_async_static(u32::from(begun))).await;
        check_error(error, ErrorKind::Corrupt, &["a.parquet"]);
    }
}

/// Goes on without what it cannot read.
#[file_creator]
async fn swallowing(table: &File, at: String) -> Result<String> {
    let mut reader = table.unverified().open_async().await?;
    std::fs::remove_file(at)?;
    reader.seek(SeekFrom::End(-9)).await?;
    Ok(reader.read_u8().await.is_ok().to_string())
}

/// As [`swallowing`], by a reader on another thread.
#[file_creator]
fn swallowing_on_a_thread(table: &File, at: String) -> Result<String> {
    let mut reader = table.unverified().open()?;
    std::fs::remove_file(at)?;
    let read = move || reader.seek(SeekFrom::End(-9)).and_then(|_| reader.read_exact(&mut [0]));
    Ok(std::thread::spawn(read).join().unwrap().is_ok().to_string())
}

#[tokio::test]
async fn a_body_that_swallows_what_a_range_lacks_is_not_remembered() {
    for asynchronous in [true, false] {
        let afar = Afar::new();
        let _current = afar.lake.enter();
        let at = blob_in(&afar.machines.remote(), &afar.table()).display().to_string();
        let done = match asynchronous {
            true => afar.lake.scope(swallowing(&afar.table(), at)).await,
            false => swallowing_on_a_thread(&afar.table(), at),
        };
        check_error(done, ErrorKind::MissingBlob, &["went on without what it asked for", "a.parquet"]);
    }
}
