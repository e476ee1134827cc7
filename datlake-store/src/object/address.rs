//! From the URL of a remote to the place that it names.

use datlake_core::Result;
use object_store::ObjectStoreScheme;
use object_store::path::Path;
use url::Url;

use crate::remote_url;

/// Whose protocol a remote speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Provider {
    /// S3, and what speaks like it.
    Aws,
    /// Azure Blob.
    Azure,
    /// Google Cloud Storage.
    Gcp,
}

/// A bucket, and the folder in it that holds the lake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) provider: Provider,
    /// For the provider's client.
    pub(super) url: Url,
    /// Empty, or the path of the folder without a slash at either end.
    pub(super) folder: String,
    /// For people: it holds no credentials, for none are accepted.
    pub(super) shown: String,
}

impl Address {
    /// What `url` names.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a URL that names no place in an object store, or says more than a place.
    pub(super) fn parse(url: &str) -> Result<Self> {
        let wrong = |why: &str| remote_url::wrong(url, why);
        let parsed = Url::parse(url).map_err(|_| wrong("it is not a URL"))?;
        // `abfss://container@account.…` has a user and means none.
        let container = matches!(parsed.scheme(), "abfs" | "abfss" | "az");
        if parsed.password().is_some() || (!parsed.username().is_empty() && !container) {
            return Err(wrong(
                "it must be a bare URL without credentials; datlake takes them from the provider's own variables and files",
            ));
        }
        if parsed.query().is_some() || parsed.fragment().is_some() {
            return Err(wrong("it goes on after the path; settings are taken from the provider's own variables"));
        }
        let unknown =
            || wrong("known are `file:///folder`, `s3://bucket/folder`, `gs://bucket/folder`, `az://container/folder`");
        let (found, folder) = ObjectStoreScheme::parse(&parsed).map_err(|_| unknown())?;
        let provider = match found {
            ObjectStoreScheme::AmazonS3 => Provider::Aws,
            ObjectStoreScheme::MicrosoftAzure => Provider::Azure,
            ObjectStoreScheme::GoogleCloudStorage => Provider::Gcp,
            _ => return Err(unknown()),
        };
        let folder = Path::parse(folder.as_ref()).map_err(|_| wrong("its path is not one of a folder"))?;
        let shown = parsed.as_str().trim_end_matches('/').to_owned();
        Ok(Self { provider, url: parsed, folder: folder.as_ref().to_owned(), shown })
    }

    /// The key of the object that has this path in the lake.
    pub(super) fn key(&self, path: &str) -> String {
        if self.folder.is_empty() { path.to_owned() } else { format!("{}/{path}", self.folder) }
    }

    /// The path in the lake of the object that has this key.
    pub(super) fn path<'k>(&self, key: &'k str) -> Option<&'k str> {
        if self.folder.is_empty() { Some(key) } else { key.strip_prefix(&self.folder)?.strip_prefix('/') }
    }
}

#[cfg(test)]
mod tests {
    use datlake_core::ErrorKind;

    use super::*;

    #[test]
    fn a_url_names_a_bucket_and_a_folder() {
        for (url, provider, folder, shown) in [
            ("s3://bucket", Provider::Aws, "", "s3://bucket"),
            ("s3://bucket/team/lake/", Provider::Aws, "team/lake", "s3://bucket/team/lake"),
            ("s3a://bucket/a%20b", Provider::Aws, "a b", "s3a://bucket/a%20b"),
            ("gs://bucket/lake", Provider::Gcp, "lake", "gs://bucket/lake"),
            ("az://container/lake", Provider::Azure, "lake", "az://container/lake"),
            (
                "abfss://container@account.dfs.core.windows.net/lake",
                Provider::Azure,
                "lake",
                "abfss://container@account.dfs.core.windows.net/lake",
            ),
            (
                "https://0123.r2.cloudflarestorage.com/bucket/lake",
                Provider::Aws,
                "lake",
                "https://0123.r2.cloudflarestorage.com/bucket/lake",
            ),
        ] {
            let address = Address::parse(url).unwrap();
            assert_eq!(
                (address.provider, address.folder.as_str(), address.shown.as_str()),
                (provider, folder, shown),
                "{url}"
            );
            let key = address.key("files/a.datlake");
            assert_eq!(address.path(&key), Some("files/a.datlake"));
        }
        assert_eq!(Address::parse("s3://bucket/a").unwrap().path("ab/files/x"), None);
    }

    #[test]
    fn credentials_and_settings_in_a_url_are_refused_and_not_repeated() {
        for url in [
            "s3://key:hunter2@bucket/x",
            "s3://hunter2@bucket/x",
            "s3://bucket/x?secret=hunter2",
            "s3://bucket/x#hunter2",
            "abfss://container:hunter2@account.dfs.core.windows.net/lake",
            "https://example.org/hunter2",
            "memory:///hunter2",
            "hunter2",
            "s3:///hunter2",
            "s3://bucket/a/../../hunter2//x",
        ] {
            let error = Address::parse(url).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{url}");
            if url != "hunter2" {
                assert!(!error.to_string().contains("hunter2"), "{error}");
            }
        }
    }
}
