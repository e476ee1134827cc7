//! What a process's surroundings say: variables, the nearest `datlake.toml`, the user's own file.
//!
//! Everything goes through [`Surroundings`], so that tests can have others.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use datlake_core::{Error, ErrorKind, Result};
use etcetera::BaseStrategy as _;

use super::file::{self, Layer};
use super::key::{Key, Log, SIZE, size};
use super::setting::{Setting, Source};
use crate::mode::Mode;

/// Settings of the default lake.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) home: PathBuf,
    pub(crate) remote: Option<String>,
    pub(crate) unsafe_remote: bool,
    pub(crate) email: Option<String>,
    pub(crate) cache_limit: Option<u64>,
    pub(crate) offline: bool,
    pub(crate) mode: Mode,
    #[cfg_attr(not(feature = "console"), expect(dead_code, reason = "the console alone reads it"))]
    pub(crate) log: Log,
}

/// Settings, each with its source.
pub(super) struct Gathered {
    home: (PathBuf, Source),
    /// What is set of the others.
    found: BTreeMap<Key, RawSetting>,
    offline: (bool, Source),
    mode: (Mode, Source),
    log: (Log, Source),
}

/// A value that was set somewhere.
#[derive(Clone, Debug)]
struct RawSetting {
    value: String,
    source: Source,
}

/// What a process's surroundings say; gathered in one place, so that tests can say otherwise.
pub(super) struct Surroundings {
    pub(super) variable: fn(&str) -> Option<OsString>,
    pub(super) directory: Option<PathBuf>,
    pub(super) user_file: Option<PathBuf>,
    /// The user's own folder, which `~` stands for.
    pub(super) own: Option<PathBuf>,
    pub(super) data: Option<PathBuf>,
    pub(super) terminal: bool,
}

/// Settings for this process.
pub(crate) fn resolve() -> Result<Settings> {
    Surroundings::here().resolve()
}

impl Surroundings {
    pub(super) fn here() -> Self {
        let base = etcetera::choose_base_strategy().ok();
        // Where `HOME` is relative, so are these: a lake in whatever folder one stands in is nobody's wish.
        let absolute = |path: PathBuf| Some(path).filter(|path| path.is_absolute());
        Self {
            variable: |name| std::env::var_os(name),
            directory: std::env::current_dir().ok(),
            user_file: base.as_ref().and_then(|base| absolute(base.config_dir().join("datlake/config.toml"))),
            own: base.as_ref().and_then(|base| absolute(base.home_dir().to_owned())),
            data: base.as_ref().and_then(|base| absolute(base.data_dir().join("datlake"))),
            terminal: std::io::IsTerminal::is_terminal(&std::io::stderr()),
        }
    }

    pub(super) fn resolve(&self) -> Result<Settings> {
        let Gathered { home, mut found, offline, mode, log } = self.gather()?;
        let mut value = |key| found.remove(&key).map(|found| found.value);
        let unsafe_remote = match value(Key::UnsafeRemote).as_deref() {
            None | Some("no") => false,
            Some("yes") => true,
            Some(other) => return Err(unknown("unsafe_remote", other, "yes or no")),
        };
        let cache_limit = match value(Key::CacheLimit) {
            None => None,
            Some(text) => match size(&text) {
                Some(size) => Some(size),
                None => return Err(unknown("cache_limit", &text, SIZE)),
            },
        };
        Ok(Settings {
            home: home.0,
            remote: value(Key::Remote),
            unsafe_remote,
            email: value(Key::Email),
            cache_limit,
            offline: offline.0,
            mode: mode.0,
            log: log.0,
        })
    }

    pub(super) fn gather(&self) -> Result<Gathered> {
        // What is nearer comes first.
        let mut layers: Vec<(Layer, Source)> = Vec::new();
        if let Some(directory) = &self.directory
            && let Some((path, text)) = file::nearest_project(directory)?
        {
            layers.push((file::project(&path, &text)?, file::source(&path, None)));
        }
        if let Some(path) = &self.user_file
            && let Some(text) = file::text(path)?
        {
            let user = file::user(path, &text)?;
            let source = file::source(path, user.context.as_deref());
            layers.push((user.in_use(), source));
        }
        let mut found = BTreeMap::new();
        for key in Key::ALL {
            let in_file = || {
                let mut values = layers.iter().filter_map(|(layer, source)| Some((layer.get(key)?, source)));
                values.next().map(|(value, source)| RawSetting { value: value.to_owned(), source: source.clone() })
            };
            found.extend(self.variable(key.variable())?.or_else(in_file).map(|value| (key, value)));
        }
        let home = match found.remove(&Key::Home) {
            Some(RawSetting { value, source }) => (self.home(&value, &source), source),
            None => (
                self.data.clone().ok_or_else(|| {
                    Error::new(ErrorKind::Config, "there is no home directory to keep a lake in")
                        .with_hint("set DATLAKE_HOME to a directory")
                })?,
                Source::Default,
            ),
        };
        let offline = match self.variable("DATLAKE_OFFLINE")? {
            None => (false, Source::Default),
            Some(RawSetting { value, source }) => match value.as_str() {
                "1" | "true" => (true, source),
                "0" | "false" => (false, source),
                other => return Err(unknown("DATLAKE_OFFLINE", other, "1 or 0")),
            },
        };
        let mode = match self.variable("DATLAKE")? {
            None => (Mode::Run, Source::Default),
            Some(RawSetting { value, source }) => match Mode::ALL.into_iter().find(|mode| mode.name() == value) {
                Some(mode) => (mode, source),
                None => return Err(unknown("DATLAKE", &value, "run, bypass, frozen or plan")),
            },
        };
        let log = match self.variable("DATLAKE_LOG")? {
            None => (if self.terminal { Log::Calls } else { Log::Warnings }, Source::Default),
            Some(RawSetting { value, source }) => match Log::ALL.into_iter().find(|log| log.name() == value) {
                Some(log) => (log, source),
                None => return Err(unknown("DATLAKE_LOG", &value, "off, warnings, summary or calls")),
            },
        };
        Ok(Gathered { home, found, offline, mode, log })
    }

    fn variable(&self, variable: &str) -> Result<Option<RawSetting>> {
        let Some(value) = (self.variable)(variable).filter(|value| !value.is_empty()) else { return Ok(None) };
        match value.into_string() {
            Ok(value) => Ok(Some(RawSetting { value, source: Source::Environment { variable: variable.to_owned() } })),
            // As if it were not set would be another lake.
            Err(_) => Err(Error::new(ErrorKind::Config, format!("{variable} is not UTF-8 text"))),
        }
    }

    /// The folder that `home` means: in a file, from that file; `~` is the user's own, where no shell has put it in.
    fn home(&self, home: &str, source: &Source) -> PathBuf {
        match (home.strip_prefix("~/"), &self.own, source) {
            (Some(below), Some(own), Source::File { .. }) => own.join(below),
            (_, _, Source::File { path, .. }) => path.parent().unwrap_or(Path::new("")).join(home),
            _ => PathBuf::from(home),
        }
    }
}

/// The settings of the default lake, with where each was taken from.
///
/// # Errors
/// [`ErrorKind::Config`](crate::ErrorKind::Config) for a file or a variable that says what it may not, and where there is no home for a lake.
///
/// ```no_run
/// for setting in datlake::config::settings()? {
///     println!("{} = {:?} ({:?})", setting.key, setting.value, setting.source);
/// }
/// # Ok::<(), datlake::Error>(())
/// ```
pub fn settings() -> Result<Vec<Setting>> {
    Ok(Surroundings::here().gather()?.shown())
}

impl Gathered {
    /// The settings as they are shown.
    pub(super) fn shown(self) -> Vec<Setting> {
        let Self { home, found, offline, mode, log } = self;
        let setting = |key: &str, variable: &str, value, source| Setting {
            key: key.to_owned(),
            value,
            source,
            variable: variable.to_owned(),
        };
        let mut shown = vec![setting("home", Key::Home.variable(), Some(home.0.display().to_string()), home.1)];
        for key in [Key::Remote, Key::UnsafeRemote, Key::Email, Key::CacheLimit] {
            let (value, source) = found
                .get(&key)
                .map_or((None, Source::Default), |found| (Some(key.shown(&found.value)), found.source.clone()));
            // Whoever never heard of it has nothing to read about it.
            if !matches!(key, Key::UnsafeRemote | Key::CacheLimit) || value.is_some() {
                shown.push(setting(key.name(), key.variable(), value, source));
            }
        }
        shown.push(setting("offline", "DATLAKE_OFFLINE", Some(offline.0.to_string()), offline.1));
        shown.push(setting("mode", "DATLAKE", Some(mode.0.name().to_owned()), mode.1));
        shown.push(setting("log", "DATLAKE_LOG", Some(log.0.name().to_owned()), log.1));
        shown
    }
}

fn unknown(name: &str, value: &str, known: &str) -> Error {
    let value: String = value.chars().take(40).flat_map(char::escape_debug).collect();
    Error::new(ErrorKind::Config, format!("{name} is `{value}`")).with_hint(format!("it may be {known}"))
}
