//! Arguments of `datlake add`.

use super::value::{seconds, size};

/// How something is added.
#[derive(Debug, clap::Args)]
pub(crate) struct AddHow {
    /// Add a folder, as one tree
    #[arg(short, long)]
    pub(crate) recursive: bool,
    /// With -r: every file in the folder by itself, as UID/PATH
    #[arg(long, requires = "recursive")]
    pub(crate) each: bool,
    /// With -r: leave out what a lake cannot have, such as pipes and names that are not UTF-8
    #[arg(long, requires = "recursive")]
    pub(crate) skip_unusable: bool,
    /// With -r: add what links lead to, wherever that is, in place of the links
    #[arg(long, requires = "recursive")]
    pub(crate) follow_links: bool,
    /// Replace what is there: it stays an earlier version, as UID@{1}
    #[arg(long)]
    pub(crate) replace: bool,
    /// Leave the source where it is (the default)
    #[arg(long, conflicts_with = "moving")]
    copy: bool,
    /// Remove the source once the lake has it, byte for byte
    #[arg(long = "move")]
    pub(crate) moving: bool,
    /// Add standard input even if it is empty
    #[arg(long)]
    pub(crate) empty: bool,
    /// Of a URL or standard input: fail above that many bytes (K, M, G, T for powers of 1024)
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) max_size: Option<u64>,
    /// Of a URL: fail after so many seconds without a byte
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0, value_parser = seconds)]
    pub(crate) timeout: f64,
}
