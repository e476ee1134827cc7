//! Unit tests that need the whole crate.
