//! How content is collected.

use std::time::Duration;

/// How content is collected.
#[derive(Debug, clap::Args)]
pub(crate) struct GcHow {
    /// Show what would be removed, and remove nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// At the remote, leave alone what is younger, as 36h or 7d
    #[arg(long, value_name = "AGE", default_value = "24h", value_parser = humantime::parse_duration)]
    pub(crate) grace: Duration,
    /// Stay until what was condemned may be removed
    #[arg(long)]
    pub(crate) wait: bool,
    /// Wait for nothing, because nobody else writes to the remote now
    ///
    /// Where somebody does, what they make may lose its content.
    #[arg(long, conflicts_with = "wait")]
    pub(crate) exclusive: bool,
    /// Go on with a sweep of the remote whose process is dead
    ///
    /// Where it is not, what others make may lose its content.
    #[arg(long)]
    pub(crate) resume: bool,
    /// Only on this machine
    #[arg(long, conflicts_with = "remote")]
    pub(crate) local: bool,
    /// Only at the remote
    #[arg(long)]
    pub(crate) remote: bool,
}
