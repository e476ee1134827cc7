//! The attributes `#[file_creator]` and `#[tracked]`.
