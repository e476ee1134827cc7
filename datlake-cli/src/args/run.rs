//! Arguments of `run`, and of what follows.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Subcommand, ValueEnum};

use datlake::report::Given;

use super::value::{resource, resources, size};

/// What starts the processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EngineName {
    /// This machine
    Local,
    /// Slurm: one job, whose array has a task for each process
    Slurm,
    /// Ray: one job, which starts each process where Ray has room
    Ray,
    /// Kubernetes: a manifest of an Indexed Job, with --write-only
    Kubernetes,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RunHow {
    /// What starts the processes
    #[arg(long, value_enum, default_value_t = EngineName::Local, value_name = "ENGINE")]
    pub(crate) on: EngineName,
    /// How many processes
    #[arg(short = 'n', long = "processes", value_name = "N")]
    pub(crate) processes: u64,
    /// CPUs of each process; without it, on this machine, its share of them
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    cpus: Option<u64>,
    /// Memory of each process, as 16GiB; on this machine they learn it, and nobody holds them to it
    #[arg(long, value_name = "SIZE", value_parser = size)]
    memory: Option<u64>,
    /// GPUs of each process
    #[arg(long, value_name = "N")]
    gpus: Option<u64>,
    /// All three at once, as cpus=4,gpus=1,memory=16GiB
    #[arg(long, value_name = "LIST", value_parser = resources, conflicts_with_all = ["cpus", "memory", "gpus"])]
    resources: Option<Given>,
    /// How long processes have to end, once the run is cancelled, before they are killed
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    pub(crate) grace: Duration,
    /// Where processes write what they say, instead of the lake's home: a folder that all machines see
    #[arg(long, value_name = "FOLDER")]
    pub(crate) logs: Option<PathBuf>,
    /// Another option of sbatch, as --sbatch=--partition=gpu
    #[arg(long, value_name = "OPTION", allow_hyphen_values = true)]
    pub(crate) sbatch: Vec<String>,
    /// Where Ray's job server is, as http://head:8265; without it, what RAY_API_SERVER_ADDRESS or RAY_ADDRESS says, or this machine
    #[arg(long, value_name = "URL")]
    pub(crate) address: Option<String>,
    /// What each process needs of a resource that Ray's cluster has by that name, as tpu=1
    #[arg(long, value_name = "NAME=AMOUNT", value_parser = resource)]
    pub(crate) resource: Vec<(String, f64)>,
    /// Wait where no node of Ray's cluster has room for a process, as it gets nodes when they are needed; without it that is an error
    #[arg(long)]
    pub(crate) wait_for_nodes: bool,
    /// A variable that Ray's processes get, as AWS_PROFILE=lake, or with the value that it has here: AWS_ACCESS_KEY_ID
    #[arg(long, value_name = "NAME[=VALUE]")]
    pub(crate) env: Vec<String>,
    /// The image of the containers of a job of Kubernetes
    #[arg(long, value_name = "IMAGE")]
    pub(crate) image: Option<String>,
    /// Put the program into the remote, from which nodes that do not see its file fetch it by a signed URL; for so long, at most 7 days
    /// in most buckets. They need `curl` and `sha256sum`
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "7d",
        value_parser = humantime::parse_duration)]
    pub(crate) ship: Option<Duration>,
    /// Start it and leave: `datlake runs attach` joins it
    #[arg(long)]
    pub(crate) detach: bool,
    /// Print what would be submitted, and start nothing
    #[arg(long, conflicts_with = "detach")]
    pub(crate) write_only: bool,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "PROGRAM")]
    pub(crate) program: Vec<OsString>,
}

impl RunHow {
    /// What each process is to be given, as far as somebody said so.
    pub(crate) fn given(&self) -> Given {
        self.resources.unwrap_or(Given { cpus: self.cpus, gpus: self.gpus, memory: self.memory })
    }
}

/// What is done with a run that `datlake run` started.
#[derive(Debug, Subcommand)]
pub(crate) enum Started {
    /// Joins a run that `datlake run` started: shows what its processes say, until they have ended
    ///
    /// All that they said is shown from the beginning. Ctrl-C leaves the run as it is.
    #[command(after_help = "Example: datlake runs attach")]
    Attach {
        /// The run, which may be abbreviated; without it the latest
        run: Option<String>,
    },
    /// Ends a run that `datlake run` started: its processes get SIGTERM, and their time of grace
    #[command(after_help = "Example: datlake runs cancel 20261129")]
    Cancel {
        /// The run, which may be abbreviated
        run: String,
    },
}

/// What supervises the processes of a run on this machine.
#[derive(Debug, clap::Args)]
pub(crate) struct SuperviseHow {
    /// Where their output goes
    pub(crate) folder: PathBuf,
    /// The program and its arguments
    #[arg(last = true, required = true)]
    pub(crate) program: Vec<OsString>,
}
