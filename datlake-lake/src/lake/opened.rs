//! The lakes that this process has open.

use std::sync::{Arc, Mutex, MutexGuard, Weak};

use crate::handle::{Inner, Lake};
use crate::sync::lock;

static OPEN: Mutex<OpenLakes> = Mutex::new(OpenLakes { others: Vec::new(), default: None });

pub(super) struct OpenLakes {
    /// Lakes opened by the program, as long as they live.
    pub(super) others: Vec<Weak<Inner>>,
    pub(super) default: Option<Lake>,
}

pub(super) fn open_lakes() -> MutexGuard<'static, OpenLakes> {
    lock(&OPEN)
}

pub(super) fn register(lake: &Lake) {
    let mut open = open_lakes();
    open.others.retain(|other| other.strong_count() > 0);
    open.others.push(Arc::downgrade(&lake.0));
}
