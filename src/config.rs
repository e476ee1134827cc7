//! Where the default lake is: environment, the nearest `datlake.toml`, the user's own configuration, in this order.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use datlake_core::{Error, ErrorKind, Result};
use etcetera::BaseStrategy as _;
use serde::Deserialize;

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
    let base = etcetera::choose_base_strategy().ok();
    Surroundings {
        variable: |name| std::env::var(name).ok(),
        directory: std::env::current_dir().ok(),
        user_file: base.as_ref().map(|base| base.config_dir().join("datlake/config.toml")),
        data: base.as_ref().map(|base| base.data_dir().join("datlake")),
        terminal: std::io::IsTerminal::is_terminal(&std::io::stderr()),
    }
    .resolve()
}

impl Surroundings {
    fn resolve(&self) -> Result<Settings> {
        let variable = |name: &str| (self.variable)(name).filter(|value| !value.is_empty());
        let project = match &self.directory {
            Some(directory) => nearest(directory)?,
            None => Layer::default(),
        };
        let user = match &self.user_file {
            Some(path) => user(path)?,
            None => Layer::default(),
        };
        let home = match variable("DATLAKE_HOME").map(PathBuf::from).or(project.home).or(user.home) {
            Some(home) => home,
            None => self.data.clone().ok_or_else(|| {
                Error::new(
                    ErrorKind::Config,
                    "there is no home directory to keep a lake in: set DATLAKE_HOME to a directory",
                )
            })?,
        };
        let bypass = match variable("DATLAKE").as_deref() {
            None => false,
            Some("bypass") => true,
            Some(other) => return Err(unknown("DATLAKE", other, "bypass")),
        };
        let log = match variable("DATLAKE_LOG").as_deref() {
            None if self.terminal => Log::Calls,
            None | Some("off") => Log::Off,
            Some("summary") => Log::Summary,
            Some("calls") => Log::Calls,
            Some(other) => return Err(unknown("DATLAKE_LOG", other, "off, summary or calls")),
        };
        Ok(Settings {
            home,
            remote: variable("DATLAKE_REMOTE").or(project.remote).or(user.remote),
            email: variable("DATLAKE_EMAIL").or(project.email).or(user.email),
            bypass,
            log,
        })
    }
}

fn unknown(name: &str, value: &str, known: &str) -> Error {
    let value: String = value.chars().take(40).flat_map(char::escape_debug).collect();
    Error::new(ErrorKind::Config, format!("{name} is `{value}`; it may be {known}"))
}

/// The settings of the `datlake.toml` in `directory` or the nearest folder above it.
fn nearest(directory: &Path) -> Result<Layer> {
    for folder in directory.ancestors() {
        let path = folder.join("datlake.toml");
        if let Some(mut layer) = read::<Layer>(&path)? {
            // A relative home is meant from the file that names it.
            layer.home = layer.home.map(|home| folder.join(home));
            return Ok(layer);
        }
    }
    Ok(Layer::default())
}

fn user(path: &Path) -> Result<Layer> {
    let Some(UserFile { context, email, mut contexts }) = read::<UserFile>(path)? else { return Ok(Layer::default()) };
    let mut layer = match context {
        None => Layer::default(),
        Some(name) => contexts.remove(&name).ok_or_else(|| {
            let known = contexts.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            let message =
                format!("`{}` uses the context `{name}`, which it does not have; it has: {known}", path.display());
            Error::new(ErrorKind::Config, message)
        })?,
    };
    layer.email = layer.email.or(email);
    Ok(layer)
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
