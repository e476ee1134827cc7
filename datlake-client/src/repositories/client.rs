//! The client: which server is asked, and by whom, found out at the first call.

use std::fmt;
use std::sync::{Arc, OnceLock};

use datlake_core::Result;

use super::credentials::ClientOptions;
use super::http::{Asked, Connection};
use super::wire::ServerConfiguration;

/// A client of a server. Cheap to clone.
///
/// Where the server is and who asks there is what its [options](ClientOptions) say; what they do not say comes from the environment,
/// `LAKECTL_ACCESS_KEY_ID` with `LAKECTL_ACCESS_SECRET_KEY` or `LAKECTL_CREDENTIALS_ACCESS_KEY_ID` with
/// `LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY`, or `LAKECTL_CREDENTIALS_SESSION_TOKEN`, and `LAKECTL_SERVER_ENDPOINT_URL`; and what that does not
/// say from `LAKECTL_CONFIG_FILE` or `~/.lakectl.yaml`. It is found out at the first call, and not before.
#[derive(Clone)]
pub struct Client(Arc<Shared>);

struct Shared {
    options: ClientOptions,
    connection: OnceLock<Result<Connection>>,
    configuration: OnceLock<ServerConfiguration>,
}

impl Client {
    /// A client with these options. Nothing is asked yet.
    ///
    /// ```
    /// use datlake_client::{Client, ClientOptions};
    ///
    /// let options = ClientOptions::new().endpoint("http://127.0.0.1:8000").access_key_id("DLAK1").secret_access_key("secret");
    /// assert_eq!(Client::new(options).repository("sales").id(), "sales");
    /// ```
    pub fn new(options: ClientOptions) -> Self {
        Self(Arc::new(Shared { options, connection: OnceLock::new(), configuration: OnceLock::new() }))
    }

    /// The server's version, and what its store can do. It is asked once.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config) where nothing says where the server is or who asks; [`Denied`](crate::ErrorKind::Denied) where it
    /// does not know who asks; [`Unavailable`](crate::ErrorKind::Unavailable) where it cannot be reached.
    pub fn configuration(&self) -> Result<ServerConfiguration> {
        if let Some(known) = self.0.configuration.get() {
            return Ok(known.clone());
        }
        let found: ServerConfiguration = self.connection()?.get(Asked::at(&["config"]))?;
        Ok(self.0.configuration.get_or_init(|| found).clone())
    }

    pub(crate) fn connection(&self) -> Result<&Connection> {
        let connect = || self.0.options.access(&|name| std::env::var(name).ok()).map(Connection::new);
        self.0.connection.get_or_init(connect).as_ref().map_err(Clone::clone)
    }
}

/// The one that finds all in the environment or in a file.
impl Default for Client {
    fn default() -> Self {
        Self::new(ClientOptions::default())
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoint = self.0.connection.get().and_then(|found| found.as_ref().ok()).map(Connection::endpoint);
        f.debug_struct("Client").field("endpoint", &endpoint).finish_non_exhaustive()
    }
}
