//! The settings that may be made, and how their values are written.

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

/// A setting that may stand in a configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Home,
    Remote,
    UnsafeRemote,
    Email,
    CacheLimit,
}

impl Key {
    pub(super) const ALL: [Self; 5] = [Self::Home, Self::Remote, Self::UnsafeRemote, Self::Email, Self::CacheLimit];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Home => "home",
            Self::Remote => "remote",
            Self::UnsafeRemote => "unsafe_remote",
            Self::Email => "email",
            Self::CacheLimit => "cache_limit",
        }
    }

    /// The environment variable that wins over every file.
    pub(super) fn variable(self) -> &'static str {
        match self {
            Self::Home => "DATLAKE_HOME",
            Self::Remote => "DATLAKE_REMOTE",
            Self::UnsafeRemote => "DATLAKE_UNSAFE_REMOTE",
            Self::Email => "DATLAKE_EMAIL",
            Self::CacheLimit => "DATLAKE_CACHE_LIMIT",
        }
    }

    /// A value without what is secret in it.
    pub(super) fn shown(self, value: &str) -> String {
        match self {
            Self::Remote => without_secrets(value),
            Self::Home | Self::UnsafeRemote | Self::Email | Self::CacheLimit => value.to_owned(),
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
