//! In the second byte of a file.

pub(super) const TREE: u8 = 1;
pub(super) const CHOSEN: u8 = 2;
