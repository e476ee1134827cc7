//! Where a server is and who asks: said by the program, by the environment, or by the file of lakeFS's command.

use std::fmt;
use std::path::{Path, PathBuf};

use datlake_core::{Error, ErrorKind, Result};
use yaml_rust2::{Yaml, YamlLoader};

/// Where a client finds its server, and who asks there. What is not said comes from the environment, or from a file: see [`Client`](super::Client).
#[derive(Clone, Default)]
pub struct ClientOptions {
    access_key_id: Option<String>,
    secret_access_key: Option<String>,
    jwt_token: Option<String>,
    endpoint: Option<String>,
}

/// Who asks.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Credentials {
    KeyPair(String, String),
    Token(String),
}

/// A server, and who asks there.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Access {
    /// Without `/api/v1`.
    pub(super) endpoint: String,
    pub(super) credentials: Credentials,
}

impl ClientOptions {
    /// Nothing is said yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The id of a key pair, whose [secret](Self::secret_access_key) is said, too.
    #[must_use]
    pub fn access_key_id(mut self, id: impl Into<String>) -> Self {
        self.access_key_id = Some(id.into());
        self
    }

    /// The secret of a key pair.
    #[must_use]
    pub fn secret_access_key(mut self, secret: impl Into<String>) -> Self {
        self.secret_access_key = Some(secret.into());
        self
    }

    /// A token, in place of a key pair.
    #[must_use]
    pub fn jwt_token(mut self, token: impl Into<String>) -> Self {
        self.jwt_token = Some(token.into());
        self
    }

    /// Where the server is: `https://lake.example.org`, with or without `/api/v1`.
    #[must_use]
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self
    }

    /// What these options say, or else the environment, or else the file: each part by the first that says it; a key pair is one part.
    pub(super) fn access(&self, said: &dyn Fn(&str) -> Option<String>) -> Result<Access> {
        let said = |name: &str| said(name).filter(|value| !value.is_empty());
        let own = credentials(self.jwt_token.clone(), self.access_key_id.clone(), self.secret_access_key.clone())?;
        let first = |names: [&str; 2]| names.into_iter().find_map(said);
        let named = match own {
            Some(own) => Some(own),
            None => credentials(
                said("LAKECTL_CREDENTIALS_SESSION_TOKEN"),
                first(["LAKECTL_ACCESS_KEY_ID", "LAKECTL_CREDENTIALS_ACCESS_KEY_ID"]),
                first(["LAKECTL_ACCESS_SECRET_KEY", "LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY"]),
            )?,
        };
        let endpoint = self.endpoint.clone().or_else(|| said("LAKECTL_SERVER_ENDPOINT_URL"));
        let file = match (&named, &endpoint) {
            (Some(_), Some(_)) => LakectlFile::default(),
            _ => LakectlFile::of(said)?,
        };
        let Some(credentials) = named.or(file.credentials) else {
            let error = Error::new(ErrorKind::Config, "no credentials for the server were found");
            return Err(error.with_hint(
                "say them by `ClientOptions`, set LAKECTL_CREDENTIALS_ACCESS_KEY_ID and LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY, or write ~/.lakectl.yaml",
            ));
        };
        let Some(endpoint) = endpoint.or(file.endpoint) else {
            let error = Error::new(ErrorKind::Config, "nothing says where the server is");
            return Err(error.with_hint(
                "say it by `ClientOptions::endpoint`, set LAKECTL_SERVER_ENDPOINT_URL, or write it into ~/.lakectl.yaml",
            ));
        };
        Ok(Access { endpoint: plain(&endpoint)?, credentials })
    }
}

/// What is enough of these to ask with.
fn credentials(token: Option<String>, id: Option<String>, secret: Option<String>) -> Result<Option<Credentials>> {
    match (token, id, secret) {
        (Some(token), _, _) => Ok(Some(Credentials::Token(token))),
        (None, Some(id), Some(secret)) => Ok(Some(Credentials::KeyPair(id, secret))),
        (None, None, None) => Ok(None),
        _ => {
            let error = Error::new(ErrorKind::Config, "one half of the server's key pair is missing");
            Err(error.with_hint("say both the access key id and the secret access key, or neither"))
        }
    }
}

/// An endpoint without what is behind the host.
fn plain(endpoint: &str) -> Result<String> {
    let endpoint = endpoint.trim().trim_end_matches('/');
    let endpoint = endpoint.strip_suffix("/api/v1").unwrap_or(endpoint);
    let (scheme, rest) = endpoint.split_once("://").unwrap_or_default();
    if !["http", "https"].contains(&scheme) || rest.is_empty() || rest.contains('@') {
        let error = Error::new(ErrorKind::Config, "the server's endpoint is no URL of a server");
        return Err(error.with_hint("it is like `https://lake.example.org`, without credentials"));
    }
    Ok(endpoint.to_owned())
}

/// What the file of lakeFS's command says.
#[derive(Default)]
struct LakectlFile {
    endpoint: Option<String>,
    credentials: Option<Credentials>,
}

impl LakectlFile {
    /// The one that `LAKECTL_CONFIG_FILE` names, or `~/.lakectl.yaml`. Where there is none it says nothing.
    fn of(said: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let path = said("LAKECTL_CONFIG_FILE").map(PathBuf::from);
        let path = path.or_else(|| said("HOME").map(|home| Path::new(&home).join(".lakectl.yaml")));
        let Some(path) = path else { return Ok(Self::default()) };
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::read(&text).map_err(|why| {
                Error::new(ErrorKind::Config, format!("cannot read `{}`: {why}", path.display()))
                    .with_hint("it has `server` with `endpoint_url`, and `credentials` with `access_key_id` and `secret_access_key`")
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(Error::io("read", path.display(), error)),
        }
    }

    fn read(text: &str) -> Result<Self, &'static str> {
        // What is wrong in it may show a secret.
        let documents = YamlLoader::load_from_str(text).map_err(|_| "it is no YAML")?;
        let document = documents.first().unwrap_or(&Yaml::BadValue);
        let text = |value: &Yaml| match value {
            Yaml::String(text) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
            // A key of digits alone.
            Yaml::Integer(number) => Ok(Some(number.to_string())),
            Yaml::BadValue | Yaml::Null => Ok(None),
            _ => Err("a setting is no text"),
        };
        let (server, said) = (&document["server"], &document["credentials"]);
        let pair = (text(&said["access_key_id"])?, text(&said["secret_access_key"])?);
        let credentials = match pair {
            (Some(id), Some(secret)) => Some(Credentials::KeyPair(id, secret)),
            (None, None) => None,
            _ => return Err("one half of the key pair is missing"),
        };
        Ok(Self { endpoint: text(&server["endpoint_url"])?, credentials })
    }
}

impl fmt::Debug for ClientOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientOptions").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(options: &ClientOptions, environment: &[(&str, &str)]) -> Result<Access> {
        let said = |name: &str| environment.iter().find(|(of, _)| *of == name).map(|(_, value)| (*value).to_owned());
        options.access(&said)
    }

    fn shown(options: &ClientOptions, environment: &[(&str, &str)]) -> String {
        let Access { endpoint, credentials } = found(options, environment).unwrap();
        match credentials {
            Credentials::KeyPair(id, secret) => format!("{endpoint} {id} {secret}"),
            Credentials::Token(token) => format!("{endpoint} {token}"),
        }
    }

    /// What the program says wins over the environment, and that over the file.
    #[test]
    fn the_first_that_says_it_counts() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(".lakectl.yaml");
        let text = "credentials:\n  access_key_id: FILE\n  secret_access_key: 's3cret: x'\nserver:\n  endpoint_url: http://file:8000/api/v1/\n";
        std::fs::write(&file, text).unwrap();
        let (nothing, home) = (ClientOptions::new(), ("HOME", folder.path().to_str().unwrap()));
        assert_eq!(shown(&nothing, &[home]), "http://file:8000 FILE s3cret: x");
        assert_eq!(
            shown(&nothing, &[("LAKECTL_CONFIG_FILE", file.to_str().unwrap())]),
            "http://file:8000 FILE s3cret: x"
        );
        let long = [("LAKECTL_CREDENTIALS_ACCESS_KEY_ID", "ENV"), ("LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY", "e")];
        assert_eq!(shown(&nothing, &[home, long[0], long[1]]), "http://file:8000 ENV e");
        let short = [("LAKECTL_ACCESS_KEY_ID", "SHORT"), ("LAKECTL_ACCESS_SECRET_KEY", "s")];
        let all = [home, long[0], long[1], short[0], short[1], ("LAKECTL_SERVER_ENDPOINT_URL", "https://env")];
        assert_eq!(shown(&nothing, &all), "https://env SHORT s");
        let session = [("LAKECTL_CREDENTIALS_SESSION_TOKEN", "st"), all[5]];
        assert_eq!(shown(&nothing, &session), "https://env st");
        let own = ClientOptions::new().access_key_id("OWN").secret_access_key("hush");
        assert_eq!(shown(&own, &all), "https://env OWN hush");
        let token = own.jwt_token("hush").endpoint("http://own/");
        assert_eq!(shown(&token, &all), "http://own hush");
        assert!(!format!("{token:?}{:?}", found(&token, &all)).contains("hush"));
    }

    #[test]
    fn what_is_missing_or_wrong_is_said_without_a_secret() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("l.yaml");
        let own = ClientOptions::new().access_key_id("A").secret_access_key("hush");
        let from = |text: &str| {
            std::fs::write(&file, text).unwrap();
            found(&ClientOptions::new(), &[("LAKECTL_CONFIG_FILE", file.to_str().unwrap())]).unwrap_err().to_string()
        };
        for (error, has) in [
            (found(&ClientOptions::new(), &[]).unwrap_err().to_string(), "no credentials"),
            (found(&own, &[]).unwrap_err().to_string(), "nothing says where the server is"),
            (found(&ClientOptions::new().access_key_id("A"), &[]).unwrap_err().to_string(), "one half"),
            (found(&own.clone().endpoint("lake.example.org"), &[]).unwrap_err().to_string(), "no URL"),
            (found(&own.endpoint("http://u:hush@x"), &[]).unwrap_err().to_string(), "no URL"),
            (from("credentials: [hush"), "it is no YAML"),
            (from("credentials:\n  access_key_id: a\n"), "one half"),
            (from("credentials:\n  access_key_id: {a: hush}\n  secret_access_key: hush"), "a setting is no text"),
        ] {
            assert!(error.contains(has) && !error.contains("hush"), "{error}");
        }
    }
}
