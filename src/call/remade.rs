//! What comes of a call that is made again: on its way from the body to who compares it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use datlake_core::Error;
use datlake_lake::sync::lock;
use datlake_lake::{MadeAgain, RecordedCall};

/// How a call is made again.
#[derive(Clone, Copy, Debug)]
pub enum Replay {
    /// That of a blocking creator.
    Blocking(for<'r> fn(&'r RecordedCall) -> Remade),
    /// That of an asynchronous one.
    Async(for<'r> fn(&'r RecordedCall) -> Pin<Box<dyn Future<Output = Remade> + 'r>>),
}

/// What came of making a call again.
pub type Remade = Result<MadeAgain, NotMade>;

/// Why a call made nothing.
#[derive(Clone, Debug)]
pub enum NotMade {
    /// Its body failed.
    Failed(String),
    /// It cannot be made again.
    Impossible(String),
}

impl From<Error> for NotMade {
    fn from(error: Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Where what a body makes goes that runs again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remaking(Arc<Mutex<Option<Remade>>>);

impl Remaking {
    pub(super) fn made(&self, made: MadeAgain) {
        *lock(&self.0) = Some(Ok(made));
    }

    pub(super) fn failed(&self, why: String) {
        lock(&self.0).get_or_insert(Err(NotMade::Failed(why)));
    }

    /// What came of the call that returned `returned`.
    pub(super) fn taken<R>(&self, mut returned: R, describe: impl FnOnce(&mut R) -> Option<String>) -> Remade {
        let nothing = || describe(&mut returned).unwrap_or_else(|| "its error has no words".to_owned());
        lock(&self.0).take().unwrap_or_else(|| Err(NotMade::Failed(nothing())))
    }
}
