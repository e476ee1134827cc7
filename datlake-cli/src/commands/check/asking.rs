//! Asks a program to make calls again, and reads what it answers.

use std::io::{self, IsTerminal as _};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use datlake::checking::{self, CheckAnswer, CheckRequest};
use datlake::report::CheckedCall;
use datlake::{CallKey, CreatorName};

use crate::args::CheckHow;
use crate::lines::Lines;
use crate::screen::{Live, Screen};
use crate::text::escape;

pub(super) type CallName = (CreatorName, CallKey);

/// The pause between two looks at how far it is.
const LOOK: Duration = Duration::from_millis(100);

/// What a program answered before it ended.
#[derive(Default)]
pub(super) struct Answered {
    pub(super) checked: Vec<CheckedCall>,
    pub(super) unchanged: Vec<CallName>,
    /// Bodies that began, and of which nothing else was said.
    pub(super) begun: Vec<CallName>,
    pub(super) is_whole: bool,
}

/// Starts the program once, and reads what it answers. What it prints goes to standard error: the answer of the command is another.
pub(super) fn ask(
    request: &CheckRequest,
    how: &CheckHow,
    screen: &Screen,
) -> anyhow::Result<(Option<Answered>, ExitStatus)> {
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let path = folder.path().join("request");
    std::fs::write(&path, serde_json::to_vec(request)?).with_context(|| format!("cannot write {}", path.display()))?;
    let (program, arguments) = how.program.split_first().context("there is no program")?;
    let mut command = Command::new(program);
    command.args(arguments).env(checking::REQUEST, &path).stdin(Stdio::null());
    let failed = || format!("cannot start `{}`", escape(&program.to_string_lossy()));
    let answers_at = checking::answers_of(&path);
    let mut answers = Answers::of(&answers_at);
    let status = if io::stderr().is_terminal() {
        let printed = folder.path().join("printed");
        let output = std::fs::File::options().create_new(true).append(true).open(&printed)?;
        let child = command.stdout(output.try_clone()?).stderr(output).spawn().with_context(failed)?;
        let all = request.calls.len();
        let watch = Watch { printed: Lines::of(printed), live: Live::new(*screen, true), answers: &mut answers, all };
        watch.until_ended(child)?
    } else {
        let output = io::stderr().as_fd().try_clone_to_owned().map_or_else(|_| Stdio::null(), Stdio::from);
        command.stdout(output).status().with_context(failed)?
    };
    answers.read()?;
    // A program that did not take the request on has no file of answers.
    Ok((answers_at.exists().then_some(answers.found), status))
}

/// Shows what a program prints, and below it how far it is.
struct Watch<'a> {
    printed: Lines,
    live: Live,
    answers: &'a mut Answers,
    all: usize,
}

impl Watch<'_> {
    fn until_ended(mut self, mut child: Child) -> anyhow::Result<ExitStatus> {
        loop {
            let ended = child.try_wait().context("cannot wait for the program")?;
            while self.printed.read(|line| self.live.plain(line)).context("cannot read what the program prints")? {}
            if let Some(status) = ended {
                self.printed.end(|line| self.live.plain(line));
                self.live.flush()?;
                self.live.clear();
                return Ok(status);
            }
            self.live.flush()?;
            self.answers.read()?;
            self.live.draw(vec![self.answers.far(self.all)]);
            std::thread::sleep(LOOK);
        }
    }
}

/// What a program answers, while it does.
struct Answers {
    lines: Lines,
    found: Answered,
}

impl Answers {
    fn of(path: &Path) -> Self {
        Self { lines: Lines::whole(path.to_owned()), found: Answered::default() }
    }

    /// Takes what was answered since. A last line that has no end was cut off with the program, and is none.
    fn read(&mut self) -> anyhow::Result<()> {
        let Self { lines, found } = self;
        let mut take = |line: &[u8]| match serde_json::from_slice(line) {
            Ok(CheckAnswer::Begins(creator, key)) => found.begun.push((creator, key)),
            Ok(CheckAnswer::Checked(call)) => {
                found.begun.retain(|(creator, key)| (creator, key) != (&call.creator, &call.key));
                found.checked.push(*call);
            }
            Ok(CheckAnswer::Unchanged(creator, key)) => found.unchanged.push((creator, key)),
            Ok(CheckAnswer::End) => found.is_whole = true,
            Err(_) => {}
        };
        while lines.read(&mut take).context("cannot read what the program answers")? {}
        Ok(())
    }

    /// How far the program is with `all` calls.
    fn far(&self, all: usize) -> String {
        let Answered { checked, unchanged, begun, .. } = &self.found;
        let now = match &**begun {
            [] => String::new(),
            [(creator, key), others @ ..] => {
                let more = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
                format!("; now {}/{}{more}", escape(creator.as_str()), key.short())
            }
        };
        format!("{} of {all} calls checked{now}", checked.len() + unchanged.len())
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write as _;

    use super::*;

    #[test]
    fn how_far_it_is_is_what_was_answered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answers");
        let mut answers = Answers::of(&path);
        answers.read().unwrap();
        assert_eq!(answers.far(3), "0 of 3 calls checked");
        let mut file = File::create(&path).unwrap();
        let mut say = |answer: &CheckAnswer| {
            serde_json::to_writer(&mut file, answer).unwrap();
            file.write_all(b"\n").unwrap();
        };
        let (creator, key) = (datlake::CreatorName::new("shop::report"), |n: u8| {
            format!("{n:064x}").parse::<datlake::CallKey>().unwrap()
        });
        let creator = creator.unwrap();
        say(&CheckAnswer::Unchanged(creator.clone(), key(1)));
        say(&CheckAnswer::Begins(creator.clone(), key(2)));
        answers.read().unwrap();
        assert_eq!(answers.far(3), format!("1 of 3 calls checked; now shop::report/{}", key(2).short()));
        say(&CheckAnswer::Begins(creator.clone(), key(3)));
        answers.read().unwrap();
        assert_eq!(answers.far(3), format!("1 of 3 calls checked; now shop::report/{} and 1 more", key(2).short()));
    }
}
