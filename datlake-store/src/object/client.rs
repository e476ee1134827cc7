//! Clients of the providers, made of what their own variables and files say.

use std::sync::Arc;
use std::time::Duration;

use datlake_core::{Error, ErrorKind, Result};
use object_store::list::PaginatedListStore;
use object_store::multipart::MultipartStore;
use object_store::{ClientOptions, ObjectStore, RetryConfig};

use super::address::{Address, Provider};
use super::sign::Signing;
use super::watch::Watched;
use crate::remote::RemoteOptions;

/// One request with its answer; what is larger than a part has several.
const TIMEOUT: Duration = Duration::from_secs(120);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A provider's client, by what it can do.
pub(super) struct Client {
    pub(super) objects: Arc<dyn ObjectStore>,
    pub(super) pages: Arc<dyn PaginatedListStore>,
    pub(super) parts: Arc<dyn MultipartStore>,
    /// Whether deleting what is not there is an error.
    pub(super) misses_deleted: bool,
    pub(super) signing: Signing,
}

impl Client {
    /// Makes the client for `address`. It has not spoken to anybody yet.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] where a setting is missing or wrong.
    pub(super) fn new(address: &Address, variables: &[(String, String)]) -> Result<Self> {
        // TLS needs a provider of cryptography for the whole process; one that the program chose stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        match address.provider {
            Provider::Aws => aws(address, variables),
            Provider::Azure => azure(address, variables),
            Provider::Gcp => gcp(address, variables),
        }
    }

    #[cfg(any(feature = "aws", feature = "azure", feature = "gcp"))]
    fn of<T>(client: &Arc<T>, misses_deleted: bool, signing: Signing) -> Self
    where
        T: ObjectStore + PaginatedListStore + MultipartStore,
    {
        let (objects, pages, parts) = (Arc::clone(client) as _, Arc::clone(client) as _, Arc::clone(client) as _);
        Self { objects, pages, parts, misses_deleted, signing }
    }
}

/// The builders of the three providers have the same methods and no trait in common.
#[cfg(any(feature = "aws", feature = "azure", feature = "gcp"))]
macro_rules! configure {
    ($builder:expr, $variables:expr, $prefix:literal, $address:expr) => {{
        let mut builder = $builder
            .with_client_options(options())
            .with_retry(RetryConfig { max_retries: 0, ..RetryConfig::default() })
            .with_http_connector(Watched);
        for (name, value) in $variables.iter().filter(|(name, _)| name.starts_with($prefix)) {
            if let Ok(key) = name.to_ascii_lowercase().parse() {
                builder = builder.with_config(key, value.as_str());
            }
        }
        builder.with_url($address.url.as_str())
    }};
}

#[cfg(feature = "aws")]
fn aws(address: &Address, variables: &[(String, String)]) -> Result<Client> {
    use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};

    let mut builder = AmazonS3Builder::new();
    // What the files say comes first: variables win over it.
    for (key, value) in super::profile::settings(&|name| variable(variables, name))? {
        builder = builder.with_config(key, value);
    }
    // Not every server knows how to remove many objects at once, and nobody here asks for that.
    builder = builder.with_config(AmazonS3ConfigKey::DisableBulkDelete, "true");
    let builder = configure!(builder, variables, "AWS_", address);
    let anonymous = builder.get_config_value(&AmazonS3ConfigKey::SkipSignature).as_deref() == Some("true");
    let client = Arc::new(builder.build().map_err(|error| unusable(address, &error))?);
    let signing = match anonymous {
        true => Signing::Not("AWS_SKIP_SIGNATURE is set, and who has no credentials cannot sign"),
        false => Signing::Query(Arc::clone(&client) as _),
    };
    Ok(Client::of(&client, false, signing))
}

#[cfg(feature = "azure")]
fn azure(address: &Address, variables: &[(String, String)]) -> Result<Client> {
    use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};

    use super::azure::AccountKey;

    let builder = configure!(MicrosoftAzureBuilder::new(), variables, "AZURE_", address);
    let account = builder.get_config_value(&AzureConfigKey::AccountName);
    // `abfss://container@account.…` names it, too.
    let named = || Some(address.url.host_str()?.split_once('.')?.0.to_owned());
    let key = builder.get_config_value(&AzureConfigKey::AccessKey);
    let key = key.zip(account.or_else(named)).and_then(|(key, account)| AccountKey::new(account, &key));
    let client = Arc::new(builder.build().map_err(|error| unusable(address, &error))?);
    let signing = match key {
        Some(key) => Signing::Account { client: Arc::clone(&client) as _, key },
        None => Signing::Not("Azure's URLs are signed with the account's key: set AZURE_STORAGE_ACCOUNT_KEY"),
    };
    Ok(Client::of(&client, true, signing))
}

#[cfg(feature = "gcp")]
fn gcp(address: &Address, variables: &[(String, String)]) -> Result<Client> {
    let builder = configure!(object_store::gcp::GoogleCloudStorageBuilder::new(), variables, "GOOGLE_", address);
    let client = Arc::new(builder.build().map_err(|error| unusable(address, &error))?);
    Ok(Client::of(&client, true, Signing::Query(Arc::clone(&client) as _)))
}

#[cfg(not(feature = "aws"))]
fn aws(address: &Address, _: &[(String, String)]) -> Result<Client> {
    Err(left_out(address, "aws"))
}

#[cfg(not(feature = "azure"))]
fn azure(address: &Address, _: &[(String, String)]) -> Result<Client> {
    Err(left_out(address, "azure"))
}

#[cfg(not(feature = "gcp"))]
fn gcp(address: &Address, _: &[(String, String)]) -> Result<Client> {
    Err(left_out(address, "gcp"))
}

#[cfg(not(all(feature = "aws", feature = "azure", feature = "gcp")))]
fn left_out(address: &Address, feature: &str) -> Error {
    let message =
        format!("cannot use the remote {}: this program was built without the feature `{feature}`", address.shown);
    Error::new(ErrorKind::Config, message)
}

fn options() -> ClientOptions {
    ClientOptions::new().with_timeout(TIMEOUT).with_connect_timeout(CONNECT_TIMEOUT)
}

/// The value of one variable.
pub(super) fn variable(variables: &[(String, String)], name: &str) -> Option<String> {
    variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
}

impl RemoteOptions {
    /// The variables that settings are taken from.
    pub(super) fn variables(&self) -> Vec<(String, String)> {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        let environment = || std::env::vars_os().filter_map(text).filter(|(_, value)| !value.is_empty()).collect();
        self.variables.clone().unwrap_or_else(environment)
    }
}

/// A setting is missing or wrong. What a client says of its settings names them and does not repeat what may be secret.
fn unusable(address: &Address, error: &object_store::Error) -> Error {
    let text = error.to_string();
    let known = [
        (
            "Account must be specified",
            "set AZURE_STORAGE_ACCOUNT_NAME, or use abfss://container@account.dfs.core.windows.net/folder",
        ),
        ("Bucket name must be specified", "its URL names no bucket"),
        ("access key", "AZURE_STORAGE_ACCOUNT_KEY is not a key"),
        ("AccessKeyId", "AWS_SECRET_ACCESS_KEY is set and AWS_ACCESS_KEY_ID is not"),
        ("SecretAccessKey", "AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not"),
        ("credentials", "the provider's credentials file cannot be read"),
    ];
    let why = known
        .into_iter()
        .find(|(word, _)| text.contains(word))
        .map_or("one of the provider's variables has a value that cannot be used", |(_, why)| why);
    Error::new(ErrorKind::Config, format!("cannot use the remote {}: {why}", address.shown))
}
