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
use super::resources;
use super::setting::{Setting, Source};
use crate::mode::Mode;
use crate::rank::Rank;
use crate::receiver::Receiver;

/// Settings of the default lake.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) home: PathBuf,
    pub(crate) remote: Option<String>,
    pub(crate) unsafe_remote: bool,
    pub(crate) email: Option<String>,
    pub(crate) cache_limit: Option<u64>,
    pub(crate) keep_code: bool,
    pub(crate) receiver: Option<Receiver>,
    pub(crate) read_from: String,
    pub(crate) offline: bool,
    pub(crate) mode: Mode,
    pub(crate) explain: bool,
    #[cfg_attr(not(feature = "console"), expect(dead_code, reason = "the console alone reads it"))]
    pub(crate) log: Log,
    #[cfg_attr(not(feature = "console"), expect(dead_code, reason = "the console alone reads it"))]
    pub(crate) rank: Rank,
}

/// What is set, each with its source.
pub(super) struct Gathered {
    home: PathBuf,
    found: BTreeMap<Key, RawSetting>,
    /// The `datlake.toml` of the project.
    project: Option<PathBuf>,
    /// Whether standard error is a terminal.
    terminal: bool,
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
        let gathered = self.gather()?;
        // That a body does not fit is to be known of the number that somebody meant.
        resources::check(self.variable)?;
        Ok(Settings {
            remote: gathered.value(Key::Remote).map(str::to_owned),
            unsafe_remote: gathered.one_of(Key::UnsafeRemote, &[("no", false), ("yes", true)], "yes or no", false)?,
            email: gathered.value(Key::Email).map(str::to_owned),
            cache_limit: gathered.cache_limit()?,
            keep_code: gathered.one_of(Key::KeepCode, &[("yes", true), ("no", false)], "yes or no", true)?,
            receiver: gathered.receiver()?,
            read_from: gathered.value(Key::ReadFrom).unwrap_or_default().to_owned(),
            offline: gathered.is_on(Key::Offline)?,
            mode: gathered.mode()?,
            explain: gathered.is_on(Key::Explain)?,
            log: gathered.log()?,
            rank: Rank::of(self.variable)?,
            home: gathered.home,
        })
    }

    pub(super) fn gather(&self) -> Result<Gathered> {
        // What is nearer comes first.
        let mut layers: Vec<(Layer, Source)> = Vec::new();
        let mut project = None;
        if let Some(directory) = &self.directory
            && let Some((path, text)) = file::nearest_project(directory)?
        {
            layers.push((file::project(&path, &text)?, file::source(&path, None)));
            project = Some(path);
        }
        if let Some(path) = &self.user_file
            && let Some(text) = file::text(path)?
        {
            let user = file::user(path, &text)?;
            let source = file::source(path, user.context.as_deref());
            layers.push((user.in_use(), source));
        }
        let mut found = BTreeMap::new();
        for key in Key::IN_FILES.into_iter().chain(Key::OF_A_PROCESS) {
            let in_file = || {
                let mut values = layers.iter().filter_map(|(layer, source)| Some((layer.get(key)?, source)));
                values.next().map(|(value, source)| RawSetting { value: value.to_owned(), source: source.clone() })
            };
            found.extend(self.variable(key.variable())?.or_else(in_file).map(|value| (key, value)));
        }
        self.add_server(&mut found)?;
        let home = match found.get(&Key::Home) {
            Some(RawSetting { value, source }) => self.home(value, source),
            None => self.data.clone().ok_or_else(|| {
                Error::new(ErrorKind::Config, "there is no home directory to keep a lake in")
                    .with_hint("set DATLAKE_HOME to a directory")
            })?,
        };
        Ok(Gathered { home, found, project, terminal: self.terminal })
    }

    /// The server of `DATLAKE_API_URL` is sent events where nobody else is, by its own key and no other.
    fn add_server(&self, found: &mut BTreeMap<Key, RawSetting>) -> Result<()> {
        if found.contains_key(&Key::ReceiverUrl) {
            return Ok(());
        }
        let Some(url) = self.variable("DATLAKE_API_URL")? else { return Ok(()) };
        found.insert(Key::ReceiverUrl, url);
        found.remove(&Key::BearerToken);
        found.extend(self.variable("DATLAKE_API_KEY")?.map(|key| (Key::BearerToken, key)));
        Ok(())
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
    Surroundings::here().gather()?.shown()
}

impl Gathered {
    fn value(&self, key: Key) -> Option<&str> {
        self.found.get(&key).map(|found| found.value.as_str())
    }

    /// What `key` stands for, of the values that are `known`; `otherwise` where it is not set.
    fn one_of<T: Copy>(&self, key: Key, known: &[(&str, T)], words: &str, otherwise: T) -> Result<T> {
        let Some(value) = self.value(key) else { return Ok(otherwise) };
        let found = known.iter().find(|(name, _)| *name == value);
        found.map(|(_, meant)| *meant).ok_or_else(|| wrong(key, value, words))
    }

    fn cache_limit(&self) -> Result<Option<u64>> {
        let limit = |value| size(value).ok_or_else(|| wrong(Key::CacheLimit, value, SIZE));
        self.value(Key::CacheLimit).map(limit).transpose()
    }

    /// Who is sent events.
    fn receiver(&self) -> Result<Option<Receiver>> {
        let Some(url) = self.value(Key::ReceiverUrl) else { return Ok(None) };
        let text = |key| self.value(key).map(str::to_owned);
        // Whoever writes a project's files must not get the keys of who works in it.
        if let (Some(RawSetting { source: Source::File { path, .. }, .. }), Some(project), Some(_)) =
            (self.found.get(&Key::ReceiverUrl), &self.project, self.value(Key::BearerToken))
            && path == project
        {
            let path = path.display();
            let message = format!("DATLAKE_OPENLINEAGE_KEY would be sent to the URL that `{path}` says");
            let hint =
                "set DATLAKE_OPENLINEAGE_URL too, or `datlake config set openlineage_url URL`, if it is meant for that";
            return Err(Error::new(ErrorKind::Config, message).with_hint(hint));
        }
        Receiver::new(url, text(Key::BearerToken), text(Key::ReceiverNamespace)).map(Some)
    }

    /// Whether `key` is switched on.
    fn is_on(&self, key: Key) -> Result<bool> {
        let known = [("1", true), ("true", true), ("0", false), ("false", false)];
        self.one_of(key, &known, "1 or 0", false)
    }

    fn mode(&self) -> Result<Mode> {
        let known = Mode::ALL.map(|mode| (mode.name(), mode));
        self.one_of(Key::Mode, &known, "run, bypass, frozen or plan", Mode::Run)
    }

    fn log(&self) -> Result<Log> {
        let usual = if self.terminal { Log::Calls } else { Log::Warnings };
        let known = Log::ALL.map(|log| (log.name(), log));
        self.one_of(Key::Log, &known, "off, warnings, summary or calls", usual)
    }

    /// The settings as they are shown.
    pub(super) fn shown(&self) -> Result<Vec<Setting>> {
        let mut shown = Vec::new();
        for key in Key::IN_FILES.into_iter().chain(Key::OF_A_PROCESS) {
            let value = match key {
                // Whoever never heard of it has nothing to read about it.
                Key::UnsafeRemote
                | Key::CacheLimit
                | Key::KeepCode
                | Key::ReceiverUrl
                | Key::ReceiverNamespace
                | Key::BearerToken
                | Key::ReadFrom
                | Key::Explain
                    if !self.found.contains_key(&key) =>
                {
                    continue;
                }
                Key::Home => Some(self.home.display().to_string()),
                Key::Offline | Key::Explain => Some(self.is_on(key)?.to_string()),
                Key::Mode => Some(self.mode()?.name().to_owned()),
                Key::Log => Some(self.log()?.name().to_owned()),
                _ => self.value(key).map(|value| key.shown(value)),
            };
            let source = self.found.get(&key).map_or(Source::Default, |found| found.source.clone());
            shown.push(Setting { key: key.name().to_owned(), value, source, variable: key.variable().to_owned() });
        }
        Ok(shown)
    }
}

fn wrong(key: Key, value: &str, known: &str) -> Error {
    let name = if Key::OF_A_PROCESS.contains(&key) { key.variable() } else { key.name() };
    let value: String = value.chars().take(40).flat_map(char::escape_debug).collect();
    Error::new(ErrorKind::Config, format!("{name} is `{value}`")).with_hint(format!("it may be {known}"))
}
