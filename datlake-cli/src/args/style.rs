//! How an answer is written, which is asked of most commands alike.

use clap::{Arg, ArgAction, CommandFactory as _, FromArgMatches as _};

use super::Args;

const JSON: &str = "json";
const VERBOSE: &str = "verbose";

/// How an answer is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    pub(crate) json: bool,
    /// Lists everything, where lists are otherwise cut.
    pub(crate) verbose: bool,
}

/// The arguments, and how the answer is written.
pub(crate) fn parse() -> (Args, Style) {
    let matches = command().get_matches();
    let args = Args::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let mut of = &matches;
    while let Some((_, below)) = of.subcommand() {
        of = below;
    }
    let given = |flag| of.try_get_one::<bool>(flag).is_ok_and(|given| given.is_some_and(|given| *given));
    (args, Style { json: given(JSON), verbose: given(VERBOSE) })
}

/// The command with all its arguments.
pub(crate) fn command() -> clap::Command {
    with_style(Args::command())
}

/// Whatever gives an answer, and not bytes, gives it as JSON too; what may list very many lists them all when asked.
fn with_style(command: clap::Command) -> clap::Command {
    let verbose = Arg::new(VERBOSE).short('v').long(VERBOSE).action(ArgAction::SetTrue).help("List all, however many");
    let command = match command.get_name() {
        // They answer by themselves too.
        "outbox" | "runs" => command.mut_subcommands(with_style),
        // The log of a run is bytes; that of a name is no command of jobs.
        "job" => return command.mut_subcommands(|of| if of.get_name() == "log" { of } else { with_style(of) }),
        _ if command.has_subcommands() => return command.mut_subcommands(with_style),
        "cat" | "completions" | "man" | "guard" | "serve" | "supervise" | "ui" | "worker" => return command,
        "info" | "status" | "push" | "mirror" | "rm" | "prune" | "lineage" => command.arg(verbose),
        _ => command,
    };
    command.arg(Arg::new(JSON).long(JSON).action(ArgAction::SetTrue).help("Write JSON"))
}
