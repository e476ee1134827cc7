//! Text that is longer than the terminal, shown by the user's pager.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::{Command, Stdio};

use crate::interrupt;

/// Shows `text` in the pager: whether there was a reason to, and a pager.
pub(crate) fn show(text: &[u8]) -> io::Result<bool> {
    let Some(pager) = pager() else { return Ok(false) };
    let rows = terminal_size::terminal_size().map_or(0, |(_, height)| usize::from(height.0));
    if !io::stdout().is_terminal() || rows == 0 || text.iter().filter(|byte| **byte == b'\n').count() < rows {
        return Ok(false);
    }
    let mut command = Command::new("sh");
    command.args(["-c", &pager]).stdin(Stdio::piped());
    // Ends by itself where all fits, keeps colours, and leaves the text on the screen.
    if std::env::var_os("LESS").is_none() {
        command.env("LESS", "FRX");
    }
    // Ctrl-C is the pager's.
    let _paging = interrupt::paging();
    let Ok(mut child) = command.spawn() else { return Ok(false) };
    if let Some(mut stdin) = child.stdin.take() {
        // Whoever closes the pager has seen enough.
        let _ = stdin.write_all(text);
    }
    // The shell's word for a command that there is not.
    Ok(!matches!(child.wait()?.code(), Some(126 | 127)))
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
