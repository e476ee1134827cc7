//! Values: how they are stored and come back, how people see them, how many files a type holds.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod codec;
mod count;
mod json;
mod shape;
