//! What each document of a lake refers to: the one question of everybody who keeps the lake in order.
//!
//! - A kind of document answers it where it is read, in its row of the table of kinds in `layout`; nobody
//!   else looks into it for that.
//! - Content may refer to other content, as the manifest of a tree does. Whoever refers to it says how it is read.
//! - What a root refers to, all the way down, is kept.

pub(crate) mod envelope;
mod read;
pub(crate) mod references;

pub use envelope::FORMAT;
pub use read::{made_from, roots};
pub use references::{Content, Document, MadeFrom, Part, ReadContent, References};
