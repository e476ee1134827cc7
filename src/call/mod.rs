//! Calls: a creator with its arguments, before anything runs.

mod admission;
pub(crate) mod again;
mod asked;
mod attempt;
pub(crate) mod body;
mod claim;
mod engine;
mod explain;
pub(crate) mod failure;
mod jobs;
pub(crate) mod key;
mod many;
mod one;
pub(crate) mod remade;
mod running;
mod said;
mod set_aside;
pub(crate) mod shape;
mod site;
mod status;
mod type_names;
pub(crate) mod undeclared_use;
#[cfg(not(feature = "openlineage"))]
mod unsent;
mod waiting;

pub use datlake_core::explain::Explanation;
pub use many::{AsyncCalls, Calls};
pub use one::{AsyncCall, Call};
pub use status::Status;
