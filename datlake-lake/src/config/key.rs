//! The settings that there are, and how their values are written.

use super::setting::without_secrets;

/// What is shown on standard error while a program runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Log {
    #[default]
    Off,
    /// What a person should know whatever else is shown.
    Warnings,
    /// One line at the end.
    Summary,
    /// A line for each call too.
    Calls,
}

impl Log {
    pub(super) const ALL: [Self; 4] = [Self::Off, Self::Warnings, Self::Summary, Self::Calls];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Warnings => "warnings",
            Self::Summary => "summary",
            Self::Calls => "calls",
        }
    }
}

/// A setting of the default lake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Home,
    Remote,
    UnsafeRemote,
    Email,
    CacheLimit,
    KeepCode,
    ReceiverUrl,
    ReceiverNamespace,
    BearerToken,
    ReadFrom,
    Offline,
    Mode,
    Explain,
    Log,
}

impl Key {
    /// Those that may stand in a configuration file. The others are a process's own.
    pub(super) const IN_FILES: [Self; 8] = [
        Self::Home,
        Self::Remote,
        Self::UnsafeRemote,
        Self::Email,
        Self::CacheLimit,
        Self::KeepCode,
        Self::ReceiverUrl,
        Self::ReceiverNamespace,
    ];
    pub(super) const OF_A_PROCESS: [Self; 6] =
        [Self::BearerToken, Self::ReadFrom, Self::Offline, Self::Mode, Self::Explain, Self::Log];

    /// Its name, and the environment variable that wins over every file.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Home => ("home", "DATLAKE_HOME"),
            Self::Remote => ("remote", "DATLAKE_REMOTE"),
            Self::UnsafeRemote => ("unsafe_remote", "DATLAKE_UNSAFE_REMOTE"),
            Self::Email => ("email", "DATLAKE_EMAIL"),
            Self::CacheLimit => ("cache_limit", "DATLAKE_CACHE_LIMIT"),
            Self::KeepCode => ("keep_code", "DATLAKE_KEEP_CODE"),
            Self::ReceiverUrl => ("openlineage_url", "DATLAKE_OPENLINEAGE_URL"),
            Self::ReceiverNamespace => ("openlineage_namespace", "DATLAKE_OPENLINEAGE_NAMESPACE"),
            Self::BearerToken => ("openlineage_key", "DATLAKE_OPENLINEAGE_KEY"),
            Self::ReadFrom => ("read_from", "DATLAKE_READ_FROM"),
            Self::Offline => ("offline", "DATLAKE_OFFLINE"),
            Self::Mode => ("mode", "DATLAKE"),
            Self::Explain => ("explain", "DATLAKE_EXPLAIN"),
            Self::Log => ("log", "DATLAKE_LOG"),
        }
    }

    pub(super) fn name(self) -> &'static str {
        self.names().0
    }

    pub(super) fn variable(self) -> &'static str {
        self.names().1
    }

    /// A value without what is secret in it.
    pub(super) fn shown(self, value: &str) -> String {
        match self {
            Self::Remote | Self::ReceiverUrl => without_secrets(value),
            Self::BearerToken => "***".to_owned(),
            _ => value.to_owned(),
        }
    }
}

/// What [`size`] takes, in words.
pub(super) const SIZE: &str = "a number of bytes, as 500 MB or 50GiB";

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
