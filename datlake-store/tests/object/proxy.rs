//! A line between a client and a server that is slow, or breaks: a proxy on this machine, which passes bytes on and knows
//! nothing of what they mean.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// To the server.
    Up,
    /// To the client.
    Down,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// As if the other side had nothing more to say.
    Close,
    /// As if the other side had crashed.
    Reset,
    /// Nothing comes any more, and nobody says so.
    Silence,
}

/// What is wrong with one connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wrong {
    /// Before each piece that is passed on.
    pub(crate) delay: Duration,
    /// After so many bytes that way.
    pub(crate) end: Option<(Way, usize, How)>,
}

impl Wrong {
    pub(crate) fn ends(way: Way, after: usize, how: How) -> Self {
        Self { end: Some((way, after, how)), ..Self::default() }
    }
}

/// Says of the n-th connection, from 0, what is wrong with it.
type Plan = Box<dyn FnMut(usize) -> Wrong + Send>;

/// Numbers from nowhere, the same each time, up to `most`; the small are as likely as the large.
pub(crate) fn numbers(seed: u64, most: usize) -> impl FnMut() -> usize + Send {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let random = usize::try_from(state >> 33).unwrap();
        (random % most) >> (random / most % 14)
    }
}

/// Every second connection breaks after `most` bytes or sooner, and the others after four times that.
pub(crate) fn breaking(seed: u64, most: usize) -> impl FnMut(usize) -> Wrong + Send {
    let mut number = numbers(seed, most);
    move |connection| {
        let (way, how) = (number(), number());
        let way = if way % 2 == 0 { Way::Up } else { Way::Down };
        let how = if how % 2 == 0 { How::Close } else { How::Reset };
        match connection {
            // How many there are, and what goes over which, depends on time: one breaks in any case.
            0 => Wrong::ends(Way::Up, 300, how),
            _ => Wrong::ends(way, number() + 4 * most * (connection % 2), how),
        }
    }
}

/// A proxy in front of a server.
pub(crate) struct Proxy {
    /// Where it listens, as a URL.
    pub(crate) endpoint: String,
    line: Arc<Line>,
}

struct Line {
    server: String,
    plan: Mutex<Plan>,
    /// Nothing gets through either way.
    cut: AtomicBool,
    open: Mutex<Vec<Weak<Ends>>>,
    connections: AtomicUsize,
    broken: AtomicUsize,
}

/// One connection, on both sides of the proxy.
struct Ends {
    line: Arc<Line>,
    client: TcpStream,
    server: TcpStream,
}

impl Proxy {
    /// In front of the server at the URL `endpoint`. Nothing is wrong with it yet.
    pub(crate) fn before(endpoint: &str) -> Self {
        let server = endpoint.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let plan: Plan = Box::new(|_| Wrong::default());
        let line = Arc::new(Line {
            server,
            plan: Mutex::new(plan),
            cut: AtomicBool::new(false),
            open: Mutex::default(),
            connections: AtomicUsize::new(0),
            broken: AtomicUsize::new(0),
        });
        let accepting = Arc::clone(&line);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // Those who come meanwhile wait for this one, and it for the line.
                while accepting.cut.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(5));
                }
                let line = Arc::clone(&accepting);
                std::thread::spawn(move || line.connects(client));
            }
        });
        Self { endpoint, line }
    }

    /// From now on this is wrong with new connections, which are counted anew.
    pub(crate) fn goes_wrong(&self, plan: impl FnMut(usize) -> Wrong + Send + 'static) {
        let mut there = self.line.plan.lock().unwrap();
        self.line.connections.store(0, Ordering::SeqCst);
        *there = Box::new(plan);
    }

    /// Nothing is wrong any more, with new connections.
    pub(crate) fn is_mended(&self) {
        self.goes_wrong(|_| Wrong::default());
    }

    /// Whoever is connected is cut off, and whoever connects hears nothing, until the line heals.
    #[allow(dead_code, reason = "the tests of datlake use it")]
    pub(crate) fn is_cut(&self) {
        self.line.cut.store(true, Ordering::SeqCst);
        for ends in self.line.open.lock().unwrap().drain(..).filter_map(|ends| ends.upgrade()) {
            ends.end(Wrong::ends(Way::Up, 0, How::Close));
        }
    }

    /// Those who wait are connected.
    #[allow(dead_code, reason = "the tests of datlake use it")]
    pub(crate) fn heals(&self) {
        self.line.cut.store(false, Ordering::SeqCst);
    }

    /// How many connections went wrong, ever.
    pub(crate) fn broken(&self) -> usize {
        self.line.broken.load(Ordering::SeqCst)
    }
}

impl Line {
    fn connects(self: &Arc<Self>, client: TcpStream) {
        let wrong = {
            let mut plan = self.plan.lock().unwrap();
            plan(self.connections.fetch_add(1, Ordering::SeqCst))
        };
        let Ok(server) = TcpStream::connect(&self.server) else { return };
        let (_, _) = (client.set_nodelay(true), server.set_nodelay(true));
        let ends = Arc::new(Ends { line: Arc::clone(self), client, server });
        self.open.lock().unwrap().push(Arc::downgrade(&ends));
        let other = Arc::clone(&ends);
        let down = std::thread::spawn(move || other.pass(Way::Down, wrong));
        ends.pass(Way::Up, wrong);
        drop(ends);
        let _ = down.join();
    }
}

impl Ends {
    /// Passes on what comes, until one side has nothing more to say or something goes wrong.
    fn pass(&self, way: Way, wrong: Wrong) {
        let (mut from, mut to) = match way {
            Way::Up => (&self.client, &self.server),
            Way::Down => (&self.server, &self.client),
        };
        let mut left = wrong.end.filter(|(at, ..)| *at == way).map(|(_, after, _)| after);
        let mut buffer = vec![0; 16 << 10];
        loop {
            if left == Some(0) {
                return self.end(wrong);
            }
            let most = left.map_or(buffer.len(), |left| left.min(buffer.len()));
            let Ok(read @ 1..) = from.read(&mut buffer[..most]) else { break };
            std::thread::sleep(wrong.delay);
            if to.write_all(&buffer[..read]).is_err() {
                break;
            }
            left = left.map(|left| left - read);
        }
        let _ = to.shutdown(Shutdown::Write);
    }

    fn end(&self, wrong: Wrong) {
        self.line.broken.fetch_add(1, Ordering::SeqCst);
        match wrong.end {
            Some((way, _, How::Silence)) => {
                // Until somebody loses patience.
                let mut from = if way == Way::Up { &self.client } else { &self.server };
                let mut buffer = vec![0; 16 << 10];
                while matches!(from.read(&mut buffer), Ok(1..)) {}
            }
            Some((_, _, How::Reset)) => {
                // Then closing it is no orderly end. It is closed when neither direction uses it any more.
                let _ = socket2::SockRef::from(&self.client).set_linger(Some(Duration::ZERO));
                let _ = self.client.shutdown(Shutdown::Read);
                let _ = self.server.shutdown(Shutdown::Both);
            }
            _ => {
                let _ = self.client.shutdown(Shutdown::Both);
                let _ = self.server.shutdown(Shutdown::Both);
            }
        }
    }
}
