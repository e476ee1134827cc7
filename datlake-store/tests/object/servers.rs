//! The servers that `scripts/servers` starts. Where one is not running, its tests say so and are left out.

use std::sync::Arc;

use datlake_core::Store;
use datlake_store::{RemoteOptions, open_remote};
use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::signer::{SignedUrlOptions, Signer as _};

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

pub(crate) fn running(variable: &str, what: &str, test: &str) -> Option<String> {
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
    let (status, text) = ask(endpoint, bucket, reqwest::Method::PUT, "", &[], "");
    assert!((200..300).contains(&status) || status == 409, "no bucket at {endpoint}: {status} {text}");
}

/// What an S3 server answers to a request that the client does not know: its status and text.
fn ask(
    endpoint: &str,
    bucket: &str,
    method: reqwest::Method,
    key: &str,
    query: &[(&str, &str)],
    body: &str,
) -> (u16, String) {
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
        let options = SignedUrlOptions::new().with_query(query.iter().copied());
        let url = client.signed_url_opts(method.clone(), &Path::from(key), minute, &options).await.unwrap();
        let request = reqwest::Client::new().request(method, url).header("content-length", body.len());
        let answer = request.body(body.to_owned()).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    })
}

impl Server {
    fn endpoint(&self) -> &str {
        &self.variables.iter().find(|(name, _)| name == "AWS_ENDPOINT_URL").unwrap().1
    }

    /// The folder of the lake in its bucket, `datlake`.
    pub(crate) fn folder(&self) -> &str {
        self.url.strip_prefix("s3://datlake/").unwrap()
    }

    /// The same server, as another of the users that `scripts/servers/rgw.sh` makes.
    #[allow(dead_code, reason = "the tests of datlake use it")]
    pub(crate) fn by(&self, user: &str) -> Self {
        self.with("AWS_ACCESS_KEY_ID", &format!("DATLAKE{}KEY", user.to_uppercase()))
    }
}

/// Says what other users may do in the bucket.
#[allow(dead_code, reason = "the tests of datlake use it")]
pub(crate) fn permit(server: &Server, policy: &str) {
    let (status, text) = ask(server.endpoint(), "datlake", reqwest::Method::PUT, "", &[("policy", "")], policy);
    assert!((200..300).contains(&status), "{status} {text}");
}

/// The ids of the uploads that were begun in a lake and not completed, as an S3 server lists them.
pub(crate) fn uploads(server: &Server) -> Vec<String> {
    let query = [("uploads", ""), ("prefix", server.folder())];
    let (status, text) = ask(server.endpoint(), "datlake", reqwest::Method::GET, "", &query, "");
    assert_eq!(status, 200, "{text}");
    let ids = text.split("<UploadId>").skip(1).filter_map(|rest| Some(rest.split_once('<')?.0.to_owned()));
    // A server that lists all of them whatever the prefix.
    let ours = text.split("<Upload>").skip(1).map(|upload| upload.contains(server.folder()));
    ids.zip(ours).filter(|(_, ours)| *ours).map(|(id, _)| id).collect()
}

/// Aborts an upload, as somebody else would.
pub(crate) fn abort(server: &Server, path: &str, id: &str) {
    let key = format!("{}/{path}", server.folder());
    let (status, text) = ask(server.endpoint(), "datlake", reqwest::Method::DELETE, &key, &[("uploadId", id)], "");
    assert_eq!(status, 204, "{text}");
}
