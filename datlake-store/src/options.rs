//! How to open a remote.

use std::path::PathBuf;
use std::sync::Arc;

use datlake_core::Location;

/// Receives how many bytes of content a store has, and its size.
pub type Progress = Arc<dyn Fn(&Location, u64, u64) + Send + Sync>;

/// How to open a remote.
#[derive(Clone, Default)]
pub struct RemoteOptions {
    /// The folder in which a home remembers what stores can do.
    pub memory: Option<PathBuf>,
    /// Whether to accept a store that cannot create without replacing.
    pub unsafe_creates: bool,
    /// Whether a lake is mirrored to it.
    pub mirror: bool,
    /// Called during large uploads, on the thread or task that sends.
    pub progress: Option<Progress>,
    /// Overrides multipart sizes, for benchmarks: of a part, and up to which content is sent in one request.
    #[doc(hidden)]
    pub parts: Option<(u64, u64)>,
    /// Overrides the environment for providers' settings.
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
