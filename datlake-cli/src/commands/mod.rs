//! What each command does. None prints: each gives a report, which `print` shows.

mod add;
mod config;
mod content;
mod download;
mod get;
mod info;
mod ls;
mod path;
mod prune;
mod rm;
#[cfg(test)]
mod schemas;
mod shell;

use std::path::PathBuf;

use datlake::config::{Changed, ContextRow, Setting};
use datlake::report::{
    CallExplanation, Cleaned, Collected, Downstream, Evicted, FileInfo, History, LakeStatus, Listing, Mirrored, Pull,
    Push, PushOutcome, RemoteCheck, Repaired, RunInfo, Runs, SignedUrl, Upstream, Verified,
};
use datlake::{Collect, Digest, Evict, File, Lake, LakeBuilder, Mirror, Side, Uid, Verify};
use serde::Serialize;

use crate::args::{Command, GcHow};
use crate::failure::{ABSENT, FAILED};
use crate::interrupt;
use crate::print::Screen;

/// What a command found or did.
#[derive(Debug)]
pub(crate) enum Report {
    Info(Box<FileInfo>),
    Files {
        listing: Listing,
        remote: Option<String>,
        /// What lies in its folders and is on this machine only.
        waiting: Vec<String>,
        long: bool,
    },
    Added(Vec<Added>),
    Got(Vec<Got>),
    Paths(Vec<Kept>),
    Url(SignedUrl),
    Removed(Removed),
    Calls(History),
    Runs(Runs),
    Run(Box<RunInfo>),
    Explanation(Box<CallExplanation>),
    Related(Related),
    Settings(Vec<Setting>),
    Checked(RemoteCheck),
    Changed(Changed),
    Contexts(Vec<ContextRow>),
    /// What was done with a context, in words.
    Context(&'static str, ContextRow),
    Status(LakeStatus),
    Pushed(Push),
    Pulled(Pull),
    Mirrored(Mirrored),
    Verified(Verified),
    Repaired(Repaired),
    Cleaned(Cleaned),
    Evicted(Evicted),
    Collected(Collected),
    Pruned(Pruned),
    /// The command has written bytes, not a report.
    Written,
}

/// What `add` did.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize, schemars::JsonSchema))]
pub(crate) struct Added {
    pub(crate) uid: String,
    pub(crate) digest: Digest,
    /// In bytes; of a tree: of all its files.
    pub(crate) size: u64,
    /// How many files; `None` unless it is a tree.
    pub(crate) files: Option<u64>,
    /// Whether it was not there before.
    pub(crate) new: bool,
    /// Whether it is no longer where it came from.
    pub(crate) moved: bool,
    /// The URL it was downloaded from, without what is secret in one.
    pub(crate) source: Option<String>,
}

/// What `get` wrote.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize, schemars::JsonSchema))]
pub(crate) struct Got {
    pub(crate) uid: String,
    pub(crate) path: PathBuf,
    /// In bytes.
    pub(crate) size: u64,
    /// How many files.
    pub(crate) files: u64,
}

/// Where content is kept.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize, schemars::JsonSchema))]
pub(crate) struct Kept {
    pub(crate) uid: String,
    pub(crate) path: PathBuf,
}

/// What `rm` removed.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize, schemars::JsonSchema))]
pub(crate) struct Removed {
    pub(crate) removed: Vec<Uid>,
    /// Whether copies on this machine were forgotten, and nothing else.
    pub(crate) local: bool,
}

/// What `lineage` found.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize, schemars::JsonSchema))]
pub(crate) struct Related {
    /// What the file was made from; `None` unless it was asked for.
    pub(crate) up: Option<Upstream>,
    /// What was made from it; `None` unless it was asked for.
    pub(crate) down: Option<Downstream>,
}

/// What `prune` removed.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize, schemars::JsonSchema))]
pub(crate) struct Pruned {
    /// How many calls.
    pub(crate) calls: usize,
    /// The files that they had made.
    pub(crate) files: Vec<Uid>,
}

/// A failure after something was done.
#[derive(Debug)]
pub(crate) struct Partly {
    pub(crate) done: Box<Report>,
    pub(crate) error: anyhow::Error,
}

impl Partly {
    /// The failure, with what was done before it if that is `some`thing.
    fn of(done: Report, some: bool, error: anyhow::Error) -> anyhow::Error {
        if some { Self { done: Box::new(done), error }.into() } else { error }
    }
}

impl std::fmt::Display for Partly {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#}", self.error)
    }
}

impl std::error::Error for Partly {}

impl Report {
    /// The exit status: what could not be read is a failure, although the rest is shown.
    pub(crate) fn status(&self) -> u8 {
        match self {
            Self::Files { listing: Listing { damaged, .. }, .. }
            | Self::Calls(History { damaged, .. })
            | Self::Runs(Runs { damaged, .. })
                if !damaged.is_empty() =>
            {
                FAILED
            }
            Self::Related(Related { down: Some(down), .. }) if !down.damaged.is_empty() => FAILED,
            Self::Explanation(explanation) if !explanation.damaged.is_empty() => FAILED,
            Self::Status(LakeStatus { damaged, .. }) | Self::Pulled(Pull { damaged, .. }) if !damaged.is_empty() => {
                FAILED
            }
            Self::Verified(verified) if !verified.findings.is_empty() => ABSENT,
            Self::Repaired(repaired) if repaired.healed().is_err() => ABSENT,
            Self::Checked(check) if !check.works() => FAILED,
            Self::Mirrored(mirrored) if !mirrored.is_whole() => FAILED,
            Self::Pushed(push)
                if push.items.iter().any(|item| matches!(item.outcome, PushOutcome::Taken | PushOutcome::Failed)) =>
            {
                FAILED
            }
            _ => 0,
        }
    }
}

pub(crate) fn run(command: Command, screen: &Screen) -> anyhow::Result<Report> {
    match command {
        Command::Info { uid, .. } => info::run(&lake(screen)?, &uid),
        Command::Ls { prefix, long, recursive, shape } => {
            ls::run(&lake(screen)?, prefix.as_deref(), long, recursive || shape.json)
        }
        Command::Add { paths, uid, how, .. } => add::run(|| lake(screen), &paths, &uid, &how, screen),
        Command::Get { items, force, recursive, .. } => get::run(&lake(screen)?, &items, force, recursive, screen),
        Command::Cat { uids } => content::cat(&lake(screen)?, &uids, &mut screen.bytes()),
        Command::Path { uids, .. } => path::run(&lake(screen)?, &uids),
        Command::Url { uid, expires, .. } => Ok(Report::Url(lake(screen)?.url(&uid, expires)?)),
        Command::Rm { uids, recursive, cascade, local, yes, .. } => {
            rm::run(&lake(screen)?, &uids, rm::How { recursive, cascade, local, yes }, screen)
        }
        Command::Calls { creator, .. } => Ok(Report::Calls(lake(screen)?.history(creator.as_deref())?)),
        Command::Runs { run: Some(run), .. } => Ok(Report::Run(Box::new(lake(screen)?.run(&run)?))),
        Command::Runs { limit, .. } => Ok(Report::Runs(lake(screen)?.runs(limit)?)),
        Command::Explain { call, .. } => Ok(Report::Explanation(Box::new(lake(screen)?.explain(&call)?))),
        Command::Lineage { uid, up, down, depth, limit, .. } => {
            let lake = lake(screen)?;
            // Both, unless one is asked for.
            let above = if down { None } else { Some(lake.upstream(&uid, depth)?) };
            let below = if up { None } else { Some(lake.downstream(&uid, depth, limit)?) };
            Ok(Report::Related(Related { up: above, down: below }))
        }
        Command::Config(command) => config::run(command, screen),
        Command::Status { .. } => Ok(Report::Status(lake(screen)?.status()?)),
        Command::Push { which, .. } => Ok(Report::Pushed(lake(screen)?.push(&texts(&which))?)),
        Command::Verify { which, local, remote, sample, .. } => {
            let mut how = Verify::default();
            (how.side, how.sample) = (side(local, remote), sample);
            Ok(Report::Verified(lake(screen)?.verify(how, &texts(&which))?))
        }
        Command::Repair { uid: Some(uid), .. } => Ok(Report::Repaired(lake(screen)?.repair(&uid)?)),
        Command::Repair { uid: None, .. } => Ok(Report::Cleaned(lake(screen)?.clean()?)),
        Command::Prune { superseded, older_than, keep, yes, .. } => {
            prune::run(&lake(screen)?, &prune::What { superseded, older_than, keep, yes }, screen)
        }
        Command::Evict { older_than, to, .. } => {
            let what = older_than.map_or(Evict::To(to.unwrap_or(u64::MAX)), Evict::OlderThan);
            Ok(Report::Evicted(lake(screen)?.evict(what)?))
        }
        Command::Gc { how, .. } => Ok(Report::Collected(lake(screen)?.collect(collect(&how))?)),
        Command::Pull { which, .. } => Ok(Report::Pulled(lake(screen)?.pull(&texts(&which))?)),
        Command::Mirror { url, which, dry_run, no_inputs, accept, .. } => {
            let how = Mirror::to(url).dry_run(dry_run).inputs(!no_inputs).accept(accept);
            Ok(Report::Mirrored(lake(screen)?.mirror(&how, &texts(&which))?))
        }
        Command::Completions { shell } => shell::completions(shell, &mut screen.bytes()),
        Command::Man { folder } => shell::man(folder.as_deref(), &mut screen.bytes()),
    }
}

fn collect(how: &GcHow) -> Collect {
    let mut collect = Collect::default();
    collect.side = side(how.local, how.remote);
    collect.dry_run(how.dry_run).grace(how.grace).wait(how.wait).exclusive(how.exclusive).resume(how.resume)
}

/// The only side that is meant.
fn side(local: bool, remote: bool) -> Option<Side> {
    if local { Some(Side::Local) } else { remote.then_some(Side::Remote) }
}

fn texts(which: &[String]) -> Vec<&str> {
    which.iter().map(String::as_str).collect()
}

/// The file called `uid`, which may be abbreviated.
fn file(lake: &Lake, uid: &str) -> anyhow::Result<File> {
    Ok(lake.file(lake.resolve(uid)?.as_str())?)
}

/// The lake that programs use.
fn lake(screen: &Screen) -> anyhow::Result<Lake> {
    let lake = LakeBuilder::configured()?.open()?;
    interrupt::watch_over(&lake);
    let watching = screen.watching();
    lake.observe(move |event| watching.show(event));
    Ok(lake)
}
