//! Processes that do one step, and may be killed in it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

use datlake::{Event, Lake, LakeBuilder};

use crate::crashes::{Moment, stopping};
use crate::steps;

const STEP: &str = "DATLAKE_TEST_STEP";
const HOME: &str = "DATLAKE_TEST_HOME";
const REMOTE: &str = "DATLAKE_TEST_REMOTE";
const STOP: &str = "DATLAKE_TEST_STOP";

/// The lease of those that are to be taken over from.
const SHORT: Duration = Duration::from_millis(200);

/// The store that machines share.
pub(crate) struct Remote {
    pub(crate) url: String,
    /// What the environment says of it.
    pub(crate) variables: Vec<(String, String)>,
}

impl Remote {
    pub(crate) fn directory(path: &Path) -> Self {
        Self { url: format!("file://{}", path.display()), variables: Vec::new() }
    }

    /// A lake with this remote.
    pub(crate) fn with(&self, builder: LakeBuilder) -> LakeBuilder {
        let builder = builder.remote(&self.url);
        #[cfg(any(feature = "aws", feature = "azure", feature = "gcp"))]
        let builder = builder.remote_variables(self.variables.clone());
        builder
    }
}

/// A child process that does one step.
pub(crate) struct Process {
    child: Child,
    orders: ChildStdin,
    reports: BufReader<ChildStdout>,
}

/// How a child ended, and what it said.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) said: Vec<String>,
}

impl Process {
    pub(crate) fn start(step: &str, home: &Path, remote: Option<&Path>, stop: Option<(Moment, usize)>) -> Self {
        Self::on(step, home, remote.map(Remote::directory).as_ref(), stop)
    }

    pub(crate) fn on(step: &str, home: &Path, remote: Option<&Remote>, stop: Option<(Moment, usize)>) -> Self {
        Self::spawn(step, home, remote, stop, &[])
    }

    /// One of those that were started together as `run`.
    pub(crate) fn in_run(run: &str, step: &str, home: &Path, remote: Option<&Remote>) -> Self {
        Self::spawn(step, home, remote, None, &[("DATLAKE_RUN", run)])
    }

    /// One that finds these variables in its environment.
    pub(crate) fn told(variables: &[(&str, &str)], step: &str, home: &Path, remote: Option<&Remote>) -> Self {
        Self::spawn(step, home, remote, None, variables)
    }

    fn spawn(
        step: &str,
        home: &Path,
        remote: Option<&Remote>,
        stop: Option<(Moment, usize)>,
        variables: &[(&str, &str)],
    ) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.envs(variables.iter().copied());
        command.args(["--exact", "child::a_child", "--nocapture", "--test-threads=1"]);
        command.env(STEP, step).env(HOME, home).env_remove(REMOTE).env_remove(STOP);
        if let Some(remote) = remote {
            command.env(REMOTE, &remote.url).envs(remote.variables.iter().cloned());
        }
        if let Some((moment, at)) = stop {
            command.env(STOP, format!("{moment:?} {at}"));
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let (orders, reports) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, orders, reports }
    }

    /// Reads what it says up to and with `line`.
    pub(crate) fn hears(&mut self, line: &str) {
        loop {
            let mut read = String::new();
            assert_ne!(self.reports.read_line(&mut read).unwrap(), 0, "the child ended without saying `{line}`");
            if said(&read).is_some_and(|said| said.starts_with(line)) {
                return;
            }
        }
    }

    /// Lets a step go on that waits for it.
    pub(crate) fn goes_on(&mut self) {
        self.orders.write_all(b"go\n").unwrap();
    }

    /// Sends a signal, such as `STOP`.
    pub(crate) fn signal(&self, name: &str) {
        let kill = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(kill.success());
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn ends(mut self) -> Ended {
        let mut text = String::new();
        self.reports.read_to_string(&mut text).unwrap();
        drop(self.orders);
        let status = self.child.wait().unwrap();
        Ended { status, said: text.lines().filter_map(said).map(str::to_owned).collect() }
    }
}

impl Ended {
    /// How often it said `line`.
    pub(crate) fn times(&self, line: &str) -> usize {
        self.said.iter().filter(|said| *said == line).count()
    }

    /// What followed `start` on the first line that begins so.
    pub(crate) fn find(&self, start: &str) -> Option<&str> {
        self.said.iter().find_map(|said| said.strip_prefix(start))
    }
}

fn said(line: &str) -> Option<&str> {
    Some(line.trim_end().split_once("SAYS ")?.1)
}

/// Tells the parent, on a line that the test harness cannot be mistaken for.
pub(crate) fn says(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "\nSAYS {line}");
    let _ = out.flush();
}

pub(crate) fn waits_for_word() {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
}

/// Not a test by itself: what the children run. Without a step to do there is nothing to do.
#[test]
fn a_child() {
    let Ok(step) = std::env::var(STEP) else { return };
    let mut builder = Lake::builder().home(std::env::var(HOME).unwrap()).email("child@example.org");
    if let Ok(remote) = std::env::var(REMOTE) {
        builder = builder.remote(remote);
    }
    if let Ok(stop) = std::env::var(STOP) {
        builder = builder.wrap_stores(stopping(&stop)).lease(SHORT);
    }
    if step.ends_with("for long") {
        builder = builder.lease(Duration::from_secs(3600));
    }
    if step.ends_with("for seconds") {
        builder = builder.lease(Duration::from_secs(3));
    }
    if step.ends_with("shortly") {
        builder = builder.lease(SHORT);
    }
    let lake = builder.open().unwrap();
    lake.observe(|event| match event {
        Event::Waited { .. } => says("waits"),
        Event::Executed { process: Some(process), .. } => says(&format!("it ran in {process:?}")),
        Event::Failed { process: Some(process), .. } => says(&format!("it failed in {process:?}")),
        _ => {}
    });
    let _current = lake.enter();
    match steps::take(&lake, &step) {
        Ok(()) => says("done"),
        Err(error) => panic!("{error}"),
    }
}
