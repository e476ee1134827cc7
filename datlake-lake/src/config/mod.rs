//! Where the default lake is: environment, the nearest `datlake.toml`, the user's own configuration, in this order.
//!
//! The user's file is `~/.config/datlake/config.toml`, or what the system has in its place. It has the settings of a
//! `datlake.toml` for who uses no context, and contexts, of which one may be in use:
//!
//! ```toml
//! context = "team"
//! email = "ada@example.org"       # in every context that has no other
//!
//! [contexts.team]
//! remote = "file:///mnt/shared/lake"
//! ```

// Everything goes through `Surroundings`, so that tests can have others.

mod edit;
mod file;
mod setting;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use datlake_core::{Error, ErrorKind, Result};
use etcetera::BaseStrategy as _;

pub use edit::{Changed, ContextRow, Scope, check, contexts, create_context, delete_context, set, unset, use_context};
use file::Layer;
pub use setting::{Setting, Source, settings, without_secrets};

/// Settings of the default lake.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) home: PathBuf,
    pub(crate) remote: Option<String>,
    pub(crate) unsafe_remote: bool,
    pub(crate) email: Option<String>,
    pub(crate) cache_limit: Option<u64>,
    pub(crate) offline: bool,
    pub(crate) bypass: bool,
    #[cfg_attr(not(feature = "console"), expect(dead_code, reason = "the console alone reads it"))]
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

/// A setting that may stand in a configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Home,
    Remote,
    UnsafeRemote,
    Email,
    CacheLimit,
}

impl Key {
    const ALL: [Self; 5] = [Self::Home, Self::Remote, Self::UnsafeRemote, Self::Email, Self::CacheLimit];

    fn name(self) -> &'static str {
        match self {
            Self::Home => "home",
            Self::Remote => "remote",
            Self::UnsafeRemote => "unsafe_remote",
            Self::Email => "email",
            Self::CacheLimit => "cache_limit",
        }
    }

    /// The environment variable that wins over every file.
    fn variable(self) -> &'static str {
        match self {
            Self::Home => "DATLAKE_HOME",
            Self::Remote => "DATLAKE_REMOTE",
            Self::UnsafeRemote => "DATLAKE_UNSAFE_REMOTE",
            Self::Email => "DATLAKE_EMAIL",
            Self::CacheLimit => "DATLAKE_CACHE_LIMIT",
        }
    }

    /// A value without what is secret in it.
    fn shown(self, value: &str) -> String {
        match self {
            Self::Remote => setting::without_secrets(value),
            Self::Home | Self::UnsafeRemote | Self::Email | Self::CacheLimit => value.to_owned(),
        }
    }
}

/// Settings, each with its source.
struct Gathered {
    home: (PathBuf, Source),
    /// What is set of the others.
    found: BTreeMap<Key, Found>,
    offline: (bool, Source),
    bypass: (bool, Source),
    log: (Log, Source),
}

/// A value that was set somewhere.
#[derive(Clone, Debug)]
struct Found {
    value: String,
    source: Source,
}

/// What a process's surroundings say; gathered in one place, so that tests can say otherwise.
struct Surroundings {
    variable: fn(&str) -> Option<OsString>,
    directory: Option<PathBuf>,
    user_file: Option<PathBuf>,
    /// The user's own folder, which `~` stands for.
    own: Option<PathBuf>,
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
            variable: |name| std::env::var_os(name),
            directory: std::env::current_dir().ok(),
            user_file: base.as_ref().and_then(|base| absolute(base.config_dir().join("datlake/config.toml"))),
            own: base.as_ref().and_then(|base| absolute(base.home_dir().to_owned())),
            data: base.as_ref().and_then(|base| absolute(base.data_dir().join("datlake"))),
            terminal: std::io::IsTerminal::is_terminal(&std::io::stderr()),
        }
    }

    fn resolve(&self) -> Result<Settings> {
        let Gathered { home, mut found, offline, bypass, log } = self.gather()?;
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
            bypass: bypass.0,
            log: log.0,
        })
    }

    fn gather(&self) -> Result<Gathered> {
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
                values.next().map(|(value, source)| Found { value: value.to_owned(), source: source.clone() })
            };
            found.extend(self.variable(key.variable())?.or_else(in_file).map(|value| (key, value)));
        }
        let home = match found.remove(&Key::Home) {
            Some(Found { value, source }) => (self.home(&value, &source), source),
            None => (
                self.data.clone().ok_or_else(|| {
                    Error::new(
                        ErrorKind::Config,
                        "there is no home directory to keep a lake in: set DATLAKE_HOME to a directory",
                    )
                })?,
                Source::Default,
            ),
        };
        let offline = match self.variable("DATLAKE_OFFLINE")? {
            None => (false, Source::Default),
            Some(Found { value, source }) => match value.as_str() {
                "1" | "true" => (true, source),
                "0" | "false" => (false, source),
                other => return Err(unknown("DATLAKE_OFFLINE", other, "1 or 0")),
            },
        };
        let bypass = match self.variable("DATLAKE")? {
            None => (false, Source::Default),
            Some(Found { value, source }) if value == "bypass" => (true, source),
            Some(other) => return Err(unknown("DATLAKE", &other.value, "bypass")),
        };
        let log = match self.variable("DATLAKE_LOG")? {
            None => (if self.terminal { Log::Calls } else { Log::Off }, Source::Default),
            Some(Found { value, source }) => {
                match [Log::Off, Log::Summary, Log::Calls].into_iter().find(|log| log.name() == value) {
                    Some(log) => (log, source),
                    None => return Err(unknown("DATLAKE_LOG", &value, "off, summary or calls")),
                }
            }
        };
        Ok(Gathered { home, found, offline, bypass, log })
    }

    fn variable(&self, variable: &str) -> Result<Option<Found>> {
        let Some(value) = (self.variable)(variable).filter(|value| !value.is_empty()) else { return Ok(None) };
        match value.into_string() {
            Ok(value) => Ok(Some(Found { value, source: Source::Environment { variable: variable.to_owned() } })),
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

/// What [`size`] takes, in words.
const SIZE: &str = "a number of bytes, as 500 MB or 50GiB";

/// A number of bytes as people write it: `500`, `20M`, `50 GB`, `1GiB`, all by powers of 1024.
///
/// ```
/// assert_eq!(datlake::config::size("50 GB"), Some(50 << 30));
/// assert_eq!(datlake::config::size("much"), None);
/// ```
pub fn size(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim().to_ascii_lowercase();
    let unit = unit.strip_suffix("ib").or(unit.strip_suffix('b')).unwrap_or(&unit);
    let power = ["", "k", "m", "g", "t"].iter().position(|known| *known == unit)?;
    number.parse::<u64>().ok()?.checked_mul(1 << (10 * power))
}

fn unknown(name: &str, value: &str, known: &str) -> Error {
    let value: String = value.chars().take(40).flat_map(char::escape_debug).collect();
    Error::new(ErrorKind::Config, format!("{name} is `{value}`; it may be {known}"))
}
