//! Text that is longer than the terminal, shown by the user's pager while it comes.

use std::io::{self, IsTerminal as _, Write};
use std::process::{Child, Command, Stdio};

use anstream::{AutoStream, ColorChoice};

use crate::interrupt::{self, Paging};

/// More than a pipe holds: where so much was taken, there is a pager that takes it.
const TAKEN: usize = 256 << 10;

/// Standard output, or a pager once the text is longer than the terminal.
pub(crate) struct Paged {
    color: ColorChoice,
    to: To,
}

enum To {
    /// Fewer lines than these so far, which may be all.
    Screen {
        text: Vec<u8>,
        rows: usize,
        pager: String,
    },
    /// What was written until it was known that there is a pager.
    Pager {
        child: Child,
        written: Vec<u8>,
        _paging: Paging,
    },
    Output(io::Stdout),
}

impl Paged {
    /// Text in colours or without.
    pub(crate) fn new(color: ColorChoice) -> Self {
        let rows = terminal_size::terminal_size().map_or(0, |(_, height)| usize::from(height.0));
        let to = match pager().filter(|_| io::stdout().is_terminal() && rows > 0) {
            Some(pager) => To::Screen { text: Vec::new(), rows, pager },
            None => To::Output(io::stdout()),
        };
        Self { color, to }
    }

    /// With colours or without.
    fn painted(&self, text: &[u8]) -> io::Result<Vec<u8>> {
        let mut painted = AutoStream::new(Vec::with_capacity(text.len()), self.color);
        painted.write_all(text)?;
        Ok(painted.into_inner())
    }

    fn put(&mut self, painted: &[u8]) -> io::Result<()> {
        match &mut self.to {
            To::Output(out) => return out.write_all(painted),
            To::Screen { text, rows, pager } => {
                text.extend_from_slice(painted);
                if text.iter().filter(|byte| **byte == b'\n').count() < *rows {
                    return Ok(());
                }
                let text = std::mem::take(text);
                self.to = begin(pager).unwrap_or_else(|_| To::Output(io::stdout()));
                return self.put(&text);
            }
            To::Pager { child, written, .. } => {
                if written.len() < TAKEN {
                    written.extend_from_slice(painted);
                }
                match child.stdin.as_mut().map(|stdin| stdin.write_all(painted)) {
                    Some(Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error),
                    Some(Err(_)) => {}
                    _ => return Ok(()),
                }
            }
        }
        // Whoever closes the pager has seen enough.
        match self.without_pager()? {
            true => Ok(()),
            false => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Waits for the pager: whether there was none, so that what it got is on the screen now.
    fn without_pager(&mut self) -> io::Result<bool> {
        let To::Pager { child, written, .. } = &mut self.to else { return Ok(false) };
        drop(child.stdin.take());
        // The shell's word for a command that there is not.
        if !matches!(child.wait()?.code(), Some(126 | 127)) {
            return Ok(false);
        }
        let (written, mut out) = (std::mem::take(written), io::stdout());
        out.write_all(&written)?;
        self.to = To::Output(out);
        Ok(true)
    }

    /// Nothing comes any more: shows what is there, and waits for whoever reads it in the pager.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        if let To::Screen { text, .. } = &mut self.to {
            let (text, mut out) = (std::mem::take(text), io::stdout());
            out.write_all(&text)?;
            return out.flush();
        }
        self.without_pager()?;
        io::stdout().flush()
    }
}

impl Write for Paged {
    /// Takes whole pieces of text: no escape sequence goes on in the next.
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let painted = self.painted(text)?;
        self.put(&painted)?;
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn begin(pager: &str) -> io::Result<To> {
    let mut command = Command::new("sh");
    command.args(["-c", pager]).stdin(Stdio::piped());
    // Ends by itself where all fits, keeps colours, and leaves the text on the screen.
    if std::env::var_os("LESS").is_none() {
        command.env("LESS", "FRX");
    }
    // Ctrl-C is the pager's.
    let paging = interrupt::paging();
    Ok(To::Pager { child: command.spawn()?, written: Vec::new(), _paging: paging })
}

/// `DATLAKE_PAGER`, `PAGER`, or else `less`; `None` where that is empty or `cat`, and on terminals that can do nothing.
fn pager() -> Option<String> {
    if std::env::var("TERM").is_ok_and(|terminal| terminal == "dumb") {
        return None;
    }
    let set = ["DATLAKE_PAGER", "PAGER"].into_iter().find_map(|variable| std::env::var(variable).ok());
    let pager = set.unwrap_or_else(|| "less".to_owned());
    Some(pager).filter(|pager| !matches!(pager.trim(), "" | "cat"))
}
