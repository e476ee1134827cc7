//! Settings as they are shown: each with where it was taken from, none with what is secret.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A setting of the default lake, and where its value was taken from.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Setting {
    /// Its name.
    pub key: String,
    /// Its value; of a URL without what may be secret in it.
    pub value: Option<String>,
    /// Where that was taken from.
    pub source: Source,
    /// The environment variable that would set it.
    pub variable: String,
}

/// Where the value of a [`Setting`] was taken from.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum Source {
    /// An environment variable.
    Environment {
        /// Its name.
        variable: String,
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

/// Which file is changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// The user's own: in the context in use, or outside of any where none is.
    #[default]
    User,
    /// The nearest `datlake.toml`; where there is none, a new one in the working directory.
    Project,
}

/// A URL without what people put there and others must not see: user, password, fragment, and the values of its query.
///
/// ```
/// let shown = datlake::config::without_secrets("https://ada:secret@example.org/a.csv?token=abc");
/// assert_eq!(shown, "https://***@example.org/a.csv?token=***");
/// ```
pub fn without_secrets(url: &str) -> String {
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

/// Whether a URL holds what must not be written down: anything but a place.
pub(super) fn secret_in(url: &str) -> bool {
    let secret = |name: &str| {
        let name = name.to_ascii_lowercase();
        ["key", "secret", "token", "sig", "pass", "cred", "auth", "sas"].iter().any(|word| name.contains(word))
    };
    let (place, query) = url.split_once('?').unwrap_or((url, ""));
    without_secrets(place) != place || query.split('&').any(|pair| secret(pair.split('=').next().unwrap_or_default()))
}
