//! Locking what no code of a user runs under.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks `mutex`, also after a panic: every step under it leaves the state whole.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
