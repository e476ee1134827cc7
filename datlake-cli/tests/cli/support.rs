//! Machines whose command is run, and what is left of its output when all that changes from run to run is taken out.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use datlake::Lake;
use serde_json::Value;
use tempfile::TempDir;

use crate::pipeline::{self, Made};

/// A machine with a lake of its own and, if one is given, a remote.
pub(crate) struct Machine {
    folder: TempDir,
    name: &'static str,
    remote: bool,
    /// A bucket in place of a folder: its URL, and the variables that say where it is.
    bucket: Option<(String, Vec<(String, String)>)>,
}

/// What a process left behind.
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) bytes: Vec<u8>,
}

impl Machine {
    /// A machine with an empty lake.
    pub(crate) fn new() -> Self {
        // Not `TMPDIR`: a longer path would break lines elsewhere.
        Self { folder: tempfile::tempdir_in("/tmp").unwrap(), name: "home", remote: false, bucket: None }
    }

    /// A machine with an empty lake and a remote, which is an empty lake too.
    pub(crate) fn with_remote() -> Self {
        let machine = Self { remote: true, ..Self::new() };
        drop(Lake::builder().home(machine.path("remote")).open().unwrap());
        machine
    }

    /// A machine with an empty lake and a remote in a bucket.
    pub(crate) fn with_bucket(url: &str, variables: &[(String, String)]) -> Self {
        Self { bucket: Some((url.to_owned(), variables.to_vec())), ..Self::with_remote() }
    }

    /// A machine on which the pipeline has run.
    pub(crate) fn prepared() -> (Self, Made) {
        let machine = Self::new();
        let made = pipeline::run(&machine.lake());
        (machine, made)
    }

    /// The same, as another machine that shares its remote.
    pub(crate) fn moved_to(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.path(self.name)
    }

    pub(crate) fn write(&self, path: &str, content: &str) -> PathBuf {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    fn remote_url(&self) -> String {
        match &self.bucket {
            Some((url, _)) => url.clone(),
            None => format!("file://{}", self.path("remote").display()),
        }
    }

    pub(crate) fn lake(&self) -> Lake {
        let builder = Lake::builder().home(self.home()).email("ada@example.org");
        let builder = if self.remote { builder.remote(self.remote_url()) } else { builder };
        match &self.bucket {
            Some((_, variables)) => builder.remote_variables(variables.clone()),
            None => builder,
        }
        .open()
        .unwrap()
    }

    /// The command, in a folder of the machine's own, with nothing else around it.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.around(env!("CARGO_BIN_EXE_datlake"), arguments)
    }

    /// Some other program where the command would run.
    pub(crate) fn around(&self, program: &str, arguments: &[&str]) -> Command {
        let work = self.path("work");
        std::fs::create_dir_all(&work).unwrap();
        let bin = Path::new(env!("CARGO_BIN_EXE_datlake")).parent().unwrap();
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(work)
            .env_clear()
            .env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()))
            .env("HOME", self.path("user"))
            .env("DATLAKE_HOME", self.home())
            .env("DATLAKE_EMAIL", "ada@example.org")
            .env("COLUMNS", "80")
            .stdin(Stdio::null());
        if self.remote {
            command.env("DATLAKE_REMOTE", self.remote_url());
        }
        if let Some((_, variables)) = &self.bucket {
            command.env("NO_PROXY", "127.0.0.1").envs(variables.iter().cloned());
        }
        command
    }

    /// Runs the command. What it answers in JSON is as `docs/schemas` says.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        let ran = ran(self.command(arguments).output().unwrap());
        if arguments.contains(&"--json") && !ran.out.is_empty() {
            check_schema(arguments, &ran.out);
        }
        ran
    }

    /// Runs the command with `input` on its standard input.
    pub(crate) fn feed(&self, arguments: &[&str], input: &str) -> Ran {
        ran(answered(&mut self.command(arguments), input))
    }

    /// Runs the command, which succeeds without a word of warning: its output.
    #[track_caller]
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!((ran.status, &*ran.err), (0, ""), "{arguments:?}: {}", ran.out);
        ran.out
    }

    /// Runs the command in a terminal that wide: its output, normalised.
    #[track_caller]
    pub(crate) fn shown(&self, columns: usize, arguments: &[&str]) -> String {
        let ran = ran(self.command(arguments).env("COLUMNS", columns.to_string()).output().unwrap());
        assert_eq!((ran.status, &*ran.err), (0, ""), "{arguments:?}");
        self.normal(&ran.out)
    }

    /// Runs the command with `--json`: its output, normalised.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let mut value: Value = serde_json::from_str(&self.ok(&[arguments, &["--json"]].concat())).unwrap();
        self.normalise(&mut value);
        value
    }

    /// What a list in JSON says that could not be read; the exit status says it too.
    #[track_caller]
    pub(crate) fn damaged(&self, arguments: &[&str]) -> Vec<String> {
        let ran = self.run(&[arguments, &["--json"]].concat());
        assert_eq!(ran.status, 2, "{arguments:?}: {}", ran.err);
        let list: Vec<Value> = serde_json::from_str(&ran.out).unwrap();
        let what = |row: &Value| Some(row.get("damaged")?["what"].as_str().unwrap().to_owned());
        list.iter().filter_map(what).collect()
    }

    /// Runs the command, which fails with that status, on one line that says all of `says`, and writes no result.
    #[track_caller]
    pub(crate) fn fails(&self, status: i32, says: &[&str], arguments: &[&str]) {
        check_failure(&self.run(arguments), status, says);
    }

    /// `text` without what changes from run to run; as wide as it was.
    pub(crate) fn normal(&self, text: &str) -> String {
        let text = text.replace(self.folder.path().to_str().unwrap(), "[folder]");
        let mut lines = Vec::new();
        let mut left_out = false;
        for line in text.lines() {
            let of_label = line.starts_with(' ') && left_out;
            left_out = of_label || ["commit ", "host ", "built ", "link "].iter().any(|label| line.starts_with(label));
            if !left_out {
                lines.push(took(&digits(line)));
            } else if !of_label {
                lines.push(format!("{}[…]", &line[..10]));
            }
        }
        lines.retain(|line| !line.starts_with("link "));
        lines.join("\n") + "\n"
    }

    fn normalise(&self, value: &mut Value) {
        match value {
            Value::Object(members) => {
                // There only in a work tree with changes.
                members.remove("dirty");
                for (name, value) in members {
                    match name.as_str() {
                        "commit" | "code_state" | "branch" | "repository" | "permalink" | "host" | "rustc"
                        | "target" | "cargo_lock" | "debug_assertions" | "program" | "local_only" | "not_read" => {
                            *value = "[…]".into()
                        }
                        "duration_ms" | "spent_ms" | "saved_ms" | "cpu_ms" | "peak_memory" => *value = 0.into(),
                        _ => self.normalise(value),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.normalise(item)),
            Value::String(text) => *text = digits(&text.replace(self.folder.path().to_str().unwrap(), "[folder]")),
            _ => {}
        }
    }
}

/// An answer in JSON is what the schema of its command says.
#[track_caller]
pub(crate) fn check_schema(arguments: &[&str], answer: &str) {
    let answer: Value = serde_json::from_str(answer).unwrap();
    let words = match arguments {
        ["config", "context", ..] => 3,
        ["config" | "repo" | "branch" | "tag" | "user" | "key" | "token" | "grant", ..]
        | ["runs", "attach" | "cancel", ..] => 2,
        _ => 1,
    };
    let mut name = arguments[..words].join("-");
    if name == "runs" && answer.is_object() {
        name.push_str("-run");
    }
    if name == "diff" && arguments.iter().any(|argument| argument.starts_with("run:")) {
        name.push_str("-runs");
    }
    if name == "diff" && answer["items"][0].get("kind").is_some() {
        name.push_str("-folder");
    }
    if name == "info" && answer.get("call").is_some() {
        name.push_str("-call");
    }
    let objects = match name.as_str() {
        "log" => "-commits",
        "ls" | "diff" | "rm" => "-objects",
        _ => "",
    };
    if arguments[1..].iter().any(|argument| argument.starts_with("sales@")) {
        name.push_str(objects);
    }
    if arguments.contains(&"--closure") {
        name.push_str("-closure");
    }
    if name == "repair" && answer.get("uid").is_none() {
        name.push_str("-left-over");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../docs/schemas/{name}.json"));
    let schema: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let errors =
        jsonschema::validator_for(&schema).unwrap().iter_errors(&answer).map(|e| e.to_string()).collect::<Vec<_>>();
    assert!(errors.is_empty(), "{arguments:?} is not what {name}.json says: {errors:?}\n{answer:#}");
}

/// A failure with that status, on one line that says all of `says`, and no result.
#[track_caller]
pub(crate) fn check_failure(ran: &Ran, status: i32, says: &[&str]) {
    assert_eq!((ran.status, &*ran.out), (status, ""), "{}", ran.err);
    let lines: Vec<&str> = ran.err.lines().collect();
    let hints = lines.get(1..).unwrap_or_default();
    let hinted = hints.len() <= 1 && hints.iter().all(|hint| hint.starts_with("hint: "));
    assert!(ran.err.starts_with("datlake: ") && hinted, "{:?}", ran.err);
    for part in says {
        assert!(ran.err.contains(part), "{:?} does not say {part:?}", ran.err);
    }
}

/// Runs a program with `input` on its standard input.
pub(crate) fn answered(command: &mut Command, input: &str) -> Output {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// Every file below a folder, sorted, by its path from there.
pub(crate) fn files_in(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            files.extend(files_in(&path).into_iter().map(|below| format!("{name}/{below}")));
        } else {
            files.push(name);
        }
    }
    files.sort();
    files
}

pub(crate) fn ran(output: Output) -> Ran {
    Ran {
        status: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
        bytes: output.stdout,
    }
}

/// Hexadecimal identities become `#`, the digits of times `0`: neither changes its length.
fn digits(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let hex = rest.bytes().take_while(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(b)).count();
        let time = rest.bytes().take_while(|b| b.is_ascii_digit() || b"-:.TZ ".contains(b)).count();
        if is_time(rest) {
            out.extend(rest[..time].chars().map(|c| if c.is_ascii_digit() { '0' } else { c }));
            rest = &rest[time..];
        } else if hex >= 12 {
            out.push_str(&"#".repeat(hex));
            rest = &rest[hex..];
        } else if hex > 0 {
            out.push_str(&rest[..hex]);
            rest = &rest[hex..];
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    out
}

/// Whether `text` begins with a date and a time.
fn is_time(text: &str) -> bool {
    let form = "0000-00-00 00:00:00";
    text.len() >= form.len()
        && text.bytes().zip(form.bytes()).all(|(b, f)| match f {
            b'0' => b.is_ascii_digit(),
            b' ' => b == b' ' || b == b'T',
            _ => b == f,
        })
}

/// How long something took is never the same.
fn took(line: &str) -> String {
    let end = [", took ", "; bodies took ", "; skipping saved ", ", saved ", "  by ada@example.org on "];
    match end.iter().filter_map(|words| Some(line.find(words)? + words.len())).min() {
        Some(at) => format!("{}[…]", &line[..at]),
        None => line.to_owned(),
    }
}
