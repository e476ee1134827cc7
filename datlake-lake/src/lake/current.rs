//! Which lake is meant where none is named.

use std::sync::{Mutex, Weak};

use datlake_core::{Error, ErrorKind, Result};

use super::LakeBuilder;
#[cfg(feature = "console")]
use crate::console;
use crate::handle::{Inner, Lake};
use crate::sync::lock;
use crate::{config, scope};

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

impl Lake {
    /// The current lake: the one entered on this thread or in this future, else the only one that is open, else the default
    /// one of the configuration, which is opened then.
    ///
    /// # Errors
    /// [`ErrorKind::Context`] where several lakes are open and none is current; those of opening the default lake.
    ///
    /// ```
    /// # fn main() -> datlake::Result<()> {
    /// let lake = datlake::Lake::temp()?;
    /// let _current = lake.enter();
    /// assert_eq!(datlake::Lake::current()?, lake);
    /// # Ok(())
    /// # }
    /// ```
    pub fn current() -> Result<Self> {
        if let Some(lake) = scope::lake() {
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
                #[cfg(feature = "console")]
                let show = console::observer(settings.log);
                let lake = LakeBuilder::from_settings(settings).open_unregistered()?;
                #[cfg(feature = "console")]
                show.into_iter().for_each(|show| lake.observe(show));
                open.default = Some(lake.clone());
                Ok(lake)
            }
            _ => Err(Error::new(
                ErrorKind::Context,
                "several lakes are open and none is current: call `lake.enter()` on this thread, `lake.scope(future)`, or take `datlake::here()` along",
            )),
        }
    }
}
