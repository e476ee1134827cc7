//! The folder of a launch: what was started, what each process says, how it ended.
//!
//! Arguments are not written down: they may be secret.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use datlake::{Error, ErrorKind, Lake};
use serde::{Deserialize, Serialize};

use super::End;
use crate::args::EngineName;

const FOLDER: &str = "launched";
const ABOUT: &str = "launch.json";
const LOCK: &str = "lock";
/// Launches that are kept.
const KEPT: usize = 100;

/// What was started.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Launched {
    pub(crate) id: String,
    pub(crate) processes: u64,
    pub(crate) program: String,
    pub(crate) started_at: String,
    /// The engine, and what it calls the job.
    pub(crate) engine: EngineName,
    pub(crate) job: Option<String>,
    /// Where the engine answers, if it is a server.
    #[serde(default)]
    pub(crate) address: Option<String>,
    /// Where the processes write.
    pub(crate) folder: PathBuf,
}

/// What a launch is called: the second, and something that tells it from others.
pub(crate) fn new_id() -> String {
    let now = SystemTime::now();
    let second: String =
        humantime::format_rfc3339_seconds(now).to_string().chars().filter(char::is_ascii_digit).collect();
    let nanos = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let drawn = blake3::hash(format!("{nanos} {}", std::process::id()).as_bytes()).to_hex();
    format!("{second}-{}", &drawn[..4])
}

/// A folder for a launch of its own, and what the launch is called.
pub(crate) fn new(lake: &Lake) -> anyhow::Result<(String, PathBuf)> {
    let all = lake.home().join(FOLDER);
    fs::create_dir_all(&all).with_context(|| format!("cannot make the folder `{}`", all.display()))?;
    forget_the_oldest(&all);
    loop {
        let id = new_id();
        let folder = all.join(&id);
        match fs::create_dir(&folder) {
            Ok(()) => return Ok((id, folder)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e).with_context(|| format!("cannot make the folder `{}`", folder.display())),
        }
    }
}

/// What cannot be removed is in nobody's way.
fn forget_the_oldest(all: &Path) {
    let ids = ids(all).unwrap_or_default();
    for folder in ids.iter().rev().skip(KEPT).map(|id| all.join(id)) {
        if is_over(&folder) {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

/// Whether nobody writes there any more. Nothing on this machine tells of a scheduler's processes but what they wrote at their end.
fn is_over(folder: &Path) -> bool {
    match read(folder) {
        Ok(launched) if launched.engine != EngineName::Local => {
            (0..launched.processes).all(|rank| exit(&launched.folder, rank).exists())
        }
        _ => !is_supervised(folder).unwrap_or(true),
    }
}

/// All launches of the home, the oldest first.
fn ids(all: &Path) -> io::Result<Vec<String>> {
    let mut ids: Vec<String> = match fs::read_dir(all) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
        entries => entries?.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect(),
    };
    ids.sort();
    Ok(ids)
}

/// The launch that is meant, which may be abbreviated; without a name the latest.
pub(crate) fn find(lake: &Lake, meant: Option<&str>) -> anyhow::Result<Launched> {
    let all = lake.home().join(FOLDER);
    let mut ids = ids(&all).with_context(|| format!("cannot read the folder `{}`", all.display()))?;
    // Another is about to be started.
    ids.retain(|id| all.join(id).join(ABOUT).exists());
    let found: Vec<&String> = match meant {
        None => ids.last().into_iter().collect(),
        Some(meant) => ids.iter().filter(|id| !meant.is_empty() && id.starts_with(meant)).collect(),
    };
    match *found {
        [id] => read(&all.join(id)),
        [] => {
            let message = match meant {
                Some(meant) => format!("`datlake run` has started no run `{meant}` in `{}`", lake.home().display()),
                None => format!("`datlake run` has started no run in `{}`", lake.home().display()),
            };
            Err(Error::new(ErrorKind::NotFound, message).with_hint("`datlake runs` shows what ran here").into())
        }
        [one, other, ..] => {
            let message =
                format!("`{}` is the beginning of several runs, such as {one} and {other}", meant.unwrap_or_default());
            Err(Error::new(ErrorKind::InvalidInput, message).with_hint("write more of it").into())
        }
    }
}

fn read(folder: &Path) -> anyhow::Result<Launched> {
    let path = folder.join(ABOUT);
    let text = fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let launched: Launched =
        serde_json::from_slice(&text).with_context(|| format!("`{}` says nothing of a run", path.display()))?;
    Ok(launched)
}

impl Launched {
    /// Writes it down in the lake's home.
    pub(crate) fn write(&self, lake: &Lake) -> anyhow::Result<()> {
        let path = lake.home().join(FOLDER).join(&self.id).join(ABOUT);
        let text = serde_json::to_string_pretty(self)? + "\n";
        whole(&path, text.as_bytes()).with_context(|| format!("cannot write `{}`", path.display()))
    }
}

/// Writes a file that nobody sees half of.
fn whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    fs::write(&unfinished, content)?;
    fs::rename(unfinished, path)
}

/// Where a process writes what is for standard output.
pub(super) fn out(folder: &Path, rank: u64) -> PathBuf {
    folder.join(format!("{rank}.out"))
}

/// Where it writes what is for standard error.
pub(super) fn err(folder: &Path, rank: u64) -> PathBuf {
    folder.join(format!("{rank}.err"))
}

fn exit(folder: &Path, rank: u64) -> PathBuf {
    folder.join(format!("{rank}.exit"))
}

/// How the process ended, once it has.
pub(super) fn end(folder: &Path, rank: u64) -> io::Result<Option<End>> {
    match fs::read(exit(folder, rank)) {
        Ok(text) => Ok(Some(serde_json::from_slice(&text)?)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

pub(super) fn write_end(folder: &Path, rank: u64, end: &End) -> io::Result<()> {
    whole(&exit(folder, rank), &serde_json::to_vec(end)?)
}

/// The lock that the supervisor holds as long as it lives.
pub(super) fn lock(folder: &Path) -> io::Result<File> {
    File::options().create(true).truncate(false).read(true).write(true).open(folder.join(LOCK))
}

/// Whether a supervisor lives.
pub(super) fn is_supervised(folder: &Path) -> io::Result<bool> {
    let lock = match File::open(folder.join(LOCK)) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
        lock => lock?,
    };
    // Others who ask see each other not.
    match lock.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(fs::TryLockError::WouldBlock) => Ok(true),
        Err(fs::TryLockError::Error(e)) => Err(e),
    }
}

/// The supervisor's process, which counts while it holds the lock.
pub(super) fn supervisor(folder: &Path) -> io::Result<Option<i32>> {
    Ok(fs::read_to_string(folder.join("pid"))?.trim().parse().ok())
}

pub(super) fn write_supervisor(folder: &Path) -> io::Result<()> {
    whole(&folder.join("pid"), std::process::id().to_string().as_bytes())
}
