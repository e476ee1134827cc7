//! What a home remembers of a remote: that its store can hold a lake, and which lake is there.
//!
//! One small file for each remote, in the home's `remotes/`: the URL, and the lake's id. It distinguishes a remote that is gone
//! or replaced from a new one. If it cannot be written, the next process asks again.

use std::path::PathBuf;

use datlake_core::{Digest, Error, ErrorKind, Result};

use crate::lake_header::is_id;
use crate::options::RemoteOptions;

/// What is remembered of one remote.
#[derive(Clone, Debug)]
pub(crate) struct RemoteIdentity {
    /// `None` where there is no home that remembers.
    path: Option<PathBuf>,
    /// The remote, for people.
    shown: String,
    /// Whether it is no remote, but what the lake is mirrored to.
    mirror: bool,
    #[cfg(feature = "cloud")]
    distinct: Digest,
}

impl RemoteIdentity {
    /// What the home holds of the remote `shown`, opened with `options`; `distinct` distinguishes it from others.
    pub(crate) fn of(options: &RemoteOptions, shown: &str, distinct: &str) -> Self {
        // What settings say is written nowhere.
        let distinct = Digest::of(distinct.as_bytes());
        Self {
            path: options.memory.as_ref().map(|memory| memory.join(distinct.to_string())),
            shown: shown.to_owned(),
            mirror: options.mirror,
            #[cfg(feature = "cloud")]
            distinct,
        }
    }

    /// Distinguishes the remote from others.
    #[cfg(feature = "cloud")]
    pub(crate) fn distinct(&self) -> Digest {
        self.distinct
    }

    /// Whether anything is remembered.
    #[cfg(feature = "cloud")]
    pub(crate) fn exists(&self) -> bool {
        self.path.as_ref().is_some_and(|path| path.exists())
    }

    /// The id of the lake that was there.
    pub(crate) fn id(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.path.as_ref()?).ok()?;
        text.lines().nth(1).filter(|id| is_id(id)).map(str::to_owned)
    }

    /// Compares the lake that is there with the one that was, and remembers the first.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for another one.
    pub(crate) fn check(&self, found: &str) -> Result<()> {
        match self.id() {
            Some(known) if known == found => Ok(()),
            Some(known) => Err(self.another(&known, found)),
            None => {
                self.remember(found);
                Ok(())
            }
        }
    }

    /// Compares the remote that has no lake with what was there.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] where there was one.
    #[cfg(feature = "cloud")]
    pub(crate) fn check_absent(&self) -> Result<()> {
        self.id().map_or(Ok(()), |known| Err(self.gone(&known)))
    }

    pub(crate) fn remember(&self, id: &str) {
        let Some(path) = &self.path else { return };
        let _ = path.parent().map(std::fs::create_dir_all);
        let _ = std::fs::write(path, format!("{}\n{id}\n", self.shown));
    }

    /// Forgets the remote: what is there next is taken for it.
    pub(crate) fn forget(&self) -> Result<()> {
        match self.path.as_ref().map(std::fs::remove_file) {
            Some(Err(e)) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io("forget what is known of the remote", &self.shown, e))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn gone(&self, known: &str) -> Error {
        let (what, accept) = self.words();
        let message = format!(
            "the {what} `{}` is not there: it held the lake {known}, and now there is none; mount it, or correct its URL. If it is gone for good, `{accept}` forgets it",
            self.shown
        );
        Error::new(ErrorKind::Unavailable, message)
    }

    fn another(&self, known: &str, found: &str) -> Error {
        let (what, accept) = self.words();
        let message =
            format!("the {what} `{}` is another lake than before: it was {known} and now is {found}", self.shown);
        let hint = format!("mount the right one, or correct its URL. If the new one is meant, `{accept}` takes it");
        Error::new(ErrorKind::Config, message).with_hint(hint)
    }

    /// What it is to the lake, and what takes whatever is there.
    fn words(&self) -> (&'static str, &'static str) {
        match self.mirror {
            true => ("mirror", "datlake mirror --accept"),
            false => ("remote", "datlake config check --accept"),
        }
    }
}
