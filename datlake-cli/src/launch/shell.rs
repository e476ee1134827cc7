//! Words and scripts for a shell.

use std::ffi::OsStr;
use std::fmt::Write as _;

use super::{Launch, RUN};
use crate::failure::refused;

/// A word as a shell reads it.
pub(super) fn quoted(word: &OsStr) -> anyhow::Result<String> {
    let Some(word) = word.to_str() else {
        return Err(refused(format!("`{}` is not UTF-8 text: it cannot stand in a script", word.display())).into());
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./=:,+@%".contains(c);
    Ok(match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    })
}

/// The program with its arguments.
pub(super) fn command(launch: &Launch) -> anyhow::Result<String> {
    let words: Vec<String> = launch.words().iter().map(|word| quoted(word)).collect::<anyhow::Result<_>>()?;
    Ok(words.join(" "))
}

/// Lines that put the launch's variables into the environment.
pub(super) fn exports(launch: &Launch) -> anyhow::Result<String> {
    let mut lines = String::new();
    for (name, value) in launch.environment()? {
        let more = launch.each_time.filter(|_| name == RUN).map(|more| format!(".{more}")).unwrap_or_default();
        let _ = writeln!(lines, "export {name}={}{more}", quoted(value.as_ref())?);
    }
    Ok(lines)
}

/// A script that starts the processes on this machine.
pub(crate) fn local_script(launch: &Launch) -> anyhow::Result<String> {
    let last = launch.processes - 1;
    Ok(format!(
        "#!/bin/sh\n{}for rank in $(seq 0 {last}); do\n  DATLAKE_RANK=$rank {} &\ndone\nwait\n",
        exports(launch)?,
        command(launch)?
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_each_word_as_it_is() {
        for word in ["plain", "", "two words", "it's", "$HOME `x` \"y\" \\", "new\nline", "*?[a]", "~", "größe"] {
            let echo = format!("printf %s {}", quoted(word.as_ref()).unwrap());
            let said = std::process::Command::new("sh").args(["-c", &echo]).output().unwrap();
            assert_eq!(String::from_utf8(said.stdout).unwrap(), word);
        }
    }
}
