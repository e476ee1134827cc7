//! Logs: how what moves is kept in stores that can only create, list and remove.
//!
//! A log's entries are numbered from 1, without gaps, and none is ever replaced; each names the digest of the one before it, and
//! that of entry 1 is of the document that the log belongs to. Creating the next one is the compare-and-swap.
//!
//! Invariants:
//! - Nobody creates an entry without having read the one before it. What an entry depends on is looked at again before each
//!   attempt: a look from before somebody else's entry is no look.
//! - A number that somebody knows of is a hint. The head is found by probing what comes after it, until that is not there.
//! - A create whose reply got lost finds its own nonce, and appends nothing a second time.
//! - Entries go with the document that the log belongs to, and not before. So what is behind an entry that is there is there.
//!
//! This module knows no name and no branch: who appends decides what is in an entry.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use serde::Deserialize;

use crate::store::{LOOKS, contradiction};
use crate::{Created, Error, ErrorKind, Location, LogId, Result, Store};

/// What every entry has, of whatever log.
#[derive(Deserialize)]
struct Link<'a> {
    #[serde(borrow)]
    nonce: Cow<'a, str>,
}

/// What became of an attempt to append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// The entry is ours.
    Ours,
    /// Somebody else's is there: look again.
    Another,
    /// The log was removed meanwhile.
    Gone,
}

/// The number of the last entry in `store`; 0 where there is none. `from` is a number that is there, or 0.
///
/// # Errors
/// Those of the store.
pub async fn last(store: &dyn Store, log: &LogId, from: u64) -> Result<u64> {
    let there = async |n: u64| match store.size(&log.entry(n)).await {
        // What is too long for a path of this store cannot be there.
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(false),
        size => Ok::<_, Error>(size?.is_some()),
    };
    let (mut known, mut step) = (from, 1);
    while there(known + step).await? {
        known += step;
        step *= 2;
    }
    let mut absent = known + step;
    while absent - known > 1 {
        let between = known + (absent - known) / 2;
        match there(between).await? {
            true => known = between,
            false => absent = between,
        }
    }
    Ok(known)
}

/// Creates the entry `n`, whose bytes have this nonce, after the one before it was read.
///
/// # Errors
/// Those of the store; [`ErrorKind::Corrupt`].
pub async fn attempt(store: &dyn Store, log: &LogId, n: u64, bytes: &[u8], nonce: &str) -> Result<Attempt> {
    let at = log.entry(n);
    for _ in 0..LOOKS {
        if store.create(&at, bytes).await? == Created::New {
            return Ok(Attempt::Ours);
        }
        match nonce_at(store, &at).await? {
            Some(there) if there == nonce => return Ok(Attempt::Ours),
            Some(_) => return Ok(Attempt::Another),
            // Removed in between, with what the log belongs to; or this store will never show it.
            None if store.size(&log.entry(0)).await?.is_none() => return Ok(Attempt::Gone),
            None => {}
        }
    }
    Err(contradiction(store, &format!("create `{}`", at.path()), "it"))
}

/// The entry with this nonce among some: who tries again finds what the first attempt did.
///
/// # Errors
/// As [`attempt`].
pub async fn find(store: &dyn Store, log: &LogId, among: RangeInclusive<u64>, nonce: &str) -> Result<Option<u64>> {
    for n in among.rev().filter(|n| *n > 0) {
        if nonce_at(store, &log.entry(n)).await?.is_some_and(|there| there == nonce) {
            return Ok(Some(n));
        }
    }
    Ok(None)
}

async fn nonce_at(store: &dyn Store, at: &Location) -> Result<Option<String>> {
    let Some(bytes) = store.get(at).await? else { return Ok(None) };
    let corrupt =
        |e| Error::new(ErrorKind::Corrupt, format!("`{}` is damaged: no entry of a log", at.path())).because(e);
    let link: Link<'_> = serde_json::from_slice(&bytes).map_err(corrupt)?;
    Ok(Some(link.nonce.into_owned()))
}
