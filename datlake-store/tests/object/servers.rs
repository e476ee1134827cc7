//! The servers that `scripts/servers` starts. Where one is not running, its tests say so and are left out.

use std::sync::Arc;

use datlake_core::Store;
use datlake_store::{RemoteOptions, open_remote};
use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::signer::Signer as _;

/// The keys of every test server.
pub(crate) const KEY: &str = "DATLAKETESTKEY";
pub(crate) const SECRET: &str = "datlake-test-secret";

/// A server that is running.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) variables: Vec<(String, String)>,
}

impl Server {
    pub(crate) fn rgw(test: &str) -> Option<Self> {
        Self::s3("DATLAKE_TEST_RGW", "a Ceph object gateway", test)
    }

    pub(crate) fn moto(test: &str) -> Option<Self> {
        Self::s3("DATLAKE_TEST_MOTO", "moto", test)
    }

    pub(crate) fn azurite(test: &str) -> Option<Self> {
        let endpoint = running("DATLAKE_TEST_AZURITE", "Azurite", test)?;
        let key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
        let variables = variables(&[
            ("AZURE_STORAGE_ENDPOINT", &format!("{endpoint}/devstoreaccount1")),
            ("AZURE_STORAGE_ACCOUNT_NAME", "devstoreaccount1"),
            ("AZURE_STORAGE_ACCOUNT_KEY", key),
            ("AZURE_ALLOW_HTTP", "true"),
        ]);
        Some(Self { url: format!("az://datlake/{}", fresh()), variables })
    }

    fn s3(variable: &str, what: &str, test: &str) -> Option<Self> {
        let endpoint = running(variable, what, test)?;
        make_bucket(&endpoint, "datlake");
        Some(Self { url: format!("s3://datlake/{}", fresh()), variables: s3_at(&endpoint) })
    }

    pub(crate) fn store(&self) -> Arc<dyn Store> {
        open(&self.url, self.variables.clone())
    }

    /// The same server with another value of a variable.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let mut variables = self.variables.clone();
        variables.retain(|(known, _)| known != name);
        variables.push((name.to_owned(), value.to_owned()));
        Self { url: self.url.clone(), variables }
    }
}

pub(crate) fn open(url: &str, variables: Vec<(String, String)>) -> Arc<dyn Store> {
    open_remote(url, RemoteOptions { variables: Some(variables), ..RemoteOptions::default() }).unwrap()
}

/// Settings for S3 at `endpoint`.
pub(crate) fn s3_at(endpoint: &str) -> Vec<(String, String)> {
    variables(&[
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_ACCESS_KEY_ID", KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_REGION", "us-east-1"),
    ])
}

fn variables(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn running(variable: &str, what: &str, test: &str) -> Option<String> {
    let endpoint = std::env::var(variable).ok().filter(|endpoint| !endpoint.is_empty());
    if endpoint.is_none() {
        eprintln!("LEFT OUT: {test} needs {what}; ./test starts it where it can, and {variable} says where it is");
    }
    endpoint
}

/// A folder that no other test uses.
fn fresh() -> String {
    use std::hash::{BuildHasher as _, RandomState};
    format!("{:016x}", RandomState::new().hash_one("folder"))
}

/// Makes a bucket, or finds it made: `PUT` to the signed URL of its root.
fn make_bucket(endpoint: &str, bucket: &str) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let client = AmazonS3Builder::new()
            .with_endpoint(endpoint)
            .with_allow_http(true)
            .with_access_key_id(KEY)
            .with_secret_access_key(SECRET)
            .with_region("us-east-1")
            .with_bucket_name(bucket)
            .build()
            .unwrap();
        let minute = std::time::Duration::from_secs(60);
        let url = client.signed_url(reqwest::Method::PUT, &Path::default(), minute).await.unwrap();
        let made = reqwest::Client::new().put(url).header("content-length", "0").send().await.unwrap();
        assert!(made.status().is_success() || made.status().as_u16() == 409, "no bucket at {endpoint}: {made:?}");
    });
}
