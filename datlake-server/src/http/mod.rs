//! Routes, each with the right it needs, and what every request goes through.

mod about;
mod every;
mod inputs;
mod outputs;
mod right;
mod routes;

pub(crate) use about::about;
pub(crate) use every::every_request;
pub(crate) use inputs::{At, JsonBody, Query};
pub(crate) use outputs::{AcceptedJson, CreatedJson, NoContent};
pub(crate) use right::{Asker, Right};
pub(crate) use routes::Routes;
