//! The programs that rows run: `program NAME ARGUMENT…`. Each says what its work cost, as one line of JSON.

use std::fs::File as Plain;
use std::hint::black_box;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use datlake::{CallQuery, File, Lake, file_creator};
use futures_util::future::try_join_all;
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};

use crate::any_result::AnyResult;
use crate::measure::Cost;
use crate::planted::{only_record, plant};
use crate::versions;

/// About as large as the record of a small call.
const RECORD: usize = 2000;

#[file_creator]
fn small(n: u64) -> datlake::Result<u64> {
    Ok(n + 1)
}

#[file_creator]
fn kibibyte(n: u64) -> datlake::Result<File> {
    File::from_bytes("out.bin", text(n))
}

#[file_creator]
fn link(before: &File) -> datlake::Result<File> {
    let n: u64 = before.read_to_string()?.trim().parse().unwrap_or_default();
    File::from_bytes("link.txt", (n + 1).to_string())
}

#[file_creator]
fn ten_ms(n: u64) -> datlake::Result<u64> {
    std::thread::sleep(std::time::Duration::from_millis(10));
    Ok(n + 1)
}

/// As long as a small task of a cluster, and nothing for a processor.
#[file_creator]
fn fifty_ms(n: u64) -> datlake::Result<u64> {
    std::thread::sleep(std::time::Duration::from_millis(50));
    Ok(n + 1)
}

#[file_creator]
async fn small_joined(n: u64) -> datlake::Result<u64> {
    Ok(n + 1)
}

#[file_creator]
async fn kibibyte_joined(n: u64) -> datlake::Result<File> {
    File::from_bytes("out.bin", text(n))
}

#[file_creator]
fn sizes(files: &[File]) -> datlake::Result<u64> {
    Ok(files.iter().map(File::len).sum())
}

/// 1 KiB that no other number has.
fn text(n: u64) -> Vec<u8> {
    format!("{n:016x}").repeat(64).into_bytes()
}

pub(crate) fn run(args: &[String]) -> AnyResult<()> {
    let (name, rest) = args.split_first().ok_or("which program?")?;
    let path = |at: usize| rest.get(at).map(PathBuf::from).ok_or("an argument is missing");
    let number = |at: usize| Ok::<u64, Box<dyn std::error::Error>>(rest.get(at).ok_or("a number is missing")?.parse()?);
    let begun = Instant::now();
    let seconds = match name.as_str() {
        // LAKE N: as many different calls.
        "calls" => in_lake(&path(0)?, number(1)?, small)?,
        // LAKE N: one call as many times.
        "same" => in_lake(&path(0)?, number(1)?, |_| small(0))?,
        "key" => in_lake(&path(0)?, number(1)?, |n| Ok(black_box(small::call(black_box(n)))))?,
        // LAKE FROM N
        "cold" => {
            let from = number(1)?;
            in_lake(&path(0)?, number(2)?, |n| kibibyte(from + n))?
        }
        // LAKE FROM N
        "calls-from" => {
            let from = number(1)?;
            in_lake(&path(0)?, number(2)?, |n| small(from + n))?
        }
        // LAKE N [URL]: bodies of ten milliseconds, of which somebody receives events.
        "sent" => sent(&path(0)?, number(1)?, rest.get(2))?,
        // LAKE N: one call and so many copies of its record.
        "planted" => planted(&path(0)?, number(1)?)?,
        // LAKE N: a file `first.txt`, and so many calls, each of which reads what the one before it made.
        "chain" => chain(&path(0)?, number(1)?)?,
        // LAKE CONDITION: ten calls, without an index.
        "find-scan" => find_scan(&path(0)?, rest.get(1))?,
        // LAKE N: one call with so many files in an argument.
        "inputs" => inputs(&path(0)?, number(1)?)?,
        // LAKE N: all known at once; all awaited; by two threads of rayon.
        "many" => at_once(&path(0)?, 0..number(1)?, |numbers| small::calls(numbers).run())?,
        // LAKE FROM N: shared with the other processes of its run.
        "shared" => {
            let from = number(1)?;
            at_once(&path(0)?, from..from + number(2)?, |numbers| small::calls(numbers).threads(1).run())?
        }
        "many-joined" => joined(&path(0)?, number(1)?, small_joined)?,
        "rayon" => by_rayon(&path(0)?, number(1)?)?,
        // LAKE N: as one of several processes.
        "share" => at_once(&path(0)?, 0..number(1)?, |numbers| fifty_ms::calls(numbers).threads(1).run())?,
        // LAKE FROM N
        "cold-joined" => {
            let from = number(1)?;
            joined(&path(0)?, number(2)?, |n| kibibyte_joined(from + n))?
        }
        "push" => with_lake(&path(0)?, |lake| lake.push(&[]))?,
        "pull" => with_lake(&path(0)?, |lake| lake.pull(&[]))?,
        // LAKE FILE
        "add" => {
            let (lake, file) = (open(&path(0)?)?, path(1)?);
            timed(|| lake.add_path("added", file))?
        }
        // LAKE FOLDER
        "add-folder" => {
            let (lake, folder) = (open(&path(0)?)?, path(1)?);
            timed(|| lake.add_tree("folder", folder))?
        }
        "replace-folder" => {
            let (lake, folder) = (open(&path(0)?)?, path(1)?);
            timed(|| lake.replacing().add_tree("folder", folder))?
        }
        "floor-records" => floor_records(&path(0)?, number(1)?)?,
        "floor-publish" => floor_publish(&path(0)?, number(1)?, number(2)?)?,
        "floor-copy" => timed(|| floor_copy(&path(0)?, &path(1)?))?,
        "floor-first" => {
            let read = [std::fs::read(path(0)?)?, std::fs::read(path(1)?)?];
            black_box(read);
            begun.elapsed().as_secs_f64()
        }
        other => versions::program(other, rest)?,
    };
    println!("{}", serde_json::to_string(&Cost { seconds, peak: peak() })?);
    Ok(())
}

/// Makes all calls as one fan-out.
fn at_once<T>(
    home: &Path,
    numbers: std::ops::Range<u64>,
    make: impl FnOnce(std::ops::Range<u64>) -> datlake::Result<T>,
) -> AnyResult<f64> {
    timed(|| {
        let lake = open(home)?;
        let _current = lake.enter();
        AnyResult::Ok(make(numbers)?)
    })
}

/// The lake is open when the clock starts.
fn with_lake<T>(home: &Path, work: impl FnOnce(&Lake) -> datlake::Result<T>) -> AnyResult<f64> {
    let lake = open(home)?;
    timed(|| work(&lake))
}

fn open(home: &Path) -> AnyResult<Lake> {
    let lake = Lake::builder().home(home);
    Ok(match std::env::var("DATLAKE_BENCH_REMOTE") {
        Ok(remote) => lake.remote(remote).open()?,
        Err(_) => lake.open()?,
    })
}

/// What comes of the work goes after the clock was read.
fn planted(home: &Path, calls: u64) -> AnyResult<f64> {
    in_lake(home, 1, small)?;
    timed(|| plant(&only_record(home)?, 0, 1..calls))
}

fn chain(home: &Path, links: u64) -> AnyResult<f64> {
    let lake = open(home)?;
    let _current = lake.enter();
    timed(|| {
        let mut last = lake.add_bytes("first.txt", "0")?;
        for _ in 0..links {
            last = link(&last)?;
        }
        AnyResult::Ok(last)
    })
}

fn find_scan(home: &Path, condition: Option<&String>) -> AnyResult<f64> {
    let query = CallQuery::default().param(condition.ok_or("a condition is missing")?.parse()?).limit(10);
    let lake = open(home)?;
    timed(|| lake.find_calls(&query))
}

fn timed<T, E: Into<Box<dyn std::error::Error>>>(work: impl FnOnce() -> Result<T, E>) -> AnyResult<f64> {
    let begun = Instant::now();
    let done = work().map_err(Into::into)?;
    let seconds = begun.elapsed().as_secs_f64();
    drop(done);
    Ok(seconds)
}

/// Opens the lake and makes `count` calls, as a program does that has just begun.
fn sent(home: &Path, count: u64, url: Option<&String>) -> AnyResult<f64> {
    timed(|| -> AnyResult<()> {
        let builder = Lake::builder().home(home).email("ada@example.org");
        let lake = match url {
            Some(url) => builder.openlineage(url, None)?,
            None => builder,
        };
        let lake = lake.open()?;
        let _current = lake.enter();
        Ok((0..count).try_for_each(|n| ten_ms(n).map(drop))?)
    })
}

fn in_lake<T>(home: &Path, count: u64, call: impl Fn(u64) -> datlake::Result<T>) -> AnyResult<f64> {
    timed(|| -> AnyResult<()> {
        let lake = open(home)?;
        let _current = lake.enter();
        Ok((0..count).try_for_each(|n| call(n).map(drop))?)
    })
}

fn inputs(home: &Path, count: u64) -> AnyResult<f64> {
    let lake = open(home)?;
    let files = (0..count).map(|n| lake.add_bytes(&format!("in/{n}"), n.to_string())).collect::<Result<Vec<_>, _>>()?;
    timed(|| sizes(&files))
}

/// A plain loop over the numbers, by rayon with two threads.
fn by_rayon(home: &Path, count: u64) -> AnyResult<f64> {
    timed(|| -> AnyResult<()> {
        let (lake, pool) = (open(home)?, rayon::ThreadPoolBuilder::new().num_threads(2).build()?);
        let _current = lake.enter();
        let here = datlake::here();
        let call = |n| here.run(|| small(n).map(drop));
        Ok(pool.install(|| (0..count).into_par_iter().try_for_each(call))?)
    })
}

/// All calls of an asynchronous creator awaited together.
fn joined<T, F>(home: &Path, count: u64, call: impl Fn(u64) -> F) -> AnyResult<f64>
where
    F: Future<Output = datlake::Result<T>>,
{
    timed(|| {
        let (lake, runtime) = (open(home)?, tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?);
        let all = lake.scope(try_join_all((0..count).map(call)));
        AnyResult::Ok(runtime.block_on(all)?)
    })
}

/// Where the floor keeps what stands for a record.
fn floor_file(folder: &Path, n: u64) -> PathBuf {
    let mut arguments = Vec::with_capacity(128);
    arguments.extend_from_slice(b"datlake_bench::small");
    arguments.extend_from_slice(&[7; 32]);
    arguments.extend_from_slice(&n.to_le_bytes());
    let hex = blake3::hash(&arguments).to_hex();
    folder.join(&hex[..2]).join(&*hex)
}

/// The least that finding as many calls could cost: hashing the same arguments, and reading one small file. The first time
/// the files are made.
fn floor_records(folder: &Path, count: u64) -> AnyResult<f64> {
    if !floor_file(folder, count - 1).exists() {
        for n in 0..count {
            let file = floor_file(folder, n);
            std::fs::create_dir_all(file.parent().ok_or("no folder")?)?;
            std::fs::write(file, [7; RECORD])?;
        }
    }
    timed(|| {
        for n in 0..count {
            black_box(std::fs::read(floor_file(folder, n))?);
        }
        std::io::Result::Ok(())
    })
}

/// The least that publishing as many calls with one output could cost: the output and the record written, synced, linked to their
/// places, and their folders synced.
fn floor_publish(folder: &Path, from: u64, count: u64) -> AnyResult<f64> {
    let (blobs, records, scratch) = (folder.join("blobs"), folder.join("records"), folder.join("scratch"));
    for folder in [&blobs, &records, &scratch] {
        std::fs::create_dir_all(folder)?;
    }
    let publish = |bytes: &[u8], place: &Path, into: &Path| -> AnyResult<()> {
        let made = scratch.join("made");
        let mut file = Plain::create_new(&made)?;
        file.write_all(bytes)?;
        file.sync_data()?;
        std::fs::hard_link(&made, place)?;
        std::fs::remove_file(&made)?;
        Ok(Plain::open(into)?.sync_all()?)
    };
    timed(|| -> AnyResult<()> {
        for n in from..from + count {
            let bytes = text(n);
            let hex = blake3::hash(&bytes).to_hex();
            let into = blobs.join(&hex[..2]);
            if !into.is_dir() {
                std::fs::create_dir_all(&into)?;
                Plain::open(&blobs)?.sync_all()?;
            }
            publish(&bytes, &into.join(&*hex), &into)?;
            publish(&[7; RECORD], &records.join(&*hex), &records)?;
        }
        Ok(())
    })
}

/// One pass: read, hashed, written and synced.
fn floor_copy(from: &Path, to: &Path) -> AnyResult<()> {
    let (mut from, mut to) = (Plain::open(from)?, Plain::create(to)?);
    let (mut hasher, mut chunk) = (blake3::Hasher::new(), vec![0; 1 << 20]);
    loop {
        let read = from.read(&mut chunk)?;
        if read == 0 {
            break;
        }
        hasher.update(&chunk[..read]);
        to.write_all(&chunk[..read])?;
    }
    black_box(hasher.finalize());
    Ok(to.sync_all()?)
}

/// Resident memory at its highest, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok()).unwrap_or(0) * 1024
}
