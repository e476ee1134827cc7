//! Copying what a run has sent into packs, when it ends.

use std::sync::Arc;
use std::time::Duration;

use datlake_store::{LocalView, wait, within};

use crate::at_end::Ends;

/// How long the end of a program waits for its last packs. They are copies: a collection writes what is missing.
const PATIENCE: Duration = Duration::from_secs(5);

/// The records that a process has sent and not packed.
pub(crate) struct LastPacks(pub(crate) Arc<LocalView>);

impl Ends for LastPacks {
    fn end(&self) {
        if self.0.catalog().packs.are_due() {
            let local_view = Arc::clone(&self.0);
            within(PATIENCE, move || wait(local_view.catalog().write_packs()));
        }
    }
}

impl Drop for LastPacks {
    fn drop(&mut self) {
        self.end();
    }
}
