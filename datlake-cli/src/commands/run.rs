//! `datlake run`, and `datlake runs attach` and `cancel`.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context as _;
use datlake::report::Given;
use datlake::{Error, ErrorKind, Lake};
use serde::Serialize;

use super::lake;
use crate::answer::{Answer, Page};
use crate::args::{EngineName, RunHow, Started};
use crate::failure::refused;
use crate::launch::{
    self, Engine, Interrupted, KubernetesOptions, Launch, Launched, Local, MOST, Ray, RayOptions, Shipped, Slurm,
    SlurmOptions, program_file,
};
use crate::screen::Screen;

/// A launch that goes on.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize, schemars::JsonSchema))]
pub(super) struct Going {
    /// What its processes are called together.
    run: String,
    /// What they say, and how they end.
    folder: String,
}

impl Answer for Going {
    fn text(&self, _: &Page) -> String {
        format!("{}\n", self.run)
    }
}

/// What would be submitted.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize, schemars::JsonSchema))]
pub(super) struct Written {
    /// A script, or whatever the engine takes.
    written: String,
}

impl Answer for Written {
    fn text(&self, _: &Page) -> String {
        self.written.clone()
    }
}

/// Starts the processes, and follows them.
pub(super) fn run(how: &RunHow, json: bool, screen: &Screen) -> anyhow::Result<Box<dyn Answer>> {
    let processes = how.processes;
    if !(1..=MOST).contains(&processes) {
        return Err(refused(format!("{processes} processes cannot be started: -n takes 1 to {MOST}")).into());
    }
    for (given, option, engine) in [
        (!how.sbatch.is_empty(), "--sbatch", EngineName::Slurm),
        (how.image.is_some(), "--image", EngineName::Kubernetes),
        (how.address.is_some(), "--address", EngineName::Ray),
        (!how.resource.is_empty(), "--resource", EngineName::Ray),
        (!how.env.is_empty(), "--env", EngineName::Ray),
        (how.wait_for_nodes, "--wait-for-nodes", EngineName::Ray),
    ] {
        if given && how.on != engine {
            return Err(refused(format!("{option} means nothing here: it is for another --on")).into());
        }
    }
    if how.ship.is_some() && how.on == EngineName::Local {
        return Err(refused("--ship means nothing here: the program is on this machine").into());
    }
    if how.on == EngineName::Kubernetes {
        return kubernetes(how, screen);
    }
    let (program, arguments) = how.program.split_first().context("there is no program")?;
    let mut launch = Launch {
        id: launch::new_id(),
        each_time: None,
        processes,
        program: program_file(Path::new(program))?,
        arguments: arguments.to_vec(),
        resources: resources(how)?,
        grace: how.grace,
        shipped: None,
    };
    if how.write_only {
        launch.shipped = shipped(how, &launch.program, screen)?;
        launch.each_time = Some(match how.on {
            EngineName::Slurm => "$SLURM_ARRAY_JOB_ID",
            _ => "$(date +%s)-$$",
        });
        let written = match how.on {
            EngineName::Slurm => slurm_script(how, &launch, &folder(how, &launch.id, Path::new("."))?)?,
            EngineName::Ray => launch::ray_script(&launch, &ray_options(how)?)?,
            _ => launch::local_script(&launch)?,
        };
        return Ok(Box::new(Written { written }));
    }
    let lake = lake::open(screen)?;
    launch.shipped = shipped(how, &launch.program, screen)?;
    let (id, home) = launch::new(&lake)?;
    launch.id = id;
    let launched = start(&lake, how, &launch, &home)?;
    if how.detach {
        return Ok(Box::new(going(&launched)));
    }
    Ok(Box::new(launch::follow(&lake, &launched, &mut *engine(&launched)?, Interrupted::Cancels, screen, json)?))
}

fn start(lake: &Lake, how: &RunHow, launch: &Launch, home: &Path) -> anyhow::Result<Launched> {
    let folder = folder(how, &launch.id, home)?;
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
    let mut launched = Launched {
        id: launch.id.clone(),
        processes: launch.processes,
        program: launch.program.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        started_at: humantime::format_rfc3339_millis(SystemTime::now()).to_string(),
        engine: how.on,
        job: None,
        address: None,
        folder,
    };
    // Nobody is to join a run that never was.
    let forget = |_: &anyhow::Error| drop(std::fs::remove_dir_all(home));
    match how.on {
        EngineName::Slurm => {
            let script = slurm_script(how, launch, &launched.folder)?;
            let job = Slurm::submit(launch, &script).inspect_err(forget)?;
            launched.job = Some(job.clone());
            let written = launched.write(lake);
            written.with_context(|| {
                format!("Slurm has job {job}, which `scancel {job}` ends, and nothing else knows of it")
            })?;
        }
        EngineName::Ray => {
            let options = ray_options(how).inspect_err(forget)?;
            launched.job = Some(Ray::job_of(&launch.id));
            launched.address = Some(Ray::address(how.address.as_deref()).inspect_err(forget)?);
            launched.write(lake)?;
            Ray::submit(&launched, launch, &options).inspect_err(forget)?;
        }
        _ => {
            // Before anything runs that somebody may want to join, or to end.
            launched.write(lake)?;
            Local::start(launch, &launched).inspect_err(forget)?;
        }
    }
    Ok(launched)
}

fn slurm_script(how: &RunHow, launch: &Launch, folder: &Path) -> anyhow::Result<String> {
    let options = SlurmOptions { given: how.given(), others: how.sbatch.clone() };
    launch::slurm_script(launch, &options, folder)
}

fn ray_options(how: &RunHow) -> anyhow::Result<RayOptions> {
    Ok(RayOptions {
        given: how.given(),
        resources: how.resource.clone(),
        environment: variables(how)?,
        waits_for_nodes: how.wait_for_nodes,
    })
}

/// Puts the program where nodes fetch it, if that is asked for.
fn shipped(how: &RunHow, program: &Path, screen: &Screen) -> anyhow::Result<Option<Shipped>> {
    let Some(expires) = how.ship else { return Ok(None) };
    let shipped = launch::ship(&lake::open(screen)?, program, expires)?;
    screen.say(&format!("datlake: {}", shipped.note()));
    Ok(Some(shipped))
}

/// Variables that processes on other machines get: which remote is meant, and those that are asked for.
fn variables(how: &RunHow) -> anyhow::Result<Vec<(String, String)>> {
    let remote = datlake::config::settings()?.into_iter().find(|setting| setting.key == "remote");
    let remote = remote.and_then(|setting| setting.value).map(|remote| ("DATLAKE_REMOTE".to_owned(), remote));
    let mut variables: Vec<_> = remote.into_iter().collect();
    for given in &how.env {
        variables.push(match given.split_once('=') {
            Some((name, value)) => (name.to_owned(), value.to_owned()),
            None => match std::env::var(given) {
                Ok(value) => (given.clone(), value),
                Err(_) => {
                    let error = refused(format!("--env {given}: there is no such variable here, or it is no text"));
                    return Err(error.with_hint("--env NAME=VALUE gives it a value").into());
                }
            },
        });
    }
    Ok(variables)
}

/// A manifest. The program is one of the image.
fn kubernetes(how: &RunHow, screen: &Screen) -> anyhow::Result<Box<dyn Answer>> {
    if !how.write_only {
        let error = Error::new(ErrorKind::Unsupported, "datlake does not submit jobs to Kubernetes");
        return Err(error.with_hint("datlake run --on kubernetes --write-only … | kubectl create -f -").into());
    }
    let Some(image) = how.image.clone() else {
        return Err(refused("a job of Kubernetes needs the image that the program is in: --image").into());
    };
    let remote = datlake::config::settings()?.into_iter().find(|setting| setting.key == "remote");
    let Some(remote) = remote.and_then(|setting| setting.value) else {
        return Err(refused("pods share a lake by its remote, and none is configured: set DATLAKE_REMOTE").into());
    };
    let shipped = match (how.ship, how.program.split_first()) {
        (Some(_), Some((program, _))) => shipped(how, &program_file(Path::new(program))?, screen)?,
        _ => None,
    };
    let mut words = shipped.as_ref().map(Shipped::words).unwrap_or_default();
    words.extend(how.program.iter().skip(words.len().min(1)).cloned());
    let options = KubernetesOptions { image, given: how.given(), grace: how.grace, shipped };
    let written = launch::manifest(&launch::new_id(), how.processes, &words, &remote, &options)?;
    Ok(Box::new(Written { written }))
}

/// Where the processes write.
fn folder(how: &RunHow, id: &str, otherwise: &Path) -> anyhow::Result<PathBuf> {
    let folder = how.logs.as_ref().map_or_else(|| otherwise.to_owned(), |logs| logs.join(id));
    std::path::absolute(&folder).with_context(|| format!("cannot find out where `{}` is", folder.display()))
}

/// What each process learns that it is given: on this machine its share of what there is, where nobody says more or less. Slurm and
/// Kubernetes say it themselves.
fn resources(how: &RunHow) -> anyhow::Result<Option<String>> {
    let share = match how.on {
        EngineName::Slurm | EngineName::Kubernetes => return Ok(None),
        EngineName::Ray => Given { cpus: Some(1), ..Given::default() },
        EngineName::Local => {
            let share = |all: Option<u64>| all.map(|all| all / how.processes);
            let Given { cpus, gpus, memory } = datlake::given()?;
            Given { cpus: share(cpus).map(|cpus| cpus.max(1)), gpus: share(gpus), memory: share(memory) }
        }
    };
    let Given { cpus, gpus, memory } = how.given().or(share);
    let parts = [("cpus", cpus), ("memory", memory), ("gpus", gpus)];
    let parts: Vec<String> = parts.into_iter().filter_map(|(name, much)| Some(format!("{name}={}", much?))).collect();
    Ok(Some(parts.join(",")))
}

fn going(launched: &Launched) -> Going {
    Going { run: launched.id.clone(), folder: launched.folder.display().to_string() }
}

fn engine(launched: &Launched) -> anyhow::Result<Box<dyn Engine>> {
    Ok(match launched.engine {
        EngineName::Slurm => Box::new(Slurm::of(launched)?),
        EngineName::Ray => Box::new(Ray::of(launched)?),
        _ => Box::new(Local::of(launched)),
    })
}

pub(super) fn started(lake: &Lake, what: &Started, json: bool, screen: &Screen) -> anyhow::Result<Box<dyn Answer>> {
    match what {
        Started::Attach { run } => {
            let launched = launch::find(lake, run.as_deref())?;
            let mut engine = engine(&launched)?;
            Ok(Box::new(launch::follow(lake, &launched, &mut *engine, Interrupted::Leaves, screen, json)?))
        }
        Started::Cancel { run } => {
            let launched = launch::find(lake, Some(run))?;
            engine(&launched)?.cancel()?;
            Ok(Box::new(going(&launched)))
        }
    }
}
