//! The settings that a server starts with.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use datlake::{Error, ErrorKind, Lake, Result};
use schemars::JsonSchema;
use serde::Serialize;

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
        }
    }

    /// What the environment says: `DATABASE_URL`, `DATLAKE_SECRET_KEY`, `DATLAKE_ROOT_ACCESS_KEY_ID` with
    /// `DATLAKE_ROOT_SECRET_ACCESS_KEY`, and `DATLAKE_ROOT_TOKEN`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] where one half of the root pair is missing.
    pub fn with_environment(mut self) -> Result<Self> {
        let said = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        self.database_url = said("DATABASE_URL").or(self.database_url);
        self.secret_key = said("DATLAKE_SECRET_KEY").or(self.secret_key);
        self.root.key_pair = match (said("DATLAKE_ROOT_ACCESS_KEY_ID"), said("DATLAKE_ROOT_SECRET_ACCESS_KEY")) {
            (Some(id), Some(secret)) => Some((id, secret)),
            (None, None) => self.root.key_pair,
            _ => {
                let error = Error::new(ErrorKind::Config, "one half of the root's key pair is missing");
                return Err(
                    error.with_hint("set DATLAKE_ROOT_ACCESS_KEY_ID and DATLAKE_ROOT_SECRET_ACCESS_KEY, or neither")
                );
            }
        };
        self.root.token = said("DATLAKE_ROOT_TOKEN").or(self.root.token);
        Ok(self)
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
