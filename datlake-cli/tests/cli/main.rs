//! What a person sees of the command: real processes over lakes of their own.

#![allow(clippy::unwrap_used, reason = "tests panic")]

mod calls;
mod config;
mod content;
mod download;
mod explain;
mod guide;
mod info;
mod interrupt;
mod ls;
mod order;
mod pipeline;
mod rm;
mod runs;
mod server;
mod shell;
mod support;
