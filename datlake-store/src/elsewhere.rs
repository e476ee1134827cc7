//! Content in stores that the home remembers and that are no part of the lake now.

use std::fmt;
use std::path::Path;

use datlake_core::{Digest, Location};

/// So many stores are looked at.
const MOST: usize = 100;

/// Where content is that neither this machine nor the remote has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elsewhere {
    /// The URL of the store, without credentials.
    url: String,
    /// Whether the content was seen there.
    seen: bool,
}

impl fmt::Display for Elsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, seen } = self;
        match seen {
            true => write!(f, "at {url}, which is not configured"),
            false => write!(f, "perhaps at {url}, which is not configured"),
        }
    }
}

impl Elsewhere {
    /// What to do.
    pub fn hint(&self) -> String {
        format!("set DATLAKE_REMOTE to {}, or `datlake config set remote {0}`", self.url)
    }
}

/// Where content is, by what the home `root` remembers of remotes and mirrors other than the `current`: in a folder it is looked for, a
/// server is not asked. `None` where it can be at none of them.
pub(crate) fn look(root: &Path, current: Option<&str>, digest: &Digest) -> Option<Elsewhere> {
    let blob = Location::Blob(*digest).path();
    let mut perhaps = None;
    for store in std::fs::read_dir(root.join("remotes")).ok()?.flatten().take(MOST) {
        let Ok(text) = std::fs::read_to_string(store.path()) else { continue };
        let Some(url) = text.lines().next().filter(|url| url.contains("://")) else { continue };
        let folder = url.strip_prefix("file://");
        if current.is_some_and(|current| current == url || folder == Some(current)) {
            continue;
        }
        match folder.map(Path::new).map(|folder| (folder.join("datlake.json").exists(), folder.join(&blob).exists())) {
            Some((_, true)) => return Some(Elsewhere { url: url.to_owned(), seen: true }),
            // A lake without it has it not; one that is not mounted may.
            Some((true, false)) => {}
            Some((false, _)) | None => perhaps = Some(Elsewhere { url: url.to_owned(), seen: false }),
        }
    }
    perhaps
}
