//! A server with a lake of its own, and requests to it.

use std::sync::OnceLock;
use std::thread::JoinHandle;

use datlake::Lake;
use datlake_server::{AccountKind, Accounts, Root, Server, ServerSettings};
use reqwest::blocking::{Client, RequestBuilder, Response};
use reqwest::{Method, StatusCode};
use serde_json::Value;

pub(crate) const ROOT: (&str, &str) = ("ROOT", "the-secret-of-root");

/// A folder of its own in a bucket of a server that `./test` has started.
pub(crate) struct Bucket {
    /// What clients see of the store.
    pub(crate) kind: &'static str,
    pub(crate) url: String,
    pub(crate) variables: Vec<(String, String)>,
}

impl Bucket {
    /// Those of the servers that run.
    pub(crate) fn all() -> Vec<Self> {
        let running = |name: &str| std::env::var(name).ok().filter(|endpoint| !endpoint.is_empty());
        let key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
        let s3 = running("DATLAKE_TEST_RGW").map(|endpoint| {
            let variables = [
                ("AWS_ENDPOINT_URL", &*endpoint),
                ("AWS_ALLOW_HTTP", "true"),
                ("AWS_ACCESS_KEY_ID", "DATLAKETESTKEY"),
                ("AWS_SECRET_ACCESS_KEY", "datlake-test-secret"),
                ("AWS_REGION", "us-east-1"),
            ];
            Self::new("s3", "s3", &variables)
        });
        let azure = running("DATLAKE_TEST_AZURITE").map(|endpoint| {
            let account = format!("{endpoint}/devstoreaccount1");
            let variables = [
                ("AZURE_STORAGE_ENDPOINT", &*account),
                ("AZURE_STORAGE_ACCOUNT_NAME", "devstoreaccount1"),
                ("AZURE_STORAGE_ACCOUNT_KEY", key),
                ("AZURE_ALLOW_HTTP", "true"),
            ];
            Self::new("azure", "az", &variables)
        });
        s3.into_iter().chain(azure).collect()
    }

    fn new(kind: &'static str, scheme: &str, variables: &[(&str, &str)]) -> Self {
        use std::hash::{BuildHasher as _, RandomState};
        let folder = RandomState::new().hash_one("folder");
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { kind, url: format!("{scheme}://datlake/{folder:016x}"), variables }
    }
}

/// A server that answers as long as this lives.
pub(crate) struct Served {
    pub(crate) url: String,
    pub(crate) lake: Lake,
    pub(crate) settings: ServerSettings,
    /// By which its root signs in on the page, once.
    pub(crate) link: String,
    runtime: tokio::runtime::Runtime,
    accounts: Accounts,
    end: Option<tokio::sync::oneshot::Sender<()>>,
    running: Option<JoinHandle<()>>,
    _home: tempfile::TempDir,
}

impl Served {
    pub(crate) fn new() -> Self {
        Self::with(|settings| settings)
    }

    pub(crate) fn with(settings: impl FnOnce(ServerSettings) -> ServerSettings) -> Self {
        Self::on(None, settings)
    }

    /// With a lake that has this remote.
    pub(crate) fn on(remote: Option<&Bucket>, settings: impl FnOnce(ServerSettings) -> ServerSettings) -> Self {
        let home = tempfile::tempdir().unwrap();
        let builder = Lake::builder().home(home.path().join("lake"));
        let lake = match remote {
            Some(bucket) => builder.remote(&bucket.url).remote_variables(bucket.variables.clone()),
            None => builder,
        };
        let lake = lake.open().unwrap();
        let mut defaults = ServerSettings::of(&lake);
        defaults.listen = ([127, 0, 0, 1], 0).into();
        defaults.root = Root { key_pair: Some((ROOT.0.to_owned(), ROOT.1.to_owned())), token: None };
        let settings = settings(defaults);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let server = runtime.block_on(Server::bind(&lake, &settings)).unwrap();
        let (url, accounts) = (format!("http://{}", server.address()), server.accounts().clone());
        let link = runtime.block_on(server.sign_in_link()).unwrap().unwrap_or_default();
        let (end, ended) = tokio::sync::oneshot::channel();
        let handle = runtime.handle().clone();
        let running = std::thread::spawn(move || handle.block_on(server.run(async { drop(ended.await) })));
        Self { url, lake, settings, link, runtime, accounts, end: Some(end), running: Some(running), _home: home }
    }

    /// Ends it as a signal does, and waits for that.
    pub(crate) fn end(&mut self) {
        let _ = self.end.take().map(|end| end.send(()));
        self.running.take().into_iter().for_each(|running| running.join().unwrap());
    }

    /// What is done to its accounts.
    pub(crate) fn accounts<T>(&self, work: impl AsyncFnOnce(&Accounts) -> datlake::Result<T>) -> T {
        self.runtime.block_on(work(&self.accounts)).unwrap()
    }

    /// An account that may what `grants` say, by its token.
    pub(crate) fn account(&self, name: &str, grants: &[(&str, &str)]) -> Asking<'_> {
        Asking { served: self, as_whom: Whom::Token(self.token(name, grants)) }
    }

    /// The token of such an account.
    pub(crate) fn token(&self, name: &str, grants: &[(&str, &str)]) -> String {
        self.accounts(async |accounts| {
            accounts.create(name, AccountKind::Machine).await?;
            for (role, pattern) in grants {
                accounts.grant(name, role.parse()?, &pattern.parse()?).await?;
            }
            Ok(accounts.create_token(name, None).await?.token)
        })
    }

    pub(crate) fn root(&self) -> Asking<'_> {
        Asking { served: self, as_whom: Whom::Pair(ROOT.0.to_owned(), ROOT.1.to_owned()) }
    }

    pub(crate) fn nobody(&self) -> Asking<'_> {
        Asking { served: self, as_whom: Whom::Nobody }
    }

    pub(crate) fn with_token(&self, token: &str) -> Asking<'_> {
        Asking { served: self, as_whom: Whom::Token(token.to_owned()) }
    }

    pub(crate) fn with_pair(&self, id: &str, secret: &str) -> Asking<'_> {
        Asking { served: self, as_whom: Whom::Pair(id.to_owned(), secret.to_owned()) }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.end();
    }
}

enum Whom {
    Nobody,
    Token(String),
    Pair(String, String),
}

/// Somebody who asks.
pub(crate) struct Asking<'s> {
    served: &'s Served,
    as_whom: Whom,
}

impl Asking<'_> {
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = client().request(method, format!("{}{path}", self.served.url));
        match &self.as_whom {
            Whom::Nobody => request,
            Whom::Token(token) => request.bearer_auth(token),
            Whom::Pair(id, secret) => request.basic_auth(id, Some(secret)),
        }
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        self.request(Method::GET, &format!("/api/v1{path}")).send().unwrap()
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Response {
        self.request(Method::POST, &format!("/api/v1{path}")).json(body).send().unwrap()
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Response {
        self.request(Method::PUT, &format!("/api/v1{path}")).json(body).send().unwrap()
    }

    pub(crate) fn delete(&self, path: &str) -> Response {
        self.request(Method::DELETE, &format!("/api/v1{path}")).send().unwrap()
    }

    pub(crate) fn upload(&self, at: &str, path: &str, bytes: &str) -> Response {
        let request = self.request(Method::POST, &format!("/api/v1{at}/objects")).query(&[("path", path)]);
        request.body(bytes.to_owned()).send().unwrap()
    }

    /// What a successful GET answers.
    pub(crate) fn json(&self, path: &str) -> Value {
        json(self.get(path), StatusCode::OK)
    }
}

/// A client, without the connections of requests before. What it trusts is read once: that takes longer than a request.
pub(crate) fn client() -> &'static Client {
    static CLIENT: OnceLock<Client> = OnceLock::new();
    CLIENT.get_or_init(|| {
        // It has one already, unless this is the first client.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let plain = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        plain.pool_max_idle_per_host(0).build().unwrap()
    })
}

/// The body of an answer with this status.
pub(crate) fn json(response: Response, status: StatusCode) -> Value {
    let (found, text) = (response.status(), response.text().unwrap());
    assert_eq!(found, status, "{text}");
    if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
}

/// An answer that says what went wrong: problem details, with `message`.
pub(crate) fn problem(response: Response, status: u16, has: &[&str]) -> String {
    let kind = response.headers().get("content-type").cloned();
    let problem = json(response, StatusCode::from_u16(status).unwrap());
    assert_eq!(kind.unwrap(), "application/problem+json");
    let message = problem["message"].as_str().unwrap();
    has.iter().for_each(|part| assert!(message.contains(part), "{message}"));
    assert_eq!((problem["status"].as_u64(), &problem["detail"]), (Some(status.into()), &problem["message"]));
    message.to_owned()
}
