//! The lake on disk and in object stores.
