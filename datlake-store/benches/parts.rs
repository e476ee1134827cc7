//! From which size on content should go up in parts, and how large a part should be: times of uploads to a running server,
//! directly and over lines of which each has a latency and a rate, as between machines. What is not measured is a provider's own
//! network; the ratios say which way to go.
//!
//! ```text
//! scripts/servers/rgw.sh /tmp/rgw && . /tmp/rgw/env && cargo bench -p datlake-store --bench parts
//! ```

#![allow(clippy::unwrap_used, reason = "a bench ends by panicking")]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use datlake_core::{Created, Digest, Location};
use datlake_store::{RemoteOptions, open_remote};

#[allow(dead_code, reason = "the tests use all of it")]
#[path = "../tests/object/servers.rs"]
mod servers;

use servers::Server;

const MIB: u64 = 1 << 20;
/// In one request, or in parts of this size.
const WAYS: [Option<u64>; 4] = [None, Some(5), Some(8), Some(16)];
/// Together they fit the store of the test gateway, which keeps what was removed for hours.
const SIZES: [u64; 3] = [16, 32, 64];
const ROUNDS: usize = 3;

/// After that a line waits for a request, and is not only behind.
const SILENCE: Duration = Duration::from_millis(50);

/// How a line between machines is.
#[derive(Clone, Copy)]
struct Line {
    latency: Duration,
    /// Of one connection, in bytes a second.
    rate: u64,
}

/// What listens before the server at `endpoint`, and makes each connection as slow as a line: the endpoint for clients.
fn slow(endpoint: &str, line: Line) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = format!("http://{}", listener.local_addr().unwrap());
    let server = endpoint.strip_prefix("http://").unwrap().to_owned();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = TcpStream::connect(&server).unwrap();
            let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || pass(from, to, line));
            std::thread::spawn(move || pass(server, client, line));
        }
    });
    own
}

fn pass(mut from: TcpStream, mut to: TcpStream, line: Line) {
    let mut buffer = vec![0; 64 << 10];
    // When the line is free again; after a long silence it pays the latency anew.
    let mut free = Instant::now();
    while let Ok(n) = from.read(&mut buffer)
        && n > 0
    {
        let now = Instant::now();
        if now.saturating_duration_since(free) > SILENCE {
            free = now + line.latency;
        }
        free += Duration::from_secs_f64(n as f64 / line.rate as f64);
        std::thread::sleep(free.saturating_duration_since(Instant::now()));
        if to.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Write);
}

/// How long one upload takes.
fn upload(server: &Server, file: &Path, at: &Location, way: Option<u64>) -> Duration {
    let parts = Some(way.map_or((u64::MAX, u64::MAX), |part| (part * MIB, 0)));
    let variables = Some(server.variables.clone());
    let store = open_remote(&server.url, RemoteOptions { parts, variables, ..RemoteOptions::default() }).unwrap();
    // What a store can do is asked once, and connections are made once.
    pollster::block_on(store.create(&Location::Blob(Digest::of(b"warm")), b"warm")).unwrap();
    let began = Instant::now();
    assert_eq!(pollster::block_on(store.create_from(at, file)).unwrap(), Created::New);
    let took = began.elapsed();
    assert!(pollster::block_on(store.remove(at)).unwrap());
    took
}

fn measure(name: &str, server: &Server) {
    let folder = tempfile::tempdir().unwrap();
    println!("{name}: ms at the median of {ROUNDS}, and how much of the time in one request that is");
    println!(
        "{:>9} {}",
        "MiB",
        WAYS.map(|way| format!("{:>14}", way.map_or("whole".into(), |part| format!("{part} MiB")))).concat()
    );
    for size in SIZES {
        let file = folder.path().join("content");
        let mut noise = blake3::Hasher::new().update(&size.to_le_bytes()).finalize_xof();
        let mut out = std::fs::File::create(&file).unwrap();
        let mut chunk = vec![0; MIB as usize];
        for _ in 0..size {
            noise.fill(&mut chunk);
            out.write_all(&chunk).unwrap();
        }
        let at = Location::Blob(datlake_store::hash_file(&file).unwrap().0);
        // In turns, so that what else the machine does is shared.
        let mut times = vec![Vec::new(); WAYS.len()];
        for _ in 0..ROUNDS {
            for (times, way) in times.iter_mut().zip(WAYS) {
                times.push(upload(server, &file, &at, way));
            }
        }
        let medians: Vec<f64> = times
            .into_iter()
            .map(|mut times| {
                times.sort();
                times[ROUNDS / 2].as_secs_f64() * 1000.0
            })
            .collect();
        let row: String = medians.iter().map(|ms| format!("{ms:>8.0} {:>4.2}x", ms / medians[0])).collect();
        println!("{size:>9} {row}");
    }
}

fn main() {
    let servers = [("Ceph's gateway", Server::rgw("parts")), ("moto", Server::moto("parts"))];
    for (name, server) in servers {
        let Some(server) = server else { continue };
        measure(name, &server);
        let line = Line { latency: Duration::from_millis(10), rate: 50 * MIB };
        let endpoint = server.variables.iter().find(|(name, _)| name == "AWS_ENDPOINT_URL").unwrap().1.clone();
        let server = server.with("AWS_ENDPOINT_URL", &slow(&endpoint, line));
        measure(&format!("{name}, over lines of 10 ms and 50 MiB/s each"), &server);
    }
}
