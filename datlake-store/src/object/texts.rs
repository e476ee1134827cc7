//! What the client tells by words alone. No other file looks for words in an error, and none of them is shown: they may hold
//! what is secret.

use std::error::Error;

/// What the texts of an error and its causes tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// The object ends before the range that was asked for.
    BeyondEnd,
    /// The endpoint would be spoken to without TLS.
    NotHttps,
    /// No server has this name.
    NoSuchHost,
}

impl Told {
    pub(super) fn by(error: &(dyn Error + 'static)) -> Option<Self> {
        let (mut text, mut next) = (String::new(), Some(error));
        while let Some(error) = next {
            text += &error.to_string();
            text.push('\n');
            next = error.source();
        }
        [
            ("Wanted range starting at", Self::BeyondEnd),
            // A range of an empty object at Azurite.
            ("\"bytes 0--1/0\"", Self::BeyondEnd),
            ("URL scheme is not allowed", Self::NotHttps),
            ("dns error", Self::NoSuchHost),
            ("failed to lookup address", Self::NoSuchHost),
        ]
        .into_iter()
        .find_map(|(words, told)| text.contains(words).then_some(told))
    }
}

/// What is wrong with the settings that a client was to be made of.
pub(super) fn setting(error: &object_store::Error) -> &'static str {
    let text = error.to_string();
    [
        (
            "Account must be specified",
            "set AZURE_STORAGE_ACCOUNT_NAME, or use abfss://container@account.dfs.core.windows.net/folder",
        ),
        ("Invalid Access Key", "AZURE_STORAGE_ACCOUNT_KEY is not a key"),
        ("Missing AccessKeyId", "AWS_SECRET_ACCESS_KEY is set and AWS_ACCESS_KEY_ID is not"),
        ("Missing SecretAccessKey", "AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not"),
        ("Unable to open service account file", "the provider's credentials file cannot be read"),
    ]
    .into_iter()
    .find_map(|(words, why)| text.contains(words).then_some(why))
    .unwrap_or("one of the provider's variables has a value that cannot be used")
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    /// As `reqwest` 0.13, `hyper-util` 0.1 and `object_store` 0.14 say it.
    #[test]
    fn recorded_texts_are_understood() {
        let under = |text: &str| object_store::Error::Generic {
            store: "S3",
            source: Box::new(io::Error::other(io::Error::other(text.to_owned()))),
        };
        for (text, told) in [
            ("Wanted range starting at 7, but object was only 3 bytes long", Some(Told::BeyondEnd)),
            ("Failed to parse value for CONTENT_RANGE header: \"bytes 0--1/0\"", Some(Told::BeyondEnd)),
            ("builder error for url (http://127.0.0.1:1/): URL scheme is not allowed", Some(Told::NotHttps)),
            ("dns error", Some(Told::NoSuchHost)),
            ("failed to lookup address information: Name or service not known", Some(Told::NoSuchHost)),
            ("connection closed before message completed", None),
        ] {
            assert_eq!(Told::by(&under(text)), told, "{text}");
        }
    }

    /// As the clients say it that are made here.
    #[test]
    #[cfg(all(feature = "aws", feature = "azure", feature = "gcp"))]
    fn what_is_wrong_with_a_setting_is_told() {
        let account = ("AZURE_STORAGE_ACCOUNT_NAME", "one");
        let nowhere = ("AWS_CONFIG_FILE", "/nowhere");
        for (url, settings, why) in [
            ("az://container/lake", vec![], "set AZURE_STORAGE_ACCOUNT_NAME"),
            ("az://container/lake", vec![account, ("AZURE_STORAGE_ACCOUNT_KEY", "hunter2!")], "is not a key"),
            ("s3://bucket", vec![nowhere, ("AWS_SECRET_ACCESS_KEY", "hunter2")], "AWS_ACCESS_KEY_ID is not"),
            ("s3://bucket", vec![nowhere, ("AWS_ACCESS_KEY_ID", "hunter2")], "AWS_SECRET_ACCESS_KEY is not"),
            ("gs://bucket", vec![("GOOGLE_SERVICE_ACCOUNT", "/nowhere")], "credentials file cannot be read"),
            ("gs://bucket", vec![("GOOGLE_SERVICE_ACCOUNT_KEY", "hunter2")], "cannot be used"),
        ] {
            let address = super::super::address::Address::parse(url).unwrap();
            let settings: Vec<_> =
                settings.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            let error = super::super::client::Client::new(&address, &settings).err().unwrap().to_string();
            assert!(error.contains(why) && !error.contains("hunter2"), "{url}: {error}");
        }
    }
}
