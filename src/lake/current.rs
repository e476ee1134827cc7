//! Which lake is meant where none is named.

use std::sync::{Mutex, Weak};

use datlake_core::{Error, ErrorKind, Result};

use super::{Inner, Lake, LakeBuilder, lock};
use crate::{config, console, context};

#[derive(Default)]
struct Open {
    /// Lakes opened by the program, as long as they live.
    others: Vec<Weak<Inner>>,
    default: Option<Lake>,
}

static OPEN: Mutex<Open> = Mutex::new(Open { others: Vec::new(), default: None });

pub(super) fn register(lake: &Lake) {
    let mut open = lock(&OPEN);
    open.others.retain(|other| other.strong_count() > 0);
    open.others.push(std::sync::Arc::downgrade(&lake.0));
}

pub(super) fn lake() -> Result<Lake> {
    if let Some(lake) = context::current().lake {
        return Ok(lake);
    }
    let mut open = lock(&OPEN);
    let mut others = open.others.iter().filter_map(Weak::upgrade);
    let (first, second) = (others.next(), others.next());
    drop(others);
    match (first, second, &open.default) {
        (None, _, Some(default)) => Ok(default.clone()),
        (Some(only), None, None) => Ok(Lake(only)),
        (None, _, None) => {
            let settings = config::resolve()?;
            let log = settings.log;
            let lake = LakeBuilder::from_settings(settings).open_unregistered()?;
            console::attach(&lake, log);
            open.default = Some(lake.clone());
            Ok(lake)
        }
        _ => Err(Error::new(
            ErrorKind::Context,
            "several lakes are open and none is current: call `lake.enter()` on this thread, `lake.scope(future)`, or take `datlake::here()` along",
        )),
    }
}
