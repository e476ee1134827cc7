//! The settings that a server starts with.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use datlake::{Error, ErrorKind, Lake, Result};
use schemars::JsonSchema;
use serde::Serialize;

use crate::access::random;

/// The settings that a server starts with. Secrets are in no `Debug`.
#[derive(Clone)]
pub struct ServerSettings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// `postgres://…`; without it, SQLite in the folder.
    pub database_url: Option<String>,
    /// Where the database is, where that is SQLite, and the key that secrets are sealed with, where nobody says another.
    pub folder: PathBuf,
    /// What the secrets of key pairs are sealed with. Without it, what is in a file of the folder, which is made.
    pub secret_key: Option<String>,
    /// Credentials that are in no database and may do everything.
    pub root: Root,
    /// The largest object that is taken, in bytes.
    pub largest_object: u64,
    /// What may be imported into branches by whoever may write there: `lake://exports/` are files of the lake whose names begin so,
    /// `file:///srv/data` is a folder. Whoever may read everything may import any file of the lake.
    pub import_from: Vec<String>,
    /// Whether it is for one person of this machine, who reads: the page alone, over a database that nobody else has.
    pub alone: bool,
    /// How long events are kept; `None`: for ever.
    pub keep_events: Option<Duration>,
    /// How long it waits for clients.
    pub patience: ClientPatience,
}

/// How long a server waits for clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientPatience {
    /// So long at most nobody asks on a connection: from its begin, or the last answer, until the head of a request has come.
    pub head: Duration,
    /// While it waits so long for a body, or for a client to take an answer, 60 KiB are moved at least.
    pub body: Duration,
}

impl Default for ClientPatience {
    fn default() -> Self {
        Self { head: Duration::from_secs(30), body: Duration::from_secs(60) }
    }
}

/// Credentials that are in no database and may do everything.
#[derive(Clone, Default)]
pub struct Root {
    /// A key pair.
    pub key_pair: Option<(String, String)>,
    /// A bearer token.
    pub token: Option<String>,
}

impl ServerSettings {
    /// The defaults for a lake: port 8000 of this machine alone, and a folder in the lake's home.
    pub fn of(lake: &Lake) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8000)),
            database_url: None,
            folder: lake.home().join("server"),
            secret_key: None,
            root: Root::default(),
            largest_object: 5 << 40,
            import_from: Vec::new(),
            alone: false,
            keep_events: None,
            patience: ClientPatience::default(),
        }
    }

    /// For one person of this machine, who reads: the page alone, at a free port, with a database in `folder` that is gone with that. Nobody
    /// has its credentials: [`sign_in_link`](crate::Server::sign_in_link) leads in, as long as it runs.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] where the system gives no random numbers.
    pub fn alone(lake: &Lake, folder: &Path) -> Result<Self> {
        let secret: String = random::<32>()?.iter().map(|b| format!("{b:02x}")).collect();
        Ok(Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            folder: folder.join("server"),
            root: Root { token: Some(secret), ..Root::default() },
            alone: true,
            ..Self::of(lake)
        })
    }

    /// What the environment says: `DATABASE_URL`, `DATLAKE_SECRET_KEY`, `DATLAKE_ROOT_ACCESS_KEY_ID` with
    /// `DATLAKE_ROOT_SECRET_ACCESS_KEY`, and `DATLAKE_ROOT_TOKEN`. Each may be in a file, which the variable of that name with `_FILE`
    /// behind it names.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] where one half of the root pair is missing, where a variable and its file are both there, and where a file
    /// cannot be read.
    pub fn with_environment(self) -> Result<Self> {
        self.with_variables(|name| std::env::var(name).ok())
    }

    fn with_variables(mut self, variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let said = |name: &str| said(name, &variable);
        self.database_url = said("DATABASE_URL")?.or(self.database_url);
        self.secret_key = said("DATLAKE_SECRET_KEY")?.or(self.secret_key);
        let pair = (said("DATLAKE_ROOT_ACCESS_KEY_ID")?, said("DATLAKE_ROOT_SECRET_ACCESS_KEY")?);
        self.root.key_pair = match pair {
            (Some(id), Some(secret)) => Some((id, secret)),
            (None, None) => self.root.key_pair,
            _ => {
                let error = Error::new(ErrorKind::Config, "one half of the root's key pair is missing");
                return Err(
                    error.with_hint("set DATLAKE_ROOT_ACCESS_KEY_ID and DATLAKE_ROOT_SECRET_ACCESS_KEY, or neither")
                );
            }
        };
        self.root.token = said("DATLAKE_ROOT_TOKEN")?.or(self.root.token);
        Ok(self)
    }
}

/// What `name` says, or the file that `name` with `_FILE` names. What is empty says nothing.
fn said(name: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Option<String>> {
    let [itself, file] =
        [name.to_owned(), format!("{name}_FILE")].map(|name| variable(&name).filter(|v| !v.is_empty()));
    let config = |message| Error::new(ErrorKind::Config, message);
    match (itself, file) {
        (Some(_), Some(_)) => {
            Err(config(format!("both {name} and {name}_FILE are set")).with_hint("unset one of them"))
        }
        (None, Some(file)) => match std::fs::read_to_string(&file) {
            // Editors end a file with the end of a line.
            Ok(text) if !text.trim().is_empty() => Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned())),
            Ok(_) => Err(config(format!("the file that {name}_FILE names, {file}, is empty"))),
            Err(e) => Err(config(format!("cannot read the file that {name}_FILE names, {file}")).because(e)),
        },
        (itself, None) => Ok(itself),
    }
}

/// What a server was started with, without secrets.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct ConfigSummary {
    version: &'static str,
    /// The address and port.
    listen: String,
    /// `sqlite` or `postgresql`.
    database: &'static str,
    /// The lake's remote, without credentials.
    remote: Option<String>,
    /// In bytes.
    largest_object: u64,
    import_from: Vec<String>,
    /// Whether credentials of the environment may do everything.
    has_root: bool,
    /// Whether secrets are sealed with a key of the environment, and not with one in a file.
    has_secret_key: bool,
}

impl ConfigSummary {
    pub(crate) fn of(lake: &Lake, settings: &ServerSettings) -> Self {
        let database = if settings.database_url.is_some() { "postgresql" } else { "sqlite" };
        Self {
            version: env!("CARGO_PKG_VERSION"),
            listen: settings.listen.to_string(),
            database,
            remote: lake.remote(),
            largest_object: settings.largest_object,
            import_from: settings.import_from.clone(),
            has_root: settings.root.key_pair.is_some() || settings.root.token.is_some(),
            has_secret_key: settings.secret_key.is_some(),
        }
    }
}

impl fmt::Debug for ServerSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerSettings")
            .field("listen", &self.listen)
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Root").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Result<ServerSettings> {
        let settings = ServerSettings {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            database_url: None,
            folder: PathBuf::new(),
            secret_key: None,
            root: Root::default(),
            largest_object: 0,
            import_from: Vec::new(),
            alone: false,
            keep_events: None,
            patience: ClientPatience::default(),
        };
        settings.with_variables(|name| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn secrets_are_read_from_files() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).unwrap();
            folder.path().join(name).display().to_string()
        };
        let (url, token, empty) =
            (write("url", "postgres://a:b@c/d\n"), write("token", "t k\r\n"), write("empty", "\n"));
        let settings = with(&[("DATABASE_URL_FILE", &url), ("DATLAKE_ROOT_TOKEN_FILE", &token)]).unwrap();
        assert_eq!(settings.database_url.as_deref(), Some("postgres://a:b@c/d"));
        assert_eq!((settings.root.token.as_deref(), settings.secret_key), (Some("t k"), None));
        let none = with(&[("DATABASE_URL", ""), ("DATABASE_URL_FILE", "")]).unwrap();
        assert_eq!(none.database_url, None);
        for (variables, says) in [
            (&[("DATLAKE_SECRET_KEY", "secret"), ("DATLAKE_SECRET_KEY_FILE", &*url)][..], "are set"),
            (&[("DATLAKE_SECRET_KEY_FILE", &*empty)], "is empty"),
            (&[("DATLAKE_SECRET_KEY_FILE", "/nowhere/x")], "names, /nowhere/x"),
            (&[("DATLAKE_ROOT_ACCESS_KEY_ID_FILE", &*token)], "one half"),
        ] {
            let error = with(variables).unwrap_err();
            assert!(error.kind() == ErrorKind::Config && error.message().contains(says), "{error}");
        }
    }
}
