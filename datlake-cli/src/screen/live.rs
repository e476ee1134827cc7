//! Lines of several processes as they come; on a terminal with lines below them that are drawn anew.

use std::io::{self, Write as _};

use super::Screen;

/// Lines, and on a terminal what stands below them.
#[derive(Debug)]
pub(crate) struct Live {
    screen: Screen,
    /// Whether standard output is for an answer: then all goes to standard error.
    json: bool,
    /// What is to be written, and whether to standard error.
    lines: Vec<(Vec<u8>, bool)>,
    /// What stands below.
    below: Vec<String>,
}

impl Live {
    pub(crate) fn new(screen: Screen, json: bool) -> Self {
        Self { screen, json, lines: Vec::new(), below: Vec::new() }
    }

    pub(crate) fn columns(&self) -> usize {
        self.screen.page.columns
    }

    /// A line of a process, byte by byte as it wrote it: with the process's number.
    pub(crate) fn line(&mut self, process: usize, line: &[u8], is_error: bool) {
        let mut text = format!("[{process}] ").into_bytes();
        text.extend_from_slice(line);
        text.push(b'\n');
        self.lines.push((text, is_error || self.json));
    }

    /// A line of the only process, byte by byte as it wrote it.
    pub(crate) fn plain(&mut self, line: &[u8]) {
        self.lines.push(([line, b"\n"].concat(), true));
    }

    /// Writes the lines. Whoever read standard output may have seen enough: that ends no process.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        if self.lines.is_empty() {
            return Ok(());
        }
        self.erase();
        let (mut out, mut err) = (io::stdout().lock(), io::stderr().lock());
        for (line, is_error) in self.lines.drain(..) {
            let written = if is_error { err.write_all(&line) } else { out.write_all(&line) };
            unless_broken(written)?;
        }
        unless_broken(out.flush())?;
        drop((out, err));
        self.show();
        Ok(())
    }

    /// Says something of datlake's own.
    pub(crate) fn say(&mut self, text: &str) {
        self.erase();
        self.screen.say(&format!("datlake: {}", crate::text::escape(text)));
        self.show();
    }

    /// Draws what stands below, in place of what stood there.
    pub(crate) fn draw(&mut self, lines: Vec<String>) {
        self.erase();
        self.below = lines;
        self.show();
    }

    /// Nothing stands below any more.
    pub(crate) fn clear(&mut self) {
        self.erase();
        self.below.clear();
    }

    fn erase(&self) {
        if !self.below.is_empty() {
            let _ = write!(io::stderr(), "\x1b[{}A\x1b[0J", self.below.len());
        }
    }

    fn show(&self) {
        self.below.iter().for_each(|line| self.screen.say(line));
    }
}

fn unless_broken(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
