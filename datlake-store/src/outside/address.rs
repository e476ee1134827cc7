//! URLs of places outside: compared by their parts, so that one spelling of a place is as good as another and nothing climbs out of it.

use std::path::PathBuf;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// What does not stand for itself in the path of a URL.
const CODED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A URL in its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ParsedAddress {
    scheme: String,
    host: String,
    /// The names on the way, as they are without `%`.
    path: Vec<String>,
}

impl ParsedAddress {
    /// `None` for what is no such URL.
    pub(super) fn new(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = if scheme == "file" { host.strip_prefix("localhost").unwrap_or(host) } else { host };
        let is_name = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._@:+".contains(&b));
        if scheme.is_empty() || !is_name(scheme) || !is_name(host) || (host.is_empty() != (scheme == "file")) {
            return None;
        }
        // One slash at the end says that a folder is meant.
        let path = path.strip_suffix('/').unwrap_or(path);
        let names = path.split('/').filter(|_| !path.is_empty());
        let name = |name: &str| {
            let name = percent_decode_str(name).decode_utf8().ok()?.into_owned();
            let is_one = !matches!(&*name, "" | "." | "..") && !name.contains(['/', '\0', '\\']);
            is_one.then_some(name)
        };
        let path = names.map(name).collect::<Option<_>>()?;
        Some(Self { scheme: scheme.to_ascii_lowercase(), host: host.to_ascii_lowercase(), path })
    }

    /// The path from here to `other`, where that is here or below.
    pub(super) fn path_to(&self, other: &Self) -> Option<String> {
        let is_same = self.scheme == other.scheme && self.host == other.host;
        let rest = other.path.strip_prefix(self.path.as_slice()).filter(|_| is_same)?;
        Some(rest.join("/"))
    }

    /// The URL of what is at `path` from here.
    pub(super) fn below(&self, path: &str) -> String {
        let names = self.path.iter().map(String::as_str).chain(path.split('/').filter(|_| !path.is_empty()));
        let names: Vec<String> = names.map(|name| utf8_percent_encode(name, CODED).to_string()).collect();
        format!("{}://{}/{}", self.scheme, self.host, names.join("/"))
    }

    /// The last name on the way.
    pub(super) fn name(mut self) -> Option<String> {
        self.path.pop()
    }

    /// The folder that it is on this machine; `None` for a bucket.
    pub(super) fn folder(&self) -> Option<PathBuf> {
        (self.scheme == "file").then(|| PathBuf::from(format!("/{}", self.path.join("/"))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_below_a_place_is_told_by_names() {
        let place = ParsedAddress::new("s3://bucket/exports/2026/").unwrap();
        for (url, path) in [
            ("s3://bucket/exports/2026", Some("")),
            ("s3://bucket/exports/2026/a%20b.csv", Some("a b.csv")),
            ("S3://bucket/exports/20%326/x/y", Some("x/y")),
            ("s3://bucket/exports/20261", None),
            ("s3://bucket/exports/2026/../secret", None),
            ("s3://bucket/exports/2026/%2e%2e/secret", None),
            ("s3://bucket/exports/2026/a%2f..%2f..%2fb", None),
            ("s3://bucket/exports/2026//x", None),
            ("s3://other/exports/2026/x", None),
            ("gs://bucket/exports/2026/x", None),
            ("file:///exports/2026/x", None),
            ("s3://key:secret@bucket/exports/2026/x", None),
        ] {
            let found = ParsedAddress::new(url).and_then(|url| place.path_to(&url));
            assert_eq!(found.as_deref(), path, "{url}");
        }
        assert_eq!(place.below("a b/50%.csv"), "s3://bucket/exports/2026/a%20b/50%25.csv");
        assert_eq!(ParsedAddress::new("file://localhost/a%20b").unwrap().folder(), Some("/a b".into()));
        for wrong in ["file://host/a", "s3:///a", "nowhere", "file:///a/./b", "file:///a%00b", "s3://b/\u{ff0e}\u{0}"] {
            assert!(ParsedAddress::new(wrong).is_none(), "{wrong}");
        }
    }
}
