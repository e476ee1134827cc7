//! The client of whoever says none, and the repositories that a client leads to.

use std::sync::{PoisonError, RwLock};

use super::client::Client;
use super::credentials::ClientOptions;
use super::http::Asked;
use super::pages::{ListOptions, Listed};
use super::repository::Repository;
use super::wire::RepositoryProperties;

/// The client of whoever says none.
static DEFAULT: RwLock<Option<Client>> = RwLock::new(None);

impl Client {
    /// The repository `id`, whether there is one or not.
    pub fn repository(&self, id: &str) -> Repository {
        Repository::new(id, self)
    }

    /// The repositories that may be read.
    ///
    /// ```no_run
    /// use datlake_client::{Client, ListOptions};
    ///
    /// let client = Client::default();
    /// for repository in client.repositories(ListOptions::prefix("sales")) {
    ///     println!("{}", repository?.id());
    /// }
    /// # Ok::<(), datlake_client::Error>(())
    /// ```
    pub fn repositories(&self, how: ListOptions) -> Listed<Repository> {
        let client = self.clone();
        Listed::new(self, how, Asked::at(&["repositories"]), move |found: RepositoryProperties| {
            Repository::new(&found.id, &client)
        })
    }
}

/// Sets the [default client](default_client) of this process. What it had from the one before keeps that.
///
/// ```
/// use datlake_client::{ClientOptions, init, repository};
///
/// init(ClientOptions::new().endpoint("http://127.0.0.1:8000").jwt_token("dlt_…"));
/// let main = repository("sales").branch("main");
/// assert_eq!(main.id(), "main");
/// ```
pub fn init(options: ClientOptions) {
    *DEFAULT.write().unwrap_or_else(PoisonError::into_inner) = Some(Client::new(options));
}

/// The client that [`init`] has set, or one that finds all in the environment or in a file.
pub fn default_client() -> Client {
    if let Some(client) = &*DEFAULT.read().unwrap_or_else(PoisonError::into_inner) {
        return client.clone();
    }
    DEFAULT.write().unwrap_or_else(PoisonError::into_inner).get_or_insert_default().clone()
}

/// The repository `id` by the [default client](default_client), whether there is one or not.
pub fn repository(id: &str) -> Repository {
    default_client().repository(id)
}

/// The repositories that the [default client](default_client) may read.
pub fn repositories(how: ListOptions) -> Listed<Repository> {
    default_client().repositories(how)
}
