//! Ways to what parses bytes from others, for the package `fuzz`. A panic is a mistake; an error is an answer.

pub use crate::config::fuzz as config;
