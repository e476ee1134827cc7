//! How content is collected.

use std::time::Duration;

/// How content is collected.
#[derive(Debug, clap::Args)]
pub(crate) struct GcHow {
    /// Show what would be removed, and remove nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// At the remote, keep what is younger, as 36h or 7d
    #[arg(long, value_name = "AGE", default_value = "24h", value_parser = humantime::parse_duration)]
    pub(crate) grace: Duration,
    /// Wait until what was condemned may be removed
    #[arg(long)]
    pub(crate) wait: bool,
    /// Remove without waiting, because nobody else writes to the remote now
    ///
    /// If somebody does, what they make may lose its content.
    #[arg(long, conflicts_with = "wait")]
    pub(crate) exclusive: bool,
    /// Continue a sweep of the remote whose process is dead
    ///
    /// If it is not, what others make may lose its content.
    #[arg(long)]
    pub(crate) resume: bool,
    /// Only on this machine
    #[arg(long, conflicts_with = "remote")]
    pub(crate) local: bool,
    /// Only at the remote
    #[arg(long)]
    pub(crate) remote: bool,
}
