//! `datlake serve` at 64 connections: its API and its S3 gateway, beside the same server where it answers from memory, beside writing as
//! many small files so that they last, and beside copying a large file.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::any_result::AnyResult;
use crate::measure::{Bench, program};

const CONNECTIONS: u64 = 64;
pub(crate) const KEY: &str = "AKIABENCHBENCHBENCH0";
pub(crate) const SECRET: &str = "benchbenchbenchbenchbenchbenchbenchbench";

/// A server, until it is dropped.
struct Server {
    child: Child,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start(command: &Path, home: &Path) -> AnyResult<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let address = format!("127.0.0.1:{port}");
        let child = Command::new(command)
            .args(["serve", "--listen", &address])
            .env("DATLAKE_HOME", home)
            .env("DATLAKE_ROOT_ACCESS_KEY_ID", KEY)
            .env("DATLAKE_ROOT_SECRET_ACCESS_KEY", SECRET)
            .env("LOG_LEVEL", "error")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let server = Self { child, address };
        for _ in 0..300 {
            if std::net::TcpStream::connect(&server.address).is_ok() {
                return Ok(server);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err("the server does not listen".into())
    }

    /// Resident memory at its highest so far, in MiB.
    fn peak(&self) -> AnyResult<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no memory is shown")?;
        Ok(line.trim().trim_end_matches(" kB").trim().parse::<f64>()? / 1024.0)
    }
}

/// The command that was built beside this program.
fn command() -> AnyResult<PathBuf> {
    let beside = std::env::current_exe()?.with_file_name("datlake");
    let command = std::env::var_os("DATLAKE_BENCH_DATLAKE").map_or(beside, PathBuf::from);
    if command.exists() {
        Ok(command)
    } else {
        Err("there is no `datlake` beside this program: `cargo build --release -p datlake-cli`, or DATLAKE_BENCH_DATLAKE".into())
    }
}

pub(crate) fn run(bench: &mut Bench) -> AnyResult<()> {
    let (command, folder) = (command()?, bench.folder("serving")?);
    let server = Server::start(&command, &folder.join("lake"))?;
    let at = server.address.as_str();
    let requests = bench.size(20_000);
    program("serving-plant", &[&at, &CONNECTIONS])?;
    bench.figure("memory of a server that was just started", "< 64 MiB", format!("{:.1} MiB", server.peak()?), "");
    for (what, shown) in [("api-get", "read through the API"), ("gateway-get", "read through the gateway")] {
        bench.pairs(
            &format!("4 KiB {shown}, {CONNECTIONS} connections"),
            "≤ 3 × the server answering from memory",
            requests,
            || program("serving", &[&what, &at, &CONNECTIONS, &requests]),
            || program("serving", &[&"memory", &at, &CONNECTIONS, &requests]),
        )?;
    }
    let puts = bench.size(5_000);
    for (what, shown) in [("api-put", "put through the API"), ("gateway-put", "put through the gateway")] {
        let mut n = 0;
        bench.pairs(
            &format!("4 KiB {shown}, {CONNECTIONS} connections"),
            "≤ 2 × a file that lasts",
            puts,
            || program("serving", &[&what, &at, &CONNECTIONS, &puts]),
            || {
                n += 1;
                program("floor-lasting", &[&folder.join(format!("floor-{n}")), &CONNECTIONS, &puts])
            },
        )?;
    }
    control(bench, &folder, &server)?;
    large(bench, &folder, &server)?;
    dataset(bench, &folder, &server)
}

/// Runs that begin and end, and clients that follow events.
fn control(bench: &mut Bench, folder: &Path, server: &Server) -> AnyResult<()> {
    let (at, runs, clients) = (server.address.as_str(), bench.size(2_000), bench.size(1_000));
    let mut n = 0;
    bench.pairs(
        &format!("a run that begins and ends, {CONNECTIONS} connections"),
        "≤ 2 × two commits that last, one after the other",
        runs,
        || program("serving", &[&"runs", &at, &CONNECTIONS, &runs]),
        || {
            n += 1;
            program("floor-commits", &[&folder.join(format!("commits-{n}")), &(2 * runs)])
        },
    )?;
    let database = folder.join("lake/server/server.sqlite3");
    for ready in [1_000, 10_000, 100_000, 1_000_000].map(|ready| bench.size(ready)) {
        let cost = program("serving-claims", &[&at, &database, &ready])?;
        let what = format!("a run that claims one delivery, of {ready} that are ready");
        bench.figure(&what, "flat", crate::measure::time(cost.seconds), "");
    }
    let before = server.peak()?;
    let cost = program("serving-events", &[&at, &clients])?;
    let each = (server.peak()? - before) * 1024.0 / clients as f64;
    bench.figure(&format!("an event for {clients} clients"), "≤ 1 s", crate::measure::time(cost.seconds), "");
    bench.figure("memory of each of these", "< 64 KiB", format!("{each:.0} KiB"), "");
    Ok(())
}

/// A large file as a dataset, each time with other bytes.
fn dataset(bench: &mut Bench, folder: &Path, server: &Server) -> AnyResult<()> {
    let (size, at) = (bench.size(256 << 20), server.address.as_str());
    let file = folder.join("dataset.bin");
    super::large::make(&file, size)?;
    let mut n = 0_u64;
    let mut other = || -> AnyResult<u64> {
        n += 1;
        std::fs::OpenOptions::new().write(true).open(&file)?.write_all(&n.to_le_bytes())?;
        Ok(n)
    };
    let other = std::cell::RefCell::new(&mut other);
    bench.pairs(
        &format!("{} MiB put as a dataset", size >> 20),
        "≤ 1.3 × adding the file to a lake",
        1,
        || program("serving-dataset", &[&at, &file, &(other.borrow_mut())()?]),
        || {
            (other.borrow_mut())()?;
            let lake = folder.join("added");
            let cost = program("add", &[&lake, &file])?;
            std::fs::remove_dir_all(&lake)?;
            Ok(cost)
        },
    )?;
    Ok(())
}

/// One large object through the gateway.
fn large(bench: &mut Bench, folder: &Path, server: &Server) -> AnyResult<()> {
    let (size, at) = (bench.size(1 << 30), server.address.as_str());
    let (file, copied) = (folder.join("large.bin"), folder.join("copied.bin"));
    super::large::make(&file, size)?;
    let mut n = 0;
    let before = server.peak()?;
    bench.pairs(
        &format!("{} MiB put through the gateway", size >> 20),
        "≤ 1.5 × sending it to a thread that hashes and writes it to last",
        1,
        || {
            n += 1;
            program("serving-large", &[&"put", &at, &file, &n])
        },
        || {
            let cost = program("floor-sent", &[&"put", &file, &copied])?;
            std::fs::remove_file(&copied)?;
            Ok(cost)
        },
    )?;
    bench.pairs(
        &format!("{} MiB read through the gateway", size >> 20),
        "≤ 1.5 × a thread that reads and sends it",
        1,
        || program("serving-large", &[&"get", &at, &copied, &1]),
        || program("floor-sent", &[&"get", &file, &copied]),
    )?;
    let grown = server.peak()? - before;
    bench.figure("memory that the server took more, for large objects", "flat", format!("{grown:.1} MiB"), "");
    Ok(())
}
