//! Shared access signatures of Azure Blob, with the name under which a blob is saved: the provider's client makes them
//! without one. By Microsoft's "Create a service SAS", version 2020-12-06.

use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use ring::hmac;
use url::Url;

/// The version of the rules that are followed.
const VERSION: &str = "2020-12-06";
/// What stands for itself in a query.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The key of a storage account. It has no `Debug`.
#[derive(Clone)]
pub(super) struct AccountKey {
    account: String,
    key: hmac::Key,
}

impl AccountKey {
    /// `None` where `key` is no key.
    pub(super) fn new(account: String, key: &str) -> Option<Self> {
        Some(Self { account, key: hmac::Key::new(hmac::HMAC_SHA256, &STANDARD.decode(key).ok()?) })
    }

    /// Signs `url` until `end`: for reading that blob, saved as `disposition` says; without one, for putting it.
    pub(super) fn sign(&self, url: &mut Url, disposition: Option<&str>, end: SystemTime) {
        let (permissions, disposition) = disposition.map_or(("cw", ""), |disposition| ("r", disposition));
        let end = humantime::format_rfc3339_seconds(end).to_string();
        let protocol = if url.scheme() == "https" { "https" } else { "" };
        let signed = [
            permissions,         // permissions
            "",                  // start: a clock that is ahead must not make it invalid
            &end,                // expiry
            &self.resource(url), // what may be read
            "",                  // identifier of a stored policy
            "",                  // allowed addresses
            protocol,            // protocols
            VERSION,             // version
            "b",                 // it is a blob
            "",                  // snapshot
            "",                  // encryption scope
            "",                  // Cache-Control
            disposition,         // Content-Disposition
            "",                  // Content-Encoding
            "",                  // Content-Language
            "",                  // Content-Type
        ]
        .join("\n");
        let signature = STANDARD.encode(hmac::sign(&self.key, signed.as_bytes()));
        let pairs = [
            ("sv", VERSION),
            ("sp", permissions),
            ("sr", "b"),
            ("se", &end),
            ("spr", protocol),
            ("rscd", disposition),
            ("sig", &signature),
        ];
        let pairs = pairs.iter().filter(|(_, value)| !value.is_empty());
        let query: Vec<_> =
            pairs.map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, PLAIN))).collect();
        url.set_query(Some(&query.join("&")));
    }

    /// The blob, as it is signed: behind its account, which stands in the host's name, or first in the path of a server of
    /// one's own.
    fn resource(&self, url: &Url) -> String {
        let path = percent_decode_str(url.path()).decode_utf8_lossy().into_owned();
        let of_account = url.host_str().and_then(|host| host.split('.').next()) == Some(&self.account);
        let in_path = path.strip_prefix('/').and_then(|path| path.split('/').next()) == Some(&self.account);
        if in_path && !of_account { format!("/blob{path}") } else { format!("/blob/{}{path}", self.account) }
    }
}
