//! Pauses between looks at what somebody else has: short at first, then twice as long each time.

use std::time::Duration;

use datlake_core::Result;

use crate::runtime;

/// The next pause, and the longest.
#[derive(Debug)]
pub(crate) struct Backoff {
    pause: Duration,
    longest: Duration,
}

impl Backoff {
    pub(crate) const fn up_to(longest: Duration) -> Self {
        Self { pause: Duration::from_millis(1), longest }
    }

    pub(crate) async fn wait(&mut self) -> Result<()> {
        runtime::sleep(self.pause).await?;
        self.pause = (self.pause * 2).min(self.longest);
        Ok(())
    }
}
