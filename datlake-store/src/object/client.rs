//! Clients of the providers, made of what their own variables and files say.

use std::sync::Arc;
use std::time::Duration;

use datlake_core::{Error, ErrorKind, Result};
use object_store::list::PaginatedListStore;
use object_store::multipart::MultipartStore;
use object_store::{ClientConfigKey, ClientOptions, ObjectStore, RetryConfig};

use super::address::{Address, Provider};
use super::texts;
use super::watch::Watched;
use crate::options::RemoteOptions;

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
    /// How long one request may take.
    pub(super) limit: Duration,
    /// What settings say of connections, for requests that this client has no call for.
    pub(super) connections: ClientOptions,
    /// What tells the server, and what is the bucket's owner's there, from others: as the client was built, wherever that was
    /// said. No credential is in it.
    pub(super) server: String,
}

/// How a provider signs.
pub(super) enum Signing {
    /// The client signs any query.
    #[cfg(any(feature = "aws", feature = "gcp"))]
    Query(Arc<dyn object_store::signer::Signer>),
    /// By the key of an Azure account.
    #[cfg(feature = "azure")]
    Account { client: Arc<dyn object_store::signer::Signer>, key: super::azure::AccountKey },
    /// It cannot, for this reason.
    #[cfg(any(feature = "aws", feature = "azure"))]
    Not(&'static str),
}

impl Client {
    /// Makes the client for `address`, without a request.
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
    fn of<T>(
        client: &Arc<T>,
        misses_deleted: bool,
        signing: Signing,
        server: String,
        connections: ClientOptions,
    ) -> Self
    where
        T: ObjectStore + PaginatedListStore + MultipartStore,
    {
        let (objects, pages, parts) = (Arc::clone(client) as _, Arc::clone(client) as _, Arc::clone(client) as _);
        Self { objects, pages, parts, misses_deleted, signing, server, limit: limit(&connections), connections }
    }
}

/// The builders of the three providers have the same methods and no trait in common.
#[cfg(any(feature = "aws", feature = "azure", feature = "gcp"))]
macro_rules! configure {
    ($builder:expr, $variables:expr, $prefix:literal, $address:expr) => {{
        let options = options($variables, $prefix);
        let mut builder = $builder
            .with_client_options(options.clone())
            .with_retry(RetryConfig { max_retries: 0, ..RetryConfig::default() })
            .with_http_connector(Watched);
        for (name, value) in $variables.iter().filter(|(name, _)| name.starts_with($prefix)) {
            if let Ok(key) = name.to_ascii_lowercase().parse() {
                builder = builder.with_config(key, value.as_str());
            }
        }
        (builder.with_url($address.url.as_str()), options)
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
    // Not every server can remove many objects at once, and datlake does not need it.
    builder = builder.with_config(AmazonS3ConfigKey::DisableBulkDelete, "true");
    let (builder, connections) = configure!(builder, variables, "AWS_", address);
    let anonymous = builder.get_config_value(&AmazonS3ConfigKey::SkipSignature).as_deref() == Some("true");
    // In the order in which the client takes them.
    let value = |key| builder.get_config_value(&key);
    let server =
        endpoint(address, value(AmazonS3ConfigKey::S3Endpoint).or_else(|| value(AmazonS3ConfigKey::Endpoint)))?;
    let client = Arc::new(builder.build().map_err(|error| unusable(address, &error))?);
    let signing = match anonymous {
        true => Signing::Not("AWS_SKIP_SIGNATURE is set, and signing needs credentials"),
        false => Signing::Query(Arc::clone(&client) as _),
    };
    Ok(Client::of(&client, false, signing, server, connections))
}

#[cfg(feature = "azure")]
fn azure(address: &Address, variables: &[(String, String)]) -> Result<Client> {
    use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};

    use super::azure::AccountKey;

    let (builder, connections) = configure!(MicrosoftAzureBuilder::new(), variables, "AZURE_", address);
    let value = |key| builder.get_config_value(&key);
    // `abfss://container@account.…` names it, and wins.
    let named = address.url.host_str().and_then(|host| Some(host.split_once('.')?.0.to_owned()));
    let account = named.or_else(|| value(AzureConfigKey::AccountName));
    let places =
        [AzureConfigKey::UseEmulator, AzureConfigKey::UseFabricEndpoint].map(|key| value(key).unwrap_or_default());
    let at = endpoint(address, value(AzureConfigKey::Endpoint))?;
    let server = format!("{at}\n{}\n{}", account.as_deref().unwrap_or_default(), places.join("\n"));
    let key = value(AzureConfigKey::AccessKey);
    let key = key.zip(account).and_then(|(key, account)| AccountKey::new(account, &key));
    let client = Arc::new(builder.build().map_err(|error| unusable(address, &error))?);
    let signing = match key {
        Some(key) => Signing::Account { client: Arc::clone(&client) as _, key },
        None => Signing::Not("Azure's URLs are signed with the account's key: set AZURE_STORAGE_ACCOUNT_KEY"),
    };
    Ok(Client::of(&client, true, signing, server, connections))
}

#[cfg(feature = "gcp")]
fn gcp(address: &Address, variables: &[(String, String)]) -> Result<Client> {
    use object_store::gcp::GoogleConfigKey;

    let (builder, connections) =
        configure!(object_store::gcp::GoogleCloudStorageBuilder::new(), variables, "GOOGLE_", address);
    let value = |key| builder.get_config_value(&key);
    // A service account may name its server.
    let in_account = || {
        let file = || std::fs::read_to_string(value(GoogleConfigKey::ServiceAccount)?).ok();
        let account = value(GoogleConfigKey::ServiceAccountKey).or_else(file)?;
        let account: serde_json::Value = serde_json::from_str(&account).ok()?;
        account.get("gcs_base_url")?.as_str().map(str::to_owned)
    };
    let server = endpoint(address, value(GoogleConfigKey::BaseUrl).or_else(in_account))?;
    let client = Arc::new(builder.build().map_err(|error| unusable(address, &error))?);
    Ok(Client::of(&client, true, Signing::Query(Arc::clone(&client) as _), server, connections))
}

/// Where the server is, in one spelling; empty where it is the provider's own.
///
/// # Errors
/// [`ErrorKind::Config`] where more than that is said: it goes into URLs that are handed out.
#[cfg(any(feature = "aws", feature = "azure", feature = "gcp"))]
fn endpoint(address: &Address, said: Option<String>) -> Result<String> {
    let said = said.unwrap_or_default();
    let holds_more = |url: &url::Url| {
        !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some()
    };
    if url::Url::parse(&said).is_ok_and(|url| holds_more(&url)) {
        let message = format!(
            "cannot use the remote {}: its endpoint must be a bare URL without credentials; datlake takes them from the provider's own variables and files",
            address.shown
        );
        return Err(Error::new(ErrorKind::Config, message));
    }
    Ok(said.trim_end_matches('/').to_owned())
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

/// What variables with this prefix say of connections.
#[cfg(any(feature = "aws", feature = "azure", feature = "gcp"))]
fn options(variables: &[(String, String)], prefix: &str) -> ClientOptions {
    let usual = ClientOptions::new().with_timeout(TIMEOUT).with_connect_timeout(CONNECT_TIMEOUT);
    variables.iter().fold(usual, |options, (name, value)| {
        let key = name.strip_prefix(prefix).and_then(|name| name.to_ascii_lowercase().parse().ok());
        match key {
            Some(key) => options.with_config(key, value.as_str()),
            None => options,
        }
    })
}

/// How long one request may take.
#[cfg(any(feature = "aws", feature = "azure", feature = "gcp"))]
fn limit(options: &ClientOptions) -> Duration {
    let said = options.get_config_value(&ClientConfigKey::Timeout);
    // Making the client fails for a value that is no time.
    said.and_then(|said| humantime::parse_duration(&said).ok()).unwrap_or(TIMEOUT)
}

/// The value of one variable.
#[cfg(feature = "aws")]
fn variable(variables: &[(String, String)], name: &str) -> Option<String> {
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

/// A setting is missing or wrong.
fn unusable(address: &Address, error: &object_store::Error) -> Error {
    Error::new(ErrorKind::Config, format!("cannot use the remote {}: {}", address.shown, texts::setting(error)))
}

#[cfg(test)]
#[cfg(all(feature = "aws", feature = "azure", feature = "gcp"))]
mod tests {
    use super::*;

    /// The clients for `url` under each of these settings are of as many servers as there are settings.
    fn check_differ(url: &str, settings: &[&[(&str, &str)]]) {
        let address = Address::parse(url).unwrap();
        let servers: std::collections::BTreeSet<_> = settings
            .iter()
            .map(|set| set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>())
            .map(|variables| Client::new(&address, &variables).unwrap().server)
            .collect();
        assert_eq!(servers.len(), settings.len(), "{servers:?}");
    }

    #[test]
    fn a_server_is_told_by_what_the_client_was_built_of() {
        let (key, other) = (("AZURE_STORAGE_ACCOUNT_KEY", "aGk="), ("AZURE_STORAGE_ENDPOINT", "https://b.example.org"));
        let account = |name| ("AZURE_STORAGE_ACCOUNT_NAME", name);
        check_differ(
            "az://container/lake",
            &[&[account("one"), key], &[account("two"), key], &[account("one"), key, other]],
        );
        let keys = [("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s"), ("AWS_CONFIG_FILE", "/nowhere")];
        let at = |name, value| [keys.as_slice(), &[(name, value)]].concat();
        check_differ(
            "s3://bucket",
            &[
                &keys,
                &at("AWS_ENDPOINT_URL", "https://a.example.org"),
                &at("AWS_ENDPOINT_URL_S3", "https://b.example.org"),
                &at("AWS_ENDPOINT", "https://c.example.org"),
            ],
        );
        let account = |more| {
            format!(
                "{{\"private_key\":\"k\",\"private_key_id\":\"k\",\"client_email\":\"e\",\"disable_oauth\":true{more}}}"
            )
        };
        let (usual, own) = (account(""), account(",\"gcs_base_url\":\"https://a.example.org\""));
        let name = "GOOGLE_SERVICE_ACCOUNT_KEY";
        let base = ("GOOGLE_BASE_URL", "https://b.example.org");
        check_differ("gs://bucket", &[&[(name, &usual)], &[(name, &own)], &[(name, &own), base]]);
    }
}
