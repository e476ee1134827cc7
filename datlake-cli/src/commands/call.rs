//! `datlake call`: a creator of a program, by its name.

use std::os::fd::AsFd as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use datlake::calling::CallRequest;
use datlake::report::CalledCall;
use serde_json::{Map, Value};

use crate::answer::{Answer, Page};
use crate::args::CallHow;
use crate::asked_program::AskedProgram;
use crate::failure::refused;
use crate::screen::Screen;
use crate::text::{bytes, escape};

/// Has the program make the call. What it prints goes to standard error: the answer of the command is another.
pub(super) fn run(how: CallHow, _: &Screen) -> anyhow::Result<CalledCall> {
    let params = params(&how.params)?;
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let asked = AskedProgram::new(folder.path(), &CallRequest { creator: how.creator, params })?;
    let (program, arguments) = how.program.split_first().context("there is no program")?;
    let mut command = Command::new(program);
    let output = std::io::stderr().as_fd().try_clone_to_owned().map_or_else(|_| Stdio::null(), Stdio::from);
    command.args(arguments).env(AskedProgram::VARIABLE, asked.request()).stdin(Stdio::null()).stdout(output);
    let shown = escape(&program.to_string_lossy()).into_owned();
    let status = command.status().with_context(|| format!("cannot start `{shown}`"))?;
    asked.answer(&shown, &status.to_string())
}

/// The parameters, each once.
pub(super) fn params(said: &[(String, Value)]) -> anyhow::Result<Map<String, Value>> {
    let mut params = Map::new();
    for (name, value) in said {
        if params.insert(name.clone(), value.clone()).is_some() {
            bail!(refused(format!("the parameter `{name}` is said twice")));
        }
    }
    Ok(params)
}

impl Answer for CalledCall {
    fn text(&self, page: &Page) -> String {
        let how = if self.skipped { "was known" } else { "was made" };
        let mut text = format!("{}/{} {how}\n", escape(self.creator.as_str()), self.key.short());
        let files = self.outputs.iter().map(|output| {
            let (name, uid) = (escape(&output.name), escape(output.uid.as_str()));
            // The size of a tree is that of its list.
            let size = if output.tree { "tree".to_owned() } else { bytes(output.size) };
            format!("  → {name} ({size})  {uid}\n")
        });
        text.push_str(&page.lines(files));
        text
    }
}
