//! Processes as the tasks of an array of Slurm's.
//!
//! Slurm's own commands start, show and end them. Where it forgets jobs early, the exit status that each task leaves in the folder counts.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use datlake::report::Given;
use datlake::{Error, ErrorKind};

use super::folder::{self, Launched};
use super::shell::{command, exports, quoted};
use super::{End, Engine, Launch, Shipped, State};
use crate::failure::refused;

/// The pause between two questions to the controller, which many may ask.
const PAUSE: Duration = Duration::from_secs(1);
/// The pause is this many times what an answer takes, at least.
const TIMES_AN_ANSWER: u32 = 10;
/// The state of a task that used more memory than it was given, where Slurm keeps it in a group.
const OUT_OF_MEMORY: &str = "OUT_OF_MEMORY";
const KILLED: i32 = 9;
/// So much of what a task said is looked at for why it was killed, in bytes.
const LAST_WORDS: u64 = 64 << 10;
/// Why a task waits that need not be said: its turn comes.
const ORDINARY: [&str; 7] =
    ["None", "Resources", "Priority", "Dependency", "BeginTime", "JobArrayTaskLimit", "Cleaning"];

/// What a task is given, and other options of `sbatch`.
#[derive(Debug, Default)]
pub(crate) struct SlurmOptions {
    pub(crate) given: Given,
    pub(crate) others: Vec<String>,
}

/// The tasks of an array.
#[derive(Debug)]
pub(crate) struct Slurm {
    job: String,
    folder: PathBuf,
    processes: u64,
    /// Tasks that Slurm is not done with, by its last answer: whether each runs.
    active: Option<HashMap<u64, bool>>,
    asked: Option<Instant>,
    pause: Duration,
    /// How tasks ended.
    ended: HashMap<u64, State>,
    /// Why tasks wait, and whether that was said.
    waiting: BTreeMap<String, bool>,
}

/// The script that `sbatch` takes.
pub(crate) fn script(launch: &Launch, options: &SlurmOptions, folder: &Path) -> anyhow::Result<String> {
    let mut script = "#!/bin/sh\n".to_owned();
    if let Some(shipped) = &launch.shipped {
        writeln!(script, "# It needs {}, which `{}` prints.", super::ship::URL, shipped.command())?;
    }
    let mut option = |text: String| -> anyhow::Result<()> {
        if text.contains('\n') {
            return Err(refused(format!(
                "`{}` cannot be an option of sbatch: it has several lines",
                text.escape_debug()
            ))
            .into());
        }
        writeln!(script, "#SBATCH {text}")?;
        Ok(())
    };
    let name = launch.program.file_name().unwrap_or_default();
    option(format!("--job-name={}", quoted(name)?))?;
    option(format!("--array=0-{}", launch.processes - 1))?;
    option("--ntasks=1".to_owned())?;
    option(format!("--cpus-per-task={}", options.given.cpus.unwrap_or(1)))?;
    if let Some(memory) = options.given.memory {
        option(format!("--mem={}K", memory.div_ceil(1024)))?;
    }
    if let Some(gpus) = options.given.gpus.filter(|gpus| *gpus > 0) {
        option(format!("--gres=gpu:{gpus}"))?;
    }
    // What is done is not done again, whoever goes on.
    option("--requeue".to_owned())?;
    option("--open-mode=append".to_owned())?;
    for (stream, file) in [("output", "%a.out"), ("error", "%a.err")] {
        option(format!("--{stream}={}", quoted(slurm_path(folder, file)?.as_ref())?))?;
    }
    for other in &options.others {
        option(other.clone())?;
    }
    let exit = quoted(folder.as_os_str())?;
    let (exports, command) = (exports(launch)?, command(launch)?);
    write!(
        script,
        r#"{exports}export DATLAKE_RANK=$SLURM_ARRAY_TASK_ID
exit={exit}/$DATLAKE_RANK.exit
rm -f "$exit"
status=
{command} &
process=$!
trap 'kill -TERM "$process" 2>/dev/null; again=1' TERM
again=1
while [ "$again" = 1 ]; do
  again=0
  wait "$process"
  waited=$?
  # A signal may come when the process is gone already.
  [ "$waited" = 127 ] && [ -n "$status" ] || status=$waited
done
if [ "$status" -gt 128 ]; then end="{{\"signal\":$((status - 128))}}"; else end="{{\"code\":$status}}"; fi
printf '%s' "$end" > "$exit.new" && mv "$exit.new" "$exit"
exit "$status"
"#
    )?;
    Ok(script)
}

/// A path in which Slurm puts nothing in the place of `%`, but in the file's name.
fn slurm_path(folder: &Path, file: &str) -> anyhow::Result<String> {
    let Some(folder) = folder.to_str() else {
        bail!(refused(format!("`{}` is not UTF-8 text: Slurm cannot write there", folder.display())));
    };
    Ok(format!("{}/{}", folder.replace('%', "%%"), file))
}

/// Runs one of Slurm's commands.
fn ask(program: &str, arguments: &[&str], input: Option<&str>) -> anyhow::Result<Output> {
    run(Command::new(program).args(arguments), input)
}

fn run(command: &mut Command, input: Option<&str>) -> anyhow::Result<Output> {
    let program = command.get_program().to_string_lossy().into_owned();
    let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
    let child = command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = match child {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            let error = Error::new(ErrorKind::Unavailable, format!("there is no `{program}` here"));
            bail!(error.with_hint("start the run where Slurm's commands are, as on a login node"));
        }
        child => child.with_context(|| format!("cannot run `{program}`"))?,
    };
    if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
        stdin.write_all(input.as_bytes()).with_context(|| format!("`{program}` reads no script"))?;
    }
    child.wait_with_output().with_context(|| format!("cannot run `{program}`"))
}

/// What a command says that did not do what it was asked.
fn refusal(program: &str, output: &Output) -> anyhow::Error {
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.trim().trim_start_matches(&format!("{program}: ")).trim_start_matches("error: ").to_owned();
    Error::new(ErrorKind::Unavailable, format!("Slurm refuses ({program}): {}", said.replace('\n', "; "))).into()
}

impl Slurm {
    pub(crate) fn of(launched: &Launched) -> anyhow::Result<Self> {
        let job = launched.job.clone().ok_or_else(|| {
            let error = Error::new(ErrorKind::NotFound, "it is not known which job of Slurm the run is");
            error.with_hint("it may never have been submitted: `squeue --me` shows your jobs, and `scancel` ends one")
        })?;
        Ok(Self {
            job,
            folder: launched.folder.clone(),
            processes: launched.processes,
            active: None,
            asked: None,
            pause: PAUSE,
            ended: HashMap::new(),
            waiting: BTreeMap::new(),
        })
    }

    /// Submits the script: the number of the job.
    pub(crate) fn submit(launch: &Launch, script: &str) -> anyhow::Result<String> {
        let mut command = Command::new("sbatch");
        // Slurm passes the environment on, and does not show it.
        command.arg("--parsable").envs(launch.shipped.iter().flat_map(Shipped::environment));
        let submitted = run(&mut command, Some(script))?;
        if !submitted.status.success() {
            return Err(refusal("sbatch", &submitted));
        }
        let said = String::from_utf8_lossy(&submitted.stdout);
        let job = said.trim().split(';').next().unwrap_or_default().to_owned();
        if job.is_empty() || !job.chars().all(|c| c.is_ascii_digit()) {
            bail!("sbatch did not say which job it made, but `{}`", said.trim().escape_debug());
        }
        Ok(job)
    }

    /// Asks which tasks Slurm is not done with. While it does not answer, they are as they were.
    fn look(&mut self) -> anyhow::Result<()> {
        if self.asked.is_some_and(|asked| asked.elapsed() < self.pause) {
            return Ok(());
        }
        let began = Instant::now();
        let answer = ask("squeue", &["-h", "-r", "-j", &self.job, "-o", "%K %T %r"], None)?;
        self.pause = PAUSE.max(began.elapsed() * TIMES_AN_ANSWER);
        let said = String::from_utf8_lossy(&answer.stdout);
        let unknown = String::from_utf8_lossy(&answer.stderr).contains("Invalid job id");
        if !answer.status.success() && !unknown {
            self.asked = Some(Instant::now());
            return Ok(());
        }
        let task = |line: &str| {
            let mut words = line.trim().splitn(3, ' ');
            let (task, is_pending) = (words.next()?.parse().ok()?, words.next()? == "PENDING");
            // Behind it may be which nodes, which changes.
            let why = words.next().and_then(|why| why.split(',').next()).unwrap_or_default();
            Some((task, is_pending, why.to_owned()))
        };
        let tasks: Vec<(u64, bool, String)> = said.lines().filter_map(task).collect();
        for (_, _, why) in tasks.iter().filter(|(_, is_pending, why)| *is_pending && !is_ordinary(why)) {
            self.waiting.entry(why.clone()).or_default();
        }
        self.active = Some(tasks.into_iter().map(|(task, is_pending, _)| (task, !is_pending)).collect());
        self.asked = Some(Instant::now());
        Ok(())
    }

    /// How a task ended that Slurm is done with.
    fn end_of(&mut self, rank: u64) -> anyhow::Result<State> {
        if let Some(known) = self.ended.get(&rank) {
            return Ok(known.clone());
        }
        let state = match folder::end(&self.folder, rank)? {
            Some(End::Signal(KILLED)) if self.remembered(rank)?.is_some_and(|(state, _)| state == OUT_OF_MEMORY) => {
                State::Ended(End::OutOfMemory)
            }
            Some(end) => State::Ended(end),
            None => match self.remembered(rank)? {
                Some((state, code)) => ended(&state, &code),
                None => State::Lost("Slurm does not know it any more".to_owned()),
            },
        };
        let state = match state {
            State::Ended(End::Signal(KILLED)) if self.has_said_out_of_memory(rank)? => State::Ended(End::OutOfMemory),
            other => other,
        };
        self.ended.insert(rank, state.clone());
        Ok(state)
    }

    /// Whether Slurm's daemon told the task's standard error that it kills it for its memory: of one that is watched by no group, its
    /// state says only that it was killed.
    fn has_said_out_of_memory(&self, rank: u64) -> io::Result<bool> {
        let mut file = match File::open(folder::err(&self.folder, rank)) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
            file => file?,
        };
        let from = file.metadata()?.len().saturating_sub(LAST_WORDS);
        file.seek(SeekFrom::Start(from))?;
        let mut said = Vec::new();
        file.read_to_end(&mut said)?;
        Ok(String::from_utf8_lossy(&said).lines().any(is_out_of_memory))
    }

    /// What Slurm remembers of a task: its state, and its exit status.
    fn remembered(&self, rank: u64) -> anyhow::Result<Option<(String, String)>> {
        let task = format!("{}_{rank}", self.job);
        let shown = ask("scontrol", &["show", "job", "-o", &task], None)?;
        let text = String::from_utf8_lossy(&shown.stdout).into_owned();
        let field = |name: &str| text.split_whitespace().find_map(|word| word.strip_prefix(name)).map(str::to_owned);
        if let (true, Some(state), Some(code)) = (shown.status.success(), field("JobState="), field("ExitCode=")) {
            return Ok(Some((state, code)));
        }
        let Ok(shown) = ask("sacct", &["-nPX", "-j", &task, "-o", "State,ExitCode"], None) else { return Ok(None) };
        let text = String::from_utf8_lossy(&shown.stdout);
        let line = text.lines().next().and_then(|line| line.trim().split_once('|'));
        Ok(line.map(|(state, code)| (state.to_owned(), code.to_owned())))
    }
}

/// Whether a task that waits for this reason gets its turn by itself.
fn is_ordinary(why: &str) -> bool {
    why.is_empty() || ORDINARY.contains(&why)
}

/// Whether a line of a task's standard error is Slurm's word that it kills the task for its memory.
fn is_out_of_memory(line: &str) -> bool {
    let what = ["exceeded memory limit", "Exceeded job memory limit", "oom-kill event", "oom_kill event"];
    line.starts_with("slurmstepd") && what.iter().any(|what| line.contains(what))
}

/// How a task ended by what Slurm says: its state, and its exit status with a signal behind it.
fn ended(state: &str, code: &str) -> State {
    let numbers = code.split_once(':').and_then(|(code, signal)| Some((code.parse().ok()?, signal.parse().ok()?)));
    match (state, numbers) {
        ("COMPLETED", Some((0, 0))) => State::Ended(End::Code(0)),
        (OUT_OF_MEMORY, _) => State::Ended(End::OutOfMemory),
        (_, Some((0, signal))) if signal > 0 => State::Ended(End::Signal(signal)),
        ("FAILED", Some((code, _))) => State::Ended(End::Code(code)),
        _ => State::Lost(format!("Slurm says {state}")),
    }
}

impl Engine for Slurm {
    fn states(&mut self) -> anyhow::Result<Vec<State>> {
        self.look()?;
        let mut states = Vec::new();
        for rank in 0..self.processes {
            states.push(match self.active.as_ref().map(|active| active.get(&rank)) {
                Some(Some(true)) => State::Running,
                // Or Slurm has not answered yet.
                Some(Some(false)) | None => State::Pending,
                Some(None) => self.end_of(rank)?,
            });
        }
        Ok(states)
    }

    fn notes(&mut self) -> Vec<String> {
        let mut new = Vec::new();
        for (why, said) in &mut self.waiting {
            if !std::mem::replace(said, true) {
                new.push(format!("Slurm does not begin with tasks of job {}: {why}", self.job));
            }
        }
        new
    }

    fn cancel(&mut self) -> anyhow::Result<()> {
        let cancelled = ask("scancel", &[&self.job], None)?;
        if cancelled.status.success() { Ok(()) } else { Err(refusal("scancel", &cancelled)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nobody takes a run for lost because Slurm was busy when it was first asked.
    #[test]
    fn a_task_is_pending_until_slurm_has_answered() {
        let mut slurm = Slurm {
            job: "1".to_owned(),
            folder: "/nowhere".into(),
            processes: 2,
            active: None,
            asked: Some(Instant::now()),
            pause: Duration::from_secs(3600),
            ended: HashMap::new(),
            waiting: BTreeMap::new(),
        };
        assert_eq!(slurm.states().unwrap(), [State::Pending, State::Pending]);
        slurm.active = Some(HashMap::from([(0, true), (1, false)]));
        assert_eq!(slurm.states().unwrap(), [State::Running, State::Pending]);
    }

    #[test]
    fn how_a_task_ended_is_what_slurm_says() {
        for (state, code, expected) in [
            ("COMPLETED", "0:0", State::Ended(End::Code(0))),
            ("FAILED", "3:0", State::Ended(End::Code(3))),
            ("OUT_OF_MEMORY", "0:125", State::Ended(End::OutOfMemory)),
            ("CANCELLED", "0:15", State::Ended(End::Signal(15))),
            ("NODE_FAIL", "0:0", State::Lost("Slurm says NODE_FAIL".to_owned())),
            ("TIMEOUT", "", State::Lost("Slurm says TIMEOUT".to_owned())),
        ] {
            assert_eq!(ended(state, code), expected, "{state} {code}");
        }
    }
}
