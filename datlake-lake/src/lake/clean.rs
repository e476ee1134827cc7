//! Clearing what is left over at a remote: claims of holders who are gone, and uploads that were never completed.

use std::time::{Duration, SystemTime};

use datlake_core::claim::{clear_left_over, left_over};
use datlake_core::{ErrorKind, Result, Store, StoreExt as _};
use datlake_store::wait;

use super::{Lake, refuse_in_body};
use crate::report::{Cleaned, RemoteState};

/// What is younger may be at work, by the store's own times.
pub(super) const YOUNG: Duration = Duration::from_secs(24 * 60 * 60);

impl Lake {
    /// Clears what is left over at the remote and has sent no heartbeat for a day, by the remote's own clock: claims of
    /// calls whose holders are gone, and on S3 uploads that were never completed. Neither was in anybody's way. An empty object
    /// is created there, to see what time it is, and removed again.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] without a remote; those of the store; [`ErrorKind::Context`] in a body.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let remote = format!("file://{}", folder.path().join("remote").display());
    /// let lake = datlake::Lake::builder().home(folder.path().join("home")).remote(remote).open()?;
    /// lake.add_bytes("greetings/en.txt", "hello")?;
    /// assert_eq!(lake.clean()?.claims, 0);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn clean(&self) -> Result<Cleaned> {
        refuse_in_body("clean the remote")?;
        let Some(remote) = self.catalog().remote.clone() else {
            return Err(self.no_remote("clean the remote"));
        };
        if self.remote_state().0 == Some(RemoteState::New) {
            return Ok(Cleaned::default());
        }
        wait(async {
            let now = self.time_of(&*remote).await?;
            let mut cleaned = Cleaned::default();
            for left in left_over(&*remote, YOUNG, now).await? {
                cleaned.claims += u64::from(clear_left_over(&*remote, &left).await?);
            }
            cleaned.uploads = said(self.left_uploads(true).await)?;
            Ok(cleaned)
        })
    }

    /// Counts the uploads that nobody continued, and aborts them if `abort`; `None` where the remote does not say.
    pub(super) async fn left_uploads(&self, abort: bool) -> Result<Option<u64>> {
        match self.local_view().remote() {
            Some(remote) => remote.left_uploads(YOUNG, abort).await,
            None => Ok(None),
        }
    }

    /// What time it is by the store's own clock.
    async fn time_of(&self, store: &dyn Store) -> Result<SystemTime> {
        let (folder, at) = self.trial_place()?;
        store.create(&at, b"").await?;
        let mut now = SystemTime::UNIX_EPOCH;
        let listed = store.each(&folder, |entry| now = now.max(entry.modified)).await;
        store.remove(&at).await?;
        listed.map(|()| now)
    }
}

/// What a store says of uploads; `None` where it does not tell us.
pub(super) fn said(uploads: Result<Option<u64>>) -> Result<Option<u64>> {
    match uploads {
        Err(error) if matches!(error.kind(), ErrorKind::Denied | ErrorKind::Unsupported | ErrorKind::Io) => Ok(None),
        said => said,
    }
}
