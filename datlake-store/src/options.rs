//! How to open a remote.

use std::path::PathBuf;
use std::sync::Arc;

use datlake_core::Location;

/// Is told how far content has come on its way to a store, in bytes, and how large it is.
pub type Progress = Arc<dyn Fn(&Location, u64, u64) + Send + Sync>;

/// How to open a remote.
#[derive(Clone, Default)]
pub struct RemoteOptions {
    /// The folder in which a home remembers what stores were found to do.
    pub memory: Option<PathBuf>,
    /// Whether to go on with a store that cannot create without replacing.
    pub unsafe_creates: bool,
    /// Whether it is no remote, but what a lake is mirrored to.
    pub mirror: bool,
    /// Told of large content on its way to the remote how many bytes are there, and of how many: where, and on the thread or
    /// task that sends.
    pub progress: Option<Progress>,
    /// How content goes up, in place of what is usual: the size of a part, and the size up to which it goes in one request. To
    /// measure what pays.
    #[doc(hidden)]
    pub parts: Option<(u64, u64)>,
    /// The variables that providers' settings are taken from, in place of the environment.
    #[doc(hidden)]
    pub variables: Option<Vec<(String, String)>>,
}

impl std::fmt::Debug for RemoteOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the variables: they hold credentials.
        f.debug_struct("RemoteOptions")
            .field("memory", &self.memory)
            .field("unsafe_creates", &self.unsafe_creates)
            .finish_non_exhaustive()
    }
}
