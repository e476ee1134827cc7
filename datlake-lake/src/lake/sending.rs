//! What content on its way to the remote is called, for who watches it go.

use datlake_core::Digest;

use super::{Lake, lock};
use crate::event::Event;

/// Content that may be on its way to the remote.
#[derive(Debug)]
pub(crate) struct Sends {
    lake: Lake,
    digests: Vec<Digest>,
}

impl Drop for Sends {
    fn drop(&mut self) {
        let mut sending = lock(&self.lake.0.sending);
        self.digests.iter().for_each(|digest| drop(sending.remove(digest)));
    }
}

impl Lake {
    /// What content is called, for who watches it go to the remote, as long as the answer lives.
    pub(crate) fn sends(&self, content: impl IntoIterator<Item = (Digest, String)>) -> Sends {
        let mut sending = lock(&self.0.sending);
        let named = content.into_iter().map(|(digest, what)| {
            sending.insert(digest, what);
            digest
        });
        Sends { digests: named.collect(), lake: self.clone() }
    }

    /// Large content is on its way to the remote.
    pub(super) fn tell_sending(&self, digest: &Digest, done: u64, size: u64) {
        let file = lock(&self.0.sending).get(digest).cloned().unwrap_or_else(|| digest.to_string());
        self.emit(&match done < size {
            true => Event::Uploading { file, done, size },
            false => Event::Uploaded { file, size },
        });
    }
}
