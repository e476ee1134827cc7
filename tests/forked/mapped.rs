//! A staged file that is mapped into memory, and written to there when no descriptor of it is left.
//!
//! The first write to a mapped page changes the file's time, and those that follow change nothing that can be seen of it.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::sync::Mutex;

use datlake::{ErrorKind, File, Lake, Result, Tree, Verify, file_creator};
use serde::Serialize;

/// When the writer patches the file.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
enum Patch {
    /// Between `finish()` and the end of the body.
    Before,
    /// When the call has returned.
    After,
}

/// The process that has the file mapped.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
enum Writer {
    ThisProcess,
    Child,
}

const SIZE: usize = 10;

/// A file in memory, shared with whoever reads it.
struct Mapping(*mut libc::c_void);

// SAFETY: only `patch` uses the pointer, and nobody else has the memory.
unsafe impl Send for Mapping {}

impl Mapping {
    fn of(file: &std::fs::File) -> Self {
        let (access, descriptor) = (libc::PROT_READ | libc::PROT_WRITE, file.as_raw_fd());
        // SAFETY: the system chooses a place that nobody has.
        let at = unsafe { libc::mmap(std::ptr::null_mut(), SIZE, access, libc::MAP_SHARED, descriptor, 0) };
        assert_ne!(at, libc::MAP_FAILED);
        Self(at)
    }

    fn patch(&self, at: usize, byte: u8) {
        assert!(at < SIZE);
        // SAFETY: it is within the mapping, which lives as long as `self`.
        unsafe { self.0.cast::<u8>().add(at).write_volatile(byte) };
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: it was mapped with this size, and nobody uses it any more.
        unsafe { libc::munmap(self.0, SIZE) };
    }
}

/// Patches the file on demand.
enum Mapped {
    Here(Mapping),
    /// A child, which waits for a word.
    There(libc::pid_t, std::io::PipeWriter),
}

impl Mapped {
    fn of(mapping: Mapping, writer: Writer) -> Self {
        if writer == Writer::ThisProcess {
            return Self::Here(mapping);
        }
        let (mut told, tell) = std::io::pipe().unwrap();
        // SAFETY: the child reads from a pipe, writes to memory, and leaves by `_exit`.
        let pid = unsafe { libc::fork() };
        assert!(pid >= 0);
        if pid == 0 {
            let _ = told.read(&mut [0]);
            mapping.patch(5, b'2');
            // SAFETY: it ends the process, without what the parent has registered for its own end.
            unsafe { libc::_exit(0) };
        }
        Self::There(pid, tell)
    }

    fn patch(self) {
        match self {
            Self::Here(mapping) => mapping.patch(5, b'2'),
            Self::There(pid, mut tell) => {
                tell.write_all(b".").unwrap();
                let mut status = 0;
                // SAFETY: `status` lives.
                assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
                assert_eq!(status, 0, "the child patched it");
            }
        }
    }
}

/// Writers whose calls have returned.
static LEFT: Mutex<Vec<Mapped>> = Mutex::new(Vec::new());

fn table(writer: Writer, patch: Patch) -> Result<File> {
    let staged = File::stage("table.bin")?;
    let mut open = OpenOptions::new().read(true).write(true).create_new(true).open(staged.path())?;
    open.write_all(b"rows:? a ?")?;
    let mapping = Mapping::of(&open);
    drop(open);
    mapping.patch(9, b'b');
    let mapped = Mapped::of(mapping, writer);
    let file = staged.finish()?;
    match patch {
        Patch::Before => mapped.patch(),
        Patch::After => LEFT.lock().unwrap().push(mapped),
    }
    Ok(file)
}

#[file_creator]
fn made(writer: Writer, patch: Patch) -> Result<File> {
    table(writer, patch)
}

#[file_creator]
fn in_a_tree(writer: Writer, patch: Patch) -> Result<Tree> {
    let mut tree = Tree::create("tree")?;
    tree.add("table.bin", &table(writer, patch)?)?;
    tree.finish()
}

#[test]
fn what_is_published_has_the_digest_of_its_last_bytes() {
    let lake = Lake::temp().unwrap();
    let _current = lake.enter();
    for writer in [Writer::ThisProcess, Writer::Child] {
        for error in [made(writer, Patch::Before).unwrap_err(), in_a_tree(writer, Patch::Before).unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::Outputs, "{writer:?}: {error}");
            assert!(error.to_string().contains("`table.bin` was written to after `finish()`"), "{error}");
        }
        let files =
            [made(writer, Patch::After).unwrap(), in_a_tree(writer, Patch::After).unwrap().get("table.bin").unwrap()];
        LEFT.lock().unwrap().drain(..).for_each(Mapped::patch);
        for file in files {
            assert_eq!(file.read_to_string().unwrap(), "rows:? a b", "{writer:?}");
        }
    }
    let findings = lake.verify(Verify::default(), &[]).unwrap().findings;
    assert!(findings.is_empty(), "{findings:?}");
}
