//! Ctrl-C, anywhere: the process ends as a shell expects, and leaves nothing half-done.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use crate::server::Server;
use crate::support::{Machine, Ran, files_in, ran};

fn start(machine: &Machine, arguments: &[&str]) -> Child {
    let mut command = machine.command(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Sends a signal to the process, and waits for its end.
fn signalled(mut child: Child, signal: &str) -> Ran {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    // Nobody reads what it writes before it has ended.
    child.wait().unwrap();
    ran(child.wait_with_output().unwrap())
}

fn fifo(machine: &Machine, path: &str) -> PathBuf {
    let path = machine.path(path);
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    path
}

/// What the command has begun to write and not finished, in the lake and where it was started.
fn unfinished(machine: &Machine) -> Vec<String> {
    let work = files_in(&machine.path("work"));
    let lake = files_in(&machine.home()).into_iter().filter(|path| path.starts_with("tmp/"));
    work.into_iter().chain(lake).collect()
}

#[test]
fn an_addition_leaves_nothing() {
    let machine = Machine::new();
    let source = fifo(&machine, "slow");
    for (signal, status) in [("-INT", 130), ("-TERM", 143)] {
        let child = start(&machine, &["add", source.to_str().unwrap(), "a"]);
        // Opens when the other side reads.
        let mut end = fs::OpenOptions::new().write(true).open(&source).unwrap();
        end.write_all(&vec![b'x'; 200_000]).unwrap();
        assert!(!unfinished(&machine).is_empty());
        let ended = signalled(child, signal);
        assert_eq!((ended.status, &*ended.out, &*ended.err), (status, "", ""));
        assert_eq!(unfinished(&machine), [""; 0]);
        assert_eq!(machine.ok(&["ls"]), "");
    }
}

#[test]
fn a_download_leaves_nothing() {
    let machine = Machine::new();
    let (told, asked) = mpsc::channel();
    let server = Server::new(move |_, _, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nsome")?;
        told.send(()).unwrap();
        stream.read(&mut [0; 1]).map(drop)
    });
    let child = start(&machine, &["add", &server.url("", "/a"), "a"]);
    asked.recv().unwrap();
    assert_eq!(signalled(child, "-INT").status, 130);
    assert_eq!(unfinished(&machine), [""; 0]);
    assert_eq!(machine.ok(&["ls"]), "");
}

#[test]
fn a_copy_leaves_nothing() {
    let machine = Machine::with_remote();
    let lake = machine.lake();
    let file = lake.add_bytes("a", b"content").unwrap();
    lake.add_tree("tree", machine.write("folder/x", "content").parent().unwrap()).unwrap();
    // The remote answers no more, and does not say so.
    let hex = file.digest().to_string();
    let blob = format!("remote/blobs/{}/{hex}", &hex[..2]);
    fs::remove_file(machine.path(&blob)).unwrap();
    fifo(&machine, &blob);
    let machine = machine.moved_to("other");
    for what in ["a", "tree"] {
        fs::create_dir_all(machine.path("work")).unwrap();
        let child = start(&machine, &["get", what]);
        let begun = || fs::read_dir(machine.path("work")).unwrap().next().is_some();
        while !begun() {
            std::thread::yield_now();
        }
        let ended = signalled(child, "-INT");
        assert_eq!((ended.status, &*ended.out, &*ended.err), (130, "", ""));
        assert!(!begun(), "{:?}", unfinished(&machine));
        assert_eq!(unfinished(&machine), [""; 0]);
    }
}

#[test]
fn what_is_being_shown_ends() {
    let machine = Machine::new();
    // More than a pipe holds.
    machine.lake().add_bytes("a", vec![b'x'; 1 << 20]).unwrap();
    let mut child = start(&machine, &["cat", "a"]);
    child.stdout.as_mut().unwrap().read_exact(&mut [0; 1]).unwrap();
    let ended = signalled(child, "-INT");
    assert_eq!((ended.status, &*ended.err), (130, ""));
    assert!(ended.bytes.len() < 1 << 20);
    assert_eq!(machine.ok(&["cat", "a"]).len(), 1 << 20);
}
