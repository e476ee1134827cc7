//! `datlake init`: a lake for one project.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind as IoKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use datlake::config::{self, Scope};
use datlake::{Error, ErrorKind, Subject};
use serde::Serialize;

use crate::answer::{Answer, Page};
use crate::text::escape;

const FILE: &str = "datlake.toml";
const COMMENT: &str = "# The lake of whatever is started in this folder or below.\n";

/// What was written.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize, schemars::JsonSchema))]
pub(super) struct Initialized {
    /// The configuration.
    path: PathBuf,
    /// The lake's folder, from there.
    home: String,
    /// The store shared with others.
    remote: Option<String>,
    /// The file that now keeps the lake out of git, where there is a repository.
    ignored_in: Option<PathBuf>,
}

impl Answer for Initialized {
    fn text(&self, _: &Page) -> String {
        let shown = |path: &Path| escape(&path.display().to_string()).into_owned();
        let mut text = format!("wrote {}: this project's lake is in {}\n", shown(&self.path), escape(&self.home));
        if let Some(path) = &self.ignored_in {
            text.push_str(&format!("added it to {}\n", shown(path)));
        }
        text
    }
}

pub(super) fn run(home: &str, remote: Option<&str>) -> anyhow::Result<Initialized> {
    let folder = std::env::current_dir().context("there is no working directory")?;
    // Before anything is written.
    config::check("home", home)?;
    remote.map(|remote| config::check("remote", remote)).transpose()?;
    let path = folder.join(FILE);
    let written = OpenOptions::new().write(true).create_new(true).open(&path);
    match written.and_then(|mut file| file.write_all(COMMENT.as_bytes())) {
        Err(e) if e.kind() == IoKind::AlreadyExists => {
            let message = format!("there is a `{FILE}` in `{}` already", folder.display());
            let error = Error::new(ErrorKind::AlreadyExists, message).about(Subject::Path(path));
            return Err(error.with_hint("`datlake config set --project home .datlake` changes it").into());
        }
        written => written.with_context(|| format!("cannot write `{}`", path.display()))?,
    }
    let settings = [("home", Some(home)), ("remote", remote)];
    for (key, value) in settings.into_iter().filter_map(|(key, value)| Some((key, value?))) {
        if let Err(error) = config::set(key, value, Scope::Project) {
            // Half a configuration would be another lake than the one that was asked for.
            let _ = fs::remove_file(&path);
            return Err(error.into());
        }
    }
    let ignored_in = ignore(&folder, home)?;
    Ok(Initialized { path, home: home.to_owned(), remote: remote.map(str::to_owned), ignored_in })
}

/// Keeps a lake below `folder` out of git, where that is in a repository.
fn ignore(folder: &Path, home: &str) -> anyhow::Result<Option<PathBuf>> {
    let in_repository = folder.ancestors().any(|above| above.join(".git").exists());
    let elsewhere = Path::new(home).is_absolute() || home.starts_with('~') || home.starts_with("..");
    if !in_repository || elsewhere {
        return Ok(None);
    }
    let path = folder.join(".gitignore");
    let line = format!("/{}/", home.trim_start_matches("./").trim_end_matches('/'));
    let failed = || format!("cannot write `{}`", path.display());
    let text = match fs::read_to_string(&path) {
        Err(e) if e.kind() == IoKind::NotFound => String::new(),
        text => text.with_context(failed)?,
    };
    if text.lines().any(|there| there.trim() == line) {
        return Ok(None);
    }
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let mut file = OpenOptions::new().append(true).create(true).open(&path).with_context(failed)?;
    file.write_all(format!("{end}{line}\n").as_bytes()).with_context(failed)?;
    Ok(Some(path))
}
