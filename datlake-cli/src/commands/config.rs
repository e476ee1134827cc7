//! `datlake config`: what is set, and where.

use std::io::IsTerminal as _;

use anyhow::{Context as _, bail};
use datlake::config::{self, Changed, ContextRow, Scope, Setting, Source, settings};
use datlake::report::{Ability, RemoteCheck, RemoteState};
use datlake::{ErrorKind, LakeBuilder};
use owo_colors::OwoColorize as _;
use serde::Serialize;

use super::lake;
use crate::answer::{Answer, Page};
use crate::args::{Config, Context};
use crate::failure::{FAILED, refused};
use crate::screen::Screen;
use crate::text::{escape, padded, width};

/// The least columns of the names.
const NAME: usize = 8;
/// Columns from which a value and its source share a line.
const WIDE: usize = 80;

pub(super) fn run(command: Config, screen: &Screen) -> anyhow::Result<Box<dyn Answer>> {
    let scope = |project: bool| if project { Scope::Project } else { Scope::User };
    Ok(match command {
        Config::Show => Box::new(settings()?),
        Config::Set { key, value, project } => Box::new(config::set(&key, &value, scope(project)).map_err(explained)?),
        Config::Unset { key, project } => Box::new(config::unset(&key, scope(project)).map_err(explained)?),
        Config::Check { accept } => {
            let lake = lake::open(screen)?;
            let missing = if accept { Some(lake.accept_remote()?) } else { None };
            Box::new(Checked { check: lake.check_remote()?, missing })
        }
        Config::Setup => Box::new(setup(screen)?),
        Config::Context(command) => context(command).map_err(explained)?,
    })
}

fn context(command: Context) -> datlake::Result<Box<dyn Answer>> {
    let (done, context) = match command {
        Context::List => return Ok(Box::new(config::contexts()?)),
        Context::Create { name, home, remote, email } => {
            let settings = [("home", &home), ("remote", &remote), ("email", &email)];
            let settings: Vec<_> =
                settings.into_iter().filter_map(|(key, value)| Some((key, value.as_deref()?))).collect();
            ("made", config::create_context(&name, &settings)?)
        }
        Context::Use { name } => ("uses", config::use_context(&name)?),
        Context::Delete { name } => ("deleted", config::delete_context(&name)?),
    };
    Ok(Box::new(InContext { done, context }))
}

/// With what to do about it: what is missing here is no file.
fn explained(error: datlake::Error) -> datlake::Error {
    match error.kind() {
        ErrorKind::NotFound => {
            error.with_hint("`datlake config show` and `datlake config context list` show what is set")
        }
        ErrorKind::AlreadyExists => error.with_hint("`datlake config context use` uses it, `delete` deletes it"),
        _ => error,
    }
}

/// A question of the setup.
struct Question {
    key: &'static str,
    asks: &'static str,
}

const QUESTIONS: [Question; 3] = [
    Question { key: "home", asks: "Folder of the lake on this machine" },
    Question { key: "remote", asks: "URL of the store shared with others (`none` for none)" },
    Question { key: "email", asks: "Your e-mail address, for the lineage (`none` for git's)" },
];

/// Asks for each setting; changes them when all are answered, and what they name could be opened.
fn setup(screen: &Screen) -> anyhow::Result<Vec<Setting>> {
    let now = settings()?;
    let mut answers: Vec<(&str, String)> = Vec::new();
    for Question { key, asks } in QUESTIONS {
        let value = now.iter().find(|setting| setting.key == key).and_then(|setting| setting.value.as_deref());
        loop {
            let Some(answer) = screen.asks(&format!("{asks} [{}]:", escape(value.unwrap_or("none"))))? else {
                let error = refused(format!("there was no answer for `{key}`, so nothing was changed"));
                bail!(error.with_hint("an empty line leaves a setting as it is"));
            };
            answers.push((key, answer));
            match tried(&answers) {
                Ok(()) => break,
                // Who typed it can think again; what comes from a pipe was meant for the next question.
                Err(error) if std::io::stdin().is_terminal() => {
                    screen.error(&error, false);
                    answers.pop();
                }
                Err(error) => return Err(error.context("nothing was changed")),
            }
        }
    }
    for (key, answer) in answers {
        let changed = match &*answer {
            "" => continue,
            "none" => match config::unset(key, Scope::User) {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                changed => changed?,
            },
            value => config::set(key, value, Scope::User)?,
        };
        changed.warnings().iter().for_each(|warning| screen.warning(warning));
    }
    Ok(settings()?)
}

/// Whether the lake opens as answered so far, and its remote answers.
fn tried(answers: &[(&str, String)]) -> anyhow::Result<()> {
    let answer = |wanted: &str| answers.iter().find(|(key, _)| *key == wanted).map(|(_, answer)| answer.as_str());
    let Some((key, value)) = answers.last() else { return Ok(()) };
    if value.is_empty() || value == "none" {
        return Ok(());
    }
    config::check(key, value)?;
    if *key == "email" {
        return Ok(());
    }
    let mut builder = LakeBuilder::configured()?;
    if let Some(home) = answer("home").filter(|home| !home.is_empty() && *home != "none") {
        builder = builder.home(config::check("home", home)?);
    }
    if let Some(remote) = answer("remote").filter(|remote| !remote.is_empty() && *remote != "none") {
        builder = builder.remote(remote);
    }
    let lake = builder.open()?;
    if *key == "remote" {
        // Any question that it answers will do.
        let asked = lake.exists("datlake/setup");
        asked.with_context(|| format!("the remote {} does not answer", lake.remote().unwrap_or_default()))?;
    }
    Ok(())
}

impl Answer for Vec<Setting> {
    fn text(&self, page: &Page) -> String {
        let mut text = String::new();
        let name = self.iter().map(|setting| setting.key.len() + 1).fold(NAME, usize::max);
        for setting in self {
            let value = match (&setting.value, &*setting.key) {
                (Some(value), _) => escape(value).into_owned(),
                (None, "email") => "not set: git's user.email, else the login name".to_owned(),
                (None, _) => "not set".to_owned(),
            };
            let source = format!("from {}", source(&setting.source));
            let gap = if page.columns >= WIDE { "  ".to_owned() } else { format!("\n{}", " ".repeat(name)) };
            text.push_str(&format!("{}{value}{gap}{}\n", padded(&setting.key, name).bold(), source.dimmed()));
        }
        text
    }
}

fn source(source: &Source) -> String {
    match source {
        Source::Environment { variable } => (*variable).to_owned(),
        Source::File { path, context: None } => escape(&path.display().to_string()).into_owned(),
        Source::File { path, context: Some(context) } => {
            escape(&format!("{}, context {context}", path.display())).into_owned()
        }
        _ => "the default".to_owned(),
    }
}

/// What works with the remote.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize, schemars::JsonSchema))]
pub(super) struct Checked {
    #[serde(flatten)]
    check: RemoteCheck,
    /// With --accept: how many calls and added files are here and not there.
    missing: Option<usize>,
}

impl Answer for Checked {
    fn text(&self, _: &Page) -> String {
        let check = &self.check;
        let mut text = format!("{}\n", escape(&check.remote).bold());
        for step in &check.steps {
            let what = match step.what {
                Ability::List => "list objects",
                Ability::Read => "read objects",
                Ability::Create => "create objects",
                Ability::CreateConditionally => "keep objects that exist from being replaced",
                Ability::Presign => "hand out URLs for downloads (only `url` needs it)",
                Ability::Delete => "delete objects (only `rm` needs it)",
                _ => "something newer",
            };
            let (mark, why) = match &step.problem {
                None => ("works".green().to_string(), String::new()),
                Some(why) => ("fails".red().to_string(), format!("\n       {}", escape(why))),
            };
            text.push_str(&format!("{mark}  {what}{why}\n"));
        }
        if check.state == RemoteState::New {
            text.push_str("The folder is no lake yet: the first write makes it one. If there should be one, mount it or correct the URL.\n");
        }
        if let Some(quickest) = check.round_trip_ms {
            text.push_str(&format!("The quickest answer took {quickest} ms.\n"));
        }
        text
    }

    fn warnings(&self) -> Vec<String> {
        let missing = self.missing.filter(|missing| *missing > 0);
        let say = |missing| {
            format!("calls and added files that are here and not there: {missing}; `datlake push` sends them")
        };
        missing.map(say).into_iter().collect()
    }

    fn status(&self) -> u8 {
        if self.check.works() { 0 } else { FAILED }
    }
}

impl Answer for Changed {
    fn text(&self, _: &Page) -> String {
        let Changed { key, value, path, context, .. } = self;
        let context = context.as_ref().map(|context| format!(", context {context}")).unwrap_or_default();
        let place = format!("{}{context}", path.display());
        let text = match value {
            Some(value) => format!("set {key} = {value} in {place}"),
            None => format!("took {key} out of {place}"),
        };
        format!("{}\n", escape(&text))
    }

    fn warnings(&self) -> Vec<String> {
        let wins = |by: &Source| format!("`{}` is still taken from {}, which wins", self.key, source(by));
        self.hidden_by.as_ref().map(wins).into_iter().collect()
    }
}

/// One line for each context, marked where it is in use; below it, where there is little room, what is set.
impl Answer for Vec<ContextRow> {
    fn text(&self, page: &Page) -> String {
        let wide = page.columns >= WIDE;
        let name_width = self.iter().map(|context| width(&escape(&context.name))).max().unwrap_or(0);
        let mut text = String::new();
        for context in self {
            let mark = if context.current { "*" } else { " " };
            let name = escape(&context.name);
            text.push_str(&format!("{mark} {}", padded(&name, if wide { name_width } else { 0 }).bold()));
            for (at, (key, value)) in set(context).into_iter().enumerate() {
                let gap = match (wide, at) {
                    (true, 0) => "  ",
                    (true, _) => ", ",
                    (false, _) => "\n    ",
                };
                text.push_str(&format!("{gap}{key} = {}", escape(value)));
            }
            text.push('\n');
        }
        text
    }
}

/// What was done with a context, in a word.
#[derive(Debug, Serialize)]
struct InContext {
    #[serde(skip)]
    done: &'static str,
    #[serde(flatten)]
    context: ContextRow,
}

impl Answer for InContext {
    fn text(&self, _: &Page) -> String {
        let Self { done, context } = self;
        let set: Vec<_> = set(context).into_iter().map(|(key, value)| format!("{key} = {value}")).collect();
        let set = if set.is_empty() { "nothing is set in it".to_owned() } else { set.join(", ") };
        format!("{}\n", escape(&format!("{done} the context {} ({set})", context.name)))
    }
}

fn set(context: &ContextRow) -> Vec<(&'static str, &str)> {
    let values = [("home", &context.home), ("remote", &context.remote), ("email", &context.email)];
    values.into_iter().filter_map(|(key, value)| Some((key, value.as_deref()?))).collect()
}
