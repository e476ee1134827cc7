//! A process that is asked to end lets its claims go first, so that others take its calls over at once.
//!
//! SIGTERM is what schedulers send before they kill a process that has to make room. A program that nobody shares work with keeps the
//! usual meaning of the signal.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, Once, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::watch;

use crate::dir::LockFile;

/// How long claims may take to go. Schedulers leave a process 10 s or more.
#[cfg(unix)]
const LONGEST: Duration = Duration::from_secs(5);

static LEAVING: LazyLock<watch::Sender<bool>> = LazyLock::new(|| watch::Sender::new(false));
/// Claims among machines that this process holds, or tries to get.
static CLAIMS: LazyLock<watch::Sender<u64>> = LazyLock::new(|| watch::Sender::new(0));
/// Claims among the processes of this machine.
static LOCKS: LazyLock<Mutex<HashMap<u64, HeldLock>>> = LazyLock::new(Mutex::default);

struct HeldLock {
    lock: Weak<LockFile>,
    /// What its file is to say when this process is gone.
    says: String,
}

/// From now on SIGTERM ends this process once its claims are released. Done once; where the signal cannot be waited for, it ends the
/// process as before.
pub fn release_claims_on_sigterm() {
    static ONCE: Once = Once::new();
    #[cfg(unix)]
    ONCE.call_once(|| {
        let _ = wait_for_sigterm();
    });
    #[cfg(not(unix))]
    ONCE.call_once(|| {});
}

#[cfg(unix)]
fn wait_for_sigterm() -> datlake_core::Result<()> {
    use datlake_core::{Error, ErrorKind};
    use signal_hook::consts::SIGTERM;
    let mut signals = signal_hook::iterator::Signals::new([SIGTERM])
        .map_err(|e| Error::new(ErrorKind::Io, "cannot wait for SIGTERM").because(e))?;
    crate::runtime::spawn_heartbeat(move || {
        if signals.forever().next().is_some() {
            leave();
            // Whoever sent it sees that it was that signal.
            let _ = signal_hook::low_level::emulate_default_handler(SIGTERM);
        }
    })?;
    Ok(())
}

#[cfg(unix)]
fn leave() {
    LEAVING.send_replace(true);
    let mut claims = CLAIMS.subscribe();
    // Those that are left by then are taken over as those of a process that was killed.
    crate::runtime::within(LONGEST, move || {
        let _ = crate::runtime::wait(claims.wait_for(|claims| *claims == 0));
    });
    let locks = LOCKS.lock().unwrap_or_else(PoisonError::into_inner);
    for HeldLock { lock, says } in locks.values() {
        if let Some(lock) = lock.upgrade() {
            let _ = lock.note(says);
        }
    }
    // The locks go with the process.
}

/// Completes when this process is about to end.
pub(crate) async fn leaving() {
    let _ = LEAVING.subscribe().wait_for(|leaving| *leaving).await;
}

/// A claim among machines that is held, or about to be. A process that is about to end makes none: this does not return then.
pub(crate) async fn begin_claim() -> HeldClaim {
    CLAIMS.send_modify(|claims| *claims += 1);
    let held = HeldClaim(());
    if *LEAVING.borrow() {
        drop(held);
        return std::future::pending().await;
    }
    held
}

/// Counts while it lives.
#[derive(Debug)]
pub(crate) struct HeldClaim(());

impl Drop for HeldClaim {
    fn drop(&mut self) {
        CLAIMS.send_modify(|claims| *claims -= 1);
    }
}

/// A file lock that is held; if this process is asked to end, its file `says` that afterwards.
pub(crate) fn register(lock: Weak<LockFile>, says: String) -> Registered {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    LOCKS.lock().unwrap_or_else(PoisonError::into_inner).insert(number, HeldLock { lock, says });
    Registered(number)
}

/// Forgets the lock when it is dropped.
#[derive(Debug)]
pub(crate) struct Registered(u64);

impl Drop for Registered {
    fn drop(&mut self) {
        LOCKS.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
    }
}
