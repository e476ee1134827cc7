//! What a person sees of the command: real processes over lakes of their own.

#![allow(clippy::unwrap_used, reason = "tests panic")]

mod content;
mod info;
mod ls;
mod pipeline;
mod support;
