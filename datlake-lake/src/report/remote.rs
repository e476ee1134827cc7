//! What works with a remote, and URLs that it hands out.

use std::fmt;

use datlake_core::{Digest, Uid};
use serde::{Deserialize, Serialize};

/// What works with a remote.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct RemoteCheck {
    /// The remote, without credentials.
    pub remote: String,
    /// What can be seen of it without asking a server.
    pub state: RemoteState,
    /// How long the quickest answer took, in milliseconds; `None` where there was none.
    pub round_trip_ms: Option<f64>,
    /// What was tried, in order. What is not tried any more, because something before it failed, is left out; and where the
    /// folder is [new](RemoteState::New), what would make it.
    pub steps: Vec<CheckStep>,
}

/// What can be seen of a remote without asking a server.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RemoteState {
    /// Nothing: it is a bucket.
    Unasked,
    /// There is a lake in that folder.
    There,
    /// There is no lake in that folder yet: the first write makes one.
    New,
    /// It is not what this machine knows: it is not there any more, or is another lake. Or it cannot be looked at.
    Wrong,
}

/// One thing that was tried with a remote.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct CheckStep {
    /// What it is.
    pub what: Ability,
    /// Whether it works.
    pub works: bool,
    /// Why not, and what to do about it.
    pub problem: Option<String>,
}

/// What a lake asks of its remote.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Ability {
    /// To list objects: every use needs it.
    List,
    /// To read objects: every use needs it.
    Read,
    /// To create objects: whoever makes something needs it.
    Create,
    /// Not to replace one that exists.
    CreateConditionally,
    /// To hand out URLs from which others download: `datlake url` needs it. Not tried with a directory, which has none.
    Presign,
    /// To delete objects: `datlake rm` needs it.
    Delete,
}

impl RemoteCheck {
    /// Whether a lake can be read and written there. Whoever cannot delete works as others do, and removes nothing; whoever
    /// cannot hand out URLs, too.
    pub fn works(&self) -> bool {
        self.steps.iter().all(|step| step.works || matches!(step.what, Ability::Delete | Ability::Presign))
    }
}

/// A URL from which whoever has it downloads a file. It is a secret: `Debug` does not show it.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct SignedUrl {
    /// The file.
    pub uid: Uid,
    /// The name under which it is saved.
    pub name: String,
    /// Its content.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// The URL.
    pub url: String,
    /// Until when it is valid, unless it is temporary.
    pub expires_at: String,
    /// Whether it was signed by credentials that end by themselves, and the URL with them.
    pub temporary: bool,
}

/// A URL by which whoever has it puts an object. It is a secret: `Debug` does not show it.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq)]
pub struct SignedUpload {
    /// Where the object is put, as a URL of the store.
    pub address: String,
    /// The URL.
    pub url: String,
    /// Until when it is valid.
    pub expires_at: String,
}

/// A URL from which whoever has it downloads an object. It is a secret: `Debug` does not show it.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq)]
pub struct SignedObject {
    /// The URL.
    pub url: String,
    /// Until when it is valid.
    pub expires_at: String,
}

impl fmt::Debug for SignedUpload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedUpload").field("address", &self.address).finish_non_exhaustive()
    }
}

impl fmt::Debug for SignedObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedObject").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

impl fmt::Debug for SignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedUrl")
            .field("uid", &self.uid)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
