//! A web server on this machine, good or bad.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};

/// Answers every request as it was told to, until the tests end.
pub(crate) struct Server {
    address: String,
}

impl Server {
    /// `answer` is given the path and the headers of a request, and writes what it likes.
    pub(crate) fn new(
        answer: impl Fn(&str, &str, &mut TcpStream) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let answer = std::sync::Arc::new(answer);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, answer) = (stream.unwrap(), std::sync::Arc::clone(&answer));
                std::thread::spawn(move || {
                    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                    let Some(Ok(first)) = lines.next() else { return };
                    let headers: Vec<_> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
                    let path = first.split(' ').nth(1).unwrap_or_default();
                    // Whoever asked may have gone.
                    let _ = answer(path, &headers.join("\n"), &mut stream);
                });
            }
        });
        Self { address }
    }

    /// Answers every request with these bytes.
    pub(crate) fn saying(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::new(move |_, _, stream| stream.write_all(&answer))
    }

    /// The URL of a path, for a user with a password if `user` says so.
    pub(crate) fn url(&self, user: &str, path: &str) -> String {
        format!("http://{user}{}{path}", self.address)
    }
}

/// A whole answer.
pub(crate) fn answer(status: &str, kind: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// An address at which nobody answers.
pub(crate) fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/a.csv", listener.local_addr().unwrap())
}
