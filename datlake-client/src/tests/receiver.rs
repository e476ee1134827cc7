//! A receiver of events that behaves as a test wants.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

/// What it does with the next requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Manner {
    Take,
    Answer(u16, &'static str),
    /// It answers so, with the head of the request.
    Repeat(u16),
    /// It answers so what one job does, and takes all others.
    AnswerOf(&'static str, u16),
    Silent,
    /// It reads, and closes the connection.
    CutOff,
}

/// A request, and whether it was taken.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) event: Value,
    pub(crate) taken: bool,
}

pub(crate) struct FakeReceiver {
    pub(crate) port: u16,
    state: Arc<Mutex<(Manner, Vec<Request>)>>,
    ended: Arc<AtomicBool>,
}

impl FakeReceiver {
    pub(crate) fn new(manner: Manner) -> Self {
        Self::at(0, manner)
    }

    pub(crate) fn at(port: u16, manner: Manner) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let receiver = Self {
            port: listener.local_addr().unwrap().port(),
            state: Arc::new(Mutex::new((manner, Vec::new()))),
            ended: Arc::default(),
        };
        let (state, ended) = (Arc::clone(&receiver.state), Arc::clone(&receiver.ended));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                let (stream, state) = (stream.unwrap(), Arc::clone(&state));
                std::thread::spawn(move || serve(stream, &state));
            }
        });
        receiver
    }

    /// A port at which nobody listens.
    pub(crate) fn nobody() -> u16 {
        TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
    }

    /// Nobody listens there any more.
    pub(crate) fn end(self) {
        self.ended.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        while TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
            std::thread::yield_now();
        }
    }

    pub(crate) fn now(&self, manner: Manner) {
        self.state.lock().unwrap().0 = manner;
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state.lock().unwrap().1.clone()
    }

    /// The events that it took, as `KIND function`.
    pub(crate) fn taken(&self) -> Vec<String> {
        self.requests().iter().filter(|request| request.taken).map(|request| said(&request.event)).collect()
    }

    /// Waits until it has taken so many.
    #[track_caller]
    pub(crate) fn wait_for(&self, taken: usize) {
        for _ in 0..1000 {
            if self.taken().len() >= taken {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("it took {:?}", self.taken());
    }
}

/// An event in short.
pub(crate) fn said(event: &Value) -> String {
    let job = event["job"]["name"].as_str().unwrap();
    format!("{} {}", event["eventType"].as_str().unwrap(), job.rsplit("::").next().unwrap())
}

fn serve(stream: TcpStream, state: &Mutex<(Manner, Vec<Request>)>) {
    let mut from = BufReader::new(stream.try_clone().unwrap());
    let mut to = stream;
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if from.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let length = head.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let mut body = vec![0; length.unwrap()];
        if from.read_exact(&mut body).is_err() {
            return;
        }
        let event: Value = serde_json::from_slice(&body).unwrap();
        let mut state = state.lock().unwrap();
        let manner = match state.0 {
            Manner::AnswerOf(job, status) if said(&event).ends_with(job) => Manner::Answer(status, ""),
            Manner::AnswerOf(..) => Manner::Take,
            manner => manner,
        };
        state.1.push(Request { head: head.clone(), event, taken: manner == Manner::Take });
        drop(state);
        let (status, text) = match manner {
            Manner::Answer(status, text) => (status, text),
            Manner::Repeat(status) => (status, &*head),
            Manner::Silent => {
                std::thread::sleep(Duration::from_secs(60));
                return;
            }
            Manner::CutOff => return,
            _ => (201, ""),
        };
        let retry = text.strip_prefix("RETRY ").map(|after| format!("Retry-After: {after}\r\n")).unwrap_or_default();
        let length = text.len();
        if write!(to, "HTTP/1.1 {status} x\r\n{retry}Content-Length: {length}\r\n\r\n{text}").is_err() {
            return;
        }
    }
}
