//! What comes of a call that is made again: on its way from the body to who compares it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use datlake_core::Error;
use datlake_lake::calling::SaidCall;
use datlake_lake::report::CalledCall;
use datlake_lake::sync::lock;
use datlake_lake::{MadeAgain, RecordedCall};

/// Where the arguments of a call are.
#[derive(Clone, Copy, Debug)]
pub enum ArgumentSource<'r> {
    /// In its record: it is made again, to be compared.
    Recorded(&'r RecordedCall),
    /// Where somebody has written them down, who asks for it.
    Said(&'r SaidCall),
}

/// An argument that is to be read.
#[derive(Clone, Copy, Debug)]
pub struct GivenArgument<'r> {
    pub(super) given: ArgumentSource<'r>,
    pub(super) name: &'static str,
    pub(super) is_secret: bool,
}

impl<'r> ArgumentSource<'r> {
    /// That of a parameter.
    pub fn plain(self, name: &'static str) -> GivenArgument<'r> {
        GivenArgument { given: self, name, is_secret: false }
    }

    /// That of a parameter which is `#[secret]`.
    pub fn secret(self, name: &'static str) -> GivenArgument<'r> {
        GivenArgument { given: self, name, is_secret: true }
    }
}

/// How a call is made whose arguments are read.
#[derive(Clone, Copy, Debug)]
pub enum Replay {
    /// That of a blocking creator.
    Blocking(for<'r> fn(ArgumentSource<'r>) -> Remade),
    /// That of an asynchronous one.
    Async(for<'r> fn(ArgumentSource<'r>) -> Pin<Box<dyn Future<Output = Remade> + 'r>>),
}

/// What came of it.
pub type Remade = Result<Replayed, NotMade>;

/// A call that was made.
#[derive(Debug)]
pub enum Replayed {
    /// Of a record: what it made is to be compared.
    Remade(Box<MadeAgain>),
    /// Of somebody who asked for it: it is in the lake.
    Called(Box<CalledCall>),
}

impl Replayed {
    pub(super) fn remade(made: MadeAgain) -> Self {
        Self::Remade(Box::new(made))
    }
}

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
pub(crate) struct Remaking(Arc<Mutex<Option<Result<MadeAgain, NotMade>>>>);

impl Remaking {
    pub(super) fn made(&self, made: MadeAgain) {
        *lock(&self.0) = Some(Ok(made));
    }

    pub(super) fn failed(&self, why: String) {
        lock(&self.0).get_or_insert(Err(NotMade::Failed(why)));
    }

    /// What came of the call that returned `returned`.
    pub(super) fn taken<R>(
        &self,
        mut returned: R,
        describe: impl FnOnce(&mut R) -> Option<String>,
    ) -> Result<MadeAgain, NotMade> {
        let nothing = || describe(&mut returned).unwrap_or_else(|| "its error has no words".to_owned());
        lock(&self.0).take().unwrap_or_else(|| Err(NotMade::Failed(nothing())))
    }
}
