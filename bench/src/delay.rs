//! A server that is some milliseconds away: what goes through here arrives later, as over a long line, and nothing else changes.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Listens on a port of its own, and passes on what comes to `server`, each way after half of `round_trip`. For as long as the process
/// lives.
pub(crate) fn before(server: SocketAddr, round_trip: Duration) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for near in listener.incoming().flatten() {
            // A connection is made by a round trip, too.
            thread::spawn(move || {
                thread::sleep(round_trip);
                if let Ok(far) = TcpStream::connect(server) {
                    let _ = join(near, far, round_trip / 2);
                }
            });
        }
    });
    Ok(address)
}

fn join(near: TcpStream, far: TcpStream, delay: Duration) -> std::io::Result<()> {
    for stream in [&near, &far] {
        stream.set_nodelay(true)?;
    }
    let (near_again, far_again) = (near.try_clone()?, far.try_clone()?);
    thread::spawn(move || pass(near_again, far_again, delay));
    pass(far, near, delay);
    Ok(())
}

/// Reads on while what was read before is on its way.
fn pass(mut from: TcpStream, mut to: TcpStream, delay: Duration) {
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
        if sender.send((Instant::now() + delay, chunk[..read].to_vec())).is_err() {
            break;
        }
    }
    drop(sender);
    let _ = writer.join();
}
