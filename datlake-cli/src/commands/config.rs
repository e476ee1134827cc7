//! `datlake config`: what is set, and where.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use datlake::config::{self, Scope, settings};
use datlake::{ErrorKind, LakeBuilder};

use super::Report;
use crate::args::{Config, Context};
use crate::failure::Failure;
use crate::print::Screen;

pub(super) fn run(command: Config, screen: &Screen) -> anyhow::Result<Report> {
    let scope = |project: bool| if project { Scope::Project } else { Scope::User };
    match command {
        Config::Show { .. } => Ok(Report::Settings(settings()?)),
        Config::Set { key, value, project, .. } => {
            config::set(&key, &value, scope(project)).map(Report::Changed).map_err(explained)
        }
        Config::Unset { key, project, .. } => {
            config::unset(&key, scope(project)).map(Report::Changed).map_err(explained)
        }
        Config::Check { accept, .. } => {
            let lake = super::lake(screen)?;
            if accept {
                let missing = lake.accept_remote()?;
                if missing > 0 {
                    screen.warning(&format!(
                        "calls and added files that are here and not there: {missing}; `datlake push` sends them"
                    ));
                }
            }
            Ok(Report::Checked(lake.check_remote()?))
        }
        Config::Setup { .. } => setup(screen),
        Config::Context(command) => context(command).map_err(explained),
    }
}

fn context(command: Context) -> datlake::Result<Report> {
    match command {
        Context::Create { name, home, remote, email, .. } => {
            let settings = [("home", &home), ("remote", &remote), ("email", &email)];
            let settings: Vec<_> =
                settings.into_iter().filter_map(|(key, value)| Some((key, value.as_deref()?))).collect();
            Ok(Report::Context("made", config::create_context(&name, &settings)?))
        }
        Context::Use { name, .. } => Ok(Report::Context("uses", config::use_context(&name)?)),
        Context::List { .. } => Ok(Report::Contexts(config::contexts()?)),
        Context::Delete { name, .. } => Ok(Report::Context("deleted", config::delete_context(&name)?)),
    }
}

/// With what to do about it: what is missing here is no file.
fn explained(error: datlake::Error) -> anyhow::Error {
    match error.kind() {
        ErrorKind::NotFound => Failure::absent(error)
            .hint("`datlake config show` and `datlake config context list` show what is set")
            .into(),
        ErrorKind::AlreadyExists => {
            Failure::new(error.to_string()).hint("`datlake config context use` uses it, `delete` deletes it").into()
        }
        _ => error.into(),
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
fn setup(screen: &Screen) -> anyhow::Result<Report> {
    let now = settings()?;
    let mut answers: Vec<(&str, String)> = Vec::new();
    for Question { key, asks } in QUESTIONS {
        let value = now.iter().find(|setting| setting.key == key).and_then(|setting| setting.value.as_deref());
        loop {
            let Some(answer) = screen.asks(asks, value.unwrap_or("none"))? else {
                let failure = Failure::new(format!("there was no answer for `{key}`, so nothing was changed"));
                return Err(failure.hint("an empty line leaves a setting as it is").into());
            };
            answers.push((key, answer));
            match tried(&answers) {
                Ok(()) => break,
                // Who typed it can think again; what comes from a pipe was meant for the next question.
                Err(error) if std::io::stdin().is_terminal() => {
                    screen.error(&error);
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
        screen.hidden(&changed);
    }
    Ok(Report::Settings(settings()?))
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
