//! The command `datlake`: what is in a lake, where it comes from, in and out.
//!
//! Arguments as typed (`args`) → commands, which give report values (`commands`) → one place that prints (`print`).
//! Results go to standard output, everything else to standard error. Exit status: 0, 1 (what was asked for is not there),
//! 2 (failure).

mod args;
mod commands;
mod failure;
mod print;

use std::process::ExitCode;

use clap::Parser as _;

use crate::print::Screen;

fn main() -> ExitCode {
    let args = args::Args::parse();
    let screen = Screen::new(args.color.into());
    match run(args, &screen) {
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
    let report = commands::run(args.command, screen)?;
    screen.report(&report, json)?;
    Ok(report.status())
}
