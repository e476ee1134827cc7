//! Arguments of a worker, and of what is asked of a server's jobs.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::schedule::ScheduleHow;

#[derive(Debug, Args)]
pub(crate) struct Worker {
    /// The server, as http://127.0.0.1:8000; without it, what DATLAKE_API_URL says
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// How many runs at once
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) slots: u16,
    /// Which jobs, as `daily_*`: of those in which the key may write
    #[arg(long, value_name = "PATTERN", default_value = "*")]
    pub(crate) jobs: String,
    /// A program that may be run, as schedules spell it; without any, all may
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) allow: Vec<String>,
    /// What people call it; without it, the host's name
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// How long a command has between SIGTERM and SIGKILL
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    pub(crate) grace: Duration,
    /// How long the server waits for a heartbeat until it gives a run to another worker
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = humantime::parse_duration)]
    pub(crate) lease: Duration,
    /// Where commands have their folders; without it, where temporary files are
    #[arg(long, value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,
}

/// What runs a command of a worker.
#[derive(Debug, Args)]
pub(crate) struct Guard {
    /// How long it has between SIGTERM and SIGKILL
    #[arg(long, value_parser = humantime::parse_duration)]
    pub(crate) grace: Duration,
    /// The program and its arguments
    #[arg(last = true, required = true)]
    pub(crate) program: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct JobHow {
    /// The server, as http://127.0.0.1:8000; without it, what DATLAKE_API_URL says
    #[arg(long, value_name = "URL", global = true)]
    pub(crate) server: Option<String>,
    #[command(subcommand)]
    pub(crate) command: Job,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Job {
    /// Lists jobs that may be read
    #[command(after_help = "Example: datlake job list")]
    List,
    /// Lists runs of a job, the latest first
    #[command(after_help = "Example: datlake job runs nightly --state failed")]
    Runs {
        /// The job
        job: String,
        /// Those that stand so: queued, running, succeeded, failed, lost or cancelled
        #[arg(long)]
        state: Option<String>,
        /// So many at most
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Says when a job runs, and what a worker runs then; or shows that
    ///
    /// Whoever sets it needs the role `operator` on the job. What was set before is replaced.
    #[command(
        after_help = "Example: datlake job schedule nightly --cron '30 2 * * *' --time-zone Europe/Berlin -- make daily\n\
        A creator of a program: datlake job schedule totals --every 1h --creator total -p table=sales@main:raw/jan.csv -- /srv/shop/shop\n\
        What is set: datlake job schedule nightly"
    )]
    Schedule(Box<ScheduleHow>),
    /// Removes the schedule of a job, and cancels its runs that wait
    #[command(after_help = "Example: datlake job unschedule nightly")]
    Unschedule {
        /// The job
        job: String,
    },
    /// Queues a run of a job for a worker
    #[command(after_help = "Example: datlake job queue nightly")]
    Queue {
        /// The job, which has a schedule
        job: String,
        /// Of runs that wait, those with more come first: from -100 to 100
        #[arg(long, allow_negative_numbers = true)]
        priority: Option<i64>,
    },
    /// Ends a run that a worker has, or is to have
    #[command(after_help = "Example: datlake job cancel nightly 0199c1f0-7f3e-7c4b-9d34-2f6f0e1c9a55")]
    Cancel {
        /// The job
        job: String,
        /// The id of the run
        run: String,
    },
    /// Pauses the schedule of a job: nothing is due, and nothing that waits begins
    #[command(after_help = "Example: datlake job pause nightly")]
    Pause {
        /// The job
        job: String,
    },
    /// Goes on with a schedule that was paused
    #[command(after_help = "Example: datlake job resume nightly")]
    Resume {
        /// The job
        job: String,
    },
    /// Writes what a worker has shipped of the log of a run
    #[command(after_help = "Example: datlake job log nightly 0199c1f0-7f3e-7c4b-9d34-2f6f0e1c9a55 --follow")]
    Log {
        /// The job
        job: String,
        /// The id of the run
        run: String,
        /// Wait for more, as long as the run goes on
        #[arg(short, long)]
        follow: bool,
        /// From this byte on
        #[arg(long, default_value_t = 0)]
        offset: u64,
    },
}
