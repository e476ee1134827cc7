//! What it costs a pipeline that somebody receives events of its bodies: whole processes, to the end of what is sent.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;

use crate::any_result::AnyResult;
use crate::measure::{Bench, Cost, process};

const BODIES: u64 = 200;

pub(crate) fn run(bench: &mut Bench) -> AnyResult<()> {
    if !cfg!(feature = "sent") {
        return Err("built without the feature `sent`".into());
    }
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}", listener.local_addr()?);
    std::thread::spawn(move || listener.incoming().flatten().try_for_each(take));
    let nobody = format!("http://{}", TcpListener::bind("127.0.0.1:0")?.local_addr()?);
    for (who, url) in [("a receiver", url), ("a receiver that is down", nobody)] {
        let mut with = Homes::new(bench.folder("sent")?);
        let mut without = Homes::new(bench.folder("not-sent")?);
        bench.pairs(
            &format!("{BODIES} bodies of 10 ms with {who}, beside none"),
            "≤ 1.01",
            1,
            || bodies(with.fresh(), Some(&url)),
            || bodies(without.fresh(), None),
        )?;
    }
    Ok(())
}

/// A new home for each round, where no body ran.
struct Homes {
    folder: PathBuf,
    made: u64,
}

impl Homes {
    fn new(folder: PathBuf) -> Self {
        Self { folder, made: 0 }
    }

    fn fresh(&mut self) -> PathBuf {
        self.made += 1;
        self.folder.join(self.made.to_string())
    }
}

fn bodies(home: PathBuf, url: Option<&String>) -> AnyResult<Cost> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["program", "sent"]).arg(home).arg(BODIES.to_string()).args(url).env("DATLAKE_LOG", "off");
    process(&mut command)
}

/// Takes every event of a connection.
fn take(stream: TcpStream) -> std::io::Result<()> {
    let (mut from, mut to) = (BufReader::new(stream.try_clone()?), stream);
    std::thread::spawn(move || -> std::io::Result<()> {
        loop {
            let (mut length, mut line) = (0, String::new());
            while line != "\r\n" {
                line.clear();
                if from.read_line(&mut line)? == 0 {
                    return Ok(());
                }
                if let Some(said) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = said.trim().parse().unwrap_or(0);
                }
            }
            from.read_exact(&mut vec![0; length])?;
            to.write_all(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")?;
        }
    });
    Ok(())
}
