//! Processes as actors of Ray's: a job, whose script starts them and prints what they say.
//!
//! Ray's job server takes the script, shows and ends the job. No node needs to see this machine's files: what processes said is read from
//! the job's log, by whoever follows.

mod client;
mod log;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use datlake::report::Given;
use datlake::{Error, ErrorKind};
use rawzip::ZipArchiveWriter;
use serde_json::{Map, Value, json};

use self::client::{Client, Failed};
use self::log::Log;
use super::folder::{self, Launched};
use super::{Engine, Launch, Shipped, State, ship};
use crate::failure::refused;

const SCRIPT: &str = include_str!("processes.py");
/// The script's file, in what a job begins in.
const FILE: &str = "datlake_processes.py";
/// The pause between two questions to Ray.
const PAUSE: Duration = Duration::from_millis(500);
/// The pause is this many times what an answer takes, at least.
const TIMES_AN_ANSWER: u32 = 10;
/// Ray may be silent for so long while somebody follows, as where its head is started anew.
const SILENT: Duration = Duration::from_secs(120);
/// What the script takes beside the processes' time of grace.
const MORE_GRACE: u64 = 5;

/// What a process is given, beside what every engine gives.
#[derive(Clone, Default)]
pub(crate) struct RayOptions {
    pub(crate) given: Given,
    /// Other resources, by the names that the cluster has for them.
    pub(crate) resources: Vec<(String, f64)>,
    /// Variables of the processes.
    pub(crate) environment: Vec<(String, String)>,
    /// Whether nodes may come that have room, where none has.
    pub(crate) waits_for_nodes: bool,
}

/// A job of Ray's.
pub(crate) struct Ray {
    client: Client,
    job: String,
    folder: PathBuf,
    processes: u64,
    log: Log,
    over: bool,
    asked: Option<Instant>,
    pause: Duration,
    silent_since: Option<Instant>,
}

/// The script that is the job: `ray job submit --working-dir . -- python FILE` takes it too.
pub(crate) fn script(launch: &Launch, options: &RayOptions) -> anyhow::Result<String> {
    let mut command = Vec::new();
    for word in launch.words() {
        let no_text =
            |word: OsString| refused(format!("`{}` is not UTF-8 text: it cannot stand in a script", word.display()));
        command.push(word.into_string().map_err(no_text)?);
    }
    let folder = std::env::current_dir().context("cannot find out which folder this is")?;
    let mut environment = Map::new();
    let told = launch.environment()?.into_iter().map(|(name, value)| (name.to_owned(), value));
    environment.extend(options.environment.iter().cloned().chain(told).map(|(name, value)| (name, value.into())));
    let Given { cpus, gpus, memory } = options.given;
    let mut given = Map::from_iter([("num_cpus".to_owned(), cpus.unwrap_or(1).into())]);
    given.extend(memory.map(|memory| ("memory".to_owned(), memory.into())));
    given.extend(gpus.filter(|gpus| *gpus > 0).map(|gpus| ("num_gpus".to_owned(), gpus.into())));
    if !options.resources.is_empty() {
        let resources = options.resources.iter().cloned().map(|(name, amount)| (name, amount.into()));
        given.insert("resources".to_owned(), Value::Object(resources.collect()));
    }
    // Texts, numbers, lists and objects: as Python writes them.
    let run = json!({
        "processes": launch.processes,
        "command": command,
        "folder": folder.to_string_lossy(),
        "environment": environment,
        "options": given,
        "grace": launch.grace.as_secs_f64(),
        "waits_for_nodes": i32::from(options.waits_for_nodes),
        "each_job": i32::from(launch.each_time.is_some()),
    });
    let needs = launch
        .shipped
        .iter()
        .map(|shipped| format!("# It needs {} in its environment, which `{}` prints.\n", ship::URL, shipped.command()));
    let needs: String = needs.collect();
    Ok(SCRIPT.replacen("RUN = {}", &format!("{needs}RUN = {run:#}"), 1))
}

/// The script as a package of Ray's.
fn package(script: &str) -> anyhow::Result<Vec<u8>> {
    let mut package = ZipArchiveWriter::new(Vec::new());
    // Ray unpacks it in a folder that all see.
    let (mut file, config) = package.new_file(FILE).unix_permissions(0o100_600).start()?;
    let mut content = config.wrap(&mut file);
    content.write_all(script.as_bytes())?;
    let (_, written) = content.finish()?;
    file.finish(written)?;
    Ok(package.finish()?)
}

impl Ray {
    pub(crate) fn of(launched: &Launched) -> anyhow::Result<Self> {
        let unknown = || Error::new(ErrorKind::NotFound, "it is not known which job of Ray the run is");
        let (job, address) = launched.job.clone().zip(launched.address.clone()).ok_or_else(unknown)?;
        Ok(Self {
            client: Client::of(address)?,
            job,
            folder: launched.folder.clone(),
            processes: launched.processes,
            log: Log::of(launched.folder.clone(), launched.processes),
            over: false,
            asked: None,
            pause: PAUSE,
            silent_since: None,
        })
    }

    /// The address that is meant by `given`, or else by the environment.
    pub(crate) fn address(given: Option<&str>) -> anyhow::Result<String> {
        client::address(given)
    }

    /// What Ray is to call the job of a run.
    pub(crate) fn job_of(run: &str) -> String {
        format!("datlake-{run}")
    }

    /// Submits the script.
    pub(crate) fn submit(launched: &Launched, launch: &Launch, options: &RayOptions) -> anyhow::Result<()> {
        // Ray keeps what a job begins in, and does not show it.
        let told = launch.shipped.iter().flat_map(Shipped::environment);
        let told = told.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let environment = options.environment.iter().cloned().chain(told).collect();
        let script = &script(launch, &RayOptions { environment, ..options.clone() })?;
        let grace = launch.grace;
        let ray = Self::of(launched)?;
        let package = package(script)?;
        let name = format!("_ray_pkg_{}.zip", &blake3::hash(&package).to_hex()[..16]);
        ray.client.upload(&name, &package)?;
        let grace = (grace.as_secs() + MORE_GRACE).to_string();
        Ok(ray.client.submit(&json!({
            "submission_id": ray.job,
            // So that it gets the signal itself.
            "entrypoint": format!("exec python {FILE}"),
            "runtime_env": {"working_dir": format!("gcs://{name}"), "env_vars": {"RAY_JOB_STOP_WAIT_TIME_S": grace}},
            "metadata": {"datlake_run": launched.id, "program": launched.program},
        }))?)
    }

    /// Asks Ray how the job is, and what it has said.
    fn look(&mut self) -> anyhow::Result<()> {
        if self.over || self.asked.is_some_and(|asked| asked.elapsed() < self.pause) {
            return Ok(());
        }
        let began = Instant::now();
        if self.asked.is_none() && self.is_known()? {
            return Ok(());
        }
        let answer = self.client.job(&self.job).and_then(|job| Ok((job, self.client.log(&self.job)?)));
        self.asked = Some(Instant::now());
        self.pause = PAUSE.max(began.elapsed() * TIMES_AN_ANSWER);
        let (job, text) = match answer {
            Ok(answer) => answer,
            Err(Failed::Unknown) => return self.end("Ray does not know the job any more: it was started anew"),
            Err(Failed::Silent(error)) => return self.wait_for_ray(error),
            Err(refused) => return Err(refused.into()),
        };
        self.silent_since = None;
        self.log.take(&text).with_context(|| format!("cannot write to `{}`", self.folder.display()))?;
        if let Some(why) = &self.log.refused {
            let error = Error::new(ErrorKind::Resources, format!("nothing was started: {why}"));
            let hint = "ask for less; where the cluster gets nodes as they are needed, --wait-for-nodes waits for one";
            return Err(error.with_hint(hint).into());
        }
        match job["status"].as_str().unwrap_or_default() {
            "PENDING" | "RUNNING" => Ok(()),
            status => {
                let said = job["message"].as_str().and_then(|message| message.trim().lines().last());
                let said = said.or(self.log.said_by_ray.as_deref()).unwrap_or_default();
                let why = format!("Ray says {status}: {said}");
                self.end(&why)
            }
        }
    }

    /// Whether how all have ended stands in the folder already. Ray may be gone since.
    fn is_known(&mut self) -> anyhow::Result<bool> {
        let ends = (0..self.processes).map(|rank| folder::end(&self.folder, rank));
        if let Some(ends) = ends.collect::<std::io::Result<Option<Vec<_>>>>()? {
            self.log.states = ends.into_iter().map(State::Ended).collect();
            self.over = true;
        }
        Ok(self.over)
    }

    fn wait_for_ray(&mut self, error: Error) -> anyhow::Result<()> {
        let since = *self.silent_since.get_or_insert_with(Instant::now);
        if since.elapsed() < SILENT { Ok(()) } else { Err(error.into()) }
    }

    fn end(&mut self, why: &str) -> anyhow::Result<()> {
        self.over = true;
        self.log.close(why).with_context(|| format!("cannot write to `{}`", self.folder.display()))
    }
}

impl Engine for Ray {
    fn states(&mut self) -> anyhow::Result<Vec<State>> {
        self.look()?;
        let mut states = self.log.states.clone();
        // The job's own end is to come, and with it the last that it says.
        if !self.over
            && states.iter().all(State::is_over)
            && let Some(last) = states.last_mut()
        {
            *last = State::Running;
        }
        Ok(states)
    }

    fn notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log.notes)
    }

    fn cancel(&mut self) -> anyhow::Result<()> {
        match self.client.stop(&self.job) {
            // It is over.
            Err(Failed::Unknown) => Ok(()),
            stopped => Ok(stopped?),
        }
    }
}
