//! Whether something was made by this process, or by one that this was forked from.
//!
//! A forked child has a copy of everything and only one of the threads: what the parent holds is not the child's to release,
//! what the parent began to write is not the child's to remove, and the parent's threads do nothing in the child.

/// The process that made something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Maker(u32);

impl Maker {
    /// This process.
    pub fn this() -> Self {
        Self(std::process::id())
    }

    /// Whether that is this process.
    pub fn is_here(self) -> bool {
        self == Self::this()
    }

    /// Its number.
    pub fn id(self) -> u32 {
        self.0
    }
}
