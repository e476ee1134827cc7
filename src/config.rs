//! Where the default lake is: environment, the nearest `datlake.toml`, the user's own configuration, in this order.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use datlake_core::{Error, ErrorKind, Result};
use etcetera::BaseStrategy as _;
use serde::{Deserialize, Serialize};

/// Settings of the default lake.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) home: PathBuf,
    pub(crate) remote: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) bypass: bool,
    pub(crate) log: Log,
}

/// What is shown on standard error while a program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Log {
    Off,
    /// One line at the end.
    Summary,
    /// A line for each call too.
    Calls,
}

impl Log {
    fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Summary => "summary",
            Self::Calls => "calls",
        }
    }
}

/// A setting of the default lake, and where its value was taken from.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Its name.
    pub key: &'static str,
    /// Its value; of a URL without what may be secret in it.
    pub value: Option<String>,
    /// Where that was taken from.
    pub source: Source,
    /// The environment variable that would set it.
    pub variable: &'static str,
}

/// Where the value of a [`Setting`] was taken from.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum Source {
    /// An environment variable.
    Environment {
        /// Its name.
        variable: &'static str,
    },
    /// A configuration file.
    File {
        /// Its path.
        path: PathBuf,
        /// The context in it, if it is one's.
        context: Option<String>,
    },
    /// Nothing says anything else.
    Default,
}

/// The settings of the default lake, with where each was taken from.
///
/// # Errors
/// [`ErrorKind::Config`] for a file or a variable that says what it may not, and where there is no home for a lake.
///
/// ```no_run
/// # fn main() -> datlake::Result<()> {
/// for setting in datlake::report::settings()? {
///     println!("{} = {:?} ({:?})", setting.key, setting.value, setting.source);
/// }
/// # Ok(())
/// # }
/// ```
pub fn settings() -> Result<Vec<Setting>> {
    Ok(Surroundings::here().gather()?.shown())
}

/// Settings, each with its source.
struct Gathered {
    home: (PathBuf, Source),
    remote: Option<(String, Source)>,
    email: Option<(String, Source)>,
    bypass: (bool, Source),
    log: (Log, Source),
}

/// `datlake.toml`, and one context of the user's configuration.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Layer {
    home: Option<PathBuf>,
    remote: Option<String>,
    email: Option<String>,
}

/// `~/.config/datlake/config.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct UserFile {
    context: Option<String>,
    email: Option<String>,
    #[serde(default)]
    contexts: BTreeMap<String, Layer>,
}

/// What a process's surroundings say; gathered in one place, so that tests can say otherwise.
struct Surroundings {
    variable: fn(&str) -> Option<String>,
    directory: Option<PathBuf>,
    user_file: Option<PathBuf>,
    data: Option<PathBuf>,
    terminal: bool,
}

/// Settings for this process.
pub(crate) fn resolve() -> Result<Settings> {
    Surroundings::here().resolve()
}

impl Surroundings {
    fn here() -> Self {
        let base = etcetera::choose_base_strategy().ok();
        // Where `HOME` is relative, so are these: a lake in whatever folder one stands in is nobody's wish.
        let absolute = |path: PathBuf| Some(path).filter(|path| path.is_absolute());
        Self {
            variable: |name| std::env::var(name).ok(),
            directory: std::env::current_dir().ok(),
            user_file: base.as_ref().and_then(|base| absolute(base.config_dir().join("datlake/config.toml"))),
            data: base.as_ref().and_then(|base| absolute(base.data_dir().join("datlake"))),
            terminal: std::io::IsTerminal::is_terminal(&std::io::stderr()),
        }
    }

    fn resolve(&self) -> Result<Settings> {
        let Gathered { home, remote, email, bypass, log } = self.gather()?;
        let value = |(value, _)| value;
        Ok(Settings { home: home.0, remote: remote.map(value), email: email.map(value), bypass: bypass.0, log: log.0 })
    }

    fn gather(&self) -> Result<Gathered> {
        let variable = |variable: &'static str| {
            let value = (self.variable)(variable).filter(|value| !value.is_empty());
            value.map(|value| (value, Source::Environment { variable }))
        };
        let (project, project_source) = match &self.directory {
            Some(directory) => nearest(directory)?,
            None => (Layer::default(), Source::Default),
        };
        let (user, user_source) = match &self.user_file {
            Some(path) => user(path)?,
            None => (Layer::default(), Source::Default),
        };
        let in_project = |value: Option<String>| value.map(|value| (value, project_source.clone()));
        let in_user = |value: Option<String>| value.map(|value| (value, user_source.clone()));
        let home = variable("DATLAKE_HOME").map(|(home, source)| (PathBuf::from(home), source));
        let home = home
            .or_else(|| project.home.map(|home| (home, project_source.clone())))
            .or_else(|| user.home.map(|home| (home, user_source.clone())))
            .or_else(|| self.data.clone().map(|home| (home, Source::Default)))
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::Config,
                    "there is no home directory to keep a lake in: set DATLAKE_HOME to a directory",
                )
            })?;
        let bypass = match variable("DATLAKE") {
            None => (false, Source::Default),
            Some((value, source)) if value == "bypass" => (true, source),
            Some((other, _)) => return Err(unknown("DATLAKE", &other, "bypass")),
        };
        let log = match variable("DATLAKE_LOG") {
            None => (if self.terminal { Log::Calls } else { Log::Off }, Source::Default),
            Some((value, source)) => {
                match [Log::Off, Log::Summary, Log::Calls].into_iter().find(|log| log.name() == value) {
                    Some(log) => (log, source),
                    None => return Err(unknown("DATLAKE_LOG", &value, "off, summary or calls")),
                }
            }
        };
        Ok(Gathered {
            home,
            remote: variable("DATLAKE_REMOTE").or_else(|| in_project(project.remote)).or_else(|| in_user(user.remote)),
            email: variable("DATLAKE_EMAIL").or_else(|| in_project(project.email)).or_else(|| in_user(user.email)),
            bypass,
            log,
        })
    }
}

impl Gathered {
    fn shown(self) -> Vec<Setting> {
        let Self { home, remote, email, bypass, log } = self;
        let (remote, remote_source) =
            remote.map_or((None, Source::Default), |(url, source)| (Some(masked(&url)), source));
        let (email, email_source) = email.map_or((None, Source::Default), |(email, source)| (Some(email), source));
        let setting = |key, variable, value, source| Setting { key, value, source, variable };
        vec![
            setting("home", "DATLAKE_HOME", Some(home.0.display().to_string()), home.1),
            setting("remote", "DATLAKE_REMOTE", remote, remote_source),
            setting("email", "DATLAKE_EMAIL", email, email_source),
            setting("bypass", "DATLAKE", Some(bypass.0.to_string()), bypass.1),
            setting("log", "DATLAKE_LOG", Some(log.0.name().to_owned()), log.1),
        ]
    }
}

/// A URL without what people put there and others must not see: user, password, and the values of its query.
fn masked(url: &str) -> String {
    let (url, fragment) = url.split_at(url.find('#').unwrap_or(url.len()));
    let (place, query) = url.split_at(url.find('?').unwrap_or(url.len()));
    let (scheme, rest) = place.split_at(place.find("://").map_or(0, |at| at + 3));
    let host = rest.split('/').next().unwrap_or_default();
    // A password may hold a slash: then the host seems to end in it.
    let secret = if scheme.is_empty() || host.contains(['@', ':']) { rest.rfind('@') } else { None };
    let mut text = match secret {
        Some(at) => format!("{scheme}***{}", &rest[at..]),
        None => format!("{scheme}{rest}"),
    };
    for (at, pair) in query.trim_start_matches('?').split('&').enumerate().filter(|_| !query.is_empty()) {
        let name = pair.split('=').next().unwrap_or_default();
        text.push_str(&format!("{}{name}=***", if at == 0 { '?' } else { '&' }));
    }
    if !fragment.is_empty() {
        text.push_str("#***");
    }
    text
}

fn unknown(name: &str, value: &str, known: &str) -> Error {
    let value: String = value.chars().take(40).flat_map(char::escape_debug).collect();
    Error::new(ErrorKind::Config, format!("{name} is `{value}`; it may be {known}"))
}

/// The settings of the `datlake.toml` in `directory` or the nearest folder above it.
fn nearest(directory: &Path) -> Result<(Layer, Source)> {
    for folder in directory.ancestors() {
        let path = folder.join("datlake.toml");
        if let Some(mut layer) = read::<Layer>(&path)? {
            // A relative home is meant from the file that names it.
            layer.home = layer.home.map(|home| folder.join(home));
            return Ok((layer, Source::File { path, context: None }));
        }
    }
    Ok((Layer::default(), Source::Default))
}

fn user(path: &Path) -> Result<(Layer, Source)> {
    let Some(UserFile { context, email, mut contexts }) = read::<UserFile>(path)? else {
        return Ok((Layer::default(), Source::Default));
    };
    let mut layer = match &context {
        None => Layer::default(),
        Some(name) => contexts.remove(name).ok_or_else(|| {
            let known = contexts.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            let message =
                format!("`{}` uses the context `{name}`, which it does not have; it has: {known}", path.display());
            Error::new(ErrorKind::Config, message)
        })?,
    };
    layer.email = layer.email.or(email);
    Ok((layer, Source::File { path: path.to_owned(), context }))
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(e) => return Err(Error::io("read", path.display(), e)),
    };
    toml::from_str(&text).map(Some).map_err(|e| {
        let line = e.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        // The file's text may hold what is nobody's business: line and reason, no quotation.
        Error::new(ErrorKind::Config, format!("`{}`, line {line}: {}", path.display(), e.message()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surroundings(directory: &Path) -> Surroundings {
        Surroundings {
            variable: |_| None,
            directory: Some(directory.to_owned()),
            user_file: Some(directory.join("user.toml")),
            data: Some(PathBuf::from("/data/datlake")),
            terminal: false,
        }
    }

    #[test]
    fn nothing_set_means_a_local_lake_in_the_data_directory() {
        let dir = tempfile::tempdir().unwrap();
        let settings = surroundings(dir.path()).resolve().unwrap();
        assert_eq!(settings.home, Path::new("/data/datlake"));
        assert_eq!((settings.remote, settings.email, settings.bypass, settings.log), (None, None, false, Log::Off));
    }

    #[test]
    fn the_nearest_file_wins_over_the_users_and_the_environment_over_both() {
        let dir = tempfile::tempdir().unwrap();
        let below = dir.path().join("a/b");
        std::fs::create_dir_all(&below).unwrap();
        std::fs::write(dir.path().join("datlake.toml"), "home = 'lake'\nremote = 'file:///project'\n").unwrap();
        let user = "context = 'c'\nemail = 'me@example.org'\n[contexts.c]\nremote = 'file:///user'\n";
        std::fs::write(dir.path().join("user.toml"), user).unwrap();
        let mut around = surroundings(&below);
        around.user_file = Some(dir.path().join("user.toml"));
        let settings = around.resolve().unwrap();
        assert_eq!(settings.home, dir.path().join("lake"));
        assert_eq!(settings.remote.as_deref(), Some("file:///project"));
        assert_eq!(settings.email.as_deref(), Some("me@example.org"));
        around.variable = |name| (name == "DATLAKE_REMOTE").then(|| "file:///env".to_owned());
        assert_eq!(around.resolve().unwrap().remote.as_deref(), Some("file:///env"));
    }

    #[test]
    fn a_typo_names_file_line_and_key() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("datlake.toml"), "home = 'x'\nremot = 'file:///r'\n").unwrap();
        let error = surroundings(dir.path()).resolve().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let text = error.to_string();
        assert!(text.contains("datlake.toml`, line 2") && text.contains("remot"), "{text}");
    }

    #[test]
    fn every_value_says_where_it_was_taken_from() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("datlake.toml"), "home = 'lake'\n").unwrap();
        let user = "context = 'c'\n[contexts.c]\nremote = 's3://id:key@bucket/x?token=abc'\n";
        std::fs::write(dir.path().join("user.toml"), user).unwrap();
        let mut around = surroundings(dir.path());
        around.variable = |name| (name == "DATLAKE_LOG").then(|| "summary".to_owned());
        let shown = around.gather().unwrap().shown();
        let file = |name: &str, context: Option<&str>| Source::File {
            path: dir.path().join(name),
            context: context.map(str::to_owned),
        };
        let sources: Vec<_> = shown.iter().map(|setting| (setting.key, setting.source.clone())).collect();
        let variable = Source::Environment { variable: "DATLAKE_LOG" };
        assert_eq!(
            sources,
            [
                ("home", file("datlake.toml", None)),
                ("remote", file("user.toml", Some("c"))),
                ("email", Source::Default),
                ("bypass", Source::Default),
                ("log", variable),
            ]
        );
        assert_eq!(shown[1].value.as_deref(), Some("s3://***@bucket/x?token=***"));
    }

    #[test]
    fn urls_are_shown_without_secrets() {
        for (url, shown) in [
            ("file:///home/a@b/lake", "file:///home/a@b/lake"),
            ("s3://bucket/a@b", "s3://bucket/a@b"),
            ("s3://id:se/cr@et@bucket/x", "s3://***@bucket/x"),
            ("s3://token@bucket", "s3://***@bucket"),
            ("https://host:9000/lake?a=1&sig=2#x", "https://host:9000/lake?a=***&sig=***#***"),
            ("token@bucket", "***@bucket"),
        ] {
            assert_eq!(masked(url), shown);
        }
    }

    #[test]
    fn unknown_values_and_contexts_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("user.toml"), "context = 'x'\n[contexts.c]\n").unwrap();
        assert!(surroundings(dir.path()).resolve().unwrap_err().to_string().contains("context `x`"));
        std::fs::remove_file(dir.path().join("user.toml")).unwrap();
        let mut around = surroundings(dir.path());
        around.variable = |name| (name == "DATLAKE_LOG").then(|| "loud".to_owned());
        assert!(around.resolve().unwrap_err().to_string().contains("off, summary or calls"));
    }
}
