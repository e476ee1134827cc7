//! What a grant names: `repo:sales/dev-*`.
//!
//! A pattern has a kind and a name, and may say what is meant within that. A `*` stands for any text, but for none across the `/` between the
//! two. Where nothing is said, or `*`, all that is within is meant, and the thing itself.

use std::fmt;
use std::str::FromStr;

use datlake::{Error, ErrorKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const KINDS: [&str; 4] = ["repo", "job", "table", "dataset"];

/// What a grant names: `*`, which is all; `repo:sales`, a repository and all of it; `repo:sales/dev-*`, branches of it. Other kinds are
/// `job`, `table` and `dataset`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Pattern {
    text: String,
}

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    kind: &'static str,
    name: String,
    within: Option<String>,
}

impl Pattern {
    fn parts(&self) -> Option<(&str, &str, Option<&str>)> {
        let (kind, rest) = self.text.split_once(':')?;
        let (name, within) = rest.split_once('/').map_or((rest, None), |(name, within)| (name, Some(within)));
        Some((kind, name, within.filter(|within| *within != "*")))
    }

    /// Whether it means all that there is.
    pub(crate) fn is_everything(&self) -> bool {
        self.parts().is_none()
    }

    /// Whether it means `resource`, and all of that.
    pub(crate) fn covers(&self, resource: &Resource) -> bool {
        self.concerns(resource) && self.is_within(resource)
    }

    /// Whether it means `resource`, or of a repository something within it: a commit is of no branch, so who may read one branch may read all.
    pub(crate) fn concerns(&self, resource: &Resource) -> bool {
        let Some((kind, name, _)) = self.parts() else { return true };
        kind == resource.kind && matches(name, &resource.name) && (kind == "repo" || self.is_within(resource))
    }

    /// Whether it may mean something of this kind whose name begins with `prefix`, which ends in `/`.
    pub(crate) fn concerns_below(&self, kind: &str, prefix: &str) -> bool {
        let Some((of, name, within)) = self.parts() else { return true };
        let (asked, rest) = prefix.split_once('/').unwrap_or((prefix, ""));
        let is_near = |within: &str| match within.split_once('*') {
            Some((begins, _)) => begins.starts_with(rest) || rest.starts_with(begins),
            None => within.starts_with(rest),
        };
        kind == of && matches(name, asked) && within.is_none_or(is_near)
    }

    fn is_within(&self, resource: &Resource) -> bool {
        match (self.parts().and_then(|(_, _, within)| within), &resource.within) {
            (None, _) => true,
            (Some(within), Some(asked)) => matches(within, asked),
            (Some(_), None) => false,
        }
    }
}

impl Resource {
    pub(crate) fn repository(name: &str) -> Self {
        Self { kind: "repo", name: name.to_owned(), within: None }
    }

    /// A branch or a tag of a repository.
    pub(crate) fn reference(repository: &str, name: &str) -> Self {
        Self { within: Some(name.to_owned()), ..Self::repository(repository) }
    }

    /// A job. What is behind the first `/` of its name is within that.
    pub(crate) fn job(name: &str) -> Self {
        Self::split("job", name)
    }

    /// A table.
    pub(crate) fn table(name: &str) -> Self {
        Self::split("table", name)
    }

    /// Content at a path of a bucket.
    pub(crate) fn dataset(bucket: &str, path: &str) -> Self {
        Self { kind: "dataset", name: bucket.to_owned(), within: Some(path.to_owned()) }
    }

    /// An account, which no pattern but the one of everything names.
    pub(crate) fn account(name: &str) -> Self {
        Self { kind: "account", name: name.to_owned(), within: None }
    }

    /// What [`fmt::Display`] writes, again.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (kind, name) = text.split_once(':')?;
        if kind == "account" {
            return Some(Self::account(name));
        }
        let kind = KINDS.into_iter().find(|known| *known == kind)?;
        (!name.is_empty()).then(|| Self::split(kind, name))
    }

    fn split(kind: &'static str, name: &str) -> Self {
        match name.split_once('/') {
            Some((name, within)) => Self { kind, name: name.to_owned(), within: Some(within.to_owned()) },
            None => Self { kind, name: name.to_owned(), within: None },
        }
    }

    /// Its name, with what is within.
    pub(crate) fn name(&self) -> String {
        self.within.as_ref().map_or_else(|| self.name.clone(), |within| format!("{}/{within}", self.name))
    }

    /// What kind of thing it is, as patterns say it.
    pub(crate) fn kind(&self) -> &'static str {
        self.kind
    }
}

/// Whether `pattern` is `text`, with any text in the place of each `*`.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let mut rest = rest.split('*').peekable();
    while let Some(part) = rest.next() {
        if rest.peek().is_none() {
            return text.ends_with(part);
        }
        let Some(at) = text.find(part) else { return false };
        text = &text[at + part.len()..];
    }
    true
}

impl FromStr for Pattern {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |why: &str| {
            let shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
            let error = Error::new(ErrorKind::InvalidInput, format!("`{shown}` is no pattern: it {why}"));
            Err(error.with_hint("as `*`, `repo:sales`, `repo:sales/dev-*`, `job:daily_*`"))
        };
        let pattern = Self { text: text.to_owned() };
        match pattern.parts() {
            _ if text.len() > 1000 => wrong("is longer than 1000 bytes"),
            _ if text.chars().any(|c| c.is_control() || c == ' ') => wrong("has a space or a control character"),
            None if text == "*" => Ok(pattern),
            None => wrong("says no kind"),
            Some((kind, _, _)) if !KINDS.contains(&kind) => wrong("is of no kind that there is"),
            Some((_, "", _)) | Some((_, _, Some(""))) => wrong("says no name"),
            Some(_) => Ok(pattern),
        }
    }
}

impl TryFrom<String> for Pattern {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.text
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.name)?;
        self.within.as_ref().map_or(Ok(()), |within| write!(f, "/{within}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(pattern: &str, resource: &Resource) -> bool {
        pattern.parse::<Pattern>().unwrap().covers(resource)
    }

    #[test]
    fn a_pattern_means_what_it_says() {
        let (sales, main) = (Resource::repository("sales"), Resource::reference("sales", "main"));
        let dev = Resource::reference("sales", "dev-1");
        for (pattern, expected) in [
            ("*", [true, true, true]),
            ("repo:*", [true, true, true]),
            ("repo:sales", [true, true, true]),
            ("repo:sales/*", [true, true, true]),
            ("repo:s*s", [true, true, true]),
            ("repo:sales/dev-*", [false, false, true]),
            ("repo:*/main", [false, true, false]),
            ("repo:sale", [false, false, false]),
            ("repo:sales-*", [false, false, false]),
            ("job:sales", [false, false, false]),
            ("table:*", [false, false, false]),
        ] {
            assert_eq!([&sales, &main, &dev].map(|of| covers(pattern, of)), expected, "{pattern}");
        }
        // A star never crosses from a name into what is within.
        assert!(!covers("repo:s*main", &main));
        assert!("repo:sales/dev-*".parse::<Pattern>().unwrap().concerns(&sales));
    }

    #[test]
    fn of_jobs_tables_and_datasets_only_what_is_named_is_concerned() {
        let (daily, step) = (Resource::job("daily_users"), Resource::job("zone/model/key/"));
        let (table, log) = (Resource::table("users"), Resource::dataset("logs", "jobs/a/run.log"));
        for (pattern, expected) in [
            ("*", [true, true, true, true]),
            ("job:*", [true, true, false, false]),
            ("job:daily_*", [true, false, false, false]),
            ("job:zone", [false, true, false, false]),
            ("job:zone/model/*", [false, true, false, false]),
            ("job:zone/other/*", [false, false, false, false]),
            ("table:user*", [false, false, true, false]),
            ("dataset:logs/jobs/*", [false, false, false, true]),
            ("dataset:logs/other/*", [false, false, false, false]),
            ("repo:*", [false, false, false, false]),
        ] {
            assert_eq!([&daily, &step, &table, &log].map(|of| covers(pattern, of)), expected, "{pattern}");
            let concerned = |of: &Resource| pattern.parse::<Pattern>().unwrap().concerns(of);
            assert_eq!([&daily, &step, &table, &log].map(concerned), expected, "{pattern}");
        }
        for resource in [daily, step, table, log, Resource::job("a/"), Resource::reference("sales", "main")] {
            assert_eq!(Resource::parse(&resource.to_string()), Some(resource));
        }
        assert_eq!((Resource::parse("user:a"), Resource::parse("job:"), Resource::parse("job")), (None, None, None));
    }

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*", "a", true),
            ("*a", "ba", true),
            ("a*b*c", "abc", true),
            ("a*b*c", "a-bb-c", true),
            ("a*b*c", "acb", false),
            ("a**c", "abc", true),
            ("aa*a", "aa", false),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in ["", "sales", "repo:", "repo:/main", "repo:a/", "user:a", "repo:a b", "repo:\n", &"a".repeat(1001)]
        {
            assert_eq!(text.parse::<Pattern>().unwrap_err().kind(), ErrorKind::InvalidInput, "{text}");
        }
    }

    #[test]
    fn a_folder_is_known_to_whoever_may_know_something_in_it() {
        let knows = |pattern: &str, prefix: &str| pattern.parse::<Pattern>().unwrap().concerns_below("dataset", prefix);
        for (pattern, prefix, expected) in [
            ("*", "logs/", true),
            ("dataset:logs", "logs/a/", true),
            ("dataset:logs/daily_*", "logs/", true),
            ("dataset:logs/daily_*", "logs/daily_users/", true),
            ("dataset:logs/daily/x/*", "logs/daily/", true),
            ("dataset:logs/daily/x", "logs/daily/", true),
            ("dataset:logs/daily_*", "logs/other/", false),
            ("dataset:logs/daily/x", "logs/daily/y/", false),
            ("dataset:logs", "raw/", false),
            ("repo:logs", "logs/", false),
        ] {
            assert_eq!(knows(pattern, prefix), expected, "{pattern} {prefix}");
        }
    }
}
