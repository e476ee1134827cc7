//! Writing to standard error without harm to what the program writes.
//!
//! Invariants:
//! - Nothing moves the cursor up or back over text of others: a transient line leaves the cursor where its text begins, and is
//!   taken away from there to the right.
//! - There is no transient line where standard output is a terminal too: the program's own lines would mix with it.
//! - Standard error may be gone; that is no reason to stop.

use std::io::{IsTerminal as _, Write as _, stderr, stdout};

use crate::report::escape_control;

/// Columns of a terminal that does not tell.
const COLUMNS: usize = 80;

#[derive(Debug, Default)]
pub(super) struct Screen {
    /// Standard error is a terminal.
    terminal: bool,
    /// Standard error is a terminal, and standard output is none.
    live: bool,
    /// A transient line stands.
    drawn: bool,
}

impl Screen {
    pub(super) fn here() -> Self {
        let terminal = stderr().is_terminal();
        Self { terminal, live: terminal && !stdout().is_terminal(), drawn: false }
    }

    pub(super) fn is_terminal(&self) -> bool {
        self.terminal
    }

    pub(super) fn is_live(&self) -> bool {
        self.live
    }

    /// A line that stays. What others wrote is in it: names, people, hosts.
    pub(super) fn line(&mut self, text: &str) {
        self.clear();
        say(&line(text));
    }

    /// A line that stays until the next, on a terminal of its own.
    pub(super) fn transient(&mut self, text: &str) {
        if self.live {
            self.clear();
            say(&cut(&format!("datlake: {}", escape_control(text)), columns()));
            self.drawn = true;
        }
    }

    pub(super) fn clear(&mut self) {
        if std::mem::take(&mut self.drawn) {
            say("\x1b[K");
        }
    }
}

fn line(text: &str) -> String {
    format!("datlake: {}\n", escape_control(text))
}

/// Where a line wraps, its beginning is out of reach.
fn cut(text: &str, columns: usize) -> String {
    let fits: String = text.chars().take(columns.saturating_sub(1)).collect();
    format!("{fits}\r")
}

fn columns() -> usize {
    let size = rustix::termios::tcgetwinsize(stderr());
    size.ok().map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0).unwrap_or(COLUMNS)
}

fn say(text: &str) {
    let _ = stderr().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_is_shown_and_not_obeyed() {
        let by = "eve \u{1b}]0;owned\u{7}\u{1b}[2J on host\ndatlake: all is well\u{202e}";
        let line = line(&format!("f waits: {by} runs it"));
        assert!(line.ends_with(" runs it\n") && line.matches('\n').count() == 1, "{line}");
        assert!(!line.trim_end().contains(|c: char| c.is_control() || c == '\u{202e}'), "{line}");
        assert!(line.contains("eve") && line.contains("\\u{1b}"), "{line}");
    }

    #[test]
    fn a_transient_line_never_wraps() {
        assert_eq!(cut("datlake: train", 20), "datlake: train\r");
        assert_eq!(cut("datlake: train", 8), "datlake\r");
        assert_eq!(cut("datlake: train", 0), "\r");
    }
}
