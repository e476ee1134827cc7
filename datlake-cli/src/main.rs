//! The command `datlake`: what is in a lake, where it comes from, in and out.
//!
//! Arguments as typed (`args`) → commands, which give report values (`commands`) → one place that prints (`print`).
//! Results go to standard output, everything else to standard error. Exit status: 0, 1 (what was asked for is not there),
//! 2 (failure), 130 and 143 (ended by a signal).

mod args;
mod commands;
mod failure;
mod interrupt;
mod print;

use std::process::ExitCode;

use clap::Parser as _;

use crate::print::Screen;

fn main() -> ExitCode {
    let args = args::Args::parse();
    let screen = Screen::new(args.color.into());
    if let Err(error) = interrupt::watch() {
        screen.error(&anyhow::Error::new(error).context("cannot wait for signals"));
        return ExitCode::from(failure::FAILED);
    }
    let done = run(args, &screen);
    interrupt::settled();
    match done {
        Ok(status) => ExitCode::from(status),
        // Whoever read has seen enough.
        Err(error) if failure::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            screen.error(&error);
            ExitCode::from(failure::status(&error))
        }
    }
}

fn run(args: args::Args, screen: &Screen) -> anyhow::Result<u8> {
    let json = args.command.json();
    let (report, failed) = match commands::run(args.command, screen) {
        Ok(report) => (report, None),
        // What was done before it failed is a result, too.
        Err(error) => match error.downcast::<commands::Partly>() {
            Ok(commands::Partly { done, error }) => (*done, Some(error)),
            Err(error) => return Err(error),
        },
    };
    screen.report(&report, json)?;
    match failed {
        None => Ok(report.status()),
        Some(error) => Err(error),
    }
}
