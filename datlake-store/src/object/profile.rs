//! What the files of the AWS tools say: keys, region and endpoint of a profile.
//!
//! Read are keys as they stand there. Profiles that log in by themselves (single sign-on, a process, an assumed role) are not:
//! `aws configure export-credentials` gives what they get.

use std::collections::BTreeMap;
use std::path::PathBuf;

use datlake_core::{Error, ErrorKind, Result};
use object_store::aws::AmazonS3ConfigKey as Key;

const READ: [(&str, Key); 5] = [
    ("aws_access_key_id", Key::AccessKeyId),
    ("aws_secret_access_key", Key::SecretAccessKey),
    ("aws_session_token", Key::Token),
    ("region", Key::Region),
    ("endpoint_url", Key::Endpoint),
];

/// Variables that give credentials: where one is set, the files' keys do not count.
const CREDENTIALS: [&str; 4] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
];

/// The settings of the profile that `AWS_PROFILE` names, else of the profile `default` if there is one.
///
/// # Errors
/// [`ErrorKind::Config`] where `AWS_PROFILE` names a profile that is not there or has no keys.
pub(super) fn settings(variable: &dyn Fn(&str) -> Option<String>) -> Result<Vec<(Key, String)>> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let file = |name: &str, usual: &str| {
        let path = set(name).map(PathBuf::from).or_else(|| Some(PathBuf::from(set("HOME")?).join(usual)));
        path.and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default()
    };
    let chosen = set("AWS_PROFILE").or_else(|| set("AWS_DEFAULT_PROFILE"));
    let name = chosen.as_deref().unwrap_or("default");
    let config = file("AWS_CONFIG_FILE", ".aws/config");
    let keys = file("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials");
    let section = if name == "default" { name.to_owned() } else { format!("profile {name}") };
    let mut found = self::section(&config, &section);
    let in_keys = self::section(&keys, name);
    let known = found.is_some() || in_keys.is_some();
    let found = {
        let mut all = found.take().unwrap_or_default();
        all.extend(in_keys.unwrap_or_default());
        all
    };
    let given = CREDENTIALS.iter().any(|name| set(name).is_some());
    if let (Some(name), false) = (&chosen, given) {
        let wrong = |why: &str| {
            Err(Error::new(ErrorKind::Config, format!("AWS_PROFILE is `{}`, but {why}", name.escape_debug())))
        };
        if !known {
            return wrong("there is no such profile in ~/.aws/credentials or ~/.aws/config");
        }
        if !found.contains_key("aws_access_key_id") {
            return wrong(
                "that profile has no keys: datlake does not log in for it; run `eval \"$(aws configure export-credentials --format env)\"`",
            );
        }
    }
    let counts = |key: &Key| !given || matches!(key, Key::Region | Key::Endpoint);
    Ok(READ
        .into_iter()
        .filter(|(_, key)| counts(key))
        .filter_map(|(name, key)| Some((key, found.get(name)?.clone())))
        .collect())
}

/// The settings in the section `[name]`; `None` where there is none. Indented lines belong to the setting above them.
pub(super) fn section<'t>(text: &'t str, name: &str) -> Option<BTreeMap<&'t str, String>> {
    let mut found = None;
    let mut inside = false;
    for line in text.lines() {
        if let Some(header) = line.trim().strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            inside = header.0.split_whitespace().eq(name.split_whitespace());
            if inside {
                found.get_or_insert_with(BTreeMap::new);
            }
        } else if inside
            && !line.starts_with([' ', '\t', '#', ';'])
            && let (Some((key, value)), Some(found)) = (line.split_once('='), &mut found)
        {
            found.insert(key.trim(), value.trim().to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(variables: &[(&str, &str)]) -> Result<Vec<(String, String)>> {
        let dir = tempfile::tempdir().unwrap();
        let aws = dir.path().join(".aws");
        std::fs::create_dir(&aws).unwrap();
        std::fs::write(
            aws.join("credentials"),
            "# keys\n[default]\naws_access_key_id = D\naws_secret_access_key=DS\n\n[work]\naws_access_key_id=W\naws_secret_access_key = W=S\naws_session_token=T\n",
        )
        .unwrap();
        std::fs::write(
            aws.join("config"),
            "[default]\nregion = eu-west-1\ns3 =\n  region = nested\n[profile work]\nregion=us-west-2\nendpoint_url = https://s3.example.org\n[profile sso]\nsso_session = x\n",
        )
        .unwrap();
        let home = dir.path().display().to_string();
        let variable = |name: &str| {
            let set = variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
            set.or_else(|| (name == "HOME").then(|| home.clone()))
        };
        Ok(settings(&variable)?.into_iter().map(|(key, value)| (key.as_ref().to_owned(), value)).collect())
    }

    fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
        of.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    }

    #[test]
    fn a_profile_gives_keys_region_and_endpoint() {
        let default = [("aws_access_key_id", "D"), ("aws_secret_access_key", "DS"), ("aws_region", "eu-west-1")];
        assert_eq!(check(&[]).unwrap(), pairs(&default));
        let work = [
            ("aws_access_key_id", "W"),
            ("aws_secret_access_key", "W=S"),
            ("aws_session_token", "T"),
            ("aws_region", "us-west-2"),
            ("aws_endpoint", "https://s3.example.org"),
        ];
        assert_eq!(check(&[("AWS_PROFILE", "work")]).unwrap(), pairs(&work));
        let variables = [("AWS_PROFILE", "work"), ("AWS_ACCESS_KEY_ID", "V")];
        assert_eq!(check(&variables).unwrap(), pairs(&work[3..]), "variables give the credentials");
    }

    #[test]
    fn a_profile_that_gives_no_keys_is_an_error() {
        for (name, why) in [("nobody", "no such profile"), ("sso", "export-credentials")] {
            let error = check(&[("AWS_PROFILE", name)]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().contains(why), "{error}");
        }
        assert_eq!(check(&[("AWS_CONFIG_FILE", "/nowhere"), ("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")]).unwrap(), []);
    }
}
