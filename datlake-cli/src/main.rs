//! The command `datlake`: what is in a lake, where it comes from, in and out.
//!
//! Arguments as typed (`args`) → an answer (`commands`) → one place that prints (`screen`).
//! Results go to standard output, everything else to standard error. Exit status: 0, 1 (what was asked for is not there),
//! 2 (failure), 130 and 143 (ended by a signal).

mod answer;
mod args;
mod asked_program;
mod boxes;
mod commands;
mod failure;
mod interrupt;
mod launch;
mod lines;
mod pager;
mod progress;
mod screen;
mod streamed;
mod text;
mod value;
#[cfg(feature = "serve")]
mod worker;

use std::process::ExitCode;

use crate::answer::Partly;
use crate::screen::Screen;

fn main() -> ExitCode {
    let (args, style) = args::parse();
    let json = style.json;
    let screen = Screen::new(args.color, style.verbose);
    if let Err(error) = interrupt::watch() {
        return ExitCode::from(screen.error(&anyhow::Error::new(error).context("cannot wait for signals"), json));
    }
    let done = run(args.command, json, &screen);
    interrupt::settled();
    match done {
        Ok(status) => ExitCode::from(status),
        // Whoever read has seen enough.
        Err(error) if failure::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => ExitCode::from(screen.error(&error, json)),
    }
}

fn run(command: args::Command, json: bool, screen: &Screen) -> anyhow::Result<u8> {
    let (answer, failed) = match commands::run(command, json, screen) {
        Ok(answer) => (answer, None),
        Err(error) => match error.downcast::<Partly>() {
            Ok(Partly { done, error }) => (done, Some(error)),
            Err(error) => return Err(error),
        },
    };
    screen.show(&*answer, json)?;
    match failed {
        None => Ok(answer.status()),
        Some(error) => Err(error),
    }
}
