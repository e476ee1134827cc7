//! A server that is some milliseconds away: what goes through here arrives later, as over a long line, and nothing else changes.
//! What is asked of the server is counted.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// A long line to a server, for as long as the process lives.
pub(crate) struct LongLine {
    pub(crate) address: SocketAddr,
    asked: Asked,
}

/// How often was asked for what.
type Asked = Arc<Mutex<BTreeMap<String, u64>>>;

impl LongLine {
    /// Listens on a port of its own, and passes on what comes to `server`, each way after half of `round_trip`.
    pub(crate) fn to(server: SocketAddr, round_trip: Duration) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let (address, asked) = (listener.local_addr()?, Asked::default());
        let counted = Arc::clone(&asked);
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let asked = Arc::clone(&counted);
                // A connection is made by a round trip, too.
                thread::spawn(move || {
                    thread::sleep(round_trip);
                    if let Ok(far) = TcpStream::connect(server) {
                        let _ = join(near, far, round_trip / 2, asked);
                    }
                });
            }
        });
        Ok(Self { address, asked })
    }

    /// What was asked since this was last called: how many requests, and how many of each kind, in words.
    pub(crate) fn asked(&self) -> (u64, String) {
        let asked = std::mem::take(&mut *self.asked.lock().unwrap_or_else(PoisonError::into_inner));
        let kinds: Vec<String> = asked.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        (asked.values().sum(), kinds.join(", "))
    }
}

fn join(near: TcpStream, far: TcpStream, delay: Duration, asked: Asked) -> std::io::Result<()> {
    for stream in [&near, &far] {
        stream.set_nodelay(true)?;
    }
    let (near_again, far_again) = (near.try_clone()?, far.try_clone()?);
    thread::spawn(move || pass(near_again, far_again, delay, Some(asked)));
    pass(far, near, delay, None);
    Ok(())
}

/// Reads on while what was read before is on its way.
fn pass(mut from: TcpStream, mut to: TcpStream, delay: Duration, asked: Option<Asked>) {
    let (sender, receiver) = mpsc::channel::<(Instant, Vec<u8>)>();
    let writer = thread::spawn(move || {
        for (due, bytes) in receiver {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    });
    let mut chunk = vec![0; 64 << 10];
    while let Ok(read @ 1..) = from.read(&mut chunk) {
        if let (Some(asked), Some(kind)) = (&asked, kind(&chunk[..read])) {
            *asked.lock().unwrap_or_else(PoisonError::into_inner).entry(kind).or_default() += 1;
        }
        if sender.send((Instant::now() + delay, chunk[..read].to_vec())).is_err() {
            break;
        }
    }
    drop(sender);
    let _ = writer.join();
}

/// What is asked for by a request that begins with these bytes: nobody sends one before the last was answered.
fn kind(bytes: &[u8]) -> Option<String> {
    let line = std::str::from_utf8(&bytes[..bytes.iter().position(|byte| *byte == b'\r')?]).ok()?;
    let (method, target) = line.strip_suffix(" HTTP/1.1")?.split_once(' ')?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let folder = |path: &str| path.split('/').next().unwrap_or("").to_owned();
    // Below the bucket and the lake's own prefix.
    let listed = query.split('&').find_map(|part| part.strip_prefix("prefix="));
    Some(match listed {
        Some(prefix) => format!("LIST {}", folder(prefix.replace("%2F", "/").split_once('/')?.1)),
        None => format!("{method} {}", path.splitn(4, '/').nth(3).map_or_else(String::new, folder)),
    })
}
