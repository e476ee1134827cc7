//! Whether something was made by this process, or by one that this was forked from.
//!
//! A forked child has a copy of everything and only one of the threads: what the parent holds is not the child's to release,
//! what the parent began to write is not the child's to remove, and the parent's threads do nothing in the child.

use std::sync::OnceLock;

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

/// A value of each process: a forked child gets one of its own, and touches its parent's no more, whose locks may be held by
/// threads that it does not have.
///
/// Which process this is costs no system call here, for hits ask too. A child that was made past the C library, by `clone` itself,
/// is not told from its parent.
#[derive(Debug)]
pub struct PerProcess<T> {
    made_in: forkguard::Guard,
    value: T,
    of_child: OnceLock<Box<Self>>,
}

impl<T> PerProcess<T> {
    /// A value of this process.
    pub fn new(value: T) -> Self {
        Self { made_in: forkguard::new(), value, of_child: OnceLock::new() }
    }

    /// The value of this process, by `make` where it was forked since.
    pub fn get(&self, make: impl Fn() -> T) -> &T {
        let mut own = self;
        while own.made_in.clone().detected_fork() {
            own = own.of_child.get_or_init(|| Box::new(Self::new(make())));
        }
        &own.value
    }
}
