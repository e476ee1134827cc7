//! Copies of one program that are started together, and followed.
//!
//! An engine starts processes and ends them; what they do, the lake knows. What they say, and how they ended, is in the folder of
//! the launch: whoever followed it may go and come again.

mod folder;
mod follow;
mod kubernetes;
mod live;
mod local;
mod outcome;
mod ray;
mod shell;
mod ship;
mod slurm;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use datlake::{Digest, Error, ErrorKind};

pub(crate) use folder::{Launched, find, new, new_id};
pub(crate) use follow::{Interrupted, follow};
pub(crate) use kubernetes::{KubernetesOptions, manifest};
pub(crate) use local::{Local, supervise};
pub(crate) use outcome::LaunchOutcome;
pub(crate) use ray::{Ray, RayOptions, script as ray_script};
pub(crate) use shell::local_script;
pub(crate) use ship::{Shipped, ship};
pub(crate) use slurm::{Slurm, SlurmOptions, script as slurm_script};

/// What the processes are called together, and how many they are.
pub(crate) const RUN: &str = "DATLAKE_RUN";
pub(crate) const RUN_SIZE: &str = "DATLAKE_RUN_SIZE";
/// The most processes: an engine that has more is asked by itself.
pub(crate) const MOST: u64 = 10_000;

/// What is to be started.
#[derive(Debug)]
pub(crate) struct Launch {
    pub(crate) id: String,
    /// In a script that may be started more than once: what a shell is to add to the run's name, so that each time is a run of its own.
    pub(crate) each_time: Option<&'static str>,
    pub(crate) processes: u64,
    /// The program's file, and its arguments.
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) resources: Option<String>,
    pub(crate) grace: Duration,
    /// Where nodes do not see the program's file.
    pub(crate) shipped: Option<Shipped>,
}

/// How a process is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Its engine has not begun with it, or begins anew.
    Pending,
    Running,
    Ended(End),
    /// Its end is not known, for this reason.
    Lost(String),
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum End {
    Code(i32),
    Signal(i32),
    /// Its engine killed it, or the kernel did, since it used more memory than it was given.
    OutOfMemory,
}

impl State {
    /// Whether nothing comes after it.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self, Self::Ended(_) | Self::Lost(_))
    }
}

/// What started the processes.
pub(crate) trait Engine {
    /// How each of them is, by their ranks.
    fn states(&mut self) -> anyhow::Result<Vec<State>>;

    /// What else there is to say to who follows, since it was last asked.
    fn notes(&mut self) -> Vec<String>;

    /// Asks them to end.
    fn cancel(&mut self) -> anyhow::Result<()>;
}

impl Launch {
    /// The words that a node starts: the program and its arguments, or what fetches it first.
    pub(crate) fn words(&self) -> Vec<OsString> {
        let program = || vec![self.program.clone().into_os_string()];
        let mut words = self.shipped.as_ref().map_or_else(program, Shipped::words);
        words.extend(self.arguments.iter().cloned());
        words
    }

    /// What each process finds in its environment, but its rank.
    pub(crate) fn environment(&self) -> anyhow::Result<Vec<(&'static str, String)>> {
        let mut all = vec![(RUN, self.id.clone()), (RUN_SIZE, self.processes.to_string())];
        all.extend(self.resources.clone().map(|resources| ("DATLAKE_RESOURCES", resources)));
        // What is shipped was read when it was added.
        let digest = self.shipped.as_ref().map_or_else(|| digest_of(&self.program), |shipped| Ok(shipped.digest()))?;
        let name = self.program.file_name().unwrap_or_default().to_string_lossy();
        all.push(("DATLAKE_RUN_PROGRAM", format!("{name}:{digest}")));
        Ok(all)
    }
}

/// The digest of the program's file: a process that is another build tells by it.
fn digest_of(program: &Path) -> anyhow::Result<Digest> {
    let mut hasher = blake3::Hasher::new();
    let file = std::fs::File::open(program).with_context(|| format!("cannot read `{}`", program.display()))?;
    hasher.update_reader(file).with_context(|| format!("cannot read `{}`", program.display()))?;
    Ok(Digest::from_bytes(*hasher.finalize().as_bytes()))
}

/// The file of a program as it was typed: a path, or a name that `PATH` leads to.
pub(crate) fn program_file(typed: &Path) -> anyhow::Result<PathBuf> {
    let is_program = |path: &Path| {
        use std::os::unix::fs::PermissionsExt as _;
        path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    let is_path = typed.components().count() > 1;
    let places = if is_path { None } else { std::env::var_os("PATH") };
    let mut candidates: Vec<PathBuf> =
        places.iter().flat_map(std::env::split_paths).map(|place| place.join(typed)).collect();
    if is_path {
        candidates.push(typed.to_owned());
    }
    let found = candidates.into_iter().find(|path| is_program(path)).ok_or_else(|| {
        let hint = if is_path { "is it built?" } else { "a program in this folder is ./PROGRAM" };
        Error::new(ErrorKind::NotFound, format!("there is no program `{}`", typed.display())).with_hint(hint)
    })?;
    // Links stay: a program may look at what it is called.
    std::path::absolute(&found).with_context(|| format!("cannot find out where `{}` is", found.display()))
}
