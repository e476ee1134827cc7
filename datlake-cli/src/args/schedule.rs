//! Arguments of the schedule of a job.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::call::param;

/// When a job runs, and what a worker runs then.
#[derive(Debug, clap::Args)]
pub(crate) struct ScheduleHow {
    /// The job, which is made if there is none
    pub(crate) job: String,
    /// Five fields of cron, as `30 2 * * 1-5`; without this, --every and --sources-ready it runs where somebody queues a run
    #[arg(long, value_name = "LINE", conflicts_with_all = ["every", "sources_ready"])]
    pub(crate) cron: Option<String>,
    /// Whose clocks the line of cron goes by, as Europe/Berlin; UTC without it
    #[arg(long, value_name = "ZONE", requires = "cron")]
    pub(crate) time_zone: Option<String>,
    /// Each time that so long has passed
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, conflicts_with = "sources_ready")]
    pub(crate) every: Option<Duration>,
    /// Once a run of the job's dataflow would claim something
    #[arg(long)]
    pub(crate) sources_ready: bool,
    /// A creator that PROGRAM offers: its name, or the end of it; without it, PROGRAM itself is run
    #[arg(long, value_name = "CREATOR")]
    pub(crate) creator: Option<String>,
    /// A parameter of the creator, as JSON or a text: min_len=3, jan=sales@main:raw/jan.csv
    #[arg(short, long = "param", value_name = "NAME=VALUE", value_parser = param, requires = "creator")]
    pub(crate) params: Vec<(String, Value)>,
    /// A variable of the worker that PROGRAM gets, as often as wanted
    #[arg(long = "env", value_name = "NAME")]
    pub(crate) environment: Vec<String>,
    /// Where it runs; without it, in a folder of its own
    #[arg(long)]
    pub(crate) directory: Option<PathBuf>,
    /// Of runs that wait, those with more come first: from -100 to 100
    #[arg(long, allow_negative_numbers = true, value_name = "N")]
    pub(crate) priority: Option<i64>,
    /// A run that takes longer is ended; a day without it
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Option<Duration>,
    /// So many runs are tried until one succeeds; one without it
    #[arg(long, value_name = "N")]
    pub(crate) attempts: Option<i64>,
    /// So long is waited before the second attempt, and twice as long before each that follows; ten seconds without it
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) backoff: Option<Duration>,
    /// Times that passed while no server was there have no run; without it, all of them have one
    #[arg(long)]
    pub(crate) skip_missed: bool,
    /// A run may begin while another goes on
    #[arg(long)]
    pub(crate) may_overlap: bool,
    /// The program, as workers find it, and its arguments; without one the schedule is shown
    #[arg(last = true, value_name = "PROGRAM")]
    pub(crate) program: Vec<String>,
}
