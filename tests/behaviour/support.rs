//! Lakes whose events are watched, machines that share a remote, and ways to look into a lake's directory.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use datlake::{Error, ErrorKind, Event, File, Lake, LakeBuilder};
use tempfile::TempDir;

use crate::mounts::Mount;

/// A lake, and what happened in it since somebody last asked.
pub(crate) struct Watched {
    lake: Lake,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Deref for Watched {
    type Target = Lake;

    fn deref(&self) -> &Lake {
        &self.lake
    }
}

/// A new lake, which nothing but this test uses.
pub(crate) fn lake() -> Watched {
    Watched::new(Lake::temp().unwrap())
}

impl Watched {
    pub(crate) fn new(lake: Lake) -> Self {
        let events = Arc::<Mutex<Vec<Event>>>::default();
        let seen = Arc::clone(&events);
        lake.observe(move |event| seen.lock().unwrap().push(event.clone()));
        Self { lake, events }
    }

    /// A lake on a file system of its own.
    pub(crate) fn on(mount: &Mount) -> Self {
        Self::open(Lake::builder().home(mount.home()))
    }

    pub(crate) fn open(builder: LakeBuilder) -> Self {
        Self::new(builder.open().unwrap())
    }

    /// The same home as another process would find it: nothing is remembered in memory.
    pub(crate) fn reopened(&self) -> Self {
        Self::open(Lake::builder().home(self.home()))
    }

    /// Does `work` with this lake as the current one, and asserts what happened: "hit f, ran g ×2", sorted; "nothing".
    #[track_caller]
    pub(crate) fn check<T, E: std::fmt::Debug>(
        &self,
        expected: &str,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        assert_eq!(self.happened(), "nothing", "before the work began");
        let result = {
            let _current = self.enter();
            work()
        };
        assert_eq!(self.happened(), expected, "{:?}", result.as_ref().err());
        result
    }

    /// As [`check`](Self::check), for something that returns.
    #[track_caller]
    pub(crate) fn ok<T, E: std::fmt::Debug>(&self, expected: &str, work: impl FnOnce() -> Result<T, E>) -> T {
        self.check(expected, work).unwrap()
    }

    /// As [`check`](Self::check), for something that fails as said.
    #[track_caller]
    pub(crate) fn fails<T: std::fmt::Debug>(
        &self,
        expected: &str,
        kind: ErrorKind,
        says: &[&str],
        work: impl FnOnce() -> Result<T, Error>,
    ) {
        check_error(self.check(expected, work), kind, says);
    }

    #[track_caller]
    pub(crate) fn expect(&self, expected: &str) {
        let happened = self.happened();
        assert_eq!(happened, expected);
    }

    /// What happened since somebody last asked, without word of what is under way, and of remotes that are new.
    pub(crate) fn happened(&self) -> String {
        let mut counts = BTreeMap::<String, usize>::new();
        let under_way = |event: &Event| {
            use Event::{Adding, Calls, Downloading, NewRemote, Pushing, Started, Stray, Uploaded, Uploading};
            matches!(
                event,
                Adding { .. }
                    | Calls { .. }
                    | Downloading { .. }
                    | NewRemote { .. }
                    | Pushing { .. }
                    | Started(_)
                    | Stray { .. }
                    | Uploaded { .. }
                    | Uploading { .. }
            )
        };
        for event in self.events().into_iter().filter(|event| !under_way(event)) {
            *counts.entry(shown(&event)).or_default() += 1;
        }
        let parts: Vec<_> = counts
            .into_iter()
            .map(|(event, count)| if count == 1 { event } else { format!("{event} ×{count}") })
            .collect();
        if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") }
    }

    /// The events since somebody last asked.
    pub(crate) fn events(&self) -> Vec<Event> {
        std::mem::take(&mut *self.events.lock().unwrap())
    }

    /// Every file in the lake's directory, with its content.
    pub(crate) fn everything(&self) -> Vec<(PathBuf, Vec<u8>)> {
        files_below(self.home()).into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
    }

    /// The record of the only call of `function` there is.
    #[track_caller]
    pub(crate) fn record_of(&self, function: &str) -> PathBuf {
        let calls = self.home().join("calls");
        let found: Vec<_> = files_below(&calls)
            .into_iter()
            .filter(|path| path.parent().unwrap().to_str().unwrap().ends_with(&format!("::{function}")))
            .collect();
        let [only] = &*found else { panic!("{function} has {} records", found.len()) };
        only.clone()
    }

    /// Where the content of `file` is.
    pub(crate) fn blob_of(&self, file: &File) -> PathBuf {
        blob_in(self.home(), file)
    }

    /// How many records and names there are.
    pub(crate) fn visible(&self) -> (usize, usize) {
        let count = |folder| files_below(&self.home().join(folder)).len();
        (count("calls"), count("files"))
    }
}

fn shown(event: &Event) -> String {
    match event {
        Event::Hit(call) => format!("hit {}", call.function()),
        Event::Executed { call, .. } => format!("ran {}", call.function()),
        Event::Adopted(call) => format!("adopted {}", call.function()),
        Event::Reproduced(call) => format!("reproduced {}", call.function()),
        Event::Waited { call, .. } => format!("waited {}", call.function()),
        Event::Failed { call, .. } => format!("failed {}", call.function()),
        Event::Kept { call, .. } => format!("kept {}", call.function()),
        Event::Unpushed { call, .. } => format!("unpushed {}", call.function()),
        Event::Downloaded { file, .. } => format!("downloaded {file}"),
        Event::Unchecked { uid, .. } => format!("not checked {uid}"),
        other => format!("{other:?}"),
    }
}

/// Several machines that share a remote.
pub(crate) struct Machines {
    folder: TempDir,
}

impl Machines {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn remote(&self) -> PathBuf {
        self.folder.path().join("remote")
    }

    /// The machine called `name`, as a process that was just started there.
    pub(crate) fn machine(&self, name: &str) -> Watched {
        Watched::open(self.builder(name))
    }

    /// The settings of the machine called `name`.
    pub(crate) fn builder(&self, name: &str) -> LakeBuilder {
        let url = format!("file://{}", self.remote().display());
        Lake::builder().home(self.folder.path().join(name)).remote(url)
    }
}

/// Where the content of `file` is in the lake at `root`.
pub(crate) fn blob_in(root: &Path, file: &File) -> PathBuf {
    let digest = file.digest().to_string();
    root.join("blobs").join(&digest[..2]).join(digest)
}

/// Writes to a file that is read-only.
pub(crate) fn overwrite(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(path).unwrap();
    change(&mut bytes);
    std::fs::remove_file(path).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// Changes the text of a document and gives it the digest that belongs to it.
pub(crate) fn forge(path: &Path, change: impl Fn(&str) -> String) {
    overwrite(path, |bytes| {
        let text = String::from_utf8(bytes.clone()).unwrap();
        let (body, _) = text.rsplit_once(",\"digest\":\"").unwrap();
        let body = change(body);
        assert_ne!(format!("{body},"), text[..body.len() + 1], "nothing was changed");
        *bytes = format!("{body},\"digest\":\"{}\"}}\n", blake3::hash(body.as_bytes())).into_bytes();
    });
}

/// Every file below a folder, sorted.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return files };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

/// An error of that kind, on one line that says all of `says`.
#[track_caller]
pub(crate) fn check_error<T: std::fmt::Debug>(result: Result<T, Error>, kind: ErrorKind, says: &[&str]) {
    let error = result.unwrap_err();
    let text = error.to_string();
    assert_eq!(error.kind(), kind, "{text}");
    for part in says {
        assert!(text.contains(part), "{text:?} does not say {part:?}");
    }
    assert!(!text.contains('\n'), "{text:?}");
}

/// Runs a test once more in a process of its own, with these variables, and without those that are empty: where a test is about
/// what a process has once.
///
/// True there; false in the first process, when the other has passed.
pub(crate) fn alone(test: &str, variables: &[(&str, &str)]) -> bool {
    said_alone(test, variables).is_none()
}

/// As [`alone`]; in the first process, what the other said on standard error.
pub(crate) fn said_alone(test: &str, variables: &[(&str, &str)]) -> Option<String> {
    run_alone(test, 1 << 16, variables)
}

/// As [`alone`], for a process that may have few files open, makes many in memory, and is ended when it hangs.
pub(crate) fn alone_with_files(test: &str, files: u32) -> bool {
    let memory = [("TMPDIR", "/dev/shm")];
    let alone = run_alone(test, files, if Path::new("/dev/shm").is_dir() { &memory } else { &[] }).is_none();
    if alone {
        std::thread::spawn(|| {
            std::thread::sleep(std::time::Duration::from_secs(300));
            eprintln!("it hangs");
            std::process::abort();
        });
    }
    alone
}

fn run_alone(test: &str, files: u32, variables: &[(&str, &str)]) -> Option<String> {
    if is_alone(test) {
        return None;
    }
    let mut command = command_alone("sh", test, variables);
    let limit =
        format!("ulimit -S -n $(( {files} < $(ulimit -H -n) ? {files} : $(ulimit -H -n) )); exec \"$0\" \"$@\"");
    command.args(["-c", &limit]).arg(std::env::current_exe().unwrap()).args(["--exact", test, "--nocapture"]);
    let done = command.output().unwrap();
    let [out, err] = [done.stdout, done.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
    assert!(done.status.success() && out.contains("1 passed"), "{out}{err}");
    Some(err)
}

const ALONE: &str = "DATLAKE_TEST_ALONE";

/// Whether this process was started to run that test alone.
pub(crate) fn is_alone(test: &str) -> bool {
    std::env::var(ALONE).is_ok_and(|name| name == test)
}

/// A program that is to run that test alone, with these variables, and without those that are empty.
pub(crate) fn command_alone(program: &str, test: &str, variables: &[(&str, &str)]) -> std::process::Command {
    let mut command = std::process::Command::new(program);
    let own = ["DATLAKE", "DATLAKE_HOME", "DATLAKE_REMOTE", "DATLAKE_EMAIL", "DATLAKE_LOG", "DATLAKE_OFFLINE"];
    for name in own.into_iter().chain(["DATLAKE_RANK", "SLURM_PROCID", "SLURM_ARRAY_TASK_ID", "PARALLEL_SEQ"]) {
        command.env_remove(name);
    }
    for (name, value) in variables {
        match value.is_empty() {
            true => command.env_remove(name),
            false => command.env(name, value),
        };
    }
    command.env(ALONE, test);
    command
}

/// As [`alone`], with standard error on a terminal of 60 columns, and standard output there too or in `to`. In the first
/// process, what the terminal was sent; in the other, `DATLAKE_TEST_TERMINAL` is the file in which that grows.
pub(crate) fn on_terminal(test: &str, to: Option<&Path>, variables: &[(&str, &str)]) -> Option<String> {
    if is_alone(test) {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let sent = folder.path().join("sent");
    let done = script(test, to, variables, &sent).output().unwrap();
    let sent = std::fs::read_to_string(&sent).unwrap();
    assert!(done.status.success(), "{sent}{done:?}");
    Some(sent)
}

/// What runs that test on such a terminal, whose end it survives.
pub(crate) fn script(test: &str, to: Option<&Path>, variables: &[(&str, &str)], sent: &Path) -> std::process::Command {
    let program = std::env::current_exe().unwrap();
    let to = to.map_or_else(String::new, |to| format!(" > '{}'", to.display()));
    let line = format!("trap '' HUP; stty cols 60; exec '{}' --exact {test} --nocapture{to}", program.display());
    let mut command = command_alone("script", test, variables);
    command.args(["--quiet", "--return", "--flush", "--command", &line]).arg(sent);
    command.env("DATLAKE_TEST_TERMINAL", sent).stdin(std::process::Stdio::null());
    command
}

/// A number that Linux keeps of this process: `Threads`, or `VmHWM`, the most memory it ever had, in KiB.
pub(crate) fn of_this_process(what: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(':')).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
