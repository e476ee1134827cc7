//! Which lake is meant where none is named.

use std::sync::Weak;

use datlake_core::{Error, ErrorKind, Result};

use super::builder::LakeBuilder;
use super::opened::open_lakes;
#[cfg(feature = "console")]
use crate::console;
use crate::handle::Lake;
use crate::{config, scope};

impl Lake {
    /// The current lake: the one entered on this thread or in this future, else the only one that is open, else the default
    /// one of the configuration, which is opened then.
    ///
    /// # Errors
    /// [`ErrorKind::Context`] where several lakes are open and none is current, or one task has entered several; those of
    /// opening the default lake.
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// let _current = lake.enter();
    /// assert_eq!(datlake::Lake::current()?, lake);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn current() -> Result<Self> {
        if let Some(lake) = scope::lake()? {
            return Ok(lake);
        }
        let mut open = open_lakes();
        let mut others = open.others.iter().filter_map(Weak::upgrade).map(Lake);
        let first = others.next();
        let is_one = first.as_ref().is_none_or(|first| {
            let is_same = |other: &Self| other == first;
            others.all(|other| is_same(&other)) && open.default.as_ref().is_none_or(is_same)
        });
        drop(others);
        match (&open.default, first) {
            (Some(default), _) if is_one => Ok(default.clone()),
            (None, Some(only)) if is_one => Ok(only),
            (None, None) => {
                let settings = config::resolve()?;
                #[cfg(feature = "console")]
                let (log, rank) = (settings.log, settings.rank);
                let lake = LakeBuilder::from_settings(settings).open_unregistered()?;
                #[cfg(feature = "console")]
                console::attach(&lake, log, rank);
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
