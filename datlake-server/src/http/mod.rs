//! Routes, each with the right it needs, and what every request goes through.

mod about;
mod every;
mod incoming;
mod inputs;
mod json;
mod names;
mod outputs;
mod pace;
mod paging;
mod range;
mod right;
mod routes;

pub(crate) use about::about;
pub(crate) use every::every_request;
pub(crate) use incoming::Incoming;
pub(crate) use inputs::{At, JsonBody, OnceKey, Query, whole_body};
pub(crate) use json::{StrictJson, object_of};
pub(crate) use names::check_name;
pub(crate) use outputs::{AcceptedJson, CreatedJson, NoContent, pieces};
pub(crate) use pace::ClientPace;
pub(crate) use paging::{List, MOST, PageAfter, list, most};
pub(crate) use range::{Asked, asked};
pub(crate) use right::{Asker, Parameters, Right, no_dataflow, not_there};
pub(crate) use routes::Routes;
