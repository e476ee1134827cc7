//! Which calls are made again, and by what.

use std::ffi::OsString;

/// Which calls are made again, and by which program.
#[derive(Debug, clap::Args)]
pub(crate) struct CheckHow {
    /// Files, calls as CREATOR/KEY, or creators, all of whose calls are meant; names of creators may be abbreviated to their end, keys
    /// to their beginning
    #[arg(value_name = "UID|CALL|CREATOR", required_unless_present_any = ["all", "changed"])]
    pub(crate) which: Vec<String>,
    /// All calls of the lake
    #[arg(short, long, conflicts_with = "which")]
    pub(crate) all: bool,
    /// Only calls that the program would find, and that were made under another lock file, compiler, target or other features
    #[arg(short, long)]
    pub(crate) changed: bool,
    /// How many calls to make at a time, each by a thread; a program that runs on a runtime of its own makes one
    #[arg(short, long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) jobs: u16,
    /// The program that made them, and its arguments
    #[arg(last = true, required = true, value_name = "PROGRAM")]
    pub(crate) program: Vec<OsString>,
}
