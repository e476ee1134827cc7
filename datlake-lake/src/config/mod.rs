//! Where the default lake is: environment, the nearest `datlake.toml`, the user's own configuration, in this order.
//!
//! The user's file is `~/.config/datlake/config.toml`, or what the system has in its place. It has the settings of a
//! `datlake.toml` for who uses no context, and contexts, of which one may be in use:
//!
//! ```toml
//! context = "team"
//! email = "ada@example.org"       # in every context that has no other
//!
//! [contexts.team]
//! remote = "file:///mnt/shared/lake"
//! ```

mod edit;
mod file;
mod key;
mod resources;
mod setting;
mod surroundings;
#[cfg(test)]
mod tests;

pub use edit::{Changed, ContextRow, check, contexts, create_context, delete_context, set, unset, use_context};
#[cfg(feature = "console")]
pub(crate) use key::Log;
pub use key::size;
pub use resources::resources;
pub(crate) use resources::{RESOURCES, resources_of};
pub use setting::{Scope, Setting, Source, without_secrets};
pub use surroundings::settings;
pub(crate) use surroundings::{Settings, resolve};

/// Both kinds of files, and texts in them.
#[cfg(feature = "fuzzing")]
pub fn fuzz(text: &str) {
    let path = std::path::Path::new("/p/datlake.toml");
    let _ = (file::project(path, text), file::user(path, text));
    let shown = without_secrets(&format!("https://ada:hunter2@{text}"));
    assert!(text.contains("hunter2") || !shown.contains("hunter2"), "{text:?} is shown as {shown:?}");
    let _ = (size(text), setting::secret_in(text));
}
